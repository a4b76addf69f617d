/* SPDX-License-Identifier: MIT */
/// The fast path of private memory: one offset for all lanes, whole dwords.
///
/// Dwords of the 64 lanes lie next to each other there, so that such an access is that of whole
/// rows. Compilers address spilled registers and most local variables this way. The functions
/// answer false when an access is not so simple; nothing was done then.
#ifndef SG_ISA_PRIVATE_H
#define SG_ISA_PRIVATE_H

#include "softgpu/isa/vmem.h"

/// Host bytes of `dwords` rows at `offset` (a multiple of 4) of the private memory at `base`, if
/// one interval allows `need`; NULL if not, or if they are an application's, which may vanish.
SG_INLINE uint8_t *sg_private_rows(struct sg_wave *w, uint64_t base, uint32_t offset,
                                   uint32_t dwords, uint32_t need) {
    const uint64_t va = base + (uint64_t)offset * SG_LANES;
    const struct sg_tlb_entry *entry = sg_tlb_find(&w->tlb, va);
    const uint32_t bytes = dwords * SG_LANES * 4;
    if (!entry || (entry->flags & (need | SG_VM_USERPTR)) != need ||
        entry->bytes - (va - entry->va) < bytes)
        return NULL;
    return sg_tlb_host(entry, va);
}

/// Loads the registers at `dst`.
SG_INLINE bool sg_private_load(struct sg_wave *w, uint64_t base, uint32_t offset, uint32_t dst,
                               uint32_t dwords) {
    const uint8_t *from = sg_private_rows(w, base, offset, dwords, SG_VM_READ);
    uint32_t *to = sg_wave_row(w, dst);
    if (!from)
        return false;
    if (sg_wave_exec(w) == UINT64_MAX) {
        for (uint32_t i = 0; i < dwords * SG_LANES; i++)
            to[i] = sg_load32(from + 4 * i);
        return true;
    }
    const uint32_t *mask = sg_wave_mask(w);
    for (uint32_t k = 0; k < dwords; k++, to += SG_LANES, from += 4 * SG_LANES)
        for (uint32_t i = 0; i < SG_LANES; i++)
            to[i] = (sg_load32(from + 4 * i) & mask[i]) | (to[i] & ~mask[i]);
    return true;
}

/// Stores the registers at `data`. Inactive lanes' dwords are written back as they were: nobody
/// else uses a running wave's private memory.
SG_INLINE bool sg_private_store(struct sg_wave *w, uint64_t base, uint32_t offset, uint32_t data,
                                uint32_t dwords) {
    uint8_t *to = sg_private_rows(w, base, offset, dwords, SG_VM_READ | SG_VM_WRITE);
    const uint32_t *from = sg_wave_row(w, data);
    if (!to)
        return false;
    if (sg_wave_exec(w) == UINT64_MAX) {
        for (uint32_t i = 0; i < dwords * SG_LANES; i++)
            sg_store32(to + 4 * i, from[i]);
        return true;
    }
    const uint32_t *mask = sg_wave_mask(w);
    for (uint32_t k = 0; k < dwords; k++, from += SG_LANES, to += 4 * SG_LANES)
        for (uint32_t i = 0; i < SG_LANES; i++) {
            uint32_t value = (from[i] & mask[i]) | (sg_load32(to + 4 * i) & ~mask[i]);
            sg_store32(to + 4 * i, value);
        }
    return true;
}

/// One offset for all active lanes; false if they differ.
SG_INLINE bool sg_private_uniform(struct sg_wave *w, const uint32_t *row, uint32_t *offset) {
    uint32_t value = row[sg_first_lane(sg_wave_exec(w))];
    *offset += value;
    return !sg_row_differs(row, sg_wave_mask(w), value, 0);
}

#endif
