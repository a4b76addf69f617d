/* SPDX-License-Identifier: MIT */
/// Arithmetic of single lanes that C has no operator for. Everything is branch-free where it is
/// hot, so that the loops over lanes vectorise, and exact on every interpreter level: no libm
/// function whose result depends on the host takes part (but f64 FMA without hardware FMA, which is
/// exact).
#ifndef SG_ISA_NUMERIC_H
#define SG_ISA_NUMERIC_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#ifndef SG_INLINE
#    define SG_INLINE static inline __attribute__((always_inline))
#endif

SG_INLINE uint32_t f32_bits(float x) {
    uint32_t u;
    memcpy(&u, &x, sizeof u);
    return u;
}
SG_INLINE float f32_from(uint32_t u) {
    float x;
    memcpy(&x, &u, sizeof x);
    return x;
}
SG_INLINE uint64_t f64_bits(double x) {
    uint64_t u;
    memcpy(&u, &x, sizeof u);
    return u;
}
SG_INLINE double f64_from(uint64_t u) {
    double x;
    memcpy(&x, &u, sizeof x);
    return x;
}

SG_INLINE bool f32_is_nan(float x) {
    return (f32_bits(x) & 0x7fffffff) > 0x7f800000;
}
SG_INLINE bool f64_is_nan(double x) {
    return (f64_bits(x) & INT64_MAX) > 0x7ff0000000000000;
}
SG_INLINE bool f32_is_snan(float x) {
    return f32_is_nan(x) && (f32_bits(x) & 0x00400000) == 0;
}
SG_INLINE bool f64_is_snan(double x) {
    return f64_is_nan(x) && (f64_bits(x) & 0x0008000000000000) == 0;
}
SG_INLINE float f32_quiet(float x) {
    return f32_is_nan(x) ? f32_from(f32_bits(x) | 0x00400000) : x;
}
SG_INLINE double f64_quiet(double x) {
    return f64_is_nan(x) ? f64_from(f64_bits(x) | 0x0008000000000000) : x;
}
SG_INLINE float f32_abs(float x) {
    return f32_from(f32_bits(x) & 0x7fffffff);
}
SG_INLINE double f64_abs(double x) {
    return f64_from(f64_bits(x) & INT64_MAX);
}

/* ---- several NaNs: the first source's is the result, made quiet ---- */

/* AVX keeps the first operand's NaN, and clang the operands' order where rows are added, multiplied
 * and fused (tests/softgpu/isa/nans_test.c watches it). Elsewhere the lanes choose. */
#if defined(__clang__) && defined(__AVX2__)
enum { SG_KEEPS_FIRST_NAN = 1 };
#else
enum { SG_KEEPS_FIRST_NAN = 0 };
#endif
#define SG_FIRST_NAN(type, f, quiet_bit)                                                           \
    /** r, or a NaN of a or b. */                                                                  \
    SG_INLINE type f##_first_nan(type a, type b, type r) {                                         \
        r = b != b ? f##_from(f##_bits(b) | (quiet_bit)) : r;                                      \
        return a != a ? f##_from(f##_bits(a) | (quiet_bit)) : r;                                   \
    }                                                                                              \
    SG_INLINE type f##_first_nan3(type a, type b, type c, type r) {                                \
        r = c != c ? f##_from(f##_bits(c) | (quiet_bit)) : r;                                      \
        return f##_first_nan(a, b, r);                                                             \
    }                                                                                              \
    SG_INLINE type add_##f(type a, type b) {                                                       \
        return SG_KEEPS_FIRST_NAN ? a + b : f##_first_nan(a, b, a + b);                            \
    }                                                                                              \
    SG_INLINE type mul_##f(type a, type b) {                                                       \
        return SG_KEEPS_FIRST_NAN ? a * b : f##_first_nan(a, b, a * b);                            \
    }
SG_FIRST_NAN(float, f32, 0x00400000u)
SG_FIRST_NAN(double, f64, 0x0008000000000000u)
#undef SG_FIRST_NAN
/// Halves as floats, yet to be rounded.
SG_INLINE float add_f16(float a, float b) {
    return f32_first_nan(a, b, a + b);
}
SG_INLINE float mul_f16(float a, float b) {
    return f32_first_nan(a, b, a * b);
}

/* ---- half precision ---- */

/// Exact. A signalling NaN stays signalling.
SG_INLINE float f16_to_f32(uint32_t h) {
    uint32_t magnitude = h & 0x7fff;
    uint32_t bits = (magnitude << 13) + 0x38000000;
    bits = magnitude >= 0x7c00 ? bits + 0x38000000 : bits;
    bits = magnitude < 0x0400 ? f32_bits((float)(int32_t)magnitude * 0x1p-24f) : bits;
    return f32_from(bits | (h & 0x8000) << 16);
}

