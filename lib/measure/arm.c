/* SPDX-License-Identifier: MIT */
#include "measure/arm.h"

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <hsaprobe/runtime.h>

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

hsp_status hsp_arm_state_create(const struct hsp_arm_case *launch,
                                const struct hsp_queue_options *queue_options,
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
    if (!status && queue_options) {
        struct hsp_queue_options options = *queue_options;
        options.packet_count = hsp_queue_packet_count(launch->queue);
        status = hsp_queue_create(launch->agent, &options, &state->own_queue);
        state->queue = state->own_queue;
    }
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
    hsp_queue_destroy(state->own_queue);
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

int hsp_arm_state_submit(struct hsp_arm_state *state, const void *kernarg) {
    uint64_t index;
    hsp_status status = hsp_queue_reserve(state->queue, 1, HSP_WAIT_FOREVER, &index);
    if (status)
        return hsp_arm_state_fail(state, status);
    union hsp_packet *slot = hsp_queue_slot(state->queue, index);
    uint16_t unused_header;
    uint16_t setup;
    state->dispatch.kernarg = kernarg;
    hsp_dispatch_fill(&state->dispatch, slot, &unused_header, &setup);
    hsp_queue_publish(slot, state->header, setup);
    hsp_queue_ring_doorbell(state->queue, index);
    return 0;
}

int hsp_arm_state_submit_barrier(struct hsp_arm_state *state, uint16_t header,
                                 hsa_signal_t completion) {
    uint64_t index;
    hsp_status status = hsp_queue_reserve(state->queue, 1, HSP_WAIT_FOREVER, &index);
    if (status)
        return hsp_arm_state_fail(state, status);
    union hsp_packet *slot = hsp_queue_slot(state->queue, index);
    for (int i = 1; i < 16; i++)
        slot->words[i] = 0;
    slot->barrier_and.completion_signal = completion;
    hsp_queue_publish(slot, header, 0);
    hsp_queue_ring_doorbell(state->queue, index);
    return 0;
}

int hsp_arm_state_wait(void *opaque) {
    struct hsp_arm_state *state = opaque;
    hsp_signal_silent_store_relaxed(state->done, 1);
    int rc = hsp_arm_state_submit_barrier(state, hsp_arm_barrier_header(), state->done);
    return rc ? rc : hsp_arm_state_wait_done(state);
}

hsp_status hsp_arm_signals_init(struct hsp_arm_signals *signals) {
    *signals = (struct hsp_arm_signals){0};
    hsp_status status = HSP_OK;
    for (size_t i = 0; i < HSP_ARM_IN_FLIGHT_MAX && !status; i++)
        status = hsp_signal_create(0, NULL, &signals->signals[i]);
    return status;
}

void hsp_arm_signals_fini(struct hsp_arm_signals *signals) {
    for (size_t i = 0; i < HSP_ARM_IN_FLIGHT_MAX; i++)
        hsp_signal_destroy(signals->signals[i]);
}

int hsp_arm_signals_wait(struct hsp_arm_signals *signals, struct hsp_arm_state *state) {
    if (!signals->last.handle)
        return 0;
    hsp_status status =
        hsp_dispatch_wait(state->queue, signals->last, HSP_WAIT_FOREVER, HSP_WAIT_ACTIVE);
    signals->last.handle = 0;
    return status ? hsp_arm_state_fail(state, status) : 0;
}

hsp_status hsp_arm_symbols(const struct hsp_arm_symbol *symbols, size_t count) {
    struct hsp_runtime_info info;
    hsp_status status = hsp_runtime_info_get(&info);
    if (status)
        return status;
    void *library = dlopen(info.library_path, RTLD_LAZY | RTLD_NOLOAD);
    if (!library)
        return HSP_ERROR_NO_RUNTIME;
    for (size_t i = 0; i < count; i++) {
        void *symbol = dlsym(library, symbols[i].name);
        memcpy(symbols[i].slot, &symbol, sizeof symbol);
        if (!symbol)
            status = HSP_ERROR_NOT_SUPPORTED;
    }
    dlclose(library); /* the runtime holds it */
    return status;
}
