/* SPDX-License-Identifier: MIT */
/* Matrix instructions. EXEC does not matter to them. How matrices lie in the registers:
 * A[i][k] of block b is item k % L of lane i + M * (b + B * (k / L)), where a lane holds L items;
 * B alike with j and N; C and D hold groups of H rows per lane (see item and lane below). */
#include "softgpu/isa/valu.h"

struct shape {
    uint32_t m, n, k, blocks;
};

/* CBSZ and ABID: one block of A serves 2^CBSZ blocks. */
SG_INLINE uint32_t block_of_a(const struct sg_op *op, uint32_t block) {
    uint32_t cbsz = op->mods >> SG_MOD_CBSZ_SHIFT & 7, abid = op->mods >> SG_MOD_ABID_SHIFT & 15;
    uint32_t group = (1u << cbsz) - 1;
    return cbsz ? (block & ~group) | (abid & group) : block;
}

/* BLGP: which lane of B a lane gets. */
static uint32_t lane_of_b(uint32_t blgp, uint32_t lane) {
    switch (blgp) {
    case 1: // lanes 0..31 for all
        return lane & 31;
    case 2: // lanes 32..63 for all
        return lane | 32;
    case 3: // rotated by 16
        return (lane + 16) & 63;
    case 4: // one group of 16 for all
    case 5:
    case 6:
    case 7:
        return (lane & 15) + (blgp - 4) * 16;
    default:
        return lane;
    }
}

/* Copies B's rows, their lanes as BLGP says. */
static void copy_b(uint32_t *to, const uint32_t *from, uint32_t words, uint32_t blgp) {
    if (blgp == 0) {
        memcpy(to, from, words * sizeof *to);
        return;
    }
    for (uint32_t i = 0; i < words; i++)
        to[i] = from[i / SG_LANES * SG_LANES + lane_of_b(blgp, i % SG_LANES)];
}

#define IN_f32(rows, item, lane) f32_from((rows)[(item)*SG_LANES + (lane)])
#define IN_f16(rows, item, lane)                                                                   \
    f16_to_f32((rows)[(item) / 2 * SG_LANES + (lane)] >> (item) % 2 * 16 & 0xffff)
#define IN_bf16(rows, item, lane)                                                                  \
    f32_from((rows)[(item) / 2 * SG_LANES + (lane)] >> (item) % 2 * 16 << 16)
#define IN_i8(rows, item, lane)  sext8((rows)[(lane)] >> (item)*8)
#define IN_f64(rows, item, lane) SG_LD_f64((rows) + (item)*2 * SG_LANES, lane)

#define FMA_f32(a, b, c) fma_f32(a, b, c)
#define FMA_f64(a, b, c) fma_f64(a, b, c)
#define FMA_i32(a, b, c) (int32_t)((uint32_t)(a) * (uint32_t)(b) + (uint32_t)(c))

#define OUT_f32(rows, item, lane)    f32_from((rows)[(item)*SG_LANES + (lane)])
#define OUT_i32(rows, item, lane)    (int32_t)(rows)[(item)*SG_LANES + (lane)]
#define OUT_f64(rows, item, lane)    SG_LD_f64((rows) + (item)*2 * SG_LANES, lane)
#define PUT_f32(rows, item, lane, x) ((rows)[(item)*SG_LANES + (lane)] = f32_bits(x))
#define PUT_i32(rows, item, lane, x) ((rows)[(item)*SG_LANES + (lane)] = (uint32_t)(x))
#define PUT_f64(rows, item, lane, x)                                                               \
    do {                                                                                           \
        uint32_t *put_ = (rows) + (item)*2 * SG_LANES + (lane);                                    \
        uint64_t bits_ = f64_bits(x);                                                              \
        put_[0] = (uint32_t)bits_;                                                                 \
        put_[SG_LANES] = (uint32_t)(bits_ >> 32);                                                  \
    } while (0)
#define CONSTANT_f32(w, op) f32_from(sg_scalar32(w, op, 2))
#define CONSTANT_i32(w, op) (int32_t) sg_scalar32(w, op, 2)
#define CONSTANT_f64(w, op) f64_from(sg_scalar64(w, op, 2, SG_T_f64))

/* Rows per lane group: f64 results are not grouped. */
#define GROUP_f32 4
#define GROUP_i32 4
#define GROUP_f64 1

/* f64 ops negate with the bits that are BLGP elsewhere. */
#define NEGATE_f32(op, n, x) (x)
#define NEGATE_i32(op, n, x) (x)
#define NEGATE_f64(op, n, x) ((op)->mods >> (SG_MOD_BLGP_SHIFT + (n)) & 1 ? -(x) : (x))
#define BLGP_f32(op)         ((op)->mods >> SG_MOD_BLGP_SHIFT & 7)
#define BLGP_i32(op)         ((op)->mods >> SG_MOD_BLGP_SHIFT & 7)
#define BLGP_f64(op)         0

