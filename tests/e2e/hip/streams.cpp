/* SPDX-License-Identifier: MIT */
/// Streams: order against the null stream, query, priorities, many of them, destruction while busy,
/// the per-thread stream, and what is refused.
#include "hip_cases.h"

#include <algorithm>
#include <string>
#include <thread>
#include <unistd.h>

__global__ void append(uint32_t *next, uint32_t *slot) {
    *slot = atomicAdd(next, 1u) + 1;
}

__global__ void affine(uint32_t *values, int count, uint32_t factor, uint32_t add) {
    const int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i < count) {
        values[i] = values[i] * factor + add;
    }
}

/// The first stream is held; whatever the second is given must wait for it (or not).
static void check_order(hipStream_t first, hipStream_t second, bool waits) {
    if (!streams_are_independent()) {
        return;
    }
    uint32_t *next = shared_array<uint32_t>(1), *slots = shared_array<uint32_t>(3);
    gate held;
    held.hold(first);
    append<<<1, 1, 0, first>>>(next, &slots[0]);
    CHECK(hipStreamQuery(first) == hipErrorNotReady, "a held stream is ready");
    append<<<1, 1, 0, second>>>(next, &slots[1]);
    if (waits) {
        // What would run too early gets the time that ten other kernels take, of a priority that
        // has hardware queues of its own.
        hipStream_t aside;
        HIP(hipStreamCreateWithPriority(&aside, hipStreamNonBlocking, -1));
        for (int k = 0; k < 10; ++k) {
            affine<<<1, 1, 0, aside>>>(&slots[2], 1, 1, 1);
            HIP(hipStreamSynchronize(aside));
        }
        HIP(hipStreamDestroy(aside));
        CHECK(hipStreamQuery(second) == hipErrorNotReady, "the second stream did not wait");
        CHECK(__atomic_load_n(next, __ATOMIC_ACQUIRE) == 0, "the second stream did not wait");
        held.open();
    } else {
        HIP(hipStreamSynchronize(second));
        CHECK(hipStreamQuery(first) == hipErrorNotReady, "a held stream is ready");
        held.open();
    }
    HIP(hipStreamSynchronize(first));
    HIP(hipStreamSynchronize(second));
    check_idle(first);
    CHECK(slots[0] == (waits ? 1u : 2u) && slots[1] == (waits ? 2u : 1u), "%u then %u", slots[0],
          slots[1]);
    HIP(hipHostFree(next));
    HIP(hipHostFree(slots));
}

static void null_stream() {
    hipStream_t blocking, free_running, other;
    HIP(hipStreamCreate(&blocking));
    HIP(hipStreamCreateWithFlags(&free_running, hipStreamNonBlocking));
    HIP(hipStreamCreate(&other));
    unsigned flags = 99;
    HIP(hipStreamGetFlags(free_running, &flags));
    CHECK(flags == hipStreamNonBlocking, "flags %u", flags);
    HIP(hipStreamGetFlags(blocking, &flags));
    CHECK(flags == hipStreamDefault, "flags %u", flags);
    check_order(blocking, nullptr, true);
    check_order(nullptr, blocking, true);
    check_order(nullptr, free_running, false);
    check_order(free_running, nullptr, false);
    check_order(blocking, other, false);
    for (hipStream_t stream : {blocking, free_running, other}) {
        HIP(hipStreamDestroy(stream));
    }
}

/// The null stream's copies wait as its kernels do.
static void null_stream_copies() {
    const int count = 1 << 16;
    hipStream_t streams[3];
    std::vector<uint32_t> zeros(count, 0);
    uint32_t *device = to_device(zeros);
    for (hipStream_t &stream : streams) {
        HIP(hipStreamCreate(&stream));
    }
    for (uint32_t round = 0; round < 10; ++round) {
        affine<<<count / 256, 256, 0, streams[round % 3]>>>(device, count, 1, round + 1);
        const std::vector<uint32_t> seen = to_host(device, count);
        for (int i = 0; i < count; ++i) {
            CHECK(seen[i] == (round + 1) * (round + 2) / 2, "round %u, %d: %u", round, i, seen[i]);
        }
    }
    for (hipStream_t stream : streams) {
        HIP(hipStreamDestroy(stream));
    }
    HIP(hipFree(device));
}

