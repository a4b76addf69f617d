/* SPDX-License-Identifier: MIT */
/// The compiler's builtins for this processor: lanes (DPP with every control, swizzles, permutes,
/// lane reads and writes, compares to masks), bytes and bits, dot products, packed floats, floating
/// point atomics in global, flat and group memory, and the instructions that speak to the hardware.
/// The host computes what AMD's instruction set manual says of each.
#include "hip_cases.h"

#include <cmath>
#include <hip/hip_fp16.h>
#include <limits>
#include <utility>

enum { WAVE = 64 };

/* ---- data-parallel primitives ---- */

/// What a lane gets that reads nothing: its old value, or 0 where BOUND_CTRL is set.
enum { OUTSIDE = -1 };

/* The lane that a lane reads under a control, or OUTSIDE. */
static int dpp_source(int control, int lane) {
    const int row = lane & ~15, at = lane & 15, by = control & 15;
    if (control < 0x100)
        return (lane & ~3) + (control >> (lane & 3) * 2 & 3);
    switch (control & 0x1f0) {
    case 0x100:
        return at + by > 15 ? OUTSIDE : lane + by;
    case 0x110:
        return at - by < 0 ? OUTSIDE : lane - by;
    case 0x120:
        return row + ((at - by) & 15);
    case 0x150:
        return row + by;
    default:
        break;
    }
    switch (control) {
    case 0x130:
        return lane == 63 ? OUTSIDE : lane + 1;
    case 0x134:
        return (lane + 1) % WAVE;
    case 0x138:
        return lane == 0 ? OUTSIDE : lane - 1;
    case 0x13c:
        return (lane + 63) % WAVE;
    case 0x140:
        return row + 15 - at;
    case 0x141:
        return (lane & ~7) + 7 - (lane & 7);
    case 0x142:
        return row == 0 ? OUTSIDE : row - 1;
    case 0x143:
        return lane < 32 ? OUTSIDE : 31;
    default:
        CHECK(false, "control %x", control);
        return 0;
    }
}

/* The broadcasts to following rows write those alone. */
static int dpp_expected(int control, int rows, int banks, bool bound, int lane, const int *in) {
    const int row = lane / 16, old = 1000 + lane;
    const int from = dpp_source(control, lane);
    const bool enabled = (rows >> row & 1) && (banks >> (lane / 4 % 4) & 1);
    if (!enabled)
        return old;
    return from == OUTSIDE ? (bound ? 0 : old) : in[from];
}

template <int CONTROL, int ROWS, int BANKS, bool BOUND>
static __global__ void move_lanes(const int *in, int *out) {
    const int t = static_cast<int>(threadIdx.x);
    out[t] = __builtin_amdgcn_update_dpp(1000 + t, in[t], CONTROL, ROWS, BANKS, BOUND);
}

template <int CONTROL, int ROWS, int BANKS, bool BOUND> static void check_dpp() {
    std::vector<int> in(WAVE);
    for (int i = 0; i < WAVE; ++i)
        in[static_cast<size_t>(i)] = i * 7 + 3;
    static int *from = to_device(in), *to = device_array<int>(WAVE);
    move_lanes<CONTROL, ROWS, BANKS, BOUND><<<1, WAVE>>>(from, to);
    const std::vector<int> seen = to_host(to, WAVE);
    for (int lane = 0; lane < WAVE; ++lane) {
        const int wanted = dpp_expected(CONTROL, ROWS, BANKS, BOUND, lane, in.data());
        CHECK(seen[static_cast<size_t>(lane)] == wanted,
              "control %#x rows %x banks %x bound %d lane %d: %d, not %d", CONTROL, ROWS, BANKS,
              BOUND, lane, seen[static_cast<size_t>(lane)], wanted);
    }
}

template <int FIRST, int... BY> static void check_rows(std::integer_sequence<int, BY...>) {
    (check_dpp<FIRST + 1 + BY, 15, 15, (BY % 2) == 1>(), ...);
}

