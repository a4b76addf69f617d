/* SPDX-License-Identifier: MIT */
/// Work-groups that depend on each other: locks, fences with plain loads and stores, the last group
/// that finishes a reduction, groups that pass a token, and clocks that don't go back.
#include "hip_cases.h"

__global__ void count_under_lock(uint32_t *lock, uint32_t *counts, uint32_t times) {
    for (uint32_t i = 0; i < times; ++i) {
        if (threadIdx.x == 0) {
            while (atomicCAS(lock, 0u, 1u) != 0) {
            }
            __threadfence();
        }
        __syncthreads();
        counts[threadIdx.x] += threadIdx.x + 1; // plain: the lock protects them
        __threadfence();
        __syncthreads();
        if (threadIdx.x == 0) {
            atomicExch(lock, 0u);
        }
    }
}

static void lock_between_groups() {
    const uint32_t groups = 24, times = 10;
    uint32_t *lock = to_device(std::vector<uint32_t>{0});
    uint32_t *counts = to_device(std::vector<uint32_t>(128, 0));
    count_under_lock<<<groups, 128>>>(lock, counts, times);
    const std::vector<uint32_t> seen = to_host(counts, 128);
    for (uint32_t i = 0; i < 128; ++i) {
        CHECK(seen[i] == groups * times * (i + 1), "count %u is %u", i, seen[i]);
    }
    HIP(hipFree(lock));
    HIP(hipFree(counts));
}

/// Each lane for itself, one of a wave after the other: lanes of a wave that compete for a lock
/// wait for ever where the compiler moves the protected part behind the loop, on any GPU.
__global__ void count_lane_by_lane(uint32_t *lock, volatile uint32_t *count) {
    for (uint32_t lane = 0; lane < 64; ++lane) {
        if (threadIdx.x % 64 == lane) {
            while (atomicCAS(lock, 0u, 1u) != 0) {
            }
            __threadfence();
            *count = *count + 1;
            __threadfence();
            atomicExch(lock, 0u);
        }
    }
}

static void lock_between_lanes() {
    uint32_t *words = to_device(std::vector<uint32_t>{0, 0});
    count_lane_by_lane<<<3, 128>>>(words, words + 1);
    CHECK(to_host(words, 2)[1] == 384, "%u", to_host(words, 2)[1]);
    HIP(hipFree(words));
}

__device__ uint32_t groups_done;

__global__ void sum(const uint32_t *in, uint32_t count, uint64_t *partial, uint64_t *total) {
    __shared__ uint64_t sums[256];
    __shared__ bool is_last;
    uint64_t mine = 0;
    for (uint32_t i = blockIdx.x * blockDim.x + threadIdx.x; i < count;
         i += gridDim.x * blockDim.x) {
        mine += in[i];
    }
    sums[threadIdx.x] = mine;
    __syncthreads();
    for (uint32_t step = blockDim.x / 2; step > 0; step /= 2) {
        if (threadIdx.x < step) {
            sums[threadIdx.x] += sums[threadIdx.x + step];
        }
        __syncthreads();
    }
    if (threadIdx.x == 0) {
        partial[blockIdx.x] = sums[0];
        __threadfence();
        is_last = atomicInc(&groups_done, gridDim.x - 1) == gridDim.x - 1;
    }
    __syncthreads();
    if (is_last && threadIdx.x == 0) {
        uint64_t all = 0;
        for (uint32_t g = 0; g < gridDim.x; ++g) {
            all += static_cast<volatile uint64_t *>(partial)[g];
        }
        *total = all;
    }
}

static void last_group_finishes() {
    const uint32_t count = 100003;
    std::vector<uint32_t> in(count);
    uint64_t wanted = 0;
    for (uint32_t i = 0; i < count; ++i) {
        in[i] = i * 2654435761u;
        wanted += in[i];
    }
    uint32_t *device = to_device(in);
    uint64_t *partial = device_array<uint64_t>(64), *total = device_array<uint64_t>(1);
    for (uint32_t groups : {1u, 7u, 64u}) { // the counter starts over by itself
        HIP(hipMemset(total, 0, 8));
        sum<<<groups, 256>>>(device, count, partial, total);
        CHECK(to_host(total, 1)[0] == wanted, "%u groups: %llu, not %llu", groups,
              static_cast<unsigned long long>(to_host(total, 1)[0]),
              static_cast<unsigned long long>(wanted));
    }
    HIP(hipFree(device));
    HIP(hipFree(partial));
    HIP(hipFree(total));
}

/// Group after group, in an order of their own choosing (so none waits for one not yet started).
__global__ void pass_token(uint32_t *tickets, volatile uint32_t *turn, volatile uint32_t *trace) {
    __shared__ uint32_t ticket;
    if (threadIdx.x == 0) {
        ticket = atomicAdd(tickets, 1u);
        while (*turn != ticket) {
            __builtin_amdgcn_s_sleep(1);
        }
        __threadfence();
        trace[ticket] = (ticket ? trace[ticket - 1] : 0) + ticket;
        __threadfence();
        *turn = ticket + 1;
    }
    __syncthreads();
}

