/* SPDX-License-Identifier: MIT */
/* Who runs a queue: its thread, a ringing thread inside a signal handler, or nobody. */
#include "softgpu/common/thread.h"
#include "softgpu/cp/engine.h"
#include "softgpu/cp/futex.h"
#include "softgpu/mem/guard.h"

#include <limits.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

enum {
    STACK_BYTES = 512 << 10,
    TICKS_PER_US = 100, /* of cp_clock_ticks */
    /* A hand-over costs a futex wake, about 30 us on a virtual machine; an inline run may cost the
     * ringing thread as much before it gives up. A wave instruction takes 10 to 60 ns. */
    INLINE_BUDGET = 800,
    INLINE_TICKS = 30 * TICKS_PER_US,
    /* While a thread watches the doorbell page it runs short slices, so that other queues of the
     * page are not noticed late; after one slice it stops watching and runs long ones. */
    WATCH_BUDGET = 2000,
    SLICE_BUDGET = 50000,
    SPIN_TICKS = 60 * TICKS_PER_US,
    SCAN_TICKS = 20 * TICKS_PER_US,
    /* A kernel that outlasts a slice gives way for so many times as long as the slice took, while
     * one of higher priority runs: it gets the less, but never nothing, for that one may wait for
     * it. A slice takes some ms, longer where others use the processor. */
    GIVE_WAY_SLICES = 8,
    GIVE_WAY_MIN_TICKS = 10 * 1000 * TICKS_PER_US,
    GIVE_WAY_MAX_TICKS = 400 * 1000 * TICKS_PER_US,
    NAP_NS = 20 * 1000,
    WAIT_MIN_NS = 50 * 1000,
    WAIT_MAX_NS = 1000 * 1000,
};

static void relax(void) {
    __builtin_ia32_pause();
}

/* --- Ownership --- */

static bool try_own(struct sg_cp_queue *queue, enum cp_owner owner) {
    uint32_t expected = CP_OWNER_NONE;
    if (!atomic_compare_exchange_strong(&queue->owner, &expected, owner))
        return false;
    /* Suspend and destroy set their bit first and then wait for the owner: whoever becomes owner
     * afterwards sees the bit here. */
    if (owner != CP_OWNER_DRIVER && atomic_load(&queue->control) != 0) {
        atomic_store(&queue->owner, CP_OWNER_NONE);
        return false;
    }
    return true;
}

static void disown(struct sg_cp_queue *queue) {
    atomic_store(&queue->owner, CP_OWNER_NONE);
}

static void own_for_driver(struct sg_cp_queue *queue) {
    while (!try_own(queue, CP_OWNER_DRIVER))
        sched_yield();
}

bool sg_cp_queue_has_work(const struct sg_cp_queue *queue) {
    if (atomic_load(&queue->control) != 0)
        return false;
    if (atomic_load_explicit(&queue->has_fault, memory_order_acquire))
        return true;
    return !atomic_load_explicit(&queue->is_stopped, memory_order_relaxed) &&
           queue->engine->has_work(queue);
}

bool sg_cp_queue_is_asleep(const struct sg_cp_queue *queue) {
    return atomic_load(&queue->state) == CP_STATE_ASLEEP;
}

static enum cp_step step_guarded(struct sg_cp_queue *queue, struct cp_run *run) {
    struct sg_guard guard;
    if (SG_GUARD_BEGIN(&guard, queue->cp->config.vm, &queue->tlb) == 0) {
        const enum cp_step result = queue->engine->step(queue, run);
        sg_guard_end(&guard);
        return result;
    }
    return cp_packet_fault(queue, SG_FAULT_MEMORY_UNMAPPED, guard.fault_va, guard.fault_is_write);
}

static void note_waiting(struct sg_cp_queue *queue, bool is_waiting) {
    if (atomic_load_explicit(&queue->is_waiting, memory_order_relaxed) == is_waiting)
        return;
    atomic_store(&queue->is_waiting, is_waiting);
    atomic_fetch_add(&queue->cp->waiting_count, is_waiting ? 1 : UINT32_MAX);
}