static void dpp_controls() {
    check_dpp<0x00, 15, 15, false>();
    check_dpp<0xe4, 15, 15, true>();
    check_dpp<0x1b, 15, 15, false>();
    check_dpp<0x39, 5, 15, false>();
    check_dpp<0xb1, 15, 10, true>();
    check_rows<0x100>(std::make_integer_sequence<int, 15>());
    check_rows<0x110>(std::make_integer_sequence<int, 15>());
    check_rows<0x120>(std::make_integer_sequence<int, 15>());
    check_rows<0x150>(std::make_integer_sequence<int, 15>());
    check_dpp<0x130, 15, 15, false>();
    check_dpp<0x134, 15, 15, false>();
    check_dpp<0x138, 15, 15, true>();
    check_dpp<0x13c, 15, 15, false>();
    check_dpp<0x140, 15, 15, false>();
    check_dpp<0x141, 3, 7, true>();
    check_dpp<0x142, 10, 15, false>();
    check_dpp<0x143, 12, 15, false>();
}

/// A sum over the wave with DPP alone, as libraries do it.
static __global__ void sum_by_dpp(const float *in, float *out) {
    float x = in[threadIdx.x];
    const auto add = [&x](int moved) { x += __int_as_float(moved); };
    add(__builtin_amdgcn_update_dpp(0, __float_as_int(x), 0x111, 15, 15, true));
    add(__builtin_amdgcn_update_dpp(0, __float_as_int(x), 0x112, 15, 15, true));
    add(__builtin_amdgcn_update_dpp(0, __float_as_int(x), 0x114, 15, 15, true));
    add(__builtin_amdgcn_update_dpp(0, __float_as_int(x), 0x118, 15, 15, true));
    add(__builtin_amdgcn_update_dpp(0, __float_as_int(x), 0x142, 10, 15, false));
    add(__builtin_amdgcn_update_dpp(0, __float_as_int(x), 0x143, 12, 15, false));
    out[threadIdx.x] = x;
}

static void dpp_prefix_sum() {
    std::vector<float> in(WAVE);
    for (size_t i = 0; i < WAVE; ++i)
        in[i] = static_cast<float>(i * i % 17);
    float *out = device_array<float>(WAVE), sum = 0;
    sum_by_dpp<<<1, WAVE>>>(to_device(in), out);
    const std::vector<float> seen = to_host(out, WAVE);
    for (size_t i = 0; i < WAVE; ++i) {
        sum += in[i];
        CHECK(seen[i] == sum, "lane %zu: %g, not %g", i, static_cast<double>(seen[i]),
              static_cast<double>(sum));
    }
}

/* ---- swizzles and permutes ---- */

template <int PATTERN> static __global__ void swizzle(const int *in, int *out) {
    out[threadIdx.x] = __builtin_amdgcn_ds_swizzle(in[threadIdx.x], PATTERN);
}

static int swizzled(int pattern, int lane) {
    if (pattern & 0x8000)
        return (lane & ~3) + (pattern >> (lane & 3) * 2 & 3);
    const int masked = ((lane & 31 & pattern) | (pattern >> 5 & 31)) ^ (pattern >> 10 & 31);
    return (lane & 32) + masked;
}

template <int... PATTERN> static void check_swizzles(std::integer_sequence<int, PATTERN...>) {
    std::vector<int> in(WAVE);
    for (int i = 0; i < WAVE; ++i)
        in[static_cast<size_t>(i)] = i * 13 + 5;
    int *from = to_device(in), *to = device_array<int>(WAVE);
    const auto check = [&](int pattern) {
        const std::vector<int> seen = to_host(to, WAVE);
        for (int lane = 0; lane < WAVE; ++lane)
            CHECK(seen[static_cast<size_t>(lane)] ==
                      in[static_cast<size_t>(swizzled(pattern, lane))],
                  "pattern %#x lane %d", pattern, lane);
    };
    ((swizzle<PATTERN><<<1, WAVE>>>(from, to), check(PATTERN)), ...);
}

static void swizzles() {
    check_swizzles(
        std::integer_sequence<int, 0x001f, 0x041f, 0x081f, 0x101f, 0x201f, 0x401f, 0x7c1f, 0x03e0,
                              0x0018, 0x2c33, 0x8000, 0x801b, 0x80e4, 0x80b1, 0x8055>());
}

