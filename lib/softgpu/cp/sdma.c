/* SPDX-License-Identifier: MIT */
#include "abi/sdma.h"
#include "softgpu/common/options.h"
#include "softgpu/cp/engine.h"

#include <stdio.h>
#include <string.h>

enum { DWORD = sizeof(uint32_t), MAX_PACKET_DWORDS = 16 };

/// Where packets are fetched from: the ring, or an indirect buffer.
struct source {
    uint64_t position; ///< dwords
    uint64_t end;      ///< dwords
    bool is_indirect;
};

static uint64_t load(const uint64_t *index, int order) {
    return __atomic_load_n(index, order);
}

static bool has_work(const struct sg_cp_queue *queue) {
    const uint64_t write = load(queue->write_index, __ATOMIC_ACQUIRE);
    return load(queue->read_index, __ATOMIC_RELAXED) != write &&
           atomic_load_explicit(&queue->sdma.truncated_at, memory_order_relaxed) != write + 1;
}

static struct source source_of(const struct sg_cp_queue *queue) {
    const struct cp_sdma *sdma = &queue->sdma;
    if (sdma->ib_va != 0)
        return (struct source){sdma->ib_position, sdma->ib_dwords, true};
    return (struct source){load(queue->read_index, __ATOMIC_RELAXED) / DWORD,
                           load(queue->write_index, __ATOMIC_ACQUIRE) / DWORD, false};
}

/// Reads `count` dwords at `position`, across the ring's end. Returns false when the queue stopped.
static bool fetch(struct sg_cp_queue *queue, const struct source *source, uint64_t position,
                  uint32_t *out_dwords, uint32_t count) {
    if (source->is_indirect) {
        const uint64_t va = queue->sdma.ib_va + position * DWORD;
        const void *host = cp_host(queue, va, (uint64_t)count * DWORD, SG_VM_READ);
        if (host)
            memcpy(out_dwords, host, (size_t)count * DWORD);
        return host != NULL;
    }
    const uint32_t *ring = (const uint32_t *)(const void *)atomic_load(&queue->ring);
    const uint64_t mask = atomic_load(&queue->ring_bytes) / DWORD - 1;
    for (uint32_t i = 0; i < count; i++)
        out_dwords[i] = ring[(position + i) & mask];
    return true;
}

/// Takes `dwords` off the source; the packet that they belonged to is done.
static enum cp_step consume(struct sg_cp_queue *queue, const struct source *source,
                            uint64_t dwords) {
    struct cp_sdma *sdma = &queue->sdma;
    sdma->progress = 0;
    if (!source->is_indirect) {
        __atomic_store_n(queue->read_index, (source->position + dwords) * DWORD, __ATOMIC_RELEASE);
        return CP_STEP_DONE;
    }
    sdma->ib_position += (uint32_t)dwords;
    if (sdma->ib_position >= sdma->ib_dwords)
        sdma->ib_va = 0;
    return CP_STEP_DONE;
}

/* Each executes one packet and leaves its consumption to the caller. CP_STEP_AGAIN: sdma.progress
 * says how far it came. */

static enum cp_step nop(struct sg_cp_queue *queue, const uint32_t *dwords, struct cp_run *run) {
    (void)queue, (void)dwords, (void)run;
    return CP_STEP_DONE;
}

/// Bytes of the next chunk of a transfer of which sdma.progress bytes are done; 0: hand over.
static uint64_t chunk_bytes(const struct sg_cp_queue *queue, const struct cp_run *run,
                            uint64_t total) {
    const uint64_t left = total - queue->sdma.progress;
    if (run->is_inline)
        return left <= CP_COPY_INLINE_BYTES ? left : 0;
    return left < CP_COPY_CHUNK_BYTES ? left : CP_COPY_CHUNK_BYTES;
}

static enum cp_step advance(struct sg_cp_queue *queue, uint64_t done, uint64_t total) {
    queue->sdma.progress += done;
    return queue->sdma.progress < total ? CP_STEP_AGAIN : CP_STEP_DONE;
}

