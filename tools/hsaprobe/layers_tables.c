/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "layers.h"
#include "memory.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))

struct layers_tables layers_tables_create(struct report *report) {
    static const struct report_column arm_columns[] = {
        {"kernel", "kernel", SOURCE_NONE, FORMAT_PLAIN},
        {"arm", "arm", SOURCE_NONE, FORMAT_PLAIN},
        {"what", "what", SOURCE_NONE, FORMAT_PLAIN},
        {"source", "source", SOURCE_NONE, FORMAT_PLAIN},
        {"median_ns", "median us", SOURCE_NONE, FORMAT_US},
        {"low_ns", "95% from", SOURCE_DERIVED, FORMAT_US},
        {"high_ns", "to", SOURCE_DERIVED, FORMAT_US},
        {"p99_ns", "p99 us", SOURCE_NONE, FORMAT_US},
        {"min_ns", "min us", SOURCE_NONE, FORMAT_US},
        {"max_ns", "max us", SOURCE_NONE, FORMAT_US},
        {"sample_count", "samples", SOURCE_NONE, FORMAT_PLAIN},
    };
    static const struct report_column layer_columns[] = {
        {"kernel", "kernel", SOURCE_NONE, FORMAT_PLAIN},
        {"layer", "layer", SOURCE_NONE, FORMAT_PLAIN},
        {"upper", "arm", SOURCE_NONE, FORMAT_PLAIN},
        {"lower", "minus", SOURCE_NONE, FORMAT_PLAIN},
        {"what", "what", SOURCE_NONE, FORMAT_PLAIN},
        {"cost_ns", "cost us", SOURCE_DERIVED, FORMAT_US},
        {"low_ns", "95% from", SOURCE_DERIVED, FORMAT_US},
        {"high_ns", "to", SOURCE_DERIVED, FORMAT_US},
    };
    static const struct report_column check_columns[] = {
        {"kernel", "kernel", SOURCE_NONE, FORMAT_PLAIN},
        {"arm", "arm", SOURCE_NONE, FORMAT_PLAIN},
        {"launch_count", "launches", SOURCE_MEASURED, FORMAT_PLAIN},
        {"correct", "correct", SOURCE_NONE, FORMAT_PLAIN},
        {"finding", "result", SOURCE_NONE, FORMAT_PLAIN},
    };
    static const struct report_column packet_columns[] = {
        {"kernel", "kernel", SOURCE_NONE, FORMAT_PLAIN},
        {"arms", "arms", SOURCE_NONE, FORMAT_PLAIN},
        {"header", "header", SOURCE_MEASURED, FORMAT_HEX},
        {"packet", "packet", SOURCE_MEASURED, FORMAT_PLAIN},
    };
    struct layers_tables tables;
    tables.summary = layers_summary_create(report);
    tables.packets = report_table(report, "packets", "the packet of a launch", packet_columns,
                                  COUNT(packet_columns));
    tables.arms =
        report_table(report, "arms", "what a launch costs", arm_columns, COUNT(arm_columns));
    tables.layers = report_table(report, "layers", "what each layer adds (paired differences)",
                                 layer_columns, COUNT(layer_columns));
    tables.checks =
        report_table(report, "checks", "what the kernels did", check_columns, COUNT(check_columns));
    report_limit(tables.packets, AUDIENCE_DETAILS);
    report_limit(tables.arms, AUDIENCE_DETAILS);
    report_limit(tables.layers, AUDIENCE_DETAILS);
    report_limit(tables.checks, AUDIENCE_DETAILS);
    return tables;
}

/* "kernel_dispatch barrier=1 ... kernel=..." up to the addresses, which differ. */
static void add_packet(const struct layers_tables *tables, const char *kernel, const char *arms,
                       const union hsp_packet *packet) {
    char text[512];
    hsp_packet_describe(packet, text, sizeof text);
    char *addresses = strstr(text, " kernel=0x");
    if (addresses)
        *addresses = 0;
    report_row(tables->packets, report_text(kernel), report_text(arms),
               report_integer(packet->dispatch.header), report_text(text));
}

/* Compares what isn't an address: kernel object, arguments and signal are each arm's own. */
static bool same_packet(const union hsp_packet *a, const union hsp_packet *b) {
    return memcmp(a, b, offsetof(hsa_kernel_dispatch_packet_t, kernel_object)) == 0 &&
           (a->dispatch.completion_signal.handle == 0) ==
               (b->dispatch.completion_signal.handle == 0);
}

