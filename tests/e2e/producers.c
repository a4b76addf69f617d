/* SPDX-License-Identifier: MIT */
/// Four threads write into one small queue that wraps hundreds of times, ringing in any order: each
/// dispatch runs exactly once.
#include "e2e.h"

#include <pthread.h>

enum { THREADS = 4, EACH = 3000, QUEUE = 64 };

struct args {
    uint32_t *total, *tickets;
    uint32_t step;
};

struct producer {
    pthread_t thread;
    hsa_queue_t *queue;
    const struct e2e_kernel *kernel;
    const struct args *args;
    hsa_signal_t done;
};

static void *produce(void *data) {
    const struct producer *producer = data;
    for (int i = 0; i < EACH; ++i) {
        e2e_dispatch(producer->queue, producer->kernel, 1, 1, producer->args, producer->done);
    }
    return NULL;
}

int main(void) {
    struct e2e e2e;
    struct e2e_kernel kernel;
    struct producer producers[THREADS];
    e2e_open(&e2e);
    hsa_queue_t *queue = e2e_queue(&e2e, QUEUE);
    e2e_kernel(&e2e, "counter", &kernel);
    uint32_t *words = e2e_alloc(&e2e, e2e.host, 4096);
    struct args *args = e2e_alloc(&e2e, e2e.kernarg, THREADS * sizeof *args);
    const hsa_signal_t done = e2e_signal(THREADS * EACH);
    for (int i = 0; i < THREADS; ++i) {
        args[i] = (struct args){words, words + 1 + i, 1};
        producers[i] = (struct producer){0, queue, &kernel, args + i, done};
        CHECK(pthread_create(&producers[i].thread, NULL, produce, producers + i) == 0, "thread");
    }
    for (int i = 0; i < THREADS; ++i) {
        pthread_join(producers[i].thread, NULL);
    }
    e2e_wait(done);
    CHECK(*words == THREADS * EACH, "%u dispatches ran, %d were asked for", *words, THREADS * EACH);
    CHECK(hsa_queue_load_read_index_scacquire(queue) == THREADS * EACH, "read index %lu",
          hsa_queue_load_read_index_relaxed(queue));
    HSA(hsa_queue_destroy(queue));
    e2e_close();
    return 0;
}
