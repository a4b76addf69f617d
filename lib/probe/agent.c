/* SPDX-License-Identifier: MIT */
#include <hsaprobe/agent.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "probe/no_device.h"
#include "probe/probe.h"

// From newer releases of hsa_ext_amd.h.
#define AMD_AGENT_TIMESTAMP_FREQUENCY 0xA016

#define FIELD(field) offsetof(struct hsp_agent_info, field)

// Attributes that the runtime writes straight into a field of the same type. A runtime or an agent
// that doesn't know one leaves the field 0.
static const struct attribute {
    uint32_t id;
    size_t field;
} attributes[] = {
    {HSA_AGENT_INFO_NAME, FIELD(name)},
    {HSA_AGENT_INFO_VENDOR_NAME, FIELD(vendor)},
    {HSA_AGENT_INFO_NODE, FIELD(node)},
    {HSA_AGENT_INFO_WAVEFRONT_SIZE, FIELD(wavefront_size)},
    {HSA_AGENT_INFO_WORKGROUP_MAX_SIZE, FIELD(workgroup_max_size)},
    {HSA_AGENT_INFO_WORKGROUP_MAX_DIM, FIELD(workgroup_max_dim)},
    {HSA_AGENT_INFO_GRID_MAX_DIM, FIELD(grid_max_dim)},
    {HSA_AGENT_INFO_CACHE_SIZE, FIELD(cache_bytes)},
    {HSA_AGENT_INFO_QUEUES_MAX, FIELD(queues_max)},
    {HSA_AGENT_INFO_QUEUE_MIN_SIZE, FIELD(queue_min_packets)},
    {HSA_AGENT_INFO_QUEUE_MAX_SIZE, FIELD(queue_max_packets)},
    {HSA_AMD_AGENT_INFO_CHIP_ID, FIELD(chip_id)},
    {HSA_AMD_AGENT_INFO_CACHELINE_SIZE, FIELD(cacheline_bytes)},
    {HSA_AMD_AGENT_INFO_COMPUTE_UNIT_COUNT, FIELD(cu_count)},
    {HSA_AMD_AGENT_INFO_MAX_CLOCK_FREQUENCY, FIELD(clock_mhz)},
    {HSA_AMD_AGENT_INFO_BDFID, FIELD(pci_bdf)},
    {HSA_AMD_AGENT_INFO_DOMAIN, FIELD(pci_domain)},
    {HSA_AMD_AGENT_INFO_MEMORY_WIDTH, FIELD(memory_bus_bits)},
    {HSA_AMD_AGENT_INFO_MEMORY_MAX_FREQUENCY, FIELD(memory_mhz)},
    {HSA_AMD_AGENT_INFO_PRODUCT_NAME, FIELD(product)},
    {HSA_AMD_AGENT_INFO_MAX_WAVES_PER_CU, FIELD(waves_per_cu)},
    {HSA_AMD_AGENT_INFO_NUM_SIMDS_PER_CU, FIELD(simds_per_cu)},
    {HSA_AMD_AGENT_INFO_NUM_SHADER_ENGINES, FIELD(shader_engines)},
    {HSA_AMD_AGENT_INFO_UUID, FIELD(uuid)},
    {AMD_AGENT_TIMESTAMP_FREQUENCY, FIELD(timestamp_frequency_hz)},
};

static bool query(hsa_agent_t agent, uint32_t id, void *value) {
    return HSP_HSA(hsa_agent_get_info)(agent, (hsa_agent_info_t)id, value) == HSA_STATUS_SUCCESS;
}

