/* SPDX-License-Identifier: MIT */
#include "softgpu/cu/kernel.h"

#include "abi/kernel_descriptor.h"

#include <string.h>

/* AMDGPUUsage: descriptors are 64-byte aligned; COMPUTE_PGM_LO holds the entry shifted by 8. */
#define DESCRIPTOR_ALIGN 64u
#define ENTRY_ALIGN      256u
#define VGPR_GRANULE     8u
#define SGPR_GRANULE     16u

bool sg_kernel_read(const struct sg_vm *vm, uint64_t kernel_object, struct sg_kernel *out_kernel) {
    struct abi_kernel_descriptor descriptor;
    const void *bytes = sg_vm_host(vm, kernel_object, sizeof descriptor, SG_VM_READ, NULL);
    if (!bytes || kernel_object % DESCRIPTOR_ALIGN) {
        return false;
    }
    memcpy(&descriptor, bytes, sizeof descriptor);
    const uint64_t entry = kernel_object + (uint64_t)descriptor.kernel_code_entry_byte_offset;
    if (entry % ENTRY_ALIGN || !sg_vm_host(vm, entry, sizeof(uint32_t), SG_VM_READ, NULL) ||
        (descriptor.kernel_code_properties & ABI_KERNEL_WAVEFRONT_SIZE32)) {
        return false;
    }
    *out_kernel = (struct sg_kernel){
        .entry = entry,
        .rsrc1 = descriptor.compute_pgm_rsrc1,
        .rsrc2 = descriptor.compute_pgm_rsrc2,
        .properties = descriptor.kernel_code_properties,
        .vgpr_count = (ABI_RSRC1_VGPRS(descriptor.compute_pgm_rsrc1) + 1) * VGPR_GRANULE,
        .accum_offset = (ABI_RSRC3_ACCUM_OFFSET(descriptor.compute_pgm_rsrc3) + 1) * 4,
        /* GFX9 encodes 2 * (granules - 1). */
        .sgpr_count = (ABI_RSRC1_SGPRS(descriptor.compute_pgm_rsrc1) / 2 + 1) * SGPR_GRANULE,
        .user_sgpr_count = ABI_RSRC2_USER_SGPRS(descriptor.compute_pgm_rsrc2),
    };
    return true;
}
