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

/* hsaprobe trace -- hsaprobe layers with the same arms, its talk into `summary`. */
static int run_trace(const char *kernel, unsigned round_count, const char *events_path,
                     const char *samples_path, FILE *summary) {
    char self[PATH_MAX] = "";
    if (readlink("/proc/self/exe", self, sizeof self - 1) < 0)
        return failure(EXIT_FAILED, what, "/proc/self/exe: %s", strerror(errno));
    char *rounds = xasprintf("--rounds=%u", round_count);
    char *arguments[] = {self,
                         "trace",
                         "--layers",
                         "hip,hsa,thunk,os",
                         "--format",
                         "jsonl",
                         "-o",
                         (char *)events_path,
                         "--",
                         self,
                         "layers",
                         "--kernel",
                         (char *)kernel,
                         "--arm",
                         CROSSCHECK_ARMS,
                         "--restarts",
                         "1",
                         rounds,
                         "--format",
                         "jsonl",
                         "-o",
                         (char *)samples_path,
                         NULL};
    posix_spawn_file_actions_t actions;
    pid_t pid;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, fileno(summary), STDERR_FILENO);
    int error = posix_spawn(&pid, self, &actions, NULL, arguments, environ);
    posix_spawn_file_actions_destroy(&actions);
    free(rounds);
    if (error)
        return failure(EXIT_FAILED, what, "%s", strerror(error));
    int status = 0;
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {
    }
    return WIFEXITED(status) && WEXITSTATUS(status) == 0
               ? EXIT_OK
               : failure(EXIT_FAILED, what, "hsaprobe trace failed");
}

static int read_results(FILE *events, FILE *samples, double inside_ns, struct hsp_samples *traced,
                        struct spans *out_spans) {
    void *head = NULL;
    if (!events || !samples)
        return failure(EXIT_FAILED, what, "a temporary file: %s", strerror(errno));
    char *wrong = spans_read(events, inside_ns, out_spans);
    if (!wrong)
        wrong = samples_read(samples, 0, traced, &head);
    json_decref(head);
    int code = wrong ? failure(EXIT_FAILED, what, "%s", wrong) : EXIT_OK;
    free(wrong);
    return code;
}

