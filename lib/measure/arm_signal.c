/* SPDX-License-Identifier: MIT */
/* Launches that have a completion signal each: kernels with and without profiling, barriers. */
#include <stdlib.h>

#include "measure/arm_state.h"

struct signal_arm {
    struct hsp_arm_state *common;
    struct hsp_arm_signals signals;
};

static int kernel_launch(void *opaque) {
    struct signal_arm *arm = opaque;
    arm->common->dispatch.completion = hsp_arm_signals_take(&arm->signals);
    return hsp_arm_state_submit(arm->common, hsp_arm_state_kernarg(arm->common));
}

/* The packets have the barrier bit: when the last one is done, all are. */
static int last_wait(void *opaque) {
    struct signal_arm *arm = opaque;
    return hsp_arm_signals_wait(&arm->signals, arm->common);
}

static int barrier_launch(void *opaque) {
    struct signal_arm *arm = opaque;
    return hsp_arm_state_submit_barrier(arm->common, hsp_arm_barrier_header(),
                                        hsp_arm_signals_take(&arm->signals));
}

static int plain_barrier_launch(void *opaque) {
    return hsp_arm_state_submit_barrier(opaque, hsp_arm_barrier_header(), (hsa_signal_t){0});
}

static const char *signal_error(void *opaque) {
    struct signal_arm *arm = opaque;
    return hsp_arm_state_error(arm->common);
}

static void signal_destroy(void *opaque) {
    struct signal_arm *arm = opaque;
    if (!arm)
        return;
    hsp_arm_signals_fini(&arm->signals);
    hsp_arm_state_destroy(arm->common);
    free(arm);
}

static const struct hsp_arm_ops kernel_ops = {
    .launch = kernel_launch, .wait = last_wait, .error = signal_error, .destroy = signal_destroy};
static const struct hsp_arm_ops barrier_ops = {
    .launch = barrier_launch, .wait = last_wait, .error = signal_error, .destroy = signal_destroy};
static const struct hsp_arm_ops plain_barrier_ops = {.launch = plain_barrier_launch,
                                                     .wait = hsp_arm_state_wait,
                                                     .error = hsp_arm_state_error,
                                                     .destroy = hsp_arm_state_destroy};

static hsp_status create(const char *name, const struct hsp_arm_ops *ops,
                         const struct hsp_arm_case *launch,
                         const struct hsp_queue_options *queue_options, struct hsp_arm *out_arm) {
    struct signal_arm *arm = calloc(1, sizeof *arm);
    if (!arm)
        return HSP_ERROR_OUT_OF_MEMORY;
    hsp_status status = hsp_arm_state_create(launch, queue_options, &arm->common);
    if (!status)
        status = hsp_arm_signals_init(&arm->signals);
    if (status) {
        signal_destroy(arm);
        return status;
    }
    *out_arm = (struct hsp_arm){.name = name, .ops = ops, .state = arm};
    return HSP_OK;
}

hsp_status hsp_arm_signal_create(const struct hsp_arm_case *launch, struct hsp_arm *out_arm) {
    return create("signal", &kernel_ops, launch, NULL, out_arm);
}

hsp_status hsp_arm_profiling_create(const struct hsp_arm_case *launch, struct hsp_arm *out_arm) {
    const struct hsp_queue_options options = {.size = sizeof options, .profiling = true};
    return create("profiling", &kernel_ops, launch, &options, out_arm);
}

hsp_status hsp_arm_barrier_done_create(const struct hsp_arm_case *launch, struct hsp_arm *out_arm) {
    return create("barrier-done", &barrier_ops, launch, NULL, out_arm);
}

hsp_status hsp_arm_barrier_create(const struct hsp_arm_case *launch, struct hsp_arm *out_arm) {
    struct hsp_arm_state *state;
    hsp_status status = hsp_arm_state_create(launch, NULL, &state);
    if (!status)
        *out_arm = (struct hsp_arm){.name = "barrier", .ops = &plain_barrier_ops, .state = state};
    return status;
}
