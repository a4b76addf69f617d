/* SPDX-License-Identifier: MIT */
#include "harness.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { SIGNAL = ABI_KFD_EVENT_SIGNAL, MEMORY = ABI_KFD_EVENT_MEMORY };

static int set_event(struct harness *harness, uint32_t id) {
    struct abi_kfd_event_id args = {.event_id = id};
    return IOCTL(harness, ABI_KFD_SET_EVENT, &args);
}

static int reset_event(struct harness *harness, uint32_t id) {
    struct abi_kfd_event_id args = {.event_id = id};
    return IOCTL(harness, ABI_KFD_RESET_EVENT, &args);
}

static int destroy_event(struct harness *harness, uint32_t id) {
    struct abi_kfd_event_id args = {.event_id = id};
    return IOCTL(harness, ABI_KFD_DESTROY_EVENT, &args);
}

static int wait_many(struct harness *harness, const uint32_t *ids, uint32_t count, bool all,
                     uint32_t timeout_ms, uint32_t *out_result) {
    struct abi_kfd_event_data data[8] = {0};
    for (uint32_t i = 0; i < count; i++)
        data[i].event_id = ids[i];
    struct abi_kfd_wait_events args = {.events_ptr = (uintptr_t)data,
                                       .num_events = count,
                                       .wait_for_all = all,
                                       .timeout = timeout_ms,
                                       .wait_result = 99};
    const int error = IOCTL(harness, ABI_KFD_WAIT_EVENTS, &args);
    *out_result = args.wait_result;
    return error;
}

static uint32_t wait_one(struct harness *harness, uint32_t id, uint32_t timeout_ms) {
    uint32_t result;
    assert_int_equal(wait_many(harness, &id, 1, false, timeout_ms, &result), 0);
    return result;
}

/* What a sequence of calls on one event leaves: s set, r reset, w wait with timeout 0. */
static void states_follow_the_kind_of_event(void **state) {
    static const struct {
        bool auto_reset;
        const char *calls;
        uint32_t last_wait;
    } rows[] = {
        {false, "w", ABI_KFD_WAIT_TIMEOUT},    {false, "sw", ABI_KFD_WAIT_COMPLETE},
        {false, "sww", ABI_KFD_WAIT_COMPLETE}, {false, "srw", ABI_KFD_WAIT_TIMEOUT},
        {false, "ssrw", ABI_KFD_WAIT_TIMEOUT}, {true, "sw", ABI_KFD_WAIT_COMPLETE},
        {true, "sww", ABI_KFD_WAIT_TIMEOUT},   {true, "ssww", ABI_KFD_WAIT_TIMEOUT},
        {true, "srw", ABI_KFD_WAIT_TIMEOUT},   {true, "swsw", ABI_KFD_WAIT_COMPLETE},
    };
    struct harness *harness = *state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const uint32_t id = harness_event(harness, SIGNAL, rows[i].auto_reset);
        uint32_t last = 99;
        for (const char *call = rows[i].calls; *call; call++) {
            if (*call == 'w')
                last = wait_one(harness, id, 0);
            else
                assert_int_equal((*call == 's' ? set_event : reset_event)(harness, id), 0);
        }
        if (last != rows[i].last_wait)
            fail_msg("row %zu (%s): %u", i, rows[i].calls, last);
        assert_int_equal(destroy_event(harness, id), 0);
    }
}

static void wait_for_all_needs_each_of_them(void **state) {
    struct harness *harness = *state;
    const uint32_t ids[2] = {harness_event(harness, SIGNAL, false),
                             harness_event(harness, SIGNAL, false)};
    uint32_t result;
    set_event(harness, ids[1]);
    assert_int_equal(wait_many(harness, ids, 2, true, 0, &result), 0);
    assert_int_equal(result, ABI_KFD_WAIT_TIMEOUT);
    assert_int_equal(wait_many(harness, ids, 2, false, 0, &result), 0);
    assert_int_equal(result, ABI_KFD_WAIT_COMPLETE);
    set_event(harness, ids[0]);
    assert_int_equal(wait_many(harness, ids, 2, true, 0, &result), 0);
    assert_int_equal(result, ABI_KFD_WAIT_COMPLETE);
    assert_int_equal(wait_many(harness, ids, 0, true, 0, &result), 0);
    assert_int_equal(result, ABI_KFD_WAIT_COMPLETE);
}

