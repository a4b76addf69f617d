/* SPDX-License-Identifier: MIT */
#include "base/clock.h"

#include <pthread.h>
#include <string.h>
#include <time.h>
#if defined(__x86_64__)
#    include <cpuid.h>
#endif

#define CALIBRATION_SAMPLES 32
#define CALIBRATION_STEP_NS 300000u
#define COST_SAMPLES        64

struct sample {
    uint64_t ticks;
    uint64_t ns;
};

bool hsp_clock_uses_counter;
uint64_t hsp_clock_ns_multiplier;
static struct hsp_clock_info info;
static struct sample first_sample;
static double ns_per_tick; // of the calibration; later lines have a longer base
static pthread_once_t once = PTHREAD_ONCE_INIT;

uint64_t hsp_clock_ns(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC_RAW, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

// A counter that stops or changes its rate would make every interval wrong.
static bool counter_is_invariant(void) {
#if defined(__x86_64__)
    unsigned a, b, c, d;
    const bool has_rdtscp = __get_cpuid(0x80000001u, &a, &b, &c, &d) && (d & (1u << 27));
    return has_rdtscp && __get_cpuid(0x80000007u, &a, &b, &c, &d) && (d & (1u << 8));
#elif defined(__aarch64__)
    return true;
#else
    return false;
#endif
}

// The narrowest of a few sandwiches: the clock was read closest to the middle of its ticks.
static struct sample take_sample(void) {
    struct sample best = {0};
    uint64_t best_width = UINT64_MAX;
    for (int attempt = 0; attempt < 4; attempt++) {
        const uint64_t before = hsp_clock_read();
        const uint64_t ns = hsp_clock_ns();
        const uint64_t after = hsp_clock_read();
        if (after - before < best_width) {
            best_width = after - before;
            best = (struct sample){.ticks = before + best_width / 2, .ns = ns};
        }
    }
    return best;
}

// Least squares through the samples, relative to the first so that doubles suffice.
static void fit(const struct sample *samples, int count) {
    double sum_x = 0, sum_y = 0, sum_xx = 0, sum_xy = 0;
    for (int i = 0; i < count; i++) {
        const double x = (double)(samples[i].ticks - samples[0].ticks);
        const double y = (double)(samples[i].ns - samples[0].ns);
        sum_x += x, sum_y += y, sum_xx += x * x, sum_xy += x * y;
    }
    ns_per_tick = (count * sum_xy - sum_x * sum_y) / (count * sum_xx - sum_x * sum_x);
    const double offset = (sum_y - ns_per_tick * sum_x) / count;
    for (int i = 0; i < count; i++) {
        const double x = (double)(samples[i].ticks - samples[0].ticks);
        const double y = (double)(samples[i].ns - samples[0].ns);
        const double distance = __builtin_fabs(y - (offset + ns_per_tick * x));
        if (distance > info.residual_ns)
            info.residual_ns = distance;
    }
}

static void calibrate_counter(void) {
    struct sample samples[CALIBRATION_SAMPLES];
    for (int i = 0; i < CALIBRATION_SAMPLES; i++) {
        samples[i] = take_sample();
        while (hsp_clock_ns() - samples[i].ns < CALIBRATION_STEP_NS)
            ;
    }
    fit(samples, CALIBRATION_SAMPLES);
    first_sample = samples[0];
#if defined(__aarch64__)
    info.source = "cntvct";
#else
    info.source = "tsc";
#endif
    info.frequency_hz = 1e9 / ns_per_tick;
}

static void measure_cost(void) {
    uint64_t costs[COST_SAMPLES];
    uint64_t quantum = UINT64_MAX;
    for (int i = 0; i < COST_SAMPLES; i++) {
        const uint64_t start = hsp_clock_read();
        uint64_t last = start;
        for (int read = 0; read < 16; read++) {
            const uint64_t now = hsp_clock_read();
            if (now != last && now - last < quantum)
                quantum = now - last;
            last = now;
        }
        // Insertion keeps the few samples sorted: the median is then in the middle.
        const uint64_t cost = (last - start) / 16;
        int slot = i;
        for (; slot > 0 && costs[slot - 1] > cost; slot--)
            costs[slot] = costs[slot - 1];
        costs[slot] = cost;
    }
    info.read_cost_ns = (uint64_t)((double)costs[COST_SAMPLES / 2] * ns_per_tick + 0.5);
    info.quantum_ns = quantum == UINT64_MAX ? 0 : (uint64_t)((double)quantum * ns_per_tick + 0.5);
}

static void calibrate(void) {
    hsp_clock_uses_counter = counter_is_invariant();
    if (hsp_clock_uses_counter) {
        calibrate_counter();
    } else {
        const uint64_t now = hsp_clock_ns();
        first_sample = (struct sample){.ticks = now, .ns = now};
        ns_per_tick = 1;
        info.source = "clock_monotonic_raw";
        info.frequency_hz = 1e9;
    }
    hsp_clock_ns_multiplier = (uint64_t)(ns_per_tick * 4294967296.0 + 0.5);
    measure_cost();
}

void hsp_clock_calibrate(void) {
    pthread_once(&once, calibrate);
}

uint64_t hsp_clock_ticks(void) {
    hsp_clock_calibrate();
    return hsp_clock_read();
}

uint64_t hsp_clock_ticks_to_ns(uint64_t ticks) {
    hsp_clock_calibrate();
    return hsp_clock_length_ns(ticks);
}

void hsp_clock_line_get(struct hsp_clock_line *out_line) {
    hsp_clock_calibrate();
    if (!hsp_clock_uses_counter) {
        *out_line = (struct hsp_clock_line){.ns_per_tick = 1};
        return;
    }
    const struct sample now = take_sample();
    // Until the base is ten times the calibration's, the fit over many samples is the better slope.
    const uint64_t base_ns = now.ns - first_sample.ns;
    const bool is_long = base_ns > 10ull * CALIBRATION_SAMPLES * CALIBRATION_STEP_NS;
    *out_line = (struct hsp_clock_line){
        .anchor_ticks = now.ticks,
        .anchor_ns = now.ns,
        .ns_per_tick =
            is_long ? (double)base_ns / (double)(now.ticks - first_sample.ticks) : ns_per_tick,
    };
}

uint64_t hsp_clock_ticks_at_ns(uint64_t ticks) {
    struct hsp_clock_line line;
    hsp_clock_line_get(&line);
    return hsp_clock_line_ns(&line, ticks);
}

void hsp_clock_info_get(struct hsp_clock_info *out_info) {
    hsp_clock_calibrate();
    *out_info = info;
}
