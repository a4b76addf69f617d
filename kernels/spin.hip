// SPDX-License-Identifier: MIT
/// spin(ticks, stamps): keeps a wave busy for a given time, so that a launch overlaps with work.
///
/// | argument | type       | meaning                                                          |
/// |----------|------------|------------------------------------------------------------------|
/// | ticks    | uint64_t   | how long, in ticks of the device's constant clock (100 MHz)      |
/// | stamps   | uint64_t * | two elements: that clock when work-item 0 began and when it ended |
///
/// Any geometry; every wave spins.
#include <hip/hip_runtime.h>
#include <stdint.h>

extern "C" __global__ void spin(uint64_t ticks, uint64_t *stamps) {
    const uint64_t begin = __builtin_amdgcn_s_memrealtime();
    uint64_t now = begin;
    while (now - begin < ticks) {
        now = __builtin_amdgcn_s_memrealtime();
    }
    if (blockIdx.x == 0 && threadIdx.x == 0) {
        stamps[0] = begin;
        stamps[1] = now;
    }
}
