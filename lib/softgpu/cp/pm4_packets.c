/* SPDX-License-Identifier: MIT */
/* What each PM4 packet does. */
#include "abi/pm4.h"
#include "abi/sdma.h"
#include "softgpu/common/options.h"
#include "softgpu/cp/engine.h"

#include <string.h>

enum { DWORD = sizeof(uint32_t) };

bool cp_poll_compare(uint32_t func, uint32_t value, uint32_t reference) {
    const bool results[] = {
        [ABI_POLL_ALWAYS] = true,
        [ABI_POLL_LT] =
            value<reference, [ABI_POLL_LE] = value <= reference, [ABI_POLL_EQ] = value == reference,
                  [ABI_POLL_NE] = value != reference, [ABI_POLL_GE] = value >= reference,
                  [ABI_POLL_GT] = value>
                reference,
    };
    return func >= sizeof results / sizeof results[0] || results[func];
}

/* Each takes the packet's dwords (as many as its row says at least). CP_STEP_DONE: go on behind
 * it; CP_STEP_AGAIN, CP_STEP_WAIT: call it again. */

static enum cp_step nop(struct sg_cp_queue *queue, const uint32_t *dwords, uint32_t count,
                        struct cp_run *run) {
    (void)queue, (void)dwords, (void)count, (void)run;
    return CP_STEP_DONE;
}

static enum cp_step acquire_mem(struct sg_cp_queue *queue, const uint32_t *dwords, uint32_t count,
                                struct cp_run *run) {
    struct abi_pm4_acquire_mem packet;
    enum { COHER_UNIT_LOG2 = 8 };
    (void)count, (void)run;
    memcpy(&packet, dwords, sizeof packet);
    atomic_thread_fence(memory_order_seq_cst);
    if (!(packet.coher_cntl & ABI_PM4_COHER_ICACHE))
        return CP_STEP_DONE;
    const uint64_t units = abi_join64(packet.coher_size, packet.coher_size_hi & 0xffu);
    const uint64_t base = abi_join64(packet.coher_base, packet.coher_base_hi & 0xffffffu);
    const bool is_all = units >= UINT64_C(0xffffffffff) >> COHER_UNIT_LOG2;
    sg_cu_invalidate_code(queue->cp->config.cu, is_all ? 0 : base << COHER_UNIT_LOG2,
                          is_all ? UINT64_MAX : units << COHER_UNIT_LOG2);
    return CP_STEP_DONE;
}

static enum cp_step release_mem(struct sg_cp_queue *queue, const uint32_t *dwords, uint32_t count,
                                struct cp_run *run) {
    static const uint64_t data_bytes[8] = {[ABI_PM4_RELEASE_DATA_32] = sizeof(uint32_t),
                                           [ABI_PM4_RELEASE_DATA_64] = sizeof(uint64_t),
                                           [ABI_PM4_RELEASE_DATA_CLOCK] = sizeof(uint64_t)};
    struct abi_pm4_release_mem packet = {0};
    (void)run;
    memcpy(&packet, dwords, count * DWORD < sizeof packet ? count * DWORD : sizeof packet);
    const uint32_t kind = ABI_PM4_RELEASE_DATA(packet.select);
    const uint64_t data = kind == ABI_PM4_RELEASE_DATA_CLOCK
                              ? cp_clock_ticks()
                              : abi_join64(packet.data_lo, packet.data_hi);
    atomic_thread_fence(memory_order_seq_cst);
    if (data_bytes[kind] != 0 &&
        !cp_store(queue, abi_join64(packet.addr_lo, packet.addr_hi), &data, data_bytes[kind]))
        return CP_STEP_STOP;
    const uint32_t interrupt = ABI_PM4_RELEASE_INT(packet.select);
    if (interrupt == ABI_PM4_RELEASE_INT_ONLY || interrupt == ABI_PM4_RELEASE_INT_CONFIRMED)
        queue->cp->config.sink.event(queue->cp->config.sink.context, packet.int_context);
    cp_notify(queue->cp);
    return CP_STEP_DONE;
}

