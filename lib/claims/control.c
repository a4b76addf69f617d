/* SPDX-License-Identifier: MIT */
/* H10: do round trips on one queue notice that another is created and destroyed all the time? */
#include <stdatomic.h>

#include "claims/experiments.h"
#include "claims/gpu.h"
#include "claims/sampler.h"

enum { WINDOWS = 30, WINDOWS_QUICK = 8, WINDOWS_LONG = 120, BATCH = 50 };
/* Of a measurement: two of them are well within the claim's limit, however slow a window is. */
static const double BUDGET_SECONDS = 15;

struct scene {
    struct claim *claim;
    struct claim_gpu gpu;
    _Atomic bool attack, finished;
};

/* In the control it only waits as long. */
static void run_attacker(void *opaque) {
    struct scene *scene = opaque;
    while (!atomic_load(&scene->finished)) {
        struct hsp_queue *queue = NULL;
        if (atomic_load(&scene->attack) && !scene->claim->setup->control) {
            claim_check(scene->claim, hsp_queue_create(scene->gpu.agent, NULL, &queue), "queue");
            hsp_queue_destroy(queue);
        }
        claim_pause_us(500);
    }
}

static double round_trip_us(struct scene *scene, struct hsp_launch *launch) {
    double begin = claim_seconds();
    for (int i = 0; i < BATCH; i++) {
        hsa_signal_t done = claim_gpu_start(scene->claim, scene->gpu.queue, launch);
        claim_check(scene->claim,
                    hsp_dispatch_wait(scene->gpu.queue, done, HSP_WAIT_FOREVER, HSP_WAIT_ACTIVE),
                    "round trip");
    }
    return 1e6 * (claim_seconds() - begin) / BATCH;
}

/* At most `count` pairs, and no further one after the deadline; returns how many there are. */
static size_t run_windows(struct scene *scene, struct hsp_launch *launch, double *out_calm,
                          double *out_ratios, size_t count, double deadline) {
    size_t i = 0;
    for (; i < count && (i == 0 || claim_seconds() < deadline); i++) {
        atomic_store(&scene->attack, false);
        out_calm[i] = round_trip_us(scene, launch);
        atomic_store(&scene->attack, true);
        out_ratios[i] = round_trip_us(scene, launch) / out_calm[i];
    }
    return i;
}

void claim_control(struct claim *claim) {
    struct scene scene = {.claim = claim};
    const double limit = 2;
    double calm[WINDOWS_LONG], ratios[WINDOWS_LONG];
    size_t count = claim->setup->quick ? WINDOWS_QUICK : WINDOWS;
    claim_gpu_open(claim, &scene.gpu);
    struct hsp_launch *launch = claim_gpu_kernel(claim, scene.gpu.queue, "empty");
    struct claim_thread attacker = {.run = run_attacker, .data = &scene};
    claim_threads_start(claim, &attacker, 1);
    round_trip_us(&scene, launch);
    double deadline = claim_seconds() + BUDGET_SECONDS;
    count = run_windows(&scene, launch, calm, ratios, count, deadline);
    if (!claim_decides(ratios, count, HSP_EXPECT_ABOVE, limit)) { /* a busy machine */
        deadline = claim_seconds() + BUDGET_SECONDS;
        count = run_windows(&scene, launch, calm, ratios, WINDOWS_LONG, deadline);
    }
    atomic_store(&scene.finished, true);
    claim_threads_join(&attacker, 1);
    claim_samples(claim, "round trip, nothing else going on", "us", calm, count, 0, 0);
    claim_samples(claim, "round trip beside queue control / alone", "", ratios, count,
                  HSP_EXPECT_ABOVE, limit);
}
