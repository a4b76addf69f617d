/* SPDX-License-Identifier: MIT */
#include "opencl_want.h"
#include <math.h>
#include <stddef.h>
#include <string.h>

static uint32_t float_bits(float value) {
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

static uint32_t half_bits(_Float16 value) {
    uint16_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

static uint32_t group_start(uint32_t i) {
    return i / WANT_GROUP * WANT_GROUP;
}

static uint32_t local_reverse(uint32_t i, const uint32_t *in) {
    return in[group_start(i) + WANT_GROUP - 1 - i % WANT_GROUP];
}

static uint32_t group_functions(uint32_t i, const uint32_t *in) {
    uint32_t first = group_start(i), sum = 0, most = 0, before = 0;
    for (uint32_t k = first; k < first + WANT_GROUP; k++) {
        uint32_t value = in[k] & 0xff;
        sum += value;
        most = value > most ? value : most;
        before += k < i ? value : 0;
    }
    return sum + 3 * most + 5 * before + 7 * (in[first + 5] & 0xff) + (1u << 30);
}

static uint32_t sub_groups(uint32_t i, const uint32_t *in) {
    uint32_t first = i / 64 * 64, sum = 0, upto = 0;
    for (uint32_t k = first; k < first + 64; k++) {
        sum += in[k] & 0xffff;
        upto += k <= i ? in[k] & 0xffff : 0;
    }
    uint32_t where = i % 64 + 100 * (i % WANT_GROUP / 64) + 1000 * 64 + 100000 * (WANT_GROUP / 64);
    return sum + 3 * upto + 5 * (in[first + 3] & 0xffff) + 7 * where;
}

static uint32_t local_atomics(uint32_t i, const uint32_t *in) {
    uint32_t sum = 0, most = 0, least = UINT32_MAX, bits = 0;
    uint64_t wide = 0;
    for (uint32_t k = group_start(i); k < group_start(i) + WANT_GROUP; k++) {
        sum += in[k] & 0xff;
        wide += (uint64_t)in[k] << 20;
        most = in[k] > most ? in[k] : most;
        least = in[k] < least ? in[k] : least;
        bits ^= in[k];
    }
    return sum + 3 * most + 5 * least + 7 * bits + 11 * (uint32_t)(wide >> 20);
}

static uint32_t one(uint32_t i, const uint32_t *in) {
    (void)i, (void)in;
    return 1;
}

static uint32_t zero(uint32_t i, const uint32_t *in) {
    (void)i, (void)in;
    return 0;
}

static uint32_t vectors(uint32_t i, const uint32_t *in) {
    float a[4], wide[16], chosen[4], sum = 0;
    uint32_t bytes = 0, any = 0;
    for (int k = 0; k < 4; k++) {
        a[k] = (float)(in[4 * (i % (WANT_COUNT / 4)) + (uint32_t)k] & 0xff);
        wide[k] = a[k];
        wide[4 + k] = a[k] + 1;
        wide[8 + k] = a[k] * 2;
        wide[12 + k] = a[k] - 3;
    }
    for (int k = 0; k < 16; k += 2)
        wide[k] += wide[k + 1];
    const float both[8] = {a[0], a[1], a[2], a[3], wide[8], wide[9], wide[10], wide[11]};
    const int mask[4] = {7, 0, 5, 2};
    for (int k = 0; k < 4; k++) {
        float mixed = both[mask[k]];
        any |= a[k] < mixed;
        chosen[k] = a[k] < mixed ? mixed : a[k];
        sum += chosen[k];
        float scaled = rintf(chosen[k] * 3.5f);
        bytes |= (uint32_t)(scaled > 255 ? 255 : scaled < 0 ? 0 : scaled) << 8 * k;
    }
    sum += a[0] + a[1] * 2 + a[2] * 3 + wide[0] + wide[15];
    return (uint32_t)sum + bytes + (any ? 1u << 31 : 0);
}

static uint32_t rotate(uint32_t value, uint32_t by) {
    return value << by | value >> ((32 - by) & 31);
}

static uint32_t saturated(uint64_t value) {
    return value > UINT32_MAX ? UINT32_MAX : (uint32_t)value;
}

static int32_t signed24(uint32_t value) {
    return (int32_t)(value & 0xfff);
}

static uint32_t integers(uint32_t i, const uint32_t *in) {
    uint32_t a = in[i], b = a * 2654435761u + 1;
    uint32_t result = (uint32_t)((uint64_t)a * b >> 32) ^ rotate(a, b & 31) ^
                      (uint32_t)(__builtin_clz(a | 1) + __builtin_popcount(b));
    uint64_t both = (uint64_t)a + b;
    result += (uint32_t)(both >> 1) + (uint32_t)((both + 1) >> 1) + (a > b ? a - b : b - a);
    result += saturated(both) + (a > b ? a - b : 0);
    result ^= (uint32_t)(signed24(a) * signed24(b) + 77) + ((a & ~0x0f0f0f0fu) | (b & 0x0f0f0f0fu));
    uint64_t wide = ((uint64_t)a << 32 | b) / ((b >> 8) + 1);
    int64_t low = (int64_t)(int32_t)a % ((int32_t)(b & 0xff) + 3);
    result += (uint32_t)wide ^ (uint32_t)(wide >> 32) ^ (uint32_t)low;
    return result + (uint32_t)(((__int128)((int64_t)a << 20) * ((int64_t)b << 20)) >> 64);
}

static uint32_t halves(uint32_t i, const uint32_t *in) {
    _Float16 x = (_Float16)((float)(in[i] & 0xff) * 0.25f);
    _Float16 y = (_Float16)((float)(in[i] >> 8 & 0xff) * 0.5f);
    _Float16 first = (_Float16)((float)x + 1), second = (_Float16)((float)y + 2);
    first = (_Float16)((float)first + 0.5f);
    return half_bits((_Float16)((float)first * 2 + (float)second)) | half_bits(first) << 16;
}

static uint32_t doubles(uint32_t i, const uint32_t *in) {
    double x = in[i] * 0x1p-20 + 0.5;
    double quotient = fma(x, x, -1.0) / sqrt(x);
    double y = quotient + floor(x) - rint(x * 0.5) + fmin(x, 3.0);
    uint64_t bits;
    memcpy(&bits, &y, sizeof bits);
    return (uint32_t)bits ^ (uint32_t)(bits >> 32);
}

static uint32_t async_copies(uint32_t i, const uint32_t *in) {
    uint32_t first = group_start(i), me = i % WANT_GROUP;
    return in[first + (me + 1) % WANT_GROUP] + in[first + me / 2 * 2];
}

static uint32_t generic_pointers(uint32_t i, const uint32_t *in) {
    uint32_t me = i % WANT_GROUP;
    uint32_t value = me % 3 == 0 ? in[i] : me % 3 == 1 ? in[i] + 1 : in[i] + (in[i] & 3);
    return value + 3 + (me & 7) * (me & 7) + 1000 + (me % 3 == 1 ? 1u << 31 : 0);
}

static uint32_t maths(uint32_t i, const uint32_t *in) {
    double x = (float)(in[i] & 0xfff) * 0.01f + 0.01f;
    const double of[16] = {sin(x),   cos(x),         tan(x),        exp(-x),
                           log(x),   pow(x, 1.7f),   atan2(x, 3.0), cbrt(x),
                           erf(x),   lgamma(x),      hypot(x, 2.0), fmod(x, (double)0.7f),
                           log1p(x), sinh(x * 0.1f), 1 / sqrt(x),   ldexp(x, 5)};
    return float_bits((float)of[i % 16]);
}

const struct want_case want_cases[] = {
    {.kernel = "local_reverse", .want = local_reverse},
    {.kernel = "group_functions", .want = group_functions, .optimized_only = true},
    {.kernel = "sub_groups", .want = sub_groups, .optimized_only = true},
    {.kernel = "local_atomics", .want = local_atomics},
    {.kernel = "global_atomics", .want = one},
    {.kernel = "vectors", .want = vectors},
    {.kernel = "integers", .want = integers},
    {.kernel = "halves", .want = halves},
    {.kernel = "doubles", .want = doubles},
    {.kernel = "async_copies", .want = async_copies},
    {.kernel = "generic_pointers", .want = generic_pointers},
    {.kernel = "maths", .want = maths, .ulp = 64},
    {.kernel = "printed", .want = zero},
    {.kernel = NULL},
};
