/* SPDX-License-Identifier: MIT */
#include "softgpu/common/options.h"
#include "softgpu/cp/engine.h"

#include <stdio.h>
#include <string.h>

static uint8_t *packet_slot(const struct sg_cp_queue *queue, uint64_t index) {
    const uint64_t bytes = atomic_load_explicit(&queue->ring_bytes, memory_order_relaxed);
    return atomic_load_explicit(&queue->ring, memory_order_relaxed) +
           (index * ABI_AQL_PACKET_BYTES & (bytes - 1));
}

static uint16_t load_header(const uint8_t *slot) {
    return __atomic_load_n((const uint16_t *)(const void *)slot, __ATOMIC_ACQUIRE);
}

static bool has_work(const struct sg_cp_queue *queue) {
    const uint64_t read = __atomic_load_n(queue->read_index, __ATOMIC_RELAXED);
    if (read == __atomic_load_n(queue->write_index, __ATOMIC_ACQUIRE))
        return false;
    return abi_aql_type(load_header(packet_slot(queue, read))) != ABI_AQL_INVALID;
}

/// Hands the slot back: its header first, so that a producer that sees the new read index finds an
/// invalid packet there.
static void retire(struct sg_cp_queue *queue) {
    const uint64_t read = __atomic_load_n(queue->read_index, __ATOMIC_RELAXED);
    uint16_t *header = (uint16_t *)(void *)packet_slot(queue, read);
    __atomic_store_n(header, (uint16_t)ABI_AQL_INVALID, __ATOMIC_RELEASE);
    __atomic_store_n(queue->read_index, read + 1, __ATOMIC_RELEASE);
}

/// Consumes the packet and completes it.
static enum cp_step finish(struct sg_cp_queue *queue, uint64_t start_ts) {
    const uint64_t handle = queue->aql.packet.completion_signal;
    const uint64_t end_ts = cp_clock_ticks();
    retire(queue);
    cp_signal_complete(queue, handle, start_ts, end_ts);
    return CP_STEP_DONE;
}

/// The delay that the user asked for, within the dispatch's own time.
static void delay(void) {
    enum { NS_PER_TICK = 10 };
    const uint64_t end = cp_clock_ticks() + sg_delay_ns / NS_PER_TICK;
    while (cp_clock_ticks() < end)
        __builtin_ia32_pause();
}

static enum cp_step step_dispatch(struct sg_cp_queue *queue, struct cp_run *run) {
    struct cp_aql *aql = &queue->aql;
    const enum cp_step step = cp_dispatch_step(queue, run);
    if (step != CP_STEP_DONE)
        return step;
    if (__builtin_expect(sg_delay_ns != 0, 0))
        delay();
    finish(queue, aql->start_ts);
    const uint32_t properties = __atomic_load_n(&aql->queue->queue_properties, __ATOMIC_ACQUIRE);
    if (aql->packet.private_segment_size != 0 && (properties & ABI_QUEUE_PROPERTY_SCRATCH_ONCE)) {
        aql->stall = CP_STALL_RECLAIM;
        cp_queue_signal_error(queue, ABI_QUEUE_ERROR_SCRATCH_RECLAIM);
    }
    return CP_STEP_DONE;
}

/// Looks at the dependencies of a barrier packet. Returns false when the queue was stopped.
static bool barrier_satisfied(struct sg_cp_queue *queue, bool is_or, bool *out_satisfied) {
    struct abi_aql_barrier barrier;
    memcpy(&barrier, &queue->aql.packet, sizeof barrier);
    uint32_t dependencies = 0;
    uint32_t zeros = 0;
    for (size_t i = 0; i < sizeof barrier.dep_signal / sizeof barrier.dep_signal[0]; i++) {
        int64_t value;
        if (barrier.dep_signal[i] == 0)
            continue;
        dependencies++;
        if (!cp_signal_load(queue, barrier.dep_signal[i], &value))
            return false;
        zeros += value == 0;
    }
    *out_satisfied = dependencies == 0 || (is_or ? zeros > 0 : zeros == dependencies);
    return true;
}

static enum cp_step step_barrier(struct sg_cp_queue *queue, struct cp_run *run) {
    (void)run;
    bool satisfied = false;
    const bool is_or = abi_aql_type(queue->aql.packet.header) == ABI_AQL_BARRIER_OR;
    if (!barrier_satisfied(queue, is_or, &satisfied))
        return CP_STEP_STOP;
    return satisfied ? finish(queue, queue->aql.start_ts) : CP_STEP_WAIT;
}

static enum cp_step step_barrier_value(struct sg_cp_queue *queue) {
    enum { EQ, NE, LT, GTE };
    struct abi_aql_barrier_value barrier;
    int64_t value;
    memcpy(&barrier, &queue->aql.packet, sizeof barrier);
    if (barrier.cond > GTE || barrier.signal == 0)
        return cp_queue_fail(queue, ABI_QUEUE_ERROR_VENDOR_PACKET);
    if (!cp_signal_load(queue, barrier.signal, &value))
        return CP_STEP_STOP;
    value &= barrier.mask;
    const bool results[] = {[EQ] = value == barrier.value,
                            [NE] = value != barrier.value,
                            [LT] = value < barrier.value,
                            [GTE] = value >= barrier.value};
    return results[barrier.cond] ? finish(queue, queue->aql.start_ts) : CP_STEP_WAIT;
}

