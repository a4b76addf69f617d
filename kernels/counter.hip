// SPDX-License-Identifier: MIT
/// counter(total, tickets, step): every work-item adds to one counter and keeps what it saw.
///
/// | argument | type       | meaning                                                        |
/// |----------|------------|----------------------------------------------------------------|
/// | total    | uint32_t * | one element: grows by step for each work-item                  |
/// | tickets  | uint32_t * | one element per work-item: the counter's value before its add  |
/// | step     | uint32_t   | what each work-item adds                                       |
///
/// One dimension; a whole number of work-groups of any size. The tickets of a run are all different
/// when step is not 0.
#include <hip/hip_runtime.h>
#include <stdint.h>

extern "C" __global__ void counter(uint32_t *total, uint32_t *tickets, uint32_t step) {
    const uint32_t i = blockIdx.x * blockDim.x + threadIdx.x;
    tickets[i] = atomicAdd(total, step);
}
