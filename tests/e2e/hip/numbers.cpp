/* SPDX-License-Identifier: MIT */
/// Types and functions of the device beyond int and float: half and bfloat16, vector types, bit
/// intrinsics, conversions with a rounding of their own, and the mathematical library.
#include "hip_cases.h"

#include <cmath>
#include <hip/hip_bfloat16.h>
#include <hip/hip_fp16.h>

static const int COUNT = 256;

struct halves {
    float sum, product, quotient, root, fused, low, high, doubled;
    int less, truncated;
};

__global__ void half_operations(const float *a, const float *b, halves *out) {
    const int i = static_cast<int>(threadIdx.x);
    const __half x = __float2half(a[i]), y = __float2half(b[i]);
    halves *r = out + i;
    r->sum = __half2float(__hadd(x, y));
    r->product = __half2float(__hmul(x, y));
    r->quotient = __half2float(__hdiv(x, y));
    r->root = __half2float(hsqrt(__habs(x)));
    r->fused = __half2float(__hfma(x, y, x));
    const __half2 pair = __halves2half2(x, y), twice = __hadd2(pair, pair);
    r->low = __low2float(pair);
    r->high = __high2float(pair);
    r->doubled = __half2float(__low2half(twice)) + __half2float(__high2half(twice));
    r->less = __hlt(x, y);
    r->truncated = __half2int_rz(x);
}

static float as_half(double value) {
    return static_cast<float>(static_cast<_Float16>(value));
}

static void half_precision() {
    std::vector<float> a(COUNT), b(COUNT);
    for (size_t i = 0; i < COUNT; ++i) {
        a[i] = as_half(static_cast<double>(i) * 0.37 - 40);
        b[i] = as_half(static_cast<double>(i % 17) * 0.75 + 0.5);
    }
    float *da = to_device(a), *db = to_device(b);
    halves *out = device_array<halves>(COUNT);
    half_operations<<<1, COUNT>>>(da, db, out);
    const std::vector<halves> seen = to_host(out, COUNT);
    for (size_t i = 0; i < COUNT; ++i) {
        const double x = a[i], y = b[i];
        const halves &s = seen[i];
        CHECK(s.sum == as_half(x + y) && s.product == as_half(x * y), "%g, %g", x, y);
        CHECK(s.fused == as_half(x * y + x), "fused %g, %g: %g", x, y, s.fused);
        CHECK(fabs(s.quotient - x / y) <= fabs(x / y) / 1024, "%g / %g: %g", x, y, s.quotient);
        CHECK(fabs(s.root - sqrt(fabs(x))) <= sqrt(fabs(x)) / 1024, "root of %g: %g", x, s.root);
        CHECK(s.low == a[i] && s.high == b[i], "%g, %g", x, y);
        CHECK(s.doubled == as_half(2 * x) + as_half(2 * y), "%g, %g", x, y);
        CHECK(s.less == (x < y) && s.truncated == static_cast<int>(x), "%g, %g: %d", x, y,
              s.truncated);
    }
    HIP(hipFree(da));
    HIP(hipFree(db));
    HIP(hipFree(out));
}

__global__ void brain_floats(const float *in, float *out) {
    const int i = static_cast<int>(threadIdx.x);
    const hip_bfloat16 x(in[i]), y(1.5f);
    out[i] = static_cast<float>(x * y + x);
}

static float as_brain_float(float value) {
    uint32_t bits;
    memcpy(&bits, &value, 4);
    bits = (bits + 0x7fff + (bits >> 16 & 1)) & 0xffff0000u;
    memcpy(&value, &bits, 4);
    return value;
}

static void brain_precision() {
    std::vector<float> in(COUNT);
    for (size_t i = 0; i < COUNT; ++i) {
        in[i] = static_cast<float>(i) * 1.37f - 100;
    }
    float *device = to_device(in), *out = device_array<float>(COUNT);
    brain_floats<<<1, COUNT>>>(device, out);
    const std::vector<float> seen = to_host(out, COUNT);
    for (size_t i = 0; i < COUNT; ++i) {
        const float x = as_brain_float(in[i]);
        const float wanted = as_brain_float(as_brain_float(x * 1.5f) + x);
        CHECK(seen[i] == wanted, "%g: %g, not %g", in[i], seen[i], wanted);
    }
    HIP(hipFree(device));
    HIP(hipFree(out));
}

