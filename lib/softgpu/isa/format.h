/* SPDX-License-Identifier: MIT */
/// Encodings: how words become a struct sg_op, and what each encoding's table must offer.
///
/// An encoding consists of a .def file with one row per instruction, a .c file with its handlers
/// (compiled once per interpreter level; names that differ by level go through SG_V) that offers
/// `struct sg_row *SG_V(sg_<format>_find)(uint32_t opcode)`, and the level-independent
/// `sg_<format>_decode` and `sg_<format>_print` (usually in <format>_decode.c). A row of
/// formats.def ties them together.
#ifndef SG_ISA_FORMAT_H
#define SG_ISA_FORMAT_H

#include "softgpu/isa/op.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/// SG_V(name): `name` of this interpreter level. The build defines SG_VARIANT as v2, v3 or v4.
#define SG_PASTE_(a, b) a##_##b
#define SG_PASTE(a, b)  SG_PASTE_(a, b)
#ifdef SG_VARIANT
#    define SG_V(name) SG_PASTE(name, SG_VARIANT)
#endif

enum sg_format_id {
#define SG_FORMAT(id, ...) SG_FORMAT_##id,
#include "softgpu/isa/formats.def"
    SG_FORMAT_COUNT
};

/// Operand types of a row: width and meaning, for decode (register tuples, 64-bit constants) and
/// the disassembler. One letter class and a width in bits, as in the manual.
enum sg_type {
    SG_T_none,
    SG_T_b32,
    SG_T_u32,
    SG_T_i32,
    SG_T_f32,
    SG_T_b64,
    SG_T_u64,
    SG_T_i64,
    SG_T_f64,
    SG_T_b16,
    SG_T_u16,
    SG_T_i16,
    SG_T_f16,
    SG_T_u16p, ///< destinations of 16 bits that keep the register's other half
    SG_T_i16p,
    SG_T_f16p,
    SG_T_pk16,  ///< two 16-bit values of one register (VOP3P)
    SG_T_pkf32, ///< two f32 in a register pair (VOP3P)
    SG_T_b96,
    SG_T_b128,
    SG_T_b256,
    SG_T_b512,
    SG_T_b1024,
};

/// Registers that a value of this type occupies; 0 for none.
uint32_t sg_type_dwords(enum sg_type type);

/// One instruction of an encoding. The decoded counter is bumped whenever a slot is decoded to it.
struct sg_row {
    const char *name;
    sg_handler *fn; ///< NULL: an instruction of gfx90a that we name but lack
    uint16_t opcode;
    uint16_t flags;   ///< the format's own
    uint8_t types[4]; ///< enum sg_type: destination, sources
    _Atomic uint32_t decoded_count;
};

/// Whether a row of VOP1, VOP2 or VOPC has these forms: 64-bit operands have no SDWA, and DPP only
/// to broadcast.
bool sg_row_has_sdwa(const struct sg_row *row);
bool sg_row_has_dpp(const struct sg_row *row);

/// Text being built by a print function; never overflows.
struct sg_text {
    char *at;
    char *end; ///< one before the last byte of the buffer
};
void sg_text_str(struct sg_text *text, const char *s);
void sg_text_dec(struct sg_text *text, int64_t value);
void sg_text_hex(struct sg_text *text, uint64_t value);
/// A scalar or vector operand of `dwords` registers in LLVM's notation: s[4:5], v3, a[0:3], 1.0,
/// vcc, 0x1234 (the literal).
void sg_text_operand(struct sg_text *text, uint32_t code, enum sg_type type, uint32_t literal);
/// "v[first:last]" etc. for operand `code` and a register count.
void sg_text_registers(struct sg_text *text, uint32_t code, uint32_t count);

/// Fills op (dst, src, imm, mods, sdst, aux) from the words; fn, len, format and opcode are set by
/// the caller. Returns false if the words are not an instruction (reserved bits or operands).
typedef bool sg_decode_fn(const uint32_t *words, const struct sg_row *row, struct sg_op *op);
/// Appends the operands to "mnemonic" as LLVM prints them, with a leading space. `pc` of the op.
typedef void sg_print_fn(const uint32_t *words, const struct sg_row *row, const struct sg_op *op,
                         uint64_t pc, struct sg_text *text);
/// Row of an opcode, or NULL if gfx90a has none there.
typedef struct sg_row *sg_find_fn(uint32_t opcode);

/// One encoding.
struct sg_format {
    const char *name; ///< "VOP2"
    uint32_t mask;    ///< of the first word
    uint32_t value;
    uint32_t opcode_shift; ///< the opcode field of the first word
    uint32_t opcode_mask;  ///< after the shift
    uint32_t dwords;       ///< without a literal
    sg_decode_fn *decode;
    sg_print_fn *print;
};
extern const struct sg_format sg_formats[SG_FORMAT_COUNT];

/// Row tables of one interpreter level.
struct sg_level {
    const char *name;
    sg_find_fn *find[SG_FORMAT_COUNT];
};
extern const struct sg_level sg_level_v2, sg_level_v3, sg_level_v4;
/// The tables of a level; NULL for one that isn't built in. The lowest, SG_ISA_V2, always is.
const struct sg_level *sg_level(uint32_t level);

#define SG_FORMAT(id, name, mask, value, shift, opmask, dwords, fn)                                \
    sg_decode_fn sg_##fn##_decode;                                                                 \
    sg_print_fn sg_##fn##_print;
#include "softgpu/isa/formats.def"

#endif
