/* SPDX-License-Identifier: MIT */
/// For the programs that test how work is ordered: named cases, what the environment forbids a
/// program to expect, and a kernel that holds its stream until the host lets it go.
#ifndef HIP_CASES_H
#define HIP_CASES_H

#include "hip_e2e.h"

struct hip_case {
    const char *name;
    void (*run)();
};

/// Runs the cases in order, printing each one's name first; with arguments, only those named. A
/// CHECK that fails ends the program. Returns 0, or 2 where a named case doesn't exist.
template <size_t COUNT>
inline int run_cases(const hip_case (&cases)[COUNT], int argc, char **argv) {
    need_gpu();
    int found = 0;
    for (const hip_case &each : cases) {
        bool wanted = argc < 2;
        for (int i = 1; i < argc; ++i) {
            wanted |= strcmp(argv[i], each.name) == 0;
        }
        if (wanted) {
            printf("%s\n", each.name);
            fflush(stdout);
            each.run();
            ++found;
        }
    }
    return argc < 2 || found == argc - 1 ? 0 : 2;
}

/// Whether an environment variable has this value.
inline bool environment_is(const char *name, const char *value) {
    const char *seen = getenv(name);
    return seen && strcmp(seen, value) == 0;
}

/// With XNACK, HIP takes any address for memory of its own and refuses none.
inline bool has_xnack() {
    return environment_is("HSA_XNACK", "1");
}

/// Whether a kernel may be left running while the host goes on: not where launches wait for it.
inline bool launches_return_early() {
    return !environment_is("HIP_LAUNCH_BLOCKING", "1");
}

/// Whether two streams can run at the same time: not where all share one hardware queue.
inline bool streams_are_independent() {
    return launches_return_early() && !environment_is("GPU_MAX_HW_QUEUES", "1");
}

/// A synchronised stream has nothing left to do. What the query itself, or another thread of HIP's,
/// gives to the queue as a marker may end a moment later; nobody else has to do anything for it.
inline void check_idle(hipStream_t stream) {
    hipError_t seen;
    do {
        seen = hipStreamQuery(stream);
    } while (seen == hipErrorNotReady);
    CHECK(seen == hipSuccess, "a synchronised stream: %s", hipGetErrorName(seen));
}

static __global__ void hold_until_open(const uint32_t *flag) {
    while (__hip_atomic_load(flag, __ATOMIC_ACQUIRE, __HIP_MEMORY_SCOPE_SYSTEM) == 0) {
        __builtin_amdgcn_s_sleep(2);
    }
}

/// Holds streams: what they were given after hold() doesn't run before open().
class gate {
  public:
    gate() {
        HIP(hipHostMalloc(&flag, sizeof *flag, hipHostMallocCoherent | hipHostMallocMapped));
        *flag = 0;
    }
    ~gate() {
        HIP(hipHostFree(flag));
    }
    gate(const gate &) = delete;
    gate &operator=(const gate &) = delete;

    void hold(hipStream_t stream) {
        hold_until_open<<<1, 1, 0, stream>>>(flag);
        HIP(hipGetLastError());
    }
    void open() {
        __atomic_store_n(flag, 1u, __ATOMIC_RELEASE);
    }

  private:
    uint32_t *flag;
};

/// Pinned host memory that kernels and host see at once, all zero.
template <typename T> T *shared_array(size_t count) {
    T *memory = nullptr;
    HIP(hipHostMalloc(&memory, count * sizeof(T), hipHostMallocCoherent | hipHostMallocMapped));
    memset(static_cast<void *>(memory), 0, count * sizeof(T));
    return memory;
}

#endif
