/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "layers.h"
#include "measure/arms.h"
#include "memory.h"

#define COUNT(array)     (sizeof(array) / sizeof *(array))
#define CHAIN_MAX        16
#define RESIDUAL_PERCENT 5.0 /* more than this, beyond chance, is said aloud */

#define LABEL(key, title)                                                                          \
    { key, title, SOURCE_NONE, FORMAT_PLAIN }
#define TIME(key, title)                                                                           \
    { key, title, SOURCE_NONE, FORMAT_US }
#define DERIVED(key, title)                                                                        \
    { key, title, SOURCE_DERIVED, FORMAT_US }

static struct report_section *details(struct report *report, const char *key, const char *title,
                                      const struct report_column *columns, size_t count) {
    struct report_section *table = report_table(report, key, title, columns, count);
    report_limit(table, AUDIENCE_DETAILS);
    return table;
}

static struct report_section *arms_table(struct report *report) {
    static const struct report_column columns[] = {
        LABEL("kernel", "kernel"),
        LABEL("arm", "arm"),
        LABEL("what", "what"),
        LABEL("source", "source"),
        TIME("median_ns", "median us"),
        DERIVED("low_ns", "95% from"),
        DERIVED("high_ns", "to"),
        TIME("min_ns", "min"),
        TIME("p5_ns", "p5"),
        TIME("p25_ns", "p25"),
        TIME("p50_ns", "p50"),
        TIME("p75_ns", "p75"),
        TIME("p95_ns", "p95"),
        TIME("p99_ns", "p99"),
        TIME("p999_ns", "p99.9"),
        TIME("max_ns", "max"),
        LABEL("sample_count", "n"),
        LABEL("outlier_count", "outliers"),
        LABEL("outlier_switch_count", "switched"),
        LABEL("outlier_fault_count", "faulted"),
    };
    return details(report, "arms", "what a launch costs, us", columns, COUNT(columns));
}

static struct report_section *layers_table(struct report *report) {
    static const struct report_column columns[] = {
        LABEL("kernel", "kernel"),     LABEL("layer", "layer"),  LABEL("upper", "arm"),
        LABEL("lower", "minus"),       LABEL("what", "what"),    DERIVED("cost_ns", "cost us"),
        DERIVED("low_ns", "95% from"), DERIVED("high_ns", "to"),
    };
    return details(report, "layers", "what each layer adds (paired differences)", columns,
                   COUNT(columns));
}

static struct report_section *residuals_table(struct report *report) {
    static const struct report_column columns[] = {
        LABEL("kernel", "kernel"),
        LABEL("what", "what"),
        DERIVED("residual_ns", "residual us"),
        DERIVED("low_ns", "95% from"),
        DERIVED("high_ns", "to"),
        TIME("whole_ns", "whole us"),
        {"residual_percent", "% of it", SOURCE_DERIVED, FORMAT_PLAIN},
    };
    return details(report, "residuals", "sum of the layers less the whole launch", columns,
                   COUNT(columns));
}

static struct report_section *gaps_table(struct report *report) {
    static const struct report_column columns[] = {
        LABEL("kernel", "kernel"),     LABEL("arm", "arm"),      LABEL("what", "what"),
        LABEL("source", "source"),     TIME("gap_ns", "gap us"), TIME("median_ns", "median us"),
        DERIVED("low_ns", "95% from"), DERIVED("high_ns", "to"), TIME("p99_ns", "p99"),
        LABEL("sample_count", "n"),
    };
    return report_table(report, "gaps", "launches after idle time", columns, COUNT(columns));
}

static struct report_section *processes_table(struct report *report) {
    static const struct report_column columns[] = {
        LABEL("kernel", "kernel"),        LABEL("arm", "arm"),      LABEL("what", "what"),
        LABEL("source", "source"),        TIME("gap_ns", "gap us"), LABEL("process", "process"),
        DERIVED("value_ns", "median us"),
    };
    return details(report, "processes", "each process by itself", columns, COUNT(columns));
}

struct layers_tables layers_tables_create(struct report *report) {
    static const struct report_column check_columns[] = {
        LABEL("kernel", "kernel"),
        LABEL("arm", "arm"),
        {"launch_count", "launches", SOURCE_MEASURED, FORMAT_PLAIN},
        LABEL("correct", "correct"),
        LABEL("finding", "result"),
    };
    static const struct report_column packet_columns[] = {
        LABEL("kernel", "kernel"),
        LABEL("arms", "arms"),
        {"header", "header", SOURCE_MEASURED, FORMAT_HEX},
        {"packet", "packet", SOURCE_MEASURED, FORMAT_PLAIN},
    };
    struct layers_tables tables;
    tables.summary = layers_summary_create(
        report, "summary", "what each layer adds to a launch, us: median [95% interval]");
    tables.others = layers_summary_create(report, "others", "what else costs, us");
    tables.gaps = gaps_table(report);
    tables.packets =
        details(report, "packets", "the packet of a launch", packet_columns, COUNT(packet_columns));
    tables.arms = arms_table(report);
    tables.layers = layers_table(report);
    tables.residuals = residuals_table(report);
    tables.processes = processes_table(report);
    tables.checks =
        details(report, "checks", "what the kernels did", check_columns, COUNT(check_columns));
    return tables;
}

