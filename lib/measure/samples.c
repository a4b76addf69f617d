/* SPDX-License-Identifier: MIT */
#include "measure/samples.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

struct hsp_samples *hsp_samples_create(void) {
    return calloc(1, sizeof(struct hsp_samples));
}

static void series_destroy(struct hsp_series *series) {
    free(series->workload);
    free(series->arm);
    free(series->metric);
    free(series->values);
    free(series->bursts);
    free(series);
}

static void layer_fini(struct hsp_named_layer *layer) {
    free(layer->workload);
    free(layer->name);
    free(layer->upper);
    free(layer->lower);
}

void hsp_samples_destroy(struct hsp_samples *samples) {
    if (!samples)
        return;
    for (size_t i = 0; i < samples->series_count; i++)
        series_destroy(samples->series[i]);
    for (size_t i = 0; i < samples->layer_count; i++)
        layer_fini(&samples->layers[i]);
    free(samples->series);
    free(samples->layers);
    free(samples);
}

const struct hsp_series *hsp_samples_find(const struct hsp_samples *samples, const char *workload,
                                          const char *arm, const char *metric, uint64_t gap_ns) {
    for (size_t i = 0; i < samples->series_count; i++) {
        const struct hsp_series *series = samples->series[i];
        if (series->gap_ns == gap_ns && strcmp(series->workload, workload) == 0 &&
            strcmp(series->arm, arm) == 0 && strcmp(series->metric, metric) == 0)
            return series;
    }
    return NULL;
}

/* Room for one more element. */
static void *grown(void *array, size_t count, size_t *capacity, size_t needed, size_t bytes) {
    if (count + needed <= *capacity)
        return array;
    size_t next = 2 * *capacity + needed;
    void *larger = reallocarray(array, next, bytes);
    if (larger)
        *capacity = next;
    return larger;
}

struct hsp_series *hsp_samples_series(struct hsp_samples *samples, const char *workload,
                                      const char *arm, const char *metric, uint64_t gap_ns,
                                      enum hsp_source source) {
    const struct hsp_series *found = hsp_samples_find(samples, workload, arm, metric, gap_ns);
    if (found)
        return (struct hsp_series *)found;
    struct hsp_series **list =
        reallocarray(samples->series, samples->series_count + 1, sizeof *samples->series);
    if (!list)
        return NULL;
    samples->series = list;
    struct hsp_series *series = calloc(1, sizeof *series);
    if (!series)
        return NULL;
    series->workload = strdup(workload);
    series->arm = strdup(arm);
    series->metric = strdup(metric);
    series->gap_ns = gap_ns;
    series->source = source;
    if (!series->workload || !series->arm || !series->metric) {
        series_destroy(series);
        return NULL;
    }
    list[samples->series_count++] = series;
    return series;
}

/* Rounds are added in ascending order of process and round, so that series can be paired. */
static bool follows(const struct hsp_series *series, uint32_t process, uint32_t round) {
    if (series->burst_count == 0)
        return true;
    const struct hsp_burst *last = &series->bursts[series->burst_count - 1];
    return process > last->process || (process == last->process && round > last->round);
}

int hsp_series_add(struct hsp_samples *samples, struct hsp_series *series, uint32_t process,
                   uint32_t round, const double *values, uint32_t count,
                   const struct hsp_burst_tags *tags) {
    if (count == 0 || count > HSP_ROUNDS_BURST_MAX || !follows(series, process, round) ||
        process == UINT32_MAX || (series->size_count && count != series->size_count))
        return -EINVAL;
    for (uint32_t i = 0; i < count; i++)
        if (!isfinite(values[i]))
            return -EINVAL;
    double *all = grown(series->values, series->value_count, &series->value_capacity, count,
                        sizeof *series->values);
    if (!all)
        return -ENOMEM;
    series->values = all;
    struct hsp_burst *bursts = grown(series->bursts, series->burst_count, &series->burst_capacity,
                                     1, sizeof *series->bursts);
    if (!bursts)
        return -ENOMEM;
    series->bursts = bursts;
    bursts[series->burst_count++] =
        (struct hsp_burst){.process = process,
                           .round = round,
                           .first = series->value_count,
                           .count = count,
                           .tags = tags ? *tags : (struct hsp_burst_tags){0}};
    memcpy(all + series->value_count, values, count * sizeof *values);
    series->value_count += count;
    if (process >= samples->process_count)
        samples->process_count = process + 1;
    return 0;
}

