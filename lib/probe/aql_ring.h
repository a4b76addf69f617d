/* SPDX-License-Identifier: MIT */
/// The ring writer: reserving and publishing slots of an AQL ring, on plain memory.
///
/// Knows nothing of HSA or doorbells, so that it is tested without a runtime. The packet processor
/// reads packets whose header isn't INVALID, sets the header to INVALID and then advances the read
/// index; a slot behind the read index is therefore free for writing.
///
/// Thread safety: multi-producer unless `is_single`.
#ifndef HSP_PROBE_AQL_RING_H
#define HSP_PROBE_AQL_RING_H

#include <hsaprobe/queue.h>

struct hsp_aql_ring {
    union hsp_packet *packets;  ///< unowned; `count` slots
    uint64_t *write_index;      ///< unowned; packets reserved
    const uint64_t *read_index; ///< unowned; packets consumed
    uint64_t read_seen;         ///< a value that *read_index had: saves reading the shared line
    uint32_t count;             ///< a power of two
    bool is_single;             ///< one producer: no locked instruction
};

/// True, and the first of `count` consecutive packets, when there is room now.
static inline bool hsp_aql_ring_try_reserve(struct hsp_aql_ring *ring, uint32_t count,
                                            uint64_t *out_first) {
    uint64_t first = __atomic_load_n(ring->write_index, __ATOMIC_RELAXED);
    for (;;) {
        uint64_t read = __atomic_load_n(&ring->read_seen, __ATOMIC_ACQUIRE);
        // first may be older than read_seen where another producer reserved meanwhile; the
        // difference is then negative, and the exchange below fails.
        if ((int64_t)(first + count - read) > (int64_t)ring->count) {
            // Acquire: the slots' contents were read before the index moved past them. Release for
            // the other producers that trust the copy.
            read = __atomic_load_n(ring->read_index, __ATOMIC_ACQUIRE);
            __atomic_store_n(&ring->read_seen, read, __ATOMIC_RELEASE);
            if ((int64_t)(first + count - read) > (int64_t)ring->count)
                return false;
        }
        if (ring->is_single) {
            __atomic_store_n(ring->write_index, first + count, __ATOMIC_RELAXED);
            break;
        }
        // Relaxed: a reservation publishes nothing; the header's store does.
        if (__atomic_compare_exchange_n(ring->write_index, &first, first + count, false,
                                        __ATOMIC_RELAXED, __ATOMIC_RELAXED))
            break;
    }
    *out_first = first;
    return true;
}

static inline union hsp_packet *hsp_aql_ring_slot(const struct hsp_aql_ring *ring, uint64_t index) {
    return &ring->packets[index & (ring->count - 1)];
}

/// The one store that makes a slot the packet processor's: release, so that its body is seen first.
static inline void hsp_aql_publish(union hsp_packet *slot, uint16_t header, uint16_t setup) {
    __atomic_store_n(&slot->words[0], (uint32_t)header | (uint32_t)setup << 16, __ATOMIC_RELEASE);
}

#endif
