/* SPDX-License-Identifier: MIT */
/// Memory of one owner that is freed at once: the strings and tables of a code object.
///
/// Thread safety: one thread at a time.
#ifndef HSP_PROBE_ARENA_H
#define HSP_PROBE_ARENA_H

#include <stddef.h>

struct hsp_arena_block;

/// All zero is an empty arena.
struct hsp_arena {
    struct hsp_arena_block *blocks; ///< newest first
};

/// Zeroed memory, aligned for any type; NULL when memory is short.
void *hsp_arena_alloc(struct hsp_arena *arena, size_t bytes);
/// Copy of `length` characters with a final NUL.
char *hsp_arena_text(struct hsp_arena *arena, const char *text, size_t length);
/// Frees everything; the arena is empty again.
void hsp_arena_fini(struct hsp_arena *arena);

#endif
