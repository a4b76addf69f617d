/* SPDX-License-Identifier: MIT */
#include "oracle.h"

#include <math.h>
#include <stddef.h>
#include <string.h>

struct sf_env oracle_env(uint32_t mode, const struct sf_format *f) {
    uint32_t round = f == &sf_f32 ? mode : mode >> 2,
             denormals = f == &sf_f32 ? mode >> 4 : mode >> 6;
    return (struct sf_env){(enum sf_round)(round & 3), !(denormals & 1), !(denormals & 2)};
}
static struct sf_env env16(const struct vec *v) {
    return oracle_env(v->mode, &sf_f16);
}
static struct sf_env env32(const struct vec *v) {
    return oracle_env(v->mode, &sf_f32);
}
static struct sf_env env64(const struct vec *v) {
    return oracle_env(v->mode, &sf_f64);
}
/* Conversions between formats: sources and results have their own denormal modes; a double is
 * rounded as doubles are. */
static struct sf_env mixed_env(const struct vec *v, const struct sf_format *from,
                               const struct sf_format *to) {
    struct sf_env env = oracle_env(v->mode, from == &sf_f64 ? from : to);
    env.flush_in = oracle_env(v->mode, from).flush_in;
    env.flush_out = oracle_env(v->mode, to).flush_out;
    return env;
}

/* ---- integers ---- */