struct waiter {
    struct harness *harness;
    pthread_t thread;
    uint32_t ids[2];
    uint32_t count;
    bool all;
    uint32_t timeout_ms;
    uint32_t result;
    int error;
    _Atomic bool done;
};

static void *run_waiter(void *argument) {
    struct waiter *waiter = argument;
    waiter->error = wait_many(waiter->harness, waiter->ids, waiter->count, waiter->all,
                              waiter->timeout_ms, &waiter->result);
    atomic_store(&waiter->done, true);
    return NULL;
}

static void start(struct waiter *waiter, struct harness *harness, uint32_t id,
                  uint32_t timeout_ms) {
    memset(waiter, 0, sizeof *waiter);
    waiter->harness = harness;
    waiter->ids[0] = id;
    waiter->count = 1;
    waiter->timeout_ms = timeout_ms;
    assert_int_equal(pthread_create(&waiter->thread, NULL, run_waiter, waiter), 0);
}

/* Long enough for a thread to be asleep in the driver; a failure can't be hidden by a slow one,
 * because setting before waiting has the same outcome in the tests that use it. */
static void let_it_sleep(void) {
    usleep(30000);
}

static void setting_wakes_a_thread_that_waits_for_ever(void **state) {
    struct harness *harness = *state;
    const uint32_t id = harness_event(harness, SIGNAL, true);
    struct waiter waiter;
    start(&waiter, harness, id, ABI_KFD_TIMEOUT_INFINITE);
    let_it_sleep();
    assert_false(atomic_load(&waiter.done));
    assert_int_equal(set_event(harness, id), 0);
    pthread_join(waiter.thread, NULL);
    assert_int_equal(waiter.error, 0);
    assert_int_equal(waiter.result, ABI_KFD_WAIT_COMPLETE);
}

static void the_device_wakes_without_an_ioctl(void **state) {
    struct harness *harness = *state;
    const uint32_t id = harness_event(harness, SIGNAL, true);
    struct waiter waiter;
    start(&waiter, harness, id, ABI_KFD_TIMEOUT_INFINITE);
    let_it_sleep();
    sg_kfd_raise_event(sg_kfd_gpu(harness->kfd, 0), id + 1); /* unknown: ignored */
    sg_kfd_raise_event(sg_kfd_gpu(harness->kfd, 0), 0);
    sg_kfd_raise_event(sg_kfd_gpu(harness->kfd, 0), UINT32_MAX);
    sg_kfd_raise_event(sg_kfd_gpu(harness->kfd, 0), id);
    pthread_join(waiter.thread, NULL);
    assert_int_equal(waiter.result, ABI_KFD_WAIT_COMPLETE);
}

/* A wave that prints sends the id's low 8 bits. */
static void a_wave_reaches_events_above_255(void **state) {
    struct harness *harness = *state;
    uint32_t id = 0;
    while (id < 300)
        id = harness_event(harness, SIGNAL, true);
    sg_kfd_wave_interrupt(sg_kfd_gpu(harness->kfd, 0), id & 0xff);
    assert_int_equal(wait_one(harness, id, 0), ABI_KFD_WAIT_COMPLETE);
    assert_int_equal(wait_one(harness, id - 1, 0), ABI_KFD_WAIT_TIMEOUT);
    sg_kfd_wave_interrupt(sg_kfd_gpu(harness->kfd, 0), id);
    assert_int_equal(wait_one(harness, id, 0), ABI_KFD_WAIT_COMPLETE);
    assert_int_equal(wait_one(harness, id & 0xff, 0), ABI_KFD_WAIT_COMPLETE);
    assert_int_equal(wait_one(harness, id & 0xff, 0), ABI_KFD_WAIT_TIMEOUT);
}

static void an_auto_reset_event_wakes_all_who_wait_and_stays_unset(void **state) {
    struct harness *harness = *state;
    const uint32_t id = harness_event(harness, SIGNAL, true);
    struct waiter waiters[3];
    for (int i = 0; i < 3; i++)
        start(&waiters[i], harness, id, 5000);
    let_it_sleep();
    set_event(harness, id);
    for (int i = 0; i < 3; i++) {
        pthread_join(waiters[i].thread, NULL);
        assert_int_equal(waiters[i].result, ABI_KFD_WAIT_COMPLETE);
    }
    assert_int_equal(wait_one(harness, id, 0), ABI_KFD_WAIT_TIMEOUT);
}

