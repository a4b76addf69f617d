/* SPDX-License-Identifier: MIT */
/// Makes a known number of HIP calls: hip_calls MODE COUNT. Prints how many nanoseconds one took,
/// in the least disturbed batches (the first percentile), for tools/bench-trace.
#include <hip/hip_runtime.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <thread>
#include <vector>

static __global__ void nothing() {}

#define CHECK(call)                                                                                \
    do {                                                                                           \
        const hipError_t error_ = (call);                                                          \
        if (error_ != hipSuccess) {                                                                \
            std::fprintf(stderr, "%s: %s\n", #call, hipGetErrorName(error_));                      \
            std::exit(1);                                                                          \
        }                                                                                          \
    } while (0)

static double seconds() {
    return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch())
        .count();
}

// Runs batches of calls until there were `count`, and prints the first percentile, for one call.
template <typename Call, typename End>
static void time_batches(long count, long batch, Call call, End end) {
    std::vector<double> samples;
    for (long left = count; left > 0; left -= batch) {
        const long calls = std::min(left, batch);
        const double start = seconds();
        for (long i = 0; i < calls; i++)
            call();
        end();
        if (calls == batch)
            samples.push_back((seconds() - start) / double(batch));
    }
    std::sort(samples.begin(), samples.end());
    if (!samples.empty())
        std::printf("%.1f\n", samples[samples.size() / 100] * 1e9);
}

static void launch_nothing() {
    nothing<<<1, 64>>>();
}

static void synchronize() {
    CHECK(hipDeviceSynchronize());
}

// One wait after each batch.
static void launch(long count) {
    launch_nothing();
    synchronize();
    time_batches(count, 64, launch_nothing, synchronize);
}

// Each waited for.
static void launch_and_wait(long count) {
    launch_nothing();
    synchronize();
    time_batches(count, 1, launch_nothing, synchronize);
}

// The shortest call there is.
static void query(long count) {
    int device = 0;
    CHECK(hipGetDevice(&device));
    time_batches(
        count, 1000, [&] { CHECK(hipGetDevice(&device)); }, [] {});
}

// By the host, through pinned memory, and between two buffers of the device.
static void copy(long count) {
    const size_t bytes = 1 << 16;
    void *a = nullptr, *b = nullptr;
    std::vector<char> host(bytes);
    CHECK(hipMalloc(&a, bytes));
    CHECK(hipMalloc(&b, bytes));
    for (long i = 0; i < count; i++) {
        CHECK(hipMemcpy(a, host.data(), bytes, hipMemcpyHostToDevice));
        CHECK(hipMemcpy(b, a, bytes, hipMemcpyDeviceToDevice));
        CHECK(hipMemcpy(host.data(), b, bytes, hipMemcpyDeviceToHost));
    }
    CHECK(hipFree(a));
    CHECK(hipFree(b));
}

static void launch_in_threads(long count) {
    std::vector<std::thread> threads;
    for (int i = 0; i < 4; i++)
        threads.emplace_back([count] {
            hipStream_t stream;
            CHECK(hipStreamCreate(&stream));
            for (long launch = 0; launch < count; launch++)
                nothing<<<1, 64, 0, stream>>>();
            CHECK(hipStreamSynchronize(stream));
            CHECK(hipStreamDestroy(stream));
        });
    for (std::thread &thread : threads)
        thread.join();
}

int main(int argc, char **argv) {
    static const struct {
        const char *name;
        void (*run)(long count);
    } modes[] = {{"launch", launch},
                 {"wait", launch_and_wait},
                 {"query", query},
                 {"copy", copy},
                 {"threads", launch_in_threads}};
    for (const auto &mode : modes)
        if (argc > 2 && std::strcmp(mode.name, argv[1]) == 0) {
            mode.run(std::atol(argv[2]));
            return 0;
        }
    std::fprintf(stderr, "usage: hip_calls MODE COUNT\n");
    return 1;
}
