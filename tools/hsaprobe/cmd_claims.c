/* SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "claims/claims.h"
#include "command.h"
#include "memory.h"

enum { KEY_CONTROL = 0x400, KEY_QUICK };
enum { NAMES_MAX = 64 };

struct claims_input {
    bool run;
    bool control;
    bool quick;
    bool all;
    size_t count;
    const struct hsp_claim *chosen[NAMES_MAX];
};

static const struct argp_option options[] = {
    {"control", KEY_CONTROL, NULL, 0,
     "run the negative controls: the same measurement where the claim is false", 0},
    {"quick", KEY_QUICK, NULL, 0, "fewer samples and wider intervals", 0},
    {0},
};

static void take_word(const struct argp_state *state, const char *word) {
    struct claims_input *input = state->input;
    if (!input->run) {
        if (strcmp(word, "run") != 0)
            usage_error(state, "'%s' where only the word 'run' can stand", word);
        input->run = true;
    } else if (strcmp(word, "all") == 0) {
        input->all = true;
    } else {
        const struct hsp_claim *claim = hsp_claim_find(word);
        if (!claim)
            usage_error(state, "'%s' is no claim; `hsaprobe claims` lists them", word);
        if (input->count == NAMES_MAX)
            usage_error(state, "more than %d claims", NAMES_MAX);
        input->chosen[input->count++] = claim;
    }
}

static void check_words(const struct argp_state *state) {
    const struct claims_input *input = state->input;
    if (input->run && !input->all && input->count == 0)
        usage_error(state, "run needs the claims' names, or all");
    if (!input->run && (input->control || input->quick))
        usage_error(state, "--control and --quick go with run");
}

static error_t parse(int key, char *arg, struct argp_state *state) {
    struct claims_input *input = state->input;
    switch (key) {
    case KEY_CONTROL:
        input->control = true;
        return 0;
    case KEY_QUICK:
        input->quick = true;
        return 0;
    case ARGP_KEY_ARG:
        take_word(state, arg);
        return 0;
    case ARGP_KEY_END:
        check_words(state);
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static bool needs_nothing(const void *opaque) {
    const struct claims_input *input = opaque;
    return !input->run;
}

const struct command_options cmd_claims_options = {
    .options = options,
    .parse = parse,
    .args_doc = "\nrun CLAIM...|all",
    .details =
        "Claims about where operating systems don't fit GPUs, and experiments that decide them. "
        "Without words they are listed; CLAIM is an id such as H3 or a topic such as wait. Each "
        "experiment runs in a process of its own with a time limit; one that fails is undecided. "
        "Class U: user space decides, on the software GPU as on hardware; K: the kernel's driver "
        "decides; H: hardware decides. On the software GPU experiments of K and H are tried and "
        "not decided.\n\n"
        "Exits with 0 when every experiment could be run, whatever came out; with --control, when "
        "each claim was refuted.",
    .input_bytes = sizeof(struct claims_input),
    .needs_nothing = needs_nothing,
};

static int list(struct report *report) {
    static const struct report_column columns[] = {
        {"id", "id", SOURCE_NONE, FORMAT_PLAIN},
        {"topic", "topic", SOURCE_NONE, FORMAT_PLAIN},
        {"class", "class", SOURCE_NONE, FORMAT_PLAIN},
        {"claim", "claim", SOURCE_NONE, FORMAT_PLAIN},
        {"mechanism", "because", SOURCE_NONE, FORMAT_PLAIN},
        {"confirms", "confirmed when", SOURCE_NONE, FORMAT_PLAIN},
        {"refutes", "refuted when", SOURCE_NONE, FORMAT_PLAIN},
        {"needs", "needs", SOURCE_NONE, FORMAT_PLAIN},
        {"experiment", "experiment here", SOURCE_NONE, FORMAT_PLAIN},
    };
    enum { SHORT_COLUMNS = 4 };
    size_t count;
    const struct hsp_claim *claims = hsp_claims(&count);
    struct report_section *full =
        report_table(report, "claims", NULL, columns, sizeof columns / sizeof *columns);
    struct report_section *brief = report_table(report, "list", NULL, columns, SHORT_COLUMNS);
    report_limit(full, AUDIENCE_DETAILS);
    report_limit(brief, AUDIENCE_PEOPLE);
    for (size_t i = 0; i < count; i++) {
        const struct hsp_claim *claim = &claims[i];
        const char class[] = {claim->class_letter, 0};
        report_row(full, report_text(claim->id), report_text(claim->topic), report_text(class),
                   report_text(claim->text), report_text(claim->mechanism),
                   report_text(claim->confirms), report_text(claim->refutes),
                   report_text(claim->needs), report_boolean(claim->experiment != NULL));
        report_row(brief, report_text(claim->id), report_text(claim->topic), report_text(class),
                   report_text(claim->text));
    }
    report_note(report, "U: decided by user space, also here; K: needs the kernel's driver; H: "
                        "needs hardware. hsaprobe claims run CLAIM...|all");
    return EXIT_OK;
}

struct claims_tables {
    struct report_section *verdicts;
    struct report_section *values;
};

static struct claims_tables tables_create(struct report *report) {
    static const struct report_column verdicts[] = {
        {"id", "id", SOURCE_NONE, FORMAT_PLAIN},
        {"class", "class", SOURCE_NONE, FORMAT_PLAIN},
        {"verdict", "verdict", SOURCE_DERIVED, FORMAT_PLAIN},
        {"sentence", "in a sentence", SOURCE_NONE, FORMAT_PLAIN},
        {"seconds", "s", SOURCE_MEASURED, FORMAT_PLAIN},
    };
    static const struct report_column values[] = {
        {"id", "id", SOURCE_NONE, FORMAT_PLAIN},
        {"name", "what", SOURCE_NONE, FORMAT_PLAIN},
        {"value", "value", SOURCE_MEASURED, FORMAT_PLAIN},
        {"low", "from", SOURCE_DERIVED, FORMAT_PLAIN},
        {"high", "to", SOURCE_DERIVED, FORMAT_PLAIN},
        {"unit", "", SOURCE_NONE, FORMAT_PLAIN},
        {"sample_count", "n", SOURCE_NONE, FORMAT_PLAIN},
        {"predicted", "predicted", SOURCE_NONE, FORMAT_PLAIN},
        {"verdict", "result", SOURCE_DERIVED, FORMAT_PLAIN},
    };
    return (struct claims_tables){
        report_table(report, "verdicts", NULL, verdicts, sizeof verdicts / sizeof *verdicts),
        report_table(report, "values", "measured", values, sizeof values / sizeof *values)};
}

static void add_value(const struct claims_tables *tables, const char *id,
                      const struct hsp_claim_value *value) {
    static const char *const signs[] = {[HSP_EXPECT_NOTHING] = "",
                                        [HSP_EXPECT_ABOVE] = ">",
                                        [HSP_EXPECT_BELOW] = "<",
                                        [HSP_EXPECT_EQUAL] = "="};
    char *predicted = xasprintf("%s %g", signs[value->expectation], value->limit);
    bool judged = value->expectation != HSP_EXPECT_NOTHING;
    report_row(tables->values, report_text(id), report_text(value->name), report_real(value->value),
               report_real(value->low), report_real(value->high), report_text(value->unit),
               report_integer(value->sample_count),
               judged ? report_text(predicted) : report_nothing(),
               judged ? report_text(hsp_verdict_name(value->verdict)) : report_nothing());
    free(predicted);
}

/* Returns whether it came out as it should: at all, or refuted in a control. */
static bool run_one(const struct claims_tables *tables, const struct hsp_claim *claim,
                    const struct hsp_claim_setup *setup) {
    struct hsp_claim_result result;
    const char class[] = {claim->class_letter, 0};
    hsp_claim_run(claim, setup, &result);
    report_row(tables->verdicts, report_text(claim->id), report_text(class),
               report_text(hsp_verdict_name(result.verdict)), report_text(result.sentence),
               claim->experiment ? report_real(result.seconds) : report_nothing());
    for (size_t i = 0; i < result.value_count; i++)
        add_value(tables, claim->id, &result.values[i]);
    return !setup->control || !claim->experiment || result.verdict == HSP_VERDICT_REFUTED;
}

