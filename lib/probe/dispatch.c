/* SPDX-License-Identifier: MIT */
#include <hsaprobe/dispatch.h>

#include "base/clock.h"
#include "probe/submit.h"

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

static void fill_dispatch(const void *items, uint32_t index, union hsp_packet *slot,
                          uint16_t *out_header, uint16_t *out_setup) {
    hsp_dispatch_fill(&((const struct hsp_dispatch *)items)[index], slot, out_header, out_setup);
}

hsp_status hsp_dispatch_submit(struct hsp_queue *queue, enum hsp_submit submit,
                               const struct hsp_dispatch *dispatches, uint32_t count,
                               uint64_t *out_first_index) {
    return hsp_submit_packets(queue, submit, fill_dispatch, dispatches, count, out_first_index);
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
            return hsp_queue_stopped(queue);
        if (!forever && (left_ns -= slice_ns) == 0)
            return HSP_ERROR_TIMEOUT;
    }
}
