/* SPDX-License-Identifier: MIT */
/// Running a program under the recorder.
#ifndef HSP_MAP_RECORD_H
#define HSP_MAP_RECORD_H

#include "map/map.h"
#include "record/session.h"

/// Runs `launch` in a session with these options, gives all events to `sink`, adds dropped ones to
/// *dropped_count, and waits for the end: *out_status is as of waitpid. Returns 0, or -1 after a
/// line on stderr, also where the program can't be executed.
int map_record(const struct hsp_map_launch *launch, const struct hsp_session_options *options,
               const struct hsp_session_sink *sink, uint64_t *dropped_count, int *out_status);

#endif
