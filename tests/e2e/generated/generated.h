/* SPDX-License-Identifier: MIT */
/// What generated programs share: inputs with edge values, one kernel per function, and the
/// comparison with the host to the bit (any NaN equals any).
#ifndef GENERATED_H
#define GENERATED_H

#include "../hip/hip_e2e.h"

#include <cmath>

struct Input {
    uint32_t u0, u1, u2;
    uint64_t l0, l1, l2;
    float f0, f1, f2;
    double d0, d1, d2;
};
struct Output {
    uint32_t u;
    uint64_t l;
    float f, g;
    double d, e;
};
using Function = void(const Input &, Output &);

__host__ __device__ inline uint32_t rotated(uint32_t x, uint32_t n) {
    return x << (n & 31) | x >> (-n & 31);
}
__host__ __device__ inline uint32_t high_half(uint32_t a, uint32_t b) {
    return static_cast<uint32_t>(static_cast<uint64_t>(a) * b >> 32);
}
__host__ __device__ inline uint32_t to_unsigned(double x) {
    return x > -2e9 && x < 2e9 ? static_cast<uint32_t>(static_cast<int32_t>(x)) : 77;
}
/* A NaN's bits are nobody's promise. */
__host__ __device__ inline uint64_t bits_of(double x) {
    uint64_t bits;
    memcpy(&bits, &x, sizeof bits);
    return x == x ? bits : 0x7ff8000000000000;
}

template <Function function> __global__ void run(const Input *in, Output *out, uint32_t *sum) {
    uint32_t i = blockIdx.x * blockDim.x + threadIdx.x;
    Output mine;
    function(in[i], mine);
    out[i] = mine;
    atomicAdd(sum, mine.u);
}

inline uint64_t random_bits() {
    static uint64_t state = 88172645463325252;
    state ^= state << 13;
    state ^= state >> 7;
    return state ^= state << 17;
}

template <typename Float> Float random_float() {
    static const Float edges[] = {0,           1,  -1, Float(0.5), Float(-1.5), Float(1e-30),
                                  Float(3e30), 255};
    uint64_t r = random_bits();
    if (r % 4 == 0)
        return edges[r / 4 % 8];
    return std::ldexp(Float(int64_t(random_bits())), int(r / 4 % 80) - 100);
}

template <typename Integer> Integer random_integer() {
    static const Integer edges[] = {
        0, 1, Integer(-1), Integer(Integer(1) << (sizeof(Integer) * 8 - 1)), 31, 64};
    uint64_t r = random_bits();
    return r % 3 == 0 ? edges[r / 3 % 6] : Integer(random_bits() >> (r % 48));
}

inline std::vector<Input> make_inputs(size_t count) {
    std::vector<Input> inputs(count);
    for (Input &in : inputs) {
        for (uint32_t *u : {&in.u0, &in.u1, &in.u2})
            *u = random_integer<uint32_t>();
        for (uint64_t *l : {&in.l0, &in.l1, &in.l2})
            *l = random_integer<uint64_t>();
        for (float *f : {&in.f0, &in.f1, &in.f2})
            *f = random_float<float>();
        for (double *d : {&in.d0, &in.d1, &in.d2})
            *d = random_float<double>();
    }
    return inputs;
}

template <typename T> bool same(T a, T b) {
    return memcmp(&a, &b, sizeof a) == 0 || (a != a && b != b);
}

/// How many of 256 inputs give another result on the device; the first is printed.
template <Function function> uint32_t differences(const char *name) {
    enum { COUNT = 256 };
    static const std::vector<Input> inputs = make_inputs(COUNT);
    static Input *in = to_device(inputs);
    static Output *out = device_array<Output>(COUNT);
    uint32_t *sum = to_device(std::vector<uint32_t>{0}), wrong = 0, expected_sum = 0;
    run<function><<<COUNT / 64, 64>>>(in, out, sum);
    HIP(hipDeviceSynchronize());
    std::vector<Output> outputs = to_host(out, COUNT);
    for (size_t i = 0; i < COUNT; i++) {
        Output expected;
        function(inputs[i], expected);
        const Output &seen = outputs[i];
        expected_sum += expected.u;
        bool equal = seen.u == expected.u && seen.l == expected.l && same(seen.f, expected.f) &&
                     same(seen.g, expected.g) && same(seen.d, expected.d) &&
                     same(seen.e, expected.e);
        if (!equal && wrong++ == 0)
            fprintf(stderr, "%s of input %zu: %x %llx %a %a %a %a, not %x %llx %a %a %a %a\n", name,
                    i, seen.u, (unsigned long long)seen.l, double(seen.f), double(seen.g), seen.d,
                    seen.e, expected.u, (unsigned long long)expected.l, double(expected.f),
                    double(expected.g), expected.d, expected.e);
    }
    if (wrong == 0)
        CHECK(to_host(sum, 1)[0] == expected_sum, "%s", name);
    HIP(hipFree(sum));
    return wrong;
}

#endif
