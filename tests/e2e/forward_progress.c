/* SPDX-License-Identifier: MIT */
/// A kernel that waits for somebody else doesn't keep that somebody from running: the host, a copy
/// engine, a kernel of another queue. Also more waiting queues than the machine has processors.
#include "e2e.h"

#include <unistd.h>

enum { WAITERS = 6 };

struct args {
    uint32_t *flag;
    uint32_t value;
    uint32_t *seen;
};

int main(void) {
    struct e2e e2e;
    struct e2e_kernel wait, set;
    hsa_queue_t *queues[WAITERS + 1];
    hsa_signal_t done[WAITERS + 1];
    e2e_open(&e2e);
    e2e_kernel(&e2e, "wait_flag", &wait);
    e2e_kernel(&e2e, "set_flag", &set);
    uint32_t *words = e2e_alloc(&e2e, e2e.host, 4096);
    uint32_t *source = e2e_alloc(&e2e, e2e.host, 4096);
    struct args *args = e2e_alloc(&e2e, e2e.kernarg, 4096);
    for (int i = 0; i <= WAITERS; ++i) {
        queues[i] = e2e_queue(&e2e, 64);
        done[i] = e2e_signal(1);
    }

    // By the host.
    args[0] = (struct args){words, 7, words + 1};
    e2e_dispatch(queues[0], &wait, 1, 1, args, done[0]);
    usleep(20000);
    CHECK(hsa_signal_load_scacquire(done[0]) == 1 && words[1] == 0, "ended without the value");
    __atomic_store_n(words, 7, __ATOMIC_RELEASE);
    e2e_wait(done[0]);
    CHECK(words[1] == 7, "seen %u", words[1]);

    // By a copy.
    *source = 8;
    args[0].value = 8;
    hsa_signal_store_relaxed(done[0], 1);
    e2e_dispatch(queues[0], &wait, 1, 1, args, done[0]);
    usleep(2000);
    HSA(hsa_amd_memory_async_copy(words, e2e.cpu, source, e2e.gpu, 4, 0, NULL, done[1]));
    e2e_wait(done[1]);
    e2e_wait(done[0]);

    // All waiters first, then one kernel that releases them.
    for (int i = 0; i <= WAITERS; ++i) {
        args[i] = (struct args){words, 9, words + 1 + i};
        hsa_signal_store_relaxed(done[i], 1);
        e2e_dispatch(queues[i], i < WAITERS ? &wait : &set, 1, 1, args + i, done[i]);
    }
    for (int i = 0; i <= WAITERS; ++i) {
        e2e_wait(done[i]);
    }
    for (int i = 0; i < WAITERS; ++i) {
        CHECK(words[1 + i] == 9, "waiter %d saw %u", i, words[1 + i]);
    }
    e2e_close();
    return 0;
}
