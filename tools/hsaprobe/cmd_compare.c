/* SPDX-License-Identifier: MIT */
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "command.h"
#include "compare.h"
#include "memory.h"

enum { KEY_THRESHOLD = 0x300, KEY_ANYWAY };

#define FLOOR_NS 50.0
#define ALPHA    0.05

struct compare_input {
    const char *paths[2]; ///< unowned
    double threshold;     ///< a fraction
    bool anyway;
};

static const struct argp_option options[] = {
    {"threshold", KEY_THRESHOLD, "PERCENT", 0,
     "differences up to this (or up to 50 ns) are none (default 3)", 1},
    {"anyway", KEY_ANYWAY, NULL, 0, "compare results of different devices or doorbell modes", 1},
    {0},
};

static double parse_percent(const struct argp_state *state, const char *text) {
    char *end;
    double percent = strtod(text, &end);
    if (end == text || *end || !(percent >= 0 && percent <= 1000))
        usage_error(state, "--threshold: '%s' is not a number from 0 to 1000", text);
    return percent / 100;
}

static error_t parse(int key, char *arg, struct argp_state *state) {
    struct compare_input *input = state->input;
    switch (key) {
    case ARGP_KEY_INIT:
        input->threshold = 0.03;
        return 0;
    case KEY_THRESHOLD:
        input->threshold = parse_percent(state, arg);
        return 0;
    case KEY_ANYWAY:
        input->anyway = true;
        return 0;
    case ARGP_KEY_ARG:
        if (state->arg_num >= 2)
            usage_error(state, "unexpected word '%s'", arg);
        input->paths[state->arg_num] = arg;
        return 0;
    case ARGP_KEY_END:
        if (state->arg_num < 2)
            usage_error(state, "two results are needed: A, the one before, and B");
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

const struct command_options cmd_compare_options = {
    .options = options,
    .parse = parse,
    .args_doc = "A B",
    .details =
        "A and B are what `hsaprobe layers` printed with --format jsonl or json. Each arm and "
        "metric that both have is a pair; its ratio is B over A with a 95% interval, from one "
        "value "
        "for each process. A pair is slower or faster only beyond the threshold and beyond chance, "
        "over all pairs together (Holm, 5%). The exit code is 3 when a pair is slower.",
    .input_bytes = sizeof(struct compare_input),
};

/* A field of the manifest as text, to be freed. */
static char *field(const struct compare_result *result, const char *key) {
    json_t *value = json_object_get(json_object_get(result->head, "manifest"), key);
    char *text = value ? json_dumps(value, JSON_ENCODE_ANY) : NULL;
    return text ? text : xstrdup("null");
}

/* What makes two results answers to different questions. */
static int refuse_strangers(const struct compare_input *input,
                            const struct compare_result results[2]) {
    static const char *const keys[] = {"software", "device", "doorbell"};
    int code = EXIT_OK;
    for (size_t i = 0; i < sizeof keys / sizeof *keys && !code && !input->anyway; i++) {
        char *a = field(&results[0], keys[i]);
        char *b = field(&results[1], keys[i]);
        if (strcmp(a, b) != 0) {
            code = failure(EXIT_FAILED, "compare", "the results differ in %s: %s and %s", keys[i],
                           a, b);
            hint("--anyway compares them all the same");
        }
        free(a);
        free(b);
    }
    return code;
}

/* What may explain a difference: said, not judged. */
static void note_differences(struct report *report, const struct compare_result results[2]) {
    static const char *const machine[] = {"cpu",    "online_processors", "affinity",   "governor",
                                          "smt",    "virtual_machine",   "kernel",     "page_bytes",
                                          "commit", "interpreter",       "hip_version"};
    static const char *const tables[] = {"libraries", "environment", "setup"};
    for (size_t i = 0; i < sizeof machine / sizeof *machine; i++) {
        char *a = field(&results[0], machine[i]);
        char *b = field(&results[1], machine[i]);
        if (strcmp(a, b) != 0)
            report_note(report, "warning: %s differs: %s and %s", machine[i], a, b);
        free(a);
        free(b);
    }
    for (size_t i = 0; i < sizeof tables / sizeof *tables; i++)
        if (!json_equal(json_object_get(results[0].head, tables[i]),
                        json_object_get(results[1].head, tables[i])))
            report_note(report, "warning: %s differ", tables[i]);
}

static struct report_section *pairs_table(struct report *report) {
    static const struct report_column columns[] = {
        {"kernel", "kernel", SOURCE_NONE, FORMAT_PLAIN},
        {"arm", "arm", SOURCE_NONE, FORMAT_PLAIN},
        {"what", "what", SOURCE_NONE, FORMAT_PLAIN},
        {"gap_ns", "gap us", SOURCE_NONE, FORMAT_US},
        {"source", "source", SOURCE_NONE, FORMAT_PLAIN},
        {"a_ns", "A us", SOURCE_NONE, FORMAT_US},
        {"b_ns", "B us", SOURCE_NONE, FORMAT_US},
        {"ratio", "B/A", SOURCE_DERIVED, FORMAT_RATIO},
        {"low", "95% from", SOURCE_DERIVED, FORMAT_RATIO},
        {"high", "to", SOURCE_DERIVED, FORMAT_RATIO},
        {"verdict", "B is", SOURCE_DERIVED, FORMAT_PLAIN},
    };
    return report_table(report, "pairs", NULL, columns, sizeof columns / sizeof *columns);
}

static void add_row(struct report_section *table, const struct compare_pair *pair) {
    bool judged = pair->verdict != COMPARE_UNJUDGED;
    report_row(table, report_text(pair->a->kernel), report_text(pair->a->arm),
               report_text(pair->a->what), report_integer(pair->a->gap_ns),
               report_text(pair->a->source), report_real(pair->a_ns), report_real(pair->b_ns),
               judged ? report_real(pair->ratio) : report_nothing(),
               judged ? report_real(pair->low) : report_nothing(),
               judged ? report_real(pair->high) : report_nothing(),
               report_text(compare_verdict_name(pair->verdict)));
}

static int compare(struct command_context *context, const struct compare_result results[2]) {
    const struct compare_input *input = context->input;
    const struct compare_options judging = {input->threshold, FLOOR_NS, ALPHA};
    struct compare_pair *pairs = xcalloc(results[0].count, sizeof *pairs);
    size_t count = 0;
    for (size_t i = 0; i < results[0].count; i++) {
        const struct compare_series *b = compare_find(&results[1], &results[0].series[i]);
        if (!b)
            continue;
        pairs[count] = (struct compare_pair){.a = &results[0].series[i], .b = b};
        compare_pair_test(&pairs[count++], &judging);
    }
    size_t slower = compare_judge(pairs, count, &judging);
    struct report_section *table = pairs_table(context->report);
    size_t unjudged = 0;
    for (size_t i = 0; i < count; i++) {
        add_row(table, &pairs[i]);
        unjudged += pairs[i].verdict == COMPARE_UNJUDGED;
    }
    free(pairs);
    if (count == 0)
        return failure(EXIT_FAILED, "compare", "no arm and metric is in both results");
    note_differences(context->report, results);
    report_note(context->report,
                "%zu pairs, %zu slower; a difference counts above %g %% and %g ns, beyond 5 %% of "
                "chance over all pairs",
                count, slower, input->threshold * 100, FLOOR_NS);
    if (unjudged)
        report_note(context->report,
                    "%zu not judged: that takes positive values of two processes (layers "
                    "--restarts) on either side",
                    unjudged);
    if (results[0].count > count || results[1].count > count)
        report_note(context->report, "only in A: %zu, only in B: %zu", results[0].count - count,
                    results[1].count - count);
    context->print_anyway = true;
    return slower ? EXIT_REGRESSION : EXIT_OK;
}

int cmd_compare(struct command_context *context) {
    const struct compare_input *input = context->input;
    struct compare_result results[2] = {0};
    int code = EXIT_OK;
    for (int i = 0; i < 2 && !code; i++) {
        char *wrong = compare_load(input->paths[i], &results[i]);
        if (wrong)
            code = failure(EXIT_FAILED, input->paths[i], "%s", wrong);
        free(wrong);
    }
    if (!code)
        code = refuse_strangers(input, results);
    if (!code)
        code = compare(context, results);
    compare_result_fini(&results[0]);
    compare_result_fini(&results[1]);
    return code;
}
