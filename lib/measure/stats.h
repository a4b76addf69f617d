/* SPDX-License-Identifier: MIT */
/// Statistics of samples: order statistics, medians with bootstrap intervals.
///
/// Nothing is trimmed anywhere. All functions are pure apart from hsp_stats_median_inplace, need no
/// lock, and are deterministic: the same values, options and seed give the same bits.
#ifndef HSP_MEASURE_STATS_H
#define HSP_MEASURE_STATS_H

#include <stddef.h>
#include <stdint.h>

/// Order statistics of a set of samples, in the unit of the samples. All zero when count is 0.
struct hsp_summary {
    size_t count;
    double min;
    double p5;
    double p25;
    double median;
    double p75;
    double p95;
    double p99;
    double p999; ///< 99.9; fewer than some 1000 samples make it hardly less than the maximum
    double max;
    double mean;
    double mad; ///< median absolute deviation from the median, unscaled
};

/// A sample above the third quartile by more than this many times the interquartile range is an
/// outlier (Tukey's far out). Outliers are counted and shown, never left out.
#define HSP_OUTLIER_RANGES 3.0

/// A two-sided interval, in the unit of the samples.
struct hsp_interval {
    double low;
    double high;
};

/// How to resample. Zero in resample_count, block_length or confidence takes the default.
struct hsp_bootstrap {
    uint64_t seed;           ///< of the generator; any value
    uint32_t resample_count; ///< default 1000
    uint32_t block_length;   ///< consecutive samples drawn together, so that autocorrelation
                             ///< survives; default ceil(count^(1/3)); 1 draws independently
    double confidence;       ///< in (0, 1); default 0.95
};

/// A small random generator (splitmix64, Steele, Lea and Flood 2014). Not for secrets.
struct hsp_random {
    uint64_t state; ///< the seed at first; any value
};
/// The next 64 random bits.
uint64_t hsp_random_next(struct hsp_random *random);
/// A random index below `bound`, unbiased to 2^-64 * bound; bound must not be 0.
size_t hsp_random_below(struct hsp_random *random, size_t bound);

/// The `percent`-th percentile (0..100) of values sorted ascending, interpolated linearly between
/// the closest ranks (definition 7 of Hyndman and Fan 1996). 0 when count is 0.
double hsp_stats_percentile(const double *sorted, size_t count, double percent);

/// The median; reorders the values. O(count) on average. 0 when count is 0.
double hsp_stats_median_inplace(double *values, size_t count);

/// All of struct hsp_summary. Copies and sorts: O(count log count). Returns 0, or -ENOMEM and then
/// leaves *out_summary as it was.
int hsp_stats_summarize(const double *values, size_t count, struct hsp_summary *out_summary);

/// Percentile bootstrap interval of the median by circular blocks. Returns 0, or -EINVAL for no
/// values, or -ENOMEM; then *out_interval is as it was. O(count * resample_count).
int hsp_stats_median_interval(const double *values, size_t count,
                              const struct hsp_bootstrap *options,
                              struct hsp_interval *out_interval);

#endif
