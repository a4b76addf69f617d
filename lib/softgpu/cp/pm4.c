/* SPDX-License-Identifier: MIT */
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
 * it. */

static enum cp_step nop(struct sg_cp_queue *queue, const uint32_t *dwords, uint32_t count) {
    (void)queue, (void)dwords, (void)count;
    return CP_STEP_DONE;
}

static enum cp_step acquire_mem(struct sg_cp_queue *queue, const uint32_t *dwords, uint32_t count) {
    struct abi_pm4_acquire_mem packet;
    enum { COHER_UNIT_LOG2 = 8 };
    (void)count;
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

static enum cp_step release_mem(struct sg_cp_queue *queue, const uint32_t *dwords, uint32_t count) {
    static const uint64_t data_bytes[8] = {[ABI_PM4_RELEASE_DATA_32] = sizeof(uint32_t),
                                           [ABI_PM4_RELEASE_DATA_64] = sizeof(uint64_t),
                                           [ABI_PM4_RELEASE_DATA_CLOCK] = sizeof(uint64_t)};
    struct abi_pm4_release_mem packet = {0};
    memcpy(&packet, dwords, count * DWORD < sizeof packet ? count * DWORD : sizeof packet);
    const uint32_t kind = ABI_PM4_RELEASE_DATA(packet.select);
    const uint64_t data = kind == ABI_PM4_RELEASE_DATA_CLOCK
                              ? cp_clock_ticks()
                              : abi_join64(packet.data_lo, packet.data_hi);
    atomic_thread_fence(memory_order_seq_cst);
    if (data_bytes[kind] != 0 &&
        !cp_store(queue, abi_join64(packet.addr_lo, packet.addr_hi), &data, data_bytes[kind]))
        return CP_STEP_STOP;
    if (ABI_PM4_RELEASE_INT(packet.select) != 0)
        queue->cp->config.sink.event(queue->cp->config.sink.context, packet.int_context);
    cp_notify(queue->cp);
    return CP_STEP_DONE;
}

static enum cp_step write_data(struct sg_cp_queue *queue, const uint32_t *dwords, uint32_t count) {
    struct abi_pm4_write_data packet;
    const uint32_t head = sizeof packet / DWORD;
    memcpy(&packet, dwords, sizeof packet);
    if (!(1u << ABI_PM4_WRITE_DST(packet.control) & ABI_PM4_WRITE_DST_MEMORY_MASK))
        return cp_queue_fail(queue, ABI_QUEUE_ERROR_VENDOR_PACKET);
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

static enum cp_step wait_reg_mem(struct sg_cp_queue *queue, const uint32_t *dwords,
                                 uint32_t count) {
    struct abi_pm4_wait_reg_mem packet;
    (void)count;
    memcpy(&packet, dwords, sizeof packet);
    if (!(packet.control & ABI_PM4_WAIT_MEMORY))
        return cp_queue_fail(queue, ABI_QUEUE_ERROR_VENDOR_PACKET);
    const uint64_t va = abi_join64(packet.addr_lo, packet.addr_hi) & ~UINT64_C(3);
    const uint32_t *host = cp_host(queue, va, DWORD, SG_VM_READ);
    if (!host)
        return CP_STEP_STOP;
    const uint32_t value = __atomic_load_n(host, __ATOMIC_ACQUIRE) & packet.mask;
    return cp_poll_compare(ABI_PM4_WAIT_FUNC(packet.control), value, packet.reference)
               ? CP_STEP_DONE
               : CP_STEP_WAIT;
}

static enum cp_step atomic_mem(struct sg_cp_queue *queue, const uint32_t *dwords, uint32_t count) {
    struct abi_pm4_atomic_mem packet;
    (void)count;
    memcpy(&packet, dwords, sizeof packet);
    const struct cp_atomic atomic = {.operation = ABI_PM4_ATOMIC_OP(packet.control),
                                     .va = abi_join64(packet.addr_lo, packet.addr_hi),
                                     .source = abi_join64(packet.src_lo, packet.src_hi),
                                     .compare = abi_join64(packet.cmp_lo, packet.cmp_hi),
                                     .is_loop = ABI_PM4_ATOMIC_LOOP(packet.control)};
    if (cp_atomic_bytes(atomic.operation) == 0)
        return cp_queue_fail(queue, ABI_QUEUE_ERROR_VENDOR_PACKET);
    return cp_atomic_execute(queue, &atomic);
}

/// One row per packet that is executed; names of the others are for messages.
static const struct row {
    uint32_t opcode;
    const char *name;
    enum cp_step (*execute)(struct sg_cp_queue *, const uint32_t *, uint32_t);
    uint32_t least_dwords;
} rows[] = {
    {ABI_PM4_NOP, "NOP", nop, 1},
    {ABI_PM4_EVENT_WRITE, "EVENT_WRITE", nop, 2},
    {ABI_PM4_ACQUIRE_MEM, "ACQUIRE_MEM", acquire_mem, 7},
    {ABI_PM4_RELEASE_MEM, "RELEASE_MEM", release_mem, 7},
    {ABI_PM4_WRITE_DATA, "WRITE_DATA", write_data, 5},
    {ABI_PM4_WAIT_REG_MEM, "WAIT_REG_MEM", wait_reg_mem, 7},
    {ABI_PM4_ATOMIC_MEM, "ATOMIC_MEM", atomic_mem, 9},
    {ABI_PM4_INDIRECT_BUFFER, "INDIRECT_BUFFER", NULL, 4},
    {ABI_PM4_COPY_DATA, "COPY_DATA", NULL, 6},
    {ABI_PM4_DMA_DATA, "DMA_DATA", NULL, 7},
    {ABI_PM4_SET_SH_REG, "SET_SH_REG", NULL, 3},
    {ABI_PM4_SET_UCONFIG_REG, "SET_UCONFIG_REG", NULL, 3},
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

/// Dwords of the packet that begins with `header`.
static uint32_t packet_dwords(uint32_t header) {
    enum { TYPE_2_FILLER = 2 };
    if (ABI_PM4_TYPE(header) == TYPE_2_FILLER ||
        (ABI_PM4_OPCODE(header) == ABI_PM4_NOP &&
         ABI_PM4_BODY_DWORDS(header) == ABI_PM4_NOP_ALONE + 1u))
        return 1;
    return 1 + ABI_PM4_BODY_DWORDS(header);
}

static enum cp_step refuse(struct sg_cp_queue *queue, uint32_t header, const char *why) {
    const uint32_t opcode = ABI_PM4_OPCODE(header);
    sg_trace_line("queue %u: PM4 packet %s (opcode 0x%02x, header 0x%08x): %s",
                  queue->config.queue_id, cp_pm4_opcode_name(opcode), opcode, header, why);
    return cp_queue_fail(queue, ABI_QUEUE_ERROR_VENDOR_PACKET);
}

static enum cp_step execute(struct sg_cp_queue *queue, const uint32_t *dwords, uint32_t count) {
    enum { TYPE_2_FILLER = 2, TYPE_3 = 3 };
    const uint32_t header = dwords[0];
    if (ABI_PM4_TYPE(header) == TYPE_2_FILLER)
        return CP_STEP_DONE;
    const struct row *row = find_row(ABI_PM4_OPCODE(header));
    if (ABI_PM4_TYPE(header) != TYPE_3 || !row || !row->execute)
        return refuse(queue, header, "not supported");
    if (count < row->least_dwords)
        return refuse(queue, header, "too short");
    if (sg_trace_on(SG_TRACE_PACKET))
        sg_trace_line("packet queue %u   PM4 %s, %u dwords", queue->config.queue_id, row->name,
                      count);
    return row->execute(queue, dwords, count);
}

enum cp_step cp_pm4_step(struct sg_cp_queue *queue, const struct abi_aql_pm4_ib *packet) {
    struct abi_pm4_indirect_buffer jump;
    uint32_t *position = &queue->aql.ib_position;
    memcpy(&jump, packet->ib_jump_cmd, sizeof jump);
    if (ABI_PM4_OPCODE(jump.header) != ABI_PM4_INDIRECT_BUFFER ||
        !(jump.control & ABI_PM4_IB_VALID))
        return refuse(queue, jump.header, "expected a valid INDIRECT_BUFFER");
    const uint64_t va = abi_join64(jump.base_lo & ~3u, jump.base_hi & 0xffffu);
    const uint32_t total = ABI_PM4_IB_DWORDS(jump.control);
    if (total == 0)
        return CP_STEP_DONE;
    const uint32_t *buffer = cp_host(queue, va, (uint64_t)total * DWORD, SG_VM_READ);
    if (!buffer)
        return CP_STEP_STOP;
    while (*position < total) {
        const uint32_t count = packet_dwords(buffer[*position]);
        if (count > total - *position)
            return refuse(queue, buffer[*position], "longer than its buffer");
        const enum cp_step step = execute(queue, buffer + *position, count);
        if (step != CP_STEP_DONE)
            return step;
        *position += count;
    }
    return CP_STEP_DONE;
}
