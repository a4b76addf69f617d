/* SPDX-License-Identifier: MIT */
/* Our own ring writer, and what differs from it in the packet or the queue. */
#include "measure/arm_state.h"

#define SCRATCH_BYTES 1024

static int ring_launch(void *opaque) {
    struct hsp_arm_state *state = opaque;
    return hsp_arm_state_submit(state, hsp_arm_state_kernarg(state));
}

static const struct hsp_arm_ops ops = {.launch = ring_launch,
                                       .wait = hsp_arm_state_wait,
                                       .error = hsp_arm_state_error,
                                       .destroy = hsp_arm_state_destroy};

static hsp_status create(const char *name, const struct hsp_arm_case *launch,
                         const struct hsp_queue_options *queue_options, struct hsp_arm *out_arm) {
    struct hsp_arm_state *state;
    hsp_status status = hsp_arm_state_create(launch, queue_options, &state);
    if (!status)
        *out_arm = (struct hsp_arm){.name = name, .ops = &ops, .state = state};
    return status;
}

hsp_status hsp_arm_ring_create(const struct hsp_arm_case *launch, struct hsp_arm *out_arm) {
    return create("ring", launch, NULL, out_arm);
}

static hsp_status create_fence(const char *name, const struct hsp_arm_case *launch,
                               hsa_fence_scope_t fence, struct hsp_arm *out_arm) {
    struct hsp_arm_case other = *launch;
    other.header = hsp_arm_header(fence);
    return create(name, &other, NULL, out_arm);
}

hsp_status hsp_arm_fence_none_create(const struct hsp_arm_case *launch, struct hsp_arm *out_arm) {
    return create_fence("fence-none", launch, HSA_FENCE_SCOPE_NONE, out_arm);
}

hsp_status hsp_arm_fence_agent_create(const struct hsp_arm_case *launch, struct hsp_arm *out_arm) {
    return create_fence("fence-agent", launch, HSA_FENCE_SCOPE_AGENT, out_arm);
}

hsp_status hsp_arm_fence_system_create(const struct hsp_arm_case *launch, struct hsp_arm *out_arm) {
    return create_fence("fence-system", launch, HSA_FENCE_SCOPE_SYSTEM, out_arm);
}

/* The packet processor provides what the packet asks for, whether or not the kernel uses it. */
hsp_status hsp_arm_scratch_create(const struct hsp_arm_case *launch, struct hsp_arm *out_arm) {
    const struct hsp_queue_options options = {.size = sizeof options};
    struct hsp_arm arm;
    hsp_status status = create("scratch", launch, &options, &arm);
    if (status)
        return status;
    struct hsp_arm_state *state = arm.state;
    if (state->dispatch.private_bytes < SCRATCH_BYTES)
        state->dispatch.private_bytes = SCRATCH_BYTES;
    *out_arm = arm;
    return HSP_OK;
}

static void pass_on(const union hsp_packet *packets, uint64_t count, uint64_t first_index,
                    struct hsp_packet_writer *writer, void *data) {
    (void)first_index;
    struct hsp_arm_state *state = data;
    hsp_status status = hsp_packet_write(writer, packets, count);
    if (status)
        hsp_arm_state_fail(state, status);
}

hsp_status hsp_arm_intercept_create(const struct hsp_arm_case *launch, struct hsp_arm *out_arm) {
    const struct hsp_queue_options options = {.size = sizeof options, .intercept = true};
    struct hsp_arm arm;
    hsp_status status = create("intercept", launch, &options, &arm);
    if (status)
        return status;
    struct hsp_arm_state *state = arm.state;
    status = hsp_queue_intercept(state->queue, pass_on, state);
    if (status) {
        hsp_arm_destroy(&arm);
        return status;
    }
    *out_arm = arm;
    return HSP_OK;
}