static int run(struct report *report, const struct claims_input *input) {
    char *kernels = device_installed("share/hsaprobe/kernels");
    char *hip = device_installed("libhsaprobe-hip.so");
    struct hsp_claim_setup setup = {.kernel_directory = kernels ? kernels : "",
                                    .hip_library = hip,
                                    .software = device_is_software(),
                                    .software_address = device_software_address(),
                                    .control = input->control,
                                    .quick = input->quick};
    struct claims_tables tables = tables_create(report);
    size_t count;
    const struct hsp_claim *claims = hsp_claims(&count);
    bool good = true;
    if (input->all)
        for (size_t i = 0; i < count; i++)
            good = run_one(&tables, &claims[i], &setup) && good;
    for (size_t i = 0; i < input->count && !input->all; i++)
        good = run_one(&tables, input->chosen[i], &setup) && good;
    if (input->control)
        report_note(report, "negative controls: the claim is false here, so refuted is right");
    free(kernels);
    free(hip);
    return good ? EXIT_OK : EXIT_FAILED;
}

int cmd_claims(struct command_context *context) {
    const struct claims_input *input = context->input;
    if (!input->run)
        return list(context->report);
    struct report_section *manifest = report_manifest(context->report);
    report_field(manifest,
                 &(struct report_column){"software", "software GPU", SOURCE_NONE, FORMAT_PLAIN},
                 report_boolean(device_is_software()));
    context->print_anyway = true;
    return run(context->report, input);
}
