/* SPDX-License-Identifier: MIT */
/// The fast path of 64-lane loads and stores: all lanes near each other inside one interval.
///
/// Nearly all of a program's accesses are of this kind. The functions answer false when an access
/// is not (or when something about it is wrong); nothing was done then, and the general path of
/// lanes.h takes over, which also finds the exact fault.
#ifndef SG_MEM_NEAR_H
#define SG_MEM_NEAR_H

#include "softgpu/mem/lanes.h"

/// Lanes whose high words agree and whose interval allows `need`.
struct sg_near {
    uint8_t *host;   ///< of the first active lane
    uint32_t first;  ///< that lane
    uint32_t lo;     ///< its low address word
    uint64_t before; ///< bytes of the interval before that lane's address
    uint64_t after;  ///< and from it on
    uint32_t flags;  ///< of the interval
};

SG_ALWAYS_INLINE bool sg_near_find(struct sg_tlb *tlb, const struct sg_lanes *lanes, uint32_t need,
                                   struct sg_near *near) {
    near->first = sg_first_lane(lanes->exec);
    if (lanes->hi && sg_row_differs(lanes->hi, lanes->mask, lanes->hi[near->first], 0))
        return false;
    const uint64_t va = sg_lane_va(lanes, near->first);
    const struct sg_tlb_entry *entry = sg_tlb_find(tlb, va);
    if (!entry || (entry->flags & need) != need)
        return false;
    near->lo = lanes->lo[near->first];
    near->host = sg_tlb_host(entry, va);
    near->before = va - entry->va;
    near->after = entry->bytes - near->before;
    near->flags = entry->flags;
    return true;
}

/// Host address of lane 0 if all 64 lanes' bytes, were they active, would follow each other inside
/// the interval; NULL if not.
SG_ALWAYS_INLINE uint8_t *sg_near_run(const struct sg_near *near, uint32_t bytes) {
    const uint32_t skipped = near->first * bytes;
    const uint32_t left = SG_WAVE_LANES * bytes - skipped;
    const bool fits = near->before >= skipped && near->after >= left && near->lo >= skipped &&
                      near->lo <= UINT32_MAX - left;
    return fits ? near->host - skipped : NULL;
}

/// True if every active lane's bytes lie in the interval, at most 1 GiB from the first one's.
SG_ALWAYS_INLINE bool sg_near_window(const struct sg_near *near, const struct sg_lanes *lanes,
                                     uint32_t bytes) {
    enum { REACH = 1 << 30 };
    if (near->after < bytes)
        return false;
    const uint64_t above = near->after - bytes;
    uint32_t down = near->lo < REACH ? near->lo : REACH;
    uint32_t up = UINT32_MAX - near->lo < REACH ? UINT32_MAX - near->lo : REACH;
    down = near->before < down ? (uint32_t)near->before : down;
    up = above < up ? (uint32_t)above : up;
    const uint32_t low = near->lo - down, span = up + down;
#if defined(__AVX512F__)
    const __m512i lows = _mm512_set1_epi32((int)low), spans = _mm512_set1_epi32((int)span);
    uint32_t wrong = 0;
    for (uint32_t i = 0; i < SG_WAVE_LANES; i += SG_LANE_GROUP) {
        __m512i distance = _mm512_sub_epi32(_mm512_loadu_si512(lanes->lo + i), lows);
        distance = _mm512_and_si512(distance, _mm512_loadu_si512(lanes->mask + i));
        wrong |= _mm512_cmpgt_epu32_mask(distance, spans);
    }
    return !wrong;
#else
    uint32_t wrong = 0;
    for (uint32_t i = 0; i < SG_WAVE_LANES; i++)
        wrong |= ((lanes->lo[i] - low) & lanes->mask[i]) > span;
    return !wrong;
#endif
}

/// True unless lo[i] == lo[0] + i * step in a group of 16 lanes.
SG_ALWAYS_INLINE bool sg_group_lo_differs(const uint32_t *lo, uint32_t step) {
#if defined(__AVX512F__)
    const __m512i index = _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
    __m512i expected = _mm512_add_epi32(_mm512_set1_epi32((int)lo[0]),
                                        _mm512_mullo_epi32(index, _mm512_set1_epi32((int)step)));
    return _mm512_cmpneq_epi32_mask(_mm512_loadu_si512(lo), expected);
#else
    uint32_t differs = 0;
    for (uint32_t i = 0; i < SG_LANE_GROUP; i++)
        differs |= lo[i] - (lo[0] + i * step);
    return differs;
#endif
}

