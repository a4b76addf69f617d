/* SPDX-License-Identifier: MIT */
/// A thread with a stack of 16 KiB rings an idle device: what runs in its place (a trapped
/// doorbell) must get by with what such a thread has left.
#include "e2e.h"

#include <pthread.h>
#include <unistd.h>

static hsa_queue_t *queue;
static hsa_kernel_dispatch_packet_t packet;
static hsa_signal_t done;

static void *ring(void *unused) {
    (void)unused;
    for (int i = 0; i < 20; ++i) {
        usleep(20000);
        hsa_signal_store_relaxed(done, 1);
        e2e_submit(queue, &packet);
        while (hsa_signal_load_scacquire(done) != 0) {
        }
    }
    return NULL;
}

int main(void) {
    struct e2e e2e;
    struct e2e_kernel kernel;
    pthread_attr_t attributes;
    pthread_t thread;
    e2e_open(&e2e);
    queue = e2e_queue(&e2e, 64);
    done = e2e_signal(1);
    e2e_kernel(&e2e, "scratch", &kernel);
    struct {
        uint32_t *out;
        uint32_t count, seed;
    } *args = e2e_alloc(&e2e, e2e.kernarg, 4096);
    args->out = e2e_alloc(&e2e, e2e.host, 4096);
    args->count = 64;
    args->seed = 5;
    packet = e2e_packet(&kernel, 64, 64, args, done);
    pthread_attr_init(&attributes);
    CHECK(pthread_attr_setstacksize(&attributes, 16 << 10) == 0, "stack size");
    CHECK(pthread_create(&thread, &attributes, ring, NULL) == 0, "pthread_create");
    CHECK(pthread_join(thread, NULL) == 0, "pthread_join");
    CHECK(args->out[63] != 0, "nothing was computed");
    HSA(hsa_queue_destroy(queue)); // ROCr insists, when it has scratch
    e2e_close();
    return 0;
}
