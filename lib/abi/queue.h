/* SPDX-License-Identifier: MIT */
/// The memory behind an hsa_queue_t on AMD's runtime (amd_queue_t).
/// Source: amd_hsa_queue.h of ROCR-Runtime 5.2.3. Later releases reuse reserved fields only.
#ifndef HSP_ABI_QUEUE_H
#define HSP_ABI_QUEUE_H

#include <assert.h>
#include <stddef.h>
#include <stdint.h>

struct abi_queue {
    uint32_t type; ///< 0 multi-producer, 1 single-producer, 2 cooperative
    uint32_t features;
    uint64_t base_address; ///< ring of 64-byte packets
    uint64_t doorbell_signal;
    uint32_t size; ///< packets, a power of two
    uint32_t reserved_hsa;
    uint64_t id;
    uint32_t reserved1[4];
    uint64_t write_dispatch_id;
    uint32_t group_segment_aperture_base_hi;
    uint32_t private_segment_aperture_base_hi;
    uint32_t max_cu_id;
    uint32_t max_wave_id;
    uint64_t max_legacy_doorbell_dispatch_id_plus_1;
    uint32_t legacy_doorbell_lock;
    uint32_t reserved2[9];
    uint64_t read_dispatch_id;
    uint32_t read_dispatch_id_field_base_byte_offset; ///< of read_dispatch_id in this structure
    uint32_t compute_tmpring_size;
    uint32_t scratch_resource_descriptor[4];
    uint64_t scratch_backing_memory_location;
    uint64_t scratch_backing_memory_byte_size;
    uint32_t scratch_wave64_lane_byte_size;
    uint32_t queue_properties;
    uint32_t reserved3[2];
    uint64_t queue_inactive_signal;
    uint32_t reserved4[14];
};
static_assert(offsetof(struct abi_queue, write_dispatch_id) == 56, "amd_queue_t");
static_assert(offsetof(struct abi_queue, read_dispatch_id) == 128, "amd_queue_t");
static_assert(offsetof(struct abi_queue, scratch_backing_memory_location) == 160, "amd_queue_t");
static_assert(offsetof(struct abi_queue, queue_inactive_signal) == 192, "amd_queue_t");
static_assert(sizeof(struct abi_queue) == 256, "amd_queue_t");

/// The high halves of the LDS and scratch apertures, where no amd_queue_t says them: those that
/// amdkfd gives every process on gfx9 (GET_PROCESS_APERTURES).
enum { ABI_SHARED_APERTURE_HI = 0x10000, ABI_PRIVATE_APERTURE_HI = 0x20000 };

#define ABI_QUEUE_PROPERTY_PROFILING    (1u << 3)
#define ABI_QUEUE_PROPERTY_SCRATCH_ONCE (1u << 4)

/// Bits that the packet processor ORs into queue_inactive_signal, each with the status that
/// ROCr's AqlQueue::DynamicScratchHandler (amd_aql_queue.cpp, 5.2.3) makes of it.
enum abi_queue_error {
    ABI_QUEUE_ERROR_SCRATCH = 1 << 0,         ///< wave64 scratch missing: the runtime refills it
    ABI_QUEUE_ERROR_DIMENSION = 1 << 1,       ///< INCOMPATIBLE_ARGUMENTS
    ABI_QUEUE_ERROR_GROUP_MEMORY = 1 << 2,    ///< INVALID_ALLOCATION
    ABI_QUEUE_ERROR_CODE = 1 << 3,            ///< INVALID_CODE_OBJECT (also a NULL kernel object)
    ABI_QUEUE_ERROR_PACKET = 1 << 5,          ///< INVALID_PACKET_FORMAT
    ABI_QUEUE_ERROR_WORKGROUP_SIZE = 1 << 6,  ///< INVALID_ARGUMENT
    ABI_QUEUE_ERROR_REGISTERS = 1 << 7,       ///< INVALID_ISA
    ABI_QUEUE_ERROR_VENDOR_PACKET = 1 << 8,   ///< INVALID_PACKET_FORMAT
    ABI_QUEUE_ERROR_SCRATCH_RECLAIM = 1 << 9, ///< give a single-use large scratch back
    ABI_QUEUE_ERROR_APERTURE = 1 << 29,       ///< MEMORY_APERTURE_VIOLATION
    ABI_QUEUE_ERROR_ILLEGAL_INSTRUCTION = 1 << 30, ///< ILLEGAL_INSTRUCTION
};
/// EXCEPTION (s_trap 2 and above); fatal. Outside the enum: it needs an unsigned type.
#define ABI_QUEUE_ERROR_TRAP UINT64_C(0x80000000)

#endif
