/* SPDX-License-Identifier: MIT */
/// A compute queue for AQL packets made by ioctls alone, for gfx9.
///
/// Thread safety: one producer.
#ifndef HSP_MEASURE_KFD_QUEUE_H
#define HSP_MEASURE_KFD_QUEUE_H

#include "abi/queue.h"
#include "abi/signal.h"
#include "measure/kfd.h"

struct hsp_kfd_queue {
    struct hsp_kfd_memory ring;   ///< packets of 64 bytes
    struct hsp_kfd_memory shared; ///< page of the queue's indices
    struct hsp_kfd_memory eop;
    struct hsp_kfd_memory save_area;
    struct abi_queue *queue; ///< in `shared`
    uint32_t packet_count;
    uint32_t queue_id;
    void *doorbells; ///< mapped page
    size_t doorbells_bytes;
    volatile uint64_t *doorbell;
};

/// `packet_count`: a power of two, at least 64. 0 or a negative errno: -ENOTSUP for another
/// generation. On failure *out_queue needs hsp_kfd_queue_fini too.
int hsp_kfd_queue_init(const struct hsp_kfd *kfd, uint32_t packet_count,
                       struct hsp_kfd_queue *out_queue);
/// Accepts a zeroed one.
void hsp_kfd_queue_fini(const struct hsp_kfd *kfd, struct hsp_kfd_queue *queue);

#endif
