/* SPDX-License-Identifier: MIT */
/// 64-lane loads and stores: addresses are sorted into a pattern once, then moved as vectors.
///
/// Included by sources that are compiled once per interpreter level: the loops are written so that
/// the compiler vectorizes them, and only the gather of a level that has one is spelt out.
/// The patterns, cheapest first: consecutive (lane i at start + i * bytes), uniform (one address),
/// offsets from one host base (with 16-lane groups looked at again), and addresses that no single
/// interval covers, which are served lane by lane.
#ifndef SG_MEM_LANES_H
#define SG_MEM_LANES_H

#include "softgpu/mem/access.h"

#if defined(__AVX2__)
#    include <immintrin.h>
#endif

#define SG_ALWAYS_INLINE static inline __attribute__((always_inline))
/// One copy per source file: large, and called from many places.
#define SG_SHARED static __attribute__((noinline, unused))

enum { SG_WAVE_LANES = 64, SG_LANE_GROUP = 16 };

typedef uint32_t sg_lane_row[SG_WAVE_LANES];

/// 64 GPU addresses: base + lo[i], plus hi[i] << 32 where hi is given (then base adds with carry).
struct sg_lanes {
    uint64_t base;
    const uint32_t *lo;
    const uint32_t *hi;   ///< NULL: lo is an unsigned 32-bit offset from base
    uint64_t exec;        ///< active lanes, never 0
    const uint32_t *mask; ///< the same, one word (0 or ~0) per lane
};

enum sg_pattern {
    SG_PATTERN_CONSECUTIVE,
    SG_PATTERN_UNIFORM,
    SG_PATTERN_OFFSETS,
    SG_PATTERN_LANES
};

/// Where the active lanes' bytes are on the host.
struct sg_place {
    enum sg_pattern pattern;
    bool whole;    ///< CONSECUTIVE: inactive lanes' bytes may be read too
    uint8_t *host; ///< of lane 0 (CONSECUTIVE), of all (UNIFORM), of offset 0 (OFFSETS)
    uint64_t exec;
    const uint32_t *mask;
    uint32_t offset[SG_WAVE_LANES]; ///< OFFSETS: below 2^31; 0 in inactive lanes
};

static inline uint64_t sg_lane_va(const struct sg_lanes *lanes, uint32_t lane) {
    uint64_t va = lanes->base + lanes->lo[lane];
    return lanes->hi ? va + ((uint64_t)lanes->hi[lane] << 32) : va;
}

static inline uint32_t sg_first_lane(uint64_t exec) {
    return (uint32_t)__builtin_ctzll(exec);
}
static inline uint32_t sg_last_lane(uint64_t exec) {
    return 63u - (uint32_t)__builtin_clzll(exec);
}

/// Expands a lane mask.
static inline void sg_expand_mask(uint64_t exec, uint32_t *mask) {
    for (uint32_t i = 0; i < SG_WAVE_LANES; i++)
        mask[i] = 0u - (uint32_t)(exec >> i & 1);
}

/// True unless row[i] == start + i * step in all lanes of the mask; NULL: in all lanes.
static inline bool sg_row_differs(const uint32_t *row, const uint32_t *mask, uint32_t start,
                                  uint32_t step) {
#if defined(__AVX512F__)
    const __m512i index = _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
    __m512i expected = _mm512_add_epi32(_mm512_set1_epi32((int)start),
                                        _mm512_mullo_epi32(index, _mm512_set1_epi32((int)step)));
    __m512i differs = _mm512_setzero_si512();
    for (uint32_t i = 0; i < SG_WAVE_LANES; i += SG_LANE_GROUP) {
        __m512i wrong = _mm512_xor_si512(_mm512_loadu_si512(row + i), expected);
        if (mask)
            wrong = _mm512_and_si512(wrong, _mm512_loadu_si512(mask + i));
        differs = _mm512_or_si512(differs, wrong);
        expected = _mm512_add_epi32(expected, _mm512_set1_epi32((int)(step * SG_LANE_GROUP)));
    }
    return _mm512_test_epi32_mask(differs, differs);
#elif defined(__AVX2__)
    const __m256i index = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
    __m256i expected = _mm256_add_epi32(_mm256_set1_epi32((int)start),
                                        _mm256_mullo_epi32(index, _mm256_set1_epi32((int)step)));
    __m256i differs = _mm256_setzero_si256();
    for (uint32_t i = 0; i < SG_WAVE_LANES; i += 8) {
        __m256i wrong = _mm256_xor_si256(_mm256_loadu_si256((const void *)(row + i)), expected);
        if (mask)
            wrong = _mm256_and_si256(wrong, _mm256_loadu_si256((const void *)(mask + i)));
        differs = _mm256_or_si256(differs, wrong);
        expected = _mm256_add_epi32(expected, _mm256_set1_epi32((int)(step * 8)));
    }
    return !_mm256_testz_si256(differs, differs);
#else
    uint32_t differs = 0;
    for (uint32_t i = 0; i < SG_WAVE_LANES; i++)
        differs |= (row[i] - (start + i * step)) & (mask ? mask[i] : ~0u);
    return differs;
#endif
}

