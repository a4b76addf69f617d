/* SPDX-License-Identifier: MIT */
/// The table of arms (arms.def): what each one times, what it doesn't, what it isolates.
#ifndef HSP_MEASURE_ARMS_H
#define HSP_MEASURE_ARMS_H

#include "measure/arm.h"

enum hsp_arm_place {
    HSP_ARM_HOST,    ///< no device
    HSP_ARM_QUEUE,   ///< packets of ours on a queue
    HSP_ARM_HIP,     ///< made by libhsaprobe-hip.so (hip_arms.h)
    HSP_ARM_PROCESS, ///< measures itself in a process of its own; unpaired
};
/// "host", "queue", "hip", "process".
const char *hsp_arm_place_name(enum hsp_arm_place place);

struct hsp_arm_row {
    const char *name;
    enum hsp_arm_place place;
    uint32_t kernel_count; ///< kernels that one launch runs; 0: none
    bool is_standard;      ///< measured unless the user chooses
    const char *minus;     ///< the arm that does one thing less; NULL: none
    const char *layer;     ///< that thing; %s stands for the device
    hsp_status (*create)(const struct hsp_arm_case *launch, struct hsp_arm *out_arm);
    const char *timed;
    const char *untimed;
};

/// All of them, lowest first; *out_count.
const struct hsp_arm_row *hsp_arm_rows(size_t *out_count);
/// NULL when there is none of this name.
const struct hsp_arm_row *hsp_arm_row_find(const char *name);

#endif
