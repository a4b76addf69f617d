/* SPDX-License-Identifier: MIT */
/// Atomics of every type, operation and scope, in memory and LDS; and on memory that a thread of
/// the host changes atomically at the same time.
#include "hip_cases.h"

#include <thread>

static const int ITEMS = 64 * 40;

template <typename T> struct results {
    T added, subtracted, least, greatest, exchanged, swapped, all_of, any_of, odd;
};

/// Each item with its own value, so that the end doesn't depend on the order.
template <typename T> __device__ void integer_operations(results<T> *r, T value) {
    atomicAdd(&r->added, value);
    atomicSub(&r->subtracted, value);
    atomicMin(&r->least, value);
    atomicMax(&r->greatest, value);
    atomicExch(&r->exchanged, static_cast<T>(77));
    atomicAnd(&r->all_of, static_cast<T>(value | 0x100));
    atomicOr(&r->any_of, value);
    atomicXor(&r->odd, value);
    for (T seen = r->swapped, wanted;; seen = wanted) {
        wanted = atomicCAS(&r->swapped, seen, static_cast<T>(seen + 1));
        if (wanted == seen) {
            break;
        }
    }
}

template <typename T> __global__ void integers(results<T> *in_memory, results<T> *from_lds) {
    __shared__ results<T> lds;
    const int i = static_cast<int>(blockIdx.x * blockDim.x + threadIdx.x);
    if (threadIdx.x == 0) {
        lds = *in_memory;
        lds = results<T>{0, 0, 1000, 0, 0, 0, static_cast<T>(-1), 0, 0};
    }
    __syncthreads();
    integer_operations(in_memory, static_cast<T>(i + 5));
    integer_operations(&lds, static_cast<T>(threadIdx.x + 5));
    __syncthreads();
    if (threadIdx.x == 0 && blockIdx.x == 0) {
        *from_lds = lds;
    }
}

template <typename T>
static void expect_integers(const results<T> &r, int items, const char *what) {
    results<T> w = {0, 0, 1000, 0, 77, static_cast<T>(items), static_cast<T>(-1), 0, 0};
    for (int i = 0; i < items; ++i) {
        const T value = static_cast<T>(i + 5);
        w.added = static_cast<T>(w.added + value);
        w.subtracted = static_cast<T>(w.subtracted - value);
        w.least = value < w.least ? value : w.least;
        w.greatest = value > w.greatest ? value : w.greatest;
        w.all_of = static_cast<T>(w.all_of & (value | 0x100));
        w.any_of = static_cast<T>(w.any_of | value);
        w.odd = static_cast<T>(w.odd ^ value);
    }
    const T seen[] = {r.added,   r.subtracted, r.least,  r.greatest, r.exchanged,
                      r.swapped, r.all_of,     r.any_of, r.odd};
    const T wanted[] = {w.added,   w.subtracted, w.least,  w.greatest, w.exchanged,
                        w.swapped, w.all_of,     w.any_of, w.odd};
    for (int i = 0; i < 9; ++i) {
        CHECK(seen[i] == wanted[i], "%s: operation %d: %lld, not %lld", what, i,
              static_cast<long long>(seen[i]), static_cast<long long>(wanted[i]));
    }
}

template <typename T> static void integers_of(const char *type) {
    const results<T> start = {0, 0, 1000, 0, 0, 0, static_cast<T>(-1), 0, 0};
    results<T> *memory = to_device(std::vector<results<T>>{start, start});
    integers<T><<<ITEMS / 128, 128>>>(memory, memory + 1);
    HIP(hipGetLastError());
    const std::vector<results<T>> seen = to_host(memory, 2);
    expect_integers(seen[0], ITEMS, type);
    expect_integers(seen[1], 128, "in LDS");
    HIP(hipFree(memory));
}

static void integer_types() {
    integers_of<int>("int");
    integers_of<unsigned>("unsigned");
    integers_of<unsigned long long>("unsigned long long");
}

