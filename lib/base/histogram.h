/* SPDX-License-Identifier: MIT */
/// Log-linear histogram in caller's storage (all zero is the empty histogram).
///
/// Values below 64 have a bucket each; above, every power of two is cut into 64 buckets, so that a
/// bucket is at most 1/64 of its value wide.
///
/// Thread safety: one thread adds, any thread reads. Fields are single relaxed words, so a reader
/// may see a value counted in `count` before its bucket.
#ifndef HSP_BASE_HISTOGRAM_H
#define HSP_BASE_HISTOGRAM_H

#include <stdint.h>

#define HSP_HISTOGRAM_BITS    6
#define HSP_HISTOGRAM_SUB     (1u << HSP_HISTOGRAM_BITS)
#define HSP_HISTOGRAM_BUCKETS ((64 - HSP_HISTOGRAM_BITS + 1) * HSP_HISTOGRAM_SUB)

struct hsp_histogram {
    uint64_t count;
    uint64_t sum; ///< wraps after 2^64; in nanoseconds that is 584 years
    uint64_t min; ///< valid when count is not 0
    uint64_t max;
    uint64_t buckets[HSP_HISTOGRAM_BUCKETS];
};

/// Index of the bucket of a value.
static inline uint32_t hsp_histogram_bucket(uint64_t value) {
    if (value < HSP_HISTOGRAM_SUB)
        return (uint32_t)value;
    const uint32_t exponent = 63u - (uint32_t)__builtin_clzll(value); // >= HSP_HISTOGRAM_BITS
    const uint32_t shift = exponent - HSP_HISTOGRAM_BITS;
    return (shift + 1) * HSP_HISTOGRAM_SUB + ((uint32_t)(value >> shift) & (HSP_HISTOGRAM_SUB - 1));
}

/// Greatest value of a bucket.
static inline uint64_t hsp_histogram_bucket_max(uint32_t bucket) {
    if (bucket < HSP_HISTOGRAM_SUB)
        return bucket;
    const uint32_t shift = bucket / HSP_HISTOGRAM_SUB - 1;
    const uint64_t mantissa = HSP_HISTOGRAM_SUB + bucket % HSP_HISTOGRAM_SUB;
    return (mantissa << shift) + ((UINT64_C(1) << shift) - 1);
}

/// Adds a value: plain stores, no locked instruction.
static inline void hsp_histogram_record(struct hsp_histogram *histogram, uint64_t value) {
    const uint64_t count = histogram->count;
    if (count == 0 || value < histogram->min)
        __atomic_store_n(&histogram->min, value, __ATOMIC_RELAXED);
    if (count == 0 || value > histogram->max)
        __atomic_store_n(&histogram->max, value, __ATOMIC_RELAXED);
    uint64_t *bucket = &histogram->buckets[hsp_histogram_bucket(value)];
    __atomic_store_n(bucket, *bucket + 1, __ATOMIC_RELAXED);
    __atomic_store_n(&histogram->sum, histogram->sum + value, __ATOMIC_RELAXED);
    __atomic_store_n(&histogram->count, count + 1, __ATOMIC_RELAXED);
}

/// Adds all values of `other` to `histogram`; `other` may be written meanwhile.
void hsp_histogram_join(struct hsp_histogram *histogram, const struct hsp_histogram *other);
/// Value below or at which `percent` of the values lie: the bucket's greatest, never above max.
uint64_t hsp_histogram_at_percent(const struct hsp_histogram *histogram, double percent);

#endif
