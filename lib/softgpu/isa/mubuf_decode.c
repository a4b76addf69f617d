/* SPDX-License-Identifier: MIT */
/* Range checks, decode and print of MUBUF. */
#include "softgpu/isa/buffer.h"

/* A swizzled lane's part and its interleaved offset are 32-bit numbers in the access code. */
enum { SWIZZLED_MAX = INT32_MAX };

bool sg_buffer_in_range(const struct sg_buffer *buffer, uint32_t index, uint32_t offset,
                        uint32_t lane, uint32_t bytes) {
    (void)lane;
    uint64_t last = (uint64_t)offset + bytes - 1;
    if (buffer->is_structured) {
        if (index >= buffer->limit)
            return false;
        if (!buffer->is_swizzled)
            return true;
        return last < buffer->stride && sg_buffer_part(buffer, index) <= SWIZZLED_MAX;
    }
    if (!buffer->is_swizzled)
        return last + (uint64_t)index * buffer->stride < buffer->limit;
    uint64_t part = sg_buffer_part(buffer, index);
    return part <= SWIZZLED_MAX &&
           part + (last & ~(uint64_t)3) * buffer->index_stride + (last & 3) < buffer->limit;
}

bool sg_mubuf_decode(const uint32_t *words, const struct sg_row *row, struct sg_op *op) {
    bool is_acc = words[1] >> 23 & 1;
    op->imm = words[0] & 0xfff;
    op->aux = row->flags;
    op->mods = (words[0] >> 12 & 1 ? SG_MEM_OFFEN : 0) | (words[0] >> 13 & 1 ? SG_MEM_IDXEN : 0) |
               (words[0] >> 14 & 1 ? SG_MEM_GLC : 0) | (words[0] >> 16 & 1 ? SG_MEM_LDS : 0) |
               (words[0] >> 17 & 1 ? SG_MEM_SLC : 0);
    op->src[0] = (uint16_t)(SG_VGPR0 + (words[1] & 255));
    op->dst = (uint16_t)((is_acc ? SG_AGPR0 : SG_VGPR0) + (words[1] >> 8 & 255));
    op->src[1] = (uint16_t)((words[1] >> 16 & 31) * 4);
    op->src[2] = (uint16_t)(words[1] >> 24);
    if (row->flags & SG_VMEM_BARE)
        return true;
    /* Only loads of a dword or less have an LDS form; the store from LDS is nothing else. */
    bool may_lds = row->flags & SG_VMEM_LDS ||
                   (row->flags & SG_VMEM_LOAD && row->types[0] == SG_T_b32 && row->opcode < 0x20);
    uint32_t addressing = op->mods & (SG_MEM_LDS | SG_MEM_OFFEN | SG_MEM_IDXEN);
    if (row->flags & SG_VMEM_LDS && addressing != SG_MEM_LDS)
        return false;
    if (op->mods & SG_MEM_LDS && !may_lds && row->fn)
        return false;
    return op->src[2] != SG_LITERAL && op->src[1] + 4 <= SG_CONST_0;
}

static void print_address(const struct sg_op *op, struct sg_text *text) {
    uint32_t both = SG_MEM_IDXEN | SG_MEM_OFFEN;
    if ((op->mods & both) == both)
        sg_text_operand(text, op->src[0], SG_T_b64, 0);
    else if (op->mods & both)
        sg_text_operand(text, op->src[0], SG_T_b32, 0);
    else
        sg_text_str(text, "off");
}

void sg_mubuf_print(const uint32_t *words, const struct sg_row *row, const struct sg_op *op,
                    uint64_t pc, struct sg_text *text) {
    static const struct {
        uint32_t mod;
        const char *text;
    } modifiers[] = {{SG_MEM_GLC, " glc"}, {SG_MEM_SLC, " slc"}, {SG_MEM_LDS, " lds"}};
    (void)words, (void)pc;
    if (row->flags & SG_VMEM_BARE)
        return;
    enum sg_type data = row->types[2] ? row->types[2] : row->types[0];
    sg_text_str(text, " ");
    if (data && !(op->mods & SG_MEM_LDS)) {
        sg_text_operand(text, op->dst, data, 0);
        sg_text_str(text, ", ");
    }
    if (data) {
        print_address(op, text);
        sg_text_str(text, ", ");
    }
    sg_text_operand(text, op->src[1], SG_T_b128, 0);
    sg_text_str(text, ", ");
    sg_text_operand(text, op->src[2], SG_T_b32, 0);
    if (op->mods & SG_MEM_IDXEN)
        sg_text_str(text, " idxen");
    if (op->mods & SG_MEM_OFFEN)
        sg_text_str(text, " offen");
    if (op->imm) {
        sg_text_str(text, " offset:");
        sg_text_dec(text, op->imm);
    }
    uint32_t mods = op->mods;
    if (row->flags & SG_VMEM_LDS) { // part of the name: LLVM has it first
        sg_text_str(text, " lds");
        mods &= ~(uint32_t)SG_MEM_LDS;
    }
    for (size_t i = 0; i < sizeof modifiers / sizeof *modifiers; i++)
        if (mods & modifiers[i].mod)
            sg_text_str(text, modifiers[i].text);
}
