/* SPDX-License-Identifier: MIT */
#include "softgpu/cu/kernel.h"

#include "abi/kernel_descriptor.h"

#include <string.h>

/* AMDGPUUsage: descriptors are 64-byte aligned; COMPUTE_PGM_LO holds the entry shifted by 8. */
#define DESCRIPTOR_ALIGN 64u
#define ENTRY_ALIGN      256u
#define VGPR_GRANULE     8u
#define SGPR_GRANULE     16u

bool sg_kernel_decode(const struct sg_vm *vm, const struct sg_dispatch_registers *registers,
                      struct sg_kernel *out_kernel) {
    if (registers->entry % ENTRY_ALIGN ||
        !sg_vm_host(vm, registers->entry, sizeof(uint32_t), SG_VM_READ, NULL)) {
        return false;
    }
    *out_kernel = (struct sg_kernel){
        .entry = registers->entry,
        .rsrc1 = registers->rsrc1,
        .rsrc2 = registers->rsrc2,
        .vgpr_count = (ABI_RSRC1_VGPRS(registers->rsrc1) + 1) * VGPR_GRANULE,
        .accum_offset = (ABI_RSRC3_ACCUM_OFFSET(registers->rsrc3) + 1) * 4,
        /* GFX9 encodes 2 * (granules - 1). */
        .sgpr_count = (ABI_RSRC1_SGPRS(registers->rsrc1) / 2 + 1) * SGPR_GRANULE,
        .user_sgpr_count = ABI_RSRC2_USER_SGPRS(registers->rsrc2),
    };
    return true;
}

bool sg_kernel_read(const struct sg_vm *vm, uint64_t kernel_object, struct sg_kernel *out_kernel) {
    struct abi_kernel_descriptor descriptor;
    const void *bytes = sg_vm_host(vm, kernel_object, sizeof descriptor, SG_VM_READ, NULL);
    if (!bytes || kernel_object % DESCRIPTOR_ALIGN) {
        return false;
    }
    memcpy(&descriptor, bytes, sizeof descriptor);
    const struct sg_dispatch_registers registers = {
        .entry = kernel_object + (uint64_t)descriptor.kernel_code_entry_byte_offset,
        .rsrc1 = descriptor.compute_pgm_rsrc1,
        .rsrc2 = descriptor.compute_pgm_rsrc2,
        .rsrc3 = descriptor.compute_pgm_rsrc3,
    };
    if ((descriptor.kernel_code_properties & ABI_KERNEL_WAVEFRONT_SIZE32) ||
        !sg_kernel_decode(vm, &registers, out_kernel)) {
        return false;
    }
    out_kernel->properties = descriptor.kernel_code_properties;
    return true;
}
