/* SPDX-License-Identifier: MIT */
/// Private arrays that live in scratch: indexed by data, of every element size, sorted in place,
/// and large ones after small ones, so that the queue's scratch has to grow.
#include "hip_e2e.h"

static const int COUNT = 1000;

template <typename T, int SIZE> __global__ void sort(T *out, uint32_t seed) {
    const uint32_t i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i >= COUNT) {
        return;
    }
    T items[SIZE];
    for (int k = 0; k < SIZE; ++k) {
        items[k] = static_cast<T>((i * 77 + k * 13 + seed) % 101);
    }
    for (int k = 1; k < SIZE; ++k) {
        const T item = items[k];
        int at = k;
        for (; at > 0 && items[at - 1] > item; --at) {
            items[at] = items[at - 1];
        }
        items[at] = item;
    }
    T folded = 0;
    for (int k = 0; k < SIZE; ++k) {
        folded = static_cast<T>(folded * 3 + items[k]);
    }
    out[i] = folded;
}

template <typename T, int SIZE> static void run(const char *name) {
    T *out = device_array<T>(COUNT);
    sort<T, SIZE><<<(COUNT + 127) / 128, 128>>>(out, 9);
    HIP(hipGetLastError());
    const std::vector<T> seen = to_host(out, COUNT);
    for (uint32_t i = 0; i < COUNT; ++i) {
        int counts[101] = {0};
        T folded = 0;
        for (int k = 0; k < SIZE; ++k) {
            counts[(i * 77 + k * 13 + 9) % 101]++;
        }
        for (int value = 0; value < 101; ++value) {
            for (int n = 0; n < counts[value]; ++n) {
                folded = static_cast<T>(folded * 3 + static_cast<T>(value));
            }
        }
        CHECK(seen[i] == folded, "%s, item %u", name, i);
    }
}

int main() {
    need_gpu();
    // More than 16, because LLVM 15 makes a vector of fewer bytes and then stores two for one.
    run<uint8_t, 20>("20 bytes");
    run<uint16_t, 24>("24 times 16 bits");
    run<uint32_t, 16>("16 words");
    run<uint64_t, 32>("32 times 64 bits");
    run<uint32_t, 100>("100 words");
    return 0;
}
