/* SPDX-License-Identifier: MIT */
/* Rounds on a synthetic machine: arms that take known times on a clock that only they move. */
#include <errno.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "measure/estimate.h"

/* Reading the clock costs time too, as on a real machine. */
#define READ_NS 10

struct machine {
    double now_ns;
    double drift;        /* ns that every launch and wait takes longer than the one before */
    double noise;        /* of a standard exponential, in ns */
    double slice_ns;     /* every second slice is twice as slow; 0: none */
    double slow_from_ns; /* twice as slow from then on; 0: never */
    uint64_t caller_ns;
    uint64_t work; /* launches and waits so far */
    struct hsp_random random;
    char order[256]; /* the arm of each launch */
    size_t order_length;
};

struct synthetic {
    struct machine *machine;
    char name;
    double submit_ns;
    double wait_ns;
    double decay_ns; /* extra of the first launch, halved by each launch */
    uint32_t caller_ns;
    uint64_t launches;
    uint64_t waits;
    uint64_t fail_at; /* the launch that fails; 0 none */
};

/* caller_ns() has no state, as in abi/softgpu.h. */
static struct machine *caller_machine;

static uint64_t machine_now(void *state) {
    struct machine *machine = state;
    machine->now_ns += READ_NS;
    return (uint64_t)machine->now_ns;
}

static uint64_t machine_caller(void) {
    return caller_machine->caller_ns;
}

static void spend(struct machine *machine, double ns) {
    double uniform = (double)(hsp_random_next(&machine->random) >> 11) * 0x1p-53;
    bool slow = machine->slice_ns > 0 && (uint64_t)(machine->now_ns / machine->slice_ns) % 2;
    slow = slow || (machine->slow_from_ns > 0 && machine->now_ns >= machine->slow_from_ns);
    machine->now_ns += (slow ? 2 : 1) * ns + machine->drift * (double)machine->work++;
    machine->now_ns += -machine->noise * log(1 - uniform);
}

static int synthetic_launch(void *state) {
    struct synthetic *arm = state;
    if (++arm->launches == arm->fail_at)
        return -1;
    if (arm->machine->order_length < sizeof arm->machine->order)
        arm->machine->order[arm->machine->order_length++] = arm->name;
    spend(arm->machine, arm->submit_ns + arm->decay_ns);
    arm->decay_ns /= 2;
    arm->machine->caller_ns += arm->caller_ns;
    return 0;
}

static int synthetic_wait(void *state) {
    struct synthetic *arm = state;
    arm->waits++;
    spend(arm->machine, arm->wait_ns);
    return 0;
}

static const char *synthetic_error(void *state) {
    (void)state;
    return "asked to fail";
}

static const struct hsp_arm_ops ops = {
    .launch = synthetic_launch, .wait = synthetic_wait, .error = synthetic_error};

#define ARM_COUNT 3
struct fixture {
    struct machine machine;
    struct synthetic states[ARM_COUNT];
    struct hsp_arm arms[ARM_COUNT];
    struct hsp_rounds_options options;
    struct hsp_rounds_result result;
};

static int set_up(void **state) {
    static const struct synthetic kinds[ARM_COUNT] = {
        {.name = 'a', .submit_ns = 100, .wait_ns = 1000},
        {.name = 'b', .submit_ns = 130, .wait_ns = 1000},
        {.name = 'c', .submit_ns = 500, .wait_ns = 1300},
    };
    static const char *const names[ARM_COUNT] = {"a", "b", "c"};
    struct fixture *fixture = calloc(1, sizeof *fixture);
    assert_non_null(fixture);
    fixture->machine.random.state = 99;
    for (size_t i = 0; i < ARM_COUNT; i++) {
        fixture->states[i] = kinds[i];
        fixture->states[i].machine = &fixture->machine;
        fixture->arms[i] = (struct hsp_arm){names[i], &ops, &fixture->states[i]};
    }
    fixture->options = (struct hsp_rounds_options){
        .round_count = 200,
        .burst_count = 4,
        .settle_count = 1,
        .batch_count = 8,
        .seed = 1,
        .clock = {.now_ns = machine_now, .state = &fixture->machine},
    };
    caller_machine = &fixture->machine;
    *state = fixture;
    return 0;
}

