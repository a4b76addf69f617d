/* SPDX-License-Identifier: MIT */
/// Events: their times, their flags, queries, what a wait for one means, and what is refused.
#include "hip_cases.h"

#include <thread>

__global__ void spin(long long cycles) {
    const long long begin = clock64();
    while (clock64() - begin < cycles) {
    }
}

__global__ void increment(uint32_t *value) {
    atomicAdd(value, 1u);
}

static hipEvent_t new_event(unsigned flags = hipEventDefault) {
    hipEvent_t event;
    HIP(hipEventCreateWithFlags(&event, flags));
    return event;
}

static float milliseconds(hipEvent_t from, hipEvent_t to) {
    float ms = -1;
    HIP(hipEventElapsedTime(&ms, from, to));
    return ms;
}

/// Times of one stream never go back, and add up; a longer kernel takes longer.
static void times() {
    hipStream_t stream;
    const int count = 12;
    hipEvent_t events[count];
    HIP(hipStreamCreate(&stream));
    for (int i = 0; i < count; ++i) {
        events[i] = new_event(i % 2 ? hipEventBlockingSync : hipEventDefault);
        HIP(hipEventRecord(events[i], stream));
        spin<<<1, 64, 0, stream>>>(i == 5 ? 20000000 : 1000);
    }
    HIP(hipStreamSynchronize(stream));
    float sum = 0;
    for (int i = 1; i < count; ++i) {
        const float ms = milliseconds(events[i - 1], events[i]);
        CHECK(ms >= 0, "%g ms from %d to %d", ms, i - 1, i);
        CHECK(i != 6 || ms > 0.5f, "a kernel of 20 M cycles took %g ms", ms);
        sum += ms;
    }
    const float whole = milliseconds(events[0], events[count - 1]);
    CHECK(sum > whole * 0.99f && sum < whole * 1.01f, "%g ms, but the parts are %g", whole, sum);
    const float back = milliseconds(events[count - 1], events[0]);
    CHECK(back <= 0, "%g ms backwards", back);
    CHECK(milliseconds(events[3], events[3]) >= 0, "an event and itself");
    for (hipEvent_t event : events) {
        HIP(hipEventDestroy(event));
    }
    HIP(hipStreamDestroy(stream));
}

/// Events of two streams, ordered by a wait.
static void times_across_streams() {
    hipStream_t first, second;
    HIP(hipStreamCreateWithFlags(&first, hipStreamNonBlocking));
    HIP(hipStreamCreateWithFlags(&second, hipStreamNonBlocking));
    for (int round = 0; round < 20; ++round) {
        hipEvent_t begin = new_event(), end = new_event();
        spin<<<1, 64, 0, first>>>(10000);
        HIP(hipEventRecord(begin, first));
        HIP(hipStreamWaitEvent(second, begin, 0));
        spin<<<1, 64, 0, second>>>(10000);
        HIP(hipEventRecord(end, second));
        HIP(hipEventSynchronize(end));
        HIP(hipEventQuery(begin));
        CHECK(milliseconds(begin, end) >= 0, "%g ms", milliseconds(begin, end));
        HIP(hipEventDestroy(begin));
        HIP(hipEventDestroy(end));
    }
    HIP(hipStreamDestroy(first));
    HIP(hipStreamDestroy(second));
}

static void query_and_synchronize() {
    hipEvent_t event = new_event(), early = new_event();
    hipStream_t stream;
    HIP(hipStreamCreate(&stream));
    HIP(hipEventQuery(event));
    HIP(hipEventSynchronize(event));
    float ms;
    CHECK(hipEventElapsedTime(&ms, event, early) == hipErrorInvalidHandle, "never recorded");
    HIP(hipEventRecord(early, stream));
    if (launches_return_early()) {
        gate held;
        held.hold(stream);
        HIP(hipEventRecord(event, stream));
        CHECK(hipEventQuery(event) == hipErrorNotReady, "the event of a held stream");
        CHECK(hipEventElapsedTime(&ms, early, event) == hipErrorNotReady, "elapsed of a held one");
        (void)hipGetLastError();
        std::thread opener([&] { held.open(); });
        HIP(hipEventSynchronize(event));
        opener.join();
    } else {
        HIP(hipEventRecord(event, stream));
        HIP(hipEventSynchronize(event));
    }
    HIP(hipEventQuery(event));
    CHECK(milliseconds(early, event) >= 0, "%g ms", milliseconds(early, event));
    HIP(hipEventDestroy(event));
    HIP(hipEventDestroy(early));
    HIP(hipStreamDestroy(stream));
}

