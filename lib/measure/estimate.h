/* SPDX-License-Identifier: MIT */
/// Values with intervals from series, on two levels: rounds within a process, and processes.
///
/// A process's value is the median of its rounds' values. The estimate is the mean of the
/// processes' values. Its interval has two parts, put together as squares:
///
/// * within: the rounds of every process are resampled in circular blocks (autocorrelation
///   survives) and the percentiles of the resampled estimate are taken;
/// * between: by how much the processes differ more than their rounds explain (the variance of the
///   processes' values less the mean variance of their resamples, where that is positive), over
///   the number of processes, times Student's t with one less degree of freedom.
///
/// Resampling a handful of processes, as a plain hierarchical bootstrap does, makes intervals too
/// narrow; t doesn't, and where processes don't differ it costs nothing. With one process the
/// second part is unknown and left out.
///
/// All functions are deterministic and return 0; -EINVAL when there are no rounds (or none that
/// both series have); or -ENOMEM. *out_estimate is set only on success.
#ifndef HSP_MEASURE_ESTIMATE_H
#define HSP_MEASURE_ESTIMATE_H

#include "measure/samples.h"

struct hsp_estimate {
    double value;
    struct hsp_interval interval;
    double within_variance;  ///< of a process's value, by resampling
    double between_variance; ///< of the processes' values; 0 with one process
    uint32_t process_count;
    size_t round_count; ///< of all processes
};

/// The value of a series.
int hsp_estimate_series(const struct hsp_series *series, const struct hsp_bootstrap *options,
                        struct hsp_estimate *out_estimate);
/// `upper` minus `lower`, paired by process and round.
int hsp_estimate_difference(const struct hsp_series *upper, const struct hsp_series *lower,
                            const struct hsp_bootstrap *options, struct hsp_estimate *out_estimate);
/// How far the layers are from adding up: `chain` is arms from the lowest to the highest; the value
/// of the lowest and all differences of neighbours, less the value of the highest. 0 would be for
/// means; medians need not add up. `count` is 1 to 16.
int hsp_estimate_residual(const struct hsp_series *const *chain, size_t count,
                          const struct hsp_bootstrap *options, struct hsp_estimate *out_estimate);
/// The processes' values, at most `capacity` of them; returns how many there are in all.
size_t hsp_estimate_processes(const struct hsp_series *series, double *out_values, size_t capacity);

#endif
