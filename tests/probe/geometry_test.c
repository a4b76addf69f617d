/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include <hsaprobe/dispatch.h>

#include "probe/probe.h"

static const struct hsp_kernel kernel = {
    .demangled = "saxpy(float*)", .workgroup_max_size = 256, .group_bytes = 1024};
static const struct hsp_kernel required = {
    .demangled = "tile", .workgroup_max_size = 128, .workgroup_required = {64, 2, 1}};
static const struct hsp_kernel whole = {
    .demangled = "even", .workgroup_max_size = 256, .whole_groups_only = true};
static const struct hsp_agent agent = {
    .info = {.name = "gfx90a",
             .workgroup_max_size = 1024,
             .workgroup_max_dim = {1024, 1024, 512},
             .grid_max_dim = {INT32_MAX, INT32_MAX, 65535},
             .lds_bytes = 65536},
};

static void expect(const struct hsp_geometry *geometry, const struct hsp_kernel *of,
                   hsp_status wanted, const char *words) {
    const hsp_status got = hsp_geometry_check(geometry, of, &agent);
    if (got != wanted || (wanted != HSP_OK && !strstr(hsp_last_error(), words)))
        fail_msg("status 0x%x, expected 0x%x; '%s' in: %s", got, wanted, words, hsp_last_error());
}

static void limits_are_told_with_number_and_limit(void **state) {
    (void)state;
    static const struct {
        struct hsp_geometry geometry;
        hsp_status status;
        const char *words;
    } cases[] = {
        {{1, {256, 1, 1}, {64, 1, 1}, 0}, HSP_OK, ""},
        {{1, {100, 1, 1}, {64, 1, 1}, 0}, HSP_OK, ""}, // partial work-group
        {{3, {64, 64, 64}, {4, 8, 8}, 64512}, HSP_OK, ""},
        {{0, {256, 1, 1}, {64, 1, 1}, 0}, HSP_ERROR_GEOMETRY, "0 dimensions"},
        {{4, {256, 1, 1}, {64, 1, 1}, 0}, HSP_ERROR_GEOMETRY, "4 dimensions"},
        {{1, {0, 1, 1}, {64, 1, 1}, 0}, HSP_ERROR_GEOMETRY, "the grid is 0 in x"},
        {{2, {64, 0, 1}, {64, 1, 1}, 0}, HSP_ERROR_GEOMETRY, "the grid is 0 in y"},
        {{1, {64, 1, 1}, {0, 1, 1}, 0}, HSP_ERROR_GEOMETRY, "the work-group is 0 in x"},
        {{1, {64, 2, 1}, {64, 1, 1}, 0}, HSP_ERROR_GEOMETRY, "beyond the 1 dimensions"},
        {{1, {32, 1, 1}, {64, 1, 1}, 0}, HSP_ERROR_GEOMETRY, "larger than the grid in x: 64 > 32"},
        {{1, {70000, 1, 1}, {70000, 1, 1}, 0}, HSP_ERROR_GEOMETRY, "70000 work-items in x: 65535"},
        {{1, {512, 1, 1}, {512, 1, 1}, 0},
         HSP_ERROR_GEOMETRY,
         "512 work-items: kernel saxpy(float*) was compiled for at most 256"},
        {{3, {1, 1, 70000}, {1, 1, 1}, 0},
         HSP_ERROR_GEOMETRY,
         "a grid of 70000 work-items in z: gfx90a takes 65535"},
        {{1, {256, 1, 1}, {64, 1, 1}, 64513},
         HSP_ERROR_RESOURCE,
         "needs 65537 bytes of LDS (1024 fixed, 64513 dynamic): gfx90a has 65536"},
        {{1, {256, 1, 1}, {64, 1, 1}, UINT32_MAX}, HSP_ERROR_RESOURCE, "needs 4294968319 bytes"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        expect(&cases[i].geometry, &kernel, cases[i].status, cases[i].words);
}

static void required_workgroup_size_is_exact(void **state) {
    (void)state;
    const struct hsp_geometry right = {2, {128, 4, 1}, {64, 2, 1}, 0};
    const struct hsp_geometry wrong = {2, {128, 4, 1}, {32, 4, 1}, 0};
    expect(&right, &required, HSP_OK, "");
    expect(&wrong, &required, HSP_ERROR_GEOMETRY,
           "kernel tile requires work-groups of 64,2,1, not 32,4,1");
}

static void whole_groups_are_kept_whole(void **state) {
    (void)state;
    const struct hsp_geometry even = {2, {128, 6, 1}, {64, 2, 1}, 0};
    const struct hsp_geometry odd = {2, {128, 5, 1}, {64, 2, 1}, 0};
    expect(&even, &whole, HSP_OK, "");
    expect(&odd, &kernel, HSP_OK, "");
    expect(&odd, &whole, HSP_ERROR_GEOMETRY, "grid of 5 work-items in y is no multiple of 2");
}

static void agent_limits_hold_for_kernels_without_their_own(void **state) {
    (void)state;
    const struct hsp_kernel unlimited = {.demangled = "any"};
    const struct hsp_geometry wide = {2, {1024, 1024, 1}, {1024, 2, 1}, 0};
    expect(&wide, &unlimited, HSP_ERROR_GEOMETRY, "2048 work-items: gfx90a takes 1024");
    const struct hsp_geometry deep = {3, {1, 1, 1024}, {1, 1, 1024}, 0};
    expect(&deep, &unlimited, HSP_ERROR_GEOMETRY, "1024 work-items in z: gfx90a takes 512");
    assert_int_equal(hsp_geometry_check(&wide, &unlimited, NULL), HSP_OK);
}

static void blocks_become_work_items(void **state) {
    (void)state;
    struct hsp_geometry geometry, untouched;
    assert_int_equal(
        hsp_geometry_from_blocks((uint32_t[]){10, 3, 1}, (uint32_t[]){64, 2, 1}, 99, &geometry),
        HSP_OK);
    assert_int_equal(geometry.dimension_count, 2);
    assert_int_equal(geometry.grid[0], 640);
    assert_int_equal(geometry.grid[1], 6);
    assert_int_equal(geometry.grid[2], 1);
    assert_int_equal(geometry.workgroup[1], 2);
    assert_int_equal(geometry.dynamic_group_bytes, 99);
    untouched = geometry;
    assert_int_equal(
        hsp_geometry_from_blocks((uint32_t[]){0, 1, 1}, (uint32_t[]){64, 1, 1}, 0, &geometry),
        HSP_ERROR_GEOMETRY);
    assert_non_null(strstr(hsp_last_error(), "the number of blocks is 0 in x"));
    assert_int_equal(
        hsp_geometry_from_blocks((uint32_t[]){1, 1, 1}, (uint32_t[]){64, 0, 1}, 0, &geometry),
        HSP_ERROR_GEOMETRY);
    assert_non_null(strstr(hsp_last_error(), "the block size is 0 in y"));
    assert_int_equal(hsp_geometry_from_blocks((uint32_t[]){1u << 26, 1, 1}, (uint32_t[]){64, 1, 1},
                                              0, &geometry),
                     HSP_ERROR_GEOMETRY);
    assert_non_null(strstr(hsp_last_error(), "4294967296 work-items"));
    assert_memory_equal(&geometry, &untouched, sizeof(geometry));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(limits_are_told_with_number_and_limit),
        cmocka_unit_test(required_workgroup_size_is_exact),
        cmocka_unit_test(whole_groups_are_kept_whole),
        cmocka_unit_test(agent_limits_hold_for_kernels_without_their_own),
        cmocka_unit_test(blocks_become_work_items),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
