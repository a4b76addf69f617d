/* SPDX-License-Identifier: MIT */
/// Names for code addresses, from the code objects that ROCr has loaded in this process.
///
/// A loaded code object begins with its ELF header, and its dynamic symbols (all kernels) are in
/// GPU memory: that is looked at first. Functions that are local to a code object are only in the
/// file that it came from. ROCr keeps a list of them for debuggers (_amdgpu_r_debug, the layout of
/// <link.h>'s r_debug); the name of an entry is a URI of the code object:
/// memory://PID#offset=ADDRESS&size=BYTES or file://PATH[#offset=..&size=..]. The symbol table of
/// that ELF is read.
#ifndef SG_KFD_SYMBOLS_H
#define SG_KFD_SYMBOLS_H

#include "softgpu/mem/vm.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/// Address of ROCr's list, or 0 while ROCr isn't there. Not in a signal handler.
uint64_t sg_symbols_list(void);
/// Finds the function that holds code address `pc`. `r_debug` is the address of ROCr's list or 0.
/// Writes its name (cut to `room`) and where it begins. False if nothing is known. Allocates
/// nothing. Reads ROCr's list without its lock: for reports about faults, not for every day.
bool sg_symbols_find(const struct sg_vm *vm, uint64_t r_debug, uint64_t pc, char *out_name,
                     size_t room, uint64_t *out_start);

#endif
