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

/// Where each group of 16 lanes begins, if in every group they follow each other (a run) or if in
/// every group they have one address (a single): what straight code, broadcasts and work-groups of
/// 16 columns do.
struct sg_rows {
    uint8_t *host[SG_WAVE_LANES / SG_LANE_GROUP];
    bool is_single;
};

/// Which of the two: bits of lanes that break a run of `step` bytes, and that break a single.
SG_ALWAYS_INLINE void sg_rows_compare(const uint32_t *lo, uint32_t step, uint32_t *no_run,
                                      uint32_t *no_single) {
    *no_run = *no_single = 0;
#if defined(__AVX512F__)
    const __m512i index = _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
    const __m512i steps = _mm512_mullo_epi32(index, _mm512_set1_epi32((int)step));
    for (uint32_t begin = 0; begin < SG_WAVE_LANES; begin += SG_LANE_GROUP) {
        __m512i first = _mm512_set1_epi32((int)lo[begin]);
        __m512i distance = _mm512_sub_epi32(_mm512_loadu_si512(lo + begin), first);
        *no_run |= _mm512_cmpneq_epi32_mask(distance, steps);
        *no_single |= _mm512_test_epi32_mask(distance, distance);
    }
#elif defined(__AVX2__)
    const __m256i index = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
    const __m256i low = _mm256_mullo_epi32(index, _mm256_set1_epi32((int)step));
    const __m256i high = _mm256_add_epi32(low, _mm256_set1_epi32((int)(8 * step)));
    __m256i runs = _mm256_setzero_si256(), singles = runs;
    for (uint32_t begin = 0; begin < SG_WAVE_LANES; begin += SG_LANE_GROUP) {
        const __m256i first = _mm256_set1_epi32((int)lo[begin]);
        __m256i a = _mm256_sub_epi32(_mm256_loadu_si256((const void *)(lo + begin)), first);
        __m256i b = _mm256_sub_epi32(_mm256_loadu_si256((const void *)(lo + begin + 8)), first);
        singles = _mm256_or_si256(singles, _mm256_or_si256(a, b));
        a = _mm256_xor_si256(a, low);
        b = _mm256_xor_si256(b, high);
        runs = _mm256_or_si256(runs, _mm256_or_si256(a, b));
    }
    *no_run = !_mm256_testz_si256(runs, runs);
    *no_single = !_mm256_testz_si256(singles, singles);
#else
    for (uint32_t begin = 0; begin < SG_WAVE_LANES; begin += SG_LANE_GROUP)
        for (uint32_t i = 0; i < SG_LANE_GROUP; i++) {
            const uint32_t distance = lo[begin + i] - lo[begin];
            *no_run |= distance ^ i * step;
            *no_single |= distance;
        }
#endif
}

/// All 64 lanes, `bytes` each: lane 0's are `start` bytes into an interval of `size` bytes at
/// `host`. False if they do not all lie there in such rows.
SG_ALWAYS_INLINE bool sg_rows_find(const uint32_t *lo, uint32_t bytes, uint8_t *host,
                                   uint64_t start, uint64_t size, struct sg_rows *rows) {
    uint32_t no_run, no_single;
    sg_rows_compare(lo, bytes, &no_run, &no_single);
    if (no_run && no_single)
        return false;
    const uint32_t length = no_run ? bytes : bytes * SG_LANE_GROUP;
    bool wrong = size < length;
    for (uint32_t group = 0; group < SG_WAVE_LANES / SG_LANE_GROUP; group++) {
        const uint32_t word = lo[group * SG_LANE_GROUP];
        const uint64_t at = start + word - lo[0];
        wrong |= at > size - length || word > UINT32_MAX - length;
        rows->host[group] = host + at;
    }
    rows->is_single = no_run != 0;
    return !wrong;
}

/// 16 dwords that follow each other, between a register and memory.
SG_ALWAYS_INLINE void sg_run_copy(void *to, const void *from) {
#if SG_MEM_RACE_CHECKED
    for (uint32_t i = 0; i < SG_LANE_GROUP; i++)
        sg_store32((uint8_t *)to + 4 * i, sg_load32((const uint8_t *)from + 4 * i));
#else
    memcpy(to, from, 4 * SG_LANE_GROUP);
#endif
}

/// Loads all lanes; `raw` may be the rows of the addresses.
SG_ALWAYS_INLINE void sg_rows_load(const struct sg_rows *rows, uint32_t bytes, sg_lane_row *raw) {
    for (uint32_t begin = 0; begin < SG_WAVE_LANES; begin += SG_LANE_GROUP) {
        const uint8_t *from = rows->host[begin / SG_LANE_GROUP];
        if (rows->is_single) {
            sg_lane_load(from, bytes, raw, begin);
            sg_lane_broadcast(bytes, raw, begin, begin + 1, begin + SG_LANE_GROUP);
        } else if (bytes == 4) {
            sg_run_copy(&raw[0][begin], from);
        } else {
            for (uint32_t i = 0; i < SG_LANE_GROUP; i++)
                sg_lane_load(from + i * bytes, bytes, raw, begin + i);
        }
    }
}

/// Stores a dword of all lanes, which must be runs.
SG_ALWAYS_INLINE void sg_rows_store(const struct sg_rows *rows, const sg_lane_row *data) {
    for (uint32_t begin = 0; begin < SG_WAVE_LANES; begin += SG_LANE_GROUP)
        sg_run_copy(rows->host[begin / SG_LANE_GROUP], &data[0][begin]);
}

/// The same for 64 addresses `base` + lo[i] of global memory whose interval, which must allow
/// `need`, is among the recent ones.
SG_ALWAYS_INLINE bool sg_rows_global(const struct sg_tlb *tlb, uint64_t base, const uint32_t *lo,
                                     uint32_t bytes, uint32_t need, struct sg_rows *rows) {
    const uint64_t va = base + lo[0];
    const struct sg_tlb_entry *entry = sg_tlb_peek(tlb, va);
    return entry && (entry->flags & need) == need &&
           sg_rows_find(lo, bytes, (uint8_t *)sg_tlb_host(entry, entry->va), va - entry->va,
                        entry->bytes, rows);
}

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
