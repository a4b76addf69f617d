/* SPDX-License-Identifier: MIT */
/* H4: how many of several BLOCKED waiters of one signal sleep? */
#include "claims/experiments.h"
#include "claims/gpu.h"
#include "claims/sampler.h"

enum { WAITERS = 4, REPEATS = 5, REPEATS_QUICK = 2 };

struct herd {
    hsa_signal_t signals[WAITERS]; /* all the same one, but in the control */
};

static void wait_for(void *opaque) {
    const hsa_signal_t *signal = opaque;
    hsp_signal_wait(*signal, HSP_CONDITION_EQ, 0, HSP_WAIT_FOREVER, HSP_WAIT_BLOCKED, NULL);
}

static void release(void *opaque) {
    const struct herd *herd = opaque;
    for (size_t i = 0; i < WAITERS; i++)
        hsp_signal_store_release(herd->signals[i], 0);
}

static uint32_t count_sleepers(struct claim *claim) {
    struct herd herd;
    struct claim_thread threads[WAITERS] = {0};
    for (size_t i = 0; i < WAITERS; i++) {
        if (i > 0 && !claim->setup->control)
            herd.signals[i] = herd.signals[0];
        else
            claim_check(claim, hsp_signal_create(1, NULL, &herd.signals[i]), "signal");
        threads[i].run = wait_for;
        threads[i].data = &herd.signals[i];
    }
    claim_threads_watch_wait(claim, threads, WAITERS, release, &herd);
    uint32_t sleepers = 0;
    for (size_t i = 0; i < WAITERS; i++)
        sleepers += 2 * threads[i].runnable_count < threads[i].sample_count;
    return sleepers;
}

void claim_herd(struct claim *claim) {
    struct claim_gpu gpu;
    uint32_t sleepers[REPEATS];
    size_t repeats = claim->setup->quick ? REPEATS_QUICK : REPEATS;
    claim_gpu_open(claim, &gpu);
    for (size_t i = 0; i < repeats; i++)
        sleepers[i] = count_sleepers(claim);
    claim_counts(claim, "sleepers of four BLOCKED waiters", sleepers, repeats, HSP_EXPECT_EQUAL, 1);
}
