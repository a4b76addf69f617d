/* SPDX-License-Identifier: MIT */
/// Work that was given to the device and whose times are not yet known.
///
/// A list belongs to one queue, or to all copies. Its owner locks it.
#ifndef HSP_TRACE_PENDING_H
#define HSP_TRACE_PENDING_H

#include "trace/trace.h"

#define PENDING_MAX     4096u
#define PENDING_SIGNALS 64u

struct pending {
    uint64_t number; ///< packet index, or number of the copy
    uint64_t signal;
    uint64_t before;  ///< a packet: the signal's end time before it; a copy: the signal's value
    bool is_own;      ///< the signal is one of pending_take_signal
    bool is_doubtful; ///< perhaps the device had read the packet before it got the signal
    bool is_barrier;  ///< the packet began when all before it were over
    bool is_done;
};

/// A signal of the tracer that a packet may still complete.
struct pending_signal {
    uint64_t number, signal;
};

struct pending_list {
    uint64_t queue_id; ///< HSP_TRACE_COPIES for copies
    uint64_t agent;    ///< whose clock stamps packets
    uint64_t head, tail;
    uint64_t cursor;        ///< from here on nothing was seen to have completed
    uint64_t last_end;      ///< latest end that was seen, in the agent's ticks
    uint32_t foreign_count; ///< entries on signals of the program
    struct pending *entries;
    uint64_t signals[PENDING_SIGNALS]; ///< of the tracer, free, within reach without a lock
    uint32_t signal_count;
    uint64_t settled;  ///< packets below this number are over
    uint64_t consumed; ///< the device has read those below this number, as the owner saw last
    struct pending_signal *kept;
    uint64_t kept_head, kept_tail; ///< of `kept`, a ring of PENDING_MAX in the order of numbers
};

/// False when memory is short.
bool pending_init(struct pending_list *list, uint64_t queue_id, uint64_t agent);
void pending_fini(struct pending_list *list);
/// Adds work that has not begun. An older entry on the same signal gets its times now or never.
void pending_add(struct pending_list *list, uint64_t number, uint64_t signal, bool is_own);
/// The same for work whose signal looked so (`before`) when it began.
void pending_add_since(struct pending_list *list, uint64_t number, uint64_t signal, uint64_t before,
                       bool is_own);
/// Writes the times of what has completed: where the next completions are expected, or everywhere.
void pending_collect(struct pending_list *list, bool all);
/// The program is about to reuse or destroy the signal.
void pending_release(struct pending_list *list, uint64_t signal);
static inline bool pending_is_empty(const struct pending_list *list) {
    return list->head == list->tail;
}

/// The entry that was added last may never complete.
void pending_doubt(struct pending_list *list);
/// The entry that was added last began, or begins, when all before it were over.
void pending_barrier(struct pending_list *list);
/// What pending_add remembers of a signal.
uint64_t pending_state(const struct pending_list *list, uint64_t signal);

/// A signal of the tracer's own for one packet of the list: no interrupt, no event of the driver. 0
/// when there is none.
uint64_t pending_take_signal(struct pending_list *list);
/// Destroys all of them, before the runtime goes. No list is in use.
void trace_signals_reset(void);

#endif
