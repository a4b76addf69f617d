/* SPDX-License-Identifier: MIT */
/// One decoded instruction, and how a handler ends.
///
/// A decoded page holds one struct sg_op per dword of a 4 KiB page of code, so that slot index ==
/// dword index: the next instruction is `op + op->len`, a branch inside the page is pointer
/// arithmetic and an op's address follows from its position. A slot that was not executed yet holds
/// a handler that decodes it.
#ifndef SG_ISA_OP_H
#define SG_ISA_OP_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

struct sg_wave;
struct sg_op;

/// Executes one instruction and passes control on: `SG_NEXT(w, op)` for the following one,
/// `SG_GOTO(w, target_op)`, or `return NULL` to leave the run loop after having set w->state (see
/// sg_wave_stop in wave.h).
typedef const struct sg_op *sg_handler(struct sg_wave *w, const struct sg_op *op);

/// Operand codes. 0..255 are the encodings of the 9-bit source field and index sg_wave.s directly
/// (SGPRs, VCC, M0, EXEC, inline constants as 32-bit words); vector registers follow.
enum sg_operand {
    SG_FLAT_SCRATCH = 102,
    SG_XNACK_MASK = 104,
    SG_VCC = 106,
    SG_TTMP0 = 108,
    SG_M0 = 124,
    SG_EXEC = 126,
    SG_CONST_0 = 128, ///< 128..192: 0..64; 193..208: -1..-16; 240..248: floats
    SG_SHARED_BASE = 235,
    SG_SHARED_LIMIT = 236,
    SG_PRIVATE_BASE = 237,
    SG_PRIVATE_LIMIT = 238,
    SG_POPS_WAVE_ID = 239,
    SG_SDWA_WORD = 249, ///< in src0: an SDWA dword follows
    SG_DPP_WORD = 250,  ///< in src0: a DPP dword follows
    SG_VCCZ = 251,
    SG_EXECZ = 252,
    SG_SCC = 253,
    SG_LITERAL = 255,
    SG_VGPR0 = 256,   ///< 256..511: arch VGPRs
    SG_AGPR0 = 512,   ///< 512..767: accumulation VGPRs (row acc_offset + n)
    SG_NONE = 0xffff, ///< no such operand
};

/* Macros, not an enum: enumerators are int, and these are bits of a uint32_t. */
/// Bits of sg_op.mods for the vector formats (VOP1/2/C/3/3P and their SDWA and DPP forms). The
/// memory formats define their own bits.
#define SG_MOD_NEG0       (1u << 0) ///< NEG of source n: SG_MOD_NEG0 << n
#define SG_MOD_ABS0       (1u << 3) ///< ABS of source n (VOP3P: NEG_HI of source n)
#define SG_MOD_OMOD_SHIFT (6)       ///< two bits: 1 *2, 2 *4, 3 /2
#define SG_MOD_OMOD       (3u << 6)
#define SG_MOD_CLAMP      (1u << 8)
#define SG_MOD_OPSEL0     (1u << 9)  ///< OP_SEL of source n; bit 12: of the destination
#define SG_MOD_OPSEL_HI0  (1u << 13) ///< OP_SEL_HI of source n (VOP3P)
#define SG_MOD_SDWA       (1u << 16) ///< imm is the SDWA dword
#define SG_MOD_DPP        (1u << 17) ///< imm is the DPP dword
#define SG_MOD_SPECIAL    (1u << 18) ///< anything above that the fast path does not cover
#define SG_MOD_PLAIN      (1u << 19) ///< vector sources are registers or simple scalars (decode.c)
#define SG_MOD_CBSZ_SHIFT (20)       ///< MFMA: CBSZ 3 bits
#define SG_MOD_ABID_SHIFT (23)       ///< MFMA: ABID 4 bits
#define SG_MOD_BLGP_SHIFT (27)       ///< MFMA: BLGP 3 bits

/// 32 bytes. Everything but `fn` is written before `fn` is published and never changes after.
struct sg_op {
    _Atomic(sg_handler *) fn;
    uint32_t imm;    ///< literal, sign-extended SIMM16, memory offset, or the SDWA/DPP dword
    uint32_t mods;   ///< SG_MOD_*, or the memory format's own bits (glc, lds, ...)
    uint16_t dst;    ///< enum sg_operand: SDST, VDST
    uint16_t src[3]; ///< SSRC/SRC/ADDR/DATA operands in the encoding's order
    uint16_t sdst;   ///< second destination (VOP3b), or a fourth operand of a memory format
    uint16_t opcode; ///< in its encoding
    uint8_t len;     ///< dwords, 1..3
    uint8_t format;  ///< enum sg_format_id of isa/format.h
    uint16_t aux;    ///< free for the format
};
_Static_assert(sizeof(struct sg_op) == 32, "slot arithmetic and cache footprint");

/* Sanitizers and gcc 12 have no usable musttail: there, every handler returns the next op to the
 * run loop, which is the same contract seen from the loop's side. */
#if defined(__clang__) && !defined(SG_NO_MUSTTAIL)
#    if !__has_feature(address_sanitizer) && !__has_feature(thread_sanitizer) &&                   \
        !__has_feature(undefined_behavior_sanitizer) && !__has_feature(memory_sanitizer)
#        define SG_TAIL_CALLS 1
#    endif
#endif
#ifdef SG_TAIL_CALLS
#    define SG_GOTO(w, target)                                                                     \
        do {                                                                                       \
            const struct sg_op *sg_next_ = (target);                                               \
            sg_handler *sg_fn_ = atomic_load_explicit(&sg_next_->fn, memory_order_acquire);        \
            __attribute__((musttail)) return sg_fn_((w), sg_next_);                                \
        } while (0)
/// Ends a handler with another one for the same op.
#    define SG_TAIL(fn, w, op) __attribute__((musttail)) return (fn)((w), (op))
/* Most ops are one or two dwords. Branches are predicted, so that the next op's address does not
 * wait for the length to be loaded. */
#    define SG_NEXT(w, op)                                                                         \
        do {                                                                                       \
            if ((op)->len == 1)                                                                    \
                SG_GOTO(w, (op) + 1);                                                              \
            if ((op)->len == 2)                                                                    \
                SG_GOTO(w, (op) + 2);                                                              \
            SG_GOTO(w, (op) + (op)->len);                                                          \
        } while (0)
#else
#    define SG_TAIL_CALLS      0
#    define SG_GOTO(w, target) return ((void)(w), (target))
#    define SG_TAIL(fn, w, op) return (fn)((w), (op))
/// Continues with the instruction after `op`.
#    define SG_NEXT(w, op)     SG_GOTO(w, (op) + (op)->len)
#endif

#endif
