/* SPDX-License-Identifier: MIT */
/* Decode and print of DS; the parts of LDS addressing that need no speed. */
#include "softgpu/isa/ds_address.h"

bool sg_lds_lanes(struct sg_wave *w, const struct sg_op *op, uint32_t offset, uint32_t bytes,
                  struct sg_lds_lanes *at) {
    const uint32_t *address = sg_wave_row(w, op->src[0]);
    at->inside = 0;
    for (uint64_t left = sg_wave_exec(w); left; left &= left - 1) {
        uint32_t lane = sg_first_lane(left);
        uint32_t lds = address[lane] + offset;
        at->offset[lane] = lds;
        if (lds & (bytes - 1)) {
            w->fault.va = (uint64_t)w->env->shared_aperture_hi << 32 | lds;
            w->fault.lane = lane;
            w->fault.is_write = true;
            sg_wave_fault(w, op, SG_FAULT_MEMORY_MISALIGNED);
            return false;
        }
        if (w->lds_bytes >= bytes && lds <= w->lds_bytes - bytes)
            at->inside |= (uint64_t)1 << lane;
    }
    return true;
}

bool sg_ds_decode(const uint32_t *words, const struct sg_row *row, struct sg_op *op) {
    uint32_t data = words[0] >> 25 & 1 ? SG_AGPR0 : SG_VGPR0;
    op->imm = words[0] & 0xffff;
    op->mods = words[0] >> 16 & 1 ? SG_MEM_GDS : 0;
    op->src[0] = row->types[1] ? (uint16_t)(SG_VGPR0 + (words[1] & 255)) : SG_NONE;
    op->src[1] = row->types[2] ? (uint16_t)(data + (words[1] >> 8 & 255)) : SG_NONE;
    op->src[2] = row->types[3] ? (uint16_t)(data + (words[1] >> 16 & 255)) : SG_NONE;
    op->dst = row->types[0] ? (uint16_t)(data + (words[1] >> 24)) : SG_NONE;
    return true;
}

static void print_call(struct sg_text *text, const char *name, const uint32_t *arguments,
                       uint32_t count) {
    sg_text_str(text, "swizzle(");
    sg_text_str(text, name);
    for (uint32_t i = 0; i < count; i++) {
        sg_text_str(text, ",");
        sg_text_dec(text, arguments[i]);
    }
    sg_text_str(text, ")");
}

/* What becomes of each bit of the lane number, from bit 4 down: 0, 1, kept (p), inverted (i). */
static void print_bitmask(struct sg_text *text, uint32_t zeros, uint32_t ones) {
    sg_text_str(text, "swizzle(BITMASK_PERM,\"");
    for (uint32_t bit = 16; bit; bit >>= 1)
        sg_text_str(text, zeros & bit ? (ones & bit ? "1" : "i") : (ones & bit ? "p" : "0"));
    sg_text_str(text, "\")");
}

/* The names that LLVM gives to the common patterns. */
static void print_pattern(uint32_t pattern, struct sg_text *text) {
    uint32_t keep = pattern & 31;
    uint32_t set = pattern >> 5 & 31;
    uint32_t flip = pattern >> 10 & 31;
    uint32_t group = 32 - keep;
    const uint32_t quad[] = {pattern & 3, pattern >> 2 & 3, pattern >> 4 & 3, pattern >> 6 & 3};
    if (!pattern)
        return;
    sg_text_str(text, " offset:");
    if ((pattern & 0xff00) == 0x8000)
        print_call(text, "QUAD_PERM", quad, 4);
    else if (pattern & 0x8000)
        sg_text_dec(text, pattern);
    else if (keep == 31 && !set && __builtin_popcount(flip) == 1)
        print_call(text, "SWAP", &flip, 1);
    else if (keep == 31 && !set && flip && !(flip & (flip + 1)))
        print_call(text, "REVERSE", (const uint32_t[]){flip + 1}, 1);
    else if (group > 1 && !(group & (group - 1)) && set < group && !flip)
        print_call(text, "BROADCAST", (const uint32_t[]){group, set}, 2);
    else
        print_bitmask(text, set ^ flip, (keep | set) ^ flip);
}

static void print_offset(const struct sg_row *row, const struct sg_op *op, struct sg_text *text) {
    static const char *const names[] = {" offset0:", " offset1:"};
    if (row->flags == SG_DS_PATTERN) {
        print_pattern(op->imm, text);
    } else if (row->flags == SG_DS_TWO_OFFSETS) {
        for (uint32_t n = 0; n < 2; n++) {
            if (op->imm >> (8 * n) & 255) {
                sg_text_str(text, names[n]);
                sg_text_dec(text, op->imm >> (8 * n) & 255);
            }
        }
    } else if (op->imm && row->flags == SG_DS_OFFSET) {
        sg_text_str(text, " offset:");
        sg_text_dec(text, op->imm);
    }
}

void sg_ds_print(const uint32_t *words, const struct sg_row *row, const struct sg_op *op,
                 uint64_t pc, struct sg_text *text) {
    (void)words, (void)pc;
    const char *comma = " ";
    const uint16_t codes[4] = {op->dst, op->src[0], op->src[1], op->src[2]};
    for (uint32_t n = 0; n < 4; n++) {
        if (!row->types[n])
            continue;
        sg_text_str(text, comma);
        sg_text_operand(text, codes[n], row->types[n], 0);
        comma = ", ";
    }
    print_offset(row, op, text);
    if (op->mods & SG_MEM_GDS)
        sg_text_str(text, " gds");
}
