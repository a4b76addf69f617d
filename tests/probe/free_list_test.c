/* SPDX-License-Identifier: MIT */
// A free list hands out every index once, warm ones first, and loses none among threads.
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "probe/free_list.h"

#define COUNT   8u
#define THREADS 4
#define ROUNDS  20000

struct fixture {
    struct hsp_free_list list;
    _Atomic uint32_t next[COUNT];
    _Atomic uint32_t owners[COUNT]; // threads that hold the index: 0 or 1
    _Atomic uint32_t failures;
};

static void every_index_once_then_none(void **state) {
    (void)state;
    struct fixture f;
    hsp_free_list_init(&f.list, f.next, COUNT);
    for (uint32_t i = 0; i < COUNT; i++)
        assert_int_equal(hsp_free_list_pop(&f.list), i);
    assert_int_equal(hsp_free_list_pop(&f.list), HSP_FREE_LIST_NONE);
}

static void what_came_back_last_leaves_first(void **state) {
    (void)state;
    struct fixture f;
    hsp_free_list_init(&f.list, f.next, COUNT);
    for (uint32_t i = 0; i < COUNT; i++)
        hsp_free_list_pop(&f.list);
    hsp_free_list_push(&f.list, 5);
    hsp_free_list_push(&f.list, 2);
    assert_int_equal(hsp_free_list_pop(&f.list), 2);
    assert_int_equal(hsp_free_list_pop(&f.list), 5);
    assert_int_equal(hsp_free_list_pop(&f.list), HSP_FREE_LIST_NONE);
}

static void an_empty_list_gives_nothing(void **state) {
    (void)state;
    struct fixture f;
    hsp_free_list_init(&f.list, f.next, 0);
    assert_int_equal(hsp_free_list_pop(&f.list), HSP_FREE_LIST_NONE);
}

// Between a thread's load of the head and its exchange, another one took that thing, took the next
// and gave the first back: the head looks the same but its successor is in use.
static void a_thing_that_left_and_came_back_is_noticed(void **state) {
    (void)state;
    struct fixture f;
    hsp_free_list_init(&f.list, f.next, COUNT);
    uint64_t seen = atomic_load(&f.list.head);
    const uint32_t seen_next = atomic_load(&f.next[0]);
    assert_int_equal(hsp_free_list_pop(&f.list), 0);
    assert_int_equal(hsp_free_list_pop(&f.list), seen_next);
    hsp_free_list_push(&f.list, 0);
    assert_int_equal((uint32_t)atomic_load(&f.list.head), (uint32_t)seen);
    assert_false(
        atomic_compare_exchange_strong(&f.list.head, &seen, hsp_free_list_head(seen, seen_next)));
}

static void *take_and_give(void *data) {
    struct fixture *f = data;
    for (int round = 0; round < ROUNDS; round++) {
        uint32_t held[3];
        for (int i = 0; i < 3; i++) {
            held[i] = hsp_free_list_pop(&f->list);
            if (held[i] != HSP_FREE_LIST_NONE && atomic_fetch_add(&f->owners[held[i]], 1) != 0)
                atomic_fetch_add(&f->failures, 1);
        }
        for (int i = 0; i < 3; i++) {
            if (held[i] == HSP_FREE_LIST_NONE)
                continue;
            atomic_fetch_sub(&f->owners[held[i]], 1);
            hsp_free_list_push(&f->list, held[i]);
        }
    }
    return NULL;
}

static void threads_never_hold_the_same_index(void **state) {
    (void)state;
    static struct fixture f;
    hsp_free_list_init(&f.list, f.next, COUNT);
    pthread_t threads[THREADS];
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, take_and_give, &f), 0);
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    assert_int_equal(atomic_load(&f.failures), 0);
    uint32_t seen = 0;
    for (uint32_t i = 0; i < COUNT; i++)
        seen |= 1u << hsp_free_list_pop(&f.list);
    assert_int_equal(seen, (1u << COUNT) - 1);
    assert_int_equal(hsp_free_list_pop(&f.list), HSP_FREE_LIST_NONE);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_index_once_then_none),
        cmocka_unit_test(what_came_back_last_leaves_first),
        cmocka_unit_test(an_empty_list_gives_nothing),
        cmocka_unit_test(a_thing_that_left_and_came_back_is_noticed),
        cmocka_unit_test(threads_never_hold_the_same_index),
    };
    return cmocka_run_group_tests_name("free_list", tests, NULL, NULL);
}
