/* SPDX-License-Identifier: MIT */
/// The door to libhsaprobe-hip.so, the only object that links libamdhip64. The command opens it
/// with dlopen and asks for one data symbol, so it starts where HIP isn't installed.
#ifndef HSP_MEASURE_HIP_ARMS_H
#define HSP_MEASURE_HIP_ARMS_H

#include <stddef.h>
#include <stdint.h>

#include "measure/arm.h"

#define HSP_HIP_ARMS_FILE    "libhsaprobe-hip.so"
#define HSP_HIP_ARMS_SYMBOL  "hsp_hip_arms"
#define HSP_HIP_ARMS_VERSION 2

/// Words of a failure.
struct hsp_hip_error {
    char text[256];
};

/// What the library exports. The device is HIP's device with the PCI address of the case's agent.
/// All arms launch on one non-blocking stream, which belongs to the context.
struct hsp_hip_arms {
    uint32_t version; ///< HSP_HIP_ARMS_VERSION
    /// Initialises HIP on the device and creates the stream. Returns 0, or -1 with the reason.
    int (*open)(const struct hsp_arm_case *launch, void **out_context,
                struct hsp_hip_error *out_error);
    /// Makes an arm of arms.def whose place is HSP_ARM_HIP, by its name: the module is loaded from
    /// the case's image, or the image is registered as the compiler's start-up code would.
    int (*create)(void *context, const char *name, const struct hsp_arm_case *launch,
                  struct hsp_arm *out_arm, struct hsp_hip_error *out_error);
    /// Launches the arm once and reads the packet that HIP wrote for it, header included, before it
    /// is consumed. Returns 0, or -1 with the reason (a HIP whose queues can't be seen). The arm
    /// must be idle; a few launches are made.
    int (*read_packet)(struct hsp_arm *arm, union hsp_packet *out_packet,
                       struct hsp_hip_error *out_error);
    /// Destroys the stream; the arms must be gone. NULL is fine.
    void (*close)(void *context);
    /// Version of the HIP runtime, such as 50221153; 0 when it can't be asked.
    int (*runtime_version)(void);
};

#endif
