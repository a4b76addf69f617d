/* SPDX-License-Identifier: MIT */
#include "softgpu/kfd/internal.h"

#include <errno.h>
#include <limits.h>
#include <linux/futex.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

/* An event's word. Everything that setting an event must see at once fits 64 bits, so that it is a
 * compare-and-swap and can be done in a signal handler:
 *   bits 0-1   live, signaled
 *   bit  2     auto-reset
 *   bits 4-15  waiters: one for each time that a wait names the event
 *   bits 16-31 serial: how often the slot was used; tells a waiter that its event is gone
 *   bits 32-63 sets: how often it was set; tells a waiter that it was woken */
#define LIVE         1ull
#define SIGNALED     2ull
#define AUTO_RESET   4ull
#define WAITER       0x10ull
#define WAITERS      0xfff0ull
#define SERIAL       0x10000ull
#define SERIALS      0xffff0000ull
#define SET          0x100000000ull
#define SERIAL_OF(w) ((w)&SERIALS)
#define SETS_OF(w)   ((w) >> 32)
/* As callers of 1.14 see it: never 0. */
#define AGE_OF(w) (SETS_OF(w) + 1)

/* A thread that looks at a value, finds it unchanged and waits for the value's auto-reset event
 * sleeps for ever if the event was set in between and somebody else's wait consumed that: ROCr up
 * to 6.0 loses wake-ups so on busy machines (the thread that runs handlers against one that waits
 * for a handler, in hsa_queue_destroy), and version 1.14 brought the age of events against it. For
 * callers without ages, events have times: a wait without timeout ends at once when one of its
 * auto-reset events was set since the thread last returned from waiting, or ever if it never did,
 * whoever consumed that. */
static _Atomic uint64_t set_clock = 1;
static _Thread_local uint64_t returned_at __attribute__((tls_model("initial-exec"))) = 1;
/* What ROCr passes for a wait without timeout: the greatest that isn't infinite. */
#define ENDLESS 0xfffffffeu

/* Wait lists above this come from the heap. ROCr's event thread waits for a few hundred. */
enum { WAITERS_ON_STACK = 64 };
/* What the device libraries leave of an event's id in M0. */
enum { PARTIAL_ID = 0xff };
/* The last memory fault is one word, so that the sink needs no lock: its page and these. */
enum { FAULT_VALID = 1 << 0, FAULT_READ_ONLY = 1 << 1, FAULT_GPU_SHIFT = 2, FAULT_FLAGS = 0xfff };
static_assert((SG_GPU_LIMIT - 1) << FAULT_GPU_SHIFT <= FAULT_FLAGS, "GPUs fit below a page");

struct waiter {
    struct sg_event *event;
    uint64_t serial;
    uint32_t sets;
    uint64_t known_age; /* 0: the caller doesn't care */
    uint64_t since;     /* sets after this time count too; 0: the caller knows ages or can wait */
    bool registered;    /* counted in the event's word */
    bool activated;
};

void sg_events_init(struct sg_events *events) {
    pthread_mutex_init(&events->lock, NULL);
    events->signal_limit = ABI_KFD_SIGNAL_EVENT_LIMIT;
}

void sg_events_fini(struct sg_events *events) {
    pthread_mutex_destroy(&events->lock);
}

static struct sg_event *find(struct sg_events *events, uint32_t id) {
    struct sg_event *event = NULL;
    if (id && id < ABI_KFD_SIGNAL_EVENT_LIMIT)
        event = &events->signal[id];
    else if (id - ABI_KFD_FIRST_NONSIGNAL_EVENT < SG_OTHER_EVENT_LIMIT)
        event = &events->other[id - ABI_KFD_FIRST_NONSIGNAL_EVENT];
    return event && (atomic_load(&event->word) & LIVE) ? event : NULL;
}

static void wake_waiters(struct sg_events *events) {
    atomic_fetch_add(&events->sequence, 1);
    syscall(SYS_futex, &events->sequence, FUTEX_WAKE_PRIVATE, INT_MAX, NULL, NULL, 0);
}

/* As amdkfd: all current waiters are activated; an auto-reset event stays signaled only if nobody
 * waited. */
static void set(struct sg_events *events, struct sg_event *event) {
    uint64_t old = atomic_load(&event->word);
    uint64_t new;
    /* First the time: who begins to wait after the swap sees it. */
    atomic_store(&event->set_at, atomic_fetch_add(&set_clock, 1) + 1);
    do {
        if (!(old & LIVE))
            return;
        new = (old + SET) & ~SIGNALED;
        if (!(old & AUTO_RESET) || !(old & WAITERS))
            new |= SIGNALED;
    } while (!atomic_compare_exchange_weak(&event->word, &old, new));
    if (old & WAITERS)
        wake_waiters(events);
}

