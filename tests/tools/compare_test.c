/* SPDX-License-Identifier: MIT */
/* compare: its verdicts on made-up results with fixed seeds, and the files that it reads. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "compare.h"
#include "measure/stats.h"

#define PAIR_COUNT    36
#define PROCESS_COUNT 5
#define RUN_COUNT     400

static const struct compare_options options = {0.03, 50, 0.05};

static double normal(struct hsp_random *random) {
    double a = ((double)(hsp_random_next(random) >> 11) + 0.5) * 0x1p-53;
    double b = ((double)(hsp_random_next(random) >> 11) + 0.5) * 0x1p-53;
    return sqrt(-2 * log(a)) * cos(2 * M_PI * b);
}

/* Processes that differ by 10 %, and now and then one that is half as slow again. */
static void fill(double *values, double ns, struct hsp_random *random) {
    for (size_t i = 0; i < PROCESS_COUNT; i++) {
        values[i] = ns * exp(0.1 * normal(random));
        if (hsp_random_below(random, 20) == 0)
            values[i] *= 1.5;
    }
}

/* Slower pairs in a comparison of two results whose first arm differs by `factor`. */
static size_t slower_pairs(uint64_t seed, double factor, bool *out_first) {
    struct hsp_random random = {seed};
    struct compare_series series[2][PAIR_COUNT];
    struct compare_pair pairs[PAIR_COUNT] = {0};
    double values[2][PAIR_COUNT][PROCESS_COUNT];
    for (size_t i = 0; i < PAIR_COUNT; i++) {
        double ns = 500 * exp(3 * (double)i / PAIR_COUNT);
        fill(values[0][i], ns, &random);
        fill(values[1][i], i ? ns : factor * ns, &random);
        for (size_t side = 0; side < 2; side++)
            series[side][i] =
                (struct compare_series){.values = values[side][i], .count = PROCESS_COUNT};
        pairs[i].a = &series[0][i];
        pairs[i].b = &series[1][i];
        compare_pair_test(&pairs[i], &options);
    }
    size_t slower = compare_judge(pairs, PAIR_COUNT, &options);
    *out_first = pairs[0].verdict == COMPARE_SLOWER;
    return slower;
}

static void equal_results_are_rarely_called_slower(void **state) {
    (void)state;
    size_t alarms = 0;
    bool first;
    for (uint64_t seed = 1; seed <= RUN_COUNT; seed++)
        alarms += slower_pairs(seed, 1, &first) > 0;
    printf("    %zu of %d\n", alarms, RUN_COUNT);
    assert_true(alarms <= RUN_COUNT * 5 / 100);
}

static void twice_as_slow_is_found_among_many(void **state) {
    (void)state;
    size_t found = 0;
    for (uint64_t seed = 1; seed <= RUN_COUNT; seed++) {
        bool first;
        slower_pairs(seed, 2.5, &first);
        found += first;
    }
    printf("    %zu of %d\n", found, RUN_COUNT);
    assert_true(found >= RUN_COUNT * 90 / 100);
}

static struct compare_pair pair_of(double *a, size_t a_count, double *b, size_t b_count) {
    static struct compare_series series[2];
    series[0] = (struct compare_series){.values = a, .count = a_count};
    series[1] = (struct compare_series){.values = b, .count = b_count};
    struct compare_pair pair = {.a = &series[0], .b = &series[1]};
    compare_pair_test(&pair, &options);
    compare_judge(&pair, 1, &options);
    return pair;
}

static void ratios_and_intervals(void **state) {
    (void)state;
    double a[] = {1000, 1010, 990, 1005, 995};
    double b[] = {1200, 1212, 1188, 1206, 1194};
    struct compare_pair pair = pair_of(a, 5, b, 5);
    assert_true(fabs(pair.ratio - 1.2) < 1e-6);
    /* Welch with equal variances: 8 degrees of freedom, t = 2.306 */
    assert_true(pair.low > 1.185 && pair.low < 1.19 && pair.high > 1.21 && pair.high < 1.216);
    assert_int_equal(pair.verdict, COMPARE_SLOWER);
    assert_int_equal(pair_of(b, 5, a, 5).verdict, COMPARE_FASTER);
    assert_int_equal(pair_of(a, 5, a, 5).verdict, COMPARE_SAME);
}

/* 40 ns are many per cent of 100, and 2 % of 100 us are 2 us: neither counts. */
static void small_differences_are_none(void **state) {
    (void)state;
    double a[] = {100, 100, 100, 100};
    double b[] = {140, 140, 140, 140};
    double c[] = {100000, 100010, 99990, 100000};
    double d[] = {102000, 102010, 101990, 102000};
    double e[] = {104000, 104010, 103990, 104000};
    assert_int_equal(pair_of(a, 4, b, 4).verdict, COMPARE_SAME);
    assert_int_equal(pair_of(c, 4, d, 4).verdict, COMPARE_SAME);
    assert_int_equal(pair_of(c, 4, e, 4).verdict, COMPARE_SLOWER);
}

static void what_cannot_be_judged_is_not(void **state) {
    (void)state;
    double a[] = {100, 101, 99};
    double b[] = {900};
    double zero[] = {0, 0, 0};
    assert_int_equal(pair_of(a, 3, b, 1).verdict, COMPARE_UNJUDGED);
    assert_int_equal(pair_of(b, 1, a, 3).verdict, COMPARE_UNJUDGED);
    assert_int_equal(pair_of(zero, 3, a, 3).verdict, COMPARE_UNJUDGED);
    struct compare_pair pair = pair_of(a, 3, zero, 3);
    assert_int_equal(pair.verdict, COMPARE_UNJUDGED);
    assert_true(fabs(pair.a_ns - 100) < 1e-9);
    assert_true(pair.b_ns == 0);
}