static void read_info(hsa_agent_t agent, struct hsp_agent_info *info) {
    for (size_t i = 0; i < sizeof(attributes) / sizeof(attributes[0]); i++)
        query(agent, attributes[i].id, (char *)info + attributes[i].field);
    // Names fill their 64 bytes when they are long.
    info->name[sizeof(info->name) - 1] = '\0';
    info->vendor[sizeof(info->vendor) - 1] = '\0';
    info->product[sizeof(info->product) - 1] = '\0';
    info->uuid[sizeof(info->uuid) - 1] = '\0';
    hsa_device_type_t device = HSA_DEVICE_TYPE_DSP;
    query(agent, HSA_AGENT_INFO_DEVICE, &device);
    info->type = device == HSA_DEVICE_TYPE_CPU   ? HSP_AGENT_CPU
                 : device == HSA_DEVICE_TYPE_GPU ? HSP_AGENT_GPU
                                                 : HSP_AGENT_OTHER;
    hsa_agent_feature_t feature = 0;
    if (query(agent, HSA_AGENT_INFO_FEATURE, &feature))
        info->dispatches = (feature & HSA_AGENT_FEATURE_KERNEL_DISPATCH) != 0;
    hsa_profile_t profile = HSA_PROFILE_BASE;
    if (query(agent, HSA_AGENT_INFO_PROFILE, &profile))
        info->fine_grained_host_access = profile == HSA_PROFILE_FULL;
    uint32_t grid_max = 0;
    if (query(agent, HSA_AGENT_INFO_GRID_MAX_SIZE, &grid_max))
        info->grid_max_size = grid_max;
}

static hsa_status_t add_isa(hsa_isa_t isa, void *data) {
    struct hsp_agent *agent = data;
    uint32_t length = 0;
    char name[HSP_ISA_NAME_BYTES] = "";
    hsa_status_t status = HSP_HSA(hsa_isa_get_info_alt)(isa, HSA_ISA_INFO_NAME_LENGTH, &length);
    if (status != HSA_STATUS_SUCCESS)
        return status;
    if (length == 0 || length > sizeof(name))
        return HSA_STATUS_SUCCESS;
    status = HSP_HSA(hsa_isa_get_info_alt)(isa, HSA_ISA_INFO_NAME, name);
    if (status != HSA_STATUS_SUCCESS)
        return status;
    void *grown = realloc(agent->isa_names, (agent->isa_count + 1) * sizeof(agent->isa_names[0]));
    if (!grown)
        return HSA_STATUS_ERROR_OUT_OF_RESOURCES;
    agent->isa_names = grown;
    name[sizeof(name) - 1] = '\0';
    memcpy(agent->isa_names[agent->isa_count++], name, sizeof(name));
    return HSA_STATUS_SUCCESS;
}

struct agent_list {
    hsa_agent_t *handles;
    size_t count;
};

static hsa_status_t add_agent(hsa_agent_t handle, void *data) {
    struct agent_list *list = data;
    void *grown = realloc(list->handles, (list->count + 1) * sizeof(*list->handles));
    if (!grown)
        return HSA_STATUS_ERROR_OUT_OF_RESOURCES;
    list->handles = grown;
    list->handles[list->count++] = handle;
    return HSA_STATUS_SUCCESS;
}

static hsp_status fill_agent(struct hsp_runtime *runtime, size_t index, hsa_agent_t handle) {
    struct hsp_agent *agent = &runtime->agents[index];
    agent->handle = handle;
    read_info(handle, &agent->info);
    agent->info.index = (uint32_t)index;
    for (size_t i = 0; i < index; i++)
        agent->info.type_index += runtime->agents[i].info.type == agent->info.type;
    // CPU agents of ROCr have no ISA; the call then says so with an error.
    const hsa_status_t isas = HSP_HSA(hsa_agent_iterate_isas)(handle, add_isa, agent);
    if (isas != HSA_STATUS_SUCCESS && agent->info.type == HSP_AGENT_GPU)
        return hsp_hsa_check(isas, HSP_HSA_ID_hsa_agent_iterate_isas);
    return hsp_pools_create(agent);
}

hsp_status hsp_agents_create(struct hsp_runtime *runtime) {
    struct agent_list list = {0};
    hsp_status status = HSP_HSA_CALL(hsa_iterate_agents, (add_agent, &list));
    if (status != HSP_OK)
        goto done;
    runtime->agents = calloc(list.count ? list.count : 1, sizeof(*runtime->agents));
    if (!runtime->agents) {
        status = hsp_fail_memory("the list of agents");
        goto done;
    }
    runtime->agent_count = list.count;
    for (size_t i = 0; i < list.count && status == HSP_OK; i++)
        status = fill_agent(runtime, i, list.handles[i]);
    if (status != HSP_OK)
        hsp_agents_destroy(runtime);
done:
    free(list.handles);
    return status;
}

