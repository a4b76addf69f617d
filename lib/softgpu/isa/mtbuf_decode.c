/* SPDX-License-Identifier: MIT */
/* Decode and print of MTBUF. */
#include "softgpu/isa/buffer_format.h"

enum { DEFAULT_DATA = 1, DEFAULT_NUMBER = 0 };

static const char *const data_names[16] = {
    "INVALID",     "8",        "16",          "8_8",         "32",      "16_16",
    "10_11_11",    "11_11_10", "10_10_10_2",  "2_10_10_10",  "8_8_8_8", "32_32",
    "16_16_16_16", "32_32_32", "32_32_32_32", "RESERVED_15",
};
static const char *const number_names[8] = {
    "UNORM", "SNORM", "USCALED", "SSCALED", "UINT", "SINT", "RESERVED_6", "FLOAT",
};

static const struct {
    uint8_t word;
    uint8_t bit;
    uint32_t mod;
} bits[] = {
    {0, 12, SG_MEM_OFFEN},
    {0, 13, SG_MEM_IDXEN},
    {0, 14, SG_MEM_GLC},
    {1, 22, SG_MEM_SLC},
};

bool sg_mtbuf_decode(const uint32_t *words, const struct sg_row *row, struct sg_op *op) {
    bool is_acc = words[1] >> 23 & 1;
    for (size_t i = 0; i < sizeof bits / sizeof *bits; i++)
        op->mods |= words[bits[i].word] >> bits[i].bit & 1 ? bits[i].mod : 0;
    op->imm = words[0] & 0xfff;
    op->src[0] = (uint16_t)(SG_VGPR0 + (words[1] & 255));
    op->dst = (uint16_t)((is_acc ? SG_AGPR0 : SG_VGPR0) + (words[1] >> 8 & 255));
    op->src[1] = (uint16_t)((words[1] >> 16 & 31) * 4);
    op->src[2] = (uint16_t)(words[1] >> 24);
    op->sdst = (uint16_t)(words[0] >> 19 & 127);
    op->aux = row->flags;
    return op->src[2] != SG_LITERAL && op->src[1] + 4 <= SG_CONST_0;
}

/* What differs from the default, as LLVM prints it. */
static void print_format(uint32_t format, struct sg_text *text) {
    uint32_t data = format & 15, number = format >> 4;
    if (data == DEFAULT_DATA && number == DEFAULT_NUMBER)
        return;
    sg_text_str(text, " format:[");
    if (data != DEFAULT_DATA) {
        sg_text_str(text, "BUF_DATA_FORMAT_");
        sg_text_str(text, data_names[data]);
        sg_text_str(text, number != DEFAULT_NUMBER ? "," : "");
    }
    if (number != DEFAULT_NUMBER) {
        sg_text_str(text, "BUF_NUM_FORMAT_");
        sg_text_str(text, number_names[number]);
    }
    sg_text_str(text, "]");
}

static void print_address(const struct sg_op *op, struct sg_text *text) {
    uint32_t both = SG_MEM_IDXEN | SG_MEM_OFFEN;
    if (op->mods & both)
        sg_text_registers(text, op->src[0], (op->mods & both) == both ? 2 : 1);
    else
        sg_text_str(text, "off");
}

void sg_mtbuf_print(const uint32_t *words, const struct sg_row *row, const struct sg_op *op,
                    uint64_t pc, struct sg_text *text) {
    (void)words, (void)pc;
    sg_text_str(text, " ");
    sg_text_operand(text, op->dst, (enum sg_type)(row->types[2] ? row->types[2] : row->types[0]),
                    0);
    sg_text_str(text, ", ");
    print_address(op, text);
    sg_text_str(text, ", ");
    sg_text_operand(text, op->src[1], SG_T_b128, 0);
    sg_text_str(text, ", ");
    sg_text_operand(text, op->src[2], SG_T_b32, 0);
    print_format(op->sdst, text);
    sg_text_str(text, op->mods & SG_MEM_IDXEN ? " idxen" : "");
    sg_text_str(text, op->mods & SG_MEM_OFFEN ? " offen" : "");
    if (op->imm) {
        sg_text_str(text, " offset:");
        sg_text_dec(text, op->imm);
    }
    sg_text_str(text, op->mods & SG_MEM_GLC ? " glc" : "");
    sg_text_str(text, op->mods & SG_MEM_SLC ? " slc" : "");
}
