/* SPDX-License-Identifier: MIT */
#include "softgpu/isa/packed.h"
#include "softgpu/isa/valu.h"

/* ---- fma_mix: OP_SEL_HI says which sources are halves, OP_SEL which half ---- */

static void mix_source(struct sg_wave *w, const struct sg_op *op, uint32_t n) {
    const uint32_t *from = sg_vx_source(w, op, n, SG_T_b32);
    uint32_t *to = w->tmp[2 * n];
    bool half = (op->mods & SG_MOD_OPSEL_HI0 << n) != 0;
    uint32_t shift = op->mods & SG_MOD_OPSEL0 << n ? 16 : 0;
    uint32_t keep = op->mods & SG_MOD_ABS0 << n ? 0x7fffffff : ~0u;
    uint32_t flip = op->mods & SG_MOD_NEG0 << n ? 0x80000000 : 0;
    if (half && op->src[n] >= 240 && op->src[n] <= 248) // an inline constant is a half here
        shift = 0;
    SG_LANE_LOOP {
        uint32_t x = half ? f32_bits(f16_to_f32(from[i] >> shift & 0xffff)) : from[i];
        to[i] = (x & keep) ^ flip;
    }
}

static const uint32_t *mix(struct sg_wave *w, const struct sg_op *op) {
    for (uint32_t n = 0; n < 3; n++)
        mix_source(w, op, n);
    const uint32_t *a = w->tmp[0], *b = w->tmp[2], *c = w->tmp[4];
    uint32_t *result = w->tmp[SG_TMP_RESULT];
    bool clamp = SG_CLAMPED(op);
    SG_LANE_LOOP {
        float x = f32_from(a[i]), y = f32_from(b[i]), z = f32_from(c[i]);
        float r = f32_first_nan3(x, y, z, fma_f32(x, y, z));
        result[i] = f32_bits(clamp ? clamp_f32(r) : r);
    }
    return result;
}

SG_HANDLER(v_fma_mix_f32) {
    const uint32_t *result = mix(w, op), *mask = sg_lane_mask(w);
    uint32_t *d = sg_wave_row(w, op->dst);
    SG_LANE_LOOP {
        SG_BLEND(d, i, result[i], mask[i]);
    }
    SG_NEXT(w, op);
}

SG_HANDLER(v_fma_mixlo_f16) {
    const uint32_t *result = mix(w, op), *mask = sg_lane_mask(w);
    uint32_t *d = sg_wave_row(w, op->dst);
    SG_LANE_LOOP {
        SG_BLEND(d, i, half_bits(f32_from(result[i]), w->mode), mask[i] & 0xffff);
    }
    SG_NEXT(w, op);
}

SG_HANDLER(v_fma_mixhi_f16) {
    const uint32_t *result = mix(w, op), *mask = sg_lane_mask(w);
    uint32_t *d = sg_wave_row(w, op->dst);
    SG_LANE_LOOP {
        SG_BLEND(d, i, half_bits(f32_from(result[i]), w->mode) << 16, mask[i] & 0xffff0000);
    }
    SG_NEXT(w, op);
}

/* ---- register pairs ---- */

/* D.low from source 0, D.high from source 1; OP_SEL chooses the word of each. */
SG_HANDLER(v_pk_mov_b32) {
    const uint32_t *a = sg_vx_source(w, op, 0, SG_T_pkf32);
    const uint32_t *b = sg_vx_source(w, op, 1, SG_T_pkf32);
    const uint32_t *mask = sg_lane_mask(w);
    uint32_t *d = sg_wave_row(w, op->dst);
    a += op->mods & SG_MOD_OPSEL0 ? SG_LANES : 0;
    b += op->mods & SG_MOD_OPSEL0 << 1 ? SG_LANES : 0;
    SG_LANE_LOOP {
        uint32_t low = a[i], high = b[i], m = mask[i];
        SG_BLEND(d, i, low, m);
        SG_BLEND(d, i + SG_LANES, high, m);
    }
    SG_NEXT(w, op);
}