static uint64_t to_int(const struct sf_format *f, enum sf_round round, uint64_t x, int64_t low,
                       int64_t high) {
    return (uint64_t)sf_to_integer(f, round, x, low, high);
}
static uint64_t from_int(const struct vec *v, const struct sf_format *f, int64_t x) {
    return sf_from_integer(f, oracle_env(v->mode, f), x < 0, (uint64_t)(x < 0 ? -x : x));
}
static uint64_t limit(int64_t x, int64_t low, int64_t high) {
    return (uint64_t)(x < low ? low : x > high ? high : x);
}
static uint64_t sat(const struct vec *v, int64_t x, int64_t low, int64_t high) {
    return v->clamp ? limit(x, low, high) : (uint64_t)x;
}
static uint64_t carry(struct vec *v, int64_t x) {
    v->cout = x < 0 || x > UINT32_MAX;
    return sat(v, x, 0, UINT32_MAX);
}
static int64_t s24(uint32_t x) {
    return (int64_t)(x & 0xffffff) - (x & 0x800000 ? 0x1000000 : 0);
}
static uint64_t reverse(uint64_t x, int bits) {
    uint64_t r = 0;
    for (int i = 0; i < bits; i++)
        r |= (x >> i & 1) << (bits - 1 - i);
    return r;
}
static uint64_t ones(uint64_t x) {
    uint64_t n = 0;
    for (; x; x &= x - 1)
        n++;
    return n;
}
static uint64_t leading(uint64_t x, int bits) {
    for (int i = 0; i < bits; i++)
        if (x >> (bits - 1 - i) & 1)
            return (uint64_t)i;
    return ~0ull;
}
static uint64_t trailing(uint64_t x, int bits) {
    for (int i = 0; i < bits; i++)
        if (x >> i & 1)
            return (uint64_t)i;
    return ~0ull;
}
/* Where the bits first differ from the sign. */
static uint64_t leading_sign(int64_t x, int bits) {
    return leading((uint64_t)(x < 0 ? ~x : x), bits);
}
static uint64_t field(uint64_t x, uint32_t first, uint32_t count) {
    uint64_t r = 0;
    for (uint32_t i = 0; i < count && first + i < 64; i++)
        r |= (x >> (first + i) & 1) << i;
    return r;
}
static uint64_t signed_field(uint32_t x, uint32_t first, uint32_t count) {
    int64_t wide = (int32_t)x;
    uint64_t r = field((uint64_t)wide, first, count);
    return count && r >> (count - 1) & 1 ? r | ~0ull << count : r;
}
static uint64_t lerp(uint32_t a, uint32_t b, uint32_t c) {
    uint32_t r = 0;
    for (int i = 0; i < 32; i += 8)
        r |= ((a >> i & 255) + (b >> i & 255) + (c >> i & 1)) / 2 << i;
    return r;
}
static uint64_t sad(uint32_t a, uint32_t b, int bits, bool masked) {
    uint64_t r = 0, mask = bits == 32 ? UINT32_MAX : (1u << bits) - 1;
    for (int i = 0; i < 32; i += bits) {
        int64_t x = (int64_t)(a >> i & mask), y = (int64_t)(b >> i & mask);
        r += masked && y == 0 ? 0 : (uint64_t)(x > y ? x - y : y - x);
    }
    return r;
}
static uint64_t insert(uint32_t word, uint64_t byte, uint32_t index) {
    uint8_t bytes[4];
    memcpy(bytes, &word, 4);
    bytes[index] = (uint8_t)byte;
    memcpy(&word, bytes, 4);
    return word;
}
static uint64_t middle_i(int64_t a, int64_t b, int64_t c, int which) {
    int64_t x[3] = {a, b, c};
    for (int i = 0; i < 3; i++)
        for (int k = 0; k < 2; k++)
            if (x[k] > x[k + 1]) {
                int64_t t = x[k];
                x[k] = x[k + 1];
                x[k + 1] = t;
            }
    return (uint64_t)x[which];
}
static uint64_t permute(uint32_t a, uint32_t b, uint32_t c) {
    uint64_t data = (uint64_t)a << 32 | b, r = 0;
    for (int i = 0; i < 4; i++) {
        uint32_t sel = c >> i * 8 & 255;
        static const int signs[] = {1, 3, 5, 7};
        uint64_t byte = sel >= 13   ? 255
                        : sel == 12 ? 0
                        : sel >= 8  ? (data >> (signs[sel - 8] * 8 + 7) & 1 ? 255 : 0)
                                    : data >> sel * 8 & 255;
        r |= byte << i * 8;
    }
    return r;
}
static uint64_t qsad(const struct vec *v, bool masked) {
    uint64_t r = 0;
    for (int i = 0; i < 4; i++)
        r |= (sat(v,
                  (int64_t)(sad((uint32_t)(v->a >> i * 8), (uint32_t)v->b, 8, masked) +
                            (v->c >> i * 16 & 0xffff)),
                  0, 65535) &
              0xffff)
             << i * 16;
    return r;
}
static uint64_t dot(const struct vec *v, uint32_t a, uint32_t b, int64_t c, int bits,
                    bool is_signed) {
    for (int i = 0; i < 32; i += bits) {
        int64_t x = a >> i & ((1u << bits) - 1), y = b >> i & ((1u << bits) - 1);
        if (is_signed) {
            x -= x >> (bits - 1) ? 1 << bits : 0;
            y -= y >> (bits - 1) ? 1 << bits : 0;
        }
        c += x * y;
    }
    return is_signed ? sat(v, c, INT32_MIN, INT32_MAX) : sat(v, c, 0, UINT32_MAX);
}
/* The packed integer rows in the order of their opcodes. */
static uint64_t each16(const struct vec *v, uint64_t a, uint64_t b, uint64_t c, int op) {
    uint64_t r = 0;
    for (int i = 0; i < 32; i += 16) {
        int64_t ua = a >> i & 0xffff, ub = b >> i & 0xffff, uc = c >> i & 0xffff;
        int64_t sa = (int16_t)ua, sb = (int16_t)ub, sc = (int16_t)uc;
        int64_t results[] = {
            sa * sb + sc,    ua * ub,         sa + sb,           sa - sb,           ub << (ua & 15),
            ub >> (ua & 15), sb >> (ua & 15), sa > sb ? sa : sb, sa < sb ? sa : sb, ua * ub + uc,
            ua + ub,         ua - ub,         ua > ub ? ua : ub, ua < ub ? ua : ub};
        bool is_signed = op == 0 || op == 2 || op == 3 || (op >= 6 && op <= 8);
        uint64_t x = op == 4     ? (uint64_t)results[op] /* bits shifted out are no overflow */
                     : is_signed ? sat(v, results[op], -32768, 32767)
                                 : sat(v, results[op], 0, 65535);
        r |= (x & 0xffff) << i;
    }
    return r;
}
/* Masks of shader engines that a part of the screen touches (Vega ISA manual). */
static uint64_t partition(uint32_t part) {
    static const char table[] = "137f5fff7fffffff"
                                "f26efafffbffffff"
                                "df4cff5fffdfffff"
                                "9bf8fffafffeffff"
                                "ffff4cdf6fffefff"
                                "fffff89bf99ffdff"
                                "ffff7f13ff9fffbf"
                                "ffff6ef26ff6fff7"
                                "bfffffff23bfafff"
                                "f7fffffff19df5ff"
                                "ffefffffef8cffaf"
                                "fffdffff67f4fff5"
                                "9fffdfffffff8cef"
                                "f66ffefffffff467"
                                "ff6fff7fffffbf23"
                                "9ff9fffbffff9df1";
    char x = table[part];
    return (uint64_t)(x <= '9' ? x - '0' : x - 'a' + 10);
}

