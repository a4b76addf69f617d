/* SPDX-License-Identifier: MIT */
#include "measure/rounds.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static uint64_t raw_now_ns(void *state) {
    (void)state;
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC_RAW, &now);
    return (uint64_t)now.tv_sec * UINT64_C(1000000000) + (uint64_t)now.tv_nsec;
}

struct hsp_clock hsp_clock_raw(void) {
    return (struct hsp_clock){.now_ns = raw_now_ns};
}

/* The state of one hsp_rounds_run. */
struct run {
    const struct hsp_arm *arms;
    size_t arm_count;
    const struct hsp_rounds_options *options;
    struct hsp_random random;
    size_t *order;
    double *warmup;  /* round trips of two windows, per arm */
    double *scratch; /* one burst */
    uint64_t start_ns;
    size_t failed_arm;
};

static uint64_t no_caller_ns(void) {
    return 0;
}

static size_t metric_samples(enum hsp_metric metric, uint32_t rounds, uint32_t burst) {
    return metric == HSP_METRIC_BACK_TO_BACK ? rounds : (size_t)rounds * burst;
}

/* The samples of an arm lie metric after metric. */
static size_t sample_offset(size_t arm, enum hsp_metric metric, uint32_t rounds, uint32_t burst) {
    size_t per_arm = 0;
    size_t before = 0;
    for (int i = 0; i < HSP_METRIC_COUNT; i++) {
        if (i < (int)metric)
            before += metric_samples((enum hsp_metric)i, rounds, burst);
        per_arm += metric_samples((enum hsp_metric)i, rounds, burst);
    }
    return arm * per_arm + before;
}

static double *samples_of(const struct hsp_rounds_result *result, size_t arm,
                          enum hsp_metric metric) {
    return result->samples +
           sample_offset(arm, metric, result->round_capacity, result->burst_count);
}

static void shuffle(struct run *run) {
    for (size_t i = run->arm_count; i > 1; i--) {
        size_t j = hsp_random_below(&run->random, i);
        size_t held = run->order[i - 1];
        run->order[i - 1] = run->order[j];
        run->order[j] = held;
    }
}

static void reverse(struct run *run) {
    for (size_t i = 0; i < run->arm_count / 2; i++) {
        size_t j = run->arm_count - 1 - i;
        size_t held = run->order[i];
        run->order[i] = run->order[j];
        run->order[j] = held;
    }
}

/* One timed launch; the clock is read three times, the caller's device time outside of it. */
static int measure_one(const struct run *run, const struct hsp_arm *arm, double *out) {
    const struct hsp_clock *clock = &run->options->clock;
    uint64_t (*caller_ns)(void) = run->options->caller_ns ? run->options->caller_ns : no_caller_ns;
    uint64_t caller_before = caller_ns();
    uint64_t start = clock->now_ns(clock->state);
    if (arm->ops->launch(arm->state))
        return -EIO;
    uint64_t submitted = clock->now_ns(clock->state);
    uint64_t caller_submit = caller_ns();
    if (arm->ops->wait(arm->state))
        return -EIO;
    uint64_t done = clock->now_ns(clock->state);
    out[HSP_METRIC_SUBMIT] = (double)(submitted - start) - (double)(caller_submit - caller_before);
    out[HSP_METRIC_ROUND_TRIP] = (double)(done - start);
    out[HSP_METRIC_CALLER] = (double)(caller_submit - caller_before);
    out[HSP_METRIC_CALLER_ROUND_TRIP] = (double)(caller_ns() - caller_before);
    return 0;
}

static int measure_batch(const struct run *run, const struct hsp_arm *arm, double *out_ns) {
    const struct hsp_clock *clock = &run->options->clock;
    uint32_t count = run->options->batch_count;
    uint64_t start = clock->now_ns(clock->state);
    for (uint32_t i = 0; i < count; i++)
        if (arm->ops->launch(arm->state))
            return -EIO;
    if (arm->ops->wait(arm->state))
        return -EIO;
    *out_ns = (double)(clock->now_ns(clock->state) - start) / count;
    return 0;
}

/* Visits one arm. With a result the burst is recorded as round `round`; without, its median round
 * trip goes to *out_warm. */
