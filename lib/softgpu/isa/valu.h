/* SPDX-License-Identifier: MIT */
/// The vector handlers' common machinery: sources as rows of 64 lanes, the lane loop, write-back.
///
/// A handler asks for pointers to its source rows: registers are used in place, scalars are
/// broadcast to scratch rows. When the op has modifiers (op_sel, SDWA, DPP, clamp, omod, neg or abs
/// of halves) the sources are modified copies and the result goes to scratch rows, which sg_vx_end
/// finishes and writes back under the lane mask. Neg and abs alone, of floats and doubles, only
/// take copies of those sources. The row's arithmetic is a lane function of its own.
/// Each row's code exists twice: for plain ops (SG_MOD_PLAIN), which is most of them, and for all.
#ifndef SG_ISA_VALU_H
#define SG_ISA_VALU_H

#include "softgpu/isa/handler.h"
#include "softgpu/isa/numeric.h"
#include "softgpu/isa/valu_flags.h"

#include <immintrin.h>

/// Scratch rows (sg_wave.tmp): sources 0..5, result 6..7, lane masks 8.
enum { SG_TMP_RESULT = 6, SG_TMP_LANES = 8 };

/// What runs ops that are not plain.
#define SG_GENERAL(name)                                                                           \
    static __attribute__((noinline))                                                               \
    const struct sg_op *general_##name(struct sg_wave *w, const struct sg_op *op)

/// One instruction's rows. 64-bit values are two rows, low word first.
struct sg_vx {
    uint32_t *d;          ///< where the lane loop stores
    const uint32_t *s[3]; ///< NULL where the row has no such source
    const uint32_t *old;  ///< the destination's old value
    const uint32_t *mask; ///< lane masks for the lane loop
    uint64_t lanes;       ///< lanes that are written
};

/// Broadcasts a scalar source to scratch rows and returns them.
const uint32_t *SG_V(sg_vx_broadcast)(struct sg_wave *w, const struct sg_op *op, uint32_t n,
                                      enum sg_type type);
/// The same source, `from`, with neg and abs, in scratch rows.
const uint32_t *SG_V(sg_vx_signed)(struct sg_wave *w, const struct sg_op *op, uint32_t n,
                                   const uint32_t *from, enum sg_type type);
/// Fills x for an op with modifiers.
void SG_V(sg_vx_special)(struct sg_wave *w, const struct sg_op *op, struct sg_vx *x,
                         const uint8_t types[4]);
/// Clamp, omod, destination select and masked write-back of an op with modifiers.
void SG_V(sg_vx_end)(struct sg_wave *w, const struct sg_op *op, const struct sg_vx *x,
                     enum sg_type type);

/// Bit n of `bits` as 0 or ~0 in lane n.
SG_INLINE void sg_mask_expand(uint64_t bits, uint32_t *mask) {
#ifdef __AVX512DQ__
    for (uint32_t i = 0; i < SG_LANES; i += 16)
        _mm512_store_si512(mask + i, _mm512_movm_epi32((__mmask16)(bits >> i)));
#elif defined(__AVX2__)
    const __m256i select = _mm256_setr_epi32(1, 2, 4, 8, 16, 32, 64, 128);
    for (uint32_t i = 0; i < SG_LANES; i += 8) {
        __m256i v = _mm256_and_si256(_mm256_set1_epi32((int)(bits >> i)), select);
        _mm256_store_si256((__m256i *)(mask + i), _mm256_cmpeq_epi32(v, select));
    }
#else
    const __m128i select = _mm_setr_epi32(1, 2, 4, 8);
    for (uint32_t i = 0; i < SG_LANES; i += 4) {
        __m128i v = _mm_and_si128(_mm_set1_epi32((int)(bits >> i)), select);
        _mm_store_si128((__m128i *)(mask + i), _mm_cmpeq_epi32(v, select));
    }
#endif
}

