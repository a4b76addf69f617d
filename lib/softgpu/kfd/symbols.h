/* SPDX-License-Identifier: MIT */
/// Names for code addresses, from the code objects that ROCr has loaded in this process.
///
/// ROCr keeps a list of them for debuggers (_amdgpu_r_debug, the layout of <link.h>'s r_debug); the
/// name of an entry is a URI of the code object: memory://PID#offset=ADDRESS&size=BYTES or
/// file://PATH[#offset=..&size=..]. The symbol table of that ELF is read.
#ifndef SG_KFD_SYMBOLS_H
#define SG_KFD_SYMBOLS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/// Finds the function that holds code address `pc`. `r_debug` is the address of ROCr's list, 0: it
/// is looked up. Writes its name (cut to `room`) and where it begins. False if nothing is known.
/// Reads ROCr's list without its lock: for reports about faults, not for every day.
bool sg_symbols_find(uint64_t r_debug, uint64_t pc, char *out_name, size_t room,
                     uint64_t *out_start);

#endif
