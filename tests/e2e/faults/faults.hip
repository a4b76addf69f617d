// SPDX-License-Identifier: MIT
/// A kernel for each way in which a wave can go wrong, and for the ways that look wrong and aren't.
/// All take (out, address): where results go, and memory that the case chose.
#include <hip/hip_runtime.h>
#include <stdint.h>

#define KERNEL(name) extern "C" __global__ void name(uint32_t *out, uint64_t address)

KERNEL(load) {
    if (threadIdx.x == 101)
        out[1] = *(volatile uint32_t *)address;
    out[2] = 1;
}

KERNEL(store) {
    if (threadIdx.x == 101)
        *(volatile uint32_t *)address = 1;
}

KERNEL(add) {
    if (threadIdx.x == 101)
        atomicAdd((unsigned int *)address, 1u);
}

/// Every lane elsewhere: the page of the lowest faulting lane is reported.
KERNEL(scatter) {
    if (threadIdx.x < 64)
        *(volatile uint32_t *)(address + threadIdx.x * 4096ull * 16) = threadIdx.x;
}

KERNEL(jump) {
    void (*code)() = (void (*)())address;
    code();
    out[1] = 1;
}

KERNEL(scalar_load) {
    uint32_t value;
    asm volatile("s_load_dword %0, %1, 0x0\n s_waitcnt lgkmcnt(0)" : "=s"(value) : "s"(address));
    out[1] = value;
}

/// Behind the work-group's LDS, through a pointer that doesn't say so: the aperture ends at 64 KiB.
KERNEL(generic_lds) {
    __shared__ uint32_t tile[128];
    tile[threadIdx.x] = threadIdx.x;
    uint32_t *generic = tile;
    asm volatile("" : "+v"(generic));
    ((volatile uint32_t *)generic)[threadIdx.x + (address >> 2)] = 1;
    out[1] = tile[5];
}

/// The same by an LDS instruction: reads give 0, stores are dropped, nobody is told.
KERNEL(lds) {
    __shared__ uint32_t tile[128];
    uint32_t value, behind = 0xfff0;
    tile[threadIdx.x] = threadIdx.x + 1;
    asm volatile("ds_write_b32 %1, %1\n ds_read_b32 %0, %1\n s_waitcnt lgkmcnt(0)"
                 : "=v"(value)
                 : "v"(behind));
    out[1] = value;
    out[2] = tile[threadIdx.x] - threadIdx.x;
}

KERNEL(trap) {
    __builtin_trap();
}
KERNEL(debug_trap) {
    __builtin_debugtrap();
    out[1] = 1;
}
KERNEL(aborts) {
    abort();
}
KERNEL(illegal) {
    asm volatile(".long 0x7e01fe00");
}

__device__ uint32_t deepen(uint32_t depth) {
    volatile uint32_t room[256];
    room[depth & 255] = depth;
    return depth ? deepen(depth - 1) + room[depth & 255] : 0;
}

/// Deeper than any private segment.
KERNEL(overflow) {
    out[1] = deepen((uint32_t)address);
}

/// None of these stops a wave, as no exception is enabled.
KERNEL(arithmetic) {
    volatile int32_t zero = 0, most = 0x7fffffff, least = -most - 1, minus_one = -1;
    volatile float f = 0.0f, huge = 3e38f;
    volatile double d = 0.0;
    out[1] = (uint32_t)(most / zero) & 0;
    out[1] |= (uint32_t)(least / minus_one) & 0;
    out[2] = __float_as_uint(1.0f / f);
    out[3] = __float_as_uint(huge * huge);
    out[4] = (uint32_t)(__double_as_longlong(d / d) >> 52 & 0x7ff);
    out[5] = (uint32_t)(int32_t)huge;
    out[6] = __float_as_uint(sqrtf(-1.0f - f)) >> 22 & 0x1ff;
}

KERNEL(forever) {
    out[0] = 1;
    while (*(volatile uint32_t *)address == 0) {
    }
}

KERNEL(forever_without_memory) {
    out[0] = 1;
    asm volatile("1: s_nop 0\n s_branch 1b");
}
