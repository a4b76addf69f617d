/* SPDX-License-Identifier: MIT */
#include "measure/rounds.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define WINDOW_COUNT     4
#define DRIFT_DEVIATIONS 4.0 /* the recorded rounds are looked at once for each arm */
#define MOVE_DEVIATIONS  2.0
#define DRIFT_ROUNDS_MIN 24

/* The state of one hsp_rounds_run. */
struct run {
    const struct hsp_arm *arms;
    size_t arm_count;
    const struct hsp_rounds_options *options;
    struct hsp_random random;
    size_t *order;
    double *warmup;  /* round trips of WINDOW_COUNT windows, per arm */
    double *scratch; /* one burst, or the values of two windows */
    uint64_t start_ns;
    size_t failed_arm;
};

static uint64_t no_caller_ns(void) {
    return 0;
}

static void no_tags(struct hsp_burst_tags *out_totals) {
    *out_totals = (struct hsp_burst_tags){0};
}

uint32_t hsp_rounds_per_burst(const struct hsp_rounds_result *result, enum hsp_metric metric) {
    if (metric == HSP_METRIC_BACK_TO_BACK)
        return result->batch_count ? 1 : 0;
    return metric == HSP_METRIC_SLOPE ? result->slope_count : result->burst_count;
}

/* The samples of an arm lie metric after metric. */
static size_t sample_offset(const struct hsp_rounds_result *result, size_t arm,
                            enum hsp_metric metric) {
    size_t per_arm = 0;
    size_t before = 0;
    for (int i = 0; i < HSP_METRIC_COUNT; i++) {
        size_t samples =
            (size_t)result->round_capacity * hsp_rounds_per_burst(result, (enum hsp_metric)i);
        before += i < (int)metric ? samples : 0;
        per_arm += samples;
    }
    return arm * per_arm + before;
}

