/* SPDX-License-Identifier: MIT */
/* H18: one thread is stopped at a random moment of its allocations; can another one allocate? */
#include <dlfcn.h>
#include <execinfo.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <ucontext.h>
#include <unistd.h>

#include "claims/experiments.h"
#include "claims/gpu.h"
#include "claims/sampler.h"
#include "measure/stats.h"

enum { TRIES = 100, TRIES_QUICK = 20, STOPS_MAX = 4000, FRAMES = 32, BYTES = 4 << 20 };

struct scene {
    struct claim_gpu gpu;
    bool control;
};

/* What the two threads and the judge tell each other. */
static _Atomic bool stop_here, stopped, in_emulator, finished;
static _Atomic uint32_t goal, reached; /* of the other thread, in allocations */

static const void *emulator; /* where its library begins; NULL on hardware */

/* Within the software GPU a thread is where on hardware it would be in the kernel, and no handler
 * would run. Frames above the interrupted one are the handler's. */
static bool within_emulator(const ucontext_t *context) {
    void *frames[FRAMES];
    void *interrupted = (void *)context->uc_mcontext.gregs[REG_RIP];
    int count = emulator ? backtrace(frames, FRAMES) : 0;
    int first = 0;
    while (first < count && frames[first] != interrupted)
        first++;
    for (int i = first; i < count; i++) {
        Dl_info info;
        if (dladdr(frames[i], &info) && info.dli_fbase == emulator)
            return true;
    }
    return first == count && emulator; /* can't tell */
}

static void stop_handler(int number, siginfo_t *info, void *context) {
    (void)number;
    (void)info;
    atomic_store(&in_emulator, within_emulator(context));
    atomic_store(&stopped, true);
    while (atomic_load(&stop_here))
        claim_pause_us(200);
    atomic_store(&stopped, false);
}

/* The control's allocation is the kernel's alone: no lock of a library is held around it. */
static void allocate(const struct scene *scene) {
    void *memory = NULL;
    if (scene->control) {
        memory = mmap(NULL, BYTES, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        munmap(memory, BYTES);
    } else if (hsp_memory_alloc(scene->gpu.vram, BYTES, NULL, 0, &memory) ||
               hsp_memory_free(memory)) {
        _exit(EXIT_FAILURE);
    }
}

static void run_victim(void *opaque) {
    while (!atomic_load(&finished))
        allocate(opaque);
}

static void run_other(void *opaque) {
    while (!atomic_load(&finished)) {
        while (atomic_load(&reached) >= atomic_load(&goal) && !atomic_load(&finished))
            sched_yield();
        allocate(opaque);
        atomic_fetch_add(&reached, 1);
    }
}

enum outcome { OTHER_WENT_ON, OTHER_STOPPED, NOT_COUNTED };

static enum outcome stop_once(struct claim_thread *victim, struct claim_thread *other,
                              struct hsp_random *random) {
    claim_pause_us((unsigned)hsp_random_below(random, 1000));
    atomic_store(&stop_here, true);
    pthread_kill(victim->thread, SIGUSR1);
    while (!atomic_load(&stopped))
        claim_pause_us(50);
    enum outcome outcome = NOT_COUNTED;
    if (!atomic_load(&in_emulator)) {
        uint32_t wanted = atomic_load(&reached) + 1;
        atomic_store(&goal, wanted);
        outcome = claim_thread_is_stuck(other, &reached, wanted) ? OTHER_STOPPED : OTHER_WENT_ON;
    }
    atomic_store(&stop_here, false);
    while (atomic_load(&stopped) || atomic_load(&reached) < atomic_load(&goal))
        claim_pause_us(50);
    return outcome;
}

static void find_emulator(struct claim *claim) {
    Dl_info info;
    void *frame;
    backtrace(&frame, 1); /* loads what it needs now, not in the handler */
    if (claim->setup->software_address && dladdr(claim->setup->software_address, &info))
        emulator = info.dli_fbase;
}

void claim_locks(struct claim *claim) {
    struct scene scene = {.control = claim->setup->control};
    struct hsp_random random = {.state = 1};
    struct sigaction action = {.sa_sigaction = stop_handler, .sa_flags = SA_RESTART | SA_SIGINFO};
    find_emulator(claim);
    claim_gpu_open(claim, &scene.gpu);
    if (sigaction(SIGUSR1, &action, NULL))
        claim_undecided(claim, "no handler");
    struct claim_thread threads[] = {{.run = run_victim, .data = &scene},
                                     {.run = run_other, .data = &scene}};
    claim_threads_start(claim, threads, 2);
    uint32_t tries = claim->setup->quick ? TRIES_QUICK : TRIES;
    uint32_t outcomes[3] = {0};
    for (uint32_t i = 0; i < STOPS_MAX && outcomes[OTHER_WENT_ON] + outcomes[OTHER_STOPPED] < tries;
         i++)
        outcomes[stop_once(&threads[0], &threads[1], &random)]++;
    atomic_store(&finished, true);
    claim_threads_join(threads, 2);
    claim_share(claim, "stops of an allocating thread that stopped another",
                outcomes[OTHER_STOPPED], outcomes[OTHER_STOPPED] + outcomes[OTHER_WENT_ON],
                HSP_EXPECT_ABOVE, 0.2);
    claim_counts(claim, "stops within the software GPU, not counted", &outcomes[NOT_COUNTED], 1,
                 HSP_EXPECT_NOTHING, 0);
}
