/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"

static uint64_t raw_ns(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC_RAW, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static void clock_is_monotonic_raw(void **state) {
    (void)state;
    const uint64_t before = raw_ns();
    const uint64_t now = hsp_clock_ns();
    assert_true(before <= now && now <= raw_ns());
}

// Both clocks bracket the interval alike, however long the machine makes us wait.
static void tick_interval_agrees_with_the_clock(void **state) {
    (void)state;
    uint64_t best = UINT64_MAX;
    for (int attempt = 0; attempt < 20; attempt++) {
        const uint64_t outer_start = hsp_clock_ns();
        const uint64_t start = hsp_clock_ticks();
        while (hsp_clock_ns() - outer_start < 2000000)
            ;
        const uint64_t ticks = hsp_clock_ticks() - start;
        const uint64_t outer = hsp_clock_ns() - outer_start;
        const uint64_t inner = hsp_clock_ticks_to_ns(ticks);
        const uint64_t difference = inner > outer ? inner - outer : outer - inner;
        best = difference < best ? difference : best;
    }
    assert_true(best < 2000); // 0.1 % of the interval
}

static void tick_moment_lies_between_clock_readings(void **state) {
    (void)state;
    const uint64_t before = hsp_clock_ns();
    const uint64_t ticks = hsp_clock_ticks();
    const uint64_t after = hsp_clock_ns();
    const uint64_t slack = 2000;
    const uint64_t moment = hsp_clock_ticks_at_ns(ticks);
    assert_true(moment + slack >= before && moment <= after + slack);
}

static void line_converts_readings_before_its_anchor(void **state) {
    (void)state;
    const struct hsp_clock_line line = {
        .anchor_ticks = 1000, .anchor_ns = 5000, .ns_per_tick = 0.5};
    assert_int_equal(hsp_clock_line_ns(&line, 1000), 5000);
    assert_int_equal(hsp_clock_line_ns(&line, 900), 4950);
    assert_int_equal(hsp_clock_line_ns(&line, 1100), 5050);
}

static void info_describes_the_ticks(void **state) {
    (void)state;
    struct hsp_clock_info info;
    hsp_clock_info_get(&info);
    assert_true(info.frequency_hz >= 1e6 && info.frequency_hz <= 1e10);
    assert_true(info.read_cost_ns < 1000);
    assert_true(strcmp(info.source, "tsc") == 0 || strcmp(info.source, "cntvct") == 0 ||
                strcmp(info.source, "clock_monotonic_raw") == 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(clock_is_monotonic_raw),
        cmocka_unit_test(tick_interval_agrees_with_the_clock),
        cmocka_unit_test(tick_moment_lies_between_clock_readings),
        cmocka_unit_test(line_converts_readings_before_its_anchor),
        cmocka_unit_test(info_describes_the_ticks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
