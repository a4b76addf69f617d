// SPDX-License-Identifier: MIT
/// wait_flag(flag, wanted, seen): waits until somebody else (the host, a copy, another queue's
/// kernel) has stored a value, then says that it saw it.
///
/// | argument | type       | meaning                                                   |
/// |----------|------------|-----------------------------------------------------------|
/// | flag     | uint32_t * | one element, read with system scope until it equals wanted |
/// | wanted   | uint32_t   | the value to wait for                                     |
/// | seen     | uint32_t * | one element, receives wanted with system scope            |
///
/// One work-item. It never ends by itself: who launches it must store the value.
#include <hip/hip_runtime.h>
#include <stdint.h>

extern "C" __global__ void wait_flag(const uint32_t *flag, uint32_t wanted, uint32_t *seen) {
    while (__hip_atomic_load(flag, __ATOMIC_ACQUIRE, __HIP_MEMORY_SCOPE_SYSTEM) != wanted) {
        __builtin_amdgcn_s_sleep(1);
    }
    __hip_atomic_store(seen, wanted, __ATOMIC_RELEASE, __HIP_MEMORY_SCOPE_SYSTEM);
}