static void a_timeout_is_kept(void **state) {
    struct harness *harness = *state;
    const uint32_t id = harness_event(harness, SIGNAL, true);
    struct timespec before;
    struct timespec after;
    clock_gettime(CLOCK_MONOTONIC, &before);
    assert_int_equal(wait_one(harness, id, 40), ABI_KFD_WAIT_TIMEOUT);
    clock_gettime(CLOCK_MONOTONIC, &after);
    const int64_t ms =
        (after.tv_sec - before.tv_sec) * 1000 + (after.tv_nsec - before.tv_nsec) / 1000000;
    assert_true(ms >= 39);
}

static void destroying_fails_those_who_wait(void **state) {
    struct harness *harness = *state;
    const uint32_t id = harness_event(harness, SIGNAL, true);
    struct waiter waiter;
    start(&waiter, harness, id, 5000);
    let_it_sleep();
    assert_int_equal(destroy_event(harness, id), 0);
    assert_int_equal(harness_event(harness, SIGNAL, true), id); /* the slot is used again */
    set_event(harness, id);
    pthread_join(waiter.thread, NULL);
    assert_int_equal(waiter.error, -EIO);
    assert_int_equal(waiter.result, ABI_KFD_WAIT_FAIL);
    assert_int_equal(wait_one(harness, id, 0), ABI_KFD_WAIT_COMPLETE);
}

static void ignore_signal(int number) {
    (void)number;
}

static void a_signal_interrupts_and_gives_auto_reset_back(void **state) {
    struct harness *harness = *state;
    const struct sigaction action = {.sa_handler = ignore_signal};
    sigaction(SIGUSR1, &action, NULL);
    struct waiter waiter = {.harness = harness, .count = 2, .all = true, .timeout_ms = 60000};
    waiter.ids[0] = harness_event(harness, SIGNAL, true);
    waiter.ids[1] = harness_event(harness, SIGNAL, true);
    set_event(harness, waiter.ids[0]);
    assert_int_equal(pthread_create(&waiter.thread, NULL, run_waiter, &waiter), 0);
    while (!atomic_load(&waiter.done)) { /* the wait itself has a limit */
        usleep(10000);
        if (!atomic_load(&waiter.done))
            pthread_kill(waiter.thread, SIGUSR1);
    }
    pthread_join(waiter.thread, NULL);
    assert_int_equal(waiter.error, -EINTR);
    assert_int_equal(wait_one(harness, waiter.ids[0], 0), ABI_KFD_WAIT_COMPLETE);
}

static struct harness *in_handler;
static uint32_t id_in_handler;

static void raise_in_handler(int number) {
    (void)number;
    sg_kfd_raise_event(sg_kfd_gpu(in_handler->kfd, 0), id_in_handler);
}

/* The signal's handler runs between the sleep and the return. */
static void a_set_together_with_a_signal_is_not_lost(void **state) {
    struct harness *harness = *state;
    const struct sigaction action = {.sa_handler = raise_in_handler};
    sigaction(SIGUSR1, &action, NULL);
    in_handler = harness;
    id_in_handler = harness_event(harness, SIGNAL, true);
    struct waiter waiter;
    start(&waiter, harness, id_in_handler, 60000);
    let_it_sleep();
    pthread_kill(waiter.thread, SIGUSR1);
    pthread_join(waiter.thread, NULL);
    if (waiter.error == -EINTR) /* as ROCT does */
        waiter.result = wait_one(harness, id_in_handler, 0);
    assert_int_equal(waiter.result, ABI_KFD_WAIT_COMPLETE);
}

enum { SETS_WHILE_POLLING = 200000 };

static void *poll_many(void *argument) {
    struct waiter *waiter = argument;
    while (!atomic_load(&waiter->done))
        if (wait_one(waiter->harness, waiter->ids[0], 0) == ABI_KFD_WAIT_COMPLETE)
            __atomic_fetch_add(&waiter->count, 1, __ATOMIC_RELEASE);
    return NULL;
}