static enum cp_step copy_linear(struct sg_cp_queue *queue, const uint32_t *dwords,
                                struct cp_run *run) {
    struct abi_sdma_copy_linear packet;
    memcpy(&packet, dwords, sizeof packet);
    const uint64_t total = ABI_SDMA_COUNT(packet.count);
    const uint64_t offset = queue->sdma.progress;
    const uint64_t count = chunk_bytes(queue, run, total);
    const uint64_t src = abi_join64(packet.src_lo, packet.src_hi) + offset;
    if (count == 0)
        return CP_STEP_HAND_OVER;
    if (!cp_copy(queue, abi_join64(packet.dst_lo, packet.dst_hi) + offset, src, count))
        return CP_STEP_STOP;
    if (packet.header & ABI_SDMA_COPY_BROADCAST) {
        const uint32_t *second = dwords + sizeof packet / DWORD;
        if (!cp_copy(queue, abi_join64(second[0], second[1]) + offset, src, count))
            return CP_STEP_STOP;
    }
    return advance(queue, count, total);
}

/// One side of a rectangular copy, in bytes.
struct rect_side {
    uint64_t origin; ///< address of the rectangle's first element
    uint64_t pitch;
    uint64_t slice;
};

static struct rect_side rect_side(const uint32_t *side, uint32_t element_log2) {
    const uint64_t x = ABI_SDMA_RECT_X(side[2]);
    const uint64_t y = ABI_SDMA_RECT_Y(side[2]);
    const uint64_t z = ABI_SDMA_RECT_Z(side[3]);
    const uint64_t pitch = (uint64_t)ABI_SDMA_RECT_PITCH(side[3]) << element_log2;
    const uint64_t slice = (uint64_t)ABI_SDMA_RECT_SLICE(side[4]) << element_log2;
    return (struct rect_side){.origin = abi_join64(side[0], side[1]) + (x << element_log2) +
                                        y * pitch + z * slice,
                              .pitch = pitch,
                              .slice = slice};
}

static enum cp_step copy_rect(struct sg_cp_queue *queue, const uint32_t *dwords,
                              struct cp_run *run) {
    struct abi_sdma_copy_rect packet;
    memcpy(&packet, dwords, sizeof packet);
    const uint32_t element_log2 = ABI_SDMA_RECT_ELEMENT_LOG2(packet.header);
    const struct rect_side src =
        rect_side(dwords + offsetof(struct abi_sdma_copy_rect, src_lo) / DWORD, element_log2);
    const struct rect_side dst =
        rect_side(dwords + offsetof(struct abi_sdma_copy_rect, dst_lo) / DWORD, element_log2);
    const uint64_t width = (uint64_t)(ABI_SDMA_RECT_X(packet.rect_xy) + 1) << element_log2;
    const uint64_t height = ABI_SDMA_RECT_Y(packet.rect_xy) + 1;
    const uint64_t rows = height * (ABI_SDMA_RECT_Z(packet.rect_z) + 1);
    const uint64_t limit = run->is_inline ? CP_COPY_INLINE_BYTES : CP_COPY_CHUNK_BYTES;
    if (run->is_inline && rows * width > limit)
        return CP_STEP_HAND_OVER;
    const uint64_t first = queue->sdma.progress;
    uint64_t row = first;
    for (uint64_t bytes = 0; row < rows && bytes < limit; row++, bytes += width) {
        const uint64_t y = row % height;
        const uint64_t z = row / height;
        if (!cp_copy(queue, dst.origin + y * dst.pitch + z * dst.slice,
                     src.origin + y * src.pitch + z * src.slice, width))
            return CP_STEP_STOP;
    }
    return advance(queue, row - first, rows);
}

static enum cp_step const_fill(struct sg_cp_queue *queue, const uint32_t *dwords,
                               struct cp_run *run) {
    struct abi_sdma_const_fill packet;
    memcpy(&packet, dwords, sizeof packet);
    const uint32_t unit_log2 = ABI_SDMA_FILL_UNIT_LOG2(packet.header);
    const uint32_t unit = 1u << (unit_log2 < 2 ? unit_log2 : 2);
    /* ROCr writes the byte count less one unit, the kernel less one byte: both mean this. */
    const uint64_t total = ((packet.count & 0x3fffffu) | (unit - 1)) + 1;
    const uint64_t count = chunk_bytes(queue, run, total);
    if (count == 0)
        return CP_STEP_HAND_OVER;
    if (!cp_fill(queue, abi_join64(packet.dst_lo, packet.dst_hi) + queue->sdma.progress,
                 packet.data, unit, count))
        return CP_STEP_STOP;
    return advance(queue, count, total);
}

static enum cp_step fence(struct sg_cp_queue *queue, const uint32_t *dwords, struct cp_run *run) {
    struct abi_sdma_fence packet;
    (void)run;
    memcpy(&packet, dwords, sizeof packet);
    const uint64_t va = abi_join64(packet.addr_lo, packet.addr_hi) & ~UINT64_C(3);
    if (!cp_store(queue, va, &packet.data, sizeof packet.data))
        return CP_STEP_STOP;
    cp_notify(queue->cp);
    return CP_STEP_DONE;
}