__global__ void vectors(const char4 *c, const short2 *s, const uchar3 *u, const float4 *f,
                        const double2 *d, const longlong2 *l, float4 *out, int3 *ints) {
    const int i = static_cast<int>(threadIdx.x);
    float4 sum = f[i] + make_float4(1, 2, 3, 4) * f[i];
    sum.x += static_cast<float>(c[i].x + s[i].y);
    sum.y -= static_cast<float>(u[i].z);
    sum.z *= static_cast<float>(d[i].x);
    sum.w = static_cast<float>(l[i].y - l[i].x);
    out[i] = sum;
    ints[i] = make_int3(c[i].w, s[i].x, u[i].x + u[i].y);
}

static void vector_types() {
    std::vector<char4> c(COUNT);
    std::vector<short2> s(COUNT);
    std::vector<uchar3> u(COUNT);
    std::vector<float4> f(COUNT);
    std::vector<double2> d(COUNT);
    std::vector<longlong2> l(COUNT);
    for (int i = 0; i < COUNT; ++i) {
        const size_t at = static_cast<size_t>(i);
        const float r = static_cast<float>(i);
        c[at] =
            make_char4(static_cast<signed char>(i % 100), 1, 2, static_cast<signed char>(-i / 2));
        s[at] = make_short2(static_cast<short>(-i * 100), static_cast<short>(i * 3));
        u[at] =
            make_uchar3(static_cast<unsigned char>(i), 200, static_cast<unsigned char>(255 - i));
        f[at] = make_float4(r, r + 1, r + 2, r + 3);
        d[at] = make_double2(i * 0.5, i);
        l[at] = make_longlong2(1ll << 40, (1ll << 40) + i);
    }
    char4 *dc = to_device(c);
    short2 *ds = to_device(s);
    uchar3 *du = to_device(u);
    float4 *df = to_device(f), *out = device_array<float4>(COUNT);
    double2 *dd = to_device(d);
    longlong2 *dl = to_device(l);
    int3 *ints = device_array<int3>(COUNT);
    vectors<<<1, COUNT>>>(dc, ds, du, df, dd, dl, out, ints);
    const std::vector<float4> seen = to_host(out, COUNT);
    const std::vector<int3> whole = to_host(ints, COUNT);
    for (int i = 0; i < COUNT; ++i) {
        const size_t at = static_cast<size_t>(i);
        const float r = static_cast<float>(i);
        CHECK(seen[at].x == 2 * r + static_cast<float>(i % 100 + i * 3), "%d: x %g", i, seen[at].x);
        CHECK(seen[at].y == 3 * (r + 1) - static_cast<float>(255 - i), "%d: y %g", i, seen[at].y);
        CHECK(seen[at].z == 4 * (r + 2) * (r * 0.5f) && seen[at].w == r, "%d: z %g", i, seen[at].z);
        CHECK(whole[at].x == -i / 2 && whole[at].y == -i * 100 && whole[at].z == i + 200, "%d", i);
    }
    for (void *memory : std::initializer_list<void *>{dc, ds, du, df, out, dd, dl, ints}) {
        HIP(hipFree(memory));
    }
}

struct bits {
    uint32_t leading, trailing, first, population, reversed, permuted, high, sum24, select, funnel;
    uint32_t differences, rotated;
    uint64_t leading64, population64, reversed64, high64;
};

__host__ __device__ static uint64_t reverse_bits(uint64_t value, int count) {
    uint64_t reversed = 0;
    for (int i = 0; i < count; ++i) {
        reversed |= (value >> i & 1) << (count - 1 - i);
    }
    return reversed;
}

__global__ void bit_intrinsics(const uint32_t *a, const uint32_t *b, bits *out) {
    const int i = static_cast<int>(threadIdx.x);
    const uint32_t x = a[i], y = b[i];
    const unsigned long long wide = static_cast<unsigned long long>(x) << 32 | y;
    bits r;
    r.leading = static_cast<uint32_t>(__clz(static_cast<int>(x)));
    r.trailing = x ? static_cast<uint32_t>(__builtin_ctz(x)) : 32;
    r.first = static_cast<uint32_t>(__ffs(static_cast<int>(x)));
    r.population = static_cast<uint32_t>(__popc(x));
    r.reversed = __brev(x);
    r.permuted = __byte_perm(x, y, 0x6240);
    r.high = __umulhi(x, y);
    r.sum24 = __umul24(x, y);
    r.select = __builtin_amdgcn_ubfe(x, 5, 9);
    r.funnel = __builtin_amdgcn_alignbit(x, y, 7);
    r.differences = __usad(x, y, 3);
    r.rotated = x << (y % 31 + 1) | x >> (31 - y % 31);
    r.leading64 = static_cast<uint64_t>(__clzll(static_cast<long long>(wide)));
    r.population64 = static_cast<uint64_t>(__popcll(wide));
    r.reversed64 = __brevll(wide);
    r.high64 = __umul64hi(wide, wide + 12345);
    out[i] = r;
}

