/* SPDX-License-Identifier: MIT */
/* SDMA packets against plain memcpy, memset and arithmetic. */
#include "abi/sdma.h"
#include "harness.h"
#include "softgpu/mem/guard.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

enum { RING_BYTES = 4096, TIMEOUT_MS = 10000, EVENT = 9 };
#define SIZE_DWORDS(type) (sizeof(struct type) / 4)

struct fixture {
    struct harness harness;
    struct app_queue app;
};

static int setup(void **state) {
    static struct fixture fixture;
    harness_init(&fixture.harness, NULL);
    app_queue_create(&fixture.harness, &fixture.app, SG_CP_QUEUE_SDMA, RING_BYTES);
    *state = &fixture;
    return 0;
}

static int teardown(void **state) {
    struct fixture *fixture = *state;
    app_queue_destroy(&fixture->app);
    harness_fini(&fixture->harness);
    return 0;
}

static void publish(struct fixture *fixture, const void *packet, size_t dwords) {
    app_sdma_publish(&fixture->app, packet, (uint32_t)dwords);
    app_queue_ring(&fixture->app);
}

static bool drained(struct fixture *fixture) {
    return wait_u64(&fixture->app.amd_queue->read_dispatch_id,
                    fixture->app.amd_queue->write_dispatch_id, TIMEOUT_MS);
}

static uint32_t lo(uint64_t va) {
    return (uint32_t)va;
}

static uint32_t hi(uint64_t va) {
    return (uint32_t)(va >> 32);
}

static void randomize(uint8_t *bytes, size_t count) {
    for (size_t i = 0; i < count; i++)
        bytes[i] = (uint8_t)(rand() >> 8);
}

static struct abi_sdma_copy_linear copy_packet(uint64_t dst, uint64_t src, uint32_t bytes) {
    return (struct abi_sdma_copy_linear){.header =
                                             ABI_SDMA_HEADER(ABI_SDMA_COPY, ABI_SDMA_COPY_LINEAR),
                                         .count = bytes - 1,
                                         .src_lo = lo(src),
                                         .src_hi = hi(src),
                                         .dst_lo = lo(dst),
                                         .dst_hi = hi(dst)};
}

// ROCr 5.2 stays below 4 MiB a packet; newer ones know that gfx90a counts to 1 GiB.
static void linear_copies_match_memcpy(void **state) {
    struct fixture *fixture = *state;
    struct harness *harness = &fixture->harness;
    static const uint32_t sizes[] = {1,     3,      4,       63,          64,           4095,
                                     65536, 262145, 1000003, 4194272 / 2, (4 << 20) + 5};
    const uint64_t src = harness_alloc(harness, 5 << 20);
    const uint64_t dst = harness_alloc(harness, 5 << 20);
    randomize(harness_host(harness, src), 5 << 20);
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        const uint32_t shift = (uint32_t)i % 5;
        memset(harness_host(harness, dst), 0, 5 << 20);
        const struct abi_sdma_copy_linear packet = copy_packet(dst + 7, src + shift, sizes[i]);
        publish(fixture, &packet, SIZE_DWORDS(abi_sdma_copy_linear));
        assert_true(drained(fixture));
        assert_memory_equal((uint8_t *)harness_host(harness, dst) + 7,
                            (uint8_t *)harness_host(harness, src) + shift, sizes[i]);
        assert_int_equal(((uint8_t *)harness_host(harness, dst))[6], 0);
        assert_int_equal(((uint8_t *)harness_host(harness, dst))[7 + sizes[i]], 0);
    }
}

