/* SPDX-License-Identifier: MIT */
/// Profiling: a dispatch's and a copy's times lie between the host's times around them, in order,
/// also converted; and only where profiling is on.
#include "e2e.h"

#include <string.h>

static struct e2e e2e;

static uint64_t system_now(void) {
    uint64_t now;
    HSA(hsa_system_get_info(HSA_SYSTEM_INFO_TIMESTAMP, &now));
    return now;
}

static uint64_t ticks_per_ms(void) {
    uint64_t frequency;
    HSA(hsa_system_get_info(HSA_SYSTEM_INFO_TIMESTAMP_FREQUENCY, &frequency));
    return frequency / 1000;
}

static void dispatches(void) {
    enum { COUNT = 20 };
    struct e2e_kernel spin;
    e2e_kernel(&e2e, "spin", &spin);
    hsa_queue_t *queue = e2e_queue(&e2e, 64);
    struct {
        uint64_t ticks, *stamps;
    } *args = e2e_alloc(&e2e, e2e.kernarg, 4096);
    uint64_t *stamps = e2e_alloc(&e2e, e2e.host, 4096);
    HSA(hsa_amd_profiling_set_profiler_enabled(queue, 1));
    uint64_t last_end = 0;
    const uint64_t slack = ticks_per_ms(); // the two clocks are fitted to each other
    for (uint64_t i = 0; i < COUNT; ++i) {
        const hsa_signal_t done = e2e_signal(1);
        hsa_amd_profiling_dispatch_time_t time;
        args[i].ticks = i * 1000; // 10 us each
        args[i].stamps = stamps + 2 * i;
        const uint64_t before = system_now();
        e2e_dispatch(queue, &spin, 64, 64, &args[i], done);
        e2e_wait(done);
        const uint64_t after = system_now();
        HSA(hsa_amd_profiling_get_dispatch_time(e2e.gpu, done, &time));
        CHECK(time.start + slack >= before && time.start <= time.end && time.end <= after + slack,
              "%lu: %lu %lu %lu %lu", (unsigned long)i, (unsigned long)before,
              (unsigned long)time.start, (unsigned long)time.end, (unsigned long)after);
        CHECK(time.start + slack >= last_end, "starts before the one before ended");
        const double ms = (double)(time.end - time.start) / (double)ticks_per_ms();
        CHECK(ms >= (double)i * 0.01 * 0.98, "%g ms for %lu ticks", ms,
              (unsigned long)args[i].ticks);
        // The kernel's own clock, converted, lies within.
        uint64_t begin;
        HSA(hsa_amd_profiling_convert_tick_to_system_domain(e2e.gpu, stamps[2 * i], &begin));
        CHECK(begin + slack >= time.start && begin <= time.end + slack, "%lu is not in %lu..%lu",
              (unsigned long)begin, (unsigned long)time.start, (unsigned long)time.end);
        last_end = time.end;
        HSA(hsa_signal_destroy(done));
    }
    HSA(hsa_amd_profiling_set_profiler_enabled(queue, 0));
    HSA(hsa_queue_destroy(queue));
}

static void copies(void) {
    enum { BYTES = 8 << 20 };
    char *host = e2e_alloc(&e2e, e2e.host, BYTES), *device = e2e_alloc(&e2e, e2e.device, BYTES);
    const uint64_t slack = ticks_per_ms();
    HSA(hsa_amd_profiling_async_copy_enable(true));
    for (int i = 0; i < 6; ++i) {
        const hsa_signal_t done = e2e_signal(1);
        hsa_amd_profiling_async_copy_time_t time;
        const uint64_t before = system_now();
        HSA(hsa_amd_memory_async_copy(i % 2 ? host : device, i % 2 ? e2e.cpu : e2e.gpu,
                                      i % 2 ? device : host, i % 2 ? e2e.gpu : e2e.cpu, BYTES, 0,
                                      NULL, done));
        e2e_wait(done);
        const uint64_t after = system_now();
        HSA(hsa_amd_profiling_get_async_copy_time(done, &time));
        CHECK(time.start < time.end, "%lu %lu", (unsigned long)time.start, (unsigned long)time.end);
        CHECK(time.start + slack >= before && time.end <= after + slack);
        HSA(hsa_signal_destroy(done));
    }
    HSA(hsa_amd_profiling_async_copy_enable(false));
    HSA(hsa_amd_memory_pool_free(host));
    HSA(hsa_amd_memory_pool_free(device));
}

int main(void) {
    e2e_open(&e2e);
    dispatches();
    copies();
    e2e_close();
    return 0;
}
