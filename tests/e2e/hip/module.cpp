/* SPDX-License-Identifier: MIT */
/// hipModuleLoad of an offload bundle and hipModuleLaunchKernel, through both ways to pass
/// arguments; a name that isn't there is an error.
#include "hip_e2e.h"

int main() {
    need_gpu();
    const uint32_t count = 3000;
    hipModule_t module;
    hipFunction_t function, absent;
    HIP(hipModuleLoad(&module, E2E_KERNELS "/saxpy.hipfb"));
    HIP(hipModuleGetFunction(&function, module, "saxpy"));
    CHECK(hipModuleGetFunction(&absent, module, "saxpy2") == hipErrorNotFound, "found saxpy2");
    std::vector<float> x(count), y(count);
    for (uint32_t i = 0; i < count; ++i) {
        x[i] = static_cast<float>(i);
        y[i] = static_cast<float>(count - i);
    }
    struct {
        float a;
        float *x, *y;
        uint32_t count;
    } args = {3, to_device(x), to_device(y), count};
    void *each[] = {&args.a, &args.x, &args.y, &args.count};
    HIP(hipModuleLaunchKernel(function, (count + 63) / 64, 1, 1, 64, 1, 1, 0, nullptr, each,
                              nullptr));
    size_t bytes = sizeof args;
    void *packed[] = {HIP_LAUNCH_PARAM_BUFFER_POINTER, &args, HIP_LAUNCH_PARAM_BUFFER_SIZE, &bytes,
                      HIP_LAUNCH_PARAM_END};
    HIP(hipModuleLaunchKernel(function, (count + 255) / 256, 1, 1, 256, 1, 1, 0, nullptr, nullptr,
                              packed));
    const std::vector<float> seen = to_host(args.y, count);
    for (uint32_t i = 0; i < count; ++i) {
        CHECK(seen[i] == 2 * 3 * x[i] + y[i], "element %u is %g", i, seen[i]);
    }
    HIP(hipModuleUnload(module));
    return 0;
}
