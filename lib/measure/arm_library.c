/* SPDX-License-Identifier: MIT */
/* The library's own submission by HSA's functions, as it is and with its wrappers recording. */
#include <hsaprobe/record.h>
#include <hsaprobe/runtime.h>

#include "measure/arm_state.h"

static int library_launch(void *opaque) {
    struct hsp_arm_state *state = opaque;
    uint64_t unused_index;
    state->dispatch.kernarg = hsp_arm_state_kernarg(state);
    hsp_status status =
        hsp_dispatch_submit(state->queue, HSP_SUBMIT_HSA, &state->dispatch, 1, &unused_index);
    return status ? hsp_arm_state_fail(state, status) : 0;
}

static int record(void *opaque) {
    hsp_status status = hsp_runtime_set_wrapper_mode(HSP_WRAPPER_RECORD);
    return status ? hsp_arm_state_fail(opaque, status) : 0;
}

/* The ring of events never gets full, so dropping one is not what is timed. */
static void forget(void *opaque) {
    (void)opaque;
    (void)hsp_runtime_set_wrapper_mode(HSP_WRAPPER_OFF);
    hsp_record_clear();
}

static const struct hsp_arm_ops library_ops = {.launch = library_launch,
                                               .wait = hsp_arm_state_wait,
                                               .error = hsp_arm_state_error,
                                               .destroy = hsp_arm_state_destroy};
static const struct hsp_arm_ops recording_ops = {.launch = library_launch,
                                                 .wait = hsp_arm_state_wait,
                                                 .error = hsp_arm_state_error,
                                                 .destroy = hsp_arm_state_destroy,
                                                 .enter = record,
                                                 .leave = forget};

/* hsp_dispatch_submit makes the header from the dispatch. */
static hsp_status create(const char *name, const struct hsp_arm_ops *ops,
                         const struct hsp_arm_case *launch, struct hsp_arm *out_arm) {
    struct hsp_arm_state *state;
    hsp_status status = hsp_arm_state_create(launch, NULL, &state);
    if (status)
        return status;
    state->dispatch.barrier = launch->header >> HSA_PACKET_HEADER_BARRIER & 1;
    state->dispatch.acquire =
        (hsa_fence_scope_t)(launch->header >> HSA_PACKET_HEADER_SCACQUIRE_FENCE_SCOPE & 3);
    state->dispatch.release =
        (hsa_fence_scope_t)(launch->header >> HSA_PACKET_HEADER_SCRELEASE_FENCE_SCOPE & 3);
    *out_arm = (struct hsp_arm){.name = name, .ops = ops, .state = state};
    return HSP_OK;
}

hsp_status hsp_arm_library_create(const struct hsp_arm_case *launch, struct hsp_arm *out_arm) {
    return create("library", &library_ops, launch, out_arm);
}

hsp_status hsp_arm_recording_create(const struct hsp_arm_case *launch, struct hsp_arm *out_arm) {
    return create("recording", &recording_ops, launch, out_arm);
}
