/* SPDX-License-Identifier: MIT */
/// SDMA packets of gfx9 (SDMA 4.x: Vega to Aldebaran) as runtimes write them into an SDMA ring.
///
/// Source: vega10_sdma_pkt_open.h of the Linux kernel's amdgpu driver (field positions), and
/// sdma_registers.h of ROCR-Runtime 5.2.3 (the packets that it sends). Packets are dwords; 64-bit
/// fields are pairs because they are only 4-byte aligned. Bytes only: no state.
#ifndef HSP_ABI_SDMA_H
#define HSP_ABI_SDMA_H

#include <assert.h>
#include <stddef.h>
#include <stdint.h>

/// Header bits 0..7.
enum abi_sdma_op {
    ABI_SDMA_NOP = 0,
    ABI_SDMA_COPY = 1,
    ABI_SDMA_WRITE = 2,
    ABI_SDMA_INDIRECT = 4,
    ABI_SDMA_FENCE = 5,
    ABI_SDMA_TRAP = 6,
    ABI_SDMA_SEMAPHORE = 7,
    ABI_SDMA_POLL_REGMEM = 8,
    ABI_SDMA_COND_EXE = 9,
    ABI_SDMA_ATOMIC = 10,
    ABI_SDMA_CONST_FILL = 11,
    ABI_SDMA_PTEPDE = 12,
    ABI_SDMA_TIMESTAMP = 13,
    ABI_SDMA_SRBM_WRITE = 14,
    ABI_SDMA_PRE_EXE = 15,
    ABI_SDMA_DUMMY_TRAP = 16,
};

/// Header bits 8..15.
enum abi_sdma_sub_op {
    ABI_SDMA_COPY_LINEAR = 0,
    ABI_SDMA_COPY_LINEAR_RECT = 4,
    ABI_SDMA_WRITE_LINEAR = 0,
    ABI_SDMA_TIMESTAMP_GET = 1,
    ABI_SDMA_TIMESTAMP_GET_GLOBAL = 2,
    ABI_SDMA_POLL_MEM = 0,
};

#define ABI_SDMA_OP(header)     ((header)&0xffu)
#define ABI_SDMA_SUB_OP(header) (((header) >> 8) & 0xffu)
/// Header of a packet.
#define ABI_SDMA_HEADER(op, sub_op) ((uint32_t)(op) | (uint32_t)(sub_op) << 8)

/// NOP: header bits 16..29 are the number of further dwords to skip.
#define ABI_SDMA_NOP_COUNT(header) (((header) >> 16) & 0x3fffu)

/// COPY, sub-op LINEAR. With the broadcast bit a second destination follows.
struct abi_sdma_copy_linear {
    uint32_t header;
    uint32_t count; ///< bits 0..29 on gfx90a, of which ROCr 5.2 uses 0..21: bytes - 1
    uint32_t parameter;
    uint32_t src_lo, src_hi;
    uint32_t dst_lo, dst_hi;
};
static_assert(sizeof(struct abi_sdma_copy_linear) == 28, "SDMA copy linear");
#define ABI_SDMA_COPY_BROADCAST (1u << 27) ///< header: dst2_lo and dst2_hi follow
#define ABI_SDMA_COUNT(count)   (((count)&0x3fffffffu) + 1u)

/// COPY, sub-op LINEAR_RECT (linear sub-window). Everything is counted in elements.
struct abi_sdma_copy_rect {
    uint32_t header; ///< bits 29..31: log2 of the element's bytes, 0..4
    uint32_t src_lo, src_hi;
    uint32_t src_xy;      ///< x bits 0..13, y bits 16..29
    uint32_t src_z_pitch; ///< z bits 0..10, pitch - 1 bits 13..31
    uint32_t src_slice;   ///< slice pitch - 1 bits 0..27
    uint32_t dst_lo, dst_hi;
    uint32_t dst_xy;
    uint32_t dst_z_pitch;
    uint32_t dst_slice;
    uint32_t rect_xy; ///< width - 1 bits 0..13, height - 1 bits 16..29
    uint32_t rect_z;  ///< depth - 1 bits 0..10
};
static_assert(sizeof(struct abi_sdma_copy_rect) == 52, "SDMA copy linear sub-window");
static_assert(offsetof(struct abi_sdma_copy_rect, dst_lo) == 24, "SDMA copy linear sub-window");
#define ABI_SDMA_RECT_ELEMENT_LOG2(header) (((header) >> 29) & 7u)
#define ABI_SDMA_RECT_X(xy)                ((xy)&0x3fffu)
#define ABI_SDMA_RECT_Y(xy)                (((xy) >> 16) & 0x3fffu)
#define ABI_SDMA_RECT_Z(z)                 ((z)&0x7ffu)
#define ABI_SDMA_RECT_PITCH(z_pitch)       (((z_pitch) >> 13) + 1u)
#define ABI_SDMA_RECT_SLICE(slice)         (((slice)&0xfffffffu) + 1u)

/// WRITE, sub-op LINEAR: the data follow the packet.
struct abi_sdma_write {
    uint32_t header;
    uint32_t dst_lo, dst_hi;
    uint32_t count; ///< bits 0..19: dwords - 1
};
static_assert(sizeof(struct abi_sdma_write) == 16, "SDMA write");
#define ABI_SDMA_WRITE_COUNT(count) (((count)&0xfffffu) + 1u)