void sg_kfd_raise_event(void *context, uint32_t event_id) {
    struct sg_kfd *kfd = ((struct sg_gpu *)context)->kfd;
    struct sg_event *event = find(&kfd->events, event_id);
    /* Only these have a slot that the device may signal. */
    if (event && event_id < ABI_KFD_SIGNAL_EVENT_LIMIT)
        set(&kfd->events, event);
}

void sg_kfd_wave_interrupt(void *context, uint32_t message) {
    sg_kfd_raise_event(context, message);
    if (message > PARTIAL_ID)
        return;
    for (uint32_t id = message + PARTIAL_ID + 1; id < ABI_KFD_SIGNAL_EVENT_LIMIT;
         id += PARTIAL_ID + 1)
        sg_kfd_raise_event(context, id);
}

/* "PID:NAME", as the driver's line for a fault has it. */
static void report_fault(struct sg_gpu *gpu) {
    char name[16] = "";
    char text[40];
    prctl(PR_GET_NAME, name);
    snprintf(text, sizeof text, "%x:%s", (unsigned)getpid(), name);
    sg_smi_report(gpu, ABI_KFD_SMI_VMFAULT, text);
}

void sg_kfd_memory_fault(void *context, const struct sg_fault *fault) {
    struct sg_gpu *gpu = context;
    struct sg_events *events = &gpu->kfd->events;

    const uint64_t flags = FAULT_VALID | (uint64_t)gpu->index << FAULT_GPU_SHIFT |
                           (fault->cause == SG_FAULT_MEMORY_READ_ONLY ? FAULT_READ_ONLY : 0);
    atomic_store(&events->last_fault, (fault->va & ~(uint64_t)FAULT_FLAGS) | flags);
    report_fault(gpu);
    for (uint32_t i = 0; i < SG_OTHER_EVENT_LIMIT; i++) {
        if (atomic_load(&events->other[i].type) == ABI_KFD_EVENT_MEMORY)
            set(events, &events->other[i]);
    }
}

static bool has_slot(uint32_t type) {
    return type == ABI_KFD_EVENT_SIGNAL || type == ABI_KFD_EVENT_DEBUG_EVENT;
}

/* Takes the lowest free slot, as the driver's id allocator does. Returns its index or -ENOSPC. */
static int take_slot(struct sg_event *slots, uint32_t first, uint32_t limit,
                     const struct abi_kfd_create_event *args) {
    for (uint32_t i = first; i < limit; i++) {
        const uint64_t word = atomic_load(&slots[i].word);
        if (word & LIVE)
            continue;
        atomic_store(&slots[i].type, args->event_type);
        atomic_store(&slots[i].set_at, 0);
        const uint64_t serial = (SERIAL_OF(word) + SERIAL) & SERIALS;
        atomic_store(&slots[i].word, serial | LIVE | (args->auto_reset ? AUTO_RESET : 0));
        return (int)i;
    }
    return -ENOSPC;
}

/* ROCT allocates the event page itself and hands its handle over with the first event. */
static int set_event_page(struct sg_kfd *kfd, uint64_t handle) {
    pthread_mutex_lock(&kfd->memory.lock);
    const struct sg_bo *bo = sg_memory_find(&kfd->memory, handle);
    const bool usable = bo && !kfd->memory.event_page_handle;
    if (usable) {
        const uint64_t slots = bo->bytes / sizeof(uint64_t);
        kfd->memory.event_page_handle = handle;
        if (slots < ABI_KFD_SIGNAL_EVENT_LIMIT)
            kfd->events.signal_limit = (uint32_t)slots;
    }
    pthread_mutex_unlock(&kfd->memory.lock);
    return usable ? 0 : -EINVAL;
}

int sg_ioctl_create_event(struct sg_kfd *kfd, struct abi_kfd_create_event *args) {
    struct sg_events *events = &kfd->events;

    if (args->event_page_offset) {
        const int error = set_event_page(kfd, args->event_page_offset);
        if (error)
            return error;
    }
    pthread_mutex_lock(&events->lock);
    int slot;
    if (has_slot(args->event_type)) {
        slot = take_slot(events->signal, 1, events->signal_limit, args);
        if (slot >= 0) {
            args->event_id = args->event_trigger_data = args->event_slot_index = (uint32_t)slot;
            args->event_page_offset = ABI_KFD_MMAP_TYPE_EVENTS;
        }
    } else {
        slot = take_slot(events->other, 0, SG_OTHER_EVENT_LIMIT, args);
        if (slot >= 0)
            args->event_id = ABI_KFD_FIRST_NONSIGNAL_EVENT + (uint32_t)slot;
    }
    pthread_mutex_unlock(&events->lock);
    return slot < 0 ? slot : 0;
}

