/* SPDX-License-Identifier: MIT */
/// PM4 packets of gfx9's compute engine, as far as user-mode queues carry them: in a PM4 queue's
/// ring, or in an AQL vendor packet's indirect buffer.
///
/// Source: nvd.h, soc15d.h and kfd_pm4_headers_ai.h of the Linux kernel's amdgpu and amdkfd
/// drivers; amd_gpu_pm4.h of ROCR-Runtime 5.2.3 (what ROCr sends). Bytes only: no state.
#ifndef HSP_ABI_PM4_H
#define HSP_ABI_PM4_H

#include <assert.h>
#include <stddef.h>
#include <stdint.h>

/// Header: bits 30..31 type, 16..29 number of body dwords - 1, 8..15 opcode.
#define ABI_PM4_TYPE(header)        ((header) >> 30)
#define ABI_PM4_BODY_DWORDS(header) ((((header) >> 16) & 0x3fffu) + 1u)
#define ABI_PM4_OPCODE(header)      (((header) >> 8) & 0xffu)
/// Header of a type-3 packet of `dwords` dwords, header included.
#define ABI_PM4_HEADER(opcode, dwords)                                                             \
    (3u << 30 | ((uint32_t)(dwords)-2u) << 16 | (uint32_t)(opcode) << 8)
/// The count of a NOP that is one dword long.
#define ABI_PM4_NOP_ALONE 0x3fffu

enum { ABI_PM4_TYPE_FILLER = 2, ABI_PM4_TYPE_PACKET = 3 };

enum abi_pm4_opcode {
    ABI_PM4_NOP = 0x10,
    ABI_PM4_CLEAR_STATE = 0x12,
    ABI_PM4_DISPATCH_DIRECT = 0x15,
    ABI_PM4_DISPATCH_INDIRECT = 0x16,
    ABI_PM4_ATOMIC_MEM = 0x1e,
    ABI_PM4_COND_EXEC = 0x22,
    ABI_PM4_CONTEXT_CONTROL = 0x28,
    ABI_PM4_WRITE_DATA = 0x37,
    ABI_PM4_MEM_SEMAPHORE = 0x39,
    ABI_PM4_WAIT_REG_MEM = 0x3c,
    ABI_PM4_INDIRECT_BUFFER = 0x3f,
    ABI_PM4_COPY_DATA = 0x40,
    ABI_PM4_COND_WRITE = 0x45,
    ABI_PM4_EVENT_WRITE = 0x46,
    ABI_PM4_RELEASE_MEM = 0x49,
    ABI_PM4_DMA_DATA = 0x50,
    ABI_PM4_ACQUIRE_MEM = 0x58,
    ABI_PM4_SET_CONFIG_REG = 0x68,
    ABI_PM4_SET_CONTEXT_REG = 0x69,
    ABI_PM4_SET_SH_REG = 0x76,
    ABI_PM4_SET_UCONFIG_REG = 0x79,
};

/// INDIRECT_BUFFER: four dwords.
struct abi_pm4_indirect_buffer {
    uint32_t header;
    uint32_t base_lo; ///< bits 2..31
    uint32_t base_hi; ///< bits 0..15
    uint32_t control; ///< bits 0..19: dwords; bit 20: chain; bit 23: valid
};
static_assert(sizeof(struct abi_pm4_indirect_buffer) == 16, "PM4 INDIRECT_BUFFER");
#define ABI_PM4_IB_DWORDS(control) ((control)&0xfffffu)
#define ABI_PM4_IB_CHAIN           (1u << 20) ///< goes on there and does not come back
#define ABI_PM4_IB_VALID           (1u << 23)

/// ACQUIRE_MEM: invalidates and writes back caches.
struct abi_pm4_acquire_mem {
    uint32_t header;
    uint32_t coher_cntl;
    uint32_t coher_size;    ///< in 256-byte units
    uint32_t coher_size_hi; ///< bits 0..7
    uint32_t coher_base;    ///< address >> 8
    uint32_t coher_base_hi; ///< bits 0..23
    uint32_t poll_interval;
};
static_assert(sizeof(struct abi_pm4_acquire_mem) == 28, "PM4 ACQUIRE_MEM");
#define ABI_PM4_COHER_ICACHE (1u << 29) ///< SH_ICACHE_ACTION_ENA