/// Three intervals that are neighbours on the GPU and apart on the host.
static void copies_span_mapped_intervals(void **state) {
    struct fixture *fixture = *state;
    struct harness *harness = &fixture->harness;
    enum { PART = 8192, PARTS = 3 };
    const uint64_t base = UINT64_C(0x600000000000);
    uint8_t *parts[PARTS];
    uint8_t expected[PART * PARTS];
    for (int i = 0; i < PARTS; i++) {
        parts[i] = malloc(PART);
        randomize(parts[i], PART);
        memcpy(expected + i * PART, parts[i], PART);
        const struct sg_vm_range range = {.va = base + (uint64_t)i * PART,
                                          .bytes = PART,
                                          .host = parts[i],
                                          .flags = SG_VM_READ | SG_VM_WRITE};
        assert_int_equal(sg_vm_map(harness->vm, &range), 0);
    }
    const uint64_t dst = harness_alloc(harness, PART * PARTS);
    const struct abi_sdma_copy_linear out = copy_packet(dst, base + 100, PART * PARTS - 200);
    publish(fixture, &out, SIZE_DWORDS(abi_sdma_copy_linear));
    assert_true(drained(fixture));
    assert_memory_equal(harness_host(harness, dst), expected + 100, PART * PARTS - 200);
    const struct abi_sdma_const_fill fill = {.header =
                                                 ABI_SDMA_HEADER(ABI_SDMA_CONST_FILL, 0) | 2u << 30,
                                             .dst_lo = lo(base + PART - 6),
                                             .dst_hi = hi(base),
                                             .data = 0x11223344,
                                             .count = PART + 16 - 4};
    publish(fixture, &fill, SIZE_DWORDS(abi_sdma_const_fill));
    assert_true(drained(fixture));
    /* The pattern goes on over the intervals' ends, which lie inside a unit. */
    memcpy(expected + PART, parts[1], PART);
    for (int i = 0; i < PART + 16; i++)
        expected[PART - 6 + i] = (uint8_t)(0x11223344 >> i % 4 * 8);
    for (int i = 0; i < PARTS; i++)
        assert_memory_equal(parts[i], expected + i * PART, PART);
    for (int i = 0; i < PARTS; i++) {
        sg_vm_unmap(harness->vm, base + (uint64_t)i * PART, PART);
        free(parts[i]);
    }
}

static void broadcast_copies_twice(void **state) {
    struct fixture *fixture = *state;
    struct harness *harness = &fixture->harness;
    const uint64_t src = harness_alloc(harness, 1024);
    const uint64_t first = harness_alloc(harness, 1024);
    const uint64_t second = harness_alloc(harness, 1024);
    uint32_t dwords[SIZE_DWORDS(abi_sdma_copy_linear) + 2];
    struct abi_sdma_copy_linear packet = copy_packet(first, src, 1000);
    randomize(harness_host(harness, src), 1000);
    packet.header |= ABI_SDMA_COPY_BROADCAST;
    memcpy(dwords, &packet, sizeof packet);
    dwords[7] = lo(second);
    dwords[8] = hi(second);
    publish(fixture, dwords, 9);
    assert_true(drained(fixture));
    assert_memory_equal(harness_host(harness, first), harness_host(harness, src), 1000);
    assert_memory_equal(harness_host(harness, second), harness_host(harness, src), 1000);
}

struct rect {
    uint32_t log2, x, y, z, src_x, src_y, src_z, dst_x, dst_y, dst_z;
    uint32_t src_pitch, src_slice, dst_pitch, dst_slice; ///< elements
};

static void reference_rect(uint8_t *dst, const uint8_t *src, const struct rect *r) {
    for (uint32_t z = 0; z < r->z; z++)
        for (uint32_t y = 0; y < r->y; y++)
            for (uint32_t i = 0; i < r->x << r->log2; i++) {
                const size_t from = (((size_t)(r->src_z + z) * r->src_slice +
                                      (size_t)(r->src_y + y) * r->src_pitch + r->src_x)
                                     << r->log2) +
                                    i;
                const size_t to = (((size_t)(r->dst_z + z) * r->dst_slice +
                                    (size_t)(r->dst_y + y) * r->dst_pitch + r->dst_x)
                                   << r->log2) +
                                  i;
                dst[to] = src[from];
            }
}

