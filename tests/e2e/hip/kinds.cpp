/* SPDX-License-Identifier: MIT */
/// Kernels of kinds that need the processor's corners: arrays in registers indexed by each lane,
/// spills under few registers, waves that end before a barrier, integers of all widths divided and
/// saturated, wide products, complex numbers, inline assembly, large switches and stacks.
#include "hip_cases.h"

#include <cmath>
#include <hip/hip_complex.h>
#include <limits>

/* ---- integers ---- */

template <typename T> struct integer_results { T quotient, rest, sum, difference, product; };

template <typename T> __host__ __device__ static integer_results<T> calculate(T a, T b) {
    const bool overflows = std::numeric_limits<T>::is_signed && b == T(-1);
    const T divisor = b == 0 || overflows ? T(7) : b;
    using pair = T __attribute__((ext_vector_type(2))); // is not promoted to int
    const pair sums = __builtin_elementwise_add_sat(pair{a, b}, pair{b, b});
    const pair differences = __builtin_elementwise_sub_sat(pair{a, b}, pair{b, a});
    return {T(a / divisor), T(a % divisor), sums.x, T(differences.x ^ differences.y ^ sums.y),
            T(uint64_t(a) * uint64_t(b))};
}

template <typename T>
static __global__ void integers(const T *a, const T *b, integer_results<T> *out) {
    const unsigned i = blockIdx.x * blockDim.x + threadIdx.x;
    out[i] = calculate(a[i], b[i]);
}

template <typename T> static T some(uint32_t &state) {
    static const T edges[] = {
        0, 1, T(-1), std::numeric_limits<T>::max(), std::numeric_limits<T>::min(), 3};
    state = state * 1664525 + 1013904223;
    const uint64_t wide = uint64_t(state ^ state >> 15) * 0x9e3779b97f4a7c15u;
    return state >> 30 == 0 ? edges[state >> 8 & 3] : T(wide >> (state >> 5 & 31));
}

template <typename T> static void integers_of(const char *name) {
    enum { COUNT = 512 };
    std::vector<T> a(COUNT), b(COUNT);
    uint32_t state = 7;
    for (size_t i = 0; i < COUNT; ++i)
        a[i] = some<T>(state), b[i] = some<T>(state);
    auto *out = device_array<integer_results<T>>(COUNT);
    integers<T><<<COUNT / 128, 128>>>(to_device(a), to_device(b), out);
    const auto seen = to_host(out, COUNT);
    for (size_t i = 0; i < COUNT; ++i) {
        const integer_results<T> wanted = calculate(a[i], b[i]);
        CHECK(memcmp(&seen[i], &wanted, sizeof wanted) == 0, "%s %lld, %lld: %lld %lld %lld %lld",
              name, (long long)a[i], (long long)b[i], (long long)seen[i].quotient,
              (long long)seen[i].rest, (long long)seen[i].sum, (long long)seen[i].difference);
    }
}

static void integers_of_all_widths() {
    integers_of<int8_t>("int8_t");
    integers_of<uint8_t>("uint8_t");
    integers_of<int16_t>("int16_t");
    integers_of<uint16_t>("uint16_t");
    integers_of<int32_t>("int32_t");
    integers_of<uint32_t>("uint32_t");
    integers_of<int64_t>("int64_t");
    integers_of<uint64_t>("uint64_t");
}

static __global__ void wide_products(const uint64_t *in, uint64_t *out) {
    const unsigned t = threadIdx.x;
    const uint64_t a = in[t], b = in[t + 64];
    out[t] = __umul64hi(a, b);
    out[t + 64] =
        static_cast<uint64_t>(__mul64hi(static_cast<long long>(a), static_cast<long long>(b)));
    unsigned __int128 sum = static_cast<unsigned __int128>(a) * b + a;
    sum >>= b & 127;
    out[t + 128] = static_cast<uint64_t>(sum);
}

