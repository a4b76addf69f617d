/* SPDX-License-Identifier: MIT */
// Several signals: waiting for any of them, handlers on them, pools of them; and what their memory
// says.
#include "live.h"

#include <pthread.h>
#include <stdatomic.h>

#define MANY 200

static hsa_signal_t new_signal(int64_t initial) {
    hsa_signal_t signal;
    OK(hsp_signal_create(initial, NULL, &signal));
    return signal;
}

static struct hsp_signal_wait_item item(hsa_signal_t signal, enum hsp_condition condition,
                                        int64_t value) {
    return (struct hsp_signal_wait_item){signal, condition, value};
}

static void *store_one(void *data) {
    hsp_signal_store_release(*(hsa_signal_t *)data, 41);
    return NULL;
}

static void wait_any_names_the_one_that_holds(size_t count, enum hsp_wait_state state) {
    struct hsp_signal_wait_item items[MANY];
    for (size_t i = 0; i < count; i++)
        items[i] = item(new_signal(0), HSP_CONDITION_GTE, 41);
    size_t index = 99;
    int64_t value = 7;
    CHECK(hsp_signal_wait_any(items, count, 1000000, state, &index, &value) == HSP_ERROR_TIMEOUT);
    CHECK(index == 99 && value == 7, "written at a timeout");
    const size_t chosen = count - 2;
    pthread_t thread;
    CHECK(pthread_create(&thread, NULL, store_one, &items[chosen].signal) == 0);
    OK(hsp_signal_wait_any(items, count, HSP_WAIT_FOREVER, state, &index, &value));
    CHECK(index == chosen && value == 41, "index %zu value %lld", index, (long long)value);
    pthread_join(thread, NULL);
    hsp_signal_store_relaxed(items[1].signal, 50);
    OK(hsp_signal_wait_any(items, count, 0, state, &index, NULL));
    CHECK(index == 1 || chosen == 1, "not the first that holds: %zu", index);
    for (size_t i = 0; i < count; i++)
        hsp_signal_destroy(items[i].signal);
}

static void wait_any_takes_different_conditions(void) {
    const struct hsp_signal_wait_item items[] = {
        item(new_signal(5), HSP_CONDITION_EQ, 6),
        item(new_signal(5), HSP_CONDITION_NE, 5),
        item(new_signal(5), HSP_CONDITION_LT, 5),
        item(new_signal(5), HSP_CONDITION_GTE, 5),
    };
    size_t index = 99;
    OK(hsp_signal_wait_any(items, 4, HSP_WAIT_FOREVER, HSP_WAIT_ACTIVE, &index, NULL));
    CHECK(index == 3, "%zu", index);
    FAILS(hsp_signal_wait_any(items, 0, 0, HSP_WAIT_ACTIVE, &index, NULL),
          HSP_ERROR_INVALID_ARGUMENT, "0 conditions");
    FAILS(hsp_signal_wait_any(items, 65537, 0, HSP_WAIT_ACTIVE, &index, NULL),
          HSP_ERROR_INVALID_ARGUMENT, "65537 conditions");
    for (size_t i = 0; i < 4; i++)
        hsp_signal_destroy(items[i].signal);
}

struct handled {
    hsa_signal_t signal;
    hsa_signal_t done; // counts down, one for each handler that said it is finished
    _Atomic int calls;
    _Atomic int64_t value;
};

static bool handle_once(int64_t value, void *data) {
    struct handled *handled = data;
    atomic_store(&handled->value, value);
    atomic_fetch_add(&handled->calls, 1);
    hsp_signal_subtract_release(handled->done, 1);
    return false;
}

static bool handle_until_three(int64_t value, void *data) {
    struct handled *handled = data;
    const int calls = atomic_fetch_add(&handled->calls, 1) + 1;
    atomic_store(&handled->value, value);
    hsp_signal_store_relaxed(handled->signal, calls < 3 ? 1 : 0);
    if (calls == 3)
        hsp_signal_subtract_release(handled->done, 1);
    return calls < 3;
}

static void handlers_are_called(void) {
    static struct handled handled[MANY];
    const hsa_signal_t done = new_signal(MANY);
    for (int i = 0; i < MANY; i++) {
        handled[i].signal = new_signal(0);
        handled[i].done = done;
        OK(hsp_signal_on(handled[i].signal, HSP_CONDITION_NE, 0,
                         i == 0 ? handle_until_three : handle_once, &handled[i]));
    }
    for (int i = MANY - 1; i >= 0; i--)
        hsp_signal_store_release(handled[i].signal, i + 1);
    OK(hsp_signal_wait(done, HSP_CONDITION_EQ, 0, LIVE_WAIT_NS, HSP_WAIT_BLOCKED, NULL));
    for (int i = 0; i < MANY; i++) {
        CHECK(atomic_load(&handled[i].calls) == (i == 0 ? 3 : 1), "handler %d", i);
        CHECK(atomic_load(&handled[i].value) == i + 1, "handler %d", i);
        hsp_signal_destroy(handled[i].signal);
    }
    FAILS(hsp_signal_on(done, HSP_CONDITION_EQ, 5, NULL, NULL), HSP_ERROR_INVALID_ARGUMENT,
          "no handler");
    hsp_signal_destroy(done);
}

