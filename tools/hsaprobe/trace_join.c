/* SPDX-License-Identifier: MIT */
#include "trace.h"

#include <stdlib.h>
#include <string.h>

#include "memory.h"

#define BUCKETS (2 * TRACE_WORK_MAX)
#define NONE    UINT32_MAX

struct waiting {
    struct trace_work work;
    uint64_t queue, number;
    const struct hsp_session_process *process; /* the pointer stays the same until it is over */
    bool has_submit;
    uint32_t next;         /* in the bucket */
    uint32_t older, newer; /* of all; `newer` links free places too */
};

struct trace_joiner {
    trace_work_sink sink;
    void *data;
    struct waiting *places;
    uint32_t *buckets;
    uint32_t free, oldest, newest;
};

struct trace_joiner *trace_joiner_create(trace_work_sink sink, void *data) {
    struct trace_joiner *joiner = xcalloc(1, sizeof *joiner);
    joiner->sink = sink;
    joiner->data = data;
    joiner->places = xcalloc(TRACE_WORK_MAX, sizeof *joiner->places);
    joiner->buckets = xcalloc(BUCKETS, sizeof *joiner->buckets);
    memset(joiner->buckets, 0xff, BUCKETS * sizeof *joiner->buckets);
    for (uint32_t i = 0; i < TRACE_WORK_MAX; i++)
        joiner->places[i].newer = i + 1 < TRACE_WORK_MAX ? i + 1 : NONE;
    joiner->oldest = joiner->newest = NONE;
    return joiner;
}

void trace_joiner_destroy(struct trace_joiner *joiner) {
    if (!joiner)
        return;
    free(joiner->places);
    free(joiner->buckets);
    free(joiner);
}

static uint32_t *bucket_of(struct trace_joiner *joiner, const struct hsp_session_process *process,
                           uint64_t queue, uint64_t number) {
    const uint64_t key = (number + queue * 0x10001 + ((uint64_t)process->number << 40)) *
                         UINT64_C(0x9e3779b97f4a7c15);
    return &joiner->buckets[(key >> 32) % BUCKETS];
}

static void unlink_place(struct trace_joiner *joiner, uint32_t index) {
    struct waiting *place = &joiner->places[index];
    uint32_t *link = bucket_of(joiner, place->process, place->queue, place->number);
    while (*link != index)
        link = &joiner->places[*link].next;
    *link = place->next;
    if (place->older == NONE)
        joiner->oldest = place->newer;
    else
        joiner->places[place->older].newer = place->newer;
    if (place->newer == NONE)
        joiner->newest = place->older;
    else
        joiner->places[place->newer].older = place->older;
    place->newer = joiner->free;
    joiner->free = index;
}

/* A time whose submission was dropped tells nothing. */
static void deliver(struct trace_joiner *joiner, uint32_t index) {
    const struct waiting *place = &joiner->places[index];
    if (place->has_submit)
        joiner->sink(joiner->data, place->process, &place->work);
    unlink_place(joiner, index);
}

static uint32_t take_place(struct trace_joiner *joiner, const struct hsp_session_process *process,
                           uint64_t queue, uint64_t number) {
    if (joiner->free == NONE)
        deliver(joiner, joiner->oldest);
    const uint32_t index = joiner->free;
    struct waiting *place = &joiner->places[index];
    joiner->free = place->newer;
    uint32_t *bucket = bucket_of(joiner, process, queue, number);
    *place = (struct waiting){.queue = queue,
                              .number = number,
                              .process = process,
                              .next = *bucket,
                              .older = joiner->newest,
                              .newer = NONE};
    *bucket = index;
    if (joiner->newest == NONE)
        joiner->oldest = index;
    else
        joiner->places[joiner->newest].newer = index;
    joiner->newest = index;
    return index;
}

static uint32_t find_place(struct trace_joiner *joiner, const struct hsp_session_process *process,
                           uint64_t queue, uint64_t number, bool wants_submit) {
    uint32_t index = *bucket_of(joiner, process, queue, number);
    for (; index != NONE; index = joiner->places[index].next) {
        const struct waiting *place = &joiner->places[index];
        if (place->process == process && place->queue == queue && place->number == number &&
            place->has_submit == wants_submit)
            return index;
    }
    return NONE;
}

void trace_joiner_add(struct trace_joiner *joiner, const struct hsp_session_process *process,
                      uint32_t thread, const struct hsp_trace_event *event) {
    const bool is_submit = event->kind != HSP_TRACE_DEVICE;
    const uint64_t queue = event->detail[1], number = event->value;
    uint32_t index = find_place(joiner, process, queue, number, !is_submit);
    const bool is_complete = index != NONE;
    if (!is_complete)
        index = take_place(joiner, process, queue, number);
    struct waiting *place = &joiner->places[index];
    struct trace_work *work = &place->work;
    if (is_submit) {
        place->has_submit = true;
        work->submit = *event;
        work->thread = thread;
        if (event->kind == HSP_TRACE_DISPATCH && event->detail[0])
            work->kernel = hsp_session_kernel(process, event->detail[0], event->start_ticks);
    } else {
        work->has_times = true;
        work->start_ticks = event->start_ticks;
        work->end_ticks = event->end_ticks;
    }
    /* Barriers have no times of their own. */
    if (is_complete || (event->kind == HSP_TRACE_DISPATCH && !event->detail[0]))
        deliver(joiner, index);
}

void trace_joiner_end(struct trace_joiner *joiner, const struct hsp_session_process *process) {
    for (uint32_t index = joiner->oldest; index != NONE;) {
        const uint32_t newer = joiner->places[index].newer;
        if (joiner->places[index].process == process)
            deliver(joiner, index);
        index = newer;
    }
}
