/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>

#include <hsaprobe/dispatch.h>

#include "abi/aql.h"
#include "probe/aql_ring.h"

enum { SLOTS = 8 };

struct memory {
    union hsp_packet packets[SLOTS];
    uint64_t write_index;
    uint64_t read_index;
    struct hsp_aql_ring ring;
};

static void init(struct memory *memory, bool is_single) {
    memset(memory, 0xcc, sizeof(*memory));
    memory->write_index = memory->read_index = 0;
    memory->ring = (struct hsp_aql_ring){.packets = memory->packets,
                                         .write_index = &memory->write_index,
                                         .read_index = &memory->read_index,
                                         .count = SLOTS,
                                         .is_single = is_single};
}

static void filling_leaves_the_header_for_publish(void **state) {
    (void)state;
    struct memory memory;
    init(&memory, false);
    uint64_t first = 99;
    assert_true(hsp_aql_ring_try_reserve(&memory.ring, 1, &first));
    union hsp_packet *slot = hsp_aql_ring_slot(&memory.ring, first);
    const struct hsp_dispatch dispatch = {
        .kernel_object = 0x1122334455667788,
        .kernarg = (void *)0x5000,
        .geometry = {.dimension_count = 2, .grid = {256, 4, 1}, .workgroup = {64, 2, 1}},
        .group_bytes = 1024,
        .private_bytes = 16,
        .completion = {0x7000},
        .acquire = HSA_FENCE_SCOPE_AGENT,
        .release = HSA_FENCE_SCOPE_SYSTEM,
        .barrier = true,
    };
    uint16_t header, setup;
    hsp_dispatch_fill(&dispatch, slot, &header, &setup);
    assert_int_equal(slot->words[0], 0xcccccccc);
    hsp_aql_publish(slot, header, setup);
    const struct abi_aql_dispatch *packet = (const void *)slot;
    assert_int_equal(packet->header, 2 | 1 << 8 | 1 << 9 | 2 << 11);
    assert_int_equal(packet->setup, 2);
    assert_int_equal(packet->workgroup_size[0], 64);
    assert_int_equal(packet->workgroup_size[1], 2);
    assert_int_equal(packet->workgroup_size[2], 1);
    assert_int_equal(packet->grid_size[0], 256);
    assert_int_equal(packet->grid_size[1], 4);
    assert_int_equal(packet->grid_size[2], 1);
    assert_int_equal(packet->private_segment_size, 16);
    assert_int_equal(packet->group_segment_size, 1024);
    assert_int_equal(packet->kernel_object, 0x1122334455667788);
    assert_int_equal(packet->kernarg_address, 0x5000);
    assert_int_equal(packet->completion_signal, 0x7000);
    assert_int_equal(packet->reserved0, 0);
    assert_int_equal(packet->reserved2, 0);
    // The neighbour is as it was.
    assert_int_equal(memory.packets[1].words[0], 0xcccccccc);
}

static void full_ring_refuses_and_touches_nothing(void **state) {
    (void)state;
    for (int is_single = 0; is_single < 2; is_single++) {
        struct memory memory;
        init(&memory, is_single);
        uint64_t first = 99;
        assert_true(hsp_aql_ring_try_reserve(&memory.ring, 5, &first));
        assert_int_equal(first, 0);
        first = 99;
        assert_false(hsp_aql_ring_try_reserve(&memory.ring, 4, &first));
        assert_int_equal(first, 99);
        assert_int_equal(memory.write_index, 5);
        assert_true(hsp_aql_ring_try_reserve(&memory.ring, 3, &first));
        assert_int_equal(first, 5);
        assert_false(hsp_aql_ring_try_reserve(&memory.ring, 1, &first));
        memory.read_index = 1;
        assert_true(hsp_aql_ring_try_reserve(&memory.ring, 1, &first));
        assert_int_equal(first, 8);
        assert_false(hsp_aql_ring_try_reserve(&memory.ring, 1, &first));
    }
}

static void indices_wrap_over_the_slots(void **state) {
    (void)state;
    struct memory memory;
    init(&memory, false);
    for (uint64_t i = 0; i < 3 * SLOTS; i++) {
        uint64_t first = 99;
        assert_true(hsp_aql_ring_try_reserve(&memory.ring, 1, &first));
        assert_int_equal(first, i);
        assert_ptr_equal(hsp_aql_ring_slot(&memory.ring, first), &memory.packets[i % SLOTS]);
        memory.read_index = i + 1;
    }
}

enum { PRODUCERS = 4, PACKETS = 5000 };

struct shared {
    struct memory memory;
    int next_producer;
};

static void *produce(void *data) {
    struct shared *shared = data;
    const uint32_t mine = (uint32_t)__atomic_fetch_add(&shared->next_producer, 1, __ATOMIC_RELAXED);
    for (uint32_t i = 0; i < PACKETS; i++) {
        uint64_t index = 0;
        while (!hsp_aql_ring_try_reserve(&shared->memory.ring, 1, &index))
            sched_yield();
        union hsp_packet *slot = hsp_aql_ring_slot(&shared->memory.ring, index);
        for (int word = 1; word < 16; word++)
            slot->words[word] = mine * PACKETS + i;
        hsp_aql_publish(slot, HSA_PACKET_TYPE_KERNEL_DISPATCH, 1);
    }
    return NULL;
}

// The consumer is a packet processor: header not INVALID, read, INVALID, read index.
static void many_producers_lose_and_tear_nothing(void **state) {
    (void)state;
    static struct shared shared;
    init(&shared.memory, false);
    for (int i = 0; i < SLOTS; i++)
        shared.memory.packets[i].words[0] = HSA_PACKET_TYPE_INVALID;
    pthread_t threads[PRODUCERS];
    for (int i = 0; i < PRODUCERS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, produce, &shared), 0);
    static unsigned char seen[PRODUCERS * PACKETS];
    unsigned torn = 0, repeated = 0;
    for (uint64_t read = 0; read < PRODUCERS * PACKETS; read++) {
        union hsp_packet *slot = &shared.memory.packets[read % SLOTS];
        while ((__atomic_load_n(&slot->words[0], __ATOMIC_ACQUIRE) & 0xff) ==
               HSA_PACKET_TYPE_INVALID)
            sched_yield();
        const uint32_t mark = slot->words[1];
        for (int word = 2; word < 16; word++)
            torn += slot->words[word] != mark;
        repeated += mark >= sizeof(seen) || seen[mark]++;
        __atomic_store_n(&slot->words[0], HSA_PACKET_TYPE_INVALID, __ATOMIC_RELAXED);
        __atomic_store_n(&shared.memory.read_index, read + 1, __ATOMIC_RELEASE);
    }
    for (int i = 0; i < PRODUCERS; i++)
        pthread_join(threads[i], NULL);
    assert_int_equal(torn, 0);
    assert_int_equal(repeated, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(filling_leaves_the_header_for_publish),
        cmocka_unit_test(full_ring_refuses_and_touches_nothing),
        cmocka_unit_test(indices_wrap_over_the_slots),
        cmocka_unit_test(many_producers_lose_and_tear_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