static void rectangular_copies_match_reference(void **state) {
    struct fixture *fixture = *state;
    struct harness *harness = &fixture->harness;
    enum { BYTES = 4 << 20 };
    static const struct rect rects[] = {
        {0, 5, 7, 1, 1, 2, 0, 3, 1, 0, 64, 4096, 100, 8192},
        {2, 33, 9, 4, 5, 1, 1, 0, 3, 2, 128, 128 * 16, 64, 64 * 20},
        {4, 16, 16, 16, 0, 0, 0, 1, 1, 1, 20, 400, 33, 1089},
        {1, 16384, 4, 2, 0, 0, 0, 0, 0, 0, 16384, 65536, 16500, 66000},
        {3, 1, 1, 1, 7, 0, 0, 9, 0, 0, 16, 16, 16, 16},
        {0, 1, 500, 30, 0, 0, 0, 0, 0, 0, 64, 40000, 32, 20000},
    };
    const uint64_t src = harness_alloc(harness, BYTES);
    const uint64_t dst = harness_alloc(harness, BYTES);
    uint8_t *expected = malloc(BYTES);
    randomize(harness_host(harness, src), BYTES);
    for (size_t i = 0; i < sizeof rects / sizeof rects[0]; i++) {
        const struct rect *r = &rects[i];
        memset(harness_host(harness, dst), 0, BYTES);
        memset(expected, 0, BYTES);
        reference_rect(expected, harness_host(harness, src), r);
        const struct abi_sdma_copy_rect packet = {
            .header = ABI_SDMA_HEADER(ABI_SDMA_COPY, ABI_SDMA_COPY_LINEAR_RECT) | r->log2 << 29,
            .src_lo = lo(src),
            .src_hi = hi(src),
            .src_xy = r->src_x | r->src_y << 16,
            .src_z_pitch = r->src_z | (r->src_pitch - 1) << 13,
            .src_slice = r->src_slice - 1,
            .dst_lo = lo(dst),
            .dst_hi = hi(dst),
            .dst_xy = r->dst_x | r->dst_y << 16,
            .dst_z_pitch = r->dst_z | (r->dst_pitch - 1) << 13,
            .dst_slice = r->dst_slice - 1,
            .rect_xy = (r->x - 1) | (r->y - 1) << 16,
            .rect_z = r->z - 1};
        publish(fixture, &packet, SIZE_DWORDS(abi_sdma_copy_rect));
        assert_true(drained(fixture));
        assert_memory_equal(harness_host(harness, dst), expected, BYTES);
    }
    free(expected);
}

static void fills_match_both_drivers_counts(void **state) {
    struct fixture *fixture = *state;
    struct harness *harness = &fixture->harness;
    const uint64_t dst = harness_alloc(harness, 1 << 20);
    uint8_t *host = harness_host(harness, dst);
    static const struct {
        uint32_t log2, count, bytes;
    } rows[] = {
        {2, 400000 - 4, 400000}, /* ROCr: less one dword */
        {2, 400 - 1, 400},       /* the kernel: less one byte */
        {0, 12, 13},
        {1, 20, 22},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        memset(host, 0, 1 << 20);
        const struct abi_sdma_const_fill packet = {
            .header = ABI_SDMA_HEADER(ABI_SDMA_CONST_FILL, 0) | rows[i].log2 << 30,
            .dst_lo = lo(dst),
            .dst_hi = hi(dst),
            .data = 0xa1b2c3d4,
            .count = rows[i].count};
        publish(fixture, &packet, SIZE_DWORDS(abi_sdma_const_fill));
        assert_true(drained(fixture));
        const uint8_t pattern[] = {0xd4, 0xc3, 0xb2, 0xa1};
        const uint32_t unit = 1u << rows[i].log2;
        for (uint32_t j = 0; j < rows[i].bytes; j++)
            assert_int_equal(host[j], pattern[j % unit]);
        assert_int_equal(host[rows[i].bytes], 0);
    }
}

