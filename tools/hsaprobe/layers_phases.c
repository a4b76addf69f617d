/* SPDX-License-Identifier: MIT */
/* layers --phases: where the time of one launch goes, step by step. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "layers_input.h"
#include "layers_values.h"
#include "memory.h"

#define PHASES_WARM_UP 64
#define COUNT(array)   (sizeof(array) / sizeof *(array))

/* From the end of one step to the end of the next. */
static const struct phase {
    const char *name;
    size_t from;
    size_t to;
    bool on_device; /* one of the ends is the device's clock */
} phases[] = {
#define AT(field) offsetof(struct hsp_phases, field##_ns)
    {"reserve a slot", AT(begin), AT(reserved), false},
    {"fill the packet", AT(reserved), AT(filled), false},
    {"publish its header", AT(filled), AT(published), false},
    {"ring the doorbell", AT(published), AT(rung), false},
    {"until the device starts", AT(rung), AT(start), true},
    {"the kernel", AT(start), AT(end), true},
    {"until the host sees it", AT(end), AT(seen), true},
    {"in all", AT(begin), AT(seen), false},
#undef AT
};

static double duration_ns(const struct hsp_phases *times, const struct phase *phase) {
    uint64_t from;
    uint64_t to;
    memcpy(&from, (const char *)times + phase->from, sizeof from);
    memcpy(&to, (const char *)times + phase->to, sizeof to);
    return (double)(int64_t)(to - from);
}

/* One round's launches: a burst of each phase. */
static int add_round(struct hsp_samples *samples, const char *kernel, uint32_t process,
                     uint32_t round, const struct hsp_phases *times, uint32_t count,
                     bool software) {
    double values[HSP_ROUNDS_BURST_MAX];
    int rc = 0;
    for (size_t i = 0; i < COUNT(phases) && !rc; i++) {
        bool modelled = phases[i].on_device && software;
        struct hsp_series *series =
            hsp_samples_series(samples, kernel, "phases", phases[i].name, 0,
                               modelled ? HSP_SOURCE_MODELLED : HSP_SOURCE_MEASURED);
        for (uint32_t j = 0; j < count; j++)
            values[j] = duration_ns(&times[j], &phases[i]);
        rc =
            series ? hsp_series_add(samples, series, process, round, values, count, NULL) : -ENOMEM;
    }
    return rc;
}

/* The completion signal holds 1 before each launch. */
static hsp_status launch_once(struct hsp_queue *queue, const struct hsp_dispatch *dispatch,
                              struct hsp_phases *out_times) {
    hsp_signal_silent_store_relaxed(dispatch->completion, 1);
    return hsp_dispatch_time_phases(queue, dispatch, HSP_WAIT_FOREVER, HSP_WAIT_ACTIVE, out_times);
}

static int run_rounds(struct command_context *context, const struct layers_input *input,
                      const char *kernel, struct hsp_queue *queue,
                      const struct hsp_dispatch *dispatch) {
    const struct hsp_rounds_options *rounds = &input->rounds;
    struct hsp_phases *times = xcalloc(rounds->burst_count, sizeof *times);
    uint64_t start_ns = hsp_clock_ns();
    hsp_status status = HSP_OK;
    int rc = 0;
    for (uint32_t i = 0; i < PHASES_WARM_UP && !status; i++)
        status = launch_once(queue, dispatch, times);
    for (uint32_t round = 0; round < rounds->round_count && !status && !rc; round++) {
        if (round && hsp_clock_ns() - start_ns >= rounds->time_limit_ns)
            break;
        for (uint32_t i = 0; i < rounds->burst_count && !status; i++)
            status = launch_once(queue, dispatch, &times[i]);
        if (!status)
            rc = add_round(context->samples, kernel, input->method.process, round, times,
                           rounds->burst_count, context->device->software);
    }
    free(times);
    if (status)
        return failure_of(status, "phases");
    return rc ? failure(EXIT_FAILED, "phases", "%s", strerror(-rc)) : EXIT_OK;
}

/* HIP's packet but for its completion signal, without which there are no device times. */
static int run_dispatch(struct command_context *context, const struct layers_input *input,
                        const char *kernel, const struct launch *launch, struct hsp_queue *queue,
                        void *kernarg) {
    struct hsp_dispatch dispatch;
    hsp_dispatch_init(&dispatch, &launch->code, &launch->geometry, kernarg);
    dispatch.barrier = true;
    dispatch.acquire = dispatch.release = HSA_FENCE_SCOPE_AGENT;
    hsp_status status = hsp_signal_create(1, NULL, &dispatch.completion);
    if (!status)
        status = hsp_arguments_write(launch->arguments, &launch->geometry, queue, kernarg,
                                     launch->code.kernarg_bytes);
    int code = status ? failure_of(status, "phases")
                      : run_rounds(context, input, kernel, queue, &dispatch);
    hsp_signal_destroy(dispatch.completion);
    return code;
}

int layers_phases(struct command_context *context, const struct layers_input *input,
                  const char *kernel, const struct launch *launch) {
    const struct hsp_queue_options options = {.size = sizeof options, .profiling = true};
    struct hsp_queue *queue = NULL;
    struct hsp_kernarg_arena *arena = NULL;
    size_t bytes = launch->code.kernarg_bytes ? launch->code.kernarg_bytes : 1;
    int code = launch_reset(launch);
    if (code)
        return code;
    hsp_status status = hsp_queue_create(launch->agent, &options, &queue);
    if (!status)
        status = hsp_kernarg_arena_create(launch->agent, bytes, 1, &arena);
    code = status ? failure_of(status, "phases")
                  : run_dispatch(context, input, kernel, launch, queue,
                                 hsp_kernarg_arena_acquire(arena));
    hsp_kernarg_arena_destroy(arena);
    hsp_queue_destroy(queue);
    return code;
}

void layers_phases_report(struct report *report, const struct hsp_samples *samples, uint64_t seed) {
    static const struct report_column columns[] = {
        {"kernel", "kernel", SOURCE_NONE, FORMAT_PLAIN},
        {"phase", "phase", SOURCE_NONE, FORMAT_PLAIN},
        {"median_ns", "median us", SOURCE_NONE, FORMAT_US},
        {"low_ns", "95% from", SOURCE_DERIVED, FORMAT_US},
        {"high_ns", "to", SOURCE_DERIVED, FORMAT_US},
        {"p99_ns", "p99", SOURCE_NONE, FORMAT_US},
        {"source", "source", SOURCE_NONE, FORMAT_PLAIN},
    };
    struct report_section *table =
        report_table(report, "phases", "the phases of one launch", columns, COUNT(columns));
    for (size_t i = 0; i < samples->series_count; i++) {
        const struct hsp_series *series = samples->series[i];
        struct layers_value value;
        if (strcmp(series->arm, "phases") != 0 || !layers_value_of(series, seed, &value))
            continue;
        report_row(table, report_text(series->workload), report_text(series->metric),
                   report_real(value.median), report_real(value.low), report_real(value.high),
                   report_real(value.p99), report_text(hsp_source_name(series->source)));
    }
}
