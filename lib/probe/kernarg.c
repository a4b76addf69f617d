/* SPDX-License-Identifier: MIT */
#include <hsaprobe/pool.h>

#include <stdatomic.h>
#include <stdlib.h>

#include "probe/probe.h"

#define BLOCK_ALIGN 64u
#define BLOCKS_MAX  (1u << 24)
#define NO_BLOCK    UINT32_MAX

// Free blocks form a stack of indices. The upper half of its head counts changes, so that a block
// that left and came back between a thread's load and its exchange is noticed.
struct hsp_kernarg_arena {
    char *memory;
    size_t block_bytes;
    uint32_t block_count;
    _Alignas(64) _Atomic uint64_t head;
    _Atomic uint32_t next[];
};

static uint64_t make_head(uint64_t old, uint32_t index) {
    return ((old >> 32) + 1) << 32 | index;
}

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
    arena->block_count = (uint32_t)block_count;
    void *memory = NULL;
    const hsp_status status =
        hsp_memory_alloc(pool, arena->block_bytes * block_count, &agent, 1, &memory);
    if (status != HSP_OK) {
        free(arena);
        return status;
    }
    arena->memory = memory;
    for (uint32_t i = 0; i < arena->block_count; i++)
        atomic_init(&arena->next[i], i + 1 < arena->block_count ? i + 1 : NO_BLOCK);
    atomic_init(&arena->head, 0);
    *out_arena = arena;
    return HSP_OK;
}

void hsp_kernarg_arena_destroy(struct hsp_kernarg_arena *arena) {
    if (!arena)
        return;
    HSP_HSA(hsa_amd_memory_pool_free)(arena->memory);
    free(arena);
}

void *hsp_kernarg_arena_acquire(struct hsp_kernarg_arena *arena) {
    uint64_t head = atomic_load_explicit(&arena->head, memory_order_acquire);
    for (;;) {
        const uint32_t index = (uint32_t)head;
        if (index == NO_BLOCK)
            return NULL;
        // May be stale when another thread took the block; then the exchange fails.
        const uint32_t next = atomic_load_explicit(&arena->next[index], memory_order_relaxed);
        if (atomic_compare_exchange_weak_explicit(&arena->head, &head, make_head(head, next),
                                                  memory_order_acquire, memory_order_acquire))
            return arena->memory + (size_t)index * arena->block_bytes;
    }
}

void hsp_kernarg_arena_release(struct hsp_kernarg_arena *arena, void *block) {
    const uint32_t index = (uint32_t)((size_t)((char *)block - arena->memory) / arena->block_bytes);
    uint64_t head = atomic_load_explicit(&arena->head, memory_order_relaxed);
    do {
        atomic_store_explicit(&arena->next[index], (uint32_t)head, memory_order_relaxed);
    } while (!atomic_compare_exchange_weak_explicit(&arena->head, &head, make_head(head, index),
                                                    memory_order_release, memory_order_relaxed));
}

size_t hsp_kernarg_arena_block_bytes(const struct hsp_kernarg_arena *arena) {
    return arena->block_bytes;
}
