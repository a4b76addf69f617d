/* SPDX-License-Identifier: MIT */
// Signals hold, change and compare values in every order; waits end by value and by time.
#include "live.h"

#include <pthread.h>
#include <unistd.h>

#define EACH_ORDER(op, signal, value)                                                              \
    hsp_signal_##op##_relaxed(signal, value);                                                      \
    hsp_signal_##op##_acquire(signal, value);                                                      \
    hsp_signal_##op##_release(signal, value);                                                      \
    hsp_signal_##op##_acq_rel(signal, value)

static void check_values(hsa_signal_t signal) {
    hsp_signal_store_relaxed(signal, -5);
    CHECK(hsp_signal_load_acquire(signal) == -5);
    hsp_signal_store_release(signal, 100);
    CHECK(hsp_signal_load_relaxed(signal) == 100);
    EACH_ORDER(add, signal, 3);
    CHECK(hsp_signal_load_relaxed(signal) == 112);
    EACH_ORDER(subtract, signal, 1);
    CHECK(hsp_signal_load_relaxed(signal) == 108);
    EACH_ORDER(or, signal, 3);
    CHECK(hsp_signal_load_relaxed(signal) == 111);
    EACH_ORDER(and, signal, 0x0f);
    CHECK(hsp_signal_load_relaxed(signal) == 15);
    hsp_signal_xor_relaxed(signal, 1);
    hsp_signal_xor_acquire(signal, 2);
    hsp_signal_xor_release(signal, 4);
    hsp_signal_xor_acq_rel(signal, 8);
    CHECK(hsp_signal_load_relaxed(signal) == 0);
    CHECK(hsp_signal_exchange_relaxed(signal, 1) == 0);
    CHECK(hsp_signal_exchange_acquire(signal, 2) == 1);
    CHECK(hsp_signal_exchange_release(signal, 3) == 2);
    CHECK(hsp_signal_exchange_acq_rel(signal, 4) == 3);
    CHECK(hsp_signal_cas_relaxed(signal, 9, 5) == 4 && hsp_signal_load_relaxed(signal) == 4);
    CHECK(hsp_signal_cas_relaxed(signal, 4, 5) == 4 && hsp_signal_load_relaxed(signal) == 5);
    CHECK(hsp_signal_cas_acquire(signal, 5, 6) == 5);
    CHECK(hsp_signal_cas_release(signal, 6, 7) == 6);
    CHECK(hsp_signal_cas_acq_rel(signal, 7, 8) == 7);
    hsp_signal_silent_store_relaxed(signal, 9);
    CHECK(hsp_signal_load_relaxed(signal) == 9);
    hsp_signal_silent_store_release(signal, 10);
    CHECK(hsp_signal_load_relaxed(signal) == 10);
}

static void check_conditions(hsa_signal_t signal) {
    static const struct {
        enum hsp_condition condition;
        int64_t value;
        bool is_met;
    } cases[] = {
        {HSP_CONDITION_EQ, 10, true},  {HSP_CONDITION_EQ, 11, false},
        {HSP_CONDITION_NE, 11, true},  {HSP_CONDITION_NE, 10, false},
        {HSP_CONDITION_LT, 11, true},  {HSP_CONDITION_LT, 10, false},
        {HSP_CONDITION_GTE, 10, true}, {HSP_CONDITION_GTE, 11, false},
    };
    hsp_signal_store_relaxed(signal, 10);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        int64_t seen = 0;
        const hsp_status status = hsp_signal_wait(signal, cases[i].condition, cases[i].value,
                                                  1000000, HSP_WAIT_ACTIVE, &seen);
        CHECK(status == (cases[i].is_met ? HSP_OK : (hsp_status)HSP_ERROR_TIMEOUT), "case %zu", i);
        CHECK(seen == 10);
    }
}

static void unknown_conditions_are_refused(hsa_signal_t signal) {
    const enum hsp_condition none = (enum hsp_condition)4;
    const struct hsp_signal_wait_item items[] = {{signal, HSP_CONDITION_EQ, 1}, {signal, none, 1}};
    size_t index = 7;
    FAILS(hsp_signal_wait(signal, none, 1, HSP_WAIT_FOREVER, HSP_WAIT_ACTIVE, NULL),
          HSP_ERROR_INVALID_ARGUMENT, "condition 4 is unknown");
    FAILS(hsp_signal_wait_any(items, 2, HSP_WAIT_FOREVER, HSP_WAIT_ACTIVE, &index, NULL),
          HSP_ERROR_INVALID_ARGUMENT, "condition 4 is unknown");
    CHECK(index == 7);
}

static void check_timeout(hsa_signal_t signal, enum hsp_wait_state state) {
    const uint64_t start = hsp_clock_ns();
    CHECK(hsp_signal_wait(signal, HSP_CONDITION_EQ, 1, 30000000, state, NULL) == HSP_ERROR_TIMEOUT);
    const uint64_t waited = hsp_clock_ns() - start;
    CHECK(waited >= 30000000, "only %llu ns", (unsigned long long)waited);
}

static void *store_later(void *data) {
    usleep(20000);
    hsp_signal_store_release(*(hsa_signal_t *)data, 77);
    return NULL;
}

static void check_wake(hsa_signal_t signal, enum hsp_wait_state state) {
    hsp_signal_store_relaxed(signal, 0);
    pthread_t thread;
    CHECK(pthread_create(&thread, NULL, store_later, &signal) == 0);
    int64_t seen = 0;
    OK(hsp_signal_wait(signal, HSP_CONDITION_NE, 0, HSP_WAIT_FOREVER, state, &seen));
    CHECK(seen == 77);
    pthread_join(thread, NULL);
}

int main(void) {
    const struct hsp_agent *gpu = live_gpu();
    const struct hsp_signal_options kinds[] = {
        {.size = sizeof(kinds[0])},
        {.size = sizeof(kinds[0]), .consumers = &gpu, .consumer_count = 1},
        {.size = sizeof(kinds[0]), .consumers = &gpu, .consumer_count = 1, .busy_wait = true},
    };
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        hsa_signal_t signal = {0};
        OK(hsp_signal_create(3, &kinds[i], &signal));
        CHECK(hsp_signal_load_relaxed(signal) == 3);
        check_values(signal);
        check_conditions(signal);
        unknown_conditions_are_refused(signal);
        for (int state = HSP_WAIT_BLOCKED; state <= HSP_WAIT_ACTIVE; state++) {
            check_timeout(signal, (enum hsp_wait_state)state);
            check_wake(signal, (enum hsp_wait_state)state);
        }
        hsp_signal_destroy(signal);
    }
    hsp_signal_destroy((hsa_signal_t){0});
    struct {
        struct hsp_signal_options known;
        uint64_t newer;
    } future = {.known.size = sizeof(future), .newer = 1};
    hsa_signal_t signal = {0};
    FAILS(hsp_signal_create(1, &future.known, &signal), HSP_ERROR_NOT_SUPPORTED, "signal options");
    future.newer = 0;
    OK(hsp_signal_create(1, &future.known, &signal));
    hsp_signal_destroy(signal);
    hsp_runtime_shutdown();
    return 0;
}
