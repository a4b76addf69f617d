/* SPDX-License-Identifier: MIT */
#include "record/record.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/status.h"
#include "record/recorder.h"
#include "record/writer.h"

#define SPANS_MAX             256
#define CAPACITY_DEFAULT      16384u
#define CAPACITY_MAX          (1u << 24)
#define HISTOGRAM_TABLE_BYTES (sizeof(struct hsp_histogram) * HSP_RECORD_CALLS_MAX)

static atomic_bool events_on;
static _Atomic(const char *const *) call_names;
static atomic_uint call_count;
static atomic_uint ring_capacity = CAPACITY_DEFAULT;
static atomic_uint_fast64_t clear_epoch = 1;
static _Atomic(struct hsp_recorder *) first_recorder;

static pthread_mutex_t span_lock = PTHREAD_MUTEX_INITIALIZER;
static _Atomic(char *) span_names[SPANS_MAX];
static uint16_t span_count;
// The same spans in the session of a traced process.
static atomic_ushort span_session_ids[SPANS_MAX];

// Initial-exec: one load instead of a call. Eight bytes fit where dlopen puts static TLS.
static _Thread_local struct hsp_recorder *thread_recorder
    __attribute__((tls_model("initial-exec")));
static _Thread_local bool thread_is_ending __attribute__((tls_model("initial-exec")));
static pthread_key_t recorder_key;
static pthread_once_t recorder_key_once = PTHREAD_ONCE_INIT;

void hsp_record_set_events(bool enable) {
    atomic_store_explicit(&events_on, enable, memory_order_relaxed);
}

bool hsp_record_events(void) {
    return atomic_load_explicit(&events_on, memory_order_relaxed);
}

void hsp_record_set_call_names(const char *const *names, uint16_t count) {
    atomic_store(&call_names, names);
    atomic_store(&call_count, count < HSP_RECORD_CALLS_MAX ? count : HSP_RECORD_CALLS_MAX);
}

uint16_t hsp_counter_count(void) {
    return (uint16_t)atomic_load(&call_count);
}

struct hsp_recorder *hsp_recorder_first(void) {
    return atomic_load_explicit(&first_recorder, memory_order_acquire);
}

uint64_t hsp_record_epoch(void) {
    return atomic_load_explicit(&clear_epoch, memory_order_relaxed);
}

void hsp_record_new_epoch(void) {
    atomic_fetch_add(&clear_epoch, 1);
}

static void release_recorder(void *data) {
    struct hsp_recorder *recorder = data;
    thread_recorder = NULL;
    thread_is_ending = true;
    __atomic_store_n(&recorder->is_taken, 0, __ATOMIC_RELEASE);
}

static void make_recorder_key(void) {
    if (pthread_key_create(&recorder_key, release_recorder) != 0)
        abort();
}

static void *map_pages(size_t bytes) {
    void *pages = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    return pages == MAP_FAILED ? NULL : pages;
}

static struct hsp_recorder *create_recorder(void) {
    const uint32_t capacity = atomic_load(&ring_capacity);
    struct hsp_recorder *recorder = calloc(1, sizeof(*recorder));
    if (!recorder)
        return NULL;
    recorder->slots = map_pages(capacity * sizeof(struct hsp_record_slot));
    recorder->calls = map_pages(HISTOGRAM_TABLE_BYTES);
    if (!recorder->slots || !recorder->calls)
        goto fail;
    recorder->ring.capacity = capacity;
    recorder->is_taken = 1;
    recorder->epoch = hsp_record_epoch();
    recorder->next = atomic_load(&first_recorder);
    while (!atomic_compare_exchange_weak(&first_recorder, &recorder->next, recorder))
        ;
    return recorder;
fail:
    if (recorder->slots)
        munmap(recorder->slots, capacity * sizeof(struct hsp_record_slot));
    if (recorder->calls)
        munmap(recorder->calls, HISTOGRAM_TABLE_BYTES);
    free(recorder);
    return NULL;
}

static struct hsp_recorder *reuse_recorder(void) {
    const uint32_t capacity = atomic_load(&ring_capacity);
    for (struct hsp_recorder *r = hsp_recorder_first(); r; r = r->next) {
        int is_free = 0;
        if (r->ring.capacity == capacity &&
            __atomic_compare_exchange_n(&r->is_taken, &is_free, 1, false, __ATOMIC_ACQUIRE,
                                        __ATOMIC_RELAXED))
            return r;
    }
    return NULL;
}

// NULL when memory is short or the thread is being torn down: the call then goes unrecorded.
static struct hsp_recorder *take_recorder(void) {
    if (thread_is_ending)
        return NULL;
    pthread_once(&recorder_key_once, make_recorder_key);
    struct hsp_recorder *recorder = reuse_recorder();
    if (!recorder)
        recorder = create_recorder();
    if (!recorder)
        return NULL;
    recorder->thread = (uint32_t)gettid();
    if (pthread_setspecific(recorder_key, recorder) != 0) {
        release_recorder(recorder);
        return NULL;
    }
    thread_recorder = recorder;
    return recorder;
}

