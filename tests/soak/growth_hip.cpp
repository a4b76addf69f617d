/* SPDX-License-Identifier: MIT */
/* A HIP program that makes and frees streams, events, memory, graphs and modules doesn't grow.
 * HIP 5.2 itself keeps some 2 KiB of heap and three interrupt signals of each cycle, as heaptrack
 * shows by library: of 150 cycles 350 KB stay in libamdhip64, 38 KB in libhsa-runtime64, 22 KB in
 * libhsakmt and nothing in the software GPU. Usage: growth_hip [CYCLES]. */
#include "growth.h"
#include "hip_e2e.h"

__global__ void add(unsigned *values, unsigned by) {
    values[threadIdx.x] += by;
}

static void use_stream() {
    hipStream_t stream;
    hipEvent_t begin, end;
    unsigned *values, *host;
    HIP(hipStreamCreate(&stream));
    HIP(hipEventCreate(&begin));
    HIP(hipEventCreate(&end));
    HIP(hipMalloc(&values, 1 << 20));
    HIP(hipHostMalloc(&host, 1 << 20));
    HIP(hipMemsetAsync(values, 0, 1 << 20, stream));
    HIP(hipEventRecord(begin, stream));
    for (unsigned i = 0; i < 10; i++)
        add<<<1, 64, 0, stream>>>(values, i);
    HIP(hipEventRecord(end, stream));
    HIP(hipMemcpyAsync(host, values, 1 << 20, hipMemcpyDeviceToHost, stream));
    HIP(hipStreamSynchronize(stream));
    CHECK(host[63] == 45, "%u", host[63]);
    HIP(hipHostFree(host));
    HIP(hipFree(values));
    HIP(hipEventDestroy(begin));
    HIP(hipEventDestroy(end));
    HIP(hipStreamDestroy(stream));
}

static void use_graph() {
    hipStream_t stream;
    hipGraph_t graph;
    hipGraphExec_t exec;
    unsigned *values = device_array<unsigned>(64);
    HIP(hipStreamCreate(&stream));
    HIP(hipStreamBeginCapture(stream, hipStreamCaptureModeGlobal));
    add<<<1, 64, 0, stream>>>(values, 1);
    HIP(hipStreamEndCapture(stream, &graph));
    HIP(hipGraphInstantiate(&exec, graph, nullptr, nullptr, 0));
    HIP(hipGraphLaunch(exec, stream));
    HIP(hipStreamSynchronize(stream));
    HIP(hipGraphExecDestroy(exec));
    HIP(hipGraphDestroy(graph));
    HIP(hipStreamDestroy(stream));
    HIP(hipFree(values));
}

static void use_module() {
    hipModule_t module;
    hipFunction_t function;
    HIP(hipModuleLoad(&module, E2E_KERNELS "/empty.hipfb"));
    HIP(hipModuleGetFunction(&function, module, "empty"));
    HIP(hipModuleLaunchKernel(function, 1, 1, 1, 64, 1, 1, 0, nullptr, nullptr, nullptr));
    HIP(hipDeviceSynchronize());
    HIP(hipModuleUnload(module));
}

static void work() {
    use_stream();
    use_graph();
    use_module();
}

int main(int argc, char **argv) {
    need_gpu();
    return growth_check(work, argc > 1 ? atol(argv[1]) : 40);
}
