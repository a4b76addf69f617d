/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "command.h"
#include "map_command.h"
#include "memory.h"

#define TRACER_FILE "libhsaprobe-trace.so"
#define HIP_FILE    "libhsaprobe-hip.so"

enum {
    KEY_VERIFY = 0x500,
    KEY_EXPLAIN,
    KEY_DIFF,
    KEY_SELFCOST,
    KEY_SVG,
    KEY_DETAILS,
    KEY_NO_STRACE,
    KEY_ONLY,
    KEY_GROUP,
    KEY_COST,
    KEY_MARKS
};

struct map_input {
    bool verify, diff, selfcost, details, no_strace;
    const struct hsp_map_op *explain;
    const char *only; /* "hsa" or "hip"; NULL: both */
    const char *svg;
    char **words; /* a program's argv, or two files */
    /* Said by hsaprobe to itself: this process runs a group of the catalogue. */
    bool is_child;
    enum hsp_map_group group;
    int mark_fd;
    bool is_watched; /* ... or a way of --selfcost */
    unsigned way;
};

static const char *const group_names[] = {"hsa", "hip", "hip-blocking"};

static const struct argp_option options[] = {
    {"verify", KEY_VERIFY, NULL, 0,
     "count under strace with stacks too (slow), and say what the recorder misses", 0},
    {"explain", KEY_EXPLAIN, "OP", 0, "one operation in full: path, mechanism, calls", 0},
    {"diff", KEY_DIFF, NULL, 0, "compare two results in JSON: map --diff A B", 0},
    {"selfcost", KEY_SELFCOST, NULL, 0, "what each way of watching costs on this machine", 0},
    {"svg", KEY_SVG, "FILE", 0, "write the stack diagram too", 0},
    {"details", KEY_DETAILS, NULL, 0, "print every call", 0},
    {"no-strace", KEY_NO_STRACE, NULL, 0, "the recorder only: no futex, clone, executed calls", 0},
    {"only", KEY_ONLY, "hsa|hip", 0, "operations of one of them", 0},
    {"group", KEY_GROUP, "NAME", OPTION_HIDDEN, NULL, 0},
    {"cost", KEY_COST, "INDEX", OPTION_HIDDEN, NULL, 0},
    {"marks", KEY_MARKS, "FD", OPTION_HIDDEN, NULL, 0},
    {0},
};

static void take_group(const struct argp_state *state, const char *name) {
    struct map_input *input = state->input;
    for (int i = 0; i < HSP_MAP_GROUP_COUNT; i++)
        if (strcmp(group_names[i], name) == 0) {
            input->group = (enum hsp_map_group)i;
            input->is_child = true;
            return;
        }
    usage_error(state, "--group: '%s' is none", name);
}

static void check_words(const struct argp_state *state) {
    const struct map_input *input = state->input;
    size_t count = 0;
    while (input->words && input->words[count])
        count++;
    if (input->diff && count != 2)
        usage_error(state, "--diff needs two results in JSON");
    if (count && (input->explain || input->selfcost || input->svg || input->only))
        usage_error(state, "--explain, --selfcost, --svg and --only are about the catalogue");
}