static void intrinsics_on_bits() {
    std::vector<uint32_t> a(COUNT), b(COUNT);
    uint32_t state = 12345;
    for (size_t i = 0; i < COUNT; ++i) {
        state = state * 1664525 + 1013904223;
        a[i] = i == 0 ? 0 : i == 1 ? ~0u : state >> i % 32;
        state = state * 1664525 + 1013904223;
        b[i] = state;
    }
    uint32_t *da = to_device(a), *db = to_device(b);
    bits *out = device_array<bits>(COUNT);
    bit_intrinsics<<<1, COUNT>>>(da, db, out);
    const std::vector<bits> seen = to_host(out, COUNT);
    for (size_t i = 0; i < COUNT; ++i) {
        const uint32_t x = a[i], y = b[i];
        const uint64_t wide = static_cast<uint64_t>(x) << 32 | y;
        const bits &s = seen[i];
        const uint32_t leading = x ? static_cast<uint32_t>(__builtin_clz(x)) : 32;
        const uint32_t trailing = x ? static_cast<uint32_t>(__builtin_ctz(x)) : 32;
        CHECK(s.leading == leading && s.trailing == trailing, "%x: %u %u", x, s.leading,
              s.trailing);
        CHECK(s.first == (x ? trailing + 1 : 0), "%x: first %u", x, s.first);
        CHECK(s.population == static_cast<uint32_t>(__builtin_popcount(x)), "%x", x);
        CHECK(s.reversed == reverse_bits(x, 32) && s.reversed64 == reverse_bits(wide, 64), "%x", x);
        const uint32_t permuted =
            (x & 0xff) | (y & 0xff) << 8 | (x >> 16 & 0xff) << 16 | (y >> 16 & 0xff) << 24;
        CHECK(s.permuted == permuted, "%x %x: %x", x, y, s.permuted);
        CHECK(s.high == static_cast<uint64_t>(x) * y >> 32, "%x %x: high %x", x, y, s.high);
        CHECK(s.sum24 ==
                  static_cast<uint32_t>((x & 0xffffff) * static_cast<uint64_t>(y & 0xffffff)),
              "%x %x: %x", x, y, s.sum24);
        CHECK(s.select == (x >> 5 & 0x1ff) && s.funnel == static_cast<uint32_t>(wide >> 7), "%x",
              x);
        CHECK(s.differences == (x > y ? x - y : y - x) + 3, "%x %x", x, y);
        const uint32_t by = y % 31 + 1;
        CHECK(s.rotated == (x << by | x >> (32 - by)), "%x by %u", x, by);
        CHECK(s.leading64 == (wide ? static_cast<uint64_t>(__builtin_clzll(wide)) : 64), "%x", x);
        CHECK(s.population64 == static_cast<uint64_t>(__builtin_popcountll(wide)), "%x", x);
        CHECK(s.high64 == static_cast<uint64_t>(
                              static_cast<unsigned __int128>(wide) * (wide + 12345) >> 64),
              "%x %x", x, y);
    }
    HIP(hipFree(da));
    HIP(hipFree(db));
    HIP(hipFree(out));
}

struct conversions {
    int down, up, nearest, zero;
    float from_low, from_high;
    long long wide;
    uint32_t bits, saturated;
};

__global__ void convert(const float *in, conversions *out) {
    const float x = in[threadIdx.x];
    conversions r;
    r.down = __float2int_rd(x);
    r.up = __float2int_ru(x);
    r.nearest = __float2int_rn(x);
    r.zero = __float2int_rz(x);
    r.from_low = __int2float_rn(r.down * 16777 + 1);
    r.from_high = static_cast<float>(static_cast<double>(x) * 1e30);
    r.wide = __double2ll_rn(static_cast<double>(x) * 1e9);
    r.bits = __float_as_uint(x);
    r.saturated = __float_as_uint(__saturatef(x));
    out[threadIdx.x] = r;
}

