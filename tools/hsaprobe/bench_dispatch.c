/* SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "arms.h"
#include "bench.h"
#include "builtin.h"
#include "memory.h"

/* Long enough for every queue to be found idle. */
#define IDLE_NS      3000000
#define WARM_UP      500
#define IDLE_WARM_UP 3

struct bench {
    struct command_context *context;
    const struct bench_input *input;
    struct report_section *table;
    struct arms arms;
    struct hsp_dispatch dispatch; /* with a completion signal of its own */
    struct hsp_queue *queue;
};

/* One empty dispatch with a completion signal, through HSA's functions. */
static int hsa_round_trip(struct bench *bench, struct hsp_arm *arm) {
    (void)arm;
    uint64_t first;
    hsp_signal_silent_store_relaxed(bench->dispatch.completion, 1);
    hsp_status status =
        hsp_dispatch_submit(bench->queue, HSP_SUBMIT_HSA, &bench->dispatch, 1, &first);
    if (!status)
        status = hsp_dispatch_wait(bench->queue, bench->dispatch.completion, HSP_WAIT_FOREVER,
                                   HSP_WAIT_ACTIVE);
    return status ? failure_of(status, "dispatch") : EXIT_OK;
}

static int arm_round_trip(struct bench *bench, struct hsp_arm *arm) {
    (void)bench;
    if (arm->ops->launch(arm->state) == 0 && arm->ops->wait(arm->state) == 0)
        return EXIT_OK;
    return failure(EXIT_FAILED, arm->name, "%s", arm->ops->error(arm->state));
}

/* The launch alone; what it started is waited for outside of the interval. */
static int arm_submit(struct bench *bench, struct hsp_arm *arm) {
    (void)bench;
    if (arm->ops->launch(arm->state) == 0)
        return EXIT_OK;
    return failure(EXIT_FAILED, arm->name, "%s", arm->ops->error(arm->state));
}

typedef int (*timed)(struct bench *bench, struct hsp_arm *arm);

static int add_row(struct bench *bench, const char *what, const double *values, size_t count) {
    struct hsp_bootstrap bootstrap = {.seed = bench->input->seed};
    struct hsp_summary summary;
    struct hsp_interval interval;
    if (hsp_stats_summarize(values, count, &summary) ||
        hsp_stats_median_interval(values, count, &bootstrap, &interval))
        return failure(EXIT_FAILED, "statistics", "out of memory");
    report_row(bench->table, report_text(what), report_real(summary.median),
               report_real(interval.low), report_real(interval.high), report_real(summary.p99),
               report_real(summary.min), report_real(summary.max), report_integer(count));
    return EXIT_OK;
}

static int sample(struct bench *bench, const char *what, timed function, struct hsp_arm *arm,
                  bool from_idle) {
    const struct bench_input *input = bench->input;
    size_t count = from_idle ? input->idle_sample_count : input->sample_count;
    size_t warm_up = from_idle ? IDLE_WARM_UP : WARM_UP;
    double *values = xcalloc(count, sizeof *values);
    int code = EXIT_OK;
    for (size_t i = 0; i < warm_up + count && !code; i++) {
        if (from_idle)
            nanosleep(&(struct timespec){.tv_nsec = IDLE_NS}, NULL);
        uint64_t start = hsp_clock_ns();
        code = function(bench, arm);
        uint64_t end = hsp_clock_ns();
        if (!code && function == arm_submit && arm->ops->wait(arm->state))
            code = failure(EXIT_FAILED, arm->name, "%s", arm->ops->error(arm->state));
        if (i >= warm_up)
            values[i - warm_up] = (double)(end - start);
    }
    if (!code)
        code = add_row(bench, what, values, count);
    free(values);
    return code;
}

static double processor_seconds(void) {
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
           (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

/* Queues and streams stay open, nothing is submitted. */
static void watch_idle(struct bench *bench) {
    sleep(1); /* spinning that is meant to end, ends */
    double before = processor_seconds();
    uint64_t start = hsp_clock_ns();
    sleep(bench->input->watch_seconds);
    double wall = (double)(hsp_clock_ns() - start) / 1e9;
    double percent = (processor_seconds() - before) / wall * 100;
    struct report_section *section = report_fields(bench->context->report, "idle", NULL);
    report_field(section,
                 &(struct report_column){"idle_cpu_percent", "an idle process uses, % of one CPU",
                                         SOURCE_MEASURED, FORMAT_PLAIN},
                 report_real(percent));
}

static int run_rows(struct bench *bench) {
    int code = sample(bench, "HSA round trip, hot", hsa_round_trip, NULL, false);
    if (!code)
        code = sample(bench, "HSA round trip, from idle", hsa_round_trip, NULL, true);
    for (size_t i = 0; i < bench->arms.count && !code; i++) {
        struct hsp_arm *arm = &bench->arms.arms[i];
        if (strcmp(arm->name, "hip") != 0)
            continue;
        code = sample(bench, "HIP launch + synchronize, hot", arm_round_trip, arm, false);
        if (!code)
            code = sample(bench, "HIP launch + synchronize, from idle", arm_round_trip, arm, true);
        if (!code)
            code = sample(bench, "HIP launch alone, hot", arm_submit, arm, false);
    }
    for (size_t i = 0; i < bench->arms.missing_count; i++)
        report_note(bench->context->report, "arm %s unavailable: %s", bench->arms.missing[i].name,
                    bench->arms.missing[i].reason);
    if (!code)
        watch_idle(bench);
    return code;
}

static int run_with(struct command_context *context, const struct bench_input *input,
                    const struct launch *launch) {
    static const struct report_column columns[] = {
        {"what", "what", SOURCE_NONE, FORMAT_PLAIN},
        {"median_ns", "median us", SOURCE_MEASURED, FORMAT_US},
        {"low_ns", "95% from", SOURCE_DERIVED, FORMAT_US},
        {"high_ns", "to", SOURCE_DERIVED, FORMAT_US},
        {"p99_ns", "p99 us", SOURCE_MEASURED, FORMAT_US},
        {"min_ns", "min us", SOURCE_MEASURED, FORMAT_US},
        {"max_ns", "max us", SOURCE_MEASURED, FORMAT_US},
        {"sample_count", "samples", SOURCE_NONE, FORMAT_PLAIN},
    };
    struct bench bench = {.context = context, .input = input};
    bench.table = report_table(context->report, "dispatch", "an empty kernel", columns,
                               sizeof columns / sizeof *columns);
    int code = arms_init(launch, arms_standard(), 0, &bench.arms);
    if (!code) {
        bench.queue = bench.arms.launch.queue;
        hsp_dispatch_init(&bench.dispatch, &launch->code, &launch->geometry, NULL);
        hsp_status status = hsp_signal_create(1, NULL, &bench.dispatch.completion);
        code = status ? failure_of(status, "signal") : run_rows(&bench);
        hsp_signal_destroy(bench.dispatch.completion);
    }
    arms_fini(&bench.arms);
    return code;
}

int bench_dispatch(struct command_context *context, const struct bench_input *input) {
    struct launch_input words;
    struct launch launch = {0};
    int code = builtin_input(builtin_find("empty"), &words);
    if (!code)
        code = launch_prepare(&words, context->device->agent, &launch);
    if (!code)
        code = run_with(context, input, &launch);
    launch_fini(&launch);
    launch_input_fini(&words);
    return code;
}
