/* SPDX-License-Identifier: MIT */
/// Queues that a tool intercepts (hsa_amd_queue_intercept_create and _register of the API table, as
/// profilers use them): all that the program submits passes through the tool, in order, and runs.
/// Needs HSA_TOOLS_LIB, the tool's path.
#include "e2e.h"

#include <dlfcn.h>
#include <pthread.h>

enum { THREADS = 3, COUNT = 150 };

static struct e2e e2e;
static struct e2e_kernel counter;
static hsa_queue_t *queue;
static hsa_signal_t done;

static struct args {
    uint32_t *total, *tickets;
    uint32_t step;
} * args;

static void *produce(void *data) {
    for (int i = 0; i < COUNT; ++i) {
        e2e_dispatch(queue, &counter, 1, 1, (struct args *)data + i, done);
    }
    return NULL;
}

static unsigned count_of(void *tool, const char *name) {
    const unsigned *count = dlsym(tool, name);
    CHECK(count, "%s", name);
    return __atomic_load_n(count, __ATOMIC_ACQUIRE);
}

int main(void) {
    pthread_t threads[THREADS];
    e2e_open(&e2e);
    void *tool = dlopen(getenv("HSA_TOOLS_LIB"), RTLD_NOW | RTLD_NOLOAD);
    CHECK(tool, "the runtime has not loaded the tool");
    e2e_kernel(&e2e, "counter", &counter);
    // Large enough for all at once: ROCr 5.2.3 asserts when the tool's packets find no room while
    // more of the program's are at hand.
    queue = e2e_queue(&e2e, 1024);
    uint32_t *memory = e2e_alloc(&e2e, e2e.host, 65536);
    args = e2e_alloc(&e2e, e2e.kernarg, THREADS * COUNT * sizeof *args);
    done = e2e_signal(THREADS * COUNT);
    for (int i = 0; i < THREADS * COUNT; ++i) {
        args[i] = (struct args){memory, memory + 1 + i, 1};
    }
    for (int i = 0; i < THREADS; ++i) {
        CHECK(pthread_create(&threads[i], NULL, produce, args + i * COUNT) == 0);
    }
    for (int i = 0; i < THREADS; ++i) {
        pthread_join(threads[i], NULL);
    }
    e2e_wait(done);
    CHECK(*memory == THREADS * COUNT, "%u", *memory);
    for (int i = 1; i < THREADS * COUNT; ++i) {
        CHECK(i % COUNT == 0 || memory[1 + i] > memory[i], "a thread's launches out of order");
    }
    const hsa_signal_t last = e2e_signal(1);
    const hsa_barrier_and_packet_t barrier = {.header = HSA_PACKET_TYPE_BARRIER_AND,
                                              .completion_signal = last};
    e2e_submit(queue, &barrier);
    e2e_wait(last);
    CHECK(count_of(tool, "intercept_queues") == 1);
    CHECK(count_of(tool, "intercept_dispatches") == THREADS * COUNT);
    CHECK(count_of(tool, "intercept_others") == 1);
    HSA(hsa_signal_destroy(last));
    HSA(hsa_signal_destroy(done));
    HSA(hsa_queue_destroy(queue));
    dlclose(tool);
    e2e_close();
    return 0;
}
