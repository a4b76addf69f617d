/* SPDX-License-Identifier: MIT */
/// PM4 buffers in AQL vendor packets, as ROCr and profilers submit them, and queues that the device
/// fills: by kernels, which ring the doorbell themselves.
#include "e2e.h"

#include <hsa/amd_hsa_queue.h>
#include <hsa/amd_hsa_signal.h>
#include <stddef.h>
#include <string.h>

static struct e2e e2e;
static uint32_t *buffer, *memory; ///< the device may read and write both

struct vendor_packet {
    uint16_t header, format;
    uint32_t jump[4];
    uint32_t remaining;
    uint32_t reserved[8];
    hsa_signal_t signal;
};
_Static_assert(sizeof(struct vendor_packet) == 64, "an AQL packet");

static uint32_t pm4(uint32_t opcode, uint32_t dwords) {
    return 3u << 30 | (dwords - 2) << 16 | opcode << 8;
}
static uint32_t lo(const void *address) {
    return (uint32_t)(uintptr_t)address;
}
static uint32_t hi(const void *address) {
    return (uint32_t)((uintptr_t)address >> 32);
}

static void submit(hsa_queue_t *queue, const uint32_t *packets, uint32_t dwords,
                   hsa_signal_t signal) {
    memcpy(buffer, packets, dwords * 4);
    const struct vendor_packet packet = {
        .header = HSA_PACKET_TYPE_VENDOR_SPECIFIC | 1 << HSA_PACKET_HEADER_BARRIER,
        .format = 1,
        .jump = {pm4(0x3f, 4), lo(buffer), hi(buffer), dwords | 1u << 23},
        .remaining = 10,
        .signal = signal,
    };
    e2e_submit(queue, &packet);
}

static void buffer_of_everything(hsa_queue_t *queue) {
    const hsa_signal_t done = e2e_signal(1);
    const uint32_t packets[] = {
        pm4(0x46, 2),
        7 | 4 << 8, // EVENT_WRITE
        pm4(0x58, 7),
        1u << 29 | 1u << 27 | 1u << 23,
        0xffffffff,
        0xff,
        0,
        0,
        10, // ACQUIRE_MEM
        pm4(0x37, 6),
        5 << 8 | 1 << 20,
        lo(memory),
        hi(memory),
        11,
        12, // WRITE_DATA
        pm4(0x40, 6),
        1 | 5 << 8 | 1 << 16,
        lo(memory),
        hi(memory),
        lo(memory + 4),
        hi(memory), // COPY_DATA
        pm4(0x40, 6),
        9 | 5 << 8 | 1 << 16,
        0,
        0,
        lo(memory + 8),
        hi(memory), // of the clock
        pm4(0x76, 3),
        0x215,
        0, // SET_SH_REG
        pm4(0x79, 3),
        0x200,
        0xe0000000, // SET_UCONFIG_REG
        pm4(0x1e, 9),
        0x0f | 0x40,
        lo(memory + 1),
        hi(memory),
        5,
        0,
        0,
        0,
        0, // ATOMIC_MEM add
        pm4(0x50, 7),
        2u << 29,
        0xabcd,
        0,
        lo(memory + 32),
        hi(memory),
        64, // DMA_DATA
        pm4(0x3c, 7),
        3 | 1 << 4,
        lo(memory + 16),
        hi(memory),
        7,
        0xf,
        4, // WAIT_REG_MEM
        pm4(0x49, 8),
        0x14 | 5 << 8,
        2u << 29,
        lo(memory + 12),
        hi(memory),
        21,
        22,
        0, // RELEASE_MEM
        pm4(0x10, 4),
        1,
        2,
        3, // NOP
    };
    memset(memory, 0, 4096);
    submit(queue, packets, sizeof packets / 4, done);
    // All before the wait happens, nothing behind it.
    const double end = e2e_seconds() + E2E_WAIT_SECONDS;
    while (__atomic_load_n(&memory[47], __ATOMIC_ACQUIRE) != 0xabcd && e2e_seconds() < end) {
    }
    CHECK(memory[47] == 0xabcd && memory[48] == 0);
    CHECK(memory[0] == 11 && memory[1] == 17 && memory[4] == 11 && memory[5] == 12);
    CHECK(memory[8] != 0 || memory[9] != 0, "no clock");
    CHECK(memory[12] == 0 && hsa_signal_load_scacquire(done) == 1, "WAIT_REG_MEM did not wait");
    __atomic_store_n(&memory[16], 0x37, __ATOMIC_RELEASE);
    e2e_wait(done);
    CHECK(memory[12] == 21 && memory[13] == 22);
    HSA(hsa_signal_destroy(done));
}

