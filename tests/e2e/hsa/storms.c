/* SPDX-License-Identifier: MIT */
/// Queues, signals, memory and executables made and destroyed by many threads while kernels, copies
/// and chains of barriers run, and the runtime itself started and shut down again and again with
/// work in between.
#include "e2e.h"

#include <pthread.h>
#include <string.h>
#include <unistd.h>

static struct e2e e2e;

struct args {
    uint32_t *total, *tickets;
    uint32_t step;
};

/// One launch on a queue of its own; `counter` as loaded by whoever calls.
static void launch_and_look(const struct e2e_kernel *counter, hsa_queue_t *queue, uint32_t items) {
    uint32_t *memory = e2e_alloc(&e2e, e2e.host, (items + 1) * sizeof *memory);
    struct args *args = e2e_alloc(&e2e, e2e.kernarg, sizeof *args);
    const hsa_signal_t done = e2e_signal(1);
    *args = (struct args){memory, memory + 1, 1};
    e2e_dispatch(queue, counter, items, 64, args, done);
    e2e_wait(done);
    CHECK(*memory == items, "%u of %u", *memory, items);
    HSA(hsa_signal_destroy(done));
    HSA(hsa_amd_memory_pool_free(args));
    HSA(hsa_amd_memory_pool_free(memory));
}

struct storm {
    const struct e2e_kernel *counter;
    int rounds;
    uint32_t seed;
};

static void *queues(void *data) {
    const struct storm *storm = data;
    for (int i = 0; i < storm->rounds; ++i) {
        hsa_queue_t *queue = e2e_queue(&e2e, 64u << i % 4);
        launch_and_look(storm->counter, queue, 128);
        HSA(hsa_queue_destroy(queue));
    }
    return NULL;
}

/// Destroyed while its packets wait or run.
static void *abandoned_queues(void *data) {
    const struct storm *storm = data;
    struct e2e_kernel wait_flag;
    e2e_kernel(&e2e, "wait_flag", &wait_flag);
    uint32_t *memory = e2e_alloc(&e2e, e2e.host, 4096);
    struct {
        uint32_t *flag;
        uint32_t wanted;
        uint32_t *seen;
    } *args = e2e_alloc(&e2e, e2e.kernarg, 4096);
    args->flag = memory;
    args->wanted = 1;
    args->seen = memory + 1;
    for (int i = 0; i < storm->rounds; ++i) {
        hsa_queue_t *queue = e2e_queue(&e2e, 64);
        for (int n = 0; n < i % 5 + 1; ++n) {
            e2e_dispatch(queue, &wait_flag, 1, 1, args, (hsa_signal_t){0});
        }
        HSA(hsa_queue_destroy(queue));
    }
    CHECK(memory[1] == 0);
    HSA(hsa_executable_destroy(wait_flag.executable));
    HSA(hsa_amd_memory_pool_free(memory));
    HSA(hsa_amd_memory_pool_free(args));
    return NULL;
}

static void *signals(void *data) {
    const struct storm *storm = data;
    for (int i = 0; i < storm->rounds * 20; ++i) {
        hsa_signal_t some[8];
        for (int n = 0; n < 8; ++n) {
            some[n] = e2e_signal(n);
        }
        for (int n = 0; n < 8; ++n) {
            CHECK(hsa_signal_load_relaxed(some[n]) == n);
            HSA(hsa_signal_destroy(some[n]));
        }
    }
    return NULL;
}

static void *memories(void *data) {
    const struct storm *storm = data;
    uint32_t random = storm->seed;
    for (int i = 0; i < storm->rounds * 4; ++i) {
        random = random * 1664525u + 1013904223u;
        const size_t bytes = 4096 + (random >> 10) % (4 << 20);
        uint32_t *host = e2e_alloc(&e2e, e2e.host, bytes);
        uint32_t *device = e2e_alloc(&e2e, e2e.device, bytes);
        host[0] = random;
        host[bytes / 4 - 1] = ~random;
        HSA(hsa_memory_copy(device, host, bytes));
        host[0] = host[bytes / 4 - 1] = 0;
        HSA(hsa_memory_copy(host, device, bytes));
        CHECK(host[0] == random && host[bytes / 4 - 1] == ~random, "a copy of %zu bytes", bytes);
        HSA(hsa_amd_memory_pool_free(host));
        HSA(hsa_amd_memory_pool_free(device));
    }
    return NULL;
}

/// Copies there and back on engines that wait for each other and for this thread.
static void *dependent_copies(void *data) {
    const struct storm *storm = data;
    enum { WORDS = 50000, BYTES = WORDS * sizeof(uint32_t) };
    uint32_t *from = e2e_alloc(&e2e, e2e.host, BYTES);
    uint32_t *to = e2e_alloc(&e2e, e2e.host, BYTES);
    for (int i = 0; i < storm->rounds * 2; ++i) {
        uint32_t *device = e2e_alloc(&e2e, e2e.device, BYTES);
        const hsa_signal_t start = e2e_signal(1), there = e2e_signal(1), back = e2e_signal(1);
        HSA(hsa_amd_memory_async_copy(device, e2e.gpu, from, e2e.cpu, BYTES, 1, &start, there));
        HSA(hsa_amd_memory_async_copy(to, e2e.cpu, device, e2e.gpu, BYTES, 1, &there, back));
        for (uint32_t n = 0; n < WORDS; ++n) {
            from[n] = storm->seed + (uint32_t)i + n;
        }
        hsa_signal_store_screlease(start, 0);
        e2e_wait(back);
        CHECK(memcmp(from, to, BYTES) == 0, "round %d", i);
        HSA(hsa_signal_destroy(start));
        HSA(hsa_signal_destroy(there));
        HSA(hsa_signal_destroy(back));
        HSA(hsa_amd_memory_pool_free(device));
    }
    HSA(hsa_amd_memory_pool_free(from));
    HSA(hsa_amd_memory_pool_free(to));
    return NULL;
}

