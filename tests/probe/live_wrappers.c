/* SPDX-License-Identifier: MIT */
// Calls into HSA leave nothing, counters, or counters and events, as the mode says; it can change
// while other threads call.
#include "live.h"

#include <pthread.h>
#include <stdatomic.h>

static uint16_t id_of(const char *name) {
    for (uint16_t id = 0; id < hsp_counter_count(); id++)
        if (strcmp(hsp_event_name(HSP_EVENT_HSA_CALL, id), name) == 0)
            return id;
    CHECK(false, "no function %s", name);
    return 0;
}

static uint64_t calls_of(const char *name) {
    struct hsp_counter counter;
    OK(hsp_counter_get(id_of(name), &counter));
    CHECK(counter.min_ns <= counter.p50_ns && counter.p50_ns <= counter.max_ns);
    CHECK(counter.total_ns >= counter.min_ns * counter.count);
    return counter.count;
}

static size_t events_of(const char *name) {
    struct hsp_snapshot *snapshot = NULL;
    OK(hsp_snapshot_take(&snapshot));
    size_t count = 0;
    for (size_t i = 0; i < hsp_snapshot_count(snapshot); i++)
        count += hsp_snapshot_events(snapshot)[i].id == id_of(name);
    hsp_snapshot_destroy(snapshot);
    return count;
}

static void use_signals(int times) {
    for (int i = 0; i < times; i++) {
        hsa_signal_t signal;
        OK(hsp_signal_create(i, NULL, &signal));
        hsp_signal_store_release(signal, 5);
        CHECK(hsp_signal_load_acquire(signal) == 5);
        hsp_signal_destroy(signal);
    }
}

static void check_mode(enum hsp_wrapper_mode mode, uint64_t calls, size_t events) {
    hsp_record_clear();
    OK(hsp_runtime_set_wrapper_mode(mode));
    CHECK(hsp_runtime_wrapper_mode() == mode);
    use_signals(10);
    CHECK(calls_of("hsa_signal_create") == calls);
    CHECK(calls_of("hsa_signal_store_screlease") == calls);
    CHECK(events_of("hsa_signal_create") == events);
    CHECK(events_of("hsa_signal_load_scacquire") == events);
}

static atomic_bool stop;

static void *switch_modes(void *data) {
    (void)data;
    for (int i = 0; !atomic_load(&stop); i++)
        OK(hsp_runtime_set_wrapper_mode((enum hsp_wrapper_mode)(i % 3)));
    return NULL;
}

int main(void) {
    OK(hsp_runtime_set_wrapper_mode(HSP_WRAPPER_RECORD));
    live_gpu();
    CHECK(calls_of("hsa_init") == 1 && events_of("hsa_init") == 1);
    CHECK(calls_of("hsa_iterate_agents") == 1);
    check_mode(HSP_WRAPPER_OFF, 0, 0);
    check_mode(HSP_WRAPPER_COUNTERS, 10, 0);
    check_mode(HSP_WRAPPER_RECORD, 10, 10);
    check_mode(HSP_WRAPPER_OFF, 0, 0);
    FAILS(hsp_runtime_set_wrapper_mode((enum hsp_wrapper_mode)7), HSP_ERROR_INVALID_ARGUMENT,
          "mode 7");
    // A failed call is recorded with what it returned.
    OK(hsp_runtime_set_wrapper_mode(HSP_WRAPPER_RECORD));
    CHECK(hsp_memory_free((void *)0x1230) != HSP_OK);
    CHECK(strstr(hsp_last_error(), "hsa_amd_memory_pool_free: HSA_STATUS_ERROR"), "%s",
          hsp_last_error());
    struct hsp_snapshot *snapshot = NULL;
    OK(hsp_snapshot_take(&snapshot));
    bool is_seen = false;
    for (size_t i = 0; i < hsp_snapshot_count(snapshot); i++) {
        const struct hsp_event *event = &hsp_snapshot_events(snapshot)[i];
        is_seen |= event->id == id_of("hsa_amd_memory_pool_free") && event->result >= 0x1000;
    }
    CHECK(is_seen);
    hsp_snapshot_destroy(snapshot);
    pthread_t thread;
    CHECK(pthread_create(&thread, NULL, switch_modes, NULL) == 0);
    use_signals(2000);
    atomic_store(&stop, true);
    pthread_join(thread, NULL);
    OK(hsp_runtime_set_wrapper_mode(HSP_WRAPPER_OFF));
    hsp_runtime_shutdown();
    return 0;
}
