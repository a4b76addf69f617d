/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/histogram.h"

static int setup(void **state) {
    *state = calloc(1, sizeof(struct hsp_histogram));
    return *state == NULL;
}

static int teardown(void **state) {
    free(*state);
    return 0;
}

static void buckets_are_ordered_without_gaps(void **state) {
    (void)state;
    for (uint32_t i = 0; i + 1 < HSP_HISTOGRAM_BUCKETS; i++) {
        const uint64_t max = hsp_histogram_bucket_max(i);
        assert_int_equal(hsp_histogram_bucket(max), i);
        assert_int_equal(hsp_histogram_bucket(max + 1), i + 1);
    }
    assert_int_equal(hsp_histogram_bucket(UINT64_MAX), HSP_HISTOGRAM_BUCKETS - 1);
    assert_true(hsp_histogram_bucket_max(HSP_HISTOGRAM_BUCKETS - 1) == UINT64_MAX);
}

static void bucket_is_at_most_a_64th_of_its_value_wide(void **state) {
    (void)state;
    for (uint64_t value = 1; value < UINT64_C(1) << 62; value = value * 5 / 3 + 1) {
        const uint64_t max = hsp_histogram_bucket_max(hsp_histogram_bucket(value));
        assert_true(max >= value);
        assert_true(max - value <= value / 64);
    }
}

static void percentiles_of_1_to_10000(void **state) {
    struct hsp_histogram *histogram = *state;
    for (uint64_t value = 10000; value >= 1; value--)
        hsp_histogram_record(histogram, value);
    assert_int_equal(histogram->count, 10000);
    assert_int_equal(histogram->min, 1);
    assert_int_equal(histogram->max, 10000);
    assert_int_equal(histogram->sum, 10000u * 10001u / 2);
    assert_int_equal(hsp_histogram_at_percent(histogram, 0), 1);
    assert_int_equal(hsp_histogram_at_percent(histogram, 100), 10000);
    static const double percents[] = {1, 25, 50, 75, 99, 99.9};
    for (size_t i = 0; i < sizeof(percents) / sizeof(percents[0]); i++) {
        const double truth = percents[i] * 100;
        const double got = (double)hsp_histogram_at_percent(histogram, percents[i]);
        assert_true(got >= truth && got <= truth * (1 + 1.0 / 64));
    }
}

static void percentile_of_two_values_is_one_of_them(void **state) {
    struct hsp_histogram *histogram = *state;
    hsp_histogram_record(histogram, 3);
    hsp_histogram_record(histogram, 40);
    assert_int_equal(hsp_histogram_at_percent(histogram, 50), 3);
    assert_int_equal(hsp_histogram_at_percent(histogram, 50.1), 40);
}

static void empty_histogram_reports_zero(void **state) {
    assert_int_equal(hsp_histogram_at_percent(*state, 50), 0);
}

static void join_equals_recording_everything_in_one(void **state) {
    struct hsp_histogram *both = *state;
    struct hsp_histogram *parts = calloc(3, sizeof(*parts));
    assert_non_null(parts);
    for (uint64_t i = 0; i < 5000; i++) {
        const uint64_t value = i * i * 7 + 5;
        hsp_histogram_record(both, value);
        hsp_histogram_record(&parts[i % 2], value);
    }
    hsp_histogram_join(&parts[2], &parts[0]);
    hsp_histogram_join(&parts[2], &parts[1]);
    assert_memory_equal(&parts[2], both, sizeof(*both));
    free(parts);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(buckets_are_ordered_without_gaps),
        cmocka_unit_test(bucket_is_at_most_a_64th_of_its_value_wide),
        cmocka_unit_test_setup_teardown(percentiles_of_1_to_10000, setup, teardown),
        cmocka_unit_test_setup_teardown(percentile_of_two_values_is_one_of_them, setup, teardown),
        cmocka_unit_test_setup_teardown(empty_histogram_reports_zero, setup, teardown),
        cmocka_unit_test_setup_teardown(join_equals_recording_everything_in_one, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
