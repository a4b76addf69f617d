/* SPDX-License-Identifier: MIT */
/* What a launch is made of, without a launch: clock, store, packet, HSA's calls, doorbell. */
#include <stdlib.h>

#include "measure/arm_state.h"

#define LINE_BYTES 64
/* As the queue of the arms (HIP's). */
#define RING_PACKETS 4096

static int nothing(void *state) {
    (void)state;
    return 0;
}

static const char *no_error(void *state) {
    (void)state;
    return "";
}

hsp_status hsp_arm_timer_create(const struct hsp_arm_case *launch, struct hsp_arm *out_arm) {
    static const struct hsp_arm_ops ops = {.launch = nothing, .wait = nothing, .error = no_error};
    (void)launch;
    *out_arm = (struct hsp_arm){.name = "timer", .ops = &ops};
    return HSP_OK;
}

static int store_launch(void *line) {
    __atomic_store_n((uint64_t *)line, 1, __ATOMIC_RELEASE);
    return 0;
}

hsp_status hsp_arm_store_create(const struct hsp_arm_case *launch, struct hsp_arm *out_arm) {
    static const struct hsp_arm_ops ops = {
        .launch = store_launch, .wait = nothing, .error = no_error, .destroy = free};
    (void)launch;
    void *line = aligned_alloc(LINE_BYTES, LINE_BYTES);
    if (!line)
        return HSP_ERROR_OUT_OF_MEMORY;
    *out_arm = (struct hsp_arm){.name = "store", .ops = &ops, .state = line};
    return HSP_OK;
}

/* Packets that nothing consumes. */
struct floor_arm {
    struct hsp_arm_state *common;
    union hsp_packet *ring;
    uint64_t index; /* of a ring without owner */
    hsa_queue_t *queue;
    hsa_signal_t doorbell;
    uint64_t (*add_write_index)(const hsa_queue_t *, uint64_t);
    uint64_t (*load_write_index)(const hsa_queue_t *);
    uint64_t (*load_read_index)(const hsa_queue_t *);
    void (*store_read_index)(const hsa_queue_t *, uint64_t);
    void (*signal_store)(hsa_signal_t, hsa_signal_value_t);
    hsa_status_t (*queue_destroy)(hsa_queue_t *);
};

/* As the ring arm fills a slot. */
static void write_packet(struct floor_arm *arm, union hsp_packet *slot) {
    struct hsp_arm_state *common = arm->common;
    uint16_t unused_header;
    uint16_t setup;
    common->dispatch.kernarg = hsp_arm_state_kernarg(common);
    hsp_dispatch_fill(&common->dispatch, slot, &unused_header, &setup);
    hsp_queue_publish(slot, common->header, setup);
}

static int packet_launch(void *opaque) {
    struct floor_arm *arm = opaque;
    write_packet(arm, &arm->ring[arm->index++ % RING_PACKETS]);
    return 0;
}

static int soft_queue_wait(void *opaque) {
    struct floor_arm *arm = opaque;
    arm->store_read_index(arm->queue, arm->load_write_index(arm->queue));
    return 0;
}

static int soft_queue_launch(void *opaque) {
    struct floor_arm *arm = opaque;
    uint64_t index = arm->add_write_index(arm->queue, 1);
    while (index - arm->load_read_index(arm->queue) >= arm->queue->size)
        soft_queue_wait(arm);
    write_packet(arm,
                 (union hsp_packet *)arm->queue->base_address + (index & (arm->queue->size - 1)));
    arm->signal_store(arm->doorbell, (hsa_signal_value_t)index);
    return 0;
}

static const char *floor_error(void *opaque) {
    struct floor_arm *arm = opaque;
    return hsp_arm_state_error(arm->common);
}

static void floor_destroy(void *opaque) {
    struct floor_arm *arm = opaque;
    if (!arm)
        return;
    if (arm->queue)
        arm->queue_destroy(arm->queue);
    hsp_signal_destroy(arm->doorbell);
    hsp_arm_state_destroy(arm->common);
    free(arm->ring);
    free(arm);
}

static hsp_status floor_create(const struct hsp_arm_case *launch, struct floor_arm **out_arm) {
    struct floor_arm *arm = calloc(1, sizeof *arm);
    if (!arm)
        return HSP_ERROR_OUT_OF_MEMORY;
    hsp_status status = hsp_arm_state_create(launch, NULL, &arm->common);
    if (status) {
        floor_destroy(arm);
        return status;
    }
    *out_arm = arm;
    return HSP_OK;
}

hsp_status hsp_arm_packet_create(const struct hsp_arm_case *launch, struct hsp_arm *out_arm) {
    static const struct hsp_arm_ops ops = {
        .launch = packet_launch, .wait = nothing, .error = floor_error, .destroy = floor_destroy};
    struct floor_arm *arm;
    hsp_status status = floor_create(launch, &arm);
    if (status)
        return status;
    arm->ring = aligned_alloc(LINE_BYTES, RING_PACKETS * sizeof *arm->ring);
    if (!arm->ring) {
        floor_destroy(arm);
        return HSP_ERROR_OUT_OF_MEMORY;
    }
    for (size_t i = 0; i < RING_PACKETS; i++)
        arm->ring[i] = (union hsp_packet){0}; /* no page fault is timed */
    *out_arm = (struct hsp_arm){.name = "packet", .ops = &ops, .state = arm};
    return HSP_OK;
}

