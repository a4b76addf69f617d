/* SPDX-License-Identifier: MIT */
/// The 64-byte kernel descriptor that kernel_object points to.
/// Source: LLVM 15, AMDGPUUsage, "Kernel Descriptor" and "compute_pgm_rsrc1/2/3 for GFX6-GFX10".
/// AMD's older 256-byte amd_kernel_code_t has entry, rsrc1, rsrc2 and properties at the same
/// offsets, so one reader serves both.
#ifndef HSP_ABI_KERNEL_DESCRIPTOR_H
#define HSP_ABI_KERNEL_DESCRIPTOR_H

#include <assert.h>
#include <stddef.h>
#include <stdint.h>

struct abi_kernel_descriptor {
    uint32_t group_segment_fixed_size;
    uint32_t private_segment_fixed_size;
    uint32_t kernarg_size;
    uint8_t reserved0[4];
    int64_t kernel_code_entry_byte_offset; ///< from the descriptor's own address
    uint8_t reserved1[20];
    uint32_t compute_pgm_rsrc3;
    uint32_t compute_pgm_rsrc1;
    uint32_t compute_pgm_rsrc2;
    uint16_t kernel_code_properties;
    uint8_t reserved2[6];
};
static_assert(sizeof(struct abi_kernel_descriptor) == 64, "kernel descriptor");
static_assert(offsetof(struct abi_kernel_descriptor, compute_pgm_rsrc1) == 48, "kernel descriptor");

/// kernel_code_properties: user SGPRs in the order in which they are loaded.
enum abi_kernel_property {
    ABI_KERNEL_PRIVATE_SEGMENT_BUFFER = 1u << 0, ///< 4 SGPRs
    ABI_KERNEL_DISPATCH_PTR = 1u << 1,           ///< 2
    ABI_KERNEL_QUEUE_PTR = 1u << 2,              ///< 2
    ABI_KERNEL_KERNARG_SEGMENT_PTR = 1u << 3,    ///< 2
    ABI_KERNEL_DISPATCH_ID = 1u << 4,            ///< 2
    ABI_KERNEL_FLAT_SCRATCH_INIT = 1u << 5,      ///< 2
    ABI_KERNEL_PRIVATE_SEGMENT_SIZE = 1u << 6,   ///< 1
    ABI_KERNEL_WAVEFRONT_SIZE32 = 1u << 10,
    ABI_KERNEL_DYNAMIC_STACK = 1u << 11,
};

/// compute_pgm_rsrc1, GFX90A.
#define ABI_RSRC1_VGPRS(r)      ((r)&0x3fu) ///< (n + 1) * 8 registers, AGPRs included
#define ABI_RSRC1_SGPRS(r)      (((r) >> 6) & 0xfu)
#define ABI_RSRC1_FLOAT_MODE(r) (((r) >> 12) & 0xffu)
#define ABI_RSRC1_DX10_CLAMP(r) (((r) >> 21) & 1u)
#define ABI_RSRC1_IEEE_MODE(r)  (((r) >> 23) & 1u)
/// compute_pgm_rsrc2.
#define ABI_RSRC2_PRIVATE_SEGMENT(r)   ((r)&1u)
#define ABI_RSRC2_USER_SGPRS(r)        (((r) >> 1) & 0x1fu)
#define ABI_RSRC2_TRAP_HANDLER(r)      (((r) >> 6) & 1u)
#define ABI_RSRC2_WORKGROUP_ID(r, dim) (((r) >> (7 + (dim))) & 1u)
#define ABI_RSRC2_WORKGROUP_INFO(r)    (((r) >> 10) & 1u)
#define ABI_RSRC2_WORKITEM_ID(r)       (((r) >> 11) & 3u)
#define ABI_RSRC2_LDS(r)               (((r) >> 15) & 0x1ffu) ///< granules of 512 bytes
/// compute_pgm_rsrc3, GFX90A.
#define ABI_RSRC3_ACCUM_OFFSET(r) ((r)&0x3fu) ///< first AGPR is VGPR (n + 1) * 4
#define ABI_RSRC3_TG_SPLIT(r)     (((r) >> 16) & 1u)

#endif
