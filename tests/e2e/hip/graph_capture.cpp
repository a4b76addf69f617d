/* SPDX-License-Identifier: MIT */
/// Graphs captured from streams: forks and joins over several streams, what may not be done during
/// a capture, and a solver that iterates by launching its captured step.
#include "hip_cases.h"

#include <cmath>

static const int COUNT = 2048;

__global__ void affine(uint32_t *values, uint32_t factor, uint32_t add) {
    const int i = blockIdx.x * blockDim.x + threadIdx.x;
    values[i] = values[i] * factor + add;
}

__global__ void sum_into(uint32_t *to, const uint32_t *a, const uint32_t *b) {
    const int i = blockIdx.x * blockDim.x + threadIdx.x;
    to[i] = a[i] + b[i];
}

/// One sweep of Jacobi's method for -u'' = 1 on COUNT points; the largest change goes to *change.
__global__ void jacobi(const float *from, float *to, unsigned *change, int count) {
    const int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i < count) {
        const float left = i > 0 ? from[i - 1] : 0, right = i < count - 1 ? from[i + 1] : 0;
        const float next = 0.5f * (left + right + 1.0f);
        atomicMax(change, __float_as_uint(fabsf(next - from[i])));
        to[i] = next;
    }
}

static hipGraphExec_t end_capture(hipStream_t stream, hipGraph_t *graph) {
    hipGraphExec_t executable;
    HIP(hipStreamEndCapture(stream, graph));
    HIP(hipGraphInstantiate(&executable, *graph, nullptr, nullptr, 0));
    return executable;
}

/// Copy in; then three streams side by side; joined; copy out.
static void fork_and_join() {
    hipStream_t main_stream, side[2];
    hipEvent_t forked, joined[2];
    hipGraph_t graph;
    uint32_t *pinned, *a = device_array<uint32_t>(COUNT), *b = device_array<uint32_t>(COUNT);
    uint32_t *c = device_array<uint32_t>(COUNT);
    HIP(hipHostMalloc(&pinned, COUNT * 4));
    HIP(hipStreamCreate(&main_stream));
    HIP(hipEventCreateWithFlags(&forked, hipEventDisableTiming));
    for (int s = 0; s < 2; ++s) {
        HIP(hipStreamCreateWithFlags(&side[s], hipStreamNonBlocking));
        HIP(hipEventCreateWithFlags(&joined[s], hipEventDisableTiming));
    }
    HIP(hipStreamBeginCapture(main_stream, hipStreamCaptureModeGlobal));
    HIP(hipMemcpyAsync(a, pinned, COUNT * 4, hipMemcpyHostToDevice, main_stream));
    HIP(hipEventRecord(forked, main_stream));
    HIP(hipStreamWaitEvent(side[0], forked, 0));
    HIP(hipStreamWaitEvent(side[1], forked, 0));
    HIP(hipMemcpyAsync(b, a, COUNT * 4, hipMemcpyDeviceToDevice, side[0]));
    affine<<<COUNT / 256, 256, 0, side[0]>>>(b, 3, 1);
    HIP(hipMemsetAsync(c, 0, COUNT * 4, side[1]));
    affine<<<COUNT / 256, 256, 0, side[1]>>>(c, 3, 9);
    for (int s = 0; s < 2; ++s) {
        HIP(hipEventRecord(joined[s], side[s]));
        HIP(hipStreamWaitEvent(main_stream, joined[s], 0));
    }
    sum_into<<<COUNT / 256, 256, 0, main_stream>>>(a, b, c);
    HIP(hipMemcpyAsync(pinned, a, COUNT * 4, hipMemcpyDeviceToHost, main_stream));
    hipGraphExec_t executable = end_capture(main_stream, &graph);
    std::vector<uint32_t> expected(COUNT);
    for (int i = 0; i < COUNT; ++i) {
        expected[i] = pinned[i] = static_cast<uint32_t>(i * 17);
    }
    // See graph_nodes' case parallel.
    const int rounds = environment_is("AMD_DIRECT_DISPATCH", "0") ? 1 : 6;
    for (int round = 0; round < rounds; ++round) {
        HIP(hipGraphLaunch(executable, main_stream));
        HIP(hipStreamSynchronize(main_stream));
        for (int i = 0; i < COUNT; ++i) {
            expected[i] = expected[i] * 3 + 10;
            CHECK(pinned[i] == expected[i], "round %d, %d: %u, not %u", round, i, pinned[i],
                  expected[i]);
        }
    }
    HIP(hipGraphExecDestroy(executable));
    HIP(hipGraphDestroy(graph));
    for (int s = 0; s < 2; ++s) {
        HIP(hipStreamDestroy(side[s]));
        HIP(hipEventDestroy(joined[s]));
    }
    HIP(hipEventDestroy(forked));
    HIP(hipStreamDestroy(main_stream));
}

