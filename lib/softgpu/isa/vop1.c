/* SPDX-License-Identifier: MIT */
#include "softgpu/isa/valu.h"

SG_HANDLER(v_nop) {
    SG_NEXT(w, op);
}
#define handle_v_clrexcp handle_v_nop // no instruction raises exceptions here

SG_HANDLER(v_readfirstlane_b32) {
    uint64_t exec = sg_wave_exec(w);
    uint32_t lane = exec ? (uint32_t)__builtin_ctzll(exec) : 0;
    uint32_t code = op->src[0];
    w->s[op->dst] = code >= SG_VGPR0 ? sg_wave_row(w, code)[lane] : sg_scalar32(w, op, 0);
    SG_NEXT(w, op);
}

SG_HANDLER(v_swap_b32) {
    uint32_t *a = sg_wave_row(w, op->dst), *b = sg_wave_row(w, op->src[0]);
    const uint32_t *mask = sg_lane_mask(w);
    SG_LANE_LOOP {
        uint32_t x = a[i], y = b[i], m = mask[i];
        a[i] = (y & m) | (x & ~m);
        b[i] = (x & m) | (y & ~m);
    }
    SG_NEXT(w, op);
}

SG_HANDLER(v_accvgpr_mov_b32) {
    uint32_t *d = sg_wave_row(w, op->dst);
    const uint32_t *a = sg_wave_row(w, op->src[0]), *mask = sg_lane_mask(w);
    SG_LANE_LOOP {
        SG_BLEND(d, i, a[i], mask[i]);
    }
    SG_NEXT(w, op);
}

/* Which of four shader engines a part of the screen touches: 256 masks of four bits, the lowest
 * first (Vega ISA manual, V_SCREEN_PARTITION_4SE_B32). */
static const uint64_t screen_partitions[] = {
    0xfffffff7fff5f731, 0xffffffbfffafe62f, 0xfffffdfff5ffc4fd, 0xffffefffafff8fb9,
    0xfffefff6fdc4ffff, 0xffdff99fb98fffff, 0xfbfff9ff31f7ffff, 0x7fff6ff62fe6ffff,
    0xfffafb32fffffffb, 0xff5fd91fffffff7f, 0xfaffc8fefffffeff, 0x5fff4f76ffffdfff,
    0xfec8fffffffdfff9, 0x764fffffffeff66f, 0x32fbfffff7fff6ff, 0x1fd9ffffbfff9ff9,
};

static uint32_t screen_partition(uint32_t part) {
    return (uint32_t)(screen_partitions[part >> 4 & 15] >> (part & 15) * 4) & 15;
}

#define VOP1(name, opc, tD, t0, ...) SG_VALU(name, tD, t0, none, none, __VA_ARGS__)
#define VOP1_FUNCTION(name, opc, flags, tD, t0)
#define VOP1_SCALAR(name, opc, tD, t0, ...)                                                        \
    SG_VALU_LOOP(SG_SCALAR_LOOP, name, tD, t0, none, none, __VA_ARGS__)
#include "softgpu/isa/vop1.def"
#undef VOP1
#undef VOP1_FUNCTION
#undef VOP1_SCALAR
#define VOP1(name, opc, tD, t0, ...) SG_ROW(name, opc, handle_##name, 0, tD, t0, none, none)
#define VOP1_FUNCTION(name, opc, flags, tD, t0)                                                    \
    SG_ROW(name, opc, handle_##name, flags, tD, t0, none, none)
#define VOP1_SCALAR VOP1
#define SG_DEF      "softgpu/isa/vop1.def"
#define SG_FIND     sg_vop1_find
#include "softgpu/isa/table.h"
