/* SPDX-License-Identifier: MIT */
#include "softgpu/cu/occupancy.h"

static uint32_t min_u32(uint32_t a, uint32_t b) {
    return a < b ? a : b;
}

void sg_units_select(uint32_t unit_count, const uint32_t *mask, uint32_t mask_bits,
                     struct sg_units *out_units) {
    out_units->count = 0;
    for (uint32_t unit = 0; unit < min_u32(unit_count, SG_UNITS_MAX); unit++) {
        if (!mask || (unit < mask_bits && (mask[unit / 32] >> (unit % 32) & 1))) {
            out_units->index[out_units->count++] = (uint8_t)unit;
        }
    }
}

uint32_t sg_place_hw_id(const struct sg_place *place, uint32_t group_slot) {
    const uint32_t engine = place->unit % SG_ENGINES;
    const uint32_t unit = place->unit / SG_ENGINES;
    return place->slot | place->simd << 4 | unit << 8 | engine << 13 | (group_slot & 0xf) << 16;
}

uint32_t sg_waves_per_simd(const struct sg_kernel *kernel) {
    const uint32_t by_vgprs = SG_VGPRS_PER_SIMD / kernel->vgpr_count;
    const uint32_t by_sgprs = SG_SGPRS_PER_SIMD / kernel->sgpr_count;
    return min_u32(SG_WAVES_PER_SIMD, min_u32(by_vgprs, by_sgprs));
}

uint32_t sg_groups_per_unit(const struct sg_kernel *kernel, uint32_t wave_count,
                            uint32_t lds_bytes) {
    const uint32_t lds = (lds_bytes + SG_LDS_GRANULE - 1) / SG_LDS_GRANULE * SG_LDS_GRANULE;
    const uint32_t groups = SG_SIMDS_PER_UNIT * sg_waves_per_simd(kernel) / wave_count;
    return lds ? min_u32(groups, SG_LDS_BYTES / lds) : groups;
}
