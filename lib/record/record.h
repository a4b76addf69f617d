/* SPDX-License-Identifier: MIT */
/// Writing events: the side that the wrappers use. <hsaprobe/record.h> has the reading side.
///
/// Each thread has a recorder: a ring of events and a histogram per function, both mapped on the
/// thread's first call and handed to another thread when it ends; they are never freed, so there
/// are as many as threads ever recorded at the same time.
///
/// Thread safety: all functions, from any thread, not from signal handlers.
#ifndef HSP_RECORD_RECORD_H
#define HSP_RECORD_RECORD_H

#include <hsaprobe/record.h>

/// Whether calls leave events besides counters.
void hsp_record_set_events(bool enable);
bool hsp_record_events(void);

/// Names of the HSA functions by id; static storage. At most HSP_RECORD_CALLS_MAX.
#define HSP_RECORD_CALLS_MAX 512
void hsp_record_set_call_names(const char *const *names, uint16_t count);

/// Notes a finished call: counters always, an event where they are on. Never blocks or allocates
/// after the thread's first call; 20 to 40 ns.
void hsp_record_call(uint16_t id, uint64_t start_ticks, uint64_t end_ticks, int64_t result);

#endif
