/* SPDX-License-Identifier: MIT */
#include "layers_crosscheck.h"

#include <errno.h>
#include <jansson.h>
#include <limits.h>
#include <math.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "layers_spans.h"
#include "measure/estimate.h"
#include "memory.h"
#include "samples_file.h"

#define TOLERANCE        0.10
#define TOLERANCE_MIN_NS 50.0
#define TRACE_ARGUMENTS  6 /* before the traced command */

extern char **environ;

static const char what[] = "crosscheck";

/* The summary's "recorder inside a call us  0.010". */
static double read_inside_ns(FILE *summary) {
    static const char key[] = "recorder inside a call us";
    char *line = NULL;
    size_t capacity = 0;
    double inside_ns = 0;
    rewind(summary);
    while (getline(&line, &capacity, summary) > 0)
        if (strncmp(line, key, strlen(key)) == 0)
            inside_ns = strtod(line + strlen(key), NULL) * 1e3;
    free(line);
    return inside_ns;
}

static int run(char *const *arguments, FILE *talk) {
    posix_spawn_file_actions_t actions;
    pid_t pid;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, fileno(talk), STDERR_FILENO);
    int error = posix_spawn(&pid, arguments[0], &actions, NULL, arguments, environ);
    posix_spawn_file_actions_destroy(&actions);
    if (error)
        return failure(EXIT_FAILED, what, "%s", strerror(error));
    int status = 0;
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {
    }
    return WIFEXITED(status) && WEXITSTATUS(status) == 0
               ? EXIT_OK
               : failure(EXIT_FAILED, what, "hsaprobe %s failed", arguments[1]);
}

/* hsaprobe layers, its samples into a file; under hsaprobe trace when there is one for events. */
static int run_layers(const char *kernel, unsigned round_count, const char *samples_path,
                      const char *events_path, FILE *talk) {
    char self[PATH_MAX] = "";
    if (readlink("/proc/self/exe", self, sizeof self - 1) < 0)
        return failure(EXIT_FAILED, what, "/proc/self/exe: %s", strerror(errno));
    char *rounds = xasprintf("--rounds=%u", round_count);
    char *events = xasprintf("--output=%s", events_path ? events_path : "");
    char *samples = xasprintf("--output=%s", samples_path);
    char *kernel_option = xasprintf("--kernel=%s", kernel);
    char *arguments[] = {self,
                         "trace",
                         "--layers=hip,hsa,thunk,os",
                         "--format=jsonl",
                         events,
                         "--",
                         self,
                         "layers",
                         "--arm=" CROSSCHECK_ARMS,
                         "--restarts=1",
                         "--format=jsonl",
                         kernel_option,
                         rounds,
                         samples,
                         NULL};
    int code = run(events_path ? arguments : arguments + TRACE_ARGUMENTS, talk);
    free(rounds);
    free(events);
    free(samples);
    free(kernel_option);
    return code;
}

static int read_samples(const char *path, struct hsp_samples *out_samples) {
    void *head = NULL;
    FILE *stream = fopen(path, "re");
    if (!stream)
        return failure(EXIT_FAILED, what, "%s: %s", path, strerror(errno));
    char *wrong = samples_read(stream, 0, out_samples, &head);
    int code = wrong ? failure(EXIT_FAILED, what, "%s", wrong) : EXIT_OK;
    free(wrong);
    json_decref(head);
    fclose(stream);
    return code;
}

static int read_events(const char *path, double inside_ns, struct spans *out_spans) {
    FILE *stream = fopen(path, "re");
    if (!stream)
        return failure(EXIT_FAILED, what, "%s: %s", path, strerror(errno));
    char *wrong = spans_read(stream, inside_ns, out_spans);
    int code = wrong ? failure(EXIT_FAILED, what, "%s", wrong) : EXIT_OK;
    free(wrong);
    fclose(stream);
    return code;
}

/* Two processes, one after the other: the machine is as fast for both. */
struct pair {
    struct hsp_samples *untraced;
    struct hsp_samples *traced;
    struct spans spans;
    double inside_ns;
};