static int tear_down(void **state) {
    struct fixture *fixture = *state;
    hsp_rounds_result_fini(&fixture->result);
    free(fixture);
    return 0;
}

static void run(struct fixture *fixture) {
    size_t failed = 0;
    assert_int_equal(
        hsp_rounds_run(fixture->arms, ARM_COUNT, &fixture->options, &fixture->result, &failed), 0);
}

static double median_of(const struct fixture *fixture, size_t arm, enum hsp_metric metric) {
    struct hsp_summary summary;
    assert_int_equal(hsp_stats_summarize(hsp_rounds_samples(&fixture->result, arm, metric),
                                         hsp_rounds_sample_count(&fixture->result, metric),
                                         &summary),
                     0);
    return summary.median;
}

static void assert_near(double value, double expected, double tolerance) {
    if (!(fabs(value - expected) <= tolerance))
        fail_msg("%g is not within %g of %g", value, tolerance, expected);
}

static void known_times_come_back(void **state) {
    struct fixture *fixture = *state;
    run(fixture);
    for (size_t i = 0; i < ARM_COUNT; i++) {
        const struct synthetic *arm = &fixture->states[i];
        assert_near(median_of(fixture, i, HSP_METRIC_SUBMIT), arm->submit_ns + READ_NS, 0);
        assert_near(median_of(fixture, i, HSP_METRIC_ROUND_TRIP),
                    arm->submit_ns + arm->wait_ns + 2 * READ_NS, 0);
        assert_near(median_of(fixture, i, HSP_METRIC_BACK_TO_BACK),
                    (8 * arm->submit_ns + arm->wait_ns + 2 * READ_NS) / 8, 1);
        assert_near(median_of(fixture, i, HSP_METRIC_CALLER), 0, 0);
    }
}

/* Costs grow sixfold over the run and the noise is larger than the difference sought. */
static void paired_difference_survives_drift_and_noise(void **state) {
    struct fixture *fixture = *state;
    fixture->options.round_count = 1000;
    fixture->machine.noise = 60;
    fixture->machine.drift = 0.1;
    fixture->states[0].submit_ns = 1000;
    fixture->states[1].submit_ns = 1030;
    run(fixture);
    struct hsp_bootstrap bootstrap = {.seed = 1};
    struct hsp_estimate quiet;
    struct hsp_samples *samples = hsp_samples_create();
    assert_int_equal(
        hsp_samples_take_rounds(samples, "w", 0, 0, fixture->arms, &fixture->result, false), 0);
    assert_int_equal(hsp_estimate_difference(hsp_samples_find(samples, "w", "b", "submit", 0),
                                             hsp_samples_find(samples, "w", "a", "submit", 0),
                                             &bootstrap, &quiet),
                     0);
    assert_true(quiet.interval.low <= 30 && 30 <= quiet.interval.high);
    assert_true(quiet.interval.low > 0);
    assert_near(quiet.value, 30, 8);
    hsp_samples_destroy(samples);
}

static void order_is_random_and_then_reversed(void **state) {
    struct fixture *fixture = *state;
    fixture->options.round_count = 60;
    fixture->options.burst_count = 1;
    fixture->options.settle_count = 0;
    fixture->options.batch_count = 0;
    run(fixture);
    const char *order = fixture->machine.order;
    bool varies = false;
    for (size_t round = 0; round < 60; round++) {
        const char *now = order + round * ARM_COUNT;
        assert_non_null(memchr(now, 'a', ARM_COUNT));
        assert_non_null(memchr(now, 'b', ARM_COUNT));
        assert_non_null(memchr(now, 'c', ARM_COUNT));
        for (size_t i = 0; round % 2 == 1 && i < ARM_COUNT; i++)
            assert_int_equal(now[i], now[-1 - (int)i]);
        varies = varies || memcmp(now, order, ARM_COUNT) != 0;
    }
    assert_true(varies);
    assert_memory_not_equal(order, order + 2 * ARM_COUNT, 6 * ARM_COUNT);
}