/// Round to nearest even; NaNs become quiet and keep the payload's top.
SG_INLINE uint32_t f32_to_f16(float x) {
    uint32_t u = f32_bits(x);
    uint32_t magnitude = u & 0x7fffffff;
    uint32_t normal = (magnitude - 0x38000000 + 0xfff + (magnitude >> 13 & 1)) >> 13;
    /* Adding 0.5 aligns the unit in the last place to 2^-24. */
    uint32_t tiny = f32_bits(f32_from(magnitude) + 0.5f) - 0x3f000000;
    uint32_t r = magnitude < 0x38800000 ? tiny : normal;
    r = magnitude >= 0x477ff000 ? 0x7c00 : r;
    r = magnitude > 0x7f800000 ? 0x7e00 | (magnitude >> 13 & 0x3ff) : r;
    return r | (u >> 16 & 0x8000);
}

/// Round toward zero.
SG_INLINE uint32_t f32_to_f16_rtz(float x) {
    uint32_t u = f32_bits(x);
    uint32_t magnitude = u & 0x7fffffff;
    uint32_t normal = (magnitude - 0x38000000) >> 13;
    uint32_t shift = 126 - (magnitude >> 23);
    uint32_t tiny = shift < 32 ? ((magnitude & 0x7fffff) | 0x800000) >> shift : 0;
    uint32_t r = magnitude < 0x38800000 ? tiny : normal;
    r = magnitude >= 0x47800000 ? 0x7bff : r;
    r = magnitude == 0x7f800000 ? 0x7c00 : r;
    r = magnitude > 0x7f800000 ? 0x7e00 | (magnitude >> 13 & 0x3ff) : r;
    return r | (u >> 16 & 0x8000);
}

/// The same under MODE's rounding, whatever the host's: for modes other than round to nearest.
SG_INLINE uint32_t f32_to_f16_directed(float x, uint32_t round) {
    enum { ROUND_UP = 1, ROUND_DOWN = 2 };
    uint32_t u = f32_bits(x), magnitude = u & 0x7fffffff, negative = u >> 31;
    uint32_t exponent = magnitude >> 23;
    uint32_t m = (magnitude & 0x7fffff) | (exponent ? 0x800000 : 0);
    uint32_t shift = exponent < 113 ? 126 - exponent : 13; // denormals align to 2^-24
    shift = shift > 31 ? 31 : shift;
    uint32_t base = exponent < 113 ? 0 : (exponent - 113) << 10;
    bool away = (m & ((1u << shift) - 1)) != 0 && round == (negative ? ROUND_DOWN : ROUND_UP);
    uint32_t r = base + (m >> shift) + away;
    uint32_t huge = round == (negative ? ROUND_DOWN : ROUND_UP) ? 0x7c00 : 0x7bff;
    r = magnitude >= 0x477fe000 && r >= 0x7c00 ? huge : r;
    r = magnitude >= 0x47800000 ? huge : r;
    r = magnitude == 0x7f800000 ? 0x7c00 : r;
    r = magnitude > 0x7f800000 ? 0x7e00 | (magnitude >> 13 & 0x3ff) : r;
    return r | negative << 15;
}

/* Half precision under the bits of MODE that matter to it: rounding 3:2, denormals 7:6. The usual
 * ones are a constant, so that nothing is left of them. */
enum { SG_HALF_DEFAULT = 0xc0, SG_HALF_BITS = 0xcc, SG_HALF_FLUSH = 0x0c };
SG_INLINE uint32_t half_flushed(uint32_t h, bool flush) {
    return flush && (h & 0x7c00) == 0 ? h & 0x8000 : h;
}
SG_INLINE uint32_t half_bits(float x, uint32_t mode) {
    uint32_t r = mode & 0xc ? f32_to_f16_directed(x, mode >> 2 & 3) : f32_to_f16(x);
    return half_flushed(r, !(mode & 0x80));
}
SG_INLINE float half_value(uint32_t h, uint32_t mode) {
    return f16_to_f32(half_flushed(h, !(mode & 0x40)));
}
/// a * b + c with two roundings; denormals are zeros.
SG_INLINE float mad_f16(float a, float b, float c, uint32_t mode) {
    mode &= SG_HALF_FLUSH;
    float x = half_value(half_bits(a, mode), mode), y = half_value(half_bits(b, mode), mode);
    float product = half_value(half_bits(x * y, mode), mode);
    float sum = product + half_value(half_bits(c, mode), mode);
    return f32_first_nan3(a, b, c, f16_to_f32(half_bits(sum, mode)));
}

