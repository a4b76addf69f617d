/* SPDX-License-Identifier: MIT */
/// Buffer accesses that convert: buffer_load_format_* and buffer_store_format_* (MUBUF, the format
/// is the descriptor's), tbuffer_* (MTBUF, the instruction's).
///
/// Source: AMD's Vega ISA manual, "Memory buffer instructions". Lanes out of range read 0 and drop
/// stores. All lanes are checked before anything is written; false means that the wave was stopped
/// with a fault: of the lowest lane whose element is not accessible, or SG_FAULT_UNIMPLEMENTED with
/// the format's code in the mnemonic.
#ifndef SG_ISA_BUFFER_FORMAT_H
#define SG_ISA_BUFFER_FORMAT_H

#include "softgpu/isa/buffer.h"

/// sg_row.flags, and sg_op.aux, beside SG_VMEM_LOAD and SG_VMEM_STORE. MTBUF has its formats in
/// sg_op.sdst: data format in the low four bits, number format above.
enum sg_buffer_format_row {
    SG_BUFFER_X = 1u << 8, ///< components
    SG_BUFFER_XY = 2u << 8,
    SG_BUFFER_XYZ = 3u << 8,
    SG_BUFFER_XYZW = 4u << 8,
    SG_BUFFER_COMPONENTS = 7u << 8,
    SG_BUFFER_D16 = 1u << 11,  ///< two components in a register
    SG_BUFFER_HIGH = 1u << 12, ///< D16 in the register's high half; the other stays
};

bool sg_buffer_format_load(struct sg_wave *w, const struct sg_op *op);
bool sg_buffer_format_store(struct sg_wave *w, const struct sg_op *op);

#endif
