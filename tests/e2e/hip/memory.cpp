/* SPDX-License-Identifier: MIT */
/// The other kinds of memory: mapped host memory, registered memory of malloc, managed memory,
/// symbols, rectangles, and hipMemGetInfo that follows.
#include "hip_e2e.h"

static const int COUNT = 5000;

__device__ uint32_t table[64];
__constant__ uint32_t factors[4];

__global__ void add_one(uint32_t *values) {
    const int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i < COUNT) {
        values[i] += 1;
    }
}

__global__ void fill_table() {
    table[threadIdx.x] = threadIdx.x * factors[threadIdx.x % 4];
}

static void expect(const uint32_t *values, const char *what) {
    for (int i = 0; i < COUNT; ++i) {
        CHECK(values[i] == static_cast<uint32_t>(i) + 1, "%s: element %d is %u", what, i,
              values[i]);
    }
}

static void count_up(uint32_t *values) {
    for (int i = 0; i < COUNT; ++i) {
        values[i] = static_cast<uint32_t>(i);
    }
}

static void launch(uint32_t *values) {
    add_one<<<(COUNT + 255) / 256, 256>>>(values);
    HIP(hipGetLastError());
    HIP(hipDeviceSynchronize());
}

int main() {
    need_gpu();
    uint32_t *mapped, *managed, *seen_by_gpu;
    HIP(hipHostMalloc(&mapped, COUNT * 4, hipHostMallocMapped));
    count_up(mapped);
    HIP(hipHostGetDevicePointer(reinterpret_cast<void **>(&seen_by_gpu), mapped, 0));
    launch(seen_by_gpu);
    expect(mapped, "mapped");

    std::vector<uint32_t> heap(COUNT);
    count_up(heap.data());
    HIP(hipHostRegister(heap.data(), COUNT * 4, hipHostRegisterDefault));
    HIP(hipHostGetDevicePointer(reinterpret_cast<void **>(&seen_by_gpu), heap.data(), 0));
    launch(seen_by_gpu);
    expect(heap.data(), "registered");
    HIP(hipHostUnregister(heap.data()));

    HIP(hipMallocManaged(&managed, COUNT * 4));
    count_up(managed);
    launch(managed);
    expect(managed, "managed");

    const uint32_t values[4] = {1, 10, 100, 1000};
    uint32_t seen[64];
    HIP(hipMemcpyToSymbol(HIP_SYMBOL(factors), values, sizeof values));
    fill_table<<<1, 64>>>();
    HIP(hipMemcpyFromSymbol(seen, HIP_SYMBOL(table), sizeof seen));
    for (uint32_t i = 0; i < 64; ++i) {
        CHECK(seen[i] == i * values[i % 4], "table[%u] is %u", i, seen[i]);
    }

    // A rectangle of 30 x 20 words into a pitched array and back into a dense one.
    uint32_t *pitched;
    size_t pitch;
    std::vector<uint32_t> dense(30 * 20), back(30 * 20);
    for (size_t i = 0; i < dense.size(); ++i) {
        dense[i] = static_cast<uint32_t>(i * 7);
    }
    HIP(hipMallocPitch(reinterpret_cast<void **>(&pitched), &pitch, 120, 20));
    HIP(hipMemcpy2D(pitched, pitch, dense.data(), 120, 120, 20, hipMemcpyHostToDevice));
    HIP(hipMemcpy2D(back.data(), 120, pitched, pitch, 120, 20, hipMemcpyDeviceToHost));
    CHECK(dense == back, "rectangle");

    size_t before, after, total;
    HIP(hipMemGetInfo(&before, &total));
    void *large = device_array<char>(256u << 20);
    HIP(hipMemGetInfo(&after, &total));
    CHECK(before - after >= 256u << 20 && before <= total, "free %zu, then %zu of %zu", before,
          after, total);
    HIP(hipFree(large));
    return 0;
}