static void conversions_and_roundings() {
    std::vector<float> in(COUNT);
    for (int i = 0; i < COUNT; ++i) {
        in[static_cast<size_t>(i)] =
            static_cast<float>(i - 128) * 0.25f * static_cast<float>(i % 7);
    }
    float *device = to_device(in);
    conversions *out = device_array<conversions>(COUNT);
    convert<<<1, COUNT>>>(device, out);
    const std::vector<conversions> seen = to_host(out, COUNT);
    for (size_t i = 0; i < COUNT; ++i) {
        const float x = in[i];
        const conversions &s = seen[i];
        CHECK(s.down == static_cast<int>(floorf(x)) && s.up == static_cast<int>(ceilf(x)), "%g", x);
        CHECK(s.nearest == static_cast<int>(nearbyintf(x)) && s.zero == static_cast<int>(x), "%g",
              x);
        CHECK(s.from_low == static_cast<float>(s.down * 16777 + 1), "%d", s.down);
        CHECK(s.from_high == static_cast<float>(static_cast<double>(x) * 1e30), "%g", x);
        CHECK(s.wide == llrint(static_cast<double>(x) * 1e9), "%g: %lld", x, s.wide);
        uint32_t bits;
        memcpy(&bits, &x, 4);
        CHECK(s.bits == bits, "%g: %x", x, s.bits);
        float saturated;
        memcpy(&saturated, &s.saturated, 4);
        CHECK(saturated == fminf(fmaxf(x, 0), 1), "%g: %g", x, saturated);
    }
    HIP(hipFree(device));
    HIP(hipFree(out));
}

static const int FUNCTIONS = 24;

/// Each function at one place; x is between 0.1 and 4.
template <typename T> __host__ __device__ void functions(T x, T *out) {
    out[0] = sin(x * 100);
    out[1] = cos(x * 1000);
    out[2] = tan(x / 4);
    out[3] = asin(x / 5);
    out[4] = acos(x / 5);
    out[5] = atan2(x, x - 2);
    out[6] = sinh(x);
    out[7] = tanh(x);
    out[8] = exp(x);
    out[9] = exp2(x * 3);
    out[10] = expm1(x / 100);
    out[11] = log(x);
    out[12] = log2(x);
    out[13] = log10(x);
    out[14] = log1p(x);
    out[15] = pow(x, x);
    out[16] = cbrt(x);
    out[17] = hypot(x, x + 1);
    out[18] = erf(x / 2);
    out[19] = erfc(x / 2);
    out[20] = tgamma(x + 1);
    out[21] = lgamma(x + 2);
    out[22] = fmod(x * 10, static_cast<T>(0.75));
    out[23] = sqrt(x) + fabs(floor(-x)) + round(x) + trunc(x) + copysign(x, static_cast<T>(-1));
}

template <typename T> __global__ void evaluate(const T *in, T *out) {
    functions(in[threadIdx.x], out + threadIdx.x * FUNCTIONS);
}

/// Against the host's in double precision; the bound is in units of the type's last place of the
/// larger of the result and 1/4 (sine near its zeros).
template <typename T> static void library_of(double ulp, double bound) {
    std::vector<T> in(128);
    for (size_t i = 0; i < in.size(); ++i) {
        in[i] = static_cast<T>(0.1 + static_cast<double>(i) * 0.03);
    }
    T *device = to_device(in), *out = device_array<T>(in.size() * FUNCTIONS);
    evaluate<T><<<1, 128>>>(device, out);
    const std::vector<T> seen = to_host(out, in.size() * FUNCTIONS);
    for (size_t i = 0; i < in.size(); ++i) {
        T wanted[FUNCTIONS];
        functions<T>(in[i], wanted);
        for (size_t f = 0; f < FUNCTIONS; ++f) {
            const double got = static_cast<double>(seen[i * FUNCTIONS + f]);
            const double want = static_cast<double>(wanted[f]);
            CHECK(fabs(got - want) <= bound * ulp * fmax(fabs(want), 0.25),
                  "function %zu of %g: %.17g, not %.17g", f, static_cast<double>(in[i]), got, want);
        }
    }
    HIP(hipFree(device));
    HIP(hipFree(out));
}

static void mathematical_library() {
    library_of<float>(0x1p-23, 16);
    library_of<double>(0x1p-52, 16);
}

int main(int argc, char **argv) {
    static const hip_case cases[] = {
        {"half_precision", half_precision},
        {"brain_precision", brain_precision},
        {"vector_types", vector_types},
        {"intrinsics_on_bits", intrinsics_on_bits},
        {"conversions_and_roundings", conversions_and_roundings},
        {"mathematical_library", mathematical_library},
    };
    return run_cases(cases, argc, argv);
}
