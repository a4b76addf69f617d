/* SPDX-License-Identifier: MIT */
/* MUBUF: buffer addressing; compiled once per interpreter level. */
#include "softgpu/isa/buffer_format.h"
#include "softgpu/isa/convert.h"
#include "softgpu/isa/private.h"

/* Where an access goes: `linear` or `swizzled`, both restricted to the lanes in range. */
struct buffer_place {
    bool is_swizzled;
    uint64_t outside; /* active lanes out of range */
    struct sg_lanes linear;
    struct sg_swizzle swizzled;
};

/* Per lane: offset in the record (TMP_OFFSET) and index; returns the index row. */
SG_INLINE const uint32_t *offsets_and_indices(struct sg_wave *w, const struct sg_op *op,
                                              const struct sg_buffer *buffer) {
    const sg_lane_row *address = (const sg_lane_row *)sg_wave_row(w, op->src[0]);
    const uint32_t *index_row = op->mods & SG_MEM_IDXEN ? address[0] : NULL;
    const uint32_t *offset_row = op->mods & SG_MEM_OFFEN ? address[index_row ? 1 : 0] : NULL;
    uint32_t *offset = w->tmp[SG_TMP_OFFSET];
    uint32_t *index = w->tmp[SG_TMP_INDEX];
    for (uint32_t i = 0; i < SG_LANES; i++)
        offset[i] = (offset_row ? offset_row[i] : 0) + op->imm;
    for (uint32_t i = 0; i < SG_LANES; i++)
        index[i] = (index_row ? index_row[i] : 0) + (buffer->add_tid ? i : 0);
    return index;
}

/* Sorts the active lanes into those in range and the rest, then restricts the place to the former.
 * A lane is out of range if any byte of its access is. */
static void range_check(struct sg_wave *w, const struct sg_buffer *buffer, const uint32_t *index,
                        uint32_t bytes, struct buffer_place *place) {
    const uint32_t *offset = w->tmp[SG_TMP_OFFSET];
    uint64_t exec = sg_wave_exec(w);
    place->outside = 0;
    for (uint64_t left = exec; left; left &= left - 1) {
        uint32_t lane = sg_first_lane(left);
        bool fits = sg_buffer_in_range(buffer, index[lane], offset[lane], lane, bytes);
        place->outside |= (uint64_t)!fits << lane;
    }
    const uint32_t *mask = sg_wave_mask(w);
    if (place->outside) {
        exec &= ~place->outside;
        sg_expand_mask(exec, w->tmp[SG_TMP_MASK]);
        mask = w->tmp[SG_TMP_MASK];
    }
    place->linear.exec = place->swizzled.exec = exec;
    place->linear.mask = place->swizzled.mask = mask;
}

/* Vector steps for what nearly all code does: no index from a register, all lanes in range. */
SG_INLINE bool is_all_in_range(struct sg_wave *w, const struct sg_buffer *buffer, uint32_t bytes) {
    const uint32_t *offset = w->tmp[SG_TMP_OFFSET];
    const uint32_t *mask = sg_wave_mask(w);
    uint32_t highest = 0;
    if (buffer->is_structured)
        return false;
    for (uint32_t i = 0; i < SG_LANES; i++)
        highest = (offset[i] & mask[i]) > highest ? offset[i] & mask[i] : highest;
    uint64_t end = (uint64_t)highest + bytes + 3;
    uint64_t last = buffer->add_tid ? SG_LANES - 1 : 0;
    if (buffer->is_swizzled)
        end = (end + buffer->stride * (last / buffer->index_stride)) * buffer->index_stride +
              4 * buffer->index_stride;
    else
        end += buffer->stride * last;
    return end <= buffer->limit;
}

/* Private memory as compilers address it: the runtime's descriptor, one offset for all lanes. Then
 * no row needs to be looked at. */