static __global__ void permute(const int *in, const int *at, int *out) {
    const unsigned t = threadIdx.x;
    out[t] = __builtin_amdgcn_ds_bpermute(at[t], in[t]);
    out[t + WAVE] = __builtin_amdgcn_ds_permute(at[t], in[t]);
    out[t + 2 * WAVE] = -1;
    if (t % 3 == 0) // lanes that are not there give 0
        out[t + 2 * WAVE] = __builtin_amdgcn_ds_bpermute(at[t], in[t]);
    out[t + 3 * WAVE] = __builtin_amdgcn_readlane(in[t], at[0] / 4 % WAVE);
    out[t + 4 * WAVE] = -1;
    if (t > 20)
        out[t + 4 * WAVE] = __builtin_amdgcn_readfirstlane(in[t]);
}

static void permutes() {
    std::vector<int> in(WAVE), at(WAVE), pushed(WAVE);
    for (int i = 0; i < WAVE; ++i) {
        in[static_cast<size_t>(i)] = i * 5 + 1;
        at[static_cast<size_t>(i)] = (i * 37 + 11) % WAVE * 4 + i % 4 + i / 16 * 256;
    }
    for (size_t i = 0; i < WAVE; ++i)
        pushed[static_cast<size_t>(at[i] / 4 % WAVE)] = in[i];
    int *out = device_array<int>(5 * WAVE);
    permute<<<1, WAVE>>>(to_device(in), to_device(at), out);
    const std::vector<int> seen = to_host(out, 5 * WAVE);
    for (size_t i = 0; i < WAVE; ++i) {
        const size_t from = static_cast<size_t>(at[i] / 4 % WAVE);
        CHECK(seen[i] == in[from], "lane %zu pulls", i);
        CHECK(seen[i + WAVE] == pushed[i], "lane %zu is pushed", i);
        CHECK(seen[i + 2 * WAVE] == (i % 3 ? -1 : from % 3 ? 0 : in[from]), "lane %zu of some", i);
        CHECK(seen[i + 3 * WAVE] == in[static_cast<size_t>(at[0] / 4 % WAVE)], "lane %zu reads", i);
        CHECK(seen[i + 4 * WAVE] == (i > 20 ? in[21] : -1), "lane %zu reads the first", i);
    }
}

static __global__ void compare_to_masks(const int *in, uint64_t *out) {
    const int x = in[threadIdx.x];
    const uint64_t masks[] = {__builtin_amdgcn_sicmp(x, 5, 40), // signed less
                              __builtin_amdgcn_uicmp(static_cast<unsigned>(x), 9u, 34),
                              __builtin_amdgcn_fcmpf(static_cast<float>(x), 2.0f, 2),
                              __builtin_amdgcn_sicmpl(x, -3l, 33)};
    if (threadIdx.x == 0)
        for (int i = 0; i < 4; ++i)
            out[i] = masks[i];
}

static void masks_of_compares() {
    std::vector<int> in(WAVE);
    uint64_t wanted[4] = {};
    for (int i = 0; i < WAVE; ++i) {
        const int x = in[static_cast<size_t>(i)] = i * 29 % 23 - 11;
        const bool bits[] = {x<5, static_cast<unsigned>(x)> 9u, x > 2, x != -3};
        for (int k = 0; k < 4; ++k)
            wanted[k] |= static_cast<uint64_t>(bits[k]) << i;
    }
    uint64_t *out = device_array<uint64_t>(4);
    compare_to_masks<<<1, WAVE>>>(to_device(in), out);
    const std::vector<uint64_t> seen = to_host(out, 4);
    for (size_t k = 0; k < 4; ++k)
        CHECK(seen[k] == wanted[k], "compare %zu: %llx, not %llx", k,
              static_cast<unsigned long long>(seen[k]), static_cast<unsigned long long>(wanted[k]));
}

/* ---- bytes and bits of three words ---- */

