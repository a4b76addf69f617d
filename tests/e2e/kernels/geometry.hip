// SPDX-License-Identifier: MIT
/// geometry(rows, width, height, gx, gy, gz): each work-item of a three-dimensional grid, in
/// work-groups of gx * gy * gz, writes what it believes about itself: rows[flat * 3 + 0..2] = its
/// work-group, its place in there, the work-group's size (which is smaller at the grid's edges), x,
/// y, z packed into 10 bits each; flat is its absolute index in the grid.
#include <hip/hip_runtime.h>
#include <stdint.h>

__device__ uint32_t packed(dim3 value) {
    return value.x | value.y << 10 | value.z << 20;
}

extern "C" __global__ void geometry(uint32_t *rows, uint32_t width, uint32_t height, uint32_t gx,
                                    uint32_t gy, uint32_t gz) {
    const uint32_t x = blockIdx.x * gx + threadIdx.x;
    const uint32_t y = blockIdx.y * gy + threadIdx.y;
    const uint32_t z = blockIdx.z * gz + threadIdx.z;
    uint32_t *row = rows + 3 * ((z * height + y) * width + x);
    row[0] = packed(dim3(blockIdx.x, blockIdx.y, blockIdx.z));
    row[1] = packed(dim3(threadIdx.x, threadIdx.y, threadIdx.z));
    row[2] = packed(dim3(blockDim.x, blockDim.y, blockDim.z));
}