/// INDIRECT: runs `ib_dwords` dwords at `base`, then goes on behind this packet.
struct abi_sdma_indirect {
    uint32_t header;
    uint32_t base_lo, base_hi;
    uint32_t ib_dwords; ///< bits 0..19
    uint32_t csa_lo, csa_hi;
};
static_assert(sizeof(struct abi_sdma_indirect) == 24, "SDMA indirect");

/// CONST_FILL. Header bits 30..31: log2 of the unit's bytes (2: dwords).
struct abi_sdma_const_fill {
    uint32_t header;
    uint32_t dst_lo, dst_hi;
    uint32_t data;
    uint32_t count; ///< bits 0..21: bytes - 1; the bits below the unit are ignored
};
static_assert(sizeof(struct abi_sdma_const_fill) == 20, "SDMA constant fill");
#define ABI_SDMA_FILL_UNIT_LOG2(header) (((header) >> 30) & 3u)

/// COND_EXE: unless the dword at the address is `reference`, the next `exec_count` dwords are
/// skipped.
struct abi_sdma_cond_exe {
    uint32_t header;
    uint32_t addr_lo, addr_hi;
    uint32_t reference;
    uint32_t exec_count; ///< bits 0..13
};
static_assert(sizeof(struct abi_sdma_cond_exe) == 20, "SDMA conditional execution");
#define ABI_SDMA_EXEC_COUNT(exec_count) ((exec_count)&0x3fffu)

/// FENCE: stores a dword when everything before is done.
struct abi_sdma_fence {
    uint32_t header;
    uint32_t addr_lo, addr_hi;
    uint32_t data;
};
static_assert(sizeof(struct abi_sdma_fence) == 16, "SDMA fence");

/// TRAP: an interrupt with `context` (bits 0..27), ROCr's event id.
struct abi_sdma_trap {
    uint32_t header;
    uint32_t context;
};
static_assert(sizeof(struct abi_sdma_trap) == 8, "SDMA trap");

/// POLL_REGMEM: waits until (dword & mask) FUNC value.
struct abi_sdma_poll {
    uint32_t header;
    uint32_t addr_lo, addr_hi;
    uint32_t value;
    uint32_t mask;
    uint32_t retry; ///< interval bits 0..15, count bits 16..27 (0xfff: forever)
};
static_assert(sizeof(struct abi_sdma_poll) == 24, "SDMA poll");
#define ABI_SDMA_POLL_HDP_FLUSH    (1u << 26)
#define ABI_SDMA_POLL_FUNC(header) (((header) >> 28) & 7u)
#define ABI_SDMA_POLL_MEMORY       (1u << 31) ///< else a register

/// How POLL_REGMEM and PM4's WAIT_REG_MEM compare.
enum abi_poll_func {
    ABI_POLL_ALWAYS = 0,
    ABI_POLL_LT = 1,
    ABI_POLL_LE = 2,
    ABI_POLL_EQ = 3,
    ABI_POLL_NE = 4,
    ABI_POLL_GE = 5,
    ABI_POLL_GT = 6,
};

/// ATOMIC: one operation of the L2 cache (abi_tc_op).
struct abi_sdma_atomic {
    uint32_t header; ///< bit 16: repeat until compare-and-swap succeeds; bits 25..31: operation
    uint32_t addr_lo, addr_hi;
    uint32_t src_lo, src_hi;
    uint32_t cmp_lo, cmp_hi;
    uint32_t loop_interval;
};
static_assert(sizeof(struct abi_sdma_atomic) == 32, "SDMA atomic");
#define ABI_SDMA_ATOMIC_LOOP       (1u << 16)
#define ABI_SDMA_ATOMIC_OP(header) (((header) >> 25) & 0x7fu)

/// TIMESTAMP, sub-ops GET and GET_GLOBAL: stores the 64-bit device clock.
struct abi_sdma_timestamp {
    uint32_t header;
    uint32_t addr_lo, addr_hi; ///< 8-byte aligned
};
static_assert(sizeof(struct abi_sdma_timestamp) == 12, "SDMA timestamp");

/// Atomic operations of the L2 cache, as SDMA ATOMIC and PM4 ATOMIC_MEM name them: the 32-bit
/// forms that return the old value. 64 bits: + ABI_TC_64BIT; without return: + ABI_TC_NO_RETURN.
/// Source: enum TC_OP in the amdgpu driver's soc15/soc21 register headers.
enum abi_tc_op {
    ABI_TC_SWAP = 0x07,
    ABI_TC_CMPSWAP = 0x08,
    ABI_TC_ADD = 0x0f,
    ABI_TC_SUB = 0x10,
    ABI_TC_SMIN = 0x11,
    ABI_TC_UMIN = 0x12,
    ABI_TC_SMAX = 0x13,
    ABI_TC_UMAX = 0x14,
    ABI_TC_AND = 0x15,
    ABI_TC_OR = 0x16,
    ABI_TC_XOR = 0x17,
    ABI_TC_INC = 0x18, ///< old >= src ? 0 : old + 1
    ABI_TC_DEC = 0x19, ///< old == 0 || old > src ? src : old - 1
};
#define ABI_TC_64BIT     0x20u
#define ABI_TC_NO_RETURN 0x40u

/// Joins the two halves of an address or operand.
static inline uint64_t abi_join64(uint32_t lo, uint32_t hi) {
    return (uint64_t)hi << 32 | lo;
}

#endif
