/* SPDX-License-Identifier: MIT */
#include <hsaprobe/signal.h>

#include <stdlib.h>

#include "base/clock.h"
#include "probe/probe.h"

#define NS_PER_S 1000000000u

static hsp_status create_with(int64_t initial, const hsa_agent_t *consumers, uint32_t count,
                              bool busy_wait, hsa_signal_t *signal) {
    if (busy_wait)
        return HSP_HSA_CALL(hsa_amd_signal_create,
                            (initial, count, consumers, HSA_AMD_SIGNAL_AMD_GPU_ONLY, signal));
    return HSP_HSA_CALL(hsa_signal_create, (initial, count, consumers, signal));
}

hsp_status hsp_signal_create(int64_t initial, const struct hsp_signal_options *options,
                             hsa_signal_t *out_signal) {
    hsp_status status = hsp_runtime_require();
    if (status != HSP_OK)
        return status;
    struct hsp_signal_options chosen = {0};
    status = hsp_options_read(options, &chosen, sizeof(chosen), "signal options");
    if (status != HSP_OK)
        return status;
    if (chosen.consumer_count > hsp_agent_count())
        return hsp_fail(HSP_ERROR_INVALID_ARGUMENT,
                        "%zu consumers of a signal: there are %zu agents", chosen.consumer_count,
                        hsp_agent_count());
    hsa_agent_t *handles = NULL;
    if (chosen.consumer_count > 0) {
        handles = malloc(chosen.consumer_count * sizeof(*handles));
        if (!handles)
            return hsp_fail_memory("a signal's consumers");
        for (size_t i = 0; i < chosen.consumer_count; i++)
            handles[i] = chosen.consumers[i]->handle;
    }
    hsa_signal_t signal = {0};
    status =
        create_with(initial, handles, (uint32_t)chosen.consumer_count, chosen.busy_wait, &signal);
    free(handles);
    if (status == HSP_OK)
        *out_signal = signal;
    return status;
}

void hsp_signal_destroy(hsa_signal_t signal) {
    if (signal.handle)
        HSP_HSA(hsa_signal_destroy)(signal);
}

int64_t hsp_signal_load_relaxed(hsa_signal_t signal) {
    return HSP_HSA(hsa_signal_load_relaxed)(signal);
}

int64_t hsp_signal_load_acquire(hsa_signal_t signal) {
    return HSP_HSA(hsa_signal_load_scacquire)(signal);
}

void hsp_signal_store_relaxed(hsa_signal_t signal, int64_t value) {
    HSP_HSA(hsa_signal_store_relaxed)(signal, value);
}

void hsp_signal_store_release(hsa_signal_t signal, int64_t value) {
    HSP_HSA(hsa_signal_store_screlease)(signal, value);
}

void hsp_signal_silent_store_relaxed(hsa_signal_t signal, int64_t value) {
    HSP_HSA(hsa_signal_silent_store_relaxed)(signal, value);
}

void hsp_signal_silent_store_release(hsa_signal_t signal, int64_t value) {
    HSP_HSA(hsa_signal_silent_store_screlease)(signal, value);
}

#define UPDATE_ORDER(op, order, hsa_order)                                                         \
    void hsp_signal_##op##_##order(hsa_signal_t signal, int64_t value) {                           \
        HSP_HSA(hsa_signal_##op##_##hsa_order)(signal, value);                                     \
    }
#define UPDATE(op)                                                                                 \
    UPDATE_ORDER(op, relaxed, relaxed)                                                             \
    UPDATE_ORDER(op, acquire, scacquire)                                                           \
    UPDATE_ORDER(op, release, screlease)                                                           \
    UPDATE_ORDER(op, acq_rel, scacq_screl)
UPDATE(add)
UPDATE(subtract)
UPDATE(and)
UPDATE(or)
UPDATE(xor)

#define SWAP_ORDER(order, hsa_order)                                                               \
    int64_t hsp_signal_exchange_##order(hsa_signal_t signal, int64_t value) {                      \
        return HSP_HSA(hsa_signal_exchange_##hsa_order)(signal, value);                            \
    }                                                                                              \
    int64_t hsp_signal_cas_##order(hsa_signal_t signal, int64_t expected, int64_t value) {         \
        return HSP_HSA(hsa_signal_cas_##hsa_order)(signal, expected, value);                       \
    }
SWAP_ORDER(relaxed, relaxed)
SWAP_ORDER(acquire, scacquire)
SWAP_ORDER(release, screlease)
SWAP_ORDER(acq_rel, scacq_screl)

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