/// One look at the ring by its owner.
static enum cp_step step(struct sg_cp_queue *queue, struct cp_run *run) {
    if (atomic_load(&queue->has_fault)) {
        if (run->is_inline)
            return CP_STEP_HAND_OVER;
        atomic_store(&queue->has_fault, false);
        return cp_queue_fault(queue, &queue->fault);
    }
    if (atomic_load(&queue->is_stopped))
        return CP_STEP_STOP;
    const enum cp_step result =
        queue->engine->is_guarded ? step_guarded(queue, run) : queue->engine->step(queue, run);
    note_waiting(queue, result == CP_STEP_WAIT);
    atomic_fetch_add(&queue->steps, 1);
    return result;
}

/* --- The queue's thread --- */

/// Wakes the queues that give way.
static void relieve(struct sg_cp *cp) {
    atomic_fetch_add(&cp->relief, 1);
    cp_futex_wake(&cp->relief, INT_MAX);
}

static void contend_no_more(struct sg_cp_queue *queue) {
    if (!queue->is_contending)
        return;
    queue->is_contending = false;
    atomic_fetch_sub(&queue->cp->contenders[queue->contending_priority], 1);
    relieve(queue->cp);
}

static void watch_enter(struct sg_cp_queue *queue) {
    const struct sg_cp_watch *watch = &queue->cp->config.watch;
    if (queue->is_watching)
        return;
    queue->is_watching = true;
    atomic_store(&queue->state, CP_STATE_POLLING);
    if (watch->enter)
        watch->enter(watch->context);
}

/// Returns false when the thread must go on polling.
static bool watch_leave(struct sg_cp_queue *queue, bool is_busy) {
    const struct sg_cp_watch *watch = &queue->cp->config.watch;
    if (!queue->is_watching)
        return true;
    /* Before the page closes: a doorbell that traps from then on must find a thread that is not
     * expected to poll. */
    atomic_store(&queue->state, is_busy ? CP_STATE_BUSY : CP_STATE_WAITING);
    if (watch->leave && !watch->leave(watch->context, is_busy)) {
        atomic_store(&queue->state, CP_STATE_POLLING);
        return false;
    }
    queue->is_watching = false;
    return true;
}

static void watch_scan(struct sg_cp_queue *queue, uint64_t now) {
    const struct sg_cp_watch *watch = &queue->cp->config.watch;
    queue->scan_ticks = now;
    if (watch->scan)
        watch->scan(watch->context);
}

/* --- Priorities --- */

/// Counts the queue among those whose kernels compete for the units.
static void contend(struct sg_cp_queue *queue) {
    if (queue->is_contending && queue->contending_priority == queue->config.priority)
        return;
    contend_no_more(queue);
    queue->is_contending = true;
    queue->contending_priority = queue->config.priority;
    atomic_fetch_add(&queue->cp->contenders[queue->contending_priority], 1);
}

static bool must_give_way(const struct sg_cp_queue *queue) {
    for (uint32_t priority = queue->contending_priority + 1; priority < CP_PRIORITIES; priority++)
        if (atomic_load_explicit(&queue->cp->contenders[priority], memory_order_relaxed) != 0)
            return true;
    return false;
}

/// Waits for those of higher priority, for a while. `slice_ticks`: how long the last slice took.
static void give_way(struct sg_cp_queue *queue, uint64_t slice_ticks) {
    enum { NS_PER_TICK = 1000 / TICKS_PER_US };
    struct sg_cp *cp = queue->cp;
    const uint32_t relief = atomic_load(&cp->relief);
    uint64_t ticks = slice_ticks * GIVE_WAY_SLICES;
    ticks = ticks > GIVE_WAY_MIN_TICKS ? ticks : GIVE_WAY_MIN_TICKS;
    ticks = ticks < GIVE_WAY_MAX_TICKS ? ticks : GIVE_WAY_MAX_TICKS;
    if (must_give_way(queue) && atomic_load(&queue->control) == 0)
        cp_futex_wait(&cp->relief, relief, ticks * NS_PER_TICK);
}

