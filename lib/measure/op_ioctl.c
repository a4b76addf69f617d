/* SPDX-License-Identifier: MIT */
/* Operations by ioctls alone, through a second descriptor of /dev/kfd in this process. */
#include "measure/op_state.h"

int hsp_op_ioctl_prepare(void *opaque) {
    struct hsp_op_state *state = opaque;
    uint32_t node = hsp_agent_info_get(state->op_case.agent)->node;
    return hsp_op_ioctl(state, hsp_kfd_open(node, &state->kfd), "/dev/kfd");
}

void hsp_op_ioctl_clean(void *opaque) {
    struct hsp_op_state *state = opaque;
    if (state->event_id) {
        struct abi_kfd_event_id id = {.event_id = state->event_id};
        (void)hsp_kfd_call(&state->kfd, ABI_KFD_DESTROY_EVENT, &id, sizeof id);
    }
    (void)hsp_kfd_free(&state->kfd, &state->kfd_memory);
    hsp_kfd_close(&state->kfd);
}

int hsp_op_ioctl_alloc(void *opaque) {
    struct hsp_op_state *state = opaque;
    return hsp_op_ioctl(state, hsp_kfd_alloc(&state->kfd, state->op_case.bytes, &state->kfd_memory),
                        "device memory");
}

int hsp_op_ioctl_free(void *opaque) {
    struct hsp_op_state *state = opaque;
    return hsp_op_ioctl(state, hsp_kfd_free(&state->kfd, &state->kfd_memory), "free");
}

int hsp_op_ioctl_host_alloc(void *opaque) {
    struct hsp_op_state *state = opaque;
    return hsp_op_ioctl(state,
                        hsp_kfd_alloc_host(&state->kfd, state->op_case.bytes, &state->kfd_memory),
                        "host memory");
}

int hsp_op_ioctl_host_free(void *opaque) {
    return hsp_op_ioctl_free(opaque);
}

int hsp_op_ioctl_prepare_register(void *opaque) {
    return hsp_op_ioctl_prepare(opaque) || hsp_op_map_host(opaque);
}

int hsp_op_ioctl_register(void *opaque) {
    struct hsp_op_state *state = opaque;
    return hsp_op_ioctl(
        state, hsp_kfd_register(&state->kfd, state->host, state->op_case.bytes, &state->kfd_memory),
        "registering");
}

int hsp_op_ioctl_unregister(void *opaque) {
    return hsp_op_ioctl_free(opaque);
}

int hsp_op_ioctl_prepare_event(void *opaque) {
    struct hsp_op_state *state = opaque;
    if (hsp_op_ioctl_prepare(state))
        return -1;
    struct abi_kfd_create_event create = {.event_type = ABI_KFD_EVENT_SIGNAL, .auto_reset = 1};
    int rc = hsp_kfd_call(&state->kfd, ABI_KFD_CREATE_EVENT, &create, sizeof create);
    state->event_id = rc ? 0 : create.event_id;
    return hsp_op_ioctl(state, rc, "CREATE_EVENT");
}

int hsp_op_ioctl_event(void *opaque) {
    struct hsp_op_state *state = opaque;
    struct abi_kfd_event_id id = {.event_id = state->event_id};
    struct abi_kfd_event_data data = {.event_id = state->event_id};
    struct abi_kfd_wait_events wait = {.events_ptr = (uintptr_t)&data,
                                       .num_events = 1,
                                       .wait_for_all = 1,
                                       .timeout = ABI_KFD_TIMEOUT_INFINITE};
    return hsp_op_ioctl(state, hsp_kfd_call(&state->kfd, ABI_KFD_SET_EVENT, &id, sizeof id),
                        "SET_EVENT") ||
           hsp_op_ioctl(state, hsp_kfd_call(&state->kfd, ABI_KFD_WAIT_EVENTS, &wait, sizeof wait),
                        "WAIT_EVENTS");
}