struct report {
    _Atomic unsigned calls, status;
};
static void on_error(hsa_status_t status, hsa_queue_t *queue, void *data) {
    struct report *report = data;
    (void)queue;
    report->status = (unsigned)status;
    report->calls++;
}

static void bad_buffers_are_errors(void) {
    static const uint32_t bad[][9] = {
        {0xc0007700},                  // unknown
        {0xc0024500, 0, 0, 0},         // COND_WRITE, not offered
        {0xc0013700, 0},               // WRITE_DATA, too short
        {0xc0033700, 0, 0x2e00, 0, 1}, // WRITE_DATA to a register
        {0x3fff0000},                  // type 0
        {0xc7ff1000},                  // longer than the buffer
        {0xc0017600, 0x1000, 0},       // SET_SH_REG beyond the compute pipe
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; ++i) {
        struct report report = {0};
        hsa_queue_t *queue = NULL;
        const hsa_signal_t never = e2e_signal(1);
        HSA(hsa_queue_create(e2e.gpu, 64, HSA_QUEUE_TYPE_MULTI, on_error, &report, UINT32_MAX,
                             UINT32_MAX, &queue));
        submit(queue, bad[i], 9, never);
        const double end = e2e_seconds() + E2E_WAIT_SECONDS;
        while (report.calls == 0 && e2e_seconds() < end) {
        }
        CHECK(report.status == (unsigned)HSA_STATUS_ERROR_INVALID_PACKET_FORMAT, "row %zu: 0x%x", i,
              report.status);
        CHECK(hsa_signal_load_scacquire(never) == 1);
        HSA(hsa_queue_destroy(queue));
        HSA(hsa_signal_destroy(never));
    }
}

/// A kernel of one queue submits kernels to another and rings it; the host only waits.
static void kernel_submits_kernels(hsa_queue_t *from) {
    enum { COUNT = 40, ROUNDS = 5 };
    struct e2e_kernel enqueue, counter;
    e2e_kernel(&e2e, "enqueue", &enqueue);
    e2e_kernel(&e2e, "counter", &counter);
    hsa_queue_t *to = e2e_queue(&e2e, 64);
    const amd_queue_t *amd_queue = (const amd_queue_t *)(const void *)to;
    const amd_signal_t *doorbell = (const amd_signal_t *)(uintptr_t)to->doorbell_signal.handle;
    hsa_kernel_dispatch_packet_t *packets = e2e_alloc(&e2e, e2e.host, COUNT * sizeof *packets);
    struct {
        uint32_t *total, *tickets;
        uint32_t step;
    } *counter_args = e2e_alloc(&e2e, e2e.kernarg, 4096);
    struct {
        void *ring;
        uint64_t size;
        const volatile uint64_t *write;
        volatile uint64_t *doorbell;
        const void *packets;
        uint32_t count;
    } *args = e2e_alloc(&e2e, e2e.kernarg, 4096);
    counter_args->total = memory;
    counter_args->tickets = memory + 64;
    counter_args->step = 1;
    args->ring = to->base_address;
    args->size = to->size;
    args->write = &amd_queue->write_dispatch_id;
    args->doorbell = doorbell->hardware_doorbell_ptr;
    args->packets = packets;
    args->count = COUNT;
    memset(memory, 0, 4096);
    for (uint32_t round = 1; round <= ROUNDS; ++round) {
        const hsa_signal_t done = e2e_signal(COUNT);
        for (int i = 0; i < COUNT; ++i) {
            packets[i] = e2e_packet(&counter, 1, 1, counter_args, done);
        }
        e2e_dispatch(from, &enqueue, 64, 64, args, (hsa_signal_t){0});
        e2e_wait(done);
        CHECK(*memory == round * COUNT, "%u in round %u", *memory, round);
        HSA(hsa_signal_destroy(done));
    }
    HSA(hsa_queue_destroy(to));
    HSA(hsa_amd_memory_pool_free(packets));
}

int main(void) {
    e2e_open(&e2e);
    buffer = e2e_alloc(&e2e, e2e.host, 4096);
    memory = e2e_alloc(&e2e, e2e.host, 4096);
    hsa_queue_t *queue = e2e_queue(&e2e, 64);
    buffer_of_everything(queue);
    buffer_of_everything(queue);
    bad_buffers_are_errors();
    kernel_submits_kernels(queue);
    HSA(hsa_queue_destroy(queue));
    e2e_close();
    return 0;
}
