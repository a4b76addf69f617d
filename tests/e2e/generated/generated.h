/* SPDX-License-Identifier: MIT */
/// What generated programs share: inputs with edge values, one kernel per function, and the
/// comparison with the host to the bit (any NaN equals any).
/// HOST_ONLY: the host's side alone, without HIP, for UBSan. TRACES: each assignment's value is
/// kept, so that the first expression that differs is named.
#ifndef GENERATED_H
#define GENERATED_H

#ifdef HOST_ONLY
#    include <cstdint>
#    include <cstdio>
#    include <cstdlib>
#    include <cstring>
#    include <vector>
#    define HD
#    define NOINLINE __attribute__((noinline))
#else
#    include "../hip/hip_e2e.h"
#    define HD       __host__ __device__
#    define NOINLINE __host__ __device__ __attribute__((noinline))
#endif
#ifndef LEVEL
#    define LEVEL "unknown level"
#endif

#include <cmath>

enum { GROUP = 128, GROUPS = 2, COUNT = GROUP * GROUPS, PARTS = 3, TRACES_KEPT = 256 };

/// A lane's variables: three of each type.
struct Values {
    uint8_t b[3];
    int16_t s[3];
    uint32_t u[3];
    uint64_t l[3];
    _Float16 h[3];
    float f[3];
    double d[3];
#ifdef TRACES
    double trace[TRACES_KEPT];
#endif
};
struct Pair {
    double d;
    uint32_t u;
    int16_t s;
};
/// What a lane shows its group at the end of a part.
struct Slot {
    uint32_t u;
    int16_t s;
    _Float16 h;
    uint64_t l;
    float f;
    double d;
};
/// Group memory.
struct Group {
    uint32_t counts[8];
    Slot slots[GROUP];
};
using Part = void(const Values &in, Values &v, Group &group, uint64_t *totals);
struct Function {
    const char *name;
    uint32_t number;
    Part *parts[PARTS];
    const char *expressions[TRACES_KEPT];
};

#ifdef TRACES
template <typename T> HD inline T traced(Values &v, int number, T value) {
    v.trace[number] = double(value);
    return value;
}
#    define TRACE(number, value) traced(v, number, value)
#else
#    define TRACE(number, value) value
#endif

HD inline uint32_t rotated(uint32_t x, uint32_t n) {
    return x << (n & 31) | x >> (-n & 31);
}
/* A number of which the compiler knows nothing: see generate.c. */
HD inline uint32_t opaque(uint32_t x) {
#ifdef __HIP_DEVICE_COMPILE__
    asm("" : "+v"(x));
#endif
    return x;
}
HD inline uint32_t high_half(uint32_t a, uint32_t b) {
    return static_cast<uint32_t>(static_cast<uint64_t>(opaque(a)) * b >> 32);
}
HD inline uint64_t high_half64(uint64_t a, uint64_t b) {
    const uint64_t x = uint64_t(opaque(uint32_t(a >> 32))) << 32 | opaque(uint32_t(a));
    return static_cast<uint64_t>(static_cast<unsigned __int128>(x) * b >> 64);
}
HD inline uint32_t to_unsigned(double x) {
    return x > -2e9 && x < 2e9 ? static_cast<uint32_t>(static_cast<int32_t>(x)) : 77;
}
HD inline int16_t held_to_short(int x) {
    return static_cast<int16_t>(x < -32768 ? -32768 : x > 32767 ? 32767 : x);
}
/* A NaN's bits are nobody's promise. */
HD inline uint64_t bits_of(double x) {
    uint64_t bits;
    memcpy(&bits, &x, sizeof bits);
    return x == x ? bits : 0x7ff8000000000000;
}
HD inline uint16_t bits_of_half(_Float16 x) {
    uint16_t bits;
    memcpy(&bits, &x, sizeof bits);
    return x == x ? bits : 0x7e00;
}
/// The input of a helper, from what it was given.
HD inline Values fixed(uint32_t u, uint64_t l, float f) {
    Values v;
    for (uint32_t i = 0; i < 3; i++) {
        v.b[i] = uint8_t(u >> i * 8);
        v.s[i] = int16_t(l >> i * 16);
        v.u[i] = u + i * 0x9e3779b9;
        v.l[i] = l ^ i;
        v.h[i] = _Float16(int8_t(u >> i * 4));
        v.f[i] = f + float(i);
        v.d[i] = double(f) * (i + 1);
    }
    return v;
}

