/* SPDX-License-Identifier: MIT */
#include "layers_compat.h"

#include <stdlib.h>
#include <string.h>

#include <hsaprobe/signal.h>

#include "arms.h"
#include "builtin.h"
#include "measure/estimate.h"
#include "memory.h"

/* rocrtst: a first run that isn't counted, then this many, of which the fastest are averaged. */
#define ROCRTST_RUNS    121
#define ROCRTST_FASTEST 100
#define ROCRTST_IDLE_NS                                                                            \
    400000000 /* what its timer's calibration takes: a thousand million cycles */
#define ROCRTST_BATCH 128
#define HIP_LAUNCHES  1000

static const char *const names[] = {[COMPAT_ROCRTST] = "rocrtst", [COMPAT_HIP_TESTS] = "hip-tests"};

enum compat_suite compat_suite_find(const char *name) {
    for (int i = COMPAT_ROCRTST; i <= COMPAT_HIP_TESTS; i++)
        if (strcmp(names[i], name) == 0)
            return (enum compat_suite)i;
    return COMPAT_NONE;
}

static int compare_doubles(const void *a, const void *b) {
    double left = *(const double *)a;
    double right = *(const double *)b;
    return (left > right) - (left < right);
}

double compat_rocrtst_mean(double *values, size_t count) {
    size_t fastest = count < ROCRTST_FASTEST ? count : ROCRTST_FASTEST;
    double sum = 0;
    qsort(values, count, sizeof *values, compare_doubles);
    for (size_t i = 0; i < fastest; i++)
        sum += values[i];
    return fastest ? sum / (double)fastest : 0;
}

/* What a suite's measurement needs. */
struct compat {
    struct command_context *context;
    struct report_section *table;
    struct arms arms;
    struct hsp_dispatch dispatch;
    hsa_signal_t done;
    uint64_t seed;
};

static hsp_status wait_done(const struct compat *compat) {
    return hsp_dispatch_wait(compat->arms.launch.queue, compat->done, HSP_WAIT_FOREVER,
                             HSP_WAIT_ACTIVE);
}

/* Reserves and fills `count` packets without fences; the headers are published from the last to the
 * first, then the doorbell rings once. *out_filled is when they were filled. */
static hsp_status submit(struct compat *compat, uint32_t count, uint64_t *out_filled) {
    struct hsp_queue *queue = compat->arms.launch.queue;
    const uint16_t header = hsp_packet_header(HSA_PACKET_TYPE_KERNEL_DISPATCH, false,
                                              HSA_FENCE_SCOPE_NONE, HSA_FENCE_SCOPE_NONE);
    uint64_t first;
    uint16_t unused_header;
    uint16_t setup = 0;
    hsp_signal_silent_store_relaxed(compat->done, count);
    hsp_status status = hsp_queue_reserve(queue, count, HSP_WAIT_FOREVER, &first);
    if (status)
        return status;
    for (uint32_t i = 0; i < count; i++)
        hsp_dispatch_fill(&compat->dispatch, hsp_queue_slot(queue, first + i), &unused_header,
                          &setup);
    *out_filled = hsp_clock_ns();
    for (uint32_t i = count; i-- > 0;)
        hsp_queue_publish(hsp_queue_slot(queue, first + i), header, setup);
    hsp_queue_ring_doorbell(queue, first + count - 1);
    return HSP_OK;
}

static void spin(uint64_t ns) {
    uint64_t end = hsp_clock_ns() + ns;
    while (hsp_clock_ns() < end) {
    }
}

/* Ours beside theirs; NULL: there is none. */
static void add_row(struct compat *compat, const char *number, const char *definition,
                    double theirs_ns, const char *arm, const char *metric) {
    const struct hsp_bootstrap bootstrap = {.seed = compat->seed};
    const struct hsp_series *series =
        hsp_samples_find(compat->context->samples, "empty", arm, metric, 0);
    struct hsp_estimate ours;
    bool has = series && hsp_estimate_series(series, &bootstrap, &ours) == 0;
    char *name = xasprintf("%s, %s", arm, metric);
    report_row(compat->table, report_text(number), report_text(definition), report_real(theirs_ns),
               report_text(name), has ? report_real(ours.value) : report_nothing(),
               has ? report_real(ours.interval.low) : report_nothing(),
               has ? report_real(ours.interval.high) : report_nothing());
    free(name);
}

