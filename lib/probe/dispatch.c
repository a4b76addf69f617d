/* SPDX-License-Identifier: MIT */
#include <hsaprobe/dispatch.h>

#include <sched.h>
#include <string.h>

#include "base/clock.h"
#include "probe/probe.h"
#include "probe/queue.h"

#define HEALTH_CHECK_NS 20000000u

void hsp_dispatch_init(struct hsp_dispatch *dispatch, const struct hsp_kernel_code *code,
                       const struct hsp_geometry *geometry, const void *kernarg) {
    *dispatch = (struct hsp_dispatch){
        .kernel_object = code->kernel_object,
        .kernarg = kernarg,
        .geometry = *geometry,
        .group_bytes = code->group_bytes + geometry->dynamic_group_bytes,
        .private_bytes = code->private_bytes,
        .acquire = HSA_FENCE_SCOPE_SYSTEM,
        .release = HSA_FENCE_SCOPE_SYSTEM,
    };
}

void hsp_dispatch_fill(const struct hsp_dispatch *dispatch, union hsp_packet *packet,
                       uint16_t *out_header, uint16_t *out_setup) {
    const struct hsp_geometry *geometry = &dispatch->geometry;
    hsa_kernel_dispatch_packet_t *slot = &packet->dispatch;
    slot->workgroup_size_x = (uint16_t)geometry->workgroup[0];
    slot->workgroup_size_y = (uint16_t)geometry->workgroup[1];
    slot->workgroup_size_z = (uint16_t)geometry->workgroup[2];
    slot->reserved0 = 0;
    slot->grid_size_x = geometry->grid[0];
    slot->grid_size_y = geometry->grid[1];
    slot->grid_size_z = geometry->grid[2];
    slot->private_segment_size = dispatch->private_bytes;
    slot->group_segment_size = dispatch->group_bytes;
    slot->kernel_object = dispatch->kernel_object;
    slot->kernarg_address = (void *)(uintptr_t)dispatch->kernarg;
    slot->reserved2 = 0;
    slot->completion_signal = dispatch->completion;
    *out_header = hsp_packet_header(HSA_PACKET_TYPE_KERNEL_DISPATCH, dispatch->barrier,
                                    dispatch->acquire, dispatch->release);
    *out_setup =
        (uint16_t)(geometry->dimension_count << HSA_KERNEL_DISPATCH_PACKET_SETUP_DIMENSIONS);
}

static hsp_status queue_stopped(const struct hsp_queue *queue) {
    return hsp_fail(HSP_ERROR_QUEUE, "the queue stopped: %s", queue->error_reason);
}

static void fill_and_publish(union hsp_packet *slot, const struct hsp_dispatch *dispatch) {
    uint16_t header, setup;
    hsp_dispatch_fill(dispatch, slot, &header, &setup);
    hsp_aql_publish(slot, header, setup);
}

// As a program would do it with HSA's functions alone: the index is taken first, then room awaited.
static hsp_status submit_hsa(struct hsp_queue *queue, const struct hsp_dispatch *dispatches,
                             uint32_t count, uint64_t *out_first_index) {
    hsa_queue_t *native = queue->native;
    const uint64_t first = HSP_HSA(hsa_queue_add_write_index_scacq_screl)(native, count);
    while (first + count - HSP_HSA(hsa_queue_load_read_index_scacquire)(native) > native->size) {
        if (hsp_queue_error(queue) != HSP_OK)
            return queue_stopped(queue);
        sched_yield();
    }
    union hsp_packet *packets = native->base_address;
    for (uint32_t i = 0; i < count; i++)
        fill_and_publish(&packets[(first + i) & (native->size - 1)], &dispatches[i]);
    HSP_HSA(hsa_signal_store_screlease)(native->doorbell_signal, (int64_t)(first + count - 1));
    *out_first_index = first;
    return HSP_OK;
}

static hsp_status submit_ring(struct hsp_queue *queue, const struct hsp_dispatch *dispatches,
                              uint32_t count, uint64_t *out_first_index) {
    uint64_t first = 0;
    const hsp_status status = hsp_queue_reserve(queue, count, HSP_WAIT_FOREVER, &first);
    if (status != HSP_OK)
        return status;
    for (uint32_t i = 0; i < count; i++)
        fill_and_publish(hsp_aql_ring_slot(&queue->ring, first + i), &dispatches[i]);
    hsp_queue_ring_doorbell(queue, first + count - 1);
    *out_first_index = first;
    return HSP_OK;
}

hsp_status hsp_dispatch_submit(struct hsp_queue *queue, enum hsp_submit submit,
                               const struct hsp_dispatch *dispatches, uint32_t count,
                               uint64_t *out_first_index) {
    if (count == 0 || count > queue->ring.count)
        return hsp_fail(HSP_ERROR_INVALID_ARGUMENT,
                        "cannot submit %u dispatches at once: the queue has %u packets", count,
                        queue->ring.count);
    uint64_t first = 0;
    const hsp_status status = submit == HSP_SUBMIT_RING
                                  ? submit_ring(queue, dispatches, count, &first)
                                  : submit_hsa(queue, dispatches, count, &first);
    if (status == HSP_OK && out_first_index)
        *out_first_index = first;
    return status;
}

hsp_status hsp_dispatch_wait(const struct hsp_queue *queue, hsa_signal_t completion,
                             uint64_t timeout_ns, enum hsp_wait_state state) {
    const bool forever = timeout_ns == HSP_WAIT_FOREVER;
    uint64_t left_ns = timeout_ns;
    for (;;) {
        const uint64_t slice_ns = left_ns < HEALTH_CHECK_NS ? left_ns : HEALTH_CHECK_NS;
        const hsp_status status =
            hsp_signal_wait(completion, HSP_CONDITION_LT, 1, slice_ns, state, NULL);
        if (status != HSP_ERROR_TIMEOUT)
            return status;
        if (hsp_queue_error(queue) != HSP_OK)
            return queue_stopped(queue);
        if (!forever && (left_ns -= slice_ns) == 0)
            return HSP_ERROR_TIMEOUT;
    }
}