static void products_of_128_bits() {
    std::vector<uint64_t> in(128);
    uint32_t state = 3;
    for (uint64_t &x : in)
        x = some<uint64_t>(state);
    uint64_t *out = device_array<uint64_t>(192);
    wide_products<<<1, 64>>>(to_device(in), out);
    const std::vector<uint64_t> seen = to_host(out, 192);
    for (size_t t = 0; t < 64; ++t) {
        const uint64_t a = in[t], b = in[t + 64];
        const unsigned __int128 product = static_cast<unsigned __int128>(a) * b;
        const __int128 has_sign =
            static_cast<__int128>(static_cast<int64_t>(a)) * static_cast<int64_t>(b);
        CHECK(seen[t] == static_cast<uint64_t>(product >> 64), "unsigned, %zu", t);
        CHECK(seen[t + 64] == static_cast<uint64_t>(has_sign >> 64), "signed, %zu", t);
        CHECK(seen[t + 128] == static_cast<uint64_t>((product + a) >> (b & 127)), "shifted, %zu",
              t);
    }
}

/* ---- registers ---- */

/// Sorts and rotates an array that stays in registers: each lane has its own indices.
template <int SIZE> __host__ __device__ static uint32_t shuffle_array(uint32_t seed) {
    uint32_t values[SIZE], sum = 0;
    for (uint32_t i = 0; i < SIZE; ++i)
        values[i] = seed * (i + 3) ^ i << 20;
    for (uint32_t step = 0; step < 40; ++step) {
        const uint32_t i = (seed >> (step & 15)) % SIZE, j = (seed * 7 + step) % SIZE;
        const uint32_t kept = values[i];
        values[i] = values[j] + step;
        values[j] = kept ^ sum;
        sum += values[(i + j) % SIZE];
    }
    for (uint32_t i = 0; i < SIZE; ++i)
        sum = sum * 31 + values[i];
    return sum;
}

static __global__ void indexed_arrays(uint32_t *out) {
    const uint32_t t = threadIdx.x, seed = t * 2654435761u;
    out[t] = shuffle_array<8>(seed);
    out[t + 64] = shuffle_array<31>(seed);
    out[t + 128] = shuffle_array<128>(seed);
    uint32_t values[16] = {};
    for (uint32_t i = 0; i < 16; ++i)
        values[i] = out[t] + i * i;
    out[t + 192] = values[__builtin_amdgcn_readfirstlane(out[5]) & 15]; // one index for all
}

static void arrays_indexed_by_lane() {
    uint32_t *out = device_array<uint32_t>(256);
    indexed_arrays<<<1, 64>>>(out);
    const std::vector<uint32_t> seen = to_host(out, 256);
    for (uint32_t t = 0; t < 64; ++t) {
        const uint32_t seed = t * 2654435761u, i = seen[5] & 15;
        CHECK(seen[t] == shuffle_array<8>(seed), "8 of lane %u", t);
        CHECK(seen[t + 64] == shuffle_array<31>(seed), "31 of lane %u", t);
        CHECK(seen[t + 128] == shuffle_array<128>(seed), "128 of lane %u", t);
        CHECK(seen[t + 192] == seen[t] + i * i, "one index, lane %u", t);
    }
}

/// More live values than the registers that 1024 work-items leave.
template <int LIVE> __host__ __device__ static double spill(double x, uint32_t rounds) {
    double values[LIVE];
#pragma unroll
    for (int i = 0; i < LIVE; ++i)
        values[i] = x + i;
    for (uint32_t r = 0; r < rounds; ++r) {
#pragma unroll
        for (int i = 0; i < LIVE; ++i)
            values[i] = values[i] * 0.5 + values[(i * 5 + 3) % LIVE];
    }
    double sum = 0;
#pragma unroll
    for (int i = 0; i < LIVE; ++i)
        sum += values[i] * (i % 3 - 1);
    return sum;
}

static __global__ void __launch_bounds__(1024) spilling(double *out) {
    const unsigned t = threadIdx.x;
    out[t] = spill<100>(t * 0.25, 3 + t % 2);
}

static void spills_of_large_groups() {
    double *out = device_array<double>(1024);
    spilling<<<1, 1024>>>(out);
    const std::vector<double> seen = to_host(out, 1024);
    for (uint32_t t = 0; t < 1024; ++t) {
        const double wanted = spill<100>(t * 0.25, 3 + t % 2);
        CHECK(seen[t] == wanted, "%u: %a, not %a", t, seen[t], wanted);
    }
}