/// To the nearest float, but an inexact result gets an odd last bit: a second, narrower rounding
/// then gives what one rounding would have given.
SG_INLINE float f64_to_f32_odd(double x) {
    float f = (float)x;
    uint32_t bits = f32_bits(f);
    double back = (double)f;
    bits = f64_abs(back) > f64_abs(x) ? bits - 1 : bits;
    bits = back != x && !f64_is_nan(x) ? bits | 1 : bits;
    return f32_from(bits);
}
SG_INLINE uint32_t f64_to_f16(double x) {
    return f32_to_f16(f64_to_f32_odd(x));
}

/* ---- fused multiply-add ---- */

/// a * b + c in double with the last bit odd if inexact: enough to round correctly to float.
SG_INLINE double fma_f32_odd(float a, float b, float c) {
    double p = (double)a * (double)b; // exact
    double s = p + (double)c;
    double t = s - p;
    double error = (p - (s - t)) + ((double)c - t);
    uint64_t bits = f64_bits(s);
    uint64_t toward = (error > 0) == (s > 0) ? bits : bits - 1;
    return error == error && error != 0 ? f64_from(toward | 1) : s;
}
SG_INLINE float fma_f32(float a, float b, float c) {
#ifdef __FMA__
    float r = __builtin_fmaf(a, b, c);
#else
    float r = (float)fma_f32_odd(a, b, c);
#endif
    return SG_KEEPS_FIRST_NAN ? r : f32_first_nan3(a, b, c, r);
}
SG_INLINE double fma_f64(double a, double b, double c) {
    double r = __builtin_fma(a, b, c);
    return SG_KEEPS_FIRST_NAN ? r : f64_first_nan3(a, b, c, r);
}
/// Yet to be rounded to half precision. The double sum is exact or far from a tie.
SG_INLINE float fma_f16(float a, float b, float c) {
    return f32_first_nan3(a, b, c, f64_to_f32_odd((double)a * (double)b + (double)c));
}
SG_INLINE float f32_flushed(float x) {
    return f32_from(f32_bits(x) & ((f32_bits(x) & 0x7f800000) == 0 ? 0x80000000 : ~0u));
}
/// a * b + c with two roundings; denormals are zeros.
SG_INLINE float mad_f32(float a, float b, float c) {
    float product = f32_flushed(f32_flushed(a) * f32_flushed(b));
    return f32_first_nan3(a, b, c, f32_flushed(product + f32_flushed(c)));
}

/* ---- minimum, maximum (NaN and signed-zero rules of the manual) ---- */

#define SG_MINMAX(type, f, uint, name, op, zero_op)                                                \
    SG_INLINE type name(type a, type b, bool ieee) {                                               \
        uint ua = f##_bits(a), ub = f##_bits(b);                                                   \
        type r = a op b ? a : b;                                                                   \
        r = a == b ? f##_from(ua zero_op ub) : r; /* equal means same bits, or both zero */        \
        r = f##_is_nan(b) ? a : r;                                                                 \
        r = f##_is_nan(a) ? b : r;                                                                 \
        r = ieee && f##_is_snan(b) ? f##_quiet(b) : r;                                             \
        return ieee && f##_is_snan(a) ? f##_quiet(a) : r;                                          \
    }
SG_MINMAX(float, f32, uint32_t, min_f32, <, |)
SG_MINMAX(float, f32, uint32_t, max_f32, >, &)
SG_MINMAX(double, f64, uint64_t, min_f64, <, |)
SG_MINMAX(double, f64, uint64_t, max_f64, >, &)
#undef SG_MINMAX

SG_INLINE float med3_f32(float a, float b, float c, bool ieee) {
    float most = max_f32(max_f32(a, b, ieee), c, ieee);
    float r = most == b ? max_f32(a, c, ieee) : max_f32(a, b, ieee);
    r = most == a ? max_f32(b, c, ieee) : r;
    return f32_is_nan(a) || f32_is_nan(b) || f32_is_nan(c) ? min_f32(min_f32(a, b, ieee), c, ieee)
                                                           : r;
}

/* ---- rounding to integers, whatever the host's rounding mode ---- */

#define SG_ROUND_EVEN(type, name, truncate, copysign)                                              \
    SG_INLINE type name(type x) {                                                                  \
        type t = truncate(x);                                                                      \
        type rest = x - t < 0 ? t - x : x - t;                                                     \
        bool odd = truncate(t * (type)0.5) != t * (type)0.5;                                       \
        type r = rest > (type)0.5 || (rest == (type)0.5 && odd) ? t + copysign((type)1, x) : t;    \
        return copysign(r, x); /* vectorised, t may have been added to -0 under round-down */      \
    }
SG_ROUND_EVEN(float, round_even_f32, __builtin_truncf, __builtin_copysignf)
SG_ROUND_EVEN(double, round_even_f64, __builtin_trunc, __builtin_copysign)
#undef SG_ROUND_EVEN