static enum cp_step write_data(struct sg_cp_queue *queue, const uint32_t *dwords, uint32_t count,
                               struct cp_run *run) {
    struct abi_pm4_write_data packet;
    const uint32_t head = sizeof packet / DWORD;
    (void)run;
    memcpy(&packet, dwords, sizeof packet);
    if (!(1u << ABI_PM4_WRITE_DST(packet.control) & ABI_PM4_WRITE_DST_MEMORY_MASK))
        return cp_pm4_refuse(queue, packet.header, "its destination is not memory");
    const uint64_t va = abi_join64(packet.addr_lo, packet.addr_hi);
    for (uint32_t i = head; i < count; i++) {
        const uint64_t offset =
            packet.control & ABI_PM4_WRITE_ONE_ADDR ? 0 : (uint64_t)(i - head) * DWORD;
        if (!cp_store(queue, va + offset, &dwords[i], DWORD))
            return CP_STEP_STOP;
    }
    cp_notify(queue->cp);
    return CP_STEP_DONE;
}

static enum cp_step wait_reg_mem(struct sg_cp_queue *queue, const uint32_t *dwords, uint32_t count,
                                 struct cp_run *run) {
    struct abi_pm4_wait_reg_mem packet;
    (void)count, (void)run;
    memcpy(&packet, dwords, sizeof packet);
    if (!(packet.control & ABI_PM4_WAIT_MEMORY))
        return cp_pm4_refuse(queue, packet.header, "waits for a register");
    const uint64_t va = abi_join64(packet.addr_lo, packet.addr_hi) & ~UINT64_C(3);
    const uint32_t *host = cp_host(queue, va, DWORD, SG_VM_READ);
    if (!host)
        return CP_STEP_STOP;
    const uint32_t value = __atomic_load_n(host, __ATOMIC_ACQUIRE) & packet.mask;
    return cp_poll_compare(ABI_PM4_WAIT_FUNC(packet.control), value, packet.reference)
               ? CP_STEP_DONE
               : CP_STEP_WAIT;
}

static enum cp_step atomic_mem(struct sg_cp_queue *queue, const uint32_t *dwords, uint32_t count,
                               struct cp_run *run) {
    struct abi_pm4_atomic_mem packet;
    (void)count, (void)run;
    memcpy(&packet, dwords, sizeof packet);
    const struct cp_atomic atomic = {.operation = ABI_PM4_ATOMIC_OP(packet.control),
                                     .va = abi_join64(packet.addr_lo, packet.addr_hi),
                                     .source = abi_join64(packet.src_lo, packet.src_hi),
                                     .compare = abi_join64(packet.cmp_lo, packet.cmp_hi),
                                     .is_loop = ABI_PM4_ATOMIC_LOOP(packet.control)};
    if (cp_atomic_bytes(atomic.operation) == 0)
        return cp_pm4_refuse(queue, packet.header, "no such operation");
    return cp_atomic_execute(queue, &atomic);
}

/// Where a COPY_DATA takes its value from. Returns false when the queue was stopped.
static bool copy_data_source(struct sg_cp_queue *queue, const struct abi_pm4_copy_data *packet,
                             uint64_t bytes, uint64_t *out_value) {
    const uint64_t va = abi_join64(packet->src_lo, packet->src_hi);
    const uint32_t kind = ABI_PM4_COPY_SRC(packet->control);
    *out_value = va;
    if (kind == ABI_PM4_COPY_SRC_IMMEDIATE)
        return true;
    if (kind == ABI_PM4_COPY_SRC_CLOCK) {
        *out_value = cp_clock_ticks();
        return true;
    }
    if (kind != ABI_PM4_COPY_SRC_MEMORY && kind != ABI_PM4_COPY_SRC_L2) {
        cp_pm4_refuse(queue, packet->header, "its source is no memory");
        return false;
    }
    const void *host = cp_host(queue, va & ~(bytes - 1), bytes, SG_VM_READ);
    if (host)
        *out_value = bytes == DWORD ? __atomic_load_n((const uint32_t *)host, __ATOMIC_ACQUIRE)
                                    : __atomic_load_n((const uint64_t *)host, __ATOMIC_ACQUIRE);
    return host != NULL;
}