/* Outliers, and how many of them lie in bursts in which something happened to the thread. */
struct outliers {
    size_t count;
    size_t switched;
    size_t faulted;
};

static struct outliers outliers_of(const struct hsp_series *series,
                                   const struct hsp_summary *summary) {
    struct outliers outliers = {0};
    double limit = summary->p75 + HSP_OUTLIER_RANGES * (summary->p75 - summary->p25);
    for (size_t i = 0; i < series->burst_count && !series->size_count; i++) {
        const struct hsp_burst *burst = &series->bursts[i];
        const struct hsp_burst_tags *tags = &burst->tags;
        for (uint32_t j = 0; j < burst->count; j++) {
            if (series->values[burst->first + j] <= limit)
                continue;
            outliers.count++;
            outliers.switched += tags->voluntary_switches || tags->involuntary_switches;
            outliers.faulted += tags->minor_faults || tags->major_faults;
        }
    }
    return outliers;
}

/* Of all samples, or of the slopes. */
static int summarize(const struct hsp_series *series, struct hsp_summary *out_summary) {
    if (series->size_count == 0)
        return hsp_stats_summarize(series->values, series->value_count, out_summary);
    double *slopes = xcalloc(series->burst_count, sizeof *slopes);
    for (size_t i = 0; i < series->burst_count; i++)
        slopes[i] = hsp_series_burst_value(series, i);
    int rc = hsp_stats_summarize(slopes, series->burst_count, out_summary);
    free(slopes);
    return rc;
}

static void add_gap_row(struct report_section *gaps, const struct hsp_series *series,
                        const struct hsp_estimate *estimate, const struct hsp_summary *summary) {
    report_row(gaps, report_text(series->workload), report_text(series->arm),
               report_text(series->metric), report_text(hsp_source_name(series->source)),
               report_integer(series->gap_ns), report_real(estimate->value),
               report_real(estimate->interval.low), report_real(estimate->interval.high),
               report_real(summary->p99), report_integer(summary->count));
}

static void add_process_rows(struct report_section *processes, const struct hsp_series *series) {
    size_t count = hsp_estimate_processes(series, NULL, 0);
    double *values = xcalloc(count, sizeof *values);
    hsp_estimate_processes(series, values, count);
    for (size_t i = 0; i < count; i++)
        report_row(processes, report_text(series->workload), report_text(series->arm),
                   report_text(series->metric), report_text(hsp_source_name(series->source)),
                   report_integer(series->gap_ns), report_integer(i), report_real(values[i]));
    free(values);
}

static int add_series(const struct layers_tables *tables, const struct hsp_series *series,
                      bool has_gaps, const struct hsp_bootstrap *bootstrap) {
    struct hsp_summary summary;
    struct hsp_estimate estimate;
    int rc = summarize(series, &summary);
    if (!rc)
        rc = hsp_estimate_series(series, bootstrap, &estimate);
    if (rc)
        return rc == -EINVAL ? 0 : rc; /* nothing was measured */
    add_process_rows(tables->processes, series);
    if (has_gaps)
        add_gap_row(tables->gaps, series, &estimate, &summary);
    if (series->gap_ns)
        return 0;
    struct outliers outliers = outliers_of(series, &summary);
    report_row(tables->arms, report_text(series->workload), report_text(series->arm),
               report_text(series->metric), report_text(hsp_source_name(series->source)),
               report_real(estimate.value), report_real(estimate.interval.low),
               report_real(estimate.interval.high), report_real(summary.min),
               report_real(summary.p5), report_real(summary.p25), report_real(summary.median),
               report_real(summary.p75), report_real(summary.p95), report_real(summary.p99),
               report_real(summary.p999), report_real(summary.max), report_integer(summary.count),
               report_integer(outliers.count), report_integer(outliers.switched),
               report_integer(outliers.faulted));
    return 0;
}

/* Whether the series was also measured with gaps. */
static bool has_gaps(const struct hsp_samples *samples, const struct hsp_series *series) {
    for (size_t i = 0; i < samples->series_count; i++) {
        const struct hsp_series *other = samples->series[i];
        if (other->gap_ns && strcmp(other->workload, series->workload) == 0 &&
            strcmp(other->arm, series->arm) == 0 && strcmp(other->metric, series->metric) == 0)
            return true;
    }
    return false;
}

static int add_layer(struct report_section *layers, const struct hsp_samples *samples,
                     const struct hsp_named_layer *layer, const struct hsp_bootstrap *bootstrap) {
    for (size_t i = 0; i < samples->series_count; i++) {
        const struct hsp_series *upper = samples->series[i];
        if (upper->gap_ns || strcmp(upper->workload, layer->workload) != 0 ||
            strcmp(upper->arm, layer->upper) != 0)
            continue;
        const struct hsp_series *lower =
            hsp_samples_find(samples, layer->workload, layer->lower, upper->metric, 0);
        struct hsp_estimate estimate;
        int rc = lower ? hsp_estimate_difference(upper, lower, bootstrap, &estimate) : -EINVAL;
        if (rc == -ENOMEM)
            return rc;
        if (rc == 0)
            report_row(layers, report_text(layer->workload), report_text(layer->name),
                       report_text(layer->upper), report_text(layer->lower),
                       report_text(upper->metric), report_real(estimate.value),
                       report_real(estimate.interval.low), report_real(estimate.interval.high));
    }
    return 0;
}

