/* SPDX-License-Identifier: MIT */
/* PM4 indirect buffers in AQL vendor packets. */
#include "abi/pm4.h"
#include "abi/sdma.h"
#include "harness.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

enum { TIMEOUT_MS = 5000, EVENT = 11 };

struct fixture {
    struct harness harness;
    struct app_queue app;
    uint64_t buffer_va;
    uint32_t *buffer;
    uint32_t used; ///< dwords
    uint64_t word_va;
    uint32_t *word;
};

static int setup(void **state) {
    static struct fixture fixture;
    harness_init(&fixture.harness, NULL);
    app_queue_create(&fixture.harness, &fixture.app, SG_CP_QUEUE_AQL, 16);
    fixture.buffer_va = harness_alloc(&fixture.harness, 4096);
    fixture.buffer = harness_host(&fixture.harness, fixture.buffer_va);
    fixture.used = 0;
    fixture.word_va = harness_alloc(&fixture.harness, 256);
    fixture.word = harness_host(&fixture.harness, fixture.word_va);
    *state = &fixture;
    return 0;
}

static int teardown(void **state) {
    struct fixture *fixture = *state;
    app_queue_destroy(&fixture->app);
    harness_fini(&fixture->harness);
    return 0;
}

static void append(struct fixture *fixture, const void *packet, uint32_t dwords) {
    memcpy(fixture->buffer + fixture->used, packet, dwords * sizeof(uint32_t));
    fixture->used += dwords;
}

static void submit(struct fixture *fixture, uint64_t signal) {
    const struct abi_pm4_indirect_buffer jump = {.header =
                                                     ABI_PM4_HEADER(ABI_PM4_INDIRECT_BUFFER, 4),
                                                 .base_lo = (uint32_t)fixture->buffer_va,
                                                 .base_hi = (uint32_t)(fixture->buffer_va >> 32),
                                                 .control = fixture->used | ABI_PM4_IB_VALID};
    struct abi_aql_pm4_ib packet = {.header = ABI_AQL_VENDOR,
                                    .amd_format = ABI_AQL_AMD_PM4_IB,
                                    .dw_count_remaining = 10,
                                    .completion_signal = signal};
    memcpy(packet.ib_jump_cmd, &jump, sizeof jump);
    app_queue_publish(&fixture->app, &packet);
    app_queue_ring(&fixture->app);
}

static bool consumed(struct fixture *fixture) {
    return wait_u64(&fixture->app.amd_queue->read_dispatch_id, 1, TIMEOUT_MS);
}

/// As ROCr writes it when a code object was loaded, and then waits for the read index.
static void code_cache_invalidation_reaches_compute_units(void **state) {
    struct fixture *fixture = *state;
    const struct abi_pm4_acquire_mem packet = {.header = ABI_PM4_HEADER(ABI_PM4_ACQUIRE_MEM, 7),
                                               .coher_cntl = ABI_PM4_COHER_ICACHE | 1u << 27 |
                                                             1u << 23 | 1u << 18,
                                               .coher_size = 0xffffffff,
                                               .coher_size_hi = 0xff};
    append(fixture, &packet, 7);
    submit(fixture, 0);
    assert_true(consumed(fixture));
    assert_int_equal(fixture->harness.cu->invalidate_count, 1);
    assert_int_equal(fixture->harness.cu->invalidate_va, 0);
    assert_true(fixture->harness.cu->invalidate_bytes == UINT64_MAX);
}

static void partial_invalidation_names_its_range(void **state) {
    struct fixture *fixture = *state;
    const struct abi_pm4_acquire_mem packet = {.header = ABI_PM4_HEADER(ABI_PM4_ACQUIRE_MEM, 7),
                                               .coher_cntl = ABI_PM4_COHER_ICACHE,
                                               .coher_size = 16,
                                               .coher_base = 0x1234};
    append(fixture, &packet, 7);
    submit(fixture, 0);
    assert_true(consumed(fixture));
    assert_int_equal(fixture->harness.cu->invalidate_va, 0x123400);
    assert_int_equal(fixture->harness.cu->invalidate_bytes, 16 * 256);
}

