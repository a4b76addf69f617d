/* SPDX-License-Identifier: MIT */
/// Which line of source an address comes from: .debug_line, read by libdw.
///
/// libdw is opened when first asked, so that the library starts without it.
/// Thread safety: any thread; a table is constant once made.
#ifndef HSP_PROBE_SOURCE_LINES_H
#define HSP_PROBE_SOURCE_LINES_H

#include <hsaprobe/code_object.h>

#include "probe/arena.h"

struct hsp_source_line {
    uint64_t address; ///< first of the row
    const char *file; ///< in the arena; NULL: the row ends a sequence
    uint32_t line;
};

/// Rows of an image within [begin, end), ascending. None without libdw, without debug information
/// or with broken one. To be freed by the caller.
struct hsp_source_line *hsp_source_lines_read(const struct hsp_image *image, uint64_t begin,
                                              uint64_t end, struct hsp_arena *arena,
                                              size_t *out_count);

#endif
