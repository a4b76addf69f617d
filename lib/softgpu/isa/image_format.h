/* SPDX-License-Identifier: MIT */
/// Texels: the data and number formats that image and typed buffer descriptors share.
///
/// Source of the codes: AMD's Vega ISA manual, "Image resource" and "Buffer resource" descriptors.
/// All functions are pure and may be called from any thread.
#ifndef SG_ISA_IMAGE_FORMAT_H
#define SG_ISA_IMAGE_FORMAT_H

#include <stdbool.h>
#include <stdint.h>

/// How a component's bits are a number.
enum sg_number {
    SG_NUMBER_UNORM,
    SG_NUMBER_SNORM,
    SG_NUMBER_USCALED,
    SG_NUMBER_SSCALED,
    SG_NUMBER_UINT,
    SG_NUMBER_SINT,
    SG_NUMBER_FLOAT = 7,
    SG_NUMBER_SRGB = 9, ///< images only; the fourth component is linear
};

/// Layout of a texel: components from its lowest bit upwards.
struct sg_texel_format {
    uint8_t code;
    uint8_t bytes;
    uint8_t count;   ///< components
    uint8_t bits[4]; ///< of each
};

/// Layout of a data format's code; NULL if this GPU has none (invalid or compressed).
const struct sg_texel_format *sg_texel_format_find(uint32_t code);

/// False for the number formats that don't exist.
bool sg_number_is_valid(uint32_t number);
/// True if registers hold floats, false for integers.
bool sg_number_is_float(enum sg_number number);

/// Memory's bytes to one register per component; components that the format lacks are 0, 0, 0, 1.
void sg_texel_unpack(const struct sg_texel_format *format, enum sg_number number,
                     const uint8_t *bytes, uint32_t out[4]);
/// The other way. Values out of range become the nearest that fits, NaN becomes 0 where numbers are
/// fixed-point.
void sg_texel_pack(const struct sg_texel_format *format, enum sg_number number,
                   const uint32_t in[4], uint8_t *bytes);

/// IEEE-like floats of 5 exponent bits: half (10 bits of mantissa, signed), and the unsigned ones
/// of 11 and 10 bits (6 and 5).
uint32_t sg_small_float_widen(uint32_t bits, uint32_t mantissa_bits, bool is_signed);
/// Rounds to nearest even; beyond the largest is infinity; unsigned ones have 0 for negatives.
uint32_t sg_small_float_narrow(uint32_t f32, uint32_t mantissa_bits, bool is_signed);

/// A register's value of 32 bits in 16 (D16), and back.
uint32_t sg_texel_narrow(enum sg_number number, uint32_t value);
uint32_t sg_texel_widen(enum sg_number number, uint32_t half);

/// A DST_SEL: 0, 1, or a component (4 to 7), of a texel.
uint32_t sg_texel_select(uint32_t select, enum sg_number number, const uint32_t texel[4]);
/// The components that a store's registers go to: the inverse of the four selectors. The first
/// register that selects a component is stored there; 0 where none does.
void sg_texel_unselect(const uint8_t select[4], const uint32_t in[4], uint32_t texel[4]);

#endif
