/* SPDX-License-Identifier: MIT */
/// What a traced process leaves in shared memory: the one event format and the layout of its file.
///
/// A session is a directory. Its file `session` holds one page of settings that every traced
/// process maps. Each process image (a fork and an exec make a new one) has one file named
/// `<pid>-<random of the image>`:
///
///     process page | notes (names, kernels, modules) | ring 0 | ring 1 | ... one per live thread
///
/// All objects of a process that record (the preloaded tracer, libhsaprobe) map the same file and
/// all events of a thread go to the same ring, so that nesting is seen across them. The file is
/// shared memory: what a killed process wrote is still there. A reader (session.h) drains the rings
/// while the process runs; a full ring drops the new event and counts it.
///
/// Nothing here depends on the process that reads: no pointers, times in ticks of the clock that
/// the session page names. Layout changes raise HSP_TRACE_VERSION.
#ifndef HSP_RECORD_EVENT_H
#define HSP_RECORD_EVENT_H

#include <assert.h>
#include <stddef.h>
#include <stdint.h>

#include "base/ring.h"

#define HSP_TRACE_VERSION 3
#define HSP_TRACE_MAGIC   UINT64_C(0x4345434152545048) ///< "HPTRACEC", little-endian

#define HSP_TRACE_PAGE_BYTES  4096
#define HSP_TRACE_NOTES_BYTES (2u << 20)
#define HSP_TRACE_RINGS_MAX   1024
#define HSP_TRACE_OPEN_MAX    60
#define HSP_TRACE_IDS_MAX     8192
/// No call: the parent of an outermost one.
#define HSP_TRACE_NO_ID 0xffffu

/// Where a call belongs, from the program downwards. A note of kind HSP_NOTE_NAME tells an id's.
enum hsp_trace_layer {
    HSP_LAYER_SPAN, ///< the program's own spans (hsp_span_record)
    HSP_LAYER_HIP,
    HSP_LAYER_HSA,
    HSP_LAYER_THUNK,
    HSP_LAYER_OS,     ///< libc functions that enter the kernel: ioctl, mmap, ...
    HSP_LAYER_DEVICE, ///< no calls: packets, copies and the device's times for them
    HSP_LAYER_COUNT
};

enum hsp_trace_kind {
    /// A finished call. `value` is what it returned; `detail` is given by the layer: for HIP, HSA
    /// and thunk the two arguments that the tracer's tables choose; for OS the call's own (an
    /// ioctl: its command; mmap, munmap, madvise, ...: the length) and the return address.
    HSP_TRACE_CALL,
    /// A call that had not returned when the process ended; only readers make it. No end.
    HSP_TRACE_UNFINISHED,
    /// A packet was given to a queue, inside the call `parent_seq`. start_ticks; `value` is the
    /// packet's index, detail[0] the kernel object (0 for a barrier), detail[1] the queue's id,
    /// child_ticks the grid in work-items, end_ticks the work-group's size. `id` is the AQL type.
    HSP_TRACE_DISPATCH,
    /// A copy was submitted by the call `parent_seq`, at whose start_ticks; `value` is its number,
    /// detail[0] the bytes, detail[1] HSP_TRACE_COPIES, child_ticks and end_ticks destination and
    /// source.
    HSP_TRACE_COPY,
    /// When the device worked on the packet or copy (`value`, detail[1]): start_ticks, end_ticks.
    /// It follows later, possibly in another thread's ring, or not at all.
    HSP_TRACE_DEVICE,
    /// The ring's following events are of thread `value`.
    HSP_TRACE_THREAD,
    /// Memory given (`value` bytes at detail[0]) by the call `parent_seq`.
    HSP_TRACE_ALLOC,
    /// A code object was loaded by the call `parent_seq`: detail[0] its executable's handle.
    HSP_TRACE_LOAD,
    /// Up to HSP_TRACE_PART_BYTES of the argument of the ioctl `parent_seq` as it left it, in the
    /// event's first words: part `id` of several; `value` is the argument's size. The ioctl's own
    /// event follows in the same ring.
    HSP_TRACE_ARGUMENTS,
    /// Return addresses on the way to the OS call whose event follows in the same ring, innermost
    /// first, as many as fit into HSP_TRACE_PART_BYTES (0: no more): part `id` of several. Only in
    /// a session with `stacks`.
    HSP_TRACE_STACK,
};
/// detail[1] of copies: no queue has this id.
#define HSP_TRACE_COPIES UINT64_MAX

struct hsp_trace_event {
    uint64_t start_ticks;
    uint64_t end_ticks;
    uint64_t child_ticks; ///< of a call: time in the recorded calls directly inside it, and the
                          ///< tracer's own beyond recording a call (hook_ticks)
    uint64_t detail[2];
    uint64_t value;
    uint32_t seq;        ///< of this call in its thread; wraps
    uint32_t parent_seq; ///< of the recorded call around it; valid where parent_id is
    uint16_t id;         ///< what was called
    uint16_t parent_id;  ///< what called it; HSP_TRACE_NO_ID at the outermost
    uint16_t root_id;    ///< innermost HIP call around it; HSP_TRACE_NO_ID outside HIP
    uint8_t depth;       ///< recorded calls around it
    uint8_t kind;        ///< enum hsp_trace_kind
};
static_assert(sizeof(struct hsp_trace_event) == 64, "an event is a cache line");

/// Bytes of an argument in one event: from start_ticks up to and without `value`.
#define HSP_TRACE_PART_BYTES 40u
static_assert(offsetof(struct hsp_trace_event, value) == HSP_TRACE_PART_BYTES, "argument parts");

