/* SPDX-License-Identifier: MIT */
/// All arms for one prepared launch, those of libhsaprobe-hip.so included where it can be opened.
#ifndef TOOL_ARMS_H
#define TOOL_ARMS_H

#include "launch.h"
#include "measure/arm.h"
#include "measure/hip_arms.h"

/// The arms in the order of the layers, lowest first; arm 0 is the timer.
enum arm_index { ARM_TIMER, ARM_RING, ARM_HSA, ARM_HIP_MODULE, ARM_HIP, ARM_COUNT };

/// The arms that could be made, and why the others could not.
struct arms {
    struct hsp_arm_case launch;
    void *kernarg; ///< the case's
    const struct hsp_hip_arms *hip;
    void *hip_context;
    bool packet_known;                 ///< hip_packet is what HIP wrote
    union hsp_packet hip_packet;       ///< of HIP's own launch
    struct hsp_hip_error packet_error; ///< why it isn't known
    struct hsp_arm arms[ARM_COUNT];    ///< the first `count` are there
    size_t count;
    struct {
        const char *name;
        char *reason;
    } missing[ARM_COUNT];
    size_t missing_count;
};

/// Makes all that can be made. The ring and hsa arms' packets take their header from HIP's where
/// `header` is 0, or have this one. Returns an exit code (printed) when not even ring and hsa can
/// be. *out_arms needs arms_fini in any case. The launch must stay.
int arms_init(const struct launch *launch, uint16_t header, struct arms *out_arms);
void arms_fini(struct arms *arms);

#endif