/// The top bit of each lane as a bit mask.
SG_INLINE uint64_t sg_mask_pack(const uint32_t *mask) {
    uint64_t bits = 0;
#ifdef __AVX512DQ__
    for (uint32_t i = 0; i < SG_LANES; i += 16)
        bits |= (uint64_t)_mm512_movepi32_mask(_mm512_load_si512(mask + i)) << i;
#elif defined(__AVX2__)
    for (uint32_t i = 0; i < SG_LANES; i += 8)
        bits |= (uint64_t)(uint32_t)_mm256_movemask_ps(_mm256_load_ps((const float *)(mask + i)))
                << i;
#else
    for (uint32_t i = 0; i < SG_LANES; i += 4)
        bits |= (uint64_t)(uint32_t)_mm_movemask_ps(_mm_load_ps((const float *)(mask + i))) << i;
#endif
    return bits;
}

SG_INLINE const uint32_t *sg_lane_mask(struct sg_wave *w) {
    uint64_t exec = sg_wave_exec(w);
    if (w->mask_exec != exec) {
        sg_mask_expand(exec, w->mask);
        w->mask_exec = exec;
    }
    return w->mask;
}

/* Arithmetic knows no AGPRs; v_accvgpr_* and matrices use sg_wave_row. */
SG_INLINE const uint32_t *sg_vx_source(struct sg_wave *w, const struct sg_op *op, uint32_t n,
                                       enum sg_type type) {
    if (type == SG_T_none)
        return NULL;
    uint32_t code = op->src[n];
    if (__builtin_expect(code >= SG_VGPR0, 1))
        return w->v[code - SG_VGPR0];
    return SG_V(sg_vx_broadcast)(w, op, n, type);
}

SG_INLINE void sg_vx_begin(struct sg_wave *w, const struct sg_op *op, struct sg_vx *x,
                           const uint8_t types[4]) {
    if (op->mods & SG_MOD_SPECIAL) {
        SG_V(sg_vx_special)(w, op, x, types);
        return;
    }
    for (uint32_t n = 0; n < 3; n++) {
        x->s[n] = sg_vx_source(w, op, n, (enum sg_type)types[n + 1]);
        if (op->mods & (SG_MOD_NEG0 | SG_MOD_ABS0) << n)
            x->s[n] = SG_V(sg_vx_signed)(w, op, n, x->s[n], (enum sg_type)types[n + 1]);
    }
    x->lanes = sg_wave_exec(w);
    x->mask = sg_lane_mask(w);
    if (types[0] != SG_T_none) {
        x->d = w->v[op->dst - SG_VGPR0];
        x->old = x->d;
    }
}

/// A source of a plain op.
SG_INLINE const uint32_t *sg_vx_plain(struct sg_wave *w, const struct sg_op *op, uint32_t n,
                                      enum sg_type type) {
    const bool may_be_scalar =
        type == SG_T_b32 || type == SG_T_u32 || type == SG_T_i32 || type == SG_T_f32;
    if (type == SG_T_none)
        return NULL;
    uint32_t code = op->src[n];
    if (!may_be_scalar || __builtin_expect(code >= SG_VGPR0, 1))
        return w->v[code - SG_VGPR0];
    if (code - SG_CONST_0 < SG_CONSTANT_ROWS)
        return sg_constant_rows[code - SG_CONST_0];
    uint32_t value = code == SG_LITERAL ? op->imm : w->s[code];
    uint32_t *row = w->tmp[2 * n];
    for (uint32_t i = 0; i < SG_LANES; i++)
        row[i] = value;
    return row;
}

/// f64 arithmetic under a MODE whose f64 part differs from the f32 part.
SG_INLINE void sg_fp64_enter(const struct sg_wave *w, bool is_f64) {
    if (is_f64 && __builtin_expect(w->fp_split, 0))
        _mm_setcsr(w->mxcsr64);
}
SG_INLINE void sg_fp64_leave(const struct sg_wave *w, bool is_f64) {
    if (is_f64 && __builtin_expect(w->fp_split, 0))
        _mm_setcsr(w->mxcsr32);
}