static uint64_t quads(uint64_t x, uint64_t each) {
    uint64_t r = 0;
    for (int i = 0; i < 64; i += 4)
        r |= x >> i & 15 ? each << i : 0;
    return r;
}
static uint64_t quad_bits(uint64_t x) {
    uint64_t r = 0;
    for (int i = 0; i < 16; i++)
        r |= (uint64_t)((x >> i * 4 & 15) != 0) << i;
    return r;
}
static uint64_t twice_each(uint32_t x) {
    uint64_t r = 0;
    for (int i = 0; i < 64; i++)
        r |= (uint64_t)(x >> i / 2 & 1) << i;
    return r;
}
/* Fields may end beyond the value: the sign goes on there. */
static uint64_t scalar_field(int64_t x, uint32_t first, uint32_t count, uint32_t bits) {
    uint64_t r = 0;
    for (uint32_t i = 0; i < 64; i++) {
        uint32_t from = first + (i < count ? i : count - 1);
        r |= (uint64_t)(x >> (from < bits ? from : bits - 1) & 1) << i;
    }
    return count ? r : 0;
}

/* ---- floats ---- */

static uint64_t minus(const struct sf_format *f, uint64_t x) {
    return sf_is_nan(f, x) ? x : sf_negate(f, x);
}
/* Reciprocals and roots need not be the nearest float, on hardware and here: one unit off. */
static uint64_t near(struct vec *v, uint64_t x) {
    v->ulps = 1;
    return x;
}
static long double value_of(const struct sf_format *f, uint64_t x) {
    uint64_t bits = sf_convert(f, &sf_f64, (struct sf_env){0}, x);
    double d;
    memcpy(&d, &bits, sizeof d);
    return d;
}
static uint64_t from_value(const struct sf_format *f, struct sf_env env, long double x) {
    int exponent;
    if (isnan(x))
        return sf_default_nan(f);
    if (isinf(x))
        return sf_infinity(f, x < 0);
    long double m = frexpl(fabsl(x), &exponent);
    uint64_t bits = (uint64_t)ldexpl(m, 62);
    uint64_t wide =
        sf_from_integer(&sf_f64, (struct sf_env){SF_ZERO, 0, 0}, x < 0, bits) | (bits != 0);
    if (bits == 0)
        return signbit(x) ? sf_negate(f, 0) : 0;
    return sf_convert(&sf_f64, f, env,
                      sf_scale(&sf_f64, (struct sf_env){SF_ZERO, 0, 0}, wide, exponent - 62));
}
static long double rsqrt(long double x) {
    return 1 / sqrtl(x);
}
static long double sine(long double turns) {
    return isinf(turns) ? NAN : turns == 0 ? turns : sinl(2 * acosl(-1) * (turns - rintl(turns)));
}
static long double cosine(long double turns) {
    return isinf(turns) ? NAN : cosl(2 * acosl(-1) * (turns - rintl(turns)));
}
/* Through the host's long double functions. Sines near their zeros: any small error is allowed. */
static uint64_t real(struct vec *v, const struct sf_format *f, uint64_t x,
                     long double (*function)(long double)) {
    v->ulps = f == &sf_f64 ? 2 : 1;
    if (sf_is_nan(f, x))
        return sf_quiet(f, x);
    long double y = function(value_of(f, x));
    v->unknown = (function == sine || function == cosine) && fabsl(y) < 1e-9L && y != 0;
    v->unknown |= function == cosine && y == 0;
    return from_value(f, oracle_env(v->mode, f), y);
}
static uint64_t fract(struct vec *v, const struct sf_format *f, uint64_t x) {
    struct sf_env env = oracle_env(v->mode, f);
    uint64_t one = ((1ull << (f->exponent_bits - 1)) - 1) << f->fraction_bits;
    if (sf_is_nan(f, x) || sf_is_inf(f, x))
        return sf_is_nan(f, x) ? sf_quiet(f, x) : sf_default_nan(f);
    uint64_t r = sf_add(f, env, x, sf_negate(f, sf_integral(f, SF_DOWN, x)));
    return r >= one && !sf_is_negative(f, r) ? one - 1 : r;
}
static uint64_t exponent_of(const struct sf_format *f, uint64_t x) {
    uint64_t m;
    return (uint64_t)(int64_t)sf_frexp(f, x, &m);
}
static uint64_t mantissa_of(const struct sf_format *f, uint64_t x) {
    uint64_t m;
    sf_frexp(f, x, &m);
    return m;
}
static uint64_t norm(const struct sf_format *f, uint64_t x, int64_t low, int64_t high) {
    struct sf_env env = {0};
    uint64_t wide = sf_convert(f, &sf_f64, env, x);
    uint64_t scaled =
        sf_mul(&sf_f64, env, wide, sf_from_integer(&sf_f64, env, false, (uint64_t)high));
    return to_int(&sf_f64, SF_NEAREST, scaled, low, high);
}
static uint64_t extreme(const struct vec *v, const struct sf_format *f, uint64_t a, uint64_t b,
                        int sign) {
    bool ieee = v->mode >> 9 & 1;
    if (ieee && sf_is_signalling(f, a))
        return sf_quiet(f, a);
    if (ieee && sf_is_signalling(f, b))
        return sf_quiet(f, b);
    if (sf_is_nan(f, a))
        return b;
    if (sf_is_nan(f, b))
        return a;
    if (sf_is_zero(f, a) && sf_is_zero(f, b))
        return (sign < 0) == sf_is_negative(f, a) ? a : b;
    return sf_compare(f, (struct sf_env){0}, a, b) == sign ? a : b;
}
static uint64_t least(const struct vec *v, const struct sf_format *f, uint64_t a, uint64_t b) {
    return extreme(v, f, a, b, -1);
}
static uint64_t most(const struct vec *v, const struct sf_format *f, uint64_t a, uint64_t b) {
    return extreme(v, f, a, b, 1);
}
static uint64_t median(const struct vec *v, const struct sf_format *f, uint64_t a, uint64_t b,
                       uint64_t c) {
    if (sf_is_nan(f, a) || sf_is_nan(f, b) || sf_is_nan(f, c))
        return least(v, f, least(v, f, a, b), c);
    uint64_t top = most(v, f, most(v, f, a, b), c);
    if (sf_compare(f, (struct sf_env){0}, top, a) == 0)
        return most(v, f, b, c);
    if (sf_compare(f, (struct sf_env){0}, top, b) == 0)
        return most(v, f, a, c);
    return most(v, f, a, b);
}
/* MAD rounds twice, and takes denormals for zeros whatever MODE says. */
static uint64_t mad(const struct vec *v, const struct sf_format *f, uint64_t a, uint64_t b,
                    uint64_t c) {
    struct sf_env env = {oracle_env(v->mode, f).round, true, true};
    return sf_add(f, env, sf_mul(f, env, a, b), c);
}
static uint64_t mad_legacy(const struct vec *v, uint64_t a, uint64_t b, uint64_t c) {
    struct sf_env env = {env32(v).round, true, true};
    bool zero = (a & 0x7fffffff) < 0x800000 || (b & 0x7fffffff) < 0x800000;
    return sf_add(&sf_f32, env, zero ? 0 : sf_mul(&sf_f32, env, a, b), c);
}
static uint64_t dot2_float(const struct vec *v, uint64_t a, uint64_t b, uint64_t c) {
    struct sf_env exact = {0};
    for (int i = 0; i < 32; i += 16)
        c = sf_fma(&sf_f32, env32(v), sf_convert(&sf_f16, &sf_f32, exact, a >> i & 0xffff),
                   sf_convert(&sf_f16, &sf_f32, exact, b >> i & 0xffff), c);
    return c;
}
static uint64_t cube(const struct vec *v, uint64_t x, uint64_t y, uint64_t z, int what) {
    struct sf_env exact = {0};
    uint64_t ax = x & 0x7fffffff, ay = y & 0x7fffffff, az = z & 0x7fffffff;
    bool z_major = (uint32_t)sf_compare(&sf_f32, exact, az, ax) < 2 &&
                   (uint32_t)sf_compare(&sf_f32, exact, az, ay) < 2;
    bool y_major = !z_major && (uint32_t)sf_compare(&sf_f32, exact, ay, ax) < 2;
    uint64_t major = z_major ? z : y_major ? y : x;
    bool negative = sf_compare(&sf_f32, exact, major, 0) == -1;
    uint64_t mx = sf_negate(&sf_f32, x), my = sf_negate(&sf_f32, y), mz = sf_negate(&sf_f32, z);
    switch (what) {
    case 0:
        return from_int(v, &sf_f32, (z_major ? 4 : y_major ? 2 : 0) + negative);
    case 1:
        return z_major ? (negative ? mx : x) : y_major ? x : negative ? z : mz;
    case 2:
        return !y_major ? my : negative ? mz : z;
    default:
        return sf_scale(&sf_f32, env32(v), major, 1);
    }
}
static int biased_exponent(const struct sf_format *f, uint64_t x) {
    return (int)(x >> f->fraction_bits & ((1u << f->exponent_bits) - 1));
}
static uint64_t fixup(const struct sf_format *f, uint64_t q, uint64_t d, uint64_t n) {
    bool negative = sf_is_negative(f, d) != sf_is_negative(f, n);
    uint64_t zero = negative ? sf_negate(f, 0) : 0;
    if (sf_is_nan(f, n) || sf_is_nan(f, d))
        return sf_quiet(f, sf_is_nan(f, n) ? n : d);
    if ((sf_is_zero(f, d) && sf_is_zero(f, n)) || (sf_is_inf(f, d) && sf_is_inf(f, n)))
        return sf_default_nan(f);
    if (sf_is_zero(f, d) || sf_is_inf(f, n))
        return sf_infinity(f, negative);
    if (sf_is_inf(f, d) || sf_is_zero(f, n))
        return zero;
    if (f != &sf_f16 &&
        biased_exponent(f, n) - biased_exponent(f, d) < (f == &sf_f32 ? -150 : -1075))
        return zero;
    uint64_t magnitude = sf_is_negative(f, q) ? sf_negate(f, q) : q;
    return sf_is_nan(f, q) ? sf_infinity(f, negative) : magnitude | zero;
}
static void div_scale(struct vec *v, const struct sf_format *f, int huge, int tiny, int shift,
                      int large) {
    struct sf_env exact = {0};
    uint64_t x = v->a, d = v->b, n = v->c;
    int en = biased_exponent(f, n), ed = biased_exponent(f, d);
    bool is_d = sf_compare(f, exact, x, d) == 0, is_n = sf_compare(f, exact, x, n) == 0;
    v->cout = 0;
    v->d = sf_quiet(f, x);
    /* Special values are div_fixup's business; x is always one of the other two. A reciprocal or
     * quotient among the denormals: the manual's cases contradict each other. */
    bool special = sf_is_nan(f, d) || sf_is_nan(f, n) || sf_is_inf(f, d) || sf_is_inf(f, n);
    v->unknown = special || (!is_d && !is_n) ||
                 (!sf_is_zero(f, d) && !sf_is_zero(f, n) &&
                  (ed >= large || en - ed < -(f == &sf_f32 ? 120 : 1000)));
    if (sf_is_zero(f, d) || sf_is_zero(f, n)) {
        v->d = sf_default_nan(f);
    } else if (en - ed >= huge) {
        v->cout = 1;
        v->d = is_d ? sf_scale(f, oracle_env(v->mode, f), x, shift) : v->d;
    } else if (ed == 0 || en <= tiny) {
        v->d = sf_scale(f, oracle_env(v->mode, f), x, shift);
    }
}
static uint64_t div_fmas(struct vec *v, const struct sf_format *f, int above, int shift) {
    struct sf_env env = oracle_env(v->mode, f);
    uint64_t r = sf_fma(f, env, v->a, v->b, v->c);
    if (!v->cin)
        return r;
    /* Rounding before scaling matters only among denormals. */
    v->unknown = biased_exponent(f, r) <= shift + 1 || sf_is_inf(f, r);
    return sf_scale(f, env, r, biased_exponent(f, v->c) > above ? shift : -shift);
}
static uint64_t float_op(const struct vec *v, const struct sf_format *f, uint64_t a, uint64_t b,
                         uint64_t c, int op) {
    struct sf_env env = oracle_env(v->mode, f);
    switch (op) {
    case 0:
        return sf_fma(f, env, a, b, c);
    case 1:
        return sf_add(f, env, a, b);
    case 2:
        return sf_mul(f, env, a, b);
    default:
        return op == 3 ? least(v, f, a, b) : most(v, f, a, b);
    }
}
/* Packed floats clamp each part to [0, 1]; a NaN becomes 0 under DX10_CLAMP. */
static uint64_t unit_clamp(const struct vec *v, const struct sf_format *f, uint64_t x) {
    uint64_t one = ((1ull << (f->exponent_bits - 1)) - 1) << f->fraction_bits;
    if (!v->clamp)
        return x;
    if (sf_is_nan(f, x))
        return v->mode >> 8 & 1 ? 0 : x;
    return sf_is_negative(f, x) ? 0 : x > one ? one : x;
}
static uint64_t pair16(const struct vec *v, uint64_t a, uint64_t b, uint64_t c, int op) {
    uint64_t r = 0;
    for (int i = 0; i < 32; i += 16)
        r |= unit_clamp(v, &sf_f16,
                        float_op(v, &sf_f16, a >> i & 0xffff, b >> i & 0xffff, c >> i & 0xffff, op))
             << i;
    return r;
}
static uint64_t pair32(const struct vec *v, uint64_t a, uint64_t b, uint64_t c, int op) {
    uint64_t r = 0;
    for (int i = 0; i < 64; i += 32)
        r |= unit_clamp(v, &sf_f32,
                        float_op(v, &sf_f32, a >> i & UINT32_MAX, b >> i & UINT32_MAX,
                                 c >> i & UINT32_MAX, op))
             << i;
    return r;
}