/// Host address of a lane.
SG_ALWAYS_INLINE uint8_t *sg_near_host(const struct sg_near *near, const struct sg_lanes *lanes,
                                       uint32_t lane) {
    return near->host + (int32_t)(lanes->lo[lane] - near->lo);
}

/// Loads the active ones of 16 lanes that follow no pattern.
SG_ALWAYS_INLINE void sg_near_gather(const struct sg_near *near, const struct sg_lanes *lanes,
                                     uint32_t begin, uint32_t bytes, sg_lane_row *raw) {
    uint32_t left = (uint32_t)(lanes->exec >> begin) & 0xffff;
#if defined(__AVX512F__) && !SG_MEM_RACE_CHECKED
    if (bytes == 4) {
        __m512i offsets = _mm512_sub_epi32(_mm512_loadu_si512(lanes->lo + begin),
                                           _mm512_set1_epi32((int)near->lo));
        __m512i old = _mm512_loadu_si512(&raw[0][begin]);
        _mm512_storeu_si512(&raw[0][begin], _mm512_mask_i32gather_epi32(old, (__mmask16)left,
                                                                        offsets, near->host, 1));
        return;
    }
#endif
    if (left == 0xffff) {
        for (uint32_t i = begin; i < begin + SG_LANE_GROUP; i++)
            sg_lane_load(sg_near_host(near, lanes, i), bytes, raw, i);
        return;
    }
    for (; left; left &= left - 1) {
        uint32_t i = begin + (uint32_t)__builtin_ctz(left);
        sg_lane_load(sg_near_host(near, lanes, i), bytes, raw, i);
    }
}

#if defined(__AVX512F__)
/// Loads dwords of 64 lanes, if each group of 16 has consecutive ones or if each has one for all;
/// the window holds them. All groups are looked at together: this is what work-groups of 16 columns
/// do, and nothing need be predicted.
SG_ALWAYS_INLINE bool sg_near_load_rows(const struct sg_near *near, const struct sg_lanes *lanes,
                                        sg_lane_row *raw) {
    const __m512i steps =
        _mm512_setr_epi32(0, 4, 8, 12, 16, 20, 24, 28, 32, 36, 40, 44, 48, 52, 56, 60);
    uint32_t no_run = 0, no_single = 0;
    const uint8_t *hosts[4];
    for (uint32_t group = 0; group < 4; group++) {
        const uint32_t *lo = lanes->lo + group * SG_LANE_GROUP;
        __m512i distance = _mm512_sub_epi32(_mm512_loadu_si512(lo), _mm512_set1_epi32((int)lo[0]));
        no_run |= _mm512_cmpneq_epi32_mask(distance, steps);
        no_single |= _mm512_test_epi32_mask(distance, distance);
        hosts[group] = near->host + (int32_t)(lo[0] - near->lo);
    }
    if (no_run && no_single)
        return false;
    for (uint32_t group = 0; group < 4; group++)
        _mm512_storeu_si512(&raw[0][group * SG_LANE_GROUP],
                            no_run ? _mm512_set1_epi32((int)sg_load32(hosts[group]))
                                   : _mm512_loadu_si512(hosts[group]));
    return true;
}
#endif

/// Loads group by group; inactive lanes get anything.
SG_ALWAYS_INLINE void sg_near_load_groups(const struct sg_near *near, const struct sg_lanes *lanes,
                                          uint32_t bytes, sg_lane_row *raw) {
    for (uint32_t begin = 0; begin < SG_WAVE_LANES; begin += SG_LANE_GROUP) {
        const bool full = ((uint32_t)(lanes->exec >> begin) & 0xffff) == 0xffff;
        const uint32_t *lo = lanes->lo + begin;
        if (full && !sg_group_lo_differs(lo, bytes)) {
            const uint8_t *host = sg_near_host(near, lanes, begin);
            for (uint32_t i = 0; i < SG_LANE_GROUP; i++)
                sg_lane_load(host + i * bytes, bytes, raw, begin + i);
        } else if (full && !sg_group_lo_differs(lo, 0)) {
            sg_lane_load(sg_near_host(near, lanes, begin), bytes, raw, begin);
            sg_lane_broadcast(bytes, raw, begin, begin + 1, begin + SG_LANE_GROUP);
        } else {
            sg_near_gather(near, lanes, begin, bytes, raw);
        }
    }
}

