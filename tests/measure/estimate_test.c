/* SPDX-License-Identifier: MIT */
/* Student's t, sample sets, and estimates of known data. */
#include <errno.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "measure/estimate.h"
#include "measure/student.h"

static void assert_near(double value, double expected, double tolerance) {
    if (!(fabs(value - expected) <= tolerance))
        fail_msg("%.12g is not within %g of %.12g", value, tolerance, expected);
}

/* Published quantiles. */
static void student_is_students(void **state) {
    (void)state;
    assert_near(hsp_student_quantile(0.975, 1), 12.7062047362, 1e-8);
    assert_near(hsp_student_quantile(0.975, 2), 4.3026527297, 1e-9);
    assert_near(hsp_student_quantile(0.975, 4), 2.7764451052, 1e-9);
    assert_near(hsp_student_quantile(0.95, 30), 1.6972608865, 1e-9);
    assert_near(hsp_student_quantile(0.975, INFINITY), 1.9599639845, 1e-9);
    assert_near(hsp_student_quantile(0.025, 4), -2.7764451052, 1e-9);
    assert_near(hsp_student_probability(1, 1), 0.75, 1e-12);
    assert_near(hsp_student_probability(0, 7.5), 0.5, 1e-12);
    assert_near(hsp_student_probability(-2, 5), 0.0509697394, 1e-9);
    assert_near(hsp_student_probability(40, 3), 1 - 1.7e-5, 2e-6);
}

static struct hsp_series *series_of(struct hsp_samples *samples, const char *arm) {
    struct hsp_series *series =
        hsp_samples_series(samples, "w", arm, "submit", 0, HSP_SOURCE_MEASURED);
    assert_non_null(series);
    return series;
}

static void add(struct hsp_samples *samples, struct hsp_series *series, uint32_t process,
                uint32_t round, double value) {
    assert_int_equal(hsp_series_add(samples, series, process, round, &value, 1, NULL), 0);
}

static void series_are_found_by_their_whole_name(void **state) {
    (void)state;
    struct hsp_samples *samples = hsp_samples_create();
    struct hsp_series *series = series_of(samples, "a");
    assert_ptr_equal(series_of(samples, "a"), series);
    assert_ptr_equal(hsp_samples_find(samples, "w", "a", "submit", 0), series);
    assert_null(hsp_samples_find(samples, "w", "a", "submit", 1));
    assert_null(hsp_samples_find(samples, "w", "a", "round trip", 0));
    assert_null(hsp_samples_find(samples, "v", "a", "submit", 0));
    assert_null(hsp_samples_find(samples, "w", "b", "submit", 0));
    assert_int_equal(samples->series_count, 1);
    assert_int_equal(hsp_samples_layer(samples, "w", "l", "b", "a"), 0);
    assert_int_equal(hsp_samples_layer(samples, "w", "l", "b", "a"), 0);
    assert_int_equal(samples->layer_count, 1);
    hsp_samples_destroy(samples);
    hsp_samples_destroy(NULL);
}

static void rounds_come_in_order(void **state) {
    (void)state;
    struct hsp_samples *samples = hsp_samples_create();
    struct hsp_series *series = series_of(samples, "a");
    double values[] = {1, 2, NAN};
    add(samples, series, 1, 5, 1);
    assert_int_equal(hsp_series_add(samples, series, 1, 5, values, 1, NULL), -EINVAL);
    assert_int_equal(hsp_series_add(samples, series, 1, 4, values, 1, NULL), -EINVAL);
    assert_int_equal(hsp_series_add(samples, series, 0, 9, values, 1, NULL), -EINVAL);
    assert_int_equal(hsp_series_add(samples, series, 1, 6, values, 0, NULL), -EINVAL);
    assert_int_equal(hsp_series_add(samples, series, 1, 6, values, 3, NULL), -EINVAL);
    assert_int_equal(hsp_series_add(samples, series, 1, 6, values, HSP_ROUNDS_BURST_MAX + 1, NULL),
                     -EINVAL);
    assert_int_equal(series->burst_count, 1);
    assert_int_equal(hsp_series_add(samples, series, 2, 0, values, 2, NULL), 0);
    assert_int_equal(samples->process_count, 3);
    assert_near(hsp_series_burst_value(series, 1), 1.5, 0);
    hsp_samples_destroy(samples);
}

