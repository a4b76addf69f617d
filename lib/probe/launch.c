/* SPDX-License-Identifier: MIT */
#include <hsaprobe/compile.h>
#include <hsaprobe/launch.h>

#include <stdlib.h>

#include "probe/probe.h"

struct hsp_launch {
    struct hsp_queue *queue;
    struct hsp_code_object *object;
    const struct hsp_kernel *kernel;
    struct hsp_executable *executable;
    struct hsp_kernel_code code;
    struct hsp_arguments *arguments;
    struct hsp_kernarg_arena *arena; ///< of one block
    void *kernarg;                   ///< that block
    hsa_signal_t completion;
};

// The agent's ISAs are in its order of preference. When none will do, the user hears what the first
// one, the processor's own, failed with.
static hsp_status find_kernel(struct hsp_launch *launch, const struct hsp_agent *agent,
                              const char *name) {
    for (size_t i = 0; i < hsp_agent_isa_count(agent); i++)
        if (hsp_code_object_find_kernel(launch->object, hsp_agent_isa_name(agent, i), name,
                                        &launch->kernel) == HSP_OK)
            return HSP_OK;
    return hsp_code_object_find_kernel(launch->object, hsp_agent_isa_name(agent, 0), name,
                                       &launch->kernel);
}

static hsp_status open_or_compile(struct hsp_launch *launch, const char *path) {
    if (hsp_code_object_language(path) == HSP_LANGUAGE_NONE)
        return hsp_code_object_open_file(path, &launch->object);
    const struct hsp_compile_options options = {
        .size = sizeof(options), .isa = hsp_agent_isa_name(hsp_queue_agent(launch->queue), 0)};
    return hsp_code_object_compile_file(path, &options, &launch->object);
}

static hsp_status build(struct hsp_launch *launch, const char *path, const char *name) {
    const struct hsp_agent *agent = hsp_queue_agent(launch->queue);
    hsp_status status = open_or_compile(launch, path);
    if (status == HSP_OK)
        status = find_kernel(launch, agent, name);
    if (status == HSP_OK)
        status = hsp_executable_create(launch->object, launch->kernel->image_index, agent,
                                       &launch->executable);
    if (status == HSP_OK)
        status = hsp_executable_kernel(launch->executable, launch->kernel, &launch->code);
    if (status == HSP_OK)
        status = hsp_arguments_create(launch->kernel, &launch->arguments);
    const size_t bytes = launch->code.kernarg_bytes ? launch->code.kernarg_bytes : 1;
    if (status == HSP_OK)
        status = hsp_kernarg_arena_create(agent, bytes, 1, &launch->arena);
    if (status == HSP_OK)
        status = hsp_signal_create(0, NULL, &launch->completion);
    if (status == HSP_OK)
        launch->kernarg = hsp_kernarg_arena_acquire(launch->arena);
    return status;
}

hsp_status hsp_launch_create(struct hsp_queue *queue, const char *path, const char *kernel_name,
                             struct hsp_launch **out_launch) {
    struct hsp_launch *launch = calloc(1, sizeof(*launch));
    if (!launch)
        return hsp_fail_memory("a launch");
    launch->queue = queue;
    const hsp_status status = build(launch, path, kernel_name);
    if (status == HSP_OK)
        *out_launch = launch;
    else
        hsp_launch_destroy(launch);
    return status;
}

void hsp_launch_destroy(struct hsp_launch *launch) {
    if (!launch)
        return;
    hsp_signal_destroy(launch->completion);
    if (launch->kernarg)
        hsp_kernarg_arena_release(launch->arena, launch->kernarg);
    hsp_kernarg_arena_destroy(launch->arena);
    hsp_arguments_destroy(launch->arguments);
    hsp_executable_destroy(launch->executable);
    hsp_code_object_close(launch->object);
    free(launch);
}

struct hsp_arguments *hsp_launch_arguments(struct hsp_launch *launch) {
    return launch->arguments;
}

const struct hsp_kernel *hsp_launch_kernel(const struct hsp_launch *launch) {
    return launch->kernel;
}

hsp_status hsp_launch_prepare(struct hsp_launch *launch, const struct hsp_geometry *geometry,
                              struct hsp_dispatch *out_dispatch) {
    struct hsp_geometry whole = *geometry;
    // What is too much stays too much: the check refuses it.
    if (__builtin_add_overflow(whole.dynamic_group_bytes,
                               hsp_arguments_local_bytes(launch->arguments),
                               &whole.dynamic_group_bytes))
        whole.dynamic_group_bytes = UINT32_MAX;
    hsp_status status = hsp_arguments_check(launch->arguments);
    if (status == HSP_OK)
        status = hsp_geometry_check(&whole, launch->kernel, hsp_queue_agent(launch->queue));
    if (status == HSP_OK)
        status = hsp_arguments_write(launch->arguments, &whole, launch->queue, launch->kernarg,
                                     hsp_kernarg_arena_block_bytes(launch->arena));
    if (status != HSP_OK)
        return status;
    hsp_signal_store_relaxed(launch->completion, 1);
    hsp_dispatch_init(out_dispatch, &launch->code, &whole, launch->kernarg);
    out_dispatch->completion = launch->completion;
    return HSP_OK;
}

hsp_status hsp_launch_run(struct hsp_launch *launch, const struct hsp_geometry *geometry,
                          uint64_t timeout_ns, struct hsp_phases *out_phases) {
    struct hsp_dispatch dispatch;
    struct hsp_phases phases;
    hsp_status status = hsp_launch_prepare(launch, geometry, &dispatch);
    if (status == HSP_OK)
        status = hsp_dispatch_time_phases(launch->queue, &dispatch, timeout_ns, HSP_WAIT_ACTIVE,
                                          &phases);
    if (status == HSP_OK && out_phases)
        *out_phases = phases;
    return status;
}
