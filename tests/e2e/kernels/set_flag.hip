// SPDX-License-Identifier: MIT
/// set_flag(flag, value): stores with system scope, for a wait_flag kernel of another queue.
#include <hip/hip_runtime.h>
#include <stdint.h>

extern "C" __global__ void set_flag(uint32_t *flag, uint32_t value) {
    __hip_atomic_store(flag, value, __ATOMIC_RELEASE, __HIP_MEMORY_SCOPE_SYSTEM);
}
