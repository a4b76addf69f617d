/* SPDX-License-Identifier: MIT */
#include "softgpu/isa/image_format.h"

#include <math.h>
#include <string.h>

static const struct sg_texel_format formats[] = {
    {1, 1, 1, {8}},
    {2, 2, 1, {16}},
    {3, 2, 2, {8, 8}},
    {4, 4, 1, {32}},
    {5, 4, 2, {16, 16}},
    {6, 4, 3, {11, 11, 10}},
    {7, 4, 3, {10, 11, 11}},
    {8, 4, 4, {2, 10, 10, 10}},
    {9, 4, 4, {10, 10, 10, 2}},
    {10, 4, 4, {8, 8, 8, 8}},
    {11, 8, 2, {32, 32}},
    {12, 8, 4, {16, 16, 16, 16}},
    {13, 12, 3, {32, 32, 32}},
    {14, 16, 4, {32, 32, 32, 32}},
    {16, 2, 3, {5, 6, 5}},
    {17, 2, 4, {5, 5, 5, 1}},
    {18, 2, 4, {1, 5, 5, 5}},
    {19, 2, 4, {4, 4, 4, 4}},
    {20, 4, 2, {24, 8}},
    {21, 4, 2, {8, 24}},
};

const struct sg_texel_format *sg_texel_format_find(uint32_t code) {
    for (uint32_t i = 0; i < sizeof formats / sizeof *formats; i++)
        if (formats[i].code == code)
            return &formats[i];
    return NULL;
}

bool sg_number_is_valid(uint32_t number) {
    return number <= SG_NUMBER_SINT || number == SG_NUMBER_FLOAT || number == SG_NUMBER_SRGB;
}

bool sg_number_is_float(enum sg_number number) {
    return number != SG_NUMBER_UINT && number != SG_NUMBER_SINT;
}