static void seed_fixes_the_order(void **state) {
    struct fixture *fixture = *state;
    run(fixture);
    char first[sizeof fixture->machine.order];
    memcpy(first, fixture->machine.order, sizeof first);
    hsp_rounds_result_fini(&fixture->result);
    fixture->machine.order_length = 0;
    run(fixture);
    assert_memory_equal(first, fixture->machine.order, sizeof first);
    hsp_rounds_result_fini(&fixture->result);
    fixture->machine.order_length = 0;
    fixture->options.seed = 2;
    run(fixture);
    assert_memory_not_equal(first, fixture->machine.order, sizeof first);
}

/* The first launches of an arm are slow; none of them may be among the samples. */
static void warm_up_ends_when_nothing_moves(void **state) {
    struct fixture *fixture = *state;
    fixture->states[2].decay_ns = 1e9;
    fixture->options.warmup_window = 4;
    fixture->options.warmup_round_max = 400;
    fixture->options.warmup_tolerance = 0.02;
    run(fixture);
    assert_true(fixture->result.steady);
    assert_in_range(fixture->result.warmup_round_count, 8, 40);
    const double *samples = hsp_rounds_samples(&fixture->result, 2, HSP_METRIC_ROUND_TRIP);
    for (size_t i = 0; i < hsp_rounds_sample_count(&fixture->result, HSP_METRIC_ROUND_TRIP); i++)
        assert_near(samples[i], 1820, 40);
}

/* Everything is twice as slow in every second slice of 300 us, which is longer than two windows:
 * two windows in one slice agree, and what they agree on is not what comes. */
static void warm_up_outlasts_a_slice(void **state) {
    struct fixture *fixture = *state;
    fixture->machine.slice_ns = 300000;
    fixture->options.warmup_window = 1;
    fixture->options.warmup_round_max = 400;
    fixture->options.warmup_tolerance = 0.02;
    fixture->options.warmup_ns = 2000000;
    run(fixture);
    assert_true(fixture->result.steady);
    assert_in_range(fixture->result.warmup_round_count, 30, 100);
    for (size_t i = 0; i < ARM_COUNT; i++)
        assert_int_equal(fixture->result.launch_counts[i], fixture->states[i].launches);
}

/* The machine becomes slower for good after the warm-up. */
static void a_shift_after_the_warm_up_is_seen(void **state) {
    struct fixture *fixture = *state;
    fixture->options.warmup_window = 4;
    fixture->options.warmup_round_max = 400;
    fixture->options.warmup_tolerance = 0.05;
    fixture->machine.noise = 20;
    run(fixture);
    assert_true(fixture->result.steady);
    assert_false(fixture->result.drifted);
    hsp_rounds_result_fini(&fixture->result);
    fixture->machine.slow_from_ns = fixture->machine.now_ns + 3e6;
    run(fixture);
    assert_true(fixture->result.steady);
    assert_true(fixture->result.drifted);
}

static void idle(void *state, uint64_t count_ns) {
    ((struct machine *)state)->now_ns += (double)count_ns;
}

/* The gap is before each launch and in no sample. */
static void gaps_are_not_measured(void **state) {
    struct fixture *fixture = *state;
    size_t failed;
    fixture->options.gap_ns = 1000000;
    assert_int_equal(
        hsp_rounds_run(fixture->arms, ARM_COUNT, &fixture->options, &fixture->result, &failed),
        -EINVAL);
    fixture->options.clock.idle_ns = idle;
    run(fixture);
    assert_near(median_of(fixture, 0, HSP_METRIC_SUBMIT), 100 + READ_NS, 0);
    assert_in_range((uint64_t)fixture->machine.now_ns, 200 * ARM_COUNT * 5 * UINT64_C(1000000),
                    201 * ARM_COUNT * 5 * UINT64_C(1000000));
}

/* 7 ns beside a timer that takes 10: only the slope shows it. */
static void slope_is_free_of_the_timer(void **state) {
    struct fixture *fixture = *state;
    fixture->states[0].submit_ns = 7;
    fixture->states[0].caller_ns = 3;
    fixture->options.caller_ns = machine_caller;
    fixture->options.slope_count = 6;
    run(fixture);
    struct hsp_samples *samples = hsp_samples_create();
    assert_int_equal(
        hsp_samples_take_rounds(samples, "w", 0, 0, fixture->arms, &fixture->result, true), 0);
    struct hsp_bootstrap bootstrap = {.seed = 1};
    struct hsp_estimate estimate;
    assert_int_equal(hsp_estimate_series(hsp_samples_find(samples, "w", "a", "submit, slope", 0),
                                         &bootstrap, &estimate),
                     0);
    assert_near(estimate.value, 7 - 3, 0.01);
    assert_near(median_of(fixture, 0, HSP_METRIC_SUBMIT), 7 + READ_NS - 3, 0);
    for (size_t i = 0; i < ARM_COUNT; i++)
        assert_int_equal(fixture->result.launch_counts[i], fixture->states[i].launches);
    hsp_samples_destroy(samples);
}

