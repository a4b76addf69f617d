/* SPDX-License-Identifier: MIT */
#include "softgpu/isa/vmem.h"

#define LANES_4(n)  4 * (n), 4 * (n) + 4, 4 * (n) + 8, 4 * (n) + 12
#define LANES_16(n) LANES_4(n), LANES_4((n) + 4), LANES_4((n) + 8), LANES_4((n) + 12)
const uint32_t sg_lane_dwords[SG_LANES] = {LANES_16(0), LANES_16(16), LANES_16(32), LANES_16(48)};

const struct sg_op *sg_vmem_fault(struct sg_wave *w, const struct sg_op *op,
                                  const struct sg_access_fault *fault, bool is_write) {
    static const enum sg_fault_cause causes[] = {
        [SG_ACCESS_OK] = SG_FAULT_NONE,
        [SG_ACCESS_UNMAPPED] = SG_FAULT_MEMORY_UNMAPPED,
        [SG_ACCESS_READ_ONLY] = SG_FAULT_MEMORY_READ_ONLY,
        [SG_ACCESS_MISALIGNED] = SG_FAULT_MEMORY_MISALIGNED,
    };
    enum sg_fault_cause cause = causes[fault->cause];
    uint32_t high = (uint32_t)(fault->va >> 32);
    bool in_aperture =
        high && (high == w->env->shared_aperture_hi || high == w->env->private_aperture_hi);
    w->fault.va = fault->va;
    w->fault.lane = fault->lane;
    w->fault.is_write = is_write;
    return sg_wave_fault(
        w, op, in_aperture && cause == SG_FAULT_MEMORY_UNMAPPED ? SG_FAULT_APERTURE : cause);
}

/* Bytes that a lane of the instruction moves. */
static uint32_t access_bytes(const struct sg_wave *w, const struct sg_op *op) {
    const struct sg_row *row = w->env->isa->level->find[op->format](op->opcode);
    if (strstr(row->name, "byte"))
        return 1;
    if (strstr(row->name, "short"))
        return 2;
    return 4 * sg_type_dwords((enum sg_type)(row->types[0] ? row->types[0] : row->types[2]));
}

/* GPU address of a lane's access; false for those that don't address memory by lane. */
static bool lane_address(const struct sg_wave *w, const struct sg_op *op, uint32_t lane,
                         uint64_t *va) {
    if (op->format != SG_FORMAT_GLOBAL && op->format != SG_FORMAT_FLAT)
        return false;
    const uint32_t *row = sg_wave_row(w, op->src[0]);
    uint64_t offset = (uint64_t)(int64_t)(int32_t)op->imm;
    if (op->src[2] != SG_NONE)
        *va = sg_wave_s64(w, op->src[2]) + row[lane] + offset;
    else
        *va = (row[lane] | (uint64_t)row[SG_LANES + lane] << 32) + offset;
    return true;
}

/* The host says where it stopped, which may be another lane's part of a vector access. */
static void find_lane(struct sg_wave *w, const struct sg_op *op, uint64_t va) {
    uint64_t page = va & ~(uint64_t)(SG_PAGE_BYTES - 1), begin = 0;
    uint32_t bytes = access_bytes(w, op);
    for (uint64_t left = sg_wave_exec(w); left; left &= left - 1) {
        uint32_t lane = sg_first_lane(left);
        if (!lane_address(w, op, lane, &begin))
            return;
        if (begin + bytes <= page || begin >= page + SG_PAGE_BYTES)
            continue;
        w->fault.lane = lane;
        w->fault.va = begin > page ? begin : page;
        return;
    }
}

void sg_vmem_host_fault(struct sg_wave *w, uint64_t va, bool is_write) {
    w->fault.va = va;
    w->fault.is_write = is_write;
    w->fault.lane = 0;
    if (w->memory_op) {
        const struct sg_op *op = w->memory_op;
        const struct sg_row *row = w->env->isa->level->find[op->format](op->opcode);
        w->fault.is_write |= strstr(row->name, "atomic") != NULL; // it reads first
        find_lane(w, w->memory_op, va);
        sg_wave_fault(w, w->memory_op, SG_FAULT_MEMORY_UNMAPPED);
        return;
    }
    w->fault.cause = SG_FAULT_MEMORY_UNMAPPED; // the code itself
    w->fault.pc = w->pc;
    w->state = SG_WAVE_FAULTED;
}

void sg_vmem_write_lds(struct sg_wave *w, const struct sg_op *op, const sg_lane_row *values,
                       uint64_t exec) {
    uint32_t start = (w->s[SG_M0] & 0xffff) + op->imm;
    for (uint64_t left = exec; left; left &= left - 1) {
        uint32_t lane = sg_first_lane(left);
        uint64_t at = (uint64_t)start + 4 * lane;
        if (at + 4 <= w->lds_bytes)
            sg_store32(w->lds + at, values[0][lane]);
    }
}

void sg_vmem_read_lds(struct sg_wave *w, const struct sg_op *op, sg_lane_row *values) {
    uint32_t start = (w->s[SG_M0] & 0xffff) + op->imm;
    for (uint32_t lane = 0; lane < SG_LANES; lane++) {
        uint64_t at = (uint64_t)start + 4 * lane;
        values[0][lane] = at + 4 <= w->lds_bytes ? sg_load32(w->lds + at) : 0;
    }
}
