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

/* The HIP arms that can be made, behind the place of the others; reads HIP's packet. */
static size_t add_hip_arms(struct arms *arms) {
    const char *reason = NULL;
    struct hsp_hip_error error;
    size_t next = ARM_HIP_MODULE;
    arms->hip = hip_library(&reason);
    if (arms->hip && arms->hip->open(&arms->launch, &arms->hip_context, &error))
        reason = error.text;
    if (reason) {
        add_missing(arms, "hip-module", reason);
        add_missing(arms, "hip", reason);
        return next;
    }
    const struct {
        const char *name;
        int (*create)(void *, const struct hsp_arm_case *, struct hsp_arm *,
                      struct hsp_hip_error *);
    } kinds[] = {{"hip-module", arms->hip->module_create}, {"hip", arms->hip->launch_create}};
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        if (kinds[i].create(arms->hip_context, &arms->launch, &arms->arms[next], &error))
            add_missing(arms, kinds[i].name, error.text);
        else
            next++;
    }
    if (next > ARM_HIP_MODULE)
        arms->packet_known = arms->hip->read_packet(&arms->arms[ARM_HIP_MODULE], &arms->hip_packet,
                                                    &arms->packet_error) == 0;
    return next;
}

/* The case's queue and argument bytes. */
static hsp_status set_case(const struct launch *launch, struct arms *arms) {
    struct hsp_arm_case *shared = &arms->launch;
    *shared = (struct hsp_arm_case){.agent = launch->agent,
                                    .kernel = launch->kernel,
                                    .image = launch->image,
                                    .code = launch->code,
                                    .geometry = launch->geometry};
    size_t kernarg_bytes = launch->code.kernarg_bytes;
    arms->kernarg = xcalloc(kernarg_bytes, 1);
    shared->kernarg = arms->kernarg;
    struct hsp_queue_options options = {.size = sizeof options};
    hsp_status status = hsp_queue_create(launch->agent, &options, &shared->queue);
    if (!status)
        status = hsp_arguments_write(launch->arguments, &launch->geometry, shared->queue,
                                     arms->kernarg, kernarg_bytes);
    return status;
}

int arms_init(const struct launch *launch, uint16_t header, struct arms *out_arms) {
    *out_arms = (struct arms){.packet_error = {"there is no HIP arm"}};
    hsp_status status = set_case(launch, out_arms);
    if (status)
        return failure_of(status, "arms");
    size_t count = add_hip_arms(out_arms);
    if (!header)
        header = out_arms->packet_known ? out_arms->hip_packet.dispatch.header
                                        : hsp_arm_header(HSA_FENCE_SCOPE_AGENT);
    out_arms->launch.header = header;
    out_arms->arms[ARM_TIMER] = hsp_arm_timer();
    status = hsp_arm_ring_create(&out_arms->launch, &out_arms->arms[ARM_RING]);
    if (!status)
        status = hsp_arm_hsa_create(&out_arms->launch, &out_arms->arms[ARM_HSA]);
    if (status)
        return failure_of(status, "arms");
    out_arms->count = count;
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
