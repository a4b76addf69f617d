/* SPDX-License-Identifier: MIT */
#include <hsaprobe/memory.h>

#include <stdlib.h>

#include "probe/free_list.h"
#include "probe/probe.h"

#define BLOCK_ALIGN 64u
#define BLOCKS_MAX  (1u << 24)

struct hsp_kernarg_arena {
    char *memory;
    size_t block_bytes;
    struct hsp_free_list free_blocks;
    _Atomic uint32_t next[];
};

hsp_status hsp_kernarg_arena_create(const struct hsp_agent *agent, size_t block_bytes,
                                    size_t block_count, struct hsp_kernarg_arena **out_arena) {
    if (block_bytes == 0 || block_bytes > SIZE_MAX / 2 / BLOCKS_MAX || block_count == 0 ||
        block_count > BLOCKS_MAX)
        return hsp_fail(HSP_ERROR_INVALID_ARGUMENT,
                        "an arena of %zu blocks of %zu bytes: expected 1 to %u blocks that are not "
                        "empty",
                        block_count, block_bytes, BLOCKS_MAX);
    const struct hsp_agent *host = hsp_agent_host();
    const struct hsp_pool *pool = host ? hsp_pool_find(host, HSP_POOL_KERNARG) : NULL;
    if (!pool)
        return hsp_fail(HSP_ERROR_NOT_SUPPORTED, "no memory pool for kernel arguments");
    struct hsp_kernarg_arena *arena = NULL;
    const size_t bytes = sizeof(*arena) + block_count * sizeof(arena->next[0]);
    arena = aligned_alloc(64, (bytes + 63) / 64 * 64);
    if (!arena)
        return hsp_fail_memory("an arena");
    arena->block_bytes = (block_bytes + BLOCK_ALIGN - 1) / BLOCK_ALIGN * BLOCK_ALIGN;
    void *memory = NULL;
    const hsp_status status =
        hsp_memory_alloc(pool, arena->block_bytes * block_count, &agent, 1, &memory);
    if (status != HSP_OK) {
        free(arena);
        return status;
    }
    arena->memory = memory;
    hsp_free_list_init(&arena->free_blocks, arena->next, (uint32_t)block_count);
    *out_arena = arena;
    return HSP_OK;
}

void hsp_kernarg_arena_destroy(struct hsp_kernarg_arena *arena) {
    if (!arena)
        return;
    hsp_memory_free(arena->memory);
    free(arena);
}

void *hsp_kernarg_arena_acquire(struct hsp_kernarg_arena *arena) {
    const uint32_t index = hsp_free_list_pop(&arena->free_blocks);
    return index == HSP_FREE_LIST_NONE ? NULL : arena->memory + (size_t)index * arena->block_bytes;
}

void hsp_kernarg_arena_release(struct hsp_kernarg_arena *arena, void *block) {
    const size_t offset = (size_t)((char *)block - arena->memory);
    hsp_free_list_push(&arena->free_blocks, (uint32_t)(offset / arena->block_bytes));
}

size_t hsp_kernarg_arena_block_bytes(const struct hsp_kernarg_arena *arena) {
    return arena->block_bytes;
}