/* Rows overlap only exactly, lane by lane: a vectorised body loads its lanes before it stores. */
#ifdef __clang__
#    define SG_LANES_FROM(first, count)                                                            \
        _Pragma("clang loop vectorize(assume_safety)") for (uint32_t i = first;                    \
                                                            i < (first) + (count); i++)
#else
#    define SG_LANES_FROM(first, count)                                                            \
        _Pragma("GCC ivdep") for (uint32_t i = first; i < (first) + (count); i++)
#endif
#define SG_LANE_LOOP SG_LANES_FROM(0, SG_LANES)

/* Operand types: C type, load of lane i, store of lane i under mask m. */
#define SG_C_none        uint32_t
#define SG_C_pk16        uint32_t
#define SG_C_u16p        uint32_t
#define SG_C_i16p        int32_t
#define SG_C_f16p        float
#define SG_LD_none(p, i) 0
#define SG_LD_b32(p, i)  (p)[i]
#define SG_LD_u32(p, i)  (p)[i]
#define SG_LD_i32(p, i)  (int32_t)(p)[i]
#define SG_LD_f32(p, i)  f32_from((p)[i])
#define SG_LD_b64(p, i)  ((uint64_t)(p)[i] | (uint64_t)(p)[(i) + SG_LANES] << 32)
#define SG_LD_u64(p, i)  SG_LD_b64(p, i)
#define SG_LD_i64(p, i)  (int64_t) SG_LD_b64(p, i)
#define SG_LD_f64(p, i)  f64_from(SG_LD_b64(p, i))
#define SG_LD_b16(p, i)  ((p)[i] & 0xffff)
#define SG_LD_u16(p, i)  ((p)[i] & 0xffff)
#define SG_LD_i16(p, i)  (int32_t)(int16_t)(p)[i]
#define SG_LD_f16(p, i)  half_value((p)[i] & 0xffff, HALF)
#define SG_LD_pk16(p, i) (p)[i]
#define SG_LD_u16p(p, i) SG_LD_u16(p, i)
#define SG_LD_i16p(p, i) SG_LD_i16(p, i)
#define SG_LD_f16p(p, i) SG_LD_f16(p, i)

#define SG_BLEND(p, i, x, m)  (p)[i] = ((x) & (m)) | ((p)[i] & ~(m))
#define SG_ST_b32(p, i, x, m) SG_BLEND(p, i, x, m)
#define SG_ST_u32(p, i, x, m) SG_BLEND(p, i, x, m)
#define SG_ST_i32(p, i, x, m) SG_BLEND(p, i, (uint32_t)(x), m)
#define SG_ST_f32(p, i, x, m) SG_BLEND(p, i, f32_bits(x), m)
#define SG_ST_b64(p, i, x, m)                                                                      \
    SG_BLEND(p, i, (uint32_t)(x), m);                                                              \
    SG_BLEND(p, (i) + SG_LANES, (uint32_t)((uint64_t)(x) >> 32), m)
#define SG_ST_u64(p, i, x, m) SG_ST_b64(p, i, x, m)
#define SG_ST_i64(p, i, x, m) SG_ST_b64(p, i, x, m)
#define SG_ST_f64(p, i, x, m)                                                                      \
    uint64_t st_bits = f64_bits(x);                                                                \
    SG_ST_b64(p, i, st_bits, m)
#define SG_ST_b16(p, i, x, m)  SG_BLEND(p, i, (x)&0xffff, m)
#define SG_ST_u16(p, i, x, m)  SG_BLEND(p, i, (x)&0xffff, m)
#define SG_ST_i16(p, i, x, m)  SG_BLEND(p, i, (uint32_t)(x)&0xffff, m)
#define SG_ST_f16(p, i, x, m)  SG_BLEND(p, i, half_bits(x, HALF), m)
#define SG_ST_pk16(p, i, x, m) SG_BLEND(p, i, x, m)
#define SG_ST_u16p(p, i, x, m) SG_BLEND(p, i, (x)&0xffff, (m)&0xffff)
#define SG_ST_i16p(p, i, x, m) SG_BLEND(p, i, (uint32_t)(x)&0xffff, (m)&0xffff)
#define SG_ST_f16p(p, i, x, m) SG_BLEND(p, i, half_bits(x, HALF), (m)&0xffff)

