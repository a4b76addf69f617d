/* SPDX-License-Identifier: MIT */
// Memory that wasn't allocated from a pool here, and what the runtime knows of any address.
#include <hsaprobe/memory.h>

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "probe/probe.h"

hsp_status hsp_memory_lock(void *memory, size_t bytes, const struct hsp_agent *const *agents,
                           size_t agent_count, const struct hsp_pool *pool, void **out_address) {
    if (!memory || bytes == 0)
        return hsp_fail(HSP_ERROR_INVALID_ARGUMENT, "cannot lock %zu bytes at %p", bytes, memory);
    if (pool && pool->agent->info.type != HSP_AGENT_CPU)
        return hsp_fail(HSP_ERROR_INVALID_ARGUMENT,
                        "cannot lock host memory as if it were of a pool of %s: expected a pool of "
                        "the host",
                        pool->agent->info.name);
    struct hsp_agent_list list;
    hsp_status status = hsp_agent_list_init(&list, agents, agent_count);
    if (status != HSP_OK)
        return status;
    void *address = NULL;
    if (pool)
        status =
            HSP_HSA_CALL(hsa_amd_memory_lock_to_pool,
                         (memory, bytes, list.handles, (int)list.count, pool->handle, 0, &address));
    else
        status = HSP_HSA_CALL(hsa_amd_memory_lock,
                              (memory, bytes, list.handles, (int)list.count, &address));
    hsp_agent_list_fini(&list);
    if (status == HSP_OK)
        *out_address = address;
    return status;
}

hsp_status hsp_memory_unlock(void *memory) {
    return memory ? HSP_HSA_CALL(hsa_amd_memory_unlock, (memory)) : HSP_OK;
}

static enum hsp_memory_kind kind_of(hsa_amd_pointer_type_t type) {
    static const enum hsp_memory_kind kinds[] = {
        [HSA_EXT_POINTER_TYPE_UNKNOWN] = HSP_MEMORY_UNKNOWN,
        [HSA_EXT_POINTER_TYPE_HSA] = HSP_MEMORY_POOL,
        [HSA_EXT_POINTER_TYPE_LOCKED] = HSP_MEMORY_LOCKED,
        [HSA_EXT_POINTER_TYPE_GRAPHICS] = HSP_MEMORY_GRAPHICS,
        [HSA_EXT_POINTER_TYPE_IPC] = HSP_MEMORY_IPC,
    };
    return (size_t)type < sizeof(kinds) / sizeof(kinds[0]) ? kinds[type] : HSP_MEMORY_OTHER;
}

hsp_status hsp_memory_info_get(const void *address, struct hsp_memory_info *out_info) {
    hsa_amd_pointer_info_t native = {.size = sizeof(native)};
    const hsp_status status =
        HSP_HSA_CALL(hsa_amd_pointer_info, (address, &native, NULL, NULL, NULL));
    if (status != HSP_OK)
        return status;
    struct hsp_memory_info info = {.kind = kind_of(native.type)};
    if (info.kind != HSP_MEMORY_UNKNOWN) {
        info.owner = hsp_agent_from_handle(native.agentOwner);
        info.agent_address = native.agentBaseAddress;
        info.host_address = native.hostBaseAddress;
        info.bytes = native.sizeInBytes;
        info.pool_flags = native.global_flags;
        info.user_data = native.userData;
    }
    *out_info = info;
    return HSP_OK;
}

hsp_status hsp_memory_agents(const void *address, const struct hsp_agent **agents, size_t capacity,
                             size_t *out_count) {
    hsa_amd_pointer_info_t native = {.size = sizeof(native)};
    uint32_t count = 0;
    hsa_agent_t *handles = NULL;
    const hsp_status status =
        HSP_HSA_CALL(hsa_amd_pointer_info, (address, &native, malloc, &count, &handles));
    if (status != HSP_OK)
        return status;
    if (!handles)
        count = 0;
    for (size_t i = 0; i < count && i < capacity; i++)
        agents[i] = hsp_agent_from_handle(handles[i]);
    free(handles);
    *out_count = count;
    return HSP_OK;
}

hsp_status hsp_memory_set_user_data(const void *memory, void *data) {
    return HSP_HSA_CALL(hsa_amd_pointer_info_set_userdata, (memory, data));
}

hsp_status hsp_memory_on_free(void *memory, hsp_memory_free_function function, void *data) {
    return HSP_HSA_CALL(hsa_amd_register_deallocation_callback, (memory, function, data));
}

hsp_status hsp_memory_cancel_on_free(void *memory, hsp_memory_free_function function) {
    return HSP_HSA_CALL(hsa_amd_deregister_deallocation_callback, (memory, function));
}

hsp_status hsp_memory_export(void *memory, size_t bytes, struct hsp_ipc_handle *out_handle) {
    static_assert(sizeof(*out_handle) == sizeof(hsa_amd_ipc_memory_t), "same bytes");
    hsa_amd_ipc_memory_t native = {0};
    const hsp_status status = HSP_HSA_CALL(hsa_amd_ipc_memory_create, (memory, bytes, &native));
    if (status == HSP_OK)
        memcpy(out_handle, &native, sizeof(native));
    return status;
}

hsp_status hsp_memory_import(const struct hsp_ipc_handle *handle, size_t bytes,
                             const struct hsp_agent *const *agents, size_t agent_count,
                             void **out_memory) {
    hsa_amd_ipc_memory_t native;
    memcpy(&native, handle, sizeof(native));
    struct hsp_agent_list list;
    hsp_status status = hsp_agent_list_init(&list, agents, agent_count);
    if (status != HSP_OK)
        return status;
    void *memory = NULL;
    status = HSP_HSA_CALL(hsa_amd_ipc_memory_attach,
                          (&native, bytes, list.count, list.handles, &memory));
    hsp_agent_list_fini(&list);
    if (status == HSP_OK)
        *out_memory = memory;
    return status;
}

hsp_status hsp_memory_detach(void *memory) {
    return memory ? HSP_HSA_CALL(hsa_amd_ipc_memory_detach, (memory)) : HSP_OK;
}