/* One process: its spans, and in `traced` what it measured of itself meanwhile. */
static int trace(const char *kernel, unsigned round_count, struct hsp_samples *traced,
                 struct spans *out_spans, double *out_inside_ns) {
    char folder[] = "/tmp/hsaprobe-crosscheck.XXXXXX";
    FILE *summary = tmpfile();
    if (!summary || !mkdtemp(folder))
        return failure(EXIT_FAILED, what, "a temporary file: %s", strerror(errno));
    char *events_path = xasprintf("%s/events.jsonl", folder);
    char *samples_path = xasprintf("%s/samples.jsonl", folder);
    int code = run_trace(kernel, round_count, events_path, samples_path, summary);
    if (!code) {
        FILE *events = fopen(events_path, "re");
        FILE *samples = fopen(samples_path, "re");
        *out_inside_ns = read_inside_ns(summary);
        code = read_results(events, samples, *out_inside_ns, traced, out_spans);
        if (events)
            fclose(events);
        if (samples)
            fclose(samples);
    }
    fclose(summary);
    unlink(events_path);
    unlink(samples_path);
    rmdir(folder);
    free(events_path);
    free(samples_path);
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

static bool add_row(struct report_section *table, const char *layer, double subtraction,
                    double spans) {
    double allowed = fmax(TOLERANCE_MIN_NS, TOLERANCE * fmax(fabs(subtraction), fabs(spans)));
    bool agree = fabs(subtraction - spans) <= allowed;
    report_row(table, report_text(layer), report_real(subtraction), report_real(spans),
               report_real(spans - subtraction), report_real(allowed), report_boolean(agree));
    return agree;
}

/* Of each process, as spans and as what it measured of itself. */
struct traced {
    double *hip, *hsa, *os;        /* rows of the table */
    double *own, *within, *replay; /* what HIP's is made of */
    double *slower;                /* arm hsa than untraced */
    double *recorder;              /* of which the recorder itself */
    size_t launch_count;
};

static void take_process(struct traced *traced, unsigned i, const struct spans *spans,
                         double inside_ns, double slower_ns) {
    traced->launch_count += spans->launch_count;
    traced->own[i] = spans->hip_ns;
    traced->within[i] = spans->hip_hsa_ns;
    traced->replay[i] = spans->replay_hsa_ns;
    traced->hip[i] = spans->hip_ns - spans->replay_ns + spans->hip_hsa_ns - spans->replay_hsa_ns;
    traced->hsa[i] = spans->replay_hsa_ns;
    traced->os[i] = spans->hip_os_ns;
    traced->slower[i] = slower_ns;
    traced->recorder[i] = spans->nested_count * (inside_ns + spans->around_ns);
}

/* An arm's launch, the software GPU's work on its thread included. */
static double whole(const struct hsp_samples *samples, const char *kernel, const char *arm,
                    uint64_t seed) {
    double device = value_of(samples, kernel, arm, "device on caller", seed);
    return value_of(samples, kernel, arm, "submit", seed) + (isnan(device) ? 0 : device);
}

static int trace_all(const struct hsp_samples *samples, const char *kernel, unsigned round_count,
                     unsigned process_count, uint64_t seed, struct traced *traced) {
    int code = EXIT_OK;
    for (unsigned i = 0; i < process_count && !code; i++) {
        struct hsp_samples *measured = hsp_samples_create();
        struct spans spans;
        double inside_ns;
        code = trace(kernel, round_count, measured, &spans, &inside_ns);
        if (!code)
            take_process(traced, i, &spans, inside_ns,
                         whole(measured, kernel, "hsa", seed) -
                             whole(samples, kernel, "hsa", seed));
        hsp_samples_destroy(measured);
    }
    return code;
}

static bool add_table(struct command_context *context, const char *kernel, unsigned process_count,
                      uint64_t seed, struct traced *traced) {
    static const struct report_column columns[] = {
        {"layer", "layer", SOURCE_NONE, FORMAT_PLAIN},
        {"subtraction_ns", "subtraction us", SOURCE_DERIVED, FORMAT_US},
        {"spans_ns", "nested spans us", SOURCE_DERIVED, FORMAT_US},
        {"difference_ns", "difference us", SOURCE_DERIVED, FORMAT_US},
        {"allowed_ns", "allowed us", SOURCE_NONE, FORMAT_US},
        {"agrees", "agree", SOURCE_DERIVED, FORMAT_PLAIN},
    };
#define MEDIAN(values) hsp_stats_median_inplace(traced->values, process_count)
    const struct hsp_samples *samples = context->samples;
    struct report_section *table =
        report_table(context->report, "crosscheck", "a launch by two methods", columns,
                     sizeof columns / sizeof *columns);
    double hsa = whole(samples, kernel, "hsa", seed);
    double hip = whole(samples, kernel, "hip-module", seed);
    double packet = value_of(samples, kernel, "packet", "submit", seed);
    bool agree = add_row(table, "HIP", hip - hsa, MEDIAN(hip));
    agree = add_row(table, "HSA", hsa - packet, MEDIAN(hsa)) && agree;
    agree = add_row(table, "OS", 0, MEDIAN(os)) && agree;
    report_note(
        context->report,
        "crosscheck: %zu launches of HIP traced: HIP's own time is %.0f ns; HSA's functions "
        "take %.0f ns within HIP, %.0f ns within arm hsa",
        traced->launch_count, MEDIAN(own), MEDIAN(within), MEDIAN(replay));
    double waits = MEDIAN(slower) - MEDIAN(recorder);
    if (waits > TOLERANCE_MIN_NS)
        report_note(
            context->report,
            "crosscheck: tracing made arm hsa's launch %.0f ns longer than recording costs: "
            "waits for memory that overlap otherwise; HSA's spans have them in them",
            waits);
#undef MEDIAN
    return agree;
}

int layers_crosscheck(struct command_context *context, const char *kernel, unsigned round_count,
                      unsigned process_count, uint64_t seed) {
    enum { LISTS = 8 };
    double *values = xcalloc(process_count, LISTS * sizeof *values);
    double *lists[LISTS];
    for (size_t i = 0; i < LISTS; i++)
        lists[i] = values + i * process_count;
    struct traced traced = {.hip = lists[0],
                            .hsa = lists[1],
                            .os = lists[2],
                            .own = lists[3],
                            .within = lists[4],
                            .replay = lists[5],
                            .slower = lists[6],
                            .recorder = lists[7]};
    int code = trace_all(context->samples, kernel, round_count, process_count, seed, &traced);
    if (!code) {
        context->print_anyway = true;
        if (!add_table(context, kernel, process_count, seed, &traced))
            code =
                failure(EXIT_FAILED, what, "the two methods differ by more than 10 %% and 50 ns");
    }
    free(values);
    return code;
}