static uint32_t byte_of(uint64_t x, uint32_t n) {
    return static_cast<uint32_t>(x >> n * 8 & 255);
}
static uint32_t far_apart(uint32_t a, uint32_t b) {
    return a > b ? a - b : b - a;
}
static uint32_t sad(uint32_t a, uint32_t b, bool masked) {
    uint32_t sum = 0;
    for (uint32_t n = 0; n < 4; ++n)
        sum += masked && byte_of(b, n) == 0 ? 0 : far_apart(byte_of(a, n), byte_of(b, n));
    return sum;
}
static uint32_t permuted(uint32_t a, uint32_t b, uint32_t select) {
    const uint64_t data = static_cast<uint64_t>(a) << 32 | b;
    uint32_t r = 0;
    for (uint32_t n = 0; n < 4; ++n) {
        const uint32_t s = byte_of(select, n);
        const uint32_t byte = s < 8    ? byte_of(data, s)
                              : s < 12 ? (data >> ((s - 8) * 16 + 15) & 1) * 255
                              : s > 12 ? 255
                                       : 0;
        r |= byte << n * 8;
    }
    return r;
}
static uint32_t averaged(uint32_t a, uint32_t b, uint32_t c) {
    uint32_t r = 0;
    for (uint32_t n = 0; n < 4; ++n)
        r |= (byte_of(a, n) + byte_of(b, n) + (byte_of(c, n) & 1)) >> 1 << n * 8;
    return r;
}
static int64_t field_of(uint32_t x, uint32_t at, uint32_t bits, bool is_signed) {
    const int64_t field = x >> at & ((1u << bits) - 1);
    return is_signed && field >> (bits - 1) ? field - (int64_t(1) << bits) : field;
}
static int64_t dot(uint32_t a, uint32_t b, int64_t c, uint32_t bits, bool is_signed) {
    for (uint32_t at = 0; at < 32; at += bits)
        c += field_of(a, at, bits, is_signed) * field_of(b, at, bits, is_signed);
    return c;
}
static uint32_t held(int64_t x, int64_t low, int64_t high) {
    return static_cast<uint32_t>(x < low ? low : x > high ? high : x);
}
static uint32_t joined(uint32_t low, uint32_t high) {
    return (low & 0xffff) | high << 16;
}

#define I32(x)  static_cast<int>(x)
#define SDOT(x) __builtin_bit_cast(short2_, x)
#define UDOT(x) __builtin_bit_cast(ushort2_, x)
using short2_ = short __attribute__((ext_vector_type(2)));
using ushort2_ = unsigned short __attribute__((ext_vector_type(2)));
static const int64_t least = std::numeric_limits<int32_t>::min();
static const int64_t most = std::numeric_limits<int32_t>::max();
static const int64_t all = std::numeric_limits<uint32_t>::max();

