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
    hsp_queue_error_function on_error;
    void *on_error_data;
    hsp_status error;       ///< set once, with release, after error_reason; by the runtime's thread
    char error_reason[256]; ///<
};

/// HSP_ERROR_QUEUE with the reason. Only for a queue in the error state.
hsp_status hsp_queue_stopped(const struct hsp_queue *queue);

#endif
