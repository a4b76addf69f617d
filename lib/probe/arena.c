/* SPDX-License-Identifier: MIT */
#include "probe/arena.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define BLOCK_BYTES 4096u

struct hsp_arena_block {
    struct hsp_arena_block *next;
    size_t used;
    size_t bytes;
    _Alignas(max_align_t) char data[];
};

void *hsp_arena_alloc(struct hsp_arena *arena, size_t bytes) {
    if (bytes > SIZE_MAX / 2)
        return NULL;
    const size_t align = _Alignof(max_align_t);
    const size_t rounded = (bytes + align - 1) / align * align;
    struct hsp_arena_block *block = arena->blocks;
    if (!block || block->bytes - block->used < rounded) {
        const size_t size = rounded > BLOCK_BYTES ? rounded : BLOCK_BYTES;
        block = calloc(1, sizeof(*block) + size);
        if (!block)
            return NULL;
        block->bytes = size;
        block->next = arena->blocks;
        arena->blocks = block;
    }
    void *memory = block->data + block->used;
    block->used += rounded;
    return memory;
}

char *hsp_arena_text(struct hsp_arena *arena, const char *text, size_t length) {
    char *copy = hsp_arena_alloc(arena, length + 1);
    if (copy)
        memcpy(copy, text, length);
    return copy;
}

void hsp_arena_fini(struct hsp_arena *arena) {
    while (arena->blocks) {
        struct hsp_arena_block *block = arena->blocks;
        arena->blocks = block->next;
        free(block);
    }
}
