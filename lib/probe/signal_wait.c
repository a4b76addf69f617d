/* SPDX-License-Identifier: MIT */
#include <hsaprobe/signal.h>

#include <stdatomic.h>
#include <stdlib.h>

#include "probe/probe.h"

#define NS_PER_S        1000000000u
#define WAIT_ANY_MAX    65536u
#define WAIT_ANY_INLINE 64u

static bool holds(enum hsp_condition condition, int64_t left, int64_t right) {
    switch (condition) {
    case HSP_CONDITION_EQ:
        return left == right;
    case HSP_CONDITION_NE:
        return left != right;
    case HSP_CONDITION_LT:
        return left < right;
    case HSP_CONDITION_GTE:
        return left >= right;
    }
    return false;
}

static uint64_t ns_to_system_ticks(uint64_t ns) {
    const uint64_t hz = hsp_runtime_get()->timestamp_frequency_hz;
    const unsigned __int128 ticks = (unsigned __int128)ns * hz / NS_PER_S;
    return ticks >= UINT64_MAX ? UINT64_MAX - 1 : (uint64_t)ticks + 1;
}

// What is left of a timeout, in the runtime's ticks.
struct deadline {
    uint64_t start_ns;
    uint64_t timeout_ns;
};

static struct deadline deadline_start(uint64_t timeout_ns) {
    return (struct deadline){
        .start_ns = timeout_ns == HSP_WAIT_FOREVER ? 0 : hsp_clock_ns(),
        .timeout_ns = timeout_ns,
    };
}

// False once the time is over.
static bool deadline_left(const struct deadline *deadline, uint64_t *ticks) {
    if (deadline->timeout_ns == HSP_WAIT_FOREVER) {
        *ticks = UINT64_MAX;
        return true;
    }
    const uint64_t waited_ns = hsp_clock_ns() - deadline->start_ns;
    if (waited_ns >= deadline->timeout_ns)
        return false;
    *ticks = ns_to_system_ticks(deadline->timeout_ns - waited_ns);
    return true;
}

static hsp_status check_condition(enum hsp_condition condition) {
    if ((unsigned)condition <= HSP_CONDITION_GTE)
        return HSP_OK;
    return hsp_fail(HSP_ERROR_INVALID_ARGUMENT, "condition %d is unknown", (int)condition);
}

hsp_status hsp_signal_wait(hsa_signal_t signal, enum hsp_condition condition, int64_t value,
                           uint64_t timeout_ns, enum hsp_wait_state state, int64_t *out_value) {
    hsp_status status = hsp_runtime_require();
    if (status == HSP_OK)
        status = check_condition(condition);
    if (status != HSP_OK)
        return status;
    const struct deadline deadline = deadline_start(timeout_ns);
    uint64_t ticks = timeout_ns == HSP_WAIT_FOREVER ? UINT64_MAX : ns_to_system_ticks(timeout_ns);
    for (;;) {
        const int64_t seen = HSP_HSA(hsa_signal_wait_scacquire)(
            signal, (hsa_signal_condition_t)condition, value, ticks, (hsa_wait_state_t)state);
        const bool is_met = holds(condition, seen, value);
        if (is_met || !deadline_left(&deadline, &ticks)) {
            if (out_value)
                *out_value = seen;
            return is_met ? HSP_OK : HSP_ERROR_TIMEOUT;
        }
    }
}

// The three lists that HSA takes.
struct wait_lists {
    hsa_signal_t *signals;
    hsa_signal_condition_t *conditions;
    hsa_signal_value_t *values;
};

static hsp_status wait_any_in(const struct wait_lists *lists, uint32_t count, uint64_t timeout_ns,
                              enum hsp_wait_state state, size_t *out_index, int64_t *out_value) {
    const struct deadline deadline = deadline_start(timeout_ns);
    uint64_t ticks = timeout_ns == HSP_WAIT_FOREVER ? UINT64_MAX : ns_to_system_ticks(timeout_ns);
    for (;;) {
        hsa_signal_value_t seen = 0;
        const uint32_t index =
            HSP_HSA(hsa_amd_signal_wait_any)(count, lists->signals, lists->conditions,
                                             lists->values, ticks, (hsa_wait_state_t)state, &seen);
        if (index < count) {
            atomic_thread_fence(memory_order_acquire);
            *out_index = index;
            if (out_value)
                *out_value = seen;
            return HSP_OK;
        }
        if (!deadline_left(&deadline, &ticks))
            return HSP_ERROR_TIMEOUT;
    }
}

hsp_status hsp_signal_wait_any(const struct hsp_signal_wait_item *items, size_t count,
                               uint64_t timeout_ns, enum hsp_wait_state state, size_t *out_index,
                               int64_t *out_value) {
    hsp_status status = hsp_runtime_require();
    if (status != HSP_OK)
        return status;
    if (count == 0 || count > WAIT_ANY_MAX)
        return hsp_fail(HSP_ERROR_INVALID_ARGUMENT,
                        "waiting for %zu conditions: expected 1 to %u of them", count,
                        WAIT_ANY_MAX);
    for (size_t i = 0; i < count && status == HSP_OK; i++)
        status = check_condition(items[i].condition);
    if (status != HSP_OK)
        return status;
    hsa_signal_t signals[WAIT_ANY_INLINE];
    hsa_signal_condition_t conditions[WAIT_ANY_INLINE];
    hsa_signal_value_t values[WAIT_ANY_INLINE];
    struct wait_lists lists = {signals, conditions, values};
    void *block = NULL;
    if (count > WAIT_ANY_INLINE) {
        const size_t bytes_each = sizeof(signals[0]) + sizeof(conditions[0]) + sizeof(values[0]);
        block = malloc(count * bytes_each);
        if (!block)
            return hsp_fail_memory("conditions to wait for");
        lists.signals = block;
        lists.values = (hsa_signal_value_t *)(void *)(lists.signals + count);
        lists.conditions = (hsa_signal_condition_t *)(void *)(lists.values + count);
    }
    for (size_t i = 0; i < count; i++) {
        lists.signals[i] = items[i].signal;
        lists.conditions[i] = (hsa_signal_condition_t)items[i].condition;
        lists.values[i] = items[i].value;
    }
    status = wait_any_in(&lists, (uint32_t)count, timeout_ns, state, out_index, out_value);
    free(block);
    return status;
}

hsp_status hsp_signal_on(hsa_signal_t signal, enum hsp_condition condition, int64_t value,
                         hsp_signal_handler handler, void *data) {
    if (!handler)
        return hsp_fail(HSP_ERROR_INVALID_ARGUMENT, "no handler was given for the signal");
    const hsp_status status = check_condition(condition);
    if (status != HSP_OK)
        return status;
    return HSP_HSA_CALL(hsa_amd_signal_async_handler,
                        (signal, (hsa_signal_condition_t)condition, value, handler, data));
}
