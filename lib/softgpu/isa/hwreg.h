/* SPDX-License-Identifier: MIT */
/// Hardware registers of s_getreg and s_setreg. Private to isa.
#ifndef SG_ISA_HWREG_H
#define SG_ISA_HWREG_H

#include "softgpu/isa/wave.h"

/// The bit field that `hwreg` (SIMM16: id 5:0, first bit 10:6, width - 1 15:11) selects.
/// Registers that a user-mode wave cannot read give 0.
uint32_t sg_hwreg_get(const struct sg_wave *w, uint32_t hwreg);
/// Writes the field. What a user-mode wave cannot write keeps its value, as on the hardware.
void sg_hwreg_set(struct sg_wave *w, uint32_t hwreg, uint32_t value);
/// "HW_REG_MODE" and so on; NULL for an unknown id.
const char *sg_hwreg_name(uint32_t id);

/// s_set_gpr_idx_on and _off, s_setvskip (vector_mode.c).
sg_handler sg_handle_gpr_idx_on, sg_handle_gpr_idx_off, sg_handle_setvskip;

#endif
