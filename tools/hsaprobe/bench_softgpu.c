/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <jansson.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench.h"
#include "memory.h"

#define PROGRAM "hsaprobe-softgpu-bench"

extern char **environ;

enum { WORDS_MAX = 12 };

/* The program's words; those that are made here stay until the process ends. */
static void fill_words(const struct bench_input *input, char *path, char **words) {
    size_t count = 0;
    words[count++] = path;
    words[count++] = xstrdup("--json");
    words[count++] = xasprintf("--rounds=%u", input->round_count);
    if (input->isa)
        words[count++] = xasprintf("--isa=%s", input->isa);
    if (input->only)
        words[count++] = xasprintf("--only=%s", input->only);
    if (input->thread_count)
        words[count++] = xasprintf("--threads=%u", input->thread_count);
    words[count] = NULL;
}

static void free_words(char **words) {
    for (size_t i = 0; words[i]; i++)
        free(words[i]);
}

/* Starts it with its standard output in a pipe; 0, or an errno. */
static int start(char **words, pid_t *pid, FILE **output) {
    int ends[2];
    if (pipe(ends) != 0)
        return errno;
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
    posix_spawn_file_actions_addclose(&actions, ends[0]);
    posix_spawn_file_actions_addclose(&actions, ends[1]);
    int error = posix_spawn(pid, words[0], &actions, NULL, words, environ);
    posix_spawn_file_actions_destroy(&actions);
    close(ends[1]);
    *output = error ? NULL : fdopen(ends[0], "r");
    if (!*output)
        close(ends[0]);
    return error;
}

static void add_rows(struct report *report, const json_t *rows) {
    static const struct report_column columns[] = {
        {"group", "group", SOURCE_NONE, FORMAT_PLAIN},
        {"name", "name", SOURCE_NONE, FORMAT_PLAIN},
        {"isa", "isa", SOURCE_NONE, FORMAT_PLAIN},
        {"min", "min", SOURCE_MEASURED, FORMAT_PLAIN},
        {"median", "median", SOURCE_MEASURED, FORMAT_PLAIN},
        {"p90", "p90", SOURCE_MEASURED, FORMAT_PLAIN},
        {"unit", "unit", SOURCE_NONE, FORMAT_PLAIN},
        {"ns_per_instruction", "ns/instruction", SOURCE_DERIVED, FORMAT_PLAIN},
        {"what", "what", SOURCE_NONE, FORMAT_PLAIN},
    };
    struct report_section *table = report_table(report, "softgpu", "processor time", columns,
                                                sizeof columns / sizeof *columns);
    size_t index;
    json_t *row;
    json_array_foreach(rows, index, row) {
        const double median = json_number_value(json_object_get(row, "median"));
        const double count = json_number_value(json_object_get(row, "instructions"));
        report_row(table, report_text(json_string_value(json_object_get(row, "group"))),
                   report_text(json_string_value(json_object_get(row, "name"))),
                   report_text(json_string_value(json_object_get(row, "isa"))),
                   report_real(json_number_value(json_object_get(row, "min"))), report_real(median),
                   report_real(json_number_value(json_object_get(row, "p90"))),
                   report_text(json_string_value(json_object_get(row, "unit"))),
                   count > 0 ? report_real(median * 1e6 / count) : report_real(median),
                   report_text(json_string_value(json_object_get(row, "what"))));
    }
}

static void add_scaling(struct report *report, const json_t *scaling) {
    static const struct {
        const char *key;
        const char *title;
    } fields[] = {
        {"threads", "threads"},
        {"software", "the software GPU's speed against one thread"},
        {"native", "a native control's"},
        {"ratio", "the one's part of the other's"},
    };
    struct report_section *section = report_fields(report, "scaling", "scaling");
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++)
        report_field(section,
                     &(struct report_column){fields[i].key, fields[i].title,
                                             i ? SOURCE_MEASURED : SOURCE_NONE, FORMAT_PLAIN},
                     report_real(json_number_value(json_object_get(scaling, fields[i].key))));
}

/* Reads all that the program says, then waits for it. */
static int collect(pid_t pid, FILE *output, json_t **out_result) {
    json_error_t error;
    int status = 0;
    *out_result = json_loadf(output, 0, &error);
    fclose(output);
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
        ;
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0 || !*out_result)
        return failure(WIFEXITED(status) && WEXITSTATUS(status) == EXIT_USAGE ? EXIT_USAGE
                                                                              : EXIT_FAILED,
                       "bench softgpu", PROGRAM " failed");
    return EXIT_OK;
}

int bench_softgpu(struct command_context *context, const struct bench_input *input) {
    char *words[WORDS_MAX];
    char *directory = device_executable_directory();
    char *path = xasprintf("%s/" PROGRAM, directory ? directory : ".");
    free(directory);
    if (access(path, X_OK) != 0) {
        failure(EXIT_NO_DEVICE, "bench softgpu", "%s: %s", path, strerror(errno));
        hint("this hsaprobe was built with -DHSAPROBE_SOFTGPU=OFF, or moved away from it");
        free(path);
        return EXIT_NO_DEVICE;
    }
    unsetenv("LD_PRELOAD"); /* it is measured by itself */
    fill_words(input, path, words);
    pid_t pid;
    FILE *output = NULL;
    json_t *result = NULL;
    const int error = start(words, &pid, &output);
    int code =
        error ? failure(EXIT_FAILED, path, "%s", strerror(error)) : collect(pid, output, &result);
    if (code == EXIT_OK) {
        const json_t *scaling = json_object_get(result, "scaling");
        if (scaling)
            add_scaling(context->report, scaling);
        else
            add_rows(context->report, json_object_get(result, "rows"));
    }
    json_decref(result);
    free_words(words);
    return code;
}
