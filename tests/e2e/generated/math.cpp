/* SPDX-License-Identifier: MIT */
/// ROCm's device math library against the host's long double functions, within the errors that the
/// OpenCL C 3.0 specification allows (section 7.4, tables of single and double precision; half: the
/// table of cl_khr_fp16), for which the library was written; lgamma's is ours: OpenCL gives none.
/// NaN, infinities and, but for those named below, the sign of exact zeros must be those of C
/// (annex F). 0 means correctly rounded. math [SEED]: other random arguments.
#include "../hip/hip_e2e.h"

#include <algorithm>
#include <cmath>
#include <hip/hip_fp16.h>
#include <limits>

using Wide = long double;

/// sin(pi x), exact where x is a multiple of a half.
static Wide sine_of_turn(Wide x) {
    Wide rest = remainderl(x, 2);
    if (fabsl(rest) > 0.5L)
        rest = copysignl(1, rest) - rest;
    return sinl(3.14159265358979323846264338327950288L * rest);
}

/* name, arguments, the host's function, range of x and y, ulps of float, of double */
#define FUNCTIONS(ROW)                                                                             \
    ROW(sin, (x), sinl(x), -1e5, 1e5, 4, 4)                                                        \
    ROW(cos, (x), cosl(x), -1e5, 1e5, 4, 4)                                                        \
    ROW(tan, (x), tanl(x), -1e5, 1e5, 5, 5)                                                        \
    ROW(asin, (x), asinl(x), -1, 1, 4, 4)                                                          \
    ROW(acos, (x), acosl(x), -1, 1, 4, 4)                                                          \
    ROW(atan, (x), atanl(x), -50, 50, 5, 5)                                                        \
    ROW(atan2, (x, y), atan2l(x, y), -50, 50, 6, 6)                                                \
    ROW(sinh, (x), sinhl(x), -90, 90, 4, 4)                                                        \
    ROW(cosh, (x), coshl(x), -90, 90, 4, 4)                                                        \
    ROW(tanh, (x), tanhl(x), -20, 20, 5, 5)                                                        \
    ROW(asinh, (x), asinhl(x), -1e9, 1e9, 4, 4)                                                    \
    ROW(acosh, (x), acoshl(x), 1, 1e9, 4, 4)                                                       \
    ROW(atanh, (x), atanhl(x), -1, 1, 5, 5)                                                        \
    ROW(sinpi, (x), sine_of_turn(x), -1.9, 1.9, 4, 4)                                              \
    ROW(cospi, (x), sine_of_turn(x + 0.5L), -1.9, 1.9, 4, 4)                                       \
    ROW(exp, (x), expl(x), -105, 90, 3, 3)                                                         \
    ROW(exp2, (x), exp2l(x), -150, 130, 3, 3)                                                      \
    ROW(exp10, (x), powl(10, x), -46, 39, 3, 3)                                                    \
    ROW(expm1, (x), expm1l(x), -20, 90, 3, 3)                                                      \
    ROW(log, (x), logl(x), 0, 1e9, 3, 3)                                                           \
    ROW(log2, (x), log2l(x), 0, 1e9, 3, 3)                                                         \
    ROW(log10, (x), log10l(x), 0, 1e9, 3, 3)                                                       \
    ROW(log1p, (x), log1pl(x), -1, 1e9, 2, 2)                                                      \
    ROW(logb, (x), logbl(x), -1e9, 1e9, 0, 0)                                                      \
    ROW(pow, (x, y), powl(x, y), -30, 30, 16, 16)                                                  \
    ROW(cbrt, (x), cbrtl(x), -1e9, 1e9, 2, 2)                                                      \
    ROW(sqrt, (x), sqrtl(x), 0, 1e9, 0, 0)                                                         \
    ROW(rsqrt, (x), 1 / sqrtl(x), 0, 1e9, 2, 2)                                                    \
    ROW(hypot, (x, y), hypotl(x, y), -1e9, 1e9, 4, 4)                                              \
    ROW(erf, (x), erfl(x), -6, 6, 16, 16)                                                          \
    ROW(erfc, (x), erfcl(x), -6, 10, 16, 16)                                                       \
    ROW(tgamma, (x), tgammal(x), 0.01, 36, 16, 16)                                                 \
    ROW(lgamma, (x), lgammal(x), 3, 1e9, 16, 16)                                                   \
    ROW(fmod, (x, y), fmodl(x, y), -1e5, 1e5, 0, 0)                                                \
    ROW(remainder, (x, y), remainderl(x, y), -1e5, 1e5, 0, 0)                                      \
    ROW(fdim, (x, y), fdiml(x, y), -1e5, 1e5, 0, 0)                                                \
    ROW(fmin, (x, y), fminl(x, y), -1e5, 1e5, 0, 0)                                                \
    ROW(fmax, (x, y), fmaxl(x, y), -1e5, 1e5, 0, 0)                                                \
    ROW(fma, (x, y, x), fmal(x, y, x), -1e5, 1e5, 0, 0)                                            \
    ROW(floor, (x), floorl(x), -1e5, 1e5, 0, 0)                                                    \
    ROW(ceil, (x), ceill(x), -1e5, 1e5, 0, 0)                                                      \
    ROW(trunc, (x), truncl(x), -1e5, 1e5, 0, 0)                                                    \
    ROW(round, (x), roundl(x), -1e5, 1e5, 0, 0)                                                    \
    ROW(rint, (x), rintl(x), -1e5, 1e5, 0, 0)                                                      \
    ROW(nearbyint, (x), nearbyintl(x), -1e5, 1e5, 0, 0)

