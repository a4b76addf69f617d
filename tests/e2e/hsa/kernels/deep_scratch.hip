// SPDX-License-Identifier: MIT
/// deep_scratch(out, count, seed): like kernels/scratch.hip with 8 KiB of private memory, all of it
/// written before any is read: out[i] = sum of (seed + i) * 31 + k over k = 0..2047.
#include <hip/hip_runtime.h>
#include <stdint.h>

extern "C" __global__ void deep_scratch(uint32_t *out, uint32_t count, uint32_t seed) {
    enum { WORDS = 2048 };
    const uint32_t i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i >= count)
        return;
    volatile uint32_t table[WORDS];
    const uint32_t s = seed + i;
    for (uint32_t k = 0; k < WORDS; k++)
        table[(k * 5 + s) % WORDS] = s * 31 + k;
    uint32_t sum = 0;
    for (uint32_t k = 0; k < WORDS; k++)
        sum += table[k];
    out[i] = sum;
}