__host__ __device__ __attribute__((noinline)) static uint32_t deep(uint32_t n, uint32_t seed) {
    uint32_t frame[64];
    for (uint32_t i = 0; i < 64; ++i)
        frame[i] = seed + i * n;
    const uint32_t below = n == 0 ? 1 : deep(n - 1, frame[seed % 64]);
    return below * 3 + frame[below % 64];
}

static __global__ void stacks(uint32_t *out) {
    out[threadIdx.x] = deep(threadIdx.x % 20, threadIdx.x);
}

static void stacks_of_many_frames() {
    uint32_t *out = device_array<uint32_t>(128);
    stacks<<<1, 128>>>(out);
    const std::vector<uint32_t> seen = to_host(out, 128);
    for (uint32_t t = 0; t < 128; ++t)
        CHECK(seen[t] == deep(t % 20, t), "%u", t);
}

/* ---- control ---- */

/// Waves that have ended don't keep the others at the barrier.
static __global__ void leave_early(uint32_t *out) {
    __shared__ uint32_t group[256];
    const uint32_t t = threadIdx.x, wave = t / 64;
    group[t] = 0;
    if (wave == 1)
        return;
    group[t] = t * 3;
    __builtin_amdgcn_s_barrier();
    if (wave == 3)
        return;
    const uint32_t other = group[(t + 192) % 256];
    __builtin_amdgcn_s_barrier();
    out[t] = other + 1;
}

static void waves_that_end_before_a_barrier() {
    uint32_t *out = to_device(std::vector<uint32_t>(256));
    leave_early<<<1, 256>>>(out);
    const std::vector<uint32_t> seen = to_host(out, 256);
    for (uint32_t t = 0; t < 256; ++t) {
        const uint32_t from = (t + 192) % 256;
        const uint32_t wanted = t / 64 % 2 ? 0 : (from / 64 == 1 ? 0 : from * 3) + 1;
        CHECK(seen[t] == wanted, "%u: %u, not %u", t, seen[t], wanted);
    }
}

__host__ __device__ static uint32_t interpret(uint32_t program, uint32_t x) {
    for (uint32_t pc = 0; pc < 12; ++pc, program = program * 1664525 + 1013904223) {
        switch (program >> 27) {
        case 0:
            x += 5;
            break;
        case 1:
            x ^= x >> 3;
            break;
        case 2:
            x *= 9;
            break;
        case 3:
            if (x & 1)
                continue;
            x /= 3;
            break;
        case 4:
            x = ~x; // fall
        case 5:
            x -= pc;
            break;
        case 6:
            return x;
        case 7:
            x = x << 7 | x >> 25;
            break;
        case 8:
            x |= 0x100;
            break;
        case 9:
            x &= ~0x10u;
            break;
        case 10:
            program ^= x;
            break;
        case 11:
            x = x % 1000;
            break;
        case 12:
            pc += 2;
            break;
        case 13:
            x = __builtin_bswap32(x);
            break;
        case 14:
            x = static_cast<uint32_t>(__builtin_popcount(x)) * 77;
            break;
        case 15:
            x += program;
            break;
        default:
            x = x * 33 + (program >> 27);
            break;
        }
    }
    return x + 1;
}

static __global__ void interpreters(uint32_t *out) {
    const uint32_t t = blockIdx.x * blockDim.x + threadIdx.x;
    out[t] = interpret(t * 2246822519u, t);
}

static void switches_that_diverge() {
    uint32_t *out = device_array<uint32_t>(1024);
    interpreters<<<8, 128>>>(out);
    const std::vector<uint32_t> seen = to_host(out, 1024);
    for (uint32_t t = 0; t < 1024; ++t)
        CHECK(seen[t] == interpret(t * 2246822519u, t), "%u: %u", t, seen[t]);
}

/* ---- complex numbers and assembly ---- */