static int run_pair(const char *kernel, unsigned round_count, const char *folder,
                    struct pair *pair) {
    FILE *summary = tmpfile();
    if (!summary)
        return failure(EXIT_FAILED, what, "a temporary file: %s", strerror(errno));
    char *events = xasprintf("%s/events.jsonl", folder);
    char *samples = xasprintf("%s/samples.jsonl", folder);
    int code = run_layers(kernel, round_count, samples, NULL, summary);
    if (!code)
        code = read_samples(samples, pair->untraced);
    if (!code)
        code = run_layers(kernel, round_count, samples, events, summary);
    if (!code)
        code = read_samples(samples, pair->traced);
    pair->inside_ns = read_inside_ns(summary);
    if (!code)
        code = read_events(events, pair->inside_ns, &pair->spans);
    fclose(summary);
    unlink(events);
    unlink(samples);
    free(events);
    free(samples);
    return code;
}

/* An arm's value, or NAN. */
static double value_of(const struct hsp_samples *samples, const char *kernel, const char *arm,
                       const char *metric, uint64_t seed) {
    const struct hsp_bootstrap bootstrap = {.seed = seed};
    const struct hsp_series *series = hsp_samples_find(samples, kernel, arm, metric, 0);
    struct hsp_estimate estimate;
    return series && hsp_estimate_series(series, &bootstrap, &estimate) == 0 ? estimate.value : NAN;
}

/* Between two arms, paired by round; 0 where there is no such metric. */
static double minus(const struct hsp_samples *samples, const char *kernel, const char *upper,
                    const char *lower, const char *metric, uint64_t seed) {
    const struct hsp_bootstrap bootstrap = {.seed = seed};
    const struct hsp_series *a = hsp_samples_find(samples, kernel, upper, metric, 0);
    const struct hsp_series *b = hsp_samples_find(samples, kernel, lower, metric, 0);
    struct hsp_estimate estimate;
    return a && b && hsp_estimate_difference(a, b, &bootstrap, &estimate) == 0 ? estimate.value : 0;
}

/* Of each pair. */
enum value {
    HIP,
    HSA,
    OS,
    HIP_SPANS,
    HSA_SPANS,
    OS_SPANS,
    HIP_DIFFERENCE,
    HSA_DIFFERENCE,
    OS_DIFFERENCE,
    OWN,    /* HIP's */
    WITHIN, /* HSA's within HIP */
    REPLAY, /* HSA's within arm hsa */
    WAITS,  /* what tracing made arm hsa longer, beyond what recording costs */
    VALUE_COUNT
};

/* An arm's launch, the software GPU's work on its thread included. */
static double whole(const struct hsp_samples *samples, const char *kernel, const char *arm,
                    uint64_t seed) {
    double device = value_of(samples, kernel, arm, "device on caller", seed);
    return value_of(samples, kernel, arm, "submit", seed) + (isnan(device) ? 0 : device);
}

static void take_pair(const struct pair *pair, const char *kernel, uint64_t seed, double *out) {
    const struct hsp_samples *samples = pair->untraced;
    const struct spans *spans = &pair->spans;
    out[HIP] = minus(samples, kernel, "hip-module", "hsa", "submit", seed) +
               minus(samples, kernel, "hip-module", "hsa", "device on caller", seed);
    out[HSA] = minus(samples, kernel, "hsa", "packet", "submit", seed) +
               minus(samples, kernel, "hsa", "packet", "device on caller", seed);
    out[OS] = 0;
    out[OWN] = spans->hip_ns;
    out[WITHIN] = spans->hip_hsa_ns;
    out[REPLAY] = spans->replay_hsa_ns;
    out[HIP_SPANS] = out[OWN] - spans->replay_ns + out[WITHIN] - out[REPLAY];
    out[HSA_SPANS] = out[REPLAY];
    out[OS_SPANS] = spans->hip_os_ns;
    for (int i = HIP; i <= OS; i++)
        out[HIP_DIFFERENCE + i] = out[HIP_SPANS + i] - out[HIP + i];
    out[WAITS] = whole(pair->traced, kernel, "hsa", seed) - whole(samples, kernel, "hsa", seed) -
                 spans->nested_count * (pair->inside_ns + spans->around_ns);
}