/// f64 and f16 share a part of MODE.
#define SG_IS_F16(t)      (SG_T_##t == SG_T_f16 || SG_T_##t == SG_T_f16p || SG_T_##t == SG_T_pk16)
#define SG_IS_F64(tD, t0) (SG_T_##tD == SG_T_f64 || SG_T_##t0 == SG_T_f64 || SG_IS_F16(tD))
#define SG_IEEE(w)        (((w)->mode & SG_MODE_IEEE) != 0)
#define SG_CLAMPED(op)    (((op)->mods & SG_MOD_CLAMP) != 0)

/* For lane functions that no vector unit helps. */
#define SG_SCALAR_LOOP for (uint32_t i = 0; i < SG_LANES; i++)

/* Half precision in another mode than usual. */
#define SG_OTHER_HALF(w, tD, t0)                                                                   \
    ((SG_IS_F16(tD) || SG_IS_F16(t0)) && ((w)->mode & SG_HALF_BITS) != SG_HALF_DEFAULT)

/* One pass over the lanes: d from a, b, c and old. */
#define SG_VALU_PASS(loop, name, tD, t0, t1, t2, clamp, m)                                         \
    loop {                                                                                         \
        SG_C_##tD r = lane_##name(SG_LD_##t0(a, i), SG_LD_##t1(b, i), SG_LD_##t2(c, i),            \
                                  SG_LD_##tD(old, i), ieee, clamp, i, HALF);                       \
        uint32_t mask_ = m;                                                                        \
        SG_ST_##tD(d, i, r, mask_);                                                                \
    }

/// A row: D from S0, S1, S2 and OLD (D's old value); IEEE and CLAMP as the op and MODE say; LANE is
/// the lane's number, HALF the MODE for half_bits and half_value.
#define SG_VALU(name, tD, t0, t1, t2, ...)                                                         \
    SG_VALU_LOOP(SG_LANE_LOOP, name, tD, t0, t1, t2, __VA_ARGS__)
