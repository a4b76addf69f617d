/* SPDX-License-Identifier: MIT */
/// Compiled code kept in memory and in a directory, found by a key that says all it depends on.
///
/// An entry's file is named by a hash of the key and holds the key too, so that a hash that two
/// keys share does no harm. Files come into being whole, by rename.
/// Thread safety: any thread, any number of processes.
#ifndef HSP_PROBE_COMPILE_CACHE_H
#define HSP_PROBE_COMPILE_CACHE_H

#include <stdbool.h>
#include <stddef.h>

/// Bytes to be freed by the owner.
struct hsp_blob {
    unsigned char *data;
    size_t size;
};

/// A copy of the code kept under the key; false when there is none.
bool hsp_compile_cache_find(const struct hsp_blob *key, struct hsp_blob *out_code);
/// Keeps a copy. What can't be kept is compiled again next time.
void hsp_compile_cache_add(const struct hsp_blob *key, const struct hsp_blob *code);

#endif