/* The builtin of words a, b and c; what it is. */
#define WORDS(ROW)                                                                                 \
    ROW(__builtin_amdgcn_ubfe(a, b & 31, c & 31), a >> (b & 31) & ((1u << (c & 31)) - 1))          \
    ROW(__builtin_amdgcn_sbfe(a, b & 31, c & 15),                                                  \
        (c & 15 ? I32((I32(a) >> (b & 31)) << (32 - (c & 15))) >> (32 - (c & 15)) : 0))            \
    ROW(__builtin_amdgcn_alignbit(a, b, c),                                                        \
        static_cast<uint32_t>((static_cast<uint64_t>(a) << 32 | b) >> (c & 31)))                   \
    ROW(__builtin_amdgcn_alignbyte(a, b, c),                                                       \
        static_cast<uint32_t>((static_cast<uint64_t>(a) << 32 | b) >> (c & 3) * 8))                \
    ROW(__builtin_amdgcn_perm(a, b, c & 0x0f0f0f0f), permuted(a, b, c & 0x0f0f0f0f))               \
    ROW(__builtin_amdgcn_lerp(a, b, c), averaged(a, b, c))                                         \
    ROW(__builtin_amdgcn_sad_u8(a, b, c), sad(a, b, false) + c)                                    \
    ROW(__builtin_amdgcn_msad_u8(a, b, c), sad(a, b, true) + c)                                    \
    ROW(__builtin_amdgcn_sad_hi_u8(a, b, c), (sad(a, b, false) << 16) + c)                         \
    ROW(__builtin_amdgcn_sad_u16(a, b, c),                                                         \
        far_apart(a & 0xffff, b & 0xffff) + far_apart(a >> 16, b >> 16) + c)                       \
    ROW(__builtin_amdgcn_sdot2(SDOT(a), SDOT(b), I32(c), false),                                   \
        static_cast<uint32_t>(dot(a, b, I32(c), 16, true)))                                        \
    ROW(__builtin_amdgcn_sdot2(SDOT(a), SDOT(b), I32(c), true),                                    \
        held(dot(a, b, I32(c), 16, true), least, most))                                            \
    ROW(__builtin_amdgcn_udot2(UDOT(a), UDOT(b), c, false),                                        \
        static_cast<uint32_t>(dot(a, b, c, 16, false)))                                            \
    ROW(__builtin_amdgcn_udot2(UDOT(a), UDOT(b), c, true),                                         \
        (static_cast<uint64_t>(dot(a, b, 0, 16, false)) + c > all                                  \
             ? ~0u                                                                                 \
             : static_cast<uint32_t>(dot(a, b, c, 16, false))))                                    \
    ROW(__builtin_amdgcn_sdot4(I32(a), I32(b), I32(c), false),                                     \
        static_cast<uint32_t>(dot(a, b, I32(c), 8, true)))                                         \
    ROW(__builtin_amdgcn_sdot4(I32(a), I32(b), I32(c), true),                                      \
        held(dot(a, b, I32(c), 8, true), least, most))                                             \
    ROW(__builtin_amdgcn_udot4(a, b, c, true), held(dot(a, b, c, 8, false), 0, all))               \
    ROW(__builtin_amdgcn_sdot8(I32(a), I32(b), I32(c), true),                                      \
        held(dot(a, b, I32(c), 4, true), least, most))                                             \
    ROW(__builtin_amdgcn_udot8(a, b, c, true), held(dot(a, b, c, 4, false), 0, all))               \
    ROW(__builtin_bit_cast(uint32_t, __builtin_amdgcn_cvt_pk_i16(I32(a), I32(b))),                 \
        joined(held(I32(a), -32768, 32767), held(I32(b), -32768, 32767)))                          \
    ROW(__builtin_bit_cast(uint32_t, __builtin_amdgcn_cvt_pk_u16(a, b)),                           \
        joined(held(a, 0, 65535), held(b, 0, 65535)))                                              \
    ROW(__brev(a), __builtin_bitreverse32(a))                                                      \
    ROW(__mul24(I32(a), I32(b)),                                                                   \
        static_cast<uint32_t>((int64_t(I32(a << 8)) >> 8) * (int64_t(I32(b << 8)) >> 8)))          \
    ROW(__umulhi(a, b), static_cast<uint32_t>(static_cast<uint64_t>(a) * b >> 32))                 \
    ROW(static_cast<uint32_t>(__mulhi(I32(a), I32(b))),                                            \
        static_cast<uint32_t>(static_cast<int64_t>(I32(a)) * I32(b) >> 32))

#define DEVICE_ROW(device, host) *out++ = static_cast<uint32_t>(device);
#define HOST_ROW(device, host)   wanted.push_back({#device, host});
#define COUNT_ROW(device, host)  +1
enum { WORD_ROWS = 0 WORDS(COUNT_ROW) };

static __global__ void compute_words(const uint32_t *in, uint32_t *out) {
    const unsigned t = threadIdx.x;
    const uint32_t a = in[t], b = in[t + WAVE], c = in[t + 2 * WAVE];
    out += t * WORD_ROWS;
    WORDS(DEVICE_ROW)
}

