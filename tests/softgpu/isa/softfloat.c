/* SPDX-License-Identifier: MIT */
#include "softfloat.h"

typedef unsigned __int128 wide;

const struct sf_format sf_f16 = {5, 10}, sf_f32 = {8, 23}, sf_f64 = {11, 52};

enum { TOP = 125 }; ///< where the leading bit of an aligned operand stands

static int bias(const struct sf_format *f) {
    return (1 << (f->exponent_bits - 1)) - 1;
}
static uint64_t sign_bit(const struct sf_format *f) {
    return 1ull << (f->exponent_bits + f->fraction_bits);
}
uint64_t sf_infinity(const struct sf_format *f, bool negative) {
    return ((1ull << f->exponent_bits) - 1) << f->fraction_bits | (negative ? sign_bit(f) : 0);
}
static uint64_t magnitude(const struct sf_format *f, uint64_t x) {
    return x & (sign_bit(f) - 1);
}
bool sf_is_negative(const struct sf_format *f, uint64_t x) {
    return (x & sign_bit(f)) != 0;
}
uint64_t sf_negate(const struct sf_format *f, uint64_t x) {
    return x ^ sign_bit(f);
}
bool sf_is_nan(const struct sf_format *f, uint64_t x) {
    return magnitude(f, x) > sf_infinity(f, false);
}
bool sf_is_signalling(const struct sf_format *f, uint64_t x) {
    return sf_is_nan(f, x) && (x >> (f->fraction_bits - 1) & 1) == 0;
}
bool sf_is_inf(const struct sf_format *f, uint64_t x) {
    return magnitude(f, x) == sf_infinity(f, false);
}
bool sf_is_zero(const struct sf_format *f, uint64_t x) {
    return magnitude(f, x) == 0;
}
uint64_t sf_quiet(const struct sf_format *f, uint64_t x) {
    return sf_is_nan(f, x) ? x | 1ull << (f->fraction_bits - 1) : x;
}
uint64_t sf_default_nan(const struct sf_format *f) {
    return sf_quiet(f, sf_infinity(f, true) | 1ull << (f->fraction_bits - 1));
}

static uint64_t flushed(const struct sf_format *f, bool flush, uint64_t x) {
    bool denormal = magnitude(f, x) < 1ull << f->fraction_bits;
    return flush && denormal ? x & sign_bit(f) : x;
}

/* A finite number: m * 2^e. */
static void unpack(const struct sf_format *f, uint64_t x, wide *m, int *e) {
    int biased = (int)(magnitude(f, x) >> f->fraction_bits);
    uint64_t fraction = x & ((1ull << f->fraction_bits) - 1);
    *m = biased ? fraction | 1ull << f->fraction_bits : fraction;
    *e = (biased ? biased : 1) - bias(f) - f->fraction_bits;
}

static int top_bit(wide m) {
    int bit = 0;
    while (m >>= 1)
        bit++;
    return bit;
}

static wide shift_right_sticky(wide m, int n) {
    if (n <= 0)
        return m << -n;
    if (n > 127)
        return m != 0;
    return m >> n | ((m & (((wide)1 << n) - 1)) != 0);
}

static bool rounds_away(enum sf_round round, bool negative, bool odd, bool half, bool rest) {
    switch (round) {
    case SF_NEAREST:
        return half && (rest || odd);
    case SF_UP:
        return !negative && (half || rest);
    case SF_DOWN:
        return negative && (half || rest);
    default:
        return false;
    }
}

/* The lowest bit of m may stand for a sticky one. */
static uint64_t pack(const struct sf_format *f, struct sf_env env, bool negative, wide m, int e) {
    uint64_t sign = negative ? sign_bit(f) : 0;
    if (m == 0)
        return sign;
    int least = 1 - bias(f), exponent = e + top_bit(m);
    if (exponent > bias(f))
        m = 3, e = exponent = bias(f) + 1; // overflows whatever the fraction
    int unit = (exponent > least ? exponent : least) - f->fraction_bits;
    wide kept = shift_right_sticky(m, unit - e - 2); // two bits below the unit, sticky
    bool half = kept >> 1 & 1, rest = kept & 1;
    uint64_t rounded = (uint64_t)(kept >> 2);
    rounded += rounds_away(env.round, negative, rounded & 1, half, rest);
    uint64_t biased = (uint64_t)((exponent > least ? exponent : least) + bias(f) - 1);
    uint64_t bits = (biased << f->fraction_bits) + rounded;
    if (bits >= sf_infinity(f, false)) {
        bool to_infinity = env.round == SF_NEAREST || env.round == (negative ? SF_DOWN : SF_UP);
        return sign | (sf_infinity(f, false) - !to_infinity);
    }
    /* Denormal is what would be below the least normal number with an unbounded exponent. */
    wide full = shift_right_sticky(m, exponent - f->fraction_bits - e - 2);
    uint64_t fraction = (uint64_t)(full >> 2);
    fraction += rounds_away(env.round, negative, fraction & 1, full >> 1 & 1, full & 1);
    bool grows = exponent + 1 == least && fraction >> (f->fraction_bits + 1);
    return env.flush_out && exponent < least && !grows ? sign : sign | bits;
}

