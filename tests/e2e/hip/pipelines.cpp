/* SPDX-License-Identifier: MIT */
/// Small applications whose point is how they drive the device: overlapped copies and kernels with
/// double-buffered pinned memory, a reduction in several kernels, an iteration that the host
/// steers, kernels specialised at run time, threads that feed one device, a loop timed by events.
#include "hip_cases.h"

#include <algorithm>
#include <cmath>
#include <hip/hiprtc.h>
#include <string>
#include <thread>

/// Chunks go round through two pinned buffers and two streams; each buffer is filled again only
/// when the event of its last use has passed.
__global__ void blur(const float *in, float *out, int count) {
    const int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i < count) {
        const float left = in[i > 0 ? i - 1 : 0], right = in[i < count - 1 ? i + 1 : i];
        out[i] = (left + in[i] * 2 + right) * 0.25f;
    }
}

static void double_buffered() {
    const int chunk = 8000, chunks = 12;
    hipStream_t streams[2];
    hipEvent_t done[2];
    float *in[2], *out[2], *device_in[2], *device_out[2];
    std::vector<float> source(chunk * chunks), result(chunk * chunks);
    for (int i = 0; i < chunk * chunks; ++i) {
        source[i] = static_cast<float>((i * 37) % 1024);
    }
    for (int b = 0; b < 2; ++b) {
        HIP(hipStreamCreateWithFlags(&streams[b], hipStreamNonBlocking));
        HIP(hipEventCreateWithFlags(&done[b], hipEventDisableTiming | hipEventBlockingSync));
        HIP(hipHostMalloc(&in[b], chunk * 4));
        HIP(hipHostMalloc(&out[b], chunk * 4));
        HIP(hipMalloc(&device_in[b], chunk * 4));
        HIP(hipMalloc(&device_out[b], chunk * 4));
    }
    for (int c = 0; c < chunks + 2; ++c) {
        const int b = c % 2;
        if (c >= 2) {
            HIP(hipEventSynchronize(done[b]));
            std::copy(out[b], out[b] + chunk, result.begin() + (c - 2) * chunk);
        }
        if (c < chunks) {
            std::copy_n(source.begin() + c * chunk, chunk, in[b]);
            HIP(hipMemcpyAsync(device_in[b], in[b], chunk * 4, hipMemcpyHostToDevice, streams[b]));
            blur<<<(chunk + 255) / 256, 256, 0, streams[b]>>>(device_in[b], device_out[b], chunk);
            HIP(hipMemcpyAsync(out[b], device_out[b], chunk * 4, hipMemcpyDeviceToHost,
                               streams[b]));
            HIP(hipEventRecord(done[b], streams[b]));
        }
    }
    for (int i = 0; i < chunk * chunks; ++i) {
        const int first = i / chunk * chunk;
        const float left = source[std::max(i - 1, first)];
        const float right = source[std::min(i + 1, first + chunk - 1)];
        const float expected = (left + source[i] * 2 + right) * 0.25f;
        CHECK(result[i] == expected, "element %d is %g, not %g", i, result[i], expected);
    }
    for (int b = 0; b < 2; ++b) {
        HIP(hipStreamDestroy(streams[b]));
        HIP(hipEventDestroy(done[b]));
        HIP(hipHostFree(in[b]));
        HIP(hipHostFree(out[b]));
        HIP(hipFree(device_in[b]));
        HIP(hipFree(device_out[b]));
    }
}

__global__ void sum_blocks(const uint32_t *in, uint32_t *out, uint32_t count) {
    __shared__ uint32_t sums[256];
    const uint32_t i = blockIdx.x * 512 + threadIdx.x;
    sums[threadIdx.x] = (i < count ? in[i] : 0) + (i + 256 < count ? in[i + 256] : 0);
    __syncthreads();
    for (uint32_t step = 128; step > 0; step /= 2) {
        if (threadIdx.x < step) {
            sums[threadIdx.x] += sums[threadIdx.x + step];
        }
        __syncthreads();
    }
    if (threadIdx.x == 0) {
        out[blockIdx.x] = sums[0];
    }
}

