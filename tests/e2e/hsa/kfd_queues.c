/* SPDX-License-Identifier: MIT */
/// Queues of all types as a program without ROCr makes them, through the thunk: PM4 and SDMA rings,
/// dispatches by registers, events from packets, suspension, larger rings, CU masks, doorbells rung
/// by the device, GWS, limits.
#include "e2e.h"

#include <hsakmt.h>
#include <pthread.h>
#include <string.h>

enum { RING_BYTES = 4096, BLOCK_BYTES = 65536 };

#define KMT(call)                                                                                  \
    do {                                                                                           \
        HSAKMT_STATUS kmt_status_ = (call);                                                        \
        CHECK(kmt_status_ == HSAKMT_STATUS_SUCCESS, "%s returned %d", #call, (int)kmt_status_);    \
    } while (0)

static uint32_t node;

/// v = s[0:1]; *v = s2
static const uint32_t store_code[] = {0x7e000200, 0x7e020201, 0x7e040202,
                                      0xdc700000, 0x00000200, 0xbf810000};
/// waits until *s[0:1] == s2, then s[0:1][1] = s3
static const uint32_t wait_code[] = {0xc0030100, 0x00000000, 0xbf8cc07f, 0xbf8e0001,
                                     0xbf060204, 0xbf84fffa, 0x7e000200, 0x7e020201,
                                     0x7e040203, 0xdc700004, 0x00000200, 0xbf810000};

static void *allocate(size_t bytes) {
    HsaMemFlags flags = {0};
    void *memory = NULL;
    HSAuint64 alternate;
    flags.ui32.HostAccess = 1;
    flags.ui32.ExecuteAccess = 1;
    KMT(hsaKmtAllocMemory(0, bytes, flags, &memory));
    KMT(hsaKmtMapMemoryToGPU(memory, bytes, &alternate));
    memset(memory, 0, bytes);
    return memory;
}

static void release(void *memory, size_t bytes) {
    KMT(hsaKmtUnmapMemoryToGPU(memory));
    KMT(hsaKmtFreeMemory(memory, bytes));
}

struct ring {
    HsaQueueResource resource;
    uint32_t *dwords;
    uint64_t bytes;
    bool is_sdma; ///< counts bytes, else dwords
    uint64_t pending;
};

static void ring_create(struct ring *ring, HSA_QUEUE_TYPE type) {
    *ring = (struct ring){
        .dwords = allocate(RING_BYTES), .bytes = RING_BYTES, .is_sdma = type == HSA_QUEUE_SDMA};
    KMT(hsaKmtCreateQueue(node, type, 100, HSA_QUEUE_PRIORITY_NORMAL, ring->dwords, RING_BYTES,
                          NULL, &ring->resource));
}

static void ring_destroy(struct ring *ring) {
    KMT(hsaKmtDestroyQueue(ring->resource.QueueId));
    release(ring->dwords, ring->bytes);
}

static void put(struct ring *ring, const void *packet, size_t bytes) {
    for (size_t i = 0; i < bytes / 4; ++i) {
        memcpy(ring->dwords + ring->pending++ % (ring->bytes / 4), (const char *)packet + i * 4, 4);
    }
}
#define PUT(ring, ...)                                                                             \
    do {                                                                                           \
        const uint32_t packet_[] = {__VA_ARGS__};                                                  \
        put(ring, packet_, sizeof packet_);                                                        \
    } while (0)

static void ring_doorbell(struct ring *ring) {
    const uint64_t value = ring->is_sdma ? ring->pending * 4 : ring->pending;
    __atomic_store_n(ring->resource.Queue_write_ptr_aql, value, __ATOMIC_RELEASE);
    __atomic_store_n(ring->resource.Queue_DoorBell_aql, value, __ATOMIC_RELEASE);
}

static uint32_t lo(const volatile void *address) {
    return (uint32_t)(uintptr_t)address;
}
static uint32_t hi(const volatile void *address) {
    return (uint32_t)((uintptr_t)address >> 32);
}

static void expect(const uint32_t *word, uint32_t value) {
    const double end = e2e_seconds() + E2E_WAIT_SECONDS;
    while (__atomic_load_n(word, __ATOMIC_ACQUIRE) != value && e2e_seconds() < end) {
    }
    CHECK(*word == value, "%u instead of %u", *word, value);
}

/* PM4 */
static uint32_t pm4(uint32_t opcode, uint32_t dwords) {
    return 3u << 30 | (dwords - 2) << 16 | opcode << 8;
}
enum {
    ACQUIRE_MEM = 0x58,
    WRITE_DATA = 0x37,
    RELEASE_MEM = 0x49,
    SET_SH_REG = 0x76,
    DISPATCH_DIRECT = 0x15
};

static void put_write(struct ring *ring, const uint32_t *word, uint32_t value) {
    if (ring->is_sdma) {
        PUT(ring, 5, lo(word), hi(word), value); // FENCE
    } else {
        PUT(ring, pm4(WRITE_DATA, 5), 5u << 8 | 1u << 20, lo(word), hi(word), value);
    }
}

static void put_dispatch(struct ring *ring, const void *code, const uint32_t *target,
                         uint32_t value, uint32_t value_after) {
    const uint64_t entry = (uint64_t)(uintptr_t)code >> 8;
    // Other code may have been there before: 1 << 29 invalidates the instruction cache.
    PUT(ring, pm4(ACQUIRE_MEM, 7), 1u << 29, 0xffffffff, 0xff, 0, 0, 10);
    PUT(ring, pm4(SET_SH_REG, 4), 0x20c, (uint32_t)entry, (uint32_t)(entry >> 32)); // PGM
    PUT(ring, pm4(SET_SH_REG, 4), 0x212, 0xc0000, 4u << 1); // RSRC: 8 VGPRs, 4 of the user
    PUT(ring, pm4(SET_SH_REG, 5), 0x207, 1, 1, 1);          // work-group
    PUT(ring, pm4(SET_SH_REG, 6), 0x240, lo(target), hi(target), value, value_after);
    PUT(ring, pm4(DISPATCH_DIRECT, 5), 1, 1, 1, 1u | 1u << 2);
}

static void pm4_ring_wraps(uint32_t *memory) {
    struct ring ring;
    ring_create(&ring, HSA_QUEUE_COMPUTE);
    for (uint32_t i = 1; i <= 300; ++i) {
        put_write(&ring, memory, i);
        ring_doorbell(&ring);
        expect(memory, i);
    }
    expect(ring.resource.Queue_read_ptr, 300 * 5 % (RING_BYTES / 4));
    ring_destroy(&ring);
}

static void pm4_dispatches(uint32_t *memory) {
    struct ring ring;
    uint32_t *code = memory + 1024;
    memcpy(code, store_code, sizeof store_code);
    ring_create(&ring, HSA_QUEUE_COMPUTE);
    for (uint32_t i = 0; i < 20; ++i) {
        put_dispatch(&ring, code, memory + i, 1000 + i, 0);
        ring_doorbell(&ring);
        expect(memory + i, 1000 + i);
    }
    ring_destroy(&ring);
}

static void packets_raise_events(uint32_t *memory, HSA_QUEUE_TYPE type) {
    HsaEventDescriptor descriptor = {.EventType = HSA_EVENTTYPE_SIGNAL, .NodeId = node};
    HsaEvent *event = NULL;
    struct ring ring;
    descriptor.SyncVar.SyncVarSize = sizeof(HSAuint64);
    descriptor.SyncVar.SyncVar.UserData = memory;
    KMT(hsaKmtCreateEvent(&descriptor, false, false, &event));
    ring_create(&ring, type);
    for (uint32_t i = 1; i <= 50; ++i) {
        if (type == HSA_QUEUE_SDMA) {
            put_write(&ring, memory, i);
            PUT(&ring, 5, lo((void *)(uintptr_t)event->EventData.HWData2),
                hi((void *)(uintptr_t)event->EventData.HWData2), event->EventId); // the mailbox
            PUT(&ring, 6, event->EventId);                                        // TRAP
        } else {
            PUT(&ring, pm4(RELEASE_MEM, 8), 0x14 | 5 << 8, 1u << 29 | 2u << 24, lo(memory),
                hi(memory), i, 0, event->EventId);
        }
        ring_doorbell(&ring);
        KMT(hsaKmtWaitOnEvent(event, E2E_WAIT_SECONDS * 1000));
        CHECK(*memory == i, "%u of %u", *memory, i);
    }
    CHECK(hsaKmtWaitOnEvent(event, 0) == HSAKMT_STATUS_WAIT_TIMEOUT);
    ring_destroy(&ring);
    KMT(hsaKmtDestroyEvent(event));
}

/// With a percentage of 0 packets stay where they are; then they run.
static void suspended_ring_keeps_its_packets(uint32_t *memory, HSA_QUEUE_TYPE type) {
    struct ring ring, other;
    ring_create(&ring, type);
    ring_create(&other, type);
    memory[0] = memory[1] = 0;
    KMT(hsaKmtUpdateQueue(ring.resource.QueueId, 0, HSA_QUEUE_PRIORITY_NORMAL, ring.dwords,
                          ring.bytes, NULL));
    put_write(&ring, memory, 5);
    ring_doorbell(&ring);
    put_write(&other, memory + 1, 6);
    ring_doorbell(&other);
    expect(memory + 1, 6);
    CHECK(memory[0] == 0, "a suspended queue ran");
    KMT(hsaKmtUpdateQueue(ring.resource.QueueId, 100, HSA_QUEUE_PRIORITY_NORMAL, ring.dwords,
                          ring.bytes, NULL));
    expect(memory, 5);
    ring_destroy(&ring);
    ring_destroy(&other);
}

/// A kernel that is stopped in the middle goes on where it was.
static void suspended_kernel_goes_on(uint32_t *memory) {
    struct ring ring;
    uint32_t *code = memory + 1024;
    memcpy(code, wait_code, sizeof wait_code);
    memory[0] = memory[1] = memory[2] = 0;
    ring_create(&ring, HSA_QUEUE_COMPUTE);
    put_write(&ring, memory + 2, 1);
    put_dispatch(&ring, code, memory, 9, 33);
    ring_doorbell(&ring);
    expect(memory + 2, 1);
    KMT(hsaKmtUpdateQueue(ring.resource.QueueId, 0, HSA_QUEUE_PRIORITY_NORMAL, ring.dwords,
                          ring.bytes, NULL));
    memory[0] = 9;
    struct ring other;
    ring_create(&other, HSA_QUEUE_COMPUTE);
    put_write(&other, memory + 3, 4);
    ring_doorbell(&other);
    expect(memory + 3, 4);
    CHECK(memory[1] == 0, "the kernel of a suspended queue ran");
    KMT(hsaKmtUpdateQueue(ring.resource.QueueId, 100, HSA_QUEUE_PRIORITY_HIGH, ring.dwords,
                          ring.bytes, NULL));
    expect(memory + 1, 33);
    // One that never ends does not keep its queue from being destroyed.
    put_dispatch(&ring, code, memory, 10, 34);
    ring_doorbell(&ring);
    ring_destroy(&ring);
    ring_destroy(&other);
}

static void ring_grows(uint32_t *memory, HSA_QUEUE_TYPE type) {
    struct ring ring;
    ring_create(&ring, type);
    put_write(&ring, memory, 21);
    ring_doorbell(&ring);
    expect(memory, 21);
    uint32_t *small = ring.dwords;
    ring.dwords = allocate(4 * RING_BYTES);
    ring.bytes = 4 * RING_BYTES;
    KMT(hsaKmtUpdateQueue(ring.resource.QueueId, 100, HSA_QUEUE_PRIORITY_NORMAL, ring.dwords,
                          ring.bytes, NULL));
    release(small, RING_BYTES);
    for (uint32_t i = 0; i < 1000; ++i) { // beyond the small one's end
        put_write(&ring, memory, 100 + i);
        if (i % 100 == 99) {
            ring_doorbell(&ring);
            expect(memory, 100 + i);
        }
    }
    ring_destroy(&ring);
}

/// One queue fills in another's packet and write pointer and rings it: no thread of the host does.
static void device_rings_doorbells(uint32_t *memory, HSA_QUEUE_TYPE type) {
    struct ring from, to;
    ring_create(&from, type);
    ring_create(&to, HSA_QUEUE_COMPUTE);
    for (uint32_t i = 1; i <= 20; ++i) {
        const uint32_t first = (uint32_t)(to.pending % (to.bytes / 4));
        put_write(&to, memory, i);
        const uint32_t last = to.dwords[first + 4];
        to.dwords[first + 4] = 0;
        put_write(&from, to.dwords + first + 4, last);
        put_write(&from, to.resource.Queue_write_ptr, (uint32_t)to.pending);
        put_write(&from, to.resource.Queue_DoorBell, (uint32_t)to.pending);
        ring_doorbell(&from);
        expect(memory, i);
    }
    ring_destroy(&from);
    ring_destroy(&to);
}

static void sdma_moves_and_fills(uint32_t *memory) {
    struct ring ring;
    ring_create(&ring, HSA_QUEUE_SDMA);
    char *bytes = (char *)memory;
    for (uint32_t i = 1; i <= 80; ++i) { // 26 dwords each: wraps often
        memset(bytes, (int)i, 333);
        memset(bytes + 4096, 0, 8192);
        PUT(&ring, 1, 332, 0, lo(bytes), hi(bytes), lo(bytes + 4099), hi(bytes + 4099));
        PUT(&ring, 11 | 2u << 30, lo(bytes + 8192), hi(bytes + 8192), i * 0x01010101u, 255);
        PUT(&ring, 2, lo(bytes + 8448), hi(bytes + 8448), 1, i, i + 1); // WRITE of two dwords
        put_write(&ring, memory + 2200, i);
        ring_doorbell(&ring);
        expect(memory + 2200, i);
        CHECK(bytes[4098] == 0 && bytes[4099] == (char)i && bytes[4099 + 332] == (char)i &&
              bytes[4099 + 333] == 0);
        CHECK(memory[2048] == i * 0x01010101u && memory[2048 + 63] == i * 0x01010101u);
        CHECK(memory[2112] == i && memory[2113] == i + 1 && memory[2114] == 0);
    }
    ring_destroy(&ring);
}

static void limits_and_errors(void) {
    enum { MANY = 40 };
    HsaQueueResource resources[MANY];
    uint32_t *ring = allocate(RING_BYTES);
    int created = 0;
    while (created < MANY &&
           hsaKmtCreateQueue(node, HSA_QUEUE_SDMA, 100, HSA_QUEUE_PRIORITY_NORMAL, ring, RING_BYTES,
                             NULL, &resources[created]) == HSAKMT_STATUS_SUCCESS) {
        ++created;
    }
    CHECK(created == 16, "%d SDMA queues", created); // two engines of eight
    for (int i = 0; i < created; ++i) {
        KMT(hsaKmtDestroyQueue(resources[i].QueueId));
    }
    CHECK(hsaKmtCreateQueue(node, HSA_QUEUE_COMPUTE, 101, HSA_QUEUE_PRIORITY_NORMAL, ring,
                            RING_BYTES, NULL, &resources[0]) != HSAKMT_STATUS_SUCCESS);
    CHECK(hsaKmtCreateQueue(node, HSA_QUEUE_COMPUTE, 100, HSA_QUEUE_PRIORITY_NORMAL, ring, 3000,
                            NULL, &resources[0]) != HSAKMT_STATUS_SUCCESS);
    KMT(hsaKmtCreateQueue(node, HSA_QUEUE_COMPUTE, 100, HSA_QUEUE_PRIORITY_NORMAL, ring, RING_BYTES,
                          NULL, &resources[0]));
    KMT(hsaKmtCreateQueue(node, HSA_QUEUE_COMPUTE, 100, HSA_QUEUE_PRIORITY_NORMAL, ring, RING_BYTES,
                          NULL, &resources[1]));
    uint32_t mask[4] = {3, 0, 0, 0}, first = 77;
    KMT(hsaKmtSetQueueCUMask(resources[0].QueueId, 128, mask));
    KMT(hsaKmtAllocQueueGWS(resources[0].QueueId, 64, &first));
    CHECK(first == 0);
    CHECK(hsaKmtAllocQueueGWS(resources[1].QueueId, 64, &first) != HSAKMT_STATUS_SUCCESS,
          "two queues with GWS");
    KMT(hsaKmtAllocQueueGWS(resources[0].QueueId, 0, &first));
    KMT(hsaKmtAllocQueueGWS(resources[1].QueueId, 64, &first));
    KMT(hsaKmtDestroyQueue(resources[0].QueueId));
    KMT(hsaKmtDestroyQueue(resources[1].QueueId));
    release(ring, RING_BYTES);
}

static void find_gpu(void) {
    HsaSystemProperties system;
    HSAKMT_STATUS status = hsaKmtOpenKFD();
    CHECK(status == HSAKMT_STATUS_SUCCESS || status == HSAKMT_STATUS_KERNEL_ALREADY_OPENED);
    KMT(hsaKmtAcquireSystemProperties(&system));
    for (node = 0; node < system.NumNodes; ++node) {
        HsaNodeProperties properties;
        KMT(hsaKmtGetNodeProperties(node, &properties));
        if (properties.NumFComputeCores > 0) {
            return;
        }
    }
    CHECK(false, "no GPU node");
}

int main(void) {
    find_gpu();
    uint32_t *memory = allocate(BLOCK_BYTES);
    pm4_ring_wraps(memory);
    pm4_dispatches(memory);
    packets_raise_events(memory, HSA_QUEUE_COMPUTE);
    packets_raise_events(memory, HSA_QUEUE_SDMA);
    suspended_ring_keeps_its_packets(memory, HSA_QUEUE_COMPUTE);
    suspended_ring_keeps_its_packets(memory, HSA_QUEUE_SDMA);
    suspended_kernel_goes_on(memory);
    ring_grows(memory, HSA_QUEUE_COMPUTE);
    ring_grows(memory, HSA_QUEUE_SDMA);
    device_rings_doorbells(memory, HSA_QUEUE_COMPUTE);
    device_rings_doorbells(memory, HSA_QUEUE_SDMA);
    sdma_moves_and_fills(memory);
    limits_and_errors();
    release(memory, BLOCK_BYTES);
    KMT(hsaKmtReleaseSystemProperties());
    KMT(hsaKmtCloseKFD());
    return 0;
}