/* Only the loops over j, along a row, are for the vector units. */
#ifdef __clang__
#    define ROW_LOOP _Pragma("clang loop vectorize(disable) unroll(disable)")
#else
#    define ROW_LOOP
#endif

#define MFMA(name, opc, M, N, K, B, in, acc, tD, tA)                                               \
    SG_INLINE void block_##name(const struct sg_op *op, SG_C_##acc(*c)[N], const uint32_t *ra,     \
                                const uint32_t *rb, uint32_t block) {                              \
        enum { L = K * M * B / SG_LANES };                                                         \
        ROW_LOOP for (uint32_t k = 0; k < K; k++) {                                                \
            uint32_t ga = M * (block_of_a(op, block) + B * (k / L)),                               \
                     gb = N * (block + B * (k / L));                                               \
            SG_C_##acc b[N];                                                                       \
            for (uint32_t j = 0; j < N; j++)                                                       \
                b[j] = NEGATE_##acc(op, 1, IN_##in(rb, k % L, gb + j));                            \
            ROW_LOOP for (uint32_t i = 0; i < M; i++) {                                            \
                SG_C_##acc a = NEGATE_##acc(op, 0, IN_##in(ra, k % L, ga + i));                    \
                for (uint32_t j = 0; j < N; j++)                                                   \
                    c[i][j] = FMA_##acc(a, b[j], c[i][j]);                                         \
            }                                                                                      \
        }                                                                                          \
    }                                                                                              \
    SG_HANDLER(name) {                                                                             \
        enum {                                                                                     \
            H = GROUP_##acc,                                                                       \
            BLOCKS_I = (SG_LANES * H + M * N - 1) / (M * N),                                       \
            ROWS_I = SG_LANES / BLOCKS_I / N,                                                      \
            G = M / (H * ROWS_I),                                                                  \
            INPUT_WORDS = K * M * B / SG_LANES * (int)sizeof(INPUT_##in) / 4 * SG_LANES,           \
        };                                                                                         \
        uint32_t ra[INPUT_WORDS], rb[INPUT_WORDS];                                                 \
        uint32_t *d = sg_wave_row(w, op->dst);                                                     \
        const uint32_t *rc = op->src[2] >= SG_VGPR0 ? sg_wave_row(w, op->src[2]) : NULL;           \
        /* D may overlap A and B. */                                                               \
        memcpy(ra, sg_wave_row(w, op->src[0]), sizeof ra);                                         \
        copy_b(rb, sg_wave_row(w, op->src[1]), INPUT_WORDS, BLGP_##acc(op));                       \
        sg_fp64_enter(w, SG_T_##acc == SG_T_f64);                                                  \
        for (uint32_t block = 0; block < B; block++) {                                             \
            SG_C_##acc c[M][N];                                                                    \
            ROW_LOOP for (uint32_t i = 0; i < M; i++) {                                            \
                uint32_t item = i % H + H * (i / (H * ROWS_I) + G * (block / BLOCKS_I));           \
                uint32_t lane = N * (block % BLOCKS_I + BLOCKS_I * (i / H % ROWS_I));              \
                for (uint32_t j = 0; j < N; j++)                                                   \
                    c[i][j] = NEGATE_##acc(                                                        \
                        op, 2, rc ? OUT_##acc(rc, item, lane + j) : CONSTANT_##acc(w, op));        \
            }                                                                                      \
            block_##name(op, c, ra, rb, block);                                                    \
            ROW_LOOP for (uint32_t i = 0; i < M; i++) {                                            \
                uint32_t item = i % H + H * (i / (H * ROWS_I) + G * (block / BLOCKS_I));           \
                uint32_t lane = N * (block % BLOCKS_I + BLOCKS_I * (i / H % ROWS_I));              \
                for (uint32_t j = 0; j < N; j++)                                                   \
                    PUT_##acc(d, item, lane + j, c[i][j]);                                         \
            }                                                                                      \
        }                                                                                          \
        sg_fp64_leave(w, SG_T_##acc == SG_T_f64);                                                  \
        SG_NEXT(w, op);                                                                            \
    }
/* What one input item takes of a register row: an array type of that many bytes. */
typedef uint32_t INPUT_f32;
typedef uint16_t INPUT_f16;
typedef uint16_t INPUT_bf16;
typedef uint8_t INPUT_i8;
typedef uint64_t INPUT_f64;
#include "softgpu/isa/mfma.def"
#undef MFMA
#define MFMA(name, opc, M, N, K, B, in, acc, tD, tA)                                               \
    SG_ROW(name, opc, handle_##name, SG_VF_MFMA, tD, tA, tA, tD)
#define SG_DEF  "softgpu/isa/mfma.def"
#define SG_FIND sg_mfma_find
sg_find_fn SG_V(sg_mfma_find);
#include "softgpu/isa/table.h"
