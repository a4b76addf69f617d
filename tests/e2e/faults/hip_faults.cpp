/* SPDX-License-Identifier: MIT */
/* A HIP program that does what its argument says; hip_faults.sh looks at how it ends. */
#include <cstdio>
#include <cstring>
#include <hip/hip_runtime.h>

__global__ void store(unsigned *where) {
    where[threadIdx.x] = 1;
}
__global__ void trap() {
    __builtin_trap();
}
__global__ void illegal() {
    asm volatile(".long 0x7e01fe00");
}
__global__ void forever(volatile unsigned *flag) {
    while (*flag == 0) {
    }
}

int main(int argc, char **argv) {
    const char *what = argc > 1 ? argv[1] : "";
    unsigned *memory = nullptr;
    if (hipMalloc(&memory, 4096) != hipSuccess)
        return 77;
    (void)hipMemset(memory, 0, 4096);
    if (strcmp(what, "null") == 0)
        store<<<1, 64>>>(nullptr);
    else if (strcmp(what, "trap") == 0)
        trap<<<1, 64>>>();
    else if (strcmp(what, "illegal") == 0)
        illegal<<<1, 64>>>();
    else if (strcmp(what, "forever") == 0) {
        forever<<<1, 64>>>(memory);
        puts("spinning");
        fflush(stdout);
    } else
        return 2;
    (void)hipDeviceSynchronize();
    puts("went on");
    return 0;
}
