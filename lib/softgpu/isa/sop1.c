/* SPDX-License-Identifier: MIT */
/* SOP1 and SOPP: scalar moves, EXEC, calls, branches, messages. */
#include "softgpu/isa/handler.h"
#include "softgpu/isa/hwreg.h"

#define SG_GET_b32(w, op, n)   sg_scalar32(w, op, n)
#define SG_GET_u32(w, op, n)   sg_scalar32(w, op, n)
#define SG_GET_i32(w, op, n)   ((int32_t)sg_scalar32(w, op, n))
#define SG_GET_b64(w, op, n)   sg_scalar64(w, op, n, SG_T_b64)
#define SG_GET_i64(w, op, n)   ((int64_t)sg_scalar64(w, op, n, SG_T_i64))
#define SG_OLD_b32(w, code)    ((w)->s[code])
#define SG_OLD_u32(w, code)    ((w)->s[code])
#define SG_OLD_i32(w, code)    ((int32_t)(w)->s[code])
#define SG_OLD_b64(w, code)    sg_wave_s64(w, code)
#define SG_PUT_b32(w, code, x) ((w)->s[code] = (x))
#define SG_PUT_u32(w, code, x) ((w)->s[code] = (x))
#define SG_PUT_i32(w, code, x) ((w)->s[code] = (uint32_t)(x))
#define SG_PUT_b64(w, code, x) sg_wave_set_s64(w, code, x)

enum { MSG_INTERRUPT = 1, MSG_GET_DOORBELL = 10, TRAP_DEBUG = 3, STATUS_HALT = 1 << 13 };

static inline uint32_t bits_reverse32(uint32_t x) {
    x = (x >> 1 & 0x55555555) | (x & 0x55555555) << 1;
    x = (x >> 2 & 0x33333333) | (x & 0x33333333) << 2;
    x = (x >> 4 & 0x0f0f0f0f) | (x & 0x0f0f0f0f) << 4;
    return __builtin_bswap32(x);
}

/* One bit per quad: is any of its four bits set? At bits 0, 4, 8... */
static inline uint64_t quad_any(uint64_t x) {
    return (x | x >> 1 | x >> 2 | x >> 3) & 0x1111111111111111u;
}

static inline uint64_t whole_quads(uint64_t x) {
    return quad_any(x) * 15;
}

static inline uint64_t quad_mask(uint64_t x) {
    uint64_t any = quad_any(x);
    uint64_t mask = 0;
    for (uint32_t quad = 0; quad < 16; quad++)
        mask |= (any >> (quad * 4) & 1) << quad;
    return mask;
}

static inline uint64_t bits_double(uint32_t x) {
    uint64_t wide = 0;
    for (uint32_t bit = 0; bit < 32; bit++)
        wide |= (uint64_t)(x >> bit & 1) * 3 << (bit * 2);
    return wide;
}

SG_HANDLER(s_getpc_b64) {
    sg_wave_set_s64(w, op->dst, sg_wave_pc(w, op) + 4);
    SG_NEXT(w, op);
}

SG_HANDLER(s_setpc_b64) {
    SG_JUMP(w, sg_code_jump(w, SG_GET_b64(w, op, 0)));
}

SG_HANDLER(s_swappc_b64) {
    uint64_t target = SG_GET_b64(w, op, 0);
    sg_wave_set_s64(w, op->dst, sg_wave_pc(w, op) + 4);
    SG_JUMP(w, sg_code_jump(w, target));
}

/* No trap handler runs here: there is no privilege to give up. */
#define handle_s_rfe_b64 handle_s_setpc_b64

/* The second arrival goes on; the first takes the path that the fork left aside. */
SG_HANDLER(s_cbranch_join) {
    uint32_t depth = w->mode >> SG_MODE_CSP_SHIFT;
    if (depth == (SG_GET_b32(w, op, 0) & 7) || depth == 0)
        SG_NEXT(w, op);
    w->mode -= 1u << SG_MODE_CSP_SHIFT;
    const uint32_t *saved = &w->s[(depth - 1) * 4];
    uint64_t pc = saved[0] | (uint64_t)saved[1] << 32;
    sg_wave_set_exec(w, saved[2] | (uint64_t)saved[3] << 32);
    SG_JUMP(w, sg_code_jump(w, pc));
}

/* M0 moves the register number; one that leaves the SGPRs is undefined on the hardware too. */
static inline uint32_t relative_sgpr(const struct sg_wave *w, uint32_t code) {
    uint32_t index = code + w->s[SG_M0];
    return index < 102 ? index : code;
}

