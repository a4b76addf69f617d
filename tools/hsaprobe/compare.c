/* SPDX-License-Identifier: MIT */
#include "compare.h"

#include <errno.h>
#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "measure/estimate.h"
#include "measure/student.h"
#include "memory.h"
#include "samples_file.h"

#define REPORT_SCHEMA 1
#define PROCESSES_MIN 2
#define CLOCK_STEP_NS 10.0 /* values that agree to the step still vary within it */
#define CONFIDENCE    0.95

void compare_result_fini(struct compare_result *result) {
    for (size_t i = 0; i < result->count; i++) {
        struct compare_series *series = &result->series[i];
        free(series->kernel);
        free(series->arm);
        free(series->what);
        free(series->source);
        free(series->values);
    }
    free(result->series);
    json_decref(result->head);
    *result = (struct compare_result){0};
}

static bool same_name(const struct compare_series *a, const struct compare_series *b) {
    return a->gap_ns == b->gap_ns && strcmp(a->kernel, b->kernel) == 0 &&
           strcmp(a->arm, b->arm) == 0 && strcmp(a->what, b->what) == 0;
}

const struct compare_series *compare_find(const struct compare_result *result,
                                          const struct compare_series *like) {
    for (size_t i = 0; i < result->count; i++)
        if (same_name(&result->series[i], like))
            return &result->series[i];
    return NULL;
}

/* The series with this name, made if it isn't there; the strings are copied. */
static struct compare_series *series_of(struct compare_result *result,
                                        const struct compare_series *like) {
    struct compare_series *found = (struct compare_series *)compare_find(result, like);
    if (found)
        return found;
    result->series = xreallocarray(result->series, result->count + 1, sizeof *result->series);
    result->series[result->count] = (struct compare_series){.kernel = xstrdup(like->kernel),
                                                            .arm = xstrdup(like->arm),
                                                            .what = xstrdup(like->what),
                                                            .source = xstrdup(like->source),
                                                            .gap_ns = like->gap_ns};
    return &result->series[result->count++];
}

static void take_samples(const struct hsp_samples *samples, struct compare_result *result) {
    for (size_t i = 0; i < samples->series_count; i++) {
        const struct hsp_series *from = samples->series[i];
        const struct compare_series like = {.kernel = from->workload,
                                            .arm = from->arm,
                                            .what = from->metric,
                                            .source = (char *)hsp_source_name(from->source),
                                            .gap_ns = from->gap_ns};
        struct compare_series *series = series_of(result, &like);
        series->count = hsp_estimate_processes(from, NULL, 0);
        series->values = xcalloc(series->count, sizeof *series->values);
        hsp_estimate_processes(from, series->values, series->count);
    }
}

/* The rows of the report's table "processes". */
static char *take_report(json_t *root, struct compare_result *result) {
    json_int_t schema = json_integer_value(json_object_get(root, "schema"));
    const char *command = json_string_value(json_object_get(root, "command"));
    if (!command)
        return xstrdup("this is no result of hsaprobe");
    if (schema != REPORT_SCHEMA)
        return xasprintf("schema %lld; this hsaprobe reads schema %d", (long long)schema,
                         REPORT_SCHEMA);
    json_t *rows = json_object_get(root, "processes");
    if (!json_is_array(rows))
        return xasprintf("a result of `hsaprobe %s`: it has no processes to compare", command);
    size_t index;
    json_t *row;
    json_array_foreach(rows, index, row) {
        struct compare_series like;
        json_int_t gap_ns;
        double value;
        if (json_unpack(row, "{s:s, s:s, s:s, s:s, s:I, s:F}", "kernel", &like.kernel, "arm",
                        &like.arm, "what", &like.what, "source", &like.source, "gap_ns", &gap_ns,
                        "value_ns", &value))
            return xasprintf("row %zu of its processes is broken", index);
        like.gap_ns = (uint64_t)gap_ns;
        struct compare_series *series = series_of(result, &like);
        series->values = xreallocarray(series->values, series->count + 1, sizeof(double));
        series->values[series->count++] = value;
    }
    result->head = json_incref(root);
    return NULL;
}

static char *load_lines(FILE *file, struct compare_result *result) {
    struct hsp_samples *samples = hsp_samples_create();
    void *head = NULL;
    char *wrong = samples ? samples_read(file, 0, samples, &head) : xstrdup("out of memory");
    if (!wrong)
        take_samples(samples, result);
    result->head = head;
    hsp_samples_destroy(samples);
    return wrong;
}

