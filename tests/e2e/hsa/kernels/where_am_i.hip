// SPDX-License-Identifier: MIT
/// where_am_i(rows, arrived, wanted): each work-group says where it runs and, with `wanted`, stays
/// until so many work-groups have arrived, so that all of them are resident at once.
///
/// | argument | type       | meaning                                                          |
/// |----------|------------|------------------------------------------------------------------|
/// | rows     | uint32_t * | one element per work-group: the HW_ID register of its first wave |
/// | arrived  | uint32_t * | one element, counts the work-groups that have begun              |
/// | wanted   | uint32_t   | how many must have begun before one ends; 0: none                |
/// | peak     | uint32_t * | two elements: work-groups in progress now, and the most ever     |
#include <hip/hip_runtime.h>
#include <stdint.h>

extern "C" __global__ void where_am_i(uint32_t *rows, uint32_t *arrived, uint32_t wanted,
                                      uint32_t *peak) {
    if (threadIdx.x != 0) {
        return;
    }
    constexpr int hw_id = 4, all_32_bits = 31 << 11;
    rows[blockIdx.x] = __builtin_amdgcn_s_getreg(hw_id | all_32_bits);
    const uint32_t now = atomicAdd(&peak[0], 1) + 1;
    atomicMax(&peak[1], now);
    atomicAdd(arrived, 1);
    while (__hip_atomic_load(arrived, __ATOMIC_RELAXED, __HIP_MEMORY_SCOPE_SYSTEM) < wanted) {
        __builtin_amdgcn_s_sleep(1);
    }
    for (int i = 0; i < 20; ++i) {
        __builtin_amdgcn_s_sleep(10); // others may begin meanwhile, where there is room
    }
    atomicSub(&peak[0], 1);
}
