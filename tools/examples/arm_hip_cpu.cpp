// SPDX-License-Identifier: MIT
// An external arm of `hsaprobe layers`: HIP-CPU, the HIP runtime of AMD that runs kernels on the
// processor's own threads. Built where HIP-CPU's headers are found (HIP_CPU_INCLUDE, or
// hip_cpu_rt on CMake's path).
//
//     hsaprobe layers --arm hip,hip-cpu=share/hsaprobe/examples/arm_hip_cpu
#include <hip/hip_runtime.h>

#include "hsaprobe_arm.h"

namespace {

__global__ void count_launch(unsigned long long *count) {
    if (threadIdx.x == 0 && blockIdx.x == 0)
        atomicAdd(count, 1ull);
}

struct Device {
    hipStream_t stream = nullptr;
    unsigned long long *count = nullptr;
    dim3 blocks;
    dim3 threads;
};

const char *words(hipError_t error) {
    return error == hipSuccess ? nullptr : hipGetErrorString(error);
}

const char *device_open(void *opaque, const hsaprobe_arm_case *launch) {
    auto *device = static_cast<Device *>(opaque);
    device->threads = dim3(launch->workgroup[0], launch->workgroup[1], launch->workgroup[2]);
    device->blocks =
        dim3(launch->grid[0] / launch->workgroup[0], launch->grid[1] / launch->workgroup[1],
             launch->grid[2] / launch->workgroup[2]);
    const char *why = words(hipStreamCreate(&device->stream));
    if (!why)
        why = words(hipMalloc(reinterpret_cast<void **>(&device->count), sizeof *device->count));
    return why ? why : words(hipMemset(device->count, 0, sizeof *device->count));
}

const char *device_launch(void *opaque) {
    auto *device = static_cast<Device *>(opaque);
    hipLaunchKernelGGL(count_launch, device->blocks, device->threads, 0, device->stream,
                       device->count);
    return words(hipGetLastError());
}

const char *device_wait(void *opaque) {
    return words(hipStreamSynchronize(static_cast<Device *>(opaque)->stream));
}

const char *device_count(void *opaque, uint64_t *out_kernels) {
    unsigned long long count = 0;
    const char *why = words(hipMemcpy(&count, static_cast<Device *>(opaque)->count, sizeof count,
                                      hipMemcpyDeviceToHost));
    *out_kernels = count;
    return why;
}

void device_close(void *opaque) {
    auto *device = static_cast<Device *>(opaque);
    (void)hipFree(device->count);
    (void)hipStreamDestroy(device->stream);
}

} // namespace

int main() {
    static Device device;
    const hsaprobe_arm arm = {device_open,  device_launch, device_wait,
                              device_count, device_close,  &device};
    return hsaprobe_arm_main(&arm);
}
