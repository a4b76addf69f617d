/* SPDX-License-Identifier: MIT */
/* Operations by HIP. */
#include <stdio.h>

#include "measure/op_state.h"

#define CALL(state, name, ...)                                                                     \
    hsp_op_hip(state, (state)->op_case.hip->name(__VA_ARGS__), "HIP " #name)

/* HIP numbers devices in its own order; the PCI address is what both sides know. */
int hsp_op_hip_prepare(void *opaque) {
    struct hsp_op_state *state = opaque;
    const struct hsp_agent_info *agent = hsp_agent_info_get(state->op_case.agent);
    char address[32];
    int device = 0;
    snprintf(address, sizeof address, "%04x:%02x:%02x.%x", agent->pci_domain,
             (agent->pci_bdf >> 8) & 0xff, (agent->pci_bdf >> 3) & 0x1f, agent->pci_bdf & 7);
    if (!state->op_case.hip)
        return hsp_op_fail(state, "HIP", "not there");
    return CALL(state, init) || CALL(state, device_by_address, &device, address) ||
           CALL(state, set_device, device);
}

void hsp_op_hip_clean(void *opaque) {
    struct hsp_op_state *state = opaque;
    const struct hsp_hip_calls *hip = state->op_case.hip;
    if (!hip)
        return;
    if (state->memory)
        (void)hip->free(state->memory);
    if (state->device)
        (void)hip->free(state->device);
    if (state->host && !state->host_is_mapped)
        (void)hip->host_free(state->host);
    if (state->event)
        (void)hip->event_destroy(state->event);
    if (state->stream)
        (void)hip->stream_destroy(state->stream);
}

int hsp_op_hip_alloc(void *opaque) {
    struct hsp_op_state *state = opaque;
    return CALL(state, malloc, &state->memory, state->op_case.bytes);
}

int hsp_op_hip_free(void *opaque) {
    struct hsp_op_state *state = opaque;
    void *memory = state->memory;
    state->memory = NULL;
    return CALL(state, free, memory);
}

int hsp_op_hip_host_alloc(void *opaque) {
    struct hsp_op_state *state = opaque;
    return CALL(state, host_malloc, &state->host, state->op_case.bytes);
}

int hsp_op_hip_host_free(void *opaque) {
    struct hsp_op_state *state = opaque;
    void *memory = state->host;
    state->host = NULL;
    return CALL(state, host_free, memory);
}

int hsp_op_hip_prepare_register(void *opaque) {
    return hsp_op_hip_prepare(opaque) || hsp_op_map_host(opaque);
}

int hsp_op_hip_register(void *opaque) {
    struct hsp_op_state *state = opaque;
    return CALL(state, host_register, state->host, state->op_case.bytes);
}

int hsp_op_hip_unregister(void *opaque) {
    struct hsp_op_state *state = opaque;
    return CALL(state, host_unregister, state->host);
}

int hsp_op_hip_prepare_copy(void *opaque) {
    struct hsp_op_state *state = opaque;
    return hsp_op_hip_prepare(state) ||
           (state->op_case.is_pinned ? hsp_op_hip_host_alloc(state) : hsp_op_map_host(state)) ||
           CALL(state, malloc, &state->device, state->op_case.bytes);
}

int hsp_op_hip_copy(void *opaque) {
    struct hsp_op_state *state = opaque;
    bool to_device = state->op_case.to_device;
    return CALL(state, memcpy, to_device ? state->device : state->host,
                to_device ? state->host : state->device, state->op_case.bytes);
}

int hsp_op_hip_prepare_sync(void *opaque) {
    struct hsp_op_state *state = opaque;
    return hsp_op_hip_prepare(state) ||
           CALL(state, stream_create, &state->stream, HSP_HIP_NON_BLOCKING);
}

int hsp_op_hip_sync(void *opaque) {
    struct hsp_op_state *state = opaque;
    return CALL(state, stream_synchronize, state->stream);
}

int hsp_op_hip_prepare_event(void *opaque) {
    struct hsp_op_state *state = opaque;
    return hsp_op_hip_prepare_sync(state) || CALL(state, event_create, &state->event);
}

int hsp_op_hip_event(void *opaque) {
    struct hsp_op_state *state = opaque;
    return CALL(state, event_record, state->event, state->stream) ||
           CALL(state, event_synchronize, state->event);
}

int hsp_op_hip_stream(void *opaque) {
    struct hsp_op_state *state = opaque;
    return CALL(state, stream_create, &state->stream, HSP_HIP_NON_BLOCKING);
}

int hsp_op_hip_stream_end(void *opaque) {
    struct hsp_op_state *state = opaque;
    void *stream = state->stream;
    state->stream = NULL;
    return CALL(state, stream_destroy, stream);
}