/// A wait is for what was recorded when the wait was given, not for a later record.
static void wait_is_a_snapshot() {
    if (!streams_are_independent()) {
        return;
    }
    hipStream_t first, second;
    HIP(hipStreamCreateWithFlags(&first, hipStreamNonBlocking));
    HIP(hipStreamCreateWithFlags(&second, hipStreamNonBlocking));
    uint32_t *value = shared_array<uint32_t>(1);
    hipEvent_t event = new_event(hipEventDisableTiming);
    increment<<<1, 1, 0, first>>>(value);
    HIP(hipEventRecord(event, first));
    HIP(hipStreamWaitEvent(second, event, 0));
    gate held;
    held.hold(first);
    HIP(hipEventRecord(event, first));
    increment<<<1, 1, 0, second>>>(value);
    HIP(hipStreamSynchronize(second));
    CHECK(*value == 2, "%u", *value);
    CHECK(hipEventQuery(event) == hipErrorNotReady, "the second record is done");
    HIP(hipStreamWaitEvent(second, event, 0));
    increment<<<1, 1, 0, second>>>(value);
    CHECK(hipStreamQuery(second) == hipErrorNotReady, "did not wait");
    CHECK(__atomic_load_n(value, __ATOMIC_ACQUIRE) == 2, "ran too early");
    held.open();
    HIP(hipStreamSynchronize(second));
    CHECK(*value == 3, "%u", *value);
    HIP(hipEventDestroy(event));
    HIP(hipStreamDestroy(first));
    HIP(hipStreamDestroy(second));
}

/// An event may be destroyed while it is waited for.
static void destroyed_early() {
    hipStream_t first, second;
    uint32_t *value = shared_array<uint32_t>(1);
    HIP(hipStreamCreateWithFlags(&first, hipStreamNonBlocking));
    HIP(hipStreamCreateWithFlags(&second, hipStreamNonBlocking));
    for (int round = 0; round < 50; ++round) {
        hipEvent_t event = new_event(hipEventDisableTiming);
        increment<<<1, 1, 0, first>>>(value);
        HIP(hipEventRecord(event, first));
        HIP(hipStreamWaitEvent(second, event, 0));
        HIP(hipEventDestroy(event));
        increment<<<1, 1, 0, second>>>(value);
    }
    HIP(hipDeviceSynchronize());
    CHECK(*value == 100, "%u", *value);
    HIP(hipStreamDestroy(first));
    HIP(hipStreamDestroy(second));
}

/// A thousand events alive, each recorded twice.
static void thousand() {
    std::vector<hipEvent_t> events;
    uint32_t *value = device_array<uint32_t>(1);
    HIP(hipMemset(value, 0, 4));
    for (int i = 0; i < 1000; ++i) {
        events.push_back(new_event(i % 3 ? hipEventDefault : hipEventDisableTiming));
    }
    for (int round = 0; round < 2; ++round) {
        for (hipEvent_t event : events) {
            increment<<<1, 1>>>(value);
            HIP(hipEventRecord(event, nullptr));
        }
    }
    HIP(hipEventSynchronize(events.back()));
    CHECK(to_host(value, 1)[0] == 2000, "%u", to_host(value, 1)[0]);
    for (hipEvent_t event : events) {
        HIP(hipEventQuery(event));
        HIP(hipEventDestroy(event));
    }
    HIP(hipFree(value));
}

static void refused() {
    hipEvent_t plain = new_event(), untimed = new_event(hipEventDisableTiming), bad;
    float ms;
    CHECK(hipEventCreateWithFlags(&bad, 0x55000) == hipErrorInvalidValue, "unknown flags");
    HIP(hipEventRecord(plain, nullptr));
    HIP(hipEventRecord(untimed, nullptr));
    HIP(hipDeviceSynchronize());
    CHECK(hipEventElapsedTime(&ms, plain, untimed) == hipErrorInvalidHandle, "untimed");
    CHECK(hipEventElapsedTime(&ms, untimed, plain) == hipErrorInvalidHandle, "untimed");
    CHECK(hipEventElapsedTime(nullptr, plain, plain) == hipErrorInvalidValue, "no place");
    CHECK(hipEventElapsedTime(&ms, nullptr, plain) == hipErrorInvalidHandle, "no event");
    CHECK(hipEventRecord(nullptr, nullptr) == hipErrorInvalidHandle, "no event");
    CHECK(hipEventSynchronize(nullptr) == hipErrorInvalidHandle, "no event");
    CHECK(hipEventQuery(nullptr) == hipErrorInvalidHandle, "no event");
    CHECK(hipEventDestroy(nullptr) == hipErrorInvalidHandle, "no event");
    CHECK(hipStreamWaitEvent(nullptr, nullptr, 0) != hipSuccess, "no event");
    (void)hipGetLastError();
    HIP(hipEventDestroy(plain));
    HIP(hipEventDestroy(untimed));
}

int main(int argc, char **argv) {
    static const hip_case cases[] = {
        {"times", times},
        {"times_across_streams", times_across_streams},
        {"query_and_synchronize", query_and_synchronize},
        {"wait_is_a_snapshot", wait_is_a_snapshot},
        {"destroyed_early", destroyed_early},
        {"thousand", thousand},
        {"refused", refused},
    };
    return run_cases(cases, argc, argv);
}
