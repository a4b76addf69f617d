/* SPDX-License-Identifier: MIT */
/// Scalar memory: addressing, shared by the handlers of all levels.
#ifndef SG_ISA_SMEM_H
#define SG_ISA_SMEM_H

#include "softgpu/isa/vmem.h"

/// sg_row.flags of SMEM: how the address is formed, and what the operands are.
enum sg_smem_row {
    SG_SMEM_GLOBAL = 0,
    SG_SMEM_SCRATCH = 1,
    SG_SMEM_BUFFER = 2,
    SG_SMEM_ADDRESSING = 3, ///< mask of the above
    SG_SMEM_STORE = 4,      ///< SDATA is a source
    SG_SMEM_ATOMIC = 8,     ///< SDATA is source and, with glc, destination
    SG_SMEM_PROBE = 16,     ///< SDATA is a number
    SG_SMEM_BARE = 32,      ///< no address
};

/// One scalar access.
struct sg_smem {
    uint64_t va;    ///< dword-aligned
    uint64_t bytes; ///< from there to the end of the buffer, a multiple of 4; UINT64_MAX: no limit
};

/// Address of a scalar memory instruction with this addressing.
struct sg_smem sg_smem_address(const struct sg_wave *w, const struct sg_op *op,
                               enum sg_smem_row addressing);
/// Loads or stores w->s[op->dst] and following. What lies outside of a buffer reads as 0 and is not
/// stored. Return false after having stopped the wave.
bool sg_smem_load(struct sg_wave *w, const struct sg_op *op, enum sg_smem_row addressing,
                  uint32_t dwords);
bool sg_smem_store(struct sg_wave *w, const struct sg_op *op, enum sg_smem_row addressing,
                   uint32_t dwords);

#endif