hsp_status hsp_signal_wait(hsa_signal_t signal, enum hsp_condition condition, int64_t value,
                           uint64_t timeout_ns, enum hsp_wait_state state, int64_t *out_value) {
    const hsp_status status = hsp_runtime_require();
    if (status != HSP_OK)
        return status;
    const bool forever = timeout_ns == HSP_WAIT_FOREVER;
    const uint64_t start_ns = forever ? 0 : hsp_clock_ns();
    uint64_t ticks = forever ? UINT64_MAX : ns_to_system_ticks(timeout_ns);
    for (;;) {
        const int64_t seen = HSP_HSA(hsa_signal_wait_scacquire)(
            signal, (hsa_signal_condition_t)condition, value, ticks, (hsa_wait_state_t)state);
        const bool is_met = holds(condition, seen, value);
        uint64_t waited_ns = 0;
        if (!is_met && !forever)
            waited_ns = hsp_clock_ns() - start_ns;
        if (is_met || (!forever && waited_ns >= timeout_ns)) {
            if (out_value)
                *out_value = seen;
            return is_met ? HSP_OK : HSP_ERROR_TIMEOUT;
        }
        if (!forever)
            ticks = ns_to_system_ticks(timeout_ns - waited_ns);
    }
}

// Relation of system ticks to the library's clock: the narrowest of a few sandwiches.
static hsp_status read_both_clocks(uint64_t *ticks, uint64_t *ns, uint64_t *half_width_ns) {
    uint64_t best = UINT64_MAX;
    for (int attempt = 0; attempt < 8; attempt++) {
        uint64_t now_ticks = 0;
        const uint64_t before = hsp_clock_ns();
        const hsp_status status =
            HSP_HSA_CALL(hsa_system_get_info, (HSA_SYSTEM_INFO_TIMESTAMP, &now_ticks));
        const uint64_t after = hsp_clock_ns();
        if (status != HSP_OK)
            return status;
        if (after - before < best) {
            best = after - before;
            *ticks = now_ticks;
            *ns = before + best / 2;
        }
    }
    *half_width_ns = (best + 1) / 2;
    return HSP_OK;
}

static uint64_t to_host_ns(uint64_t ticks, uint64_t now_ticks, uint64_t now_ns) {
    const uint64_t hz = hsp_runtime_get()->timestamp_frequency_hz;
    const __int128 distance = (__int128)ticks - (__int128)now_ticks;
    return now_ns + (uint64_t)(int64_t)(distance * NS_PER_S / (__int128)hz);
}

static hsp_status convert_times(uint64_t start, uint64_t end, struct hsp_device_times *out_times) {
    uint64_t now_ticks = 0, now_ns = 0, error_ns = 0;
    const hsp_status status = read_both_clocks(&now_ticks, &now_ns, &error_ns);
    if (status != HSP_OK)
        return status;
    *out_times = (struct hsp_device_times){
        .start_ns = to_host_ns(start, now_ticks, now_ns),
        .end_ns = to_host_ns(end, now_ticks, now_ns),
        .start_ticks = start,
        .end_ticks = end,
        .error_ns = error_ns,
    };
    return HSP_OK;
}

hsp_status hsp_signal_dispatch_times(hsa_signal_t signal, const struct hsp_agent *agent,
                                     struct hsp_device_times *out_times) {
    hsp_status status = hsp_runtime_require();
    if (status != HSP_OK)
        return status;
    hsa_amd_profiling_dispatch_time_t time = {0};
    status = HSP_HSA_CALL(hsa_amd_profiling_get_dispatch_time, (agent->handle, signal, &time));
    if (status != HSP_OK)
        return status;
    if (time.end == 0)
        return hsp_fail(HSP_ERROR_NOT_FOUND,
                        "the signal carries no times: profiling was off or nothing completed it");
    return convert_times(time.start, time.end, out_times);
}

hsp_status hsp_signal_time_copies(bool enable) {
    const hsp_status status = hsp_runtime_require();
    if (status != HSP_OK)
        return status;
    return HSP_HSA_CALL(hsa_amd_profiling_async_copy_enable, (enable));
}

hsp_status hsp_signal_copy_times(hsa_signal_t signal, struct hsp_device_times *out_times) {
    hsp_status status = hsp_runtime_require();
    if (status != HSP_OK)
        return status;
    hsa_amd_profiling_async_copy_time_t time = {0};
    status = HSP_HSA_CALL(hsa_amd_profiling_get_async_copy_time, (signal, &time));
    if (status != HSP_OK)
        return status;
    return convert_times(time.start, time.end, out_times);
}
