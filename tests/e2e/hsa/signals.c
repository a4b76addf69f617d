/* SPDX-License-Identifier: MIT */
/// Signals of every kind, completed by the device: waits with each condition and with timeouts,
/// waits for any of many, groups, handlers by the hundred that re-arm, and more signals than the
/// driver has events.
#include "e2e.h"

#include <pthread.h>
#include <string.h>

static struct e2e e2e;
static hsa_queue_t *queue;

/// Has the device take 1 off a signal.
static void device_decrements(hsa_signal_t signal) {
    const hsa_barrier_and_packet_t packet = {.header = HSA_PACKET_TYPE_BARRIER_AND |
                                                       1 << HSA_PACKET_HEADER_BARRIER,
                                             .completion_signal = signal};
    e2e_submit(queue, &packet);
}

enum kind { KIND_DEFAULT, KIND_GPU_AND_CPU, KIND_IPC, KINDS };

static hsa_signal_t create(enum kind kind, hsa_signal_value_t value) {
    const hsa_agent_t both[] = {e2e.cpu, e2e.gpu};
    hsa_signal_t signal;
    switch (kind) {
    case KIND_GPU_AND_CPU:
        HSA(hsa_signal_create(value, 2, both, &signal));
        break;
    case KIND_IPC:
        HSA(hsa_amd_signal_create(value, 0, NULL, HSA_AMD_SIGNAL_IPC, &signal));
        break;
    default:
        HSA(hsa_signal_create(value, 0, NULL, &signal));
    }
    return signal;
}

/// The signal stands at 10 and the device takes one off.
static void each_condition(enum kind kind, hsa_wait_state_t state) {
    static const struct {
        hsa_signal_condition_t condition;
        hsa_signal_value_t operand;
        bool holds_before;
    } rows[] = {
        {HSA_SIGNAL_CONDITION_EQ, 9, false},   {HSA_SIGNAL_CONDITION_NE, 10, false},
        {HSA_SIGNAL_CONDITION_LT, 10, false},  {HSA_SIGNAL_CONDITION_GTE, 10, true},
        {HSA_SIGNAL_CONDITION_GTE, 11, false}, {HSA_SIGNAL_CONDITION_EQ, 10, true},
        {HSA_SIGNAL_CONDITION_LT, -5, false},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; ++i) {
        const hsa_signal_t signal = create(kind, 10);
        // A timeout that passes returns whatever value is there.
        CHECK(hsa_signal_wait_scacquire(signal, rows[i].condition, rows[i].operand, 0, state) ==
              10);
        CHECK(hsa_signal_wait_relaxed(signal, rows[i].condition, rows[i].operand,
                                      rows[i].holds_before ? UINT64_MAX : 100000, state) == 10);
        device_decrements(signal);
        const bool holds_after = i < 3;
        const hsa_signal_value_t value = hsa_signal_wait_scacquire(
            signal, rows[i].condition, rows[i].operand, holds_after ? UINT64_MAX : 1000, state);
        CHECK(!holds_after || value == 9, "row %zu: %ld", i, (long)value);
        CHECK(hsa_signal_wait_scacquire(signal, HSA_SIGNAL_CONDITION_EQ, 9, UINT64_MAX, state) ==
              9);
        HSA(hsa_signal_destroy(signal));
    }
}

/// Signals that only the device waits for: the host looks, another packet waits.
static void for_the_device_only(void) {
    hsa_signal_t signal, by_agent;
    HSA(hsa_amd_signal_create(1, 0, NULL, HSA_AMD_SIGNAL_AMD_GPU_ONLY, &signal));
    HSA(hsa_signal_create(1, 1, &e2e.gpu, &by_agent));
    const hsa_signal_t done = e2e_signal(1);
    const hsa_barrier_and_packet_t packet = {.header = HSA_PACKET_TYPE_BARRIER_AND,
                                             .dep_signal = {signal, by_agent},
                                             .completion_signal = done};
    hsa_queue_t *other = e2e_queue(&e2e, 64);
    e2e_submit(other, &packet);
    device_decrements(by_agent);
    device_decrements(signal);
    e2e_wait(done);
    CHECK(hsa_signal_load_scacquire(signal) == 0 && hsa_signal_load_scacquire(by_agent) == 0);
    HSA(hsa_queue_destroy(other));
    HSA(hsa_signal_destroy(signal));
    HSA(hsa_signal_destroy(by_agent));
    HSA(hsa_signal_destroy(done));
}

