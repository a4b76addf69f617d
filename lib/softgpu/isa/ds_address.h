/* SPDX-License-Identifier: MIT */
/// LDS addressing: bounds and patterns of a wave's 64 LDS addresses.
#ifndef SG_ISA_DS_ADDRESS_H
#define SG_ISA_DS_ADDRESS_H

#include "softgpu/isa/vmem.h"

/// sg_row.flags of DS: what the 16 offset bits are.
enum sg_ds_row { SG_DS_OFFSET, SG_DS_TWO_OFFSETS, SG_DS_PATTERN, SG_DS_BARE };

/// Offsets in LDS of each lane and which lanes are inside; EXEC need not be full.
struct sg_lds_lanes {
    uint32_t offset[SG_LANES];
    uint64_t inside; ///< active lanes whose bytes lie in LDS
};

/// Sorts out `bytes` at address[i] + offset of the active lanes. Returns the active lanes that lie
/// outside; place->exec has the others, and the rest of *place is set only if there are any.
SG_SHARED uint64_t sg_lds_place(struct sg_wave *w, const uint32_t *address, uint32_t offset,
                                uint32_t bytes, struct sg_place *place) {
    const uint32_t *mask = sg_wave_mask(w);
    place->exec = sg_wave_exec(w);
    place->mask = mask;
    place->pattern = SG_PATTERN_OFFSETS;
    place->host = w->lds;
    uint32_t outside = 0;
    uint32_t limit = w->lds_bytes - bytes;
    for (uint32_t i = 0; i < SG_LANES; i++) {
        place->offset[i] = (address[i] + offset) & mask[i];
        outside |= place->offset[i] > limit;
    }
    if (__builtin_expect(outside || w->lds_bytes < bytes, 0)) {
        uint32_t *inside = w->tmp[SG_TMP_MASK];
        uint64_t all = place->exec;
        for (uint32_t i = 0; i < SG_LANES; i++) {
            bool fits = w->lds_bytes >= bytes && place->offset[i] <= limit;
            inside[i] = fits ? mask[i] : 0;
            place->offset[i] &= inside[i];
            place->exec &= ~((uint64_t)!fits << i);
        }
        place->mask = inside;
        return all & ~place->exec;
    }
    uint32_t first = sg_first_lane(place->exec);
    uint32_t start = place->offset[first] - first * bytes;
    if (!sg_row_differs(place->offset, mask, start, bytes)) {
        place->pattern = SG_PATTERN_CONSECUTIVE;
        place->host = w->lds + (int32_t)start;
        place->whole = start <= limit && start + (SG_LANES - 1) * bytes <= limit;
    } else if (!sg_row_differs(place->offset, mask, place->offset[first], 0)) {
        place->pattern = SG_PATTERN_UNIFORM;
        place->host = w->lds + place->offset[first];
    }
    return 0;
}

/// The same for atomics. A misaligned lane stops the wave at `op`: then false.
bool sg_lds_lanes(struct sg_wave *w, const struct sg_op *op, uint32_t offset, uint32_t bytes,
                  struct sg_lds_lanes *at);

/// ds_swizzle_b32: the lane that `lane` reads, for the instruction's 16-bit pattern.
uint32_t sg_swizzle_source(uint32_t pattern, uint32_t lane);

#endif
