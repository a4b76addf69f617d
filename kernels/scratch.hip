// SPDX-License-Identifier: MIT
/// scratch(out, count, seed): fills a private array in an order that the compiler can't keep in
/// registers, then folds it, so that each work-item needs scratch memory.
///
/// | argument | type       | meaning                                    |
/// |----------|------------|--------------------------------------------|
/// | out      | uint32_t * | count elements, written                    |
/// | count    | uint32_t   | elements; work-items beyond it do nothing  |
/// | seed     | uint32_t   | start value                                |
///
/// With s = seed + i, private[(k * 5 + s) % 64] = s * 31 + k for k = 0..63, and then
/// out[i] = fold of acc = acc * 3 + private[k] over k = 0..63, all modulo 2^32.
/// One work-item per element, one dimension; any work-group size.
#include <hip/hip_runtime.h>
#include <stdint.h>

extern "C" __global__ void scratch(uint32_t *out, uint32_t count, uint32_t seed) {
    const uint32_t i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i >= count) {
        return;
    }
    volatile uint32_t table[64];
    const uint32_t s = seed + i;
    for (uint32_t k = 0; k < 64; ++k) {
        table[(k * 5 + s) % 64] = s * 31 + k;
    }
    uint32_t acc = 0;
    for (uint32_t k = 0; k < 64; ++k) {
        acc = acc * 3 + table[k];
    }
    out[i] = acc;
}
