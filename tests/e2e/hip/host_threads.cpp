/* SPDX-License-Identifier: MIT */
/// Eight threads of the host use the device at once: set it, allocate, launch in streams of their
/// own and in shared ones, synchronise each other's work, make and drop streams and events.
#include "hip_cases.h"

#include <atomic>
#include <thread>

static const int THREADS = 8;

__global__ void affine(uint32_t *values, int count, uint32_t factor, uint32_t add) {
    const int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i < count) {
        values[i] = values[i] * factor + add;
    }
}

__global__ void count_one(uint32_t *value) {
    atomicAdd(value, 1u);
}

template <typename F> static void in_threads(F run) {
    std::vector<std::thread> threads;
    for (int t = 0; t < THREADS; ++t) {
        threads.emplace_back(run, t);
    }
    for (std::thread &each : threads) {
        each.join();
    }
}

static void own_streams() {
    in_threads([](int t) {
        const int count = 1000 + t;
        int device = -1;
        HIP(hipSetDevice(0));
        HIP(hipGetDevice(&device));
        CHECK(device == 0, "device %d", device);
        hipStream_t stream;
        uint32_t *values;
        HIP(hipStreamCreateWithFlags(&stream, t % 2 ? hipStreamNonBlocking : hipStreamDefault));
        HIP(hipMalloc(&values, count * 4));
        HIP(hipMemsetAsync(values, 0, count * 4, stream));
        uint32_t expected = 0;
        for (uint32_t k = 0; k < 100; ++k) {
            affine<<<(count + 255) / 256, 256, 0, stream>>>(values, count, 3, k + t);
            expected = expected * 3 + k + t;
            if (k % 25 == 24) {
                HIP(t % 3 ? hipStreamSynchronize(stream) : hipDeviceSynchronize());
            }
        }
        std::vector<uint32_t> seen(count);
        HIP(hipMemcpyAsync(seen.data(), values, count * 4, hipMemcpyDeviceToHost, stream));
        HIP(hipStreamSynchronize(stream));
        for (int i = 0; i < count; ++i) {
            CHECK(seen[i] == expected, "thread %d, element %d: %u", t, i, seen[i]);
        }
        HIP(hipFree(values));
        HIP(hipStreamDestroy(stream));
    });
}

/// All threads launch into the same stream, and into the null stream.
static void shared_streams() {
    hipStream_t stream;
    uint32_t *counts = device_array<uint32_t>(2);
    HIP(hipMemset(counts, 0, 8));
    HIP(hipDeviceSynchronize());
    HIP(hipStreamCreateWithFlags(&stream, hipStreamNonBlocking));
    in_threads([=](int) {
        for (int k = 0; k < 200; ++k) {
            count_one<<<1, 1, 0, stream>>>(&counts[0]);
            count_one<<<1, 1>>>(&counts[1]);
        }
        HIP(hipStreamSynchronize(stream));
    });
    HIP(hipDeviceSynchronize());
    const std::vector<uint32_t> seen = to_host(counts, 2);
    CHECK(seen[0] == THREADS * 200 && seen[1] == THREADS * 200, "%u and %u", seen[0], seen[1]);
    HIP(hipStreamDestroy(stream));
    HIP(hipFree(counts));
}

/// Each thread waits, on the device, for the event of the thread before it.
static void chained_by_events() {
    hipStream_t streams[THREADS];
    hipEvent_t events[THREADS];
    std::atomic<int> turn{0};
    uint32_t *value = device_array<uint32_t>(1);
    HIP(hipMemset(value, 0, 4));
    HIP(hipDeviceSynchronize());
    for (int t = 0; t < THREADS; ++t) {
        HIP(hipStreamCreateWithFlags(&streams[t], hipStreamNonBlocking));
        HIP(hipEventCreateWithFlags(&events[t], hipEventDisableTiming));
    }
    in_threads([&](int t) {
        for (int round = 0; round < 10; ++round) {
            while (turn != round * THREADS + t) {
                std::this_thread::yield();
            }
            HIP(hipStreamWaitEvent(streams[t], events[(t + THREADS - 1) % THREADS], 0));
            affine<<<1, 1, 0, streams[t]>>>(value, 1, 2, static_cast<uint32_t>(t));
            HIP(hipEventRecord(events[t], streams[t]));
            ++turn;
        }
    });
    HIP(hipDeviceSynchronize());
    uint32_t expected = 0;
    for (int k = 0; k < 10 * THREADS; ++k) {
        expected = expected * 2 + static_cast<uint32_t>(k % THREADS);
    }
    CHECK(to_host(value, 1)[0] == expected, "%u, not %u", to_host(value, 1)[0], expected);
    for (int t = 0; t < THREADS; ++t) {
        HIP(hipStreamDestroy(streams[t]));
        HIP(hipEventDestroy(events[t]));
    }
}

static void create_and_destroy() {
    uint32_t *counts = device_array<uint32_t>(THREADS);
    HIP(hipMemset(counts, 0, THREADS * 4));
    HIP(hipDeviceSynchronize());
    in_threads([=](int t) {
        for (int k = 0; k < 15; ++k) {
            hipStream_t stream;
            hipEvent_t begin, end;
            void *memory;
            float ms = -1;
            HIP(hipStreamCreateWithPriority(&stream, hipStreamNonBlocking, k % 3 - 1));
            HIP(hipEventCreate(&begin));
            HIP(hipEventCreate(&end));
            HIP(hipMalloc(&memory, 4096u << (k % 8)));
            HIP(hipEventRecord(begin, stream));
            count_one<<<1, 1, 0, stream>>>(&counts[t]);
            HIP(hipEventRecord(end, stream));
            HIP(hipEventSynchronize(end));
            HIP(hipEventElapsedTime(&ms, begin, end));
            CHECK(ms >= 0, "%g ms", ms);
            HIP(hipFree(memory));
            HIP(hipEventDestroy(begin));
            HIP(hipEventDestroy(end));
            HIP(hipStreamDestroy(stream));
        }
    });
    for (uint32_t seen : to_host(counts, THREADS)) {
        CHECK(seen == 15, "%u", seen);
    }
    HIP(hipFree(counts));
}

/// Errors belong to the thread that made them.
static void errors_are_per_thread() {
    CHECK(hipMalloc(nullptr, 1) != hipSuccess, "hipMalloc");
    in_threads([](int) { HIP(hipPeekAtLastError()); });
    CHECK(hipGetLastError() == hipErrorInvalidValue, "this thread's error is lost");
    in_threads([](int) { CHECK(hipSetDevice(99) == hipErrorInvalidDevice, "device 99"); });
    HIP(hipGetLastError());
}

int main(int argc, char **argv) {
    static const hip_case cases[] = {
        {"own_streams", own_streams},
        {"shared_streams", shared_streams},
        {"chained_by_events", chained_by_events},
        {"create_and_destroy", create_and_destroy},
        {"errors_are_per_thread", errors_are_per_thread},
    };
    return run_cases(cases, argc, argv);
}
