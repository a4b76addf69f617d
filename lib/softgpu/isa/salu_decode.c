/* SPDX-License-Identifier: MIT */
/* Decode and print of the scalar encodings, and the values of their 64-bit constants. */
#include "softgpu/isa/handler.h"
#include "softgpu/isa/hwreg.h"

/* The constants as doubles, high words; the low words are 0 but for 1 / (2 pi). */
static const uint32_t double_constants[] = {0x3fe00000, 0xbfe00000, 0x3ff00000,
                                            0xbff00000, 0x40000000, 0xc0000000,
                                            0x40100000, 0xc0100000, 0x3fc45f30};
enum { INV_2PI = 248, INV_2PI_LOW = 0x6dc9c882 };

uint64_t sg_scalar64_slow(const struct sg_wave *w, uint32_t code, uint32_t literal,
                          enum sg_type type) {
    if (code == SG_LITERAL && type == SG_T_f64)
        return (uint64_t)literal << 32;
    if (code == SG_LITERAL)
        return type == SG_T_i64 ? (uint64_t)(int64_t)(int32_t)literal : literal;
    if (code <= 208)
        return (uint64_t)(int64_t)(int32_t)w->s[code];
    if (code >= 240 && code <= INV_2PI)
        return (uint64_t)double_constants[code - 240] << 32 | (code == INV_2PI ? INV_2PI_LOW : 0);
    switch (code) {
    case SG_SHARED_BASE:
        return (uint64_t)w->env->shared_aperture_hi << 32;
    case SG_SHARED_LIMIT:
        return (uint64_t)w->env->shared_aperture_hi << 32 | 0xffffffff;
    case SG_PRIVATE_BASE:
        return (uint64_t)w->env->private_aperture_hi << 32;
    case SG_PRIVATE_LIMIT:
        return (uint64_t)w->env->private_aperture_hi << 32 | 0xffffffff;
    case SG_VCCZ:
        return sg_wave_vcc(w) == 0;
    case SG_EXECZ:
        return sg_wave_exec(w) == 0;
    default:
        return w->s[code]; // SCC; POPS_EXITING_WAVE_ID is 0
    }
}

bool sg_scalar_is_source(uint32_t code, enum sg_type type) {
    if (code < SG_CONST_0)
        return code != 125 && (sg_type_dwords(type) == 1 || (code & 1) == 0);
    return code <= 208 || (code >= SG_SHARED_BASE && code <= 248) ||
           (code >= SG_VCCZ && code <= SG_SCC) || code == SG_LITERAL;
}

bool sg_scalar_is_dest(uint32_t code, enum sg_type type) {
    return code < SG_CONST_0 && code != 125 && (sg_type_dwords(type) < 2 || (code & 1) == 0);
}

static bool take_source(struct sg_op *op, uint32_t n, uint32_t code, enum sg_type type) {
    if (type == SG_T_none)
        return true;
    op->src[n] = (uint16_t)code;
    return sg_scalar_is_source(code, type);
}

static bool take_dest(struct sg_op *op, uint32_t code, enum sg_type type) {
    if (type == SG_T_none)
        return true;
    op->dst = (uint16_t)code;
    return sg_scalar_is_dest(code, type);
}

bool sg_sop1_decode(const uint32_t *words, const struct sg_row *row, struct sg_op *op) {
    return take_dest(op, words[0] >> 16 & 127, row->types[0]) &&
           take_source(op, 0, words[0] & 255, row->types[1]);
}

bool sg_sop2_decode(const uint32_t *words, const struct sg_row *row, struct sg_op *op) {
    return take_dest(op, words[0] >> 16 & 127, row->types[0]) &&
           take_source(op, 0, words[0] & 255, row->types[1]) &&
           take_source(op, 1, words[0] >> 8 & 255, row->types[2]);
}

bool sg_sopc_decode(const uint32_t *words, const struct sg_row *row, struct sg_op *op) {
    op->aux = (uint16_t)(words[0] >> 8 & 255); // s_set_gpr_idx_on: the field is a constant
    return take_source(op, 0, words[0] & 255, row->types[1]) &&
           take_source(op, 1, words[0] >> 8 & 255, row->types[2]);
}

bool sg_sopk_decode(const uint32_t *words, const struct sg_row *row, struct sg_op *op) {
    enum { SETREG_IMM32 = 0x14 };
    op->imm = (uint32_t)(int32_t)(int16_t)words[0];
    if (op->opcode == SETREG_IMM32) {
        op->mods = words[0] & 0xffff;
        op->imm = words[1];
        op->len = 2;
    }
    return take_dest(op, words[0] >> 16 & 127, row->types[0]);
}

bool sg_sopp_decode(const uint32_t *words, const struct sg_row *row, struct sg_op *op) {
    (void)row;
    op->imm = (uint32_t)(int32_t)(int16_t)words[0];
    return true;
}

static void print_operands(const struct sg_row *row, const struct sg_op *op, struct sg_text *text) {
    const uint16_t codes[] = {op->dst, op->src[0], op->src[1], op->src[2]};
    const char *separator = " ";
    for (uint32_t i = 0; i < 4; i++) {
        if (row->types[i] == SG_T_none)
            continue;
        sg_text_str(text, separator);
        sg_text_operand(text, codes[i], row->types[i], op->imm);
        separator = ", ";
    }
}

void sg_sop1_print(const uint32_t *words, const struct sg_row *row, const struct sg_op *op,
                   uint64_t pc, struct sg_text *text) {
    (void)words, (void)pc;
    print_operands(row, op, text);
}

void sg_sop2_print(const uint32_t *words, const struct sg_row *row, const struct sg_op *op,
                   uint64_t pc, struct sg_text *text) {
    (void)words, (void)pc;
    print_operands(row, op, text);
}

