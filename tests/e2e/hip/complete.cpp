/* SPDX-License-Identifier: MIT */
/// A complete program: two streams that overlap copies and kernels, events between them, elapsed
/// times, memset, a callback; every element of the result compared.
#include "hip_e2e.h"

static const int COUNT = 1 << 16;
static const int CHUNKS = 8;

__global__ void scale(const float *in, float *out, float factor, int count) {
    const int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i < count) {
        out[i] = in[i] * factor + 1.0f;
    }
}

__global__ void accumulate(const float *in, float *total, int count) {
    const int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i < count) {
        total[i] += in[i];
    }
}

static void count_call(hipStream_t, hipError_t status, void *data) {
    if (status == hipSuccess) {
        __atomic_fetch_add(static_cast<int *>(data), 1, __ATOMIC_SEQ_CST);
    }
}

int main() {
    need_gpu();
    hipDeviceProp_t properties;
    HIP(hipGetDeviceProperties(&properties, 0));
    CHECK(strncmp(properties.gcnArchName, "gfx", 3) == 0, "%s", properties.gcnArchName);

    hipStream_t copies, kernels;
    hipEvent_t begin, end, copied[CHUNKS];
    HIP(hipStreamCreate(&copies));
    HIP(hipStreamCreateWithFlags(&kernels, hipStreamNonBlocking));
    HIP(hipEventCreate(&begin));
    HIP(hipEventCreate(&end));
    float *source, *result;
    HIP(hipHostMalloc(&source, COUNT * CHUNKS * sizeof(float)));
    HIP(hipHostMalloc(&result, COUNT * sizeof(float)));
    for (int i = 0; i < COUNT * CHUNKS; ++i) {
        source[i] = static_cast<float>(i % 1000);
    }
    float *in = device_array<float>(COUNT * CHUNKS);
    float *scaled = device_array<float>(COUNT);
    float *total = device_array<float>(COUNT);
    HIP(hipMemsetAsync(total, 0, COUNT * sizeof(float), kernels));

    int callbacks = 0;
    HIP(hipEventRecord(begin, kernels));
    for (int c = 0; c < CHUNKS; ++c) {
        HIP(hipEventCreateWithFlags(&copied[c], hipEventDisableTiming));
        HIP(hipMemcpyAsync(in + c * COUNT, source + c * COUNT, COUNT * sizeof(float),
                           hipMemcpyHostToDevice, copies));
        HIP(hipEventRecord(copied[c], copies));
        HIP(hipStreamWaitEvent(kernels, copied[c], 0));
        scale<<<COUNT / 256, 256, 0, kernels>>>(in + c * COUNT, scaled, 2.0f, COUNT);
        accumulate<<<COUNT / 256, 256, 0, kernels>>>(scaled, total, COUNT);
        HIP(hipGetLastError());
    }
    HIP(hipEventRecord(end, kernels));
    HIP(hipStreamAddCallback(kernels, count_call, &callbacks, 0));
    HIP(hipMemcpyAsync(result, total, COUNT * sizeof(float), hipMemcpyDeviceToHost, kernels));
    HIP(hipStreamSynchronize(kernels));
    CHECK(__atomic_load_n(&callbacks, __ATOMIC_SEQ_CST) == 1, "%d callbacks", callbacks);
    for (int i = 0; i < COUNT; ++i) {
        float expected = 0;
        for (int c = 0; c < CHUNKS; ++c) {
            expected += source[c * COUNT + i] * 2.0f + 1.0f;
        }
        CHECK(result[i] == expected, "element %d is %g, not %g", i, result[i], expected);
    }

    float ms = -1;
    HIP(hipEventElapsedTime(&ms, begin, end));
    CHECK(ms > 0 && ms < 10000, "%g ms between the events", ms);
    CHECK(hipEventQuery(end) == hipSuccess, "hipEventQuery");
    CHECK(hipStreamQuery(copies) == hipSuccess, "hipStreamQuery");

    // Device to device, then more than the staging buffer holds, from pageable memory.
    float *twin = device_array<float>(COUNT);
    HIP(hipMemcpy(twin, total, COUNT * sizeof(float), hipMemcpyDeviceToDevice));
    CHECK(to_host(twin, COUNT) == std::vector<float>(result, result + COUNT), "device to device");
    std::vector<uint32_t> large(6 << 20);
    for (size_t i = 0; i < large.size(); ++i) {
        large[i] = static_cast<uint32_t>(i * 2654435761u);
    }
    CHECK(to_host(to_device(large), large.size()) == large, "24 MiB there and back");
    HIP(hipStreamDestroy(copies));
    HIP(hipStreamDestroy(kernels));
    HIP(hipDeviceReset());
    return 0;
}