/* The first NaN, quiet, in *out. */
static bool takes_nan(const struct sf_format *f, uint64_t a, uint64_t b, uint64_t c,
                      uint64_t *out) {
    uint64_t operands[] = {a, b, c};
    for (int i = 0; i < 3; i++) {
        if (!sf_is_nan(f, operands[i]))
            continue;
        *out = sf_quiet(f, operands[i]);
        return true;
    }
    return false;
}

static uint64_t sum(const struct sf_format *f, struct sf_env env, bool an, wide am, int ae, bool bn,
                    wide bm, int be) {
    if (am == 0 && bm == 0)
        return (an == bn ? an : env.round == SF_DOWN) ? sign_bit(f) : 0;
    if (am == 0 || bm == 0)
        return pack(f, env, am ? an : bn, am ? am : bm, am ? ae : be);
    int a_up = TOP - top_bit(am), b_up = TOP - top_bit(bm);
    am <<= a_up, ae -= a_up;
    bm <<= b_up, be -= b_up;
    if (ae > be)
        bm = shift_right_sticky(bm, ae - be), be = ae;
    else
        am = shift_right_sticky(am, be - ae), ae = be;
    if (an == bn)
        return pack(f, env, an, am + bm, ae);
    if (am == bm)
        return env.round == SF_DOWN ? sign_bit(f) : 0;
    return am > bm ? pack(f, env, an, am - bm, ae) : pack(f, env, bn, bm - am, ae);
}

uint64_t sf_fma(const struct sf_format *f, struct sf_env env, uint64_t a, uint64_t b, uint64_t c) {
    uint64_t nan;
    a = flushed(f, env.flush_in, a);
    b = flushed(f, env.flush_in, b);
    c = flushed(f, env.flush_in, c);
    if (takes_nan(f, a, b, c, &nan))
        return nan;
    bool negative = sf_is_negative(f, a) != sf_is_negative(f, b);
    if (sf_is_inf(f, a) || sf_is_inf(f, b)) {
        bool invalid = sf_is_zero(f, a) || sf_is_zero(f, b) ||
                       (sf_is_inf(f, c) && sf_is_negative(f, c) != negative);
        return invalid ? sf_default_nan(f) : sf_infinity(f, negative);
    }
    if (sf_is_inf(f, c))
        return c;
    wide am, bm, cm;
    int ae, be, ce;
    unpack(f, a, &am, &ae);
    unpack(f, b, &bm, &be);
    unpack(f, c, &cm, &ce);
    return sum(f, env, negative, am * bm, ae + be, sf_is_negative(f, c), cm, ce);
}

uint64_t sf_add(const struct sf_format *f, struct sf_env env, uint64_t a, uint64_t b) {
    return sf_fma(f, env, a, (uint64_t)bias(f) << f->fraction_bits, b);
}

uint64_t sf_mul(const struct sf_format *f, struct sf_env env, uint64_t a, uint64_t b) {
    uint64_t zero = (a ^ b) & sign_bit(f); // adding it changes nothing
    return sf_fma(f, env, a, b, zero);
}

uint64_t sf_div(const struct sf_format *f, struct sf_env env, uint64_t a, uint64_t b) {
    uint64_t nan;
    a = flushed(f, env.flush_in, a);
    b = flushed(f, env.flush_in, b);
    if (takes_nan(f, a, b, 0, &nan))
        return nan;
    bool negative = sf_is_negative(f, a) != sf_is_negative(f, b);
    if ((sf_is_inf(f, a) && sf_is_inf(f, b)) || (sf_is_zero(f, a) && sf_is_zero(f, b)))
        return sf_default_nan(f);
    if (sf_is_inf(f, a) || sf_is_zero(f, b))
        return sf_infinity(f, negative);
    if (sf_is_inf(f, b) || sf_is_zero(f, a))
        return negative ? sign_bit(f) : 0;
    wide am, bm;
    int ae, be;
    unpack(f, a, &am, &ae);
    unpack(f, b, &bm, &be);
    int up = TOP - top_bit(am), b_up = 60 - top_bit(bm);
    am <<= up;
    bm <<= b_up;
    wide quotient = am / bm;
    return pack(f, env, negative, quotient << 1 | (am % bm != 0), ae - up - be + b_up - 1);
}

