/* SPDX-License-Identifier: MIT */
/// Memory pools, and arenas for kernel arguments. What is allocated from pools is in memory.h.
///
/// A pool is owned by the runtime and valid until the last hsp_runtime_shutdown.
///
/// Thread safety: all functions, from any thread.
#ifndef HSAPROBE_POOL_H
#define HSAPROBE_POOL_H

#include <hsa/hsa_ext_amd.h>
#include <hsaprobe/agent.h>

#ifdef __cplusplus
extern "C" {
#endif

struct hsp_pool;

enum hsp_pool_segment {
    HSP_SEGMENT_GLOBAL = 0,
    HSP_SEGMENT_READONLY = 1,
    HSP_SEGMENT_PRIVATE = 2,
    HSP_SEGMENT_GROUP = 3,
};

/// Bits of hsp_pool_info.flags; the values of hsa_amd_memory_pool_global_flag_t.
enum hsp_pool_flag {
    HSP_POOL_KERNARG = 1,
    HSP_POOL_FINE_GRAINED = 2,
    HSP_POOL_COARSE_GRAINED = 4,
};

struct hsp_pool_info {
    enum hsp_pool_segment segment;
    uint32_t flags;           ///< enum hsp_pool_flag; 0 outside the global segment
    uint64_t size_bytes;      ///<
    uint64_t alloc_max_bytes; ///< largest single allocation; size_bytes where not known
    uint64_t granule_bytes;   ///< sizes are rounded up to it; 0 when allocation isn't allowed
    uint64_t alignment_bytes; ///< of every allocation
    bool alloc_allowed;
    bool accessible_by_all; ///< every agent has access without being allowed
};

/// Number of an agent's pools.
HSP_API size_t hsp_pool_count(const struct hsp_agent *agent);
/// NULL when `index` is out of range.
HSP_API const struct hsp_pool *hsp_pool_at(const struct hsp_agent *agent, size_t index);
/// First pool of the global segment of the agent that allows allocation and has all these flags;
/// NULL when there is none.
HSP_API const struct hsp_pool *hsp_pool_find(const struct hsp_agent *agent, uint32_t flags);
/// What was read at initialisation; owned by the runtime. Never NULL.
HSP_API const struct hsp_pool_info *hsp_pool_info_get(const struct hsp_pool *pool);
/// The agent whose memory it is.
HSP_API const struct hsp_agent *hsp_pool_agent(const struct hsp_pool *pool);
/// HSA's own handle, for calls of HSA.
HSP_API hsa_amd_memory_pool_t hsp_pool_handle(const struct hsp_pool *pool);

/// What hsp_memory_alloc and hsp_memory_free have done with a pool in this process since
/// hsp_runtime_init. Sizes are rounded up to the pool's granule.
struct hsp_pool_usage {
    uint64_t allocation_count; ///< alive now
    uint64_t allocated_bytes;  ///< alive now
    uint64_t peak_bytes;       ///< greatest allocated_bytes so far
    uint64_t total_count;      ///< allocations ever made
    uint64_t total_bytes;      ///< of these
    uint64_t failed_count;     ///< refused by the runtime
};
/// The numbers belong to one moment.
HSP_API void hsp_pool_usage_get(const struct hsp_pool *pool, struct hsp_pool_usage *out_usage);

/// Blocks of one size in kernarg memory that an agent can read, for arguments of dispatches in
/// flight. Acquire and release are lock-free and never allocate.
struct hsp_kernarg_arena;

/// Each block has `block_bytes` (rounded up to 64) and is 64-byte aligned.
HSP_API hsp_status hsp_kernarg_arena_create(const struct hsp_agent *agent, size_t block_bytes,
                                            size_t block_count,
                                            struct hsp_kernarg_arena **out_arena);
/// NULL is fine. All blocks must be released or unused by then.
HSP_API void hsp_kernarg_arena_destroy(struct hsp_kernarg_arena *arena);
/// NULL when all blocks are out.
HSP_API void *hsp_kernarg_arena_acquire(struct hsp_kernarg_arena *arena);
/// Gives a block of this arena back, once no kernel reads it any more. Not NULL.
HSP_API void hsp_kernarg_arena_release(struct hsp_kernarg_arena *arena, void *block);
/// Rounded size of each block.
HSP_API size_t hsp_kernarg_arena_block_bytes(const struct hsp_kernarg_arena *arena);

#ifdef __cplusplus
}
#endif

#endif