/// Works packets off until there is nothing that can be done now. The thread owns the queue.
/// CP_STEP_AGAIN: a kernel goes on, and others may come first.
static enum cp_step work(struct sg_cp_queue *queue) {
    struct cp_run run = {.budget = WATCH_BUDGET};
    enum cp_step result;
    bool has_progress = false;
    for (;;) {
        result = step(queue, &run);
        if (result != CP_STEP_DONE && result != CP_STEP_AGAIN)
            break;
        has_progress = true;
        if (atomic_load_explicit(&queue->control, memory_order_relaxed) != 0)
            break;
        if (result == CP_STEP_AGAIN) {
            watch_leave(queue, true);
            run.budget = SLICE_BUDGET;
            if (!queue->is_running)
                continue;
            contend(queue);
            if (must_give_way(queue))
                return CP_STEP_AGAIN;
            continue;
        }
        run.budget = WATCH_BUDGET;
        watch_enter(queue);
        const uint64_t now = cp_clock_ticks();
        if (now - queue->scan_ticks > SCAN_TICKS)
            watch_scan(queue, now);
    }
    watch_enter(queue);
    return has_progress && result == CP_STEP_EMPTY ? CP_STEP_DONE : result;
}

static enum cp_step own_and_work(struct sg_cp_queue *queue) {
    if (!sg_cp_queue_has_work(queue) || !try_own(queue, CP_OWNER_THREAD)) {
        contend_no_more(queue);
        return CP_STEP_EMPTY;
    }
    const uint64_t begin = cp_clock_ticks();
    const enum cp_step result = work(queue);
    const bool is_running = queue->is_running;
    disown(queue);
    if (result == CP_STEP_AGAIN && is_running)
        give_way(queue, cp_clock_ticks() - begin);
    else
        contend_no_more(queue);
    return result;
}

static uint64_t read_index(const struct sg_cp_queue *queue) {
    return __atomic_load_n(queue->read_index, __ATOMIC_RELAXED);
}

/// Does the short work of other queues whose packets have waited, perhaps for what this thread's
/// queue has just done: their own threads may get a processor late. Returns false if they wait on.
static bool run_waiting(const struct sg_cp_queue *self) {
    struct sg_cp *cp = self->cp;
    bool has_progress = false;
    uint32_t left = atomic_load_explicit(&cp->waiting_count, memory_order_relaxed);
    if (left <= atomic_load_explicit(&self->is_waiting, memory_order_relaxed))
        return false;
    atomic_fetch_add(&cp->readers, 1);
    for (size_t i = 0; left != 0 && i < SG_CP_MAX_QUEUES; i++) {
        struct sg_cp_queue *queue = atomic_load(&cp->queues[i]);
        if (!queue || !atomic_load(&queue->is_waiting))
            continue;
        left--;
        if (queue == self)
            continue;
        const uint64_t before = read_index(queue);
        sg_cp_queue_run_inline(queue);
        has_progress |= read_index(queue) != before;
    }
    atomic_fetch_sub(&cp->readers, 1);
    return has_progress;
}

static uint32_t processors(void) {
    cpu_set_t set;
    return sched_getaffinity(0, sizeof set, &set) == 0 ? (uint32_t)CPU_COUNT(&set) : 2;
}

/// Threads of this process that have to poll although nothing happens (doorbell mode spin: one for
/// each GPU). One processor is the application's; who finds the others taken naps between looks.
static _Atomic uint32_t idle_watchers;

struct idleness {
    uint32_t processor_count;
    bool is_counted;
    bool is_crowded;
};

static void idle_pause(struct idleness *idle) {
    if (!idle->is_counted)
        idle->is_crowded = atomic_fetch_add(&idle_watchers, 1) + 1 >= idle->processor_count;
    idle->is_counted = true;
    if (idle->is_crowded)
        nanosleep(&(struct timespec){.tv_nsec = NAP_NS}, NULL);
    else
        sched_yield();
}

static void idle_end(struct idleness *idle) {
    if (idle->is_counted)
        atomic_fetch_sub(&idle_watchers, 1);
    idle->is_counted = false;
}

