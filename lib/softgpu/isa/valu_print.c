/* SPDX-License-Identifier: MIT */
/* Vector instructions as text, in LLVM's notation. */
#include "softgpu/isa/handler.h"
#include "softgpu/isa/valu_flags.h"

static void separate(struct sg_text *text, const char **separator) {
    sg_text_str(text, *separator);
    *separator = ", ";
}

static bool takes_sext(enum sg_type type) {
    return type != SG_T_f32 && type != SG_T_f16 && type != SG_T_f64 && type != SG_T_b32 &&
           type != SG_T_b16 && type != SG_T_pk16;
}

static void print_source(const struct sg_row *row, const struct sg_op *op, uint32_t n,
                         struct sg_text *text) {
    enum sg_type type = (enum sg_type)row->types[n + 1];
    bool packed = op->format == SG_FORMAT_VOP3P && !(row->flags & SG_VF_MIX);
    bool is_select_dpp = row->flags == SG_VF_CIN && op->mods & SG_MOD_DPP; // LLVM says nothing here
    bool is_packed_int = type == SG_T_pk16 && row->types[0] == SG_T_i32;
    bool modifiable = !packed && !takes_sext(type) && !is_select_dpp && !is_packed_int;
    bool negate = modifiable && (op->mods & SG_MOD_NEG0 << n) != 0;
    bool absolute = modifiable && (op->mods & SG_MOD_ABS0 << n) != 0;
    bool in_sdwa = (op->mods & SG_MOD_SDWA) && n < 2 && (op->imm >> (n ? 27 : 19) & 1) &&
                   (takes_sext(type) || type == SG_T_b32);
    /* LLVM's reading of NEG at an integer beside floats; it means nothing. */
    bool ignored = !packed && !(op->mods & SG_MOD_SDWA) && takes_sext(type) &&
                   !takes_sext((enum sg_type)row->types[1]) && (op->mods & SG_MOD_NEG0 << n) != 0;
    bool sext = in_sdwa || ignored;
    bool is_constant = op->src[n] >= SG_CONST_0 && op->src[n] <= 248 &&
                       (op->src[n] < SG_SHARED_BASE || op->src[n] > SG_POPS_WAVE_ID);
    bool in_words = negate && !absolute && is_constant; // neg(1), for -1 is another constant
    sg_text_str(text, in_words ? "neg(" : negate ? "-" : "");
    sg_text_str(text, absolute ? "|" : sext ? "sext(" : "");
    bool is_whole =
        op->src[n] == SG_LITERAL && (is_packed_int || (n == 1 && row->flags & SG_VF_MADMK) ||
                                     (n == 2 && row->flags & SG_VF_MADAK));
    sg_text_operand(text, op->src[n], is_whole ? SG_T_b32 : type, op->imm);
    sg_text_str(text, absolute ? "|" : sext || in_words ? ")" : "");
}

static void print_bits(struct sg_text *text, const char *name, uint32_t bits, uint32_t count) {
    sg_text_str(text, name);
    for (uint32_t i = 0; i < count; i++) {
        sg_text_str(text, i ? "," : "");
        sg_text_dec(text, bits >> i & 1);
    }
    sg_text_str(text, "]");
}

static void print_output_modifiers(const struct sg_op *op, struct sg_text *text) {
    static const char *const omod[] = {"", " mul:2", " mul:4", " div:2"};
    sg_text_str(text, op->mods & SG_MOD_CLAMP ? " clamp" : "");
    sg_text_str(text, omod[(op->mods & SG_MOD_OMOD) >> SG_MOD_OMOD_SHIFT]);
}

static void print_sdwa(const struct sg_row *row, uint32_t word, struct sg_text *text) {
    static const char *const select[] = {"BYTE_0", "BYTE_1", "BYTE_2", "BYTE_3",
                                         "WORD_0", "WORD_1", "DWORD",  "7"};
    static const char *const unused[] = {"UNUSED_PAD", "UNUSED_SEXT", "UNUSED_PRESERVE", "3"};
    if (!(row->flags & SG_VF_CMP)) {
        sg_text_str(text, " dst_sel:");
        sg_text_str(text, select[word >> 8 & 7]);
        sg_text_str(text, " dst_unused:");
        sg_text_str(text, unused[word >> 11 & 3]);
    }
    sg_text_str(text, " src0_sel:");
    sg_text_str(text, select[word >> 16 & 7]);
    if (row->types[2] != SG_T_none) {
        sg_text_str(text, " src1_sel:");
        sg_text_str(text, select[word >> 24 & 7]);
    }
}

static void print_dpp_ctrl(uint32_t ctrl, struct sg_text *text) {
    static const struct {
        uint16_t ctrl;
        const char *name;
    } names[] = {
        {0x130, " wave_shl:1"},   {0x134, " wave_rol:1"},   {0x138, " wave_shr:1"},
        {0x13c, " wave_ror:1"},   {0x140, " row_mirror"},   {0x141, " row_half_mirror"},
        {0x142, " row_bcast:15"}, {0x143, " row_bcast:31"},
    };
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (names[i].ctrl == ctrl)
            sg_text_str(text, names[i].name);
    if (ctrl <= 0xff) {
        sg_text_str(text, " quad_perm:[");
        for (uint32_t i = 0; i < 4; i++) {
            sg_text_str(text, i ? "," : "");
            sg_text_dec(text, ctrl >> i * 2 & 3);
        }
        sg_text_str(text, "]");
    } else if (ctrl < 0x130 || ctrl >= 0x150) {
        sg_text_str(text, ctrl >= 0x150   ? " row_newbcast:"
                          : ctrl >= 0x120 ? " row_ror:"
                          : ctrl >= 0x110 ? " row_shr:"
                                          : " row_shl:");
        sg_text_dec(text, ctrl & 15);
    }
}

