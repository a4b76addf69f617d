/* SPDX-License-Identifier: MIT */
#include "measure/estimate.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "measure/student.h"

#define DEFAULT_RESAMPLES  500
#define DEFAULT_CONFIDENCE 0.95
#define COLUMN_MAX         17

/* Rounds as rows, process after process; the statistic of a set of rows is the weighted sum of the
 * columns' medians. A row's values lie column-wise: values[column * row_count + row]. */
struct table {
    size_t column_count;
    double weights[COLUMN_MAX];
    size_t row_count;
    double *values;
    uint32_t process_count;
    size_t *process_ends; /* rows up to the end of each process */
};

static void table_fini(struct table *table) {
    free(table->values);
    free(table->process_ends);
}

/* The rounds that all series have, by their bursts' indices: rows * count of them. */
static size_t *common_rounds(const struct hsp_series *const *series, size_t count,
                             size_t *out_rows) {
    size_t most = series[0]->burst_count;
    size_t *bursts = calloc(most * count + 1, sizeof *bursts);
    size_t at[COLUMN_MAX] = {0};
    size_t rows = 0;
    for (size_t first = 0; bursts && first < most; first++) {
        const struct hsp_burst *wanted = &series[0]->bursts[first];
        bool all = true;
        at[0] = first;
        for (size_t i = 1; i < count; i++) {
            const struct hsp_series *other = series[i];
            while (at[i] < other->burst_count &&
                   (other->bursts[at[i]].process < wanted->process ||
                    (other->bursts[at[i]].process == wanted->process &&
                     other->bursts[at[i]].round < wanted->round)))
                at[i]++;
            all = all && at[i] < other->burst_count &&
                  other->bursts[at[i]].process == wanted->process &&
                  other->bursts[at[i]].round == wanted->round;
        }
        if (all)
            memcpy(bursts + rows++ * count, at, count * sizeof *at);
    }
    *out_rows = rows;
    return bursts;
}

/* The rows and the processes' ends; the columns are filled by the caller. */
static int table_init(struct table *table, const struct hsp_series *first, const size_t *bursts,
                      size_t stride, size_t rows, size_t columns) {
    *table = (struct table){.column_count = columns, .row_count = rows};
    if (rows == 0)
        return -EINVAL;
    table->values = calloc(rows * columns, sizeof *table->values);
    table->process_ends = calloc(rows, sizeof *table->process_ends);
    if (!table->values || !table->process_ends)
        return -ENOMEM;
    for (size_t row = 0; row < rows; row++) {
        uint32_t process = first->bursts[bursts[row * stride]].process;
        if (row + 1 == rows || first->bursts[bursts[(row + 1) * stride]].process != process)
            table->process_ends[table->process_count++] = row + 1;
    }
    return 0;
}

/* The statistic of the rows that `picks` names, relative to `first`. */
static double statistic(const struct table *table, size_t first, const size_t *picks, size_t count,
                        double *scratch) {
    double sum = 0;
    for (size_t column = 0; column < table->column_count; column++) {
        const double *values = table->values + column * table->row_count + first;
        for (size_t i = 0; i < count; i++)
            scratch[i] = values[picks[i]];
        sum += table->weights[column] * hsp_stats_median_inplace(scratch, count);
    }
    return sum;
}

/* Whole blocks from random starts, wrapping at the end. */
static void draw(size_t *picks, size_t count, size_t block, struct hsp_random *random) {
    size_t start = 0;
    for (size_t i = 0; i < count; i++) {
        if (i % block == 0)
            start = hsp_random_below(random, count);
        picks[i] = start;
        start = start + 1 == count ? 0 : start + 1;
    }
}

static double variance(const double *values, size_t count) {
    double mean = 0;
    double sum = 0;
    for (size_t i = 0; i < count; i++)
        mean += values[i] / (double)count;
    for (size_t i = 0; i < count; i++)
        sum += (values[i] - mean) * (values[i] - mean);
    return count > 1 ? sum / (double)(count - 1) : 0;
}

static int compare_doubles(const void *a, const void *b) {
    double left = *(const double *)a;
    double right = *(const double *)b;
    return (left > right) - (left < right);
}

/* What resampling needs; one allocation each. */
struct work {
    size_t *picks;
    double *scratch;
    double *resampled;    /* of one process */
    double *pooled;       /* mean over the processes */
    double *of_processes; /* their values */
};

static int work_init(struct work *work, const struct table *table, size_t resamples) {
    *work = (struct work){.picks = calloc(table->row_count, sizeof *work->picks),
                          .scratch = calloc(table->row_count, sizeof *work->scratch),
                          .resampled = calloc(resamples, sizeof *work->resampled),
                          .pooled = calloc(resamples, sizeof *work->pooled),
                          .of_processes = calloc(table->process_count, sizeof(double))};
    return work->picks && work->scratch && work->resampled && work->pooled && work->of_processes
               ? 0
               : -ENOMEM;
}

static void work_fini(struct work *work) {
    free(work->picks);
    free(work->scratch);
    free(work->resampled);
    free(work->pooled);
    free(work->of_processes);
}

/* The value of one process and, added to the pooled resamples, those of its resamples. */
static void resample_process(const struct table *table, uint32_t process, size_t resamples,
                             size_t block_length, struct hsp_random *random, struct work *work,
                             struct hsp_estimate *estimate) {
    size_t first = process ? table->process_ends[process - 1] : 0;
    size_t count = table->process_ends[process] - first;
    size_t block = block_length ? block_length : (size_t)ceil(cbrt((double)count));
    for (size_t i = 0; i < count; i++)
        work->picks[i] = i;
    work->of_processes[process] = statistic(table, first, work->picks, count, work->scratch);
    for (size_t i = 0; i < resamples; i++) {
        draw(work->picks, count, block, random);
        work->resampled[i] = statistic(table, first, work->picks, count, work->scratch);
        work->pooled[i] += work->resampled[i] / table->process_count;
    }
    estimate->value += work->of_processes[process] / table->process_count;
    estimate->within_variance += variance(work->resampled, resamples) / table->process_count;
}

