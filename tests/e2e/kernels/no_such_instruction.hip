// SPDX-License-Identifier: MIT
/// no_such_instruction(out): stores 1, executes an opcode that gfx90a doesn't have (VOP1 0xff), and
/// would store 2.
#include <hip/hip_runtime.h>
#include <stdint.h>

extern "C" __global__ void no_such_instruction(volatile uint32_t *out) {
    *out = 1;
    __asm__ volatile("s_waitcnt vmcnt(0)\n\t.long 0x7e01fe00");
    *out = 2;
}
