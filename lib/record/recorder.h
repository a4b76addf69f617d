/* SPDX-License-Identifier: MIT */
/// A thread's recorder as the writers (record.c) and readers (snapshot.c) of this folder see it.
#ifndef HSP_RECORD_RECORDER_H
#define HSP_RECORD_RECORDER_H

#include <hsaprobe/record.h>

#include "base/histogram.h"
#include "base/ring.h"

/// An event as it lies in a ring. Ticks are converted by the reader, which knows the clock better.
struct hsp_record_slot {
    uint64_t start_ticks;
    uint64_t end_ticks;
    int64_t result;
    uint32_t thread;
    uint16_t id;
    uint16_t kind;
};

struct hsp_recorder {
    struct hsp_recorder *next; ///< set before publication; the list only grows
    int is_taken;              ///< 1 while a thread owns it; atomic
    uint32_t thread;           ///< gettid of the owner
    uint64_t epoch;            ///< of the counters; older than the global one: they count as empty
    uint64_t dropped_base;     ///< ring.dropped at the last clear; under the readers' lock
    struct hsp_ring ring;      ///< consumer side under the readers' lock
    struct hsp_record_slot *slots;
    struct hsp_histogram *calls; ///< HSP_RECORD_CALLS_MAX of them, in ns; pages appear when used
};

/// First of all recorders.
struct hsp_recorder *hsp_recorder_first(void);
/// Counters of recorders with an older epoch are stale.
uint64_t hsp_record_epoch(void);
/// Makes the counters of all recorders stale; their writers empty them at their next call.
void hsp_record_new_epoch(void);

#endif