SG_HANDLER(s_movrels_b32) {
    w->s[op->dst] = w->s[relative_sgpr(w, op->src[0])];
    SG_NEXT(w, op);
}

SG_HANDLER(s_movrels_b64) {
    sg_wave_set_s64(w, op->dst, sg_wave_s64(w, relative_sgpr(w, op->src[0])));
    SG_NEXT(w, op);
}

SG_HANDLER(s_movreld_b32) {
    w->s[relative_sgpr(w, op->dst)] = SG_GET_b32(w, op, 0);
    SG_NEXT(w, op);
}

SG_HANDLER(s_movreld_b64) {
    sg_wave_set_s64(w, relative_sgpr(w, op->dst), SG_GET_b64(w, op, 0));
    SG_NEXT(w, op);
}

SG_HANDLER(s_set_gpr_idx_idx) {
    w->s[SG_M0] = (w->s[SG_M0] & ~0xffu) | (SG_GET_b32(w, op, 0) & 0xff);
    SG_NEXT(w, op);
}

#define SOP1(name, opc, tD, t0, ...)                                                               \
    SG_INLINE SG_C_##tD lane_##name(SG_C_##t0 S0, SG_C_##tD OLD, uint32_t *scc) {                  \
        SG_C_##tD D;                                                                               \
        uint32_t SCC = *scc;                                                                       \
        (void)OLD;                                                                                 \
        __VA_ARGS__;                                                                               \
        *scc = SCC;                                                                                \
        return D;                                                                                  \
    }                                                                                              \
    SG_HANDLER(name) {                                                                             \
        SG_C_##tD D = lane_##name(SG_GET_##t0(w, op, 0), SG_OLD_##tD(w, op->dst), &w->s[SG_SCC]);  \
        SG_PUT_##tD(w, op->dst, D);                                                                \
        SG_NEXT(w, op);                                                                            \
    }
#define SOP1_EXEC(name, opc, value)                                                                \
    SG_INLINE uint64_t lane_##name(uint64_t S0, uint64_t EXEC) {                                   \
        return value;                                                                              \
    }                                                                                              \
    SG_HANDLER(name) {                                                                             \
        uint64_t old = sg_wave_exec(w);                                                            \
        uint64_t exec = lane_##name(SG_GET_b64(w, op, 0), old);                                    \
        sg_wave_set_s64(w, op->dst, old);                                                          \
        sg_wave_set_exec(w, exec);                                                                 \
        w->s[SG_SCC] = exec != 0;                                                                  \
        SG_NEXT(w, op);                                                                            \
    }
#define SOP1_WREXEC(name, opc, value)                                                              \
    SG_INLINE uint64_t lane_##name(uint64_t S0, uint64_t EXEC) {                                   \
        return value;                                                                              \
    }                                                                                              \
    SG_HANDLER(name) {                                                                             \
        uint64_t exec = lane_##name(SG_GET_b64(w, op, 0), sg_wave_exec(w));                        \
        sg_wave_set_s64(w, op->dst, exec);                                                         \
        sg_wave_set_exec(w, exec);                                                                 \
        w->s[SG_SCC] = exec != 0;                                                                  \
        SG_NEXT(w, op);                                                                            \
    }
#define SOP1_FUNCTION(name, opc, tD, t0)
#include "softgpu/isa/sop1.def"
#undef SOP1
#undef SOP1_EXEC
#undef SOP1_WREXEC
#undef SOP1_FUNCTION
#define SOP1(name, opc, tD, t0, ...)     SG_ROW(name, opc, handle_##name, 0, tD, t0, none, none)
#define SOP1_EXEC(name, opc, value)      SG_ROW(name, opc, handle_##name, 0, b64, b64, none, none)
#define SOP1_WREXEC(name, opc, value)    SG_ROW(name, opc, handle_##name, 0, b64, b64, none, none)
#define SOP1_FUNCTION(name, opc, tD, t0) SG_ROW(name, opc, handle_##name, 0, tD, t0, none, none)
#define SG_DEF                           "softgpu/isa/sop1.def"
#define SG_FIND                          sg_sop1_find
#include "softgpu/isa/table.h"

SG_HANDLER(no_effect) {
    SG_NEXT(w, op);
}