static enum cp_step trap(struct sg_cp_queue *queue, const uint32_t *dwords, struct cp_run *run) {
    enum { CONTEXT_MASK = 0xfffffff };
    const struct sg_cp_sink *sink = &queue->cp->config.sink;
    struct abi_sdma_trap packet;
    (void)run;
    memcpy(&packet, dwords, sizeof packet);
    sink->event(sink->context, packet.context & CONTEXT_MASK);
    return CP_STEP_DONE;
}

static enum cp_step poll_regmem(struct sg_cp_queue *queue, const uint32_t *dwords,
                                struct cp_run *run) {
    struct abi_sdma_poll packet;
    (void)run;
    memcpy(&packet, dwords, sizeof packet);
    const uint32_t func = ABI_SDMA_POLL_FUNC(packet.header);
    if (!(packet.header & ABI_SDMA_POLL_MEMORY)) {
        /* Registers: only the HDP flush is for user queues; the host's memory is coherent. */
        if ((packet.header & ABI_SDMA_POLL_HDP_FLUSH) || func == ABI_POLL_ALWAYS)
            return CP_STEP_DONE;
        sg_trace_line("queue %u: SDMA POLL_REGMEM of register 0x%x: not supported",
                      queue->config.queue_id, packet.addr_lo);
        return cp_queue_fail(queue, ABI_QUEUE_ERROR_PACKET);
    }
    const uint64_t va = abi_join64(packet.addr_lo, packet.addr_hi) & ~UINT64_C(3);
    const uint32_t *host = cp_host(queue, va, DWORD, SG_VM_READ);
    if (!host)
        return CP_STEP_STOP;
    const uint32_t value = __atomic_load_n(host, __ATOMIC_ACQUIRE) & packet.mask;
    return cp_poll_compare(func, value, packet.value) ? CP_STEP_DONE : CP_STEP_WAIT;
}

static enum cp_step atomic(struct sg_cp_queue *queue, const uint32_t *dwords, struct cp_run *run) {
    struct abi_sdma_atomic packet;
    (void)run;
    memcpy(&packet, dwords, sizeof packet);
    const struct cp_atomic operation = {.operation = ABI_SDMA_ATOMIC_OP(packet.header),
                                        .va = abi_join64(packet.addr_lo, packet.addr_hi),
                                        .source = abi_join64(packet.src_lo, packet.src_hi),
                                        .compare = abi_join64(packet.cmp_lo, packet.cmp_hi),
                                        .is_loop = (packet.header & ABI_SDMA_ATOMIC_LOOP) != 0};
    if (cp_atomic_bytes(operation.operation) != 0)
        return cp_atomic_execute(queue, &operation);
    sg_trace_line("queue %u: SDMA ATOMIC operation 0x%02x: not supported", queue->config.queue_id,
                  operation.operation);
    return cp_queue_fail(queue, ABI_QUEUE_ERROR_PACKET);
}

static enum cp_step timestamp(struct sg_cp_queue *queue, const uint32_t *dwords,
                              struct cp_run *run) {
    struct abi_sdma_timestamp packet;
    (void)run;
    memcpy(&packet, dwords, sizeof packet);
    const uint64_t ticks = cp_clock_ticks();
    const uint64_t va = abi_join64(packet.addr_lo, packet.addr_hi) & ~UINT64_C(7);
    if (!cp_store(queue, va, &ticks, sizeof ticks))
        return CP_STEP_STOP;
    cp_notify(queue->cp);
    return CP_STEP_DONE;
}

/// The data of WRITE follow the packet; fetched here piece by piece because they may be long.
static enum cp_step write_linear(struct sg_cp_queue *queue, const uint32_t *dwords,
                                 struct cp_run *run) {
    const struct source source = source_of(queue);
    struct abi_sdma_write packet;
    (void)run;
    memcpy(&packet, dwords, sizeof packet);
    const uint64_t va = abi_join64(packet.dst_lo, packet.dst_hi) & ~UINT64_C(3);
    const uint32_t total = ABI_SDMA_WRITE_COUNT(packet.count);
    for (uint32_t i = 0; i < total; i++) {
        uint32_t data;
        const uint64_t position = source.position + sizeof packet / DWORD + i;
        if (!fetch(queue, &source, position, &data, 1) ||
            !cp_store(queue, va + (uint64_t)i * DWORD, &data, DWORD))
            return CP_STEP_STOP;
    }
    return CP_STEP_DONE;
}