static int rocrtst_case(struct compat *compat, uint32_t packets, uint64_t idle_ns,
                        bool fill_is_timed, double *out_mean_ns) {
    double values[ROCRTST_RUNS];
    for (size_t run = 0; run < ROCRTST_RUNS; run++) {
        uint64_t filled;
        spin(idle_ns);
        uint64_t start = hsp_clock_ns();
        hsp_status status = submit(compat, packets, &filled);
        if (!status)
            status = wait_done(compat);
        uint64_t end = hsp_clock_ns();
        if (status)
            return failure_of(status, "compat");
        values[run] = (double)(end - (fill_is_timed ? start : filled)) / packets;
    }
    *out_mean_ns = compat_rocrtst_mean(values + 1, ROCRTST_RUNS - 1);
    return EXIT_OK;
}

static int rocrtst(struct compat *compat) {
    double single = 0;
    double multi = 0;
    int code = rocrtst_case(compat, 1, ROCRTST_IDLE_NS, true, &single);
    if (!code)
        code = rocrtst_case(compat, ROCRTST_BATCH, 0, false, &multi);
    if (code)
        return code;
    add_row(compat, "dispatch time, single",
            "0.4 s idle before each, no fences; mean of the fastest 100 of 120", single, "hsa",
            "round trip");
    add_row(compat, "dispatch time, multiple",
            "128 filled packets, headers and one doorbell timed; mean of the fastest 100 of 120",
            multi, "hsa", "back to back");
    return EXIT_OK;
}

static int hip_tests(struct compat *compat) {
    struct hsp_arm *arm = NULL;
    for (size_t i = 0; i < compat->arms.count; i++)
        if (strcmp(compat->arms.arms[i].name, "hip-events") == 0)
            arm = &compat->arms.arms[i];
    if (!arm)
        return failure(EXIT_FAILED, "compat", "arm hip-events is not available");
    int failed = arm->ops->launch(arm->state) || arm->ops->wait(arm->state); /* its warm-up */
    uint64_t start = hsp_clock_ns();
    for (int i = 0; i < HIP_LAUNCHES && !failed; i++)
        failed = arm->ops->launch(arm->state);
    failed = failed || arm->ops->wait(arm->state);
    double each = (double)(hsp_clock_ns() - start) / HIP_LAUNCHES;
    if (failed)
        return failure(EXIT_FAILED, "compat", "%s", arm->ops->error(arm->state));
    add_row(compat, "dispatch speed",
            "1000 launches, two event records in each, one wait; it prints ns and calls them us",
            each, "hip", "back to back");
    return EXIT_OK;
}

static int run(struct compat *compat, const struct launch *launch, enum compat_suite suite) {
    const arms_choice choice =
        arms_named("ring") | (suite == COMPAT_HIP_TESTS ? arms_named("hip-events") : 0);
    int code = arms_init(launch, choice, 0, &compat->arms);
    if (code)
        return code;
    hsp_status status = hsp_signal_create(0, NULL, &compat->done);
    if (status)
        return failure_of(status, "compat");
    hsp_dispatch_init(&compat->dispatch, &launch->code, &launch->geometry, compat->arms.kernarg);
    compat->dispatch.completion = compat->done;
    code = suite == COMPAT_ROCRTST ? rocrtst(compat) : hip_tests(compat);
    hsp_signal_destroy(compat->done);
    return code;
}

int layers_compat(struct command_context *context, enum compat_suite suite, uint64_t seed) {
    static const struct report_column columns[] = {
        {"number", "number", SOURCE_NONE, FORMAT_PLAIN},
        {"definition", "as they define it", SOURCE_NONE, FORMAT_PLAIN},
        {"theirs_ns", "us", SOURCE_MEASURED, FORMAT_US},
        {"ours", "ours", SOURCE_NONE, FORMAT_PLAIN},
        {"ours_ns", "median us", SOURCE_MEASURED, FORMAT_US},
        {"low_ns", "95% from", SOURCE_DERIVED, FORMAT_US},
        {"high_ns", "to", SOURCE_DERIVED, FORMAT_US},
    };
    struct compat compat = {.context = context, .seed = seed};
    struct launch_input words;
    struct launch launch = {0};
    char *title = xasprintf("an empty launch as %s defines it, and ours", names[suite]);
    compat.table =
        report_table(context->report, "compat", title, columns, sizeof columns / sizeof *columns);
    free(title);
    int code = builtin_input(builtin_find("empty"), &words);
    if (!code)
        code = launch_prepare(&words, context->device->agent, &launch);
    if (!code)
        code = run(&compat, &launch, suite);
    arms_fini(&compat.arms);
    launch_fini(&launch);
    launch_input_fini(&words);
    return code;
}