#define SG_VALU_LOOP(loop, name, tD, t0, t1, t2, ...)                                              \
    SG_INLINE SG_C_##tD lane_##name(SG_C_##t0 S0, SG_C_##t1 S1, SG_C_##t2 S2, SG_C_##tD OLD,       \
                                    bool IEEE, bool CLAMP, uint32_t LANE, uint32_t HALF) {         \
        SG_C_##tD D;                                                                               \
        (void)S0, (void)S1, (void)S2, (void)OLD, (void)IEEE, (void)CLAMP, (void)LANE, (void)HALF;  \
        __VA_ARGS__;                                                                               \
        return D;                                                                                  \
    }                                                                                              \
    /* Half precision in another mode than usual. */                                               \
    static inline void handle_##name##_half(const struct sg_wave *w, const struct sg_vx *x,        \
                                            bool clamp) {                                          \
        const uint32_t *a = x->s[0], *b = x->s[1], *c = x->s[2], *old = x->old;                    \
        uint32_t HALF = w->mode, *d = x->d;                                                        \
        (void)a, (void)b, (void)c, (void)old, (void)HALF;                                          \
        SG_SCALAR_LOOP {                                                                           \
            SG_C_##tD r = lane_##name(SG_LD_##t0(a, i), SG_LD_##t1(b, i), SG_LD_##t2(c, i),        \
                                      SG_LD_##tD(old, i), SG_IEEE(w), clamp, i, HALF);             \
            uint32_t m = x->mask[i];                                                               \
            SG_ST_##tD(d, i, r, m);                                                                \
        }                                                                                          \
    }                                                                                              \
    SG_GENERAL(name) {                                                                             \
        static const uint8_t types[] = {SG_T_##tD, SG_T_##t0, SG_T_##t1, SG_T_##t2};               \
        struct sg_vx x;                                                                            \
        sg_vx_begin(w, op, &x, types);                                                             \
        uint32_t *d = x.d;                                                                         \
        const uint32_t *a = x.s[0], *b = x.s[1], *c = x.s[2], *old = x.old, *mask = x.mask;        \
        bool ieee = SG_IEEE(w), clamp = SG_CLAMPED(op);                                            \
        (void)a, (void)b, (void)c, (void)old, (void)ieee, (void)clamp;                             \
        sg_fp64_enter(w, SG_IS_F64(tD, t0));                                                       \
        enum { HALF = SG_HALF_DEFAULT };                                                           \
        if (SG_OTHER_HALF(w, tD, t0)) {                                                            \
            handle_##name##_half(w, &x, clamp);                                                    \
        } else {                                                                                   \
            SG_VALU_PASS(loop, name, tD, t0, t1, t2, clamp, mask[i])                               \
        }                                                                                          \
        sg_fp64_leave(w, SG_IS_F64(tD, t0));                                                       \
        if (op->mods & SG_MOD_SPECIAL)                                                             \
            SG_V(sg_vx_end)(w, op, &x, SG_T_##tD);                                                 \
        SG_NEXT(w, op);                                                                            \
    }                                                                                              \
    SG_HANDLER(name) {                                                                             \
        if (__builtin_expect(!(op->mods & SG_MOD_PLAIN) || SG_OTHER_HALF(w, tD, t0), 0))           \
            SG_TAIL(general_##name, w, op);                                                        \
        enum { HALF = SG_HALF_DEFAULT };                                                           \
        uint32_t *d = w->v[op->dst - SG_VGPR0];                                                    \
        const uint32_t *old = d, *a = sg_vx_plain(w, op, 0, SG_T_##t0);                            \
        const uint32_t *b = sg_vx_plain(w, op, 1, SG_T_##t1);                                      \
        const uint32_t *c = sg_vx_plain(w, op, 2, SG_T_##t2);                                      \
        bool ieee = SG_IEEE(w);                                                                    \
        (void)a, (void)b, (void)c, (void)old, (void)ieee;                                          \
        sg_fp64_enter(w, SG_IS_F64(tD, t0));                                                       \
        if (__builtin_expect(sg_wave_exec(w) == UINT64_MAX, 1)) {                                  \
            SG_VALU_PASS(loop, name, tD, t0, t1, t2, false, ~0u)                                   \
        } else {                                                                                   \
            const uint32_t *mask = sg_lane_mask(w);                                                \
            SG_VALU_PASS(loop, name, tD, t0, t1, t2, false, mask[i])                               \
        }                                                                                          \
        sg_fp64_leave(w, SG_IS_F64(tD, t0));                                                       \
        SG_NEXT(w, op);                                                                            \
    }

/// The carry-in operand of an op with SG_VF_CIN or SG_VF_VCC; else 0.
SG_INLINE uint64_t sg_vx_carry_in(const struct sg_wave *w, const struct sg_op *op, uint32_t flags) {
    uint32_t code = op->aux;
    if (!(flags & (SG_VF_CIN | SG_VF_VCC)))
        return 0;
    return __builtin_expect(code < SG_CONST_0, 1) ? sg_wave_s64(w, code)
                                                  : sg_scalar64_slow(w, code, op->imm, SG_T_b64);
}

/// The top bits of 16 lanes as a bit mask.
SG_INLINE uint64_t sg_mask_pack16(const uint32_t *mask) {
#ifdef __AVX512DQ__
    return _mm512_movepi32_mask(_mm512_load_si512(mask));
#elif defined(__AVX2__)
    return (uint64_t)_mm256_movemask_ps(_mm256_load_ps((const float *)mask)) |
           (uint64_t)_mm256_movemask_ps(_mm256_load_ps((const float *)mask + 8)) << 8;
#else
    uint64_t bits = 0;
    for (uint32_t i = 0; i < 16; i += 4)
        bits |= (uint64_t)_mm_movemask_ps(_mm_load_ps((const float *)(mask + i))) << i;
    return bits;
#endif
}

/* Groups of 16 lanes, whose masks the compiler keeps in registers: carries come in as bits that
 * each lane tests, and go out through a row of 16 that is packed again. */
#define SG_CARRY_PASS(name, flags, tD, t0, t1, t2, clamp, m)                                       \
    for (uint32_t group = 0; group < SG_LANES; group += 16) {                                      \
        _Alignas(64) uint32_t carry[16];                                                           \
        const uint32_t in = (uint32_t)(carries_in >> group);                                       \
        SG_LANES_FROM(group, 16) {                                                                 \
            uint32_t out;                                                                          \
            SG_C_##tD r = lane_##name(SG_LD_##t0(a, i), SG_LD_##t1(b, i), SG_LD_##t2(c, i),        \
                                      (in & 1u << (i - group)) != 0, &out, clamp);                 \
            uint32_t mask_ = m;                                                                    \
            SG_ST_##tD(d, i, r, mask_);                                                            \
            if ((flags)&SG_VF_COUT)                                                                \
                carry[i - group] = 0u - out;                                                       \
        }                                                                                          \
        if ((flags)&SG_VF_COUT)                                                                    \
            carries_out |= sg_mask_pack16(carry) << group;                                         \
    }

/// A row with lane masks: CIN (0 or 1) comes in, COUT (0 or 1) goes out.
#define SG_VALU_CARRY(name, flags, tD, t0, t1, t2, ...)                                            \
    SG_INLINE SG_C_##tD lane_##name(SG_C_##t0 S0, SG_C_##t1 S1, SG_C_##t2 S2, uint32_t CIN,        \
                                    uint32_t *cout, bool CLAMP) {                                  \
        SG_C_##tD D;                                                                               \
        uint32_t COUT = 0;                                                                         \
        (void)S1, (void)S2, (void)CIN, (void)CLAMP;                                                \
        __VA_ARGS__;                                                                               \
        *cout = COUT;                                                                              \
        return D;                                                                                  \
    }                                                                                              \
    SG_GENERAL(name) {                                                                             \
        static const uint8_t types[] = {SG_T_##tD, SG_T_##t0, SG_T_##t1, SG_T_##t2};               \
        struct sg_vx x;                                                                            \
        sg_vx_begin(w, op, &x, types);                                                             \
        uint32_t *d = x.d;                                                                         \
        const uint32_t *a = x.s[0], *b = x.s[1], *c = x.s[2], *mask = x.mask;                      \
        bool clamp = SG_CLAMPED(op);                                                               \
        uint64_t carries_in = sg_vx_carry_in(w, op, flags), carries_out = 0;                       \
        (void)b, (void)c, (void)clamp, (void)carries_in;                                           \
        sg_fp64_enter(w, SG_IS_F64(tD, t0));                                                       \
        SG_CARRY_PASS(name, flags, tD, t0, t1, t2, clamp, mask[i])                                 \
        sg_fp64_leave(w, SG_IS_F64(tD, t0));                                                       \
        if ((flags)&SG_VF_COUT)                                                                    \
            sg_wave_set_s64(w, op->sdst, carries_out &x.lanes);                                    \
        if (op->mods & SG_MOD_SPECIAL)                                                             \
            SG_V(sg_vx_end)(w, op, &x, SG_T_##tD);                                                 \
        SG_NEXT(w, op);                                                                            \
    }                                                                                              \
    SG_HANDLER(name) {                                                                             \
        if (__builtin_expect(!(op->mods & SG_MOD_PLAIN), 0))                                       \
            SG_TAIL(general_##name, w, op);                                                        \
        uint32_t *d = w->v[op->dst - SG_VGPR0];                                                    \
        const uint32_t *a = sg_vx_plain(w, op, 0, SG_T_##t0);                                      \
        const uint32_t *b = sg_vx_plain(w, op, 1, SG_T_##t1);                                      \
        const uint32_t *c = sg_vx_plain(w, op, 2, SG_T_##t2);                                      \
        uint64_t lanes = sg_wave_exec(w);                                                          \
        uint64_t carries_in = (flags) & (SG_VF_CIN | SG_VF_VCC) ? sg_wave_s64(w, op->aux) : 0;     \
        uint64_t carries_out = 0;                                                                  \
        (void)b, (void)c, (void)carries_in;                                                        \
        sg_fp64_enter(w, SG_IS_F64(tD, t0));                                                       \
        if (__builtin_expect(lanes == UINT64_MAX, 1)) {                                            \
            SG_CARRY_PASS(name, flags, tD, t0, t1, t2, false, ~0u)                                 \
        } else {                                                                                   \
            const uint32_t *mask = sg_lane_mask(w);                                                \
            SG_CARRY_PASS(name, flags, tD, t0, t1, t2, false, mask[i])                             \
        }                                                                                          \
        sg_fp64_leave(w, SG_IS_F64(tD, t0));                                                       \
        if ((flags)&SG_VF_COUT)                                                                    \
            sg_wave_set_s64(w, op->sdst, carries_out &lanes);                                      \
        SG_NEXT(w, op);                                                                            \
    }

/// A compare: the lane mask of the condition goes to SDST; v_cmpx also sets EXEC.
#define SG_VALU_COMPARE(name, is_cmpx, t0, t1, condition)                                          \
    SG_INLINE bool lane_##name(SG_C_##t0 S0, SG_C_##t1 S1) {                                       \
        (void)S0, (void)S1;                                                                        \
        return condition;                                                                          \
    }                                                                                              \
    SG_INLINE void compare_##name(struct sg_wave *w, const struct sg_op *op, const uint32_t *a,    \
                                  const uint32_t *b) {                                             \
        _Alignas(64) uint32_t result[SG_LANES];                                                    \
        uint32_t HALF = w->mode;                                                                   \
        (void)HALF;                                                                                \
        sg_fp64_enter(w, SG_IS_F64(none, t0));                                                     \
        SG_LANE_LOOP {                                                                             \
            result[i] = 0u - (uint32_t)lane_##name(SG_LD_##t0(a, i), SG_LD_##t1(b, i));            \
        }                                                                                          \
        sg_fp64_leave(w, SG_IS_F64(none, t0));                                                     \
        uint64_t bits = sg_mask_pack(result) & sg_wave_exec(w);                                    \
        sg_wave_set_s64(w, op->sdst, bits);                                                        \
        if (is_cmpx)                                                                               \
            sg_wave_set_exec(w, bits);                                                             \
    }                                                                                              \
    SG_GENERAL(name) {                                                                             \
        static const uint8_t types[] = {SG_T_none, SG_T_##t0, SG_T_##t1, SG_T_none};               \
        struct sg_vx x;                                                                            \
        sg_vx_begin(w, op, &x, types);                                                             \
        compare_##name(w, op, x.s[0], x.s[1]);                                                     \
        SG_NEXT(w, op);                                                                            \
    }                                                                                              \
    SG_HANDLER(name) {                                                                             \
        if (__builtin_expect(!(op->mods & SG_MOD_PLAIN), 0))                                       \
            SG_TAIL(general_##name, w, op);                                                        \
        compare_##name(w, op, sg_vx_plain(w, op, 0, SG_T_##t0), sg_vx_plain(w, op, 1, SG_T_##t1)); \
        SG_NEXT(w, op);                                                                            \
    }

#endif
