/* SPDX-License-Identifier: MIT */
#include "softgpu/isa/buffer.h"
#include "softgpu/isa/image.h"

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

void sg_swizzle_lowest(struct sg_wave *w, const struct sg_swizzle *at, uint32_t bytes,
                       uint32_t need, struct sg_access_fault *fault) {
    for (uint64_t left = at->exec; left; left &= left - 1) {
        struct sg_access_fault found = {.lane = sg_first_lane(left)};
        uint32_t first = at->offset ? at->offset[found.lane] : at->same;
        for (uint32_t offset = first; offset - first < bytes; offset++) {
            uint64_t va = at->base + at->part[found.lane] + (uint64_t)(offset & ~3u) * at->stride +
                          (offset & 3);
            if (!sg_access_check(&w->tlb, va, 1, need, &found)) {
                *fault = found;
                return;
            }
        }
    }
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

/* Where a lane's access lies: in one piece at `base`, or (stride not 0) in dwords that are
 * interleaved over lanes, from byte `offset` on as in struct sg_swizzle. */
struct place {
    uint64_t base;
    uint32_t offset;
    uint32_t stride;
    uint32_t bytes;
};

static uint64_t byte_address(const struct place *at, uint32_t byte) {
    uint32_t offset = at->offset + byte;
    return at->stride ? at->base + (uint64_t)(offset & ~3u) * at->stride + (offset & 3)
                      : at->base + offset;
}

static void take_private(const struct sg_wave *w, uint32_t lane, uint32_t offset,
                         struct place *at) {
    at->base = sg_wave_s64(w, SG_FLAT_SCRATCH) + 4 * lane;
    at->offset = offset;
    at->stride = SG_LANES;
}

static bool take_flat(const struct sg_wave *w, const struct sg_op *op, uint32_t lane,
                      struct place *at) {
    const uint32_t *row = sg_wave_row(w, op->src[0]);
    uint64_t offset = (uint64_t)(int64_t)(int32_t)op->imm;
    if (op->format == SG_FORMAT_SCRATCH)
        take_private(w, lane, (op->src[2] != SG_NONE ? w->s[op->src[2]] : row[lane]) + op->imm, at);
    else if (op->src[2] != SG_NONE)
        at->base = sg_wave_s64(w, op->src[2]) + row[lane] + offset;
    else
        at->base = (row[lane] | (uint64_t)row[SG_LANES + lane] << 32) + offset;
    if (op->format == SG_FORMAT_FLAT && at->base >> 32 == w->env->private_aperture_hi)
        take_private(w, lane, (uint32_t)at->base, at);
    return true;
}

static bool take_buffer(const struct sg_wave *w, const struct sg_op *op, uint32_t lane,
                        struct place *at) {
    const struct sg_buffer buffer = sg_buffer_take(w, op);
    const sg_lane_row *rows = (const sg_lane_row *)sg_wave_row(w, op->src[0]);
    uint32_t n = 0, index = op->mods & SG_MEM_IDXEN ? rows[n++][lane] : 0;
    index += buffer.add_tid ? lane : 0;
    at->offset = op->imm + (op->mods & SG_MEM_OFFEN ? rows[n][lane] : 0);
    at->base = buffer.base + (buffer.is_swizzled ? sg_buffer_part(&buffer, index)
                                                 : (uint64_t)index * buffer.stride);
    at->stride = buffer.is_swizzled ? buffer.index_stride : 0;
    return sg_buffer_in_range(&buffer, index, at->offset, lane, at->bytes);
}

static bool take_texel(struct sg_wave *w, const struct sg_op *op, uint32_t lane, struct place *at) {
    struct sg_image image;
    uint32_t texel[3];
    if (!sg_image_take(w, op, &image) || !sg_image_coordinates(w, op, &image, lane, texel))
        return false;
    at->base = sg_image_texel(&image, texel);
    at->bytes = image.format->bytes;
    return true;
}

/* False for a lane without access. */
static bool take_place(struct sg_wave *w, const struct sg_op *op, uint32_t lane, struct place *at) {
    switch (op->format) {
    case SG_FORMAT_GLOBAL:
    case SG_FORMAT_FLAT:
    case SG_FORMAT_SCRATCH:
        return take_flat(w, op, lane, at);
    case SG_FORMAT_MUBUF:
        return take_buffer(w, op, lane, at);
    case SG_FORMAT_MIMG:
        return take_texel(w, op, lane, at);
    default:
        return false;
    }
}

/* The host says where it stopped, which may be another lane's part of a vector access. */
static void find_lane(struct sg_wave *w, const struct sg_op *op, uint64_t va) {
    uint64_t page = va / SG_PAGE_BYTES;
    uint32_t bytes = access_bytes(w, op);
    for (uint64_t left = sg_wave_exec(w); left; left &= left - 1) {
        struct place at = {.bytes = bytes};
        uint32_t lane = sg_first_lane(left);
        if (!take_place(w, op, lane, &at))
            continue;
        for (uint32_t byte = 0; byte < at.bytes; byte++) {
            if (byte_address(&at, byte) / SG_PAGE_BYTES != page)
                continue;
            w->fault.lane = lane;
            w->fault.va = byte_address(&at, byte);
            return;
        }
    }
}

/* Those that keep w->fault.lane and va themselves, access by access. */
static bool goes_by_lane(const struct sg_op *op, const struct sg_row *row) {
    return op->format == SG_FORMAT_MTBUF ||
           (op->format == SG_FORMAT_MUBUF && strstr(row->name, "_format_")) ||
           (op->format == SG_FORMAT_MIMG && row->flags & SG_IMAGE_ROW_SAMPLE);
}

void sg_vmem_host_fault(struct sg_wave *w, uint64_t va, bool is_write) {
    w->fault.is_write = is_write;
    if (w->memory_op) {
        const struct sg_op *op = w->memory_op;
        const struct sg_row *row = w->env->isa->level->find[op->format](op->opcode);
        w->fault.is_write |= strstr(row->name, "atomic") != NULL; // it reads first
        if (!goes_by_lane(op, row)) {
            w->fault.va = va;
            w->fault.lane = 0;
            find_lane(w, op, va);
        } else if (w->fault.va / SG_PAGE_BYTES < va / SG_PAGE_BYTES) { // it began on another page
            w->fault.va = va & ~(uint64_t)(SG_PAGE_BYTES - 1);
        }
        sg_wave_fault(w, op, SG_FAULT_MEMORY_UNMAPPED);
        return;
    }
    w->fault.va = va;
    w->fault.lane = 0;
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