/// Loads from where sg_near_find found the first lane; false as above.
SG_ALWAYS_INLINE bool sg_near_load_found(const struct sg_near *near, const struct sg_lanes *lanes,
                                         uint32_t bytes, sg_lane_row *raw) {
    if (!sg_row_differs(lanes->lo, lanes->mask, near->lo - near->first * bytes, bytes)) {
        const uint8_t *host = sg_near_run(near, bytes);
        /* Application memory may have holes: there, read only what was asked for. */
        if (!host || (near->flags & SG_VM_USERPTR && lanes->exec != UINT64_MAX))
            return false;
        for (uint32_t i = 0; i < SG_WAVE_LANES; i++)
            sg_lane_load(host + i * bytes, bytes, raw, i);
        return true;
    }
    if (!sg_near_window(near, lanes, bytes))
        return false;
    if (!sg_row_differs(lanes->lo, lanes->mask, near->lo, 0)) {
        sg_lane_load(near->host, bytes, raw, 0);
        sg_lane_broadcast(bytes, raw, 0, 1, SG_WAVE_LANES);
        return true;
    }
#if defined(__AVX512F__) && !SG_MEM_RACE_CHECKED
    if (bytes == 4 && lanes->exec == UINT64_MAX && sg_near_load_rows(near, lanes, raw))
        return true;
#endif
    sg_near_load_groups(near, lanes, bytes, raw);
    return true;
}

/// As sg_lanes_load, for lanes that are near. `raw` may be the rows of the addresses: each lane's
/// is read before the lane is written.
SG_ALWAYS_INLINE bool sg_near_load(struct sg_tlb *tlb, const struct sg_lanes *lanes, uint32_t bytes,
                                   sg_lane_row *raw) {
    struct sg_near near;
    return sg_near_find(tlb, lanes, SG_VM_READ, &near) &&
           sg_near_load_found(&near, lanes, bytes, raw);
}

/// Stores to where sg_near_find found the first lane; false as above. Where lanes meet, the highest
/// one wins.
SG_ALWAYS_INLINE bool sg_near_store_found(const struct sg_near *near, const struct sg_lanes *lanes,
                                          uint32_t bytes, const sg_lane_row *rows) {
    if (lanes->exec == UINT64_MAX && !sg_row_differs(lanes->lo, lanes->mask, near->lo, bytes)) {
        uint8_t *host = sg_near_run(near, bytes);
        if (!host)
            return false;
        for (uint32_t i = 0; i < SG_WAVE_LANES; i++)
            sg_lane_store(host + i * bytes, bytes, rows, i);
        return true;
    }
    if (!sg_near_window(near, lanes, bytes))
        return false;
    for (uint32_t begin = 0; begin < SG_WAVE_LANES; begin += SG_LANE_GROUP) {
        uint32_t left = (uint32_t)(lanes->exec >> begin) & 0xffff;
        if (left == 0xffff && !sg_group_lo_differs(lanes->lo + begin, bytes)) {
            uint8_t *host = sg_near_host(near, lanes, begin);
            for (uint32_t i = 0; i < SG_LANE_GROUP; i++)
                sg_lane_store(host + i * bytes, bytes, rows, begin + i);
            continue;
        }
        for (; left; left &= left - 1) {
            uint32_t i = begin + (uint32_t)__builtin_ctz(left);
            sg_lane_store(sg_near_host(near, lanes, i), bytes, rows, i);
        }
    }
    return true;
}

/// As sg_lanes_store. Where lanes meet, the highest one wins.
SG_ALWAYS_INLINE bool sg_near_store(struct sg_tlb *tlb, const struct sg_lanes *lanes,
                                    uint32_t bytes, const sg_lane_row *rows) {
    struct sg_near near;
    return sg_near_find(tlb, lanes, SG_VM_WRITE, &near) &&
           sg_near_store_found(&near, lanes, bytes, rows);
}

#endif
