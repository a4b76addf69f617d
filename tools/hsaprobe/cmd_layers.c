/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>

#include "builtin.h"
#include "layers.h"
#include "layers_method.h"
#include "manifest.h"
#include "memory.h"

#define DOORBELL_VARIABLE "HSAPROBE_SOFT_DOORBELL"

enum {
    KEY_ROUNDS = 0x300,
    KEY_WARMUP,
    KEY_SECONDS,
    KEY_BURST,
    KEY_BATCH,
    KEY_SEED,
    KEY_KERNEL,
    KEY_DOORBELL,
    KEY_FENCE,
    KEY_DETAILS
};

struct layers_input {
    struct launch_input launch;
    struct layers_method method;
    struct hsp_rounds_options rounds;
    const struct builtin *builtin; ///< --kernel
    const char *doorbell;          ///< --doorbell
    uint16_t header;               ///< of --fence; 0: as HIP
    bool details;                  ///< --details
};

static const struct argp_option options[] = {
    LAUNCH_OPTIONS,
    {"details", KEY_DETAILS, NULL, 0,
     "as text too: packets, percentiles of every arm, checks, the setup", 2},
    {"kernel", KEY_KERNEL, "NAME", 0, "only this one of the built-in kernels", 2},
    {"rounds", KEY_ROUNDS, "N", 0, "recorded rounds of each process (default 100)", 2},
    {"warmup", KEY_WARMUP, "N", 0,
     "at most N rounds before those, until nothing moves (default 200)", 2},
    {"seconds", KEY_SECONDS, "N", 0, "per kernel: no further round after N seconds (default 20)",
     2},
    {"burst", KEY_BURST, "N", 0, "timed launches of an arm in a round (default 8)", 2},
    {"batch", KEY_BATCH, "N", 0, "launches of the back-to-back batch, 1 to 256 (default 32)", 2},
    {"seed", KEY_SEED, "N", 0, "of the order of the arms and of the intervals (default 1)", 2},
    {"fence", KEY_FENCE, "SCOPE", 0,
     "fences of the ring and hsa arms' packets: none, agent or system (default: as HIP's)", 2},
    {"doorbell", KEY_DOORBELL, "MODE", 0,
     "of the software GPU: trap, uffd or spin (default spin, trap on one processor)", 2},
    LAYERS_METHOD_OPTIONS,
    {0},
};

static const char *const doorbell_modes[] = {"trap", "uffd", "spin", NULL};
static const char *const fence_scopes[] = {"none", "agent", "system", NULL};

/* Index of a word in a list that ends with NULL. */
static int one_of(const struct argp_state *state, const char *option, const char *word,
                  const char *const *list) {
    for (int i = 0; list[i]; i++)
        if (strcmp(word, list[i]) == 0)
            return i;
    usage_error(state, "%s: '%s' is none of %s, %s, %s", option, word, list[0], list[1], list[2]);
}

static void parse_end(const struct argp_state *state, const struct layers_input *input) {
    const struct launch_input *launch = &input->launch;
    bool described = launch->grid_dimensions || launch->block_dimensions ||
                     launch->argument_count || launch->shared_bytes;
    if (input->builtin && launch->file)
        usage_error(state, "--kernel names a built-in kernel: give it or FILE, not both");
    if (launch->file)
        launch_parse_end(state, launch);
    else if (described)
        usage_error(state, "geometry and arguments belong to a FILE; built-in kernels have theirs");
}