int hsp_samples_layer(struct hsp_samples *samples, const char *workload, const char *name,
                      const char *upper, const char *lower) {
    for (size_t i = 0; i < samples->layer_count; i++) {
        const struct hsp_named_layer *layer = &samples->layers[i];
        if (strcmp(layer->workload, workload) == 0 && strcmp(layer->upper, upper) == 0 &&
            strcmp(layer->lower, lower) == 0)
            return 0;
    }
    struct hsp_named_layer *list =
        reallocarray(samples->layers, samples->layer_count + 1, sizeof *samples->layers);
    if (!list)
        return -ENOMEM;
    samples->layers = list;
    struct hsp_named_layer layer = {strdup(workload), strdup(name), strdup(upper), strdup(lower)};
    if (!layer.workload || !layer.name || !layer.upper || !layer.lower) {
        layer_fini(&layer);
        return -ENOMEM;
    }
    list[samples->layer_count++] = layer;
    return 0;
}

/* How the metrics of rounds are called. */
static const struct {
    const char *name;
    bool software_only; /* what the software GPU did on the caller's thread */
    enum hsp_source source;
} metrics[HSP_METRIC_COUNT] = {
    [HSP_METRIC_SUBMIT] = {"submit", false, HSP_SOURCE_MEASURED},
    [HSP_METRIC_ROUND_TRIP] = {"round trip", false, HSP_SOURCE_MEASURED},
    [HSP_METRIC_BACK_TO_BACK] = {"back to back", false, HSP_SOURCE_MEASURED},
    [HSP_METRIC_CALLER] = {"device on caller", true, HSP_SOURCE_MODELLED},
    [HSP_METRIC_CALLER_ROUND_TRIP] = {"device on caller, round trip", true, HSP_SOURCE_MODELLED},
    [HSP_METRIC_SLOPE] = {"submit, slope", false, HSP_SOURCE_MEASURED},
};

const char *hsp_metric_name(enum hsp_metric metric) {
    return metrics[metric].name;
}

static void set_sizes(struct hsp_series *series, uint32_t count) {
    series->size_count = count;
    for (uint32_t i = 0; i < count; i++)
        series->sizes[i] = UINT32_C(1) << i;
}

static int take_metric(struct hsp_samples *samples, struct hsp_series *series, uint32_t process,
                       const struct hsp_rounds_result *result, size_t arm, enum hsp_metric metric) {
    uint32_t count = hsp_rounds_per_burst(result, metric);
    const double *values = hsp_rounds_samples(result, arm, metric);
    bool tagged = metric != HSP_METRIC_BACK_TO_BACK && metric != HSP_METRIC_SLOPE;
    if (metric == HSP_METRIC_SLOPE)
        set_sizes(series, count);
    int rc = 0;
    for (uint32_t round = 0; round < result->round_count && !rc; round++)
        rc = hsp_series_add(samples, series, process, round, values + (size_t)round * count, count,
                            tagged ? &result->tags[arm * result->round_capacity + round] : NULL);
    return rc;
}

int hsp_samples_take_rounds(struct hsp_samples *samples, const char *workload, uint64_t gap_ns,
                            uint32_t process, const struct hsp_arm *arms,
                            const struct hsp_rounds_result *result, bool software) {
    int rc = 0;
    for (size_t arm = 0; arm < result->arm_count; arm++)
        for (int i = 0; i < HSP_METRIC_COUNT && !rc; i++) {
            enum hsp_metric metric = (enum hsp_metric)i;
            if (hsp_rounds_per_burst(result, metric) == 0 ||
                (metrics[i].software_only && !software))
                continue;
            struct hsp_series *series = hsp_samples_series(
                samples, workload, arms[arm].name, metrics[i].name, gap_ns, metrics[i].source);
            rc = series ? take_metric(samples, series, process, result, arm, metric) : -ENOMEM;
        }
    return rc;
}

/* Least squares through the points (size, value). */
static double slope(const uint32_t *sizes, const double *values, uint32_t count) {
    double mean_x = 0;
    double mean_y = 0;
    for (uint32_t i = 0; i < count; i++) {
        mean_x += (double)sizes[i] / count;
        mean_y += values[i] / count;
    }
    double above = 0;
    double below = 0;
    for (uint32_t i = 0; i < count; i++) {
        above += ((double)sizes[i] - mean_x) * (values[i] - mean_y);
        below += ((double)sizes[i] - mean_x) * ((double)sizes[i] - mean_x);
    }
    return below > 0 ? above / below : 0;
}

double hsp_series_burst_value(const struct hsp_series *series, size_t burst) {
    const struct hsp_burst *at = &series->bursts[burst];
    const double *values = series->values + at->first;
    if (series->size_count)
        return slope(series->sizes, values, at->count);
    double copy[HSP_ROUNDS_BURST_MAX];
    memcpy(copy, values, at->count * sizeof *copy);
    return hsp_stats_median_inplace(copy, at->count);
}

const char *hsp_source_name(enum hsp_source source) {
    static const char *const names[] = {"measured", "modelled", "derived"};
    return names[source];
}
