/* SPDX-License-Identifier: MIT */
/// From loaded bytes to a register: narrow loads, halves, inactive lanes.
#ifndef SG_ISA_CONVERT_H
#define SG_ISA_CONVERT_H

#include "softgpu/isa/handler.h"
#include "softgpu/mem/lanes.h"

/// How a load's raw value (zero-extended) becomes the register's; see vmem.def.
enum convert {
    CONVERT_U,
    CONVERT_S8,
    CONVERT_S16,
    CONVERT_LO,
    CONVERT_HI,
    CONVERT_LO8,
    CONVERT_HI8
};

/// The register's new value; `how` is a constant where this is inlined.
SG_INLINE uint32_t converted(uint32_t raw, uint32_t old, enum convert how) {
    switch (how) {
    case CONVERT_S8:
        return (uint32_t)(int8_t)raw;
    case CONVERT_S16:
        return (uint32_t)(int16_t)raw;
    case CONVERT_LO:
        return (old & 0xffff0000) | (raw & 0xffff);
    case CONVERT_HI:
        return (old & 0xffff) | raw << 16;
    case CONVERT_LO8:
        return (old & 0xffff0000) | (uint16_t)(int8_t)raw;
    case CONVERT_HI8:
        return (old & 0xffff) | (uint32_t)(int8_t)raw << 16;
    default:
        return raw;
    }
}

/// Writes the active lanes of `dwords` registers.
SG_INLINE void write_back(sg_lane_row *dst, const sg_lane_row *raw, const uint32_t *mask,
                          uint32_t dwords, enum convert how) {
    for (uint32_t k = 0; k < dwords; k++) {
        for (uint32_t i = 0; i < SG_LANES; i++) {
            uint32_t value = converted(raw[k][i], dst[k][i], how);
            dst[k][i] = (dst[k][i] & ~mask[i]) | (value & mask[i]);
        }
    }
}

#endif
