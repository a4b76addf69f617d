// SPDX-License-Identifier: MIT
/// Kernels whose results depend on how they were launched.
#include <hip/hip_runtime.h>
#include <stdint.h>

/// The queue's address: the same in every run of an arm, another one in HIP's queue.
extern "C" __global__ void queue_address(uint64_t *out) {
    *out = (uint64_t)__builtin_amdgcn_queue_ptr();
}

/// The device's clock: another one in every run.
extern "C" __global__ void clock_now(uint64_t *out) {
    *out = __builtin_amdgcn_s_memrealtime();
}