static int visit(struct run *run, size_t index, uint32_t round, struct hsp_rounds_result *result,
                 double *out_warm) {
    const struct hsp_rounds_options *options = run->options;
    const struct hsp_arm *arm = &run->arms[index];
    double one[HSP_METRIC_COUNT] = {0};
    for (uint32_t i = 0; i < options->settle_count; i++)
        if (measure_one(run, arm, one))
            return -EIO;
    for (uint32_t i = 0; i < options->burst_count; i++) {
        if (measure_one(run, arm, one))
            return -EIO;
        run->scratch[i] = one[HSP_METRIC_ROUND_TRIP];
        for (int metric = 0; result && metric < HSP_METRIC_COUNT; metric++)
            if (metric != HSP_METRIC_BACK_TO_BACK)
                samples_of(result, index,
                           (enum hsp_metric)metric)[round * options->burst_count + i] = one[metric];
    }
    double batch_ns = 0;
    if (options->batch_count && measure_batch(run, arm, &batch_ns))
        return -EIO;
    if (result)
        samples_of(result, index, HSP_METRIC_BACK_TO_BACK)[round] = batch_ns;
    if (out_warm)
        *out_warm = hsp_stats_median_inplace(run->scratch, options->burst_count);
    return 0;
}

static int one_round(struct run *run, uint32_t round, struct hsp_rounds_result *result,
                     double *out_warm, size_t warm_stride) {
    if (round % 2 == 0)
        shuffle(run);
    else
        reverse(run);
    for (size_t i = 0; i < run->arm_count; i++) {
        size_t arm = run->order[i];
        if (visit(run, arm, round, result, out_warm ? out_warm + arm * warm_stride : NULL)) {
            run->failed_arm = arm;
            return -EIO;
        }
    }
    return 0;
}

/* Compares two windows of every arm; medians are taken in place, the order within is not needed. */
static bool windows_agree(struct run *run, double *before, double *now) {
    uint32_t window = run->options->warmup_window;
    bool agree = true;
    for (size_t arm = 0; arm < run->arm_count; arm++) {
        double a = hsp_stats_median_inplace(before + arm * window, window);
        double b = hsp_stats_median_inplace(now + arm * window, window);
        if (fabs(a - b) > run->options->warmup_tolerance * fmax(a, b))
            agree = false;
    }
    return agree;
}

/* Whether 1/`part` of the time limit is over. */
static bool time_is_up(const struct run *run, unsigned part) {
    const struct hsp_rounds_options *options = run->options;
    return options->time_limit_ns && options->clock.now_ns(options->clock.state) - run->start_ns >=
                                         options->time_limit_ns / part;
}

static int warm_up(struct run *run, uint32_t *out_count, bool *out_steady) {
    uint32_t window = run->options->warmup_window;
    *out_count = 0;
    *out_steady = window == 0;
    for (uint32_t turn = 0; !*out_steady && *out_count + window <= run->options->warmup_round_max &&
                            !time_is_up(run, 2);
         turn++) {
        double *now = run->warmup + (turn % 2) * run->arm_count * window;
        double *before = run->warmup + (1 - turn % 2) * run->arm_count * window;
        for (uint32_t i = 0; i < window; i++)
            if (one_round(run, i, NULL, now + i, window))
                return -EIO;
        *out_count += window;
        *out_steady = turn > 0 && windows_agree(run, before, now);
    }
    return 0;
}

static void run_fini(struct run *run) {
    free(run->order);
    free(run->warmup);
    free(run->scratch);
}

static int run_init(struct run *run, const struct hsp_arm *arms, size_t arm_count,
                    const struct hsp_rounds_options *options) {
    *run = (struct run){.arms = arms, .arm_count = arm_count, .options = options};
    run->random.state = options->seed;
    run->order = calloc(arm_count, sizeof *run->order);
    run->warmup = calloc(2 * arm_count * options->warmup_window + 1, sizeof *run->warmup);
    run->scratch = calloc(options->burst_count, sizeof *run->scratch);
    if (!run->order || !run->warmup || !run->scratch)
        return -ENOMEM;
    for (size_t i = 0; i < arm_count; i++)
        run->order[i] = i;
    run->start_ns = options->clock.now_ns(options->clock.state);
    return 0;
}

