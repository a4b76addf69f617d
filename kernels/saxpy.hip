// SPDX-License-Identifier: MIT
/// saxpy(a, x, y, count): y[i] = a * x[i] + y[i], one fused multiply-add per element.
///
/// | argument | type     | meaning                                    |
/// |----------|----------|--------------------------------------------|
/// | a        | float    | the factor                                 |
/// | x        | float *  | count elements, read                       |
/// | y        | float *  | count elements, read and written           |
/// | count    | uint32_t | elements; work-items beyond it do nothing  |
///
/// One work-item per element, one dimension; any work-group size.
#include <hip/hip_runtime.h>
#include <stdint.h>

extern "C" __global__ void saxpy(float a, const float *x, float *y, uint32_t count) {
    const uint32_t i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i < count) {
        y[i] = fmaf(a, x[i], y[i]);
    }
}