SG_HANDLER(s_endpgm) {
    return sg_wave_stop(w, op, SG_WAVE_ENDED);
}
#define handle_s_endpgm_saved           handle_s_endpgm
#define handle_s_endpgm_ordered_ps_done handle_s_endpgm

SG_HANDLER(s_barrier) {
    if (w->workgroup_waves > 1)
        return sg_wave_stop(w, op + 1, SG_WAVE_BARRIER);
    SG_NEXT(w, op);
}

SG_HANDLER(s_sleep) {
    return sg_code_yield(w, sg_wave_pc(w, op) + 4, SG_YIELD_SLEEP);
}

/* False if there is no such message for a compute wave. */
static bool send_message(struct sg_wave *w, uint32_t message) {
    if (message == MSG_INTERRUPT) {
        if (w->env->interrupt)
            w->env->interrupt(w->env->interrupt_context, w->s[SG_M0]);
    } else if (message == MSG_GET_DOORBELL) {
        /* The trap handler polls EXEC_LO bit 31 until the answer is there. */
        sg_wave_set_exec(w, w->env->doorbell_index & 0x3ff);
    } else {
        return false;
    }
    return true;
}

SG_HANDLER(s_sendmsg) {
    if (send_message(w, op->imm & 15))
        SG_NEXT(w, op);
    w->fault.code = op->imm & 0xffff;
    return sg_wave_fault(w, op, SG_FAULT_UNIMPLEMENTED);
}

/* Only a debugger could let a halted wave go on: it stays here, and others run. */
static const struct sg_op *halt(struct sg_wave *w, const struct sg_op *op) {
    w->status |= STATUS_HALT;
    return sg_code_yield(w, sg_wave_pc(w, op), SG_YIELD_SLEEP);
}

SG_HANDLER(s_sethalt) {
    if (op->imm & 1)
        return halt(w, op);
    SG_NEXT(w, op);
}

SG_HANDLER(s_sendmsghalt) {
    if (w->status & STATUS_HALT || send_message(w, op->imm & 15))
        return halt(w, op);
    w->fault.code = op->imm & 0xffff;
    return sg_wave_fault(w, op, SG_FAULT_UNIMPLEMENTED);
}

/* As if the host killed the wave. */
SG_HANDLER(s_setkill) {
    if (op->imm & 1)
        return sg_wave_stop(w, op, SG_WAVE_ENDED);
    SG_NEXT(w, op);
}

SG_HANDLER(s_trap) {
    if ((op->imm & 0xff) == TRAP_DEBUG) // no debugger is attached: the trap handler returns
        SG_NEXT(w, op);
    w->fault.code = op->imm & 0xff;
    return sg_wave_fault(w, op, SG_FAULT_TRAP);
}

SG_HANDLER(s_icache_inv) {
    if (w->no_alloc)
        return sg_code_yield(w, sg_wave_pc(w, op), SG_YIELD_DECODE);
    uint64_t next = sg_wave_pc(w, op) + 4;
    sg_isa_invalidate(w->env->isa, 0, UINT64_MAX);
    w->page = NULL;
    SG_JUMP(w, sg_code_enter(w, next));
}

#define handle_s_set_gpr_idx_off sg_handle_gpr_idx_off

SG_HANDLER(s_set_gpr_idx_mode) {
    w->s[SG_M0] = (w->s[SG_M0] & ~0xf000u) | (op->imm & 15) << 12;
    SG_NEXT(w, op);
}

#define SOPP_NOP(name, opc)
#define SOPP_FUNCTION(name, opc)
#define SOPP_BRANCH(name, opc, condition)                                                          \
    SG_HANDLER(name) {                                                                             \
        if (condition)                                                                             \
            SG_JUMP(w, sg_branch_target(w, op, (int32_t)op->imm));                                 \
        SG_NEXT(w, op);                                                                            \
    }
#include "softgpu/isa/sopp.def"
#undef SOPP_NOP
#undef SOPP_FUNCTION
#undef SOPP_BRANCH
#define SOPP_NOP(name, opc)       SG_ROW(name, opc, handle_no_effect, 0, none, none, none, none)
#define SOPP_FUNCTION(name, opc)  SG_ROW(name, opc, handle_##name, 0, none, none, none, none)
#define SOPP_BRANCH(name, opc, c) SG_ROW(name, opc, handle_##name, 0, none, none, none, none)
#define SG_DEF                    "softgpu/isa/sopp.def"
#define SG_FIND                   sg_sopp_find
#include "softgpu/isa/table.h"
