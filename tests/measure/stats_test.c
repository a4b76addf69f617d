/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "measure/stats.h"

static double uniform(struct hsp_random *random) {
    return (double)(hsp_random_next(random) >> 11) * 0x1p-53;
}

/* Box and Muller's. */
static double normal(struct hsp_random *random) {
    double radius = sqrt(-2 * log(1 - uniform(random)));
    return radius * cos(2 * 3.14159265358979323846 * uniform(random));
}

static void assert_near(double value, double expected, double tolerance) {
    if (!(fabs(value - expected) <= tolerance))
        fail_msg("%g is not within %g of %g", value, tolerance, expected);
}

static void percentile_interpolates_between_ranks(void **state) {
    (void)state;
    const double values[] = {10, 20, 30, 40, 50};
    assert_near(hsp_stats_percentile(values, 5, 0), 10, 0);
    assert_near(hsp_stats_percentile(values, 5, 50), 30, 0);
    assert_near(hsp_stats_percentile(values, 5, 90), 46, 1e-9);
    assert_near(hsp_stats_percentile(values, 5, 100), 50, 0);
    assert_near(hsp_stats_percentile(values, 1, 99), 10, 0);
    assert_near(hsp_stats_percentile(values, 0, 50), 0, 0);
}

static void median_of_any_order_and_length(void **state) {
    (void)state;
    struct hsp_random random = {1};
    for (size_t count = 1; count <= 40; count++) {
        double values[40];
        double sorted[40];
        for (int turn = 0; turn < 50; turn++) {
            for (size_t i = 0; i < count; i++)
                values[i] = (double)hsp_random_below(&random, 12); /* with ties */
            memcpy(sorted, values, sizeof values);
            for (size_t i = 1; i < count; i++) /* insertion sort, independent of the code tested */
                for (size_t j = i; j > 0 && sorted[j - 1] > sorted[j]; j--) {
                    double held = sorted[j];
                    sorted[j] = sorted[j - 1];
                    sorted[j - 1] = held;
                }
            double expected = (sorted[(count - 1) / 2] + sorted[count / 2]) / 2;
            assert_near(hsp_stats_median_inplace(values, count), expected, 0);
        }
    }
}

static void summary_trims_nothing(void **state) {
    (void)state;
    double values[101];
    for (size_t i = 0; i < 100; i++)
        values[i] = (double)(100 - i);
    values[100] = 1e6;
    struct hsp_summary summary;
    assert_int_equal(hsp_stats_summarize(values, 101, &summary), 0);
    assert_int_equal(summary.count, 101);
    assert_near(summary.min, 1, 0);
    assert_near(summary.median, 51, 0);
    assert_near(summary.p25, 26, 0);
    assert_near(summary.p75, 76, 0);
    assert_near(summary.p99, 100, 0);
    assert_near(summary.max, 1e6, 0);
    assert_near(summary.mean, (5050 + 1e6) / 101, 1e-6);
    assert_near(summary.mad, 25, 0);
    assert_near(values[0], 100, 0); /* the samples keep their order */
}

static void interval_covers_the_true_median_95_times_in_100(void **state) {
    (void)state;
    struct hsp_random random = {42};
    unsigned covered = 0;
    const unsigned experiments = 400;
    for (unsigned i = 0; i < experiments; i++) {
        double values[60];
        for (size_t j = 0; j < 60; j++)
            values[j] = exp(normal(&random)); /* skewed; its median is 1 */
        struct hsp_bootstrap options = {.seed = i, .resample_count = 300, .block_length = 1};
        struct hsp_interval interval;
        assert_int_equal(hsp_stats_median_interval(values, 60, &options, &interval), 0);
        covered += interval.low <= 1 && 1 <= interval.high;
    }
    if (covered < experiments * 90 / 100 || covered > experiments * 99 / 100)
        fail_msg("%u of %u intervals cover the median", covered, experiments);
}

/* Samples that hang together need blocks: drawn one by one, the interval is too narrow. */
static void blocks_widen_the_interval_of_correlated_samples(void **state) {
    (void)state;
    struct hsp_random random = {7};
    double values[400];
    double level = 0;
    for (size_t i = 0; i < 400; i++) {
        level = 0.95 * level + normal(&random);
        values[i] = level;
    }
    struct hsp_interval single;
    struct hsp_interval blocked;
    struct hsp_bootstrap options = {.seed = 3, .block_length = 1};
    assert_int_equal(hsp_stats_median_interval(values, 400, &options, &single), 0);
    options.block_length = 40;
    assert_int_equal(hsp_stats_median_interval(values, 400, &options, &blocked), 0);
    assert_true(blocked.high - blocked.low > 1.5 * (single.high - single.low));
}

static void interval_depends_on_the_seed_alone(void **state) {
    (void)state;
    struct hsp_random random = {9};
    double values[50];
    for (size_t i = 0; i < 50; i++)
        values[i] = normal(&random);
    struct hsp_bootstrap options = {.seed = 5, .resample_count = 100};
    struct hsp_interval first;
    struct hsp_interval second;
    assert_int_equal(hsp_stats_median_interval(values, 50, &options, &first), 0);
    assert_int_equal(hsp_stats_median_interval(values, 50, &options, &second), 0);
    assert_memory_equal(&first, &second, sizeof first);
    bool differs = false;
    for (options.seed = 6; options.seed < 12; options.seed++) {
        assert_int_equal(hsp_stats_median_interval(values, 50, &options, &second), 0);
        differs = differs || memcmp(&first, &second, sizeof first) != 0;
    }
    assert_true(differs);
}

static void confidence_sets_the_width(void **state) {
    (void)state;
    struct hsp_random random = {11};
    double values[200];
    for (size_t i = 0; i < 200; i++)
        values[i] = normal(&random);
    struct hsp_bootstrap options = {.seed = 1, .confidence = 0.5};
    struct hsp_interval half;
    struct hsp_interval most;
    assert_int_equal(hsp_stats_median_interval(values, 200, &options, &half), 0);
    options.confidence = 0.99;
    assert_int_equal(hsp_stats_median_interval(values, 200, &options, &most), 0);
    assert_true(most.high - most.low > 2 * (half.high - half.low));
}

static void no_values_leave_the_output_alone(void **state) {
    (void)state;
    struct hsp_interval interval = {-1, -2};
    struct hsp_bootstrap options = {.seed = 1};
    assert_int_equal(hsp_stats_median_interval(NULL, 0, &options, &interval), -EINVAL);
    assert_near(interval.low, -1, 0);
    assert_near(interval.high, -2, 0);
}

static void random_below_is_even(void **state) {
    (void)state;
    struct hsp_random random = {123};
    unsigned counts[7] = {0};
    for (unsigned i = 0; i < 70000; i++) {
        size_t index = hsp_random_below(&random, 7);
        assert_true(index < 7);
        counts[index]++;
    }
    for (unsigned i = 0; i < 7; i++)
        assert_in_range(counts[i], 9500, 10500);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(percentile_interpolates_between_ranks),
        cmocka_unit_test(median_of_any_order_and_length),
        cmocka_unit_test(summary_trims_nothing),
        cmocka_unit_test(interval_covers_the_true_median_95_times_in_100),
        cmocka_unit_test(blocks_widen_the_interval_of_correlated_samples),
        cmocka_unit_test(interval_depends_on_the_seed_alone),
        cmocka_unit_test(confidence_sets_the_width),
        cmocka_unit_test(no_values_leave_the_output_alone),
        cmocka_unit_test(random_below_is_even),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
