/* SPDX-License-Identifier: MIT */
// Agents, ISAs and pools are listed with their properties; a GPU is found by index and by UUID.
#include "live.h"

#include <ctype.h>

static void check_gpu(const struct hsp_agent *gpu) {
    const struct hsp_agent_info *info = hsp_agent_info_get(gpu);
    CHECK(info->type == HSP_AGENT_GPU && info->type_index == 0 && info->dispatches);
    CHECK(strncmp(info->name, "gfx", 3) == 0, "%s", info->name);
    CHECK(strncmp(info->uuid, "GPU-", 4) == 0, "%s", info->uuid);
    CHECK(info->wavefront_size == 64 || info->wavefront_size == 32);
    CHECK(info->cu_count > 0 && info->simds_per_cu > 0 && info->waves_per_cu > 0);
    CHECK(info->workgroup_max_size >= 1024 && info->workgroup_max_dim[2] >= 1024);
    CHECK(info->lds_bytes == 65536, "%u", info->lds_bytes);
    CHECK(info->queue_max_packets >= info->queue_min_packets && info->queue_min_packets > 0);
    CHECK(hsp_agent_isa_count(gpu) >= 1);
    char processor[96];
    snprintf(processor, sizeof(processor), "amdgcn-amd-amdhsa--%s", info->name);
    CHECK(hsp_isa_compatible(processor, hsp_agent_isa_name(gpu, 0)), "%s",
          hsp_agent_isa_name(gpu, 0));
    CHECK(!hsp_agent_isa_name(gpu, hsp_agent_isa_count(gpu)));
    CHECK(hsp_agent_from_handle(hsp_agent_handle(gpu)) == gpu);
}

static void check_pools(const struct hsp_agent *gpu) {
    const struct hsp_pool_info *device = hsp_pool_info_get(live_device_pool(gpu));
    CHECK(device->size_bytes > 0 && device->granule_bytes > 0 && device->alignment_bytes > 0);
    CHECK(device->alloc_max_bytes > 0 && device->alloc_max_bytes <= device->size_bytes);
    CHECK(hsp_pool_agent(live_device_pool(gpu)) == gpu);
    CHECK(hsp_pool_handle(live_device_pool(gpu)).handle !=
          hsp_pool_handle(hsp_pool_find(hsp_agent_host(), HSP_POOL_KERNARG)).handle);
    bool has_group = false;
    for (size_t i = 0; i < hsp_pool_count(gpu); i++) {
        const struct hsp_pool_info *info = hsp_pool_info_get(hsp_pool_at(gpu, i));
        has_group |= info->segment == HSP_SEGMENT_GROUP && !info->alloc_allowed;
    }
    CHECK(has_group);
    CHECK(!hsp_pool_at(gpu, hsp_pool_count(gpu)));
    CHECK(hsp_pool_find(hsp_agent_host(), HSP_POOL_KERNARG));
    CHECK(!hsp_pool_find(gpu, HSP_POOL_KERNARG | HSP_POOL_COARSE_GRAINED));
}

static void check_selection(const struct hsp_agent *gpu) {
    const struct hsp_agent *found = NULL;
    OK(hsp_agent_select("0", &found));
    CHECK(found == gpu);
    char uuid[24];
    snprintf(uuid, sizeof(uuid), "%s", hsp_agent_info_get(gpu)->uuid);
    for (char *c = uuid; *c; c++)
        *c = (char)tolower((unsigned char)*c);
    found = NULL;
    OK(hsp_agent_select(uuid, &found));
    CHECK(found == gpu);
    static const char *const wrong[] = {"99", "-1", "0x", "GPU-none", "", "99999999999999999999"};
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        found = NULL;
        FAILS(hsp_agent_select(wrong[i], &found), HSP_ERROR_NOT_FOUND, "there is 0 (GPU-");
        CHECK(!found);
    }
}

int main(void) {
    const struct hsp_agent *gpu = live_gpu();
    CHECK(hsp_agent_count() >= 2);
    CHECK(!hsp_agent_at(hsp_agent_count()));
    CHECK(hsp_agent_info_get(hsp_agent_host())->type == HSP_AGENT_CPU);
    check_gpu(gpu);
    check_pools(gpu);
    check_selection(gpu);
    hsp_runtime_shutdown();
    return 0;
}