__global__ void reals(float *single, double *twice, unsigned *wrapping, float *lds_sums) {
    __shared__ float sum;
    __shared__ double wide_sum;
    if (threadIdx.x == 0) {
        sum = 0;
        wide_sum = 0;
    }
    __syncthreads();
    atomicAdd(&sum, 0.5f);
    atomicAdd(&wide_sum, 0.25);
    const float before = atomicAdd(&single[0], 1.0f);
    atomicMax(reinterpret_cast<int *>(&single[1]), __float_as_int(before)); // order of positives
    atomicAdd(&twice[0], 0.5);
    unsafeAtomicAdd(&single[2], 2.0f);
    unsafeAtomicAdd(&twice[1], 1.0);
    atomicExch(&single[3], 8.5f);
    atomicInc(&wrapping[0], 9);
    atomicDec(&wrapping[1], 9);
    __syncthreads();
    if (threadIdx.x == 0) {
        lds_sums[blockIdx.x] = sum + static_cast<float>(wide_sum);
    }
}

static void reals_and_wrapping() {
    float *single = to_device(std::vector<float>(4, 0)), *sums = device_array<float>(ITEMS / 64);
    double *twice = to_device(std::vector<double>(2, 0));
    unsigned *wrapping = to_device(std::vector<unsigned>{0, 0});
    reals<<<ITEMS / 64, 64>>>(single, twice, wrapping, sums);
    HIP(hipGetLastError());
    const std::vector<float> s = to_host(single, 4);
    const std::vector<double> d = to_host(twice, 2);
    const std::vector<unsigned> w = to_host(wrapping, 2);
    CHECK(s[0] == ITEMS && s[1] == ITEMS - 1 && s[2] == 2 * ITEMS && s[3] == 8.5f, "%g %g %g %g",
          s[0], s[1], s[2], s[3]);
    CHECK(d[0] == ITEMS / 2 && d[1] == ITEMS, "%g %g", d[0], d[1]);
    CHECK(w[0] == ITEMS % 10 && w[1] == (10 - ITEMS % 10) % 10, "%u %u", w[0], w[1]);
    for (float sum : to_host(sums, ITEMS / 64)) {
        CHECK(sum == 48, "in LDS: %g", sum);
    }
    HIP(hipFree(single));
    HIP(hipFree(twice));
    HIP(hipFree(wrapping));
    HIP(hipFree(sums));
}

__global__ void scopes(uint32_t *words, unsigned long long *wide) {
    __hip_atomic_fetch_add(&words[0], 1u, __ATOMIC_RELAXED, __HIP_MEMORY_SCOPE_AGENT);
    __hip_atomic_fetch_add(&words[1], 1u, __ATOMIC_ACQ_REL, __HIP_MEMORY_SCOPE_SYSTEM);
    __hip_atomic_fetch_add(&words[2 + blockIdx.x], 1u, __ATOMIC_SEQ_CST,
                           __HIP_MEMORY_SCOPE_WORKGROUP);
    __hip_atomic_fetch_add(&wide[0], 1ull << 32, __ATOMIC_RELEASE, __HIP_MEMORY_SCOPE_SYSTEM);
    __hip_atomic_fetch_max(&wide[1], static_cast<unsigned long long>(threadIdx.x), __ATOMIC_RELAXED,
                           __HIP_MEMORY_SCOPE_AGENT);
    atomicAdd_system(&words[10], 3u);
    __hip_atomic_fetch_xor(&words[11 + blockIdx.x], threadIdx.x + 1, __ATOMIC_ACQUIRE,
                           __HIP_MEMORY_SCOPE_AGENT);
}

