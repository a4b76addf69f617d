/* SPDX-License-Identifier: MIT */
#include <hsaprobe/signal.h>

#include "probe/probe.h"

#define NS_PER_S 1000000000u
// Linux steers the clock of system ticks (CLOCK_BOOTTIME) by up to 500 ppm, ours not at all.
#define NS_PER_NS_OF_DRIFT 2000u

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
    const uint64_t start_ns = to_host_ns(start, now_ticks, now_ns);
    const uint64_t age_ns = start_ns < now_ns ? now_ns - start_ns : 0;
    *out_times = (struct hsp_device_times){
        .start_ns = start_ns,
        .end_ns = to_host_ns(end, now_ticks, now_ns),
        .start_ticks = start,
        .end_ticks = end,
        .error_ns = error_ns + (age_ns + NS_PER_NS_OF_DRIFT - 1) / NS_PER_NS_OF_DRIFT,
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
