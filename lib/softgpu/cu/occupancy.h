/* SPDX-License-Identifier: MIT */
/// How many work-groups of a kernel an MI200 holds at once, and on which units.
///
/// Sources: LLVM 15, AMDGPUUsage (register granules) and AMDGPUBaseInfo (waves, registers and
/// barriers per unit of gfx90a); the CU mask's bit order is amdkfd's mqd_symmetrically_map_cu_mask.
#ifndef SG_CU_OCCUPANCY_H
#define SG_CU_OCCUPANCY_H

#include "softgpu/cu/kernel.h"

#include <stdint.h>

enum {
    SG_UNITS_MAX = 104, ///< compute units of an MI210
    SG_ENGINES = 8,     ///< shader engines, one shader array each
    SG_SIMDS_PER_UNIT = 4,
    SG_WAVES_PER_SIMD = 8,
    SG_VGPRS_PER_SIMD = 512, ///< per lane, AGPRs included
    SG_SGPRS_PER_SIMD = 800,
    SG_LDS_BYTES = 64 * 1024, ///< per unit
    SG_LDS_GRANULE = 512,
    SG_WORKGROUP_ITEMS_MAX = 1024,
    SG_WAVE_LANES = 64,
    SG_GROUPS_PER_UNIT_MAX = SG_SIMDS_PER_UNIT * SG_WAVES_PER_SIMD,
    SG_RESIDENT_MAX = SG_UNITS_MAX * SG_GROUPS_PER_UNIT_MAX,
};

/// The units a dispatch may use: indices 0..103 in ascending order.
struct sg_units {
    uint32_t count;
    uint8_t index[SG_UNITS_MAX];
};

/// Units 0..unit_count-1 whose bit is set in `mask`; a NULL mask allows all. Bits beyond mask_bits
/// are 0, bits beyond unit_count are ignored.
void sg_units_select(uint32_t unit_count, const uint32_t *mask, uint32_t mask_bits,
                     struct sg_units *out_units);

/// Where a wave sits, in the places of the HW_ID register.
struct sg_place {
    uint32_t unit; ///< 0..103: engine unit % 8, compute unit unit / 8 of it
    uint32_t simd;
    uint32_t slot; ///< wave slot of that SIMD
};

/// The HW_ID register (GFX9: WAVE_ID 3:0, SIMD_ID 5:4, PIPE_ID 7:6, CU_ID 11:8, SH_ID 12,
/// SE_ID 15:13 as on parts with 8 engines, TG_ID 19:16, VM_ID 23:20, QUEUE_ID 26:24).
uint32_t sg_place_hw_id(const struct sg_place *place, uint32_t group_slot);

/// Waves of the kernel that fit a SIMD at once: 1 to 8, limited by vector and scalar registers.
uint32_t sg_waves_per_simd(const struct sg_kernel *kernel);

/// Work-groups of `wave_count` waves and `lds_bytes` that fit one unit; 0: not even one. (A unit's
/// 16 barriers never limit: no more work-groups of two waves fit 32 wave slots.)
uint32_t sg_groups_per_unit(const struct sg_kernel *kernel, uint32_t wave_count,
                            uint32_t lds_bytes);

#endif
