/* SPDX-License-Identifier: MIT */
/* H17: what does strace do to an allocation, and what to a dispatch? */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "claims/experiments.h"
#include "claims/gpu.h"

enum { SAMPLES = 24, SAMPLES_QUICK = 8, BATCH = 50, ATTACH_MS = 10000 };
/* Of a batch: on a busy machine each dispatch may wait for the processor. */
static const double BATCH_SECONDS = 1;

struct scene {
    struct claim_gpu gpu;
    struct hsp_launch *launch;
    bool control;
};

/* Above the sub-allocator's blocks, so that each one enters the driver. */
static void allocate_once(struct claim *claim, const struct scene *scene) {
    void *memory = NULL;
    claim_check(claim, hsp_memory_alloc(scene->gpu.vram, 4 << 20, NULL, 0, &memory), "VRAM");
    claim_check(claim, hsp_memory_free(memory), "free");
}

/* Not hsp_launch_run, which compares clocks by system calls. */
static void dispatch_once(struct claim *claim, const struct scene *scene) {
    hsa_signal_t done = claim_gpu_start(claim, scene->gpu.queue, scene->launch);
    claim_check(claim, hsp_dispatch_wait(scene->gpu.queue, done, HSP_WAIT_FOREVER, HSP_WAIT_ACTIVE),
                "dispatch");
}

/* The fastest of a batch that its time may cut short, in us: strace slows each, other programs on
 * the processor only some. No system call comes in between: a thread that strace had stopped may
 * wake beside the device's. */
static double time_batch(struct claim *claim, const struct scene *scene,
                         void (*once)(struct claim *, const struct scene *)) {
    double fastest = 0;
    const double deadline = claim_seconds() + BATCH_SECONDS;
    for (int i = 0; i < BATCH && (i == 0 || claim_seconds() < deadline); i++) {
        double begin = claim_seconds();
        once(claim, scene);
        double us = 1e6 * (claim_seconds() - begin);
        if (i == 0 || us < fastest)
            fastest = us;
    }
    return fastest;
}

static double time_allocation(struct claim *claim, const struct scene *scene) {
    return time_batch(claim, scene, allocate_once);
}

/* In the control the "dispatch" is made of system calls like the allocation. */
static double time_dispatch(struct claim *claim, const struct scene *scene) {
    return time_batch(claim, scene, scene->control ? allocate_once : dispatch_once);
}

static int traced(void) {
    char text[4096];
    int fd = open("/proc/self/status", O_RDONLY | O_CLOEXEC);
    ssize_t length = fd < 0 ? 0 : read(fd, text, sizeof text - 1);
    if (fd >= 0)
        close(fd);
    text[length > 0 ? length : 0] = 0;
    const char *field = strstr(text, "TracerPid:");
    return field ? atoi(field + strlen("TracerPid:")) : 0;
}

/* strace attaches to this thread only: the software GPU's threads stand for hardware, which isn't
 * traced either. Returns strace's process, 0 when it can't. */
static pid_t attach(struct claim *claim) {
    char target[16];
    snprintf(target, sizeof target, "%d", getpid());
    prctl(PR_SET_PTRACER, PR_SET_PTRACER_ANY);
    fflush(NULL);
    pid_t pid = claim_fork_off(claim);
    if (pid == 0) {
        unsetenv("LD_PRELOAD"); /* strace needs no GPU */
        execlp("strace", "strace", "-q", "-o", "/dev/null", "-p", target, (char *)NULL);
        _exit(127);
    }
    int status;
    for (int i = 0; i < ATTACH_MS && !traced(); i++) {
        if (waitpid(pid, &status, WNOHANG) == pid)
            return 0;
        claim_pause_us(1000);
    }
    return traced() ? pid : 0;
}

static void detach(pid_t pid) {
    kill(pid, SIGINT);
    waitpid(pid, NULL, 0);
}

static void measure(struct claim *claim, const struct scene *scene, double *out_allocation,
                    double *out_dispatch) {
    allocate_once(claim, scene); /* the first of each warms caches up */
    dispatch_once(claim, scene);
    *out_allocation = time_allocation(claim, scene);
    *out_dispatch = time_dispatch(claim, scene);
}

void claim_observer(struct claim *claim) {
    struct scene scene = {.control = claim->setup->control};
    double free_allocation[SAMPLES], free_dispatch[SAMPLES], allocation[SAMPLES], dispatch[SAMPLES];
    size_t count = claim->setup->quick ? SAMPLES_QUICK : SAMPLES;
    setenv("HSAPROBE_SOFT_DOORBELL", "spin", 1); /* the others make system calls of their own */
    claim_gpu_open(claim, &scene.gpu);
    scene.launch = claim_gpu_kernel(claim, scene.gpu.queue, "empty");
    for (size_t i = 0; i < count; i++) { /* in turns: how busy the machine is changes */
        measure(claim, &scene, &free_allocation[i], &free_dispatch[i]);
        pid_t tracer = attach(claim);
        if (!tracer)
            claim_undecided(claim, "strace isn't installed, or tracing isn't allowed here");
        measure(claim, &scene, &allocation[i], &dispatch[i]);
        detach(tracer);
    }
    claim_samples(claim, "allocate and free 4 MiB", "us", free_allocation, count, 0, 0);
    claim_samples(claim, "the same under strace", "us", allocation, count, 0, 0);
    claim_samples(claim, "dispatch, round trip", "us", free_dispatch, count, 0, 0);
    claim_samples(claim, "the same under strace", "us", dispatch, count, 0, 0);
    double ratios[SAMPLES];
    for (size_t i = 0; i < count; i++)
        ratios[i] = allocation[i] / free_allocation[i] / (dispatch[i] / free_dispatch[i]);
    claim_samples(claim, "slow-down of allocation / of dispatch", "", ratios, count,
                  HSP_EXPECT_ABOVE, 2);
}
