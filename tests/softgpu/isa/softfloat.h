/* SPDX-License-Identifier: MIT */
/// Binary floating point in integer arithmetic, for expected values: written from IEEE 754, shares
/// nothing with the interpreter and uses no floating point of the host.
#ifndef ISA_TEST_SOFTFLOAT_H
#define ISA_TEST_SOFTFLOAT_H

#include <stdbool.h>
#include <stdint.h>

struct sf_format {
    int exponent_bits, fraction_bits;
};
extern const struct sf_format sf_f16, sf_f32, sf_f64;

enum sf_round { SF_NEAREST, SF_UP, SF_DOWN, SF_ZERO }; ///< as in MODE
/// How results are rounded, and which denormals are zeros.
struct sf_env {
    enum sf_round round;
    bool flush_in, flush_out;
};

bool sf_is_nan(const struct sf_format *f, uint64_t x);
bool sf_is_signalling(const struct sf_format *f, uint64_t x);
bool sf_is_inf(const struct sf_format *f, uint64_t x);
bool sf_is_zero(const struct sf_format *f, uint64_t x);
bool sf_is_negative(const struct sf_format *f, uint64_t x);
uint64_t sf_negate(const struct sf_format *f, uint64_t x);
uint64_t sf_quiet(const struct sf_format *f, uint64_t x);
uint64_t sf_infinity(const struct sf_format *f, bool negative);
/// The NaN of an invalid operation.
uint64_t sf_default_nan(const struct sf_format *f);

/// a * b + c with one rounding. The first NaN among the operands is returned, quiet.
uint64_t sf_fma(const struct sf_format *f, struct sf_env env, uint64_t a, uint64_t b, uint64_t c);
uint64_t sf_add(const struct sf_format *f, struct sf_env env, uint64_t a, uint64_t b);
uint64_t sf_mul(const struct sf_format *f, struct sf_env env, uint64_t a, uint64_t b);
uint64_t sf_div(const struct sf_format *f, struct sf_env env, uint64_t a, uint64_t b);
uint64_t sf_sqrt(const struct sf_format *f, struct sf_env env, uint64_t a);
/// x * 2^n.
uint64_t sf_scale(const struct sf_format *f, struct sf_env env, uint64_t x, int64_t n);
/// Less than, equal, greater than: -1, 0, 1; unordered: 2.
int sf_compare(const struct sf_format *f, struct sf_env env, uint64_t a, uint64_t b);
uint64_t sf_convert(const struct sf_format *from, const struct sf_format *to, struct sf_env env,
                    uint64_t x);
uint64_t sf_from_integer(const struct sf_format *f, struct sf_env env, bool negative,
                         uint64_t magnitude);
/// Rounds to an integral value.
uint64_t sf_integral(const struct sf_format *f, enum sf_round round, uint64_t x);
/// The integer nearest in direction `round`, saturated to [low, high]; NaN gives 0.
int64_t sf_to_integer(const struct sf_format *f, enum sf_round round, uint64_t x, int64_t low,
                      int64_t high);
/// x = m * 2^e with m in [0.5, 1): exponent, and m. 0 and x itself for zeros, infinities, NaNs.
int sf_frexp(const struct sf_format *f, uint64_t x, uint64_t *out_mantissa);

#endif