/* Sets that fall into a poll that has already looked. Each is seen before the next. */
static void a_set_beside_a_poll_is_not_lost(void **state) {
    struct harness *harness = *state;
    struct waiter poller = {.harness = harness};
    poller.ids[0] = harness_event(harness, SIGNAL, true);
    assert_int_equal(pthread_create(&poller.thread, NULL, poll_many, &poller), 0);
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    const time_t end = now.tv_sec + 2;
    uint32_t sets = 0;
    bool is_lost = false;
    while (sets < SETS_WHILE_POLLING && now.tv_sec < end && !is_lost) {
        sg_kfd_raise_event(sg_kfd_gpu(harness->kfd, 0), poller.ids[0]);
        sets++;
        for (int i = 0; __atomic_load_n(&poller.count, __ATOMIC_ACQUIRE) < sets; i++) {
            if (i % 64 == 63)
                usleep(20);
            if (i == 64 * 10000) {
                is_lost = true;
                break;
            }
        }
        clock_gettime(CLOCK_MONOTONIC, &now);
    }
    atomic_store(&poller.done, true);
    pthread_join(poller.thread, NULL);
    assert_false(is_lost);
}

static void a_memory_fault_reaches_memory_events_with_its_data(void **state) {
    struct harness *harness = *state;
    const uint32_t id = harness_event(harness, MEMORY, false);
    assert_true(id >= ABI_KFD_FIRST_NONSIGNAL_EVENT);
    const struct sg_fault fault = {.cause = SG_FAULT_MEMORY_UNMAPPED, .va = 0x123456789};
    sg_kfd_memory_fault(sg_kfd_gpu(harness->kfd, 0), &fault);
    struct abi_kfd_event_data data = {.event_id = id};
    struct abi_kfd_wait_events args = {.events_ptr = (uintptr_t)&data, .num_events = 1};
    assert_int_equal(IOCTL(harness, ABI_KFD_WAIT_EVENTS, &args), 0);
    assert_int_equal(args.wait_result, ABI_KFD_WAIT_COMPLETE);
    assert_int_equal(data.memory.not_present, 1);
    assert_int_equal(data.memory.read_only, 0);
    assert_int_equal(data.memory.va, 0x123456000);
    assert_int_equal(data.memory.gpu_id, SG_GPU_ID);
}

static void a_write_to_read_only_memory_is_told_apart(void **state) {
    struct harness *harness = *state;
    const uint32_t id = harness_event(harness, MEMORY, false);
    const struct sg_fault fault = {.cause = SG_FAULT_MEMORY_READ_ONLY, .va = 0x5000};
    sg_kfd_memory_fault(sg_kfd_gpu(harness->kfd, 0), &fault);
    struct abi_kfd_event_data data = {.event_id = id};
    struct abi_kfd_wait_events args = {.events_ptr = (uintptr_t)&data, .num_events = 1};
    assert_int_equal(IOCTL(harness, ABI_KFD_WAIT_EVENTS, &args), 0);
    assert_int_equal(data.memory.not_present, 0);
    assert_int_equal(data.memory.read_only, 1);
}

static void each_fault_brings_its_own_data(void **state) {
    struct harness *harness = *state;
    const uint32_t id = harness_event(harness, MEMORY, true);
    for (uint64_t page = 1; page <= 3; page++) {
        const struct sg_fault fault = {.cause = SG_FAULT_MEMORY_UNMAPPED, .va = page << 12 | 8};
        sg_kfd_memory_fault(sg_kfd_gpu(harness->kfd, 0), &fault);
        struct abi_kfd_event_data data = {.event_id = id};
        struct abi_kfd_wait_events args = {.events_ptr = (uintptr_t)&data, .num_events = 1};
        assert_int_equal(IOCTL(harness, ABI_KFD_WAIT_EVENTS, &args), 0);
        assert_int_equal(args.wait_result, ABI_KFD_WAIT_COMPLETE);
        assert_int_equal(data.memory.va, page << 12);
    }
}

/* The age that a wait for one event returns; 0: it timed out. */
static uint64_t wait_age(struct harness *harness, uint32_t id, uint64_t known) {
    struct abi_kfd_event_data data = {.event_id = id, .last_event_age = known};
    struct abi_kfd_wait_events args = {.events_ptr = (uintptr_t)&data, .num_events = 1};
    assert_int_equal(IOCTL(harness, ABI_KFD_WAIT_EVENTS, &args), 0);
    return args.wait_result == ABI_KFD_WAIT_COMPLETE ? data.last_event_age : 0;
}

