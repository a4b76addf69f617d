/* SPDX-License-Identifier: MIT */
/// hipStreamAddCallback: in the stream's order, once each, seeing what came before, and holding
/// what comes after. (HIP 5.2 doesn't export hipLaunchHostFunc.)
#include "hip_cases.h"

#include <atomic>
#include <thread>

__global__ void twice_plus(uint32_t *value, uint32_t add) {
    *value = *value * 2 + add;
}

struct step {
    uint32_t *shared;
    std::vector<uint32_t> *seen;
};

static void note_value(hipStream_t, hipError_t, void *data) {
    step *s = static_cast<step *>(data);
    s->seen->push_back(__atomic_load_n(s->shared, __ATOMIC_ACQUIRE));
    __atomic_fetch_add(s->shared, 1u, __ATOMIC_RELEASE);
}

/// Kernel, host function, kernel, ... on one value: any other order gives another sequence.
static void between_kernels() {
    hipStream_t stream;
    uint32_t *value = shared_array<uint32_t>(1), expected = 0;
    std::vector<uint32_t> seen;
    step s = {value, &seen};
    HIP(hipStreamCreate(&stream));
    for (uint32_t k = 0; k < 30; ++k) {
        twice_plus<<<1, 1, 0, stream>>>(value, k);
        HIP(hipStreamAddCallback(stream, note_value, &s, 0));
    }
    HIP(hipStreamSynchronize(stream));
    CHECK(seen.size() == 30, "%zu calls", seen.size());
    for (uint32_t k = 0; k < 30; ++k) {
        expected = expected * 2 + k;
        CHECK(seen[k] == expected, "call %u saw %u, not %u", k, seen[k], expected);
        ++expected;
    }
    CHECK(*value == expected, "%u", *value);
    HIP(hipStreamDestroy(stream));
    HIP(hipHostFree(value));
}

struct call_log {
    std::atomic<uint32_t> next{0};
    std::atomic<uint32_t> wrong{0};
    hipStream_t stream = nullptr;
};

struct numbered {
    call_log *log;
    uint32_t number;
};

static void in_turn(hipStream_t stream, hipError_t status, void *data) {
    const numbered *n = static_cast<numbered *>(data);
    if (n->log->next.fetch_add(1) != n->number || status != hipSuccess ||
        stream != n->log->stream) {
        n->log->wrong.fetch_add(1);
    }
}

/// Hundreds of callbacks on each of several streams, each stream's in order.
static void many_callbacks() {
    const uint32_t streams = 4, calls = 150;
    static call_log logs[streams];
    static numbered numbers[streams][calls];
    uint32_t *values = shared_array<uint32_t>(streams);
    for (uint32_t s = 0; s < streams; ++s) {
        HIP(hipStreamCreateWithFlags(&logs[s].stream, hipStreamNonBlocking));
    }
    for (uint32_t c = 0; c < calls; ++c) {
        for (uint32_t s = 0; s < streams; ++s) {
            numbers[s][c] = {&logs[s], c};
            if (c % 3 == 0) {
                twice_plus<<<1, 1, 0, logs[s].stream>>>(&values[s], 1);
            }
            HIP(hipStreamAddCallback(logs[s].stream, in_turn, &numbers[s][c], 0));
        }
    }
    HIP(hipDeviceSynchronize());
    for (call_log &log : logs) {
        CHECK(log.next == calls && log.wrong == 0, "%u calls, %u wrong", log.next.load(),
              log.wrong.load());
        HIP(hipStreamDestroy(log.stream));
    }
    HIP(hipHostFree(values));
}

struct blocked {
    std::atomic<bool> started{false}, go{false};
};

static void wait_for_go(hipStream_t, hipError_t, void *data) {
    blocked *b = static_cast<blocked *>(data);
    b->started = true;
    while (!b->go) {
        std::this_thread::yield();
    }
}

/// What follows a callback in its stream waits until it returned; the host doesn't.
static void holds_its_stream() {
    hipStream_t stream;
    uint32_t *value = shared_array<uint32_t>(1);
    static blocked b;
    HIP(hipStreamCreateWithFlags(&stream, hipStreamNonBlocking));
    if (launches_return_early()) {
        HIP(hipStreamAddCallback(stream, wait_for_go, &b, 0));
        twice_plus<<<1, 1, 0, stream>>>(value, 7);
        while (!b.started) {
            std::this_thread::yield();
        }
        CHECK(hipStreamQuery(stream) == hipErrorNotReady, "ready");
        CHECK(__atomic_load_n(value, __ATOMIC_ACQUIRE) == 0, "the kernel ran");
        b.go = true;
        HIP(hipStreamSynchronize(stream));
        CHECK(*value == 7, "%u", *value);
    }
    HIP(hipStreamDestroy(stream));
    HIP(hipHostFree(value));
}

static void copy_is_complete(hipStream_t, hipError_t, void *data) {
    uint32_t *const *memory = static_cast<uint32_t **>(data);
    for (uint32_t i = 0; i < 100000; ++i) {
        if (memory[0][i] != i * 3) {
            memory[1][0]++;
        }
    }
    memory[1][1]++;
}

/// A callback after a copy to the host sees all of it.
static void after_a_copy() {
    const uint32_t count = 100000;
    uint32_t *pinned, *wrong = shared_array<uint32_t>(2);
    std::vector<uint32_t> values(count);
    HIP(hipHostMalloc(&pinned, count * 4));
    for (uint32_t i = 0; i < count; ++i) {
        values[i] = i * 3;
    }
    uint32_t *device = to_device(values), *pair[2] = {pinned, wrong};
    for (uint32_t round = 0; round < 10; ++round) {
        memset(pinned, 0, count * 4);
        HIP(hipMemcpyAsync(pinned, device, count * 4, hipMemcpyDeviceToHost, nullptr));
        HIP(hipStreamAddCallback(nullptr, copy_is_complete, pair, 0));
        HIP(hipStreamSynchronize(nullptr));
        CHECK(wrong[0] == 0 && wrong[1] == round + 1, "%u wrong, %u calls", wrong[0], wrong[1]);
    }
    HIP(hipFree(device));
    HIP(hipHostFree(pinned));
}

static void refused() {
    CHECK(hipStreamAddCallback(nullptr, nullptr, nullptr, 0) == hipErrorInvalidValue, "null");
    CHECK(hipStreamAddCallback(nullptr, in_turn, nullptr, 5) == hipErrorInvalidValue, "flags");
    (void)hipGetLastError();
}

int main(int argc, char **argv) {
    static const hip_case cases[] = {
        {"between_kernels", between_kernels},
        {"many_callbacks", many_callbacks},
        {"holds_its_stream", holds_its_stream},
        {"after_a_copy", after_a_copy},
        {"refused", refused},
    };
    return run_cases(cases, argc, argv);
}