static enum cp_step cond_exe(struct sg_cp_queue *queue, const uint32_t *dwords,
                             struct cp_run *run) {
    struct abi_sdma_cond_exe packet;
    (void)run;
    memcpy(&packet, dwords, sizeof packet);
    const uint32_t *host =
        cp_host(queue, abi_join64(packet.addr_lo & ~3u, packet.addr_hi), DWORD, SG_VM_READ);
    if (!host)
        return CP_STEP_STOP;
    if (__atomic_load_n(host, __ATOMIC_ACQUIRE) != packet.reference)
        queue->sdma.skip_dwords = ABI_SDMA_EXEC_COUNT(packet.exec_count);
    return CP_STEP_DONE;
}

/// Rows: op, sub-op (ANY: not looked at), dwords. The names are for trace and messages.
enum { ANY = -1 };
static const struct row {
    uint32_t op;
    int sub_op;
    const char *name;
    enum cp_step (*execute)(struct sg_cp_queue *, const uint32_t *, struct cp_run *);
    uint32_t dwords;
} rows[] = {
    {ABI_SDMA_NOP, ANY, "NOP", nop, 1},
    {ABI_SDMA_COPY, ABI_SDMA_COPY_LINEAR, "COPY_LINEAR", copy_linear, 7},
    {ABI_SDMA_COPY, ABI_SDMA_COPY_LINEAR_RECT, "COPY_LINEAR_SUB_WINDOW", copy_rect, 13},
    {ABI_SDMA_COPY, ANY, "COPY", NULL, 1},
    {ABI_SDMA_WRITE, ABI_SDMA_WRITE_LINEAR, "WRITE_LINEAR", write_linear, 4},
    {ABI_SDMA_WRITE, ANY, "WRITE", NULL, 1},
    {ABI_SDMA_INDIRECT, ANY, "INDIRECT", nop, 6},
    {ABI_SDMA_FENCE, ANY, "FENCE", fence, 4},
    {ABI_SDMA_TRAP, ANY, "TRAP", trap, 2},
    {ABI_SDMA_SEMAPHORE, ANY, "SEMAPHORE", NULL, 1},
    {ABI_SDMA_POLL_REGMEM, ABI_SDMA_POLL_MEM, "POLL_REGMEM", poll_regmem, 6},
    {ABI_SDMA_POLL_REGMEM, ANY, "POLL", NULL, 1},
    {ABI_SDMA_COND_EXE, ANY, "COND_EXE", cond_exe, 5},
    {ABI_SDMA_ATOMIC, ANY, "ATOMIC", atomic, 8},
    {ABI_SDMA_CONST_FILL, 0, "CONST_FILL", const_fill, 5},
    {ABI_SDMA_CONST_FILL, ANY, "DATA_FILL_MULTI", NULL, 1},
    {ABI_SDMA_PTEPDE, ANY, "PTEPDE", NULL, 1},
    {ABI_SDMA_TIMESTAMP, ABI_SDMA_TIMESTAMP_GET, "TIMESTAMP_GET", timestamp, 3},
    {ABI_SDMA_TIMESTAMP, ABI_SDMA_TIMESTAMP_GET_GLOBAL, "TIMESTAMP_GET_GLOBAL", timestamp, 3},
    {ABI_SDMA_TIMESTAMP, ANY, "TIMESTAMP_SET", NULL, 1},
    {ABI_SDMA_SRBM_WRITE, ANY, "SRBM_WRITE", NULL, 1},
    {ABI_SDMA_PRE_EXE, ANY, "PRE_EXE", NULL, 1},
    {ABI_SDMA_DUMMY_TRAP, ANY, "DUMMY_TRAP", NULL, 1},
};

static const struct row *find_row(uint32_t header) {
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        if (rows[i].op == ABI_SDMA_OP(header) &&
            (rows[i].sub_op == ANY || (uint32_t)rows[i].sub_op == ABI_SDMA_SUB_OP(header)))
            return &rows[i];
    return NULL;
}

const char *cp_sdma_op_name(uint32_t header) {
    const struct row *row = find_row(header);
    return row ? row->name : "unknown";
}

