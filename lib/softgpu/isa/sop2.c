/* SPDX-License-Identifier: MIT */
/* SOP2, SOPC, SOPK: scalar arithmetic and compares. */
#include "softgpu/isa/handler.h"
#include "softgpu/isa/hwreg.h"

#define SG_GET_b32(w, op, n)   sg_scalar32(w, op, n)
#define SG_GET_u32(w, op, n)   sg_scalar32(w, op, n)
#define SG_GET_i32(w, op, n)   ((int32_t)sg_scalar32(w, op, n))
#define SG_GET_b64(w, op, n)   sg_scalar64(w, op, n, SG_T_b64)
#define SG_GET_u64(w, op, n)   sg_scalar64(w, op, n, SG_T_u64)
#define SG_GET_i64(w, op, n)   ((int64_t)sg_scalar64(w, op, n, SG_T_i64))
#define SG_PUT_b32(w, code, x) ((w)->s[code] = (x))
#define SG_PUT_u32(w, code, x) ((w)->s[code] = (x))
#define SG_PUT_i32(w, code, x) ((w)->s[code] = (uint32_t)(x))
#define SG_PUT_b64(w, code, x) sg_wave_set_s64(w, code, x)
#define SG_PUT_u64(w, code, x) sg_wave_set_s64(w, code, x)
#define SG_PUT_i64(w, code, x) sg_wave_set_s64(w, code, (uint64_t)(x))

/* Bit fields may reach over the value's end: zeros (or the sign) come in. */
SG_INLINE uint64_t bits_extract(uint64_t value, uint32_t offset, uint32_t width, uint32_t bits) {
    value >>= offset;
    return width >= bits ? value : value & ((1ull << width) - 1);
}

SG_INLINE int64_t bits_extract_signed(int64_t value, uint32_t offset, uint32_t width,
                                      uint32_t bits) {
    if (width == 0)
        return 0;
    value >>= offset;
    return width >= bits ? value : (int64_t)((uint64_t)value << (64 - width)) >> (64 - width);
}

/* Lanes of both kinds: the smaller part runs first, the other's address and EXEC wait in four SGPRs
 * for s_cbranch_join. */
SG_INLINE const struct sg_op *fork_lanes(struct sg_wave *w, const struct sg_op *op,
                                         uint64_t condition, uint64_t target) {
    uint64_t exec = sg_wave_exec(w), pass = condition & exec, fail = ~condition & exec;
    uint64_t next = sg_wave_pc(w, op) + 4;
    if (pass == exec)
        return sg_code_jump(w, target);
    if (fail == exec)
        return op + 1;
    bool fail_first = __builtin_popcountll(fail) < __builtin_popcountll(pass);
    uint32_t saved = (w->mode >> SG_MODE_CSP_SHIFT) * 4;
    sg_wave_set_s64(w, saved, fail_first ? target : next);
    sg_wave_set_s64(w, saved + 2, fail_first ? pass : fail);
    w->mode += 1u << SG_MODE_CSP_SHIFT;
    sg_wave_set_exec(w, fail_first ? fail : pass);
    return fail_first ? op + 1 : sg_code_jump(w, target);
}

SG_HANDLER(s_cbranch_g_fork) {
    SG_JUMP(w, fork_lanes(w, op, SG_GET_b64(w, op, 0), SG_GET_b64(w, op, 1)));
}

SG_HANDLER(s_cbranch_i_fork) {
    uint64_t target = sg_wave_pc(w, op) + 4 + (uint64_t)(int64_t)(int32_t)op->imm * 4;
    SG_JUMP(w, fork_lanes(w, op, sg_wave_s64(w, op->dst), target));
}

/* No trap handler runs here: there is no state to restore. */
SG_HANDLER(s_rfe_restore_b64) {
    SG_JUMP(w, sg_code_jump(w, SG_GET_b64(w, op, 0)));
}

#define SOP2(name, opc, tD, t0, t1, ...)                                                           \
    SG_INLINE SG_C_##tD lane_##name(SG_C_##t0 S0, SG_C_##t1 S1, uint32_t *scc) {                   \
        SG_C_##tD D;                                                                               \
        uint32_t SCC = *scc;                                                                       \
        __VA_ARGS__;                                                                               \
        *scc = SCC;                                                                                \
        return D;                                                                                  \
    }                                                                                              \
    SG_HANDLER(name) {                                                                             \
        SG_C_##tD D = lane_##name(SG_GET_##t0(w, op, 0), SG_GET_##t1(w, op, 1), &w->s[SG_SCC]);    \
        SG_PUT_##tD(w, op->dst, D);                                                                \
        SG_NEXT(w, op);                                                                            \
    }