/// A call that has begun and not ended.
struct hsp_trace_open {
    uint64_t frame; ///< address of its stack frame: what longjmp jumped over is recognised by it
    uint64_t start_ticks;
    uint64_t child_ticks;
    uint32_t seq;
    uint32_t child_count;
    uint16_t id;
    uint16_t root_id;
    uint32_t reserved;
};

/// First page of a ring; `ring.capacity` events follow.
struct hsp_trace_ring {
    struct hsp_ring ring;
    uint32_t thread;
    uint32_t depth;
    uint32_t next_seq;
    uint32_t is_busy;  ///< between claim and commit: a signal handler must not write
    uint32_t is_muted; ///< the tracer's own work: nothing is recorded
    uint32_t reserved;
    uint64_t hook_ticks; ///< that the tracer spent on packets, copies and names, within calls
    struct hsp_trace_open open[HSP_TRACE_OPEN_MAX];
};
static_assert(sizeof(struct hsp_trace_ring) <= HSP_TRACE_PAGE_BYTES, "one page");

static inline struct hsp_trace_event *hsp_trace_events(struct hsp_trace_ring *ring) {
    return (struct hsp_trace_event *)((char *)ring + HSP_TRACE_PAGE_BYTES);
}

enum hsp_note_kind {
    HSP_NOTE_END = 0,    ///< nothing has been written here yet
    HSP_NOTE_NAME = 1,   ///< id `key` is the function `text` of layer `extra`
    HSP_NOTE_KERNEL = 2, ///< kernel object `key` is the kernel `text`
    HSP_NOTE_MODULE = 3, ///< the file `text` is mapped from `key` to `extra`
    HSP_NOTE_QUEUE = 4,  ///< queue `key` holds `extra` packets
};

/// A note; the next one begins `bytes` further, a multiple of 8.
struct hsp_trace_note {
    uint32_t kind; ///< written last, with release
    uint32_t bytes;
    uint64_t key;
    uint64_t extra;
    uint64_t ticks;
    char text[]; ///< ends with NUL
};

enum hsp_ring_state { HSP_RING_FREE, HSP_RING_TAKEN };

struct hsp_trace_slot {
    uint32_t state;      ///< enum hsp_ring_state
    uint32_t thread;     ///< whose it is; 0 while it is nobody's
    uint32_t has_memory; ///< the ring can be mapped: from its first thread on
};

/// Begin of a process's file.
struct hsp_process_page {
    uint64_t magic;
    uint32_t version;
    int32_t pid;
    int32_t parent_pid;
    uint32_t ring_capacity;
    uint64_t start_ticks;
    uint64_t notes_end;     ///< bytes claimed; beyond HSP_TRACE_NOTES_BYTES notes are lost
    uint64_t lost_notes;    ///< that found no room
    uint64_t lost_events;   ///< of threads that got no ring
    uint64_t inside_ticks;  ///< the recorder's cost within an event's own time
    uint64_t outside_ticks; ///< and around it, seen by its caller
    uint32_t ring_count;    ///< rings that exist
    uint32_t name_count;
    uint32_t has_ended;  ///< set by a normal exit
    uint32_t table_seen; ///< the HSA runtime gave its API table
    struct hsp_trace_slot slots[HSP_TRACE_RINGS_MAX];
};
#define HSP_PROCESS_PAGE_BYTES 16384
static_assert(sizeof(struct hsp_process_page) <= HSP_PROCESS_PAGE_BYTES, "room for the page");

static inline uint64_t hsp_trace_ring_bytes(uint32_t capacity) {
    return HSP_TRACE_PAGE_BYTES + (uint64_t)capacity * sizeof(struct hsp_trace_event);
}

static inline uint64_t hsp_trace_ring_offset(uint32_t capacity, uint32_t index) {
    return HSP_PROCESS_PAGE_BYTES + HSP_TRACE_NOTES_BYTES + index * hsp_trace_ring_bytes(capacity);
}

#define HSP_SESSION_TEXT_BYTES 512
/// The file `session`: settings, read by every process of the session, changed by its owner.
struct hsp_session_page {
    uint32_t is_active; ///< first: tested by every stub. 0 while paused
    uint32_t is_closed; ///< nobody reads any more: never wait
    uint64_t magic;
    uint32_t version;
    uint32_t ring_capacity; ///< events of each ring, a power of two
    uint32_t layers;        ///< bit per enum hsp_trace_layer
    uint32_t waits;         ///< a full ring makes its thread wait for the reader
    uint32_t uses_counter;  ///< ticks are the processor's counter, else ns of CLOCK_MONOTONIC_RAW
    int32_t owner_pid;
    uint64_t ns_multiplier; ///< ns per tick, 32.32
    uint64_t start_calls;   ///< calls of `start_name` until recording starts; 0: no trigger
    uint64_t stop_calls;    ///< calls of `stop_name` until it ends; 0: no trigger
    uint64_t start_seen;
    uint64_t stop_seen;
    uint32_t stacks;         ///< OS calls come with return addresses
    uint32_t lost_processes; ///< that could make no file here
    uint32_t lost_threads;   ///< that got no ring; their events are in lost_events of their process
    int32_t lost_error;      ///< errno of the last of both
    char start_name[HSP_SESSION_TEXT_BYTES];
    char stop_name[HSP_SESSION_TEXT_BYTES];
    char names[HSP_SESSION_TEXT_BYTES]; ///< record only functions that match one of these shell
                                        ///< patterns (comma-separated); empty: all
};
static_assert(sizeof(struct hsp_session_page) <= HSP_TRACE_PAGE_BYTES, "one page");
static_assert(offsetof(struct hsp_session_page, is_active) == 0, "stubs test it");

/// Names the session's directory in the environment of traced processes.
#define HSP_SESSION_VARIABLE "HSAPROBE_RECORD"
#define HSP_SESSION_FILE     "session"

#endif