/* ---- the table ---- */

#define A  ((uint32_t)a)
#define B  ((uint32_t)b)
#define C  ((uint32_t)c)
#define SA ((int32_t)A)
#define SB ((int32_t)B)
#define SC ((int32_t)C)
#define DO(name, ...)                                                                              \
    static void compute_##name(struct vec *v) {                                                    \
        uint64_t a = v->a, b = v->b, c = v->c, old = v->old;                                       \
        (void)a, (void)b, (void)c, (void)old;                                                      \
        __VA_ARGS__;                                                                               \
    }
#define INT(name, ...)   DO(name, v->d = (uint64_t)(__VA_ARGS__))
#define SAT(name, ...)   DO(name, v->d = (uint64_t)(__VA_ARGS__))
#define FLOAT(name, ...) DO(name, v->d = __VA_ARGS__)
#include "oracle.def"
#include "oracle_scalar.def"
#undef DO
#undef INT
#undef SAT
#undef FLOAT
#define DO(name, ...)    {#name, compute_##name, true},
#define INT(name, ...)   {#name, compute_##name, false},
#define SAT(name, ...)   {#name, compute_##name, true},
#define FLOAT(name, ...) {#name, compute_##name, false},
static const struct oracle oracles[] = {
#include "oracle.def"
#include "oracle_scalar.def"
};

const struct oracle *oracle_find(const char *name) {
    for (size_t i = 0; i < sizeof oracles / sizeof *oracles; i++)
        if (strcmp(oracles[i].name, name) == 0)
            return &oracles[i];
    return NULL;
}