static void an_event_that_was_set_since_is_not_waited_for(void **state) {
    struct harness *harness = *state;
    const uint32_t id = harness_event(harness, SIGNAL, true);
    assert_int_equal(wait_age(harness, id, 1), 0); /* as old as when it was made */
    assert_int_equal(set_event(harness, id), 0);
    assert_int_equal(wait_age(harness, id, 1), 2);
    assert_int_equal(wait_age(harness, id, 2), 0);
    /* Somebody else may have consumed it: the age still tells. */
    assert_int_equal(set_event(harness, id), 0);
    assert_int_equal(wait_one(harness, id, 0), ABI_KFD_WAIT_COMPLETE);
    assert_int_equal(wait_one(harness, id, 0), ABI_KFD_WAIT_TIMEOUT);
    assert_int_equal(wait_age(harness, id, 2), 3);
    /* Who knows no ages gets none. */
    assert_int_equal(set_event(harness, id), 0);
    struct abi_kfd_event_data data = {.event_id = id};
    struct abi_kfd_wait_events args = {.events_ptr = (uintptr_t)&data, .num_events = 1};
    assert_int_equal(IOCTL(harness, ABI_KFD_WAIT_EVENTS, &args), 0);
    assert_int_equal(data.last_event_age, 0);
}

/// What ROCr passes for a wait without timeout.
#define ENDLESS 0xfffffffeu

/// Waits for ever twice; between the two it lets somebody else go first.
struct looper {
    struct harness *harness;
    uint32_t id;
    _Atomic int waits; ///< that have ended
    _Atomic bool may_go_on;
};

static void *wait_twice(void *argument) {
    struct looper *looper = argument;
    wait_one(looper->harness, looper->id, ENDLESS);
    atomic_store(&looper->waits, 1);
    while (!atomic_load(&looper->may_go_on))
        sched_yield();
    wait_one(looper->harness, looper->id, ENDLESS);
    atomic_store(&looper->waits, 2);
    return NULL;
}

/// As ROCr's handler thread and a thread that waits for a handler share an event.
static void a_set_that_somebody_else_consumed_reaches_who_waits_again(void **state) {
    struct harness *harness = *state;
    struct looper looper = {.harness = harness, .id = harness_event(harness, SIGNAL, true)};
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, wait_twice, &looper), 0);
    while (atomic_load(&looper.waits) == 0)
        set_event(harness, looper.id);
    wait_one(harness, looper.id, 0); /* the last of those may be left over */
    assert_int_equal(set_event(harness, looper.id), 0);
    assert_int_equal(wait_one(harness, looper.id, 0), ABI_KFD_WAIT_COMPLETE);
    assert_int_equal(wait_one(harness, looper.id, 0), ABI_KFD_WAIT_TIMEOUT);
    atomic_store(&looper.may_go_on, true);
    for (int i = 0; i < 200 && atomic_load(&looper.waits) < 2; i++)
        let_it_sleep();
    const int waits = atomic_load(&looper.waits);
    while (atomic_load(&looper.waits) < 2) /* so that this fails and doesn't hang */
        set_event(harness, looper.id);
    pthread_join(thread, NULL);
    assert_int_equal(waits, 2);
}

static void *wait_once(void *argument) {
    struct looper *looper = argument;
    wait_one(looper->harness, looper->id, ENDLESS);
    atomic_store(&looper->waits, 1);
    return NULL;
}

/// Whether a thread that never waited before returns from its first wait for this event, which was
/// set and consumed.
static bool a_first_wait_ends(struct harness *harness, uint32_t id) {
    struct looper looper = {.harness = harness, .id = id};
    pthread_t thread;
    assert_int_equal(set_event(harness, id), 0);
    assert_int_equal(wait_one(harness, id, 0), ABI_KFD_WAIT_COMPLETE);
    assert_int_equal(reset_event(harness, id), 0);
    assert_int_equal(pthread_create(&thread, NULL, wait_once, &looper), 0);
    for (int i = 0; i < 50 && atomic_load(&looper.waits) == 0; i++)
        let_it_sleep();
    const bool has_ended = atomic_load(&looper.waits) != 0;
    while (atomic_load(&looper.waits) == 0)
        set_event(harness, id);
    pthread_join(thread, NULL);
    return has_ended;
}