static void a_pool_hands_out_each_signal_once(void) {
    struct hsp_signal_pool *pool;
    OK(hsp_signal_pool_create(MANY, NULL, &pool));
    hsa_signal_t signals[MANY];
    for (int i = 0; i < MANY; i++) {
        signals[i] = hsp_signal_pool_acquire(pool, 1000 + i);
        CHECK(signals[i].handle != 0);
        for (int j = 0; j < i; j++)
            CHECK(signals[i].handle != signals[j].handle);
    }
    for (int i = 0; i < MANY; i++)
        CHECK(hsp_signal_load_relaxed(signals[i]) == 1000 + i);
    CHECK(hsp_signal_pool_acquire(pool, 0).handle == 0, "one more than there are");
    hsp_signal_pool_release(pool, signals[17]);
    const hsa_signal_t again = hsp_signal_pool_acquire(pool, -3);
    CHECK(again.handle == signals[17].handle && hsp_signal_load_relaxed(again) == -3);
    hsp_signal_pool_release(pool, (hsa_signal_t){0});
    CHECK(hsp_signal_pool_acquire(pool, 0).handle == 0, "a zero handle was taken in");
    hsp_signal_pool_destroy(pool);
    hsp_signal_pool_destroy(NULL);
    FAILS(hsp_signal_pool_create(0, NULL, &pool), HSP_ERROR_INVALID_ARGUMENT, "0 signals");
    FAILS(hsp_signal_pool_create(70000, NULL, &pool), HSP_ERROR_INVALID_ARGUMENT, "70000 signals");
}

static void memory_says_what_a_signal_is(const struct hsp_agent *gpu) {
    struct hsp_signal_state state;
    const hsa_signal_t plain = new_signal(-9);
    hsp_signal_inspect(plain, &state);
    CHECK(state.kind == HSP_SIGNAL_USER && state.native_kind == 1 && state.value == -9);
    CHECK(*hsp_signal_value_address(plain) == -9);
    *hsp_signal_value_address(plain) = 8;
    CHECK(hsp_signal_load_relaxed(plain) == 8);
    CHECK(state.interrupts == (state.mailbox_address != 0));
    CHECK(state.interrupts == (state.event_id != 0));
    const char *interrupts = getenv("HSA_ENABLE_INTERRUPT");
    if (!interrupts || strcmp(interrupts, "0") != 0)
        CHECK(state.interrupts, "a default signal doesn't interrupt");
    hsp_signal_destroy(plain);

    const struct hsp_signal_options options = {.size = sizeof(options), .busy_wait = true};
    hsa_signal_t busy;
    OK(hsp_signal_create(3, &options, &busy));
    hsp_signal_inspect(busy, &state);
    CHECK(state.kind == HSP_SIGNAL_USER && state.value == 3 && !state.interrupts);
    hsp_signal_destroy(busy);

    struct hsp_queue *queue;
    OK(hsp_queue_create(gpu, NULL, &queue));
    const hsa_queue_t *native = hsp_queue_native(queue);
    hsp_signal_inspect(native->doorbell_signal, &state);
    CHECK(state.kind == HSP_SIGNAL_DOORBELL && state.native_kind == -1 && state.value == 0);
    CHECK(state.doorbell_address != 0);
    CHECK(!hsp_signal_value_address(native->doorbell_signal), "a doorbell's value isn't one");
    CHECK(state.queue_address == (uint64_t)(uintptr_t)native);
    hsp_queue_destroy(queue);
}

int main(void) {
    const struct hsp_agent *gpu = live_gpu();
    wait_any_names_the_one_that_holds(4, HSP_WAIT_ACTIVE);
    wait_any_names_the_one_that_holds(4, HSP_WAIT_BLOCKED);
    wait_any_names_the_one_that_holds(MANY, HSP_WAIT_BLOCKED);
    wait_any_takes_different_conditions();
    handlers_are_called();
    a_pool_hands_out_each_signal_once();
    memory_says_what_a_signal_is(gpu);
    hsp_runtime_shutdown();
    return 0;
}
