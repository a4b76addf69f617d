/* SPDX-License-Identifier: MIT */
#include "live.h"

#define EXIT_SKIP 77

const struct hsp_agent *live_gpu(void) {
    const struct hsp_agent *gpu = NULL;
    hsp_status status = hsp_runtime_init();
    if (status == HSP_OK)
        status = hsp_agent_select(NULL, &gpu);
    if (status == HSP_OK)
        return gpu;
    const char *device = getenv("HSAPROBE_TEST_DEVICE");
    fprintf(stderr, "no GPU: %s\n", hsp_last_error());
    exit(device && strcmp(device, "soft") == 0 ? 1 : EXIT_SKIP);
}

struct live_kernel live_load(const struct hsp_agent *gpu, const char *name) {
    struct live_kernel loaded = {0};
    char path[1024];
    snprintf(path, sizeof(path), "%s/%s.hipfb", LIVE_KERNELS, name);
    OK(hsp_code_object_open_file(path, &loaded.object));
    OK(hsp_code_object_find_kernel(loaded.object, hsp_agent_isa_name(gpu, 0), name,
                                   &loaded.kernel));
    OK(hsp_executable_create(loaded.object, loaded.kernel->image_index, gpu, &loaded.executable));
    OK(hsp_executable_kernel(loaded.executable, loaded.kernel, &loaded.code));
    return loaded;
}

void live_unload(struct live_kernel *kernel) {
    hsp_executable_destroy(kernel->executable);
    hsp_code_object_close(kernel->object);
}

void *live_host_memory(const struct hsp_agent *gpu, size_t bytes) {
    const struct hsp_pool *pool = hsp_pool_find(hsp_agent_host(), HSP_POOL_FINE_GRAINED);
    CHECK(pool, "the host has no fine-grained pool");
    void *memory = NULL;
    OK(hsp_memory_alloc(pool, bytes, &gpu, 1, &memory));
    memset(memory, 0, bytes);
    return memory;
}

const struct hsp_pool *live_device_pool(const struct hsp_agent *gpu) {
    const struct hsp_pool *pool = hsp_pool_find(gpu, HSP_POOL_COARSE_GRAINED);
    CHECK(pool, "the GPU has no memory pool");
    return pool;
}
