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

#include "measure/estimate.h"
#include "memory.h"

#define LAUNCH_CALL      "hipModuleLaunchKernel"
#define TOLERANCE        0.10
#define TOLERANCE_MIN_NS 50.0
#define PARENTS          256 /* calls whose nested calls have ended but they themselves haven't */

extern char **environ;

static const char what[] = "crosscheck";

/* Nested calls of a call that hasn't ended yet, found by its sequence number. */
struct parent {
    json_int_t sequence;
    json_int_t thread;
    double hsa_ns;
    double os_ns; /* at any depth below */
    unsigned nested_count;
};

/* One launch's values, growing. */
struct launches {
    double *hip;
    double *hsa;
    size_t count;
    double os_ns;
};

static struct parent *parent_of(struct parent *parents, json_int_t sequence, json_int_t thread) {
    struct parent *parent = &parents[sequence % PARENTS];
    if (parent->sequence != sequence || parent->thread != thread)
        *parent = (struct parent){.sequence = sequence, .thread = thread};
    return parent;
}

static void take_call(json_t *event, double around_ns, struct parent *parents,
                      struct launches *launches) {
    const char *layer, *name;
    json_int_t sequence, thread, above = -1;
    double duration, self;
    if (json_unpack(event, "{s:s, s:s, s:I, s:I, s?I, s:F, s:F}", "layer", &layer, "name", &name,
                    "seq", &sequence, "thread", &thread, "parent_seq", &above, "duration_ns",
                    &duration, "self_ns", &self))
        return;
    const struct parent own = *parent_of(parents, sequence, thread);
    if (above >= 0) {
        struct parent *parent = parent_of(parents, above, thread);
        parent->nested_count++;
        parent->hsa_ns += strcmp(layer, "hsa") == 0 ? duration : 0;
        parent->os_ns += own.os_ns + (strcmp(layer, "os") == 0 ? self : 0);
    }
    if (strcmp(name, LAUNCH_CALL) != 0)
        return;
    size_t count = launches->count++;
    launches->hip = xreallocarray(launches->hip, launches->count, sizeof(double));
    launches->hsa = xreallocarray(launches->hsa, launches->count, sizeof(double));
    launches->hip[count] = self - around_ns * own.nested_count;
    launches->hsa[count] = own.hsa_ns;
    launches->os_ns += own.os_ns;
}

char *crosscheck_read(FILE *events, double around_ns, struct crosscheck_spans *out_spans) {
    struct parent parents[PARENTS] = {0};
    struct launches launches = {0};
    char *line = NULL;
    size_t capacity = 0;
    char *wrong = NULL;
    while (!wrong && getline(&line, &capacity, events) > 0) {
        if (!strstr(line, "\"type\":\"call\""))
            continue; /* dispatches, copies, calls that didn't end */
        json_t *event = json_loads(line, 0, NULL);
        if (event)
            take_call(event, around_ns, parents, &launches);
        else
            wrong = xasprintf("the trace has a line that is no JSON: %.200s", line);
        json_decref(event);
    }
    free(line);
    if (!wrong && launches.count == 0)
        wrong = xstrdup("the trace has no " LAUNCH_CALL);
    if (!wrong)
        *out_spans = (struct crosscheck_spans){
            .launch_count = launches.count,
            .hip_ns = hsp_stats_median_inplace(launches.hip, launches.count),
            .hsa_ns = hsp_stats_median_inplace(launches.hsa, launches.count),
            .os_ns = launches.os_ns / (double)launches.count};
    free(launches.hip);
    free(launches.hsa);
    return wrong;
}

/* The summary's "recorder around a call us  0.052". */
static double read_around_ns(FILE *summary) {
    static const char key[] = "recorder around a call us";
    char *line = NULL;
    size_t capacity = 0;
    double around_ns = 0;
    rewind(summary);
    while (getline(&line, &capacity, summary) > 0)
        if (strncmp(line, key, strlen(key)) == 0)
            around_ns = strtod(line + strlen(key), NULL) * 1e3;
    free(line);
    return around_ns;
}

