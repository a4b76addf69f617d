/* SPDX-License-Identifier: MIT */
/// Compressed offload bundles ("CCOB"), as clang writes them since release 18: a header, then a
/// bundle packed by zlib or zstd.
#ifndef HSP_PROBE_UNPACK_H
#define HSP_PROBE_UNPACK_H

#include "probe/image.h"

/// Whether the bytes begin like a compressed bundle.
bool hsp_bytes_are_packed(const struct hsp_bytes *bytes);

/// Unpacks the compressed bundle at the start of `packed`. `out_data` is the bundle in it, to be
/// freed by the caller, and `out_end` the length of the compressed one. The header's hash of the
/// content isn't checked; both methods have a checksum of their own. HSP_ERROR_FORMAT: malformed;
/// HSP_ERROR_NOT_SUPPORTED: a version or method that this library doesn't know.
hsp_status hsp_unpack(const struct hsp_bytes *packed, unsigned char **out_data, size_t *out_size,
                      uint64_t *out_end);

#endif
