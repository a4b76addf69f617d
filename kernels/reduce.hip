// SPDX-License-Identifier: MIT
/// reduce(values, sums, count): the sum of each work-group's elements, by a tree in LDS with a
/// barrier per level.
///
/// | argument | type       | meaning                                             |
/// |----------|------------|-----------------------------------------------------|
/// | values   | uint32_t * | count elements, read; those beyond count count as 0 |
/// | sums     | uint32_t * | one element per work-group, written                 |
/// | count    | uint32_t   | elements                                            |
///
/// One work-item per element, one dimension; whole work-groups, their size a power of two up to
/// 1024.
#include <hip/hip_runtime.h>
#include <stdint.h>

extern "C" __global__ void __launch_bounds__(1024)
    reduce(const uint32_t *values, uint32_t *sums, uint32_t count) {
    __shared__ uint32_t partial[1024];
    const uint32_t lane = threadIdx.x;
    const uint32_t i = blockIdx.x * blockDim.x + lane;
    partial[lane] = i < count ? values[i] : 0;
    __syncthreads();
    for (uint32_t half = blockDim.x / 2; half > 0; half /= 2) {
        if (lane < half) {
            partial[lane] += partial[lane + half];
        }
        __syncthreads();
    }
    if (lane == 0) {
        sums[blockIdx.x] = partial[0];
    }
}