/* Operations whose order doesn't matter: one for each counter, the last two in both directions. */
HD inline void count(uint32_t *counts, uint32_t which, uint32_t by) {
    uint32_t *at = counts + which;
#ifdef __HIP_DEVICE_COMPILE__
    switch (which) {
    case 0:
        atomicOr(at, by);
        return;
    case 1:
        atomicXor(at, by);
        return;
    case 2:
        atomicMax(at, by);
        return;
    case 3:
        atomicMin(at, by);
        return;
    case 4:
        atomicMax(reinterpret_cast<int *>(at), int(by));
        return;
    case 5:
        atomicAnd(at, by);
        return;
    case 6:
        atomicSub(at, by);
        return;
    default:
        atomicAdd(at, by);
        return;
    }
#else
    switch (which) {
    case 0:
        *at |= by;
        return;
    case 1:
        *at ^= by;
        return;
    case 2:
        *at = *at > by ? *at : by;
        return;
    case 3:
        *at = *at < by ? *at : by;
        return;
    case 4:
        *at = int(*at) > int(by) ? *at : by;
        return;
    case 5:
        *at &= by;
        return;
    case 6:
        *at -= by;
        return;
    default:
        *at += by;
        return;
    }
#endif
}
HD inline void count(uint64_t *counts, uint32_t which, uint64_t by) {
    uint64_t *at = counts + which;
#ifdef __HIP_DEVICE_COMPILE__
    auto *wide = reinterpret_cast<unsigned long long *>(at);
    switch (which) {
    case 0:
        atomicOr(wide, by);
        return;
    case 1:
        atomicXor(wide, by);
        return;
    case 2:
        atomicMax(wide, by);
        return;
    case 3:
        atomicMin(wide, by);
        return;
    case 4:
        atomicAnd(wide, by);
        return;
    default:
        atomicAdd(wide, by);
        return;
    }
#else
    switch (which) {
    case 0:
        *at |= by;
        return;
    case 1:
        *at ^= by;
        return;
    case 2:
        *at = *at > by ? *at : by;
        return;
    case 3:
        *at = *at < by ? *at : by;
        return;
    case 4:
        *at &= by;
        return;
    default:
        *at += by;
        return;
    }
#endif
}

HD inline void publish(Group &group, uint32_t lane, const Values &v) {
    Slot &slot = group.slots[lane];
    slot.u = v.u[0];
    slot.s = v.s[1];
    slot.h = v.h[2];
    slot.l = v.l[0];
    slot.f = v.f[1];
    slot.d = v.d[2];
}

#ifndef HOST_ONLY
#    define DEVICE(kernel) kernel
#    define KERNEL(name, part0, part1, part2)                                                      \
        static __global__ void __launch_bounds__(GROUP)                                            \
            name(const Values *in, Values *out, Group *groups, uint64_t *totals) {                 \
            __shared__ Group group;                                                                \
            const uint32_t lane = threadIdx.x, i = blockIdx.x * GROUP + lane;                      \
            Values &v = out[i]; /* the inputs, to begin with */                                    \
            if (lane < 8)                                                                          \
                group.counts[lane] = lane * 1000;                                                  \
            __syncthreads();                                                                       \
            part0(in[i], v, group, totals);                                                        \
            publish(group, lane, v);                                                               \
            __syncthreads();                                                                       \
            part1(in[i], v, group, totals);                                                        \
            __syncthreads();                                                                       \
            publish(group, lane, v);                                                               \
            __syncthreads();                                                                       \
            part2(in[i], v, group, totals);                                                        \
            if (lane < 8)                                                                          \
                groups[blockIdx.x].counts[lane] = group.counts[lane];                              \
        }
using Kernel = void(const Values *, Values *, Group *, uint64_t *);
inline void start() {
    need_gpu();
}
#else
#    define DEVICE(kernel) nullptr
#    define KERNEL(name, part0, part1, part2)
using Kernel = void();
inline void start() {}
#endif

inline uint64_t random_bits() {
    static uint64_t state = 88172645463325252;
    state ^= state << 13;
    state ^= state >> 7;
    return state ^= state << 17;
}

template <typename Float> Float random_float(int exponents) {
    static const double edges[] = {0, 1, -1, 0.5, -1.5, 6e-8, 6e4, 255};
    const uint64_t r = random_bits();
    if (r % 4 == 0)
        return Float(edges[r / 4 % 8]);
    return Float(
        std::ldexp(double(int64_t(random_bits())), int(r / 4 % exponents) - 63 - exponents / 2));
}

template <typename Integer> Integer random_integer() {
    static const Integer edges[] = {
        0, 1, Integer(-1), Integer(uint64_t(1) << (sizeof(Integer) * 8 - 1)), 31, 64};
    const uint64_t r = random_bits();
    return r % 3 == 0 ? edges[r / 3 % 6] : Integer(random_bits() >> (r % 48));
}

inline std::vector<Values> make_inputs() {
    std::vector<Values> inputs(COUNT);
    for (Values &in : inputs)
        for (int i = 0; i < 3; i++) {
            in.b[i] = random_integer<uint8_t>();
            in.s[i] = random_integer<int16_t>();
            in.u[i] = random_integer<uint32_t>();
            in.l[i] = random_integer<uint64_t>();
            in.h[i] = random_float<_Float16>(30);
            in.f[i] = random_float<float>(80);
            in.d[i] = random_float<double>(80);
        }
    return inputs;
}