static void bytes_and_bits() {
    static const uint32_t edges[] = {0,          1,          ~0u,        0x80000000, 0x7fffffff,
                                     0x80008000, 0x7fff7fff, 0x80808080, 0x01020304};
    std::vector<uint32_t> in(3 * WAVE);
    uint32_t state = 1;
    for (size_t i = 0; i < in.size(); ++i) {
        state = state * 1664525 + 1013904223;
        in[i] = state >> 28 < 6 ? edges[(state >> 16) % 9] : state ^ state >> 13;
    }
    uint32_t *out = device_array<uint32_t>(WAVE * WORD_ROWS);
    compute_words<<<1, WAVE>>>(to_device(in), out);
    const std::vector<uint32_t> seen = to_host(out, WAVE * WORD_ROWS);
    for (size_t t = 0; t < WAVE; ++t) {
        const uint32_t a = in[t], b = in[t + WAVE], c = in[t + 2 * WAVE];
        std::vector<std::pair<const char *, uint32_t>> wanted;
        WORDS(HOST_ROW)
        for (size_t i = 0; i < wanted.size(); ++i)
            CHECK(seen[t * WORD_ROWS + i] == wanted[i].second, "%s of %x, %x, %x: %x, not %x",
                  wanted[i].first, a, b, c, seen[t * WORD_ROWS + i], wanted[i].second);
    }
}

/* ---- packed floats ---- */

using float2_ = float __attribute__((ext_vector_type(2)));

static __global__ void packed(const float2_ *in, float2_ *out) {
    const unsigned t = threadIdx.x;
    const float2_ a = in[t], b = in[t + WAVE], c = in[t + 2 * WAVE];
    out[t] = a + b;
    out[t + WAVE] = a * b;
    out[t + 2 * WAVE] = __builtin_elementwise_abs(a) * -b;
    out[t + 3 * WAVE] = a.yx + b.xx;
    asm volatile("v_pk_fma_f32 %0, %1, %2, %3" : "=v"(out[t + 4 * WAVE]) : "v"(a), "v"(b), "v"(c));
    float2_ turned;
    asm volatile("v_pk_fma_f32 %0, %1, %2, %3 op_sel:[1,0,0] op_sel_hi:[0,1,1] neg_lo:[0,1,0]"
                 : "=v"(turned)
                 : "v"(a), "v"(b), "v"(c));
    out[t + 5 * WAVE] = turned;
    asm volatile("v_pk_mov_b32 %0, %1, %2 op_sel:[1,0]" : "=v"(turned) : "v"(a), "v"(b));
    out[t + 6 * WAVE] = turned;
}

static void packed_floats() {
    std::vector<float2_> in(3 * WAVE);
    for (size_t i = 0; i < in.size(); ++i)
        in[i] = float2_{static_cast<float>(i * 37 % 101) / 7 - 5, static_cast<float>(i % 13) / 3};
    float2_ *out = device_array<float2_>(7 * WAVE);
    packed<<<1, WAVE>>>(to_device(in), out);
    const std::vector<float2_> seen = to_host(out, 7 * WAVE);
    for (size_t t = 0; t < WAVE; ++t) {
        const float2_ a = in[t], b = in[t + WAVE], c = in[t + 2 * WAVE];
        const float2_ wanted[] = {
            a + b,
            a * b,
            {fabsf(a.x) * -b.x, fabsf(a.y) * -b.y},
            {a.y + b.x, a.x + b.x},
            {fmaf(a.x, b.x, c.x), fmaf(a.y, b.y, c.y)},
            {fmaf(a.y, -b.x, c.x), fmaf(a.x, b.y, c.y)},
            {a.y, b.x},
        };
        for (size_t i = 0; i < 7; ++i)
            CHECK(memcmp(&seen[t + i * WAVE], &wanted[i], sizeof(float2_)) == 0,
                  "form %zu lane %zu: %g %g, not %g %g", i, t,
                  static_cast<double>(seen[t + i * WAVE].x),
                  static_cast<double>(seen[t + i * WAVE].y), static_cast<double>(wanted[i].x),
                  static_cast<double>(wanted[i].y));
    }
}

/* ---- floating point atomics ---- */

using half2_ = _Float16 __attribute__((ext_vector_type(2)));
#define GLOBAL(type, pointer) (__attribute__((address_space(1))) type *)(pointer)
#define GROUP(type, pointer)  (__attribute__((address_space(3))) type *)(pointer)