/* Every half is tried. */
#define HALF_FUNCTIONS(ROW)                                                                        \
    ROW(hcos, cosl(x), 2)                                                                          \
    ROW(hexp, expl(x), 2)                                                                          \
    ROW(hexp2, exp2l(x), 2)                                                                        \
    ROW(hlog, logl(x), 2)                                                                          \
    ROW(hlog2, log2l(x), 2)                                                                        \
    ROW(hlog10, log10l(x), 2)                                                                      \
    ROW(hsqrt, sqrtl(x), 0)                                                                        \
    ROW(hrsqrt, 1 / sqrtl(x), 1)                                                                   \
    ROW(hfloor, floorl(x), 0)                                                                      \
    ROW(hceil, ceill(x), 0)                                                                        \
    ROW(htrunc, truncl(x), 0)                                                                      \
    ROW(hrint, rintl(x), 0)

struct Format {
    const char *name;
    int digits, least_exponent, limit_exponent;
};
static const Format half_format = {"half", 11, -14, 16};
static const Format float_format = {"float", 24, -126, 128};
static const Format double_format = {"double", 53, -1022, 1024};

/// How far seen is from wanted in units of the last place; infinite where a NaN or a zero is wrong.
static Wide error_ulps(Wide seen, Wide wanted, const Format &format) {
    if (std::isnan(seen) || std::isnan(wanted))
        return std::isnan(seen) && std::isnan(wanted) ? 0 : INFINITY;
    if (wanted == 0)
        return seen == 0 ? 0 : INFINITY;
    const Wide limit = ldexpl(1, format.limit_exponent);
    seen = fmaxl(fminl(seen, limit), -limit);
    wanted = fmaxl(fminl(wanted, limit), -limit);
    const int exponent =
        std::max(std::min(ilogbl(wanted), format.limit_exponent - 1), format.least_exponent);
    return fabsl(seen - wanted) / ldexpl(1, exponent - format.digits + 1);
}

/* C leaves fmin's and fmax's to us; clang 15 makes round a sum, of -0 and +0 for -0; the others'
 * the library forgets. */
static const char *const zeros_of_any_sign[] = {"fmin", "fmax", "round", "sinpi", "expm1", "log1p"};

static bool sign_is_wrong(const char *name, Wide seen, Wide wanted) {
    if (seen != 0 || wanted != 0 || std::signbit(seen) == std::signbit(wanted))
        return false;
    return std::none_of(std::begin(zeros_of_any_sign), std::end(zeros_of_any_sign),
                        [name](const char *other) { return strcmp(name, other) == 0; });
}

static uint32_t failures, function_count;

/// Prints the worst argument where it exceeds the bound.
struct Worst {
    const char *name;
    const Format &format;
    Wide bound, error = 0, x = 0, y = 0, seen = 0, wanted = 0;

    void add(Wide at_x, Wide at_y, Wide at_seen, Wide at_wanted) {
        const Wide at_error = sign_is_wrong(name, at_seen, at_wanted)
                                  ? INFINITY
                                  : error_ulps(at_seen, at_wanted, format);
        if (at_error > error) {
            error = at_error, x = at_x, y = at_y;
            seen = at_seen, wanted = at_wanted;
        }
    }
    ~Worst() {
        ++function_count;
        /* What is correctly rounded differs by half a unit; the reference itself is rounded. */
        if (error <= (bound == 0 ? 0.501L : bound))
            return;
        ++failures;
        fprintf(stderr, "%s %s(%La, %La) = %La, not %La: %Lg ulps, at most %Lg\n", format.name,
                name, x, y, seen, wanted, error, bound);
    }
};

static uint64_t state = 1;

static uint64_t random_bits() {
    state ^= state << 13;
    state ^= state >> 7;
    return state ^= state << 17;
}

