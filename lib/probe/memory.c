/* SPDX-License-Identifier: MIT */
#include <hsaprobe/pool.h>

#include <inttypes.h>
#include <stdlib.h>

#include "probe/probe.h"

hsp_status hsp_memory_allow_access(const void *memory, const struct hsp_agent *const *agents,
                                   size_t agent_count) {
    if (agent_count == 0 || agent_count > UINT32_MAX)
        return hsp_fail(HSP_ERROR_INVALID_ARGUMENT, "access for %zu agents: expected at least one",
                        agent_count);
    hsa_agent_t few[8];
    hsa_agent_t *handles = few;
    if (agent_count > sizeof(few) / sizeof(few[0])) {
        handles = malloc(agent_count * sizeof(*handles));
        if (!handles)
            return hsp_fail_memory("a list of agents");
    }
    for (size_t i = 0; i < agent_count; i++)
        handles[i] = agents[i]->handle;
    const hsp_status status =
        HSP_HSA_CALL(hsa_amd_agents_allow_access, ((uint32_t)agent_count, handles, NULL, memory));
    if (handles != few)
        free(handles);
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
    if (status != HSP_OK)
        return status;
    if (agent_count > 0)
        status = hsp_memory_allow_access(memory, agents, agent_count);
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
    return HSP_HSA_CALL(hsa_amd_memory_pool_free, (memory));
}

hsp_status hsp_memory_copy(void *destination, const void *source, size_t bytes) {
    if (bytes == 0)
        return HSP_OK;
    return HSP_HSA_CALL(hsa_memory_copy, (destination, source, bytes));
}

hsp_status hsp_memory_copy_async(void *destination, const struct hsp_agent *to, const void *source,
                                 const struct hsp_agent *from, size_t bytes,
                                 const hsa_signal_t *dependencies, size_t dependency_count,
                                 hsa_signal_t completion) {
    if (dependency_count > UINT32_MAX)
        return hsp_fail(HSP_ERROR_INVALID_ARGUMENT, "%zu dependencies are too many",
                        dependency_count);
    return HSP_HSA_CALL(hsa_amd_memory_async_copy,
                        (destination, to->handle, source, from->handle, bytes,
                         (uint32_t)dependency_count, dependency_count ? dependencies : NULL,
                         completion));
}

hsp_status hsp_memory_fill(void *memory, uint32_t value, size_t count) {
    if ((uintptr_t)memory % sizeof(uint32_t) != 0)
        return hsp_fail(HSP_ERROR_INVALID_ARGUMENT,
                        "cannot fill from %p: expected an address "
                        "that is a multiple of 4",
                        memory);
    if (count == 0)
        return HSP_OK;
    return HSP_HSA_CALL(hsa_amd_memory_fill, (memory, value, count));
}