static void print_gpr_idx(struct sg_text *text, uint32_t mode) {
    static const char *const names[] = {"SRC0", "SRC1", "SRC2", "DST"};
    const char *separator = "";
    if (mode > 15) {
        sg_text_hex(text, mode);
        return;
    }
    sg_text_str(text, "gpr_idx(");
    for (uint32_t i = 0; i < 4; i++) {
        if ((mode >> i & 1) == 0)
            continue;
        sg_text_str(text, separator);
        sg_text_str(text, names[i]);
        separator = ",";
    }
    sg_text_str(text, ")");
}

void sg_sopc_print(const uint32_t *words, const struct sg_row *row, const struct sg_op *op,
                   uint64_t pc, struct sg_text *text) {
    enum { SET_GPR_IDX_ON = 0x11 };
    (void)words, (void)pc;
    print_operands(row, op, text);
    if (op->opcode == SET_GPR_IDX_ON) {
        sg_text_str(text, ", ");
        print_gpr_idx(text, op->aux);
    }
}

static void print_hwreg(struct sg_text *text, uint32_t hwreg) {
    const char *name = sg_hwreg_name(hwreg & 63);
    sg_text_str(text, "hwreg(");
    if (name)
        sg_text_str(text, name);
    else
        sg_text_dec(text, hwreg & 63);
    if ((hwreg & 0xffc0) != 0xf800) {
        sg_text_str(text, ", ");
        sg_text_dec(text, hwreg >> 6 & 31);
        sg_text_str(text, ", ");
        sg_text_dec(text, (hwreg >> 11 & 31) + 1);
    }
    sg_text_str(text, ")");
}

static void print_target(struct sg_text *text, const struct sg_op *op, uint64_t pc) {
    sg_text_hex(text, pc + 4 + (uint64_t)(int64_t)(int32_t)op->imm * 4);
}

void sg_sopk_print(const uint32_t *words, const struct sg_row *row, const struct sg_op *op,
                   uint64_t pc, struct sg_text *text) {
    enum { GETREG = 0x11, SETREG = 0x12, SETREG_IMM32 = 0x14, CALL = 0x15, I_FORK = 0x10 };
    uint32_t k = words[0] & 0xffff;
    if (op->opcode == SETREG || op->opcode == SETREG_IMM32) {
        sg_text_str(text, " ");
        print_hwreg(text, k);
        sg_text_str(text, ", ");
        sg_text_operand(text, op->opcode == SETREG ? op->dst : SG_LITERAL, SG_T_b32, op->imm);
        return;
    }
    print_operands(row, op, text);
    sg_text_str(text, ", ");
    if (op->opcode == GETREG)
        print_hwreg(text, k);
    else if (op->opcode == CALL || op->opcode == I_FORK)
        print_target(text, op, pc);
    else
        sg_text_hex(text, k);
}

static void print_waitcnt(struct sg_text *text, uint32_t imm) {
    uint32_t vm = (imm & 15) | (imm >> 10 & 0x30);
    uint32_t exp = imm >> 4 & 7;
    uint32_t lgkm = imm >> 8 & 15;
    bool all = vm == 63 && exp == 7 && lgkm == 15;
    if (vm != 63 || all) {
        sg_text_str(text, " vmcnt(");
        sg_text_dec(text, vm);
        sg_text_str(text, ")");
    }
    if (exp != 7 || all) {
        sg_text_str(text, " expcnt(");
        sg_text_dec(text, exp);
        sg_text_str(text, ")");
    }
    if (lgkm != 15 || all) {
        sg_text_str(text, " lgkmcnt(");
        sg_text_dec(text, lgkm);
        sg_text_str(text, ")");
    }
}

static bool is_branch(uint32_t opcode) {
    return opcode == 2 || (opcode >= 4 && opcode <= 9) || (opcode >= 0x17 && opcode <= 0x1a);
}

void sg_sopp_print(const uint32_t *words, const struct sg_row *row, const struct sg_op *op,
                   uint64_t pc, struct sg_text *text) {
    enum {
        NOP = 0,
        ENDPGM = 1,
        BARRIER = 0xa,
        WAITCNT = 0xc,
        SLEEP = 0xe,
        SETPRIO = 0xf,
        SENDMSG = 0x10,
        TRAP = 0x12,
        SETHALT = 0xd,
        SETKILL = 0xb,
        IDX_MODE = 0x1d
    };
    uint32_t imm = words[0] & 0xffff;
    (void)row;
    if (is_branch(op->opcode)) {
        sg_text_str(text, " ");
        print_target(text, op, pc);
    } else if (op->opcode == WAITCNT) {
        print_waitcnt(text, imm);
    } else if (op->opcode == SENDMSG || op->opcode == SENDMSG + 1) {
        sg_text_str(text, " sendmsg(");
        sg_text_str(text, imm == 1 ? "MSG_INTERRUPT" : imm == 10 ? "MSG_GET_DOORBELL" : "");
        if (imm != 1 && imm != 10)
            sg_text_hex(text, imm);
        sg_text_str(text, ")");
    } else if (op->opcode == IDX_MODE) {
        sg_text_str(text, " ");
        print_gpr_idx(text, imm);
    } else if (op->opcode == NOP || op->opcode == SLEEP || op->opcode == SETPRIO ||
               op->opcode == TRAP || op->opcode == SETHALT || op->opcode == SETKILL ||
               (imm != 0 && op->opcode != BARRIER)) {
        sg_text_str(text, " ");
        if (imm > 64 && op->opcode != ENDPGM)
            sg_text_hex(text, imm);
        else
            sg_text_dec(text, imm);
    }
}
