/* SPDX-License-Identifier: MIT */
/// A captured graph of copy, two kernels and copy, launched several times.
#include "hip_e2e.h"

static const int COUNT = 4096;

__global__ void step(uint32_t *values, uint32_t add) {
    const int i = blockIdx.x * blockDim.x + threadIdx.x;
    values[i] = values[i] * 3 + add;
}

int main() {
    need_gpu();
    hipStream_t stream;
    hipGraph_t graph;
    hipGraphExec_t executable;
    uint32_t *host, *device = device_array<uint32_t>(COUNT);
    HIP(hipStreamCreate(&stream));
    HIP(hipHostMalloc(&host, COUNT * 4));
    HIP(hipStreamBeginCapture(stream, hipStreamCaptureModeGlobal));
    HIP(hipMemcpyAsync(device, host, COUNT * 4, hipMemcpyHostToDevice, stream));
    step<<<COUNT / 256, 256, 0, stream>>>(device, 1);
    step<<<COUNT / 256, 256, 0, stream>>>(device, 2);
    HIP(hipMemcpyAsync(host, device, COUNT * 4, hipMemcpyDeviceToHost, stream));
    HIP(hipStreamEndCapture(stream, &graph));
    HIP(hipGraphInstantiate(&executable, graph, nullptr, nullptr, 0));
    std::vector<uint32_t> expected(COUNT);
    for (int i = 0; i < COUNT; ++i) {
        host[i] = expected[i] = static_cast<uint32_t>(i);
    }
    for (int round = 0; round < 5; ++round) {
        HIP(hipGraphLaunch(executable, stream));
        HIP(hipStreamSynchronize(stream));
        for (int i = 0; i < COUNT; ++i) {
            expected[i] = (expected[i] * 3 + 1) * 3 + 2;
            CHECK(host[i] == expected[i], "round %d, element %d: %u", round, i, host[i]);
        }
    }
    HIP(hipGraphExecDestroy(executable));
    HIP(hipGraphDestroy(graph));
    return 0;
}
