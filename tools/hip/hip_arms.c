/* SPDX-License-Identifier: MIT */
/* The HIP arms: hipModuleLaunchKernel, hipLaunchKernel, the latter between events, graphs of it. */
#include <hip/hip_runtime_api.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bundle.h"
#include "hip_queues.h"
#include "measure/hip_arms.h"

/* What the compiler's start-up code calls (HIP's stable ABI, not in its headers). */
struct fat_binary_wrapper {
    uint32_t magic;
    uint32_t version;
    const void *binary;
    void *unused;
};
#define FAT_BINARY_MAGIC   0x48495046u /* "HIPF" */
#define FAT_BINARY_VERSION 1
void **__hipRegisterFatBinary(const void *wrapper);
void __hipRegisterFunction(void **modules, const void *host_function, char *device_function,
                           const char *device_name, unsigned thread_limit, void *thread_id,
                           void *block_id, dim3 *block_dim, dim3 *grid_dim, int *wave_size);
void __hipUnregisterFatBinary(void **modules);

struct context {
    hipStream_t stream;
};

struct hip_arm {
    hipStream_t stream;
    hipModule_t module;                /* module arm */
    hipFunction_t function;            /* module arm */
    struct fat_binary_wrapper wrapper; /* launch arm */
    void *bundle;                      /* launch arm */
    void **registered;                 /* launch arm */
    char host_function;                /* launch arm: its address stands for the stub's */
    dim3 blocks;
    dim3 threads;
    uint32_t shared_bytes;
    void **arguments;          /* addresses of the explicit arguments' values */
    hipEvent_t before;         /* events arm */
    hipEvent_t after;          /* events arm */
    hipGraph_t graph;          /* graph arms */
    hipGraphExec_t executable; /* graph arms */
    hipError_t error;
};

static int fail(hipError_t error, const char *what, struct hsp_hip_error *out_error) {
    snprintf(out_error->text, sizeof out_error->text, "%s: %s", what, hipGetErrorString(error));
    return -1;
}

static int runtime_version(void) {
    int version = 0;
    return hipRuntimeGetVersion(&version) == hipSuccess ? version : 0;
}

/* HIP numbers devices in its own order; the PCI address is what both sides know. */
static hipError_t select_device(const struct hsp_agent_info *agent) {
    char address[32];
    int device = 0;
    snprintf(address, sizeof address, "%04x:%02x:%02x.%x", agent->pci_domain,
             (agent->pci_bdf >> 8) & 0xff, (agent->pci_bdf >> 3) & 0x1f, agent->pci_bdf & 7);
    hipError_t error = hipInit(0);
    if (error == hipSuccess)
        error = hipDeviceGetByPCIBusId(&device, address);
    return error == hipSuccess ? hipSetDevice(device) : error;
}

static int arms_open(const struct hsp_arm_case *launch, void **out_context,
                     struct hsp_hip_error *out_error) {
    hipError_t error = select_device(hsp_agent_info_get(launch->agent));
    if (error != hipSuccess)
        return fail(error, "HIP device", out_error);
    struct context *context = calloc(1, sizeof *context);
    error = context ? hipStreamCreateWithFlags(&context->stream, hipStreamNonBlocking)
                    : hipErrorOutOfMemory;
    if (error != hipSuccess) {
        free(context);
        return fail(error, "HIP stream", out_error);
    }
    *out_context = context;
    return 0;
}

static void arms_close(void *opaque) {
    struct context *context = opaque;
    if (context)
        (void)hipStreamDestroy(context->stream);
    free(context);
}

static int module_launch(void *opaque) {
    struct hip_arm *arm = opaque;
    arm->error = hipModuleLaunchKernel(arm->function, arm->blocks.x, arm->blocks.y, arm->blocks.z,
                                       arm->threads.x, arm->threads.y, arm->threads.z,
                                       arm->shared_bytes, arm->stream, arm->arguments, NULL);
    return arm->error != hipSuccess;
}

static int runtime_launch(void *opaque) {
    struct hip_arm *arm = opaque;
    arm->error = hipLaunchKernel(&arm->host_function, arm->blocks, arm->threads, arm->arguments,
                                 arm->shared_bytes, arm->stream);
    return arm->error != hipSuccess;
}

