/* SPDX-License-Identifier: MIT */
#include "measure/hip_calls.h"

#include <hip/hip_runtime_api.h>
#include <hsaprobe/base.h>

/* A row's parameters carry its arguments' names, so the call can be written there as it is. */
#define HIP_CALL(name, parameters, call)                                                           \
    static int call_##name parameters {                                                            \
        return (int)(call);                                                                        \
    }
#include "measure/hip_calls.def"
#undef HIP_CALL

static const char *error_text(int error) {
    return hipGetErrorString((hipError_t)error);
}

extern HSP_API const struct hsp_hip_calls hsp_hip_calls;
const struct hsp_hip_calls hsp_hip_calls = {
    .version = HSP_HIP_CALLS_VERSION,
#define HIP_CALL(name, parameters, call) .name = call_##name,
#include "measure/hip_calls.def"
#undef HIP_CALL
    .error_text = error_text,
};