/// Fills *place if `entry` holds [low, high) with `need`.
static inline bool sg_place_in(const struct sg_tlb_entry *entry, uint64_t low, uint64_t high,
                               uint32_t need) {
    return entry && low - entry->va < entry->bytes &&
           high - low <= entry->bytes - (low - entry->va) && (entry->flags & need) == need;
}

/// True if the active lanes' addresses follow each other. One branch: this is what most code does.
static inline bool sg_is_consecutive(const struct sg_lanes *lanes, uint32_t bytes) {
    uint32_t first = sg_first_lane(lanes->exec);
    bool far = lanes->hi && sg_row_differs(lanes->hi, lanes->mask, lanes->hi[first], 0);
    uint32_t start = lanes->lo[first] - first * bytes;
    return !(far | sg_row_differs(lanes->lo, lanes->mask, start, bytes));
}

static inline bool sg_place_consecutive(struct sg_tlb *tlb, const struct sg_lanes *lanes,
                                        uint32_t bytes, uint32_t need, struct sg_place *place) {
    uint32_t first = sg_first_lane(lanes->exec);
    uint64_t low = sg_lane_va(lanes, first);
    /* Below `low` where the low words wrap. */
    uint64_t high = sg_lane_va(lanes, sg_last_lane(lanes->exec)) + bytes;
    const struct sg_tlb_entry *entry = sg_tlb_find(tlb, low);
    if (!sg_place_in(entry, low, high, need))
        return false;
    uint64_t lane0 = low - (uint64_t)first * bytes;
    place->pattern = SG_PATTERN_CONSECUTIVE;
    /* Application memory may have holes: there, read only what was asked for. */
    place->whole = sg_place_in(entry, lane0, lane0 + SG_WAVE_LANES * bytes, need) &&
                   !(entry->flags & SG_VM_USERPTR);
    place->host = sg_tlb_host(entry, lane0);
    return true;
}

static inline bool sg_place_offsets(struct sg_tlb *tlb, const struct sg_lanes *lanes,
                                    uint32_t bytes, uint32_t need, struct sg_place *place) {
    uint32_t low_word = UINT32_MAX;
    uint32_t high_word = 0;
    for (uint32_t i = 0; i < SG_WAVE_LANES; i++) {
        uint32_t lifted = lanes->lo[i] | ~lanes->mask[i];
        uint32_t masked = lanes->lo[i] & lanes->mask[i];
        low_word = lifted < low_word ? lifted : low_word;
        high_word = masked > high_word ? masked : high_word;
    }
    uint32_t first = sg_first_lane(lanes->exec);
    uint64_t base = sg_lane_va(lanes, first) - lanes->lo[first];
    uint64_t low = base + low_word;
    uint64_t span = (uint64_t)high_word - low_word + bytes;
    if (span > INT32_MAX)
        return false;
    const struct sg_tlb_entry *entry = sg_tlb_find(tlb, low);
    if (!sg_place_in(entry, low, low + span, need))
        return false;
    place->host = sg_tlb_host(entry, low);
    for (uint32_t i = 0; i < SG_WAVE_LANES; i++)
        place->offset[i] = (lanes->lo[i] - low_word) & lanes->mask[i];
    place->pattern = low_word == high_word ? SG_PATTERN_UNIFORM : SG_PATTERN_OFFSETS;
    return true;
}