static enum cp_step copy_data(struct sg_cp_queue *queue, const uint32_t *dwords, uint32_t count,
                              struct cp_run *run) {
    struct abi_pm4_copy_data packet;
    (void)count, (void)run;
    memcpy(&packet, dwords, sizeof packet);
    const uint32_t target = ABI_PM4_COPY_DST(packet.control);
    const uint64_t bytes = packet.control & ABI_PM4_COPY_64BIT ? sizeof(uint64_t) : DWORD;
    const uint64_t va = abi_join64(packet.dst_lo, packet.dst_hi) & ~(bytes - 1);
    uint64_t value;
    if (!(1u << target & ABI_PM4_COPY_DST_MEMORY_MASK))
        return cp_pm4_refuse(queue, packet.header, "its destination is not memory");
    if (!copy_data_source(queue, &packet, bytes, &value) || !cp_store(queue, va, &value, bytes))
        return CP_STEP_STOP;
    cp_notify(queue->cp);
    return CP_STEP_DONE;
}

static enum cp_step dma_data(struct sg_cp_queue *queue, const uint32_t *dwords, uint32_t count,
                             struct cp_run *run) {
    struct abi_pm4_dma_data packet;
    (void)count, (void)run;
    memcpy(&packet, dwords, sizeof packet);
    const uint32_t source = ABI_PM4_DMA_SRC(packet.control);
    const uint32_t target = ABI_PM4_DMA_DST(packet.control);
    if ((packet.command & ABI_PM4_DMA_REGISTER_MASK) || !(1u << target & ABI_PM4_DMA_MEMORY_MASK) ||
        !(1u << source & (ABI_PM4_DMA_MEMORY_MASK | 1u << ABI_PM4_DMA_IMMEDIATE)))
        return cp_pm4_refuse(queue, packet.header, "its source or destination is no memory");
    const uint64_t total = ABI_PM4_DMA_BYTES(packet.command);
    uint64_t *done = &queue->pm4.progress;
    const uint64_t left = total - *done;
    const uint64_t bytes = left < CP_COPY_CHUNK_BYTES ? left : CP_COPY_CHUNK_BYTES;
    const uint64_t to = abi_join64(packet.dst_lo, packet.dst_hi) + *done;
    const bool is_ok =
        source == ABI_PM4_DMA_IMMEDIATE
            ? cp_fill(queue, to, packet.src_lo, DWORD, bytes)
            : cp_copy(queue, to, abi_join64(packet.src_lo, packet.src_hi) + *done, bytes);
    *done = *done + bytes < total ? *done + bytes : 0;
    if (!is_ok)
        return CP_STEP_STOP;
    if (*done != 0)
        return CP_STEP_AGAIN;
    cp_notify(queue->cp);
    return CP_STEP_DONE;
}

static enum cp_step cond_exec(struct sg_cp_queue *queue, const uint32_t *dwords, uint32_t count,
                              struct cp_run *run) {
    struct abi_pm4_cond_exec packet;
    (void)count, (void)run;
    memcpy(&packet, dwords, sizeof packet);
    const uint32_t *host =
        cp_host(queue, abi_join64(packet.addr_lo & ~3u, packet.addr_hi), DWORD, SG_VM_READ);
    if (!host)
        return CP_STEP_STOP;
    if (__atomic_load_n(host, __ATOMIC_ACQUIRE) == 0)
        queue->pm4.skip_dwords = ABI_PM4_EXEC_COUNT(packet.exec_count);
    return CP_STEP_DONE;
}

/// Selects and controls performance counters and traces, of which there are none to steer.
static enum cp_step set_uconfig_reg(struct sg_cp_queue *queue, const uint32_t *dwords,
                                    uint32_t count, struct cp_run *run) {
    (void)run;
    if (sg_trace_on(SG_TRACE_PACKET))
        sg_trace_line("packet queue %u   %u registers from 0x%x on: without effect",
                      queue->config.queue_id, count - 2, 0xc000u + (dwords[1] & 0xffffu));
    return CP_STEP_DONE;
}