static void print_dpp(uint32_t word, struct sg_text *text) {
    print_dpp_ctrl(word >> 8 & 0x1ff, text);
    sg_text_str(text, " row_mask:");
    sg_text_hex(text, word >> 28);
    sg_text_str(text, " bank_mask:");
    sg_text_hex(text, word >> 24 & 15);
    sg_text_str(text, word >> 19 & 1 ? " bound_ctrl:1" : "");
}

static const char *suffix(const struct sg_row *row, const struct sg_op *op) {
    if (op->mods & SG_MOD_SDWA)
        return "_sdwa";
    if (op->mods & SG_MOD_DPP)
        return "_dpp";
    if (row->flags & (SG_VF_MADMK | SG_VF_MADAK))
        return "";
    if (op->format == SG_FORMAT_VOP1 && (row->flags & SG_VF_NO_E64)) // readfirstlane, swap
        return "";
    if (row->types[1] == SG_T_none) // v_nop, v_clrexcp
        return "";
    if (op->format == SG_FORMAT_VOP3)
        return row->opcode < 0x1c0 && op->opcode < 0x1c0 ? "_e64" : "";
    return "_e32";
}

/* Destination, lane mask destination, sources, lane mask source. */
static void print_operands(const struct sg_row *row, const struct sg_op *op, struct sg_text *text) {
    const char *separator = " ";
    if (row->types[0] != SG_T_none) {
        separate(text, &separator);
        sg_text_operand(text, op->dst, (enum sg_type)row->types[0], 0);
    }
    if (row->flags & (SG_VF_COUT | SG_VF_CMP)) {
        separate(text, &separator);
        sg_text_operand(text, op->sdst, SG_T_b64, 0);
    }
    for (uint32_t n = 0; n < 3; n++) {
        if (row->types[n + 1] == SG_T_none)
            continue;
        separate(text, &separator);
        print_source(row, op, n, text);
    }
    if (row->flags & SG_VF_CIN) {
        separate(text, &separator);
        sg_text_operand(text, op->aux, SG_T_b64, op->imm);
    }
}

static void print_vop(const struct sg_row *row, const struct sg_op *op, struct sg_text *text) {
    sg_text_str(text, suffix(row, op));
    print_operands(row, op, text);
    uint32_t op_sel = op->mods / SG_MOD_OPSEL0 & 15;
    uint32_t sources = row->types[3] != SG_T_none ? 3 : row->types[2] != SG_T_none ? 2 : 1;
    if (op_sel)
        print_bits(text, " op_sel:[", (op_sel & ((1u << sources) - 1)) | op_sel >> 3 << sources,
                   sources + 1);
    print_output_modifiers(op, text);
    if (op->mods & SG_MOD_SDWA)
        print_sdwa(row, op->imm, text);
    if (op->mods & SG_MOD_DPP)
        print_dpp(op->imm, text);
}

void sg_vop1_print(const uint32_t *words, const struct sg_row *row, const struct sg_op *op,
                   uint64_t pc, struct sg_text *text) {
    (void)words, (void)pc;
    print_vop(row, op, text);
}

void sg_vop2_print(const uint32_t *words, const struct sg_row *row, const struct sg_op *op,
                   uint64_t pc, struct sg_text *text) {
    (void)words, (void)pc;
    print_vop(row, op, text);
}

void sg_vopc_print(const uint32_t *words, const struct sg_row *row, const struct sg_op *op,
                   uint64_t pc, struct sg_text *text) {
    (void)words, (void)pc;
    print_vop(row, op, text);
}

void sg_vop3_print(const uint32_t *words, const struct sg_row *row, const struct sg_op *op,
                   uint64_t pc, struct sg_text *text) {
    (void)words, (void)pc;
    print_vop(row, op, text);
}

static void print_matrix_modifiers(const struct sg_op *op, struct sg_text *text) {
    static const char *const names[] = {" cbsz:", " abid:", " blgp:"};
    const uint32_t values[] = {op->mods >> SG_MOD_CBSZ_SHIFT & 7,
                               op->mods >> SG_MOD_ABID_SHIFT & 15,
                               op->mods >> SG_MOD_BLGP_SHIFT & 7};
    for (uint32_t i = 0; i < 3; i++) {
        if (values[i] == 0)
            continue;
        sg_text_str(text, names[i]);
        sg_text_dec(text, values[i]);
    }
}

void sg_vop3p_print(const uint32_t *words, const struct sg_row *row, const struct sg_op *op,
                    uint64_t pc, struct sg_text *text) {
    (void)words, (void)pc;
    print_operands(row, op, text);
    if (row->flags & SG_VF_MFMA) {
        print_matrix_modifiers(op, text);
        return;
    }
    if (row->flags & (SG_VF_ACC_D | SG_VF_ACC_S))
        return;
    bool mix = (row->flags & SG_VF_MIX) != 0;
    uint32_t sources = row->types[3] != SG_T_none ? 3 : 2, all = (1u << sources) - 1;
    uint32_t op_sel = op->mods / SG_MOD_OPSEL0 & all, op_sel_hi = op->mods / SG_MOD_OPSEL_HI0 & all;
    if (op_sel)
        print_bits(text, " op_sel:[", op_sel, sources);
    if (op_sel_hi != (mix ? 0 : all))
        print_bits(text, " op_sel_hi:[", op_sel_hi, sources);
    if (!mix && (op->mods / SG_MOD_NEG0 & all))
        print_bits(text, " neg_lo:[", op->mods / SG_MOD_NEG0, sources);
    if (!mix && (op->mods / SG_MOD_ABS0 & all))
        print_bits(text, " neg_hi:[", op->mods / SG_MOD_ABS0, sources);
    print_output_modifiers(op, text);
}
