/* SPDX-License-Identifier: MIT */
/// What handler sources share: naming by interpreter level, table generation, scalar operands.
///
/// A source file that implements a table includes it several times with different row macros; the
/// passes are SG_PASS_HANDLERS (lane functions and handlers), the row array and the opcode switch.
/// SG_TABLE builds the latter two from a list of rows in one X-macro form:
/// `SG_R(row kind macro)`.
#ifndef SG_ISA_HANDLER_H
#define SG_ISA_HANDLER_H

#include "softgpu/isa/cache.h"
#include "softgpu/isa/format.h"
#include "softgpu/isa/wave.h"

#define SG_INLINE static inline __attribute__((always_inline))
#define SG_HANDLER(name)                                                                           \
    static const struct sg_op *handle_##name(struct sg_wave *w, const struct sg_op *op)

/// Literals, VCCZ, EXECZ: sources that are no plain word of sg_wave.s.
static inline uint32_t sg_scalar32(const struct sg_wave *w, const struct sg_op *op, uint32_t n) {
    uint32_t code = op->src[n];
    if (__builtin_expect(code < 249, 1))
        return w->s[code];
    if (code == SG_LITERAL)
        return op->imm;
    if (code == SG_VCCZ)
        return sg_wave_vcc(w) == 0;
    if (code == SG_EXECZ)
        return sg_wave_exec(w) == 0;
    return w->s[code];
}

/// 64-bit source: a register pair, an inline constant of 64 bits, a literal as `type` extends it.
uint64_t sg_scalar64_slow(const struct sg_wave *w, uint32_t code, uint32_t literal,
                          enum sg_type type);
static inline uint64_t sg_scalar64(const struct sg_wave *w, const struct sg_op *op, uint32_t n,
                                   enum sg_type type) {
    uint32_t code = op->src[n];
    if (__builtin_expect(code < SG_CONST_0, 1))
        return sg_wave_s64(w, code);
    return sg_scalar64_slow(w, code, op->imm, type);
}

/// Whether an operand code may be a scalar source or destination of this type.
bool sg_scalar_is_source(uint32_t code, enum sg_type type);
bool sg_scalar_is_dest(uint32_t code, enum sg_type type);

/// Taken branch to `op + 1 + delta` dwords. Back edges pay the instructions they repeat.
static inline const struct sg_op *sg_branch_target(struct sg_wave *w, const struct sg_op *op,
                                                   int32_t delta) {
    if (delta < 0) {
        w->budget += delta;
        if (w->budget <= 0)
            return sg_code_yield(w, sg_wave_pc(w, op) + 4 + (uint64_t)(int64_t)delta * 4,
                                 SG_YIELD_BUDGET);
    }
    if (__builtin_expect(op->aux != 0, 1)) // the decoder saw that the target lies in this page
        return op + 1 + delta;
    return sg_code_jump(w, sg_wave_pc(w, op) + 4 + (uint64_t)(int64_t)delta * 4);
}

/// Ends a handler that jumped: NULL leaves the run loop.
#define SG_JUMP(w, target)                                                                         \
    do {                                                                                           \
        const struct sg_op *sg_target_ = (target);                                                 \
        if (!sg_target_)                                                                           \
            return NULL;                                                                           \
        SG_GOTO(w, sg_target_);                                                                    \
    } while (0)

/* C types of the operand types. 16-bit values travel widened: f16 as an exact float. */
#define SG_C_b32 uint32_t
#define SG_C_u32 uint32_t
#define SG_C_i32 int32_t
#define SG_C_f32 float
#define SG_C_b64 uint64_t
#define SG_C_u64 uint64_t
#define SG_C_i64 int64_t
#define SG_C_f64 double
#define SG_C_b16 uint32_t
#define SG_C_u16 uint32_t
#define SG_C_i16 int32_t
#define SG_C_f16 float

#endif