static void rocr_copy_sequence_completes_signal(void **state) {
    struct fixture *fixture = *state;
    struct harness *harness = &fixture->harness;
    const uint64_t dependency = app_signal_create(harness, 1, 0);
    const uint64_t signal = app_signal_create(harness, 1, EVENT);
    const uint64_t src = harness_alloc(harness, 256), dst = harness_alloc(harness, 256);
    struct abi_signal *memory = app_signal(harness, signal);
    const uint64_t wait_va = dependency + offsetof(struct abi_signal, value);
    const uint64_t value_va = signal + offsetof(struct abi_signal, value);
    const uint64_t start_va = signal + offsetof(struct abi_signal, start_ts);
    memset(harness_host(harness, src), 0x5a, 256);
    const struct abi_sdma_poll polls[] = {
        {.header = ABI_SDMA_POLL_REGMEM | ABI_POLL_EQ << 28 | ABI_SDMA_POLL_MEMORY,
         .addr_lo = lo(wait_va + 4),
         .addr_hi = hi(wait_va),
         .mask = 0xffffffff},
        {.header = ABI_SDMA_POLL_REGMEM | ABI_POLL_EQ << 28 | ABI_SDMA_POLL_MEMORY,
         .addr_lo = lo(wait_va),
         .addr_hi = hi(wait_va),
         .mask = 0xffffffff},
        {.header = ABI_SDMA_POLL_REGMEM, .addr_hi = 0x80000000}, /* HDP flush */
    };
    const struct abi_sdma_timestamp timestamp = {
        .header = ABI_SDMA_HEADER(ABI_SDMA_TIMESTAMP, ABI_SDMA_TIMESTAMP_GET_GLOBAL),
        .addr_lo = lo(start_va),
        .addr_hi = hi(start_va)};
    const struct abi_sdma_copy_linear copy = copy_packet(dst, src, 256);
    const struct abi_sdma_atomic decrement = {.header = ABI_SDMA_ATOMIC |
                                                        (uint32_t)(ABI_TC_ADD | ABI_TC_64BIT) << 25,
                                              .addr_lo = lo(value_va),
                                              .addr_hi = hi(value_va),
                                              .src_lo = 0xffffffff,
                                              .src_hi = 0xffffffff};
    const struct abi_sdma_fence fence = {.header = ABI_SDMA_FENCE,
                                         .addr_lo = lo(memory->event_mailbox_ptr),
                                         .addr_hi = hi(memory->event_mailbox_ptr),
                                         .data = EVENT};
    const struct abi_sdma_trap trap = {.header = ABI_SDMA_TRAP, .context = EVENT};
    app_sdma_publish(&fixture->app, (const uint32_t *)polls, sizeof polls / 4);
    app_sdma_publish(&fixture->app, (const uint32_t *)&timestamp, sizeof timestamp / 4);
    app_sdma_publish(&fixture->app, (const uint32_t *)&copy, sizeof copy / 4);
    app_sdma_publish(&fixture->app, (const uint32_t *)&decrement, sizeof decrement / 4);
    app_sdma_publish(&fixture->app, (const uint32_t *)&fence, sizeof fence / 4);
    publish(fixture, &trap, sizeof trap / 4);
    sleep_ms(5);
    assert_int_equal(app_signal_load(harness, signal), 1);
    app_signal_store(harness, dependency, 0);
    assert_true(app_signal_wait(harness, signal, 0, TIMEOUT_MS));
    assert_true(wait_u32(&harness->events[EVENT], 1, TIMEOUT_MS));
    assert_memory_equal(harness_host(harness, dst), harness_host(harness, src), 256);
    assert_true(memory->start_ts != 0);
    assert_int_equal(*(uint64_t *)harness_host(harness, memory->event_mailbox_ptr), EVENT);
}

