/* SPDX-License-Identifier: MIT */
#include <stdlib.h>

#include "measure/arm_state.h"

/* The functions that CLR's dispatchGenericAqlPacket uses, by HSA's own names. */
struct hsa_functions {
    uint64_t (*add_write_index)(const hsa_queue_t *, uint64_t);
    uint64_t (*load_read_index_relaxed)(const hsa_queue_t *);
    uint64_t (*load_read_index)(const hsa_queue_t *);
    void (*signal_store)(hsa_signal_t, hsa_signal_value_t);
    void (*signal_silent_store)(hsa_signal_t, hsa_signal_value_t);
};

struct hsa_arm {
    struct hsp_arm_state *common;
    struct hsa_functions hsa;
    hsa_queue_t *queue;
    uint16_t barrier_header;
};

/* CLR reads the index once for its signals, whether or not it takes one, and then for room.
 * Copies the packet into its slot behind an INVALID header, then publishes it and rings. */
static void submit(struct hsa_arm *arm, union hsp_packet *packet, uint16_t header, uint16_t setup) {
    hsa_queue_t *queue = arm->queue;
    uint64_t index = arm->hsa.add_write_index(queue, 1);
    (void)arm->hsa.load_read_index_relaxed(queue);
    while (index - arm->hsa.load_read_index(queue) >= queue->size)
        if (hsp_queue_error(arm->common->queue))
            return; /* the wait that follows reports it */
    union hsp_packet *slot = (union hsp_packet *)queue->base_address + (index & (queue->size - 1));
    packet->words[0] = HSA_PACKET_TYPE_INVALID;
    *slot = *packet;
    __atomic_store_n(&slot->words[0], header | (uint32_t)setup << 16, __ATOMIC_RELEASE);
    arm->hsa.signal_store(queue->doorbell_signal, (hsa_signal_value_t)index);
}

static int hsa_launch(void *opaque) {
    struct hsa_arm *arm = opaque;
    union hsp_packet packet;
    uint16_t unused_header;
    uint16_t setup;
    arm->common->dispatch.kernarg = hsp_arm_state_kernarg(arm->common);
    hsp_dispatch_fill(&arm->common->dispatch, &packet, &unused_header, &setup);
    submit(arm, &packet, arm->common->header, setup);
    return 0;
}

static int hsa_wait(void *opaque) {
    struct hsa_arm *arm = opaque;
    union hsp_packet packet = {0};
    arm->hsa.signal_silent_store(arm->common->done, 1);
    packet.barrier_and.completion_signal = arm->common->done;
    submit(arm, &packet, arm->barrier_header, 0);
    return hsp_arm_state_wait_done(arm->common);
}

static const char *hsa_error(void *opaque) {
    struct hsa_arm *arm = opaque;
    return hsp_arm_state_error(arm->common);
}

static void hsa_destroy(void *opaque) {
    struct hsa_arm *arm = opaque;
    if (arm)
        hsp_arm_state_destroy(arm->common);
    free(arm);
}

static hsp_status find_functions(struct hsa_functions *out_functions) {
    const struct hsp_arm_symbol symbols[] = {
        {"hsa_queue_add_write_index_screlease", &out_functions->add_write_index},
        {"hsa_queue_load_read_index_relaxed", &out_functions->load_read_index_relaxed},
        {"hsa_queue_load_read_index_scacquire", &out_functions->load_read_index},
        {"hsa_signal_store_screlease", &out_functions->signal_store},
        {"hsa_signal_silent_store_relaxed", &out_functions->signal_silent_store},
    };
    return hsp_arm_symbols(symbols, sizeof symbols / sizeof *symbols);
}

hsp_status hsp_arm_hsa_create(const struct hsp_arm_case *launch, struct hsp_arm *out_arm) {
    static const struct hsp_arm_ops ops = {
        .launch = hsa_launch, .wait = hsa_wait, .error = hsa_error, .destroy = hsa_destroy};
    struct hsa_arm *arm = calloc(1, sizeof *arm);
    if (!arm)
        return HSP_ERROR_OUT_OF_MEMORY;
    arm->queue = hsp_queue_native(launch->queue);
    arm->barrier_header = hsp_arm_barrier_header();
    hsp_status status = find_functions(&arm->hsa);
    if (!status)
        status = hsp_arm_state_create(launch, NULL, &arm->common);
    if (status) {
        hsa_destroy(arm);
        return status;
    }
    *out_arm = (struct hsp_arm){.name = "hsa", .ops = &ops, .state = arm};
    return HSP_OK;
}
