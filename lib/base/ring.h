/* SPDX-License-Identifier: MIT */
/// Indices of a ring with one producer and one consumer at a time; the caller owns the slots.
///
/// A full ring drops the new record and counts it. Free-running 64-bit indices: slot of index n is
/// n modulo the capacity.
///
/// Ordering: commit is a release store of `head`, so a consumer that reads head with acquire sees
/// the records; consume is a release store of `tail`, so the producer overwrites only what the
/// consumer has finished reading.
#ifndef HSP_BASE_RING_H
#define HSP_BASE_RING_H

#include <stdbool.h>
#include <stdint.h>

struct hsp_ring {
    uint64_t capacity; ///< a power of two
    uint64_t head;     ///< next index to be written; the producer's
    uint64_t tail;     ///< next index to be read; the consumer's
    uint64_t dropped;  ///< the producer's
};

/// Producer: true and the slot to fill, or false when full (counted as dropped).
static inline bool hsp_ring_claim(struct hsp_ring *ring, uint64_t *out_slot) {
    const uint64_t tail = __atomic_load_n(&ring->tail, __ATOMIC_ACQUIRE);
    if (ring->head - tail >= ring->capacity) {
        __atomic_store_n(&ring->dropped, ring->dropped + 1, __ATOMIC_RELAXED);
        return false;
    }
    *out_slot = ring->head & (ring->capacity - 1);
    return true;
}

/// Producer: makes the claimed slot visible.
static inline void hsp_ring_commit(struct hsp_ring *ring) {
    __atomic_store_n(&ring->head, ring->head + 1, __ATOMIC_RELEASE);
}

/// Consumer: records from *out_first up to and without the value returned are readable.
static inline uint64_t hsp_ring_readable(const struct hsp_ring *ring, uint64_t *out_first) {
    *out_first = ring->tail;
    return __atomic_load_n(&ring->head, __ATOMIC_ACQUIRE);
}

/// Consumer: gives the slots up to and without `end` back.
static inline void hsp_ring_consume(struct hsp_ring *ring, uint64_t end) {
    __atomic_store_n(&ring->tail, end, __ATOMIC_RELEASE);
}

#endif
