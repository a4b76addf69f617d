/* SPDX-License-Identifier: MIT */
/// Every matrix builtin of gfx90a against sums of products: all shapes and types, with broadcast A
/// blocks (cbsz, abid) and turned B lanes (blgp). Elements are small integers, so that all sums are
/// exact. Where elements lie is written down from AMD's description of the instructions: an operand
/// has rows, then blocks, then groups of k along the lanes; a result has columns and blocks, or
/// columns and groups of four rows (of f64: rows) along the lanes, the rest in registers.
#include "hip_cases.h"

#include <type_traits>
#include <utility>

template <typename T, int COUNT> using vector = T __attribute__((ext_vector_type(COUNT)));
using half4 = vector<_Float16, 4>;
using short2_ = vector<short, 2>;
using short4_ = vector<short, 4>;

/* Result element, operand, elements of k in an operand, name, rows = columns, k, blocks. */
#define MATRICES(ROW)                                                                              \
    ROW(float, float, 1, f32_32x32x1f32, 32, 1, 2)                                                 \
    ROW(float, float, 1, f32_16x16x1f32, 16, 1, 4)                                                 \
    ROW(float, float, 1, f32_4x4x1f32, 4, 1, 16)                                                   \
    ROW(float, float, 1, f32_32x32x2f32, 32, 2, 1)                                                 \
    ROW(float, float, 1, f32_16x16x4f32, 16, 4, 1)                                                 \
    ROW(float, half4, 4, f32_32x32x4f16, 32, 4, 2)                                                 \
    ROW(float, half4, 4, f32_16x16x4f16, 16, 4, 4)                                                 \
    ROW(float, half4, 4, f32_4x4x4f16, 4, 4, 16)                                                   \
    ROW(float, half4, 4, f32_32x32x8f16, 32, 8, 1)                                                 \
    ROW(float, half4, 4, f32_16x16x16f16, 16, 16, 1)                                               \
    ROW(int, int, 4, i32_32x32x4i8, 32, 4, 2)                                                      \
    ROW(int, int, 4, i32_16x16x4i8, 16, 4, 4)                                                      \
    ROW(int, int, 4, i32_4x4x4i8, 4, 4, 16)                                                        \
    ROW(int, int, 4, i32_32x32x8i8, 32, 8, 1)                                                      \
    ROW(int, int, 4, i32_16x16x16i8, 16, 16, 1)                                                    \
    ROW(float, short2_, 2, f32_32x32x2bf16, 32, 2, 2)                                              \
    ROW(float, short2_, 2, f32_16x16x2bf16, 16, 2, 4)                                              \
    ROW(float, short2_, 2, f32_4x4x2bf16, 4, 2, 16)                                                \
    ROW(float, short2_, 2, f32_32x32x4bf16, 32, 4, 1)                                              \
    ROW(float, short2_, 2, f32_16x16x8bf16, 16, 8, 1)                                              \
    ROW(float, short4_, 4, f32_32x32x4bf16_1k, 32, 4, 2)                                           \
    ROW(float, short4_, 4, f32_16x16x4bf16_1k, 16, 4, 4)                                           \
    ROW(float, short4_, 4, f32_4x4x4bf16_1k, 4, 4, 16)                                             \
    ROW(float, short4_, 4, f32_32x32x8bf16_1k, 32, 8, 1)                                           \
    ROW(float, short4_, 4, f32_16x16x16bf16_1k, 16, 16, 1)                                         \
    ROW(double, double, 1, f64_16x16x4f64, 16, 4, 1)                                               \
    ROW(double, double, 1, f64_4x4x4f64, 4, 4, 4)

/// The element at `index` of an operand, from a small integer.
static void place(float &to, int, int value) {
    to = static_cast<float>(value);
}
static void place(double &to, int, int value) {
    to = value;
}
static void place(half4 &to, int index, int value) {
    to[index] = static_cast<_Float16>(value);
}
static void place(int &to, int index, int value) {
    const uint32_t byte = static_cast<uint32_t>(value & 255) << index * 8;
    to = static_cast<int>((static_cast<uint32_t>(to) & ~(255u << index * 8)) | byte);
}
/// The upper half of a float: exact for small integers.
template <typename Shorts> static void place(Shorts &to, int index, int value) {
    const float x = static_cast<float>(value);
    uint32_t bits;
    memcpy(&bits, &x, sizeof bits);
    to[index] = static_cast<short>(bits >> 16);
}