uint64_t sf_sqrt(const struct sf_format *f, struct sf_env env, uint64_t a) {
    a = flushed(f, env.flush_in, a);
    if (sf_is_nan(f, a))
        return sf_quiet(f, a);
    if (sf_is_zero(f, a))
        return a;
    if (sf_is_negative(f, a))
        return sf_default_nan(f);
    if (sf_is_inf(f, a))
        return a;
    wide m, root = 0;
    int e;
    unpack(f, a, &m, &e);
    int up = TOP - 1 - top_bit(m);
    up += (e - up) & 1;
    m <<= up;
    for (int bit = 63; bit >= 0; bit--) {
        wide next = root | (wide)1 << bit;
        if (next * next <= m)
            root = next;
    }
    return pack(f, env, false, root << 1 | (root * root != m), (e - up) / 2 - 1);
}

uint64_t sf_scale(const struct sf_format *f, struct sf_env env, uint64_t x, int64_t n) {
    wide m;
    int e;
    x = flushed(f, env.flush_in, x);
    if (sf_is_nan(f, x) || sf_is_inf(f, x) || sf_is_zero(f, x))
        return sf_quiet(f, x);
    unpack(f, x, &m, &e);
    n = n > 5000 ? 5000 : n < -5000 ? -5000 : n;
    return pack(f, env, sf_is_negative(f, x), m, e + (int)n);
}

int sf_compare(const struct sf_format *f, struct sf_env env, uint64_t a, uint64_t b) {
    a = flushed(f, env.flush_in, a);
    b = flushed(f, env.flush_in, b);
    if (sf_is_nan(f, a) || sf_is_nan(f, b))
        return 2;
    int64_t x = (int64_t)magnitude(f, a), y = (int64_t)magnitude(f, b);
    x = sf_is_negative(f, a) ? -x : x;
    y = sf_is_negative(f, b) ? -y : y;
    return x < y ? -1 : x > y;
}

uint64_t sf_convert(const struct sf_format *from, const struct sf_format *to, struct sf_env env,
                    uint64_t x) {
    wide m;
    int e;
    bool negative = sf_is_negative(from, x);
    x = flushed(from, env.flush_in, x);
    if (sf_is_nan(from, x)) {
        int down = from->fraction_bits - to->fraction_bits;
        uint64_t payload = x & ((1ull << from->fraction_bits) - 1);
        payload = down >= 0 ? payload >> down : payload << -down;
        return sf_infinity(to, negative) | payload | 1ull << (to->fraction_bits - 1);
    }
    if (sf_is_inf(from, x))
        return sf_infinity(to, negative);
    unpack(from, x, &m, &e);
    return pack(to, env, negative, m, e);
}

uint64_t sf_from_integer(const struct sf_format *f, struct sf_env env, bool negative,
                         uint64_t value) {
    return value ? pack(f, env, negative, value, 0) : 0;
}

uint64_t sf_integral(const struct sf_format *f, enum sf_round round, uint64_t x) {
    wide m;
    int e;
    bool negative = sf_is_negative(f, x);
    if (sf_is_nan(f, x) || sf_is_inf(f, x) || sf_is_zero(f, x))
        return sf_quiet(f, x);
    unpack(f, x, &m, &e);
    if (e >= 0)
        return x;
    wide kept = shift_right_sticky(m, -e - 2);
    uint64_t rounded = (uint64_t)(kept >> 2);
    rounded += rounds_away(round, negative, rounded & 1, kept >> 1 & 1, kept & 1);
    return pack(f, (struct sf_env){0}, negative, rounded, 0);
}

int64_t sf_to_integer(const struct sf_format *f, enum sf_round round, uint64_t x, int64_t low,
                      int64_t high) {
    wide m;
    int e;
    if (sf_is_nan(f, x))
        return 0;
    bool negative = sf_is_negative(f, x);
    if (sf_is_inf(f, x))
        return negative ? low : high;
    uint64_t whole = sf_integral(f, round, x);
    unpack(f, whole, &m, &e);
    if (e > 60)
        return negative ? low : high;
    m = e >= 0 ? m << e : e < -127 ? 0 : m >> -e;
    __int128 value = negative ? -(__int128)m : (__int128)m;
    return value < low ? low : value > high ? high : (int64_t)value;
}

int sf_frexp(const struct sf_format *f, uint64_t x, uint64_t *out_mantissa) {
    wide m;
    int e;
    *out_mantissa = sf_quiet(f, x);
    if (sf_is_nan(f, x) || sf_is_inf(f, x) || sf_is_zero(f, x))
        return 0;
    unpack(f, x, &m, &e);
    int bits = top_bit(m) + 1;
    *out_mantissa = pack(f, (struct sf_env){0}, sf_is_negative(f, x), m, -bits);
    return e + bits;
}
