/* SPDX-License-Identifier: MIT */
/// Cooperative launches: the whole grid meets at a barrier, again and again, whatever its size; a
/// grid that can't all be resident is refused.
#include "hip_cases.h"

#include <hip/hip_cooperative_groups.h>

namespace cg = cooperative_groups;

/// Each thread takes its neighbour's value of the last round: wrong at once without the barrier.
__global__ void shift(uint32_t *values, uint32_t count, uint32_t rounds) {
    cg::grid_group grid = cg::this_grid();
    const uint32_t i = blockIdx.x * blockDim.x + threadIdx.x;
    for (uint32_t r = 0; r < rounds; ++r) {
        const uint32_t next = values[(i + 1) % count];
        grid.sync();
        values[i] = next + 1;
        grid.sync();
    }
}

__global__ void describe(uint32_t *out) {
    cg::grid_group grid = cg::this_grid();
    if (grid.thread_rank() == grid.size() - 1) {
        out[0] = static_cast<uint32_t>(grid.size());
        out[1] = grid.is_valid();
    }
}

/// The sum of all values in one launch: partial sums, a grid barrier, one block adds them.
__global__ void reduce(const uint32_t *in, uint32_t count, uint32_t *partial, uint32_t *out) {
    __shared__ uint32_t sums[256];
    cg::grid_group grid = cg::this_grid();
    uint32_t sum = 0;
    for (uint32_t i = blockIdx.x * 256 + threadIdx.x; i < count; i += gridDim.x * 256) {
        sum += in[i];
    }
    for (int level = 0; level < 2; ++level) {
        sums[threadIdx.x] = sum;
        __syncthreads();
        for (uint32_t step = 128; step > 0; step /= 2) {
            if (threadIdx.x < step) {
                sums[threadIdx.x] += sums[threadIdx.x + step];
            }
            __syncthreads();
        }
        if (level == 1) {
            if (threadIdx.x == 0) {
                *out = sums[0];
            }
            return;
        }
        if (threadIdx.x == 0) {
            partial[blockIdx.x] = sums[0];
        }
        grid.sync();
        if (blockIdx.x > 0) {
            return;
        }
        sum = threadIdx.x < gridDim.x ? partial[threadIdx.x] : 0;
        __syncthreads();
    }
}

static void run_shift(uint32_t blocks, uint32_t threads, uint32_t rounds, hipStream_t stream) {
    uint32_t count = blocks * threads;
    std::vector<uint32_t> start(count);
    for (uint32_t i = 0; i < count; ++i) {
        start[i] = i * 7;
    }
    uint32_t *values = to_device(start);
    void *arguments[] = {&values, &count, &rounds};
    HIP(hipLaunchCooperativeKernel(reinterpret_cast<void *>(shift), dim3(blocks), dim3(threads),
                                   arguments, 0, stream));
    HIP(hipStreamSynchronize(stream));
    const std::vector<uint32_t> seen = to_host(values, count);
    for (uint32_t i = 0; i < count; ++i) {
        CHECK(seen[i] == start[(i + rounds) % count] + rounds, "%u x %u, element %u: %u", blocks,
              threads, i, seen[i]);
    }
    HIP(hipFree(values));
}

static void grid_barrier() {
    int supported = 0;
    HIP(hipDeviceGetAttribute(&supported, hipDeviceAttributeCooperativeLaunch, 0));
    CHECK(supported == 1, "the attribute says no");
    run_shift(1, 64, 4, nullptr);
    run_shift(2, 256, 8, nullptr);
    run_shift(7, 100, 5, nullptr);
    run_shift(104, 64, 4, nullptr);
}

static void in_streams() {
    hipStream_t streams[3];
    for (hipStream_t &stream : streams) {
        HIP(hipStreamCreateWithFlags(&stream, hipStreamNonBlocking));
    }
    for (uint32_t round = 0; round < 6; ++round) {
        run_shift(8 + round, 128, 3, streams[round % 3]);
    }
    for (hipStream_t stream : streams) {
        HIP(hipStreamDestroy(stream));
    }
}

