// SPDX-License-Identifier: MIT
/// hang(arrived): stores 1 in its work-group's element and waits for another value, which nobody
/// stores. Work-groups of one work-item.
#include <hip/hip_runtime.h>
#include <stdint.h>

extern "C" __global__ void hang(uint32_t *arrived) {
    uint32_t *mine = arrived + blockIdx.x;
    __hip_atomic_store(mine, 1u, __ATOMIC_RELEASE, __HIP_MEMORY_SCOPE_SYSTEM);
    while (__hip_atomic_load(mine, __ATOMIC_ACQUIRE, __HIP_MEMORY_SCOPE_SYSTEM) == 1) {
    }
}
