// SPDX-License-Identifier: MIT
/// empty(): does nothing. What is left is the cost of the launch itself.
///
/// Arguments: none. Any geometry.
#include <hip/hip_runtime.h>

extern "C" __global__ void empty() {}