int sg_ioctl_destroy_event(struct sg_kfd *kfd, struct abi_kfd_event_id *args) {
    struct sg_events *events = &kfd->events;

    pthread_mutex_lock(&events->lock);
    struct sg_event *event = find(events, args->event_id);
    if (event) {
        atomic_store(&event->type, ABI_KFD_EVENT_SIGNAL);
        const uint64_t old = atomic_fetch_and(&event->word, SERIALS);
        if (old & WAITERS)
            wake_waiters(events);
    }
    pthread_mutex_unlock(&events->lock);
    return event ? 0 : -EINVAL;
}

/* The CPU may set and reset signal events only. */
static struct sg_event *find_for_cpu(struct sg_events *events, uint32_t id) {
    struct sg_event *event = id < ABI_KFD_SIGNAL_EVENT_LIMIT ? find(events, id) : NULL;
    return event && atomic_load(&event->type) == ABI_KFD_EVENT_SIGNAL ? event : NULL;
}

int sg_ioctl_set_event(struct sg_kfd *kfd, struct abi_kfd_event_id *args) {
    struct sg_event *event = find_for_cpu(&kfd->events, args->event_id);
    if (!event)
        return -EINVAL;
    set(&kfd->events, event);
    /* ROCr sets the event of a signal that it has stored to: a queue may wait for that signal. */
    if (kfd->gpus[0].cp)
        sg_cp_poke(kfd->gpus[0].cp); /* all GPUs share the news */
    return 0;
}

int sg_ioctl_reset_event(struct sg_kfd *kfd, struct abi_kfd_event_id *args) {
    struct sg_event *event = find_for_cpu(&kfd->events, args->event_id);
    if (!event)
        return -EINVAL;
    atomic_fetch_and(&event->word, ~SIGNALED);
    return 0;
}

/* Returns 0, -EINVAL for an event that isn't there, or -ENOMEM where its word can count no more. */
static int waiter_begin(struct sg_events *events, struct waiter *waiter, uint32_t id) {
    waiter->event = find(events, id);
    if (!waiter->event)
        return -EINVAL;
    uint64_t old = atomic_load(&waiter->event->word);
    uint64_t new;
    do {
        if (!(old & LIVE))
            return -EINVAL;
        if ((old & WAITERS) == WAITERS)
            return -ENOMEM;
        new = old + WAITER;
        if (old & AUTO_RESET)
            new &= ~SIGNALED;
    } while (!atomic_compare_exchange_weak(&waiter->event->word, &old, new));
    waiter->registered = true;
    waiter->serial = SERIAL_OF(old);
    waiter->sets = (uint32_t)SETS_OF(old);
    waiter->activated = old & SIGNALED;
    if (atomic_load(&waiter->event->type) == ABI_KFD_EVENT_SIGNAL && waiter->known_age &&
        waiter->known_age != AGE_OF(old))
        waiter->activated = true;
    if (waiter->since && (old & AUTO_RESET) && atomic_load(&waiter->event->set_at) > waiter->since)
        waiter->activated = true;
    return 0;
}

/* Leaves the event. A set that this call has not seen counts for whoever waits next: an auto-reset
 * event did not stay signaled then, because this waiter was registered. */
static void waiter_end(struct waiter *waiter, bool undo_reset) {
    if (!waiter->registered)
        return;
    uint64_t old = atomic_load(&waiter->event->word);
    uint64_t new;
    do {
        if (!(old & LIVE) || SERIAL_OF(old) != waiter->serial)
            return;
        const bool is_unseen = (uint32_t)SETS_OF(old) != waiter->sets && !waiter->activated;
        new = old - WAITER;
        if ((old & AUTO_RESET) && (is_unseen || (undo_reset && waiter->activated)))
            new |= SIGNALED;
    } while (!atomic_compare_exchange_weak(&waiter->event->word, &old, new));
}

/* The driver's test: FAIL if an event is gone, else COMPLETE or TIMEOUT (= not yet). */
static uint32_t test(struct waiter *waiters, uint32_t count, bool all) {
    uint32_t activated = 0;
    for (uint32_t i = 0; i < count; i++) {
        const uint64_t word = atomic_load(&waiters[i].event->word);
        if (!(word & LIVE) || SERIAL_OF(word) != waiters[i].serial)
            return ABI_KFD_WAIT_FAIL;
        if ((uint32_t)SETS_OF(word) != waiters[i].sets)
            waiters[i].activated = true;
        if (!waiters[i].activated)
            continue;
        if (!all)
            return ABI_KFD_WAIT_COMPLETE;
        activated++;
    }
    return activated == count ? ABI_KFD_WAIT_COMPLETE : ABI_KFD_WAIT_TIMEOUT;
}