static void atomics_compute_each_operation(void **state) {
    struct fixture *fixture = *state;
    struct harness *harness = &fixture->harness;
    static const struct {
        uint32_t operation;
        uint64_t old, source, compare, expected;
    } rows[] = {
        {ABI_TC_SWAP, 5, 9, 0, 9},
        {ABI_TC_CMPSWAP, 5, 9, 5, 9},
        {ABI_TC_CMPSWAP, 5, 9, 6, 5},
        {ABI_TC_ADD, 5, 9, 0, 14},
        {ABI_TC_SUB, 5, 9, 0, (uint64_t)-4},
        {ABI_TC_SMIN, (uint64_t)-1, 3, 0, (uint64_t)-1},
        {ABI_TC_UMIN, (uint64_t)-1, 3, 0, 3},
        {ABI_TC_SMAX, (uint64_t)-1, 3, 0, 3},
        {ABI_TC_UMAX, (uint64_t)-1, 3, 0, (uint64_t)-1},
        {ABI_TC_AND, 6, 3, 0, 2},
        {ABI_TC_OR, 6, 3, 0, 7},
        {ABI_TC_XOR, 6, 3, 0, 5},
        {ABI_TC_INC, 5, 6, 0, 6},
        {ABI_TC_INC, 6, 6, 0, 0},
        {ABI_TC_DEC, 5, 6, 0, 4},
        {ABI_TC_DEC, 0, 6, 0, 6},
        {ABI_TC_DEC, 7, 6, 0, 6},
    };
    const uint64_t word = harness_alloc(harness, 16);
    uint64_t *host = harness_host(harness, word);
    static const uint32_t forms[] = {0, ABI_TC_64BIT, ABI_TC_NO_RETURN,
                                     ABI_TC_64BIT | ABI_TC_NO_RETURN};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        for (size_t form = 0; form < 4; form++) {
            const uint32_t operation = rows[i].operation | forms[form];
            const uint64_t guard = UINT64_C(0x7777777700000000);
            const bool is_wide = (operation & ABI_TC_64BIT) != 0;
            *host = is_wide ? rows[i].old : guard | (uint32_t)rows[i].old;
            const struct abi_sdma_atomic packet = {.header = ABI_SDMA_ATOMIC | operation << 25,
                                                   .addr_lo = lo(word),
                                                   .addr_hi = hi(word),
                                                   .src_lo = lo(rows[i].source),
                                                   .src_hi = hi(rows[i].source),
                                                   .cmp_lo = lo(rows[i].compare),
                                                   .cmp_hi = hi(rows[i].compare)};
            publish(fixture, &packet, SIZE_DWORDS(abi_sdma_atomic));
            assert_true(drained(fixture));
            if (*host != (is_wide ? rows[i].expected : guard | (uint32_t)rows[i].expected))
                fail_msg("operation 0x%x row %zu: 0x%lx", operation, i, (long)*host);
        }
}

static void polls_compare_each_function(void **state) {
    struct fixture *fixture = *state;
    struct harness *harness = &fixture->harness;
    static const struct {
        uint32_t func, blocked, open;
    } rows[] = {{ABI_POLL_LT, 5, 4}, {ABI_POLL_LE, 6, 5}, {ABI_POLL_EQ, 4, 5},
                {ABI_POLL_NE, 5, 4}, {ABI_POLL_GE, 4, 5}, {ABI_POLL_GT, 5, 6}};
    const uint64_t word = harness_alloc(harness, 16);
    uint32_t *host = harness_host(harness, word);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        __atomic_store_n(host, rows[i].blocked | 0xf00, __ATOMIC_RELEASE);
        const struct abi_sdma_poll packet = {.header = ABI_SDMA_POLL_REGMEM | rows[i].func << 28 |
                                                       ABI_SDMA_POLL_MEMORY,
                                             .addr_lo = lo(word),
                                             .addr_hi = hi(word),
                                             .value = 5,
                                             .mask = 0xff};
        const uint64_t before = fixture->app.amd_queue->read_dispatch_id;
        publish(fixture, &packet, SIZE_DWORDS(abi_sdma_poll));
        sleep_ms(2);
        assert_int_equal(fixture->app.amd_queue->read_dispatch_id, before);
        __atomic_store_n(host, rows[i].open | 0xf00, __ATOMIC_RELEASE);
        assert_true(drained(fixture));
    }
}

static void ring_wraps_inside_packets(void **state) {
    struct fixture *fixture = *state;
    struct harness *harness = &fixture->harness;
    const uint64_t src = harness_alloc(harness, 64), dst = harness_alloc(harness, 64);
    uint32_t *from = harness_host(harness, src);
    const uint32_t *to = harness_host(harness, dst);
    /* 28-byte packets and a 3-dword NOP: the ring's end falls into every place of a packet. */
    const uint32_t nop[] = {2u << 16, 0xdead, 0xbeef};
    for (uint32_t i = 1; i < 2000; i++) {
        const struct abi_sdma_copy_linear packet = copy_packet(dst, src, 4);
        *from = i;
        publish(fixture, &packet, SIZE_DWORDS(abi_sdma_copy_linear));
        if (i % 7 == 0)
            publish(fixture, nop, 3);
        assert_true(drained(fixture));
        assert_int_equal(*to, i);
    }
    assert_true(fixture->app.amd_queue->read_dispatch_id > 10 * RING_BYTES);
}