struct sums {
    double global_sum, least, most, flat_sum, flat_least, flat_most, group_sum, unsafe_sum;
    float float_sum, group_float_sum, unsafe_float_sum, group_float_most;
    half2_ half_sums;
    uint32_t wrapped_up, wrapped_down;
};

static __global__ void add_up(sums *out) {
    __shared__ double group;
    __shared__ float group_float, group_most;
    const int t = static_cast<int>(threadIdx.x + blockIdx.x * blockDim.x);
    if (threadIdx.x == 0)
        group = 0, group_float = 0, group_most = -100;
    __syncthreads();
    __builtin_amdgcn_global_atomic_fadd_f64(GLOBAL(double, &out->global_sum), t * 0.5);
    __builtin_amdgcn_global_atomic_fmin_f64(GLOBAL(double, &out->least), 50.0 - t);
    __builtin_amdgcn_global_atomic_fmax_f64(GLOBAL(double, &out->most), 2.0 * t - 9);
    __builtin_amdgcn_flat_atomic_fadd_f64(&out->flat_sum, t * 0.25);
    __builtin_amdgcn_flat_atomic_fmin_f64(&out->flat_least, 7.0 - t);
    __builtin_amdgcn_flat_atomic_fmax_f64(&out->flat_most, t + 0.125);
    __builtin_amdgcn_ds_atomic_fadd_f64(GROUP(double, &group), t * 2.0);
    unsafeAtomicAdd(&out->unsafe_sum, t * 1.5);
    __builtin_amdgcn_global_atomic_fadd_f32(GLOBAL(float, &out->float_sum), static_cast<float>(t));
    __builtin_amdgcn_ds_faddf(GROUP(float, &group_float), static_cast<float>(t), 0, 0, false);
    __builtin_amdgcn_ds_fmaxf(GROUP(float, &group_most), static_cast<float>(t % 50), 0, 0, false);
    unsafeAtomicAdd(&out->unsafe_float_sum, 0.5f);
    __builtin_amdgcn_global_atomic_fadd_v2f16(GLOBAL(half2_, &out->half_sums),
                                              half2_{_Float16(1), _Float16(-0.5)});
    atomicInc(&out->wrapped_up, 9);
    atomicDec(&out->wrapped_down, 6);
    __syncthreads();
    if (threadIdx.x == 0) {
        atomicAdd(&out->group_sum, group);
        atomicAdd(&out->group_float_sum, group_float);
        if (blockIdx.x == 0)
            out->group_float_most = group_most;
    }
}

static void floating_point_atomics() {
    enum { BLOCKS = 3, SIZE = 128, COUNT = BLOCKS * SIZE };
    sums *out = to_device(std::vector<sums>(1));
    add_up<<<BLOCKS, SIZE>>>(out);
    const sums seen = to_host(out, 1)[0];
    const double triangle = COUNT * (COUNT - 1) / 2.0;
    CHECK(seen.global_sum == triangle * 0.5, "%g", seen.global_sum);
    CHECK(seen.least == 50.0 - (COUNT - 1), "%g", seen.least);
    CHECK(seen.most == 2.0 * (COUNT - 1) - 9, "%g", seen.most);
    CHECK(seen.flat_sum == triangle * 0.25, "%g", seen.flat_sum);
    CHECK(seen.flat_least == 7.0 - (COUNT - 1), "%g", seen.flat_least);
    CHECK(seen.flat_most == COUNT - 1 + 0.125, "%g", seen.flat_most);
    CHECK(seen.group_sum == triangle * 2, "%g", seen.group_sum);
    CHECK(seen.unsafe_sum == triangle * 1.5, "%g", seen.unsafe_sum);
    CHECK(seen.float_sum == static_cast<float>(triangle), "%g",
          static_cast<double>(seen.float_sum));
    CHECK(seen.group_float_sum == static_cast<float>(triangle), "group");
    CHECK(seen.group_float_most == 49, "%g", static_cast<double>(seen.group_float_most));
    CHECK(seen.unsafe_float_sum == COUNT * 0.5f, "unsafe");
    CHECK(seen.half_sums.x == _Float16(COUNT) && seen.half_sums.y == _Float16(COUNT * -0.5),
          "halves");
    CHECK(seen.wrapped_up == COUNT % 10, "%u", seen.wrapped_up);
    uint32_t down = 0;
    for (int i = 0; i < COUNT; ++i)
        down = down == 0 || down > 6 ? 6 : down - 1;
    CHECK(seen.wrapped_down == down, "%u, not %u", seen.wrapped_down, down);
}

