/* SPDX-License-Identifier: MIT */
/* Decode of the vector encodings: all forms of an instruction end in the same normal form. */
#include "softgpu/isa/handler.h"
#include "softgpu/isa/valu_flags.h"

static const uint32_t modifier_bits = SG_MOD_NEG0 * 7 | SG_MOD_ABS0 * 7 | SG_MOD_OMOD |
                                      SG_MOD_CLAMP | SG_MOD_OPSEL0 * 15 | SG_MOD_SDWA | SG_MOD_DPP;

static bool take_source(struct sg_op *op, uint32_t n, uint32_t code, enum sg_type type) {
    if (type == SG_T_none)
        return true;
    op->src[n] = (uint16_t)code;
    return code >= SG_VGPR0 || sg_scalar_is_source(code, type);
}

static bool has_pair(const struct sg_row *row, uint32_t first) {
    for (uint32_t n = first; n < 3; n++)
        if (sg_type_dwords((enum sg_type)row->types[n]) > 1)
            return true;
    return false;
}

bool sg_row_has_sdwa(const struct sg_row *row) {
    return (row->flags & SG_VF_NO_SDWA) == 0 && !has_pair(row, 0);
}

bool sg_row_has_dpp(const struct sg_row *row) {
    return (row->flags & SG_VF_NO_DPP) == 0;
}

static bool take_sdwa(uint32_t word, const struct sg_row *row, struct sg_op *op) {
    bool compare = (row->flags & SG_VF_CMP) != 0;
    uint32_t src1 = op->src[1];
    op->imm = word;
    op->len = 2;
    op->mods |= SG_MOD_SDWA | (word >> 20 & 1) * SG_MOD_NEG0 | (word >> 21 & 1) * SG_MOD_ABS0 |
                (word >> 28 & 1) * (SG_MOD_NEG0 << 1) | (word >> 29 & 1) * (SG_MOD_ABS0 << 1);
    if (compare && (word >> 15 & 1))
        op->sdst = word >> 8 & 127;
    if (!compare)
        op->mods |= (word >> 13 & 1) * SG_MOD_CLAMP | (word >> 14 & 3) << SG_MOD_OMOD_SHIFT;
    if (row->types[2] != SG_T_none && (word >> 31))
        src1 -= SG_VGPR0;
    return sg_row_has_sdwa(row) &&
           take_source(op, 0, (word & 255) + (word >> 23 & 1 ? 0 : SG_VGPR0), row->types[1]) &&
           take_source(op, 1, src1, row->types[2]) &&
           (!compare || sg_scalar_is_dest(op->sdst, SG_T_b64));
}

static bool take_dpp(uint32_t word, const struct sg_row *row, struct sg_op *op) {
    op->imm = word;
    op->len = 2;
    op->mods |= SG_MOD_DPP | (word >> 20 & 1) * SG_MOD_NEG0 | (word >> 21 & 1) * SG_MOD_ABS0 |
                (word >> 22 & 1) * (SG_MOD_NEG0 << 1) | (word >> 23 & 1) * (SG_MOD_ABS0 << 1);
    uint32_t ctrl = word >> 8 & 0x1ff;
    bool known = ctrl <= 0xff || (ctrl > 0x100 && ctrl < 0x130 && (ctrl & 15) != 0) ||
                 (ctrl & 0x1f3) == 0x130 || (ctrl >= 0x140 && ctrl <= 0x143) ||
                 (ctrl & 0x1f0) == 0x150;
    bool broadcast = (ctrl & 0x1f0) == 0x150; // the only one for pairs
    return known && (broadcast || !has_pair(row, 1)) && sg_row_has_dpp(row) &&
           take_source(op, 0, (word & 255) + SG_VGPR0, row->types[1]);
}

/* Source 0 of a 32-bit encoding, which may announce a second dword. */
static bool take_short_source(const uint32_t *words, const struct sg_row *row, struct sg_op *op) {
    uint32_t code = words[0] & 0x1ff;
    bool valid;
    if (code == SG_SDWA_WORD)
        valid = take_sdwa(words[1], row, op);
    else if (code == SG_DPP_WORD)
        valid = take_dpp(words[1], row, op);
    else
        valid = take_source(op, 0, code, row->types[1]);
    if (op->mods & modifier_bits)
        op->mods |= SG_MOD_SPECIAL;
    return valid;
}

static bool take_dest(struct sg_op *op, const struct sg_row *row, uint32_t code) {
    if (row->flags & SG_VF_SDST) {
        op->dst = (uint16_t)code;
        return sg_scalar_is_dest(code, row->types[0]);
    }
    if (row->types[0] != SG_T_none)
        op->dst = (uint16_t)(code + (row->flags & SG_VF_ACC_D ? SG_AGPR0 : SG_VGPR0));
    return true;
}

bool sg_vop1_decode(const uint32_t *words, const struct sg_row *row, struct sg_op *op) {
    bool valid = take_short_source(words, row, op) && take_dest(op, row, words[0] >> 17 & 255);
    if (row->flags & SG_VF_ACC_S)
        op->src[0] = (uint16_t)(op->src[0] + SG_AGPR0 - SG_VGPR0);
    return valid && (!(row->flags & SG_VF_ACC_S) || op->src[0] >= SG_AGPR0);
}