/* hsaprobe trace -- hsaprobe layers, its talk into `summary`. */
static int run_trace(const char *kernel, unsigned round_count, const char *events_path,
                     FILE *summary) {
    char self[PATH_MAX] = "";
    if (readlink("/proc/self/exe", self, sizeof self - 1) < 0)
        return failure(EXIT_FAILED, what, "/proc/self/exe: %s", strerror(errno));
    char *rounds = xasprintf("--rounds=%u", round_count);
    char *arguments[] = {
        self, "trace",  "--format", "jsonl",        "-o",    (char *)events_path, "--",
        self, "layers", "--kernel", (char *)kernel, "--arm", "hip-module",        "--restarts",
        "1",  rounds,   "-o",       "/dev/null",    NULL};
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

static int trace(const char *kernel, unsigned round_count, struct crosscheck_spans *out_spans) {
    char folder[] = "/tmp/hsaprobe-crosscheck.XXXXXX";
    FILE *summary = tmpfile();
    if (!summary || !mkdtemp(folder))
        return failure(EXIT_FAILED, what, "a temporary file: %s", strerror(errno));
    char *events_path = xasprintf("%s/events.jsonl", folder);
    int code = run_trace(kernel, round_count, events_path, summary);
    FILE *events = code ? NULL : fopen(events_path, "re");
    if (!code && !events)
        code = failure(EXIT_FAILED, what, "%s: %s", events_path, strerror(errno));
    char *wrong = events ? crosscheck_read(events, read_around_ns(summary), out_spans) : NULL;
    if (wrong)
        code = failure(EXIT_FAILED, what, "%s", wrong);
    free(wrong);
    if (events)
        fclose(events);
    fclose(summary);
    unlink(events_path);
    rmdir(folder);
    free(events_path);
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

static double minus(const struct hsp_samples *samples, const char *kernel, const char *upper,
                    const char *lower, uint64_t seed) {
    const struct hsp_bootstrap bootstrap = {.seed = seed};
    const struct hsp_series *a = hsp_samples_find(samples, kernel, upper, "submit", 0);
    const struct hsp_series *b = hsp_samples_find(samples, kernel, lower, "submit", 0);
    struct hsp_estimate estimate;
    return a && b && hsp_estimate_difference(a, b, &bootstrap, &estimate) == 0 ? estimate.value
                                                                               : NAN;
}

static bool add_row(struct report_section *table, const char *layer, double subtraction,
                    double spans) {
    double allowed = fmax(TOLERANCE_MIN_NS, TOLERANCE * fmax(fabs(subtraction), fabs(spans)));
    bool agree = fabs(subtraction - spans) <= allowed;
    report_row(table, report_text(layer), report_real(subtraction), report_real(spans),
               report_real(spans - subtraction), report_real(allowed), report_boolean(agree));
    return agree;
}

int layers_crosscheck(struct command_context *context, const char *kernel, unsigned round_count,
                      uint64_t seed) {
    static const struct report_column columns[] = {
        {"layer", "layer", SOURCE_NONE, FORMAT_PLAIN},
        {"subtraction_ns", "subtraction us", SOURCE_DERIVED, FORMAT_US},
        {"spans_ns", "nested spans us", SOURCE_DERIVED, FORMAT_US},
        {"difference_ns", "difference us", SOURCE_DERIVED, FORMAT_US},
        {"allowed_ns", "allowed us", SOURCE_NONE, FORMAT_US},
        {"agrees", "agree", SOURCE_DERIVED, FORMAT_PLAIN},
    };
    const struct hsp_samples *samples = context->samples;
    struct crosscheck_spans spans;
    int code = trace(kernel, round_count, &spans);
    if (code)
        return code;
    struct report_section *table =
        report_table(context->report, "crosscheck", "a launch by two methods", columns,
                     sizeof columns / sizeof *columns);
    double packet = minus(samples, kernel, "packet", "timer", seed);
    double hip = minus(samples, kernel, "hip-module", "hsa", seed) + packet;
    double device = value_of(samples, kernel, "hsa", "device on caller", seed);
    double hsa = minus(samples, kernel, "hsa", "packet", seed) + (isnan(device) ? 0 : device);
    bool agree = add_row(table, "HIP", hip, spans.hip_ns);
    agree = add_row(table, "HSA", hsa, spans.hsa_ns) && agree;
    agree = add_row(table, "OS", 0, spans.os_ns) && agree;
    report_note(context->report,
                "crosscheck: %zu launches traced; the operating system has no part in one",
                spans.launch_count);
    context->print_anyway = true;
    return agree
               ? EXIT_OK
               : failure(EXIT_FAILED, what, "the two methods differ by more than 10 %% and 50 ns");
}
