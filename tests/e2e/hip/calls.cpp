/* SPDX-License-Identifier: MIT */
/// Calls that stay calls: functions not inlined, recursion on the stack, function pointers from a
/// table, virtual functions.
#include "hip_e2e.h"

static const int COUNT = 256;

__device__ __attribute__((noinline)) uint32_t mix(uint32_t a, uint32_t b) {
    return a * 31 + (b ^ 7);
}

__device__ __attribute__((noinline)) uint32_t ackermann(uint32_t m, uint32_t n) {
    return m == 0 ? n + 1 : n == 0 ? ackermann(m - 1, 1) : ackermann(m - 1, ackermann(m, n - 1));
}

__device__ __attribute__((noinline)) uint32_t fibonacci(uint32_t n) {
    return n < 2 ? n : fibonacci(n - 1) + fibonacci(n - 2);
}

__device__ __attribute__((noinline)) uint32_t twice(uint32_t x) {
    return 2 * x;
}
__device__ __attribute__((noinline)) uint32_t square(uint32_t x) {
    return x * x;
}
__device__ __attribute__((noinline)) uint32_t negate(uint32_t x) {
    return 0u - x;
}

struct Shape {
    __device__ virtual uint32_t corners(uint32_t x) const = 0;
};
struct Triangle : Shape {
    __device__ uint32_t corners(uint32_t x) const override {
        return 3 + x;
    }
};
struct Square : Shape {
    __device__ uint32_t corners(uint32_t x) const override {
        return 4 * x;
    }
};

__global__ void calls(uint32_t *out, int functions) {
    const uint32_t i = threadIdx.x;
    uint32_t (*const table[])(uint32_t) = {twice, square, negate};
    const Triangle triangle;
    const Square square_shape;
    const Shape *const shapes[] = {&triangle, &square_shape};
    out[i] = mix(i, 5);
    out[COUNT + i] = fibonacci(i % 12); // each lane to another depth
    out[2 * COUNT + i] = ackermann(i % 3, i % 4);
    out[3 * COUNT + i] = table[i % functions](i);
    out[4 * COUNT + i] = shapes[i & 1]->corners(i);
}

static uint32_t host_fibonacci(uint32_t n) {
    return n < 2 ? n : host_fibonacci(n - 1) + host_fibonacci(n - 2);
}

static uint32_t host_ackermann(uint32_t m, uint32_t n) {
    return m == 0   ? n + 1
           : n == 0 ? host_ackermann(m - 1, 1)
                    : host_ackermann(m - 1, host_ackermann(m, n - 1));
}

int main() {
    need_gpu();
    uint32_t *out = device_array<uint32_t>(5 * COUNT);
    calls<<<1, COUNT>>>(out, 3);
    HIP(hipGetLastError());
    const std::vector<uint32_t> seen = to_host(out, 5 * COUNT);
    for (uint32_t i = 0; i < COUNT; ++i) {
        const uint32_t by_table[] = {2 * i, i * i, 0u - i};
        CHECK(seen[i] == i * 31 + (5 ^ 7), "mix of %u", i);
        CHECK(seen[COUNT + i] == host_fibonacci(i % 12), "fibonacci of %u: %u", i, seen[COUNT + i]);
        CHECK(seen[2 * COUNT + i] == host_ackermann(i % 3, i % 4), "ackermann of %u", i);
        CHECK(seen[3 * COUNT + i] == by_table[i % 3], "table of %u: %u", i, seen[3 * COUNT + i]);
        CHECK(seen[4 * COUNT + i] == (i & 1 ? 4 * i : 3 + i), "virtual function of %u", i);
    }
    return 0;
}