static int record(struct run *run, struct hsp_rounds_result *result) {
    int rc = 0;
    do
        rc = one_round(run, result->round_count++, result, NULL, 0);
    while (rc == 0 && result->round_count < result->round_capacity && !time_is_up(run, 1));
    return rc;
}

/* Counts launches around the whole run instead of inside of it: the arms are driven evenly. */
static uint64_t launches_per_arm(const struct hsp_rounds_options *options, uint32_t rounds) {
    return (uint64_t)rounds *
           ((uint64_t)options->settle_count + options->burst_count + options->batch_count);
}

int hsp_rounds_run(const struct hsp_arm *arms, size_t arm_count,
                   const struct hsp_rounds_options *options, struct hsp_rounds_result *out_result,
                   size_t *out_failed_arm) {
    if (arm_count == 0 || options->round_count == 0 || options->burst_count == 0 ||
        options->burst_count > HSP_ROUNDS_BURST_MAX)
        return -EINVAL;
    struct run run;
    struct hsp_rounds_result result = {.arm_count = arm_count,
                                       .round_capacity = options->round_count,
                                       .burst_count = options->burst_count};
    int rc = run_init(&run, arms, arm_count, options);
    if (rc)
        goto fail;
    rc = -ENOMEM;
    result.launch_counts = calloc(arm_count, sizeof *result.launch_counts);
    result.samples = calloc(sample_offset(arm_count, 0, result.round_capacity, result.burst_count),
                            sizeof *result.samples);
    if (!result.launch_counts || !result.samples)
        goto fail;
    rc = warm_up(&run, &result.warmup_round_count, &result.steady);
    if (rc == 0)
        rc = record(&run, &result);
    if (rc) {
        *out_failed_arm = run.failed_arm;
        goto fail;
    }
    for (size_t arm = 0; arm < arm_count; arm++)
        result.launch_counts[arm] =
            launches_per_arm(options, result.warmup_round_count + result.round_count);
    run_fini(&run);
    *out_result = result;
    return 0;
fail:
    hsp_rounds_result_fini(&result);
    run_fini(&run);
    return rc;
}

void hsp_rounds_result_fini(struct hsp_rounds_result *result) {
    free(result->launch_counts);
    free(result->samples);
    *result = (struct hsp_rounds_result){0};
}

size_t hsp_rounds_sample_count(const struct hsp_rounds_result *result, enum hsp_metric metric) {
    return metric_samples(metric, result->round_count, result->burst_count);
}

const double *hsp_rounds_samples(const struct hsp_rounds_result *result, size_t arm,
                                 enum hsp_metric metric) {
    return samples_of(result, arm, metric);
}

void hsp_rounds_per_round(const struct hsp_rounds_result *result, size_t arm,
                          enum hsp_metric metric, double *out_values) {
    const double *samples = samples_of(result, arm, metric);
    if (metric == HSP_METRIC_BACK_TO_BACK) {
        memcpy(out_values, samples, result->round_count * sizeof *samples);
        return;
    }
    uint32_t burst = result->burst_count;
    double copy[HSP_ROUNDS_BURST_MAX];
    for (uint32_t round = 0; round < result->round_count; round++) {
        memcpy(copy, samples + (size_t)round * burst, burst * sizeof *copy);
        out_values[round] = hsp_stats_median_inplace(copy, burst);
    }
}

int hsp_rounds_difference(const struct hsp_rounds_result *result, size_t upper, size_t lower,
                          enum hsp_metric metric, const struct hsp_bootstrap *options,
                          struct hsp_difference *out_difference) {
    size_t rounds = result->round_count;
    double *values = calloc(2 * rounds, sizeof *values);
    if (!values)
        return -ENOMEM;
    hsp_rounds_per_round(result, upper, metric, values);
    hsp_rounds_per_round(result, lower, metric, values + rounds);
    for (size_t i = 0; i < rounds; i++)
        values[i] -= values[rounds + i];
    struct hsp_difference difference;
    int rc = hsp_stats_median_interval(values, rounds, options, &difference.interval);
    if (rc == 0) {
        difference.median = hsp_stats_median_inplace(values, rounds);
        *out_difference = difference;
    }
    free(values);
    return rc;
}
