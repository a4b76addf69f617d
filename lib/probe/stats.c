/* SPDX-License-Identifier: MIT */
#include <hsaprobe/stats.h>

#include <stdlib.h>
#include <string.h>

#include "base/histogram.h"
#include "base/status.h"

hsp_status hsp_histogram_create(struct hsp_histogram **out_histogram) {
    struct hsp_histogram *histogram = calloc(1, sizeof(*histogram));
    if (!histogram)
        return hsp_fail_memory("a histogram");
    *out_histogram = histogram;
    return HSP_OK;
}

void hsp_histogram_destroy(struct hsp_histogram *histogram) {
    free(histogram);
}

void hsp_histogram_add(struct hsp_histogram *histogram, uint64_t value) {
    hsp_histogram_record(histogram, value);
}

void hsp_histogram_merge(struct hsp_histogram *histogram, const struct hsp_histogram *other) {
    hsp_histogram_join(histogram, other);
}

void hsp_histogram_clear(struct hsp_histogram *histogram) {
    memset(histogram, 0, sizeof(*histogram));
}

uint64_t hsp_histogram_count(const struct hsp_histogram *histogram) {
    return histogram->count;
}

uint64_t hsp_histogram_min(const struct hsp_histogram *histogram) {
    return histogram->count ? histogram->min : 0;
}

uint64_t hsp_histogram_max(const struct hsp_histogram *histogram) {
    return histogram->max;
}

double hsp_histogram_mean(const struct hsp_histogram *histogram) {
    return histogram->count ? (double)histogram->sum / (double)histogram->count : 0;
}

uint64_t hsp_histogram_percentile(const struct hsp_histogram *histogram, double percent) {
    return hsp_histogram_at_percent(histogram, percent);
}