/// Launch after launch until one value is left, several arrays at once in streams of their own.
static void reductions() {
    const uint32_t arrays = 4, count = 100003;
    uint32_t *a[arrays], *b[arrays], expected[arrays], seen[arrays];
    hipStream_t streams[arrays];
    std::vector<uint32_t> values(count);
    for (uint32_t k = 0; k < arrays; ++k) {
        expected[k] = 0;
        for (uint32_t i = 0; i < count; ++i) {
            values[i] = (i ^ k) * 2654435761u;
            expected[k] += values[i];
        }
        a[k] = to_device(values);
        b[k] = device_array<uint32_t>(count);
        HIP(hipStreamCreate(&streams[k]));
    }
    for (uint32_t left = count; left > 1; left = (left + 511) / 512) {
        for (uint32_t k = 0; k < arrays; ++k) {
            sum_blocks<<<(left + 511) / 512, 256, 0, streams[k]>>>(a[k], b[k], left);
            std::swap(a[k], b[k]);
        }
    }
    for (uint32_t k = 0; k < arrays; ++k) {
        HIP(hipMemcpyAsync(&seen[k], a[k], 4, hipMemcpyDeviceToHost, streams[k]));
    }
    for (uint32_t k = 0; k < arrays; ++k) {
        HIP(hipStreamSynchronize(streams[k]));
        CHECK(seen[k] == expected[k], "array %u: %u, not %u", k, seen[k], expected[k]);
        HIP(hipStreamDestroy(streams[k]));
        HIP(hipFree(a[k]));
        HIP(hipFree(b[k]));
    }
}

/// Conjugate gradients for the matrix (-1, 2, -1), with scalars that the host reads each iteration.
__global__ void apply(const double *x, double *y, int count) {
    const int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i < count) {
        y[i] = 2 * x[i] - (i > 0 ? x[i - 1] : 0) - (i < count - 1 ? x[i + 1] : 0);
    }
}

__global__ void dot(const double *x, const double *y, double *sum, int count) {
    const int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i < count) {
        atomicAdd(sum, x[i] * y[i]);
    }
}

__global__ void add_scaled(double *y, double factor, const double *x, double keep, int count) {
    const int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i < count) {
        y[i] = keep * y[i] + factor * x[i];
    }
}

static double dot_of(const double *x, const double *y, double *scratch, int count, hipStream_t s) {
    double sum = 0;
    HIP(hipMemsetAsync(scratch, 0, 8, s));
    dot<<<(count + 127) / 128, 128, 0, s>>>(x, y, scratch, count);
    HIP(hipMemcpyAsync(&sum, scratch, 8, hipMemcpyDeviceToHost, s));
    HIP(hipStreamSynchronize(s));
    return sum;
}

static void conjugate_gradients() {
    const int count = 128;
    hipStream_t s;
    HIP(hipStreamCreateWithFlags(&s, hipStreamNonBlocking));
    const std::vector<double> zeros(count, 0), ones(count, 1);
    double *x = to_device(zeros), *r = to_device(ones), *p = to_device(ones);
    double *q = device_array<double>(count), *scratch = device_array<double>(1);
    double error = dot_of(r, r, scratch, count, s);
    int iterations = 0;
    while (error > 1e-18 && iterations < 2 * count) {
        apply<<<1, 128, 0, s>>>(p, q, count);
        const double alpha = error / dot_of(p, q, scratch, count, s);
        add_scaled<<<1, 128, 0, s>>>(x, alpha, p, 1, count);
        add_scaled<<<1, 128, 0, s>>>(r, -alpha, q, 1, count);
        const double next = dot_of(r, r, scratch, count, s);
        add_scaled<<<1, 128, 0, s>>>(p, 1, r, next / error, count);
        error = next;
        ++iterations;
    }
    CHECK(error <= 1e-18, "error %g after %d iterations", error, iterations);
    HIP(hipStreamSynchronize(s));
    const std::vector<double> solution = to_host(x, count);
    for (int i = 0; i < count; ++i) {
        const double expected = 0.5 * (i + 1) * (count - i);
        CHECK(std::fabs(solution[i] - expected) < 1e-6, "x[%d] is %g, not %g", i, solution[i],
              expected);
    }
    for (double *each : {x, r, p, q, scratch}) {
        HIP(hipFree(each));
    }
    HIP(hipStreamDestroy(s));
}

