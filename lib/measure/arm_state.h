/* SPDX-License-Identifier: MIT */
/// What the arms that write packets have in common: everything but how packets get into the queue.
#ifndef HSP_MEASURE_ARM_STATE_H
#define HSP_MEASURE_ARM_STATE_H

#include "measure/arm.h"

/// State of an arm. `status` is the last failure.
struct hsp_arm_state {
    struct hsp_queue *queue;
    struct hsp_queue *own_queue;  ///< NULL: `queue` is the case's
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

/// Allocates what `launch` needs. With `queue_options` the arm has a queue of its own,
/// of the size of the case's. On failure
/// *out_state is untouched.
hsp_status hsp_arm_state_create(const struct hsp_arm_case *launch,
                                const struct hsp_queue_options *queue_options,
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
/// Our ring writer: the state's dispatch with this kernarg block, published and rung. Returns 0 or
/// -1.
int hsp_arm_state_submit(struct hsp_arm_state *state, const void *kernarg);
/// Our ring writer: a barrier-AND packet of this header. Returns 0 or -1.
int hsp_arm_state_submit_barrier(struct hsp_arm_state *state, uint16_t header,
                                 hsa_signal_t completion);
/// Spins on the barrier packet's signal; sees a queue that died. Returns 0 or -1.
int hsp_arm_state_wait_done(struct hsp_arm_state *state);
/// An op: a barrier packet with completion signal, awaited.
int hsp_arm_state_wait(void *state);

/// Completion signals, used in turn by launches in flight.
struct hsp_arm_signals {
    hsa_signal_t signals[HSP_ARM_IN_FLIGHT_MAX];
    uint32_t next;
    hsa_signal_t last; ///< of the launch before; handle 0: none since the last wait
};
hsp_status hsp_arm_signals_init(struct hsp_arm_signals *signals);
void hsp_arm_signals_fini(struct hsp_arm_signals *signals);
/// The next one, set to 1.
static inline hsa_signal_t hsp_arm_signals_take(struct hsp_arm_signals *signals) {
    signals->last = signals->signals[signals->next++ % HSP_ARM_IN_FLIGHT_MAX];
    hsp_signal_silent_store_relaxed(signals->last, 1);
    return signals->last;
}
/// Spins on the last one that was taken. Returns 0 or -1.
int hsp_arm_signals_wait(struct hsp_arm_signals *signals, struct hsp_arm_state *state);

/// Function of the libhsa-runtime64 that the library opened, by its name.
struct hsp_arm_symbol {
    const char *name;
    void *slot; ///< of a pointer to the function
};
/// Fills the slots. HSP_ERROR_NOT_SUPPORTED when one is missing.
hsp_status hsp_arm_symbols(const struct hsp_arm_symbol *symbols, size_t count);

#endif