static __global__ void complex_numbers(const hipDoubleComplex *in, hipDoubleComplex *out) {
    const unsigned t = threadIdx.x;
    hipDoubleComplex z = in[t];
    for (int i = 0; i < 4; ++i)
        z = hipCadd(hipCmul(z, z), in[(t + 1) % 64]);
    out[t] = hipCdiv(hipCsub(z, hipConj(in[t])), in[(t + 5) % 64]);
}

static void products_of_complex_numbers() {
    std::vector<hipDoubleComplex> in(64);
    for (size_t i = 0; i < 64; ++i)
        in[i] = make_hipDoubleComplex(double(i) / 70 - 0.4, 0.3 - double(i % 9) / 20);
    hipDoubleComplex *out = device_array<hipDoubleComplex>(64);
    complex_numbers<<<1, 64>>>(to_device(in), out);
    const auto seen = to_host(out, 64);
    for (size_t t = 0; t < 64; ++t) {
        hipDoubleComplex z = in[t];
        for (int i = 0; i < 4; ++i)
            z = hipCadd(hipCmul(z, z), in[(t + 1) % 64]);
        z = hipCdiv(hipCsub(z, hipConj(in[t])), in[(t + 5) % 64]);
        CHECK(seen[t].x == z.x && seen[t].y == z.y, "%zu: %a %a, not %a %a", t, seen[t].x,
              seen[t].y, z.x, z.y);
    }
}

static __global__ void assembly(uint32_t *out) {
    const uint32_t t = threadIdx.x;
    uint32_t a, b, c, d;
    uint64_t mask;
    asm volatile("v_mul_u32_u24 %0, %1, %1" : "=v"(a) : "v"(t));
    asm volatile("v_mov_b32_sdwa %0, %1 dst_sel:BYTE_2 dst_unused:UNUSED_PAD src0_sel:BYTE_0"
                 : "=v"(b)
                 : "v"(t));
    asm volatile("v_add_u32_dpp %0, %1, %1 row_mirror row_mask:0xf bank_mask:0xf"
                 : "=v"(c)
                 : "v"(t));
    asm volatile("v_cmp_gt_u32 %0, %2, 10\n\ts_nop 4\n\ts_bcnt1_i32_b64 %1, %0"
                 : "=&s"(mask), "=s"(d)
                 : "v"(t)
                 : "scc");
    out[t] = a;
    out[t + 64] = b;
    out[t + 128] = c;
    out[t + 192] = d;
    out[t + 256] = static_cast<uint32_t>(mask >> 32);
    uint32_t accumulated;
    asm volatile("v_accvgpr_write_b32 a3, %1\n\ts_nop 3\n\tv_accvgpr_read_b32 %0, a3"
                 : "=v"(accumulated)
                 : "v"(t * 5)
                 : "a3");
    out[t + 320] = accumulated;
}

static void inline_assembly() {
    uint32_t *out = device_array<uint32_t>(384);
    assembly<<<1, 64>>>(out);
    const std::vector<uint32_t> seen = to_host(out, 384);
    for (uint32_t t = 0; t < 64; ++t) {
        CHECK(seen[t] == t * t, "%u", t);
        CHECK(seen[t + 64] == t << 16, "%u", t);
        CHECK(seen[t + 128] == t + (t & ~15u) + 15 - (t & 15), "%u: %u", t, seen[t + 128]);
        CHECK(seen[t + 192] == 53 && seen[t + 256] == ~0u, "%u", seen[t + 192]);
        CHECK(seen[t + 320] == t * 5, "%u", t);
    }
}

int main(int argc, char **argv) {
    static const hip_case cases[] = {
        {"integers_of_all_widths", integers_of_all_widths},
        {"products_of_128_bits", products_of_128_bits},
        {"arrays_indexed_by_lane", arrays_indexed_by_lane},
        {"spills_of_large_groups", spills_of_large_groups},
        {"stacks_of_many_frames", stacks_of_many_frames},
        {"waves_that_end_before_a_barrier", waves_that_end_before_a_barrier},
        {"switches_that_diverge", switches_that_diverge},
        {"products_of_complex_numbers", products_of_complex_numbers},
        {"inline_assembly", inline_assembly},
    };
    return run_cases(cases, argc, argv);
}
