/* SPDX-License-Identifier: MIT */
/// The device's clocks, derived from the host's so that the driver's clock counters, packet
/// timestamps and s_memrealtime agree. Async-signal-safe, any thread, about 20 ns.
#ifndef SG_CLOCK_H
#define SG_CLOCK_H

#include <stdint.h>
#include <time.h>

#define SG_CLOCK_REAL_HZ UINT64_C(100000000)  ///< constant counter of gfx90a
#define SG_CLOCK_CORE_HZ UINT64_C(1700000000) ///< engine clock of an MI210

/// Nanoseconds of the clock that the kernel driver reports as system time.
static inline uint64_t sg_clock_ns(void) {
    struct timespec now;
    clock_gettime(CLOCK_BOOTTIME, &now);
    return (uint64_t)now.tv_sec * UINT64_C(1000000000) + (uint64_t)now.tv_nsec;
}
/// The 100 MHz counter: timestamps in signals, s_memrealtime.
static inline uint64_t sg_clock_real_ticks(void) {
    return sg_clock_ns() / (UINT64_C(1000000000) / SG_CLOCK_REAL_HZ);
}
/// The core clock, always at its maximum: s_memtime.
static inline uint64_t sg_clock_core_ticks(void) {
    const uint64_t ns = sg_clock_ns();
    return ns + ns / 10 * 7; /* 1.7 ticks a ns; the rounding of 0.7 * ns is under 7 ticks */
}

#endif
