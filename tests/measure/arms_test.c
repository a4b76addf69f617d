/* SPDX-License-Identifier: MIT */
/* The tables of arms and operations, and what rounds do around a visit. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "measure/arms.h"
#include "measure/op.h"

static void an_arm_stands_on_one_that_comes_before_it(void **state) {
    (void)state;
    size_t count;
    const struct hsp_arm_row *rows = hsp_arm_rows(&count);
    assert_in_range(count, 2, 64); /* a bit each in the command's choice */
    for (size_t i = 0; i < count; i++) {
        assert_ptr_equal(hsp_arm_row_find(rows[i].name), &rows[i]); /* so names differ */
        assert_int_equal(rows[i].minus == NULL, rows[i].layer == NULL);
        if (rows[i].minus)
            assert_true(hsp_arm_row_find(rows[i].minus) < &rows[i]);
        assert_int_equal(rows[i].create != NULL,
                         rows[i].place == HSP_ARM_HOST || rows[i].place == HSP_ARM_QUEUE);
        assert_true(*rows[i].timed && *rows[i].untimed);
    }
    assert_null(hsp_arm_row_find("nix"));
}

static void the_usual_arms_are_a_chain(void **state) {
    (void)state;
    static const char *const chain[] = {"timer", "ring", "hsa", "hip-module", "hip"};
    size_t count;
    size_t next = 0;
    const struct hsp_arm_row *rows = hsp_arm_rows(&count);
    for (size_t i = 0; i < count; i++) {
        if (!rows[i].is_standard)
            continue;
        assert_in_range(next, 0, sizeof chain / sizeof *chain - 1);
        assert_string_equal(rows[i].name, chain[next]);
        if (next)
            assert_string_equal(rows[i].minus, chain[next - 1]);
        next++;
    }
    assert_int_equal(next, sizeof chain / sizeof *chain);
}

static void sizes_lie_on_both_sides_of_each_threshold(void **state) {
    (void)state;
    static const size_t thresholds[] = {1u << 20, 2u << 20, 32u << 20};
    size_t count;
    const size_t *sizes = hsp_op_sizes(&count);
    for (size_t i = 1; i < count; i++)
        assert_true(sizes[i - 1] < sizes[i]);
    for (size_t i = 0; i < sizeof thresholds / sizeof *thresholds; i++) {
        bool below = false;
        bool above = false;
        for (size_t j = 0; j < count; j++) {
            below = below || sizes[j] == thresholds[i];
            above = above || (sizes[j] > thresholds[i] && sizes[j] <= thresholds[i] + 4096);
        }
        assert_true(below && above);
    }
}

static void every_operation_has_hsa_and_hip(void **state) {
    (void)state;
    static const char *const order[] = {"ioctl", "hsa", "hip"};
    size_t op_count;
    size_t row_count;
    const struct hsp_op *ops = hsp_ops(&op_count);
    const struct hsp_op_row *rows = hsp_op_rows(&row_count);
    size_t seen = 0;
    for (size_t i = 0; i < op_count; i++) {
        size_t place = 0;
        const char *last = "";
        for (size_t j = 0; j < row_count; j++) {
            if (strcmp(rows[j].op, ops[i].name) != 0)
                continue;
            seen++;
            while (place < 3 && strcmp(order[place], rows[j].api) != 0)
                place++;
            assert_true(place < 3); /* from the lowest up */
            last = rows[j].api;
            assert_true(rows[j].prepare && rows[j].run && rows[j].clean);
            assert_true(!rows[j].undoes_first || rows[j].undo);
        }
        assert_string_equal(last, "hip");
    }
    assert_int_equal(seen, row_count);
}

/* Whether launches lie within a visit. */
struct visits {
    int inside;
    unsigned enter_count;
    unsigned leave_count;
    unsigned outside_count;
    bool refuses;
};

static int enter(void *opaque) {
    struct visits *visits = opaque;
    visits->inside++;
    visits->enter_count++;
    return visits->refuses;
}

static void leave(void *opaque) {
    struct visits *visits = opaque;
    visits->inside--;
    visits->leave_count++;
}

static int launch(void *opaque) {
    struct visits *visits = opaque;
    visits->outside_count += visits->inside != 1;
    return 0;
}

static const char *error(void *opaque) {
    (void)opaque;
    return "refused";
}

static int run(struct visits *visits, size_t *failed) {
    static const struct hsp_arm_ops ops = {
        .launch = launch, .wait = launch, .error = error, .enter = enter, .leave = leave};
    const struct hsp_arm arm = {.name = "a", .ops = &ops, .state = visits};
    const struct hsp_rounds_options options = {
        .round_count = 3, .burst_count = 2, .settle_count = 1, .clock = hsp_clock_raw()};
    struct hsp_rounds_result result = {0};
    int rc = hsp_rounds_run(&arm, 1, &options, &result, failed);
    hsp_rounds_result_fini(&result);
    return rc;
}

static void launches_lie_between_enter_and_leave(void **state) {
    (void)state;
    struct visits visits = {0};
    size_t failed = 0;
    assert_int_equal(run(&visits, &failed), 0);
    assert_int_equal(visits.enter_count, 3);
    assert_int_equal(visits.leave_count, 3);
    assert_int_equal(visits.outside_count, 0);
}

static void an_arm_that_cannot_be_entered_fails(void **state) {
    (void)state;
    struct visits visits = {.refuses = true};
    size_t failed = 1;
    assert_int_equal(run(&visits, &failed), -EIO);
    assert_int_equal(failed, 0);
    assert_int_equal(visits.leave_count, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_arm_stands_on_one_that_comes_before_it),
        cmocka_unit_test(the_usual_arms_are_a_chain),
        cmocka_unit_test(sizes_lie_on_both_sides_of_each_threshold),
        cmocka_unit_test(every_operation_has_hsa_and_hip),
        cmocka_unit_test(launches_lie_between_enter_and_leave),
        cmocka_unit_test(an_arm_that_cannot_be_entered_fails),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