static void priorities() {
    int least = 99, greatest = 99, seen = 99;
    HIP(hipDeviceGetStreamPriorityRange(&least, &greatest));
    CHECK(least == 1 && greatest == -1, "range %d to %d", least, greatest);
    uint32_t *values = device_array<uint32_t>(64);
    HIP(hipMemset(values, 0, 256));
    for (int wanted = greatest - 2; wanted <= least + 2; ++wanted) {
        hipStream_t stream;
        const int nearest = wanted < greatest ? greatest : wanted > least ? least : wanted;
        HIP(hipStreamCreateWithPriority(&stream, hipStreamNonBlocking, wanted));
        HIP(hipStreamGetPriority(stream, &seen));
        CHECK(seen == nearest, "priority %d became %d", wanted, seen);
        affine<<<1, 64, 0, stream>>>(values, 64, 1, 1);
        HIP(hipStreamSynchronize(stream));
        HIP(hipStreamDestroy(stream));
    }
    CHECK(to_host(values, 64)[63] == static_cast<uint32_t>(least - greatest + 5), "lost kernels");
    HIP(hipStreamGetPriority(nullptr, &seen));
    CHECK(seen == 0, "null stream's priority %d", seen);
    HIP(hipFree(values));
}

/// A kernel of each priority finishes while one of each other priority is held: priorities have
/// hardware queues of their own.
static void priorities_are_independent() {
    hipStream_t streams[3];
    uint32_t *next = shared_array<uint32_t>(1), *slots = shared_array<uint32_t>(3);
    if (!streams_are_independent()) {
        return;
    }
    for (int p = -1; p <= 1; ++p) {
        HIP(hipStreamCreateWithPriority(&streams[p + 1], hipStreamNonBlocking, p));
    }
    for (int held = 0; held < 3; ++held) {
        gate door;
        door.hold(streams[held]);
        for (int other = 0; other < 3; ++other) {
            if (other != held) {
                append<<<1, 1, 0, streams[other]>>>(next, &slots[other]);
                HIP(hipStreamSynchronize(streams[other]));
            }
        }
        CHECK(*next == static_cast<uint32_t>(held + 1) * 2, "%u kernels", *next);
        door.open();
        HIP(hipStreamSynchronize(streams[held]));
    }
    for (hipStream_t stream : streams) {
        HIP(hipStreamDestroy(stream));
    }
}

/// On the software GPU, whose trace says so: the driver is told of both priorities but the normal
/// one.
static void priorities_reach_the_driver() {
    if (!environment_is("HSAPROBE_TEST_DEVICE", "soft")) {
        return;
    }
    const std::string command = "HSAPROBE_SOFT_TRACE=ioctl /proc/" + std::to_string(getpid()) +
                                "/exe priorities 2>&1 | grep 'UPDATE_QUEUE.* priority='";
    FILE *lines = popen(command.c_str(), "r");
    char line[512];
    int low = 0, high = 0;
    CHECK(lines, "%s", command.c_str());
    while (fgets(line, sizeof line, lines)) {
        low += strstr(line, " priority=0 ") != nullptr;
        high += strstr(line, " priority=15 ") != nullptr;
    }
    pclose(lines);
    CHECK(low == 3 && high == 3, "%d queues of low and %d of high priority", low, high);
}

/// Many more streams than hardware queues, each a chain of copy, kernels, copy.
static void many() {
    const int streams = 48, count = 512;
    hipStream_t stream[streams];
    uint32_t *device[streams], *pinned[streams];
    for (int s = 0; s < streams; ++s) {
        HIP(hipStreamCreateWithFlags(&stream[s], s % 2 ? hipStreamNonBlocking : hipStreamDefault));
        HIP(hipMalloc(&device[s], count * 4));
        HIP(hipHostMalloc(&pinned[s], count * 4));
        for (int i = 0; i < count; ++i) {
            pinned[s][i] = static_cast<uint32_t>(s * 1000 + i);
        }
        HIP(hipMemcpyAsync(device[s], pinned[s], count * 4, hipMemcpyHostToDevice, stream[s]));
    }
    for (uint32_t k = 0; k < 6; ++k) {
        for (hipStream_t s : stream) {
            const int index = static_cast<int>(std::find(stream, stream + streams, s) - stream);
            affine<<<2, 256, 0, s>>>(device[index], count, 5, k);
        }
    }
    for (int s = 0; s < streams; ++s) {
        HIP(hipMemcpyAsync(pinned[s], device[s], count * 4, hipMemcpyDeviceToHost, stream[s]));
    }
    HIP(hipDeviceSynchronize());
    for (int s = 0; s < streams; ++s) {
        check_idle(stream[s]);
        for (int i = 0; i < count; ++i) {
            uint32_t expected = static_cast<uint32_t>(s * 1000 + i);
            for (uint32_t k = 0; k < 6; ++k) {
                expected = expected * 5 + k;
            }
            CHECK(pinned[s][i] == expected, "stream %d, %d: %u", s, i, pinned[s][i]);
        }
        HIP(hipStreamDestroy(stream[s]));
        HIP(hipFree(device[s]));
        HIP(hipHostFree(pinned[s]));
    }
}

