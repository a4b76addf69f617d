/* SPDX-License-Identifier: MIT */
#include "softgpu/kfd/doorbell_internal.h"

#include <errno.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

enum {
    /* Doorbells closer than this are "fast": a thread that watches pays off. */
    FAST_NS = 50 * 1000,
    /* A watcher that could not look for so long did not get a processor: while others want them,
     * inline runs are better than a watcher (STARVED), and it is tried again ever more rarely. */
    STARVED_NS = 300 * 1000,
    FAST_WANTED_MAX = 1 << 14,
    /* After this many hand-overs in a row, inline runs are tried only now and then. */
    MISSES_LIMIT = 2,
    SKIP_LIMIT = 16,
};

static _Atomic(struct sg_doorbell *) pages[DOORBELL_MAX_PAGES];
/* Initial-exec: a handler must not allocate thread-local storage. */
static _Thread_local uint64_t caller_ns __attribute__((tls_model("initial-exec")));

static uint64_t now_ns(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

static bool has_one_processor(void) {
    cpu_set_t set;
    return sched_getaffinity(0, sizeof set, &set) == 0 && CPU_COUNT(&set) == 1;
}

/* --- The lock: short sections, held by queue threads and by callers that have blocked signals, so
 * a handler never waits for the thread that it interrupted. --- */

static bool try_lock(struct sg_doorbell *doorbell) {
    return atomic_exchange_explicit(&doorbell->lock, 1, memory_order_acquire) == 0;
}

void doorbell_lock(struct sg_doorbell *doorbell) {
    enum { SPINS = 100 };
    for (uint32_t i = 1; !try_lock(doorbell); i++) {
        __builtin_ia32_pause();
        if (i % SPINS == 0)
            sched_yield();
    }
}

void doorbell_unlock(struct sg_doorbell *doorbell) {
    atomic_store_explicit(&doorbell->lock, 0, memory_order_release);
}

/// For application threads: whatever signal handler they have must not ring inside the section.
static void lock_with_signals_blocked(struct sg_doorbell *doorbell, sigset_t *out_saved) {
    sigset_t all;
    sigfillset(&all);
    sigdelset(&all, SIGSEGV);
    pthread_sigmask(SIG_SETMASK, &all, out_saved);
    doorbell_lock(doorbell);
}

static void unlock_with_signals(struct sg_doorbell *doorbell, const sigset_t *saved) {
    doorbell_unlock(doorbell);
    pthread_sigmask(SIG_SETMASK, saved, NULL);
}

/* --- Protection --- */

static int protect(struct sg_doorbell *doorbell, uint8_t *address, bool is_open) {
    const int saved_errno = errno;
    int error = 0;
    if (doorbell->config.mode == SG_DOORBELL_UFFD)
        error = doorbell_uffd_protect(doorbell, address, is_open);
    else if (mprotect(address, doorbell->config.bytes,
                      is_open ? PROT_READ | PROT_WRITE : PROT_READ) != 0)
        error = -errno;
    errno = saved_errno;
    return error;
}

static void protect_all(struct sg_doorbell *doorbell, bool is_open) {
    for (size_t i = 0; i < DOORBELL_MAX_MAPPINGS; i++) {
        uint8_t *address = atomic_load(&doorbell->mappings[i]);
        if (address)
            protect(doorbell, address, is_open);
    }
    doorbell->is_open = is_open;
}

void doorbell_open_locked(struct sg_doorbell *doorbell) {
    if (doorbell->is_open)
        return;
    atomic_store(&doorbell->scan_ns, now_ns());
    protect_all(doorbell, true);
}

/// The page must not stay open when nobody looks at the rings.
static void close_if_unwatched_locked(struct sg_doorbell *doorbell) {
    if (doorbell->watchers == 0 && doorbell->is_open && doorbell->config.mode != SG_DOORBELL_SPIN)
        protect_all(doorbell, false);
}

/* --- Slots --- */

/// The queue of a doorbell, held until slot_release; or NULL.
static struct sg_cp_queue *slot_acquire(struct doorbell_slot *slot) {
    if (!atomic_load_explicit(&slot->queue, memory_order_relaxed))
        return NULL;
    atomic_fetch_add(&slot->users, 1);
    struct sg_cp_queue *queue = atomic_load(&slot->queue);
    if (!queue)
        atomic_fetch_sub(&slot->users, 1);
    return queue;
}

static void slot_release(struct doorbell_slot *slot) {
    atomic_fetch_sub(&slot->users, 1);
}

/// Rings sleeping queues; those without work only if `wants_all`. Returns how many.
static uint32_t ring_sleepers(struct sg_doorbell *doorbell, bool wants_all, uint32_t limit) {
    const uint32_t end = atomic_load(&doorbell->slot_end);
    uint32_t count = 0;
    for (uint32_t i = 0; i < end && count < limit; i++) {
        struct doorbell_slot *slot = &doorbell->slots[i];
        struct sg_cp_queue *queue = slot_acquire(slot);
        if (!queue)
            continue;
        if (sg_cp_queue_is_asleep(queue) && (wants_all || sg_cp_queue_has_work(queue))) {
            sg_cp_queue_ring(queue);
            count++;
        }
        slot_release(slot);
    }
    return count;
}

/* --- The watch --- */

void doorbell_watch_enter(void *context) {
    struct sg_doorbell *doorbell = context;
    doorbell_lock(doorbell);
    doorbell->watchers++;
    doorbell_unlock(doorbell);
}

/// In auto: closes the page when its watchers do not get a processor in time.
static void check_starvation(struct sg_doorbell *doorbell) {
    const uint64_t now = now_ns();
    if (now - atomic_exchange(&doorbell->scan_ns, now) < STARVED_NS)
        return;
    doorbell_lock(doorbell);
    const uint32_t wanted = atomic_load(&doorbell->fast_wanted);
    if (doorbell->is_open && wanted < FAST_WANTED_MAX)
        atomic_store(&doorbell->fast_wanted, wanted * 2);
    if (doorbell->is_open)
        protect_all(doorbell, false);
    doorbell_unlock(doorbell);
}

void doorbell_watch_scan(void *context) {
    struct sg_doorbell *doorbell = context;
    if (doorbell->config.mode == SG_DOORBELL_AUTO)
        check_starvation(doorbell);
    ring_sleepers(doorbell, false, UINT32_MAX);
}

bool doorbell_watch_leave(void *context, bool is_busy) {
    struct sg_doorbell *doorbell = context;
    const bool is_spin = doorbell->config.mode == SG_DOORBELL_SPIN;
    /* A queue that was rung takes the watch over, and wants the processor for its work. */
    const bool is_relieved = is_spin && !is_busy && ring_sleepers(doorbell, false, UINT32_MAX) != 0;
    doorbell_lock(doorbell);
    if (is_spin && !is_busy && !is_relieved && doorbell->watchers == 1) {
        doorbell_unlock(doorbell);
        return false;
    }
    const bool was_last = --doorbell->watchers == 0;
    const uint32_t wanted = atomic_load(&doorbell->fast_wanted);
    if (was_last && doorbell->is_open && wanted > 1)
        atomic_store(&doorbell->fast_wanted, wanted / 2);
    close_if_unwatched_locked(doorbell);
    doorbell_unlock(doorbell);
    /* Stores that came before the page was closed. */
    const uint32_t rung = ring_sleepers(doorbell, false, UINT32_MAX);
    if (is_spin && was_last && rung == 0)
        ring_sleepers(doorbell, true, 1);
    return true;
}

struct sg_cp_watch sg_doorbell_watch(struct sg_doorbell *doorbell) {
    return (struct sg_cp_watch){.context = doorbell,
                                .enter = doorbell_watch_enter,
                                .scan = doorbell_watch_scan,
                                .leave = doorbell_watch_leave};
}

/* --- Life --- */

static int enlist(struct sg_doorbell *doorbell) {
    for (size_t i = 0; i < DOORBELL_MAX_PAGES; i++) {
        struct sg_doorbell *expected = atomic_load(&pages[i]);
        /* What a forked child inherited has no mapping in it (MADV_DONTFORK) and makes room. */
        if ((!expected || expected->pid != doorbell->pid) &&
            atomic_compare_exchange_strong(&pages[i], &expected, doorbell))
            return 0;
    }
    return -ENOSPC;
}

struct sg_doorbell *sg_doorbell_create(const struct sg_doorbell_config *config) {
    int error = trap_stacks_init();
    struct sg_doorbell *doorbell = calloc(1, sizeof *doorbell);
    if (error || !doorbell) {
        error = -ENOMEM;
        goto fail;
    }
    doorbell->config = *config;
    doorbell->pid = getpid();
    atomic_store(&doorbell->fast_wanted, 1);
    doorbell->is_open = config->mode == SG_DOORBELL_SPIN;
    if (config->mode == SG_DOORBELL_UFFD) {
        error = doorbell_uffd_start(doorbell);
        if (error)
            goto fail;
    }
    error = enlist(doorbell);
    if (!error)
        return doorbell;
    if (config->mode == SG_DOORBELL_UFFD)
        doorbell_uffd_stop(doorbell);
fail:
    free(doorbell);
    errno = -error;
    return NULL;
}

void sg_doorbell_destroy(struct sg_doorbell *doorbell) {
    if (!doorbell)
        return;
    for (size_t i = 0; i < DOORBELL_MAX_PAGES; i++)
        if (atomic_load(&pages[i]) == doorbell)
            atomic_store(&pages[i], NULL);
    if (doorbell->config.mode == SG_DOORBELL_UFFD)
        doorbell_uffd_stop(doorbell);
    else
        protect_all(doorbell, true);
    free(doorbell);
}

void sg_doorbell_bind(struct sg_doorbell *doorbell, uint32_t index, struct sg_cp_queue *queue) {
    struct doorbell_slot *slot = &doorbell->slots[index];
    sigset_t saved;
    atomic_store(&slot->misses, 0);
    atomic_store(&slot->queue, queue);
    lock_with_signals_blocked(doorbell, &saved);
    if (atomic_load(&doorbell->slot_end) <= index)
        atomic_store(&doorbell->slot_end, index + 1);
    close_if_unwatched_locked(doorbell);
    const bool needs_watcher = doorbell->config.mode == SG_DOORBELL_SPIN && doorbell->watchers == 0;
    unlock_with_signals(doorbell, &saved);
    if (needs_watcher || sg_cp_queue_has_work(queue))
        sg_cp_queue_ring(queue);
}

void sg_doorbell_unbind(struct sg_doorbell *doorbell, uint32_t index) {
    struct doorbell_slot *slot = &doorbell->slots[index];
    atomic_store(&slot->queue, NULL);
    while (atomic_load(&slot->users) != 0)
        sched_yield();
}

int sg_doorbell_mapped(struct sg_doorbell *doorbell, void *address, size_t bytes) {
    sigset_t saved;
    int error = -ENOSPC;
    if (bytes < doorbell->config.bytes)
        return -EINVAL;
    lock_with_signals_blocked(doorbell, &saved);
    for (size_t i = 0; i < DOORBELL_MAX_MAPPINGS && error == -ENOSPC; i++) {
        uint8_t *expected = NULL;
        if (!atomic_compare_exchange_strong(&doorbell->mappings[i], &expected, (uint8_t *)address))
            continue;
        error = doorbell->config.mode == SG_DOORBELL_UFFD
                    ? doorbell_uffd_register(doorbell, address)
                    : 0;
        if (!error && !doorbell->is_open)
            error = protect(doorbell, address, false);
        if (error)
            atomic_store(&doorbell->mappings[i], NULL);
    }
    unlock_with_signals(doorbell, &saved);
    return error;
}

void sg_doorbell_unmapped(struct sg_doorbell *doorbell, const void *address, size_t bytes) {
    sigset_t saved;
    const uintptr_t begin = (uintptr_t)address;
    lock_with_signals_blocked(doorbell, &saved);
    for (size_t i = 0; i < DOORBELL_MAX_MAPPINGS; i++) {
        const uintptr_t mapping = (uintptr_t)atomic_load(&doorbell->mappings[i]);
        if (mapping < begin + bytes && begin < mapping + doorbell->config.bytes)
            atomic_store(&doorbell->mappings[i], NULL);
    }
    unlock_with_signals(doorbell, &saved);
}

void sg_doorbell_ring(struct sg_doorbell *doorbell, uint32_t index) {
    if (index >= doorbell->config.bytes / DOORBELL_BYTES)
        return;
    struct sg_cp_queue *queue = slot_acquire(&doorbell->slots[index]);
    if (!queue)
        return;
    sg_cp_queue_ring(queue);
    slot_release(&doorbell->slots[index]);
}

/* --- The trapped store --- */

/// The page that an application's address belongs to, and the offset in it.
static struct sg_doorbell *find(const void *address, size_t *out_offset) {
    for (size_t i = 0; i < DOORBELL_MAX_PAGES; i++) {
        struct sg_doorbell *doorbell = atomic_load(&pages[i]);
        for (size_t j = 0; doorbell && j < DOORBELL_MAX_MAPPINGS; j++) {
            const uintptr_t mapping = (uintptr_t)atomic_load(&doorbell->mappings[j]);
            *out_offset = (uintptr_t)address - mapping;
            if (mapping != 0 && *out_offset < doorbell->config.bytes)
                return doorbell;
        }
    }
    return NULL;
}

bool sg_doorbell_owns(const void *address) {
    size_t offset;
    return find(address, &offset) != NULL;
}

uint64_t sg_doorbell_caller_ns(void) {
    return caller_ns;
}

/// Lets a queue's thread watch from now on, with the page open.
static void open_for(struct sg_doorbell *doorbell, struct sg_cp_queue *queue) {
    if (!try_lock(doorbell))
        return;
    /* Only with somebody who closes it again: one who watches, or one who enters when rung. */
    if (doorbell->watchers != 0 || sg_cp_queue_is_asleep(queue))
        doorbell_open_locked(doorbell);
    doorbell_unlock(doorbell);
    sg_cp_queue_ring(queue);
}

/// The store can't be performed here: it is let through, and threads are called that look at the
/// rings and close the page again.
static void let_through(struct sg_doorbell *doorbell) {
    doorbell_lock(doorbell);
    doorbell_open_locked(doorbell);
    doorbell_unlock(doorbell);
    ring_sleepers(doorbell, true, UINT32_MAX);
}

struct inline_run {
    struct sg_cp_queue *queue;
    bool is_empty;
};

static void run_inline(void *argument) {
    struct inline_run *run = argument;
    run->is_empty = sg_cp_queue_run_inline(run->queue);
}

static void work(struct doorbell_slot *slot, struct sg_cp_queue *queue, const void *ucontext) {
    struct inline_run run = {.queue = queue};
    if (atomic_load(&slot->misses) >= MISSES_LIMIT &&
        atomic_fetch_add(&slot->skipped, 1) < SKIP_LIMIT) {
        sg_cp_queue_ring(queue);
        return;
    }
    if (!trap_call_on_stack(run_inline, &run, ucontext))
        sg_cp_queue_ring(queue);
    atomic_store(&slot->skipped, 0);
    atomic_store(&slot->misses, run.is_empty ? 0 : atomic_load(&slot->misses) + 1);
}

static void ring_trapped(struct sg_doorbell *doorbell, size_t offset, uint64_t begin_ns,
                         const void *ucontext) {
    struct doorbell_slot *slot = &doorbell->slots[offset / DOORBELL_BYTES];
    const bool is_fast = begin_ns - atomic_exchange(&doorbell->trap_ns, begin_ns) < FAST_NS;
    const uint32_t fast_count = is_fast ? atomic_fetch_add(&doorbell->fast_count, 1) + 1 : 0;
    struct sg_cp_queue *queue = slot_acquire(slot);
    if (!queue)
        return;
    if (!is_fast)
        atomic_store(&doorbell->fast_count, 0);
    if (doorbell->config.mode == SG_DOORBELL_AUTO && is_fast &&
        fast_count >= atomic_load(&doorbell->fast_wanted) && !has_one_processor()) {
        atomic_store(&doorbell->fast_count, 0);
        open_for(doorbell, queue);
    }
    work(slot, queue, ucontext);
    slot_release(slot);
}

bool sg_doorbell_handle_fault(const siginfo_t *info, void *ucontext) {
    size_t offset;
    struct doorbell_store store;
    if (info->si_code != SEGV_ACCERR)
        return false;
    struct sg_doorbell *doorbell = find(info->si_addr, &offset);
    if (!doorbell)
        return false;
    const int saved_errno = errno;
    const uint64_t begin_ns = now_ns();
    if (doorbell->pid != getpid()) {
        /* A child's doorbell reaches nobody, as after fork on a real device. */
        if (!doorbell_store_decode(ucontext, &store))
            return false;
        doorbell_store_skip(&store, ucontext);
    } else if (doorbell_store_decode(ucontext, &store) &&
               offset + store.bytes <= doorbell->config.bytes) {
        doorbell_store_perform(&store, (uint8_t *)doorbell->config.page + offset, ucontext);
        ring_trapped(doorbell, offset, begin_ns, ucontext);
    } else {
        let_through(doorbell);
    }
    caller_ns += now_ns() - begin_ns;
    errno = saved_errno;
    return true;
}
