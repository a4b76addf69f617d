/* SPDX-License-Identifier: MIT */
/// What the HIP programs of this folder share; each is one behaviour, compiled by hipcc at -O0 and
/// at -O3. Exit codes as in e2e.h.
#ifndef HIP_E2E_H
#define HIP_E2E_H

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <hip/hip_runtime.h>
#include <vector>

#define CHECK(condition, ...)                                                                      \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            fprintf(stderr, "%s:%d: %s: ", __FILE__, __LINE__, #condition);                        \
            fprintf(stderr, "" __VA_ARGS__);                                                       \
            fputc('\n', stderr);                                                                   \
            exit(1);                                                                               \
        }                                                                                          \
    } while (0)

/// CHECK for a call that returns hipError_t.
#define HIP(call)                                                                                  \
    do {                                                                                           \
        hipError_t hip_error_ = (call);                                                            \
        CHECK(hip_error_ == hipSuccess, "%s returned %s", #call, hipGetErrorName(hip_error_));     \
    } while (0)

/// Ends the program with 77 (or 1 where there must be a GPU) without a device.
inline void need_gpu() {
    int count = 0;
    if (hipGetDeviceCount(&count) != hipSuccess || count == 0) {
        const char *device = getenv("HSAPROBE_TEST_DEVICE");
        fprintf(stderr, "no GPU\n");
        exit(device && strcmp(device, "soft") == 0 ? 1 : 77);
    }
}

/// Device memory of count elements for the life of the program.
template <typename T> T *device_array(size_t count) {
    T *memory = nullptr;
    HIP(hipMalloc(&memory, count * sizeof(T)));
    return memory;
}

template <typename T> T *to_device(const std::vector<T> &values) {
    T *memory = device_array<T>(values.size());
    HIP(hipMemcpy(memory, values.data(), values.size() * sizeof(T), hipMemcpyHostToDevice));
    return memory;
}

template <typename T> std::vector<T> to_host(const T *memory, size_t count) {
    std::vector<T> values(count);
    HIP(hipMemcpy(values.data(), memory, count * sizeof(T), hipMemcpyDeviceToHost));
    return values;
}

#endif