/// RELEASE_MEM: writes back caches, then stores data and may raise an interrupt.
struct abi_pm4_release_mem {
    uint32_t header;
    uint32_t event;
    uint32_t select; ///< interrupt bits 24..26, data bits 29..31
    uint32_t addr_lo, addr_hi;
    uint32_t data_lo, data_hi;
    uint32_t int_context;
};
static_assert(sizeof(struct abi_pm4_release_mem) == 32, "PM4 RELEASE_MEM");
#define ABI_PM4_RELEASE_INT(select)  (((select) >> 24) & 7u)
#define ABI_PM4_RELEASE_DATA(select) (((select) >> 29) & 7u)
/// Interrupt: at once, or when the data are written. (3: only waits for the write.)
enum { ABI_PM4_RELEASE_INT_ONLY = 1, ABI_PM4_RELEASE_INT_CONFIRMED = 2 };
enum abi_pm4_release_data {
    ABI_PM4_RELEASE_DATA_NONE = 0,
    ABI_PM4_RELEASE_DATA_32 = 1,
    ABI_PM4_RELEASE_DATA_64 = 2,
    ABI_PM4_RELEASE_DATA_CLOCK = 3,
};

/// WRITE_DATA: the data follow. Bits 8..11 of `control`: destination; bit 16: one address.
struct abi_pm4_write_data {
    uint32_t header;
    uint32_t control;
    uint32_t addr_lo, addr_hi;
};
static_assert(sizeof(struct abi_pm4_write_data) == 16, "PM4 WRITE_DATA");
#define ABI_PM4_WRITE_DST(control) (((control) >> 8) & 0xfu)
#define ABI_PM4_WRITE_ONE_ADDR     (1u << 16)
/// Destinations that are memory: 1 through GRBM, 2 L2, 5 direct.
#define ABI_PM4_WRITE_DST_MEMORY_MASK ((1u << 1) | (1u << 2) | (1u << 5))

/// WAIT_REG_MEM: waits until (dword & mask) FUNCTION reference; functions as abi_poll_func.
struct abi_pm4_wait_reg_mem {
    uint32_t header;
    uint32_t control; ///< function bits 0..2, memory space bit 4
    uint32_t addr_lo, addr_hi;
    uint32_t reference;
    uint32_t mask;
    uint32_t poll_interval;
};
static_assert(sizeof(struct abi_pm4_wait_reg_mem) == 28, "PM4 WAIT_REG_MEM");
#define ABI_PM4_WAIT_FUNC(control) ((control)&7u)
#define ABI_PM4_WAIT_MEMORY        (1u << 4)

/// ATOMIC_MEM: one L2 operation (abi_tc_op); command 1 repeats until compare-and-swap succeeds.
struct abi_pm4_atomic_mem {
    uint32_t header;
    uint32_t control; ///< operation bits 0..6, command bits 8..11
    uint32_t addr_lo, addr_hi;
    uint32_t src_lo, src_hi;
    uint32_t cmp_lo, cmp_hi;
    uint32_t loop_interval;
};
static_assert(sizeof(struct abi_pm4_atomic_mem) == 36, "PM4 ATOMIC_MEM");
#define ABI_PM4_ATOMIC_OP(control)   ((control)&0x7fu)
#define ABI_PM4_ATOMIC_LOOP(control) ((((control) >> 8) & 0xfu) == 1u)