static void written_and_indirect_packets_execute(void **state) {
    struct fixture *fixture = *state;
    struct harness *harness = &fixture->harness;
    const uint64_t dst = harness_alloc(harness, 256);
    const uint64_t buffer = harness_alloc(harness, 256);
    uint32_t *host = harness_host(harness, dst);
    uint32_t *ib = harness_host(harness, buffer);
    const struct abi_sdma_write write = {.header =
                                             ABI_SDMA_HEADER(ABI_SDMA_WRITE, ABI_SDMA_WRITE_LINEAR),
                                         .dst_lo = lo(dst),
                                         .dst_hi = hi(dst),
                                         .count = 3 - 1};
    memcpy(ib, &write, sizeof write);
    ib[4] = 11, ib[5] = 22, ib[6] = 33;
    const struct abi_sdma_fence fence = {
        .header = ABI_SDMA_FENCE, .addr_lo = lo(dst + 40), .addr_hi = hi(dst), .data = 77};
    memcpy(ib + 7, &fence, sizeof fence);
    const struct abi_sdma_indirect indirect = {
        .header = ABI_SDMA_INDIRECT, .base_lo = lo(buffer), .base_hi = hi(buffer), .ib_dwords = 11};
    publish(fixture, &indirect, SIZE_DWORDS(abi_sdma_indirect));
    const struct abi_sdma_fence last = {
        .header = ABI_SDMA_FENCE, .addr_lo = lo(dst + 44), .addr_hi = hi(dst), .data = 88};
    publish(fixture, &last, SIZE_DWORDS(abi_sdma_fence));
    assert_true(wait_u32((_Atomic uint32_t *)&host[11], 88, TIMEOUT_MS));
    assert_int_equal(host[0], 11);
    assert_int_equal(host[2], 33);
    assert_int_equal(host[3], 0);
    assert_int_equal(host[10], 77);
}

static struct abi_sdma_fence fence_packet(uint64_t va, uint32_t data) {
    return (struct abi_sdma_fence){
        .header = ABI_SDMA_FENCE, .addr_lo = lo(va), .addr_hi = hi(va), .data = data};
}

/* In the ring, where what is skipped comes late; and in a buffer, behind whose end nothing is. */
static void conditions_skip_unless_the_word_is_the_reference(void **state) {
    enum { FENCE = SIZE_DWORDS(abi_sdma_fence), CONDITION = SIZE_DWORDS(abi_sdma_cond_exe) };
    struct fixture *fixture = *state;
    struct harness *harness = &fixture->harness;
    const uint64_t dst = harness_alloc(harness, 256);
    const uint64_t buffer = harness_alloc(harness, 256);
    uint32_t *host = harness_host(harness, dst);
    uint32_t *ib = harness_host(harness, buffer);
    struct abi_sdma_cond_exe condition = {.header = ABI_SDMA_COND_EXE,
                                          .addr_lo = lo(dst),
                                          .addr_hi = hi(dst),
                                          .reference = 5,
                                          .exec_count = FENCE};
    host[0] = 5;
    struct abi_sdma_fence fence = fence_packet(dst + 4, 1);
    publish(fixture, &condition, CONDITION);
    publish(fixture, &fence, FENCE);
    assert_true(wait_u32((_Atomic uint32_t *)&host[1], 1, TIMEOUT_MS));
    condition.reference = 6;
    publish(fixture, &condition, CONDITION);
    for (int i = 0; i < FENCE; i++)
        publish(fixture, &(uint32_t){0xffffffff}, 1);
    fence = fence_packet(dst + 8, 2);
    publish(fixture, &fence, FENCE);
    assert_true(wait_u32((_Atomic uint32_t *)&host[2], 2, TIMEOUT_MS));

    condition.exec_count = 100;
    memcpy(ib, &condition, sizeof condition);
    fence = fence_packet(dst + 12, 3);
    memcpy(ib + CONDITION, &fence, sizeof fence);
    const struct abi_sdma_indirect indirect = {.header = ABI_SDMA_INDIRECT,
                                               .base_lo = lo(buffer),
                                               .base_hi = hi(buffer),
                                               .ib_dwords = CONDITION + FENCE};
    publish(fixture, &indirect, SIZE_DWORDS(abi_sdma_indirect));
    fence = fence_packet(dst + 16, 4);
    publish(fixture, &fence, FENCE);
    assert_true(wait_u32((_Atomic uint32_t *)&host[4], 4, TIMEOUT_MS));
    assert_int_equal(host[3], 0);
}

