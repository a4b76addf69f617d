/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <pthread.h>
#include <sched.h>

#include "base/ring.h"

static void full_ring_drops_and_counts(void **state) {
    (void)state;
    struct hsp_ring ring = {.capacity = 4};
    uint64_t slot = 99;
    for (uint64_t i = 0; i < 4; i++) {
        assert_true(hsp_ring_claim(&ring, &slot));
        assert_int_equal(slot, i);
        hsp_ring_commit(&ring);
    }
    slot = 99;
    assert_false(hsp_ring_claim(&ring, &slot));
    assert_false(hsp_ring_claim(&ring, &slot));
    assert_int_equal(slot, 99);
    assert_int_equal(ring.dropped, 2);
    hsp_ring_consume(&ring, 1);
    assert_true(hsp_ring_claim(&ring, &slot));
    assert_int_equal(slot, 0);
}

static void claimed_record_is_invisible_until_commit(void **state) {
    (void)state;
    struct hsp_ring ring = {.capacity = 2};
    uint64_t slot, first;
    assert_true(hsp_ring_claim(&ring, &slot));
    assert_int_equal(hsp_ring_readable(&ring, &first), 0);
    hsp_ring_commit(&ring);
    assert_int_equal(hsp_ring_readable(&ring, &first), 1);
    assert_int_equal(first, 0);
}

enum { RECORDS = 200000 };

struct shared {
    struct hsp_ring ring;
    uint64_t slots[64];
};

static void *produce(void *data) {
    struct shared *shared = data;
    for (uint64_t value = 1; value <= RECORDS;) {
        uint64_t slot;
        if (!hsp_ring_claim(&shared->ring, &slot)) {
            sched_yield();
            continue;
        }
        shared->slots[slot] = value++;
        hsp_ring_commit(&shared->ring);
    }
    return NULL;
}

static void consumer_sees_every_record_once_in_order(void **state) {
    (void)state;
    static struct shared shared = {.ring = {.capacity = 64}};
    pthread_t producer;
    assert_int_equal(pthread_create(&producer, NULL, produce, &shared), 0);
    uint64_t expected = 1, wrong = 0;
    while (expected <= RECORDS) {
        uint64_t first;
        const uint64_t end = hsp_ring_readable(&shared.ring, &first);
        for (uint64_t i = first; i < end; i++)
            wrong += shared.slots[i & 63] != expected++;
        hsp_ring_consume(&shared.ring, end);
        if (first == end)
            sched_yield();
    }
    pthread_join(producer, NULL);
    assert_int_equal(wrong, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(full_ring_drops_and_counts),
        cmocka_unit_test(claimed_record_is_invisible_until_commit),
        cmocka_unit_test(consumer_sees_every_record_once_in_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
