/* SPDX-License-Identifier: MIT */
/* H14: does a Unix signal end a wait for the GPU? */
#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <unistd.h>

#include "claims/experiments.h"
#include "claims/gpu.h"
#include "claims/sampler.h"

enum { SIGNALS = 50, SIGNALS_QUICK = 10 };

struct wait {
    hsa_signal_t signal;
    int pipe[2]; /* the control's */
};

static _Atomic uint32_t handler_count;
static _Atomic uint32_t return_count; /* of the wait */
static _Atomic bool done;

static void handler(int number) {
    (void)number;
    atomic_fetch_add(&handler_count, 1);
}

static void wait_gpu(void *opaque) {
    const struct wait *wait = opaque;
    for (; !atomic_load(&done); atomic_fetch_add(&return_count, 1))
        hsp_signal_wait(wait->signal, HSP_CONDITION_EQ, 0, HSP_WAIT_FOREVER, HSP_WAIT_BLOCKED,
                        NULL);
}

static void wait_pipe(void *opaque) {
    const struct wait *wait = opaque;
    char byte;
    for (; !atomic_load(&done); atomic_fetch_add(&return_count, 1))
        if (read(wait->pipe[0], &byte, 1) != 1 && errno != EINTR)
            _exit(1);
}

static void until_asleep(const struct claim_thread *thread) {
    while (claim_thread_state(thread->tid) != 'S')
        claim_pause_us(500);
}

/* Sends a signal, and looks when its handler has run and the thread sleeps again. */
static bool outlives_signal(struct claim_thread *thread, uint32_t number) {
    until_asleep(thread);
    uint32_t before = atomic_load(&return_count);
    pthread_kill(thread->thread, SIGUSR1);
    while (atomic_load(&handler_count) < number)
        claim_pause_us(100);
    until_asleep(thread);
    return atomic_load(&return_count) == before;
}

void claim_signals(struct claim *claim) {
    struct claim_gpu gpu;
    struct wait wait;
    struct sigaction action = {.sa_handler = handler}; /* no SA_RESTART: waits of the OS end */
    uint32_t wanted = claim->setup->quick ? SIGNALS_QUICK : SIGNALS;
    uint32_t survived = 0;
    claim_gpu_open(claim, &gpu);
    claim_check(claim, hsp_signal_create(1, NULL, &wait.signal), "signal");
    if (pipe(wait.pipe) || sigaction(SIGUSR1, &action, NULL))
        claim_undecided(claim, "no pipe or handler");
    struct claim_thread thread = {.run = claim->setup->control ? wait_pipe : wait_gpu,
                                  .data = &wait};
    claim_threads_start(claim, &thread, 1);
    for (uint32_t i = 0; i < wanted; i++)
        survived += outlives_signal(&thread, i + 1);
    atomic_store(&done, true);
    hsp_signal_store_release(wait.signal, 0);
    if (write(wait.pipe[1], "", 1) != 1)
        claim_undecided(claim, "the pipe is full");
    claim_threads_join(&thread, 1);
    claim_share(claim, "waits that outlived a signal", survived, wanted, HSP_EXPECT_ABOVE, 0.5);
    uint32_t handlers = atomic_load(&handler_count);
    claim_counts(claim, "handlers that ran meanwhile", &handlers, 1, HSP_EXPECT_NOTHING, 0);
}