/* ---- conversions ---- */

SG_INLINE int32_t f32_to_i32(float x) {
    float in_range = x > -0x1p31f && x < 0x1p31f ? x : 0.0f;
    int32_t r = (int32_t)in_range;
    r = x >= 0x1p31f ? INT32_MAX : r;
    return x <= -0x1p31f ? INT32_MIN : r;
}
SG_INLINE uint32_t f32_to_u32(float x) {
    float in_range = x > 0.0f && x < 0x1p32f ? x : 0.0f;
    bool high = in_range >= 0x1p31f;
    uint32_t r =
        (uint32_t)(int32_t)(high ? in_range - 0x1p31f : in_range) ^ (high ? 0x80000000u : 0);
    return x >= 0x1p32f ? UINT32_MAX : r;
}
SG_INLINE int32_t f64_to_i32(double x) {
    double in_range = x > -2147483649.0 && x < 0x1p31 ? x : 0.0;
    int32_t r = (int32_t)in_range;
    r = x >= 0x1p31 ? INT32_MAX : r;
    return x <= -2147483649.0 ? INT32_MIN : r;
}
SG_INLINE uint32_t f64_to_u32(double x) {
    double in_range = x > 0.0 && x < 0x1p32 ? x : 0.0;
    bool high = in_range >= 0x1p31;
    uint32_t r =
        (uint32_t)(int32_t)(high ? in_range - 0x1p31 : in_range) ^ (high ? 0x80000000u : 0);
    return x >= 0x1p32 ? UINT32_MAX : r;
}
SG_INLINE int32_t clamp_i32(int32_t x, int32_t low, int32_t high) {
    return x < low ? low : x > high ? high : x;
}
SG_INLINE int32_t clamp_i64(int64_t x, int64_t low, int64_t high) {
    return (int32_t)(x < low ? low : x > high ? high : x);
}
/// [-1, 1] to [-32767, 32767] and [0, 1] to [0, 65535]; NaN gives 0.
SG_INLINE uint32_t f32_to_snorm16(float x) {
    float c = x > -1.0f ? x : -1.0f;
    c = c < 1.0f ? c : 1.0f;
    c = x == x ? c : 0.0f;
    return (uint32_t)(int32_t)round_even_f64((double)c * 32767.0) & 0xffff;
}
SG_INLINE uint32_t f32_to_unorm16(float x) {
    float c = x > 0.0f ? x : 0.0f;
    c = c < 1.0f ? c : 1.0f;
    return (uint32_t)(int32_t)round_even_f64((double)c * 65535.0);
}

/* ---- exponents ---- */

/// A power of two, n in [-1022, 1023].
SG_INLINE double exp2_int(int32_t n) {
    return f64_from((uint64_t)(int64_t)(n + 1023) << 52);
}
SG_INLINE float ldexp_f32(float x, int32_t n) {
    return (float)((double)x * exp2_int(clamp_i32(n, -300, 300))); // one rounding
}
/// Yet to be rounded to half precision.
SG_INLINE float ldexp_f16(float x, int32_t n) {
    return f64_to_f32_odd((double)x * exp2_int(clamp_i32(n, -100, 100)));
}
SG_INLINE double ldexp_f64(double x, int32_t n) {
    /* Steps that keep all bits until the last one. */
    n = clamp_i32(n, -2200, 2200);
    for (int step = 0; step < 2; step++) {
        int32_t part = n > 1023 ? 1023 : n < -1022 ? -969 : 0;
        x *= exp2_int(part);
        n -= part;
    }
    return x * exp2_int(clamp_i32(n, -1022, 1023));
}
SG_INLINE int32_t f32_exponent(float x) {
    return (int32_t)(f32_bits(x) >> 23 & 255);
}
SG_INLINE int32_t f64_exponent(double x) {
    return (int32_t)(f64_bits(x) >> 52 & 2047);
}
/// Exponent e and mantissa m in [0.5, 1) with x = m * 2^e; 0 and x for zero, infinity, NaN.
SG_INLINE int32_t frexp_exp_f64(double x) {
    uint64_t fraction = f64_bits(x) & 0xfffffffffffff;
    int32_t e = f64_exponent(x);
    int32_t tiny = f64_exponent((double)(int64_t)fraction) - 1074 - 1022;
    int32_t r = e == 0 ? tiny : e - 1022;
    r = e == 0 && fraction == 0 ? 0 : r;
    return e == 2047 ? 0 : r;
}
SG_INLINE double frexp_mant_f64(double x) {
    uint64_t sign = f64_bits(x) & (1ull << 63);
    uint64_t fraction = f64_bits(x) & 0xfffffffffffff;
    int32_t e = f64_exponent(x);
    uint64_t bits = e == 0 ? f64_bits((double)(int64_t)fraction) & 0xfffffffffffff : fraction;
    double r = f64_from(sign | 0x3fe0000000000000 | bits);
    r = e == 0 && fraction == 0 ? x : r;
    return e == 2047 ? f64_quiet(x) : r;
}
SG_INLINE int32_t frexp_exp_f32(float x) {
    /* The fraction of a denormal as an integer: independent of the denormal mode. */
    uint32_t fraction = f32_bits(x) & 0x7fffff;
    int32_t e = f32_exponent(x);
    int32_t tiny = f32_exponent((float)(int32_t)fraction) - 149 - 126;
    int32_t r = e == 0 ? tiny : e - 126;
    r = e == 0 && fraction == 0 ? 0 : r;
    return e == 255 ? 0 : r;
}
SG_INLINE float frexp_mant_f32(float x) {
    uint32_t fraction = f32_bits(x) & 0x7fffff;
    int32_t e = f32_exponent(x);
    uint32_t bits = e == 0 ? f32_bits((float)(int32_t)fraction) & 0x7fffff : fraction;
    float r = f32_from((f32_bits(x) & 0x80000000) | 0x3f000000 | bits);
    r = e == 0 && fraction == 0 ? x : r;
    return e == 255 ? f32_quiet(x) : r;
}

