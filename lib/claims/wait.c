/* SPDX-License-Identifier: MIT */
/* H3: is a thread that waits for the GPU asleep? */
#include <stdatomic.h>
#include <unistd.h>

#include "claims/experiments.h"
#include "claims/gpu.h"
#include "claims/sampler.h"

/* A way to wait. It ends when *flag is 1, the signal is 0, or the pipe can be read. */
struct wait_way {
    const char *name;
    void (*prepare)(struct claim *claim, struct wait_way *way);
    void (*wait)(void *way);
    void (*release)(void *way);
    enum hsp_expectation expectation;
    double limit;
    hsa_signal_t signal;
    void *stream;
    const struct hsp_hip_calls *hip;
    _Atomic uint32_t *flag;
    uint32_t *seen;
    int pipe[2];
};

static void prepare_signal(struct claim *claim, struct wait_way *way) {
    struct claim_gpu gpu;
    claim_gpu_open(claim, &gpu);
    claim_check(claim, hsp_signal_create(1, NULL, &way->signal), "signal");
}

static void wait_active(void *opaque) {
    const struct wait_way *way = opaque;
    hsp_signal_wait(way->signal, HSP_CONDITION_EQ, 0, HSP_WAIT_FOREVER, HSP_WAIT_ACTIVE, NULL);
}

static void wait_blocked(void *opaque) {
    const struct wait_way *way = opaque;
    hsp_signal_wait(way->signal, HSP_CONDITION_EQ, 0, HSP_WAIT_FOREVER, HSP_WAIT_BLOCKED, NULL);
}

static void release_signal(void *opaque) {
    const struct wait_way *way = opaque;
    hsp_signal_store_release(way->signal, 0);
}

static void start_hip(struct claim *claim, struct wait_way *way, unsigned device_flags) {
    const struct hsp_hip_calls *hip = way->hip = claim_hip(claim);
    void *memory = NULL;
    claim_hip_check(claim, hip->set_device_flags(device_flags), "hipSetDeviceFlags");
    claim_hip_check(claim, hip->host_malloc(&memory, 64), "hipHostMalloc");
    way->flag = memory;
    way->seen = (uint32_t *)memory + 8;
    *way->flag = 0;
    claim_hip_check(claim, hip->stream_create(&way->stream, HSP_HIP_NON_BLOCKING), "stream");
    uint32_t wanted = 1;
    void *arguments[] = {&way->flag, &wanted, &way->seen};
    void *kernel = claim_hip_kernel(claim, "wait_flag");
    claim_hip_check(claim, hip->launch(kernel, 1, 1, way->stream, arguments), "launch");
}

static void prepare_hip(struct claim *claim, struct wait_way *way) {
    start_hip(claim, way, 0);
}

static void prepare_hip_blocking(struct claim *claim, struct wait_way *way) {
    start_hip(claim, way, HSP_HIP_BLOCKING_SYNC);
}

static void wait_stream(void *opaque) {
    const struct wait_way *way = opaque;
    way->hip->stream_synchronize(way->stream);
}

static void release_flag(void *opaque) {
    const struct wait_way *way = opaque;
    atomic_store(way->flag, 1);
}

static void prepare_pipe(struct claim *claim, struct wait_way *way) {
    if (pipe(way->pipe))
        claim_undecided(claim, "no pipe");
}

static void wait_pipe(void *opaque) {
    const struct wait_way *way = opaque;
    char byte;
    if (read(way->pipe[0], &byte, 1) != 1)
        _exit(1);
}

static void release_pipe(void *opaque) {
    const struct wait_way *way = opaque;
    if (write(way->pipe[1], "", 1) != 1)
        _exit(1);
}

/* Each in a process of its own: HIP's way to wait is one per process. */
static void measure(struct claim *claim, void *opaque) {
    struct wait_way *way = opaque;
    struct claim_thread thread = {.run = way->wait, .data = way};
    way->prepare(claim, way);
    claim_threads_watch_wait(claim, &thread, 1, way->release, way);
    claim_share(claim, way->name, thread.runnable_count, thread.sample_count, way->expectation,
                way->limit);
}

void claim_wait(struct claim *claim) {
    enum { FIRST_HIP = 2, WAY_COUNT = 4, LIMIT_SECONDS = 60 };
    struct wait_way ways[WAY_COUNT] = {
        {"runnable while waiting: HSA, ACTIVE", prepare_signal, wait_active, release_signal,
         HSP_EXPECT_ABOVE, 0.5, .hip = NULL},
        {"runnable while waiting: HSA, BLOCKED", prepare_signal, wait_blocked, release_signal,
         HSP_EXPECT_BELOW, 0.5, .hip = NULL},
        {"runnable while waiting: HIP, default", prepare_hip, wait_stream, release_flag,
         HSP_EXPECT_ABOVE, 0.5, .hip = NULL},
        {"runnable while waiting: HIP, BlockingSync", prepare_hip_blocking, wait_stream,
         release_flag, HSP_EXPECT_BELOW, 0.5, .hip = NULL},
    };
    struct wait_way os_wait = {"runnable while waiting: read of a pipe",
                               prepare_pipe,
                               wait_pipe,
                               release_pipe,
                               HSP_EXPECT_ABOVE,
                               0.5,
                               .hip = NULL};
    if (claim->setup->control) {
        claim_part(claim, os_wait.name, measure, &os_wait, LIMIT_SECONDS);
        return;
    }
    size_t count = claim->setup->hip_library ? WAY_COUNT : FIRST_HIP;
    for (size_t i = 0; i < count; i++)
        claim_part(claim, ways[i].name, measure, &ways[i], LIMIT_SECONDS);
}
