/* SPDX-License-Identifier: MIT */
/// Memory that kernels allocate: malloc and free of many work-items and sizes, blocks that another
/// kernel frees, new and delete of objects with virtual functions, lists built on the device.
#include "hip_cases.h"

#include <algorithm>

static const uint32_t ITEMS = 512;

__global__ void allocate(uint32_t **blocks, uint32_t round) {
    const uint32_t i = blockIdx.x * blockDim.x + threadIdx.x;
    const uint32_t words = 1 + (i * 7 + round) % 60;
    uint32_t *block = static_cast<uint32_t *>(malloc(words * 4));
    if (block) {
        for (uint32_t w = 0; w < words; ++w) {
            block[w] = i * 100 + w + round;
        }
    }
    blocks[i] = block;
}

__global__ void sum_and_free(uint32_t **blocks, uint32_t round, uint32_t *sums) {
    const uint32_t i = blockIdx.x * blockDim.x + threadIdx.x;
    const uint32_t words = 1 + (i * 7 + round) % 60;
    uint32_t sum = 0;
    for (uint32_t w = 0; blocks[i] && w < words; ++w) {
        sum += blocks[i][w];
    }
    sums[i] = sum;
    free(blocks[i]);
}

/// In rounds, so that memory is given out again after it was freed.
static void freed_by_another_kernel() {
    uint32_t **blocks = device_array<uint32_t *>(ITEMS);
    uint32_t *sums = device_array<uint32_t>(ITEMS);
    for (uint32_t round = 0; round < 4; ++round) {
        allocate<<<ITEMS / 128, 128>>>(blocks, round);
        std::vector<uint32_t *> sorted = to_host(blocks, ITEMS);
        std::sort(sorted.begin(), sorted.end());
        CHECK(sorted[0] && std::adjacent_find(sorted.begin(), sorted.end()) == sorted.end(),
              "a block is missing or given twice");
        sum_and_free<<<ITEMS / 64, 64>>>(blocks, round, sums);
        const std::vector<uint32_t> seen = to_host(sums, ITEMS);
        for (uint32_t i = 0; i < ITEMS; ++i) {
            const uint32_t words = 1 + (i * 7 + round) % 60;
            const uint32_t wanted = words * (i * 100 + round) + words * (words - 1) / 2;
            CHECK(seen[i] == wanted, "round %u: block %u sums to %u, not %u", round, i, seen[i],
                  wanted);
        }
    }
    HIP(hipFree(blocks));
    HIP(hipFree(sums));
}

struct node {
    uint32_t value;
    node *next;
};

__global__ void lists(uint32_t *sums) {
    const uint32_t length = threadIdx.x % 13;
    node *first = nullptr;
    for (uint32_t i = 0; i < length; ++i) {
        first = new node{i * i + threadIdx.x, first};
    }
    uint32_t sum = 0;
    while (first) {
        node *const next = first->next;
        sum = sum * 3 + first->value;
        delete first;
        first = next;
    }
    sums[threadIdx.x] = sum;
}

static void lists_of_each_work_item() {
    uint32_t *sums = device_array<uint32_t>(100);
    lists<<<1, 100>>>(sums);
    const std::vector<uint32_t> seen = to_host(sums, 100);
    for (uint32_t t = 0; t < 100; ++t) {
        uint32_t wanted = 0;
        for (uint32_t i = t % 13; i-- > 0;) {
            wanted = wanted * 3 + i * i + t;
        }
        CHECK(seen[t] == wanted, "list %u: %u, not %u", t, seen[t], wanted);
    }
    HIP(hipFree(sums));
}

struct animal {
    uint32_t *destroyed;
    __device__ explicit animal(uint32_t *place) : destroyed(place) {}
    __device__ virtual uint32_t legs() const = 0;
    __device__ virtual ~animal() {
        atomicAdd(destroyed, 1u);
    }
};
struct bird : animal {
    using animal::animal;
    __device__ uint32_t legs() const override {
        return 2;
    }
};
struct insect : animal {
    uint32_t lost;
    __device__ insect(uint32_t *place, uint32_t without) : animal(place), lost(without) {}
    __device__ uint32_t legs() const override {
        return 6 - lost;
    }
    __device__ ~insect() override {
        atomicAdd(destroyed + 1, 1u);
    }
};

__global__ void create(animal **all, uint32_t *destroyed) {
    const uint32_t i = threadIdx.x;
    all[i] = i % 3 == 0 ? static_cast<animal *>(new bird(destroyed)) : new insect(destroyed, i % 4);
}

__global__ void count_and_destroy(animal **all, uint32_t *legs) {
    legs[threadIdx.x] = all[threadIdx.x]->legs();
    delete all[threadIdx.x];
}

static void objects_with_virtual_functions() {
    animal **all = device_array<animal *>(64);
    uint32_t *legs = device_array<uint32_t>(64);
    uint32_t *destroyed = to_device(std::vector<uint32_t>{0, 0});
    create<<<1, 64>>>(all, destroyed);
    count_and_destroy<<<1, 64>>>(all, legs);
    const std::vector<uint32_t> seen = to_host(legs, 64);
    for (uint32_t i = 0; i < 64; ++i) {
        CHECK(seen[i] == (i % 3 == 0 ? 2 : 6 - i % 4), "animal %u has %u legs", i, seen[i]);
    }
    const std::vector<uint32_t> counts = to_host(destroyed, 2);
    CHECK(counts[0] == 64 && counts[1] == 42, "%u and %u destroyed", counts[0], counts[1]);
    HIP(hipFree(all));
    HIP(hipFree(legs));
    HIP(hipFree(destroyed));
}

__global__ void large(uint32_t *ok) {
    uint8_t *const block = static_cast<uint8_t *>(malloc(100000));
    uint32_t good = block != nullptr;
    for (uint32_t i = 0; good && i < 100000; i += 997) {
        block[i] = static_cast<uint8_t>(i + threadIdx.x);
    }
    for (uint32_t i = 0; good && i < 100000; i += 997) {
        good &= block[i] == static_cast<uint8_t>(i + threadIdx.x);
    }
    free(block);
    free(nullptr);
    ok[threadIdx.x] = good;
}

static void large_blocks() {
    uint32_t *ok = device_array<uint32_t>(8);
    large<<<1, 8>>>(ok);
    for (uint32_t good : to_host(ok, 8)) {
        CHECK(good == 1, "a large block");
    }
    HIP(hipFree(ok));
}

int main(int argc, char **argv) {
    static const hip_case cases[] = {
        {"freed_by_another_kernel", freed_by_another_kernel},
        {"lists_of_each_work_item", lists_of_each_work_item},
        {"objects_with_virtual_functions", objects_with_virtual_functions},
        {"large_blocks", large_blocks},
    };
    return run_cases(cases, argc, argv);
}
