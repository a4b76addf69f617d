/* SPDX-License-Identifier: MIT */
/// Compiled with -fgpu-default-stream=per-thread: the default stream of each thread is its own, so
/// one thread's kernel can wait for another's.
#include "hip_cases.h"

#include <atomic>
#include <thread>

__global__ void wait_then_set(uint32_t *words, uint32_t awaited, uint32_t set) {
    while (__hip_atomic_load(&words[awaited], __ATOMIC_ACQUIRE, __HIP_MEMORY_SCOPE_SYSTEM) == 0) {
        __builtin_amdgcn_s_sleep(2);
    }
    __hip_atomic_store(&words[set], words[awaited] + 1, __ATOMIC_RELEASE,
                       __HIP_MEMORY_SCOPE_SYSTEM);
}

__global__ void affine(uint32_t *values, uint32_t factor, uint32_t add) {
    values[threadIdx.x] = values[threadIdx.x] * factor + add;
}

/// The first thread's kernel waits for the second's, which is launched after it.
static void independent() {
    if (!streams_are_independent()) {
        return;
    }
    uint32_t *words = shared_array<uint32_t>(3);
    std::atomic<bool> launched{false};
    words[0] = 1;
    std::thread first([&] {
        wait_then_set<<<1, 1>>>(words, 1, 2);
        HIP(hipGetLastError());
        launched = true;
        HIP(hipStreamSynchronize(nullptr));
        CHECK(words[2] == 3, "%u", words[2]);
    });
    while (!launched) {
        std::this_thread::yield();
    }
    std::thread second([&] {
        wait_then_set<<<1, 1>>>(words, 0, 1);
        HIP(hipStreamSynchronize(nullptr));
    });
    second.join();
    first.join();
    HIP(hipHostFree(words));
}

/// Each thread's copies and kernels are in its own order.
static void ordered() {
    std::vector<std::thread> threads;
    for (uint32_t t = 0; t < 6; ++t) {
        threads.emplace_back([t] {
            uint32_t seen[64], expected = t;
            const std::vector<uint32_t> start(64, t);
            uint32_t *values = to_device(start);
            for (uint32_t k = 0; k < 50; ++k) {
                affine<<<1, 64>>>(values, 3, k);
                expected = expected * 3 + k;
                if (k % 10 == 9) {
                    HIP(hipMemcpyAsync(seen, values, 256, hipMemcpyDeviceToHost, nullptr));
                    HIP(hipStreamSynchronize(nullptr));
                    CHECK(seen[63] == expected, "thread %u, %u: %u", t, k, seen[63]);
                }
            }
            HIP(hipFree(values));
        });
    }
    for (std::thread &each : threads) {
        each.join();
    }
}

int main(int argc, char **argv) {
    static const hip_case cases[] = {{"independent", independent}, {"ordered", ordered}};
    return run_cases(cases, argc, argv);
}
