/* SPDX-License-Identifier: MIT */
// What every stub calls before and after the function. Compiled for general registers only: the
// caller's floating-point arguments and results stay where they are.
#include "trace/trace.h"

// stub.c: hsp_writer_take_ring for a caller whose vector registers are in use.
struct hsp_trace_ring *trace_take_ring(void);

static struct hsp_trace_ring *ring_of_thread(void) {
    struct hsp_trace_ring *ring = hsp_thread_ring;
    return __builtin_expect(ring != NULL, 1) ? ring : trace_take_ring();
}

void trace_pull_start(const struct trace_function *function) {
    struct hsp_session_page *page = hsp_session_page;
    if (function->is_start &&
        __atomic_add_fetch(&page->start_seen, 1, __ATOMIC_RELAXED) == page->start_calls)
        __atomic_store_n(&page->is_active, 1, __ATOMIC_RELEASE);
}

void trace_pull_stop(const struct trace_function *function) {
    struct hsp_session_page *page = hsp_session_page;
    if (function->is_stop &&
        __atomic_add_fetch(&page->stop_seen, 1, __ATOMIC_RELAXED) == page->stop_calls)
        __atomic_store_n(&page->is_active, 0, __ATOMIC_RELEASE);
}

// Stubs of these don't look at the flag themselves.
static bool is_wanted_trigger(const struct trace_function *function) {
    trace_pull_start(function);
    return __atomic_load_n(&hsp_session_page->is_active, __ATOMIC_RELAXED);
}

void *trace_enter(struct trace_frame *frame, struct trace_function *function) {
    frame->is_recorded = 0;
    frame->function = function;
    struct hsp_trace_ring *ring = ring_of_thread();
    if (__builtin_expect(!ring || ring->is_muted, 0))
        return function->original;
    if (__builtin_expect(function->is_start || function->is_stop, 0) &&
        !is_wanted_trigger(function))
        return function->original;
    struct hsp_trace_open *open =
        hsp_writer_enter(ring, (uint64_t)frame, function->id, function->is_root);
    if (!open)
        return function->original;
    frame->is_recorded = 1;
    open->start_ticks = hsp_writer_clock();
    if (function->before) {
        function->before(frame);
        hsp_writer_excuse(ring, hsp_writer_clock() - open->start_ticks);
    }
    return function->original;
}

static inline uint64_t detail(const struct trace_frame *frame, unsigned which) {
    const uint8_t index = frame->function->details[which];
    return index < 6 ? frame->arguments[index] : 0;
}

void trace_leave(struct trace_frame *frame) {
    if (!frame->is_recorded)
        return;
    const uint64_t end = hsp_writer_clock();
    // Looked up anew: the call may have forked.
    struct hsp_trace_ring *ring = hsp_thread_ring;
    if (!ring)
        return;
    const trace_hook after = frame->function->after;
    if (after)
        after(frame);
    hsp_writer_leave(ring, (uint64_t)frame, end, frame->result, detail(frame, 0), detail(frame, 1));
    // After the call's end: it would be its caller's time.
    if (after)
        hsp_writer_excuse(ring, hsp_writer_clock() - end);
    trace_pull_stop(frame->function);
}
