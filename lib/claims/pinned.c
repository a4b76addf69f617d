/* SPDX-License-Identifier: MIT */
/* H6: does a kernel slow down while an unrelated registered page is discarded again and again? */
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "claims/experiments.h"
#include "claims/gpu.h"
#include "claims/sampler.h"

enum {
    WINDOWS = 30,
    WINDOWS_QUICK = 8,
    WINDOWS_LONG = 120,
    WINDOW_US = 10000,
    PAGES = 16,
    PAGE = 4096
};

struct scene {
    unsigned char *pages;
    _Atomic bool disturb, finished;
};

static void run_disturber(void *opaque) {
    struct scene *scene = opaque;
    while (!atomic_load(&scene->finished)) {
        if (atomic_load(&scene->disturb)) {
            madvise(scene->pages, PAGES * PAGE, MADV_DONTNEED);
            scene->pages[0] = 1; /* so that there is something to discard the next time */
        }
        claim_pause_us(500);
    }
}

static double beats_in_window(_Atomic uint64_t *beats) {
    uint64_t before = atomic_load(beats);
    double begin = claim_seconds();
    claim_pause_us(WINDOW_US);
    return (double)(atomic_load(beats) - before) / (claim_seconds() - begin);
}

static void run_windows(struct scene *scene, _Atomic uint64_t *beats, double *out_free_rate,
                        double *out_ratios, size_t count) {
    for (size_t i = 0; i < count; i++) {
        atomic_store(&scene->disturb, false);
        out_free_rate[i] = beats_in_window(beats);
        atomic_store(&scene->disturb, true);
        out_ratios[i] = beats_in_window(beats) / (out_free_rate[i] + 1);
    }
}

void claim_pinned(struct claim *claim) {
    struct claim_gpu gpu;
    struct scene scene = {0};
    const double limit = 0.5;
    double free_rate[WINDOWS_LONG], ratios[WINDOWS_LONG];
    size_t count = claim->setup->quick ? WINDOWS_QUICK : WINDOWS;
    claim_gpu_open(claim, &gpu);
    unsigned char *memory = claim_gpu_host_memory(claim, &gpu, 256);
    _Atomic uint64_t *beats = (_Atomic uint64_t *)memory;
    _Atomic uint32_t *stop = (_Atomic uint32_t *)(memory + 128);
    scene.pages =
        mmap(NULL, PAGES * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    void *address;
    if (scene.pages == MAP_FAILED)
        claim_undecided(claim, "no memory");
    if (!claim->setup->control) /* else these pages are nobody's */
        claim_check(claim, hsp_memory_lock(scene.pages, PAGES * PAGE, NULL, 0, NULL, &address),
                    "registering memory");
    claim_gpu_heartbeat(claim, gpu.queue, beats, stop);
    struct claim_thread disturber = {.run = run_disturber, .data = &scene};
    claim_threads_start(claim, &disturber, 1);
    run_windows(&scene, beats, free_rate, ratios, count);
    if (!claim_decides(ratios, count, HSP_EXPECT_BELOW, limit)) { /* a busy machine */
        count = WINDOWS_LONG;
        run_windows(&scene, beats, free_rate, ratios, count);
    }
    atomic_store(&scene.finished, true);
    atomic_store(stop, 1);
    claim_threads_join(&disturber, 1);
    claim_samples(claim, "beats of the kernel, undisturbed", "1/s", free_rate, count, 0, 0);
    claim_samples(claim, "its speed while pages are discarded / undisturbed", "", ratios, count,
                  HSP_EXPECT_BELOW, limit);
}
