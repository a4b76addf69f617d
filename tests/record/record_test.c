/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "record/record.h"

static const char *const names[] = {"first", "second", "third"};

static int setup(void **state) {
    (void)state;
    hsp_clock_calibrate();
    hsp_record_set_call_names(names, 3);
    hsp_record_set_events(true);
    hsp_record_clear();
    return 0;
}

// A call of `ticks` ticks that ends now.
static void call(uint16_t id, uint64_t ticks, int64_t result) {
    const uint64_t now = hsp_clock_read();
    hsp_record_call(id, now - ticks, now, result);
}

static void event_carries_call_thread_time_and_result(void **state) {
    (void)state;
    const uint64_t before = hsp_clock_ns();
    call(1, 0, -5);
    struct hsp_snapshot *snapshot;
    assert_int_equal(hsp_snapshot_take(&snapshot), HSP_OK);
    assert_int_equal(hsp_snapshot_count(snapshot), 1);
    const struct hsp_event *event = hsp_snapshot_events(snapshot);
    assert_int_equal(event->id, 1);
    assert_int_equal(event->kind, HSP_EVENT_HSA_CALL);
    assert_int_equal(event->thread, gettid());
    assert_int_equal(event->result, -5);
    assert_int_equal(event->duration_ns, 0);
    assert_true(event->start_ns + 10000 >= before && event->start_ns <= hsp_clock_ns() + 10000);
    assert_string_equal(hsp_event_name(HSP_EVENT_HSA_CALL, event->id), "second");
    hsp_snapshot_destroy(snapshot);
}

static void counters_sum_over_threads(void **state) {
    (void)state;
    hsp_record_set_events(false);
    for (int i = 0; i < 100; i++)
        call(2, 1000000, 0);
    struct hsp_counter counter;
    assert_int_equal(hsp_counter_get(2, &counter), HSP_OK);
    const uint64_t each = hsp_clock_ticks_to_ns(1000000);
    assert_int_equal(counter.count, 100);
    assert_int_equal(counter.total_ns, 100 * each);
    assert_int_equal(counter.min_ns, each);
    assert_int_equal(counter.max_ns, each);
    assert_int_equal(counter.p50_ns, each);
    struct hsp_snapshot *snapshot;
    assert_int_equal(hsp_snapshot_take(&snapshot), HSP_OK);
    assert_int_equal(hsp_snapshot_count(snapshot), 0);
    hsp_snapshot_destroy(snapshot);
}

static void clear_forgets_events_and_counters(void **state) {
    (void)state;
    call(0, 10, 0);
    hsp_record_clear();
    struct hsp_counter counter;
    assert_int_equal(hsp_counter_get(0, &counter), HSP_OK);
    assert_int_equal(counter.count, 0);
    call(0, 10, 0);
    assert_int_equal(hsp_counter_get(0, &counter), HSP_OK);
    assert_int_equal(counter.count, 1);
    struct hsp_snapshot *snapshot;
    assert_int_equal(hsp_snapshot_take(&snapshot), HSP_OK);
    assert_int_equal(hsp_snapshot_count(snapshot), 1);
    hsp_snapshot_destroy(snapshot);
}

static void unknown_function_is_refused_and_leaves_output(void **state) {
    (void)state;
    struct hsp_counter counter, untouched;
    memset(&counter, 0xa5, sizeof(counter));
    untouched = counter;
    assert_int_equal(hsp_counter_get(3, &counter), HSP_ERROR_INVALID_ARGUMENT);
    assert_memory_equal(&counter, &untouched, sizeof(counter));
}

enum { THREADS = 8, CALLS = 1000, CAPACITY = 512 };

static void *record_calls(void *data) {
    for (int i = 0; i < CALLS; i++)
        call(1, 0, *(const int *)data);
    return NULL;
}

static void threads_record_apart_and_drops_are_counted(void **state) {
    (void)state;
    assert_int_equal(hsp_record_set_capacity(CAPACITY), HSP_OK);
    pthread_t threads[THREADS];
    int marks[THREADS];
    for (int i = 0; i < THREADS; i++) {
        marks[i] = i;
        assert_int_equal(pthread_create(&threads[i], NULL, record_calls, &marks[i]), 0);
    }
    struct hsp_snapshot *meanwhile;
    assert_int_equal(hsp_snapshot_take(&meanwhile), HSP_OK);
    hsp_snapshot_destroy(meanwhile);
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    struct hsp_snapshot *snapshot;
    assert_int_equal(hsp_snapshot_take(&snapshot), HSP_OK);
    // A thread that began after another had ended took over its ring, full or not.
    assert_int_equal(hsp_snapshot_count(snapshot) + hsp_snapshot_dropped_count(snapshot),
                     THREADS * CALLS);
    assert_true(hsp_snapshot_count(snapshot) >= CAPACITY);
    assert_true(hsp_snapshot_dropped_count(snapshot) >= CALLS - CAPACITY);
    const struct hsp_event *events = hsp_snapshot_events(snapshot);
    for (size_t i = 1; i < hsp_snapshot_count(snapshot); i++)
        assert_true(events[i - 1].start_ns <= events[i].start_ns);
    struct hsp_counter counter;
    assert_int_equal(hsp_counter_get(1, &counter), HSP_OK);
    assert_int_equal(counter.count, THREADS * CALLS);
    hsp_snapshot_destroy(snapshot);
}

static void spans_have_names_of_their_own(void **state) {
    (void)state;
    uint16_t phase, again, other;
    assert_int_equal(hsp_span_register("phase", &phase), HSP_OK);
    assert_int_equal(hsp_span_register("other", &other), HSP_OK);
    assert_int_equal(hsp_span_register("phase", &again), HSP_OK);
    assert_int_equal(phase, again);
    assert_int_not_equal(phase, other);
    const uint64_t now = hsp_clock_ticks();
    hsp_span_record(phase, now, now + 5);
    struct hsp_snapshot *snapshot;
    assert_int_equal(hsp_snapshot_take(&snapshot), HSP_OK);
    assert_int_equal(hsp_snapshot_count(snapshot), 1);
    const struct hsp_event *event = hsp_snapshot_events(snapshot);
    assert_int_equal(event->kind, HSP_EVENT_SPAN);
    assert_string_equal(hsp_event_name(HSP_EVENT_SPAN, event->id), "phase");
    hsp_snapshot_destroy(snapshot);
}

static void capacity_must_be_a_power_of_two(void **state) {
    (void)state;
    assert_int_equal(hsp_record_set_capacity(0), HSP_ERROR_INVALID_ARGUMENT);
    assert_int_equal(hsp_record_set_capacity(3), HSP_ERROR_INVALID_ARGUMENT);
    assert_non_null(strstr(hsp_last_error(), "3 events"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(event_carries_call_thread_time_and_result, setup),
        cmocka_unit_test_setup(counters_sum_over_threads, setup),
        cmocka_unit_test_setup(clear_forgets_events_and_counters, setup),
        cmocka_unit_test_setup(unknown_function_is_refused_and_leaves_output, setup),
        cmocka_unit_test_setup(threads_record_apart_and_drops_are_counted, setup),
        cmocka_unit_test_setup(spans_have_names_of_their_own, setup),
        cmocka_unit_test_setup(capacity_must_be_a_power_of_two, setup),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
