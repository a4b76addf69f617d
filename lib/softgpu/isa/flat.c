/* SPDX-License-Identifier: MIT */
/* FLAT, GLOBAL and SCRATCH: addressing; compiled once per interpreter level. */
#include "softgpu/isa/ds_address.h"
#include "softgpu/isa/private.h"

/* GLOBAL: a 64-bit VGPR address, or an SGPR base with a 32-bit VGPR offset. */
SG_INLINE void global_lanes(struct sg_wave *w, const struct sg_op *op, struct sg_lanes *lanes) {
    sg_lanes_of_wave(w, lanes);
    lanes->base = (uint64_t)(int64_t)(int32_t)op->imm;
    lanes->lo = sg_wave_row(w, op->src[0]);
    lanes->hi = lanes->lo + SG_LANES;
    if (op->src[2] != SG_NONE) {
        lanes->base += sg_wave_s64(w, op->src[2]);
        lanes->hi = NULL;
    }
}

/* What most accesses are: all lanes, in rows, in memory used before. No call, so that the handlers
 * need no frame; all else is a handler of its own. */
SG_INLINE bool global_rows(struct sg_wave *w, const struct sg_op *op, uint32_t bytes, uint32_t need,
                           struct sg_rows *rows) {
    const uint32_t *lo = sg_wave_row(w, op->src[0]), *hi = lo + SG_LANES;
    uint64_t base = (uint64_t)(int64_t)(int32_t)op->imm;
    if (sg_wave_exec(w) != UINT64_MAX || op->mods & (SG_MEM_GLC | SG_MEM_LDS))
        return false;
    if (op->src[2] != SG_NONE)
        base += sg_wave_s64(w, op->src[2]);
    else if (sg_row_differs(hi, NULL, hi[0], 0))
        return false;
    else
        base += (uint64_t)hi[0] << 32;
    if (!sg_rows_global(&w->tlb, base, lo, bytes, need, rows))
        return false;
    sg_vmem_touch(w, op);
    return true;
}

SG_INLINE bool global_rows_load(struct sg_wave *w, const struct sg_op *op, uint32_t bytes) {
    struct sg_rows rows;
    if (!global_rows(w, op, bytes, SG_VM_READ, &rows))
        return false;
    sg_rows_load(&rows, bytes, (sg_lane_row *)sg_wave_row(w, op->dst));
    return true;
}

SG_INLINE bool global_rows_store(struct sg_wave *w, const struct sg_op *op) {
    struct sg_rows rows;
    if (!global_rows(w, op, 4, SG_VM_WRITE, &rows) || rows.is_single)
        return false;
    sg_rows_store(&rows, (const sg_lane_row *)sg_wave_row(w, op->src[1]));
    return true;
}

