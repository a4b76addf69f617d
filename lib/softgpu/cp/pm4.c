/* SPDX-License-Identifier: MIT */
/* Walks PM4 packets: one of a ring or of an AQL vendor packet, and the buffers that it calls. */
#include "abi/pm4.h"
#include "abi/sdma.h"
#include "softgpu/common/options.h"
#include "softgpu/cp/engine.h"

#include <string.h>

enum { DWORD = sizeof(uint32_t) };

uint32_t cp_pm4_packet_dwords(uint32_t header) {
    if (ABI_PM4_TYPE(header) == ABI_PM4_TYPE_FILLER ||
        (ABI_PM4_OPCODE(header) == ABI_PM4_NOP &&
         ABI_PM4_BODY_DWORDS(header) == ABI_PM4_NOP_ALONE + 1u))
        return 1;
    return 1 + ABI_PM4_BODY_DWORDS(header);
}

enum cp_step cp_pm4_refuse(struct sg_cp_queue *queue, uint32_t header, const char *why) {
    const uint32_t opcode = ABI_PM4_OPCODE(header);
    sg_trace_line("queue %u: PM4 packet %s (opcode 0x%02x, header 0x%08x): %s",
                  queue->config.queue_id, cp_pm4_opcode_name(opcode), opcode, header, why);
    return cp_queue_fail(queue, ABI_QUEUE_ERROR_VENDOR_PACKET);
}

uint32_t cp_pm4_skip(struct sg_cp_queue *queue, uint32_t available) {
    const uint32_t wanted = atomic_load(&queue->pm4.skip_dwords);
    const uint32_t count = wanted < available ? wanted : available;
    atomic_store(&queue->pm4.skip_dwords, wanted - count);
    return count;
}

static bool is_call(uint32_t header) {
    return ABI_PM4_TYPE(header) == ABI_PM4_TYPE_PACKET &&
           ABI_PM4_OPCODE(header) == ABI_PM4_INDIRECT_BUFFER;
}

/// Enters the buffer of an INDIRECT_BUFFER. CP_STEP_DONE: it is now the topmost frame.
static enum cp_step call(struct sg_cp_queue *queue, const uint32_t *dwords, uint32_t count) {
    struct cp_pm4 *pm4 = &queue->pm4;
    struct abi_pm4_indirect_buffer jump = {.header = dwords[0]};
    if (count < sizeof jump / DWORD)
        return cp_pm4_refuse(queue, jump.header, "too short");
    memcpy(&jump, dwords, sizeof jump);
    /* A chained buffer takes its caller's place. */
    if ((jump.control & ABI_PM4_IB_CHAIN) && pm4->depth > 0)
        pm4->depth--;
    if (pm4->depth == CP_PM4_FRAMES)
        return cp_pm4_refuse(queue, jump.header, "nested too deeply");
    pm4->frames[pm4->depth++] =
        (struct cp_pm4_frame){.va = abi_join64(jump.base_lo & ~3u, jump.base_hi & 0xffffu),
                              .dwords = ABI_PM4_IB_DWORDS(jump.control)};
    return CP_STEP_DONE;
}

/// Executes the next packet of the topmost frame.
static enum cp_step step_frame(struct sg_cp_queue *queue, struct cp_run *run) {
    struct cp_pm4_frame *frame = &queue->pm4.frames[queue->pm4.depth - 1];
    const uint32_t left = frame->dwords - frame->position;
    if (left == 0) {
        queue->pm4.depth--;
        return CP_STEP_DONE;
    }
    if (queue->pm4.skip_dwords != 0) {
        const uint32_t skipped = cp_pm4_skip(queue, left);
        frame->position += skipped;
        if (skipped == left)
            queue->pm4.skip_dwords = 0; /* not what is behind this buffer */
        return CP_STEP_DONE;
    }
    const uint32_t *dwords = cp_host(queue, frame->va + (uint64_t)frame->position * DWORD,
                                     (uint64_t)left * DWORD, SG_VM_READ);
    if (!dwords)
        return CP_STEP_STOP;
    const uint32_t count = cp_pm4_packet_dwords(dwords[0]);
    if (count > left)
        return cp_pm4_refuse(queue, dwords[0], "longer than its buffer");
    if (is_call(dwords[0])) {
        frame->position += count;
        const enum cp_step step = call(queue, dwords, count);
        /* Buffers may chain in a circle: suspend and destroy are answered in between. */
        return step == CP_STEP_DONE ? CP_STEP_AGAIN : step;
    }
    const enum cp_step step = cp_pm4_packet(queue, dwords, count, run);
    if (step == CP_STEP_DONE)
        frame->position += count;
    return step;
}

enum cp_step cp_pm4_execute(struct sg_cp_queue *queue, const uint32_t *dwords, uint32_t count,
                            struct cp_run *run) {
    struct cp_pm4 *pm4 = &queue->pm4;
    if (!is_call(dwords[0]))
        return cp_pm4_packet(queue, dwords, count, run);
    if (pm4->depth == 0) {
        const enum cp_step step = call(queue, dwords, count);
        if (step != CP_STEP_DONE)
            return step;
    }
    while (pm4->depth > 0) {
        const enum cp_step step = step_frame(queue, run);
        if (step != CP_STEP_DONE)
            return step;
    }
    return CP_STEP_DONE;
}

enum cp_step cp_pm4_execute_vendor(struct sg_cp_queue *queue, const struct abi_aql_pm4_ib *packet,
                                   struct cp_run *run) {
    struct abi_pm4_indirect_buffer jump;
    memcpy(&jump, packet->ib_jump_cmd, sizeof jump);
    if (!is_call(jump.header) || !(jump.control & ABI_PM4_IB_VALID))
        return cp_pm4_refuse(queue, jump.header, "expected a valid INDIRECT_BUFFER");
    return cp_pm4_execute(queue, packet->ib_jump_cmd, sizeof jump / DWORD, run);
}
