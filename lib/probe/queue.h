/* SPDX-License-Identifier: MIT */
/// A queue as the .c files of this folder see it.
#ifndef HSP_PROBE_QUEUE_H
#define HSP_PROBE_QUEUE_H

#include <hsaprobe/queue.h>

#include "probe/aql_ring.h"

struct hsp_queue {
    struct hsp_aql_ring ring;
    hsa_queue_t *native;
    uint64_t *doorbell_register; ///< NULL: ring through HSA
    const struct hsp_agent *agent;
    struct hsp_interceptor_node *interceptors; ///< owned; NULL when none
    bool is_intercepted;
    bool is_wrapped; ///< native is the caller's
    hsp_queue_error_function on_error;
    void *on_error_data;
    hsp_status error;       ///< set once, with release, after error_reason; by the runtime's thread
    char error_reason[256]; ///<
};

/// Makes the native queue through the API table; hsa_queue_create's arguments.
hsp_status hsp_intercept_create(const struct hsp_agent *agent, uint32_t size,
                                hsa_queue_type32_t type,
                                void (*on_error)(hsa_status_t, hsa_queue_t *, void *), void *data,
                                uint32_t private_bytes, uint32_t group_bytes,
                                hsa_queue_t **out_native);
/// Frees the nodes; after the native queue is gone.
void hsp_intercept_fini(struct hsp_queue *queue);

/// HSP_ERROR_QUEUE with the reason. Only for a queue in the error state.
hsp_status hsp_queue_stopped(const struct hsp_queue *queue);

#endif