/// The function on the host; inputs become results.
inline void run_on_host(const Function &function, std::vector<Values> &values,
                        std::vector<Group> &groups, uint64_t *totals) {
    const std::vector<Values> in = values;
    for (uint32_t g = 0; g < GROUPS; g++) {
        Group &group = groups[g];
        for (uint32_t i = 0; i < 8; i++)
            group.counts[i] = i * 1000;
        for (Part *part : function.parts) {
            for (uint32_t lane = 0; lane < GROUP; lane++)
                part(in[g * GROUP + lane], values[g * GROUP + lane], group, totals);
            for (uint32_t lane = 0; lane < GROUP; lane++)
                publish(group, lane, values[g * GROUP + lane]);
        }
    }
}

template <typename T> bool same(T a, T b) {
    return memcmp(&a, &b, sizeof a) == 0 || (a != a && b != b);
}

/// Says which of a type's variables differ.
template <typename T>
bool report(const char *name, size_t input, char letter, const T (&seen)[3], const T (&wanted)[3]) {
    bool equal = true;
    for (int i = 0; i < 3; i++) {
        if (same(seen[i], wanted[i]))
            continue;
        equal = false;
        fprintf(stderr,
                "seed " SEED " %s at " LEVEL
                ", input %zu: %c%d is %.20Lg (%La), not %.20Lg (%La)\n",
                name, input, letter, i, (long double)seen[i], (long double)seen[i],
                (long double)wanted[i], (long double)wanted[i]);
    }
    return equal;
}

inline bool equals(const Function &function, size_t input, const Values &seen,
                   const Values &wanted) {
    const char *name = function.name;
#ifdef TRACES
    for (uint32_t i = 0; i < TRACES_KEPT; i++)
        if (!same(seen.trace[i], wanted.trace[i])) {
            fprintf(stderr, "expression %u is %.17g (%a), not %.17g (%a): %s\n", i, seen.trace[i],
                    seen.trace[i], wanted.trace[i], wanted.trace[i], function.expressions[i]);
            break;
        }
#endif
    bool equal = report(name, input, 'b', seen.b, wanted.b);
    equal &= report(name, input, 's', seen.s, wanted.s);
    equal &= report(name, input, 'u', seen.u, wanted.u);
    equal &= report(name, input, 'l', seen.l, wanted.l);
    equal &= report(name, input, 'h', seen.h, wanted.h);
    equal &= report(name, input, 'f', seen.f, wanted.f);
    return equal & report(name, input, 'd', seen.d, wanted.d);
}

/// How many inputs or counters give another result on the device; the first is printed.
inline uint32_t differences(const Function &function, [[maybe_unused]] Kernel *kernel) {
    static const std::vector<Values> inputs = make_inputs();
    static const std::vector<uint64_t> no_totals = {0, 0, 0, ~0ull, ~0ull, 0, 0, 0};
    std::vector<Values> wanted = inputs;
    std::vector<Group> wanted_groups(GROUPS);
    std::vector<uint64_t> wanted_totals = no_totals;
    run_on_host(function, wanted, wanted_groups, wanted_totals.data());
    uint32_t wrong = 0;
#ifndef HOST_ONLY
    Values *in = to_device(inputs), *out = to_device(inputs);
    Group *groups = device_array<Group>(GROUPS);
    uint64_t *totals = to_device(no_totals);
    kernel<<<GROUPS, GROUP>>>(in, out, groups, totals);
    HIP(hipDeviceSynchronize());
    const std::vector<Values> seen = to_host(out, COUNT);
    for (size_t i = 0; i < COUNT && wrong == 0; i++)
        wrong += !equals(function, i, seen[i], wanted[i]);
    const std::vector<uint64_t> seen_totals = to_host(totals, 8);
    const std::vector<Group> seen_groups = to_host(groups, GROUPS);
    for (uint32_t i = 0; i < 8 && wrong == 0; i++)
        if (seen_totals[i] != wanted_totals[i] ||
            seen_groups[0].counts[i] != wanted_groups[0].counts[i] ||
            seen_groups[1].counts[i] != wanted_groups[1].counts[i]) {
            fprintf(stderr,
                    "seed " SEED " %s at " LEVEL ": counter %u is %llx %x %x, not %llx %x %x\n",
                    function.name, i, (unsigned long long)seen_totals[i], seen_groups[0].counts[i],
                    seen_groups[1].counts[i], (unsigned long long)wanted_totals[i],
                    wanted_groups[0].counts[i], wanted_groups[1].counts[i]);
            wrong++;
        }
    if (wrong)
        fprintf(stderr,
                "again, alone and with its expressions: generate " SEED
                " 1 %u, compiled with -DTRACES\n",
                function.number);
    for (void *memory : {static_cast<void *>(in), static_cast<void *>(out),
                         static_cast<void *>(groups), static_cast<void *>(totals)})
        HIP(hipFree(memory));
#endif
    return wrong;
}

#endif