/* ---- division steps ---- */

/// Whether a quotient would be a denormal float, whatever the denormal mode.
SG_INLINE bool f32_quotient_tiny(float n, float d) {
    double q = f64_abs((double)n / (double)d);
    return q < 0x1p-126 && q > 0;
}
SG_INLINE float div_scale_f32(float x, float d, float n, uint32_t *post_scale) {
    bool is_d = f32_bits(x) == f32_bits(d);
    bool is_n = f32_bits(x) == f32_bits(n);
    bool d_tiny = f32_exponent(d) == 0;
    bool rcp_tiny = f32_exponent(d) >= 253 && f32_exponent(d) != 255;
    bool q_tiny = f32_quotient_tiny(n, d);
    bool q_huge = f32_exponent(n) - f32_exponent(d) >= 96;
    int32_t scale = f32_exponent(n) <= 23 ? 64 : 0;
    scale = q_tiny ? (is_n ? 64 : 0) : scale;
    scale = rcp_tiny ? -64 : scale;
    /* Both tiny: only the denominator moves, so that the quotient grows out of the denormals. */
    scale = rcp_tiny && q_tiny ? (is_d ? -64 : 0) : scale;
    scale = d_tiny ? 64 : scale;
    scale = q_huge ? (is_d ? 64 : 0) : scale;
    *post_scale = q_huge || (q_tiny && !d_tiny);
    float r = ldexp_f32(x, scale);
    bool zero = (f32_bits(n) << 1) == 0 || (f32_bits(d) << 1) == 0;
    *post_scale = zero ? 0 : *post_scale;
    return zero ? f32_from(0x7fc00000) : r;
}
SG_INLINE double div_scale_f64(double x, double d, double n, uint32_t *post_scale) {
    bool is_d = f64_bits(x) == f64_bits(d);
    bool is_n = f64_bits(x) == f64_bits(n);
    bool d_tiny = f64_exponent(d) == 0;
    bool rcp_tiny = f64_exponent(d) >= 2045 && f64_exponent(d) != 2047;
    double q = f64_abs(n / d);
    bool q_tiny = q < 0x1p-1022 && f64_exponent(n) - f64_exponent(d) < -1000;
    bool q_huge = f64_exponent(n) - f64_exponent(d) >= 768;
    int32_t scale = f64_exponent(n) <= 53 ? 128 : 0;
    scale = q_tiny ? (is_n ? 128 : 0) : scale;
    scale = rcp_tiny ? -128 : scale;
    scale = rcp_tiny && q_tiny ? (is_d ? -128 : 0) : scale;
    scale = d_tiny ? 128 : scale;
    scale = q_huge ? (is_d ? 128 : 0) : scale;
    bool zero = (f64_bits(n) << 1) == 0 || (f64_bits(d) << 1) == 0;
    *post_scale = !zero && (q_huge || (q_tiny && !d_tiny));
    return zero ? f64_from(0x7ff8000000000000) : ldexp_f64(x, scale);
}
/// The last step multiplies by 2^64 or 2^-64 (f64: 2^128) what div_scale had scaled: the size of
/// the quotient says which way. One rounding.
SG_INLINE float div_fmas_f32(float a, float b, float c, uint32_t post_scale) {
    double factor = f32_exponent(c) > 127 ? 0x1p64 : 0x1p-64;
    float plain = fma_f32(a, b, c);
    return post_scale ? (float)(fma_f32_odd(a, b, c) * factor) : plain;
}
SG_INLINE double div_fmas_f64(double a, double b, double c, uint32_t post_scale) {
    double r = fma_f64(a, b, c);
    return post_scale ? r * (f64_exponent(c) > 1023 ? 0x1p128 : 0x1p-128) : r;
}
#define SG_DIV_FIXUP(type, f, uint, name, max_exponent, least, inf, nan, sign_bit)                 \
    SG_INLINE type name(type q, type d, type n) {                                                  \
        uint sign = (f##_bits(d) ^ f##_bits(n)) & (sign_bit);                                      \
        uint ad = f##_bits(d) & ~(sign_bit), an = f##_bits(n) & ~(sign_bit);                       \
        uint r = f##_bits(q) & ~(sign_bit);                                                        \
        r = f##_is_nan(q) ? (inf) : r;                                                             \
        r = f##_exponent(n) - f##_exponent(d) < (least) ? 0 : r;                                   \
        r = ad == (inf) || an == 0 ? 0 : r;                                                        \
        r = ad == 0 || an == (inf) ? (inf) : r;                                                    \
        type signed_r = f##_from(r | sign);                                                        \
        bool invalid = (ad == 0 && an == 0) || (ad == (inf) && an == (inf));                       \
        signed_r = invalid ? f##_from(nan) : signed_r;                                             \
        signed_r = f##_is_nan(d) ? f##_quiet(d) : signed_r;                                        \
        return f##_is_nan(n) ? f##_quiet(n) : signed_r;                                            \
    }
SG_DIV_FIXUP(float, f32, uint32_t, div_fixup_f32, 255, -150, 0x7f800000u, 0xffc00000u, 1u << 31)
SG_DIV_FIXUP(double, f64, uint64_t, div_fixup_f64, 2047, -1075, 0x7ff0000000000000u,
             0xfff8000000000000u, 1ull << 63)
#undef SG_DIV_FIXUP
/* Halves as floats: the exponent rule has no room to apply. */
SG_INLINE float div_fixup_f16(float q, float d, float n) {
    return div_fixup_f32(q, d, n);
}

/* ---- fractions ---- */

SG_INLINE float fract_f32(float x) {
    float r = x - __builtin_floorf(x);
    r = r >= 1.0f ? 0x1.fffffep-1f : r;
    return x - x == 0 ? r : f32_quiet(x - x); // infinity and NaN give NaN
}
SG_INLINE double fract_f64(double x) {
    double r = x - __builtin_floor(x);
    r = r >= 1.0 ? 0x1.fffffffffffffp-1 : r;
    return x - x == 0 ? r : f64_quiet(x - x);
}
SG_INLINE float fract_f16(float x) {
    float r = x - __builtin_floorf(x);
    r = r > 0x1.ffcp-1f ? 0x1.ffcp-1f : r; // 1 - 2^-11
    return x - x == 0 ? r : f32_quiet(x - x);
}

/* ---- transcendentals: computed in double, rounded once ---- */

SG_INLINE double exp2_f64(double x) {
    double clamped = x > -1000.0 ? x : -1000.0; // a NaN becomes -1000 here and again NaN below
    clamped = clamped < 1000.0 ? clamped : 1000.0;
    double n = round_even_f64(clamped);
    double y = (clamped - n) * 0x1.62e42fefa39efp-1;
    double p = 1.0 / 39916800;
    p = p * y + 1.0 / 3628800;
    p = p * y + 1.0 / 362880;
    p = p * y + 1.0 / 40320;
    p = p * y + 1.0 / 5040;
    p = p * y + 1.0 / 720;
    p = p * y + 1.0 / 120;
    p = p * y + 1.0 / 24;
    p = p * y + 1.0 / 6;
    p = p * y + 0.5;
    p = p * y + 1.0;
    p = p * y + 1.0;
    return x == x ? p * exp2_int((int32_t)n) : f64_quiet(x);
}
SG_INLINE double log2_f64(double x) {
    uint64_t bits = f64_bits(x);
    int32_t e = f64_exponent(x) - 1023;
    double m = f64_from((bits & 0xfffffffffffff) | 0x3ff0000000000000);
    bool upper = m > 0x1.6a09e667f3bcdp+0; // sqrt(2)
    m = upper ? m * 0.5 : m;
    double t = (m - 1.0) / (m + 1.0);
    double u = t * t;
    double p = 1.0 / 21;
    p = p * u + 1.0 / 19;
    p = p * u + 1.0 / 17;
    p = p * u + 1.0 / 15;
    p = p * u + 1.0 / 13;
    p = p * u + 1.0 / 11;
    p = p * u + 1.0 / 9;
    p = p * u + 1.0 / 7;
    p = p * u + 1.0 / 5;
    p = p * u + 1.0 / 3;
    p = p * u + 1.0;
    double r = p * t * 0x1.71547652b82fep+1 + (double)(upper ? e + 1 : e);
    r = x == 0 ? -__builtin_inf() : r;
    r = x < 0 ? f64_from(0xfff8000000000000) : r;
    r = x == __builtin_inf() ? x : r;
    return x == x ? r : f64_quiet(x);
}
/// sin(2 pi r) for |r| <= 0.25.
SG_INLINE double sin_turns(double r) {
    double y = r * 0x1.921fb54442d18p+2;
    double u = y * y;
    double p = 1.0 / 51090942171709440000.0;
    p = p * u - 1.0 / 121645100408832000.0;
    p = p * u + 1.0 / 355687428096000.0;
    p = p * u - 1.0 / 1307674368000.0;
    p = p * u + 1.0 / 6227020800.0;
    p = p * u - 1.0 / 39916800;
    p = p * u + 1.0 / 362880;
    p = p * u - 1.0 / 5040;
    p = p * u + 1.0 / 120;
    p = p * u - 1.0 / 6;
    return y + y * u * p;
}
/// Sine and cosine of x turns.
SG_INLINE float sin_f32(float x) {
    double r = (double)x - round_even_f64((double)x);
    r = r > 0.25 ? 0.5 - r : r;
    r = r < -0.25 ? -0.5 - r : r;
    return x == 0 ? x : (float)sin_turns(r);
}
SG_INLINE float cos_f32(float x) {
    double r = (double)x - round_even_f64((double)x);
    return (float)sin_turns(0.25 - f64_abs(r));
}

/* ---- classes ---- */

#define SG_CLASS(type, f, name, infinity, sign_shift)                                              \
    SG_INLINE bool name(type x, uint32_t mask) {                                                   \
        uint32_t negative = (uint32_t)(f##_bits(x) >> (sign_shift)) & 1;                           \
        uint32_t bit = negative ? 3 : 8;                                                           \
        bool zero = (f##_bits(x) << 1) == 0;                                                       \
        bit = f##_exponent(x) == 0 ? (negative ? 4 : 7) : bit;                                     \
        bit = zero ? (negative ? 5 : 6) : bit;                                                     \
        bit = f##_exponent(x) == (infinity) ? (negative ? 2 : 9) : bit;                            \
        bit = f##_is_nan(x) ? (f##_is_snan(x) ? 0 : 1) : bit;                                      \
        return mask >> bit & 1;                                                                    \
    }
SG_CLASS(float, f32, class_f32, 255, 31)
SG_CLASS(double, f64, class_f64, 2047, 63)
#undef SG_CLASS
/// A half given as a float: its denormals are normal floats.
SG_INLINE bool class_f16(float x, uint32_t mask) {
    bool tiny = f32_abs(x) < 0x1p-14f && f32_abs(x) > 0;
    bool negative = f32_bits(x) >> 31;
    return tiny ? mask >> (negative ? 4 : 7) & 1 : class_f32(x, mask);
}

/* ---- integers ---- */

SG_INLINE uint32_t bits_reverse(uint32_t x) {
    x = (x >> 1 & 0x55555555) | (x & 0x55555555) << 1;
    x = (x >> 2 & 0x33333333) | (x & 0x33333333) << 2;
    x = (x >> 4 & 0x0f0f0f0f) | (x & 0x0f0f0f0f) << 4;
    x = (x >> 8 & 0x00ff00ff) | (x & 0x00ff00ff) << 8;
    return x >> 16 | x << 16;
}
SG_INLINE uint32_t bits_count(uint32_t x) {
    x -= x >> 1 & 0x55555555;
    x = (x & 0x33333333) + (x >> 2 & 0x33333333);
    return ((x + (x >> 4)) & 0x0f0f0f0f) * 0x01010101 >> 24;
}
SG_INLINE uint32_t find_high(uint32_t x) {
    return x ? (uint32_t)__builtin_clz(x) : ~0u;
}
SG_INLINE uint32_t find_low(uint32_t x) {
    return x ? (uint32_t)__builtin_ctz(x) : ~0u;
}
SG_INLINE int32_t sext24(uint32_t x) {
    return (int32_t)(x << 8) >> 8;
}
SG_INLINE int32_t sext16(uint32_t x) {
    return (int16_t)x;
}
SG_INLINE int32_t sext8(uint32_t x) {
    return (int8_t)x;
}
SG_INLINE int32_t sext4(uint32_t x) {
    return (int32_t)(x << 28) >> 28;
}
SG_INLINE uint32_t absdiff(uint32_t a, uint32_t b) {
    return a > b ? a - b : b - a;
}
/// Sum of the byte differences; with `masked`, bytes that are 0 in b do not count.
SG_INLINE uint32_t sad_u8(uint32_t a, uint32_t b, bool masked) {
    uint32_t sum = 0;
    for (uint32_t shift = 0; shift < 32; shift += 8) {
        uint32_t y = b >> shift & 255;
        sum += masked && y == 0 ? 0 : absdiff(a >> shift & 255, y);
    }
    return sum;
}
SG_INLINE uint64_t qsad_u16(uint64_t a, uint32_t b, uint64_t c, bool masked, bool clamp) {
    uint64_t r = 0;
    for (uint32_t i = 0; i < 4; i++) {
        uint32_t sum = sad_u8((uint32_t)(a >> (i * 8)), b, masked);
        sum += (uint32_t)(c >> (i * 16) & 0xffff);
        sum = clamp && sum > 0xffff ? 0xffff : sum & 0xffff;
        r |= (uint64_t)sum << (i * 16);
    }
    return r;
}
SG_INLINE uint32_t saturate_add(uint32_t a, uint32_t b, bool clamp) {
    uint32_t sum = a + b;
    return clamp && sum < a ? UINT32_MAX : sum;
}
/// *high is bit 64 of the exact sum.
SG_INLINE int64_t mad_i64_i32(int32_t a, int32_t b, int64_t c, uint32_t *high, bool clamp) {
    int64_t p = (int64_t)a * b;
    int64_t sum = (int64_t)((uint64_t)p + (uint64_t)c);
    bool overflow = ((p ^ sum) & (c ^ sum)) < 0;
    *high = overflow != (sum < 0);
    int64_t limit = c < 0 ? INT64_MIN : INT64_MAX;
    return clamp && overflow ? limit : sum;
}
SG_INLINE uint32_t f32_to_u8(float x) {
    float c = x > 0.0f ? x : 0.0f;
    return (uint32_t)(int32_t)(c < 255.0f ? c : 255.0f);
}
SG_INLINE uint32_t insert_byte(uint32_t word, uint32_t index, uint32_t byte) {
    uint32_t shift = (index & 3) * 8;
    return (word & ~(255u << shift)) | byte << shift;
}
SG_INLINE uint32_t lerp_u8(uint32_t a, uint32_t b, uint32_t c) {
    uint32_t r = 0;
    for (uint32_t shift = 0; shift < 32; shift += 8)
        r |= ((a >> shift & 255) + (b >> shift & 255) + (c >> shift & 1)) >> 1 << shift;
    return r;
}
SG_INLINE uint32_t perm_byte(uint64_t data, uint32_t sel) {
    uint32_t sign = (uint32_t)(data >> (((sel - 8) * 16 + 15) & 63)) & 1;
    uint32_t r = (uint32_t)(data >> ((sel & 7) * 8)) & 255;
    r = sel >= 8 ? sign * 255 : r;
    r = sel == 12 ? 0 : r;
    return sel >= 13 ? 255 : r;
}
SG_INLINE uint32_t perm_b32(uint32_t high, uint32_t low, uint32_t select) {
    uint64_t data = (uint64_t)high << 32 | low;
    uint32_t r = 0;
    for (uint32_t shift = 0; shift < 32; shift += 8)
        r |= perm_byte(data, select >> shift & 255) << shift;
    return r;
}

/* ---- cube maps ---- */

SG_INLINE uint32_t cube_axis(float x, float y, float z) {
    uint32_t axis = f32_abs(y) >= f32_abs(x) ? 1 : 0;
    return f32_abs(z) >= f32_abs(x) && f32_abs(z) >= f32_abs(y) ? 2 : axis;
}
SG_INLINE float cube_id(float x, float y, float z) {
    uint32_t axis = cube_axis(x, y, z);
    float major = axis == 2 ? z : axis == 1 ? y : x;
    return (float)(int32_t)(axis * 2) + (major < 0 ? 1.0f : 0.0f);
}
SG_INLINE float cube_s(float x, float y, float z) {
    uint32_t axis = cube_axis(x, y, z);
    float on_z = z < 0 ? -x : x, on_x = x < 0 ? z : -z;
    float r = axis == 2 ? on_z : on_x;
    return axis == 1 ? x : r;
}
SG_INLINE float cube_t(float x, float y, float z) {
    return cube_axis(x, y, z) == 1 ? (y < 0 ? -z : z) : -y;
}
SG_INLINE float cube_major(float x, float y, float z) {
    uint32_t axis = cube_axis(x, y, z);
    return 2.0f * (axis == 2 ? z : axis == 1 ? y : x);
}

#endif
