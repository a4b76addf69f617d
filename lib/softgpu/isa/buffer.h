/* SPDX-License-Identifier: MIT */
/// Buffer descriptors (V#) of gfx9 and the addressing rules of untyped buffer instructions.
///
/// Sources: AMD's Vega ISA manual, "Vector memory buffer instructions"; LLVM and Mesa for the units
/// of NUM_RECORDS on GFX9. The element size of swizzled buffers is always 4 bytes there.
#ifndef SG_ISA_BUFFER_H
#define SG_ISA_BUFFER_H

#include "softgpu/isa/vmem.h"

/// A descriptor with what the instruction adds.
struct sg_buffer {
    uint64_t base;   ///< with SOFFSET
    uint64_t limit;  ///< raw: bytes after `base`; structured: records
    uint32_t stride; ///< bytes of a record
    uint32_t index_stride;
    bool is_swizzled;
    bool add_tid;
    bool is_structured; ///< IDXEN and a stride: indices are checked, not bytes
};

/// Reads the descriptor of a MUBUF instruction from its SGPRs.
static inline struct sg_buffer sg_buffer_take(const struct sg_wave *w, const struct sg_op *op) {
    const uint32_t *words = &w->s[op->src[1]];
    uint32_t soffset = w->s[op->src[2]];
    struct sg_buffer buffer;
    buffer.base = (words[0] | (uint64_t)(words[1] & 0xffff) << 32) + soffset;
    buffer.stride = words[1] >> 16 & 0x3fff;
    buffer.is_swizzled = words[1] >> 31;
    buffer.index_stride = 8u << (words[3] >> 21 & 3);
    buffer.add_tid = words[3] >> 23 & 1;
    /* With ADD_TID the data format field, which nothing else needs then, has stride bits 14 to 17.
     */
    if (buffer.add_tid && buffer.stride)
        buffer.stride |= (words[3] >> 15 & 15) << 14;
    buffer.is_structured = op->mods & SG_MEM_IDXEN && buffer.stride;
    buffer.limit = words[2];
    if (!buffer.is_structured)
        buffer.limit = words[2] > soffset ? words[2] - soffset : 0;
    return buffer;
}

/// Swizzled: where the records of `index` begin, relative to the base.
static inline uint64_t sg_buffer_part(const struct sg_buffer *buffer, uint32_t index) {
    return (uint64_t)(index / buffer->index_stride) * buffer->stride * buffer->index_stride +
           index % buffer->index_stride * 4;
}

/// True if all bytes of a lane's access are in range.
bool sg_buffer_in_range(const struct sg_buffer *buffer, uint32_t index, uint32_t offset,
                        uint32_t lane, uint32_t bytes);

#endif