/// COPY_DATA: one dword, or two with bit 16 of `control`.
struct abi_pm4_copy_data {
    uint32_t header;
    uint32_t control; ///< source bits 0..3, destination bits 8..11
    uint32_t src_lo, src_hi;
    uint32_t dst_lo, dst_hi;
};
static_assert(sizeof(struct abi_pm4_copy_data) == 24, "PM4 COPY_DATA");
#define ABI_PM4_COPY_SRC(control) ((control)&0xfu)
#define ABI_PM4_COPY_DST(control) (((control) >> 8) & 0xfu)
#define ABI_PM4_COPY_64BIT        (1u << 16)
enum abi_pm4_copy_source {
    ABI_PM4_COPY_SRC_MEMORY = 1,
    ABI_PM4_COPY_SRC_L2 = 2,
    ABI_PM4_COPY_SRC_IMMEDIATE = 5,
    ABI_PM4_COPY_SRC_CLOCK = 9, ///< the GPU's counter
};
/// Destinations that are memory: 1 through GRBM, 2 L2, 5 direct.
#define ABI_PM4_COPY_DST_MEMORY_MASK ((1u << 1) | (1u << 2) | (1u << 5))

/// DMA_DATA: copies, or fills with src_lo.
struct abi_pm4_dma_data {
    uint32_t header;
    uint32_t control; ///< destination bits 20..21, source bits 29..30
    uint32_t src_lo, src_hi;
    uint32_t dst_lo, dst_hi;
    uint32_t command; ///< bits 0..25: bytes; 26, 27: source, destination are registers
};
static_assert(sizeof(struct abi_pm4_dma_data) == 28, "PM4 DMA_DATA");
#define ABI_PM4_DMA_DST(control)   (((control) >> 20) & 3u)
#define ABI_PM4_DMA_SRC(control)   (((control) >> 29) & 3u)
#define ABI_PM4_DMA_BYTES(command) ((command)&0x3ffffffu)
#define ABI_PM4_DMA_REGISTER_MASK  ((1u << 26) | (1u << 27))
#define ABI_PM4_DMA_IMMEDIATE      2u ///< as source
/// Sources and destinations that are memory: 0 direct, 3 L2.
#define ABI_PM4_DMA_MEMORY_MASK ((1u << 0) | (1u << 3))

/// COND_EXEC: where the dword at the address is 0, the next `exec_count` dwords are skipped.
struct abi_pm4_cond_exec {
    uint32_t header;
    uint32_t addr_lo, addr_hi;
    uint32_t control;
    uint32_t exec_count; ///< bits 0..13
};
static_assert(sizeof(struct abi_pm4_cond_exec) == 20, "PM4 COND_EXEC");
#define ABI_PM4_EXEC_COUNT(exec_count) ((exec_count)&0x3fffu)

/// SET_SH_REG: the second dword's low half is the first register less ABI_PM4_SH_BASE.
/// The compute pipe's registers: gc_9_4_2_offset.h, as dword addresses.
enum abi_pm4_sh_register {
    ABI_PM4_SH_BASE = 0x2c00,
    ABI_PM4_SH_COMPUTE = 0x2e00, ///< COMPUTE_DISPATCH_INITIATOR, the first of them
    ABI_PM4_START_X = 0x2e04,
    ABI_PM4_NUM_THREAD_X = 0x2e07,
    ABI_PM4_PGM_LO = 0x2e0c, ///< the entry's address >> 8
    ABI_PM4_PGM_HI = 0x2e0d,
    ABI_PM4_PGM_RSRC1 = 0x2e12,
    ABI_PM4_PGM_RSRC2 = 0x2e13,
    ABI_PM4_TMPRING_SIZE = 0x2e18,
    ABI_PM4_PGM_RSRC3 = 0x2e2d,
    ABI_PM4_USER_DATA_0 = 0x2e40, ///< 16 of them
};

/// DISPATCH_DIRECT: header, three dimensions, initiator. Dimensions count work-groups.
/// DISPATCH_INDIRECT, as compute pipes take it: header, address (two dwords) of the three,
/// initiator.
#define ABI_PM4_DISPATCH_ENABLE     (1u << 0)
#define ABI_PM4_DISPATCH_START_AT_0 (1u << 2)
#define ABI_PM4_DISPATCH_IN_THREADS (1u << 5) ///< dimensions count work-items

#endif
