/* SPDX-License-Identifier: MIT */
/* PM4 compute queues: the ring, buffers that call each other, dispatches by registers. */
#include "abi/pm4.h"
#include "abi/sdma.h"
#include "harness.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

enum { TIMEOUT_MS = 5000, RING_DWORDS = 256, EVENT = 12 };

struct fixture {
    struct harness harness;
    struct app_queue app;
    uint64_t word_va;
    uint32_t *word;
};

static int setup(void **state) {
    static struct fixture fixture;
    harness_init(&fixture.harness, NULL);
    app_queue_create(&fixture.harness, &fixture.app, SG_CP_QUEUE_PM4, RING_DWORDS * 4);
    fixture.word_va = harness_alloc(&fixture.harness, 4096);
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

/// Appends to the ring; the write pointer counts dwords and never wraps.
static void publish(struct fixture *fixture, const void *packet, uint32_t count) {
    struct app_queue *app = &fixture->app;
    const uint64_t write = app->amd_queue->write_dispatch_id;
    for (uint32_t i = 0; i < count; i++)
        memcpy(app->ring + (write + i) % RING_DWORDS * 4, (const uint8_t *)packet + i * 4, 4);
    __atomic_store_n(&app->amd_queue->write_dispatch_id, write + count, __ATOMIC_RELEASE);
    app_queue_ring(app);
}

static bool word_becomes(const struct fixture *fixture, uint32_t index, uint32_t value) {
    return wait_u32((_Atomic uint32_t *)&fixture->word[index], value, TIMEOUT_MS);
}

static bool consumed(const struct fixture *fixture) {
    const uint64_t *read = &fixture->app.amd_queue->read_dispatch_id;
    return wait_u64(read, fixture->app.amd_queue->write_dispatch_id % RING_DWORDS, TIMEOUT_MS);
}

static void write_packet(uint64_t va, uint32_t value, uint32_t out_packet[5]) {
    out_packet[0] = ABI_PM4_HEADER(ABI_PM4_WRITE_DATA, 5);
    out_packet[1] = 5u << 8;
    out_packet[2] = (uint32_t)va;
    out_packet[3] = (uint32_t)(va >> 32);
    out_packet[4] = value;
}

static void call_packet(uint64_t va, uint32_t dwords, uint32_t flags, uint32_t out_packet[4]) {
    out_packet[0] = ABI_PM4_HEADER(ABI_PM4_INDIRECT_BUFFER, 4);
    out_packet[1] = (uint32_t)va;
    out_packet[2] = (uint32_t)(va >> 32);
    out_packet[3] = dwords | ABI_PM4_IB_VALID | flags;
}

static void ring_wraps_and_packets_with_it(void **state) {
    struct fixture *fixture = *state;
    uint32_t packet[5];
    /* 256 is no multiple of 5: packets lie across the ring's end in all ways. */
    for (uint32_t i = 1; i <= 400; i++) {
        write_packet(fixture->word_va + i % 7 * 4, i, packet);
        publish(fixture, packet, 5);
        assert_true(word_becomes(fixture, i % 7, i));
        assert_true(consumed(fixture));
    }
}

static void half_a_packet_waits_for_its_end(void **state) {
    struct fixture *fixture = *state;
    uint32_t packet[5];
    write_packet(fixture->word_va, 77, packet);
    publish(fixture, packet, 3);
    sleep_ms(5);
    assert_int_equal(fixture->word[0], 0);
    publish(fixture, packet + 3, 2);
    assert_true(word_becomes(fixture, 0, 77));
}

static void buffers_call_and_chain(void **state) {
    struct fixture *fixture = *state;
    const uint64_t va = fixture->word_va;
    uint32_t *outer = fixture->word + 64, *inner = outer + 64, *last = inner + 64;
    uint32_t packet[4];
    write_packet(va, 1, inner);
    call_packet(va + 256, 14, 0, packet); /* ring -> outer */
    call_packet(va + 512, 5, 0, outer);   /* outer -> inner and back */
    write_packet(va + 4, 2, outer + 4);
    call_packet(va + 768, 5, ABI_PM4_IB_CHAIN, outer + 9); /* and away */
    outer[13] = 0xffffffff;                                /* never reached */
    write_packet(va + 8, 3, last);
    publish(fixture, packet, 4);
    assert_true(consumed(fixture));
    assert_int_equal(fixture->word[0], 1);
    assert_int_equal(fixture->word[1], 2);
    assert_int_equal(fixture->word[2], 3);
}

static void dispatch_takes_the_registers_that_were_set(void **state) {
    struct fixture *fixture = *state;
    const uint32_t threads[] = {ABI_PM4_HEADER(ABI_PM4_SET_SH_REG, 5),
                                ABI_PM4_NUM_THREAD_X - ABI_PM4_SH_BASE, 32, 2, 1};
    const uint32_t program[] = {ABI_PM4_HEADER(ABI_PM4_SET_SH_REG, 4),
                                ABI_PM4_PGM_LO - ABI_PM4_SH_BASE, 0x345678, 0x12};
    const uint32_t resources[] = {ABI_PM4_HEADER(ABI_PM4_SET_SH_REG, 4),
                                  ABI_PM4_PGM_RSRC1 - ABI_PM4_SH_BASE, 0xabc, 3u << 15 | 4u << 1};
    const uint32_t user[] = {ABI_PM4_HEADER(ABI_PM4_SET_SH_REG, 4),
                             ABI_PM4_USER_DATA_0 + 14 - ABI_PM4_SH_BASE, 0x14, 0x15};
    const uint32_t dispatch[] = {ABI_PM4_HEADER(ABI_PM4_DISPATCH_DIRECT, 5), 3, 2, 1,
                                 ABI_PM4_DISPATCH_ENABLE | ABI_PM4_DISPATCH_START_AT_0};
    publish(fixture, threads, 5);
    publish(fixture, program, 4);
    publish(fixture, resources, 4);
    publish(fixture, user, 4);
    publish(fixture, dispatch, 5);
    assert_true(consumed(fixture));
    assert_int_equal(fixture->harness.cu->done_count, 1);
    const struct sg_dispatch_config *config = &fixture->harness.cu->records[0].config;
    const struct sg_dispatch_registers *registers = &fixture->harness.cu->records[0].registers;
    assert_int_equal(config->grid_size[0], 96);
    assert_int_equal(config->grid_size[1], 4);
    assert_int_equal(config->grid_size[2], 1);
    assert_int_equal(config->workgroup_size[0], 32);
    assert_int_equal(config->group_bytes, 3 * 512);
    assert_true(registers->entry == UINT64_C(0x1200345678) << 8);
    assert_int_equal(registers->rsrc1, 0xabc);
    assert_int_equal(registers->user_data[14], 0x14);
    assert_int_equal(registers->user_data[15], 0x15);
}

/* Dimensions from memory; the buffer that holds them lies behind the words. */
static void indirect_dispatch_reads_its_dimensions(void **state) {
    struct fixture *fixture = *state;
    const uint64_t va = fixture->word_va;
    const uint32_t threads[] = {ABI_PM4_HEADER(ABI_PM4_SET_SH_REG, 5),
                                ABI_PM4_NUM_THREAD_X - ABI_PM4_SH_BASE, 16, 1, 1};
    const uint32_t dispatch[] = {ABI_PM4_HEADER(ABI_PM4_DISPATCH_INDIRECT, 4), (uint32_t)va,
                                 (uint32_t)(va >> 32),
                                 ABI_PM4_DISPATCH_ENABLE | ABI_PM4_DISPATCH_START_AT_0};
    memcpy(fixture->word, (uint32_t[]){3, 5, 7}, 3 * sizeof(uint32_t));
    publish(fixture, threads, 5);
    publish(fixture, dispatch, 4);
    assert_true(consumed(fixture));
    assert_int_equal(fixture->harness.cu->done_count, 1);
    const struct sg_dispatch_config *config = &fixture->harness.cu->records[0].config;
    assert_int_equal(config->grid_size[0], 48);
    assert_int_equal(config->grid_size[1], 5);
    assert_int_equal(config->grid_size[2], 7);
}

static void condition_packet(uint64_t va, uint32_t dwords, uint32_t out_packet[5]) {
    const uint32_t packet[] = {ABI_PM4_HEADER(ABI_PM4_COND_EXEC, 5), (uint32_t)va,
                               (uint32_t)(va >> 32), 0, dwords};
    memcpy(out_packet, packet, sizeof packet);
}

/* In the ring, where what is skipped comes late and looks like a long packet; and in a buffer,
 * behind whose end nothing is skipped. */
static void conditions_skip_where_the_word_is_zero(void **state) {
    struct fixture *fixture = *state;
    const uint64_t va = fixture->word_va;
    const uint32_t long_one = ABI_PM4_HEADER(ABI_PM4_NOP, 1000);
    uint32_t condition[5];
    uint32_t write[5];
    fixture->word[8] = 1;
    condition_packet(va + 32, 5, condition); /* 1: nothing is skipped */
    publish(fixture, condition, 5);
    write_packet(va, 1, write);
    publish(fixture, write, 5);
    assert_true(consumed(fixture));
    assert_int_equal(fixture->word[0], 1);
    condition_packet(va + 36, 3, condition); /* 0 */
    publish(fixture, condition, 5);
    for (int i = 0; i < 3; i++)
        publish(fixture, &long_one, 1);
    write_packet(va + 4, 2, write);
    publish(fixture, write, 5);
    assert_true(consumed(fixture));
    assert_int_equal(fixture->word[1], 2);

    uint32_t call[4];
    uint32_t *buffer = fixture->word + 16;
    condition_packet(va + 36, 100, buffer);
    write_packet(va + 8, 3, buffer + 5);
    call_packet(va + 64, 10, 0, call);
    publish(fixture, call, 4);
    write_packet(va + 12, 4, write);
    publish(fixture, write, 5);
    assert_true(consumed(fixture));
    assert_int_equal(fixture->word[2], 0);
    assert_int_equal(fixture->word[3], 4);
}

static void copies_fills_and_interrupts(void **state) {
    struct fixture *fixture = *state;
    const uint32_t lo = (uint32_t)fixture->word_va, hi = (uint32_t)(fixture->word_va >> 32);
    const uint32_t immediate[] = {
        ABI_PM4_HEADER(ABI_PM4_COPY_DATA, 6), 5u | 5u << 8 | 1u << 16, 0x1234, 0x5678, lo, hi};
    const uint32_t memory[] = {
        ABI_PM4_HEADER(ABI_PM4_COPY_DATA, 6), 1u | 5u << 8, lo + 4, hi, lo + 8, hi};
    const uint32_t fill[] = {
        ABI_PM4_HEADER(ABI_PM4_DMA_DATA, 7), 2u << 29, 0xa5a5, 0, lo + 64, hi, 32};
    const uint32_t copy[] = {ABI_PM4_HEADER(ABI_PM4_DMA_DATA, 7), 0, lo + 64, hi, lo + 128, hi, 28};
    /* Interrupt selection 3 only waits for the write. */
    const uint32_t quiet[] = {ABI_PM4_HEADER(ABI_PM4_RELEASE_MEM, 8),
                              0,
                              ABI_PM4_RELEASE_DATA_32 << 29 | 3u << 24,
                              lo + 12,
                              hi,
                              9,
                              0,
                              EVENT};
    const uint32_t loud[] = {ABI_PM4_HEADER(ABI_PM4_RELEASE_MEM, 8),
                             0,
                             ABI_PM4_RELEASE_DATA_32 << 29 | 2u << 24,
                             lo + 12,
                             hi,
                             10,
                             0,
                             EVENT};
    publish(fixture, immediate, 6);
    publish(fixture, memory, 6);
    publish(fixture, fill, 7);
    publish(fixture, copy, 7);
    publish(fixture, quiet, 8);
    assert_true(consumed(fixture));
    assert_int_equal(fixture->word[3], 9);
    assert_int_equal(fixture->harness.events[EVENT], 0);
    publish(fixture, loud, 8);
    assert_true(consumed(fixture));
    assert_int_equal(fixture->harness.events[EVENT], 1);
    assert_int_equal(fixture->word[0], 0x1234);
    assert_int_equal(fixture->word[2], 0x5678);
    assert_int_equal(fixture->word[16], 0xa5a5);
    assert_int_equal(fixture->word[23], 0xa5a5);
    assert_int_equal(fixture->word[24], 0);
    assert_int_equal(fixture->word[38], 0xa5a5);
    assert_int_equal(fixture->word[39], 0);
}

static void circle_of_buffers_can_be_destroyed(void **state) {
    struct fixture *fixture = *state;
    uint32_t packet[4];
    call_packet(fixture->word_va, 9, 0, packet);
    write_packet(fixture->word_va + 256, 5, fixture->word);
    call_packet(fixture->word_va, 9, ABI_PM4_IB_CHAIN, fixture->word + 5);
    publish(fixture, packet, 4);
    assert_true(word_becomes(fixture, 64, 5));
    /* teardown destroys the queue */
}

int main(void) {
#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        CASE(ring_wraps_and_packets_with_it),
        CASE(half_a_packet_waits_for_its_end),
        CASE(buffers_call_and_chain),
        CASE(dispatch_takes_the_registers_that_were_set),
        CASE(indirect_dispatch_reads_its_dimensions),
        CASE(conditions_skip_where_the_word_is_zero),
        CASE(copies_fills_and_interrupts),
        CASE(circle_of_buffers_can_be_destroyed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