static void stores_waits_and_atomics_execute_in_order(void **state) {
    struct fixture *fixture = *state;
    const uint64_t va = fixture->word_va;
    const uint32_t write[] = {ABI_PM4_HEADER(ABI_PM4_WRITE_DATA, 6),
                              5u << 8,
                              (uint32_t)va,
                              (uint32_t)(va >> 32),
                              0x1111,
                              0x2222};
    const struct abi_pm4_wait_reg_mem wait = {.header = ABI_PM4_HEADER(ABI_PM4_WAIT_REG_MEM, 7),
                                              .control = ABI_PM4_WAIT_MEMORY | ABI_POLL_EQ,
                                              .addr_lo = (uint32_t)(va + 8),
                                              .addr_hi = (uint32_t)(va >> 32),
                                              .reference = 3,
                                              .mask = 0xf};
    const struct abi_pm4_atomic_mem atomic = {.header = ABI_PM4_HEADER(ABI_PM4_ATOMIC_MEM, 9),
                                              .control = ABI_TC_ADD | ABI_TC_NO_RETURN,
                                              .addr_lo = (uint32_t)va,
                                              .addr_hi = (uint32_t)(va >> 32),
                                              .src_lo = 1};
    const struct abi_pm4_release_mem release = {.header = ABI_PM4_HEADER(ABI_PM4_RELEASE_MEM, 8),
                                                .select = ABI_PM4_RELEASE_DATA_64 << 29 | 2u << 24,
                                                .addr_lo = (uint32_t)(va + 16),
                                                .addr_hi = (uint32_t)(va >> 32),
                                                .data_lo = 0x55,
                                                .data_hi = 0x66,
                                                .int_context = EVENT};
    const uint32_t nops[] = {2u << 30, ABI_PM4_HEADER(ABI_PM4_NOP, 3), 1, 2};
    append(fixture, nops, 4);
    append(fixture, write, 6);
    append(fixture, &wait, 7);
    append(fixture, &atomic, 9);
    append(fixture, &release, 8);
    const uint64_t signal = app_signal_create(&fixture->harness, 1, 0);
    submit(fixture, signal);
    assert_true(wait_u32((_Atomic uint32_t *)&fixture->word[1], 0x2222, TIMEOUT_MS));
    sleep_ms(5);
    assert_int_equal(fixture->word[0], 0x1111);
    assert_int_equal(app_signal_load(&fixture->harness, signal), 1);
    __atomic_store_n(&fixture->word[2], 0x33, __ATOMIC_RELEASE);
    assert_true(app_signal_wait(&fixture->harness, signal, 0, TIMEOUT_MS));
    assert_int_equal(fixture->word[0], 0x1112);
    assert_int_equal(fixture->word[4], 0x55);
    assert_int_equal(fixture->word[5], 0x66);
    assert_int_equal(fixture->harness.events[EVENT], 1);
}

static void unknown_packets_are_a_vendor_packet_error(void **state) {
    (void)state;
    static const uint32_t headers[] = {ABI_PM4_HEADER(ABI_PM4_COND_WRITE, 9),
                                       ABI_PM4_HEADER(0xee, 3), 0x12345678 & 0x3fffffff,
                                       ABI_PM4_HEADER(ABI_PM4_NOP, 100)};
    for (size_t i = 0; i < sizeof headers / sizeof headers[0]; i++) {
        void *inner;
        const uint32_t packet[8] = {headers[i]};
        setup(&inner);
        struct fixture *fixture = inner;
        append(fixture, packet, 8);
        submit(fixture, 0);
        assert_true(wait_u64((uint64_t *)&fixture->app.error_signal->value,
                             ABI_QUEUE_ERROR_VENDOR_PACKET, TIMEOUT_MS));
        teardown(&inner);
    }
}

static void buffer_that_is_not_mapped_is_a_memory_fault(void **state) {
    struct fixture *fixture = *state;
    fixture->buffer_va = 0x4440000;
    fixture->used = 7;
    submit(fixture, 0);
    assert_true(wait_u32(&fixture->harness.memory_faults, 1, TIMEOUT_MS));
    assert_int_equal(fixture->harness.last_fault.va, 0x4440000);
}

int main(void) {
#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        CASE(code_cache_invalidation_reaches_compute_units),
        CASE(partial_invalidation_names_its_range),
        CASE(stores_waits_and_atomics_execute_in_order),
        cmocka_unit_test(unknown_packets_are_a_vendor_packet_error),
        CASE(buffer_that_is_not_mapped_is_a_memory_fault),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
