/* SPDX-License-Identifier: MIT */
/* Vector loads and stores once the addresses are known; compiled once per interpreter level. */
#include "softgpu/isa/vmem.h"
#include "softgpu/isa/convert.h"
#include "softgpu/mem/near.h"

/* The six widths, one copy of each; what is not near goes the general way. */
#define MOVE(bytes)                                                                                \
    SG_SHARED bool load_far_##bytes(struct sg_tlb *tlb, const struct sg_lanes *lanes,              \
                                    sg_lane_row *raw, struct sg_access_fault *fault) {             \
        return sg_lanes_load(tlb, lanes, bytes, raw, fault);                                       \
    }                                                                                              \
    SG_SHARED bool store_far_##bytes(struct sg_tlb *tlb, const struct sg_lanes *lanes,             \
                                     const sg_lane_row *rows, struct sg_access_fault *fault) {     \
        return sg_lanes_store(tlb, lanes, bytes, rows, fault);                                     \
    }                                                                                              \
    SG_SHARED bool load_##bytes(struct sg_tlb *tlb, const struct sg_lanes *lanes,                  \
                                sg_lane_row *raw, struct sg_access_fault *fault) {                 \
        return sg_near_load(tlb, lanes, bytes, raw) || load_far_##bytes(tlb, lanes, raw, fault);   \
    }                                                                                              \
    SG_SHARED bool store_##bytes(struct sg_tlb *tlb, const struct sg_lanes *lanes,                 \
                                 const sg_lane_row *rows, struct sg_access_fault *fault) {         \
        return sg_near_store(tlb, lanes, bytes, rows) ||                                           \
               store_far_##bytes(tlb, lanes, rows, fault);                                         \
    }
