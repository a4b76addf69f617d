/* SPDX-License-Identifier: MIT */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/status.h"
#include "record/record.h"
#include "record/recorder.h"

struct hsp_snapshot {
    size_t count;
    uint64_t dropped_count;
    struct hsp_event *events;
};

// The consumer's side of every ring, and dropped_base.
static pthread_mutex_t reader_lock = PTHREAD_MUTEX_INITIALIZER;

static int compare_events(const void *left, const void *right) {
    const struct hsp_event *a = left, *b = right;
    if (a->start_ns != b->start_ns)
        return a->start_ns < b->start_ns ? -1 : 1;
    // Equal starts: the enclosing one first.
    return a->duration_ns > b->duration_ns ? -1 : a->duration_ns < b->duration_ns;
}

static void copy_events(struct hsp_snapshot *snapshot, const struct hsp_recorder *recorder,
                        uint64_t first, uint64_t end, const struct hsp_clock_line *line) {
    for (uint64_t i = first; i < end; i++) {
        const struct hsp_record_slot *slot = &recorder->slots[i & (recorder->ring.capacity - 1)];
        snapshot->events[snapshot->count++] = (struct hsp_event){
            .start_ns = hsp_clock_line_ns(line, slot->start_ticks),
            .duration_ns = hsp_clock_ticks_to_ns(slot->end_ticks - slot->start_ticks),
            .result = slot->result,
            .thread = slot->thread,
            .id = slot->id,
            .kind = slot->kind,
        };
    }
}

static hsp_status fill(struct hsp_snapshot *snapshot) {
    struct hsp_clock_line line;
    hsp_clock_line_get(&line);
    struct hsp_recorder *const list = hsp_recorder_first();
    size_t capacity = 0;
    for (struct hsp_recorder *r = list; r; r = r->next) {
        uint64_t first;
        capacity += hsp_ring_readable(&r->ring, &first) - first;
    }
    snapshot->events = malloc((capacity ? capacity : 1) * sizeof(*snapshot->events));
    if (!snapshot->events)
        return hsp_fail_memory("a snapshot");
    for (struct hsp_recorder *r = list; r; r = r->next) {
        uint64_t first, end = hsp_ring_readable(&r->ring, &first);
        // More may have arrived since the room was counted; they wait for the next snapshot.
        const uint64_t room = capacity - snapshot->count;
        if (end - first > room)
            end = first + room;
        copy_events(snapshot, r, first, end, &line);
        snapshot->dropped_count +=
            __atomic_load_n(&r->ring.dropped, __ATOMIC_RELAXED) - r->dropped_base;
    }
    return HSP_OK;
}

hsp_status hsp_snapshot_take(struct hsp_snapshot **out_snapshot) {
    struct hsp_snapshot *snapshot = calloc(1, sizeof(*snapshot));
    if (!snapshot)
        return hsp_fail_memory("a snapshot");
    pthread_mutex_lock(&reader_lock);
    const hsp_status status = fill(snapshot);
    pthread_mutex_unlock(&reader_lock);
    if (status != HSP_OK) {
        hsp_snapshot_destroy(snapshot);
        return status;
    }
    qsort(snapshot->events, snapshot->count, sizeof(*snapshot->events), compare_events);
    *out_snapshot = snapshot;
    return HSP_OK;
}

void hsp_snapshot_destroy(struct hsp_snapshot *snapshot) {
    if (!snapshot)
        return;
    free(snapshot->events);
    free(snapshot);
}

size_t hsp_snapshot_count(const struct hsp_snapshot *snapshot) {
    return snapshot->count;
}

const struct hsp_event *hsp_snapshot_events(const struct hsp_snapshot *snapshot) {
    return snapshot->events;
}

uint64_t hsp_snapshot_dropped_count(const struct hsp_snapshot *snapshot) {
    return snapshot->dropped_count;
}

void hsp_record_clear(void) {
    pthread_mutex_lock(&reader_lock);
    hsp_record_new_epoch();
    for (struct hsp_recorder *r = hsp_recorder_first(); r; r = r->next) {
        uint64_t first;
        const uint64_t end = hsp_ring_readable(&r->ring, &first);
        hsp_ring_consume(&r->ring, end);
        r->dropped_base = __atomic_load_n(&r->ring.dropped, __ATOMIC_RELAXED);
    }
    pthread_mutex_unlock(&reader_lock);
}

hsp_status hsp_counter_get(uint16_t id, struct hsp_counter *out_counter) {
    if (id >= hsp_counter_count())
        return hsp_fail(HSP_ERROR_INVALID_ARGUMENT, "function %u: there are %u", id,
                        hsp_counter_count());
    struct hsp_histogram *sum = calloc(1, sizeof(*sum));
    if (!sum)
        return hsp_fail_memory("a counter");
    const uint64_t epoch = hsp_record_epoch();
    for (struct hsp_recorder *r = hsp_recorder_first(); r; r = r->next)
        if (__atomic_load_n(&r->epoch, __ATOMIC_ACQUIRE) == epoch)
            hsp_histogram_join(sum, &r->calls[id]);
    *out_counter = (struct hsp_counter){
        .count = sum->count,
        .total_ns = sum->sum,
        .min_ns = sum->min,
        .max_ns = sum->max,
        .p50_ns = hsp_histogram_at_percent(sum, 50),
        .p99_ns = hsp_histogram_at_percent(sum, 99),
    };
    free(sum);
    return HSP_OK;
}