static error_t parse(int key, char *arg, struct argp_state *state) {
    struct layers_input *input = state->input;
    if (layers_method_parse(key, arg, state, &input->method) == 0 && key != ARGP_KEY_INIT)
        return 0;
    switch (key) {
    case ARGP_KEY_INIT:
        input->rounds = (struct hsp_rounds_options){.round_count = 100,
                                                    .burst_count = 8,
                                                    .settle_count = 4,
                                                    .batch_count = 32,
                                                    .slope_count = 6,
                                                    .warmup_window = 8,
                                                    .warmup_round_max = 200,
                                                    .warmup_tolerance = 0.05,
                                                    .warmup_ns = 50000000,
                                                    .time_limit_ns = UINT64_C(20000000000),
                                                    .seed = 1};
        return 0;
    case KEY_ROUNDS:
        input->rounds.round_count = (uint32_t)parse_count(state, "--rounds", arg, 1, 1000000);
        return 0;
    case KEY_WARMUP:
        input->rounds.warmup_round_max = (uint32_t)parse_count(state, "--warmup", arg, 0, 1000000);
        return 0;
    case KEY_SECONDS:
        input->rounds.time_limit_ns =
            parse_count(state, "--seconds", arg, 1, 1000000) * UINT64_C(1000000000);
        return 0;
    case KEY_BURST:
        input->rounds.burst_count =
            (uint32_t)parse_count(state, "--burst", arg, 1, HSP_ROUNDS_BURST_MAX);
        return 0;
    case KEY_BATCH:
        input->rounds.batch_count =
            (uint32_t)parse_count(state, "--batch", arg, 1, HSP_ARM_IN_FLIGHT_MAX);
        return 0;
    case KEY_SEED:
        input->rounds.seed = parse_count(state, "--seed", arg, 0, UINT64_MAX);
        return 0;
    case KEY_FENCE:
        input->header =
            hsp_arm_header((hsa_fence_scope_t)one_of(state, "--fence", arg, fence_scopes));
        return 0;
    case KEY_DETAILS:
        input->details = true;
        return 0;
    case KEY_DOORBELL:
        input->doorbell = doorbell_modes[one_of(state, "--doorbell", arg, doorbell_modes)];
        return 0;
    case KEY_KERNEL:
        input->builtin = builtin_find(arg);
        if (!input->builtin) {
            char *names = builtin_names();
            usage_error(state, "--kernel: '%s' is no built-in kernel; those are: %s", arg, names);
        }
        return 0;
    case ARGP_KEY_END:
        parse_end(state, input);
        return 0;
    default:
        return launch_parse(key, arg, state, &input->launch);
    }
}

static unsigned usable_processors(void) {
    cpu_set_t set;
    return sched_getaffinity(0, sizeof set, &set) == 0 ? (unsigned)CPU_COUNT(&set) : 1;
}

/* One mode for all arms. spin leaves the caller's thread alone, but needs a second processor. */
static int before_device(void *opaque) {
    struct layers_input *input = opaque;
    const char *mode = usable_processors() > 1 ? "spin" : "trap";
    setenv(DOORBELL_VARIABLE, input->doorbell ? input->doorbell : mode, input->doorbell != NULL);
    return input->launch.file ? launch_check(&input->launch) : EXIT_OK;
}

static char *details(void) {
    char *grammar = argument_grammar();
    char *names = builtin_names();
    char *text = xasprintf(
        "The same kernel with the same bytes, arguments, geometry and packets is launched by each "
        "arm: ring (our own queue writer), hsa (HSA's functions), hip-module "
        "(hipModuleLaunchKernel), hip (hipLaunchKernel, what <<<>>> becomes). Without FILE and "
        "KERNEL the built-in kernels are measured: %s.\n\n%s",
        names, grammar);
    free(names);
    free(grammar);
    return text;
}

const struct command_options cmd_layers_options = {
    .options = options,
    .parse = parse,
    .args_doc = "[FILE KERNEL]",
    .make_details = details,
    .input_bytes = sizeof(struct layers_input),
    .before_device = before_device,
};

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
        rc = layers_name(context->samples, kernel, arms, context->device->software);
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
    int code = launch_reset(launch);
    if (code)
        return code;
    code = arms_init(launch, input->header, &arms);
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
    FIELD("processors", "processors", report_integer(usable_processors()));
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

int cmd_layers(struct command_context *context) {
    struct layers_input *input = context->input;
    struct layers_tables tables = layers_tables_create(context->report);
    report_setup(context);
    if (input->details)
        report_show_details(context->report);
    int code = layers_method_restart(context, &input->method);
    if (code) {
        /* said by the process that failed */
    } else if (input->launch.file) {
        code = measure_input(context, &tables, &input->launch, NULL);
    } else if (input->builtin) {
        code = measure_builtin(context, &tables, input->builtin);
    } else {
        size_t count;
        const struct builtin *table = builtins(&count);
        for (size_t i = 0; i < count && !code; i++)
            code = measure_builtin(context, &tables, &table[i]);
    }
    if (!context->restart && context->samples->series_count &&
        layers_add_results(&tables, context->report, context->samples, input->rounds.seed))
        code = failure(EXIT_FAILED, "statistics", "out of memory");
    manifest_add(context->report);
    report_note(context->report, "submit: until the launch returns; round trip: until its end is "
                                 "seen; back to back: per launch of a batch with one wait");
    if (context->device->software)
        report_note(context->report,
                    "the device's part is the software GPU's time, not an MI210's; what it did on "
                    "the launching thread is not in submit");
    if (!code && !input->details)
        report_note(context->report, "percentiles, packets and checked results: --details");
    if (usable_processors() < 2)
        report_note(context->report, "one processor: the software GPU shares it with the caller");
    launch_input_fini(&input->launch);
    return code;
}
