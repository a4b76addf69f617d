/* SPDX-License-Identifier: MIT */
/// AQL packets as the packet processor sees them.
///
/// Source: HSA Runtime Programmer's Reference Manual 1.2, section 2.6 (packet formats); HSA
/// Platform System Architecture 1.2, section 2.8; AMD's vendor packets from hsa_ext_amd.h.
/// Bytes only: no function, no state.
#ifndef HSP_ABI_AQL_H
#define HSP_ABI_AQL_H

#include <assert.h>
#include <stddef.h>
#include <stdint.h>

/// Every AQL packet is one 64-byte ring slot.
#define ABI_AQL_PACKET_BYTES 64

/// Bits 0..7 of the 16-bit header.
enum abi_aql_type {
    ABI_AQL_VENDOR = 0,
    ABI_AQL_INVALID = 1,
    ABI_AQL_KERNEL_DISPATCH = 2,
    ABI_AQL_BARRIER_AND = 3,
    ABI_AQL_AGENT_DISPATCH = 4,
    ABI_AQL_BARRIER_OR = 5,
};

/// Header bit positions; acquire and release scopes are two bits wide.
#define ABI_AQL_HEADER_TYPE_MASK     0xffu
#define ABI_AQL_HEADER_BARRIER_BIT   8
#define ABI_AQL_HEADER_ACQUIRE_SHIFT 9
#define ABI_AQL_HEADER_RELEASE_SHIFT 11

enum abi_aql_scope {
    ABI_AQL_SCOPE_NONE = 0,
    ABI_AQL_SCOPE_AGENT = 1,
    ABI_AQL_SCOPE_SYSTEM = 2,
};

/// AmdFormat byte of a vendor packet (offset 2).
enum abi_aql_amd_format {
    ABI_AQL_AMD_PM4_IB = 1,
    ABI_AQL_AMD_BARRIER_VALUE = 2,
};

/// Kernel dispatch. `setup` bits 0..1: number of dimensions. Sizes are work-items.
struct abi_aql_dispatch {
    uint16_t header;
    uint16_t setup;
    uint16_t workgroup_size[3];
    uint16_t reserved0;
    uint32_t grid_size[3];
    uint32_t private_segment_size; ///< bytes per work-item
    uint32_t group_segment_size;   ///< bytes of LDS per work-group
    uint64_t kernel_object;        ///< address of the kernel descriptor
    uint64_t kernarg_address;
    uint64_t reserved2;
    uint64_t completion_signal; ///< address of an abi_signal, or 0
};
static_assert(sizeof(struct abi_aql_dispatch) == ABI_AQL_PACKET_BYTES, "AQL dispatch");
static_assert(offsetof(struct abi_aql_dispatch, kernel_object) == 32, "AQL dispatch");
static_assert(offsetof(struct abi_aql_dispatch, completion_signal) == 56, "AQL dispatch");

/// Barrier-AND and barrier-OR. A zero handle in `dep_signal` is ignored.
struct abi_aql_barrier {
    uint16_t header;
    uint16_t reserved0;
    uint32_t reserved1;
    uint64_t dep_signal[5];
    uint64_t reserved2;
    uint64_t completion_signal;
};
static_assert(sizeof(struct abi_aql_barrier) == ABI_AQL_PACKET_BYTES, "AQL barrier");

/// AMD barrier-value: waits until (signal value & mask) COND value.
struct abi_aql_barrier_value {
    uint16_t header;
    uint8_t amd_format; ///< ABI_AQL_AMD_BARRIER_VALUE
    uint8_t reserved0;
    uint32_t reserved1;
    uint64_t signal;
    int64_t value;
    int64_t mask;
    uint32_t cond; ///< hsa_signal_condition_t: 0 EQ, 1 NE, 2 LT, 3 GTE
    uint32_t reserved2;
    uint64_t reserved3;
    uint64_t reserved4;
    uint64_t completion_signal;
};
static_assert(sizeof(struct abi_aql_barrier_value) == ABI_AQL_PACKET_BYTES, "AQL barrier value");
static_assert(offsetof(struct abi_aql_barrier_value, cond) == 32, "AQL barrier value");

/// PM4 indirect buffer carried by an AQL ring (ROCr-internal; five PM4 dwords after the format).
struct abi_aql_pm4_ib {
    uint16_t header;
    uint16_t amd_format; ///< ABI_AQL_AMD_PM4_IB
    uint32_t ib_jump_cmd[4];
    uint32_t dw_count_remaining;
    uint32_t reserved[8];
    uint64_t completion_signal;
};
static_assert(sizeof(struct abi_aql_pm4_ib) == ABI_AQL_PACKET_BYTES, "AQL PM4 IB");

/// Type of the packet with this header.
static inline unsigned abi_aql_type(uint16_t header) {
    return header & ABI_AQL_HEADER_TYPE_MASK;
}

#endif