static uint32_t switches;

static void count_tags(struct hsp_burst_tags *out_totals) {
    *out_totals =
        (struct hsp_burst_tags){.involuntary_switches = switches, .minor_faults = 2 * switches};
    switches++;
}

static void bursts_carry_what_happened_to_the_thread(void **state) {
    struct fixture *fixture = *state;
    fixture->options.tags = count_tags;
    switches = 0;
    run(fixture);
    assert_int_equal(switches, 2 * 200 * ARM_COUNT);
    struct hsp_samples *samples = hsp_samples_create();
    assert_int_equal(
        hsp_samples_take_rounds(samples, "w", 0, 0, fixture->arms, &fixture->result, false), 0);
    const struct hsp_series *series = hsp_samples_find(samples, "w", "c", "submit", 0);
    assert_int_equal(series->burst_count, 200);
    for (size_t i = 0; i < series->burst_count; i++) {
        assert_int_equal(series->bursts[i].tags.involuntary_switches, 1);
        assert_int_equal(series->bursts[i].tags.minor_faults, 2);
        assert_int_equal(series->bursts[i].tags.voluntary_switches, 0);
    }
    hsp_samples_destroy(samples);
}

static void warm_up_gives_up_and_says_so(void **state) {
    struct fixture *fixture = *state;
    fixture->machine.drift = 10;
    fixture->options.warmup_window = 4;
    fixture->options.warmup_round_max = 17;
    fixture->options.warmup_tolerance = 0.001;
    run(fixture);
    assert_false(fixture->result.steady);
    assert_int_equal(fixture->result.warmup_round_count, 16);
}

static void callers_device_time_is_taken_out_of_submit(void **state) {
    struct fixture *fixture = *state;
    fixture->states[1].caller_ns = 77;
    fixture->options.caller_ns = machine_caller;
    run(fixture);
    assert_near(median_of(fixture, 0, HSP_METRIC_CALLER), 0, 0);
    assert_near(median_of(fixture, 1, HSP_METRIC_CALLER), 77, 0);
    assert_near(median_of(fixture, 1, HSP_METRIC_SUBMIT), 130 + READ_NS - 77, 0);
    assert_near(median_of(fixture, 0, HSP_METRIC_SUBMIT), 100 + READ_NS, 0);
    assert_near(median_of(fixture, 1, HSP_METRIC_CALLER_ROUND_TRIP), 77, 0);
}

static void every_launch_is_counted(void **state) {
    struct fixture *fixture = *state;
    fixture->options.warmup_window = 3;
    fixture->options.warmup_round_max = 60;
    fixture->options.warmup_tolerance = 0.5;
    run(fixture);
    for (size_t i = 0; i < ARM_COUNT; i++)
        assert_int_equal(fixture->result.launch_counts[i], fixture->states[i].launches);
}

static void a_batch_waits_once(void **state) {
    struct fixture *fixture = *state;
    fixture->options.round_count = 1;
    fixture->options.burst_count = 1;
    fixture->options.settle_count = 0;
    run(fixture);
    assert_int_equal(fixture->states[0].launches, 1 + 8);
    assert_int_equal(fixture->states[0].waits, 1 + 1);
}

static void per_round_takes_the_median_of_the_burst(void **state) {
    struct fixture *fixture = *state;
    fixture->machine.noise = 50;
    run(fixture);
    double per_round[200];
    hsp_rounds_per_round(&fixture->result, 1, HSP_METRIC_SUBMIT, per_round);
    const double *samples = hsp_rounds_samples(&fixture->result, 1, HSP_METRIC_SUBMIT);
    for (size_t i = 0; i < 200; i++) {
        double burst[4];
        memcpy(burst, samples + 4 * i, sizeof burst);
        assert_near(per_round[i], hsp_stats_median_inplace(burst, 4), 0);
    }
}

