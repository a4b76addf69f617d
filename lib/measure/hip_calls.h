/* SPDX-License-Identifier: MIT */
/// HIP's functions as the experiments and the operation catalogue call them: a second door to
/// libhsaprobe-hip.so (hip_arms.h is the first), for callers that can't link libamdhip64.
///
/// Each row of hip_calls.def is one HIP function with HIP's own arguments; streams, events, modules
/// and functions are opaque pointers. All return hipError_t, 0 for success.
#ifndef HSP_MEASURE_HIP_CALLS_H
#define HSP_MEASURE_HIP_CALLS_H

#include <stddef.h>
#include <stdint.h>

#define HSP_HIP_CALLS_SYMBOL  "hsp_hip_calls"
#define HSP_HIP_CALLS_VERSION 2

/// hipDeviceScheduleBlockingSync, for set_device_flags.
#define HSP_HIP_BLOCKING_SYNC 4u
/// hipStreamNonBlocking, for stream_create.
#define HSP_HIP_NON_BLOCKING 1u

/// What the library exports.
struct hsp_hip_calls {
    uint32_t version; ///< HSP_HIP_CALLS_VERSION
#define HIP_CALL(name, parameters, call) int(*name) parameters;
#include "measure/hip_calls.def"
#undef HIP_CALL
    /// HIP's words for an error; never NULL.
    const char *(*error_text)(int error);
};

#endif
