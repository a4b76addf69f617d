/* SPDX-License-Identifier: MIT */
/// hipStreamWaitValue and hipStreamWriteValue, 32 and 64 bits: every comparison, with masks, on
/// signal memory, device memory and pinned memory.
#include "hip_cases.h"

/// True where waits are barrier-value packets, which know only signal memory.
static bool waits_need_signals() {
    return environment_is("GPU_STREAMOPS_CP_WAIT", "1");
}

struct comparison {
    unsigned flags;
    uint64_t value, mask, unmet, met;
};

static const comparison comparisons[] = {
    {hipStreamWaitValueGte, 10, ~0ull, 9, 11},
    {hipStreamWaitValueGte, 10, ~0ull, 0, 10},
    {hipStreamWaitValueGte, 3, 0xf, 0xf2, 0x13},
    {hipStreamWaitValueEq, 10, ~0ull, 11, 10},
    {hipStreamWaitValueEq, 0x50, 0xf0, 0x65, 0x5a},
    {hipStreamWaitValueAnd, 6, ~0ull, 9, 0xc},
    {hipStreamWaitValueAnd, 0xff, 0xf0, 0x0f, 0x10},
    {hipStreamWaitValueNor, 0x7fffffff, ~0ull, 0x7fffffff, 0x3fffffff},
};

static hipError_t wait_value(bool wide, hipStream_t stream, void *at, const comparison &c) {
    return wide ? hipStreamWaitValue64(stream, at, c.value, c.flags, c.mask)
                : hipStreamWaitValue32(stream, at, static_cast<uint32_t>(c.value), c.flags,
                                       static_cast<uint32_t>(c.mask));
}

static hipError_t write_value(bool wide, hipStream_t stream, void *at, uint64_t value) {
    return wide ? hipStreamWriteValue64(stream, at, value, 0)
                : hipStreamWriteValue32(stream, at, static_cast<uint32_t>(value), 0);
}

/// Nor is met while ~(value | memory) & mask isn't zero: over 32 bits with the upper half absent,
/// over 64 with the upper half set in the mask it is always met.
static comparison narrowed(comparison c, bool wide) {
    if (c.flags == hipStreamWaitValueNor && wide) {
        c.value = 0x7fffffffffffffff;
        c.unmet = 0xffffffffffffffff;
        c.met = 0x7fffffffffffffff;
    } else if (c.flags == hipStreamWaitValueNor) {
        c.value = 0x7fffffff;
        c.unmet = 0xffffffff;
        c.met = 0x7fffffff;
    }
    return c;
}

/// A stream waits; an unmet value leaves it waiting, a met one (by the host, or by another stream)
/// lets its write and its copy happen.
static void check_waits(uint64_t *at, bool wide, bool host_writes) {
    uint64_t *after = shared_array<uint64_t>(1);
    hipStream_t waiter, writer;
    HIP(hipStreamCreateWithFlags(&waiter, hipStreamNonBlocking));
    HIP(hipStreamCreateWithFlags(&writer, hipStreamNonBlocking));
    uint64_t round = 0;
    for (const comparison &each : comparisons) {
        const comparison c = narrowed(each, wide);
        HIP(write_value(wide, writer, at, c.unmet));
        HIP(hipStreamSynchronize(writer));
        HIP(wait_value(wide, waiter, at, c));
        HIP(write_value(true, waiter, after, ++round));
        CHECK(hipStreamQuery(waiter) == hipErrorNotReady, "flags %u: did not wait for %llx",
              c.flags, static_cast<unsigned long long>(c.unmet));
        CHECK(__atomic_load_n(after, __ATOMIC_ACQUIRE) == round - 1, "written too early");
        if (host_writes && wide) {
            __atomic_store_n(at, c.met, __ATOMIC_RELEASE);
        } else if (host_writes) {
            __atomic_store_n(reinterpret_cast<uint32_t *>(at), static_cast<uint32_t>(c.met),
                             __ATOMIC_RELEASE);
        } else {
            HIP(write_value(wide, writer, at, c.met));
        }
        HIP(hipStreamSynchronize(waiter));
        CHECK(*after == round, "flags %u: %llu", c.flags, static_cast<unsigned long long>(*after));
    }
    HIP(hipStreamSynchronize(writer));
    HIP(hipStreamDestroy(waiter));
    HIP(hipStreamDestroy(writer));
    HIP(hipHostFree(after));
}

