/* SPDX-License-Identifier: MIT */
/// Image instructions (MIMG): resource descriptors (T#), samplers (S#), texel accesses.
///
/// Sources: AMD's Vega ISA manual, "Vector memory image instructions"; register headers of ROCr's
/// image library for the descriptors' fields. Every function runs one instruction for the active
/// lanes. All lanes are checked before anything is written; false means that the wave was stopped
/// with a fault: of the lowest lane whose texel is not accessible, or SG_FAULT_UNIMPLEMENTED with
/// the descriptor's field in the mnemonic. Texels outside of the image read 0 and drop stores.
/// Mip levels other than the first are outside of every image: this GPU keeps one level.
#ifndef SG_ISA_IMAGE_H
#define SG_ISA_IMAGE_H

#include "softgpu/isa/image_format.h"
#include "softgpu/isa/image_tiling.h"
#include "softgpu/isa/vmem.h"

/// sg_op.mods of MIMG beside SG_MEM_GLC and SG_MEM_SLC. sg_op.imm is DMASK, aux the row's flags.
enum sg_image_mod {
    SG_IMAGE_SCC = 1u << 8,
    SG_IMAGE_UNORM = 1u << 9, ///< coordinates are texels
    SG_IMAGE_DA = 1u << 10,   ///< the address has a layer
    SG_IMAGE_A16 = 1u << 11,  ///< two address components in a register
    SG_IMAGE_LWE = 1u << 12,
    SG_IMAGE_D16 = 1u << 13, ///< two data components in a register
};

/// sg_row.flags of MIMG.
enum sg_image_row {
    SG_IMAGE_ROW_MIP = 1u << 0,    ///< the last address component is a mip level
    SG_IMAGE_ROW_PCK = 1u << 1,    ///< memory's dwords as they are
    SG_IMAGE_ROW_SGN = 1u << 2,    ///< ... sign-extended
    SG_IMAGE_ROW_SAMPLE = 1u << 3, ///< has a sampler
    SG_IMAGE_ROW_D16 = 1u << 4,    ///< has a D16 form
    SG_IMAGE_ROW_ATOMIC = 1u << 5,
    SG_IMAGE_ROW_CMP = 1u << 6, ///< an atomic with two operands
};

enum sg_image_type {
    SG_IMAGE_1D = 8,
    SG_IMAGE_2D,
    SG_IMAGE_3D,
    SG_IMAGE_CUBE,
    SG_IMAGE_1D_ARRAY,
    SG_IMAGE_2D_ARRAY,
};

/// A descriptor, read.
struct sg_image {
    bool is_null; ///< all accesses are outside
    bool is_layered;
    bool is_cube;
    uint8_t dims;     ///< spatial coordinates
    uint32_t size[3]; ///< texels in x and y; depth or layers
    uint32_t first_layer;
    uint32_t pitch; ///< texels
    uint64_t base;
    enum sg_number number;
    uint8_t select[4]; ///< DST_SEL
    const struct sg_texel_format *format;
    struct sg_tiling tiling;
};

/// Reads the instruction's descriptor. False with a fault for one that this GPU lacks.
bool sg_image_take(struct sg_wave *w, const struct sg_op *op, struct sg_image *image);

/// Registers of data that the instruction moves: one per component of DMASK, or half of them. An
/// atomic has one or two for each operand.
uint32_t sg_image_data_dwords(const struct sg_op *op);

/// Component n of a lane's address.
uint32_t sg_image_address(const struct sg_wave *w, const struct sg_op *op, uint32_t lane,
                          uint32_t n);
/// A lane's integer coordinates; false if they are outside of the image.
bool sg_image_coordinates(const struct sg_wave *w, const struct sg_op *op,
                          const struct sg_image *image, uint32_t lane, uint32_t at[3]);
/// GPU address of a texel inside of the image; layers count from the first one.
uint64_t sg_image_texel(const struct sg_image *image, const uint32_t at[3]);
/// Reads and unpacks a texel, before DST_SEL.
bool sg_image_read(struct sg_wave *w, const struct sg_image *image, const uint32_t at[3],
                   uint32_t texel[4], struct sg_access_fault *fault);
/// Writes four components of all active lanes to the registers that DMASK names.
void sg_image_write_back(struct sg_wave *w, const struct sg_op *op, enum sg_number number,
                         const sg_lane_row components[4]);

bool sg_image_load(struct sg_wave *w, const struct sg_op *op);
bool sg_image_store(struct sg_wave *w, const struct sg_op *op);
bool sg_image_resinfo(struct sg_wave *w, const struct sg_op *op);
bool sg_image_sample(struct sg_wave *w, const struct sg_op *op);

/// Host addresses of an atomic's texels for the lanes inside of the image, which are *out_lanes.
/// `bytes` is the operand's width, which must be the texel's.
bool sg_image_hosts(struct sg_wave *w, const struct sg_op *op, uint32_t bytes,
                    void *hosts[SG_LANES], uint64_t *out_lanes);

#endif