static error_t parse(int key, char *arg, struct argp_state *state) {
    struct map_input *input = state->input;
    switch (key) {
    case KEY_VERIFY:
        input->verify = true;
        return 0;
    case KEY_EXPLAIN:
        input->explain = hsp_map_op_find(arg);
        if (!input->explain)
            usage_error(state, "--explain: '%s' is no operation; they are listed by --help", arg);
        return 0;
    case KEY_DIFF:
        input->diff = true;
        return 0;
    case KEY_SELFCOST:
        input->selfcost = true;
        return 0;
    case KEY_SVG:
        input->svg = arg;
        return 0;
    case KEY_DETAILS:
        input->details = true;
        return 0;
    case KEY_NO_STRACE:
        input->no_strace = true;
        return 0;
    case KEY_ONLY:
        if (strcmp(arg, "hsa") != 0 && strcmp(arg, "hip") != 0)
            usage_error(state, "--only: '%s' is neither hsa nor hip", arg);
        input->only = arg;
        return 0;
    case KEY_GROUP:
        take_group(state, arg);
        return 0;
    case KEY_COST:
        input->way = (unsigned)parse_count(state, "--cost", arg, 0, 100);
        input->is_watched = true;
        return 0;
    case KEY_MARKS:
        input->mark_fd = (int)parse_count(state, "--marks", arg, 0, 1 << 20);
        return 0;
    case ARGP_KEY_ARG:
        input->words = &state->argv[state->next - 1];
        state->next = state->argc;
        return 0;
    case ARGP_KEY_END:
        check_words(state);
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static char *details(void) {
    size_t count;
    const struct hsp_map_op *ops = hsp_map_ops(&count);
    char *text = xasprintf(
        "Runs a catalogue of operations of HSA and HIP, each cold and then steady, and counts what "
        "they ask of the layers below and of the operating system; or does so for PROGRAM. Ioctls "
        "that the software GPU answers and system calls that were executed are separate "
        "columns.\n\nOperations:");
    for (size_t i = 0; i < count; i++) {
        char *longer = xasprintf("%s %s", text, ops[i].name);
        free(text);
        text = longer;
    }
    return text;
}

static bool needs_nothing(const void *opaque) {
    const struct map_input *input = opaque;
    return input->diff || input->selfcost || input->is_watched;
}

const struct command_options cmd_map_options = {
    .options = options,
    .parse = parse,
    .args_doc = "\n[--] PROGRAM [ARG...]\n--diff A B",
    .make_details = details,
    .input_bytes = sizeof(struct map_input),
    .stops_at_first_word = true,
    .needs_nothing = needs_nothing,
};

static _Noreturn void be_child(const struct map_input *input) {
    char *kernels = device_installed("share/hsaprobe/kernels");
    struct hsp_map_child child = {.group = input->group,
                                  .kernel_directory = kernels ? kernels : "",
                                  .hip_library = device_installed(HIP_FILE),
                                  .mark_fd = input->mark_fd};
    exit(hsp_map_run_group(&child) ? EXIT_FAILED : EXIT_OK);
}

static int ended_badly(const char *what, int status) {
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
        return EXIT_OK;
    return WIFSIGNALED(status)
               ? failure(EXIT_FAILED, what, "was ended by %s", strsignal(WTERMSIG(status)))
               : failure(EXIT_FAILED, what, "ended with code %d", WEXITSTATUS(status));
}

/* What strace is asked for. */
enum strace_use { STRACE_NONE, STRACE_COUNTS, STRACE_STACKS };

static int count_executed(const struct hsp_map_launch *launch, enum strace_use strace,
                          struct hsp_map_counts *counts) {
    int status = 0;
    if (strace == STRACE_NONE)
        return EXIT_OK;
    return hsp_map_strace(launch, strace == STRACE_STACKS, counts, &status) ? EXIT_FAILED : EXIT_OK;
}

static int count_both(const char *group, const struct hsp_map_launch *launch,
                      enum strace_use strace, struct hsp_map_counts *counts) {
    int status = 0;
    if (hsp_map_record(launch, counts, &status))
        return EXIT_FAILED;
    const int code = ended_badly(group, status);
    return code ? code : count_executed(launch, strace, counts);
}

/* Counts a group's calls, or with `paths` finds how `op` makes them. */
static int count_group(enum hsp_map_group group, struct hsp_map_launch *launch,
                       enum strace_use strace, struct hsp_map_counts *counts, uint32_t op,
                       struct hsp_map_paths *paths) {
    char marks[16];
    char *self = realpath("/proc/self/exe", NULL);
    int fd = memfd_create("hsaprobe-map-marks", 0); /* not close-on-exec: the child writes it */
    if (!self || fd < 0) {
        free(self);
        return failure(EXIT_FAILED, "map", "no memory or no /proc");
    }
    snprintf(marks, sizeof marks, "%d", fd);
    char *argv[] = {self, "map", "--group", (char *)group_names[group], "--marks", marks, NULL};
    launch->argv = argv;
    launch->mark_fd = fd;
    int status = 0;
    int code = !paths ? count_both(group_names[group], launch, strace, counts)
               : hsp_map_record_paths(launch, op, paths, &status)
                   ? EXIT_FAILED
                   : ended_badly(group_names[group], status);
    close(fd);
    free(self);
    return code;
}

static enum strace_use choose_strace(struct report *report, const struct map_input *input) {
    const char *reason;
    if (input->no_strace || input->explain)
        return STRACE_NONE;
    if (hsp_map_can_strace(&reason))
        return input->verify ? STRACE_STACKS : STRACE_COUNTS;
    report_note(report, "no executed calls%s: %s", input->verify ? ", nothing verified" : "",
                reason);
    return STRACE_NONE;
}

static bool is_wanted(const struct map_input *input, enum hsp_map_group group) {
    if (input->explain)
        return input->explain->group == group;
    return !input->only || strncmp(group_names[group], input->only, strlen(input->only)) == 0;
}

static int explain(struct report *report, const struct hsp_map_op *row,
                   struct hsp_map_launch *launch, const struct hsp_map_counts *counts) {
    size_t op_count;
    const uint32_t op = (uint32_t)(row - hsp_map_ops(&op_count));
    struct hsp_map_paths paths = {0};
    int code = count_group(row->group, launch, STRACE_NONE, NULL, op, &paths);
    if (!code)
        map_tables_explain(report, counts, op, &paths);
    hsp_map_paths_fini(&paths);
    return code;
}

static int map_catalogue(struct report *report, const struct map_input *input,
                         struct hsp_map_launch *launch) {
    struct hsp_map_counts counts = {0};
    enum strace_use strace = choose_strace(report, input);
    char *hip = device_installed(HIP_FILE);
    int code = EXIT_OK;
    for (int group = 0; group < HSP_MAP_GROUP_COUNT && !code; group++) {
        if (!is_wanted(input, (enum hsp_map_group)group))
            continue;
        if (group != HSP_MAP_HSA && !hip)
            report_note(report, "no operations of HIP: this build has no " HIP_FILE);
        else
            code = count_group((enum hsp_map_group)group, launch, strace, &counts, 0, NULL);
    }
    if (!code && input->explain) {
        code = explain(report, input->explain, launch, &counts);
    } else if (!code) {
        map_tables_add(report, &counts, device_is_software());
        if (strace == STRACE_STACKS)
            map_tables_add_coverage(report, &counts, device_is_software());
        if (input->svg)
            code = map_svg_write(input->svg, &counts, device_is_software());
    }
    hsp_map_counts_fini(&counts);
    free(hip);
    return code;
}

static int map_program(struct report *report, const struct map_input *input,
                       struct hsp_map_launch *launch) {
    struct hsp_map_counts counts = {0};
    enum strace_use strace = choose_strace(report, input);
    launch->argv = input->words;
    launch->mark_fd = -1;
    int status = 0;
    int code = hsp_map_record(launch, &counts, &status) ? EXIT_FAILED
                                                        : count_executed(launch, strace, &counts);
    if (!code) {
        if (WIFSIGNALED(status))
            report_note(report, "%s was ended by %s", launch->argv[0], strsignal(WTERMSIG(status)));
        else if (WEXITSTATUS(status))
            report_note(report, "%s ended with code %d", launch->argv[0], WEXITSTATUS(status));
        map_tables_add_program(report, &counts, device_is_software());
        if (strace == STRACE_STACKS)
            map_tables_add_coverage(report, &counts, device_is_software());
    }
    hsp_map_counts_fini(&counts);
    return code;
}

int cmd_map(struct command_context *context) {
    const struct map_input *input = context->input;
    if (input->is_child)
        be_child(input);
    if (input->is_watched) {
        map_cost_child(input->way, input->mark_fd);
        exit(EXIT_OK);
    }
    if (input->diff)
        return map_diff_run(context->report, input->words[0], input->words[1]);
    char *tracer = device_installed(TRACER_FILE);
    if (!tracer || !device_can_preload(tracer)) {
        free(tracer);
        return failure(EXIT_FAILED, "map", TRACER_FILE " isn't there or can't be preloaded");
    }
    setenv("HSAPROBE_SOFT_DOORBELL", "auto", 0); /* pinned, as for layers */
    struct report_section *manifest = report_manifest(context->report);
    report_field(manifest,
                 &(struct report_column){"software", "software GPU", SOURCE_NONE, FORMAT_PLAIN},
                 report_boolean(device_is_software()));
    if (device_is_software())
        report_field(manifest,
                     &(struct report_column){"doorbell", "doorbell", SOURCE_NONE, FORMAT_PLAIN},
                     report_text(getenv("HSAPROBE_SOFT_DOORBELL")));
    if (input->details)
        report_show_details(context->report);
    struct hsp_map_launch launch = {.tracer = tracer, .preload = getenv("LD_PRELOAD")};
    int code = input->selfcost ? map_cost_run(context->report, tracer)
               : input->words  ? map_program(context->report, input, &launch)
                               : map_catalogue(context->report, input, &launch);
    free(tracer);
    return code;
}
