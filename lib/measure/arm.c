/* SPDX-License-Identifier: MIT */
#include "measure/arm.h"

#include <stdio.h>
#include <stdlib.h>

#include "measure/arm_state.h"

uint16_t hsp_arm_header(hsa_fence_scope_t fence) {
    return hsp_packet_header(HSA_PACKET_TYPE_KERNEL_DISPATCH, true, fence, fence);
}

uint16_t hsp_arm_barrier_header(void) {
    return hsp_packet_header(HSA_PACKET_TYPE_BARRIER_AND, true, HSA_FENCE_SCOPE_SYSTEM,
                             HSA_FENCE_SCOPE_SYSTEM);
}

void hsp_arm_destroy(struct hsp_arm *arm) {
    if (arm->ops && arm->ops->destroy)
        arm->ops->destroy(arm->state);
    *arm = (struct hsp_arm){0};
}

void hsp_arm_packet(const struct hsp_arm_case *launch, union hsp_packet *out_packet) {
    struct hsp_dispatch dispatch;
    uint16_t header;
    uint16_t setup;
    hsp_dispatch_init(&dispatch, &launch->code, &launch->geometry, NULL);
    hsp_dispatch_fill(&dispatch, out_packet, &header, &setup);
    out_packet->words[0] = launch->header | (uint32_t)setup << 16;
}

static int timer_nothing(void *state) {
    (void)state;
    return 0;
}

static const char *timer_error(void *state) {
    (void)state;
    return "";
}

struct hsp_arm hsp_arm_timer(void) {
    static const struct hsp_arm_ops ops = {
        .launch = timer_nothing, .wait = timer_nothing, .error = timer_error};
    return (struct hsp_arm){.name = "timer", .ops = &ops};
}

hsp_status hsp_arm_state_create(const struct hsp_arm_case *launch,
                                struct hsp_arm_state **out_state) {
    struct hsp_arm_state *state = calloc(1, sizeof *state);
    if (!state)
        return HSP_ERROR_OUT_OF_MEMORY;
    state->queue = launch->queue;
    state->kernarg = launch->kernarg;
    state->kernarg_bytes = launch->code.kernarg_bytes;
    hsp_dispatch_init(&state->dispatch, &launch->code, &launch->geometry, NULL);
    state->header = launch->header;
    size_t block_bytes = state->kernarg_bytes ? state->kernarg_bytes : 1;
    hsp_status status =
        hsp_kernarg_arena_create(launch->agent, block_bytes, HSP_ARM_IN_FLIGHT_MAX, &state->arena);
    for (size_t i = 0; !status && i < HSP_ARM_IN_FLIGHT_MAX; i++)
        state->blocks[i] = hsp_kernarg_arena_acquire(state->arena);
    if (!status)
        status = hsp_signal_create(0, NULL, &state->done);
    if (status) {
        hsp_arm_state_destroy(state);
        return status;
    }
    *out_state = state;
    return HSP_OK;
}

void hsp_arm_state_destroy(void *opaque) {
    struct hsp_arm_state *state = opaque;
    if (!state)
        return;
    hsp_signal_destroy(state->done);
    for (size_t i = 0; i < HSP_ARM_IN_FLIGHT_MAX && state->blocks[i]; i++)
        hsp_kernarg_arena_release(state->arena, state->blocks[i]);
    hsp_kernarg_arena_destroy(state->arena);
    free(state);
}

const char *hsp_arm_state_error(void *opaque) {
    struct hsp_arm_state *state = opaque;
    return state->message;
}

int hsp_arm_state_fail(struct hsp_arm_state *state, hsp_status status) {
    const char *words = hsp_last_error();
    state->status = status;
    snprintf(state->message, sizeof state->message, "%s",
             *words ? words : hsp_status_string(status));
    return -1;
}

int hsp_arm_state_wait_done(struct hsp_arm_state *state) {
    hsp_status status =
        hsp_dispatch_wait(state->queue, state->done, HSP_WAIT_FOREVER, HSP_WAIT_ACTIVE);
    return status ? hsp_arm_state_fail(state, status) : 0;
}
