/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "layers.h"
#include "layers_crosscheck.h"
#include "layers_input.h"
#include "layers_values.h"
#include "manifest.h"
#include "memory.h"

static void note_warm_up(struct report *report, const char *kernel,
                         const struct hsp_rounds_result *result) {
    if (result->warmup_round_count == 0)
        report_note(report, "%s: no warm-up", kernel);
    else
        report_note(report, "%s: %u rounds of warm-up apart; %s", kernel,
                    result->warmup_round_count,
                    result->steady ? "steady afterwards" : "NOT steady: the machine is busy");
    if (result->drifted)
        report_note(report, "%s: NOT steady: the last rounds differ from the first", kernel);
    if (result->round_count < result->round_capacity)
        report_note(report, "%s: time was up after %u of %u rounds", kernel, result->round_count,
                    result->round_capacity);
}

/* Once for all kernels: what the HIP arms ran on. */
static void note_versions(struct report *report, const struct arms *arms) {
    struct report_section *manifest = report_manifest(report);
    for (size_t i = 0; i < manifest->column_count; i++)
        if (strcmp(manifest->columns[i].key, "hip_version") == 0)
            return;
    if (arms->hip)
        report_field(manifest,
                     &(struct report_column){"hip_version", "HIP", SOURCE_NONE, FORMAT_PLAIN},
                     report_integer(arms->hip->runtime_version()));
}

static int run_rounds(struct command_context *context, const char *kernel, const struct arms *arms,
                      struct hsp_rounds_result *out_result) {
    const struct layers_input *input = context->input;
    size_t failed = 0;
    int rc = layers_method_run(context, &input->method, kernel, arms->arms, arms->count,
                               &input->rounds, out_result, &failed);
    if (!rc)
        rc = arms_layers(arms, kernel, context->device->software, context->samples);
    const struct hsp_arm *arm = &arms->arms[failed];
    if (rc == -EIO)
        return failure(EXIT_FAILED, arm->name, "%s", arm->ops->error(arm->state));
    return rc ? failure(EXIT_FAILED, "rounds", "%s", strerror(-rc)) : EXIT_OK;
}

static int measure(struct command_context *context, const struct layers_tables *tables,
                   const char *kernel, const struct launch *launch, const struct builtin *builtin) {
    const struct layers_input *input = context->input;
    struct hsp_rounds_result result = {0};
    struct arms arms;
    if (input->phases)
        return layers_phases(context, input, kernel, launch);
    int code = launch_reset(launch);
    for (size_t i = 0; i < input->external_count && !code; i++)
        code = layers_external_run(context, &input->externals[i], kernel, &launch->geometry,
                                   &input->method, &input->rounds);
    if (code)
        return code;
    code = arms_init(launch, input->arms, input->header, &arms);
    if (!code && input->arms & arms_named("ioctl"))
        code = layers_ioctl_run(context, input, kernel, launch, &arms);
    if (!code)
        code = run_rounds(context, kernel, &arms, &result);
    if (!code) {
        code =
            layers_check(tables, kernel, launch, &arms, &result, builtin ? builtin->check : NULL);
        note_versions(context->report, &arms);
        layers_add_packets(tables, context->report, kernel, &arms);
        note_warm_up(context->report, kernel, &result);
        for (size_t i = 0; i < arms.missing_count; i++)
            report_note(context->report, "%s: arm %s unavailable: %s", kernel, arms.missing[i].name,
                        arms.missing[i].reason);
        context->print_anyway = true;
    }
    hsp_rounds_result_fini(&result);
    arms_fini(&arms);
    return code;
}

static int measure_input(struct command_context *context, const struct layers_tables *tables,
                         struct launch_input *input, const struct builtin *builtin) {
    struct launch launch;
    int code = launch_prepare(input, context->device->agent, &launch);
    if (!code)
        code = measure(context, tables, input->kernel_name, &launch, builtin);
    launch_fini(&launch);
    return code;
}

static int measure_builtin(struct command_context *context, const struct layers_tables *tables,
                           const struct builtin *builtin) {
    struct launch_input input;
    int code = builtin_input(builtin, &input);
    if (!code)
        code = measure_input(context, tables, &input, builtin);
    launch_input_fini(&input);
    return code;
}

/* What all arms have in common. */
static void report_setup(struct command_context *context) {
    const struct layers_input *input = context->input;
    struct report_section *section = report_fields(context->report, "setup", "setup");
    report_limit(section, AUDIENCE_DETAILS);
    report_field(section,
                 &(struct report_column){"barrier_header", "header of the packet that a wait adds",
                                         SOURCE_NONE, FORMAT_HEX},
                 report_integer(hsp_arm_barrier_header()));
#define FIELD(key, title, value)                                                                   \
    report_field(section, &(struct report_column){key, title, SOURCE_NONE, FORMAT_PLAIN}, value)
    FIELD("round_count", "rounds", report_integer(input->rounds.round_count));
    FIELD("burst_count", "timed launches of an arm in a round",
          report_integer(input->rounds.burst_count));
    FIELD("settle_count", "launches before those", report_integer(input->rounds.settle_count));
    FIELD("batch_count", "launches back to back", report_integer(input->rounds.batch_count));
    FIELD("process_count", "processes", report_integer(input->method.process_count));
    FIELD("seed", "seed", report_integer(input->rounds.seed));
    FIELD("processors", "processors", report_integer(layers_processor_count()));
#undef FIELD
    struct hsp_clock_info clock;
    hsp_clock_info_get(&clock);
#define FIELD(key, title, value)                                                                   \
    report_field(section, &(struct report_column){key, title, SOURCE_MEASURED, FORMAT_PLAIN}, value)
    FIELD("clock", "clock", report_text(clock.source));
    FIELD("clock_quantum_ns", "smallest step of the clock, ns", report_integer(clock.quantum_ns));
    FIELD("clock_read_ns", "cost of reading it, ns", report_integer(clock.read_cost_ns));
#undef FIELD
}