static enum cp_step step_vendor(struct sg_cp_queue *queue, struct cp_run *run) {
    struct abi_aql_pm4_ib packet;
    memcpy(&packet, &queue->aql.packet, sizeof packet);
    const unsigned format = packet.amd_format & 0xffu;
    if (format == ABI_AQL_AMD_BARRIER_VALUE)
        return step_barrier_value(queue);
    if (format != ABI_AQL_AMD_PM4_IB)
        return cp_queue_fail(queue, ABI_QUEUE_ERROR_VENDOR_PACKET);
    /* Invalidating decoded code takes locks. */
    if (run->is_inline)
        return CP_STEP_HAND_OVER;
    const enum cp_step step = cp_pm4_execute_vendor(queue, &packet, run);
    return step == CP_STEP_DONE ? finish(queue, queue->aql.start_ts) : step;
}

/// The runtime answers a stall by storing 0 to the inactive signal; no doorbell comes with it.
static bool stall_is_over(struct sg_cp_queue *queue) {
    struct abi_queue *amd_queue = queue->aql.queue;
    int64_t value = 0;
    const uint64_t handle = __atomic_load_n(&amd_queue->queue_inactive_signal, __ATOMIC_ACQUIRE);
    if (handle != 0 && (!cp_signal_load(queue, handle, &value) || value != 0))
        return false;
    /* The runtime clears the property after the signal; looking at the next packet in between
     * would race with its read-modify-write of the properties. */
    if (queue->aql.stall == CP_STALL_RECLAIM &&
        (__atomic_load_n(&amd_queue->queue_properties, __ATOMIC_ACQUIRE) &
         ABI_QUEUE_PROPERTY_SCRATCH_ONCE))
        return false;
    queue->aql.stall = CP_STALL_NONE;
    return true;
}

static bool scopes_are_valid(uint16_t header) {
    const unsigned acquire = header >> ABI_AQL_HEADER_ACQUIRE_SHIFT & 3u;
    const unsigned release = header >> ABI_AQL_HEADER_RELEASE_SHIFT & 3u;
    return acquire <= ABI_AQL_SCOPE_SYSTEM && release <= ABI_AQL_SCOPE_SYSTEM;
}

/// Packets of one queue run one after the other, so the barrier bit has nothing left to do; the
/// acquire and release scopes are the fences of the loads and stores of header, read index and
/// signals (the device shares the host's coherent memory).
static enum cp_step step(struct sg_cp_queue *queue, struct cp_run *run) {
    static enum cp_step (*const handlers[])(struct sg_cp_queue *, struct cp_run *) = {
        [ABI_AQL_VENDOR] = step_vendor,
        [ABI_AQL_KERNEL_DISPATCH] = step_dispatch,
        [ABI_AQL_BARRIER_AND] = step_barrier,
        [ABI_AQL_BARRIER_OR] = step_barrier,
    };
    struct cp_aql *aql = &queue->aql;

    sg_tlb_sync(&queue->tlb);
    if (queue->is_running)
        return handlers[abi_aql_type(aql->packet.header)](queue, run);
    if (aql->stall != CP_STALL_NONE && !stall_is_over(queue))
        return atomic_load(&queue->is_stopped) ? CP_STEP_STOP : CP_STEP_WAIT;
    if (!has_work(queue))
        return CP_STEP_EMPTY;
    const uint64_t read = __atomic_load_n(queue->read_index, __ATOMIC_RELAXED);
    const uint8_t *slot = packet_slot(queue, read);
    const bool is_new = aql->seen_index != read + 1;
    memcpy(&aql->packet, slot, sizeof aql->packet);
    aql->packet.header = load_header(slot);
    const unsigned type = abi_aql_type(aql->packet.header);
    if (is_new) {
        /* A waiting packet is looked at again and again; it starts and is traced once. */
        aql->seen_index = read + 1;
        aql->start_ts = cp_clock_ticks();
        if (sg_trace_on(SG_TRACE_PACKET))
            cp_trace_aql(queue, read, &aql->packet);
    }
    if (type >= sizeof handlers / sizeof handlers[0] || !handlers[type] ||
        !scopes_are_valid(aql->packet.header))
        return cp_queue_fail(queue, ABI_QUEUE_ERROR_PACKET);
    return handlers[type](queue, run);
}

static void describe(const struct sg_cp_queue *queue, char *text, size_t capacity) {
    const uint64_t read = __atomic_load_n(queue->read_index, __ATOMIC_RELAXED);
    const uint64_t write = __atomic_load_n(queue->write_index, __ATOMIC_RELAXED);
    const char *name = "none";
    if (read != write)
        name = cp_aql_type_name(abi_aql_type(load_header(packet_slot(queue, read))));
    snprintf(text, capacity, "read %llu write %llu packet %s%s", (unsigned long long)read,
             (unsigned long long)write, name,
             queue->aql.stall == CP_STALL_SCRATCH   ? " (waits for scratch memory)"
             : queue->aql.stall == CP_STALL_RECLAIM ? " (waits for scratch reclaim)"
                                                    : "");
}

const struct cp_engine cp_engine_aql = {
    .name = "AQL", .step = step, .has_work = has_work, .describe = describe};