void layers_add_packets(const struct layers_tables *tables, struct report *report,
                        const char *kernel, const struct arms *arms) {
    union hsp_packet ours;
    hsp_arm_packet(&arms->launch, &ours);
    add_packet(tables, kernel, "ring, hsa", &ours);
    if (!arms->packet_known) {
        report_note(report, "%s: HIP's packet was not read (%s)", kernel, arms->packet_error.text);
        return;
    }
    add_packet(tables, kernel, "hip-module, hip", &arms->hip_packet);
    if (!same_packet(&ours, &arms->hip_packet))
        report_note(report, "%s: HIP's packet is another one: its layer's cost includes that",
                    kernel);
}

/* The rows of an arm. What the software GPU did on the calling thread is no cost of the layers:
 * HSP_METRIC_SUBMIT is without it, and it has a row of its own. */
static const struct {
    const char *what;
    enum hsp_metric metric;
    bool software_only;
    enum report_source source;
} rows[] = {
    {"submit", HSP_METRIC_SUBMIT, false, SOURCE_MEASURED},
    {"round trip", HSP_METRIC_ROUND_TRIP, false, SOURCE_MEASURED},
    {"back to back", HSP_METRIC_BACK_TO_BACK, false, SOURCE_MEASURED},
    {"device on caller", HSP_METRIC_CALLER, true, SOURCE_MODELLED},
    {"device on caller, round trip", HSP_METRIC_CALLER_ROUND_TRIP, true, SOURCE_MODELLED},
};

static int add_row(const struct layers_tables *tables, const char *kernel, const char *arm,
                   size_t row, const struct hsp_rounds_result *result, size_t index, uint64_t seed,
                   struct layers_estimate *out_estimate) {
    size_t count = hsp_rounds_sample_count(result, rows[row].metric);
    struct hsp_bootstrap bootstrap = {.seed = seed};
    struct hsp_summary summary;
    struct hsp_interval interval;
    const double *samples = hsp_rounds_samples(result, index, rows[row].metric);
    int rc = hsp_stats_summarize(samples, count, &summary);
    if (!rc)
        rc = hsp_stats_median_interval(samples, count, &bootstrap, &interval);
    if (rc)
        return rc;
    report_row(tables->arms, report_text(kernel), report_text(arm), report_text(rows[row].what),
               report_text(report_source_name(rows[row].source)), report_real(summary.median),
               report_real(interval.low), report_real(interval.high), report_real(summary.p99),
               report_real(summary.min), report_real(summary.max), report_integer(count));
    *out_estimate = (struct layers_estimate){summary.median, interval.low, interval.high};
    return 0;
}

static int add_layer(const struct layers_tables *tables, const char *kernel, const char *layer,
                     const struct arms *arms, size_t upper, size_t row,
                     const struct hsp_rounds_result *result, uint64_t seed,
                     struct layers_estimate *out_estimate) {
    struct hsp_bootstrap bootstrap = {.seed = seed};
    struct hsp_difference difference;
    int rc =
        hsp_rounds_difference(result, upper, upper - 1, rows[row].metric, &bootstrap, &difference);
    if (rc)
        return rc;
    report_row(tables->layers, report_text(kernel), report_text(layer),
               report_text(arms->arms[upper].name), report_text(arms->arms[upper - 1].name),
               report_text(rows[row].what), report_real(difference.median),
               report_real(difference.interval.low), report_real(difference.interval.high));
    *out_estimate = (struct layers_estimate){difference.median, difference.interval.low,
                                             difference.interval.high};
    return 0;
}

int layers_add_results(const struct layers_tables *tables, const char *kernel,
                       const struct arms *arms, const struct hsp_rounds_result *result,
                       bool software, uint64_t seed) {
    struct layers_estimates estimates = {0};
    int rc = 0;
    for (size_t arm = 0; arm < arms->count; arm++)
        for (size_t row = 0; row < COUNT(rows) && !rc; row++)
            if (!rows[row].software_only || (software && arm != ARM_TIMER))
                rc = add_row(tables, kernel, arms->arms[arm].name, row, result, arm, seed,
                             &estimates.arms[arm][rows[row].metric]);
    for (size_t row = 0; row < COUNT(rows); row++)
        for (size_t arm = ARM_RING; arm < arms->count && !rc; arm++)
            if (!rows[row].software_only)
                rc = add_layer(tables, kernel, layers_name(arms, arm, software), arms, arm, row,
                               result, seed, &estimates.layers[arm][rows[row].metric]);
    if (!rc)
        layers_summary_add(tables->summary, kernel, arms, &estimates, software);
    return rc;
}

/* More than one, so that a kernel that ran once instead of N times is seen. */
#define CHECK_LAUNCHES 3