#define GLOBAL_HANDLER(name, simple, ...)                                                          \
    static __attribute__((noinline))                                                               \
    const struct sg_op *any_global_##name(struct sg_wave *w, const struct sg_op *op) {             \
        struct sg_lanes lanes;                                                                     \
        if (sg_wave_exec(w)) {                                                                     \
            global_lanes(w, op, &lanes);                                                           \
            if (!SG_V(sg_vmem_##name)(w, op, &w->tlb, &lanes, ##__VA_ARGS__))                      \
                return NULL;                                                                       \
        }                                                                                          \
        SG_NEXT(w, op);                                                                            \
    }                                                                                              \
    SG_HANDLER(global_##name) {                                                                    \
        if (!(simple))                                                                             \
            SG_TAIL(any_global_##name, w, op);                                                     \
        SG_NEXT(w, op);                                                                            \
    }

enum { FLAT_OFFSET_MAX = 4095 };

/* Lanes whose address lies in the aperture with this high word. */
SG_SHARED uint64_t aperture_lanes(const struct sg_lanes *lanes, uint32_t aperture_hi) {
    uint64_t inside = 0;
    uint32_t hi = lanes->hi[sg_first_lane(lanes->exec)];
    if (!sg_row_differs(lanes->hi, lanes->mask, hi, 0)) { // then only a carry could matter
        uint32_t highest = 0;
        for (uint32_t i = 0; i < SG_LANES; i++)
            highest |= lanes->lo[i] & lanes->mask[i];
        if (highest <= UINT32_MAX - FLAT_OFFSET_MAX)
            return hi == aperture_hi ? lanes->exec : 0;
    }
    for (uint64_t left = lanes->exec; left; left &= left - 1) {
        uint32_t lane = sg_first_lane(left);
        inside |= (uint64_t)(sg_lane_va(lanes, lane) >> 32 == aperture_hi) << lane;
    }
    return inside;
}

static bool is_aperture(const struct sg_wave *w, uint32_t hi) {
    return hi == w->env->shared_aperture_hi || hi == w->env->private_aperture_hi;
}

/* The common case, in vector steps: one high word, and neither it nor (the offset may carry) the
 * next is an aperture's. Others are sorted out lane by lane. */
SG_SHARED bool is_all_global(const struct sg_wave *w, const struct sg_lanes *lanes) {
    uint32_t hi = lanes->hi[sg_first_lane(lanes->exec)];
    if (!sg_row_differs(lanes->hi, lanes->mask, hi, 0))
        return !is_aperture(w, hi) && !is_aperture(w, hi + 1);
    return !(aperture_lanes(lanes, w->env->shared_aperture_hi) |
             aperture_lanes(lanes, w->env->private_aperture_hi));
}

/* FLAT: each lane's address is global, in LDS or in scratch. The base is the offset, 0 to 4095. */
SG_INLINE void flat_lanes(struct sg_wave *w, const struct sg_op *op, struct sg_lanes *lanes) {
    sg_lanes_of_wave(w, lanes);
    lanes->base = op->imm;
    lanes->lo = sg_wave_row(w, op->src[0]);
    lanes->hi = lanes->lo + SG_LANES;
}

/* Restricts to a part of the wave. */
SG_SHARED void take_part(struct sg_wave *w, struct sg_lanes *lanes, uint64_t exec) {
    if (exec == lanes->exec)
        return;
    lanes->exec = exec;
    sg_expand_mask(exec, w->tmp[SG_TMP_MASK]);
    lanes->mask = w->tmp[SG_TMP_MASK];
}

/* LDS as an address space of its own: one interval at the aperture's beginning. */
SG_SHARED void lds_space(const struct sg_wave *w, struct sg_tlb *tlb) {
    uint64_t va = (uint64_t)w->env->shared_aperture_hi << 32;
    tlb->vm = w->env->vm;
    tlb->generation = w->tlb.generation;
    for (uint32_t i = 1; i < SG_TLB_ENTRIES; i++)
        tlb->entries[i].bytes = 0;
    tlb->entries[0] = (struct sg_tlb_entry){va, w->lds_bytes, (uintptr_t)w->lds - (uintptr_t)va,
                                            SG_VM_READ | SG_VM_WRITE};
    tlb->next = 1;
}

/* Scratch of a wave: base in FLAT_SCRATCH, dwords of the 64 lanes next to each other. `offset` is
 * the private address, or its low word where it came through the aperture. */
static void scratch_space(const struct sg_wave *w, const uint32_t *offset, uint64_t exec,
                          const uint32_t *mask, struct sg_swizzle *at) {
    *at = (struct sg_swizzle){.base = sg_wave_s64(w, SG_FLAT_SCRATCH),
                              .part = sg_lane_dwords,
                              .offset = offset,
                              .stride = SG_LANES,
                              .exec = exec,
                              .mask = mask};
}

SG_SHARED void flat_scratch_space(struct sg_wave *w, const struct sg_lanes *lanes,
                                  struct sg_swizzle *at) {
    uint32_t *offset = w->tmp[SG_TMP_OFFSET];
    for (uint32_t i = 0; i < SG_LANES; i++)
        offset[i] = lanes->lo[i] + (uint32_t)lanes->base;
    scratch_space(w, offset, lanes->exec, lanes->mask, at);
}

/* Where some lane's address lies in an aperture: each kind of memory gets its lanes, in turn. */
#define FLAT_PARTS(name, private, ...)                                                             \
    static bool flat_parts_##name(struct sg_wave *w, const struct sg_op *op,                       \
                                  struct sg_lanes *lanes) {                                        \
        uint64_t exec = lanes->exec;                                                               \
        uint64_t in_lds = aperture_lanes(lanes, w->env->shared_aperture_hi);                       \
        uint64_t in_scratch = aperture_lanes(lanes, w->env->private_aperture_hi) & ~in_lds;        \
        struct sg_tlb lds;                                                                         \
        bool ok = true;                                                                            \
        if (in_lds) {                                                                              \
            lds_space(w, &lds);                                                                    \
            take_part(w, lanes, in_lds);                                                           \
            ok = SG_V(sg_vmem_##name)(w, op, &lds, lanes, ##__VA_ARGS__);                          \
        }                                                                                          \
        if (ok && in_scratch) {                                                                    \
            take_part(w, lanes, in_scratch);                                                       \
            ok = private;                                                                          \
        }                                                                                          \
        if (ok && exec & ~(in_lds | in_scratch)) {                                                 \
            take_part(w, lanes, exec & ~(in_lds | in_scratch));                                    \
            ok = SG_V(sg_vmem_##name)(w, op, &w->tlb, lanes, ##__VA_ARGS__);                       \
        }                                                                                          \
        return ok;                                                                                 \
    }
#define FLAT_HANDLER(name, simple, ...)                                                            \
    SG_HANDLER(flat_##name) {                                                                      \
        struct sg_lanes lanes;                                                                     \
        if (sg_wave_exec(w) && !(simple)) {                                                        \
            flat_lanes(w, op, &lanes);                                                             \
            bool ok = is_all_global(w, &lanes)                                                     \
                          ? SG_V(sg_vmem_##name)(w, op, &w->tlb, &lanes, ##__VA_ARGS__)            \
                          : flat_parts_##name(w, op, &lanes);                                      \
            if (!ok)                                                                               \
                return NULL;                                                                       \
        }                                                                                          \
        SG_NEXT(w, op);                                                                            \
    }
/* Private memory, one address for all lanes: whole rows, see private.h. */
SG_INLINE bool flat_private(struct sg_wave *w, const struct sg_op *op, uint32_t *offset) {
    const uint32_t *lo = sg_wave_row(w, op->src[0]), *hi = lo + SG_LANES;
    const uint32_t aperture = w->env->private_aperture_hi;
    *offset = op->imm;
    if (hi[sg_first_lane(sg_wave_exec(w))] != aperture ||
        sg_row_differs(hi, sg_wave_mask(w), aperture, 0) || !sg_private_uniform(w, lo, offset))
        return false;
    w->memory_op = op;
    return *offset % 4 == 0 && *offset < INT32_MAX;
}

SG_INLINE bool flat_private_load(struct sg_wave *w, const struct sg_op *op, uint32_t bytes,
                                 bool is_plain) {
    uint32_t offset;
    return is_plain && bytes % 4 == 0 && !(op->mods & SG_MEM_GLC) && flat_private(w, op, &offset) &&
           sg_private_load(w, sg_wave_s64(w, SG_FLAT_SCRATCH), offset, op->dst, bytes / 4);
}

SG_INLINE bool flat_private_store(struct sg_wave *w, const struct sg_op *op, uint32_t bytes) {
    uint32_t offset;
    return bytes % 4 == 0 && flat_private(w, op, &offset) &&
           sg_private_store(w, sg_wave_s64(w, SG_FLAT_SCRATCH), offset, op->src[1], bytes / 4);
}

/* LDS, all lanes, inside what the work-group has. */
SG_INLINE bool flat_lds(struct sg_wave *w, const struct sg_op *op, uint32_t bytes,
                        struct sg_lanes *lanes, struct sg_near *near) {
    const uint32_t *lo = sg_wave_row(w, op->src[0]), *hi = lo + SG_LANES;
    const uint32_t aperture = w->env->shared_aperture_hi;
    return hi[sg_first_lane(sg_wave_exec(w))] == aperture &&
           !sg_row_differs(hi, sg_wave_mask(w), aperture, 0) &&
           sg_lds_near(w, lo, op->imm, bytes, lanes, near);
}

SG_INLINE bool flat_lds_load(struct sg_wave *w, const struct sg_op *op, uint32_t bytes,
                             bool is_plain) {
    struct sg_lanes lanes;
    struct sg_near near;
    const bool is_full = sg_wave_exec(w) == UINT64_MAX;
    sg_lane_row *dst = (sg_lane_row *)sg_wave_row(w, op->dst);
    sg_lane_row *raw = is_full ? dst : &w->tmp[SG_TMP_RAW];
    if (!is_plain || bytes % 4 != 0 || op->mods & SG_MEM_GLC ||
        !flat_lds(w, op, bytes, &lanes, &near) || !sg_near_load_found(&near, &lanes, bytes, raw))
        return false;
    for (uint32_t k = 0; !is_full && k < bytes / 4; k++)
        for (uint32_t i = 0; i < SG_LANES; i++)
            dst[k][i] = (raw[k][i] & lanes.mask[i]) | (dst[k][i] & ~lanes.mask[i]);
    return true;
}

SG_INLINE bool flat_lds_store(struct sg_wave *w, const struct sg_op *op, uint32_t bytes) {
    struct sg_lanes lanes;
    struct sg_near near;
    return bytes % 4 == 0 && flat_lds(w, op, bytes, &lanes, &near) &&
           sg_near_store_found(&near, &lanes, bytes,
                               (const sg_lane_row *)sg_wave_row(w, op->src[1]));
}

#define FLAT_SWIZZLED(name, simple, ...)                                                           \
    static bool flat_scratch_##name(struct sg_wave *w, const struct sg_op *op,                     \
                                    const struct sg_lanes *lanes) {                                \
        struct sg_swizzle at;                                                                      \
        flat_scratch_space(w, lanes, &at);                                                         \
        return SG_V(sg_swizzled_##name)(w, op, &at, ##__VA_ARGS__);                                \
    }                                                                                              \
    FLAT_PARTS(name, flat_scratch_##name(w, op, lanes), ##__VA_ARGS__)                             \
    FLAT_HANDLER(name, simple, ##__VA_ARGS__)

/* SCRATCH: a private address in a VGPR or an SGPR. */
SG_SHARED void scratch_lanes(struct sg_wave *w, const struct sg_op *op, struct sg_swizzle *at) {
    uint32_t *offset = w->tmp[SG_TMP_OFFSET];
    const uint32_t *row = sg_wave_row(w, op->src[0]);
    bool is_same = op->src[2] != SG_NONE;
    for (uint32_t i = 0; !is_same && i < SG_LANES; i++)
        offset[i] = row[i] + op->imm;
    scratch_space(w, is_same ? NULL : offset, sg_wave_exec(w), sg_wave_mask(w), at);
    at->same = is_same ? w->s[op->src[2]] + op->imm : 0;
}

#define SCRATCH_HANDLER(name, ...)                                                                 \
    SG_HANDLER(scratch_##name) {                                                                   \
        struct sg_swizzle at;                                                                      \
        if (sg_wave_exec(w)) {                                                                     \
            scratch_lanes(w, op, &at);                                                             \
            if (!SG_V(sg_swizzled_##name)(w, op, &at, ##__VA_ARGS__))                              \
                return NULL;                                                                       \
        }                                                                                          \
        SG_NEXT(w, op);                                                                            \
    }

#define IS_U_U   true /* loads that take the bytes as they are */
#define IS_U_S8  false
#define IS_U_S16 false
#define IS_U_LO  false
#define IS_U_HI  false
#define IS_U_LO8 false
#define IS_U_HI8 false
#define VMEM_LOAD(name, opcode, bytes, how, type)                                                  \
    GLOBAL_HANDLER(name, IS_U_##how && (bytes) >= 4 && global_rows_load(w, op, bytes))             \
    FLAT_SWIZZLED(name, flat_private_load(w, op, bytes, IS_U_##how) ||                             \
                            flat_lds_load(w, op, bytes, IS_U_##how))                               \
    SCRATCH_HANDLER(name)
#define VMEM_STORE(name, opcode, bytes, shift, type)                                               \
    GLOBAL_HANDLER(name, (bytes) == 4 && global_rows_store(w, op), op->src[1])                     \
    FLAT_SWIZZLED(name, flat_private_store(w, op, bytes) || flat_lds_store(w, op, bytes),          \
                  op->src[1])                                                                      \
    SCRATCH_HANDLER(name, op->src[1])
#include "softgpu/isa/vmem.def"
#undef VMEM_LOAD
#undef VMEM_STORE

#define ATOMIC_GLOBAL(name) GLOBAL_HANDLER(atomic_##name, false, op->src[1])
#define ATOMIC_BOTH(name)                                                                          \
    ATOMIC_GLOBAL(name)                                                                            \
    FLAT_SWIZZLED(atomic_##name, false, op->src[1])
#define ATOMIC(name, ...)                                                                          \
    ATOMIC_BOTH(name)                                                                              \
    ATOMIC_BOTH(name##_x2)
#define ATOMIC_CMP(name, ...)          ATOMIC(name)
#define ATOMIC_FLOAT(name, ...)        ATOMIC_BOTH(name)
#define ATOMIC_FLOAT_GLOBAL(name, ...) ATOMIC_GLOBAL(name)
#include "softgpu/isa/atomic.def"
#undef ATOMIC
#undef ATOMIC_CMP
#undef ATOMIC_FLOAT
#undef ATOMIC_FLOAT_GLOBAL

/* The three tables: rows are {destination, address, data}. PREFIX is the format's. */
#define LOAD_ROW_(prefix, name, opcode, type)                                                      \
    SG_ROW(prefix##_##name, opcode, handle_##prefix##_##name, SG_VMEM_LOAD, type, b64, none, none)
#define STORE_ROW_(prefix, name, opcode, type)                                                     \
    SG_ROW(prefix##_##name, opcode, handle_##prefix##_##name, SG_VMEM_STORE, none, b64, type, none)
#define ATOMIC_ROW_(prefix, name, opcode, type, data)                                              \
    SG_ROW(prefix##_atomic_##name, opcode, handle_##prefix##_atomic_##name, SG_VMEM_ATOMIC, type,  \
           b64, data, none)
#define LOAD_ROW(prefix, ...)                        LOAD_ROW_(prefix, __VA_ARGS__)
#define STORE_ROW(prefix, ...)                       STORE_ROW_(prefix, __VA_ARGS__)
#define ATOMIC_ROW(prefix, ...)                      ATOMIC_ROW_(prefix, __VA_ARGS__)
#define VMEM_LOAD(name, opcode, bytes, how, type)    LOAD_ROW(PREFIX, name, opcode, type)
#define VMEM_STORE(name, opcode, bytes, shift, type) STORE_ROW(PREFIX, name, opcode, type)
#define ATOMIC(name, slot, ...)                                                                    \
    ATOMIC_ROW(PREFIX, name, 0x40 + slot, b32, b32)                                                \
    ATOMIC_ROW(PREFIX, name##_x2, 0x60 + slot, b64, b64)
#define ATOMIC_CMP(name, slot, ...)                                                                \
    ATOMIC_ROW(PREFIX, name, 0x40 + slot, b32, b64)                                                \
    ATOMIC_ROW(PREFIX, name##_x2, 0x60 + slot, b64, b128)
#define ATOMIC_FLOAT(name, opcode, type, ...)        ATOMIC_ROW(PREFIX, name, opcode, type, type)
#define ATOMIC_FLOAT_GLOBAL(name, opcode, type, ...) ATOMIC_ROW(PREFIX, name, opcode, type, type)

#define PREFIX  global
#define SG_DEF  "softgpu/isa/flat.def"
#define SG_FIND sg_global_find
#include "softgpu/isa/table.h"
#undef PREFIX
#undef ATOMIC_FLOAT_GLOBAL

#define PREFIX flat
#define ATOMIC_FLOAT_GLOBAL(...)
#define SG_DEF  "softgpu/isa/flat.def"
#define SG_FIND sg_flat_find
#include "softgpu/isa/table.h"
#undef PREFIX

#define PREFIX  scratch
#define SG_DEF  "softgpu/isa/vmem.def"
#define SG_FIND sg_scratch_find
#include "softgpu/isa/table.h"
