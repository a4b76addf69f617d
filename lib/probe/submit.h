/* SPDX-License-Identifier: MIT */
/// Both ways to submit a batch of packets, for any kind of packet.
///
/// Inlined into each caller, so that filling a packet costs no indirect call.
#ifndef HSP_PROBE_SUBMIT_H
#define HSP_PROBE_SUBMIT_H

#include <hsaprobe/dispatch.h>

#include <sched.h>

#include "probe/probe.h"
#include "probe/queue.h"

/// Fills the slot from the index-th of `items` but for the first four bytes.
typedef void (*hsp_submit_fill)(const void *items, uint32_t index, union hsp_packet *slot,
                                uint16_t *out_header, uint16_t *out_setup);

static inline void hsp_submit_one(hsp_submit_fill fill, const void *items, uint32_t index,
                                  union hsp_packet *slot) {
    uint16_t header, setup;
    fill(items, index, slot, &header, &setup);
    hsp_aql_publish(slot, header, setup);
}

// As a program would do it with HSA's functions alone: the index is taken first, then room awaited.
static inline hsp_status hsp_submit_hsa(struct hsp_queue *queue, hsp_submit_fill fill,
                                        const void *items, uint32_t count, uint64_t *out_first) {
    hsa_queue_t *native = queue->native;
    const uint64_t first = HSP_HSA(hsa_queue_add_write_index_scacq_screl)(native, count);
    while (first + count - HSP_HSA(hsa_queue_load_read_index_scacquire)(native) > native->size) {
        if (hsp_queue_error(queue) != HSP_OK)
            return hsp_queue_stopped(queue);
        sched_yield();
    }
    union hsp_packet *packets = native->base_address;
    for (uint32_t i = 0; i < count; i++)
        hsp_submit_one(fill, items, i, &packets[(first + i) & (native->size - 1)]);
    HSP_HSA(hsa_signal_store_screlease)(native->doorbell_signal, (int64_t)(first + count - 1));
    *out_first = first;
    return HSP_OK;
}

static inline hsp_status hsp_submit_ring(struct hsp_queue *queue, hsp_submit_fill fill,
                                         const void *items, uint32_t count, uint64_t *out_first) {
    uint64_t first = 0;
    const hsp_status status = hsp_queue_reserve(queue, count, HSP_WAIT_FOREVER, &first);
    if (status != HSP_OK)
        return status;
    // In registers: the stores to the slots could have changed the ring as far as the compiler
    // knows.
    union hsp_packet *const packets = queue->ring.packets;
    const uint64_t mask = queue->ring.count - 1u;
    for (uint32_t i = 0; i < count; i++)
        hsp_submit_one(fill, items, i, &packets[(first + i) & mask]);
    hsp_queue_ring_doorbell(queue, first + count - 1);
    *out_first = first;
    return HSP_OK;
}

/// `out_first_index` may be NULL.
__attribute__((always_inline)) static inline hsp_status
hsp_submit_packets(struct hsp_queue *queue, enum hsp_submit submit, hsp_submit_fill fill,
                   const void *items, uint32_t count, uint64_t *out_first_index) {
    if (count == 0 || count > queue->ring.count)
        return hsp_fail(HSP_ERROR_INVALID_ARGUMENT,
                        "cannot submit %u packets at once: the queue has %u", count,
                        queue->ring.count);
    uint64_t first = 0;
    const hsp_status status = submit == HSP_SUBMIT_RING
                                  ? hsp_submit_ring(queue, fill, items, count, &first)
                                  : hsp_submit_hsa(queue, fill, items, count, &first);
    if (status == HSP_OK && out_first_index)
        *out_first_index = first;
    return status;
}

#endif
