/* SPDX-License-Identifier: MIT */
/// What ROCr tells about the GPU: name, ISA, sizes, pools.
#include "e2e.h"

#include <string.h>

static hsa_status_t first_isa(hsa_isa_t isa, void *data) {
    char *name = data;
    if (!*name) {
        HSA(hsa_isa_get_info_alt(isa, HSA_ISA_INFO_NAME, name));
    }
    return HSA_STATUS_SUCCESS;
}

static hsa_status_t count_cache(hsa_cache_t cache, void *data) {
    uint32_t bytes = 0;
    HSA(hsa_cache_get_info(cache, HSA_CACHE_INFO_SIZE, &bytes));
    CHECK(bytes > 0, "a cache without size");
    ++*(int *)data;
    return HSA_STATUS_SUCCESS;
}

static uint32_t number(const struct e2e *e2e, uint32_t attribute) {
    uint32_t value = 0;
    HSA(hsa_agent_get_info(e2e->gpu, (hsa_agent_info_t)attribute, &value));
    return value;
}

static void check_software_gpu(const struct e2e *e2e) {
    char text[64] = "";
    char isa[128] = "";
    HSA(hsa_agent_get_info(e2e->gpu, HSA_AGENT_INFO_NAME, text));
    CHECK(strcmp(text, "gfx90a") == 0, "name %s", text);
    HSA(hsa_agent_iterate_isas(e2e->gpu, first_isa, isa));
    CHECK(strcmp(isa, "amdgcn-amd-amdhsa--gfx90a:sramecc+:xnack-") == 0, "ISA %s", isa);
    HSA(hsa_agent_get_info(e2e->gpu, (hsa_agent_info_t)HSA_AMD_AGENT_INFO_PRODUCT_NAME, text));
    CHECK(strstr(text, "MI210"), "product %s", text);
    CHECK(number(e2e, HSA_AMD_AGENT_INFO_COMPUTE_UNIT_COUNT) == 104, "compute units");
    CHECK(number(e2e, HSA_AMD_AGENT_INFO_CHIP_ID) == 0x740f, "chip");
}

int main(void) {
    struct e2e e2e;
    size_t bytes = 0;
    int caches = 0;
    e2e_open(&e2e);
    const char *device = getenv("HSAPROBE_TEST_DEVICE");
    if (device && strcmp(device, "soft") == 0) {
        check_software_gpu(&e2e);
    }
    const uint32_t wave = number(&e2e, HSA_AGENT_INFO_WAVEFRONT_SIZE);
    CHECK(wave == 64 || wave == 32, "wavefront %u", wave);
    CHECK(number(&e2e, HSA_AGENT_INFO_WORKGROUP_MAX_SIZE) == 1024, "work-group");
    CHECK(number(&e2e, HSA_AGENT_INFO_QUEUE_MAX_SIZE) >= 4096, "queue size");
    CHECK(number(&e2e, HSA_AMD_AGENT_INFO_MAX_CLOCK_FREQUENCY) > 100, "clock");
    HSA(hsa_agent_iterate_caches(e2e.gpu, count_cache, &caches));
    CHECK(caches >= 1, "%d caches", caches);
    HSA(hsa_amd_memory_pool_get_info(e2e.device, HSA_AMD_MEMORY_POOL_INFO_SIZE, &bytes));
    CHECK(bytes >= 256u << 20, "%zu bytes of VRAM", bytes);

    // More than there is gets an error, not a pointer.
    void *memory = NULL;
    CHECK(hsa_amd_memory_pool_allocate(e2e.device, bytes + (1u << 30), 0, &memory) ==
                  HSA_STATUS_ERROR_OUT_OF_RESOURCES ||
              !memory,
          "allocated more than the pool");
    memory = e2e_alloc(&e2e, e2e.device, 64u << 20);
    hsa_amd_pointer_info_t info = {.size = sizeof info};
    HSA(hsa_amd_pointer_info((char *)memory + 4096, &info, NULL, NULL, NULL));
    CHECK(info.type == HSA_EXT_POINTER_TYPE_HSA && info.agentOwner.handle == e2e.gpu.handle,
          "owner of VRAM");
    HSA(hsa_amd_memory_pool_free(memory));
    e2e_close();
    return 0;
}