/// Several cooperative kernels given at once, between plain ones.
static void one_after_another() {
    uint32_t count = 16 * 128, rounds = 1;
    std::vector<uint32_t> start(count, 0);
    uint32_t *values = to_device(start);
    void *arguments[] = {&values, &count, &rounds};
    for (int k = 0; k < 10; ++k) {
        HIP(hipLaunchCooperativeKernel(reinterpret_cast<void *>(shift), dim3(16), dim3(128),
                                       arguments, 0, nullptr));
    }
    HIP(hipDeviceSynchronize());
    CHECK(to_host(values, count)[77] == 10, "%u", to_host(values, count)[77]);
    HIP(hipFree(values));
}

static void reduction() {
    uint32_t count = 100000, expected = 0;
    std::vector<uint32_t> in(count);
    for (uint32_t i = 0; i < count; ++i) {
        in[i] = i * 2654435761u;
        expected += in[i];
    }
    uint32_t *device = to_device(in), *partial = device_array<uint32_t>(256);
    uint32_t *out = device_array<uint32_t>(1);
    void *arguments[] = {&device, &count, &partial, &out};
    HIP(hipLaunchCooperativeKernel(reinterpret_cast<void *>(reduce), dim3(52), dim3(256), arguments,
                                   0, nullptr));
    CHECK(to_host(out, 1)[0] == expected, "%u, not %u", to_host(out, 1)[0], expected);
    HIP(hipFree(device));
    HIP(hipFree(partial));
    HIP(hipFree(out));
}

static void size_and_limit() {
    uint32_t *out = device_array<uint32_t>(2);
    int blocks = 0, units = 0;
    void *arguments[] = {&out};
    HIP(hipLaunchCooperativeKernel(reinterpret_cast<void *>(describe), dim3(5), dim3(96), arguments,
                                   0, nullptr));
    const std::vector<uint32_t> seen = to_host(out, 2);
    CHECK(seen[0] == 480 && seen[1] == 1, "size %u, valid %u", seen[0], seen[1]);
    HIP(hipOccupancyMaxActiveBlocksPerMultiprocessor(&blocks, describe, 1024, 0));
    HIP(hipDeviceGetAttribute(&units, hipDeviceAttributeMultiprocessorCount, 0));
    const uint32_t most = static_cast<uint32_t>(blocks * units);
    CHECK(hipLaunchCooperativeKernel(reinterpret_cast<void *>(describe), dim3(most + 1), dim3(1024),
                                     arguments, 0, nullptr) == hipErrorCooperativeLaunchTooLarge,
          "a grid of %u blocks", most + 1);
    CHECK(hipGetLastError() == hipErrorCooperativeLaunchTooLarge, "hipGetLastError");
    CHECK(hipLaunchCooperativeKernel(static_cast<void *>(nullptr), dim3(1), dim3(64), arguments, 0,
                                     nullptr) != hipSuccess,
          "no kernel");
    (void)hipGetLastError();
    HIP(hipFree(out));
}

/// The form for several devices, with one.
static void multi_device() {
    uint32_t count = 6 * 64, rounds = 3;
    std::vector<uint32_t> start(count, 5);
    uint32_t *values = to_device(start);
    hipStream_t stream;
    HIP(hipStreamCreate(&stream));
    void *arguments[] = {&values, &count, &rounds};
    hipLaunchParams params = {};
    params.func = reinterpret_cast<void *>(shift);
    params.gridDim = dim3(6);
    params.blockDim = dim3(64);
    params.args = arguments;
    params.stream = stream;
    HIP(hipLaunchCooperativeKernelMultiDevice(&params, 1, 0));
    HIP(hipStreamSynchronize(stream));
    CHECK(to_host(values, count)[9] == 8, "%u", to_host(values, count)[9]);
    HIP(hipStreamDestroy(stream));
    HIP(hipFree(values));
}

int main(int argc, char **argv) {
    static const hip_case cases[] = {
        {"grid_barrier", grid_barrier},           {"in_streams", in_streams},
        {"one_after_another", one_after_another}, {"reduction", reduction},
        {"size_and_limit", size_and_limit},       {"multi_device", multi_device},
    };
    return run_cases(cases, argc, argv);
}