/// As sg_place_offsets, where the high words differ: a buffer across a 4 GiB boundary.
static inline bool sg_place_far(struct sg_tlb *tlb, const struct sg_lanes *lanes, uint32_t bytes,
                                uint32_t need, struct sg_place *place) {
    uint64_t low = UINT64_MAX;
    uint64_t high = 0;
    for (uint64_t left = lanes->exec; left; left &= left - 1) {
        uint64_t va = sg_lane_va(lanes, sg_first_lane(left));
        low = va < low ? va : low;
        high = va > high ? va : high;
    }
    if (high - low > INT32_MAX - (uint64_t)bytes)
        return false;
    const struct sg_tlb_entry *entry = sg_tlb_find(tlb, low);
    if (!sg_place_in(entry, low, high + bytes, need))
        return false;
    place->host = sg_tlb_host(entry, low);
    for (uint32_t i = 0; i < SG_WAVE_LANES; i++)
        place->offset[i] = (uint32_t)(sg_lane_va(lanes, i) - low) & lanes->mask[i];
    place->pattern = SG_PATTERN_OFFSETS;
    return true;
}

/// Checks every active lane by itself, in order. Returns false with *fault at the lowest that
/// fails.
static inline bool sg_lanes_check(struct sg_tlb *tlb, const struct sg_lanes *lanes, uint32_t bytes,
                                  uint32_t need, struct sg_access_fault *fault) {
    for (uint64_t left = lanes->exec; left; left &= left - 1) {
        fault->lane = sg_first_lane(left);
        if (!sg_access_check(tlb, sg_lane_va(lanes, fault->lane), bytes, need, fault))
            return false;
    }
    return true;
}

/// Sorts out `bytes` at each active lane's address. Returns false with *fault filled when a lane
/// may not access its bytes; then none may be accessed.
SG_SHARED bool sg_place_lanes(struct sg_tlb *tlb, const struct sg_lanes *lanes, uint32_t bytes,
                              uint32_t need, struct sg_place *place,
                              struct sg_access_fault *fault) {
    place->exec = lanes->exec;
    place->mask = lanes->mask;
    if (sg_is_consecutive(lanes, bytes) && sg_place_consecutive(tlb, lanes, bytes, need, place))
        return true;
    bool near = !lanes->hi ||
                !sg_row_differs(lanes->hi, lanes->mask, lanes->hi[sg_first_lane(lanes->exec)], 0);
    if (near ? sg_place_offsets(tlb, lanes, bytes, need, place)
             : sg_place_far(tlb, lanes, bytes, need, place))
        return true;
    place->pattern = SG_PATTERN_LANES;
    return sg_lanes_check(tlb, lanes, bytes, need, fault);
}

/// One lane's access; `bytes` (1, 2, 4, 8, 12, 16) is a constant where this is inlined.
SG_ALWAYS_INLINE void sg_lane_load(const uint8_t *from, uint32_t bytes, sg_lane_row *raw,
                                   uint32_t lane) {
    if (bytes == 1) {
        raw[0][lane] = sg_load8(from);
    } else if (bytes == 2) {
        raw[0][lane] = sg_load16(from);
    } else if (bytes == 4 || bytes == 12) {
        for (uint32_t k = 0; k < bytes / 4; k++)
            raw[k][lane] = sg_load32(from + 4 * k);
    } else {
        for (uint32_t k = 0; k < bytes / 4; k += 2) {
            uint64_t value = sg_load64(from + 4 * k);
            raw[k][lane] = (uint32_t)value;
            raw[k + 1][lane] = (uint32_t)(value >> 32);
        }
    }
}

SG_ALWAYS_INLINE void sg_lane_store(uint8_t *to, uint32_t bytes, const sg_lane_row *rows,
                                    uint32_t lane) {
    if (bytes == 1) {
        sg_store8(to, (uint8_t)rows[0][lane]);
    } else if (bytes == 2) {
        sg_store16(to, (uint16_t)rows[0][lane]);
    } else if (bytes == 4 || bytes == 12) {
        for (uint32_t k = 0; k < bytes / 4; k++)
            sg_store32(to + 4 * k, rows[k][lane]);
    } else {
        for (uint32_t k = 0; k < bytes / 4; k += 2)
            sg_store64(to + 4 * k, (uint64_t)rows[k + 1][lane] << 32 | rows[k][lane]);
    }
}