void hsp_agents_destroy(struct hsp_runtime *runtime) {
    for (size_t i = 0; i < runtime->agent_count; i++) {
        free(runtime->agents[i].isa_names);
        hsp_pools_destroy(&runtime->agents[i]);
    }
    free(runtime->agents);
    runtime->agents = NULL;
    runtime->agent_count = 0;
}

size_t hsp_agent_count(void) {
    const struct hsp_runtime *runtime = hsp_runtime_get();
    return runtime ? runtime->agent_count : 0;
}

const struct hsp_agent *hsp_agent_at(size_t index) {
    const struct hsp_runtime *runtime = hsp_runtime_get();
    return runtime && index < runtime->agent_count ? &runtime->agents[index] : NULL;
}

const struct hsp_agent *hsp_agent_from_handle(hsa_agent_t handle) {
    for (size_t i = 0; i < hsp_agent_count(); i++)
        if (hsp_agent_at(i)->handle.handle == handle.handle)
            return hsp_agent_at(i);
    return NULL;
}

static const struct hsp_agent *find_type(enum hsp_agent_type type, uint32_t type_index) {
    for (size_t i = 0; i < hsp_agent_count(); i++) {
        const struct hsp_agent *agent = hsp_agent_at(i);
        if (agent->info.type == type && agent->info.type_index == type_index)
            return agent;
    }
    return NULL;
}

const struct hsp_agent *hsp_agent_host(void) {
    return find_type(HSP_AGENT_CPU, 0);
}

static const struct hsp_agent *find_gpu(const char *selector) {
    char *end;
    const unsigned long number = strtoul(selector, &end, 10);
    if (selector[0] >= '0' && selector[0] <= '9' && *end == '\0')
        return number <= UINT32_MAX ? find_type(HSP_AGENT_GPU, (uint32_t)number) : NULL;
    for (uint32_t i = 0;; i++) {
        const struct hsp_agent *agent = find_type(HSP_AGENT_GPU, i);
        if (!agent || strcasecmp(agent->info.uuid, selector) == 0)
            return agent;
    }
}

hsp_status hsp_agent_select(const char *selector, const struct hsp_agent **out_agent) {
    const hsp_status status = hsp_runtime_require();
    if (status != HSP_OK)
        return status;
    if (!find_type(HSP_AGENT_GPU, 0))
        return hsp_hint_software_gpu(hsp_fail(HSP_ERROR_NO_DEVICE, "the HSA runtime found no GPU"));
    const struct hsp_agent *agent = find_gpu(selector ? selector : "0");
    if (agent) {
        *out_agent = agent;
        return HSP_OK;
    }
    char list[512] = "";
    size_t used = 0;
    for (uint32_t i = 0; (agent = find_type(HSP_AGENT_GPU, i)) && used < sizeof(list); i++) {
        const int length = snprintf(list + used, sizeof(list) - used, "%s%u (%s)", i ? ", " : "", i,
                                    agent->info.uuid[0] ? agent->info.uuid : agent->info.name);
        used += length > 0 ? (size_t)length : 0;
    }
    return hsp_fail(HSP_ERROR_NOT_FOUND, "no GPU '%s': there is %s", selector, list);
}

const struct hsp_agent_info *hsp_agent_info_get(const struct hsp_agent *agent) {
    return &agent->info;
}

hsa_agent_t hsp_agent_handle(const struct hsp_agent *agent) {
    return agent->handle;
}

size_t hsp_agent_isa_count(const struct hsp_agent *agent) {
    return agent->isa_count;
}

const char *hsp_agent_isa_name(const struct hsp_agent *agent, size_t index) {
    return index < agent->isa_count ? agent->isa_names[index] : NULL;
}
