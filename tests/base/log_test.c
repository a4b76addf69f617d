/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/log.h"

static char seen[256];

static void remember(enum hsp_log_level level, const char *line, void *data) {
    snprintf(seen, sizeof(seen), "%d %s%s", (int)level, line, (const char *)data);
}

// Runs first: the level is read from the environment once.
static void level_comes_from_the_environment(void **state) {
    (void)state;
    setenv("HSAPROBE_LOG", "info", 1);
    assert_true(hsp_log_on(HSP_LOG_INFO));
    assert_false(hsp_log_on(HSP_LOG_DEBUG));
}

static void sink_gets_the_lines_of_its_level_and_below(void **state) {
    (void)state;
    hsp_log_set(remember, "!");
    hsp_log_set_level(HSP_LOG_WARN);
    hsp_log(HSP_LOG_WARN, "queue %d", 7);
    assert_string_equal(seen, "2 queue 7!");
    hsp_log(HSP_LOG_INFO, "not this");
    assert_string_equal(seen, "2 queue 7!");
    hsp_log_set_level(HSP_LOG_NONE);
    hsp_log(HSP_LOG_ERROR, "nor this");
    assert_string_equal(seen, "2 queue 7!");
    hsp_log_set(NULL, NULL);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(level_comes_from_the_environment),
        cmocka_unit_test(sink_gets_the_lines_of_its_level_and_below),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