static uint64_t now_ns(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

/* Sleeps until the events' sequence has moved on from `seen`. Returns 0, -EINTR or -ETIMEDOUT. */
static int sleep_on(struct sg_events *events, uint32_t seen, const uint64_t *deadline_ns) {
    struct timespec deadline;
    if (deadline_ns) {
        deadline.tv_sec = (time_t)(*deadline_ns / 1000000000u);
        deadline.tv_nsec = (long)(*deadline_ns % 1000000000u);
    }
    const long result = syscall(SYS_futex, &events->sequence, FUTEX_WAIT_BITSET_PRIVATE, seen,
                                deadline_ns ? &deadline : NULL, NULL, FUTEX_BITSET_MATCH_ANY);
    return result < 0 && errno != EAGAIN ? -errno : 0;
}

static int wait_loop(struct sg_events *events, struct waiter *waiters,
                     struct abi_kfd_wait_events *args) {
    const bool forever = args->timeout == ABI_KFD_TIMEOUT_INFINITE;
    const uint64_t deadline_ns = forever ? 0 : now_ns() + args->timeout * 1000000ull;
    const uint64_t *until = forever ? NULL : &deadline_ns;
    uint32_t seen;

    for (int end = args->timeout ? 0 : -ETIMEDOUT;; end = sleep_on(events, seen, until)) {
        seen = atomic_load(&events->sequence);
        /* Also after a signal or the timeout: the event may have been set at the same time. */
        args->wait_result = test(waiters, args->num_events, args->wait_for_all);
        if (args->wait_result == ABI_KFD_WAIT_FAIL)
            return -EIO;
        if (args->wait_result == ABI_KFD_WAIT_COMPLETE || end == -ETIMEDOUT)
            return 0;
        if (end != -EINTR)
            continue;
        if (!forever) {
            const uint64_t now = now_ns();
            args->timeout = now < deadline_ns ? (uint32_t)((deadline_ns - now) / 1000000u) : 0;
        }
        return -EINTR;
    }
}

static struct abi_kfd_memory_exception describe_fault(uint64_t fault) {
    const bool read_only = fault & FAULT_READ_ONLY;
    return (struct abi_kfd_memory_exception){
        .not_present = !read_only,
        .read_only = read_only,
        .va = fault & ~(uint64_t)FAULT_FLAGS, /* the hardware reports pages */
        .gpu_id = sg_gpu_id((fault & FAULT_FLAGS) >> FAULT_GPU_SHIFT),
    };
}

/* What amdkfd copies back: faults of memory events, ages of signal events. */
static void copy_event_data(struct sg_events *events, const struct waiter *waiters,
                            const struct abi_kfd_wait_events *args) {
    const uint64_t fault = atomic_load(&events->last_fault);
    struct abi_kfd_event_data *data = (void *)(uintptr_t)args->events_ptr;
    for (uint32_t i = 0; i < args->num_events; i++) {
        const uint32_t type = atomic_load(&waiters[i].event->type);
        if (!waiters[i].activated)
            continue;
        if (type == ABI_KFD_EVENT_MEMORY && fault)
            data[i].memory = describe_fault(fault);
        else if (type == ABI_KFD_EVENT_SIGNAL && waiters[i].known_age)
            data[i].last_event_age = AGE_OF(atomic_load(&waiters[i].event->word));
    }
}

int sg_ioctl_wait_events(struct sg_kfd *kfd, struct abi_kfd_wait_events *args) {
    struct sg_events *events = &kfd->events;
    struct waiter on_stack[WAITERS_ON_STACK];
    struct waiter *waiters = on_stack;
    const uint32_t count = args->num_events;
    const struct abi_kfd_event_data *data = (const void *)(uintptr_t)args->events_ptr;

    if (count && !sg_access_ok(args->events_ptr, (uint64_t)count * sizeof *data))
        return -EFAULT;
    if (count > WAITERS_ON_STACK)
        waiters = calloc(count, sizeof *waiters);
    if (!waiters)
        return -ENOMEM;

    int result = 0;
    uint32_t begun = 0;
    const uint64_t since = args->timeout >= ENDLESS ? returned_at : 0;
    for (; begun < count && !result; begun++) {
        const uint64_t age = data[begun].last_event_age;
        waiters[begun] = (struct waiter){.known_age = age, .since = age ? 0 : since};
        result = waiter_begin(events, &waiters[begun], data[begun].event_id);
    }
    if (!result)
        result = wait_loop(events, waiters, args);
    if (!result && args->wait_result == ABI_KFD_WAIT_COMPLETE)
        copy_event_data(events, waiters, args);
    /* Before leaving: what is set from now on may find others waiting. */
    returned_at = atomic_load(&set_clock);
    for (uint32_t i = 0; i < begun; i++)
        waiter_end(&waiters[i], result == -EINTR);
    if (waiters != on_stack)
        free(waiters);
    return result;
}
