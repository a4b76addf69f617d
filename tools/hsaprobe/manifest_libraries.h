/* SPDX-License-Identifier: MIT */
/// The libraries that this process has mapped.
#ifndef TOOL_MANIFEST_LIBRARIES_H
#define TOOL_MANIFEST_LIBRARIES_H

#include <stddef.h>
#include <stdint.h>

#include "report.h"

/// Adds the table "libraries": every mapped object that belongs to ROCm or to hsaprobe, with the
/// file it really is (links followed: that has the version) and its build id.
void manifest_add_libraries(struct report *report);

/// The GNU build id among the notes of a PT_NOTE segment, as hexadecimal digits; empty when there
/// is none or the notes are broken. `out_text` has room for `capacity` bytes.
void manifest_build_id(const void *notes, size_t bytes, char *out_text, size_t capacity);

#endif
