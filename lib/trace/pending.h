/* SPDX-License-Identifier: MIT */
/// Work that was given to the device and whose times are not yet known.
///
/// A list belongs to one queue, or to all copies. Its owner locks it.
#ifndef HSP_TRACE_PENDING_H
#define HSP_TRACE_PENDING_H

#include "trace/trace.h"

#define PENDING_MAX 4096u

struct pending {
    uint64_t number; ///< packet index, or number of the copy
    uint64_t signal;
    uint64_t before; ///< a packet: the signal's end time before it; a copy: the signal's value
    bool is_own;     ///< the signal is one of trace_signal_take
    bool is_done;
};

struct pending_list {
    uint64_t queue_id; ///< HSP_TRACE_COPIES for copies
    uint64_t agent;    ///< whose clock stamps packets
    uint64_t head, tail;
    uint32_t foreign_count; ///< entries on signals of the program
    struct pending *entries;
};

/// False when memory is short.
bool pending_init(struct pending_list *list, uint64_t queue_id, uint64_t agent);
void pending_fini(struct pending_list *list);
/// Adds work that has not begun. An older entry on the same signal gets its times now or never.
void pending_add(struct pending_list *list, uint64_t number, uint64_t signal, bool is_own);
/// The same for work whose signal looked so (`before`) when it began.
void pending_add_since(struct pending_list *list, uint64_t number, uint64_t signal, uint64_t before,
                       bool is_own);
/// Writes the times of what has completed: a few of the oldest entries, or all of them.
void pending_collect(struct pending_list *list, bool all);
/// The program is about to reuse or destroy the signal.
void pending_release(struct pending_list *list, uint64_t signal);
static inline bool pending_is_empty(const struct pending_list *list) {
    return list->head == list->tail;
}

/// What pending_add remembers of a signal.
uint64_t pending_state(const struct pending_list *list, uint64_t signal);

/// A signal of the tracer's own for one packet: no interrupt, no event of the driver. 0 when there
/// is none.
uint64_t trace_signal_take(void);
/// All of them are gone with the runtime.
void trace_signals_reset(void);

/// Host ticks of a tick of the agent's clock, or (agent 0) of the runtime's system clock.
uint64_t trace_device_ticks(uint64_t agent, uint64_t tick);

#endif
