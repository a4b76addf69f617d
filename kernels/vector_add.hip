// SPDX-License-Identifier: MIT
/// vector_add(a, b, sum, count): sum[i] = a[i] + b[i].
///
/// | argument | type     | meaning                                    |
/// |----------|----------|--------------------------------------------|
/// | a, b     | float *  | count elements each, read                  |
/// | sum      | float *  | count elements, written                    |
/// | count    | uint32_t | elements; work-items beyond it do nothing  |
///
/// One work-item per element, one dimension; any work-group size.
#include <hip/hip_runtime.h>
#include <stdint.h>

extern "C" __global__ void vector_add(const float *a, const float *b, float *sum, uint32_t count) {
    const uint32_t i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i < count) {
        sum[i] = a[i] + b[i];
    }
}