/// Edges first, then as many even over the range as near to 0.
template <typename Float> std::vector<Float> arguments(size_t count, Wide low, Wide high) {
    using Limits = std::numeric_limits<Float>;
    const Float edges[] = {0,
                           Float(-0.0),
                           1,
                           -1,
                           Limits::infinity(),
                           -Limits::infinity(),
                           Limits::quiet_NaN(),
                           Limits::denorm_min(),
                           Limits::min()};
    const size_t edge_count = sizeof edges / sizeof *edges;
    std::vector<Float> values(count);
    for (size_t i = 0; i < count; ++i) {
        const Wide part = Wide(random_bits() >> 11) / 0x1p53L;
        Float value = Float(low + part * (high - low));
        if (i % 2)
            value = Float(ldexpl(value, -int(random_bits() % 40)));
        values[i] = value;
        if (i < edge_count * edge_count)
            values[i] = edges[i % edge_count];
    }
    return values;
}

/// The second argument's edges: each meets all of the first's.
template <typename Float> void slow_edges(std::vector<Float> &y, const std::vector<Float> &x) {
    for (size_t i = 0; i < 81; ++i)
        y[i] = x[i / 9];
}

template <typename Float> using Kernel = void(const Float *, const Float *, Float *);

template <typename Float>
static void compare(Kernel<Float> *kernel, Wide (*host)(Wide, Wide), Wide low, Wide high,
                    Worst &worst) {
    enum { COUNT = 1024 };
    const std::vector<Float> x = arguments<Float>(COUNT, low, high);
    std::vector<Float> y = arguments<Float>(COUNT, low, high);
    slow_edges(y, x);
    Float *dx = to_device(x), *dy = to_device(y), *out = device_array<Float>(COUNT);
    kernel<<<COUNT / 64, 64>>>(dx, dy, out);
    HIP(hipDeviceSynchronize());
    const std::vector<Float> seen = to_host(out, COUNT);
    for (size_t i = 0; i < COUNT; ++i)
        worst.add(x[i], y[i], seen[i], host(x[i], y[i]));
    for (Float *memory : {dx, dy, out})
        HIP(hipFree(memory));
}

static Wide half_value(uint32_t bits) {
    const uint32_t exponent = bits >> 10 & 31, fraction = bits & 1023;
    Wide value = exponent == 31 ? (fraction ? NAN : INFINITY)
                 : exponent     ? ldexpl(1024 + fraction, int(exponent) - 25)
                                : ldexpl(fraction, -24);
    return copysignl(value, bits & 0x8000 ? -1 : 1);
}

static void compare_halves(void (*kernel)(uint16_t *), Wide (*host)(Wide), Worst &worst) {
    enum { COUNT = 65536 };
    uint16_t *out = device_array<uint16_t>(COUNT);
    kernel<<<COUNT / 256, 256>>>(out);
    HIP(hipDeviceSynchronize());
    const std::vector<uint16_t> seen = to_host(out, COUNT);
    for (uint32_t i = 0; i < COUNT; ++i)
        worst.add(half_value(i), 0, half_value(seen[i]), host(half_value(i)));
    HIP(hipFree(out));
}

#define KERNELS(name, arguments, ...)                                                              \
    static __global__ void float_##name(const float *xs, const float *ys, float *out) {            \
        const uint32_t i = blockIdx.x * blockDim.x + threadIdx.x;                                  \
        [[maybe_unused]] const float x = xs[i], y = ys[i];                                         \
        out[i] = name##f arguments;                                                                \
    }                                                                                              \
    static __global__ void double_##name(const double *xs, const double *ys, double *out) {        \
        const uint32_t i = blockIdx.x * blockDim.x + threadIdx.x;                                  \
        [[maybe_unused]] const double x = xs[i], y = ys[i];                                        \
        out[i] = name arguments;                                                                   \
    }
FUNCTIONS(KERNELS)

#define HALF_KERNEL(name, ...)                                                                     \
    static __global__ void half_##name(uint16_t *out) {                                            \
        const uint32_t i = blockIdx.x * blockDim.x + threadIdx.x;                                  \
        out[i] = __half_as_ushort(name(__ushort_as_half(uint16_t(i))));                            \
    }
HALF_FUNCTIONS(HALF_KERNEL)

#define RUN(name, arguments, host, low, high, ulps32, ulps64)                                      \
    {                                                                                              \
        const auto reference = [](Wide x, [[maybe_unused]] Wide y) -> Wide { return host; };       \
        Worst worst32{#name, float_format, ulps32}, worst64{#name, double_format, ulps64};         \
        compare<float>(float_##name, reference, low, high, worst32);                               \
        compare<double>(double_##name, reference, low, high, worst64);                             \
    }
#define RUN_HALF(name, host, ulps)                                                                 \
    {                                                                                              \
        Worst worst{#name, half_format, ulps};                                                     \
        compare_halves(                                                                            \
            half_##name, [](Wide x) -> Wide { return host; }, worst);                              \
    }

int main(int argc, char **argv) {
    if (argc > 1)
        state = strtoull(argv[1], nullptr, 10) * 2 + 1;
    need_gpu();
    FUNCTIONS(RUN)
    HALF_FUNCTIONS(RUN_HALF)
    printf("%u functions, %u beyond their bounds, seed %s\n", function_count, failures,
           argc > 1 ? argv[1] : "0");
    return failures != 0;
}
