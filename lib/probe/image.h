/* SPDX-License-Identifier: MIT */
/// Finding device images in bytes: raw ELF, offload bundles, the fat binary of a host ELF.
///
/// Everything read is checked against the size first; malformed input is HSP_ERROR_FORMAT with the
/// offset at which it stopped making sense. Thread safety: one thread per code object.
#ifndef HSP_PROBE_IMAGE_H
#define HSP_PROBE_IMAGE_H

#include "probe/code_object.h"

/// Bytes being read and what messages call them.
struct hsp_bytes {
    const unsigned char *data;
    size_t size;
    uint64_t file_offset; ///< of data[0] in the file
    const char *name;     ///< of the file
};

/// Whether [offset, offset + length) lies in `size` bytes; no overflow.
static inline bool hsp_bytes_hold(size_t size, uint64_t offset, uint64_t length) {
    return offset <= size && length <= size - offset;
}

/// Checks a device ELF (header, tables, notes) and fills isa, version, bytes, size and offset.
hsp_status hsp_image_read_elf(const struct hsp_bytes *elf, struct hsp_image *out_image);

/// The kernel metadata of an image that hsp_image_read_elf accepted: the descriptor of its AMDGPU
/// note, MessagePack. `file` is what messages call the file.
hsp_status hsp_image_find_metadata(const struct hsp_image *image, const char *file,
                                   struct hsp_bytes *out_metadata);

/// Appends the device images of one or more bundles, compressed ones or not, one behind the other.
hsp_status hsp_bundles_read(const struct hsp_bytes *bundles, struct hsp_code_object *object);
/// Whether the bytes begin like an uncompressed or a compressed bundle.
bool hsp_bytes_are_bundle(const struct hsp_bytes *bytes);

/// Section .hip_fatbin of a host executable or library (libelf).
hsp_status hsp_fat_binary_find(const struct hsp_bytes *host, struct hsp_bytes *out_section);

/// Takes memory that images lie in over until the object is closed; frees it on failure.
hsp_status hsp_code_object_keep(struct hsp_code_object *object, void *memory);
/// Appends an image to the object.
hsp_status hsp_code_object_add_image(struct hsp_code_object *object, const struct hsp_image *image);

#endif