/// Dwords that belong to the packet, data included.
static uint64_t packet_dwords(const struct row *row, const uint32_t *dwords) {
    if (row->op == ABI_SDMA_NOP)
        return 1 + ABI_SDMA_NOP_COUNT(dwords[0]);
    if (row->execute == copy_linear && (dwords[0] & ABI_SDMA_COPY_BROADCAST))
        return row->dwords + 2;
    if (row->execute == write_linear)
        return row->dwords + ABI_SDMA_WRITE_COUNT(dwords[3]);
    return row->dwords;
}

static enum cp_step refuse(struct sg_cp_queue *queue, uint32_t header, const char *why) {
    sg_trace_line("queue %u: SDMA packet %s (op %u, sub-op %u, header 0x%08x): %s",
                  queue->config.queue_id, cp_sdma_op_name(header), ABI_SDMA_OP(header),
                  ABI_SDMA_SUB_OP(header), header, why);
    return cp_queue_fail(queue, ABI_QUEUE_ERROR_PACKET);
}

/// Goes on behind an INDIRECT packet with the buffer that it names.
static enum cp_step enter_indirect(struct sg_cp_queue *queue, const uint32_t *dwords) {
    struct abi_sdma_indirect packet;
    memcpy(&packet, dwords, sizeof packet);
    const uint32_t count = packet.ib_dwords & 0xfffffu;
    if (count != 0) {
        queue->sdma.ib_va = abi_join64(packet.base_lo & ~3u, packet.base_hi);
        queue->sdma.ib_dwords = count;
        queue->sdma.ib_position = 0;
    }
    return CP_STEP_DONE;
}

/// Takes off what is to be skipped, as far as it is there; nothing behind an indirect buffer's end.
static enum cp_step skip(struct sg_cp_queue *queue, const struct source *source) {
    const uint64_t available = source->end - source->position;
    uint32_t *left = &queue->sdma.skip_dwords;
    const uint32_t count = *left < available ? *left : (uint32_t)available;
    *left = source->is_indirect && count == available ? 0 : *left - count;
    return consume(queue, source, count);
}

static enum cp_step step(struct sg_cp_queue *queue, struct cp_run *run) {
    uint32_t dwords[MAX_PACKET_DWORDS] = {0};
    sg_tlb_sync(&queue->tlb);
    const struct source source = source_of(queue);
    const uint64_t available = source.end - source.position;
    if (available == 0)
        return CP_STEP_EMPTY;
    if (queue->sdma.skip_dwords != 0)
        return skip(queue, &source);
    const uint32_t head = available < MAX_PACKET_DWORDS ? (uint32_t)available : MAX_PACKET_DWORDS;
    if (!fetch(queue, &source, source.position, dwords, head))
        return CP_STEP_STOP;
    const struct row *row = find_row(dwords[0]);
    if (!row || !row->execute)
        return refuse(queue, dwords[0], "not supported");
    const uint64_t length = packet_dwords(row, dwords);
    if (length > available && source.is_indirect)
        return refuse(queue, dwords[0], "longer than its buffer");
    if (length > available) {
        /* Nothing to do before the write pointer moves on. */
        atomic_store_explicit(&queue->sdma.truncated_at, source.end * DWORD + 1,
                              memory_order_relaxed);
        return CP_STEP_EMPTY;
    }
    if (row->op == ABI_SDMA_INDIRECT && source.is_indirect)
        return refuse(queue, dwords[0], "nested");
    if (sg_trace_on(SG_TRACE_PACKET) && queue->sdma.seen_position != source.position + 1) {
        queue->sdma.seen_position = source.position + 1;
        cp_trace_sdma(queue, source.position, dwords);
    }
    const enum cp_step result = row->execute(queue, dwords, run);
    if (result != CP_STEP_DONE)
        return result;
    consume(queue, &source, length);
    return row->op == ABI_SDMA_INDIRECT ? enter_indirect(queue, dwords) : CP_STEP_DONE;
}

static void describe(const struct sg_cp_queue *queue, char *text, size_t capacity) {
    const uint64_t read = load(queue->read_index, __ATOMIC_RELAXED);
    const uint64_t write = load(queue->write_index, __ATOMIC_RELAXED);
    const uint32_t *ring = (const uint32_t *)(const void *)atomic_load(&queue->ring);
    const uint64_t mask = atomic_load(&queue->ring_bytes) / DWORD - 1;
    snprintf(text, capacity, "read %llu write %llu packet %s", (unsigned long long)read,
             (unsigned long long)write,
             read == write ? "none" : cp_sdma_op_name(ring[read / DWORD & mask]));
}

const struct cp_engine cp_engine_sdma = {
    .name = "SDMA", .step = step, .is_guarded = true, .has_work = has_work, .describe = describe};
