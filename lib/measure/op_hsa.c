/* SPDX-License-Identifier: MIT */
/* Operations by HSA, through the library's functions, which are direct calls. */
#include <hsaprobe/dispatch.h>

#include "measure/op_state.h"

int hsp_op_hsa_prepare(void *opaque) {
    struct hsp_op_state *state = opaque;
    state->pool = hsp_pool_find(state->op_case.agent, HSP_POOL_COARSE_GRAINED);
    return state->pool ? 0 : hsp_op_fail(state, "HSA", "no pool of device memory");
}

void hsp_op_hsa_clean(void *opaque) {
    struct hsp_op_state *state = opaque;
    hsp_memory_free(state->memory);
    hsp_memory_free(state->device);
    if (!state->host_is_mapped)
        hsp_memory_free(state->host);
    hsp_queue_destroy(state->queue);
    hsp_signal_destroy(state->signal);
}

int hsp_op_hsa_alloc(void *opaque) {
    struct hsp_op_state *state = opaque;
    return hsp_op_hsa(state,
                      hsp_memory_alloc(state->pool, state->op_case.bytes, NULL, 0, &state->memory),
                      "device memory");
}

int hsp_op_hsa_free(void *opaque) {
    struct hsp_op_state *state = opaque;
    void *memory = state->memory;
    state->memory = NULL;
    return hsp_op_hsa(state, hsp_memory_free(memory), "device memory");
}

int hsp_op_hsa_host_alloc(void *opaque) {
    struct hsp_op_state *state = opaque;
    const struct hsp_pool *pool = hsp_pool_find(hsp_agent_host(), HSP_POOL_FINE_GRAINED);
    if (!pool)
        return hsp_op_fail(state, "HSA", "no pool of host memory");
    return hsp_op_hsa(
        state, hsp_memory_alloc(pool, state->op_case.bytes, &state->op_case.agent, 1, &state->host),
        "host memory");
}

int hsp_op_hsa_host_free(void *opaque) {
    struct hsp_op_state *state = opaque;
    void *memory = state->host;
    state->host = NULL;
    return hsp_op_hsa(state, hsp_memory_free(memory), "host memory");
}

int hsp_op_hsa_prepare_register(void *opaque) {
    return hsp_op_map_host(opaque);
}

int hsp_op_hsa_register(void *opaque) {
    struct hsp_op_state *state = opaque;
    void *unused_address;
    return hsp_op_hsa(state,
                      hsp_memory_lock(state->host, state->op_case.bytes, &state->op_case.agent, 1,
                                      NULL, &unused_address),
                      "locking");
}

int hsp_op_hsa_unregister(void *opaque) {
    struct hsp_op_state *state = opaque;
    return hsp_op_hsa(state, hsp_memory_unlock(state->host), "unlocking");
}

int hsp_op_hsa_prepare_sync(void *opaque) {
    struct hsp_op_state *state = opaque;
    return hsp_op_hsa(state, hsp_signal_create(0, NULL, &state->signal), "signal");
}

int hsp_op_hsa_sync(void *opaque) {
    struct hsp_op_state *state = opaque;
    return hsp_op_hsa(state,
                      hsp_signal_wait(state->signal, HSP_CONDITION_LT, 1, HSP_WAIT_FOREVER,
                                      HSP_WAIT_ACTIVE, NULL),
                      "wait");
}

int hsp_op_hsa_prepare_copy(void *opaque) {
    struct hsp_op_state *state = opaque;
    return hsp_op_hsa_prepare(state) || hsp_op_hsa_prepare_sync(state) ||
           (state->op_case.is_pinned ? hsp_op_hsa_host_alloc(state) : hsp_op_map_host(state)) ||
           hsp_op_hsa(state,
                      hsp_memory_alloc(state->pool, state->op_case.bytes, NULL, 0, &state->device),
                      "device memory");
}

int hsp_op_hsa_copy(void *opaque) {
    struct hsp_op_state *state = opaque;
    const struct hsp_op_case *op_case = &state->op_case;
    void *to = op_case->to_device ? state->device : state->host;
    void *from = op_case->to_device ? state->host : state->device;
    if (!op_case->is_pinned)
        return hsp_op_hsa(state, hsp_memory_copy(to, from, op_case->bytes), "copy");
    const struct hsp_agent *host = hsp_agent_host();
    hsp_signal_silent_store_relaxed(state->signal, 1);
    return hsp_op_hsa(state,
                      hsp_memory_copy_async(to, op_case->to_device ? op_case->agent : host, from,
                                            op_case->to_device ? host : op_case->agent,
                                            op_case->bytes, NULL, 0, state->signal),
                      "copy") ||
           hsp_op_hsa_sync(state);
}

int hsp_op_hsa_stream(void *opaque) {
    struct hsp_op_state *state = opaque;
    return hsp_op_hsa(state, hsp_queue_create(state->op_case.agent, NULL, &state->queue), "queue");
}

int hsp_op_hsa_stream_end(void *opaque) {
    struct hsp_op_state *state = opaque;
    hsp_queue_destroy(state->queue);
    state->queue = NULL;
    return 0;
}

int hsp_op_hsa_prepare_event(void *opaque) {
    return hsp_op_hsa_prepare_sync(opaque) || hsp_op_hsa_stream(opaque);
}

int hsp_op_hsa_event(void *opaque) {
    struct hsp_op_state *state = opaque;
    struct hsp_barrier barrier;
    uint64_t unused_index;
    hsp_barrier_init(&barrier, HSP_BARRIER_AND);
    barrier.completion = state->signal;
    hsp_signal_silent_store_relaxed(state->signal, 1);
    return hsp_op_hsa(state,
                      hsp_barrier_submit(state->queue, HSP_SUBMIT_HSA, &barrier, 1, &unused_index),
                      "barrier") ||
           hsp_op_hsa(
               state,
               hsp_dispatch_wait(state->queue, state->signal, HSP_WAIT_FOREVER, HSP_WAIT_ACTIVE),
               "wait");
}