bool sg_vop2_decode(const uint32_t *words, const struct sg_row *row, struct sg_op *op) {
    op->src[1] = (uint16_t)((words[0] >> 9 & 255) + SG_VGPR0);
    if (row->flags & SG_VF_COUT)
        op->sdst = SG_VCC;
    if (row->flags & SG_VF_CIN)
        op->aux = SG_VCC;
    if (!take_short_source(words, row, op) || !take_dest(op, row, words[0] >> 17 & 255))
        return false;
    if (row->flags & SG_VF_MADMK) {
        op->src[2] = op->src[1];
        op->src[1] = SG_LITERAL;
    } else if (row->flags & SG_VF_MADAK) {
        op->src[2] = SG_LITERAL;
    }
    return true;
}

bool sg_vopc_decode(const uint32_t *words, const struct sg_row *row, struct sg_op *op) {
    op->sdst = SG_VCC;
    op->src[1] = (uint16_t)((words[0] >> 9 & 255) + SG_VGPR0);
    return take_short_source(words, row, op);
}

static bool has_literal(const struct sg_op *op) {
    return op->src[0] == SG_LITERAL || op->src[1] == SG_LITERAL || op->src[2] == SG_LITERAL;
}

static bool take_long_sources(const uint32_t *words, const struct sg_row *row, struct sg_op *op) {
    for (uint32_t n = 0; n < 3; n++)
        if (!take_source(op, n, words[1] >> (9 * n) & 0x1ff, (enum sg_type)row->types[n + 1]))
            return false;
    return !has_literal(op);
}

bool sg_vop3_decode(const uint32_t *words, const struct sg_row *row, struct sg_op *op) {
    uint32_t dest = words[0] & 255;
    op->mods = (words[1] >> 29) * SG_MOD_NEG0 | (words[1] >> 27 & 3) << SG_MOD_OMOD_SHIFT |
               (words[0] >> 15 & 1) * SG_MOD_CLAMP;
    if (row->flags & SG_VF_COUT) {
        op->sdst = words[0] >> 8 & 127;
        if (!sg_scalar_is_dest(op->sdst, SG_T_b64))
            return false;
    } else {
        op->mods |= (words[0] >> 8 & 7) * SG_MOD_ABS0 | (words[0] >> 11 & 15) * SG_MOD_OPSEL0;
    }
    if (row->flags & SG_VF_CIN) {
        op->aux = words[1] >> 18 & 0x1ff;
        if (op->aux >= SG_VGPR0 || !sg_scalar_is_source(op->aux, SG_T_b64))
            return false;
    } else if (row->flags & SG_VF_VCC) {
        op->aux = SG_VCC;
    }
    if (op->mods & modifier_bits)
        op->mods |= SG_MOD_SPECIAL;
    if (row->flags & SG_VF_CMP) {
        op->sdst = (uint16_t)dest;
        if (!sg_scalar_is_dest(dest, SG_T_b64))
            return false;
    } else if (!take_dest(op, row, dest)) {
        return false;
    }
    if (!take_long_sources(words, row, op))
        return false;
    if (!(row->flags & SG_VF_SCALAR_SRC1))
        return true;
    /* v_readlane, v_writelane: the lane is a scalar, and so is what v_writelane writes. */
    return op->src[1] < SG_VGPR0 && ((row->flags & SG_VF_SDST) || op->src[0] < SG_VGPR0);
}

static bool mfma_decode(const uint32_t *words, const struct sg_row *row, struct sg_op *op) {
    bool acc_cd = words[0] >> 15 & 1;
    op->dst = (uint16_t)((words[0] & 255) + (acc_cd ? SG_AGPR0 : SG_VGPR0));
    op->mods = (words[0] >> 8 & 7) << SG_MOD_CBSZ_SHIFT |
               (words[0] >> 11 & 15) << SG_MOD_ABID_SHIFT | (words[1] >> 29) << SG_MOD_BLGP_SHIFT;
    if (!take_long_sources(words, row, op))
        return false;
    for (uint32_t n = 0; n < 3; n++) {
        bool acc = n == 2 ? acc_cd : words[1] >> (27 + n) & 1;
        if (op->src[n] >= SG_VGPR0 && acc)
            op->src[n] = (uint16_t)(op->src[n] + SG_AGPR0 - SG_VGPR0);
    }
    /* Matrices are vector registers; only the addend may be a constant. */
    return op->src[0] >= SG_VGPR0 && op->src[1] >= SG_VGPR0 && op->src[2] >= SG_CONST_0;
}

bool sg_vop3p_decode(const uint32_t *words, const struct sg_row *row, struct sg_op *op) {
    uint32_t op_sel_hi = (words[1] >> 27 & 3) | (words[0] >> 14 & 1) << 2;
    if (row->flags & SG_VF_MFMA)
        return mfma_decode(words, row, op);
    op->mods = (words[1] >> 29) * SG_MOD_NEG0 | (words[0] >> 8 & 7) * SG_MOD_ABS0 |
               (words[0] >> 11 & 7) * SG_MOD_OPSEL0 | op_sel_hi * SG_MOD_OPSEL_HI0 |
               (words[0] >> 15 & 1) * SG_MOD_CLAMP;
    uint32_t used = row->types[3] != SG_T_none ? 7 : 3;
    if ((op->mods & modifier_bits) || (op_sel_hi & used) != used)
        op->mods |= SG_MOD_SPECIAL;
    if (!take_dest(op, row, words[0] & 255) || !take_long_sources(words, row, op))
        return false;
    if (row->flags & SG_VF_ACC_S) {
        op->src[0] = (uint16_t)(op->src[0] + SG_AGPR0 - SG_VGPR0);
        return op->src[0] >= SG_AGPR0;
    }
    return true;
}
