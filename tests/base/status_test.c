/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <pthread.h>
#include <string.h>

#include "base/status.h"

static void status_keeps_domain_and_native_code(void **state) {
    (void)state;
    const hsp_status status = HSP_STATUS(HSP_DOMAIN_HSA, 0x1008);
    assert_true(status > 0);
    assert_int_equal(HSP_STATUS_DOMAIN(status), HSP_DOMAIN_HSA);
    assert_int_equal(HSP_STATUS_CODE(status), 0x1008);
}

static void every_error_has_its_own_words(void **state) {
    (void)state;
    for (uint32_t code = 0; code <= HSP_STATUS_CODE(HSP_ERROR_QUEUE); code++) {
        const char *text = hsp_status_string(code ? HSP_STATUS(HSP_DOMAIN_HSP, code) : HSP_OK);
        assert_null(strstr(text, "0x"));
        for (uint32_t other = 1; other < code; other++)
            assert_string_not_equal(text, hsp_status_string(HSP_STATUS(HSP_DOMAIN_HSP, other)));
    }
    assert_string_equal(hsp_status_string(HSP_STATUS(HSP_DOMAIN_ERRNO, ENOENT)),
                        "No such file or directory");
    assert_string_equal(hsp_status_string(HSP_STATUS(HSP_DOMAIN_COMGR, 3)), "comgr error 0x3");
}

static void failure_sets_text_and_clears_the_old_hint(void **state) {
    (void)state;
    assert_int_equal(hsp_hint(hsp_fail(HSP_ERROR_FORMAT, "file %s", "a"), "try %d", 1),
                     HSP_ERROR_FORMAT);
    assert_string_equal(hsp_last_error(), "file a");
    assert_string_equal(hsp_last_hint(), "try 1");
    assert_int_equal(hsp_fail_errno(EACCES, "cannot open %s", "b"),
                     HSP_STATUS(HSP_DOMAIN_ERRNO, EACCES));
    assert_string_equal(hsp_last_error(), "cannot open b: Permission denied");
    assert_string_equal(hsp_last_hint(), "");
}

static void text_may_be_built_from_the_text_before(void **state) {
    (void)state;
    hsp_fail(HSP_ERROR_FORMAT, "inner");
    hsp_fail(HSP_ERROR_FORMAT, "outer: %s", hsp_last_error());
    assert_string_equal(hsp_last_error(), "outer: inner");
}

static void long_text_is_cut(void **state) {
    (void)state;
    char longer[3 * HSP_ERROR_TEXT_BYTES];
    memset(longer, 'x', sizeof(longer));
    longer[sizeof(longer) - 1] = '\0';
    hsp_fail_errno(ENOENT, "%s", longer);
    assert_int_equal(strlen(hsp_last_error()), HSP_ERROR_TEXT_BYTES - 1);
}

static void *fail_elsewhere(void *data) {
    strcpy(data, hsp_last_error());
    hsp_fail(HSP_ERROR_FULL, "other thread");
    return NULL;
}

static void text_belongs_to_the_thread(void **state) {
    (void)state;
    hsp_fail(HSP_ERROR_FORMAT, "this thread");
    char seen[64] = "unset";
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, fail_elsewhere, seen), 0);
    pthread_join(thread, NULL);
    assert_string_equal(seen, "");
    assert_string_equal(hsp_last_error(), "this thread");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(status_keeps_domain_and_native_code),
        cmocka_unit_test(every_error_has_its_own_words),
        cmocka_unit_test(failure_sets_text_and_clears_the_old_hint),
        cmocka_unit_test(text_may_be_built_from_the_text_before),
        cmocka_unit_test(long_text_is_cut),
        cmocka_unit_test(text_belongs_to_the_thread),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