/// One row per packet that is executed; names of the others are for messages.
static const struct row {
    uint32_t opcode;
    const char *name;
    enum cp_step (*execute)(struct sg_cp_queue *, const uint32_t *, uint32_t, struct cp_run *);
    uint32_t least_dwords;
} rows[] = {
    {ABI_PM4_NOP, "NOP", nop, 1},
    {ABI_PM4_EVENT_WRITE, "EVENT_WRITE", nop, 2},
    {ABI_PM4_ACQUIRE_MEM, "ACQUIRE_MEM", acquire_mem, 7},
    {ABI_PM4_RELEASE_MEM, "RELEASE_MEM", release_mem, 7},
    {ABI_PM4_WRITE_DATA, "WRITE_DATA", write_data, 5},
    {ABI_PM4_WAIT_REG_MEM, "WAIT_REG_MEM", wait_reg_mem, 7},
    {ABI_PM4_ATOMIC_MEM, "ATOMIC_MEM", atomic_mem, 9},
    {ABI_PM4_COPY_DATA, "COPY_DATA", copy_data, 6},
    {ABI_PM4_DMA_DATA, "DMA_DATA", dma_data, 7},
    {ABI_PM4_SET_SH_REG, "SET_SH_REG", cp_pm4_set_sh_reg, 3},
    {ABI_PM4_SET_UCONFIG_REG, "SET_UCONFIG_REG", set_uconfig_reg, 3},
    {ABI_PM4_DISPATCH_DIRECT, "DISPATCH_DIRECT", cp_pm4_dispatch_direct, 5},
    {ABI_PM4_DISPATCH_INDIRECT, "DISPATCH_INDIRECT", cp_pm4_dispatch_indirect, 4},
    {ABI_PM4_COND_EXEC, "COND_EXEC", cond_exec, 5},
    {ABI_PM4_INDIRECT_BUFFER, "INDIRECT_BUFFER", NULL, 4},
    {ABI_PM4_CLEAR_STATE, "CLEAR_STATE", NULL, 2},
    {ABI_PM4_CONTEXT_CONTROL, "CONTEXT_CONTROL", NULL, 3},
    {ABI_PM4_MEM_SEMAPHORE, "MEM_SEMAPHORE", NULL, 3},
    {ABI_PM4_COND_WRITE, "COND_WRITE", NULL, 9},
    {ABI_PM4_SET_CONFIG_REG, "SET_CONFIG_REG", NULL, 3},
    {ABI_PM4_SET_CONTEXT_REG, "SET_CONTEXT_REG", NULL, 3},
};

static const struct row *find_row(uint32_t opcode) {
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        if (rows[i].opcode == opcode)
            return &rows[i];
    return NULL;
}

const char *cp_pm4_opcode_name(uint32_t opcode) {
    const struct row *row = find_row(opcode);
    return row ? row->name : "unknown";
}

enum cp_step cp_pm4_packet(struct sg_cp_queue *queue, const uint32_t *dwords, uint32_t count,
                           struct cp_run *run) {
    const uint32_t header = dwords[0];
    if (ABI_PM4_TYPE(header) == ABI_PM4_TYPE_FILLER)
        return CP_STEP_DONE;
    const struct row *row = find_row(ABI_PM4_OPCODE(header));
    if (ABI_PM4_TYPE(header) != ABI_PM4_TYPE_PACKET || !row || !row->execute)
        return cp_pm4_refuse(queue, header, "not supported");
    if (count < row->least_dwords)
        return cp_pm4_refuse(queue, header, "too short");
    if (sg_trace_on(SG_TRACE_PACKET))
        sg_trace_line("packet queue %u   PM4 %s, %u dwords", queue->config.queue_id, row->name,
                      count);
    return row->execute(queue, dwords, count, run);
}