/// Copies lane `from` of the raw rows to lanes [begin, end).
SG_ALWAYS_INLINE void sg_lane_broadcast(uint32_t bytes, sg_lane_row *raw, uint32_t from,
                                        uint32_t begin, uint32_t end) {
    for (uint32_t k = 0; k < (bytes + 3) / 4; k++) {
        uint32_t value = raw[k][from];
        for (uint32_t i = begin; i < end; i++)
            raw[k][i] = value;
    }
}

static inline uint32_t sg_group_exec(const struct sg_place *place, uint32_t begin) {
    return (uint32_t)(place->exec >> begin) & ((1u << SG_LANE_GROUP) - 1);
}

/// True unless the group's offsets are offset[begin] + i * step in all its lanes.
static inline bool sg_group_differs(const struct sg_place *place, uint32_t begin, uint32_t step) {
#if defined(__AVX512F__)
    const __m512i index = _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
    __m512i expected = _mm512_add_epi32(_mm512_set1_epi32((int)place->offset[begin]),
                                        _mm512_mullo_epi32(index, _mm512_set1_epi32((int)step)));
    __m512i offsets = _mm512_loadu_si512(&place->offset[begin]);
    return _mm512_cmpneq_epi32_mask(offsets, expected);
#else
    uint32_t differs = 0;
    for (uint32_t i = 0; i < SG_LANE_GROUP; i++)
        differs |= place->offset[begin + i] - (place->offset[begin] + i * step);
    return differs;
#endif
}

/// Loads one group of 16 lanes whose offsets follow no pattern.
SG_ALWAYS_INLINE void sg_group_gather(const struct sg_place *place, uint32_t begin, uint32_t bytes,
                                      sg_lane_row *raw) {
#if defined(__AVX512F__) && !SG_MEM_RACE_CHECKED
    if (bytes == 4) {
        __m512i offsets = _mm512_loadu_si512(&place->offset[begin]);
        _mm512_storeu_si512(&raw[0][begin], _mm512_i32gather_epi32(offsets, place->host, 1));
        return;
    }
#endif
    for (uint32_t i = begin; i < begin + SG_LANE_GROUP; i++)
        sg_lane_load(place->host + place->offset[i], bytes, raw, i);
}

/// raw[k][i] = dword k of lane i's bytes, zero-extended. Inactive lanes get anything: their offset
/// is 0, which is some active lane's address.
SG_ALWAYS_INLINE void sg_place_load(const struct sg_place *place, uint32_t bytes,
                                    sg_lane_row *raw) {
    if (place->pattern == SG_PATTERN_CONSECUTIVE && place->whole) {
        for (uint32_t i = 0; i < SG_WAVE_LANES; i++)
            sg_lane_load(place->host + i * bytes, bytes, raw, i);
    } else if (place->pattern == SG_PATTERN_CONSECUTIVE) {
        for (uint64_t left = place->exec; left; left &= left - 1) {
            uint32_t i = sg_first_lane(left);
            sg_lane_load(place->host + i * bytes, bytes, raw, i);
        }
    } else if (place->pattern == SG_PATTERN_UNIFORM) {
        sg_lane_load(place->host, bytes, raw, 0);
        sg_lane_broadcast(bytes, raw, 0, 1, SG_WAVE_LANES);
    } else {
        for (uint32_t begin = 0; begin < SG_WAVE_LANES; begin += SG_LANE_GROUP) {
            const uint8_t *host = place->host + place->offset[begin];
            bool full = sg_group_exec(place, begin) == (1u << SG_LANE_GROUP) - 1;
            if (full && !sg_group_differs(place, begin, bytes)) {
                for (uint32_t i = 0; i < SG_LANE_GROUP; i++)
                    sg_lane_load(host + i * bytes, bytes, raw, begin + i);
            } else if (full && !sg_group_differs(place, begin, 0)) {
                sg_lane_load(host, bytes, raw, begin);
                sg_lane_broadcast(bytes, raw, begin, begin + 1, begin + SG_LANE_GROUP);
            } else {
                sg_group_gather(place, begin, bytes, raw);
            }
        }
    }
}