static void contents_free(void **contents, size_t count) {
    for (size_t i = 0; contents && i < count; i++)
        free(contents[i]);
    free(contents);
}

/* What an arm leaves behind after CHECK_LAUNCHES on fresh buffers. NULL after printing. */
static void **contents_of(const struct launch *launch, const struct hsp_arm *arm) {
    if (launch_reset(launch))
        return NULL;
    int failed = 0;
    for (int i = 0; i < CHECK_LAUNCHES && !failed; i++)
        failed = arm->ops->launch(arm->state) || arm->ops->wait(arm->state);
    if (failed) {
        failure(EXIT_FAILED, arm->name, "%s", arm->ops->error(arm->state));
        return NULL;
    }
    void **contents = xcalloc(launch->buffer_count, sizeof *contents);
    for (size_t i = 0; i < launch->buffer_count; i++) {
        contents[i] = xcalloc(launch->buffers[i].bytes, 1);
        if (launch_read(&launch->buffers[i], contents[i])) {
            contents_free(contents, launch->buffer_count);
            return NULL;
        }
    }
    return contents;
}

/* Position of the first argument that differs, or -1. */
static int difference(const struct launch *launch, void *const *a, void *const *b) {
    for (size_t i = 0; i < launch->buffer_count; i++)
        if (memcmp(a[i], b[i], launch->buffers[i].bytes) != 0)
            return (int)launch->buffers[i].position;
    return -1;
}

static bool wrote(const struct launch *launch, void *const *contents) {
    for (size_t i = 0; i < launch->buffer_count; i++)
        if (memcmp(contents[i], launch->buffers[i].initial, launch->buffers[i].bytes) != 0)
            return true;
    return false;
}

/* What a kernel without a check of its own is compared with: two runs of the lowest arm. */
struct reference {
    void **contents;
    bool repeats; /* both runs left the same */
};

static int reference_init(const struct launch *launch, const struct arms *arms,
                          struct reference *reference) {
    reference->contents = contents_of(launch, &arms->arms[ARM_RING]);
    void **again = reference->contents ? contents_of(launch, &arms->arms[ARM_RING]) : NULL;
    if (again)
        reference->repeats = difference(launch, reference->contents, again) < 0;
    contents_free(again, launch->buffer_count);
    return again ? EXIT_OK : EXIT_FAILED;
}

/* Words for what an arm left; NULL in *out_wrong when it is right or can't be told. */
static const char *judge(const struct launch *launch, const struct reference *reference,
                         void *const *contents, char **out_wrong) {
    *out_wrong = NULL;
    if (!reference->repeats)
        return "not comparable: two runs of arm ring differ";
    int position = difference(launch, reference->contents, contents);
    if (position >= 0)
        *out_wrong = xasprintf("argument %d differs from what arm ring left", position);
    return wrote(launch, contents) ? "as arm ring"
                                   : "as arm ring: it left its buffers as they were";
}

static int check_arm(const struct layers_tables *tables, const char *kernel,
                     const struct launch *launch, const struct hsp_arm *arm, uint64_t launch_count,
                     const struct reference *reference, layers_checker check) {
    void **contents = contents_of(launch, arm);
    if (!contents)
        return EXIT_FAILED;
    char *wrong = NULL;
    const char *right = "as computed on the host";
    if (check)
        wrong = check(launch, contents, CHECK_LAUNCHES);
    else
        right = judge(launch, reference, contents, &wrong);
    bool known = check || reference->repeats;
    report_row(tables->checks, report_text(kernel), report_text(arm->name),
               report_integer(launch_count + CHECK_LAUNCHES),
               known ? report_boolean(!wrong) : report_nothing(),
               report_text(wrong ? wrong : right));
    if (wrong || !known)
        report_limit(tables->checks, AUDIENCE_ALL);
    int code = wrong ? failure(EXIT_FAILED, arm->name, "kernel %s: %s", kernel, wrong) : EXIT_OK;
    free(wrong);
    contents_free(contents, launch->buffer_count);
    return code;
}

int layers_check(const struct layers_tables *tables, const char *kernel,
                 const struct launch *launch, const struct arms *arms,
                 const struct hsp_rounds_result *result, layers_checker check) {
    struct reference reference = {0};
    int code = check ? EXIT_OK : reference_init(launch, arms, &reference);
    for (size_t arm = ARM_RING; arm < arms->count && !code; arm++)
        code = check_arm(tables, kernel, launch, &arms->arms[arm], result->launch_counts[arm],
                         &reference, check);
    contents_free(reference.contents, launch->buffer_count);
    return code;
}