SG_INLINE bool private_place(struct sg_wave *w, const struct sg_op *op,
                             const struct sg_buffer *buffer, uint32_t bytes,
                             struct buffer_place *place) {
    if (!buffer->is_swizzled || !buffer->add_tid || buffer->stride || op->mods & SG_MEM_IDXEN ||
        buffer->index_stride != SG_LANES)
        return false;
    uint64_t exec = sg_wave_exec(w);
    const uint32_t *mask = sg_wave_mask(w);
    uint32_t offset = op->imm;
    if (op->mods & SG_MEM_OFFEN) {
        const uint32_t *row = sg_wave_row(w, op->src[0]);
        offset += row[sg_first_lane(exec)];
        if (sg_row_differs(row, mask, row[sg_first_lane(exec)], 0))
            return false;
    }
    if (((uint64_t)offset + bytes + 3) / 4 * (4 * SG_LANES) > buffer->limit)
        return false;
    place->is_swizzled = true;
    place->outside = 0;
    place->linear.exec = exec;
    place->swizzled = (struct sg_swizzle){.base = buffer->base,
                                          .part = sg_lane_dwords,
                                          .same = offset,
                                          .stride = SG_LANES,
                                          .exec = exec,
                                          .mask = mask};
    return true;
}

/* The same where whole rows are loaded or stored: finds the base and the offset. */
SG_INLINE bool private_rows(struct sg_wave *w, const struct sg_op *op, uint32_t bytes,
                            uint64_t *base, uint32_t *offset) {
    enum { INDEX_STRIDE_64_ADD_TID = 3u << 21 | 1u << 23 };
    const uint32_t *words = &w->s[op->src[1]];
    const uint32_t soffset = w->s[op->src[2]];
    if (op->mods & ~(uint32_t)(SG_MEM_OFFEN | SG_MEM_SLC) || words[1] >> 16 != 0x8000 ||
        (words[3] & INDEX_STRIDE_64_ADD_TID) != INDEX_STRIDE_64_ADD_TID || words[2] < soffset)
        return false;
    *base = (words[0] | (uint64_t)(words[1] & 0xffff) << 32) + soffset;
    *offset = op->imm;
    if (op->mods & SG_MEM_OFFEN && !sg_private_uniform(w, sg_wave_row(w, op->src[0]), offset))
        return false;
    w->memory_op = op;
    return *offset % 4 == 0 && ((uint64_t)*offset + bytes) * SG_LANES <= words[2] - soffset;
}

SG_INLINE bool private_load(struct sg_wave *w, const struct sg_op *op, uint32_t bytes,
                            enum convert how) {
    uint64_t base;
    uint32_t offset;
    return how == CONVERT_U && bytes % 4 == 0 && private_rows(w, op, bytes, &base, &offset) &&
           sg_private_load(w, base, offset, op->dst, bytes / 4);
}

SG_INLINE bool private_store(struct sg_wave *w, const struct sg_op *op, uint32_t bytes) {
    uint64_t base;
    uint32_t offset;
    return bytes % 4 == 0 && private_rows(w, op, bytes, &base, &offset) &&
           sg_private_store(w, base, offset, op->dst, bytes / 4);
}

SG_SHARED void buffer_place(struct sg_wave *w, const struct sg_op *op, uint32_t bytes,
                            struct buffer_place *place) {
    struct sg_buffer buffer = sg_buffer_take(w, op);
    if (private_place(w, op, &buffer, bytes, place))
        return;
    const uint32_t *index = offsets_and_indices(w, op, &buffer);
    if (is_all_in_range(w, &buffer, bytes)) {
        place->outside = 0;
        place->linear.exec = place->swizzled.exec = sg_wave_exec(w);
        place->linear.mask = place->swizzled.mask = sg_wave_mask(w);
    } else {
        range_check(w, &buffer, index, bytes, place);
    }
    place->is_swizzled = buffer.is_swizzled;
    uint32_t *part = w->tmp[SG_TMP_PART];
    const uint32_t *offset = w->tmp[SG_TMP_OFFSET];
    if (buffer.is_swizzled) {
        for (uint32_t i = 0; i < SG_LANES; i++)
            part[i] = (uint32_t)sg_buffer_part(&buffer, index[i]);
        place->swizzled.base = buffer.base;
        place->swizzled.part = part;
        place->swizzled.offset = offset;
        place->swizzled.stride = buffer.index_stride;
    } else {
        uint32_t *high = w->tmp[SG_TMP_ADDRESS];
        for (uint32_t i = 0; i < SG_LANES; i++) {
            uint64_t at = offset[i] + (uint64_t)index[i] * buffer.stride;
            part[i] = (uint32_t)at;
            high[i] = (uint32_t)(at >> 32);
        }
        place->linear.base = buffer.base;
        place->linear.lo = part;
        place->linear.hi = high;
    }
}

