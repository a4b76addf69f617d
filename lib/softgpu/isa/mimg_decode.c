/* SPDX-License-Identifier: MIT */
/* Decode and print of MIMG. */
#include "softgpu/isa/image.h"

static const struct {
    uint8_t word;
    uint8_t bit;
    uint32_t mod;
    const char *text;
} modifiers[] = {
    // in LLVM's order
    {0, 12, SG_IMAGE_UNORM, " unorm"}, {0, 13, SG_MEM_GLC, " glc"},   {0, 25, SG_MEM_SLC, " slc"},
    {0, 7, SG_IMAGE_SCC, " scc"},      {0, 15, SG_IMAGE_A16, " a16"}, {0, 17, SG_IMAGE_LWE, " lwe"},
    {0, 14, SG_IMAGE_DA, " da"},       {1, 31, SG_IMAGE_D16, " d16"},
};

bool sg_mimg_decode(const uint32_t *words, const struct sg_row *row, struct sg_op *op) {
    bool is_acc = words[0] >> 16 & 1;
    for (size_t i = 0; i < sizeof modifiers / sizeof *modifiers; i++)
        op->mods |= words[modifiers[i].word] >> modifiers[i].bit & 1 ? modifiers[i].mod : 0;
    if (!(row->flags & SG_IMAGE_ROW_D16))
        op->mods &= ~(uint32_t)SG_IMAGE_D16;
    op->imm = words[0] >> 8 & 15;
    op->src[0] = (uint16_t)(SG_VGPR0 + (words[1] & 255));
    op->dst = (uint16_t)((is_acc ? SG_AGPR0 : SG_VGPR0) + (words[1] >> 8 & 255));
    op->src[1] = (uint16_t)((words[1] >> 16 & 31) * 4);
    op->src[2] = row->flags & SG_IMAGE_ROW_SAMPLE ? (uint16_t)((words[1] >> 21 & 31) * 4) : SG_NONE;
    op->aux = row->flags;
    return op->src[1] + 8 <= SG_M0;
}

void sg_mimg_print(const uint32_t *words, const struct sg_row *row, const struct sg_op *op,
                   uint64_t pc, struct sg_text *text) {
    (void)words, (void)row, (void)pc;
    sg_text_str(text, " ");
    sg_text_registers(text, op->dst, sg_image_data_dwords(op));
    sg_text_str(text, ", ");
    sg_text_registers(text, op->src[0], 1); // the encoding doesn't say how many: as LLVM
    sg_text_str(text, ", ");
    sg_text_operand(text, op->src[1], SG_T_b256, 0);
    if (op->src[2] != SG_NONE) {
        sg_text_str(text, ", ");
        sg_text_operand(text, op->src[2], SG_T_b128, 0);
    }
    if (op->imm) {
        sg_text_str(text, " dmask:");
        sg_text_hex(text, op->imm);
    }
    for (size_t i = 0; i < sizeof modifiers / sizeof *modifiers; i++)
        if (op->mods & modifiers[i].mod)
            sg_text_str(text, modifiers[i].text);
}