/// Polls ring and page until nothing has happened for a while, then leaves the watch. Returns the
/// outcome of the last look.
static enum cp_step poll_until_idle(struct sg_cp_queue *queue) {
    enum { LOOKS_PER_SCAN = 32, LOOKS_PER_TURN = 8 };
    struct idleness idle = {.processor_count = processors()};
    /* Where there is one processor, polling only keeps the application from going on. */
    const uint64_t spin = idle.processor_count == 1 ? 0 : SPIN_TICKS;
    enum cp_step result = CP_STEP_EMPTY;
    uint64_t idle_since = cp_clock_ticks();
    watch_enter(queue);
    watch_scan(queue, idle_since);
    for (uint32_t look = 1; !(atomic_load(&queue->control) & CP_CONTROL_KILL); look++) {
        result = own_and_work(queue);
        if (result == CP_STEP_DONE || result == CP_STEP_AGAIN ||
            (look % LOOKS_PER_TURN == 1 && run_waiting(queue))) {
            idle_end(&idle);
            idle_since = cp_clock_ticks();
            look = 0;
            continue;
        }
        relax();
        if (look % LOOKS_PER_SCAN != 0 && spin != 0)
            continue;
        const uint64_t now = cp_clock_ticks();
        watch_scan(queue, now);
        if (now - idle_since < spin)
            continue;
        if (watch_leave(queue, false))
            break;
        idle_pause(&idle);
    }
    idle_end(&idle);
    return result;
}

/// Sleeps until a waiting packet can go on. The memory that it waits for changes without a
/// doorbell, so this looks again after growing pauses.
static void wait_for_change(struct sg_cp_queue *queue) {
    struct sg_cp_news *news = queue->cp->news;
    enum cp_step result = CP_STEP_WAIT;
    uint64_t pause_ns = WAIT_MIN_NS;
    atomic_store(&queue->state, CP_STATE_WAITING);
    atomic_fetch_add(&news->waiters, 1);
    while (result == CP_STEP_WAIT) {
        const uint32_t change = atomic_load(&news->change);
        struct cp_run run = {.budget = WATCH_BUDGET};
        if (!try_own(queue, CP_OWNER_THREAD))
            break;
        result = step(queue, &run);
        disown(queue);
        if (result != CP_STEP_WAIT)
            break;
        cp_futex_wait(&news->change, change, pause_ns);
        pause_ns = pause_ns * 2 < WAIT_MAX_NS ? pause_ns * 2 : WAIT_MAX_NS;
    }
    atomic_fetch_sub(&news->waiters, 1);
}

/// Sleeps until rung (or killed) after `seen` was read.
static void sleep_until_rung(struct sg_cp_queue *queue, uint32_t seen) {
    atomic_store(&queue->state, CP_STATE_ASLEEP);
    if (atomic_load(&queue->control) & CP_CONTROL_KILL)
        return;
    /* An inline run rings at its end if it leaves work behind. */
    if (atomic_load(&queue->owner) != CP_OWNER_NONE || !sg_cp_queue_has_work(queue))
        cp_futex_wait(&queue->wake, seen, UINT64_MAX);
}

static void *queue_thread(void *argument) {
    struct sg_cp_queue *queue = argument;
    char name[16];
    snprintf(name, sizeof name, "sg-queue-%u", queue->config.queue_id);
    pthread_setname_np(pthread_self(), name);
    /* The queue counts as asleep since its creation: rings before this thread ran must not be
     * taken for seen. */
    uint32_t seen = 0;
    sleep_until_rung(queue, seen);
    while (!(atomic_load(&queue->control) & CP_CONTROL_KILL)) {
        seen = atomic_load(&queue->wake);
        if (poll_until_idle(queue) == CP_STEP_WAIT)
            wait_for_change(queue);
        else
            sleep_until_rung(queue, seen);
    }
    contend_no_more(queue);
    /* A doorbell page that was opened for this thread is closed again. */
    watch_enter(queue);
    watch_leave(queue, true);
    return NULL;
}

