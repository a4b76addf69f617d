/* SPDX-License-Identifier: MIT */
#include "measure/stats.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define DEFAULT_RESAMPLES  1000
#define DEFAULT_CONFIDENCE 0.95

uint64_t hsp_random_next(struct hsp_random *random) {
    uint64_t z = (random->state += UINT64_C(0x9e3779b97f4a7c15));
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

size_t hsp_random_below(struct hsp_random *random, size_t bound) {
    return (size_t)(((unsigned __int128)hsp_random_next(random) * bound) >> 64);
}

static int compare_doubles(const void *a, const void *b) {
    double left = *(const double *)a;
    double right = *(const double *)b;
    return (left > right) - (left < right);
}

double hsp_stats_percentile(const double *sorted, size_t count, double percent) {
    if (count == 0)
        return 0;
    double rank = percent / 100.0 * (double)(count - 1);
    size_t below = (size_t)rank;
    if (below >= count - 1)
        return sorted[count - 1];
    double fraction = rank - (double)below;
    return sorted[below] + fraction * (sorted[below + 1] - sorted[below]);
}

/* Hoare's selection: afterwards values[rank] is what sorting would put there, nothing before it is
 * larger and nothing after it smaller. */
static double select_rank(double *values, size_t count, size_t rank) {
    size_t low = 0;
    size_t high = count - 1;
    while (low < high) {
        double pivot = values[low + (high - low) / 2];
        size_t i = low;
        size_t j = high;
        for (;;) {
            while (values[i] < pivot)
                i++;
            while (values[j] > pivot)
                j--;
            if (i >= j)
                break;
            double held = values[i];
            values[i++] = values[j];
            values[j--] = held;
        }
        if (rank <= j)
            high = j;
        else
            low = j + 1;
    }
    return values[rank];
}

double hsp_stats_median_inplace(double *values, size_t count) {
    if (count == 0)
        return 0;
    double upper = select_rank(values, count, count / 2);
    if (count % 2 == 1)
        return upper;
    double lower = values[0];
    for (size_t i = 1; i < count / 2; i++)
        lower = fmax(lower, values[i]);
    return lower + (upper - lower) / 2;
}

int hsp_stats_summarize(const double *values, size_t count, struct hsp_summary *out_summary) {
    struct hsp_summary summary = {.count = count};
    if (count > 0) {
        double *sorted = malloc(count * sizeof *sorted);
        if (!sorted)
            return -ENOMEM;
        memcpy(sorted, values, count * sizeof *sorted);
        qsort(sorted, count, sizeof *sorted, compare_doubles);
        summary.min = sorted[0];
        summary.p5 = hsp_stats_percentile(sorted, count, 5);
        summary.p25 = hsp_stats_percentile(sorted, count, 25);
        summary.median = hsp_stats_percentile(sorted, count, 50);
        summary.p75 = hsp_stats_percentile(sorted, count, 75);
        summary.p95 = hsp_stats_percentile(sorted, count, 95);
        summary.p99 = hsp_stats_percentile(sorted, count, 99);
        summary.p999 = hsp_stats_percentile(sorted, count, 99.9);
        summary.max = sorted[count - 1];
        for (size_t i = 0; i < count; i++) {
            summary.mean += sorted[i] / (double)count;
            sorted[i] = fabs(sorted[i] - summary.median);
        }
        summary.mad = hsp_stats_median_inplace(sorted, count);
        free(sorted);
    }
    *out_summary = summary;
    return 0;
}

/* One resample: whole blocks from random starts, wrapping at the end, until `count` are drawn. */
static double resampled_median(const double *values, size_t count, size_t block,
                               struct hsp_random *random, double *scratch) {
    size_t start = 0;
    for (size_t i = 0; i < count; i++) {
        if (i % block == 0)
            start = hsp_random_below(random, count);
        scratch[i] = values[start];
        start = start + 1 == count ? 0 : start + 1;
    }
    return hsp_stats_median_inplace(scratch, count);
}

int hsp_stats_median_interval(const double *values, size_t count,
                              const struct hsp_bootstrap *options,
                              struct hsp_interval *out_interval) {
    if (count == 0)
        return -EINVAL;
    size_t resamples = options->resample_count ? options->resample_count : DEFAULT_RESAMPLES;
    size_t block =
        options->block_length ? options->block_length : (size_t)ceil(cbrt((double)count));
    double confidence = options->confidence > 0 ? options->confidence : DEFAULT_CONFIDENCE;
    double *scratch = malloc((count + resamples) * sizeof *scratch);
    if (!scratch)
        return -ENOMEM;
    double *medians = scratch + count;
    struct hsp_random random = {options->seed};
    for (size_t i = 0; i < resamples; i++)
        medians[i] = resampled_median(values, count, block, &random, scratch);
    qsort(medians, resamples, sizeof *medians, compare_doubles);
    double tail = (1.0 - confidence) / 2 * 100;
    out_interval->low = hsp_stats_percentile(medians, resamples, tail);
    out_interval->high = hsp_stats_percentile(medians, resamples, 100 - tail);
    free(scratch);
    return 0;
}
