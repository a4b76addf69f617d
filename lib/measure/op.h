/* SPDX-License-Identifier: MIT */
/// Operations other than a launch, each by HIP, by HSA and, where there are some, by ioctls alone.
///
/// An arm's launch() is the operation with its completion; its wait() undoes it, so that one is
/// out at a time: submit is the operation, the round trip includes what undoes it.
///
/// Thread safety: an arm belongs to one thread.
#ifndef HSP_MEASURE_OP_H
#define HSP_MEASURE_OP_H

#include <hsaprobe/agent.h>

#include "measure/hip_calls.h"
#include "measure/rounds.h"

/// What an operation is about. Everything is unowned and must outlive the arms.
struct hsp_op_case {
    const struct hsp_agent *agent;
    const struct hsp_hip_calls *hip; ///< on the agent's device; NULL: no HIP
    size_t bytes;                    ///< of operations with a size
    bool is_pinned;                  ///< of copies: the host's side
    bool to_device;                  ///< of copies
};

/// One operation by one way.
struct hsp_op_row {
    const char *op;  ///< "alloc"
    const char *api; ///< "ioctl", "hsa", "hip": also the arm's name
    const char *timed;
    const char *untimed;
    int (*prepare)(void *state); ///< 0, or non-zero with words
    int (*run)(void *state);     ///< the same
    int (*undo)(void *state);    ///< the same; NULL: there is nothing to undo
    bool undoes_first;           ///< `run` and `undo` change places: one is done at the beginning
    void (*clean)(void *state);  ///< frees what prepare made
};

/// All rows, by operation and from the lowest API up; *out_count.
const struct hsp_op_row *hsp_op_rows(size_t *out_count);

enum hsp_op_sizes {
    HSP_OP_NO_SIZE, ///< one workload
    HSP_OP_SIZES,   ///< one for each size
    HSP_OP_COPIES,  ///< for each size pageable and pinned, to and from the device
};
struct hsp_op {
    const char *name;
    enum hsp_op_sizes sizes;
};
/// The operations; *out_count.
const struct hsp_op *hsp_ops(size_t *out_count);
/// Sizes on both sides of each threshold, ascending; *out_count.
const size_t *hsp_op_sizes(size_t *out_count);

/// Words of a failure.
struct hsp_op_error {
    char text[256];
};
/// Makes an arm named as the row's API, to be destroyed by hsp_arm_destroy (its ops->destroy).
/// Returns 0, or -1 with the reason.
int hsp_op_arm_create(const struct hsp_op_row *row, const struct hsp_op_case *op_case,
                      struct hsp_arm *out_arm, struct hsp_op_error *out_error);
/// Whether a copy's bytes have arrived, after launches; true for what is no copy.
bool hsp_op_arm_check(const struct hsp_arm *arm);

#endif
