/* SPDX-License-Identifier: MIT */
/// Packets and copies, and the device's times for them.
///
/// A store to a queue's doorbell makes the packets behind it known: each becomes an event
/// (HSP_TRACE_DISPATCH) inside the call that rang. A packet without a completion signal is given
/// one of the tracer's (without an interrupt), so that the device stamps it; a packet processor
/// that ran ahead of the doorbell isn't stopped, the packet is then recorded without times. The
/// times are read later, when somebody waits, rings or destroys; nothing waits for them.
#ifndef HSP_TRACE_PACKETS_H
#define HSP_TRACE_PACKETS_H

#include "trace/trace.h"

/// Hooks (hooks.def).
void trace_queue_created(struct trace_frame *frame);
void trace_queue_destroyed(struct trace_frame *frame);
void trace_signal_stored(struct trace_frame *frame);
void trace_signal_waited(struct trace_frame *frame);
void trace_signal_destroyed(struct trace_frame *frame);
void trace_copy_begins(struct trace_frame *frame);
void trace_copy_ended(struct trace_frame *frame);
void trace_rect_copy_begins(struct trace_frame *frame);
void trace_rect_copy_ended(struct trace_frame *frame);

/// Writes the times of everything that has completed. Before the runtime goes.
void trace_packets_collect(void);
/// Forgets all queues: the runtime is gone.
void trace_packets_reset(void);

#endif
