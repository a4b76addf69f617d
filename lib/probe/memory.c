/* SPDX-License-Identifier: MIT */
#include <hsaprobe/memory.h>

#include <inttypes.h>

#include "probe/probe.h"

hsp_status hsp_memory_allow_access(const void *memory, const struct hsp_agent *const *agents,
                                   size_t agent_count) {
    if (agent_count == 0)
        return hsp_fail(HSP_ERROR_INVALID_ARGUMENT, "access for no agent: expected at least one");
    struct hsp_agent_list list;
    hsp_status status = hsp_agent_list_init(&list, agents, agent_count);
    if (status != HSP_OK)
        return status;
    status = HSP_HSA_CALL(hsa_amd_agents_allow_access, (list.count, list.handles, NULL, memory));
    hsp_agent_list_fini(&list);
    return status;
}

hsp_status hsp_memory_alloc(const struct hsp_pool *pool, size_t bytes,
                            const struct hsp_agent *const *agents, size_t agent_count,
                            void **out_memory) {
    if (bytes == 0)
        return hsp_fail(HSP_ERROR_INVALID_ARGUMENT, "cannot allocate 0 bytes");
    if (!pool->info.alloc_allowed)
        return hsp_fail(HSP_ERROR_INVALID_ARGUMENT, "this pool of %s allows no allocation",
                        pool->agent->info.name);
    if (bytes > pool->info.alloc_max_bytes)
        return hsp_fail(HSP_ERROR_OUT_OF_MEMORY,
                        "cannot allocate %zu bytes: the pool of %s gives %" PRIu64 " at most",
                        bytes, pool->agent->info.name, pool->info.alloc_max_bytes);
    void *memory = NULL;
    hsp_status status =
        HSP_HSA_CALL(hsa_amd_memory_pool_allocate, (pool->handle, bytes, 0, &memory));
    if (status != HSP_OK) {
        hsp_usage_add_failure(pool);
        return status;
    }
    if (agent_count > 0)
        status = hsp_memory_allow_access(memory, agents, agent_count);
    if (status == HSP_OK)
        status = hsp_usage_add(pool, memory, bytes);
    if (status != HSP_OK) {
        HSP_HSA(hsa_amd_memory_pool_free)(memory);
        return status;
    }
    *out_memory = memory;
    return HSP_OK;
}

hsp_status hsp_memory_free(void *memory) {
    if (!memory)
        return HSP_OK;
    // Before the memory goes: its address may be given out again at once.
    hsp_usage_remove(memory);
    return HSP_HSA_CALL(hsa_amd_memory_pool_free, (memory));
}