static uint32_t float_bits(float value) {
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

static float bits_float(uint32_t bits) {
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

/* ---- small floats ---- */

enum { F32_MANTISSA = 23, F32_INFINITY = 0x7f800000, SMALL_BIAS = 15, F32_BIAS = 127 };

uint32_t sg_small_float_widen(uint32_t bits, uint32_t mantissa_bits, bool is_signed) {
    uint32_t sign = is_signed ? bits >> (mantissa_bits + 5) & 1 : 0;
    uint32_t exponent = bits >> mantissa_bits & 31;
    uint32_t mantissa = bits & ((1u << mantissa_bits) - 1);
    uint32_t result;
    if (exponent == 31)
        result = F32_INFINITY | mantissa << (F32_MANTISSA - mantissa_bits);
    else if (exponent == 0)
        result = float_bits(ldexpf((float)mantissa, 1 - SMALL_BIAS - (int)mantissa_bits));
    else
        result = (exponent + F32_BIAS - SMALL_BIAS) << F32_MANTISSA |
                 mantissa << (F32_MANTISSA - mantissa_bits);
    return sign << 31 | result;
}

uint32_t sg_small_float_narrow(uint32_t f32, uint32_t mantissa_bits, bool is_signed) {
    uint32_t magnitude = f32 & 0x7fffffff, drop = F32_MANTISSA - mantissa_bits;
    uint32_t sign = is_signed ? f32 >> 31 << (mantissa_bits + 5) : 0;
    uint32_t infinity = 31u << mantissa_bits;
    if (magnitude > F32_INFINITY)
        return sign | infinity | 1u << (mantissa_bits - 1);
    if (!is_signed && f32 >> 31)
        return 0;
    uint32_t exponent = magnitude >> F32_MANTISSA;
    uint64_t value = magnitude;
    if (exponent < F32_BIAS - SMALL_BIAS + 1) { // subnormal there: the hidden one appears
        uint32_t more = F32_BIAS - SMALL_BIAS + 1 - exponent;
        if (more > F32_MANTISSA + 1)
            return sign;
        value = (magnitude & 0x7fffff) | 1u << F32_MANTISSA;
        drop += more;
    } else {
        value -= (uint64_t)(F32_BIAS - SMALL_BIAS) << F32_MANTISSA;
    }
    uint64_t result = value >> drop, rest = value & ((1ull << drop) - 1), half = 1ull << (drop - 1);
    result += rest > half || (rest == half && result & 1);
    return sign | (result > infinity ? infinity : (uint32_t)result);
}

/* ---- one component ---- */

static uint32_t mask_of(uint32_t bits) {
    return bits == 32 ? UINT32_MAX : (1u << bits) - 1;
}

static int32_t sign_extend(uint32_t raw, uint32_t bits) {
    return (int32_t)(raw << (32 - bits)) >> (32 - bits);
}

static float srgb_to_linear(float x) {
    return x <= 0.04045f ? x / 12.92f : powf((x + 0.055f) / 1.055f, 2.4f);
}

static float linear_to_srgb(float x) {
    return x <= 0.0031308f ? x * 12.92f : 1.055f * powf(x, 1 / 2.4f) - 0.055f;
}

static uint32_t widen_float(uint32_t raw, uint32_t bits) {
    if (bits == 32)
        return raw;
    return bits == 16 ? sg_small_float_widen(raw, 10, true)
                      : sg_small_float_widen(raw, bits - 5, false);
}

static uint32_t narrow_float(uint32_t value, uint32_t bits) {
    if (bits == 32)
        return value;
    return bits == 16 ? sg_small_float_narrow(value, 10, true)
                      : sg_small_float_narrow(value, bits - 5, false);
}

static uint32_t unpack_one(enum sg_number number, uint32_t raw, uint32_t bits) {
    double highest = mask_of(bits), positive = mask_of(bits) >> 1;
    double value = sign_extend(raw, bits);
    switch (number) {
    case SG_NUMBER_SRGB:
        return float_bits(srgb_to_linear((float)(raw / highest)));
    case SG_NUMBER_UNORM:
        return float_bits((float)(raw / highest));
    case SG_NUMBER_SNORM: // both lowest values are -1
        return float_bits((float)(positive > 0 && value >= -positive ? value / positive : -1));
    case SG_NUMBER_USCALED:
        return float_bits((float)raw);
    case SG_NUMBER_SSCALED:
        return float_bits((float)value);
    case SG_NUMBER_SINT:
        return (uint32_t)sign_extend(raw, bits);
    case SG_NUMBER_FLOAT:
        return bits < 10 || bits == 24 ? float_bits((float)(raw / highest))
                                       : widen_float(raw, bits);
    case SG_NUMBER_UINT:
        break;
    }
    return raw;
}

/* In doubles, which hold every 32-bit integer. */
static uint32_t pack_fixed(float value, double scale, double low, double high) {
    double scaled = isnan(value) ? 0 : rint(value * scale);
    scaled = scaled < low ? low : scaled > high ? high : scaled;
    return (uint32_t)(int64_t)scaled;
}

static uint32_t pack_one(enum sg_number number, uint32_t value, uint32_t bits) {
    uint32_t mask = mask_of(bits);
    double highest = mask, positive = mask >> 1;
    int32_t integer = (int32_t)value, limit = (int32_t)(mask >> 1);
    float real = bits_float(value);
    switch (number) {
    case SG_NUMBER_SRGB:
        return pack_fixed(linear_to_srgb(real), highest, 0, highest);
    case SG_NUMBER_UNORM:
        return pack_fixed(real, highest, 0, highest);
    case SG_NUMBER_SNORM:
        return pack_fixed(real, positive, -positive, positive) & mask;
    case SG_NUMBER_USCALED:
        return pack_fixed(truncf(real), 1, 0, highest);
    case SG_NUMBER_SSCALED:
        return pack_fixed(truncf(real), 1, -positive - 1, positive) & mask;
    case SG_NUMBER_SINT:
        integer = integer > limit ? limit : integer < -limit - 1 ? -limit - 1 : integer;
        return (uint32_t)integer & mask;
    case SG_NUMBER_FLOAT:
        return bits < 10 || bits == 24 ? pack_fixed(real, highest, 0, highest)
                                       : narrow_float(value, bits);
    case SG_NUMBER_UINT:
        break;
    }
    return value > mask ? mask : value;
}

/* The fourth component of sRGB is linear. */
static enum sg_number number_of(enum sg_number number, uint32_t component) {
    return number == SG_NUMBER_SRGB && component == 3 ? SG_NUMBER_UNORM : number;
}

/* ---- texels ---- */

void sg_texel_unpack(const struct sg_texel_format *format, enum sg_number number,
                     const uint8_t *bytes, uint32_t out[4]) {
    uint32_t at = 0;
    for (uint32_t i = 0; i < 4; i++) {
        uint32_t bits = format->bits[i];
        uint64_t raw = 0;
        if (i >= format->count) {
            out[i] = i < 3 ? 0 : sg_number_is_float(number) ? float_bits(1) : 1;
            continue;
        }
        memcpy(&raw, bytes + at / 8, (at % 8 + bits + 7) / 8);
        out[i] = unpack_one(number_of(number, i), (uint32_t)(raw >> at % 8) & mask_of(bits), bits);
        at += bits;
    }
}

void sg_texel_pack(const struct sg_texel_format *format, enum sg_number number,
                   const uint32_t in[4], uint8_t *bytes) {
    uint32_t at = 0;
    memset(bytes, 0, format->bytes);
    for (uint32_t i = 0; i < format->count; i++) {
        uint64_t part = 0;
        uint32_t bits = format->bits[i], touched = (at % 8 + bits + 7) / 8;
        memcpy(&part, bytes + at / 8, touched);
        part |= (uint64_t)pack_one(number_of(number, i), in[i], bits) << at % 8;
        memcpy(bytes + at / 8, &part, touched);
        at += bits;
    }
}

uint32_t sg_texel_narrow(enum sg_number number, uint32_t value) {
    return sg_number_is_float(number) ? sg_small_float_narrow(value, 10, true) : value & 0xffff;
}

uint32_t sg_texel_widen(enum sg_number number, uint32_t half) {
    if (sg_number_is_float(number))
        return sg_small_float_widen(half & 0xffff, 10, true);
    return number == SG_NUMBER_SINT ? (uint32_t)(int32_t)(int16_t)half : half & 0xffff;
}

uint32_t sg_texel_select(uint32_t select, enum sg_number number, const uint32_t texel[4]) {
    if (select >= 4)
        return texel[select - 4];
    return select == 0 ? 0 : sg_number_is_float(number) ? float_bits(1) : 1;
}

void sg_texel_unselect(const uint8_t select[4], const uint32_t in[4], uint32_t texel[4]) {
    memset(texel, 0, 4 * sizeof *texel);
    for (uint32_t i = 4; i-- > 0;)
        if (select[i] >= 4)
            texel[select[i] - 4] = in[i];
}
