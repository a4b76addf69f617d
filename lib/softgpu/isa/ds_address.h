/* SPDX-License-Identifier: MIT */
/// LDS addressing: bounds and patterns of a wave's 64 LDS addresses.
#ifndef SG_ISA_DS_ADDRESS_H
#define SG_ISA_DS_ADDRESS_H

#include "softgpu/isa/vmem.h"
#include "softgpu/mem/near.h"

/// sg_row.flags of DS: what the 16 offset bits are.
enum sg_ds_row { SG_DS_OFFSET, SG_DS_TWO_OFFSETS, SG_DS_PATTERN, SG_DS_BARE };

/// Offsets in LDS of each lane and which lanes are inside; EXEC need not be full.
struct sg_lds_lanes {
    uint32_t offset[SG_LANES];
    uint64_t inside; ///< active lanes whose bytes lie in LDS
};

/// The common case of the below as mem/near.h wants it: the first active lane lies inside. Answers
/// false if it does not, and then nothing was done.
SG_INLINE bool sg_lds_near(struct sg_wave *w, const uint32_t *address, uint32_t offset,
                           uint32_t bytes, struct sg_lanes *lanes, struct sg_near *near) {
    *lanes = (struct sg_lanes){0, address, NULL, sg_wave_exec(w), sg_wave_mask(w)};
    const uint32_t first = sg_first_lane(lanes->exec);
    const uint32_t start = address[first] + offset;
    if (w->lds_bytes < bytes || start > w->lds_bytes - bytes)
        return false;
    *near = (struct sg_near){w->lds + start, first, address[first], start, w->lds_bytes - start, 0};
    return true;
}

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

/// ds_swizzle_b32: the lane that `lane` reads, for the instruction's 16-bit pattern. Modes by the
/// top bits: 0 and, or, xor of 5 bits each; 0x8000 a permutation of each quad; 0xc000 rotation and
/// 0xe000 FFT order, all within 32 lanes.
SG_INLINE uint32_t sg_swizzle_source(uint32_t pattern, uint32_t lane) {
    uint32_t half = lane & 32;
    uint32_t i = lane & 31;
    if (pattern >= 0xe000) {
        uint32_t mask = pattern & 31;
        uint32_t reversed = 0;
        for (uint32_t bit = 0; bit < 5; bit++)
            reversed |= (i >> bit & 1) << (4 - bit);
        /* The bits of the mask stay in place; the others are bit-reversed among themselves. */
        return half | (((reversed >> __builtin_popcount(mask)) & ~mask & 31) | (i & mask));
    }
    if (pattern >= 0xc000) {
        uint32_t mask = pattern & 31;
        uint32_t amount = pattern >> 5 & 31;
        uint32_t moved = pattern & 0x400 ? i - amount : i + amount;
        return half | (i & mask) | (moved & ~mask & 31);
    }
    if (pattern & 0x8000)
        return (lane & ~3u) | (pattern >> (2 * (lane & 3)) & 3);
    return half | (((i & (pattern & 31)) | (pattern >> 5 & 31)) ^ (pattern >> 10 & 31));
}

#endif
