/* SPDX-License-Identifier: MIT */
/// Queues of every size, type and kind of producer: all packets run, once and in order, however
/// often the ring wraps; full rings, queues that the host processes, and inactive ones.
#include "e2e.h"

#include <pthread.h>
#include <string.h>

static struct e2e e2e;
static struct e2e_kernel counter;

struct args {
    uint32_t *total, *tickets;
    uint32_t step;
};

/// `count` launches of one work-item each, which must see 0, 1, 2, ...
static void run_in_order(hsa_queue_t *queue, uint32_t count) {
    uint32_t *total = e2e_alloc(&e2e, e2e.host, 4096);
    uint32_t *tickets = e2e_alloc(&e2e, e2e.host, count * sizeof *tickets);
    struct args *args = e2e_alloc(&e2e, e2e.kernarg, count * sizeof *args);
    const hsa_signal_t done = e2e_signal(count);
    for (uint32_t i = 0; i < count; ++i) {
        args[i] = (struct args){total, tickets + i, 1};
        e2e_dispatch(queue, &counter, 1, 1, args + i, done);
    }
    e2e_wait(done);
    for (uint32_t i = 0; i < count; ++i) {
        CHECK(tickets[i] == i, "launch %u saw %u", i, tickets[i]);
    }
    HSA(hsa_signal_destroy(done));
    HSA(hsa_amd_memory_pool_free(args));
    HSA(hsa_amd_memory_pool_free(tickets));
    HSA(hsa_amd_memory_pool_free(total));
}

static void every_size(void) {
    enum { MAX_TRIED = 16384 };
    uint32_t least, most;
    HSA(hsa_agent_get_info(e2e.gpu, HSA_AGENT_INFO_QUEUE_MIN_SIZE, &least));
    HSA(hsa_agent_get_info(e2e.gpu, HSA_AGENT_INFO_QUEUE_MAX_SIZE, &most));
    for (uint32_t size = least; size <= most; size *= 2) {
        hsa_queue_t *queue = e2e_queue(&e2e, size);
        CHECK(queue->size == size, "asked for %u, got %u", size, queue->size);
        // Small rings wrap several times; of the large ones, the packets at their end are reached
        // by moving both indices there first.
        run_in_order(queue, size <= 256 ? size * 3 + 1 : 64);
        HSA(hsa_queue_destroy(queue));
    }
    hsa_queue_t *queue = NULL;
    CHECK(hsa_queue_create(e2e.gpu, most * 2, HSA_QUEUE_TYPE_MULTI, NULL, NULL, 0, 0, &queue) !=
          HSA_STATUS_SUCCESS);
    CHECK(hsa_queue_create(e2e.gpu, least + 1, HSA_QUEUE_TYPE_MULTI, NULL, NULL, 0, 0, &queue) !=
          HSA_STATUS_SUCCESS);
    CHECK(hsa_queue_create(e2e.gpu, 0, HSA_QUEUE_TYPE_MULTI, NULL, NULL, 0, 0, &queue) !=
          HSA_STATUS_SUCCESS);
}

static void every_type(void) {
    static const hsa_queue_type32_t types[] = {HSA_QUEUE_TYPE_MULTI, HSA_QUEUE_TYPE_SINGLE,
                                               HSA_QUEUE_TYPE_COOPERATIVE};
    for (int i = 0; i < 3; ++i) {
        hsa_queue_t *queue = NULL;
        HSA(hsa_queue_create(e2e.gpu, 64, types[i], NULL, NULL, UINT32_MAX, UINT32_MAX, &queue));
        // The runtime may give a multi-producer queue to who asks for one producer.
        CHECK(queue->type == types[i] || types[i] == HSA_QUEUE_TYPE_SINGLE, "type %u", queue->type);
        CHECK(queue->features == HSA_QUEUE_FEATURE_KERNEL_DISPATCH, "features %u", queue->features);
        run_in_order(queue, 200);
        HSA(hsa_queue_destroy(queue));
    }
}