/* Both rows of a pair are 128 lanes in a row. */
#define VOP3P_PAIR(name, opc, t2, ...)                                                             \
    SG_INLINE float lane_##name(float S0, float S1, float S2) {                                    \
        float D;                                                                                   \
        (void)S2;                                                                                  \
        __VA_ARGS__;                                                                               \
        return D;                                                                                  \
    }                                                                                              \
    SG_GENERAL(name) {                                                                             \
        static const uint8_t types[] = {SG_T_pkf32, SG_T_pkf32, SG_T_pkf32, SG_T_##t2};            \
        struct sg_vx x;                                                                            \
        sg_vx_begin(w, op, &x, types);                                                             \
        const uint32_t *a = x.s[0], *b = x.s[1], *c = SG_T_##t2 ? x.s[2] : x.s[0];                 \
        const uint32_t *mask = x.mask;                                                             \
        uint32_t *d = x.d;                                                                         \
        bool clamp = SG_CLAMPED(op);                                                               \
        for (uint32_t word = 0; word < 2; word++) {                                                \
            SG_LANE_LOOP {                                                                         \
                float r = lane_##name(f32_from(a[i]), f32_from(b[i]), f32_from(c[i]));             \
                r = clamp ? clamp_f32(r) : r;                                                      \
                uint32_t m = mask[i];                                                              \
                SG_BLEND(d, i, f32_bits(r), m);                                                    \
            }                                                                                      \
            a += SG_LANES, b += SG_LANES, c += SG_LANES, d += SG_LANES;                            \
        }                                                                                          \
        if (op->mods & SG_MOD_SPECIAL)                                                             \
            SG_V(sg_vx_end)(w, op, &x, SG_T_pkf32);                                                \
        SG_NEXT(w, op);                                                                            \
    }                                                                                              \
    SG_HANDLER(name) {                                                                             \
        if (!(op->mods & SG_MOD_PLAIN) || sg_wave_exec(w) != UINT64_MAX)                           \
            SG_TAIL(general_##name, w, op);                                                        \
        uint32_t *d = w->v[op->dst - SG_VGPR0];                                                    \
        const uint32_t *a = w->v[op->src[0] - SG_VGPR0], *b = w->v[op->src[1] - SG_VGPR0];         \
        const uint32_t *c = SG_T_##t2 ? w->v[op->src[2] - SG_VGPR0] : a;                           \
        SG_PAIR_LOOP {                                                                             \
            d[i] = f32_bits(lane_##name(f32_from(a[i]), f32_from(b[i]), f32_from(c[i])));          \
        }                                                                                          \
        SG_NEXT(w, op);                                                                            \
    }
#ifdef __clang__
#    define SG_PAIR_LOOP                                                                           \
        _Pragma("clang loop vectorize(assume_safety)") for (uint32_t i = 0; i < 2 * SG_LANES; i++)
#else
#    define SG_PAIR_LOOP _Pragma("GCC ivdep") for (uint32_t i = 0; i < 2 * SG_LANES; i++)
#endif

/* ---- accumulation registers ---- */

SG_HANDLER(v_accvgpr_read_b32) {
    uint32_t *d = sg_wave_row(w, op->dst);
    const uint32_t *a =
        op->src[0] >= SG_AGPR0 ? sg_wave_row(w, op->src[0]) : sg_vx_source(w, op, 0, SG_T_b32);
    if (__builtin_expect(sg_wave_exec(w) == UINT64_MAX, 1)) {
        SG_LANE_LOOP {
            d[i] = a[i];
        }
        SG_NEXT(w, op);
    }
    const uint32_t *mask = sg_lane_mask(w);
    SG_LANE_LOOP {
        SG_BLEND(d, i, a[i], mask[i]);
    }
    SG_NEXT(w, op);
}
#define handle_v_accvgpr_write_b32 handle_v_accvgpr_read_b32

#define VOP3P(name, opc, tD, t0, t1, t2, ...) SG_VALU(name, tD, t0, t1, t2, __VA_ARGS__)
#define VOP3P_FUNCTION(name, opc, flags, tD, t0, t1, t2)
#include "softgpu/isa/vop3p.def"
#undef VOP3P
#undef VOP3P_PAIR
#undef VOP3P_FUNCTION
#define VOP3P(name, opc, tD, t0, t1, t2, ...) SG_ROW(name, opc, handle_##name, 0, tD, t0, t1, t2)
#define VOP3P_PAIR(name, opc, t2, ...)        SG_ROW(name, opc, handle_##name, 0, pkf32, pkf32, pkf32, t2)
#define VOP3P_FUNCTION(name, opc, flags, tD, t0, t1, t2)                                           \
    SG_ROW(name, opc, handle_##name, flags, tD, t0, t1, t2)
#define SG_DEF  "softgpu/isa/vop3p.def"
#define SG_FIND sg_vop3p_only_find
sg_find_fn SG_V(sg_vop3p_only_find);
#include "softgpu/isa/table.h"

sg_find_fn SG_V(sg_mfma_find), SG_V(sg_vop3p_find);

struct sg_row *SG_V(sg_vop3p_find)(uint32_t opcode) {
    struct sg_row *row = SG_V(sg_vop3p_only_find)(opcode);
    return row ? row : SG_V(sg_mfma_find)(opcode);
}