/// More held streams than hardware queues; hipDeviceSynchronize waits for all of them.
static void device_synchronize() {
    const int streams = 12;
    hipStream_t stream[streams];
    uint32_t *next = shared_array<uint32_t>(1), *slots = shared_array<uint32_t>(streams);
    gate held;
    for (int s = 0; s < streams; ++s) {
        HIP(hipStreamCreate(&stream[s]));
        if (launches_return_early()) {
            held.hold(stream[s]);
        }
        append<<<1, 1, 0, stream[s]>>>(next, &slots[s]);
    }
    std::thread opener([&] { held.open(); });
    HIP(hipDeviceSynchronize());
    CHECK(*next == streams, "%u of %d had run", *next, streams);
    opener.join();
    for (hipStream_t s : stream) {
        HIP(hipStreamDestroy(s));
    }
}

/// A stream destroyed while it has work finishes it.
static void destroy_while_busy() {
    uint32_t *count = shared_array<uint32_t>(1), *slots = shared_array<uint32_t>(64);
    for (int round = 0; round < 8; ++round) {
        hipStream_t stream;
        gate held;
        HIP(hipStreamCreate(&stream));
        if (launches_return_early()) {
            held.hold(stream);
        }
        for (int k = 0; k < 8; ++k) {
            append<<<1, 1, 0, stream>>>(count, &slots[round * 8 + k]);
        }
        std::thread opener([&] { held.open(); });
        HIP(hipStreamDestroy(stream));
        opener.join();
        HIP(hipDeviceSynchronize());
        CHECK(*count == static_cast<uint32_t>(round + 1) * 8, "round %d: %u", round, *count);
    }
    for (uint32_t k = 0; k < 64; ++k) {
        CHECK(slots[k] == k + 1, "kernel %u ran as number %u", k, slots[k]);
    }
}

/// hipStreamPerThread: each thread has its own; it waits for the null stream as others do.
static void per_thread_stream() {
    const int threads = 6, count = 700;
    std::vector<std::thread> all;
    for (int t = 0; t < threads; ++t) {
        all.emplace_back([t] {
            const std::vector<uint32_t> start(count, static_cast<uint32_t>(t));
            uint32_t *device = to_device(start), expected = static_cast<uint32_t>(t);
            for (uint32_t k = 0; k < 20; ++k) {
                affine<<<3, 256, 0, hipStreamPerThread>>>(device, count, 3, k);
                expected = expected * 3 + k;
            }
            std::vector<uint32_t> seen(count);
            HIP(hipMemcpyAsync(seen.data(), device, count * 4, hipMemcpyDeviceToHost,
                               hipStreamPerThread));
            HIP(hipStreamSynchronize(hipStreamPerThread));
            check_idle(hipStreamPerThread);
            for (uint32_t value : seen) {
                CHECK(value == expected, "thread %d: %u, not %u", t, value, expected);
            }
            HIP(hipFree(device));
        });
    }
    for (std::thread &each : all) {
        each.join();
    }
    check_order(nullptr, hipStreamPerThread, true);
    CHECK(hipStreamDestroy(hipStreamPerThread) != hipSuccess, "destroyed the thread's stream");
}

static void refused() {
    hipStream_t stream;
    int priority;
    CHECK(hipStreamCreateWithFlags(&stream, 77) == hipErrorInvalidValue, "flags 77");
    CHECK(hipStreamCreate(nullptr) == hipErrorInvalidValue, "no place for the stream");
    CHECK(hipStreamDestroy(nullptr) != hipSuccess, "destroyed the null stream");
    HIP(hipStreamCreate(&stream));
    HIP(hipStreamDestroy(stream));
    CHECK(hipStreamDestroy(stream) == hipErrorContextIsDestroyed, "destroyed twice");
    CHECK(hipStreamQuery(stream) == hipErrorContextIsDestroyed, "queried a destroyed stream");
    CHECK(hipStreamGetPriority(stream, &priority) != hipSuccess, "a destroyed stream's priority");
    (void)hipGetLastError();
}

int main(int argc, char **argv) {
    static const hip_case cases[] = {
        {"null_stream", null_stream},
        {"null_stream_copies", null_stream_copies},
        {"priorities", priorities},
        {"priorities_are_independent", priorities_are_independent},
        {"priorities_reach_the_driver", priorities_reach_the_driver},
        {"many", many},
        {"device_synchronize", device_synchronize},
        {"destroy_while_busy", destroy_while_busy},
        {"per_thread_stream", per_thread_stream},
        {"refused", refused},
    };
    return run_cases(cases, argc, argv);
}