struct shape {
    int size, depth, blocks, per_lane;
};

static int operand_lane(const shape &s, int row, int k, int block) {
    return row + s.size * (block + s.blocks * (k / s.per_lane));
}

/* The lane, and the register in .second, of a result's element. */
static std::pair<int, int> result_place(const shape &s, bool is_double, int i, int j, int block) {
    if (is_double && s.size == 4)
        return {16 * i + 4 * block + j, 0};
    if (is_double)
        return {16 * (i % 4) + j, i / 4};
    if (s.size == 4)
        return {4 * block + j, i};
    const int groups = 64 / s.size; // of four rows, one after the other
    const int registers = s.size * s.size / 64;
    return {s.size * (i / 4 % groups) + j, registers * block + i / (4 * groups) * 4 + i % 4};
}

/* The lane whose B value a lane gets. */
static int turned(int lane, int blgp) {
    switch (blgp) {
    case 0:
        return lane;
    case 1:
        return lane % 32;
    case 2:
        return lane % 32 + 32;
    case 3:
        return (lane + 16) % 64;
    default:
        return lane % 16 + (blgp - 4) * 16;
    }
}

template <typename D, typename S> struct problem {
    shape s;
    int cbsz, abid, blgp;
    int a[64][4], b[64][4]; // by lane and element of the operand
    static constexpr bool is_double = std::is_same<D, double>::value;

    void fill() {
        uint32_t state = 12345;
        for (int lane = 0; lane < 64; ++lane) {
            for (int index = 0; index < 4; ++index) {
                a[lane][index] = static_cast<int>((state = state * 1664525 + 1013904223) >> 28) - 7;
                b[lane][index] = static_cast<int>((state = state * 1664525 + 1013904223) >> 28) - 9;
            }
        }
    }
    int expected(int i, int j, int block) const {
        const int group = 1 << cbsz, from = (block & ~(group - 1)) + (cbsz ? abid : 0);
        int sum = i * 3 - j + block;
        for (int k = 0; k < s.depth; ++k) {
            const int lane = turned(operand_lane(s, j, k, block), blgp);
            sum += a[operand_lane(s, i, k, from)][k % s.per_lane] * b[lane][k % s.per_lane];
        }
        return sum;
    }
    template <typename Vector>
    void check(void (*kernel)(const S *, const S *, Vector *), const char *name) {
        std::vector<S> lanes_a(64), lanes_b(64);
        std::vector<Vector> c(64);
        D *values = reinterpret_cast<D *>(c.data());
        const size_t registers = sizeof(Vector) / sizeof(D);
        fill();
        for (int lane = 0; lane < 64; ++lane) {
            for (int index = 0; index < s.per_lane; ++index) {
                place(lanes_a[static_cast<size_t>(lane)], index, a[lane][index]);
                place(lanes_b[static_cast<size_t>(lane)], index, b[lane][index]);
            }
        }
        std::vector<D> wanted(64 * registers);
        for (int block = 0; block < s.blocks; ++block) {
            for (int i = 0; i < s.size; ++i) {
                for (int j = 0; j < s.size; ++j) {
                    const auto [lane, at] = result_place(s, is_double, i, j, block);
                    const size_t index =
                        static_cast<size_t>(lane) * registers + static_cast<size_t>(at);
                    values[index] = static_cast<D>(i * 3 - j + block);
                    wanted[index] = static_cast<D>(expected(i, j, block));
                }
            }
        }
        S *da = to_device(lanes_a), *db = to_device(lanes_b);
        Vector *dc = to_device(c);
        kernel<<<1, 64>>>(da, db, dc);
        c = to_host(dc, 64);
        values = reinterpret_cast<D *>(c.data());
        for (size_t i = 0; i < wanted.size(); ++i)
            CHECK(values[i] == wanted[i],
                  "%s cbsz %d abid %d blgp %d lane %zu register %zu: %g, %g", name, cbsz, abid,
                  blgp, i / registers, i % registers, static_cast<double>(values[i]),
                  static_cast<double>(wanted[i]));
        for (void *memory :
             {static_cast<void *>(da), static_cast<void *>(db), static_cast<void *>(dc)})
            HIP(hipFree(memory));
    }
};

