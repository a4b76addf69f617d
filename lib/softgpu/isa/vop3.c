/* SPDX-License-Identifier: MIT */
#include "softgpu/isa/packed.h"
#include "softgpu/isa/valu.h"

/* The fraction of 2 / pi, most significant bit first. */
static const uint64_t two_over_pi[] = {
    0xa2f9836e4e441529, 0xfc2757d1f534ddc0, 0xdb6295993c439041, 0xfe5163abdebbc561,
    0xb7246e3a424dd2e0, 0x06492eea09d1921c, 0xfe1deb1cb129a73e, 0xe88235f52ebb4484,
    0xe99c7026b45f7e41, 0x3991d639835339f4, 0x9c845f8bbdf9283b, 0x1ff897ffde05980f,
    0xef2f118b5a0a6d1f, 0x6d367ecf27cb09b7, 0x4f463f669e5fea2d, 0x7527bac7ebe5f17b,
    0x3d0739f78a5292ea, 0x6bfb5fb11f8d5d08, 0x56033046fc7b6bab, 0xf0cfbc209af4361d,
};

/* 53 bits of it from bit `shift` on; the hardware's table has 1201 bits, zeros follow. */
static uint64_t two_over_pi_bits(uint32_t shift) {
    enum { TABLE_BITS = 1201 };
    uint64_t bits = 0;
    for (uint32_t i = shift; i < shift + 53; i++) {
        uint64_t bit = i < TABLE_BITS ? two_over_pi[i / 64] >> (63 - i % 64) & 1 : 0;
        bits = bits << 1 | bit;
    }
    return bits;
}

static double trig_preop(double x, uint32_t segment) {
    int32_t exponent = f64_exponent(x);
    uint32_t shift = (segment & 31) * 53 + (exponent > 1077 ? (uint32_t)(exponent - 1077) : 0);
    int32_t scale = -53 - (int32_t)shift + (exponent >= 1968 ? 128 : 0);
    return ldexp_f64((double)(int64_t)two_over_pi_bits(shift), scale);
}

/* 64-bit shifts in 32-bit steps: the pairs of registers need not be joined and parted. */
SG_INLINE uint64_t shift_left_b64(uint64_t x, uint32_t n) {
    uint32_t low = (uint32_t)x, high = (uint32_t)(x >> 32), in = n & 31;
    uint32_t carried = low >> 1 >> (31 - in);
    low <<= in;
    high = high << in | carried;
    high = n & 32 ? low : high;
    low = n & 32 ? 0 : low;
    return (uint64_t)high << 32 | low;
}

/// `sign`: what comes in from above, 0 or ~0.
SG_INLINE uint64_t shift_right_b64(uint64_t x, uint32_t n, uint32_t sign) {
    uint32_t low = (uint32_t)x, high = (uint32_t)(x >> 32), in = n & 31;
    uint32_t carried = high << 1 << (31 - in);
    low = low >> in | carried;
    high = high >> in | sign << 1 << (31 - in);
    low = n & 32 ? high : low;
    high = n & 32 ? sign : high;
    return (uint64_t)high << 32 | low;
}

static inline uint32_t lane_select(const struct sg_wave *w, const struct sg_op *op) {
    return sg_scalar32(w, op, 1) & 63;
}

SG_HANDLER(v_readlane_b32) {
    uint32_t code = op->src[0];
    w->s[op->dst] =
        code >= SG_VGPR0 ? sg_wave_row(w, code)[lane_select(w, op)] : sg_scalar32(w, op, 0);
    SG_NEXT(w, op);
}

SG_HANDLER(v_writelane_b32) {
    sg_wave_row(w, op->dst)[lane_select(w, op)] = sg_scalar32(w, op, 0);
    SG_NEXT(w, op);
}

SG_HANDLER(v_mqsad_u32_u8) {
    uint32_t *d = sg_wave_row(w, op->dst);
    const uint32_t *a = sg_vx_source(w, op, 0, SG_T_b64), *b = sg_vx_source(w, op, 1, SG_T_b32);
    const uint32_t *c = sg_vx_source(w, op, 2, SG_T_b128);
    uint64_t exec = sg_wave_exec(w);
    bool clamp = SG_CLAMPED(op);
    for (uint32_t lane = 0; lane < SG_LANES; lane++) {
        if ((exec >> lane & 1) == 0)
            continue;
        uint64_t bytes = SG_LD_b64(a, lane);
        uint32_t sums[4];
        for (uint32_t k = 0; k < 4; k++)
            sums[k] = saturate_add(sad_u8((uint32_t)(bytes >> (k * 8)), b[lane], true),
                                   c[k * SG_LANES + lane], clamp);
        for (uint32_t k = 0; k < 4; k++)
            d[k * SG_LANES + lane] = sums[k];
    }
    SG_NEXT(w, op);
}

#define VOP3(name, opc, tD, t0, t1, t2, ...) SG_VALU(name, tD, t0, t1, t2, __VA_ARGS__)
#define VOP3_SCALAR(name, opc, tD, t0, t1, t2, ...)                                                \
    SG_VALU_LOOP(SG_SCALAR_LOOP, name, tD, t0, t1, t2, __VA_ARGS__)
#define VOP3_CARRY(name, opc, flags, tD, t0, t1, t2, ...)                                          \
    SG_VALU_CARRY(name, flags, tD, t0, t1, t2, __VA_ARGS__)
#define VOP3_FUNCTION(name, opc, flags, tD, t0, t1, t2)
#include "softgpu/isa/vop3.def"
#undef VOP3
#undef VOP3_SCALAR
#undef VOP3_CARRY
#undef VOP3_FUNCTION
#define VOP3(name, opc, tD, t0, t1, t2, ...) SG_ROW(name, opc, handle_##name, 0, tD, t0, t1, t2)
#define VOP3_SCALAR(name, opc, tD, t0, t1, t2, ...)                                                \
    SG_ROW(name, opc, handle_##name, 0, tD, t0, t1, t2)
#define VOP3_CARRY(name, opc, flags, tD, t0, t1, t2, ...)                                          \
    SG_ROW(name, opc, handle_##name, flags, tD, t0, t1, t2)
#define VOP3_FUNCTION(name, opc, flags, tD, t0, t1, t2)                                            \
    SG_ROW(name, opc, handle_##name, flags, tD, t0, t1, t2)
#define SG_DEF  "softgpu/isa/vop3.def"
#define SG_FIND sg_vop3_only_find
sg_find_fn SG_V(sg_vop3_only_find);
#include "softgpu/isa/table.h"

sg_find_fn SG_V(sg_vopc_find), SG_V(sg_vop2_find), SG_V(sg_vop1_find), SG_V(sg_vop3_find);

/* The short encodings come again at fixed offsets. */
struct sg_row *SG_V(sg_vop3_find)(uint32_t opcode) {
    struct sg_row *row;
    if (opcode < 0x100)
        row = SG_V(sg_vopc_find)(opcode);
    else if (opcode < 0x140)
        row = SG_V(sg_vop2_find)(opcode - 0x100);
    else if (opcode < 0x1c0)
        row = SG_V(sg_vop1_find)(opcode - 0x140);
    else
        return SG_V(sg_vop3_only_find)(opcode);
    return row && (row->flags & SG_VF_NO_E64) ? NULL : row;
}