static void unknown_packets_stop_the_queue(void **state) {
    (void)state;
    static const uint32_t headers[] = {ABI_SDMA_HEADER(ABI_SDMA_SEMAPHORE, 0),
                                       ABI_SDMA_HEADER(ABI_SDMA_COPY, 1), 99,
                                       ABI_SDMA_HEADER(ABI_SDMA_TIMESTAMP, 0)};
    for (size_t i = 0; i < sizeof headers / sizeof headers[0]; i++) {
        void *inner;
        setup(&inner);
        struct fixture *fixture = inner;
        const uint64_t word = harness_alloc(&fixture->harness, 16);
        uint32_t dwords[20] = {headers[i]};
        const struct abi_sdma_fence fence = {
            .header = ABI_SDMA_FENCE, .addr_lo = lo(word), .addr_hi = hi(word), .data = 1};
        memcpy(dwords + 16, &fence, sizeof fence);
        publish(fixture, dwords, 20);
        for (int ms = 0; sg_cp_queue_has_work(fixture->app.queue) && ms < TIMEOUT_MS; ms++)
            sleep_ms(1);
        assert_false(sg_cp_queue_has_work(fixture->app.queue));
        assert_int_equal(fixture->app.amd_queue->read_dispatch_id, 0);
        assert_int_equal(*(uint32_t *)harness_host(&fixture->harness, word), 0);
        teardown(&inner);
    }
}

static void copy_from_nowhere_is_a_memory_fault(void **state) {
    struct fixture *fixture = *state;
    struct harness *harness = &fixture->harness;
    const uint64_t dst = harness_alloc(harness, 64);
    const struct abi_sdma_copy_linear packet = copy_packet(dst, 0xabc000, 16);
    publish(fixture, &packet, SIZE_DWORDS(abi_sdma_copy_linear));
    assert_true(wait_u32(&harness->memory_faults, 1, TIMEOUT_MS));
    assert_int_equal(harness->last_fault.va, 0xabc000);
    assert_false(harness->last_fault.is_write);
    assert_string_equal(harness->last_fault.engine, "SDMA");
}

static void copy_to_read_only_memory_is_a_memory_fault(void **state) {
    struct fixture *fixture = *state;
    struct harness *harness = &fixture->harness;
    static uint8_t memory[4096];
    const uint64_t base = UINT64_C(0x610000000000);
    const struct sg_vm_range range = {
        .va = base, .bytes = sizeof memory, .host = memory, .flags = SG_VM_READ};
    assert_int_equal(sg_vm_map(harness->vm, &range), 0);
    const uint64_t src = harness_alloc(harness, 64);
    const struct abi_sdma_copy_linear packet = copy_packet(base + 8, src, 16);
    publish(fixture, &packet, SIZE_DWORDS(abi_sdma_copy_linear));
    assert_true(wait_u32(&harness->memory_faults, 1, TIMEOUT_MS));
    assert_int_equal(harness->last_fault.cause, SG_FAULT_MEMORY_READ_ONLY);
    assert_int_equal(harness->last_fault.va, base + 8);
    assert_true(harness->last_fault.is_write);
}

static void on_segv(int number, siginfo_t *info, void *ucontext) {
    (void)number;
    if (!sg_guard_handle(info->si_addr, ucontext))
        abort();
}

