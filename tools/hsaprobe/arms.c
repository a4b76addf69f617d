/* SPDX-License-Identifier: MIT */
#include "arms.h"

#include <dlfcn.h>
#include <stdlib.h>

#include "memory.h"

static void add_missing(struct arms *arms, const char *name, const char *reason) {
    arms->missing[arms->missing_count].name = name;
    arms->missing[arms->missing_count++].reason = xstrdup(reason);
}

/* Opens libhsaprobe-hip.so once per process; NULL with the reason. */
static const struct hsp_hip_arms *hip_library(const char **out_reason) {
    static const char *const places[] = {"../lib", "../" HSP_INSTALL_LIBDIR};
    char *directory = device_executable_directory();
    void *library = NULL;
    for (size_t i = 0; !library && i < sizeof places / sizeof *places; i++) {
        char *path = xasprintf("%s/%s/" HSP_HIP_ARMS_FILE, directory ? directory : ".", places[i]);
        library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
        free(path);
    }
    free(directory);
    const struct hsp_hip_arms *hip = library ? dlsym(library, HSP_HIP_ARMS_SYMBOL) : NULL;
    if (!hip) {
        *out_reason = dlerror();
        return NULL;
    }
    if (hip->version == HSP_HIP_ARMS_VERSION)
        return hip;
    *out_reason = HSP_HIP_ARMS_FILE " is of another version";
    return NULL;
}

static void add_hip_arms(struct arms *arms) {
    const char *reason = NULL;
    struct hsp_hip_error error;
    arms->hip = hip_library(&reason);
    if (arms->hip && arms->hip->open(&arms->launch, &arms->hip_context, &error))
        reason = error.text;
    if (reason) {
        add_missing(arms, "hip-module", reason);
        add_missing(arms, "hip", reason);
        return;
    }
    if (arms->hip->module_create(arms->hip_context, &arms->launch, &arms->arms[arms->count],
                                 &error) == 0)
        arms->count++;
    else
        add_missing(arms, "hip-module", error.text);
    if (arms->hip->launch_create(arms->hip_context, &arms->launch, &arms->arms[arms->count],
                                 &error) == 0)
        arms->count++;
    else
        add_missing(arms, "hip", error.text);
}

int arms_init(const struct launch *launch, hsa_fence_scope_t fence, struct arms *out_arms) {
    *out_arms = (struct arms){0};
    struct hsp_arm_case *shared = &out_arms->launch;
    *shared = (struct hsp_arm_case){.agent = launch->agent,
                                    .kernel = launch->kernel,
                                    .image = launch->image,
                                    .code = launch->code,
                                    .geometry = launch->geometry,
                                    .fence = fence};
    size_t kernarg_bytes = launch->code.kernarg_bytes;
    out_arms->kernarg = xcalloc(kernarg_bytes, 1);
    shared->kernarg = out_arms->kernarg;
    struct hsp_queue_options options = {.size = sizeof options};
    hsp_status status = hsp_queue_create(launch->agent, &options, &shared->queue);
    if (!status)
        status = hsp_arguments_write(launch->arguments, &launch->geometry, shared->queue,
                                     out_arms->kernarg, kernarg_bytes);
    out_arms->arms[out_arms->count++] = hsp_arm_timer();
    if (!status)
        status = hsp_arm_ring_create(shared, &out_arms->arms[out_arms->count]);
    if (!status)
        status = hsp_arm_hsa_create(shared, &out_arms->arms[++out_arms->count]);
    if (status)
        return failure_of(status, "arms");
    out_arms->count++;
    add_hip_arms(out_arms);
    return EXIT_OK;
}

void arms_fini(struct arms *arms) {
    for (size_t i = 0; i < ARM_COUNT; i++)
        hsp_arm_destroy(&arms->arms[i]);
    if (arms->hip)
        arms->hip->close(arms->hip_context);
    hsp_queue_destroy(arms->launch.queue);
    for (size_t i = 0; i < arms->missing_count; i++)
        free(arms->missing[i].reason);
    free(arms->kernarg);
    *arms = (struct arms){0};
}
