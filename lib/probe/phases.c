/* SPDX-License-Identifier: MIT */
#include <hsaprobe/dispatch.h>

#include "probe/probe.h"
#include "probe/queue.h"

// ROCr says so where profiling was off; then there is nothing to tell.
static hsp_status add_device_times(const struct hsp_queue *queue, hsa_signal_t completion,
                                   struct hsp_phases *phases) {
    struct hsp_device_times times;
    const hsp_status status = hsp_signal_dispatch_times(completion, queue->agent, &times);
    if (status == HSP_ERROR_NOT_FOUND)
        return HSP_OK;
    if (status != HSP_OK)
        return status;
    phases->start_ns = times.start_ns;
    phases->end_ns = times.end_ns;
    phases->device_error_ns = times.error_ns;
    return HSP_OK;
}

hsp_status hsp_dispatch_time_phases(struct hsp_queue *queue, const struct hsp_dispatch *dispatch,
                                    uint64_t timeout_ns, enum hsp_wait_state state,
                                    struct hsp_phases *out_phases) {
    if (dispatch->completion.handle == 0)
        return hsp_fail(HSP_ERROR_INVALID_ARGUMENT,
                        "the phases of a launch need a completion signal");
    struct hsp_phases phases = {.begin_ns = hsp_clock_ns()};
    uint64_t index = 0;
    hsp_status status = hsp_queue_reserve(queue, 1, timeout_ns, &index);
    if (status != HSP_OK)
        return status;
    phases.reserved_ns = hsp_clock_ns();
    union hsp_packet *slot = hsp_queue_slot(queue, index);
    uint16_t header, setup;
    hsp_dispatch_fill(dispatch, slot, &header, &setup);
    phases.filled_ns = hsp_clock_ns();
    hsp_queue_publish(slot, header, setup);
    phases.published_ns = hsp_clock_ns();
    hsp_queue_ring_doorbell(queue, index);
    phases.rung_ns = hsp_clock_ns();
    status = hsp_dispatch_wait(queue, dispatch->completion, timeout_ns, state);
    phases.seen_ns = hsp_clock_ns();
    if (status == HSP_OK)
        status = add_device_times(queue, dispatch->completion, &phases);
    if (status == HSP_OK)
        *out_phases = phases;
    return status;
}
