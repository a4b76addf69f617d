/* SPDX-License-Identifier: MIT */
/* H1: are kernels executed that a process queued before it was stopped? The first of them holds the
 * queue up until somebody else, in shared memory, lets it go. */
#include <signal.h>
#include <stdatomic.h>
#include <sys/wait.h>
#include <unistd.h>

#include "claims/experiments.h"
#include "claims/gpu.h"

enum { KERNELS = 200, PATIENCE_MS = 1000, PAGE = 4096 };

/* One page that parent, child and GPU see; the GPU's part begins at `total`. */
struct board {
    struct claim *claim;
    _Atomic bool queued;
    _Alignas(256) _Atomic uint32_t total; /* kernels executed */
    _Alignas(64) _Atomic uint32_t flag;   /* lets them go */
    _Alignas(64) uint32_t seen;
    _Alignas(64) uint32_t ticket;
};

static void bind(struct claim *claim, struct hsp_launch *launch, uint32_t position,
                 const void *address) {
    claim_check(claim, hsp_arguments_set_pointer(hsp_launch_arguments(launch), position, address),
                "argument");
}

static void queue_kernels(struct board *board) {
    struct claim *claim = board->claim;
    const struct hsp_geometry one = {
        .dimension_count = 1, .grid = {1, 1, 1}, .workgroup = {1, 1, 1}};
    struct claim_gpu gpu;
    void *seen_by_gpu;
    uint32_t step = 1;
    claim_gpu_open(claim, &gpu);
    claim_check(claim, hsp_memory_lock(board, PAGE, &gpu.agent, 1, NULL, &seen_by_gpu), "register");
    struct board *shared = seen_by_gpu;
    struct hsp_launch *gate = claim_gpu_kernel(claim, gpu.queue, "wait_flag");
    struct hsp_launch *counter = claim_gpu_kernel(claim, gpu.queue, "counter");
    bind(claim, gate, 0, (const void *)&shared->flag);
    claim_check(claim,
                hsp_arguments_set(hsp_launch_arguments(gate), 1, HSP_VALUE_U32, &step, sizeof step),
                "argument");
    bind(claim, gate, 2, &shared->seen);
    bind(claim, counter, 0, (const void *)&shared->total);
    bind(claim, counter, 1, &shared->ticket);
    claim_check(
        claim,
        hsp_arguments_set(hsp_launch_arguments(counter), 2, HSP_VALUE_U32, &step, sizeof step),
        "argument");
    claim_gpu_start(claim, gpu.queue, gate);
    struct hsp_dispatch dispatches[KERNELS];
    uint64_t index;
    claim_check(claim, hsp_launch_prepare(counter, &one, &dispatches[0]), "launch");
    dispatches[0].completion.handle = 0;
    dispatches[0].barrier = true; /* in order, behind the gate */
    for (size_t i = 1; i < KERNELS; i++)
        dispatches[i] = dispatches[0];
    claim_check(claim, hsp_dispatch_submit(gpu.queue, HSP_SUBMIT_RING, dispatches, KERNELS, &index),
                "launch");
}

/* The child: queues the kernels, or in the control is itself who executes them. */
static void child(struct board *board) {
    bool control = board->claim->setup->control;
    if (!control)
        queue_kernels(board);
    atomic_store(&board->queued, true);
    while (control && !atomic_load(&board->flag))
        claim_pause_us(100);
    for (uint32_t i = 0; control && i < KERNELS; i++)
        atomic_fetch_add(&board->total, 1);
    for (;;)
        pause();
}

void claim_doorbell(struct claim *claim) {
    struct board *board = claim_shared(claim, PAGE);
    board->claim = claim;
    pid_t pid = claim_fork_off(claim);
    if (pid == 0)
        child(board);
    while (!atomic_load(&board->queued) && waitpid(pid, NULL, WNOHANG) == 0)
        claim_pause_us(200);
    if (claim->result->sentence[0]) /* the child has said why it couldn't */
        _exit(0);
    kill(pid, SIGSTOP);
    waitpid(pid, NULL, WUNTRACED);
    uint32_t before = atomic_load(&board->total);
    atomic_store(&board->flag, 1);
    for (int ms = 0; ms < PATIENCE_MS && atomic_load(&board->total) < KERNELS; ms++)
        claim_pause_us(1000);
    uint32_t executed = atomic_load(&board->total) - before;
    kill(pid, SIGCONT);
    while (atomic_load(&board->total) < KERNELS && waitpid(pid, NULL, WNOHANG) == 0)
        claim_pause_us(200);
    uint32_t total = atomic_load(&board->total);
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
    claim_counts(claim, "queued kernels executed while the process was stopped", &executed, 1,
                 HSP_EXPECT_ABOVE, KERNELS / 2 + 0.5);
    claim_counts(claim, "executed in all", &total, 1, HSP_EXPECT_NOTHING, 0);
}
