/* SPDX-License-Identifier: MIT */
#include "value.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "measure/stats.h"

enum class { CLASS_SIGNED, CLASS_UNSIGNED, CLASS_FLOAT };

// clang-format off
static const struct {
    const char *name;
    enum hsp_value_type type;
    enum class class;
    uint8_t bytes;
} types[] = {
    {"i8",  HSP_VALUE_I8,  CLASS_SIGNED,   1}, {"u8",  HSP_VALUE_U8,  CLASS_UNSIGNED, 1},
    {"i16", HSP_VALUE_I16, CLASS_SIGNED,   2}, {"u16", HSP_VALUE_U16, CLASS_UNSIGNED, 2},
    {"i32", HSP_VALUE_I32, CLASS_SIGNED,   4}, {"u32", HSP_VALUE_U32, CLASS_UNSIGNED, 4},
    {"i64", HSP_VALUE_I64, CLASS_SIGNED,   8}, {"u64", HSP_VALUE_U64, CLASS_UNSIGNED, 8},
    {"f16", HSP_VALUE_F16, CLASS_FLOAT,    2}, {"f32", HSP_VALUE_F32, CLASS_FLOAT,    4},
    {"f64", HSP_VALUE_F64, CLASS_FLOAT,    8},
};
// clang-format on
#define TYPE_COUNT (sizeof types / sizeof *types)

static size_t row_of(enum hsp_value_type type) {
    size_t row = 0;
    while (row + 1 < TYPE_COUNT && types[row].type != type)
        row++;
    return row;
}

bool value_type_find(const char *text, size_t length, enum hsp_value_type *out_type) {
    for (size_t i = 0; i < TYPE_COUNT; i++) {
        if (strlen(types[i].name) == length && strncmp(types[i].name, text, length) == 0) {
            *out_type = types[i].type;
            return true;
        }
    }
    return false;
}

const char *value_type_names(void) {
    return "i8 u8 i16 u16 i32 u32 i64 u64 f16 f32 f64";
}

uint16_t half_from_double(double value) {
    uint16_t sign = signbit(value) ? 0x8000 : 0;
    double magnitude = fabs(value);
    if (isnan(value))
        return sign | 0x7e00;
    if (magnitude >= 65520) /* halfway between the largest finite value and the next */
        return sign | 0x7c00;
    if (magnitude < 0x1p-14)
        return (uint16_t)(sign | (uint16_t)nearbyint(magnitude * 0x1p24));
    int exponent = ilogb(magnitude);
    unsigned fraction = (unsigned)nearbyint(ldexp(magnitude, 10 - exponent));
    /* a fraction that rounded up to 2048 carries into the exponent by itself */
    return (uint16_t)(sign | ((((unsigned)exponent + 15) << 10) + fraction - 1024));
}

double half_to_double(uint16_t half) {
    int exponent = (half >> 10) & 31;
    double fraction = half & 1023;
    double magnitude;
    if (exponent == 31)
        magnitude = fraction != 0 ? NAN : INFINITY;
    else if (exponent == 0)
        magnitude = fraction * 0x1p-24;
    else
        magnitude = ldexp(fraction + 1024, exponent - 25);
    return half & 0x8000 ? -magnitude : magnitude;
}

static void store_float(enum hsp_value_type type, double value, void *out) {
    if (type == HSP_VALUE_F16) {
        uint16_t half = half_from_double(value);
        memcpy(out, &half, sizeof half);
    } else if (type == HSP_VALUE_F32) {
        float single = (float)value;
        memcpy(out, &single, sizeof single);
    } else {
        memcpy(out, &value, sizeof value);
    }
}

/* Little-endian, as gfx90a and every host that ROCm runs on. */
static void store_integer(size_t bytes, uint64_t value, void *out) {
    memcpy(out, &value, bytes);
}

static const char *parse_integer(size_t row, const char *text, void *out) {
    static const char range[] = "out of range for its type";
    static const char syntax[] = "not a whole number";
    char *end;
    unsigned bits = types[row].bytes * 8u;
    errno = 0;
    if (types[row].class == CLASS_SIGNED) {
        long long value = strtoll(text, &end, 0);
        if (end == text || *end)
            return syntax;
        if (errno || (bits < 64 && (value < -(1ll << (bits - 1)) || value >= 1ll << (bits - 1))))
            return range;
        store_integer(types[row].bytes, (uint64_t)value, out);
        return NULL;
    }
    unsigned long long value = strtoull(text, &end, 0);
    if (end == text || *end)
        return syntax;
    if (errno || strchr(text, '-') || (bits < 64 && value >> bits))
        return range;
    store_integer(types[row].bytes, value, out);
    return NULL;
}

const char *value_parse(enum hsp_value_type type, const char *text, void *out_bytes) {
    size_t row = row_of(type);
    if (types[row].class != CLASS_FLOAT)
        return parse_integer(row, text, out_bytes);
    char *end;
    /* strtof for f32: rounding twice, by way of a double, may give another value */
    double value = type == HSP_VALUE_F32 ? (double)strtof(text, &end) : strtod(text, &end);
    if (end == text || *end)
        return "not a number";
    store_float(type, value, out_bytes);
    return NULL;
}

void value_fill_iota(enum hsp_value_type type, void *elements, size_t count) {
    size_t row = row_of(type);
    char *at = elements;
    for (size_t i = 0; i < count; i++, at += types[row].bytes) {
        if (types[row].class == CLASS_FLOAT)
            store_float(type, (double)i, at);
        else
            store_integer(types[row].bytes, i, at);
    }
}

void value_fill_const(enum hsp_value_type type, const void *element, void *elements, size_t count) {
    size_t bytes = types[row_of(type)].bytes;
    char *at = elements;
    for (size_t i = 0; i < count; i++, at += bytes)
        memcpy(at, element, bytes);
}

void value_fill_random(enum hsp_value_type type, uint64_t seed, void *elements, size_t count) {
    size_t row = row_of(type);
    struct hsp_random random = {seed};
    char *at = elements;
    for (size_t i = 0; i < count; i++, at += types[row].bytes) {
        uint64_t bits = hsp_random_next(&random);
        if (types[row].class == CLASS_FLOAT)
            /* 11 bits fit every type without rounding up to 1 */
            store_float(type, (double)(bits >> 53) * 0x1p-11, at);
        else
            store_integer(types[row].bytes, bits, at);
    }
}

static double load_float(enum hsp_value_type type, const void *element) {
    if (type == HSP_VALUE_F16) {
        uint16_t half;
        memcpy(&half, element, sizeof half);
        return half_to_double(half);
    }
    if (type == HSP_VALUE_F32) {
        float single;
        memcpy(&single, element, sizeof single);
        return (double)single;
    }
    double value;
    memcpy(&value, element, sizeof value);
    return value;
}

struct report_value value_report(enum hsp_value_type type, const void *element, char *text) {
    size_t row = row_of(type);
    if (types[row].class == CLASS_FLOAT) {
        double value = load_float(type, element);
        if (isfinite(value))
            return report_real(value);
        snprintf(text, 32, "%g", value); /* JSON has no such numbers */
        return report_text(text);
    }
    uint64_t bits = 0;
    memcpy(&bits, element, types[row].bytes);
    if (types[row].class == CLASS_SIGNED) {
        unsigned unused = 64 - types[row].bytes * 8u;
        return report_integer((int64_t)(bits << unused) >> unused);
    }
    if (bits <= INT64_MAX)
        return report_integer(bits);
    snprintf(text, 32, "%" PRIu64, bits);
    return report_text(text);
}