MOVE(1)
MOVE(2)
MOVE(4)
MOVE(8)
MOVE(12)
MOVE(16)
/* `bytes` is a constant where these are used. */
#define PICK(direction, bytes)                                                                     \
    ((bytes) == 1    ? direction##_1                                                               \
     : (bytes) == 2  ? direction##_2                                                               \
     : (bytes) == 4  ? direction##_4                                                               \
     : (bytes) == 8  ? direction##_8                                                               \
     : (bytes) == 12 ? direction##_12                                                              \
                     : direction##_16)

/* To the registers or, through a buffer of its own, to LDS. */
SG_INLINE void deliver(struct sg_wave *w, const struct sg_op *op, sg_lane_row *raw,
                       const uint32_t *mask, uint64_t exec, uint32_t bytes, enum convert how) {
    if (!(op->mods & SG_MEM_LDS)) {
        write_back((sg_lane_row *)sg_wave_row(w, op->dst), (const sg_lane_row *)raw, mask,
                   (bytes + 3) / 4, how);
        return;
    }
    for (uint32_t i = 0; i < SG_LANES; i++)
        raw[0][i] = converted(raw[0][i], 0, how);
    sg_vmem_write_lds(w, op, (const sg_lane_row *)raw, exec);
}

SG_INLINE bool vmem_load(struct sg_wave *w, const struct sg_op *op, struct sg_tlb *tlb,
                         const struct sg_lanes *lanes, uint32_t bytes, enum convert how) {
    struct sg_access_fault fault;
    w->memory_op = op;
    if (op->mods & SG_MEM_GLC)
        sg_access_fence();
    bool direct = how == CONVERT_U && lanes->exec == UINT64_MAX && !(op->mods & SG_MEM_LDS);
    sg_lane_row *raw = direct ? (sg_lane_row *)sg_wave_row(w, op->dst) : &w->tmp[SG_TMP_RAW];
    if (!sg_near_load(tlb, lanes, bytes, raw) && !PICK(load_far, bytes)(tlb, lanes, raw, &fault)) {
        sg_vmem_fault(w, op, &fault, false);
        return false;
    }
    if (!direct)
        deliver(w, op, raw, lanes->mask, lanes->exec, bytes, how);
    return true;
}

SG_INLINE bool vmem_store(struct sg_wave *w, const struct sg_op *op, struct sg_tlb *tlb,
                          const struct sg_lanes *lanes, uint32_t data, uint32_t bytes,
                          uint32_t shift) {
    struct sg_access_fault fault;
    const sg_lane_row *rows = sg_vmem_data(w, data);
    w->memory_op = op;
    if (shift) {
        for (uint32_t i = 0; i < SG_LANES; i++)
            w->tmp[SG_TMP_RAW][i] = rows[0][i] >> shift;
        rows = &w->tmp[SG_TMP_RAW];
    }
    if (!sg_near_store(tlb, lanes, bytes, rows) &&
        !PICK(store_far, bytes)(tlb, lanes, rows, &fault)) {
        sg_vmem_fault(w, op, &fault, true);
        return false;
    }
    return true;
}

/* What the lanes' offsets have in common. */
struct swizzle_shape {
    bool uniform; /* one offset: the lanes differ in their part only */
    uint32_t offset;
    bool aligned; /* no access leaves the element it begins in or, for dwords, its elements */
};

static inline bool is_aligned(uint32_t offset, uint32_t bytes) {
    return bytes < 4 ? (offset & 3) + bytes <= 4 : !(offset & 3);
}

SG_SHARED struct swizzle_shape swizzle_shape(const struct sg_swizzle *at, uint32_t bytes) {
    struct swizzle_shape shape = {.uniform = true};
    if (!at->offset) {
        shape.offset = at->same;
        shape.aligned = is_aligned(at->same, bytes);
        return shape;
    }
    shape.offset = at->offset[sg_first_lane(at->exec)];
    shape.uniform = !sg_row_differs(at->offset, at->mask, shape.offset, 0);
    uint32_t wrong = 0;
    for (uint32_t i = 0; i < SG_LANES; i++)
        wrong |= is_aligned(at->offset[i], bytes) ? 0 : at->mask[i];
    shape.aligned = !wrong;
    return shape;
}

/* The piece `skip` bytes after each lane's offset, which lies in one element. */
SG_INLINE void swizzled_lanes(struct sg_wave *w, const struct sg_swizzle *at,
                              struct swizzle_shape shape, uint32_t skip, struct sg_lanes *lanes) {
    *lanes = (struct sg_lanes){at->base, at->part, NULL, at->exec, at->mask};
    if (shape.uniform) {
        uint32_t offset = shape.offset + skip;
        lanes->base += (uint64_t)(offset & ~3u) * at->stride + (offset & 3);
        return;
    }
    uint32_t *address = w->tmp[SG_TMP_ADDRESS];
    for (uint32_t i = 0; i < SG_LANES; i++) {
        uint32_t offset = at->offset[i] + skip;
        address[i] = at->part[i] + (offset & ~3u) * at->stride + (offset & 3);
    }
    lanes->lo = address;
}

/* Offsets above this would leave the 32 bits of a lane's part; no scratch is that large. */
SG_SHARED bool swizzled_fits(const struct sg_swizzle *at, uint32_t bytes,
                             struct sg_access_fault *fault) {
    uint32_t limit = (uint32_t)(((uint64_t)1 << 31) / at->stride - bytes);
    uint32_t wrong = !at->offset && at->same > limit;
    for (uint32_t i = 0; at->offset && i < SG_LANES; i++)
        wrong |= (at->offset[i] > limit) & at->mask[i];
    for (uint64_t left = wrong ? at->exec : 0; left; left &= left - 1) {
        uint32_t lane = sg_first_lane(left);
        uint32_t offset = at->offset ? at->offset[lane] : at->same;
        if (offset <= limit)
            continue;
        *fault = (struct sg_access_fault){at->base + (uint64_t)offset * at->stride, lane,
                                          SG_ACCESS_UNMAPPED};
        return false;
    }
    return true;
}

SG_INLINE bool swizzled_read(struct sg_wave *w, const struct sg_swizzle *at, uint32_t bytes,
                             sg_lane_row *raw, struct sg_access_fault *fault) {
    struct sg_lanes lanes;
    struct swizzle_shape shape = swizzle_shape(at, bytes);
    bool ok = swizzled_fits(at, bytes, fault);
    if (ok && shape.aligned) {
        for (uint32_t done = 0; ok && done < bytes; done += 4) {
            swizzled_lanes(w, at, shape, done, &lanes);
            ok = PICK(load, bytes < 4 ? bytes : 4)(&w->tlb, &lanes, &raw[done / 4], fault);
        }
        return ok;
    }
    for (uint32_t done = 0; ok && done < bytes; done++) {
        sg_lane_row byte[1];
        uint32_t shift = done % 4 * 8;
        swizzled_lanes(w, at, shape, done, &lanes);
        ok = load_1(&w->tlb, &lanes, byte, fault);
        for (uint64_t left = at->exec; ok && left; left &= left - 1) {
            uint32_t i = sg_first_lane(left);
            raw[done / 4][i] = (shift ? raw[done / 4][i] : 0) | byte[0][i] << shift;
        }
    }
    return ok;
}

SG_INLINE bool swizzled_write(struct sg_wave *w, const struct sg_swizzle *at, uint32_t bytes,
                              uint32_t shift, const sg_lane_row *rows,
                              struct sg_access_fault *fault) {
    struct sg_lanes lanes;
    struct swizzle_shape shape = swizzle_shape(at, bytes);
    uint32_t step = !shape.aligned ? 1 : bytes < 4 ? bytes : 4;
    bool ok = swizzled_fits(at, bytes, fault);
    for (uint32_t done = 0; ok && done < bytes; done += step) {
        const sg_lane_row *piece = &rows[done / 4];
        uint32_t right = shift + done % 4 * 8;
        if (right) {
            sg_lane_row *shifted = &w->tmp[SG_TMP_SHIFTED];
            for (uint32_t i = 0; i < SG_LANES; i++)
                shifted[0][i] = piece[0][i] >> right;
            piece = shifted;
        }
        swizzled_lanes(w, at, shape, done, &lanes);
        ok = shape.aligned ? PICK(store, bytes < 4 ? bytes : 4)(&w->tlb, &lanes, piece, fault)
                           : store_1(&w->tlb, &lanes, piece, fault);
    }
    return ok;
}

#define MOVE_SWIZZLED(bytes)                                                                       \
    SG_SHARED bool swizzled_read_##bytes(struct sg_wave *w, const struct sg_swizzle *at,           \
                                         sg_lane_row *raw, struct sg_access_fault *fault) {        \
        return swizzled_read(w, at, bytes, raw, fault);                                            \
    }                                                                                              \
    SG_SHARED bool swizzled_write_##bytes(struct sg_wave *w, const struct sg_swizzle *at,          \
                                          uint32_t shift, const sg_lane_row *rows,                 \
                                          struct sg_access_fault *fault) {                         \
        return swizzled_write(w, at, bytes, shift, rows, fault);                                   \
    }