/* values[value * pair_count + pair]; adds to *launch_count those of HIP that were traced. */
static int take_pairs(const char *kernel, unsigned round_count, unsigned pair_count, uint64_t seed,
                      double *values, size_t *launch_count) {
    char folder[] = "/tmp/hsaprobe-crosscheck.XXXXXX";
    if (!mkdtemp(folder))
        return failure(EXIT_FAILED, what, "a temporary folder: %s", strerror(errno));
    int code = EXIT_OK;
    for (unsigned i = 0; i < pair_count && !code; i++) {
        struct pair pair = {.untraced = hsp_samples_create(), .traced = hsp_samples_create()};
        double one[VALUE_COUNT];
        code = run_pair(kernel, round_count, folder, &pair);
        if (!code) {
            take_pair(&pair, kernel, seed, one);
            for (int value = 0; value < VALUE_COUNT; value++)
                values[(unsigned)value * pair_count + i] = one[value];
            *launch_count += pair.spans.launch_count;
        }
        hsp_samples_destroy(pair.untraced);
        hsp_samples_destroy(pair.traced);
    }
    rmdir(folder);
    return code;
}

static bool add_row(struct report_section *table, const char *layer, const double *medians,
                    enum value row) {
    double subtraction = medians[row];
    double spans = medians[HIP_SPANS + row];
    double difference = medians[HIP_DIFFERENCE + row];
    double allowed = fmax(TOLERANCE_MIN_NS, TOLERANCE * fmax(fabs(subtraction), fabs(spans)));
    bool agree = fabs(difference) <= allowed;
    report_row(table, report_text(layer), report_real(subtraction), report_real(spans),
               report_real(difference), report_real(allowed), report_boolean(agree));
    return agree;
}

static bool add_table(struct report *report, const double *medians, size_t launch_count) {
    static const struct report_column columns[] = {
        {"layer", "layer", SOURCE_NONE, FORMAT_PLAIN},
        {"subtraction_ns", "subtraction us", SOURCE_DERIVED, FORMAT_US},
        {"spans_ns", "nested spans us", SOURCE_DERIVED, FORMAT_US},
        {"difference_ns", "difference us", SOURCE_DERIVED, FORMAT_US},
        {"allowed_ns", "allowed us", SOURCE_NONE, FORMAT_US},
        {"agrees", "agree", SOURCE_DERIVED, FORMAT_PLAIN},
    };
    struct report_section *table = report_table(report, "crosscheck", "a launch by two methods",
                                                columns, sizeof columns / sizeof *columns);
    bool agree = add_row(table, "HIP", medians, HIP);
    agree = add_row(table, "HSA", medians, HSA) && agree;
    agree = add_row(table, "OS", medians, OS) && agree;
    report_note(
        report,
        "crosscheck: %zu launches of HIP traced: HIP's own time is %.0f ns; HSA's functions "
        "take %.0f ns within HIP, %.0f ns within arm hsa",
        launch_count, medians[OWN], medians[WITHIN], medians[REPLAY]);
    if (medians[WAITS] > TOLERANCE_MIN_NS)
        report_note(
            report,
            "crosscheck: tracing made arm hsa's launch %.0f ns longer than recording costs: "
            "waits for memory that overlap otherwise; HSA's spans have them in them",
            medians[WAITS]);
    return agree;
}

int layers_crosscheck(struct command_context *context, const char *kernel, unsigned round_count,
                      unsigned pair_count, uint64_t seed) {
    double *values = xcalloc(pair_count, VALUE_COUNT * sizeof *values);
    double medians[VALUE_COUNT];
    size_t launch_count = 0;
    int code = take_pairs(kernel, round_count, pair_count, seed, values, &launch_count);
    for (size_t i = 0; i < VALUE_COUNT; i++)
        medians[i] = hsp_stats_median_inplace(values + i * pair_count, pair_count);
    free(values);
    if (code)
        return code;
    context->print_anyway = true;
    return add_table(context->report, medians, launch_count)
               ? EXIT_OK
               : failure(EXIT_FAILED, what, "the two methods differ by more than 10 %% and 50 ns");
}
