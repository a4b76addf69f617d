/* SPDX-License-Identifier: MIT */
/* H12: which is the first stream whose kernel waits for another stream's? */
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "claims/experiments.h"
#include "claims/gpu.h"

enum { STREAMS = 6, REPEATS = 3, WORDS = 16, LOOKS_MAX = 200000 };
/* A kernel that doesn't end by itself is one that hasn't after so many times the looks that the
 * first took, and not before the least. Looks instead of time: on a busy machine, or one that
 * stands still for a while, whoever looks gets no further than the kernel does. */
enum { PATIENCE = 20, LOOKS_MIN = 4000, LOOK_US = 200 };

struct lane {
    void *stream;
    _Atomic uint32_t *flag; /* the kernel ends when it is 1 */
    _Atomic uint32_t *seen; /* and stores 1 here */
};

static void open_lanes(struct claim *claim, struct lane lanes[STREAMS]) {
    const struct hsp_hip_calls *hip = claim_hip(claim);
    void *memory = NULL;
    size_t bytes = sizeof(uint32_t) * WORDS * 2 * STREAMS;
    claim_hip_check(claim, hip->host_malloc(&memory, bytes), "hipHostMalloc");
    memset(memory, 0, bytes);
    for (size_t i = 0; i < STREAMS; i++) {
        lanes[i].flag = (_Atomic uint32_t *)memory + 2 * i * WORDS;
        lanes[i].seen = lanes[i].flag + WORDS;
        claim_hip_check(claim, hip->stream_create(&lanes[i].stream, HSP_HIP_NON_BLOCKING),
                        "hipStreamCreate");
    }
}

/* The looks it took, or `most` where it hasn't ended then. */
static uint32_t looks_until_end(const struct lane *lane, uint32_t most) {
    uint32_t looks = 0;
    for (; looks < most && !atomic_load(lane->seen); looks++)
        claim_pause_us(LOOK_US);
    return looks;
}

static void launch(struct claim *claim, void *kernel, struct lane *lane) {
    uint32_t wanted = 1;
    void *arguments[] = {&lane->flag, &wanted, &lane->seen};
    atomic_store(lane->flag, 0);
    atomic_store(lane->seen, 0);
    claim_hip_check(claim, claim_hip(claim)->launch(kernel, 1, 1, lane->stream, arguments),
                    "hipModuleLaunchKernel");
}

/* A kernel in each of `count` streams, in order; lets only the last one end. */
static bool last_is_independent(struct claim *claim, void *kernel, struct lane *lanes, size_t count,
                                uint32_t *patience) {
    for (size_t i = 0; i < count; i++)
        launch(claim, kernel, &lanes[i]);
    atomic_store(lanes[count - 1].flag, 1);
    uint32_t took = looks_until_end(&lanes[count - 1], *patience);
    bool independent = took < *patience;
    if (independent && PATIENCE * took > *patience)
        *patience = PATIENCE * took;
    for (size_t i = 0; i < count; i++)
        atomic_store(lanes[i].flag, 1);
    for (size_t i = 0; i < count; i++)
        if (looks_until_end(&lanes[i], LOOKS_MAX) == LOOKS_MAX)
            claim_undecided(claim, "a kernel didn't end after it was told to");
    return independent;
}

void claim_streams(struct claim *claim) {
    struct lane lanes[STREAMS];
    uint32_t first[REPEATS];
    uint32_t patience = LOOKS_MIN;
    if (claim->setup->control)
        setenv("GPU_MAX_HW_QUEUES", "8", 1);
    else
        unsetenv("GPU_MAX_HW_QUEUES");
    open_lanes(claim, lanes);
    void *kernel = claim_hip_kernel(claim, "wait_flag");
    size_t repeats = claim->setup->quick ? 1 : REPEATS;
    for (size_t i = 0; i < repeats; i++) {
        first[i] = 1;
        while (first[i] <= STREAMS &&
               last_is_independent(claim, kernel, lanes, first[i], &patience))
            first[i]++;
    }
    claim_counts(claim, "first stream that waits for another (7: none of 6)", first, repeats,
                 HSP_EXPECT_EQUAL, 5);
}
