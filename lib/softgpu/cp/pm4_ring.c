/* SPDX-License-Identifier: MIT */
/* Compute queues that take PM4 packets: a ring of dwords. Its write pointer may count on or wrap;
 * its read pointer is 32 bits and wraps, as CP_HQD_PQ_RPTR. */
#include "abi/pm4.h"
#include "softgpu/cp/engine.h"

#include <stdio.h>
#include <string.h>

enum { DWORD = sizeof(uint32_t) };

static uint32_t ring_mask(const struct sg_cp_queue *queue) {
    return (uint32_t)(atomic_load_explicit(&queue->ring_bytes, memory_order_relaxed) / DWORD - 1);
}

static uint32_t position(const struct sg_cp_queue *queue) {
    return __atomic_load_n((const uint32_t *)(const void *)queue->read_index, __ATOMIC_RELAXED);
}

/// Dwords published and not yet consumed.
static uint32_t available(const struct sg_cp_queue *queue) {
    const uint32_t write =
        __atomic_load_n((const uint32_t *)(const void *)queue->write_index, __ATOMIC_ACQUIRE);
    return (write - position(queue)) & ring_mask(queue);
}

static const uint32_t *ring_of(const struct sg_cp_queue *queue) {
    return (const uint32_t *)(const void *)atomic_load_explicit(&queue->ring, memory_order_relaxed);
}

static bool has_work(const struct sg_cp_queue *queue) {
    const uint32_t count = available(queue);
    if (count != 0 && queue->pm4.skip_dwords != 0)
        return true;
    return count != 0 &&
           count >= cp_pm4_packet_dwords(ring_of(queue)[position(queue) & ring_mask(queue)]);
}

/// The packet at the read pointer in one piece.
static const uint32_t *fetch(struct sg_cp_queue *queue, uint32_t count) {
    const uint32_t *ring = ring_of(queue);
    const uint32_t mask = ring_mask(queue);
    const uint32_t first = position(queue) & mask;
    if (first + count <= mask + 1)
        return ring + first;
    for (uint32_t i = 0; i < count; i++)
        queue->pm4.packet[i] = ring[(first + i) & mask];
    return queue->pm4.packet;
}

static enum cp_step advance(struct sg_cp_queue *queue, uint32_t dwords) {
    __atomic_store_n((uint32_t *)(void *)queue->read_index,
                     (position(queue) + dwords) & ring_mask(queue), __ATOMIC_RELEASE);
    return CP_STEP_DONE;
}

static enum cp_step step(struct sg_cp_queue *queue, struct cp_run *run) {
    sg_tlb_sync(&queue->tlb);
    if (!has_work(queue))
        return CP_STEP_EMPTY;
    /* Packets invalidate code and copy: work for the queue's thread. */
    if (run->is_inline)
        return CP_STEP_HAND_OVER;
    const uint32_t mask = ring_mask(queue);
    const uint32_t at = position(queue);
    if (queue->pm4.skip_dwords != 0 && queue->pm4.depth == 0)
        return advance(queue, cp_pm4_skip(queue, available(queue)));
    const uint32_t count = cp_pm4_packet_dwords(ring_of(queue)[at & mask]);
    const enum cp_step result = cp_pm4_execute(queue, fetch(queue, count), count, run);
    return result == CP_STEP_DONE ? advance(queue, count) : result;
}

static void describe(const struct sg_cp_queue *queue, char *text, size_t capacity) {
    const uint32_t at = position(queue) & ring_mask(queue);
    const uint32_t count = available(queue);
    snprintf(text, capacity, "read %u, %u dwords published, packet %s", at, count,
             count == 0 ? "none" : cp_pm4_opcode_name(ABI_PM4_OPCODE(ring_of(queue)[at])));
}

const struct cp_engine cp_engine_pm4 = {
    .name = "PM4", .step = step, .is_guarded = true, .has_work = has_work, .describe = describe};
