/* SPDX-License-Identifier: MIT */
/// Times of dispatches and copies: begin <= end, in the order of execution, within the host's own
/// interval around them, and as long as a kernel of known length ran.
#include "e2e.h"

enum { ROUNDS = 30 };

static uint64_t system_ticks(void) {
    uint64_t ticks;
    HSA(hsa_system_get_info(HSA_SYSTEM_INFO_TIMESTAMP, &ticks));
    return ticks;
}

static uint64_t per_second(void) {
    uint64_t hz;
    HSA(hsa_system_get_info(HSA_SYSTEM_INFO_TIMESTAMP_FREQUENCY, &hz));
    CHECK(hz >= 1000000, "%lu ticks per second", hz);
    return hz;
}

static void kernels(const struct e2e *e2e, hsa_queue_t *queue) {
    const uint64_t ms = per_second() / 1000;
    const uint64_t slack = ms / 5; // the two clocks are converted by interpolation
    struct e2e_kernel kernel;
    e2e_kernel(e2e, "spin", &kernel);
    uint64_t *stamps = e2e_alloc(e2e, e2e->host, 4096);
    struct {
        uint64_t ticks;
        uint64_t *stamps;
    } *args = e2e_alloc(e2e, e2e->kernarg, 4096);
    args->ticks = 100000; // 1 ms of the 100 MHz clock
    args->stamps = stamps;
    uint64_t last_end = 0;
    for (int i = 0; i < ROUNDS; ++i) {
        hsa_amd_profiling_dispatch_time_t time = {0};
        const hsa_signal_t done = e2e_signal(1);
        const uint64_t before = system_ticks();
        e2e_dispatch(queue, &kernel, 64, 64, args, done);
        e2e_wait(done);
        const uint64_t after = system_ticks();
        HSA(hsa_amd_profiling_get_dispatch_time(e2e->gpu, done, &time));
        CHECK(time.end - time.start >= ms - slack && time.end >= time.start,
              "1 ms of kernel took %lu ticks", time.end - time.start);
        CHECK(time.start + slack >= before && time.end <= after + slack,
              "kernel at %lu..%lu, host %lu..%lu", time.start, time.end, before, after);
        CHECK(time.start + slack >= last_end, "round %d began before the last one's end", i);
        CHECK(stamps[1] - stamps[0] >= args->ticks, "the kernel's own clock");
        last_end = time.end;
        HSA(hsa_signal_destroy(done));
    }
}

static void copies(const struct e2e *e2e) {
    const size_t bytes = 8u << 20;
    const uint64_t slack = per_second() / 5000;
    void *host = e2e_alloc(e2e, e2e->host, bytes);
    void *device = e2e_alloc(e2e, e2e->device, bytes);
    for (int i = 0; i < ROUNDS; ++i) {
        hsa_amd_profiling_async_copy_time_t time = {0};
        const hsa_signal_t done = e2e_signal(1);
        const uint64_t before = system_ticks();
        HSA(hsa_amd_memory_async_copy(device, e2e->gpu, host, e2e->cpu, bytes, 0, NULL, done));
        e2e_wait(done);
        const uint64_t after = system_ticks();
        HSA(hsa_amd_profiling_get_async_copy_time(done, &time));
        CHECK(time.start && time.end > time.start, "copy at %lu..%lu", time.start, time.end);
        CHECK(time.start + slack >= before && time.end <= after + slack,
              "copy at %lu..%lu, host %lu..%lu", time.start, time.end, before, after);
        HSA(hsa_signal_destroy(done));
    }
}

/// GPU ticks converted to system time keep their order.
static void conversion(const struct e2e *e2e) {
    uint64_t now = 0;
    uint64_t last = 0;
    for (uint64_t tick = 1; tick < 1000; ++tick) {
        HSA(hsa_amd_profiling_convert_tick_to_system_domain(e2e->gpu, tick * 1000000, &now));
        CHECK(now > last, "tick %lu000000 is %lu, the one before %lu", tick, now, last);
        last = now;
    }
}

int main(void) {
    struct e2e e2e;
    e2e_open(&e2e);
    hsa_queue_t *queue = e2e_queue(&e2e, 64);
    HSA(hsa_amd_profiling_set_profiler_enabled(queue, 1));
    HSA(hsa_amd_profiling_async_copy_enable(true));
    kernels(&e2e, queue);
    copies(&e2e);
    conversion(&e2e);
    e2e_close();
    return 0;
}
