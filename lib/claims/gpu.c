/* SPDX-License-Identifier: MIT */
#include "claims/gpu.h"

#include <dlfcn.h>
#include <stdio.h>
#include <string.h>

#include <hsaprobe/runtime.h>

static const struct hsp_geometry one_item = {
    .dimension_count = 1, .grid = {1, 1, 1}, .workgroup = {1, 1, 1}};

void claim_gpu_open(struct claim *claim, struct claim_gpu *out_gpu) {
    struct claim_gpu gpu = {0};
    claim_check(claim, hsp_runtime_init(), "hsa_init");
    claim_check(claim, hsp_agent_select(NULL, &gpu.agent), "device");
    gpu.host = hsp_pool_find(hsp_agent_host(), HSP_POOL_FINE_GRAINED);
    gpu.vram = hsp_pool_find(gpu.agent, HSP_POOL_COARSE_GRAINED);
    if (!gpu.host || !gpu.vram)
        claim_undecided(claim, "a pool is missing");
    claim_check(claim, hsp_queue_create(gpu.agent, NULL, &gpu.queue), "queue");
    *out_gpu = gpu;
}

void *claim_gpu_host_memory(struct claim *claim, const struct claim_gpu *gpu, size_t bytes) {
    void *memory = NULL;
    claim_check(claim, hsp_memory_alloc(gpu->host, bytes, &gpu->agent, 1, &memory), "host memory");
    memset(memory, 0, bytes);
    return memory;
}

static void kernel_path(const struct claim *claim, const char *name, char out_path[4096]) {
    snprintf(out_path, 4096, "%s/%s.hipfb", claim->setup->kernel_directory, name);
}

struct hsp_launch *claim_gpu_kernel(struct claim *claim, struct hsp_queue *queue,
                                    const char *name) {
    char path[4096];
    struct hsp_launch *launch = NULL;
    kernel_path(claim, name, path);
    claim_check(claim, hsp_launch_create(queue, path, name, &launch), name);
    return launch;
}

hsa_signal_t claim_gpu_start(struct claim *claim, struct hsp_queue *queue,
                             struct hsp_launch *launch) {
    struct hsp_dispatch dispatch;
    uint64_t index;
    claim_check(claim, hsp_launch_prepare(launch, &one_item, &dispatch), "launch");
    claim_check(claim, hsp_dispatch_submit(queue, HSP_SUBMIT_RING, &dispatch, 1, &index), "launch");
    return dispatch.completion;
}

struct hsp_launch *claim_gpu_heartbeat(struct claim *claim, struct hsp_queue *queue,
                                       _Atomic uint64_t *beats, _Atomic uint32_t *stop) {
    struct hsp_launch *launch = claim_gpu_kernel(claim, queue, "heartbeat");
    struct hsp_arguments *arguments = hsp_launch_arguments(launch);
    claim_check(claim, hsp_arguments_set_pointer(arguments, 0, (const void *)beats), "beats");
    claim_check(claim, hsp_arguments_set_pointer(arguments, 1, (const void *)stop), "stop");
    claim_gpu_start(claim, queue, launch);
    while (*beats == 0)
        claim_pause_us(200);
    return launch;
}

const struct hsp_hip_calls *claim_hip(struct claim *claim) {
    static const struct hsp_hip_calls *calls;
    if (calls)
        return calls;
    const char *path = claim->setup->hip_library;
    void *library = path ? dlopen(path, RTLD_NOW | RTLD_LOCAL) : NULL;
    calls = library ? dlsym(library, HSP_HIP_CALLS_SYMBOL) : NULL;
    if (!calls)
        claim_undecided(claim, "needs HIP: %s",
                        path ? dlerror() : "this build has no libhsaprobe-hip.so");
    if (calls->version != HSP_HIP_CALLS_VERSION)
        claim_undecided(claim, "libhsaprobe-hip.so is of another version");
    claim_hip_check(claim, calls->init(), "hipInit");
    return calls;
}

void claim_hip_check(struct claim *claim, int error, const char *what) {
    if (error)
        claim_undecided(claim, "%s: %s", what, claim_hip(claim)->error_text(error));
}

void *claim_hip_kernel(struct claim *claim, const char *name) {
    const struct hsp_hip_calls *hip = claim_hip(claim);
    char path[4096];
    void *module = NULL;
    void *function = NULL;
    kernel_path(claim, name, path);
    claim_hip_check(claim, hip->module_load(&module, path), path);
    claim_hip_check(claim, hip->module_function(&function, module, name), name);
    return function;
}
