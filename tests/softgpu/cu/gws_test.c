/* SPDX-License-Identifier: MIT */
#include "softgpu/cu/gws.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static bool execute(struct sg_gws *gws, enum sg_gws_op op, uint32_t id, uint32_t value,
                    uint32_t *out_generation) {
    const struct sg_wave wave = {.gws_op = op, .gws_id = id, .gws_value = value};
    return sg_gws_execute(gws, &wave, out_generation);
}

static bool poll(struct sg_gws *gws, enum sg_gws_op op, uint32_t id, uint32_t generation) {
    const struct sg_wave wave = {.gws_op = op, .gws_id = id};
    return sg_gws_poll(gws, &wave, generation);
}

static void barrier_releases_all_with_the_last(void **state) {
    (void)state;
    struct sg_gws gws = {0};
    uint32_t generation[3];
    uint32_t unused;
    assert_true(execute(&gws, SG_GWS_INIT, 5, 2, &unused));
    for (int round = 0; round < 3; round++) { /* the last one reloads the counter */
        assert_false(execute(&gws, SG_GWS_BARRIER, 5, 2, &generation[0]));
        assert_false(execute(&gws, SG_GWS_BARRIER, 5, 2, &generation[1]));
        assert_false(poll(&gws, SG_GWS_BARRIER, 5, generation[0]));
        assert_true(execute(&gws, SG_GWS_BARRIER, 5, 2, &generation[2]));
        assert_true(poll(&gws, SG_GWS_BARRIER, 5, generation[0]));
        assert_true(poll(&gws, SG_GWS_BARRIER, 5, generation[1]));
    }
}

static void resources_are_independent(void **state) {
    (void)state;
    struct sg_gws gws = {0};
    uint32_t generation;
    execute(&gws, SG_GWS_INIT, 0, 1, &generation);
    execute(&gws, SG_GWS_INIT, 63, 0, &generation);
    assert_true(execute(&gws, SG_GWS_BARRIER, 63, 0, &generation));
    assert_false(execute(&gws, SG_GWS_BARRIER, 0, 1, &generation));
}

static void semaphore_counts(void **state) {
    (void)state;
    struct sg_gws gws = {0};
    uint32_t generation;
    uint32_t unused;
    assert_false(execute(&gws, SG_GWS_SEMA_P, 1, 0, &generation));
    assert_false(poll(&gws, SG_GWS_SEMA_P, 1, generation));
    assert_true(execute(&gws, SG_GWS_SEMA_V, 1, 0, &unused));
    assert_true(poll(&gws, SG_GWS_SEMA_P, 1, generation));
    assert_false(poll(&gws, SG_GWS_SEMA_P, 1, generation)); /* it was taken */
    assert_true(execute(&gws, SG_GWS_SEMA_BR, 1, 2, &unused));
    assert_true(execute(&gws, SG_GWS_SEMA_P, 1, 0, &unused));
    assert_true(execute(&gws, SG_GWS_SEMA_P, 1, 0, &unused));
    assert_false(execute(&gws, SG_GWS_SEMA_P, 1, 0, &generation));
    assert_true(execute(&gws, SG_GWS_SEMA_RELEASE_ALL, 1, 0, &unused));
    assert_true(poll(&gws, SG_GWS_SEMA_P, 1, generation));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(barrier_releases_all_with_the_last),
        cmocka_unit_test(resources_are_independent),
        cmocka_unit_test(semaphore_counts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
