/* SPDX-License-Identifier: MIT */
/// Writing to the process's file of a session (event.h): the side of the traced process.
///
/// Attach once; then every call is hsp_writer_ring, hsp_writer_enter, the call itself,
/// hsp_writer_leave. The inline functions touch general registers only where the compiler is told
/// so (-mgeneral-regs-only), never allocate, lock or enter the kernel, and are safe against signal
/// handlers that record too (their events are dropped when they interrupt a write).
///
/// A forked child gets a file of its own, with its parent's names and open calls.
///
/// Thread safety: everything from any thread.
#ifndef HSP_RECORD_WRITER_H
#define HSP_RECORD_WRITER_H

#include <stdbool.h>
#include <string.h>

#include "base/clock.h"
#include "record/event.h"

/// The ring of the calling thread in this object; NULL before its first event. Internal.
extern _Thread_local struct hsp_trace_ring *hsp_thread_ring
    __attribute__((tls_model("initial-exec"), visibility("hidden")));
/// The session's settings; NULL when this process isn't recorded. Shared with the reader.
extern struct hsp_session_page *hsp_session_page __attribute__((visibility("hidden")));
/// This process's page; NULL when it isn't recorded.
extern struct hsp_process_page *hsp_process_page __attribute__((visibility("hidden")));

/// Joins the session that the environment names (HSAPROBE_RECORD), making this process's file
/// unless another object has. False when there is no session or it can't be used; nothing is
/// printed. Idempotent.
bool hsp_writer_attach(void);
/// Path of the session file, to map it elsewhere; "" when not attached.
const char *hsp_writer_session_path(void);
/// Marks a normal end. Events may still follow.
void hsp_writer_end(void);

/// Takes a ring for the thread: the slow path of hsp_writer_ring. NULL when there is none; errno is
/// preserved. Ends itself when the thread does.
struct hsp_trace_ring *hsp_writer_take_ring(void);
/// Waits for room (a session with `waits`); false when the reader is gone.
bool hsp_writer_wait(struct hsp_trace_ring *ring);

/// A number for a function of a layer, unique in the process; a name is registered once by its
/// caller. HSP_TRACE_NO_ID when all are used up.
uint16_t hsp_writer_name(enum hsp_trace_layer layer, const char *name);
/// Writes a note; lost ones are counted.
void hsp_writer_note(enum hsp_note_kind kind, uint64_t key, uint64_t extra, const char *text);
/// Writes a call that is already over, in whatever call is open.
void hsp_writer_past_call(uint16_t id, uint64_t start_ticks, uint64_t end_ticks);
/// True if the session's name patterns want this function.
bool hsp_writer_wants(const char *name);

/// Ticks now, for events: the counter of hsp_clock_read without its wait for earlier loads, which
/// would be half of what recording costs. Late loads of the caller may fall behind it: some ns.
static inline uint64_t hsp_writer_clock(void) {
#if defined(__x86_64__)
    if (__builtin_expect(hsp_clock_uses_counter, 1))
        return __rdtsc();
#endif
    return hsp_clock_read();
}

/// The calling thread's ring; NULL when the process isn't attached or the thread can't have one.
static inline struct hsp_trace_ring *hsp_writer_ring(void) {
    struct hsp_trace_ring *ring = hsp_thread_ring;
    return __builtin_expect(ring != NULL, 1) ? ring : hsp_writer_take_ring();
}

static inline void hsp_writer_drop(struct hsp_trace_ring *ring) {
    __atomic_store_n(&ring->ring.dropped, ring->ring.dropped + 1, __ATOMIC_RELAXED);
}