#define SOP2_FUNCTION(name, opc, tD, t0, t1)
#include "softgpu/isa/sop2.def"
#undef SOP2
#undef SOP2_FUNCTION
#define SOP2(name, opc, tD, t0, t1, ...)     SG_ROW(name, opc, handle_##name, 0, tD, t0, t1, none)
#define SOP2_FUNCTION(name, opc, tD, t0, t1) SG_ROW(name, opc, handle_##name, 0, tD, t0, t1, none)
#define SG_DEF                               "softgpu/isa/sop2.def"
#define SG_FIND                              sg_sop2_find
#include "softgpu/isa/table.h"

#define SOPC(name, opc, t0, t1, condition)                                                         \
    SG_INLINE bool lane_##name(SG_C_##t0 S0, SG_C_##t1 S1) {                                       \
        return condition;                                                                          \
    }                                                                                              \
    SG_HANDLER(name) {                                                                             \
        w->s[SG_SCC] = lane_##name(SG_GET_##t0(w, op, 0), SG_GET_##t1(w, op, 1));                  \
        SG_NEXT(w, op);                                                                            \
    }
#define SOPC_FUNCTION(name, opc, t0, t1, fn)
#include "softgpu/isa/sopc.def"
#undef SOPC
#undef SOPC_FUNCTION
#define SOPC(name, opc, t0, t1, ...)         SG_ROW(name, opc, handle_##name, 0, none, t0, t1, none)
#define SOPC_FUNCTION(name, opc, t0, t1, fn) SG_ROW(name, opc, fn, 0, none, t0, t1, none)
#define SG_DEF                               "softgpu/isa/sopc.def"
#define SG_FIND                              sg_sopc_find
#include "softgpu/isa/table.h"

SG_HANDLER(s_getreg_b32) {
    w->s[op->dst] = sg_hwreg_get(w, op->imm & 0xffff);
    SG_NEXT(w, op);
}

SG_HANDLER(s_setreg_b32) {
    sg_hwreg_set(w, op->imm & 0xffff, w->s[op->dst]);
    SG_JUMP(w, sg_code_mode_changed(w, op));
}

SG_HANDLER(s_setreg_imm32_b32) {
    sg_hwreg_set(w, op->mods & 0xffff, op->imm);
    SG_JUMP(w, sg_code_mode_changed(w, op));
}

SG_HANDLER(s_call_b64) {
    sg_wave_set_s64(w, op->dst, sg_wave_pc(w, op) + 4);
    SG_JUMP(w, sg_branch_target(w, op, (int32_t)op->imm));
}

#define SG_K_i32(op) ((int32_t)(op)->imm)
#define SG_K_u32(op) ((op)->imm & 0xffff)
#define SOPK_CMP(name, opc, type, condition)                                                       \
    SG_INLINE bool lane_##name(SG_C_##type D, SG_C_##type K) {                                     \
        return condition;                                                                          \
    }                                                                                              \
    SG_HANDLER(name) {                                                                             \
        w->s[SG_SCC] = lane_##name((SG_C_##type)w->s[op->dst], SG_K_##type(op));                   \
        SG_NEXT(w, op);                                                                            \
    }
#define SOPK_ALU(name, opc, ...)                                                                   \
    SG_INLINE int32_t lane_##name(int32_t D, int32_t K, uint32_t *scc) {                           \
        uint32_t SCC = *scc;                                                                       \
        __VA_ARGS__;                                                                               \
        *scc = SCC;                                                                                \
        return D;                                                                                  \
    }                                                                                              \
    SG_HANDLER(name) {                                                                             \
        w->s[op->dst] =                                                                            \
            (uint32_t)lane_##name((int32_t)w->s[op->dst], (int32_t)op->imm, &w->s[SG_SCC]);        \
        SG_NEXT(w, op);                                                                            \
    }
#define SOPK_FUNCTION(name, opc, tD)
#include "softgpu/isa/sopk.def"
#undef SOPK_CMP
#undef SOPK_ALU
#undef SOPK_FUNCTION
#define SOPK_CMP(name, opc, type, ...) SG_ROW(name, opc, handle_##name, 0, type, none, none, none)
#define SOPK_ALU(name, opc, ...)       SG_ROW(name, opc, handle_##name, 0, i32, none, none, none)
#define SOPK_FUNCTION(name, opc, tD)   SG_ROW(name, opc, handle_##name, 0, tD, none, none, none)
#define SG_DEF                         "softgpu/isa/sopk.def"
#define SG_FIND                        sg_sopk_find
#include "softgpu/isa/table.h"
