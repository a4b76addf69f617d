/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <hsaprobe/stats.h>

static struct hsp_histogram *create(void) {
    struct hsp_histogram *histogram = NULL;
    assert_int_equal(hsp_histogram_create(&histogram), HSP_OK);
    return histogram;
}

static void an_empty_histogram_is_all_zero(void **state) {
    (void)state;
    struct hsp_histogram *empty = create();
    assert_int_equal(hsp_histogram_count(empty), 0);
    assert_int_equal(hsp_histogram_min(empty), 0);
    assert_int_equal(hsp_histogram_max(empty), 0);
    assert_true(hsp_histogram_mean(empty) == 0);
    assert_int_equal(hsp_histogram_percentile(empty, 50), 0);
    hsp_histogram_destroy(empty);
    hsp_histogram_destroy(NULL);
}

static void percentiles_are_at_most_a_64th_above(void **state) {
    (void)state;
    struct hsp_histogram *histogram = create();
    for (uint64_t i = 1; i <= 100000; i++)
        hsp_histogram_add(histogram, i);
    assert_int_equal(hsp_histogram_count(histogram), 100000);
    assert_int_equal(hsp_histogram_min(histogram), 1);
    assert_int_equal(hsp_histogram_max(histogram), 100000);
    assert_true(hsp_histogram_mean(histogram) == 50000.5);
    for (unsigned percent = 1; percent <= 100; percent++) {
        const uint64_t value = hsp_histogram_percentile(histogram, percent);
        assert_in_range(value, percent * 1000u, percent * 1000u + percent * 1000u / 64 + 1);
    }
    hsp_histogram_destroy(histogram);
}

static void histograms_are_merged_and_cleared(void **state) {
    (void)state;
    struct hsp_histogram *a = create(), *b = create();
    hsp_histogram_add(a, 7);
    hsp_histogram_add(b, 3);
    hsp_histogram_add(b, UINT64_MAX);
    hsp_histogram_merge(a, b);
    assert_int_equal(hsp_histogram_count(a), 3);
    assert_int_equal(hsp_histogram_count(b), 2);
    assert_int_equal(hsp_histogram_min(a), 3);
    assert_true(hsp_histogram_max(a) == UINT64_MAX);
    assert_int_equal(hsp_histogram_percentile(a, 50), 7);
    hsp_histogram_clear(a);
    assert_int_equal(hsp_histogram_count(a), 0);
    assert_int_equal(hsp_histogram_max(a), 0);
    hsp_histogram_add(a, 5);
    assert_int_equal(hsp_histogram_min(a), 5);
    hsp_histogram_destroy(a);
    hsp_histogram_destroy(b);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_empty_histogram_is_all_zero),
        cmocka_unit_test(percentiles_are_at_most_a_64th_above),
        cmocka_unit_test(histograms_are_merged_and_cleared),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