char *compare_load(const char *path, struct compare_result *out_result) {
    *out_result = (struct compare_result){0};
    FILE *file = fopen(path, "re");
    if (!file)
        return xstrdup(strerror(errno));
    json_error_t error;
    json_t *root = json_loadf(file, 0, &error); /* a whole report, not lines */
    rewind(file);
    char *wrong = NULL;
    if (root && !json_object_get(root, "schema_version"))
        wrong = take_report(root, out_result);
    else
        wrong = load_lines(file, out_result);
    json_decref(root);
    fclose(file);
    if (!wrong && out_result->count == 0)
        wrong = xstrdup("it holds no samples");
    return wrong;
}

/* Mean of logarithms, and the variance of that mean. */
struct logs {
    double mean;
    double variance;
};

static bool take_logs(const struct compare_series *series, struct logs *out_logs) {
    double count = (double)series->count;
    double mean = 0;
    double squares = 0;
    for (size_t i = 0; i < series->count; i++) {
        if (!(series->values[i] > 0))
            return false;
        mean += log(series->values[i]) / count;
    }
    if (series->count < PROCESSES_MIN)
        return false;
    for (size_t i = 0; i < series->count; i++)
        squares += (log(series->values[i]) - mean) * (log(series->values[i]) - mean);
    double step = CLOCK_STEP_NS / exp(mean);
    *out_logs = (struct logs){mean, (squares / (count - 1) + step * step / 12) / count};
    return true;
}

static double plain_mean(const struct compare_series *series) {
    double mean = 0;
    for (size_t i = 0; i < series->count; i++)
        mean += series->values[i] / (double)series->count;
    return mean;
}

void compare_pair_test(struct compare_pair *pair, const struct compare_options *options) {
    struct logs a;
    struct logs b;
    pair->slower_probability = pair->faster_probability = 1;
    pair->ratio = pair->low = pair->high = 0;
    if (!take_logs(pair->a, &a) || !take_logs(pair->b, &b)) {
        pair->a_ns = plain_mean(pair->a);
        pair->b_ns = plain_mean(pair->b);
        return;
    }
    double variance = a.variance + b.variance;
    double error = sqrt(variance);
    double freedom = variance * variance /
                     (a.variance * a.variance / (double)(pair->a->count - 1) +
                      b.variance * b.variance / (double)(pair->b->count - 1));
    double difference = b.mean - a.mean;
    double t = hsp_student_quantile(1 - (1 - CONFIDENCE) / 2, freedom);
    pair->a_ns = exp(a.mean);
    pair->b_ns = exp(b.mean);
    pair->ratio = exp(difference);
    pair->low = exp(difference - t * error);
    pair->high = exp(difference + t * error);
    double slower = log1p(fmax(options->threshold, options->floor_ns / pair->a_ns));
    double faster = log1p(fmax(options->threshold, options->floor_ns / pair->b_ns));
    pair->slower_probability = hsp_student_probability(-(difference - slower) / error, freedom);
    pair->faster_probability = hsp_student_probability(-(-difference - faster) / error, freedom);
}

static double probability_of(const struct compare_pair *pair, enum compare_verdict verdict) {
    return verdict == COMPARE_SLOWER ? pair->slower_probability : pair->faster_probability;
}

/* Holm's step-down procedure over the judged pairs: the next smallest p against alpha over how many
 * are left. */
static size_t judge(struct compare_pair *pairs, size_t count, size_t judged,
                    enum compare_verdict verdict, double alpha) {
    size_t found = 0;
    while (found < judged) {
        struct compare_pair *best = NULL;
        for (size_t i = 0; i < count; i++)
            if (pairs[i].verdict == COMPARE_SAME &&
                (!best || probability_of(&pairs[i], verdict) < probability_of(best, verdict)))
                best = &pairs[i];
        if (!best || probability_of(best, verdict) > alpha / (double)(judged - found))
            break;
        best->verdict = verdict;
        found++;
    }
    return found;
}

size_t compare_judge(struct compare_pair *pairs, size_t count,
                     const struct compare_options *options) {
    size_t judged = 0;
    for (size_t i = 0; i < count; i++) {
        pairs[i].verdict = pairs[i].ratio > 0 ? COMPARE_SAME : COMPARE_UNJUDGED;
        judged += pairs[i].verdict == COMPARE_SAME;
    }
    size_t slower = judge(pairs, count, judged, COMPARE_SLOWER, options->alpha);
    judge(pairs, count, judged, COMPARE_FASTER, options->alpha);
    return slower;
}

const char *compare_verdict_name(enum compare_verdict verdict) {
    static const char *const names[] = {
        [COMPARE_UNJUDGED] = "not judged",
        [COMPARE_SAME] = "same",
        [COMPARE_SLOWER] = "slower",
        [COMPARE_FASTER] = "faster",
    };
    return names[verdict];
}
