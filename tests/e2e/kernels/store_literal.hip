// SPDX-License-Identifier: MIT
/// store_literal(out): stores a constant that stands as a literal in the code, where the test
/// replaces it to make many different kernels out of one.
#include <hip/hip_runtime.h>
#include <stdint.h>

extern "C" __global__ void store_literal(uint32_t *out) {
    *out = 0x5eed0001u;
}
