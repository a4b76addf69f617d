/* SPDX-License-Identifier: MIT */
/// What `hsaprobe trace` makes of the events that it reads while the program runs: a summary and an
/// exported file. Both keep up with any number of events in bounded memory.
#ifndef TOOL_TRACE_H
#define TOOL_TRACE_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "record/session.h"
#include "report.h"

/// A packet or copy with everything that is known of it.
struct trace_work {
    struct hsp_trace_event submit; ///< HSP_TRACE_DISPATCH or HSP_TRACE_COPY
    uint32_t thread;               ///< that submitted it
    bool has_times;
    uint64_t start_ticks, end_ticks; ///< on the device, in host ticks
    const char *kernel;              ///< NULL when unknown; valid as long as the process is
};

/// Joins submissions with the device's times, which come later and in any order. At most
/// TRACE_WORK_MAX wait for their times; the oldest is delivered without when there are more.
#define TRACE_WORK_MAX 65536u
struct trace_joiner;
typedef void (*trace_work_sink)(void *data, const struct hsp_session_process *process,
                                const struct trace_work *work);
struct trace_joiner *trace_joiner_create(trace_work_sink sink, void *data);
void trace_joiner_destroy(struct trace_joiner *joiner);
/// Takes an event of kind DISPATCH, COPY or DEVICE.
void trace_joiner_add(struct trace_joiner *joiner, const struct hsp_session_process *process,
                      uint32_t thread, const struct hsp_trace_event *event);
/// Delivers what still waits of a process that is over.
void trace_joiner_end(struct trace_joiner *joiner, const struct hsp_session_process *process);

/// The summary.
struct trace_summary;
struct trace_summary *trace_summary_create(void);
void trace_summary_destroy(struct trace_summary *summary);
void trace_summary_process(struct trace_summary *summary,
                           const struct hsp_session_process *process);
void trace_summary_event(struct trace_summary *summary, const struct hsp_session_process *process,
                         uint32_t thread, const struct hsp_trace_event *event);
void trace_summary_work(struct trace_summary *summary, const struct hsp_session_process *process,
                        const struct trace_work *work);
/// Writes it into the report. `wall_ns` is how long the program ran.
void trace_summary_report(struct trace_summary *summary, const struct hsp_session *session,
                          uint64_t wall_ns, struct report *report);

enum trace_format { TRACE_CHROME, TRACE_CSV, TRACE_JSON_LINES };

struct trace_export_options {
    enum trace_format format;
    uint64_t limit_bytes; ///< stop writing beyond; 0: never
    uint64_t shortest_ns; ///< leave shorter calls out
};

/// The exported events, written as they come.
struct trace_export;
struct trace_export *trace_export_create(FILE *stream, const struct trace_export_options *options);
/// Writes the end; the stream is still the caller's. Returns how many events were left out by the
/// limit.
uint64_t trace_export_finish(struct trace_export *file);
void trace_export_event(struct trace_export *file, const struct hsp_session_process *process,
                        uint32_t thread, const struct hsp_trace_event *event);
void trace_export_work(struct trace_export *file, const struct hsp_session_process *process,
                       const struct trace_work *work);

#endif
