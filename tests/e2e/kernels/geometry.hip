// SPDX-License-Identifier: MIT
/// geometry(rows): each work-item of a three-dimensional grid writes what it believes about itself:
/// rows[flat * 3 + 0..2] = (work-group x, y, z packed 10 bits each; work-item the same; group sizes
/// the same), flat being its absolute index in the grid.
#include <hip/hip_runtime.h>
#include <stdint.h>

__device__ uint32_t packed(dim3 value) {
    return value.x | value.y << 10 | value.z << 20;
}

extern "C" __global__ void geometry(uint32_t *rows, uint32_t width, uint32_t height) {
    const uint32_t x = blockIdx.x * blockDim.x + threadIdx.x;
    const uint32_t y = blockIdx.y * blockDim.y + threadIdx.y;
    const uint32_t z = blockIdx.z * blockDim.z + threadIdx.z;
    uint32_t *row = rows + 3 * ((z * height + y) * width + x);
    row[0] = packed(dim3(blockIdx.x, blockIdx.y, blockIdx.z));
    row[1] = packed(dim3(threadIdx.x, threadIdx.y, threadIdx.z));
    row[2] = packed(dim3(blockDim.x, blockDim.y, blockDim.z));
}