/// Stores the low `bytes` of each active lane's rows. Where lanes meet, the highest one wins.
SG_ALWAYS_INLINE void sg_place_store(const struct sg_place *place, uint32_t bytes,
                                     const sg_lane_row *rows) {
    if (place->pattern == SG_PATTERN_CONSECUTIVE && place->exec == UINT64_MAX) {
        for (uint32_t i = 0; i < SG_WAVE_LANES; i++)
            sg_lane_store(place->host + i * bytes, bytes, rows, i);
    } else if (place->pattern == SG_PATTERN_CONSECUTIVE) {
        for (uint32_t i = 0; i < SG_WAVE_LANES; i++)
            if (place->mask[i])
                sg_lane_store(place->host + i * bytes, bytes, rows, i);
    } else if (place->pattern == SG_PATTERN_UNIFORM) {
        sg_lane_store(place->host, bytes, rows, sg_last_lane(place->exec));
    } else {
        for (uint32_t begin = 0; begin < SG_WAVE_LANES; begin += SG_LANE_GROUP) {
            uint8_t *host = place->host + place->offset[begin];
            uint32_t left = sg_group_exec(place, begin);
            if (left == (1u << SG_LANE_GROUP) - 1 && !sg_group_differs(place, begin, bytes)) {
                for (uint32_t i = 0; i < SG_LANE_GROUP; i++)
                    sg_lane_store(host + i * bytes, bytes, rows, begin + i);
                continue;
            }
            for (; left; left &= left - 1) {
                uint32_t i = begin + (uint32_t)__builtin_ctz(left);
                sg_lane_store(place->host + place->offset[i], bytes, rows, i);
            }
        }
    }
}

/// Loads lane by lane, across intervals: what SG_PATTERN_LANES asks for.
SG_SHARED bool sg_lanes_load_each(struct sg_tlb *tlb, const struct sg_lanes *lanes, uint32_t bytes,
                                  sg_lane_row *raw, struct sg_access_fault *fault) {
    for (uint64_t left = lanes->exec; left; left &= left - 1) {
        uint32_t lane = sg_first_lane(left);
        uint32_t words[4] = {0};
        fault->lane = lane;
        if (!sg_access_read(tlb, sg_lane_va(lanes, lane), words, bytes, fault))
            return false;
        for (uint32_t k = 0; k < (bytes + 3) / 4; k++)
            raw[k][lane] = words[k];
    }
    return true;
}

SG_SHARED bool sg_lanes_store_each(struct sg_tlb *tlb, const struct sg_lanes *lanes, uint32_t bytes,
                                   const sg_lane_row *rows, struct sg_access_fault *fault) {
    for (uint64_t left = lanes->exec; left; left &= left - 1) {
        uint32_t lane = sg_first_lane(left);
        uint32_t words[4] = {0};
        for (uint32_t k = 0; k < (bytes + 3) / 4; k++)
            words[k] = rows[k][lane];
        fault->lane = lane;
        if (!sg_access_write(tlb, sg_lane_va(lanes, lane), words, bytes, fault))
            return false;
    }
    return true;
}

/// Loads `bytes` of each active lane into the raw rows, as sg_place_load. Returns false with *fault
/// filled. `bytes` should be a constant.
SG_ALWAYS_INLINE bool sg_lanes_load(struct sg_tlb *tlb, const struct sg_lanes *lanes,
                                    uint32_t bytes, sg_lane_row *raw,
                                    struct sg_access_fault *fault) {
    struct sg_place place;
    if (!sg_place_lanes(tlb, lanes, bytes, SG_VM_READ, &place, fault))
        return false;
    if (place.pattern == SG_PATTERN_LANES)
        return sg_lanes_load_each(tlb, lanes, bytes, raw, fault);
    sg_place_load(&place, bytes, raw);
    return true;
}

/// Stores the low `bytes` of each active lane's rows. Returns false with *fault filled, and then
/// nothing was stored.
SG_ALWAYS_INLINE bool sg_lanes_store(struct sg_tlb *tlb, const struct sg_lanes *lanes,
                                     uint32_t bytes, const sg_lane_row *rows,
                                     struct sg_access_fault *fault) {
    struct sg_place place;
    if (!sg_place_lanes(tlb, lanes, bytes, SG_VM_WRITE, &place, fault))
        return false;
    if (place.pattern == SG_PATTERN_LANES)
        return sg_lanes_store_each(tlb, lanes, bytes, rows, fault);
    sg_place_store(&place, bytes, rows);
    return true;
}

#endif