/// Begins a call of the frame at this stack address; returns the place of its record, NULL when
/// calls are nested too deeply (it is dropped then). `start_ticks` is filled by the caller, last.
static inline struct hsp_trace_open *hsp_writer_enter(struct hsp_trace_ring *ring, uint64_t frame,
                                                      uint16_t id, bool is_root) {
    uint32_t depth = ring->depth;
    // Stacks grow down: what lies at or below this frame was left by longjmp.
    while (__builtin_expect(depth > 0 && ring->open[depth - 1].frame <= frame, 0))
        depth--;
    if (__builtin_expect(depth >= HSP_TRACE_OPEN_MAX, 0)) {
        hsp_writer_drop(ring);
        return NULL;
    }
    struct hsp_trace_open *open = &ring->open[depth];
    open->frame = frame;
    open->start_ticks = 0; // has not begun: readers of a killed process pass it over
    open->child_ticks = 0;
    open->seq = ring->next_seq++;
    open->id = id;
    open->root_id = is_root ? id : depth ? open[-1].root_id : (uint16_t)HSP_TRACE_NO_ID;
    __atomic_store_n(&ring->depth, depth + 1, __ATOMIC_RELEASE);
    return open;
}

/// Takes time that the tracer itself needed out of the innermost open call's own.
static inline void hsp_writer_excuse(struct hsp_trace_ring *ring, uint64_t ticks) {
    ring->hook_ticks += ticks;
    if (ring->depth > 0)
        ring->open[ring->depth - 1].child_ticks += ticks;
}

/// The next event to fill; hsp_writer_commit publishes it. NULL when the ring is full (counted) or
/// another write was interrupted.
static inline struct hsp_trace_event *hsp_writer_claim(struct hsp_trace_ring *ring) {
    uint64_t slot;
    if (__builtin_expect(ring->is_busy, 0)) {
        hsp_writer_drop(ring);
        return NULL;
    }
    // Before it looks for room: a signal handler would take the last place in between.
    ring->is_busy = 1;
    __atomic_signal_fence(__ATOMIC_SEQ_CST);
    const uint64_t tail = __atomic_load_n(&ring->ring.tail, __ATOMIC_ACQUIRE);
    if (__builtin_expect(ring->ring.head - tail >= ring->ring.capacity, 0)) {
        if (!hsp_session_page->waits || !hsp_writer_wait(ring)) {
            ring->is_busy = 0;
            hsp_writer_drop(ring);
            return NULL;
        }
    }
    slot = ring->ring.head & (ring->ring.capacity - 1);
    return hsp_trace_events(ring) + slot;
}

static inline void hsp_writer_commit(struct hsp_trace_ring *ring) {
    hsp_ring_commit(&ring->ring);
    __atomic_signal_fence(__ATOMIC_SEQ_CST);
    ring->is_busy = 0;
}

/// Fills in who the innermost open call is (seq, ids, depth) for an event that isn't a call.
static inline void hsp_writer_place(const struct hsp_trace_ring *ring,
                                    struct hsp_trace_event *event) {
    const uint32_t depth = ring->depth;
    event->seq = 0;
    event->depth = (uint8_t)depth;
    event->parent_id = depth ? ring->open[depth - 1].id : (uint16_t)HSP_TRACE_NO_ID;
    event->parent_seq = depth ? ring->open[depth - 1].seq : 0;
    event->root_id = depth ? ring->open[depth - 1].root_id : (uint16_t)HSP_TRACE_NO_ID;
}

/// Ends the call of this frame and writes its event.
static inline void hsp_writer_leave(struct hsp_trace_ring *ring, uint64_t frame, uint64_t end_ticks,
                                    uint64_t value, uint64_t detail0, uint64_t detail1) {
    uint32_t index = ring->depth;
    do {
        if (__builtin_expect(index == 0, 0)) {
            hsp_writer_drop(ring);
            return;
        }
        index--;
    } while (__builtin_expect(ring->open[index].frame != frame, 0));
    const struct hsp_trace_open *open = &ring->open[index];
    ring->depth = index;
    if (index > 0)
        ring->open[index - 1].child_ticks += end_ticks - open->start_ticks;
    struct hsp_trace_event *event = hsp_writer_claim(ring);
    if (!event)
        return;
    event->start_ticks = open->start_ticks;
    event->end_ticks = end_ticks;
    event->child_ticks = open->child_ticks;
    event->value = value;
    event->detail[0] = detail0;
    event->detail[1] = detail1;
    event->id = open->id;
    event->kind = HSP_TRACE_CALL;
    hsp_writer_place(ring, event);
    event->seq = open->seq;
    event->root_id = open->root_id;
    hsp_writer_commit(ring);
}

#endif
