// SPDX-License-Identifier: MIT
/// heartbeat(beats, stop): counts, so that others see that it goes on, until it is told to stop.
///
/// | argument | type       | meaning                                                 |
/// |----------|------------|---------------------------------------------------------|
/// | beats    | uint64_t * | one element, stored with system scope: 1, 2, 3, ...     |
/// | stop     | uint32_t * | one element, read with system scope; non-zero ends it   |
///
/// One work-item. It never ends by itself.
#include <hip/hip_runtime.h>
#include <stdint.h>

extern "C" __global__ void heartbeat(uint64_t *beats, const uint32_t *stop) {
    uint64_t beat = 0;
    while (__hip_atomic_load(stop, __ATOMIC_ACQUIRE, __HIP_MEMORY_SCOPE_SYSTEM) == 0) {
        __hip_atomic_store(beats, ++beat, __ATOMIC_RELEASE, __HIP_MEMORY_SCOPE_SYSTEM);
    }
}
