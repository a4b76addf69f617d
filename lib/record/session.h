/* SPDX-License-Identifier: MIT */
/// Reading a session (event.h): the side that owns it, usually a program that runs others under the
/// tracer; a process may also own the session that it records itself into.
///
///     hsp_session_create(&options, &session);
///     setenv("HSAPROBE_RECORD", hsp_session_path(session), 1);   // in the child
///     while (it runs) hsp_session_poll(session, &sink, false, &count);
///     hsp_session_poll(session, &sink, true, &count);            // after it ended
///     hsp_session_destroy(session);
///
/// Memory: the rings of live threads, names, kernels and modules; nothing grows with the number of
/// events.
///
/// Thread safety: one thread at a time per session; the traced processes write meanwhile.
#ifndef HSP_RECORD_SESSION_H
#define HSP_RECORD_SESSION_H

#include <hsaprobe/base.h>

#include "record/event.h"

struct hsp_session;

struct hsp_session_options {
    uint32_t ring_capacity; ///< events per thread, a power of two; 0: 65536 (4 MiB)
    uint32_t layers;        ///< bit per enum hsp_trace_layer; 0: all
    bool is_paused;         ///< record nothing until hsp_session_set_active or a trigger
    bool stacks;            ///< OS calls come with HSP_TRACE_STACK; complete where no other layer's
                            ///< functions are recorded: their stubs end a stack. Slow
    bool waits;             ///< threads wait for the reader instead of dropping events
    const char *names;      ///< shell patterns, comma-separated; NULL: all functions
    const char *start_name; ///< recording starts at its start_calls-th call; NULL: no trigger
    uint64_t start_calls;
    const char *stop_name; ///< and stops at its stop_calls-th
    uint64_t stop_calls;
};

/// A process image of the session.
struct hsp_session_process {
    const struct hsp_process_page *page; ///< shared with the process; also after its end
    int32_t pid;
    uint32_t number; ///< 0 for the first one seen, ...
    bool is_over;    ///< its last event has been delivered
};

/// What becomes of what is read. `process` comes before a process's first event and again, with
/// is_over, after its last; either may be NULL. Pointers are valid during the call.
struct hsp_session_sink {
    void (*process)(void *data, const struct hsp_session_process *process);
    void (*event)(void *data, const struct hsp_session_process *process, uint32_t thread,
                  const struct hsp_trace_event *event);
    void *data;
};

/// Makes a session in a new directory of shared memory: in /dev/shm, else in TMPDIR or /tmp where
/// there is more room (eight threads' rings are wanted, two needed). Removes those there whose
/// owners are gone without hsp_session_destroy.
hsp_status hsp_session_create(const struct hsp_session_options *options,
                              struct hsp_session **out_session);
/// Closes it and removes the directory. NULL is fine.
void hsp_session_destroy(struct hsp_session *session);
/// The directory: value of HSAPROBE_RECORD.
const char *hsp_session_path(const struct hsp_session *session);
/// Pauses or resumes recording in all processes; each call sees it at once.
void hsp_session_set_active(struct hsp_session *session, bool active);
bool hsp_session_is_active(const struct hsp_session *session);
/// For a program that is recorded itself: the flag of the session that the environment names
/// (HSAPROBE_RECORD), to be stored to: 0 pauses the recording, 1 resumes it, in all processes. NULL
/// where there is no session. Mapped until the process ends.
uint32_t *hsp_session_flag(void);

/// Delivers all events there are, thread by thread in the order of their ends, and frees their
/// room. `is_last` treats every process as ended: calls that never returned are delivered as
/// HSP_TRACE_UNFINISHED. A process that ended by itself is noticed too. About 20 ns an event.
hsp_status hsp_session_poll(struct hsp_session *session, const struct hsp_session_sink *sink,
                            bool is_last, uint64_t *out_event_count);

/// Function of an id; "?" for an unknown one. Valid as long as the process is.
const char *hsp_session_name(const struct hsp_session_process *process, uint16_t id);
/// Its layer; HSP_LAYER_COUNT for an unknown id.
enum hsp_trace_layer hsp_session_layer(const struct hsp_session_process *process, uint16_t id);
/// "hip" and so on; NULL out of range.
const char *hsp_layer_name(enum hsp_trace_layer layer);
/// Kernel whose object this was at that time; NULL when unknown.
const char *hsp_session_kernel(const struct hsp_session_process *process, uint64_t kernel_object,
                               uint64_t ticks);
/// File that this address of the process was in, and the offset in it; NULL when unknown.
const char *hsp_session_module(const struct hsp_session_process *process, uint64_t address,
                               uint64_t *out_offset);

/// Ticks that the tracers spent on packets, copies and names, over all processes so far. They are
/// in no call's own time.
uint64_t hsp_session_hook_ticks(const struct hsp_session *session);
/// Path of the program that the process runs; "" before it is known.
const char *hsp_session_program(const struct hsp_session_process *process);

/// Events dropped by full rings and lost by threads without one, over all processes so far.
uint64_t hsp_session_dropped_count(const struct hsp_session *session);

/// What couldn't be recorded, so far.
struct hsp_session_losses {
    uint32_t process_count; ///< processes that could make no file in the session's directory
    uint32_t thread_count;  ///< threads that got no ring at their first call
    int error;              ///< errno of the last of both; 0: none
};
void hsp_session_losses(const struct hsp_session *session, struct hsp_session_losses *out_losses);

#endif
