// SPDX-License-Identifier: MIT
/// Whole kernels of the software GPU's benchmark; compiled once at -O0 and once at -O3. The kernels
/// of kernels/ that it measures too are here by inclusion.
#include "../../kernels/vector_add.hip"

/// matmul(a, b, c, n): the naive product of two n by n matrices, a work-item per element.
extern "C" __global__ void matmul(const float *a, const float *b, float *c, uint32_t n) {
    const uint32_t x = blockIdx.x * blockDim.x + threadIdx.x;
    const uint32_t y = blockIdx.y * blockDim.y + threadIdx.y;
    float sum = 0;
    for (uint32_t k = 0; k < n; k++) {
        sum += a[y * n + k] * b[k * n + x];
    }
    c[y * n + x] = sum;
}

/// matmul_tiled(a, b, c, n): the same through tiles of 16 by 16 in LDS.
extern "C" __global__ void matmul_tiled(const float *a, const float *b, float *c, uint32_t n) {
    __shared__ float tile_a[16][16];
    __shared__ float tile_b[16][16];
    const uint32_t tx = threadIdx.x;
    const uint32_t ty = threadIdx.y;
    const uint32_t x = blockIdx.x * 16 + tx;
    const uint32_t y = blockIdx.y * 16 + ty;
    float sum = 0;
    for (uint32_t at = 0; at < n; at += 16) {
        tile_a[ty][tx] = a[y * n + at + tx];
        tile_b[ty][tx] = b[(at + ty) * n + x];
        __syncthreads();
        for (uint32_t k = 0; k < 16; k++) {
            sum += tile_a[ty][k] * tile_b[k][tx];
        }
        __syncthreads();
    }
    c[y * n + x] = sum;
}

/// reduce_float(values, sums, count): the sum of each work-group's 256 elements, by a tree in LDS.
extern "C" __global__ void reduce_float(const float *values, float *sums, uint32_t count) {
    __shared__ float partial[256];
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

/// bodies(x, y, pull, count): gravity on each body along x, all pairs in a plane.
extern "C" __global__ void bodies(const float *x, const float *y, float *pull, uint32_t count) {
    const uint32_t i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i >= count) {
        return;
    }
    float sum = 0;
    for (uint32_t j = 0; j < count; j++) {
        const float dx = x[j] - x[i];
        const float dy = y[j] - y[i];
        const float inverse = rsqrtf(dx * dx + dy * dy + 0.01f);
        sum += dx * inverse * inverse * inverse;
    }
    pull[i] = sum;
}