/// Nothing that is captured runs; the stream says that it captures.
static void capture_does_not_run() {
    hipStream_t stream;
    hipGraph_t graph;
    hipStreamCaptureStatus status = hipStreamCaptureStatusNone;
    uint32_t *values = device_array<uint32_t>(COUNT);
    HIP(hipMemset(values, 0, COUNT * 4));
    HIP(hipDeviceSynchronize());
    HIP(hipStreamCreateWithFlags(&stream, hipStreamNonBlocking));
    HIP(hipStreamBeginCapture(stream, hipStreamCaptureModeRelaxed));
    HIP(hipStreamIsCapturing(stream, &status));
    CHECK(status == hipStreamCaptureStatusActive, "status %d", status);
    affine<<<COUNT / 256, 256, 0, stream>>>(values, 1, 1);
    CHECK(hipStreamBeginCapture(stream, hipStreamCaptureModeRelaxed) != hipSuccess,
          "captured twice");
    (void)hipGetLastError();
    hipGraphExec_t executable = end_capture(stream, &graph);
    HIP(hipStreamIsCapturing(stream, &status));
    CHECK(status == hipStreamCaptureStatusNone, "status %d", status);
    HIP(hipStreamSynchronize(stream));
    CHECK(to_host(values, 1)[0] == 0, "the capture ran");
    HIP(hipGraphLaunch(executable, stream));
    affine<<<COUNT / 256, 256, 0, stream>>>(values, 10, 0);
    HIP(hipStreamSynchronize(stream));
    CHECK(to_host(values, 1)[0] == 10, "%u", to_host(values, 1)[0]);
    CHECK(hipStreamEndCapture(stream, &graph) != hipSuccess, "ended nothing");
    (void)hipGetLastError();
    HIP(hipGraphExecDestroy(executable));
    HIP(hipStreamDestroy(stream));
}

/// A captured pair of sweeps, launched until nothing changes much; compared with the host's sweeps.
static void solver() {
    const int count = 200, most = 60;
    hipStream_t stream;
    hipGraph_t graph;
    float *a = device_array<float>(count), *b = device_array<float>(count);
    unsigned *change = device_array<unsigned>(1), *seen;
    HIP(hipHostMalloc(&seen, 4));
    HIP(hipStreamCreate(&stream));
    HIP(hipMemset(a, 0, count * 4));
    HIP(hipStreamBeginCapture(stream, hipStreamCaptureModeGlobal));
    HIP(hipMemsetAsync(change, 0, 4, stream));
    jacobi<<<(count + 63) / 64, 64, 0, stream>>>(a, b, change, count);
    jacobi<<<(count + 63) / 64, 64, 0, stream>>>(b, a, change, count);
    HIP(hipMemcpyAsync(seen, change, 4, hipMemcpyDeviceToHost, stream));
    hipGraphExec_t executable = end_capture(stream, &graph);
    std::vector<float> host(count, 0.0f), next(count);
    for (int round = 0; round < most; ++round) {
        HIP(hipGraphLaunch(executable, stream));
        HIP(hipStreamSynchronize(stream));
        float largest = 0;
        for (int sweep = 0; sweep < 2; ++sweep) {
            for (int i = 0; i < count; ++i) {
                const float left = i > 0 ? host[i - 1] : 0;
                const float right = i < count - 1 ? host[i + 1] : 0;
                next[i] = 0.5f * (left + right + 1.0f);
                largest = fmaxf(largest, fabsf(next[i] - host[i]));
            }
            host.swap(next);
        }
        float on_device;
        memcpy(&on_device, seen, 4);
        CHECK(on_device == largest, "round %d: change %g, not %g", round, on_device, largest);
    }
    const std::vector<float> result = to_host(a, count);
    for (int i = 0; i < count; ++i) {
        CHECK(result[i] == host[i], "point %d is %g, not %g", i, result[i], host[i]);
    }
    HIP(hipGraphExecDestroy(executable));
    HIP(hipGraphDestroy(graph));
    HIP(hipStreamDestroy(stream));
}

int main(int argc, char **argv) {
    static const hip_case cases[] = {
        {"fork_and_join", fork_and_join},
        {"capture_does_not_run", capture_does_not_run},
        {"solver", solver},
    };
    return run_cases(cases, argc, argv);
}