static int events_launch(void *opaque) {
    struct hip_arm *arm = opaque;
    arm->error = hipEventRecord(arm->before, arm->stream);
    if (arm->error != hipSuccess || runtime_launch(arm))
        return 1;
    arm->error = hipEventRecord(arm->after, arm->stream);
    return arm->error != hipSuccess;
}

static int events_wait(void *opaque) {
    struct hip_arm *arm = opaque;
    arm->error = hipEventSynchronize(arm->after);
    return arm->error != hipSuccess;
}

static int graph_launch(void *opaque) {
    struct hip_arm *arm = opaque;
    arm->error = hipGraphLaunch(arm->executable, arm->stream);
    return arm->error != hipSuccess;
}

static int stream_wait(void *opaque) {
    struct hip_arm *arm = opaque;
    arm->error = hipStreamSynchronize(arm->stream);
    return arm->error != hipSuccess;
}

static const char *arm_error(void *opaque) {
    struct hip_arm *arm = opaque;
    return hipGetErrorString(arm->error);
}

static void arm_destroy(void *opaque) {
    struct hip_arm *arm = opaque;
    if (!arm)
        return;
    if (arm->executable)
        (void)hipGraphExecDestroy(arm->executable);
    if (arm->graph)
        (void)hipGraphDestroy(arm->graph);
    if (arm->before)
        (void)hipEventDestroy(arm->before);
    if (arm->after)
        (void)hipEventDestroy(arm->after);
    if (arm->module)
        (void)hipModuleUnload(arm->module);
    if (arm->registered)
        __hipUnregisterFatBinary(arm->registered);
    free(arm->bundle);
    free(arm->arguments);
    free(arm);
}

/* HIP counts blocks: it has no launch whose last block is only partly filled. */
static int set_geometry(const struct hsp_geometry *geometry, struct hip_arm *arm,
                        struct hsp_hip_error *out_error) {
    uint32_t blocks[3];
    for (int i = 0; i < 3; i++) {
        if (geometry->grid[i] % geometry->workgroup[i]) {
            snprintf(out_error->text, sizeof out_error->text,
                     "HIP launches whole blocks: %u work-items are no multiple of %u",
                     geometry->grid[i], geometry->workgroup[i]);
            return -1;
        }
        blocks[i] = geometry->grid[i] / geometry->workgroup[i];
    }
    arm->blocks = (dim3){blocks[0], blocks[1], blocks[2]};
    arm->threads = (dim3){geometry->workgroup[0], geometry->workgroup[1], geometry->workgroup[2]};
    arm->shared_bytes = geometry->dynamic_group_bytes;
    return 0;
}

static struct hip_arm *arm_create(const struct context *context, const struct hsp_arm_case *launch,
                                  struct hsp_hip_error *out_error) {
    const struct hsp_kernel *kernel = launch->kernel;
    struct hip_arm *arm = calloc(1, sizeof *arm);
    void **arguments = calloc(kernel->explicit_count + 1u, sizeof *arguments);
    if (!arm || !arguments) {
        fail(hipErrorOutOfMemory, "HIP arm", out_error);
        free(arguments);
        free(arm);
        return NULL;
    }
    arm->stream = context->stream;
    arm->arguments = arguments;
    for (uint32_t i = 0; i < kernel->explicit_count; i++)
        arguments[i] = (char *)launch->kernarg + kernel->arguments[i].offset_bytes;
    if (set_geometry(&launch->geometry, arm, out_error)) {
        arm_destroy(arm);
        return NULL;
    }
    return arm;
}

/* Each make_ function finishes an arm; what it began is freed with the arm. */
static hipError_t make_module(struct hip_arm *arm, const struct hsp_arm_case *launch) {
    hipError_t error = hipModuleLoadData(&arm->module, launch->image->bytes);
    return error == hipSuccess
               ? hipModuleGetFunction(&arm->function, arm->module, launch->kernel->name)
               : error;
}

static hipError_t make_registered(struct hip_arm *arm, const struct hsp_arm_case *launch) {
    arm->bundle = bundle_create(launch->image->isa, launch->image->bytes, launch->image->size);
    if (!arm->bundle)
        return hipErrorOutOfMemory;
    arm->wrapper =
        (struct fat_binary_wrapper){FAT_BINARY_MAGIC, FAT_BINARY_VERSION, arm->bundle, NULL};
    arm->registered = __hipRegisterFatBinary(&arm->wrapper);
    char *name = (char *)launch->kernel->name; /* HIP copies it */
    __hipRegisterFunction(arm->registered, &arm->host_function, name, name, ~0u, NULL, NULL, NULL,
                          NULL, NULL);
    struct hipFuncAttributes attributes;
    return hipFuncGetAttributes(&attributes, &arm->host_function); /* loads it now */
}

