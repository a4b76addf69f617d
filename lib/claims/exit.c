/* SPDX-License-Identifier: MIT */
/* H8: how long does it take to reap a killed process, and does that depend on its kernel? */
#include <signal.h>
#include <stdatomic.h>
#include <sys/wait.h>
#include <unistd.h>

#include "claims/experiments.h"
#include "claims/gpu.h"

enum { TRIES = 5, TRIES_QUICK = 2, TICKS_PER_SECOND = 100000000 };
static const double short_seconds = 0.05;
static const double long_seconds = 1.0;

struct scene {
    struct claim *claim;
    _Atomic bool running;
    _Atomic bool end; /* the control's: the process is asked instead of killed */
};

/* Launches a kernel of this length, and waits to be killed. */
static void occupy(struct scene *scene, double seconds) {
    struct claim_gpu gpu;
    claim_gpu_open(scene->claim, &gpu);
    struct hsp_launch *spin = claim_gpu_kernel(scene->claim, gpu.queue, "spin");
    struct hsp_arguments *arguments = hsp_launch_arguments(spin);
    uint64_t ticks = (uint64_t)(seconds * TICKS_PER_SECOND);
    claim_check(scene->claim, hsp_arguments_set(arguments, 0, HSP_VALUE_U64, &ticks, sizeof ticks),
                "spin");
    claim_check(
        scene->claim,
        hsp_arguments_set_pointer(arguments, 1, claim_gpu_host_memory(scene->claim, &gpu, 64)),
        "spin");
    hsa_signal_t done = claim_gpu_start(scene->claim, gpu.queue, spin);
    atomic_store(&scene->running, true);
    while (!atomic_load(&scene->end))
        claim_pause_us(200);
    claim_check(scene->claim,
                hsp_dispatch_wait(gpu.queue, done, HSP_WAIT_FOREVER, HSP_WAIT_BLOCKED), "wait");
    _exit(0);
}

/* Seconds from the kill to the reaping. */
static double reap(struct scene *scene, double seconds) {
    atomic_store(&scene->running, false);
    atomic_store(&scene->end, false);
    pid_t pid = claim_fork_off(scene->claim);
    if (pid == 0)
        occupy(scene, seconds);
    while (!atomic_load(&scene->running) && waitpid(pid, NULL, WNOHANG) == 0)
        claim_pause_us(200);
    double begin = claim_seconds();
    if (scene->claim->setup->control)
        atomic_store(&scene->end, true);
    else
        kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
    return claim_seconds() - begin;
}

void claim_exit(struct claim *claim) {
    double brief[TRIES], lengthy[TRIES], growth[TRIES];
    size_t count = claim->setup->quick ? TRIES_QUICK : TRIES;
    struct scene *scene = claim_shared(claim, sizeof *scene);
    scene->claim = claim;
    for (size_t i = 0; i < count; i++) {
        brief[i] = 1e3 * reap(scene, short_seconds);
        lengthy[i] = 1e3 * reap(scene, long_seconds);
        growth[i] = (lengthy[i] - brief[i]) / (1e3 * (long_seconds - short_seconds));
    }
    if (claim->result->sentence[0]) /* a child couldn't */
        _exit(0);
    claim_samples(claim, "reaped after the kill, kernel of 0.05 s", "ms", brief, count, 0, 0);
    claim_samples(claim, "reaped after the kill, kernel of 1 s", "ms", lengthy, count, 0, 0);
    claim_samples(claim, "growth with the kernel's length", "s/s", growth, count, HSP_EXPECT_BELOW,
                  0.5);
}
