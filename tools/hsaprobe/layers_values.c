/* SPDX-License-Identifier: MIT */
#include "layers_values.h"

#include <string.h>

#include "measure/estimate.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))

bool layers_value_of(const struct hsp_series *series, uint64_t seed,
                     struct layers_value *out_value) {
    const struct hsp_bootstrap bootstrap = {.seed = seed};
    struct hsp_estimate estimate;
    struct hsp_summary summary;
    if (!series || hsp_estimate_series(series, &bootstrap, &estimate) ||
        hsp_stats_summarize(series->values, series->value_count, &summary))
        return false;
    *out_value = (struct layers_value){.median = estimate.value,
                                       .low = estimate.interval.low,
                                       .high = estimate.interval.high,
                                       .p99 = summary.p99,
                                       .process_count = estimate.process_count};
    return true;
}

struct report_section *layers_arms_table(struct report *report, const char *key,
                                         const char *title) {
    static const struct report_column columns[] = {
        {"kernel", "kernel", SOURCE_NONE, FORMAT_PLAIN},
        {"arm", "arm", SOURCE_NONE, FORMAT_PLAIN},
        {"submit_ns", "submit us", SOURCE_MEASURED, FORMAT_US},
        {"submit_low_ns", "95% from", SOURCE_DERIVED, FORMAT_US},
        {"submit_high_ns", "to", SOURCE_DERIVED, FORMAT_US},
        {"round_trip_ns", "round trip us", SOURCE_MEASURED, FORMAT_US},
        {"round_trip_low_ns", "95% from", SOURCE_DERIVED, FORMAT_US},
        {"round_trip_high_ns", "to", SOURCE_DERIVED, FORMAT_US},
        {"back_to_back_ns", "back to back us", SOURCE_MEASURED, FORMAT_US},
        {"back_to_back_low_ns", "95% from", SOURCE_DERIVED, FORMAT_US},
        {"back_to_back_high_ns", "to", SOURCE_DERIVED, FORMAT_US},
    };
    return report_table(report, key, title, columns, COUNT(columns));
}

static void add_row(struct report_section *table, const struct hsp_samples *samples,
                    const char *workload, const char *arm, uint64_t seed) {
    static const enum hsp_metric metrics[] = {HSP_METRIC_SUBMIT, HSP_METRIC_ROUND_TRIP,
                                              HSP_METRIC_BACK_TO_BACK};
    struct report_value cells[2 + 3 * COUNT(metrics)] = {report_text(workload), report_text(arm)};
    for (size_t i = 0; i < COUNT(metrics); i++) {
        struct layers_value value;
        bool is_there = layers_value_of(
            hsp_samples_find(samples, workload, arm, hsp_metric_name(metrics[i]), 0), seed, &value);
        cells[2 + 3 * i] = is_there ? report_real(value.median) : report_nothing();
        cells[3 + 3 * i] = is_there ? report_real(value.low) : report_nothing();
        cells[4 + 3 * i] = is_there ? report_real(value.high) : report_nothing();
    }
    report_row_values(table, cells, COUNT(cells));
}

void layers_arms_rows(struct report_section *table, const struct hsp_samples *samples,
                      const char *arm, uint64_t seed) {
    for (size_t i = 0; i < samples->series_count; i++) {
        const struct hsp_series *series = samples->series[i];
        if (series->gap_ns == 0 && strcmp(series->arm, arm) == 0 &&
            strcmp(series->metric, hsp_metric_name(HSP_METRIC_SUBMIT)) == 0)
            add_row(table, samples, series->workload, arm, seed);
    }
}
