/* SPDX-License-Identifier: MIT */
#include "softgpu/cu/occupancy.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static struct sg_kernel kernel(uint32_t vgprs, uint32_t sgprs) {
    return (struct sg_kernel){.vgpr_count = vgprs, .sgpr_count = sgprs};
}

static void waves_per_simd_follow_the_registers(void **state) {
    (void)state;
    static const struct {
        uint32_t vgprs, sgprs, waves;
    } rows[] = {
        {8, 16, 8},   {64, 96, 8},  {72, 16, 7},  {128, 16, 4}, {136, 16, 3},
        {168, 16, 3}, {256, 16, 2}, {264, 16, 1}, {512, 16, 1}, {8, 112, 7},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const struct sg_kernel k = kernel(rows[i].vgprs, rows[i].sgprs);
        assert_int_equal(sg_waves_per_simd(&k), rows[i].waves);
    }
}

static void groups_per_unit_follow_waves_lds_and_barriers(void **state) {
    (void)state;
    static const struct {
        uint32_t vgprs, waves, lds, groups;
    } rows[] = {
        {16, 1, 0, 32},    /* 4 SIMDs of 8 waves */
        {16, 2, 0, 16},    /* 32 waves */
        {16, 4, 0, 8},     /* */
        {16, 16, 0, 2},    /*  */
        {128, 16, 0, 1},   /* 4 SIMDs of 4 waves */
        {136, 16, 0, 0},   /* 12 waves fit, 16 are wanted */
        {256, 8, 0, 1},    /* */
        {512, 4, 0, 1},    /* */
        {512, 5, 0, 0},    /* */
        {16, 1, 65536, 1}, /* all of the LDS */
        {16, 1, 32768, 2}, /* */
        {16, 1, 32769, 1}, /* granule of 512 bytes */
        {16, 1, 1, 32},    /* 128 by LDS */
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const struct sg_kernel k = kernel(rows[i].vgprs, 16);
        assert_int_equal(sg_groups_per_unit(&k, rows[i].waves, rows[i].lds), rows[i].groups);
    }
}

static void mask_selects_units(void **state) {
    (void)state;
    struct sg_units units;
    sg_units_select(104, NULL, 0, &units);
    assert_int_equal(units.count, 104);
    assert_int_equal(units.index[103], 103);

    sg_units_select(10, NULL, 0, &units);
    assert_int_equal(units.count, 10);

    const uint32_t mask[] = {0x80000001, 0, 0, 0xffffff80};
    sg_units_select(104, mask, 128, &units);
    assert_int_equal(units.count, 3); /* bits 0, 31 and 103; those behind are no units */
    assert_int_equal(units.index[0], 0);
    assert_int_equal(units.index[1], 31);
    assert_int_equal(units.index[2], 103);

    sg_units_select(104, mask, 32, &units);
    assert_int_equal(units.count, 2); /* a short mask leaves the others out */
}

static void hw_id_has_its_fields(void **state) {
    (void)state;
    const struct sg_place place = {.unit = 43, .simd = 2, .slot = 7};
    const uint32_t id = sg_place_hw_id(&place, 5);
    assert_int_equal(id & 0xf, 7);
    assert_int_equal(id >> 4 & 3, 2);
    assert_int_equal(id >> 8 & 0xf, 43 / 8); /* CU */
    assert_int_equal(id >> 12 & 1, 0);       /* SH */
    assert_int_equal(id >> 13 & 7, 43 % 8);  /* SE: the mask's bits go round the engines */
    assert_int_equal(id >> 16 & 0xf, 5);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(waves_per_simd_follow_the_registers),
        cmocka_unit_test(groups_per_unit_follow_waves_lds_and_barriers),
        cmocka_unit_test(mask_selects_units),
        cmocka_unit_test(hw_id_has_its_fields),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
