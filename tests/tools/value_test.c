/* SPDX-License-Identifier: MIT */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "value.h"

static void every_name_is_found_and_others_are_not(void **state) {
    (void)state;
    static const struct {
        const char *name;
        enum hsp_value_type type;
    } names[] = {
        {"i8", HSP_VALUE_I8},   {"u8", HSP_VALUE_U8},   {"i16", HSP_VALUE_I16},
        {"u16", HSP_VALUE_U16}, {"i32", HSP_VALUE_I32}, {"u32", HSP_VALUE_U32},
        {"i64", HSP_VALUE_I64}, {"u64", HSP_VALUE_U64}, {"f16", HSP_VALUE_F16},
        {"f32", HSP_VALUE_F32}, {"f64", HSP_VALUE_F64},
    };
    enum hsp_value_type type;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        assert_true(value_type_find(names[i].name, strlen(names[i].name), &type));
        assert_int_equal(type, names[i].type);
        assert_non_null(strstr(value_type_names(), names[i].name));
    }
    assert_false(value_type_find("f32x", 4, &type));
    assert_false(value_type_find("f3", 2, &type));
    assert_false(value_type_find("", 0, &type));
}

static void integers_keep_to_their_range(void **state) {
    (void)state;
    static const struct {
        enum hsp_value_type type;
        const char *text;
        bool good;
        uint64_t bits;
    } cases[] = {
        {HSP_VALUE_I8, "-128", true, 0x80},
        {HSP_VALUE_I8, "127", true, 0x7f},
        {HSP_VALUE_I8, "128", false, 0},
        {HSP_VALUE_I8, "-129", false, 0},
        {HSP_VALUE_U8, "0xff", true, 0xff},
        {HSP_VALUE_U8, "256", false, 0},
        {HSP_VALUE_U8, "-1", false, 0},
        {HSP_VALUE_I16, "-32768", true, 0x8000},
        {HSP_VALUE_U16, "65536", false, 0},
        {HSP_VALUE_I32, "2147483648", false, 0},
        {HSP_VALUE_I32, "-2147483648", true, 0x80000000},
        {HSP_VALUE_U32, "4294967295", true, 0xffffffff},
        {HSP_VALUE_I64, "-9223372036854775808", true, UINT64_C(1) << 63},
        {HSP_VALUE_I64, "9223372036854775808", false, 0},
        {HSP_VALUE_U64, "18446744073709551615", true, UINT64_MAX},
        {HSP_VALUE_U64, "18446744073709551616", false, 0},
        {HSP_VALUE_I32, "", false, 0},
        {HSP_VALUE_I32, "1.5", false, 0},
        {HSP_VALUE_I32, "1k", false, 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        uint64_t bits = 0;
        const char *why = value_parse(cases[i].type, cases[i].text, &bits);
        if (cases[i].good != !why)
            fail_msg("%s: %s", cases[i].text, why ? why : "taken");
        if (cases[i].good)
            assert_int_equal(bits, cases[i].bits);
    }
}

/* 1 + 2^-24 + 2^-60 is nearer to 1 + 2^-23 in single precision; by way of a double, which drops
 * the last bit, it would be a tie and round to 1. */
static void singles_are_rounded_once(void **state) {
    (void)state;
    float value = 0;
    assert_null(value_parse(HSP_VALUE_F32, "0x1.0000010000000010p0", &value));
    assert_true(value == 0x1.000002p0f);
}

static void halves_round_to_nearest_even(void **state) {
    (void)state;
    static const struct {
        double value;
        uint16_t half;
    } cases[] = {
        {0.0, 0x0000},         {-0.0, 0x8000},           {1.0, 0x3c00},
        {-2.0, 0xc000},        {65504, 0x7bff},          {65519.99, 0x7bff},
        {65520, 0x7c00},       {INFINITY, 0x7c00},       {-1e10, 0xfc00},
        {0x1p-24, 0x0001},     {0x1p-25, 0x0000},        {0x1.8p-24, 0x0002},
        {0x1.8p-25, 0x0001},   {0x1p-14, 0x0400},        {0x1.ff8p-15, 0x03ff},
        {0x1.ffcp-15, 0x0400}, {1 + 0x1p-11, 0x3c00},    {1 + 0x3p-11, 0x3c02},
        {2 - 0x1p-12, 0x4000}, {0.333251953125, 0x3555},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        if (half_from_double(cases[i].value) != cases[i].half)
            fail_msg("%a becomes 0x%04x, not 0x%04x", cases[i].value,
                     half_from_double(cases[i].value), cases[i].half);
}

static void every_half_comes_back(void **state) {
    (void)state;
    for (unsigned bits = 0; bits < 0x10000; bits++) {
        double value = half_to_double((uint16_t)bits);
        if (isnan(value))
            assert_true((bits & 0x7c00) == 0x7c00 && (bits & 0x3ff) != 0);
        else
            assert_int_equal(half_from_double(value), bits);
    }
}

static void patterns_fill_every_element(void **state) {
    (void)state;
    uint8_t bytes[300];
    value_fill_iota(HSP_VALUE_U8, bytes, 300);
    assert_int_equal(bytes[255], 255);
    assert_int_equal(bytes[256], 0);
    double doubles[5];
    value_fill_iota(HSP_VALUE_F64, doubles, 5);
    assert_true(doubles[0] == 0 && doubles[4] == 4);
    int16_t five = -5;
    int16_t shorts[7];
    value_fill_const(HSP_VALUE_I16, &five, shorts, 7);
    for (int i = 0; i < 7; i++)
        assert_int_equal(shorts[i], -5);
}

static void random_floats_stay_below_one_and_follow_the_seed(void **state) {
    (void)state;
    float first[1000];
    float again[1000];
    value_fill_random(HSP_VALUE_F32, 7, first, 1000);
    value_fill_random(HSP_VALUE_F32, 7, again, 1000);
    assert_memory_equal(first, again, sizeof first);
    value_fill_random(HSP_VALUE_F32, 8, again, 1000);
    assert_memory_not_equal(first, again, sizeof first);
    float least = 1;
    float greatest = 0;
    for (int i = 0; i < 1000; i++) {
        assert_true(first[i] >= 0 && first[i] < 1);
        least = fminf(least, first[i]);
        greatest = fmaxf(greatest, first[i]);
    }
    assert_true(least < 0.05f && greatest > 0.95f);
    uint16_t halves[1000];
    value_fill_random(HSP_VALUE_F16, 1, halves, 1000);
    for (int i = 0; i < 1000; i++)
        assert_true(half_to_double(halves[i]) < 1);
}

static void values_are_reported_as_what_they_are(void **state) {
    (void)state;
    char text[32];
    int8_t negative = -3;
    struct report_value value = value_report(HSP_VALUE_I8, &negative, text);
    assert_int_equal(value.kind, VALUE_INTEGER);
    assert_int_equal(value.integer, -3);
    uint64_t large = UINT64_MAX;
    value = value_report(HSP_VALUE_U64, &large, text);
    assert_int_equal(value.kind, VALUE_TEXT);
    assert_string_equal(value.text, "18446744073709551615");
    float infinite = INFINITY;
    value = value_report(HSP_VALUE_F32, &infinite, text);
    assert_int_equal(value.kind, VALUE_TEXT);
    uint16_t half = 0x3800;
    value = value_report(HSP_VALUE_F16, &half, text);
    assert_true(value.kind == VALUE_REAL && value.real == 0.5);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_name_is_found_and_others_are_not),
        cmocka_unit_test(integers_keep_to_their_range),
        cmocka_unit_test(singles_are_rounded_once),
        cmocka_unit_test(halves_round_to_nearest_even),
        cmocka_unit_test(every_half_comes_back),
        cmocka_unit_test(patterns_fill_every_element),
        cmocka_unit_test(random_floats_stay_below_one_and_follow_the_seed),
        cmocka_unit_test(values_are_reported_as_what_they_are),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
