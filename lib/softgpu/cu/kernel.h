/* SPDX-License-Identifier: MIT */
/// A kernel as the compute units see it: its descriptor, decoded.
#ifndef SG_CU_KERNEL_H
#define SG_CU_KERNEL_H

#include "softgpu/cu/cu.h"
#include "softgpu/mem/vm.h"

#include <stdbool.h>
#include <stdint.h>

struct sg_kernel {
    uint64_t entry;           ///< GPU address of the first instruction
    uint32_t rsrc1;           ///< compute_pgm_rsrc1
    uint32_t rsrc2;           ///< compute_pgm_rsrc2
    uint32_t properties;      ///< enum abi_kernel_property
    uint32_t vgpr_count;      ///< vector registers allocated per lane, AGPRs included: 8 to 512
    uint32_t accum_offset;    ///< a[0] is v[accum_offset] of the unified file
    uint32_t sgpr_count;      ///< scalar registers allocated: 16 to 128
    uint32_t user_sgpr_count; ///< s0 .. s[n-1] come from the queue, the system's follow
};

/// Reads the descriptor (64 bytes, or an amd_kernel_code_t) at `kernel_object`. Returns false if it
/// or the entry is not mapped or misaligned, or if it asks for wave32, which gfx90a lacks.
/// Allocates nothing, takes no lock.
bool sg_kernel_read(const struct sg_vm *vm, uint64_t kernel_object, struct sg_kernel *out_kernel);
/// The same from registers; `properties` is 0.
bool sg_kernel_decode(const struct sg_vm *vm, const struct sg_dispatch_registers *registers,
                      struct sg_kernel *out_kernel);

#endif