static void a_burst_with_sizes_stands_for_its_slope(void **state) {
    (void)state;
    struct hsp_samples *samples = hsp_samples_create();
    struct hsp_series *series = series_of(samples, "a");
    const double values[] = {30 + 7, 30 + 14, 30 + 28, 30 + 56};
    series->size_count = 4;
    for (uint32_t i = 0; i < 4; i++)
        series->sizes[i] = UINT32_C(1) << i;
    assert_int_equal(hsp_series_add(samples, series, 0, 0, values, 3, NULL), -EINVAL);
    assert_int_equal(hsp_series_add(samples, series, 0, 0, values, 4, NULL), 0);
    assert_near(hsp_series_burst_value(series, 0), 7, 1e-9);
    hsp_samples_destroy(samples);
}

/* Processes of 10, 20 and 60 whose rounds don't vary: only Student's t is left. */
static void processes_that_differ_widen_the_interval(void **state) {
    (void)state;
    struct hsp_samples *samples = hsp_samples_create();
    struct hsp_series *series = series_of(samples, "a");
    const double values[] = {10, 20, 60};
    for (uint32_t process = 0; process < 3; process++)
        for (uint32_t round = 0; round < 20; round++)
            add(samples, series, process, round, values[process]);
    const struct hsp_bootstrap bootstrap = {.seed = 1};
    struct hsp_estimate estimate;
    assert_int_equal(hsp_estimate_series(series, &bootstrap, &estimate), 0);
    double half = 4.3026527297 * sqrt(700.0 / 3);
    assert_near(estimate.value, 30, 1e-9);
    assert_near(estimate.between_variance, 700, 1e-6);
    assert_near(estimate.interval.low, 30 - half, 1e-6);
    assert_near(estimate.interval.high, 30 + half, 1e-6);
    assert_int_equal(estimate.process_count, 3);
    assert_int_equal(estimate.round_count, 60);
    double of_processes[2];
    assert_int_equal(hsp_estimate_processes(series, of_processes, 2), 3);
    assert_near(of_processes[1], 20, 0);
    hsp_samples_destroy(samples);
}

/* Processes that differ no more than their rounds explain leave the interval alone. */
static void processes_that_agree_do_not(void **state) {
    (void)state;
    struct hsp_samples *samples = hsp_samples_create();
    struct hsp_series *series = series_of(samples, "a");
    for (uint32_t process = 0; process < 4; process++)
        for (uint32_t round = 0; round < 50; round++)
            add(samples, series, process, round, 100 + round * 17 % 50);
    const struct hsp_bootstrap bootstrap = {.seed = 1, .block_length = 1};
    struct hsp_estimate estimate;
    assert_int_equal(hsp_estimate_series(series, &bootstrap, &estimate), 0);
    assert_near(estimate.between_variance, 0, 0);
    assert_true(estimate.interval.high - estimate.interval.low < 2 * 1.96 * 5);
    assert_true(estimate.interval.high - estimate.interval.low > 2);
    hsp_samples_destroy(samples);
}

/* Round by round, though the one lacks rounds and a process that the other has. */
static void differences_are_paired(void **state) {
    (void)state;
    struct hsp_samples *samples = hsp_samples_create();
    struct hsp_series *a = series_of(samples, "a");
    struct hsp_series *b = series_of(samples, "b");
    for (uint32_t process = 0; process < 3; process++)
        for (uint32_t round = 0; round < 10; round++) {
            double common = 1000 * process + 100 * (round * 7 % 10);
            if (process != 1)
                add(samples, a, process, round, common);
            if (round % 3)
                add(samples, b, process, round, common + 5);
        }
    const struct hsp_bootstrap bootstrap = {.seed = 1};
    struct hsp_estimate estimate;
    assert_int_equal(hsp_estimate_difference(b, a, &bootstrap, &estimate), 0);
    assert_near(estimate.value, 5, 0);
    assert_near(estimate.interval.low, 5, 0);
    assert_near(estimate.interval.high, 5, 0);
    assert_int_equal(estimate.round_count, 12);
    assert_int_equal(estimate.process_count, 2);
    struct hsp_series *empty = series_of(samples, "empty");
    assert_int_equal(hsp_estimate_difference(b, empty, &bootstrap, &estimate), -EINVAL);
    hsp_samples_destroy(samples);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(student_is_students),
        cmocka_unit_test(series_are_found_by_their_whole_name),
        cmocka_unit_test(rounds_come_in_order),
        cmocka_unit_test(a_burst_with_sizes_stands_for_its_slope),
        cmocka_unit_test(processes_that_differ_widen_the_interval),
        cmocka_unit_test(processes_that_agree_do_not),
        cmocka_unit_test(differences_are_paired),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
