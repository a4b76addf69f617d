// SPDX-License-Identifier: MIT
/// progress(done, rounds, sink, other, seen): every work-group computes for a while and then counts
/// itself, so that the host sees how far a launch has come.
///
/// | argument | type       | meaning                                             |
/// |----------|------------|-----------------------------------------------------|
/// | done     | uint32_t * | one element: work-groups that have ended            |
/// | rounds   | uint32_t   | how long each computes: some ten instructions each  |
/// | sink     | uint32_t * | one element per work-group, so that the work counts |
/// | other    | uint32_t * | another launch's `done`, or this one's               |
/// | seen     | uint32_t * | one element per work-group: *other when it ended     |
#include <hip/hip_runtime.h>
#include <stdint.h>

extern "C" __global__ void progress(uint32_t *done, uint32_t rounds, uint32_t *sink,
                                    const uint32_t *other, uint32_t *seen) {
    uint32_t value = blockIdx.x + threadIdx.x;
    for (uint32_t i = 0; i < rounds; ++i) {
        value = value * 1664525u + 1013904223u + (value >> 7);
    }
    if (threadIdx.x == 0) {
        sink[blockIdx.x] = value;
        seen[blockIdx.x] = __hip_atomic_load(other, __ATOMIC_RELAXED, __HIP_MEMORY_SCOPE_SYSTEM);
        __hip_atomic_fetch_add(done, 1, __ATOMIC_RELEASE, __HIP_MEMORY_SCOPE_SYSTEM);
    }
}
