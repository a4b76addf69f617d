/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "device.h"

static void existing_preloads_stay_behind_ours(void **state) {
    (void)state;
    static const struct {
        const char *existing;
        const char *expected;
    } cases[] = {
        {NULL, "/lib/soft.so"},
        {"", "/lib/soft.so"},
        {"a.so", "/lib/soft.so:a.so"},
        {"a.so:b.so", "/lib/soft.so:a.so:b.so"},
        {"a.so b.so", "/lib/soft.so:a.so b.so"},
        /* sanitizers refuse to start behind anything, and the trace library comes before the GPU */
        {"/usr/lib/libasan.so.8", "/usr/lib/libasan.so.8:/lib/soft.so"},
        {"/usr/lib/libasan.so.8:a.so", "/usr/lib/libasan.so.8:/lib/soft.so:a.so"},
        {"libasan.so libhsaprobe-trace.so a.so",
         "libasan.so libhsaprobe-trace.so /lib/soft.so:a.so"},
        {"a.so:libasan.so", "/lib/soft.so:a.so:libasan.so"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char *value = device_preload_value("/lib/soft.so", cases[i].existing);
        assert_string_equal(value, cases[i].expected);
        free(value);
    }
}

static void device_words(void **state) {
    (void)state;
    struct device_choice choice;
    assert_true(device_choice_parse("soft", &choice));
    assert_int_equal(choice.kind, DEVICE_SOFT);
    assert_true(device_choice_parse("hw", &choice));
    assert_int_equal(choice.kind, DEVICE_HW);
    assert_null(choice.selector);
    assert_true(device_choice_parse("hw:1", &choice));
    assert_string_equal(choice.selector, "1");
    assert_true(device_choice_parse("hw:GPU-0123456789abcdef", &choice));
    assert_string_equal(choice.selector, "GPU-0123456789abcdef");
    static const char *const bad[] = {"", "hw:", "software", "hw1", "soft:1", "HW"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_false(device_choice_parse(bad[i], &choice));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(existing_preloads_stay_behind_ours),
        cmocka_unit_test(device_words),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
