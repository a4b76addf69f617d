/* SPDX-License-Identifier: MIT */
/* layers --op: allocations, copies and so on, by each API. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "layers_input.h"
#include "memory.h"

#define ARMS_OF_AN_OP 4 /* timer, ioctl, hsa, hip */
#define KIB           ((size_t)1 << 10)
#define MIB           ((size_t)1 << 20)

/* The arms of one workload. */
struct op_arms {
    struct hsp_arm arms[ARMS_OF_AN_OP];
    size_t count;
};

/* "1 MiB + 4 KiB" */
static char *size_text(size_t bytes) {
    if (bytes % KIB)
        return xasprintf("%zu B", bytes);
    if (bytes < MIB)
        return xasprintf("%zu KiB", bytes / KIB);
    if (bytes % MIB)
        return xasprintf("%zu MiB + %zu KiB", bytes / MIB, bytes % MIB / KIB);
    return xasprintf("%zu MiB", bytes / MIB);
}

/* "copy 4 KiB pinned to device" */
static char *workload_name(const struct hsp_op *op, const struct hsp_op_case *op_case) {
    if (op->sizes == HSP_OP_NO_SIZE)
        return xstrdup(op->name);
    char *size = size_text(op_case->bytes);
    char *name =
        op->sizes == HSP_OP_COPIES
            ? xasprintf("%s %s %s %s", op->name, size, op_case->is_pinned ? "pinned" : "pageable",
                        op_case->to_device ? "to device" : "from device")
            : xasprintf("%s %s", op->name, size);
    free(size);
    return name;
}

static void make_arms(struct command_context *context, const struct hsp_op *op,
                      const struct hsp_op_case *op_case, const char *workload,
                      struct op_arms *arms) {
    size_t count;
    const struct hsp_op_row *rows = hsp_op_rows(&count);
    (void)hsp_arm_timer_create(NULL, &arms->arms[arms->count++]); /* can't fail */
    for (size_t i = 0; i < count; i++) {
        struct hsp_op_error error;
        if (strcmp(rows[i].op, op->name) != 0)
            continue;
        if (hsp_op_arm_create(&rows[i], op_case, &arms->arms[arms->count], &error) == 0)
            arms->count++;
        else if (!context->restart)
            report_note(context->report, "%s: arm %s unavailable: %s", workload, rows[i].api,
                        error.text);
    }
}

/* What the upper one adds to the lower one. */
static const char *layer_name(const char *upper, const char *lower) {
    static const struct {
        const char *upper;
        const char *lower;
        const char *name;
    } names[] = {
        {"ioctl", "timer", "driver (ioctls)"},
        {"hsa", "ioctl", "HSA runtime and thunk"},
        {"hsa", "timer", "HSA runtime and below"},
        {"hip", "hsa", "HIP runtime"},
    };
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strcmp(names[i].upper, upper) == 0 && strcmp(names[i].lower, lower) == 0)
            return names[i].name;
    return "several";
}

static int check_arms(const struct op_arms *arms, const char *workload) {
    for (size_t i = 1; i < arms->count; i++)
        if (!hsp_op_arm_check(&arms->arms[i]))
            return failure(EXIT_FAILED, workload, "arm %s: the bytes did not arrive",
                           arms->arms[i].name);
    return EXIT_OK;
}

static int run_arms(struct command_context *context, const struct layers_input *input,
                    const char *workload, const struct op_arms *arms) {
    struct hsp_rounds_options rounds = input->rounds;
    struct hsp_rounds_result result = {0};
    size_t failed = 0;
    rounds.batch_count = 0; /* one is out at a time */
    rounds.slope_count = 0;
    rounds.settle_count = 1;
    int rc = layers_method_run(context, &input->method, workload, arms->arms, arms->count, &rounds,
                               &result, &failed);
    hsp_rounds_result_fini(&result);
    const struct hsp_arm *arm = &arms->arms[failed];
    if (rc == -EIO)
        return failure(EXIT_FAILED, workload, "arm %s: %s", arm->name, arm->ops->error(arm->state));
    for (size_t i = 1; i < arms->count && !rc; i++)
        rc = hsp_samples_layer(context->samples, workload,
                               layer_name(arms->arms[i].name, arms->arms[i - 1].name),
                               arms->arms[i].name, arms->arms[i - 1].name);
    return rc ? failure(EXIT_FAILED, workload, "%s", strerror(-rc)) : EXIT_OK;
}

static int measure(struct command_context *context, const struct layers_input *input,
                   const struct hsp_op_case *op_case) {
    struct op_arms arms = {0};
    char *workload = workload_name(input->op, op_case);
    make_arms(context, input->op, op_case, workload, &arms);
    int code = check_arms(&arms, workload);
    if (!code)
        code = run_arms(context, input, workload, &arms);
    for (size_t i = 0; i < arms.count; i++)
        hsp_arm_destroy(&arms.arms[i]);
    free(workload);
    return code;
}

/* Copies have four workloads of a size. */
static int measure_size(struct command_context *context, const struct layers_input *input,
                        const struct hsp_hip_calls *hip, size_t bytes) {
    struct hsp_op_case op_case = {.agent = context->device->agent, .hip = hip, .bytes = bytes};
    if (input->op->sizes != HSP_OP_COPIES)
        return measure(context, input, &op_case);
    int code = EXIT_OK;
    for (unsigned i = 0; i < 4 && !code; i++) {
        op_case.is_pinned = i & 1;
        op_case.to_device = i < 2;
        code = measure(context, input, &op_case);
    }
    return code;
}

int layers_op(struct command_context *context, const struct layers_input *input) {
    const char *reason = NULL;
    const struct hsp_hip_calls *hip = arms_hip_symbol(HSP_HIP_CALLS_SYMBOL, &reason);
    if (hip && hip->version != HSP_HIP_CALLS_VERSION)
        hip = NULL;
    else if (!hip && !context->restart)
        report_note(context->report, "no HIP: %s", reason);
    context->print_anyway = true;
    size_t count;
    const size_t *sizes = hsp_op_sizes(&count);
    if (input->op->sizes == HSP_OP_NO_SIZE || input->size_bytes)
        return measure_size(context, input, hip, input->size_bytes);
    int code = EXIT_OK;
    for (size_t i = 0; i < count && !code; i++)
        code = measure_size(context, input, hip, sizes[i]);
    return code;
}
