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
#include "measure/stats.h"
#include "memory.h"
#include "samples_file.h"

#define TOLERANCE        0.10
#define TOLERANCE_MIN_NS 50.0
#define ROUND_EVENTS     512 /* more than a round has */
#define RING_MIN         65536
#define RING_MAX         (1u << 22) /* of --ring */

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

/* Room for all events: the reader begins at the end, so that nothing runs beside the launches. */
static unsigned ring_events(unsigned round_count) {
    unsigned events = RING_MIN;
    while (events < RING_MAX && events / ROUND_EVENTS < round_count)
        events *= 2;
    return events;
}

/* hsaprobe layers under hsaprobe trace, which it pauses and resumes. */
static int run_layers(const char *kernel, unsigned round_count, const char *samples_path,
                      const char *events_path, FILE *talk) {
    char self[PATH_MAX] = "";
    if (readlink("/proc/self/exe", self, sizeof self - 1) < 0)
        return failure(EXIT_FAILED, what, "/proc/self/exe: %s", strerror(errno));
    char *rounds = xasprintf("--rounds=%u", round_count);
    char *ring = xasprintf("--ring=%u", ring_events(round_count));
    char *events = xasprintf("--output=%s", events_path);
    char *samples = xasprintf("--output=%s", samples_path);
    char *kernel_option = xasprintf("--kernel=%s", kernel);
    char *arguments[] = {self,
                         "trace",
                         "--layers=hip,hsa,thunk,os",
                         "--format=jsonl",
                         "--paused",
                         "--at-end",
                         ring,
                         events,
                         "--",
                         self,
                         "layers",
                         "--arm=" CROSSCHECK_ARMS,
                         "--alternate",
                         "--restarts=1",
                         "--format=jsonl",
                         kernel_option,
                         rounds,
                         samples,
                         NULL};
    int code = run(arguments, talk);
    free(rounds);
    free(ring);
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

/* One process, measured by both methods in turn. */
struct probe {
    struct hsp_samples *samples; /* "process" 0, 2, ... as things are, 1, 3, ... recorded */
    struct spans spans;
    double inside_ns;
};

static int run_probe(const char *kernel, unsigned round_count, const char *folder,
                     struct probe *probe) {
    FILE *summary = tmpfile();
    if (!summary)
        return failure(EXIT_FAILED, what, "a temporary file: %s", strerror(errno));
    char *events = xasprintf("%s/events.jsonl", folder);
    char *samples = xasprintf("%s/samples.jsonl", folder);
    int code = run_layers(kernel, round_count, samples, events, summary);
    if (!code)
        code = read_samples(samples, probe->samples);
    probe->inside_ns = read_inside_ns(summary);
    if (!code)
        code = read_events(events, probe->inside_ns, &probe->spans);
    fclose(summary);
    unlink(events);
    unlink(samples);
    free(events);
    free(samples);
    return code;
}

/* Adds a metric of every slice to `values`; nothing where there is no such metric. */
static void add_slices(const struct probe *probe, const char *kernel, const char *arm,
                       const char *metric, double sign, double *values) {
    const struct hsp_series *series = hsp_samples_find(probe->samples, kernel, arm, metric, 0);
    size_t count = probe->samples->process_count;
    double *of_slice = xcalloc(count, sizeof *of_slice);
    if (series)
        hsp_estimate_processes(series, of_slice, count);
    for (size_t i = 0; i < count; i++)
        values[i] += sign * of_slice[i];
    free(of_slice);
}

/* A launch by arm `upper`, the software GPU's work on its thread included, less that by `lower`
 * (NULL: nothing); the median of the slices that are recorded, or of the others. */
static double launch_ns(const struct probe *probe, const char *kernel, const char *upper,
                        const char *lower, bool recorded) {
    static const char *const metrics[] = {"submit", "device on caller"};
    size_t count = probe->samples->process_count;
    double *values = xcalloc(count, sizeof *values);
    for (size_t i = 0; i < sizeof metrics / sizeof *metrics; i++) {
        add_slices(probe, kernel, upper, metrics[i], 1, values);
        if (lower)
            add_slices(probe, kernel, lower, metrics[i], -1, values);
    }
    size_t kept = 0;
    for (size_t i = recorded; i < count; i += 2)
        values[kept++] = values[i];
    double median = hsp_stats_median_inplace(values, kept);
    free(values);
    return median;
}

/* Of each process. */
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
    WAITS,  /* what recording made arm hsa longer, beyond what it costs */
    VALUE_COUNT
};

static void take_probe(const struct probe *probe, const char *kernel, double *out) {
    const struct spans *spans = &probe->spans;
    double fill = launch_ns(probe, kernel, "packet", "timer", false);
    out[HIP] = launch_ns(probe, kernel, "hip-module", "hsa", false);
    out[HSA] = launch_ns(probe, kernel, "hsa", "packet", false);
    out[OS] = 0;
    out[OWN] = spans->hip_ns;
    out[WITHIN] = spans->hip_hsa_ns;
    out[REPLAY] = spans->replay_hsa_ns;
    out[WAITS] = launch_ns(probe, kernel, "hsa", NULL, true) -
                 launch_ns(probe, kernel, "hsa", NULL, false) -
                 spans->nested_count * (probe->inside_ns + spans->around_ns);
    struct span_layers layers = spans_layers(spans, fill, out[WAITS]);
    out[HIP_SPANS] = layers.hip_ns;
    out[HSA_SPANS] = layers.hsa_ns;
    out[OS_SPANS] = layers.os_ns;
    for (int i = HIP; i <= OS; i++)
        out[HIP_DIFFERENCE + i] = out[HIP_SPANS + i] - out[HIP + i];
}

/* values[value * process_count + process]; adds to *launch_count those of HIP that were traced. */
static int take_probes(const char *kernel, unsigned round_count, unsigned process_count,
                       double *values, size_t *launch_count) {
    char folder[] = "/tmp/hsaprobe-crosscheck.XXXXXX";
    if (!mkdtemp(folder))
        return failure(EXIT_FAILED, what, "a temporary folder: %s", strerror(errno));
    int code = EXIT_OK;
    for (unsigned i = 0; i < process_count && !code; i++) {
        struct probe probe = {.samples = hsp_samples_create()};
        double one[VALUE_COUNT];
        code = run_probe(kernel, round_count, folder, &probe);
        if (!code) {
            take_probe(&probe, kernel, one);
            for (int value = 0; value < VALUE_COUNT; value++)
                values[(unsigned)value * process_count + i] = one[value];
            *launch_count += probe.spans.launch_count;
        }
        hsp_samples_destroy(probe.samples);
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
            "crosscheck: recording made arm hsa's launch %.0f ns longer than its calls' recording "
            "costs (waits for memory that overlap otherwise, cold caches); taken off what it does "
            "between its calls",
            medians[WAITS]);
    return agree;
}

int layers_crosscheck(struct command_context *context, const char *kernel, unsigned round_count,
                      unsigned process_count) {
    double *values = xcalloc(process_count, VALUE_COUNT * sizeof *values);
    double medians[VALUE_COUNT];
    size_t launch_count = 0;
    int code = take_probes(kernel, round_count, process_count, values, &launch_count);
    for (size_t i = 0; i < VALUE_COUNT; i++)
        medians[i] = hsp_stats_median_inplace(values + i * process_count, process_count);
    free(values);
    if (code)
        return code;
    context->print_anyway = true;
    return add_table(context->report, medians, launch_count)
               ? EXIT_OK
               : failure(EXIT_FAILED, what, "the two methods differ by more than 10 %% and 50 ns");
}