/* ---- the hardware ---- */

static __global__ void ask_hardware(uint64_t *out) {
    enum { MODE = 1, GPR_ALLOC = 5, LDS_ALLOC = 6, SHADER_CYCLES_SIZE = 31 << 11 };
    __shared__ uint32_t slots[8];
    const uint64_t before = __builtin_amdgcn_s_memtime(), real = __builtin_amdgcn_s_memrealtime();
    __builtin_amdgcn_s_setprio(3);
    __builtin_amdgcn_s_sleep(1);
    __builtin_amdgcn_s_setprio(0);
    __builtin_amdgcn_s_incperflevel(1);
    __builtin_amdgcn_s_decperflevel(1);
    __builtin_amdgcn_s_dcache_inv();
    __builtin_amdgcn_s_dcache_wb();
    __builtin_amdgcn_buffer_wbinvl1_vol();
    __builtin_amdgcn_s_waitcnt(0);
    __builtin_amdgcn_wave_barrier();
    __builtin_amdgcn_sched_barrier(0);
    const uint32_t mode = __builtin_amdgcn_s_getreg(MODE | SHADER_CYCLES_SIZE);
    const uint32_t lds = __builtin_amdgcn_s_getreg(LDS_ALLOC | SHADER_CYCLES_SIZE);
    slots[threadIdx.x % 8] = threadIdx.x;
    __syncthreads();
    if (threadIdx.x != 5)
        return;
    out[0] = __builtin_amdgcn_s_memtime() - before;
    out[1] = __builtin_amdgcn_s_memrealtime() - real;
    out[2] = mode;
    out[3] = lds >> 12 & 0x1ff;
    out[4] = __builtin_amdgcn_is_shared((const __attribute__((address_space(0))) void *)slots);
    int own = static_cast<int>(threadIdx.x);
    out[5] = __builtin_amdgcn_is_private((const __attribute__((address_space(0))) void *)&own);
    out[6] = __builtin_amdgcn_is_private((const __attribute__((address_space(0))) void *)out);
    out[7] = __builtin_amdgcn_workgroup_size_x();
    out[8] = __builtin_amdgcn_grid_size_x();
    out[9] = __builtin_amdgcn_dispatch_ptr() != nullptr;
    out[10] = slots[5] % 8;
    __builtin_amdgcn_endpgm();
}

static void what_the_hardware_says() {
    uint64_t *out = to_device(std::vector<uint64_t>(11));
    ask_hardware<<<2, 64>>>(out);
    const std::vector<uint64_t> seen = to_host(out, 11);
    CHECK(seen[0] < 1ull << 62 && seen[1] < 1ull << 62, "clocks go forward");
    CHECK((seen[2] & 0xff) == 0xf0 && seen[2] >> 9 & 1, "MODE %llx",
          static_cast<unsigned long long>(seen[2]));
    CHECK(seen[3] >= 1, "group memory is allocated");
    CHECK(seen[4] == 1 && seen[5] == 1 && seen[6] == 0, "%d %d %d", int(seen[4]), int(seen[5]),
          int(seen[6]));
    CHECK(seen[7] == 64 && seen[8] == 128, "sizes");
    CHECK(seen[9] == 1 && seen[10] == 5, "pointers");
}

int main(int argc, char **argv) {
    static const hip_case cases[] = {
        {"dpp_controls", dpp_controls},
        {"dpp_prefix_sum", dpp_prefix_sum},
        {"swizzles", swizzles},
        {"permutes", permutes},
        {"masks_of_compares", masks_of_compares},
        {"bytes_and_bits", bytes_and_bits},
        {"packed_floats", packed_floats},
        {"floating_point_atomics", floating_point_atomics},
        {"what_the_hardware_says", what_the_hardware_says},
    };
    return run_cases(cases, argc, argv);
}
