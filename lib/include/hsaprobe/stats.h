/* SPDX-License-Identifier: MIT */
/// Distributions of durations. (Medians and intervals of samples kept whole: lib/measure.)
///
/// Thread safety: one thread at a time adds; others may read meanwhile and see a recent state.
#ifndef HSAPROBE_STATS_H
#define HSAPROBE_STATS_H

#include <hsaprobe/base.h>

#ifdef __cplusplus
extern "C" {
#endif

/// Log-linear histogram of 64-bit values: exact below 64, then 64 buckets per power of two, so a
/// reported percentile is at most 1/64 (1.6 %) above the true one. Fixed memory (30 KiB), no
/// allocation after create; add costs about 2 ns.
struct hsp_histogram;

/// An empty one, owned by the caller. HSP_ERROR_OUT_OF_MEMORY.
HSP_API hsp_status hsp_histogram_create(struct hsp_histogram **out_histogram);
/// NULL is fine.
HSP_API void hsp_histogram_destroy(struct hsp_histogram *histogram);
/// Any value. The sum behind the mean wraps at 2^64.
HSP_API void hsp_histogram_add(struct hsp_histogram *histogram, uint64_t value);
/// Adds the values of `other`.
HSP_API void hsp_histogram_merge(struct hsp_histogram *histogram,
                                 const struct hsp_histogram *other);
/// Empties it.
HSP_API void hsp_histogram_clear(struct hsp_histogram *histogram);
/// Values added.
HSP_API uint64_t hsp_histogram_count(const struct hsp_histogram *histogram);
/// 0 when empty.
HSP_API uint64_t hsp_histogram_min(const struct hsp_histogram *histogram);
/// The greatest value itself, not its bucket. 0 when empty.
HSP_API uint64_t hsp_histogram_max(const struct hsp_histogram *histogram);
/// Exact. 0 when empty.
HSP_API double hsp_histogram_mean(const struct hsp_histogram *histogram);
/// Value below or at which `percent` (0..100) of the values lie; 0 when empty.
HSP_API uint64_t hsp_histogram_percentile(const struct hsp_histogram *histogram, double percent);

#ifdef __cplusplus
}
#endif

#endif