/* --- From outside --- */

void sg_cp_queue_ring(struct sg_cp_queue *queue) {
    atomic_fetch_add(&queue->wake, 1);
    if (atomic_load(&queue->state) == CP_STATE_ASLEEP)
        cp_futex_wake(&queue->wake, 1);
}

bool sg_cp_queue_run_inline(struct sg_cp_queue *queue) {
    struct cp_run run = {.budget = INLINE_BUDGET, .is_inline = true};
    enum cp_step result = CP_STEP_EMPTY;
    /* Another owner looks at the ring again after it has let go. */
    if (!try_own(queue, CP_OWNER_INLINE))
        return false;
    const uint64_t begin = cp_clock_ticks();
    do {
        result = step(queue, &run);
    } while (result == CP_STEP_DONE && atomic_load(&queue->control) == 0 &&
             cp_clock_ticks() - begin < INLINE_TICKS);
    disown(queue);
    if (!sg_cp_queue_has_work(queue))
        return true;
    sg_cp_queue_ring(queue);
    return false;
}

static void interrupt(struct sg_cp_queue *queue) {
    atomic_fetch_add(&queue->wake, 1);
    cp_futex_wake(&queue->wake, INT_MAX);
    relieve(queue->cp); // it may be giving way
    cp_notify(queue->cp);
}

void cp_queue_kill(struct sg_cp_queue *queue) {
    atomic_fetch_or(&queue->control, CP_CONTROL_KILL);
    if (queue->dispatch)
        sg_dispatch_kill(queue->dispatch);
    interrupt(queue);
    pthread_join(queue->thread, NULL);
    own_for_driver(queue);
    note_waiting(queue, false);
    cp_dispatch_abandon(queue);
}

int cp_queue_start(struct sg_cp_queue *queue) {
    return -sg_thread_start(&queue->thread, STACK_BYTES, queue_thread, queue);
}

/// Preempts what runs. On return the driver owns the queue, until resume.
static void preempt(struct sg_cp_queue *queue) {
    atomic_fetch_or(&queue->control, CP_CONTROL_SUSPEND);
    cp_notify(queue->cp);
    own_for_driver(queue);
}

/// Goes on, unless the queue's percentage is 0.
static void resume(struct sg_cp_queue *queue) {
    const bool is_active = queue->config.percentage != 0;
    if (is_active)
        atomic_fetch_and(&queue->control, ~(uint32_t)CP_CONTROL_SUSPEND);
    disown(queue);
    if (is_active)
        sg_cp_queue_ring(queue);
}

int sg_cp_queue_update(struct sg_cp_queue *queue, uint64_t ring_va, uint64_t ring_bytes,
                       uint32_t priority, uint32_t percentage) {
    uint8_t *ring = NULL;
    if (priority >= CP_PRIORITIES)
        return -EINVAL;
    if (percentage != 0 || ring_bytes != 0) {
        const int error = cp_ring_find(queue->cp, queue->config.type, ring_va, ring_bytes, &ring);
        if (error)
            return error;
    }
    preempt(queue);
    if (ring) {
        queue->config.ring_va = ring_va;
        queue->config.ring_bytes = ring_bytes;
        atomic_store(&queue->ring, ring);
        atomic_store(&queue->ring_bytes, ring_bytes);
    }
    queue->config.priority = priority;
    queue->config.percentage = percentage;
    resume(queue);
    return 0;
}

int sg_cp_queue_set_cu_mask(struct sg_cp_queue *queue, const uint32_t *mask, uint32_t bit_count) {
    enum { DWORD_BITS = 32, MAX_BITS = sizeof queue->cu_mask * CHAR_BIT };
    if (bit_count % DWORD_BITS != 0)
        return -EINVAL;
    if (bit_count > MAX_BITS)
        bit_count = MAX_BITS;
    preempt(queue);
    if (bit_count != 0)
        memcpy(queue->cu_mask, mask, bit_count / CHAR_BIT);
    queue->cu_mask_bits = bit_count;
    resume(queue);
    return 0;
}