/// A ring that is full before its first packet can run: nothing is lost, and the producer that
/// waits for room gets it.
static void full_ring(void) {
    hsa_queue_t *queue = e2e_queue(&e2e, 64);
    const hsa_signal_t gate = e2e_signal(1), done = e2e_signal(63 + 64);
    uint32_t *memory = e2e_alloc(&e2e, e2e.host, 4096);
    struct args *args = e2e_alloc(&e2e, e2e.kernarg, 4096);
    *args = (struct args){memory, memory + 1, 1};
    const hsa_barrier_and_packet_t barrier = {
        .header = HSA_PACKET_TYPE_BARRIER_AND | 1 << HSA_PACKET_HEADER_BARRIER,
        .dep_signal = {gate},
    };
    e2e_submit(queue, &barrier);
    for (int i = 0; i < 63; ++i) {
        e2e_dispatch(queue, &counter, 1, 1, args, done);
    }
    CHECK(hsa_queue_load_write_index_relaxed(queue) == 64);
    CHECK(hsa_queue_load_read_index_scacquire(queue) == 0);
    CHECK(hsa_signal_load_scacquire(done) == 63 + 64);
    hsa_signal_store_screlease(gate, 0);
    for (int i = 0; i < 64; ++i) {
        e2e_dispatch(queue, &counter, 1, 1, args, done); // waits for room
    }
    e2e_wait(done);
    CHECK(*memory == 63 + 64, "%u", *memory);
    HSA(hsa_signal_destroy(gate));
    HSA(hsa_signal_destroy(done));
    HSA(hsa_queue_destroy(queue));
}

struct producer {
    hsa_queue_t *queue;
    struct args *args;
    hsa_signal_t done;
    uint32_t count;
};

static void *produce(void *data) {
    const struct producer *producer = data;
    for (uint32_t i = 0; i < producer->count; ++i) {
        e2e_dispatch(producer->queue, &counter, 1, 1, producer->args + i, producer->done);
    }
    return NULL;
}

static void many_producers(void) {
    enum { THREADS = 6, COUNT = 400, ALL = THREADS * COUNT };
    hsa_queue_t *queue = e2e_queue(&e2e, 64); // wraps 37 times
    uint32_t *total = e2e_alloc(&e2e, e2e.host, 4096);
    uint32_t *tickets = e2e_alloc(&e2e, e2e.host, ALL * sizeof *tickets);
    struct args *args = e2e_alloc(&e2e, e2e.kernarg, ALL * sizeof *args);
    struct producer producers[THREADS];
    pthread_t threads[THREADS];
    static unsigned char seen[ALL];
    const hsa_signal_t done = e2e_signal(ALL);
    for (uint32_t i = 0; i < ALL; ++i) {
        args[i] = (struct args){total, tickets + i, 1};
    }
    for (int i = 0; i < THREADS; ++i) {
        producers[i] = (struct producer){queue, args + i * COUNT, done, COUNT};
        CHECK(pthread_create(&threads[i], NULL, produce, &producers[i]) == 0);
    }
    for (int i = 0; i < THREADS; ++i) {
        pthread_join(threads[i], NULL);
    }
    e2e_wait(done);
    for (uint32_t i = 0; i < ALL; ++i) {
        CHECK(tickets[i] < ALL && !seen[tickets[i]], "ticket %u of %u", tickets[i], i);
        CHECK(i % COUNT == 0 || tickets[i] > tickets[i - 1], "a thread's launches out of order");
        seen[tickets[i]] = 1;
    }
    HSA(hsa_signal_destroy(done));
    HSA(hsa_queue_destroy(queue));
}

/// A queue whose packets the host processes: agent dispatches from another thread.
static void *serve(void *data) {
    hsa_queue_t *queue = data;
    for (uint64_t index = 0; index < 200; ++index) {
        while (hsa_signal_wait_scacquire(queue->doorbell_signal, HSA_SIGNAL_CONDITION_GTE,
                                         (hsa_signal_value_t)index, UINT64_MAX,
                                         HSA_WAIT_STATE_BLOCKED) < (hsa_signal_value_t)index) {
        }
        hsa_agent_dispatch_packet_t *packet =
            (hsa_agent_dispatch_packet_t *)queue->base_address + index % queue->size;
        while ((__atomic_load_n(&packet->header, __ATOMIC_ACQUIRE) & 0xff) !=
               HSA_PACKET_TYPE_AGENT_DISPATCH) {
        }
        *(uint64_t *)packet->return_address = packet->arg[0] * packet->arg[1];
        const hsa_signal_t done = packet->completion_signal;
        __atomic_store_n(&packet->header, (uint16_t)HSA_PACKET_TYPE_INVALID, __ATOMIC_RELEASE);
        hsa_queue_store_read_index_screlease(queue, index + 1);
        hsa_signal_subtract_screlease(done, 1);
    }
    return NULL;
}

