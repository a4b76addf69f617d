/* SPDX-License-Identifier: MIT */
/// Ticks for code inside the library: the same counter as hsp_clock_ticks(), inlined.
///
/// Thread safety: all functions, from any thread.
#ifndef HSP_BASE_CLOCK_H
#define HSP_BASE_CLOCK_H

#include <hsaprobe/base.h>

#if defined(__x86_64__)
#    include <x86intrin.h>
#endif

/// A pair of readings and the slope: ns = anchor_ns + (ticks - anchor_ticks) * ns_per_tick.
struct hsp_clock_line {
    uint64_t anchor_ticks;
    uint64_t anchor_ns;
    double ns_per_tick;
};

/// Whether ticks are the processor's counter rather than nanoseconds. Set by calibration.
extern bool hsp_clock_uses_counter __attribute__((visibility("hidden")));

/// Nanoseconds per tick in 32.32 fixed point. Set by calibration.
extern uint64_t hsp_clock_ns_multiplier __attribute__((visibility("hidden")));

/// Calibrates unless that has been done.
void hsp_clock_calibrate(void);

/// Reads the counter; hsp_clock_calibrate must have been called. Earlier loads are complete.
static inline uint64_t hsp_clock_read(void) {
#if defined(__x86_64__)
    if (__builtin_expect(hsp_clock_uses_counter, 1)) {
        unsigned processor;
        return __rdtscp(&processor);
    }
#elif defined(__aarch64__)
    if (__builtin_expect(hsp_clock_uses_counter, 1)) {
        uint64_t ticks;
        __asm__ volatile("isb\n\tmrs %0, cntvct_el0" : "=r"(ticks)::"memory");
        return ticks;
    }
#endif
    return hsp_clock_ns();
}

/// hsp_clock_ticks_to_ns for hot paths; hsp_clock_calibrate must have been called.
static inline uint64_t hsp_clock_length_ns(uint64_t ticks) {
    return (uint64_t)(((unsigned __int128)ticks * hsp_clock_ns_multiplier) >> 32);
}

/// Relation of ticks to hsp_clock_ns as known now: compares the clocks anew and takes the slope
/// over the whole time since calibration. 0.3 us. For readers that convert many ticks at once.
void hsp_clock_line_get(struct hsp_clock_line *out_line);

/// ns of a tick reading on such a line; readings before the anchor are fine.
static inline uint64_t hsp_clock_line_ns(const struct hsp_clock_line *line, uint64_t ticks) {
    const double distance = (double)(int64_t)(ticks - line->anchor_ticks) * line->ns_per_tick;
    return line->anchor_ns + (uint64_t)(int64_t)distance;
}

#endif