/// The handler thread begins when the first handler is registered.
static void a_set_that_somebody_else_consumed_reaches_a_threads_first_wait(void **state) {
    struct harness *harness = *state;
    assert_true(a_first_wait_ends(harness, harness_event(harness, SIGNAL, true)));
}

static void a_manual_event_that_was_reset_is_waited_for(void **state) {
    struct harness *harness = *state;
    assert_false(a_first_wait_ends(harness, harness_event(harness, SIGNAL, false)));
}

static void errors_are_those_of_amdkfd(void **state) {
    struct harness *harness = *state;
    const uint32_t memory = harness_event(harness, MEMORY, false);
    uint32_t result;
    uint32_t unknown = 77;
    assert_int_equal(set_event(harness, unknown), -EINVAL);
    assert_int_equal(reset_event(harness, unknown), -EINVAL);
    assert_int_equal(destroy_event(harness, unknown), -EINVAL);
    assert_int_equal(set_event(harness, memory), -EINVAL);
    assert_int_equal(reset_event(harness, memory), -EINVAL);
    assert_int_equal(set_event(harness, 0), -EINVAL);
    assert_int_equal(wait_many(harness, &unknown, 1, false, 0, &result), -EINVAL);
    struct abi_kfd_wait_events args = {.events_ptr = 8, .num_events = 1};
    assert_int_equal(IOCTL(harness, ABI_KFD_WAIT_EVENTS, &args), -EFAULT);
    assert_int_equal(destroy_event(harness, memory), 0);
    assert_int_equal(destroy_event(harness, memory), -EINVAL);
}

/* Its waiters are counted in 12 bits, beside the event's serial number. */
static void an_event_has_room_for_4095_waiters(void **state) {
    enum { ROOM = 4095 };
    static struct abi_kfd_event_data data[ROOM + 1];
    struct harness *harness = *state;
    const uint32_t id = harness_event(harness, SIGNAL, false);
    for (size_t i = 0; i <= ROOM; i++)
        data[i] = (struct abi_kfd_event_data){.event_id = id};
    struct abi_kfd_wait_events args = {.events_ptr = (uintptr_t)data, .num_events = ROOM};
    assert_int_equal(IOCTL(harness, ABI_KFD_WAIT_EVENTS, &args), 0);
    assert_int_equal(args.wait_result, ABI_KFD_WAIT_TIMEOUT);
    args.num_events = ROOM + 1;
    assert_int_equal(IOCTL(harness, ABI_KFD_WAIT_EVENTS, &args), -ENOMEM);
    assert_int_equal(set_event(harness, id), 0);
    assert_int_equal(wait_one(harness, id, 0), ABI_KFD_WAIT_COMPLETE);
}

static void only_the_device_signals_debug_events(void **state) {
    struct harness *harness = *state;
    const uint32_t id = harness_event(harness, ABI_KFD_EVENT_DEBUG_EVENT, true);
    assert_true(id < ABI_KFD_SIGNAL_EVENT_LIMIT); /* it has a slot */
    assert_int_equal(set_event(harness, id), -EINVAL);
    assert_int_equal(reset_event(harness, id), -EINVAL);
    assert_int_equal(wait_one(harness, id, 0), ABI_KFD_WAIT_TIMEOUT);
    sg_kfd_raise_event(sg_kfd_gpu(harness->kfd, 0), id);
    assert_int_equal(wait_one(harness, id, 0), ABI_KFD_WAIT_COMPLETE);
}

static void ids_are_the_lowest_free_and_end_with_the_limit(void **state) {
    struct harness *harness = *state;
    for (uint32_t i = 1; i < ABI_KFD_SIGNAL_EVENT_LIMIT; i++)
        assert_int_equal(harness_event(harness, SIGNAL, true), i);
    struct abi_kfd_create_event args = {.event_type = SIGNAL};
    assert_int_equal(IOCTL(harness, ABI_KFD_CREATE_EVENT, &args), -ENOSPC);
    assert_int_equal(destroy_event(harness, 1234), 0);
    assert_int_equal(harness_event(harness, SIGNAL, true), 1234);
    harness_event(harness, MEMORY, false); /* needs no slot */
}