/* Out of range: 0, in whatever part of the register the load fills. */
SG_SHARED void zero_outside(struct sg_wave *w, const struct sg_op *op, uint64_t outside,
                            uint32_t dwords, enum convert how) {
    sg_lane_row raw[4] = {{0}};
    uint32_t mask[SG_LANES];
    sg_expand_mask(outside, mask);
    if (op->mods & SG_MEM_LDS)
        sg_vmem_write_lds(w, op, raw, outside);
    else
        write_back((sg_lane_row *)sg_wave_row(w, op->dst), (const sg_lane_row *)raw, mask, dwords,
                   how);
}

SG_INLINE void zero_lanes(struct sg_wave *w, const struct sg_op *op, uint64_t outside,
                          uint32_t dwords, enum convert how) {
    if (__builtin_expect(outside != 0, 0))
        zero_outside(w, op, outside, dwords, how);
}

/* The address registers may be destinations, so zeros come last. */
#define MUBUF_ACCESS(name, bytes, simple, after, ...)                                              \
    static                                                                                         \
        __attribute__((noinline)) bool access_##name(struct sg_wave *w, const struct sg_op *op) {  \
        struct buffer_place place;                                                                 \
        buffer_place(w, op, bytes, &place);                                                        \
        bool ok = !place.linear.exec ||                                                            \
                  (place.is_swizzled                                                               \
                       ? SG_V(sg_swizzled_##name)(w, op, &place.swizzled, ##__VA_ARGS__)           \
                       : SG_V(sg_vmem_##name)(w, op, &w->tlb, &place.linear, ##__VA_ARGS__));      \
        if (!ok)                                                                                   \
            return false;                                                                          \
        after;                                                                                     \
        return true;                                                                               \
    }                                                                                              \
    SG_HANDLER(buffer_##name) {                                                                    \
        if (sg_wave_exec(w) && !(simple) && !access_##name(w, op))                                 \
            return NULL;                                                                           \
        SG_NEXT(w, op);                                                                            \
    }
#define VMEM_LOAD(name, opcode, bytes, how, type)                                                  \
    MUBUF_ACCESS(name, bytes, private_load(w, op, bytes, CONVERT_##how),                           \
                 zero_lanes(w, op, place.outside, (bytes + 3) / 4, CONVERT_##how))
#define VMEM_STORE(name, opcode, bytes, shift, type)                                               \
    MUBUF_ACCESS(name, bytes, private_store(w, op, bytes), (void)0, op->dst)
#define MUBUF_ATOMIC(name, bytes)                                                                  \
    MUBUF_ACCESS(atomic_##name, bytes, false,                                                      \
                 if (op->mods & SG_MEM_GLC)                                                        \
                     zero_lanes(w, op, place.outside, (bytes) / 4, CONVERT_U),                     \
                 op->dst)
#define ATOMIC(name, ...)                                                                          \
    MUBUF_ATOMIC(name, 4)                                                                          \
    MUBUF_ATOMIC(name##_x2, 8)
#define BYTES_f32                                    4
#define BYTES_pk16                                   4
#define BYTES_f64                                    8
#define ATOMIC_CMP(name, ...)                        ATOMIC(name)
#define ATOMIC_FLOAT(name, opcode, type, ...)        MUBUF_ATOMIC(name, BYTES_##type)
#define ATOMIC_FLOAT_GLOBAL(name, opcode, type, ...) MUBUF_ATOMIC(name, BYTES_##type)
#define MUBUF_CACHE(...)
#define MUBUF_LDS_STORE(...)
#define MUBUF_FORMAT(...)
#include "softgpu/isa/mubuf.def"
#undef VMEM_LOAD
#undef VMEM_STORE
#undef ATOMIC
#undef ATOMIC_CMP
#undef ATOMIC_FLOAT
#undef ATOMIC_FLOAT_GLOBAL
#undef MUBUF_CACHE
#undef MUBUF_LDS_STORE
#undef MUBUF_FORMAT

/* The data come from LDS instead of a register: from row TMP_LDS, through the store of a dword
 * whose data operand names no register. */
SG_HANDLER(buffer_store_lds_dword) {
    struct buffer_place place;
    if (!sg_wave_exec(w))
        SG_NEXT(w, op);
    buffer_place(w, op, 4, &place);
    sg_vmem_read_lds(w, op, (sg_lane_row *)&w->tmp[SG_TMP_LDS]);
    bool ok =
        !place.linear.exec ||
        (place.is_swizzled ? SG_V(sg_swizzled_store_dword)(w, op, &place.swizzled, SG_NONE)
                           : SG_V(sg_vmem_store_dword)(w, op, &w->tlb, &place.linear, SG_NONE));
    if (!ok)
        return NULL;
    SG_NEXT(w, op);
}

SG_HANDLER(buffer_format_load) {
    if (sg_wave_exec(w) && !sg_buffer_format_load(w, op))
        return NULL;
    SG_NEXT(w, op);
}

SG_HANDLER(buffer_format_store) {
    if (sg_wave_exec(w) && !sg_buffer_format_store(w, op))
        return NULL;
    SG_NEXT(w, op);
}

SG_HANDLER(no_effect) {
    SG_NEXT(w, op);
}

/* The table: rows are {destination, address, data, descriptor}; VDATA is both of the
 * former. */
#define MUBUF_ROW(name, opcode, fn, flags, tD, data)                                               \
    SG_ROW(name, opcode, fn, flags, tD, b32, data, b128)
#define VMEM_LOAD(name, opcode, bytes, how, type)                                                  \
    MUBUF_ROW(buffer_##name, opcode, handle_buffer_##name, SG_VMEM_LOAD, type, none)
#define VMEM_STORE(name, opcode, bytes, shift, type)                                               \
    MUBUF_ROW(buffer_##name, opcode, handle_buffer_##name, SG_VMEM_STORE, none, type)
#define ATOMIC_ROW(name, opcode, type, data)                                                       \
    MUBUF_ROW(buffer_atomic_##name, opcode, handle_buffer_atomic_##name, SG_VMEM_ATOMIC, type, data)
#define ATOMIC(name, slot, ...)                                                                    \
    ATOMIC_ROW(name, 0x40 + slot, b32, b32)                                                        \
    ATOMIC_ROW(name##_x2, 0x60 + slot, b64, b64)
#define ATOMIC_CMP(name, slot, ...)                                                                \
    ATOMIC_ROW(name, 0x40 + slot, b32, b64)                                                        \
    ATOMIC_ROW(name##_x2, 0x60 + slot, b64, b128)
#define ATOMIC_FLOAT(name, opcode, type, ...)        ATOMIC_ROW(name, opcode, type, type)
#define ATOMIC_FLOAT_GLOBAL(name, opcode, type, ...) ATOMIC_ROW(name, opcode, type, type)
#define MUBUF_CACHE(name, opcode)                                                                  \
    SG_ROW(name, opcode, handle_no_effect, SG_VMEM_BARE, none, none, none, none)
#define MUBUF_LDS_STORE(name, opcode)                                                              \
    MUBUF_ROW(name, opcode, handle_##name, SG_VMEM_STORE | SG_VMEM_LDS, none, none)
#define FORMAT_load(name, opcode, type, flags)                                                     \
    MUBUF_ROW(name, opcode, handle_buffer_format_load, SG_VMEM_LOAD | flags, type, none)
#define FORMAT_store(name, opcode, type, flags)                                                    \
    MUBUF_ROW(name, opcode, handle_buffer_format_store, SG_VMEM_STORE | flags, none, type)
#define MUBUF_FORMAT(name, opcode, what, type, flags) FORMAT_##what(name, opcode, type, flags)
#define SG_DEF                                        "softgpu/isa/mubuf.def"
#define SG_FIND                                       sg_mubuf_find
#include "softgpu/isa/table.h"
