/* SPDX-License-Identifier: MIT */
/// Forms of a launch: every block size, odd and large grids, dynamic LDS to the limit, launches
/// with events, attributes and occupancy, and what is refused, with what hipGetLastError then says.
#include "hip_cases.h"

#include <hip/hip_ext.h>

__global__ void count_threads(uint32_t *counts) {
    atomicAdd(&counts[0], 1u);
    if (threadIdx.x == 0 && threadIdx.y == 0 && threadIdx.z == 0) {
        atomicAdd(&counts[1], 1u);
    }
}

__global__ __launch_bounds__(1024) void index_sums(unsigned long long *sums) {
    const uint32_t inside = (threadIdx.z * blockDim.y + threadIdx.y) * blockDim.x + threadIdx.x;
    const uint32_t block = (blockIdx.z * gridDim.y + blockIdx.y) * gridDim.x + blockIdx.x;
    atomicAdd(&sums[0], static_cast<unsigned long long>(inside) + 1);
    atomicAdd(&sums[1], static_cast<unsigned long long>(block) + 1);
}

__global__ void reverse_in_lds(uint32_t *out, uint32_t words) {
    extern __shared__ uint32_t local[];
    for (uint32_t i = threadIdx.x; i < words; i += blockDim.x) {
        local[i] = i * 3;
    }
    __syncthreads();
    for (uint32_t i = threadIdx.x; i < words; i += blockDim.x) {
        out[i] = local[words - 1 - i];
    }
}

__global__ __launch_bounds__(128) void bounded(uint32_t *out) {
    out[threadIdx.x] = threadIdx.x;
}

__global__ void mark_blocks(uint8_t *seen) {
    seen[blockIdx.x] = static_cast<uint8_t>(seen[blockIdx.x] + 1);
}

static void block_sizes() {
    uint32_t *counts = device_array<uint32_t>(2);
    for (uint32_t threads : {1u, 2u, 31u, 63u, 64u, 65u, 100u, 127u, 128u, 255u, 256u, 300u, 512u,
                             777u, 1023u, 1024u}) {
        HIP(hipMemset(counts, 0, 8));
        count_threads<<<7, threads>>>(counts);
        const std::vector<uint32_t> seen = to_host(counts, 2);
        CHECK(seen[0] == 7 * threads && seen[1] == 7, "%u threads: %u, %u blocks", threads, seen[0],
              seen[1]);
    }
    HIP(hipFree(counts));
}

static void three_dimensions() {
    unsigned long long *sums = device_array<unsigned long long>(2);
    const dim3 shapes[][2] = {
        {dim3(3, 4, 5), dim3(4, 5, 6)},    {dim3(1, 9, 1), dim3(1, 1, 64)},
        {dim3(2, 1, 7), dim3(1, 1024, 1)}, {dim3(17, 3, 1), dim3(7, 3, 3)},
        {dim3(1, 1, 33), dim3(32, 8, 4)},
    };
    for (const dim3 *shape : shapes) {
        const dim3 grid = shape[0], block = shape[1];
        const unsigned long long blocks = grid.x * grid.y * grid.z;
        const unsigned long long threads = block.x * block.y * block.z;
        HIP(hipMemset(sums, 0, 16));
        index_sums<<<grid, block>>>(sums);
        const std::vector<unsigned long long> seen = to_host(sums, 2);
        CHECK(seen[0] == blocks * threads * (threads + 1) / 2, "%llu", seen[0]);
        CHECK(seen[1] == threads * blocks * (blocks + 1) / 2, "%llu", seen[1]);
    }
    HIP(hipFree(sums));
}

static void large_grid() {
    const uint32_t blocks = 70000;
    uint8_t *seen = device_array<uint8_t>(blocks);
    HIP(hipMemset(seen, 0, blocks));
    mark_blocks<<<blocks, 1>>>(seen);
    const std::vector<uint8_t> host = to_host(seen, blocks);
    for (uint32_t b = 0; b < blocks; ++b) {
        CHECK(host[b] == 1, "block %u ran %u times", b, host[b]);
    }
    HIP(hipFree(seen));
}

static void dynamic_lds() {
    uint32_t *out = device_array<uint32_t>(16384);
    for (uint32_t bytes : {4u, 64u, 4096u, 32768u, 65532u, 65536u}) {
        const uint32_t words = bytes / 4;
        HIP(hipMemset(out, 0xff, 65536));
        reverse_in_lds<<<1, 256, bytes>>>(out, words);
        HIP(hipGetLastError());
        const std::vector<uint32_t> seen = to_host(out, words);
        for (uint32_t i = 0; i < words; ++i) {
            CHECK(seen[i] == (words - 1 - i) * 3, "%u bytes, word %u: %u", bytes, i, seen[i]);
        }
    }
    reverse_in_lds<<<1, 256, 65540>>>(out, 1);
    CHECK(hipGetLastError() != hipSuccess, "65540 bytes of LDS");
    HIP(hipDeviceSynchronize());
    HIP(hipFree(out));
}

