/* SPDX-License-Identifier: MIT */
/// Kernel descriptors: the 64 bytes that tell the packet processor how to start a kernel's waves.
///
/// Read from the image, so that neither runtime nor GPU is needed.
///
/// Source: LLVM 15, AMDGPUUsage, "Kernel Descriptor", "compute_pgm_rsrc1", "2" and "3".
///
/// Thread safety: a descriptor is a plain value; reading one only reads the code object.
#ifndef HSAPROBE_DESCRIPTOR_H
#define HSAPROBE_DESCRIPTOR_H

#include <hsaprobe/code_object.h>

#ifdef __cplusplus
extern "C" {
#endif

#define HSP_DESCRIPTOR_BYTES 64

/// A kernel's descriptor and where its code lies.
struct hsp_descriptor {
    uint8_t bytes[HSP_DESCRIPTOR_BYTES]; ///< as in the image
    char isa[96];                        ///< of the image; decides what some fields mean
    uint64_t address;                    ///< as linked; in an unlinked object, in its section
    uint64_t offset;                     ///< of the descriptor in the image
    uint64_t code_address;               ///< of the first instruction, likewise
    uint64_t code_offset;                ///< of the first instruction in the image
    uint64_t code_bytes;                 ///< up to the end of the kernel's symbol
};
/// Finds and copies the descriptor of a kernel of this code object. HSP_ERROR_FORMAT: its symbol
/// or its code is missing or lies outside of the image.
HSP_API hsp_status hsp_descriptor_read(const struct hsp_code_object *object,
                                       const struct hsp_kernel *kernel,
                                       struct hsp_descriptor *out_descriptor);

/// One field of a descriptor.
struct hsp_descriptor_field {
    const char *name;   ///< as AMDGPUUsage has it, in lower case; static
    const char *word;   ///< "compute_pgm_rsrc1", ..., or "" for a field of the descriptor itself
    uint32_t bit;       ///< lowest bit in the descriptor
    uint32_t bit_count; ///< 1..64
    uint64_t value;     ///< as it stands there; the entry's offset is signed
    char meaning[64];   ///< "24 VGPRs", "round to nearest even"; "" where the value says it all
};
/// Fields that descriptors for this one's processor have, reserved ones left out.
HSP_API size_t hsp_descriptor_field_count(const struct hsp_descriptor *descriptor);
/// The index-th of them in the order of their bits; false when out of range.
HSP_API bool hsp_descriptor_field_get(const struct hsp_descriptor *descriptor, size_t index,
                                      struct hsp_descriptor_field *out_field);
/// The value of a field by its name; false when this processor's descriptors have none.
HSP_API bool hsp_descriptor_value(const struct hsp_descriptor *descriptor, const char *name,
                                  uint64_t *out_value);
/// Whether all bits that must be 0 are.
HSP_API bool hsp_descriptor_reserved_is_zero(const struct hsp_descriptor *descriptor);

#ifdef __cplusplus
}
#endif

#endif
