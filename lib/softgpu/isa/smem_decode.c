/* SPDX-License-Identifier: MIT */
/* Scalar memory: addressing, loads, stores; decode and print. */
#include "softgpu/isa/smem.h"

enum { SCRATCH_UNIT_BYTES = 64 };

struct sg_smem sg_smem_address(const struct sg_wave *w, const struct sg_op *op,
                               enum sg_smem_row addressing) {
    const uint32_t *base = &w->s[op->src[0]];
    uint32_t soffset = op->src[1] == SG_NONE ? 0 : w->s[op->src[1]];
    struct sg_smem at = {.bytes = UINT64_MAX};
    if (addressing != SG_SMEM_BUFFER) {
        uint64_t unit = addressing == SG_SMEM_SCRATCH ? SCRATCH_UNIT_BYTES : 1;
        at.va = (base[0] | (uint64_t)base[1] << 32) + soffset * unit +
                (uint64_t)(int64_t)(int32_t)op->imm;
        at.va &= ~(uint64_t)3;
        return at;
    }
    uint64_t stride = base[1] >> 16 & 0x3fff;
    uint64_t size = stride ? stride * base[2] : base[2];
    uint64_t offset = ((uint64_t)soffset + op->imm) & ~(uint64_t)3;
    at.va = ((base[0] | (uint64_t)(base[1] & 0xffff) << 32) + offset) & ~(uint64_t)3;
    at.bytes = offset < size ? (size - offset) & ~(uint64_t)3 : 0;
    return at;
}

static bool fault_at(struct sg_wave *w, const struct sg_op *op, struct sg_access_fault *fault,
                     bool is_write) {
    fault->lane = 0;
    sg_vmem_fault(w, op, fault, is_write);
    return false;
}

bool sg_smem_load(struct sg_wave *w, const struct sg_op *op, enum sg_smem_row addressing,
                  uint32_t dwords) {
    struct sg_access_fault fault;
    struct sg_smem at = sg_smem_address(w, op, addressing);
    uint32_t words[16];
    uint32_t bytes = dwords * 4;
    uint32_t inside = at.bytes < bytes ? (uint32_t)at.bytes : bytes;
    w->memory_op = op;
    if (op->mods & SG_MEM_GLC)
        sg_access_fence();
    const uint8_t *host = sg_access_pointer(&w->tlb, at.va, bytes, SG_VM_READ, &fault);
    if (host && inside == bytes) {
        for (uint32_t i = 0; i < dwords; i++)
            words[i] = sg_load32(host + 4 * i);
    } else if (!sg_access_read(&w->tlb, at.va, words, inside, &fault)) {
        return fault_at(w, op, &fault, false);
    }
    memset((uint8_t *)words + inside, 0, bytes - inside);
    memcpy(&w->s[op->dst], words, bytes);
    return true;
}

bool sg_smem_store(struct sg_wave *w, const struct sg_op *op, enum sg_smem_row addressing,
                   uint32_t dwords) {
    struct sg_access_fault fault;
    struct sg_smem at = sg_smem_address(w, op, addressing);
    uint32_t bytes = dwords * 4;
    w->memory_op = op;
    if (at.bytes < bytes)
        bytes = (uint32_t)at.bytes;
    if (!sg_access_write(&w->tlb, at.va, &w->s[op->dst], bytes, &fault))
        return fault_at(w, op, &fault, true);
    return true;
}

bool sg_smem_decode(const uint32_t *words, const struct sg_row *row, struct sg_op *op) {
    bool has_soffset = words[0] >> 14 & 1;
    bool has_imm = words[0] >> 17 & 1;
    uint32_t imm = (uint32_t)((int32_t)(words[1] << 11) >> 11);
    op->dst = (uint16_t)(words[0] >> 6 & 127);
    op->src[0] = (uint16_t)((words[0] & 63) * 2);
    op->src[1] = SG_NONE;
    op->imm = has_imm ? imm : 0;
    op->mods = (words[0] >> 16 & 1 ? SG_MEM_GLC : 0) | (words[0] >> 15 & 1 ? SG_MEM_NV : 0);
    if (row->flags & SG_SMEM_BARE)
        return op->dst + sg_type_dwords(row->types[0]) <= SG_CONST_0;
    if (has_soffset)
        op->src[1] = (uint16_t)(words[1] >> 25);
    else if (!has_imm)
        op->src[1] = (uint16_t)(words[1] & 127);
    /* Buffers have no negative offsets: the field is unsigned there. */
    if ((row->flags & SG_SMEM_ADDRESSING) == SG_SMEM_BUFFER && has_imm)
        op->imm = words[1] & 0x1fffff;
    enum sg_type data = row->types[0] ? row->types[0] : row->types[2];
    return op->dst + sg_type_dwords(data) <= SG_CONST_0 &&
           op->src[0] + sg_type_dwords(row->types[1]) <= SG_CONST_0;
}

static void print_hex(struct sg_text *text, int32_t value) {
    if (value < 0)
        sg_text_str(text, "-");
    sg_text_hex(text, value < 0 ? 0 - (uint64_t)(int64_t)value : (uint64_t)value);
}

static void print_address(const struct sg_row *row, const struct sg_op *op, struct sg_text *text) {
    int32_t offset = (int32_t)(op->imm << 11) >> 11; // LLVM prints buffers' offsets signed too
    sg_text_operand(text, op->src[0], row->types[1], 0);
    sg_text_str(text, ", ");
    if (op->src[1] == SG_NONE) {
        print_hex(text, offset);
        return;
    }
    sg_text_operand(text, op->src[1], SG_T_b32, 0);
    if (offset) {
        sg_text_str(text, " offset:");
        print_hex(text, offset);
    }
}

void sg_smem_print(const uint32_t *words, const struct sg_row *row, const struct sg_op *op,
                   uint64_t pc, struct sg_text *text) {
    (void)words, (void)pc;
    enum sg_type data = row->types[0] ? row->types[0] : row->types[2];
    if (row->flags & SG_SMEM_PROBE) {
        sg_text_str(text, " ");
        if (op->dst > 64) // as LLVM does
            sg_text_hex(text, op->dst);
        else
            sg_text_dec(text, op->dst);
        sg_text_str(text, ", ");
    } else if (row->flags & SG_SMEM_ATOMIC) {
        sg_text_str(text, " ");
        sg_text_operand(text, op->dst, row->types[2], 0);
        sg_text_str(text, ", ");
    } else if (data) {
        sg_text_str(text, " ");
        sg_text_operand(text, op->dst, data, 0);
        if (!(row->flags & SG_SMEM_BARE))
            sg_text_str(text, ", ");
    } else if (row->types[1]) {
        sg_text_str(text, " ");
    }
    if (!(row->flags & SG_SMEM_BARE))
        print_address(row, op, text);
    if (op->mods & SG_MEM_GLC)
        sg_text_str(text, " glc");
}
