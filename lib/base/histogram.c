/* SPDX-License-Identifier: MIT */
#include "base/histogram.h"

static uint64_t load(const uint64_t *word) {
    return __atomic_load_n(word, __ATOMIC_RELAXED);
}

void hsp_histogram_join(struct hsp_histogram *histogram, const struct hsp_histogram *other) {
    const uint64_t other_count = load(&other->count);
    if (other_count == 0)
        return;
    const uint64_t other_min = load(&other->min);
    const uint64_t other_max = load(&other->max);
    if (histogram->count == 0 || other_min < histogram->min)
        histogram->min = other_min;
    if (histogram->count == 0 || other_max > histogram->max)
        histogram->max = other_max;
    for (uint32_t i = hsp_histogram_bucket(other_min); i <= hsp_histogram_bucket(other_max); i++)
        histogram->buckets[i] += load(&other->buckets[i]);
    histogram->sum += load(&other->sum);
    histogram->count += other_count;
}

uint64_t hsp_histogram_at_percent(const struct hsp_histogram *histogram, double percent) {
    const uint64_t count = load(&histogram->count);
    if (count == 0)
        return 0;
    const uint64_t max = load(&histogram->max);
    // The rank of the wanted value: the smallest rank that covers the share, at least the first.
    const double share = percent <= 0 ? 0 : percent >= 100 ? 1 : percent / 100;
    uint64_t rank = (uint64_t)(share * (double)count);
    if ((double)rank < share * (double)count || rank == 0)
        rank++;
    uint64_t seen = 0;
    for (uint32_t i = hsp_histogram_bucket(load(&histogram->min)); i < HSP_HISTOGRAM_BUCKETS; i++) {
        seen += load(&histogram->buckets[i]);
        if (seen >= rank) {
            const uint64_t top = hsp_histogram_bucket_max(i);
            return top < max ? top : max;
        }
    }
    return max;
}