/* Holm: three pairs, each significant by itself at 5 % but not all of them together. */
static void many_pairs_need_more(void **state) {
    (void)state;
    static struct compare_series one = {.count = 2};
    struct compare_pair pairs[3] = {0};
    const double probabilities[] = {0.04, 0.016, 0.03};
    for (size_t i = 0; i < 3; i++) {
        pairs[i] = (struct compare_pair){.a = &one, .b = &one, .ratio = 2, .faster_probability = 1};
        pairs[i].slower_probability = probabilities[i];
    }
    /* 0.016 <= 0.05 / 3, then 0.03 > 0.05 / 2 */
    assert_int_equal(compare_judge(pairs, 3, &options), 1);
    assert_int_equal(pairs[0].verdict, COMPARE_SAME);
    assert_int_equal(pairs[1].verdict, COMPARE_SLOWER);
    assert_int_equal(pairs[2].verdict, COMPARE_SAME);
    pairs[2].slower_probability = 0.02;
    assert_int_equal(compare_judge(pairs, 3, &options), 3);
}

/* Loads text as a file; the words of the failure, or NULL. */
static char *load(const char *text, struct compare_result *out_result) {
    char path[] = "/tmp/compare_test.XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
    close(fd);
    char *wrong = compare_load(path, out_result);
    unlink(path);
    return wrong;
}

#define HEAD "{\"schema\":\"hsaprobe-samples\",\"schema_version\":1,\"manifest\":{}}\n"
#define SERIES                                                                                     \
    "{\"kind\":\"series\",\"id\":0,\"workload\":\"w\",\"arm\":\"a\",\"metric\":\"m\","             \
    "\"gap_ns\":0,\"unit\":\"ns\",\"source\":\"measured\"}\n"
#define ROUND(process, values)                                                                     \
    "{\"kind\":\"round\",\"series\":0,\"process\":" process ",\"round\":0,\"values\":[" values     \
    "]}\n"

static void both_formats_are_read(void **state) {
    (void)state;
    struct compare_result lines;
    struct compare_result report;
    assert_null(load(HEAD SERIES ROUND("0", "3,1,2")
                         ROUND("1", "5") "{\"kind\":\"end\",\"rounds\":2}\n",
                     &lines));
    assert_null(load("{\"schema\":1,\"command\":\"layers\",\"processes\":["
                     "{\"kernel\":\"w\",\"arm\":\"a\",\"what\":\"m\",\"source\":\"measured\","
                     "\"gap_ns\":0,\"process\":0,\"value_ns\":2.0},"
                     "{\"kernel\":\"w\",\"arm\":\"a\",\"what\":\"m\",\"source\":\"measured\","
                     "\"gap_ns\":0,\"process\":1,\"value_ns\":5}]}",
                     &report));
    assert_int_equal(lines.count, 1);
    assert_int_equal(report.count, 1);
    const struct compare_series *same = compare_find(&report, &lines.series[0]);
    assert_non_null(same);
    assert_int_equal(same->count, 2);
    assert_int_equal(lines.series[0].count, 2);
    for (size_t i = 0; i < 2; i++)
        assert_true(same->values[i] == lines.series[0].values[i]);
    assert_true(same->values[0] == 2 && same->values[1] == 5);
    compare_result_fini(&lines);
    compare_result_fini(&report);
}

static void broken_files_are_refused(void **state) {
    (void)state;
    static const struct {
        const char *text;
        const char *words;
    } cases[] = {
        {"", "the file is empty"},
        {"hello\n", "line 1: not JSON"},
        {"{\"a\":1}\n", "no result of hsaprobe"},
        {"{\"schema\":2,\"command\":\"layers\"}", "schema 2; this hsaprobe reads schema 1"},
        {"{\"schema\":1,\"command\":\"info\"}", "`hsaprobe info`: it has no processes"},
        {"{\"schema\":\"hsaprobe-samples\",\"schema_version\":9}\n",
         "schema version 9; this hsaprobe reads version 1"},
        {HEAD SERIES ROUND("0", "1"), "the file ends early"},
        {HEAD SERIES ROUND("0", "1") "{\"kind\":\"end\",\"rounds\":2}\n", "1 rounds instead of 2"},
        {HEAD SERIES ROUND("0", "\"x\""), "line 3: a value that is no number"},
        {HEAD SERIES ROUND("0", ""), "a wrong number of values"},
        {HEAD SERIES ROUND("1", "1") ROUND("0", "1"), "line 4: a round out of order"},
        {HEAD ROUND("0", "1"), "not a round line"},
        {HEAD "{\"kind\":\"nix\"}\n", "an unknown kind of line"},
        {HEAD "{\"kind\":\"series\",\"id\":7}\n", "not a series line"},
        {HEAD "{\"kind\":\"end\",\"rounds\":0}\n", "it holds no samples"},
        {HEAD "{\"kind\":\"end\",\"rounds\":0}\n" SERIES, "something behind the end line"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct compare_result result;
        char *wrong = load(cases[i].text, &result);
        if (!wrong || !strstr(wrong, cases[i].words))
            fail_msg("case %zu: '%s' lacks '%s'", i, wrong ? wrong : "(none)", cases[i].words);
        free(wrong);
        compare_result_fini(&result);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(equal_results_are_rarely_called_slower),
        cmocka_unit_test(twice_as_slow_is_found_among_many),
        cmocka_unit_test(ratios_and_intervals),
        cmocka_unit_test(small_differences_are_none),
        cmocka_unit_test(what_cannot_be_judged_is_not),
        cmocka_unit_test(many_pairs_need_more),
        cmocka_unit_test(both_formats_are_read),
        cmocka_unit_test(broken_files_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