/// The same polynomial kernel, compiled for each degree and set of coefficients.
static void specialised() {
    const int count = 500;
    std::vector<int> start(count);
    for (int i = 0; i < count; ++i) {
        start[i] = i - 250;
    }
    const std::vector<int> coefficients[] = {{3}, {1, -2, 5, 7}};
    for (const std::vector<int> &c : coefficients) {
        std::string terms = "0";
        for (int each : c) {
            terms = "(" + terms + ") * x + (" + std::to_string(each) + ")";
        }
        const std::string source = "extern \"C\" __global__ void poly(int *v, int n) {\n"
                                   "    int i = blockIdx.x * blockDim.x + threadIdx.x;\n"
                                   "    if (i < n) { int x = v[i]; v[i] = " +
                                   terms + "; }\n}\n";
        hiprtcProgram program;
        size_t size = 0;
        CHECK(hiprtcCreateProgram(&program, source.c_str(), "poly.hip", 0, nullptr, nullptr) ==
                  HIPRTC_SUCCESS,
              "hiprtcCreateProgram");
        CHECK(hiprtcCompileProgram(program, 0, nullptr) == HIPRTC_SUCCESS, "%s", source.c_str());
        CHECK(hiprtcGetCodeSize(program, &size) == HIPRTC_SUCCESS && size > 0, "no code");
        std::vector<char> code(size);
        CHECK(hiprtcGetCode(program, code.data()) == HIPRTC_SUCCESS, "no code");
        CHECK(hiprtcDestroyProgram(&program) == HIPRTC_SUCCESS, "hiprtcDestroyProgram");
        hipModule_t module;
        hipFunction_t poly;
        HIP(hipModuleLoadData(&module, code.data()));
        HIP(hipModuleGetFunction(&poly, module, "poly"));
        int *values = to_device(start), n = count;
        void *arguments[] = {&values, &n};
        HIP(hipModuleLaunchKernel(poly, 8, 1, 1, 64, 1, 1, 0, nullptr, arguments, nullptr));
        const std::vector<int> seen = to_host(values, count);
        for (int i = 0; i < count; ++i) {
            int expected = 0;
            for (int each : c) {
                expected = expected * start[i] + each;
            }
            CHECK(seen[i] == expected, "at %d: %d, not %d", start[i], seen[i], expected);
        }
        HIP(hipModuleUnload(module));
        HIP(hipFree(values));
    }
}

/// Threads enqueue pieces of one array into streams of a small pool; the last one to finish adds
/// up.
__global__ void square_sum(const uint32_t *in, uint32_t count, unsigned long long *total) {
    const uint32_t i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i < count) {
        atomicAdd(total, static_cast<unsigned long long>(in[i]) * in[i]);
    }
}

static void fed_by_threads() {
    const uint32_t threads = 4, pieces = 10, size = 1000;
    hipStream_t pool[3];
    unsigned long long *total = device_array<unsigned long long>(1), expected = 0;
    HIP(hipMemset(total, 0, 8));
    HIP(hipDeviceSynchronize());
    for (hipStream_t &stream : pool) {
        HIP(hipStreamCreateWithFlags(&stream, hipStreamNonBlocking));
    }
    std::vector<std::thread> all;
    for (uint32_t t = 0; t < threads; ++t) {
        all.emplace_back([&, t] {
            for (uint32_t k = 0; k < pieces; ++k) {
                uint32_t *pinned, *piece;
                hipStream_t stream = pool[(t + k) % 3];
                HIP(hipHostMalloc(&pinned, size * 4));
                HIP(hipMalloc(&piece, size * 4));
                for (uint32_t i = 0; i < size; ++i) {
                    pinned[i] = (t * pieces + k) * size + i;
                }
                HIP(hipMemcpyAsync(piece, pinned, size * 4, hipMemcpyHostToDevice, stream));
                square_sum<<<(size + 255) / 256, 256, 0, stream>>>(piece, size, total);
                HIP(hipStreamSynchronize(stream));
                HIP(hipHostFree(pinned));
                HIP(hipFree(piece));
            }
        });
    }
    for (std::thread &each : all) {
        each.join();
    }
    for (unsigned long long i = 0; i < threads * pieces * size; ++i) {
        expected += i * i;
    }
    CHECK(to_host(total, 1)[0] == expected, "%llu, not %llu", to_host(total, 1)[0], expected);
    for (hipStream_t stream : pool) {
        HIP(hipStreamDestroy(stream));
    }
}

/// The loop of every benchmark: warm up, record, many launches, record, average.
static void timed_loop() {
    hipEvent_t begin, end;
    float *values = device_array<float>(4096), *out = device_array<float>(4096), ms = -1, sum = 0;
    HIP(hipMemset(values, 0, 4096 * 4));
    HIP(hipEventCreate(&begin));
    HIP(hipEventCreate(&end));
    for (int round = 0; round < 5; ++round) {
        HIP(hipEventRecord(begin, nullptr));
        for (int k = 0; k < 20; ++k) {
            blur<<<16, 256>>>(values, out, 4096);
        }
        HIP(hipEventRecord(end, nullptr));
        HIP(hipEventSynchronize(end));
        HIP(hipEventElapsedTime(&ms, begin, end));
        CHECK(ms > 0, "20 launches took %g ms", ms);
        sum += ms;
    }
    CHECK(sum > ms && sum < 300000, "%g ms in all", sum);
    HIP(hipEventDestroy(begin));
    HIP(hipEventDestroy(end));
}

int main(int argc, char **argv) {
    static const hip_case cases[] = {
        {"double_buffered", double_buffered},         {"reductions", reductions},
        {"conjugate_gradients", conjugate_gradients}, {"specialised", specialised},
        {"fed_by_threads", fed_by_threads},           {"timed_loop", timed_loop},
    };
    return run_cases(cases, argc, argv);
}