static void failing_arm_is_named_and_leaves_the_result_alone(void **state) {
    struct fixture *fixture = *state;
    fixture->states[1].fail_at = 20;
    struct hsp_rounds_result result;
    struct hsp_rounds_result before;
    memset(&result, 0xa5, sizeof result);
    memcpy(&before, &result, sizeof result);
    size_t failed = 0;
    assert_int_equal(hsp_rounds_run(fixture->arms, ARM_COUNT, &fixture->options, &result, &failed),
                     -EIO);
    assert_int_equal(failed, 1);
    assert_memory_equal(&result, &before, sizeof result);
}

/* A round takes some 90 us here. */
static void time_limit_ends_the_run_with_what_it_has(void **state) {
    struct fixture *fixture = *state;
    fixture->options.time_limit_ns = 1000000;
    fixture->options.warmup_window = 2;
    fixture->options.warmup_round_max = 1000;
    fixture->options.warmup_ns = UINT64_MAX; /* never steady */
    run(fixture);
    assert_false(fixture->result.steady);
    assert_in_range(fixture->result.warmup_round_count, 2, 30);
    assert_in_range(fixture->result.round_count, 2, 60);
    assert_in_range((uint64_t)fixture->machine.now_ns, 1000000, 1200000);
    assert_int_equal(hsp_rounds_sample_count(&fixture->result, HSP_METRIC_SUBMIT),
                     4 * fixture->result.round_count);
    for (size_t i = 0; i < ARM_COUNT; i++) {
        assert_near(median_of(fixture, i, HSP_METRIC_SUBMIT),
                    fixture->states[i].submit_ns + READ_NS, 0);
        assert_near(
            median_of(fixture, i, HSP_METRIC_BACK_TO_BACK),
            (8 * fixture->states[i].submit_ns + fixture->states[i].wait_ns + 2 * READ_NS) / 8, 1);
        assert_int_equal(fixture->result.launch_counts[i], fixture->states[i].launches);
    }
}

static void zero_counts_are_refused(void **state) {
    struct fixture *fixture = *state;
    size_t failed = 0;
    struct hsp_rounds_options options = fixture->options;
    assert_int_equal(hsp_rounds_run(fixture->arms, 0, &options, &fixture->result, &failed),
                     -EINVAL);
    options.round_count = 0;
    assert_int_equal(hsp_rounds_run(fixture->arms, 1, &options, &fixture->result, &failed),
                     -EINVAL);
    options = fixture->options;
    options.burst_count = 0;
    assert_int_equal(hsp_rounds_run(fixture->arms, 1, &options, &fixture->result, &failed),
                     -EINVAL);
    options.burst_count = HSP_ROUNDS_BURST_MAX + 1;
    assert_int_equal(hsp_rounds_run(fixture->arms, 1, &options, &fixture->result, &failed),
                     -EINVAL);
}

static void raw_clock_moves_forward(void **state) {
    (void)state;
    struct hsp_clock clock = hsp_clock_raw();
    uint64_t start = clock.now_ns(clock.state);
    while (clock.now_ns(clock.state) == start) {
    }
    assert_true(clock.now_ns(clock.state) > start);
}

#define test(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)
int main(void) {
    const struct CMUnitTest tests[] = {
        test(known_times_come_back),
        test(paired_difference_survives_drift_and_noise),
        test(order_is_random_and_then_reversed),
        test(seed_fixes_the_order),
        test(warm_up_ends_when_nothing_moves),
        test(warm_up_gives_up_and_says_so),
        test(warm_up_outlasts_a_slice),
        test(a_shift_after_the_warm_up_is_seen),
        test(gaps_are_not_measured),
        test(slope_is_free_of_the_timer),
        test(bursts_carry_what_happened_to_the_thread),
        test(callers_device_time_is_taken_out_of_submit),
        test(every_launch_is_counted),
        test(a_batch_waits_once),
        test(per_round_takes_the_median_of_the_burst),
        test(failing_arm_is_named_and_leaves_the_result_alone),
        test(time_limit_ends_the_run_with_what_it_has),
        test(zero_counts_are_refused),
        test(raw_clock_moves_forward),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