static void each_operation(void) {
    const hsa_signal_t signal = e2e_signal(12);
    hsa_signal_add_scacq_screl(signal, 5);
    CHECK(hsa_signal_load_scacquire(signal) == 17);
    hsa_signal_subtract_screlease(signal, 20);
    CHECK(hsa_signal_load_relaxed(signal) == -3);
    hsa_signal_and_relaxed(signal, 0xff);
    CHECK(hsa_signal_load_relaxed(signal) == 0xfd);
    hsa_signal_or_scacquire(signal, 0x100);
    hsa_signal_xor_scacq_screl(signal, 0xf);
    CHECK(hsa_signal_load_relaxed(signal) == 0x1f2);
    CHECK(hsa_signal_exchange_scacq_screl(signal, 1) == 0x1f2);
    CHECK(hsa_signal_cas_scacq_screl(signal, 2, 3) == 1);
    CHECK(hsa_signal_cas_scacq_screl(signal, 1, 2) == 1);
    device_decrements(signal);
    CHECK(hsa_signal_wait_scacquire(signal, HSA_SIGNAL_CONDITION_EQ, 1, UINT64_MAX,
                                    HSA_WAIT_STATE_BLOCKED) == 1);
    hsa_signal_silent_store_relaxed(signal, 0);
    CHECK(hsa_signal_load_relaxed(signal) == 0);
    HSA(hsa_signal_destroy(signal));
    CHECK(hsa_signal_destroy((hsa_signal_t){0}) == HSA_STATUS_ERROR_INVALID_ARGUMENT);
}

static void any_of_many(enum kind kind) {
    enum { COUNT = 48 };
    hsa_signal_t signals[COUNT];
    hsa_signal_condition_t conditions[COUNT];
    hsa_signal_value_t operands[COUNT];
    for (int i = 0; i < COUNT; ++i) {
        signals[i] = create(kind, i + 1);
        conditions[i] = i % 2 ? HSA_SIGNAL_CONDITION_EQ : HSA_SIGNAL_CONDITION_LT;
        operands[i] = i % 2 ? i : i + 1;
    }
    hsa_signal_value_t value = -1;
    CHECK(hsa_amd_signal_wait_any(COUNT, signals, conditions, operands, 10000,
                                  HSA_WAIT_STATE_BLOCKED, &value) == UINT32_MAX,
          "none holds");
    for (uint32_t i = 0; i < COUNT; ++i) {
        const uint32_t at = i * 7 % COUNT;
        device_decrements(signals[at]);
        const uint32_t index =
            hsa_amd_signal_wait_any(COUNT, signals, conditions, operands, UINT64_MAX,
                                    i % 3 ? HSA_WAIT_STATE_BLOCKED : HSA_WAIT_STATE_ACTIVE, &value);
        CHECK(index == at, "signal %u instead of %u", index, at);
        CHECK(value == (hsa_signal_value_t)at, "value %ld", (long)value);
        hsa_signal_store_relaxed(signals[at], (hsa_signal_value_t)at + 1);
    }
    for (int i = 0; i < COUNT; ++i) {
        HSA(hsa_signal_destroy(signals[i]));
    }
}

static void group_of_signals(void) {
    enum { COUNT = 8 };
    hsa_signal_t signals[COUNT];
    hsa_signal_condition_t conditions[COUNT];
    hsa_signal_value_t operands[COUNT];
    hsa_signal_group_t group;
    for (int i = 0; i < COUNT; ++i) {
        signals[i] = e2e_signal(1);
        conditions[i] = HSA_SIGNAL_CONDITION_EQ;
        operands[i] = 0;
    }
    HSA(hsa_signal_group_create(COUNT, signals, 1, &e2e.cpu, &group));
    for (int i = COUNT - 1; i >= 0; --i) {
        hsa_signal_t signal;
        hsa_signal_value_t value;
        device_decrements(signals[i]);
        HSA(hsa_signal_group_wait_any_scacquire(group, conditions, operands, HSA_WAIT_STATE_BLOCKED,
                                                &signal, &value));
        CHECK(signal.handle == signals[i].handle && value == 0);
        hsa_signal_store_relaxed(signals[i], 1);
    }
    HSA(hsa_signal_group_destroy(group));
    for (int i = 0; i < COUNT; ++i) {
        HSA(hsa_signal_destroy(signals[i]));
    }
}

struct handled {
    hsa_signal_t signal;
    _Atomic int calls;
    _Atomic hsa_signal_value_t last;
    int wanted;
};
static _Atomic int handlers_left;

/// Has itself called again and again, each time because of the device.
static bool on_signal(hsa_signal_value_t value, void *data) {
    struct handled *handled = data;
    handled->last = value;
    if (++handled->calls == handled->wanted) {
        handlers_left--;
        return false;
    }
    hsa_signal_store_screlease(handled->signal, 10); // the condition must not hold any more
    device_decrements(handled->signal);
    return true;
}