static int measure_kernels(struct command_context *context, const struct layers_tables *tables) {
    struct layers_input *input = context->input;
    if (input->launch.file)
        return measure_input(context, tables, &input->launch, NULL);
    if (input->builtin)
        return measure_builtin(context, tables, input->builtin);
    size_t count;
    const struct builtin *table = builtins(&count);
    int code = EXIT_OK;
    for (size_t i = 0; i < count && !code; i++)
        code = measure_builtin(context, tables, &table[i]);
    return code;
}

/* The arms that were asked for by name, whether or not they are part of a layer. */
static void report_chosen_arms(struct command_context *context, uint64_t seed) {
    const struct layers_input *input = context->input;
    size_t count;
    const struct hsp_arm_row *rows = hsp_arm_rows(&count);
    if (!input->op && !input->setup && !input->phases && input->arms != arms_standard()) {
        struct report_section *table =
            layers_arms_table(context->report, "chosen", "the arms by themselves");
        for (size_t i = 0; i < count; i++)
            if (rows[i].place != HSP_ARM_PROCESS)
                layers_arms_rows(table, context->samples, rows[i].name, seed);
    }
    bool has_ioctl = input->arms & arms_named("ioctl");
    if (input->external_count == 0 && !has_ioctl)
        return;
    struct report_section *table =
        layers_arms_table(context->report, "unpaired", "arms in processes of their own: unpaired");
    if (has_ioctl)
        layers_arms_rows(table, context->samples, "ioctl", seed);
    for (size_t i = 0; i < input->external_count; i++)
        layers_arms_rows(table, context->samples, input->externals[i].name, seed);
}

/* Everything that is computed from the samples of all processes. */
static int report_results(struct command_context *context, const struct layers_tables *tables) {
    const struct layers_input *input = context->input;
    uint64_t seed = input->rounds.seed;
    if (!context->samples->series_count)
        return EXIT_OK;
    if (layers_add_results(tables, context->report, context->samples, seed))
        return failure(EXIT_FAILED, "statistics", "out of memory");
    if (input->setup || input->phases)
        report_limit(tables->summary, AUDIENCE_DETAILS); /* there are no layers */
    report_chosen_arms(context, seed);
    if (input->setup)
        layers_setup_report(context->report, context->samples, seed);
    if (input->phases)
        layers_phases_report(context->report, context->samples, seed);
    return EXIT_OK;
}

static void add_notes(struct command_context *context) {
    const struct layers_input *input = context->input;
    struct report *report = context->report;
    if (input->op)
        report_note(report, "submit: the operation with its completion; round trip: with what "
                            "undoes it");
    else if (!input->setup && !input->phases)
        report_note(report, "submit: until the launch returns; round trip: until its end is seen; "
                            "back to back: per launch of a batch with one wait");
    if (context->device->software)
        report_note(report, "the device's part is the software GPU's time, not an MI210's; what it "
                            "did on the launching thread is not in submit");
    if (context->device->software && (input->external_count || input->arms & arms_named("ioctl")))
        report_note(report, "an unpaired arm's submit includes what the software GPU did on its "
                            "launching thread");
    if (!input->details)
        report_note(report, "percentiles, packets and checked results: --details");
    if (layers_processor_count() < 2)
        report_note(report, "one processor: the software GPU shares it with the caller");
}

int cmd_layers(struct command_context *context) {
    struct layers_input *input = context->input;
    if (input->list)
        return layers_list(context->report);
    if (input->cold)
        return layers_setup_chain(context, input->cold);
    struct layers_tables tables = layers_tables_create(context->report);
    report_setup(context);
    if (input->details)
        report_show_details(context->report);
    int code = layers_method_restart(context, &input->method);
    if (!code && input->setup)
        code = layers_setup(context, input);
    else if (!code && input->op)
        code = layers_op(context, input);
    else if (!code)
        code = measure_kernels(context, &tables);
    if (!context->restart && report_results(context, &tables))
        code = EXIT_FAILED;
    if (!code && !context->restart && input->method.crosscheck)
        code = layers_crosscheck(context, input->builtin->name, input->rounds.round_count,
                                 input->method.process_count);
    if (!code && !context->restart && input->method.compat)
        code = layers_compat(context, input->method.compat, input->rounds.seed);
    manifest_add(context->report);
    add_notes(context);
    launch_input_fini(&input->launch);
    return code;
}
