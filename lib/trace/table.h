/* SPDX-License-Identifier: MIT */
/// The HSA runtime's table, and what of it the tracer itself calls.
#ifndef HSP_TRACE_TABLE_H
#define HSP_TRACE_TABLE_H

#include <hsa/hsa.h>
#include <hsa/hsa_ext_amd.h>

#include "trace/trace.h"

/// The runtime's own functions, beneath every stub; all NULL when the runtime isn't there.
struct trace_hsa {
    hsa_status_t (*system_get_info)(hsa_system_info_t attribute, void *value);
    hsa_status_t (*signal_create)(hsa_signal_value_t initial, uint32_t consumer_count,
                                  const hsa_agent_t *consumers, uint64_t attributes,
                                  hsa_signal_t *signal);
    hsa_status_t (*signal_destroy)(hsa_signal_t signal);
    hsa_status_t (*set_profiler)(hsa_queue_t *queue, int enable);
    hsa_status_t (*enable_copy_times)(bool enable);
    hsa_status_t (*get_copy_time)(hsa_signal_t signal, hsa_amd_profiling_async_copy_time_t *time);
    hsa_status_t (*convert_tick)(hsa_agent_t agent, uint64_t tick, uint64_t *system_tick);
    hsa_status_t (*iterate_symbols)(hsa_executable_t executable,
                                    hsa_status_t (*callback)(hsa_executable_t executable,
                                                             hsa_executable_symbol_t symbol,
                                                             void *data),
                                    void *data);
    hsa_status_t (*symbol_get_info)(hsa_executable_symbol_t symbol,
                                    hsa_executable_symbol_info_t attribute, void *value);
};
/// NULL before the runtime is there and after it has gone.
const struct trace_hsa *trace_hsa_get(void);

/// Hooks (hooks.def).
void trace_hsa_began(struct trace_frame *frame);
void trace_code_loaded(struct trace_frame *frame);
void trace_code_frozen(struct trace_frame *frame);
void trace_pool_allocated(struct trace_frame *frame);
void trace_memory_allocated(struct trace_frame *frame);

#endif
