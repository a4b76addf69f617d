/* SPDX-License-Identifier: MIT */
#include "softgpu/common/options.h"
#include "stderr_capture.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static void line_is_prefixed_and_ended(void **state) {
    (void)state;
    char text[2048];
    const struct stderr_capture capture = stderr_capture_begin();
    sg_trace_line("ioctl %s 0x%x", "GET_VERSION", 0x80084b01u);
    stderr_capture_end(capture, text, sizeof text);
    assert_string_equal(text, "softgpu: ioctl GET_VERSION 0x80084b01\n");
}

static void long_line_is_cut_visibly(void **state) {
    (void)state;
    char text[2048];
    char longest[1500];
    memset(longest, 'x', sizeof longest - 1);
    longest[sizeof longest - 1] = 0;
    const struct stderr_capture capture = stderr_capture_begin();
    sg_trace_line("%s", longest);
    const size_t length = stderr_capture_end(capture, text, sizeof text);
    assert_true(length > 500 && length <= 512);
    assert_string_equal(text + length - 5, "x...\n");
}

static void exactly_fitting_line_is_whole(void **state) {
    (void)state;
    char text[2048];
    char fitting[503]; /* 512 - strlen("softgpu: ") - 1 characters */
    memset(fitting, 'y', sizeof fitting - 1);
    fitting[sizeof fitting - 1] = 0;
    const struct stderr_capture capture = stderr_capture_begin();
    sg_trace_line("%s", fitting);
    const size_t length = stderr_capture_end(capture, text, sizeof text);
    assert_int_equal(length, 9 + 502 + 1);
    assert_string_equal(text + length - 3, "yy\n");
}

static void errno_is_kept(void **state) {
    (void)state;
    char text[64];
    const struct stderr_capture capture = stderr_capture_begin();
    const int saved = dup(STDERR_FILENO);
    close(STDERR_FILENO); /* the write fails with EBADF */
    errno = ENOTTY;
    sg_trace_line("nobody reads this");
    const int after = errno;
    dup2(saved, STDERR_FILENO);
    close(saved);
    stderr_capture_end(capture, text, sizeof text);
    assert_int_equal(after, ENOTTY);
}

static void only_wanted_kinds_are_on(void **state) {
    (void)state;
    sg_trace_mask = SG_TRACE_PACKET;
    assert_true(sg_trace_on(SG_TRACE_PACKET));
    assert_false(sg_trace_on(SG_TRACE_IOCTL));
    assert_false(sg_trace_on(SG_TRACE_INSN));
    sg_trace_mask = 0;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(line_is_prefixed_and_ended),    cmocka_unit_test(long_line_is_cut_visibly),
        cmocka_unit_test(exactly_fitting_line_is_whole), cmocka_unit_test(errno_is_kept),
        cmocka_unit_test(only_wanted_kinds_are_on),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
