/* SPDX-License-Identifier: MIT */
#include "softgpu/common/options.h"
#include "softgpu/cp/engine.h"

enum {
    MAX_WORKGROUP_ITEMS = 1024,
    WAVE_ITEMS = 64,
    /* More than this never fits the inline budget. */
    MAX_INLINE_WAVES = 64,
};

/// Errors that the packet alone shows.
static uint64_t packet_error_bits(const struct abi_aql_dispatch *packet) {
    enum { DIMENSIONS_MASK = 3 };
    uint64_t items = 1;
    if ((packet->setup & DIMENSIONS_MASK) == 0)
        return ABI_QUEUE_ERROR_DIMENSION;
    for (int dim = 0; dim < 3; dim++) {
        if (packet->grid_size[dim] == 0 || packet->workgroup_size[dim] == 0)
            return ABI_QUEUE_ERROR_DIMENSION;
        items *= packet->workgroup_size[dim];
    }
    if (items > MAX_WORKGROUP_ITEMS)
        return ABI_QUEUE_ERROR_WORKGROUP_SIZE;
    return packet->kernel_object == 0 ? ABI_QUEUE_ERROR_CODE : 0;
}

static bool scratch_is_sufficient(const struct abi_queue *amd_queue, uint32_t private_bytes) {
    return private_bytes == 0 ||
           (__atomic_load_n(&amd_queue->scratch_backing_memory_byte_size, __ATOMIC_ACQUIRE) != 0 &&
            amd_queue->scratch_wave64_lane_byte_size >= private_bytes);
}

static struct sg_dispatch_config config_of(const struct sg_cp_queue *queue) {
    const struct abi_aql_dispatch *packet = &queue->aql.packet;
    const struct abi_queue *amd_queue = queue->aql.queue;
    const uint64_t index = __atomic_load_n(queue->read_index, __ATOMIC_RELAXED);
    struct sg_dispatch_config config = {
        .kernel_object = packet->kernel_object,
        .packet_va = queue->config.ring_va +
                     (index * ABI_AQL_PACKET_BYTES & (atomic_load(&queue->ring_bytes) - 1)),
        .queue_va = queue->aql.queue_va,
        .kernarg_va = packet->kernarg_address,
        .dispatch_id = index,
        .private_bytes = packet->private_segment_size,
        .group_bytes = packet->group_segment_size,
        .scratch_va = amd_queue->scratch_backing_memory_location,
        .scratch_bytes = amd_queue->scratch_backing_memory_byte_size,
        .scratch_lane_bytes = amd_queue->scratch_wave64_lane_byte_size,
        .tmpring_size = amd_queue->compute_tmpring_size,
        .shared_aperture_hi = amd_queue->group_segment_aperture_base_hi,
        .private_aperture_hi = amd_queue->private_segment_aperture_base_hi,
    };
    for (int dim = 0; dim < 3; dim++) {
        config.grid_size[dim] = packet->grid_size[dim];
        config.workgroup_size[dim] = packet->workgroup_size[dim];
    }
    for (int i = 0; i < 4; i++)
        config.scratch_descriptor[i] = amd_queue->scratch_resource_descriptor[i];
    return config;
}

static bool is_too_large_inline(const struct abi_aql_dispatch *packet) {
    uint64_t groups = 1;
    uint64_t items = 1;
    for (int dim = 0; dim < 3; dim++) {
        const uint64_t count =
            ((uint64_t)packet->grid_size[dim] + packet->workgroup_size[dim] - 1) /
            packet->workgroup_size[dim];
        /* Each factor is below 2^32 and the product is cut at the limit: no overflow. */
        groups = groups * count > MAX_INLINE_WAVES ? MAX_INLINE_WAVES + 1 : groups * count;
        items *= packet->workgroup_size[dim];
    }
    return groups * ((items + WAVE_ITEMS - 1) / WAVE_ITEMS) > MAX_INLINE_WAVES;
}

enum cp_step cp_dispatch_begin(struct sg_cp_queue *queue, struct sg_dispatch_config *config,
                               bool is_inline) {
    static const uint64_t check_bits[] = {
        [SG_DISPATCH_OK] = 0,
        [SG_DISPATCH_BAD_CODE] = ABI_QUEUE_ERROR_CODE,
        [SG_DISPATCH_GROUP_MEMORY] = ABI_QUEUE_ERROR_GROUP_MEMORY,
        [SG_DISPATCH_REGISTERS] = ABI_QUEUE_ERROR_REGISTERS,
        [SG_DISPATCH_WORKGROUP_SIZE] = ABI_QUEUE_ERROR_WORKGROUP_SIZE,
        [SG_DISPATCH_NO_MEMORY] = ABI_QUEUE_ERROR_GROUP_MEMORY,
    };
    config->doorbell_index = queue->config.doorbell_index;
    config->cu_mask = queue->cu_mask_bits ? queue->cu_mask : NULL;
    config->cu_mask_count = queue->cu_mask_bits;
    const enum sg_dispatch_check check = sg_dispatch_init(queue->dispatch, config, is_inline);
    if (check == SG_DISPATCH_NO_MEMORY && is_inline)
        return CP_STEP_HAND_OVER;
    if (check == SG_DISPATCH_NO_MEMORY)
        sg_trace_line("queue %u: out of host memory for a dispatch", queue->config.queue_id);
    if (check != SG_DISPATCH_OK)
        return cp_queue_fail(queue, check_bits[check]);
    queue->is_running = true;
    return CP_STEP_DONE;
}

static enum cp_step start(struct sg_cp_queue *queue, bool is_inline) {
    struct cp_aql *aql = &queue->aql;
    const uint64_t bits = packet_error_bits(&aql->packet);
    if (bits != 0)
        return cp_queue_fail(queue, bits);
    if (!scratch_is_sufficient(aql->queue, aql->packet.private_segment_size)) {
        aql->stall = CP_STALL_SCRATCH;
        cp_queue_signal_error(queue, ABI_QUEUE_ERROR_SCRATCH);
        return CP_STEP_WAIT;
    }
    if (is_inline && is_too_large_inline(&aql->packet))
        return CP_STEP_HAND_OVER;
    struct sg_dispatch_config config = config_of(queue);
    return cp_dispatch_begin(queue, &config, is_inline);
}

enum cp_step cp_dispatch_step(struct sg_cp_queue *queue, struct cp_run *run) {
    if (!queue->is_running) {
        const enum cp_step step = start(queue, run->is_inline);
        if (step != CP_STEP_DONE)
            return step;
    }
    return cp_dispatch_continue(queue, run);
}

enum cp_step cp_dispatch_continue(struct sg_cp_queue *queue, struct cp_run *run) {
    struct sg_fault fault;
    switch (sg_dispatch_run(queue->dispatch, run->budget, run->is_inline, &fault)) {
    case SG_RUN_DONE:
        queue->is_running = false;
        return CP_STEP_DONE;
    case SG_RUN_BUDGET:
        return CP_STEP_AGAIN;
    case SG_RUN_FAULT:
        break;
    }
    queue->is_running = false;
    return cp_queue_fault(queue, &fault);
}

void cp_dispatch_abandon(struct sg_cp_queue *queue) {
    struct sg_fault fault;
    if (!queue->is_running)
        return;
    sg_dispatch_kill(queue->dispatch);
    while (sg_dispatch_run(queue->dispatch, UINT64_MAX, false, &fault) == SG_RUN_BUDGET)
        ;
    queue->is_running = false;
}