static void signal_memory() {
    uint64_t *signal;
    CHECK(hipExtMallocWithFlags(reinterpret_cast<void **>(&signal), 16, hipMallocSignalMemory) ==
              hipErrorInvalidValue,
          "signal memory of 16 bytes");
    HIP(hipExtMallocWithFlags(reinterpret_cast<void **>(&signal), 8, hipMallocSignalMemory));
    *signal = 0;
    if (streams_are_independent()) {
        for (bool wide : {false, true}) {
            check_waits(signal, wide, true);
            *signal = 0;
            check_waits(signal, wide, false);
            *signal = 0;
        }
    }
    HIP(hipFree(signal));
}

static void pinned_memory() {
    uint64_t *pinned = shared_array<uint64_t>(4);
    if (streams_are_independent() && !waits_need_signals()) {
        for (bool wide : {false, true}) {
            check_waits(pinned + 1, wide, true);
            check_waits(pinned + 2, wide, false);
        }
        CHECK(pinned[0] == 0 && pinned[3] == 0, "neighbours were written");
    }
    HIP(hipHostFree(pinned));
}

static void device_memory() {
    uint64_t *device = device_array<uint64_t>(16);
    HIP(hipMemset(device, 0, 128));
    if (streams_are_independent() && !waits_need_signals()) {
        check_waits(device + 3, true, false);
        check_waits(device + 5, false, false);
    }
    HIP(hipFree(device));
}

/// Writes hit exactly their bytes, in the stream's order.
static void write_sizes() {
    uint32_t *pinned = shared_array<uint32_t>(8);
    uint32_t *device = device_array<uint32_t>(8);
    hipStream_t stream;
    HIP(hipStreamCreate(&stream));
    for (uint32_t *memory : {pinned, device}) {
        HIP(hipMemsetAsync(memory, 0xee, 32, stream));
        HIP(hipStreamWriteValue32(stream, memory + 1, 0x12345678, 0));
        HIP(hipStreamWriteValue64(stream, memory + 4, 0x1122334455667788, 0));
        HIP(hipStreamWriteValue32(stream, memory + 1, 0x9abcdef0, 0));
        HIP(hipStreamSynchronize(stream));
        const std::vector<uint32_t> seen = to_host(memory, 8);
        const uint32_t expected[8] = {0xeeeeeeee, 0x9abcdef0, 0xeeeeeeee, 0xeeeeeeee,
                                      0x55667788, 0x11223344, 0xeeeeeeee, 0xeeeeeeee};
        CHECK(memcmp(seen.data(), expected, 32) == 0, "%x %x %x %x %x %x", seen[0], seen[1],
              seen[2], seen[3], seen[4], seen[5]);
    }
    HIP(hipStreamDestroy(stream));
}

/// Two streams hand a token back and forth, without the host.
static void ping_pong() {
    uint64_t *token;
    hipStream_t even, odd;
    HIP(hipExtMallocWithFlags(reinterpret_cast<void **>(&token), 8, hipMallocSignalMemory));
    *token = 0;
    HIP(hipStreamCreateWithFlags(&even, hipStreamNonBlocking));
    HIP(hipStreamCreateWithFlags(&odd, hipStreamNonBlocking));
    for (uint32_t turn = 0; turn < 100; ++turn) {
        hipStream_t stream = turn % 2 ? odd : even;
        HIP(hipStreamWaitValue32(stream, token, turn, hipStreamWaitValueEq, 0xffffffff));
        HIP(hipStreamWriteValue32(stream, token, turn + 1, 0));
    }
    HIP(hipDeviceSynchronize());
    CHECK(*token == 100, "token %llu", static_cast<unsigned long long>(*token));
    HIP(hipStreamDestroy(even));
    HIP(hipStreamDestroy(odd));
    HIP(hipFree(token));
}

static void refused() {
    uint64_t local = 0;
    if (!has_xnack()) {
        CHECK(hipStreamWaitValue32(nullptr, nullptr, 0, hipStreamWaitValueEq) != hipSuccess,
              "null");
        CHECK(hipStreamWriteValue64(nullptr, &local, 0, 0) != hipSuccess, "unregistered memory");
    }
    int can = 0;
    HIP(hipDeviceGetAttribute(&can, hipDeviceAttributeCanUseStreamWaitValue, 0));
    CHECK(can == 1, "the attribute says no");
    (void)hipGetLastError();
}

int main(int argc, char **argv) {
    static const hip_case cases[] = {
        {"signal_memory", signal_memory}, {"pinned_memory", pinned_memory},
        {"device_memory", device_memory}, {"write_sizes", write_sizes},
        {"ping_pong", ping_pong},         {"refused", refused},
    };
    return run_cases(cases, argc, argv);
}