static void hundreds_of_handlers(void) {
    enum { COUNT = 500, TIMES = 3 };
    static struct handled handled[COUNT];
    memset(handled, 0, sizeof handled);
    handlers_left = COUNT;
    for (int i = 0; i < COUNT; ++i) {
        handled[i].signal = e2e_signal(10);
        handled[i].wanted = TIMES;
        HSA(hsa_amd_signal_async_handler(handled[i].signal, HSA_SIGNAL_CONDITION_LT, 10, on_signal,
                                         &handled[i]));
    }
    for (int i = 0; i < COUNT; ++i) {
        if (i % 2) {
            hsa_signal_subtract_screlease(handled[i].signal, 1);
        } else {
            device_decrements(handled[i].signal);
        }
    }
    const double end = e2e_seconds() + 2 * E2E_WAIT_SECONDS;
    while (handlers_left > 0 && e2e_seconds() < end) {
        hsa_signal_wait_scacquire(handled[0].signal, HSA_SIGNAL_CONDITION_EQ, 77, 100000,
                                  HSA_WAIT_STATE_BLOCKED);
    }
    CHECK(handlers_left == 0, "%d handlers were not called %d times", handlers_left, TIMES);
    for (int i = 0; i < COUNT; ++i) {
        CHECK(handled[i].calls == TIMES && handled[i].last == 9, "handler %d: %d calls, last %ld",
              i, handled[i].calls, (long)handled[i].last);
        HSA(hsa_signal_destroy(handled[i].signal));
    }
}

static _Atomic int functions_called;
static void on_call(void *data) {
    functions_called += *(int *)data;
}

static void function_on_the_handlers_thread(void) {
    int one = 1;
    functions_called = 0;
    for (int i = 0; i < 20; ++i) {
        HSA(hsa_amd_async_function(on_call, &one));
    }
    const double end = e2e_seconds() + E2E_WAIT_SECONDS;
    while (functions_called < 20 && e2e_seconds() < end) {
    }
    CHECK(functions_called == 20, "%d calls", functions_called);
}

/// Beyond the driver's 4,096 events signals are waited for by looking: all complete nevertheless.
static void more_signals_than_events(void) {
    enum { COUNT = 5000 };
    static hsa_signal_t signals[COUNT];
    for (int round = 0; round < 2; ++round) {
        for (int i = 0; i < COUNT; ++i) {
            HSA(hsa_signal_create(1, 0, NULL, &signals[i]));
        }
        for (int i = 0; i < COUNT; i += i < COUNT - 200 ? 97 : 1) {
            device_decrements(signals[i]);
        }
        for (int i = 0; i < COUNT; i += i < COUNT - 200 ? 97 : 1) {
            e2e_wait(signals[i]);
        }
        for (int i = 0; i < COUNT; ++i) {
            HSA(hsa_signal_destroy(signals[i]));
        }
    }
}

struct waiter {
    hsa_signal_t signal;
    hsa_signal_value_t seen;
};

static void *wait_for_signal(void *data) {
    struct waiter *waiter = data;
    waiter->seen = hsa_signal_wait_scacquire(waiter->signal, HSA_SIGNAL_CONDITION_EQ, 0, UINT64_MAX,
                                             HSA_WAIT_STATE_BLOCKED);
    return NULL;
}

static void many_waiters_of_one_signal(void) {
    enum { THREADS = 16, ROUNDS = 20 };
    for (int round = 0; round < ROUNDS; ++round) {
        pthread_t threads[THREADS];
        struct waiter waiters[THREADS];
        const hsa_signal_t signal = e2e_signal(1);
        for (int i = 0; i < THREADS; ++i) {
            waiters[i] = (struct waiter){signal, -1};
            CHECK(pthread_create(&threads[i], NULL, wait_for_signal, &waiters[i]) == 0);
        }
        device_decrements(signal);
        for (int i = 0; i < THREADS; ++i) {
            pthread_join(threads[i], NULL);
            CHECK(waiters[i].seen == 0);
        }
        HSA(hsa_signal_destroy(signal));
    }
}

int main(void) {
    e2e_open(&e2e);
    queue = e2e_queue(&e2e, 1024);
    for (int kind = 0; kind < KINDS; ++kind) {
        each_condition((enum kind)kind, HSA_WAIT_STATE_BLOCKED);
        each_condition((enum kind)kind, HSA_WAIT_STATE_ACTIVE);
        any_of_many((enum kind)kind);
    }
    for_the_device_only();
    each_operation();
    group_of_signals();
    function_on_the_handlers_thread();
    many_waiters_of_one_signal();
    hundreds_of_handlers();
    more_signals_than_events();
    hundreds_of_handlers();
    HSA(hsa_queue_destroy(queue));
    e2e_close();
    return 0;
}