static void vanished_application_memory_is_a_memory_fault(void **state) {
    struct fixture *fixture = *state;
    struct harness *harness = &fixture->harness;
    enum { BYTES = 1 << 20, HOLE = 300000 };
    const uint64_t base = UINT64_C(0x620000000000);
    struct sigaction action = {.sa_sigaction = on_segv, .sa_flags = SA_SIGINFO | SA_NODEFER};
    sigaction(SIGSEGV, &action, NULL);
    uint8_t *memory = mmap(NULL, BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    const struct sg_vm_range range = {.va = base,
                                      .bytes = BYTES,
                                      .host = memory,
                                      .flags = SG_VM_READ | SG_VM_WRITE | SG_VM_USERPTR};
    assert_int_equal(sg_vm_map(harness->vm, &range), 0);
    munmap(memory + HOLE / 4096 * 4096, BYTES - HOLE / 4096 * 4096);
    const uint64_t dst = harness_alloc(harness, BYTES);
    const struct abi_sdma_copy_linear packet = copy_packet(dst, base, BYTES);
    publish(fixture, &packet, SIZE_DWORDS(abi_sdma_copy_linear));
    assert_true(wait_u32(&harness->memory_faults, 1, TIMEOUT_MS));
    assert_true(harness->last_fault.va >= base + HOLE / 4096 * 4096);
    assert_true(harness->last_fault.va < base + BYTES);
}

/// Half a packet is nothing to do: the thread sleeps instead of looking again and again.
static void half_a_packet_lets_the_thread_sleep(void **state) {
    struct fixture *fixture = *state;
    const uint64_t va = harness_alloc(&fixture->harness, 64);
    const struct abi_sdma_fence fence = {
        .header = ABI_SDMA_HEADER(ABI_SDMA_FENCE, 0), .addr_lo = lo(va), .addr_hi = hi(va), 7};
    publish(fixture, &fence, 2);
    const struct sg_cp_queue *queue = fixture->app.queue;
    for (uint32_t waited = 0; sg_cp_queue_has_work(queue) || !sg_cp_queue_is_asleep(queue);
         waited++) {
        assert_true(waited < TIMEOUT_MS);
        sleep_ms(1);
    }
    publish(fixture, (const uint32_t *)&fence + 2, 2);
    assert_true(drained(fixture));
    assert_int_equal(*(uint32_t *)harness_host(&fixture->harness, va), 7);
}

static void note_ring(void *context, const void *host) {
    atomic_store((_Atomic uint64_t *)context, (uintptr_t)host);
}

static void fence_rings_a_doorbell(void **state) {
    enum { DOORBELLS_VA = 0x5550000, DOORBELL_BYTES = 8192, OFFSET = 72 };
    static uint64_t doorbells[DOORBELL_BYTES / 8];
    static _Atomic uint64_t rung;
    struct fixture *fixture = *state;
    const struct sg_vm_range range = {DOORBELLS_VA, DOORBELL_BYTES, (uint8_t *)doorbells,
                                      SG_VM_READ | SG_VM_DOORBELL};
    const struct abi_sdma_fence fence = {
        .header = ABI_SDMA_HEADER(ABI_SDMA_FENCE, 0), .addr_lo = DOORBELLS_VA + OFFSET, .data = 5};
    sg_vm_on_doorbell(fixture->harness.vm, note_ring, &rung);
    assert_int_equal(sg_vm_map(fixture->harness.vm, &range), 0);
    publish(fixture, &fence, SIZE_DWORDS(abi_sdma_fence));
    assert_true(drained(fixture));
    assert_int_equal(atomic_load(&rung), (uintptr_t)&doorbells[OFFSET / 8]);
    assert_int_equal(doorbells[OFFSET / 8], 5);
    assert_int_equal(fixture->harness.memory_faults, 0);
    assert_int_equal(sg_vm_unmap(fixture->harness.vm, DOORBELLS_VA, DOORBELL_BYTES), 0);
}

int main(void) {
#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        CASE(linear_copies_match_memcpy),
        CASE(copies_span_mapped_intervals),
        CASE(broadcast_copies_twice),
        CASE(rectangular_copies_match_reference),
        CASE(fills_match_both_drivers_counts),
        CASE(rocr_copy_sequence_completes_signal),
        CASE(atomics_compute_each_operation),
        CASE(polls_compare_each_function),
        CASE(ring_wraps_inside_packets),
        CASE(written_and_indirect_packets_execute),
        CASE(conditions_skip_unless_the_word_is_the_reference),
        cmocka_unit_test(unknown_packets_stop_the_queue),
        CASE(half_a_packet_lets_the_thread_sleep),
        CASE(fence_rings_a_doorbell),
        CASE(copy_from_nowhere_is_a_memory_fault),
        CASE(copy_to_read_only_memory_is_a_memory_fault),
        CASE(vanished_application_memory_is_a_memory_fault),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