static double *samples_of(const struct hsp_rounds_result *result, size_t arm,
                          enum hsp_metric metric) {
    return result->samples + sample_offset(result, arm, metric);
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
    if (run->options->gap_ns)
        clock->idle_ns(clock->state, run->options->gap_ns);
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

/* `count` launches and a wait; the times until the last launch returned, less what the device did
 * on this thread, and until the wait did. */
static int measure_batch(const struct run *run, const struct hsp_arm *arm, uint32_t count,
                         double *out_submit_ns, double *out_ns) {
    const struct hsp_clock *clock = &run->options->clock;
    uint64_t (*caller_ns)(void) = run->options->caller_ns ? run->options->caller_ns : no_caller_ns;
    uint64_t caller_before = caller_ns();
    uint64_t start = clock->now_ns(clock->state);
    for (uint32_t i = 0; i < count; i++)
        if (arm->ops->launch(arm->state))
            return -EIO;
    uint64_t submitted = clock->now_ns(clock->state);
    double caller = (double)(caller_ns() - caller_before);
    if (arm->ops->wait(arm->state))
        return -EIO;
    *out_submit_ns = (double)(submitted - start) - caller;
    *out_ns = (double)(clock->now_ns(clock->state) - start);
    return 0;
}

static int measure_batches(const struct run *run, const struct hsp_arm *arm, double *out_batch_ns,
                           double *out_slope_ns) {
    const struct hsp_rounds_options *options = run->options;
    double submit_ns;
    double ns;
    if (options->batch_count) {
        if (measure_batch(run, arm, options->batch_count, &submit_ns, &ns))
            return -EIO;
        *out_batch_ns = ns / options->batch_count;
    }
    for (uint32_t i = 0; i < options->slope_count; i++)
        if (measure_batch(run, arm, UINT32_C(1) << i, &out_slope_ns[i], &ns))
            return -EIO;
    return 0;
}

/* The timed launches of one visit, recorded as round `round` where there is a result. */
static int measure_burst(struct run *run, size_t index, uint32_t round,
                         struct hsp_rounds_result *result) {
    const struct hsp_rounds_options *options = run->options;
    void (*tags)(struct hsp_burst_tags *) = options->tags ? options->tags : no_tags;
    struct hsp_burst_tags before;
    struct hsp_burst_tags after;
    double one[HSP_METRIC_COUNT] = {0};
    tags(&before);
    for (uint32_t i = 0; i < options->burst_count; i++) {
        if (measure_one(run, &run->arms[index], one))
            return -EIO;
        run->scratch[i] = one[HSP_METRIC_ROUND_TRIP];
        for (int metric = 0; result && metric < HSP_METRIC_COUNT; metric++)
            if (metric != HSP_METRIC_BACK_TO_BACK && metric != HSP_METRIC_SLOPE)
                samples_of(result, index,
                           (enum hsp_metric)metric)[round * options->burst_count + i] = one[metric];
    }
    tags(&after);
    if (result)
        result->tags[index * result->round_capacity + round] = (struct hsp_burst_tags){
            .voluntary_switches = after.voluntary_switches - before.voluntary_switches,
            .involuntary_switches = after.involuntary_switches - before.involuntary_switches,
            .minor_faults = after.minor_faults - before.minor_faults,
            .major_faults = after.major_faults - before.major_faults};
    return 0;
}

/* What is measured in a visit of one arm. With a result everything is recorded as round `round`;
 * without, the burst's median round trip goes to *out_warm. */
static int measure_arm(struct run *run, size_t index, uint32_t round,
                       struct hsp_rounds_result *result, double *out_warm) {
    const struct hsp_rounds_options *options = run->options;
    const struct hsp_arm *arm = &run->arms[index];
    double unused[HSP_METRIC_COUNT];
    for (uint32_t i = 0; i < options->settle_count; i++)
        if (measure_one(run, arm, unused))
            return -EIO;
    if (measure_burst(run, index, round, result))
        return -EIO;
    double batch_ns = 0;
    double slope_ns[HSP_ROUNDS_SIZES_MAX];
    if (measure_batches(run, arm, &batch_ns, slope_ns))
        return -EIO;
    if (result && options->batch_count)
        samples_of(result, index, HSP_METRIC_BACK_TO_BACK)[round] = batch_ns;
    if (result && options->slope_count)
        memcpy(samples_of(result, index, HSP_METRIC_SLOPE) + (size_t)round * options->slope_count,
               slope_ns, options->slope_count * sizeof *slope_ns);
    if (out_warm)
        *out_warm = hsp_stats_median_inplace(run->scratch, options->burst_count);
    return 0;
}

static int visit(struct run *run, size_t index, uint32_t round, struct hsp_rounds_result *result,
                 double *out_warm) {
    const struct hsp_arm *arm = &run->arms[index];
    if (arm->ops->enter && arm->ops->enter(arm->state))
        return -EIO;
    int rc = measure_arm(run, index, round, result, out_warm);
    if (arm->ops->leave)
        arm->ops->leave(arm->state);
    return rc;
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

/* Whether 1/`part` of the time limit is over. */
static bool time_is_up(const struct run *run, unsigned part) {
    const struct hsp_rounds_options *options = run->options;
    return options->time_limit_ns && options->clock.now_ns(options->clock.state) - run->start_ns >=
                                         options->time_limit_ns / part;
}

/* An arm's windows lie side by side, turn by turn; `turn` was the last: the two before the last two
 * against those. */
static bool nothing_moves(struct run *run, uint32_t turn) {
    const struct hsp_rounds_options *options = run->options;
    size_t window = options->warmup_window;
    size_t half = WINDOW_COUNT / 2 * window;
    for (size_t arm = 0; arm < run->arm_count; arm++) {
        const double *windows = run->warmup + arm * WINDOW_COUNT * window;
        double *values = run->scratch;
        for (uint32_t i = 0; i < WINDOW_COUNT; i++)
            memcpy(values + i * window, windows + (turn + 1 + i) % WINDOW_COUNT * window,
                   window * sizeof *values);
        if (hsp_rounds_moved(values, values + half, half, options->warmup_tolerance,
                             MOVE_DEVIATIONS, values + 2 * half))
            return false;
    }
    return true;
}

/* At least a window of rounds, and as many more as its share of the least time takes; the last ones
 * are kept. */
static int warm_window(struct run *run, uint32_t turn, uint32_t *count) {
    const struct hsp_rounds_options *options = run->options;
    const struct hsp_clock *clock = &options->clock;
    uint32_t window = options->warmup_window;
    double *now = run->warmup + turn % WINDOW_COUNT * window;
    uint64_t start = clock->now_ns(clock->state);
    for (uint32_t i = 0; *count < options->warmup_round_max; i++) {
        if (i >= window && clock->now_ns(clock->state) - start >= options->warmup_ns / WINDOW_COUNT)
            break;
        if (one_round(run, i, NULL, now + i % window, WINDOW_COUNT * window))
            return -EIO;
        ++*count;
        if (time_is_up(run, 2))
            break;
    }
    return 0;
}

static int warm_up(struct run *run, uint32_t *out_count, bool *out_steady) {
    uint32_t window = run->options->warmup_window;
    *out_count = 0;
    *out_steady = window == 0;
    for (uint32_t turn = 0; !*out_steady && *out_count + window <= run->options->warmup_round_max &&
                            !time_is_up(run, 2);
         turn++) {
        if (warm_window(run, turn, out_count))
            return -EIO;
        *out_steady = turn + 1 >= WINDOW_COUNT && !time_is_up(run, 2) && nothing_moves(run, turn);
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
    size_t windows = (size_t)WINDOW_COUNT * options->warmup_window;
    size_t scratch = 2 * windows > options->burst_count ? 2 * windows : options->burst_count;
    run->order = calloc(arm_count, sizeof *run->order);
    run->warmup = calloc(arm_count * windows + 1, sizeof *run->warmup);
    run->scratch = calloc(scratch, sizeof *run->scratch);
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

/* Did it stay steady? A warm-up that ended too early shows here. */
static int look_for_drift(const struct run *run, struct hsp_rounds_result *result) {
    size_t rounds = result->round_count;
    size_t third = rounds / 3;
    if (rounds < DRIFT_ROUNDS_MIN || run->options->warmup_window == 0)
        return 0;
    double *values = calloc(rounds + 2 * third, sizeof *values);
    if (!values)
        return -ENOMEM;
    for (size_t arm = 0; arm < result->arm_count; arm++) {
        hsp_rounds_per_round(result, arm, HSP_METRIC_ROUND_TRIP, values);
        if (hsp_rounds_moved(values, values + rounds - third, third, run->options->warmup_tolerance,
                             DRIFT_DEVIATIONS, values + rounds))
            result->drifted = true;
    }
    free(values);
    return 0;
}

/* Counts launches around the whole run instead of inside of it: the arms are driven evenly. */
static uint64_t launches_per_arm(const struct hsp_rounds_options *options, uint32_t rounds) {
    return (uint64_t)rounds * ((uint64_t)options->settle_count + options->burst_count +
                               options->batch_count + (UINT64_C(1) << options->slope_count) - 1);
}

static bool is_valid(size_t arm_count, const struct hsp_rounds_options *options) {
    return arm_count && options->round_count && options->burst_count &&
           options->burst_count <= HSP_ROUNDS_BURST_MAX &&
           options->slope_count <= HSP_ROUNDS_SIZES_MAX && options->slope_count != 1 &&
           (!options->gap_ns || options->clock.idle_ns);
}

int hsp_rounds_run(const struct hsp_arm *arms, size_t arm_count,
                   const struct hsp_rounds_options *options, struct hsp_rounds_result *out_result,
                   size_t *out_failed_arm) {
    if (!is_valid(arm_count, options))
        return -EINVAL;
    struct run run;
    struct hsp_rounds_result result = {.arm_count = arm_count,
                                       .round_capacity = options->round_count,
                                       .burst_count = options->burst_count,
                                       .batch_count = options->batch_count,
                                       .slope_count = options->slope_count};
    int rc = run_init(&run, arms, arm_count, options);
    if (rc)
        goto fail;
    rc = -ENOMEM;
    result.launch_counts = calloc(arm_count, sizeof *result.launch_counts);
    result.tags = calloc(arm_count * result.round_capacity, sizeof *result.tags);
    result.samples = calloc(sample_offset(&result, arm_count, 0), sizeof *result.samples);
    if (!result.launch_counts || !result.samples || !result.tags)
        goto fail;
    rc = warm_up(&run, &result.warmup_round_count, &result.steady);
    if (rc == 0)
        rc = record(&run, &result);
    if (rc)
        *out_failed_arm = run.failed_arm;
    else
        rc = look_for_drift(&run, &result);
    if (rc)
        goto fail;
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
    free(result->tags);
    free(result->samples);
    *result = (struct hsp_rounds_result){0};
}

size_t hsp_rounds_sample_count(const struct hsp_rounds_result *result, enum hsp_metric metric) {
    return (size_t)result->round_count * hsp_rounds_per_burst(result, metric);
}

const double *hsp_rounds_samples(const struct hsp_rounds_result *result, size_t arm,
                                 enum hsp_metric metric) {
    return samples_of(result, arm, metric);
}

void hsp_rounds_per_round(const struct hsp_rounds_result *result, size_t arm,
                          enum hsp_metric metric, double *out_values) {
    const double *samples = samples_of(result, arm, metric);
    uint32_t burst = hsp_rounds_per_burst(result, metric);
    double copy[HSP_ROUNDS_BURST_MAX];
    for (uint32_t round = 0; round < result->round_count; round++) {
        memcpy(copy, samples + (size_t)round * burst, burst * sizeof *copy);
        out_values[round] = hsp_stats_median_inplace(copy, burst);
    }
}