static hsa_status_t take_fine_region(hsa_region_t region, void *data) {
    uint32_t flags = 0;
    HSA(hsa_region_get_info(region, HSA_REGION_INFO_GLOBAL_FLAGS, &flags));
    if (flags & HSA_REGION_GLOBAL_FLAG_FINE_GRAINED) {
        *(hsa_region_t *)data = region;
    }
    return HSA_STATUS_SUCCESS;
}

static void soft_queue(void) {
    enum { COUNT = 200 };
    hsa_region_t region = {0};
    hsa_queue_t *queue = NULL;
    pthread_t thread;
    static uint64_t results[COUNT];
    const hsa_signal_t doorbell = e2e_signal(-1), done = e2e_signal(COUNT);
    HSA(hsa_agent_iterate_regions(e2e.cpu, take_fine_region, &region));
    CHECK(hsa_soft_queue_create(region, 48, HSA_QUEUE_TYPE_MULTI, HSA_QUEUE_FEATURE_AGENT_DISPATCH,
                                doorbell, &queue) != HSA_STATUS_SUCCESS,
          "a size that is no power of two");
    HSA(hsa_soft_queue_create(region, 64, HSA_QUEUE_TYPE_MULTI, HSA_QUEUE_FEATURE_AGENT_DISPATCH,
                              doorbell, &queue));
    CHECK(pthread_create(&thread, NULL, serve, queue) == 0);
    for (uint64_t i = 0; i < COUNT; ++i) {
        const hsa_agent_dispatch_packet_t packet = {.header = HSA_PACKET_TYPE_AGENT_DISPATCH,
                                                    .type = 1,
                                                    .return_address = results + i,
                                                    .arg = {i, i + 1},
                                                    .completion_signal = done};
        e2e_submit(queue, &packet);
    }
    pthread_join(thread, NULL);
    e2e_wait(done);
    for (uint64_t i = 0; i < COUNT; ++i) {
        CHECK(results[i] == i * (i + 1), "result %lu", (unsigned long)i);
    }
    HSA(hsa_signal_destroy(doorbell));
    HSA(hsa_signal_destroy(done));
    HSA(hsa_queue_destroy(queue));
}

/// After hsa_queue_inactivate nothing more runs, and destruction still works.
static void inactive_queue(void) {
    hsa_queue_t *queue = e2e_queue(&e2e, 64), *other = e2e_queue(&e2e, 64);
    const hsa_signal_t done = e2e_signal(1), never = e2e_signal(1);
    uint32_t *memory = e2e_alloc(&e2e, e2e.host, 4096);
    struct args *args = e2e_alloc(&e2e, e2e.kernarg, 4096);
    *args = (struct args){memory, memory + 1, 1};
    e2e_dispatch(queue, &counter, 1, 1, args, done);
    e2e_wait(done);
    HSA(hsa_queue_inactivate(queue));
    e2e_dispatch(queue, &counter, 1, 1, args, never);
    run_in_order(other, 50); // time for the wrong to happen
    CHECK(hsa_signal_load_scacquire(never) == 1 && *memory == 1, "an inactive queue ran a packet");
    HSA(hsa_signal_destroy(done));
    HSA(hsa_signal_destroy(never));
    HSA(hsa_queue_destroy(queue));
    HSA(hsa_queue_destroy(other));
}

/// Each index function of the API moves the index as it says.
static void index_functions(void) {
    hsa_queue_t *queue = e2e_queue(&e2e, 64);
    CHECK(hsa_queue_add_write_index_relaxed(queue, 0) == 0);
    CHECK(hsa_queue_cas_write_index_scacq_screl(queue, 1, 5) == 0, "a failing exchange");
    CHECK(hsa_queue_load_write_index_scacquire(queue) == 0);
    CHECK(hsa_queue_cas_write_index_relaxed(queue, 0, 0) == 0);
    hsa_queue_store_write_index_relaxed(queue, 0);
    CHECK(hsa_queue_load_read_index_relaxed(queue) == 0);
    run_in_order(queue, 100);
    CHECK(hsa_queue_load_write_index_relaxed(queue) == 100);
    CHECK(hsa_queue_load_read_index_scacquire(queue) == 100);
    HSA(hsa_queue_destroy(queue));
}

int main(void) {
    e2e_open(&e2e);
    e2e_kernel(&e2e, "counter", &counter);
    every_size();
    every_type();
    full_ring();
    many_producers();
    soft_queue();
    inactive_queue();
    index_functions();
    e2e_close();
    return 0;
}
