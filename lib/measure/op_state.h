/* SPDX-License-Identifier: MIT */
/// State of an operation's arm, and the rows of each API.
#ifndef HSP_MEASURE_OP_STATE_H
#define HSP_MEASURE_OP_STATE_H

#include <hsaprobe/memory.h>
#include <hsaprobe/queue.h>
#include <hsaprobe/signal.h>

#include "measure/kfd.h"
#include "measure/op.h"

struct hsp_op_state {
    const struct hsp_op_row *row;
    struct hsp_op_case op_case;
    void *memory; ///< what the operation allocates
    void *host;   ///< the host's side of a copy, or what is registered
    bool host_is_mapped;
    void *device; ///< the device's side of a copy
    void *stream; ///< HIP's
    void *event;  ///< HIP's
    const struct hsp_pool *pool;
    struct hsp_queue *queue;
    hsa_signal_t signal;
    struct hsp_kfd kfd;
    struct hsp_kfd_memory kfd_memory;
    uint32_t event_id; ///< the driver's
    struct hsp_op_error error;
};

/// Ordinary memory of the case's size, all of it there, for state->host. 0 or -1 with words.
int hsp_op_map_host(struct hsp_op_state *state);
/// Keeps words; returns -1.
int hsp_op_fail(struct hsp_op_state *state, const char *what, const char *why);
/// -1 with the library's words where `status` is not HSP_OK.
int hsp_op_hsa(struct hsp_op_state *state, hsp_status status, const char *what);
/// -1 with HIP's words where `error` is not 0.
int hsp_op_hip(struct hsp_op_state *state, int error, const char *what);
/// -1 with words for a negative errno.
int hsp_op_ioctl(struct hsp_op_state *state, int rc, const char *what);

#define HSP_OP_FUNCTIONS(api)                                                                      \
    int hsp_op_##api##_prepare(void *state);                                                       \
    void hsp_op_##api##_clean(void *state);                                                        \
    int hsp_op_##api##_alloc(void *state);                                                         \
    int hsp_op_##api##_free(void *state);                                                          \
    int hsp_op_##api##_host_alloc(void *state);                                                    \
    int hsp_op_##api##_host_free(void *state);                                                     \
    int hsp_op_##api##_register(void *state);                                                      \
    int hsp_op_##api##_unregister(void *state);                                                    \
    int hsp_op_##api##_prepare_register(void *state);                                              \
    int hsp_op_##api##_prepare_copy(void *state);                                                  \
    int hsp_op_##api##_copy(void *state);                                                          \
    int hsp_op_##api##_prepare_event(void *state);                                                 \
    int hsp_op_##api##_event(void *state);                                                         \
    int hsp_op_##api##_prepare_sync(void *state);                                                  \
    int hsp_op_##api##_sync(void *state);                                                          \
    int hsp_op_##api##_stream(void *state);                                                        \
    int hsp_op_##api##_stream_end(void *state)
HSP_OP_FUNCTIONS(hip);
HSP_OP_FUNCTIONS(hsa);
HSP_OP_FUNCTIONS(ioctl); ///< those of ops.def exist
#undef HSP_OP_FUNCTIONS

#endif