/* An arm that only shows what else costs stands on the whole launch, if on any. */
static bool is_beside(const char *arm) {
    const struct hsp_arm_row *row = hsp_arm_row_find(arm);
    return row && !row->is_standard && row->minus;
}

bool layers_in_chain(const struct hsp_samples *samples, const struct hsp_named_layer *layer) {
    const char *top = NULL;
    for (size_t i = 0; i < samples->layer_count; i++) {
        const struct hsp_named_layer *other = &samples->layers[i];
        if (strcmp(other->workload, layer->workload) != 0)
            continue;
        if (is_beside(other->upper) || (top && strcmp(other->lower, top) != 0))
            return false; /* the chain ends before the first that doesn't stand on it */
        if (other == layer)
            return true;
        top = other->upper;
    }
    return false;
}

size_t layers_chain(const struct hsp_samples *samples, const char *workload, const char *metric,
                    const struct hsp_series **out_chain, size_t capacity) {
    size_t count = 0;
    for (size_t i = 0; i < samples->layer_count; i++) {
        const struct hsp_named_layer *layer = &samples->layers[i];
        if (strcmp(layer->workload, workload) != 0 || !layers_in_chain(samples, layer))
            continue;
        const char *arms[] = {layer->lower, layer->upper};
        for (size_t j = count ? 1 : 0; j < COUNT(arms) && count < capacity; j++) {
            const struct hsp_series *series =
                hsp_samples_find(samples, workload, arms[j], metric, 0);
            if (!series)
                return count;
            out_chain[count++] = series;
        }
    }
    return count;
}

static int add_residual(const struct layers_tables *tables, struct report *report,
                        const struct hsp_samples *samples, const char *workload, const char *metric,
                        const struct hsp_bootstrap *bootstrap) {
    const struct hsp_series *chain[CHAIN_MAX];
    size_t count = layers_chain(samples, workload, metric, chain, CHAIN_MAX);
    struct hsp_estimate residual;
    struct hsp_estimate whole;
    if (count < 2)
        return 0;
    int rc = hsp_estimate_residual(chain, count, bootstrap, &residual);
    if (!rc)
        rc = hsp_estimate_series(chain[count - 1], bootstrap, &whole);
    if (rc)
        return rc == -EINVAL ? 0 : rc;
    double percent = whole.value > 0 ? residual.value / whole.value * 100 : 0;
    report_row(tables->residuals, report_text(workload), report_text(metric),
               report_real(residual.value), report_real(residual.interval.low),
               report_real(residual.interval.high), report_real(whole.value), report_real(percent));
    if (fabs(percent) > RESIDUAL_PERCENT &&
        (residual.interval.low > 0 || residual.interval.high < 0))
        report_note(report, "%s: the layers of %s don't add up: %.1f %% of the whole are left",
                    workload, metric, percent);
    return 0;
}

/* Whether no series before this one has its workload (and, where asked, its metric). */
static bool is_first(const struct hsp_samples *samples, size_t index, bool same_metric) {
    for (size_t i = 0; i < index; i++)
        if (strcmp(samples->series[i]->workload, samples->series[index]->workload) == 0 &&
            (!same_metric ||
             strcmp(samples->series[i]->metric, samples->series[index]->metric) == 0))
            return false;
    return true;
}

int layers_add_results(const struct layers_tables *tables, struct report *report,
                       const struct hsp_samples *samples, uint64_t seed) {
    struct hsp_bootstrap bootstrap = {.seed = seed};
    int rc = 0;
    for (size_t i = 0; i < samples->series_count && !rc; i++) {
        const struct hsp_series *series = samples->series[i];
        if (is_first(samples, i, false))
            rc = layers_summary_add(tables, samples, series->workload, seed);
        if (!rc)
            rc = add_series(tables, series, has_gaps(samples, series), &bootstrap);
        if (!rc && is_first(samples, i, true))
            rc =
                add_residual(tables, report, samples, series->workload, series->metric, &bootstrap);
    }
    for (size_t i = 0; i < samples->layer_count && !rc; i++)
        rc = add_layer(tables->layers, samples, &samples->layers[i], &bootstrap);
    /* headings of empty tables are noise */
    if (tables->gaps->value_count == 0)
        report_limit(tables->gaps, AUDIENCE_PROGRAMS);
    if (tables->summary->value_count == 0)
        report_limit(tables->summary, AUDIENCE_NOBODY);
    if (tables->others->value_count == 0)
        report_limit(tables->others, AUDIENCE_NOBODY);
    if (samples->process_count == 1)
        report_note(report, "one process: how processes differ is not in the intervals");
    return rc;
}