static void scopes_and_orders() {
    uint32_t *words = to_device(std::vector<uint32_t>(20, 0));
    unsigned long long *wide = to_device(std::vector<unsigned long long>(2, 0));
    scopes<<<8, 256>>>(words, wide);
    HIP(hipGetLastError());
    const std::vector<uint32_t> w = to_host(words, 20);
    const std::vector<unsigned long long> d = to_host(wide, 2);
    CHECK(w[0] == 2048 && w[1] == 2048 && w[10] == 6144, "%u %u %u", w[0], w[1], w[10]);
    CHECK(w[2] == 256 && w[9] == 256 && w[11] == 256 && w[18] == 256, "%u %u %u %u", w[2], w[9],
          w[11], w[18]);
    CHECK(d[0] == 2048ull << 32 && d[1] == 255, "%llu %llu", d[0], d[1]);
    HIP(hipFree(words));
    HIP(hipFree(wide));
}

__global__ void count_with_host(uint32_t *counter, unsigned long long *wide, uint32_t times) {
    for (uint32_t i = 0; i < times; ++i) {
        atomicAdd_system(counter, 1u);
        unsigned long long seen = *wide, now;
        while ((now = atomicCAS_system(wide, seen, seen + 3)) != seen) {
            seen = now;
        }
    }
}

static void counts_with_the_host() {
    uint32_t *counter = shared_array<uint32_t>(1);
    unsigned long long *wide = shared_array<unsigned long long>(1);
    count_with_host<<<4, 64>>>(counter, wide, 20);
    HIP(hipGetLastError());
    std::thread host([=] {
        for (int i = 0; i < 20000; ++i) {
            __atomic_fetch_add(counter, 1u, __ATOMIC_RELAXED);
            __atomic_fetch_add(wide, 3ull, __ATOMIC_RELAXED);
        }
    });
    host.join();
    HIP(hipDeviceSynchronize());
    CHECK(*counter == 20000 + 4 * 64 * 20, "%u", *counter);
    CHECK(*wide == 3ull * (20000 + 4 * 64 * 20), "%llu", *wide);
    HIP(hipHostFree(counter));
    HIP(hipHostFree(wide));
}

/// One kernel and the host pass numbers to and fro: each waits for the other's.
__global__ void answer(uint32_t *question, uint32_t *reply, uint32_t rounds) {
    for (uint32_t i = 1; i <= rounds; ++i) {
        while (__hip_atomic_load(question, __ATOMIC_ACQUIRE, __HIP_MEMORY_SCOPE_SYSTEM) != i) {
            __builtin_amdgcn_s_sleep(1);
        }
        reply[1] = i * i;
        __threadfence_system();
        __hip_atomic_store(reply, i, __ATOMIC_RELEASE, __HIP_MEMORY_SCOPE_SYSTEM);
    }
}

static void conversation_with_the_host() {
    if (!launches_return_early()) {
        return;
    }
    const uint32_t rounds = 200;
    uint32_t *question = shared_array<uint32_t>(1), *reply = shared_array<uint32_t>(2);
    answer<<<1, 1>>>(question, reply, rounds);
    HIP(hipGetLastError());
    HIP(hipStreamQuery(nullptr) == hipErrorNotReady ? hipSuccess : hipGetLastError());
    for (uint32_t i = 1; i <= rounds; ++i) {
        __atomic_store_n(question, i, __ATOMIC_RELEASE);
        while (__atomic_load_n(reply, __ATOMIC_ACQUIRE) != i) {
            std::this_thread::yield();
        }
        CHECK(reply[1] == i * i, "round %u: %u", i, reply[1]);
    }
    HIP(hipDeviceSynchronize());
    HIP(hipHostFree(question));
    HIP(hipHostFree(reply));
}

int main(int argc, char **argv) {
    static const hip_case cases[] = {
        {"integer_types", integer_types},
        {"reals_and_wrapping", reals_and_wrapping},
        {"scopes_and_orders", scopes_and_orders},
        {"counts_with_the_host", counts_with_the_host},
        {"conversation_with_the_host", conversation_with_the_host},
    };
    return run_cases(cases, argc, argv);
}