struct region_search {
    hsa_status_t (*get_info)(hsa_region_t, hsa_region_info_t, void *);
    hsa_region_t found;
};

/* Fine-grained host memory, in which the runtime can put the ring. */
static hsa_status_t look_at_region(hsa_region_t region, void *data) {
    struct region_search *search = data;
    uint32_t flags = 0;
    hsa_region_segment_t segment;
    if (search->get_info(region, HSA_REGION_INFO_SEGMENT, &segment) == HSA_STATUS_SUCCESS &&
        segment == HSA_REGION_SEGMENT_GLOBAL &&
        search->get_info(region, HSA_REGION_INFO_GLOBAL_FLAGS, &flags) == HSA_STATUS_SUCCESS &&
        flags & HSA_REGION_GLOBAL_FLAG_FINE_GRAINED)
        search->found = region;
    return HSA_STATUS_SUCCESS;
}

/* The doorbell has no interrupt: a store to one that has enters the driver. */
static hsp_status make_soft_queue(struct floor_arm *arm) {
    struct region_search search = {0};
    hsa_status_t (*iterate)(hsa_agent_t, hsa_status_t(*)(hsa_region_t, void *), void *);
    hsa_status_t (*create)(hsa_region_t, uint32_t, hsa_queue_type32_t, uint32_t, hsa_signal_t,
                           hsa_queue_t **);
    const struct hsp_arm_symbol symbols[] = {
        {"hsa_agent_iterate_regions", &iterate},
        {"hsa_region_get_info", &search.get_info},
        {"hsa_soft_queue_create", &create},
        {"hsa_queue_destroy", &arm->queue_destroy},
        {"hsa_queue_add_write_index_screlease", &arm->add_write_index},
        {"hsa_queue_load_write_index_relaxed", &arm->load_write_index},
        {"hsa_queue_load_read_index_scacquire", &arm->load_read_index},
        {"hsa_queue_store_read_index_screlease", &arm->store_read_index},
        {"hsa_signal_store_screlease", &arm->signal_store},
    };
    const struct hsp_signal_options options = {.size = sizeof options, .busy_wait = true};
    hsp_status status = hsp_arm_symbols(symbols, sizeof symbols / sizeof *symbols);
    if (!status)
        status = hsp_signal_create(0, &options, &arm->doorbell);
    if (status)
        return status;
    iterate(hsp_agent_handle(hsp_agent_host()), look_at_region, &search);
    hsa_status_t hsa = create(search.found, RING_PACKETS, HSA_QUEUE_TYPE_MULTI,
                              HSA_QUEUE_FEATURE_KERNEL_DISPATCH, arm->doorbell, &arm->queue);
    return hsa == HSA_STATUS_SUCCESS ? HSP_OK : HSP_ERROR_NOT_SUPPORTED;
}

hsp_status hsp_arm_soft_queue_create(const struct hsp_arm_case *launch, struct hsp_arm *out_arm) {
    static const struct hsp_arm_ops ops = {.launch = soft_queue_launch,
                                           .wait = soft_queue_wait,
                                           .error = floor_error,
                                           .destroy = floor_destroy};
    struct floor_arm *arm;
    hsp_status status = floor_create(launch, &arm);
    if (status)
        return status;
    status = make_soft_queue(arm);
    if (status) {
        floor_destroy(arm);
        return status;
    }
    *out_arm = (struct hsp_arm){.name = "soft-queue", .ops = &ops, .state = arm};
    return HSP_OK;
}

/* Ringing again for a packet that is done is what any producer does that was overtaken. */
static int doorbell_launch(void *opaque) {
    struct hsp_arm_state *state = opaque;
    hsp_queue_ring_doorbell(state->queue, hsp_queue_write_index(state->queue) - 1);
    return 0;
}

hsp_status hsp_arm_doorbell_create(const struct hsp_arm_case *launch, struct hsp_arm *out_arm) {
    static const struct hsp_arm_ops ops = {.launch = doorbell_launch,
                                           .wait = nothing,
                                           .error = hsp_arm_state_error,
                                           .destroy = hsp_arm_state_destroy};
    struct hsp_arm_state *state;
    hsp_status status = hsp_arm_state_create(launch, NULL, &state);
    if (status)
        return status;
    if (hsp_arm_state_wait(state)) { /* so that there is a last packet */
        status = state->status;
        hsp_arm_state_destroy(state);
        return status;
    }
    *out_arm = (struct hsp_arm){.name = "doorbell", .ops = &ops, .state = state};
    return HSP_OK;
}