static hipError_t make_events(struct hip_arm *arm, const struct hsp_arm_case *launch) {
    hipError_t error = make_registered(arm, launch);
    if (error == hipSuccess)
        error = hipEventCreate(&arm->before);
    return error == hipSuccess ? hipEventCreate(&arm->after) : error;
}

/* Kernel nodes in a row. */
static hipError_t make_graph(struct hip_arm *arm, const struct hsp_arm_case *launch, int count) {
    hipError_t error = make_registered(arm, launch);
    if (error == hipSuccess)
        error = hipGraphCreate(&arm->graph, 0);
    hipKernelNodeParams parameters = {.func = &arm->host_function,
                                      .gridDim = arm->blocks,
                                      .blockDim = arm->threads,
                                      .sharedMemBytes = arm->shared_bytes,
                                      .kernelParams = arm->arguments};
    hipGraphNode_t last = NULL;
    for (int i = 0; i < count && error == hipSuccess; i++) {
        hipGraphNode_t node;
        error = hipGraphAddKernelNode(&node, arm->graph, &last, i > 0, &parameters);
        last = node;
    }
    return error == hipSuccess ? hipGraphInstantiate(&arm->executable, arm->graph, NULL, NULL, 0)
                               : error;
}

static hipError_t make_graph_1(struct hip_arm *arm, const struct hsp_arm_case *launch) {
    return make_graph(arm, launch, 1);
}

static hipError_t make_graph_10(struct hip_arm *arm, const struct hsp_arm_case *launch) {
    return make_graph(arm, launch, 10);
}

static hipError_t make_graph_100(struct hip_arm *arm, const struct hsp_arm_case *launch) {
    return make_graph(arm, launch, 100);
}

static const struct kind {
    const char *name;
    hipError_t (*make)(struct hip_arm *arm, const struct hsp_arm_case *launch);
    struct hsp_arm_ops ops;
} kinds[] = {
#define KIND(name, make, launch, wait)                                                             \
    { name, make, {launch, wait, arm_error, arm_destroy, NULL, NULL}, }
    KIND("hip-module", make_module, module_launch, stream_wait),
    KIND("hip", make_registered, runtime_launch, stream_wait),
    KIND("hip-events", make_events, events_launch, events_wait),
    KIND("graph-1", make_graph_1, graph_launch, stream_wait),
    KIND("graph-10", make_graph_10, graph_launch, stream_wait),
    KIND("graph-100", make_graph_100, graph_launch, stream_wait),
#undef KIND
};

static const struct kind *kind_find(const char *name) {
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (strcmp(kinds[i].name, name) == 0)
            return &kinds[i];
    return NULL;
}

static int create(void *context, const char *name, const struct hsp_arm_case *launch,
                  struct hsp_arm *out_arm, struct hsp_hip_error *out_error) {
    const struct kind *kind = kind_find(name);
    if (!kind)
        return fail(hipErrorNotSupported, name, out_error);
    struct hip_arm *arm = arm_create(context, launch, out_error);
    if (!arm)
        return -1;
    hipError_t error = kind->make(arm, launch);
    if (error != hipSuccess) {
        arm_destroy(arm);
        return fail(error, name, out_error);
    }
    *out_arm = (struct hsp_arm){.name = kind->name, .ops = &kind->ops, .state = arm};
    return 0;
}

static int read_packet(struct hsp_arm *arm, union hsp_packet *out_packet,
                       struct hsp_hip_error *out_error) {
    const char *why = hip_queues_capture(arm->ops->launch, arm->ops->wait, arm->state, out_packet);
    if (!why)
        return 0;
    snprintf(out_error->text, sizeof out_error->text, "%s", why);
    return -1;
}

HSP_API extern const struct hsp_hip_arms hsp_hip_arms;
const struct hsp_hip_arms hsp_hip_arms = {
    .version = HSP_HIP_ARMS_VERSION,
    .open = arms_open,
    .create = create,
    .read_packet = read_packet,
    .close = arms_close,
    .runtime_version = runtime_version,
};