MOVE_SWIZZLED(1)
MOVE_SWIZZLED(2)
MOVE_SWIZZLED(4)
MOVE_SWIZZLED(8)
MOVE_SWIZZLED(12)
MOVE_SWIZZLED(16)

SG_INLINE bool swizzled_load(struct sg_wave *w, const struct sg_op *op, const struct sg_swizzle *at,
                             uint32_t bytes, enum convert how) {
    struct sg_access_fault fault;
    w->memory_op = op;
    bool direct = how == CONVERT_U && at->exec == UINT64_MAX && !(op->mods & SG_MEM_LDS);
    sg_lane_row *raw = direct ? (sg_lane_row *)sg_wave_row(w, op->dst) : &w->tmp[SG_TMP_RAW];
    if (!PICK(swizzled_read, bytes)(w, at, raw, &fault)) {
        sg_swizzle_lowest(w, at, bytes, SG_VM_READ, &fault);
        sg_vmem_fault(w, op, &fault, false);
        return false;
    }
    if (!direct)
        deliver(w, op, raw, at->mask, at->exec, bytes, how);
    return true;
}

SG_INLINE bool swizzled_store(struct sg_wave *w, const struct sg_op *op,
                              const struct sg_swizzle *at, uint32_t data, uint32_t bytes,
                              uint32_t shift) {
    struct sg_access_fault fault;
    w->memory_op = op;
    if (PICK(swizzled_write, bytes)(w, at, shift, sg_vmem_data(w, data), &fault))
        return true;
    sg_swizzle_lowest(w, at, bytes, SG_VM_WRITE, &fault);
    sg_vmem_fault(w, op, &fault, true);
    return false;
}

#define VMEM_LOAD(name, opcode, bytes, how, type)                                                  \
    bool SG_V(sg_vmem_##name)(struct sg_wave * w, const struct sg_op *op, struct sg_tlb *tlb,      \
                              const struct sg_lanes *lanes) {                                      \
        return vmem_load(w, op, tlb, lanes, bytes, CONVERT_##how);                                 \
    }                                                                                              \
    bool SG_V(sg_swizzled_##name)(struct sg_wave * w, const struct sg_op *op,                      \
                                  const struct sg_swizzle *at) {                                   \
        return swizzled_load(w, op, at, bytes, CONVERT_##how);                                     \
    }
#define VMEM_STORE(name, opcode, bytes, shift, type)                                               \
    bool SG_V(sg_vmem_##name)(struct sg_wave * w, const struct sg_op *op, struct sg_tlb *tlb,      \
                              const struct sg_lanes *lanes, uint32_t data) {                       \
        return vmem_store(w, op, tlb, lanes, data, bytes, shift);                                  \
    }                                                                                              \
    bool SG_V(sg_swizzled_##name)(struct sg_wave * w, const struct sg_op *op,                      \
                                  const struct sg_swizzle *at, uint32_t data) {                    \
        return swizzled_store(w, op, at, data, bytes, shift);                                      \
    }
#include "softgpu/isa/vmem.def"
