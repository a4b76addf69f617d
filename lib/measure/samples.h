/* SPDX-License-Identifier: MIT */
/// All raw samples of a measurement: what rounds, restarts of the process and files have in common.
///
/// A series is one metric of one arm in one workload ("empty", "alloc 1 MiB"), at one gap between
/// launches. Its samples lie in bursts: those that one round of one process took. Nothing that
/// was measured is left out or changed; what is derived is computed from here (estimate.h), and
/// hsaprobe-samples(5) is this structure as a file.
///
/// A layer is a name for the paired difference of two arms of a workload.
///
/// Thread safety: one caller at a time.
#ifndef HSP_MEASURE_SAMPLES_H
#define HSP_MEASURE_SAMPLES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "measure/rounds.h"

/// Where values come from.
enum hsp_source { HSP_SOURCE_MEASURED, HSP_SOURCE_MODELLED, HSP_SOURCE_DERIVED };

/// One round's samples of a series.
struct hsp_burst {
    uint32_t process; ///< restart of the process, from 0
    uint32_t round;   ///< within the process, from 0
    size_t first;     ///< index of its first value
    uint32_t count;
    struct hsp_burst_tags tags;
};

struct hsp_series {
    char *workload;
    char *arm;
    char *metric;    ///< "submit", "round trip", ...
    uint64_t gap_ns; ///< idle time before each launch; 0: none
    enum hsp_source source;
    /// Not 0: value i of a burst is the time of sizes[i] launches in a row, and the burst stands
    /// for the slope; else the values are times of one launch, and it stands for their median.
    uint32_t size_count;
    uint32_t sizes[HSP_ROUNDS_SIZES_MAX];
    double *values; ///< ns
    size_t value_count;
    size_t value_capacity;
    struct hsp_burst *bursts; ///< in ascending order of process and round
    size_t burst_count;
    size_t burst_capacity;
};

/// A layer of a workload: `upper` minus `lower`.
struct hsp_named_layer {
    char *workload;
    char *name;
    char *upper; ///< an arm
    char *lower; ///< an arm
};

struct hsp_samples {
    struct hsp_series **series; ///< in the order of addition
    size_t series_count;
    struct hsp_named_layer *layers; ///< in the order of addition: within a workload, lowest first
    size_t layer_count;
    uint32_t process_count; ///< one more than the highest process of any burst
};

/// NULL when memory is exhausted.
struct hsp_samples *hsp_samples_create(void);
/// NULL is fine.
void hsp_samples_destroy(struct hsp_samples *samples);

/// The series with this name, made if it isn't there. The strings are copied. NULL when memory is
/// exhausted. The pointer stays valid as long as `samples`.
struct hsp_series *hsp_samples_series(struct hsp_samples *samples, const char *workload,
                                      const char *arm, const char *metric, uint64_t gap_ns,
                                      enum hsp_source source);
/// The series with this name, or NULL.
const struct hsp_series *hsp_samples_find(const struct hsp_samples *samples, const char *workload,
                                          const char *arm, const char *metric, uint64_t gap_ns);
/// Adds one round's values (copied). `tags` may be NULL. Rounds are added in ascending order of
/// process and round. Returns 0; -EINVAL for a round out of order, no values, a value that isn't
/// finite, more than HSP_ROUNDS_BURST_MAX, or other than size_count of a series that has sizes; or
/// -ENOMEM.
int hsp_series_add(struct hsp_samples *samples, struct hsp_series *series, uint32_t process,
                   uint32_t round, const double *values, uint32_t count,
                   const struct hsp_burst_tags *tags);
/// Adds a layer (copied). Returns 0 or -ENOMEM. A layer that is already there is kept once.
int hsp_samples_layer(struct hsp_samples *samples, const char *workload, const char *name,
                      const char *upper, const char *lower);

/// Adds everything that rounds gave as process `process`. `software`: the time on the caller's
/// thread is the software GPU's and gets its own series; else there is none. Returns 0 or -ENOMEM.
int hsp_samples_take_rounds(struct hsp_samples *samples, const char *workload, uint64_t gap_ns,
                            uint32_t process, const struct hsp_arm *arms,
                            const struct hsp_rounds_result *result, bool software);

/// The value that a burst stands for: the median, or the slope by least squares where the series
/// has sizes.
double hsp_series_burst_value(const struct hsp_series *series, size_t burst);

/// What a series of this metric is called: "submit", "round trip", "submit, slope", ...
const char *hsp_metric_name(enum hsp_metric metric);
/// "measured", "modelled", "derived".
const char *hsp_source_name(enum hsp_source source);

#endif
