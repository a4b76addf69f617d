/* SPDX-License-Identifier: MIT */
/* The checks of the built-in kernels take what the kernels leave and nothing else. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "builtin.h"

#define ITEMS 1024

static bool accepted(const char *name, void *const *contents, uint64_t launch_count) {
    struct launch launch = {.geometry.grid = {ITEMS, 1, 1}};
    char *why = builtin_find(name)->check(&launch, contents, launch_count);
    free(why);
    return why == NULL;
}

static void counter_must_be_complete_and_every_ticket_there_once(void **state) {
    (void)state;
    uint32_t total = 3 * ITEMS;
    uint32_t tickets[ITEMS];
    void *const contents[] = {&total, tickets};
    for (uint32_t i = 0; i < ITEMS; i++)
        tickets[(i * 7) % ITEMS] = 2 * ITEMS + i; /* in any order */
    assert_true(accepted("counter", contents, 3));
    assert_false(accepted("counter", contents, 2));
    total--;
    assert_false(accepted("counter", contents, 3));
    total++;
    tickets[5] = tickets[6];
    assert_false(accepted("counter", contents, 3));
    tickets[5] = 0; /* of an earlier launch */
    assert_false(accepted("counter", contents, 3));
}

static void saxpy_must_have_run_as_often_as_said(void **state) {
    (void)state;
    float x[ITEMS];
    float y[ITEMS];
    void *const contents[] = {x, y};
    for (uint32_t i = 0; i < ITEMS; i++)
        y[i] = 1 + 3 * 2 * (float)i;
    assert_true(accepted("saxpy", contents, 3));
    assert_false(accepted("saxpy", contents, 2));
    y[ITEMS - 1] += 1;
    assert_false(accepted("saxpy", contents, 3));
}

static void every_builtins_words_are_understood(void **state) {
    (void)state;
    size_t count;
    const struct builtin *table = builtins(&count);
    for (size_t i = 0; i < count; i++)
        for (const char *const *word = table[i].arguments; *word; word++) {
            struct argument argument;
            assert_null(argument_parse(*word, &argument));
            argument_fini(&argument);
        }
    assert_null(builtin_find("nix"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(counter_must_be_complete_and_every_ticket_there_once),
        cmocka_unit_test(saxpy_must_have_run_as_often_as_said),
        cmocka_unit_test(every_builtins_words_are_understood),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