static void put_together(struct hsp_estimate *estimate, double low, double high,
                         double confidence) {
    double count = estimate->process_count;
    double excess = fmax(0, estimate->between_variance - estimate->within_variance);
    double t = count > 1 ? hsp_student_quantile(1 - (1 - confidence) / 2, count - 1) : 0;
    double between = t * t * excess / count;
    double below = fmax(0, estimate->value - low);
    double above = fmax(0, high - estimate->value);
    estimate->interval.low = estimate->value - sqrt(below * below + between);
    estimate->interval.high = estimate->value + sqrt(above * above + between);
}

static int estimate_table(const struct table *table, const struct hsp_bootstrap *options,
                          struct hsp_estimate *out_estimate) {
    size_t resamples = options->resample_count ? options->resample_count : DEFAULT_RESAMPLES;
    double confidence = options->confidence > 0 ? options->confidence : DEFAULT_CONFIDENCE;
    struct hsp_random random = {options->seed};
    struct hsp_estimate estimate = {.process_count = table->process_count,
                                    .round_count = table->row_count};
    struct work work;
    int rc = work_init(&work, table, resamples);
    if (rc == 0) {
        for (uint32_t process = 0; process < table->process_count; process++)
            resample_process(table, process, resamples, options->block_length, &random, &work,
                             &estimate);
        estimate.between_variance = variance(work.of_processes, table->process_count);
        qsort(work.pooled, resamples, sizeof *work.pooled, compare_doubles);
        double tail = (1 - confidence) / 2 * 100;
        put_together(&estimate, hsp_stats_percentile(work.pooled, resamples, tail),
                     hsp_stats_percentile(work.pooled, resamples, 100 - tail), confidence);
        *out_estimate = estimate;
    }
    work_fini(&work);
    return rc;
}

/* Fills the columns from the bursts' values and estimates. */
typedef void (*fill_row)(struct table *table, size_t row, const double *values, size_t count);

static int estimate_rows(const struct hsp_series *const *series, size_t count, size_t columns,
                         const double *weights, fill_row fill, const struct hsp_bootstrap *options,
                         struct hsp_estimate *out_estimate) {
    size_t rows;
    struct table table = {0};
    size_t *bursts = common_rounds(series, count, &rows);
    int rc = bursts ? table_init(&table, series[0], bursts, count, rows, columns) : -ENOMEM;
    for (size_t row = 0; row < rows && !rc; row++) {
        double values[COLUMN_MAX];
        for (size_t i = 0; i < count; i++)
            values[i] = hsp_series_burst_value(series[i], bursts[row * count + i]);
        fill(&table, row, values, count);
    }
    if (!rc) {
        memcpy(table.weights, weights, columns * sizeof *weights);
        rc = estimate_table(&table, options, out_estimate);
    }
    table_fini(&table);
    free(bursts);
    return rc;
}

static void fill_value(struct table *table, size_t row, const double *values, size_t count) {
    (void)count;
    table->values[row] = values[0];
}

static void fill_difference(struct table *table, size_t row, const double *values, size_t count) {
    (void)count;
    table->values[row] = values[0] - values[1];
}

/* The lowest, the differences, and the highest. */
static void fill_chain(struct table *table, size_t row, const double *values, size_t count) {
    for (size_t i = 0; i < count; i++)
        table->values[i * table->row_count + row] = values[i] - (i ? values[i - 1] : 0);
    table->values[count * table->row_count + row] = values[count - 1];
}

int hsp_estimate_series(const struct hsp_series *series, const struct hsp_bootstrap *options,
                        struct hsp_estimate *out_estimate) {
    return estimate_rows(&series, 1, 1, (const double[]){1}, fill_value, options, out_estimate);
}

int hsp_estimate_difference(const struct hsp_series *upper, const struct hsp_series *lower,
                            const struct hsp_bootstrap *options,
                            struct hsp_estimate *out_estimate) {
    const struct hsp_series *const pair[] = {upper, lower};
    return estimate_rows(pair, 2, 1, (const double[]){1}, fill_difference, options, out_estimate);
}

int hsp_estimate_residual(const struct hsp_series *const *chain, size_t count,
                          const struct hsp_bootstrap *options, struct hsp_estimate *out_estimate) {
    if (count == 0 || count >= COLUMN_MAX)
        return -EINVAL;
    double weights[COLUMN_MAX];
    for (size_t i = 0; i < count; i++)
        weights[i] = 1;
    weights[count] = -1;
    return estimate_rows(chain, count, count + 1, weights, fill_chain, options, out_estimate);
}

size_t hsp_estimate_processes(const struct hsp_series *series, double *out_values,
                              size_t capacity) {
    size_t processes = 0;
    double *values = calloc(series->burst_count + 1, sizeof *values);
    for (size_t first = 0, end; values && first < series->burst_count; first = end) {
        uint32_t process = series->bursts[first].process;
        for (end = first; end < series->burst_count && series->bursts[end].process == process;
             end++)
            values[end - first] = hsp_series_burst_value(series, end);
        if (processes < capacity)
            out_values[processes] = hsp_stats_median_inplace(values, end - first);
        processes++;
    }
    free(values);
    return processes;
}