static inline struct hsp_recorder *get_recorder(void) {
    struct hsp_recorder *recorder = thread_recorder;
    return __builtin_expect(recorder != NULL, 1) ? recorder : take_recorder();
}

static inline void write_event(struct hsp_recorder *recorder, const struct hsp_record_slot *event) {
    uint64_t slot;
    if (!hsp_ring_claim(&recorder->ring, &slot))
        return;
    recorder->slots[slot] = *event;
    hsp_ring_commit(&recorder->ring);
}

// Only pages in use: the table spans megabytes.
static void reset_counters(struct hsp_recorder *recorder, uint64_t epoch) {
    madvise(recorder->calls, HISTOGRAM_TABLE_BYTES, MADV_DONTNEED);
    __atomic_store_n(&recorder->epoch, epoch, __ATOMIC_RELEASE);
}

void hsp_record_call(uint16_t id, uint64_t start_ticks, uint64_t end_ticks, int64_t result) {
    struct hsp_recorder *recorder = get_recorder();
    if (!recorder)
        return;
    const uint64_t epoch = hsp_record_epoch();
    if (__builtin_expect(recorder->epoch != epoch, 0))
        reset_counters(recorder, epoch);
    hsp_histogram_record(&recorder->calls[id], hsp_clock_length_ns(end_ticks - start_ticks));
    if (!hsp_record_events())
        return;
    write_event(recorder, &(struct hsp_record_slot){.start_ticks = start_ticks,
                                                    .end_ticks = end_ticks,
                                                    .result = result,
                                                    .thread = recorder->thread,
                                                    .id = id,
                                                    .kind = HSP_EVENT_HSA_CALL});
}

void hsp_span_record(uint16_t id, uint64_t start_ticks, uint64_t end_ticks) {
    if (hsp_process_page && id < SPANS_MAX)
        hsp_writer_past_call(atomic_load_explicit(&span_session_ids[id], memory_order_relaxed),
                             start_ticks, end_ticks);
    if (!hsp_record_events())
        return;
    struct hsp_recorder *recorder = get_recorder();
    if (!recorder)
        return;
    write_event(recorder, &(struct hsp_record_slot){.start_ticks = start_ticks,
                                                    .end_ticks = end_ticks,
                                                    .thread = recorder->thread,
                                                    .id = id,
                                                    .kind = HSP_EVENT_SPAN});
}

hsp_status hsp_span_register(const char *name, uint16_t *out_id) {
    if (!name || !name[0])
        return hsp_fail(HSP_ERROR_INVALID_ARGUMENT, "a span needs a name");
    hsp_status status = HSP_OK;
    pthread_mutex_lock(&span_lock);
    uint16_t id = 0;
    while (id < span_count && strcmp(atomic_load(&span_names[id]), name) != 0)
        id++;
    if (id == SPANS_MAX) {
        status = hsp_fail(HSP_ERROR_FULL, "span '%s': there are %d already", name, SPANS_MAX);
    } else if (id == span_count) {
        char *copy = strdup(name);
        if (copy) {
            const bool is_traced =
                hsp_writer_attach() && hsp_session_page->layers >> HSP_LAYER_SPAN & 1;
            atomic_store(&span_session_ids[id], is_traced ? hsp_writer_name(HSP_LAYER_SPAN, name)
                                                          : (uint16_t)HSP_TRACE_NO_ID);
            atomic_store(&span_names[id], copy);
            span_count++;
        } else {
            status = hsp_fail_memory("a span's name");
        }
    }
    pthread_mutex_unlock(&span_lock);
    if (status == HSP_OK)
        *out_id = id;
    return status;
}

const char *hsp_event_name(enum hsp_event_kind kind, uint16_t id) {
    if (kind == HSP_EVENT_SPAN)
        return id < SPANS_MAX ? atomic_load(&span_names[id]) : NULL;
    return kind == HSP_EVENT_HSA_CALL && id < hsp_counter_count() ? atomic_load(&call_names)[id]
                                                                  : NULL;
}

hsp_status hsp_record_set_capacity(uint32_t events_per_thread) {
    const bool is_power = events_per_thread && !(events_per_thread & (events_per_thread - 1));
    if (!is_power || events_per_thread > CAPACITY_MAX)
        return hsp_fail(HSP_ERROR_INVALID_ARGUMENT,
                        "a ring of %u events: expected a power of two up to %u", events_per_thread,
                        CAPACITY_MAX);
    atomic_store(&ring_capacity, events_per_thread);
    return HSP_OK;
}
