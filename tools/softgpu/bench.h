/* SPDX-License-Identifier: MIT */
/// What is measured, and the results.
#ifndef SOFTGPU_BENCH_BENCH_H
#define SOFTGPU_BENCH_BENCH_H

#include "device.h"

enum { LEVEL_FIRST = 2, LEVEL_LAST = 4, LEVEL_COUNT = LEVEL_LAST - LEVEL_FIRST + 1 };

/// Samples of one thing; each is a time per unit in nanoseconds.
struct series {
    double *samples;
    uint32_t count;
};

/// Something to measure: run it once per round on each device and keep a sample.
struct subject {
    const char *name;  ///< "v_fma_f32", "matmul"
    const char *group; ///< "VALU", "kernels -O3"
    const char *what;  ///< for people
    const char *unit;  ///< "ns/instruction", "ms"
    struct launch launch;
    uint64_t unit_count;        ///< the run's time is divided by this; for whole kernels 1000000
    bool forgets_code;          ///< decoding is part of the run
    uint64_t instruction_count; ///< wave instructions of a run of a whole kernel; 0: of no interest
    struct series series[LEVEL_COUNT];
};

/// Adds the subjects; the memory that they use is mapped into every device of `devices`.
size_t families_add(struct subject *subjects, struct device **devices, size_t device_count);
size_t kernels_add(struct subject *subjects, struct device **devices, size_t device_count);
enum { SUBJECTS_MAX = 128 };

/// Ends the program if the whole kernels' results are not right.
void kernels_check(void);

/// This thread's processor time and wall time.
double cpu_ns(void);
double wall_ns(void);

/// Smallest, median and 90th percentile; sorts the samples.
struct spread {
    double min, median, p90;
};
struct spread series_spread(struct series *series);

/// `threads` threads against one: the software GPU's scaling beside that of a native control, in
/// interleaved rounds of the same run. Prints a table or JSON.
void scaling_run(uint32_t level, uint32_t threads, uint32_t rounds, bool json);

#endif