static void the_event_page_is_set_once_and_limits_the_slots(void **state) {
    struct harness *harness = *state;
    struct abi_kfd_alloc_memory page;
    assert_int_equal(harness_alloc(harness, 0x10000000, PAGE, ABI_KFD_MEM_GTT, &page), 0);
    struct abi_kfd_create_event args = {.event_page_offset = page.handle + 1};
    assert_int_equal(IOCTL(harness, ABI_KFD_CREATE_EVENT, &args), -EINVAL);
    args = (struct abi_kfd_create_event){.event_page_offset = page.handle};
    assert_int_equal(IOCTL(harness, ABI_KFD_CREATE_EVENT, &args), 0);
    assert_int_equal(args.event_slot_index, args.event_id);
    assert_true(args.event_page_offset);
    args = (struct abi_kfd_create_event){.event_page_offset = page.handle};
    assert_int_equal(IOCTL(harness, ABI_KFD_CREATE_EVENT, &args), -EINVAL);
    assert_int_equal(harness_free(harness, page.handle), -EBUSY);
    for (uint32_t i = 2; i < PAGE / 8; i++)
        harness_event(harness, SIGNAL, true);
    args = (struct abi_kfd_create_event){.event_type = SIGNAL};
    assert_int_equal(IOCTL(harness, ABI_KFD_CREATE_EVENT, &args), -ENOSPC);
}

static void setting_pokes_waiting_queues(void **state) {
    struct harness *harness = *state;
    const uint32_t id = harness_event(harness, SIGNAL, true);
    const int before = fake_cp.pokes;
    set_event(harness, id);
    assert_int_equal(fake_cp.pokes, before + 1);
}

enum { PING_PONGS = 5000 };

static void *raise_many(void *argument) {
    struct waiter *waiter = argument;
    for (int i = 0; i < PING_PONGS; i++) {
        if (wait_one(waiter->harness, waiter->ids[0], 10000) != ABI_KFD_WAIT_COMPLETE)
            return NULL;
        sg_kfd_raise_event(sg_kfd_gpu(waiter->harness->kfd, 0), waiter->ids[1]);
    }
    atomic_store(&waiter->done, true);
    return NULL;
}

static void no_wake_up_is_lost(void **state) {
    struct harness *harness = *state;
    struct waiter other = {.harness = harness};
    other.ids[0] = harness_event(harness, SIGNAL, true);
    other.ids[1] = harness_event(harness, SIGNAL, true);
    assert_int_equal(pthread_create(&other.thread, NULL, raise_many, &other), 0);
    for (int i = 0; i < PING_PONGS; i++) {
        sg_kfd_raise_event(sg_kfd_gpu(harness->kfd, 0), other.ids[0]);
        assert_int_equal(wait_one(harness, other.ids[1], 10000), ABI_KFD_WAIT_COMPLETE);
    }
    pthread_join(other.thread, NULL);
    assert_true(atomic_load(&other.done));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, harness_setup, harness_teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(states_follow_the_kind_of_event),
        TEST(wait_for_all_needs_each_of_them),
        TEST(setting_wakes_a_thread_that_waits_for_ever),
        TEST(the_device_wakes_without_an_ioctl),
        TEST(a_wave_reaches_events_above_255),
        TEST(an_auto_reset_event_wakes_all_who_wait_and_stays_unset),
        TEST(a_timeout_is_kept),
        TEST(destroying_fails_those_who_wait),
        TEST(a_signal_interrupts_and_gives_auto_reset_back),
        TEST(a_set_together_with_a_signal_is_not_lost),
        TEST(a_set_beside_a_poll_is_not_lost),
        TEST(a_memory_fault_reaches_memory_events_with_its_data),
        TEST(each_fault_brings_its_own_data),
        TEST(a_write_to_read_only_memory_is_told_apart),
        TEST(an_event_that_was_set_since_is_not_waited_for),
        TEST(a_set_that_somebody_else_consumed_reaches_who_waits_again),
        TEST(a_set_that_somebody_else_consumed_reaches_a_threads_first_wait),
        TEST(a_manual_event_that_was_reset_is_waited_for),
        TEST(errors_are_those_of_amdkfd),
        TEST(an_event_has_room_for_4095_waiters),
        TEST(only_the_device_signals_debug_events),
        TEST(ids_are_the_lowest_free_and_end_with_the_limit),
        TEST(the_event_page_is_set_once_and_limits_the_slots),
        TEST(setting_pokes_waiting_queues),
        TEST(no_wake_up_is_lost),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
