/* SPDX-License-Identifier: MIT */
/* Decode and print of FLAT, GLOBAL and SCRATCH. */
#include "softgpu/isa/vmem.h"

enum { SADDR_OFF = 0x7f };

static uint16_t vector_operand(uint32_t number, bool is_acc) {
    return (uint16_t)((is_acc ? SG_AGPR0 : SG_VGPR0) + number);
}

static void decode(const uint32_t *words, const struct sg_row *row, struct sg_op *op) {
    bool is_acc = words[1] >> 23 & 1;
    op->mods = (words[0] >> 16 & 1 ? SG_MEM_GLC : 0) | (words[0] >> 17 & 1 ? SG_MEM_SLC : 0) |
               (words[0] >> 13 & 1 ? SG_MEM_LDS : 0);
    op->src[0] = vector_operand(words[1] & 255, false);
    op->src[1] = row->types[2] ? vector_operand(words[1] >> 8 & 255, is_acc) : SG_NONE;
    op->src[2] = SG_NONE;
    op->dst = row->types[0] ? vector_operand(words[1] >> 24, is_acc) : SG_NONE;
}

/* LDS loads exist for one dword and less. */
static bool modifiers_exist(const struct sg_row *row, const struct sg_op *op) {
    return !(op->mods & SG_MEM_LDS) ||
           (row->flags & SG_VMEM_LOAD && row->types[0] == SG_T_b32 && row->opcode < 0x20);
}

bool sg_flat_decode(const uint32_t *words, const struct sg_row *row, struct sg_op *op) {
    decode(words, row, op);
    op->imm = words[0] & 0xfff;
    return !(op->mods & SG_MEM_LDS);
}

static uint32_t signed_offset(uint32_t word) {
    return (uint32_t)((int32_t)(word << 19) >> 19);
}

bool sg_global_decode(const uint32_t *words, const struct sg_row *row, struct sg_op *op) {
    uint32_t saddr = words[1] >> 16 & 127;
    decode(words, row, op);
    op->imm = signed_offset(words[0]);
    if (saddr != SADDR_OFF)
        op->src[2] = (uint16_t)saddr;
    return modifiers_exist(row, op) && (saddr == SADDR_OFF || !(saddr & 1));
}

bool sg_scratch_decode(const uint32_t *words, const struct sg_row *row, struct sg_op *op) {
    uint32_t saddr = words[1] >> 16 & 127;
    decode(words, row, op);
    op->imm = signed_offset(words[0]);
    if (saddr != SADDR_OFF)
        op->src[2] = (uint16_t)saddr;
    return modifiers_exist(row, op);
}

static void print_modifiers(const struct sg_op *op, struct sg_text *text) {
    if (op->imm) {
        sg_text_str(text, " offset:");
        sg_text_dec(text, (int32_t)op->imm);
    }
    if (op->mods & SG_MEM_GLC)
        sg_text_str(text, " glc");
    if (op->mods & SG_MEM_SLC)
        sg_text_str(text, " slc");
    if (op->mods & SG_MEM_LDS)
        sg_text_str(text, " lds");
}

/* vdst, address, data, saddr: what the row and the modifiers leave of them. */
static void print(const struct sg_row *row, const struct sg_op *op, enum sg_type address,
                  const char *no_address, enum sg_type base, struct sg_text *text) {
    const char *comma = " ";
    bool returns = row->flags & SG_VMEM_LOAD ? !(op->mods & SG_MEM_LDS) : op->mods & SG_MEM_GLC;
    if (row->types[0] && returns) {
        sg_text_str(text, comma);
        sg_text_operand(text, op->dst, row->types[0], 0);
        comma = ", ";
    }
    sg_text_str(text, comma);
    if (no_address)
        sg_text_str(text, no_address);
    else
        sg_text_operand(text, op->src[0], address, 0);
    if (row->types[2]) {
        sg_text_str(text, ", ");
        sg_text_operand(text, op->src[1], row->types[2], 0);
    }
    if (base) {
        sg_text_str(text, ", ");
        sg_text_operand(text, op->src[2], base, 0);
    }
    print_modifiers(op, text);
}

void sg_flat_print(const uint32_t *words, const struct sg_row *row, const struct sg_op *op,
                   uint64_t pc, struct sg_text *text) {
    (void)words, (void)pc;
    print(row, op, SG_T_b64, NULL, SG_T_none, text);
}

void sg_global_print(const uint32_t *words, const struct sg_row *row, const struct sg_op *op,
                     uint64_t pc, struct sg_text *text) {
    (void)words, (void)pc;
    print(row, op, op->src[2] == SG_NONE ? SG_T_b64 : SG_T_b32, NULL, SG_T_b64, text);
}

void sg_scratch_print(const uint32_t *words, const struct sg_row *row, const struct sg_op *op,
                      uint64_t pc, struct sg_text *text) {
    (void)words, (void)pc;
    print(row, op, SG_T_b32, op->src[2] == SG_NONE ? NULL : "off", SG_T_b32, text);
}
