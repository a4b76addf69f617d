/* SPDX-License-Identifier: MIT */
/// Where a texel is: the swizzle modes (SW_MODE) of gfx9.
///
/// A tiled image is a row-major array of blocks of 256 bytes, 4 KiB or 64 KiB. Within a block every
/// address bit is a coordinate bit or, for the modes that spread accesses over pipes and banks (_T,
/// _X), the XOR of several. Pipes and banks follow GB_ADDR_CONFIG as the driver reports it
/// (16 pipes of 256 bytes, 16 banks).
/// Source: the address equations of AMD's public address library for gfx9.
#ifndef SG_ISA_IMAGE_TILING_H
#define SG_ISA_IMAGE_TILING_H

#include <stdbool.h>
#include <stdint.h>

enum { SG_SW_LINEAR = 0 };

/// Equations of one mode and texel size.
struct sg_tiling {
    bool is_linear;
    bool is_xor;          ///< low bits of the image's address are XORed, too
    uint32_t block_log2;  ///< bytes
    uint32_t dim_log2[3]; ///< of a block: texels in x, y, z
    uint32_t bit[3][16];  ///< address bits that bit n of x, y, z flips
    uint32_t texel_bytes;
};

/// Prepares a mode for texels of `texel_bytes`. False if this GPU lacks it: reserved codes, and
/// texels of 12 bytes in tiles.
bool sg_tiling_init(struct sg_tiling *tiling, uint32_t sw_mode, bool is_3d, uint32_t texel_bytes);

/// Address of a texel of an image at `base` with `pitch` texels in a row and `height` rows.
uint64_t sg_tiling_address(const struct sg_tiling *tiling, uint64_t base, uint32_t pitch,
                           uint32_t height, const uint32_t at[3]);

#endif
