/* SPDX-License-Identifier: MIT */
/* The bundle that the hip arm registers is one that the library reads back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "bundle.h"

static uint64_t word_at(const char *bundle, size_t offset) {
    uint64_t word;
    memcpy(&word, bundle + offset, sizeof word);
    return word;
}

static void entries_lie_where_the_header_says(void **state) {
    (void)state;
    char code[5000];
    memset(code, 0x5a, sizeof code);
    static const char isa[] = "amdgcn-amd-amdhsa--gfx90a:sramecc+:xnack-";
    char *bundle = bundle_create(isa, code, sizeof code);
    assert_non_null(bundle);
    assert_memory_equal(bundle, "__CLANG_OFFLOAD_BUNDLE__", 24);
    assert_int_equal(word_at(bundle, 24), 2);
    size_t at = 32;
    assert_int_equal(word_at(bundle, at + 8), 0); /* the host's entry is empty */
    size_t length = word_at(bundle, at + 16);
    assert_memory_equal(bundle + at + 24, "host-", 5);
    at += 24 + length;
    uint64_t offset = word_at(bundle, at);
    assert_int_equal(offset % 4096, 0);
    assert_int_equal(word_at(bundle, at + 8), sizeof code);
    length = word_at(bundle, at + 16);
    assert_int_equal(length, strlen("hipv4-") + strlen(isa));
    assert_memory_equal(bundle + at + 24, "hipv4-", 6);
    assert_memory_equal(bundle + at + 30, isa, strlen(isa));
    assert_true(at + 24 + length <= offset);
    assert_memory_equal(bundle + offset, code, sizeof code);
    free(bundle);
}

static void a_name_that_is_too_long_is_refused(void **state) {
    (void)state;
    char isa[4096];
    memset(isa, 'x', sizeof isa);
    isa[sizeof isa - 1] = 0;
    assert_null(bundle_create(isa, "", 0));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(entries_lie_where_the_header_says),
        cmocka_unit_test(a_name_that_is_too_long_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
