/* SPDX-License-Identifier: MIT */
#include "measure/arm_state.h"

static int ring_launch(void *opaque) {
    struct hsp_arm_state *state = opaque;
    uint64_t index;
    hsp_status status = hsp_queue_reserve(state->queue, 1, HSP_WAIT_FOREVER, &index);
    if (status)
        return hsp_arm_state_fail(state, status);
    union hsp_packet *slot = hsp_queue_slot(state->queue, index);
    uint16_t unused_header;
    uint16_t setup;
    state->dispatch.kernarg = hsp_arm_state_kernarg(state);
    hsp_dispatch_fill(&state->dispatch, slot, &unused_header, &setup);
    hsp_queue_publish(slot, state->header, setup);
    hsp_queue_ring_doorbell(state->queue, index);
    return 0;
}

static int ring_wait(void *opaque) {
    struct hsp_arm_state *state = opaque;
    uint64_t index;
    hsp_signal_silent_store_relaxed(state->done, 1);
    hsp_status status = hsp_queue_reserve(state->queue, 1, HSP_WAIT_FOREVER, &index);
    if (status)
        return hsp_arm_state_fail(state, status);
    union hsp_packet *slot = hsp_queue_slot(state->queue, index);
    for (int i = 1; i < 16; i++)
        slot->words[i] = 0;
    slot->barrier_and.completion_signal = state->done;
    hsp_queue_publish(slot, hsp_arm_barrier_header(), 0);
    hsp_queue_ring_doorbell(state->queue, index);
    return hsp_arm_state_wait_done(state);
}

hsp_status hsp_arm_ring_create(const struct hsp_arm_case *launch, struct hsp_arm *out_arm) {
    static const struct hsp_arm_ops ops = {.launch = ring_launch,
                                           .wait = ring_wait,
                                           .error = hsp_arm_state_error,
                                           .destroy = hsp_arm_state_destroy};
    struct hsp_arm_state *state;
    hsp_status status = hsp_arm_state_create(launch, &state);
    if (status)
        return status;
    *out_arm = (struct hsp_arm){.name = "ring", .ops = &ops, .state = state};
    return HSP_OK;
}