static bool count_down(hsa_signal_value_t value, void *left) {
    (void)value;
    hsa_signal_subtract_screlease(*(hsa_signal_t *)left, 1);
    return false;
}

/// A chain of barriers from queue to queue, each of whose links calls a handler as well.
static void *chains(void *data) {
    const struct storm *storm = data;
    enum { LINKS = 30, QUEUES = 2 };
    for (int i = 0; i < storm->rounds; ++i) {
        hsa_queue_t *chained[QUEUES] = {e2e_queue(&e2e, 64), e2e_queue(&e2e, 64)};
        hsa_signal_t links[LINKS + 1], left = e2e_signal(LINKS);
        for (int n = 0; n <= LINKS; ++n) {
            links[n] = e2e_signal(1);
        }
        for (int n = 0; n < LINKS; ++n) {
            hsa_barrier_and_packet_t packet = {.header = HSA_PACKET_TYPE_BARRIER_AND
                                                         << HSA_PACKET_HEADER_TYPE,
                                               .completion_signal = links[n + 1]};
            packet.dep_signal[n % 5] = links[n];
            HSA(hsa_amd_signal_async_handler(links[n + 1], HSA_SIGNAL_CONDITION_EQ, 0, count_down,
                                             &left));
            e2e_submit(chained[n % QUEUES], &packet);
        }
        for (int n = 1; n <= LINKS; ++n) {
            CHECK(hsa_signal_load_relaxed(links[n]) == 1, "link %d didn't wait", n);
        }
        hsa_signal_store_screlease(links[0], 0);
        e2e_wait(left);
        for (int n = 0; n < QUEUES; ++n) {
            HSA(hsa_queue_destroy(chained[n]));
        }
        for (int n = 0; n <= LINKS; ++n) {
            HSA(hsa_signal_destroy(links[n]));
        }
        HSA(hsa_signal_destroy(left));
    }
    return NULL;
}

static void *executables(void *data) {
    const struct storm *storm = data;
    hsa_queue_t *queue = e2e_queue(&e2e, 64);
    for (int i = 0; i < storm->rounds; ++i) {
        struct e2e_kernel kernel; // its code takes the place of other code
        e2e_kernel(&e2e, "counter", &kernel);
        launch_and_look(&kernel, queue, 64);
        HSA(hsa_executable_destroy(kernel.executable));
    }
    HSA(hsa_queue_destroy(queue));
    return NULL;
}

static void all_at_once(int rounds) {
    static void *(*const kinds[])(void *) = {
        queues,   queues,      abandoned_queues, signals,          signals, memories,
        memories, executables, executables,      dependent_copies, chains,  chains};
    enum { THREADS = sizeof kinds / sizeof kinds[0] };
    pthread_t threads[THREADS];
    struct storm storms[THREADS];
    struct e2e_kernel counter;
    e2e_kernel(&e2e, "counter", &counter);
    for (uint32_t i = 0; i < THREADS; ++i) {
        storms[i] = (struct storm){&counter, rounds, i};
        CHECK(pthread_create(&threads[i], NULL, kinds[i], &storms[i]) == 0);
    }
    for (int i = 0; i < THREADS; ++i) {
        pthread_join(threads[i], NULL);
    }
    HSA(hsa_executable_destroy(counter.executable));
}

static int open_files(void) {
    char name[64];
    int count = 0;
    for (int i = 0; i < 256; ++i) {
        snprintf(name, sizeof name, "/proc/self/fd/%d", i);
        char target[64];
        count += readlink(name, target, sizeof target) >= 0;
    }
    return count;
}

/// The runtime from nothing to nothing, with work in between; references are counted.
static void again_and_again(void) {
    enum { ROUNDS = 50 };
    int files = 0;
    for (int round = 0; round < ROUNDS; ++round) {
        e2e_open(&e2e);
        HSA(hsa_init());
        HSA(hsa_shut_down()); // the second reference: all still works
        hsa_queue_t *queue = e2e_queue(&e2e, 64);
        if (round % 10 == 0) {
            e2e_vector_add(&e2e, queue, 500);
        } else {
            uint32_t *memory = e2e_alloc(&e2e, e2e.device, 4096);
            HSA(hsa_amd_memory_fill(memory, 5, 16));
            HSA(hsa_amd_memory_pool_free(memory));
        }
        HSA(hsa_queue_destroy(queue));
        e2e_close();
        CHECK(hsa_shut_down() == HSA_STATUS_ERROR_NOT_INITIALIZED, "one reference too many");
        hsa_signal_t signal;
        CHECK(hsa_signal_create(1, 0, NULL, &signal) == HSA_STATUS_ERROR_NOT_INITIALIZED);
        if (round == 4) {
            files = open_files();
        }
    }
    CHECK(open_files() <= files, "%d open files, %d before", open_files(), files);
}

int main(void) {
    e2e_open(&e2e);
    all_at_once(12);
    e2e_close();
    again_and_again();
    e2e_open(&e2e);
    all_at_once(3);
    e2e_close();
    return 0;
}
