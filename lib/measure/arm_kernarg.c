/* SPDX-License-Identifier: MIT */
/* A launch that allocates its kernarg block, as a program without a pool would. */
#include <stdlib.h>

#include "measure/arm_state.h"

struct kernarg_arm {
    struct hsp_arm_state *common;
    const struct hsp_agent *agent;
    const struct hsp_pool *pool;
    void *blocks[HSP_ARM_IN_FLIGHT_MAX]; ///< of launches since the last wait
    uint32_t count;
};

static int kernarg_wait(void *opaque) {
    struct kernarg_arm *arm = opaque;
    if (hsp_arm_state_wait(arm->common))
        return -1;
    while (arm->count)
        hsp_memory_free(arm->blocks[--arm->count]);
    return 0;
}

static int kernarg_launch(void *opaque) {
    struct kernarg_arm *arm = opaque;
    struct hsp_arm_state *common = arm->common;
    if (arm->count == HSP_ARM_IN_FLIGHT_MAX && kernarg_wait(arm))
        return -1;
    size_t bytes = common->kernarg_bytes ? common->kernarg_bytes : 1;
    void *block;
    hsp_status status = hsp_memory_alloc(arm->pool, bytes, &arm->agent, 1, &block);
    if (status)
        return hsp_arm_state_fail(common, status);
    arm->blocks[arm->count++] = block;
    __builtin_memcpy(block, common->kernarg, common->kernarg_bytes);
    return hsp_arm_state_submit(common, block);
}

static const char *kernarg_error(void *opaque) {
    struct kernarg_arm *arm = opaque;
    return hsp_arm_state_error(arm->common);
}

static void kernarg_destroy(void *opaque) {
    struct kernarg_arm *arm = opaque;
    if (!arm)
        return;
    while (arm->count)
        hsp_memory_free(arm->blocks[--arm->count]);
    hsp_arm_state_destroy(arm->common);
    free(arm);
}

hsp_status hsp_arm_kernarg_alloc_create(const struct hsp_arm_case *launch,
                                        struct hsp_arm *out_arm) {
    static const struct hsp_arm_ops ops = {.launch = kernarg_launch,
                                           .wait = kernarg_wait,
                                           .error = kernarg_error,
                                           .destroy = kernarg_destroy};
    const struct hsp_agent *host = hsp_agent_host();
    const struct hsp_pool *pool = host ? hsp_pool_find(host, HSP_POOL_KERNARG) : NULL;
    if (!pool)
        return HSP_ERROR_NOT_SUPPORTED;
    struct kernarg_arm *arm = calloc(1, sizeof *arm);
    if (!arm)
        return HSP_ERROR_OUT_OF_MEMORY;
    arm->agent = launch->agent;
    arm->pool = pool;
    hsp_status status = hsp_arm_state_create(launch, NULL, &arm->common);
    if (status) {
        kernarg_destroy(arm);
        return status;
    }
    *out_arm = (struct hsp_arm){.name = "kernarg-alloc", .ops = &ops, .state = arm};
    return HSP_OK;
}
