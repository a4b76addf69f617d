/* SPDX-License-Identifier: MIT */
#include <hsaprobe/pool.h>

#include <stdlib.h>
#include <string.h>

#include "probe/probe.h"

static bool query(hsa_amd_memory_pool_t pool, hsa_amd_memory_pool_info_t id, void *value) {
    return HSP_HSA(hsa_amd_memory_pool_get_info)(pool, id, value) == HSA_STATUS_SUCCESS;
}

static void read_info(hsa_amd_memory_pool_t pool, struct hsp_pool_info *info) {
    hsa_amd_segment_t segment = HSA_AMD_SEGMENT_GLOBAL;
    query(pool, HSA_AMD_MEMORY_POOL_INFO_SEGMENT, &segment);
    info->segment = (enum hsp_pool_segment)segment;
    if (segment == HSA_AMD_SEGMENT_GLOBAL)
        query(pool, HSA_AMD_MEMORY_POOL_INFO_GLOBAL_FLAGS, &info->flags);
    size_t bytes = 0;
    if (query(pool, HSA_AMD_MEMORY_POOL_INFO_SIZE, &bytes))
        info->size_bytes = info->alloc_max_bytes = bytes;
    if (query(pool, HSA_AMD_MEMORY_POOL_INFO_ALLOC_MAX_SIZE, &bytes))
        info->alloc_max_bytes = bytes;
    query(pool, HSA_AMD_MEMORY_POOL_INFO_RUNTIME_ALLOC_ALLOWED, &info->alloc_allowed);
    query(pool, HSA_AMD_MEMORY_POOL_INFO_ACCESSIBLE_BY_ALL, &info->accessible_by_all);
    if (!info->alloc_allowed)
        return;
    if (query(pool, HSA_AMD_MEMORY_POOL_INFO_RUNTIME_ALLOC_GRANULE, &bytes))
        info->granule_bytes = bytes;
    if (query(pool, HSA_AMD_MEMORY_POOL_INFO_RUNTIME_ALLOC_ALIGNMENT, &bytes))
        info->alignment_bytes = bytes;
}

static hsa_status_t add_pool(hsa_amd_memory_pool_t handle, void *data) {
    struct hsp_agent *agent = data;
    void *grown = realloc(agent->pools, (agent->pool_count + 1) * sizeof(*agent->pools));
    if (!grown)
        return HSA_STATUS_ERROR_OUT_OF_RESOURCES;
    agent->pools = grown;
    struct hsp_pool_usage *usage = calloc(1, sizeof(*usage));
    if (!usage)
        return HSA_STATUS_ERROR_OUT_OF_RESOURCES;
    struct hsp_pool *pool = &agent->pools[agent->pool_count++];
    *pool = (struct hsp_pool){.handle = handle, .agent = agent, .usage = usage};
    read_info(handle, &pool->info);
    // HSA has no attribute for it: a work-group's LDS is the agent's group segment.
    if (pool->info.segment == HSP_SEGMENT_GROUP)
        agent->info.lds_bytes = (uint32_t)pool->info.size_bytes;
    return HSA_STATUS_SUCCESS;
}

hsp_status hsp_pools_create(struct hsp_agent *agent) {
    return HSP_HSA_CALL(hsa_amd_agent_iterate_memory_pools, (agent->handle, add_pool, agent));
}

void hsp_pools_destroy(struct hsp_agent *agent) {
    for (size_t i = 0; i < agent->pool_count; i++)
        free(agent->pools[i].usage);
    free(agent->pools);
}

size_t hsp_pool_count(const struct hsp_agent *agent) {
    return agent->pool_count;
}

const struct hsp_pool *hsp_pool_at(const struct hsp_agent *agent, size_t index) {
    return index < agent->pool_count ? &agent->pools[index] : NULL;
}

const struct hsp_pool *hsp_pool_find(const struct hsp_agent *agent, uint32_t flags) {
    for (size_t i = 0; i < agent->pool_count; i++) {
        const struct hsp_pool_info *info = &agent->pools[i].info;
        if (info->segment == HSP_SEGMENT_GLOBAL && info->alloc_allowed &&
            (info->flags & flags) == flags)
            return &agent->pools[i];
    }
    return NULL;
}

const struct hsp_pool_info *hsp_pool_info_get(const struct hsp_pool *pool) {
    return &pool->info;
}

const struct hsp_agent *hsp_pool_agent(const struct hsp_pool *pool) {
    return pool->agent;
}

hsa_amd_memory_pool_t hsp_pool_handle(const struct hsp_pool *pool) {
    return pool->handle;
}