/* A single register is no vector. */
template <typename D, int COUNT>
using result = typename std::conditional<COUNT == 1, D, vector<D, COUNT == 1 ? 2 : COUNT>>::type;

#define MATRIX(D, S, per_lane, name, size, depth, blocks)                                          \
    template <int CBSZ, int ABID, int BLGP>                                                        \
    static __global__ void run_##name(const S *a, const S *b,                                      \
                                      result<D, size * size * blocks / 64> *c) {                   \
        const unsigned t = threadIdx.x;                                                            \
        c[t] = __builtin_amdgcn_mfma_##name(a[t], b[t], c[t], CBSZ, ABID, BLGP);                   \
    }                                                                                              \
    template <int CBSZ, int ABID, int BLGP> static void test_##name() {                            \
        problem<D, S> p{{size, depth, blocks, per_lane}, CBSZ, ABID, BLGP, {}, {}};                \
        p.check(run_##name<CBSZ, ABID, BLGP>, #name);                                              \
    }
MATRICES(MATRIX)

#define PLAIN(D, S, per_lane, name, size, depth, blocks) test_##name<0, 0, 0>();

static void all_shapes_and_types() {
    MATRICES(PLAIN)
}

static void blocks_of_a_are_broadcast() {
    test_f32_32x32x1f32<1, 0, 0>();
    test_f32_32x32x1f32<1, 1, 0>();
    test_f32_16x16x4f16<1, 1, 0>();
    test_f32_16x16x4f16<2, 3, 0>();
    test_i32_4x4x4i8<1, 1, 0>();
    test_i32_4x4x4i8<2, 2, 0>();
    test_f32_4x4x4bf16_1k<3, 5, 0>();
    test_f32_4x4x1f32<4, 11, 0>();
}

static void lanes_of_b_are_turned() {
    test_f32_32x32x1f32<0, 0, 1>();
    test_f32_32x32x2f32<0, 0, 2>();
    test_i32_16x16x16i8<0, 0, 3>();
    test_f32_16x16x16f16<0, 0, 4>();
    test_f32_16x16x4bf16_1k<0, 0, 5>();
    test_f32_4x4x4f16<0, 0, 6>();
    test_f32_4x4x1f32<2, 1, 7>();
}

/// C = A B of 64 x 64 x 64 floats by waves of 32 x 32, as libraries do it.
static __global__ void multiply(const float *a, const float *b, float *c) {
    const int lane = static_cast<int>(threadIdx.x), row = lane % 32, half = lane / 32;
    const int i0 = static_cast<int>(blockIdx.y) * 32, j0 = static_cast<int>(blockIdx.x) * 32;
    vector<float, 16> sum = {};
    for (int k = 0; k < 64; k += 2)
        sum = __builtin_amdgcn_mfma_f32_32x32x2f32(a[(i0 + row) * 64 + k + half],
                                                   b[(k + half) * 64 + j0 + row], sum, 0, 0, 0);
    for (int r = 0; r < 16; ++r)
        c[(i0 + r / 4 * 8 + half * 4 + r % 4) * 64 + j0 + row] = sum[r];
}

static void a_product_of_tiles() {
    std::vector<float> a(64 * 64), b(64 * 64);
    for (size_t i = 0; i < a.size(); ++i) {
        a[i] = static_cast<float>(static_cast<int>(i * 7 % 23) - 11);
        b[i] = static_cast<float>(static_cast<int>(i * 5 % 19) - 9);
    }
    float *c = device_array<float>(64 * 64);
    multiply<<<dim3(2, 2), 64>>>(to_device(a), to_device(b), c);
    const std::vector<float> seen = to_host(c, 64 * 64);
    for (size_t i = 0; i < 64; ++i) {
        for (size_t j = 0; j < 64; ++j) {
            float wanted = 0;
            for (size_t k = 0; k < 64; ++k)
                wanted += a[i * 64 + k] * b[k * 64 + j];
            CHECK(seen[i * 64 + j] == wanted, "row %zu column %zu", i, j);
        }
    }
}

int main(int argc, char **argv) {
    static const hip_case cases[] = {
        {"all_shapes_and_types", all_shapes_and_types},
        {"blocks_of_a_are_broadcast", blocks_of_a_are_broadcast},
        {"lanes_of_b_are_turned", lanes_of_b_are_turned},
        {"a_product_of_tiles", a_product_of_tiles},
    };
    return run_cases(cases, argc, argv);
}
