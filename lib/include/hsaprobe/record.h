/* SPDX-License-Identifier: MIT */
/// What the wrapped calls left behind: counters per function and events per call.
///
/// The mode is set by hsp_runtime_set_wrapper_mode. Each thread writes to a ring of its own without
/// locks; a full ring drops new events and counts them. Any thread may take a snapshot meanwhile.
///
/// Thread safety: all functions, from any thread.
#ifndef HSAPROBE_RECORD_H
#define HSAPROBE_RECORD_H

#include <hsaprobe/base.h>
#include <stdio.h>

#ifdef __cplusplus
extern "C" {
#endif

enum hsp_event_kind {
    HSP_EVENT_HSA_CALL = 0, ///< `id` is a row of hsa_api.def
    HSP_EVENT_SPAN = 1,     ///< the caller's own; `id` from hsp_span_register
};

/// One finished call or span.
struct hsp_event {
    uint64_t start_ns;    ///< hsp_clock_ns()
    uint64_t duration_ns; ///< includes the timer reads' own cost (hsp_clock_info.read_cost_ns)
    int64_t result;       ///< value that the call returned; 0 for void and for spans
    uint32_t thread;      ///< gettid() of the caller
    uint16_t id;
    uint16_t kind; ///< enum hsp_event_kind
};

/// Name of what an event is about: "hsa_queue_create". NULL for an unknown one.
HSP_API const char *hsp_event_name(enum hsp_event_kind kind, uint16_t id);

/// Events that each thread's ring holds, a power of two; acts on threads that record their first
/// event later. 16384 (512 KiB a thread) at first.
HSP_API hsp_status hsp_record_set_capacity(uint32_t events_per_thread);

/// Registers a name for spans of the caller's own; copied. At most 256.
HSP_API hsp_status hsp_span_register(const char *name, uint16_t *out_id);
/// Records a span in mode HSP_WRAPPER_RECORD, else does nothing. Ticks are hsp_clock_ticks(). In a
/// program that runs under `hsaprobe trace` the span is in its recording too, in every mode.
HSP_API void hsp_span_record(uint16_t id, uint64_t start_ticks, uint64_t end_ticks);

/// Totals of one function since start or hsp_record_clear, over all threads.
struct hsp_counter {
    uint64_t count;
    uint64_t total_ns;
    uint64_t min_ns; ///< 0 when count is 0
    uint64_t max_ns;
    uint64_t p50_ns; ///< from a histogram of at most 1.6 % error
    uint64_t p99_ns;
};
/// Number of functions; ids are 0 .. count - 1.
HSP_API uint16_t hsp_counter_count(void);
/// HSP_ERROR_INVALID_ARGUMENT: no such id. Each number by itself is right at some moment.
HSP_API hsp_status hsp_counter_get(uint16_t id, struct hsp_counter *out_counter);

/// A copy of all events at one moment, in order of start_ns.
struct hsp_snapshot;
/// Threads go on recording meanwhile. Allocates 32 bytes an event, and sorts.
HSP_API hsp_status hsp_snapshot_take(struct hsp_snapshot **out_snapshot);
/// NULL is fine.
HSP_API void hsp_snapshot_destroy(struct hsp_snapshot *snapshot);
/// Number of events.
HSP_API size_t hsp_snapshot_count(const struct hsp_snapshot *snapshot);
/// Array of hsp_snapshot_count events; owned by the snapshot.
HSP_API const struct hsp_event *hsp_snapshot_events(const struct hsp_snapshot *snapshot);
/// Events that found their ring full, since start or hsp_record_clear.
HSP_API uint64_t hsp_snapshot_dropped_count(const struct hsp_snapshot *snapshot);

/// Forgets events, dropped counts and counters. Calls that run meanwhile may land on either side.
HSP_API void hsp_record_clear(void);

enum hsp_export_format {
    HSP_EXPORT_JSON_LINES, ///< {"name":"hsa_init","start_ns":1,"duration_ns":2,...} per line
    HSP_EXPORT_CSV,        ///< with a heading line
    HSP_EXPORT_CHROME,     ///< Chrome's trace events in one JSON object: opens in ui.perfetto.dev
};
/// Writes a snapshot; a write error is an HSP_DOMAIN_ERRNO status.
HSP_API hsp_status hsp_snapshot_export(const struct hsp_snapshot *snapshot,
                                       enum hsp_export_format format, FILE *stream);

#ifdef __cplusplus
}
#endif

#endif
