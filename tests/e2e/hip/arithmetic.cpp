/* SPDX-License-Identifier: MIT */
/// Arithmetic against the host's, bit for bit where IEEE or the integers leave no choice: integers
/// of 8 to 64 bits, single and double precision, conversions; and within bounds for the library.
#include "hip_e2e.h"

#include <cmath>

static const int COUNT = 512;

struct Integers {
    int8_t i8;
    uint16_t u16;
    int32_t sum, quotient, rest, shifted, popcount, leading, minimum;
    uint32_t high, rotated;
    int64_t product, quotient64, shifted64;
    uint64_t mixed;
};

struct Reals {
    float sum, product, quotient, root, fused, floored, minimum, from_int;
    double dsum, dproduct, dquotient, droot, dfused, from_float;
    int32_t to_int;
    int64_t to_int64;
    bool less, equal, unordered;
};

struct Library {
    float sine, exponential, logarithm, power;
    double dsine, dexponential;
};

template <typename T> __host__ __device__ T least(T a, T b) {
    return a < b ? a : b;
}

__host__ __device__ void integers(int32_t a, int32_t b, Integers *r) {
    const int64_t wide = static_cast<int64_t>(a) * 1000003 + b;
    r->i8 = static_cast<int8_t>(static_cast<uint32_t>(a) * 3 + static_cast<uint32_t>(b));
    r->u16 = static_cast<uint16_t>(static_cast<uint16_t>(a) * static_cast<uint32_t>(b));
    r->sum = static_cast<int32_t>(static_cast<uint32_t>(a) + static_cast<uint32_t>(b));
    r->quotient = b ? a / b : 0;
    r->rest = b ? a % b : 0;
    r->shifted = a >> (b & 31);
    r->popcount = __builtin_popcount(static_cast<uint32_t>(a));
    r->leading = a ? __builtin_clz(static_cast<uint32_t>(a)) : 32;
    r->minimum = least(a, b);
    r->high = static_cast<uint32_t>(
        static_cast<uint64_t>(static_cast<uint32_t>(a)) * static_cast<uint32_t>(b) >> 32);
    r->rotated = static_cast<uint32_t>(a) << 7 | static_cast<uint32_t>(a) >> 25;
    r->product = static_cast<int64_t>(static_cast<uint64_t>(wide) * static_cast<uint64_t>(b));
    r->quotient64 = b ? wide / b : 0;
    r->shifted64 = wide >> (b & 63);
    r->mixed = (static_cast<uint64_t>(wide) << (a & 63)) ^ static_cast<uint64_t>(b);
}

__host__ __device__ void reals(float a, float b, Reals *r) {
    const double x = static_cast<double>(a) * 1.0000001, y = static_cast<double>(b) + 1e-9;
    r->sum = a + b;
    r->product = a * b;
    r->quotient = a / b;
    r->root = sqrtf(fabsf(a));
    r->fused = fmaf(a, b, a);
    r->floored = floorf(a);
    r->minimum = fminf(a, b);
    r->from_int = static_cast<float>(static_cast<int32_t>(b));
    r->dsum = x + y;
    r->dproduct = x * y;
    r->dquotient = x / y;
    r->droot = sqrt(fabs(x));
    r->dfused = fma(x, y, x);
    r->from_float = a;
    r->to_int = static_cast<int32_t>(a);
    r->to_int64 = static_cast<int64_t>(x);
    r->less = a < b;
    r->equal = a == b;
    r->unordered = !(a <= b || a > b);
}

__global__ void run(const int32_t *ints, const float *floats, Integers *i, Reals *r, Library *l) {
    const int t = blockIdx.x * blockDim.x + threadIdx.x;
    integers(ints[t], ints[COUNT + t], i + t);
    reals(floats[t], floats[COUNT + t], r + t);
    const float x = floats[t] * 1e-2f;
    l[t] = {sinf(x),        expf(x * 0.1f),      logf(fabsf(x) + 1), powf(fabsf(x), 0.3f),
            sin(double(x)), exp(double(x) * 0.1)};
}

static bool near(double seen, double expected, double relative) {
    return std::fabs(seen - expected) <= relative * (std::fabs(expected) + 1e-3);
}

template <typename T> static bool same(const T &a, const T &b) {
    return memcmp(&a, &b, sizeof a) == 0;
}

int main() {
    need_gpu();
    std::vector<int32_t> ints(2 * COUNT);
    std::vector<float> floats(2 * COUNT);
    uint32_t state = 1;
    for (int t = 0; t < 2 * COUNT; ++t) {
        state = state * 1664525 + 1013904223;
        ints[t] = static_cast<int32_t>(state) >> (t % 29);
        floats[t] = static_cast<float>(static_cast<int32_t>(state)) * powf(2, t % 20 - 34.0f);
    }
    auto *i = device_array<Integers>(COUNT);
    auto *r = device_array<Reals>(COUNT);
    auto *l = device_array<Library>(COUNT);
    HIP(hipMemset(i, 0, COUNT * sizeof *i));
    HIP(hipMemset(r, 0, COUNT * sizeof *r));
    run<<<COUNT / 128, 128>>>(to_device(ints), to_device(floats), i, r, l);
    HIP(hipGetLastError());
    const auto seen_i = to_host(i, COUNT);
    const auto seen_r = to_host(r, COUNT);
    const auto seen_l = to_host(l, COUNT);
    for (int t = 0; t < COUNT; ++t) {
        Integers wanted_i;
        Reals wanted_r;
        memset(&wanted_i, 0, sizeof wanted_i);
        memset(&wanted_r, 0, sizeof wanted_r);
        integers(ints[t], ints[COUNT + t], &wanted_i);
        reals(floats[t], floats[COUNT + t], &wanted_r);
        for (size_t byte = 0; byte < sizeof wanted_i; ++byte) {
            CHECK(reinterpret_cast<const char *>(&seen_i[t])[byte] ==
                      reinterpret_cast<const char *>(&wanted_i)[byte],
                  "integers of %d and %d differ at byte %zu of the record", ints[t],
                  ints[COUNT + t], byte);
        }
        for (size_t byte = 0; byte < sizeof wanted_r; ++byte) {
            CHECK(reinterpret_cast<const char *>(&seen_r[t])[byte] ==
                      reinterpret_cast<const char *>(&wanted_r)[byte],
                  "reals of %a and %a differ at byte %zu of the record", floats[t],
                  floats[COUNT + t], byte);
        }
        const float x = floats[t] * 1e-2f;
        CHECK(near(seen_l[t].sine, std::sin(double(x)), 1e-5), "sinf(%a) is %a", x, seen_l[t].sine);
        CHECK(near(seen_l[t].dsine, std::sin(double(x)), 1e-14), "sin(%a) is %a", x,
              seen_l[t].dsine);
        CHECK(near(seen_l[t].exponential, std::exp(double(x * 0.1f)), 1e-5), "expf at %a", x);
        CHECK(near(seen_l[t].dexponential, std::exp(double(x) * 0.1), 1e-14), "exp at %a", x);
        CHECK(near(seen_l[t].logarithm, std::log(double(std::fabs(x) + 1)), 1e-5), "logf at %a", x);
        CHECK(near(seen_l[t].power, std::pow(std::fabs(double(x)), double(0.3f)), 1e-5),
              "powf at %a", x);
    }
    return 0;
}
