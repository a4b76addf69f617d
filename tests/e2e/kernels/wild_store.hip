// SPDX-License-Identifier: MIT
/// wild_store(where): work-item 0 stores to an address that nobody mapped.
#include <hip/hip_runtime.h>
#include <stdint.h>

extern "C" __global__ void wild_store(uint32_t *where) {
    if (threadIdx.x == 0) {
        *where = 0xdead;
    }
}