static void groups_in_turn() {
    const uint32_t groups = 200;
    uint32_t *words = to_device(std::vector<uint32_t>(2 + groups, 0));
    pass_token<<<groups, 128>>>(words, words + 1, words + 2);
    const std::vector<uint32_t> seen = to_host(words, 2 + groups);
    CHECK(seen[0] == groups && seen[1] == groups, "%u tickets, turn %u", seen[0], seen[1]);
    for (uint32_t i = 0; i < groups; ++i) {
        CHECK(seen[2 + i] == i * (i + 1) / 2, "group %u: %u", i, seen[2 + i]);
    }
    HIP(hipFree(words));
}

/// Message passing between waves of a group through LDS flags and a fence of the group's scope.
__global__ void hand_over(uint32_t *out) {
    __shared__ uint32_t data[4];
    __shared__ uint32_t flags[4];
    const uint32_t wave = threadIdx.x / 64;
    if (threadIdx.x < 4) {
        flags[threadIdx.x] = 0;
    }
    __syncthreads();
    if (threadIdx.x % 64 == 0) {
        if (wave > 0) {
            while (__hip_atomic_load(&flags[wave - 1], __ATOMIC_ACQUIRE,
                                     __HIP_MEMORY_SCOPE_WORKGROUP) == 0) {
            }
        }
        data[wave] = (wave ? data[wave - 1] : blockIdx.x) * 3 + 1;
        __threadfence_block();
        __hip_atomic_store(&flags[wave], 1u, __ATOMIC_RELEASE, __HIP_MEMORY_SCOPE_WORKGROUP);
    }
    __syncthreads();
    if (threadIdx.x == 0) {
        out[blockIdx.x] = data[3];
    }
}

static void waves_in_turn() {
    uint32_t *out = device_array<uint32_t>(20);
    hand_over<<<20, 256>>>(out);
    const std::vector<uint32_t> seen = to_host(out, 20);
    for (uint32_t i = 0; i < 20; ++i) {
        CHECK(seen[i] == i * 81 + 40, "group %u: %u", i, seen[i]);
    }
    HIP(hipFree(out));
}

/// What newer HIP calls wall_clock64.
__device__ long long wall_clock() {
    return static_cast<long long>(__builtin_amdgcn_s_memrealtime());
}

__global__ void read_clocks(long long *out, uint32_t work) {
    const long long cycles = clock64(), wall = wall_clock(), first = clock();
    bool back = false;
    long long last = cycles, last_wall = wall;
    for (uint32_t i = 0; i < work; ++i) {
        const long long now = clock64(), now_wall = wall_clock();
        back |= now < last || now_wall < last_wall;
        last = now;
        last_wall = now_wall;
    }
    out[0] = last - cycles;
    out[1] = last_wall - wall;
    out[2] = back;
    out[3] = wall;
    out[4] = clock() - first;
}

static void clocks() {
    long long *out = device_array<long long>(5);
    read_clocks<<<1, 1>>>(out, 300);
    const std::vector<long long> seen = to_host(out, 5);
    CHECK(seen[0] > 0 && seen[1] > 0 && seen[2] == 0, "%lld %lld %lld", seen[0], seen[1], seen[2]);
    CHECK(seen[4] > 0, "clock %lld", seen[4]);
    read_clocks<<<1, 1>>>(out, 1);
    CHECK(to_host(out, 5)[3] > seen[3] + seen[1], "the next kernel is later");
    HIP(hipFree(out));
}

template <typename F> __global__ void apply(uint32_t *values, F function) {
    const uint32_t i = blockIdx.x * blockDim.x + threadIdx.x;
    values[i] = function(values[i], i);
}

template <int N, typename T> __global__ void polynomial(T *values) {
    T result = 0;
#pragma unroll
    for (int power = N; power > 0; --power) {
        result = result * values[threadIdx.x] + static_cast<T>(power);
    }
    values[threadIdx.x] = result;
}

static void lambdas_and_templates() {
    uint32_t *values = to_device(std::vector<uint32_t>(128, 5));
    const uint32_t factor = 3;
    struct {
        uint32_t offsets[10];
    } captured;
    for (uint32_t i = 0; i < 10; ++i) {
        captured.offsets[i] = i * i;
    }
    apply<<<2, 64>>>(values, [=] __device__(uint32_t value, uint32_t i) {
        return value * factor + captured.offsets[i % 10];
    });
    std::vector<uint32_t> seen = to_host(values, 128);
    for (uint32_t i = 0; i < 128; ++i) {
        CHECK(seen[i] == 15 + i % 10 * (i % 10), "item %u: %u", i, seen[i]);
    }
    polynomial<4><<<1, 128>>>(values);
    CHECK(to_host(values, 1)[0] == ((4u * 15 + 3) * 15 + 2) * 15 + 1, "%u", to_host(values, 1)[0]);
    double *wide = to_device(std::vector<double>{0.5, 2});
    polynomial<3><<<1, 2>>>(wide);
    CHECK(to_host(wide, 2)[0] == 2.75 && to_host(wide, 2)[1] == 17, "%g", to_host(wide, 2)[0]);
    HIP(hipFree(values));
    HIP(hipFree(wide));
}

int main(int argc, char **argv) {
    static const hip_case cases[] = {
        {"lock_between_groups", lock_between_groups},
        {"lock_between_lanes", lock_between_lanes},
        {"last_group_finishes", last_group_finishes},
        {"groups_in_turn", groups_in_turn},
        {"waves_in_turn", waves_in_turn},
        {"clocks", clocks},
        {"lambdas_and_templates", lambdas_and_templates},
    };
    return run_cases(cases, argc, argv);
}