/// A bad launch sets the last error, which is kept until it is read; good launches go on.
static void last_error() {
    uint32_t *counts = device_array<uint32_t>(128);
    HIP(hipMemset(counts, 0, 8));
    HIP(hipGetLastError());
    count_threads<<<1, 1025>>>(counts);
    CHECK(hipPeekAtLastError() == hipErrorInvalidConfiguration, "1025 threads");
    CHECK(hipPeekAtLastError() == hipErrorInvalidConfiguration, "peeking forgets");
    CHECK(hipGetLastError() == hipErrorInvalidConfiguration, "hipGetLastError");
    CHECK(hipGetLastError() == hipSuccess, "reading doesn't forget");
    count_threads<<<0, 64>>>(counts);
    CHECK(hipGetLastError() != hipSuccess, "no blocks");
    count_threads<<<1, dim3(64, 0, 1)>>>(counts);
    CHECK(hipGetLastError() != hipSuccess, "no threads");
    bounded<<<1, 129>>>(counts);
    CHECK(hipGetLastError() != hipSuccess, "129 threads where 128 are the bound");
    bounded<<<1, 128>>>(counts);
    HIP(hipGetLastError());
    CHECK(to_host(counts, 128)[127] == 127, "%u", to_host(counts, 128)[127]);
    HIP(hipMemset(counts, 0, 8));
    count_threads<<<1, 64>>>(counts);
    CHECK(to_host(counts, 1)[0] == 64, "%u after the bad launches", to_host(counts, 1)[0]);
    CHECK(hipMalloc(nullptr, 64) == hipErrorInvalidValue, "hipMalloc");
    CHECK(hipGetLastError() == hipErrorInvalidValue, "a call's error is the last one too");
    CHECK(strcmp(hipGetErrorName(hipErrorInvalidValue), "hipErrorInvalidValue") == 0, "the name");
    CHECK(strlen(hipGetErrorString(hipErrorInvalidConfiguration)) > 0, "no text");
    HIP(hipFree(counts));
}

static void with_events() {
    hipEvent_t begin, end;
    uint32_t *counts = device_array<uint32_t>(2);
    float ms = -1;
    HIP(hipMemset(counts, 0, 8));
    HIP(hipEventCreate(&begin));
    HIP(hipEventCreate(&end));
    for (int k = 0; k < 5; ++k) {
        hipExtLaunchKernelGGL(count_threads, dim3(3), dim3(64), 0, nullptr, begin, end, 0, counts);
        HIP(hipEventSynchronize(end));
        HIP(hipEventElapsedTime(&ms, begin, end));
        CHECK(ms >= 0 && ms < 60000, "%g ms", ms);
    }
    hipExtLaunchKernelGGL(count_threads, dim3(3), dim3(64), 0, nullptr, nullptr, nullptr, 0,
                          counts);
    CHECK(to_host(counts, 1)[0] == 6 * 192, "%u", to_host(counts, 1)[0]);
    void *arguments[] = {&counts};
    HIP(hipExtLaunchKernel(reinterpret_cast<void *>(count_threads), dim3(1), dim3(64), arguments, 0,
                           nullptr, begin, end, 0));
    HIP(hipEventSynchronize(end));

    hipModule_t module;
    hipFunction_t saxpy;
    HIP(hipModuleLoad(&module, E2E_KERNELS "/saxpy.hipfb"));
    HIP(hipModuleGetFunction(&saxpy, module, "saxpy"));
    const std::vector<float> ones(1000, 1.0f);
    float a = 4, *x = to_device(ones), *y = to_device(ones);
    uint32_t count = 1000;
    void *each[] = {&a, &x, &y, &count};
    HIP(hipExtModuleLaunchKernel(saxpy, 1000, 1, 1, 100, 1, 1, 0, nullptr, each, nullptr, begin,
                                 end, 0));
    HIP(hipEventSynchronize(end));
    HIP(hipEventElapsedTime(&ms, begin, end));
    CHECK(ms >= 0, "%g ms", ms);
    CHECK(to_host(y, count)[999] == 5, "%g", to_host(y, count)[999]);
    HIP(hipModuleUnload(module));
    HIP(hipEventDestroy(begin));
    HIP(hipEventDestroy(end));
}

static void attributes() {
    hipFuncAttributes seen;
    const void *kernel = reinterpret_cast<const void *>(reverse_in_lds);
    HIP(hipFuncGetAttributes(&seen, kernel));
    CHECK(seen.maxThreadsPerBlock == 1024 && seen.numRegs > 0, "%d threads, %d registers",
          seen.maxThreadsPerBlock, seen.numRegs);
    CHECK(seen.maxDynamicSharedSizeBytes == 65536, "%d bytes", seen.maxDynamicSharedSizeBytes);
    HIP(hipFuncGetAttributes(&seen, reinterpret_cast<const void *>(bounded)));
    CHECK(seen.maxThreadsPerBlock == 128, "%d threads", seen.maxThreadsPerBlock);
    HIP(hipFuncSetAttribute(kernel, hipFuncAttributeMaxDynamicSharedMemorySize, 65536));
    HIP(hipFuncSetCacheConfig(kernel, hipFuncCachePreferShared));
    HIP(hipFuncSetSharedMemConfig(kernel, hipSharedMemBankSizeFourByte));
    int blocks = 0, grid = 0, size = 0, alone = 0;
    HIP(hipOccupancyMaxActiveBlocksPerMultiprocessor(&blocks, reverse_in_lds, 64, 0));
    HIP(hipOccupancyMaxActiveBlocksPerMultiprocessor(&alone, reverse_in_lds, 64, 65536));
    CHECK(alone == 1 && blocks > 1, "%d blocks, %d with all LDS", blocks, alone);
    HIP(hipOccupancyMaxPotentialBlockSize(&grid, &size, bounded, 0, 0));
    CHECK(grid > 0 && size > 0 && size <= 1024, "%d x %d", grid, size);
}

int main(int argc, char **argv) {
    static const hip_case cases[] = {
        {"block_sizes", block_sizes}, {"three_dimensions", three_dimensions},
        {"large_grid", large_grid},   {"dynamic_lds", dynamic_lds},
        {"last_error", last_error},   {"with_events", with_events},
        {"attributes", attributes},
    };
    return run_cases(cases, argc, argv);
}
