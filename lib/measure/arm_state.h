/* SPDX-License-Identifier: MIT */
/// What the ring and the hsa arm have in common: everything but how packets get into the queue.
#ifndef HSP_MEASURE_ARM_STATE_H
#define HSP_MEASURE_ARM_STATE_H

#include "measure/arm.h"

/// State of an arm. `status` is the last failure.
struct hsp_arm_state {
    struct hsp_queue *queue;
    struct hsp_dispatch dispatch; ///< all but the kernarg address
    uint16_t header;              ///< of the dispatch packet
    const void *kernarg;          ///< copied into a block by each launch
    size_t kernarg_bytes;
    struct hsp_kernarg_arena *arena;
    void *blocks[HSP_ARM_IN_FLIGHT_MAX]; ///< used in turn
    uint32_t next_block;
    hsa_signal_t done; ///< of the barrier packet
    hsp_status status;
    char message[256];
};

/// Allocates what `launch` needs. On failure *out_state is untouched.
hsp_status hsp_arm_state_create(const struct hsp_arm_case *launch,
                                struct hsp_arm_state **out_state);
/// An op: frees the state; NULL is fine.
void hsp_arm_state_destroy(void *state);
/// An op: the last failure.
const char *hsp_arm_state_error(void *state);
/// Keeps a failure with its words; returns -1.
int hsp_arm_state_fail(struct hsp_arm_state *state, hsp_status status);
/// A kernarg block with a fresh copy of the arguments.
static inline void *hsp_arm_state_kernarg(struct hsp_arm_state *state) {
    void *block = state->blocks[state->next_block++ % HSP_ARM_IN_FLIGHT_MAX];
    __builtin_memcpy(block, state->kernarg, state->kernarg_bytes);
    return block;
}
/// Spins on the barrier packet's signal; sees a queue that died. Returns 0 or -1.
int hsp_arm_state_wait_done(struct hsp_arm_state *state);

#endif
