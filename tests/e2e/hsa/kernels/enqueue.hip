// SPDX-License-Identifier: MIT
/// enqueue(queue, packets, count): puts packets into a queue and rings it, as the host would.
///
/// | argument | type             | meaning                                                     |
/// |----------|------------------|-------------------------------------------------------------|
/// | ring     | uint64_t *       | the queue's ring, eight elements per packet                 |
/// | size     | uint64_t         | packets in the ring                                         |
/// | write    | uint64_t *       | the queue's write index                                     |
/// | doorbell | uint64_t *       | the queue's doorbell                                        |
/// | packets  | const uint64_t * | what to submit, eight elements each                         |
/// | count    | uint32_t         | how many                                                    |
///
/// One work-item each for `count` packets; the ring must have room for all.
#include <hip/hip_runtime.h>
#include <stdint.h>

extern "C" __global__ void enqueue(uint64_t *ring, uint64_t size, uint64_t *write,
                                   uint64_t *doorbell, const uint64_t *packets, uint32_t count) {
    const uint32_t i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i >= count) {
        return;
    }
    const uint64_t index =
        __hip_atomic_fetch_add(write, 1, __ATOMIC_ACQ_REL, __HIP_MEMORY_SCOPE_SYSTEM);
    uint64_t *slot = ring + index % size * 8;
    for (int k = 1; k < 8; ++k) {
        slot[k] = packets[i * 8 + k];
    }
    __hip_atomic_store(slot, packets[i * 8], __ATOMIC_RELEASE, __HIP_MEMORY_SCOPE_SYSTEM);
    __hip_atomic_store(doorbell, index, __ATOMIC_RELEASE, __HIP_MEMORY_SCOPE_SYSTEM);
}
