/* SPDX-License-Identifier: MIT */
/// hsa_queue_destroy with work in flight, then the memory of ring and kernels reused at once: the
/// device must not touch a queue after that call has returned.
#include "e2e.h"

#include <string.h>

enum { ROUNDS = 40 };

struct spin_args {
    uint64_t ticks;
    uint64_t *stamps;
};

int main(void) {
    struct e2e e2e;
    struct e2e_kernel spin, counter;
    e2e_open(&e2e);
    e2e_kernel(&e2e, "spin", &spin);
    e2e_kernel(&e2e, "counter", &counter);
    uint64_t *stamps = e2e_alloc(&e2e, e2e.host, 4096);
    struct spin_args *args = e2e_alloc(&e2e, e2e.kernarg, 4096);
    const hsa_signal_t none = {0};
    for (int round = 0; round < ROUNDS; ++round) {
        hsa_queue_t *queue = e2e_queue(&e2e, 128);
        *args = (struct spin_args){(uint64_t)round * 20000, stamps}; // 0 to 8 ms
        for (int i = 0; i < 100; ++i) {
            e2e_dispatch(queue, &spin, 64, 64, args, none);
        }
        const double begin = e2e_seconds();
        HSA(hsa_queue_destroy(queue));
        CHECK(e2e_seconds() - begin < 3, "destroying took %.1f s", e2e_seconds() - begin);
        // What the kernels would write to now belongs to somebody else.
        memset(stamps, 0, 4096);
        hsa_queue_t *next = e2e_queue(&e2e, 128);
        for (int i = 0; i < 512; ++i) {
            CHECK(stamps[i] == 0, "the destroyed queue of round %d still writes", round);
        }
        if (round % 10 == 0) {
            e2e_vector_add(&e2e, next, 1000);
        }
        HSA(hsa_queue_destroy(next));
    }
    e2e_close();
    return 0;
}
