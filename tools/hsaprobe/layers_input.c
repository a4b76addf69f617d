/* SPDX-License-Identifier: MIT */
#include "layers_input.h"

#include <sched.h>
#include <stdlib.h>
#include <string.h>

#include <hsaprobe/runtime.h>

#include "layers_crosscheck.h"
#include "memory.h"

#define DOORBELL_VARIABLE "HSAPROBE_SOFT_DOORBELL"
#define SIZE_BYTES_MAX    (1ull << 30)

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
    KEY_DETAILS,
    KEY_LIST,
    KEY_ARM,
    KEY_ALL_ARMS,
    KEY_OP,
    KEY_SIZE,
    KEY_SETUP,
    KEY_COLD,
    KEY_PHASES,
};

static const struct argp_option options[] = {
    LAUNCH_OPTIONS,
    {"details", KEY_DETAILS, NULL, 0,
     "as text too: packets, percentiles of every arm, checks, the setup", 2},
    {"list", KEY_LIST, NULL, 0, "list the arms: what each times, and what not", 2},
    {"arm", KEY_ARM, "NAME[,...]", 0,
     "these arms instead of the usual ones; NAME=COMMAND: a program, see below", 2},
    {"all-arms", KEY_ALL_ARMS, NULL, 0, "every arm of --list", 2},
    {"op", KEY_OP, "NAME", 0, "instead of a launch (the default): see below", 2},
    {"size", KEY_SIZE, "BYTES", 0, "of --op: only this size, such as 4K or 64M", 2},
    {"setup", KEY_SETUP, NULL, 0, "instead: what comes before a first launch, cold and warm", 2},
    {"cold", KEY_COLD, "CHAIN", OPTION_HIDDEN, NULL, 0},
    {"phases", KEY_PHASES, NULL, 0, "instead: the phases of one launch, by host and device", 2},
    {"kernel", KEY_KERNEL, "NAME", 0, "only this one of the built-in kernels", 2},
    {"rounds", KEY_ROUNDS, "N", 0, "recorded rounds of each process (default 100; --op: 20)", 2},
    {"warmup", KEY_WARMUP, "N", 0,
     "at most N rounds before those, until nothing moves (default 200)", 2},
    {"seconds", KEY_SECONDS, "N", 0,
     "per kernel: no further round after N seconds (default 20; --op: 1)", 2},
    {"burst", KEY_BURST, "N", 0, "timed launches of an arm in a round (default 8)", 2},
    {"batch", KEY_BATCH, "N", 0, "launches of the back-to-back batch, 1 to 256 (default 32)", 2},
    {"seed", KEY_SEED, "N", 0, "of the order of the arms and of the intervals (default 1)", 2},
    {"fence", KEY_FENCE, "SCOPE", 0,
     "fences of the packets of our own arms: none, agent or system (default: as HIP's)", 2},
    {"doorbell", KEY_DOORBELL, "MODE", 0,
     "of the software GPU: trap, uffd or spin (default spin, trap on one processor)", 2},
    LAYERS_METHOD_OPTIONS,
    {0},
};

static const char *const doorbell_modes[] = {"trap", "uffd", "spin", NULL};
static const char *const fence_scopes[] = {"none", "agent", "system", NULL};

/* "alloc free ...", to be freed. */
static char *op_names(void) {
    size_t count;
    const struct hsp_op *ops = hsp_ops(&count);
    char *names = xstrdup("");
    for (size_t i = 0; i < count; i++) {
        char *longer = xasprintf("%s%s%s", names, i ? " " : "", ops[i].name);
        free(names);
        names = longer;
    }
    return names;
}

/* Index of a word in a list that ends with NULL. */
static int one_of(const struct argp_state *state, const char *option, const char *word,
                  const char *const *list) {
    for (int i = 0; list[i]; i++)
        if (strcmp(word, list[i]) == 0)
            return i;
    usage_error(state, "%s: '%s' is none of %s, %s, %s", option, word, list[0], list[1], list[2]);
}

/* The command may have commas and equal signs in it, so it is the rest of the words. */
static void add_external(const struct argp_state *state, const char *word,
                         struct layers_input *input) {
    struct layers_external external;
    char *copy = xstrdup(word); /* lives as long as the process */
    if (!layers_external_parse(copy, &external))
        usage_error(state, "--arm: '%s' is no NAME=COMMAND", word);
    if (arms_named(external.name))
        usage_error(state, "--arm: '%s' is an arm of hsaprobe's: give yours another name",
                    external.name);
    if (input->external_count == LAYERS_EXTERNALS_MAX)
        usage_error(state, "--arm: more than %d programs", LAYERS_EXTERNALS_MAX);
    input->externals[input->external_count++] = external;
}

/* NAME[,NAME...][,NAME=COMMAND] */
static void add_arms(const struct argp_state *state, const char *list, struct layers_input *input) {
    char *copy = xstrdup(list); /* the words are needed once more, by restarted processes */
    char *rest = copy;
    for (char *word = copy; word; word = rest) {
        rest = word + strcspn(word, ",=");
        if (*rest == '=') {
            add_external(state, word, input);
            break;
        }
        rest = *rest ? rest + 1 : NULL;
        if (rest)
            rest[-1] = 0;
        arms_choice choice = arms_named(word);
        if (!choice)
            usage_error(state, "--arm: '%s' is no arm: those are in `hsaprobe layers --list`",
                        word);
        input->arms |= choice;
    }
    free(copy);
}

static const struct hsp_op *choose_op(const struct argp_state *state, const char *name) {
    size_t count;
    const struct hsp_op *ops = hsp_ops(&count);
    for (size_t i = 0; i < count; i++)
        if (strcmp(ops[i].name, name) == 0)
            return &ops[i];
    if (strcmp(name, "launch") != 0)
        usage_error(state, "--op: '%s' is none of launch %s", name, op_names());
    return NULL;
}

/* Operations are longer than launches, and there are more workloads. */
static void set_defaults(const struct argp_state *state, struct layers_input *input) {
    struct hsp_rounds_options *rounds = &input->rounds;
    if (input->method.compat) {
        if (input->op || input->setup || input->phases || input->launch.file)
            usage_error(state, "--compat launches an empty kernel: not with FILE, --op, --setup or "
                               "--phases");
        input->builtin = builtin_find("empty");
    }
    if (input->method.crosscheck) {
        if (input->arms || input->op || input->setup || input->phases || input->launch.file)
            usage_error(state, "--crosscheck has its own arms and takes a built-in kernel");
        add_arms(state, CROSSCHECK_ARMS, input);
        input->builtin = input->builtin ? input->builtin : builtin_find("empty");
    }
    if (!input->arms)
        input->arms = arms_standard();
    if (!rounds->round_count)
        rounds->round_count = input->op ? 20 : 100;
    if (!rounds->time_limit_ns)
        rounds->time_limit_ns = (input->op ? UINT64_C(1) : UINT64_C(20)) * 1000000000;
}

static void parse_end(const struct argp_state *state, struct layers_input *input) {
    const struct launch_input *launch = &input->launch;
    bool described = launch->grid_dimensions || launch->block_dimensions ||
                     launch->argument_count || launch->shared_bytes;
    if (input->builtin && launch->file)
        usage_error(state, "--kernel names a built-in kernel: give it or FILE, not both");
    if ((input->op != NULL) + input->setup + input->phases + input->list > 1)
        usage_error(state, "--op, --setup, --phases and --list: one of them");
    if (input->external_count && (input->op || input->setup || input->phases))
        usage_error(state, "--arm NAME=COMMAND launches: not with --op, --setup or --phases");
    if (input->setup && (launch->file || input->builtin))
        usage_error(state, "--setup has its own kernel");
    if (input->op && (launch->file || input->builtin))
        usage_error(state, "--op %s runs no kernel", input->op->name);
    if (input->size_bytes && !(input->op && input->op->sizes != HSP_OP_NO_SIZE))
        usage_error(state, "--size belongs to an --op that has sizes");
    set_defaults(state, input);
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
        input->rounds = (struct hsp_rounds_options){.burst_count = 8,
                                                    .settle_count = 4,
                                                    .batch_count = 32,
                                                    .slope_count = 6,
                                                    .warmup_window = 8,
                                                    .warmup_round_max = 200,
                                                    .warmup_tolerance = 0.05,
                                                    .warmup_ns = 50000000,
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
    case KEY_LIST:
        input->list = true;
        return 0;
    case KEY_ARM:
        add_arms(state, arg, input);
        return 0;
    case KEY_ALL_ARMS:
        input->arms = arms_all();
        return 0;
    case KEY_OP:
        input->op = choose_op(state, arg);
        return 0;
    case KEY_SIZE: {
        unsigned long long bytes;
        if (!parse_size(arg, &bytes) || bytes == 0 || bytes > SIZE_BYTES_MAX)
            usage_error(state, "--size: '%s' is no size up to 1G, such as 4K or 64M", arg);
        input->size_bytes = (size_t)bytes;
        return 0;
    }
    case KEY_SETUP:
        input->setup = true;
        return 0;
    case KEY_COLD:
        input->cold = arg;
        return 0;
    case KEY_PHASES:
        input->phases = true;
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

unsigned layers_processor_count(void) {
    cpu_set_t set;
    return sched_getaffinity(0, sizeof set, &set) == 0 ? (unsigned)CPU_COUNT(&set) : 1;
}

/* One mode for all arms. spin leaves the caller's thread alone, but needs a second processor. */
static int before_device(void *opaque) {
    struct layers_input *input = opaque;
    const char *mode = layers_processor_count() > 1 ? "spin" : "trap";
    setenv(DOORBELL_VARIABLE, input->doorbell ? input->doorbell : mode, input->doorbell != NULL);
    if (arms_need_table(input->arms)) {
        hsp_status status = hsp_runtime_request_table();
        if (status)
            return failure_of(status, "API table");
    }
    return input->launch.file ? launch_check(&input->launch) : EXIT_OK;
}

static char *details(void) {
    char *grammar = argument_grammar();
    char *names = builtin_names();
    char *operations = op_names();
    char *text = xasprintf(
        "The same kernel with the same bytes, arguments, geometry and packets is launched by each "
        "arm: ring (our own queue writer), hsa (HSA's functions), hip-module "
        "(hipModuleLaunchKernel), hip (hipLaunchKernel, what <<<>>> becomes); --list says what "
        "the others are. Without FILE and KERNEL the built-in kernels are measured: %s.\n\n"
        "--op measures another operation by ioctls alone where there are some, by HSA and by HIP: "
        "%s. Sizes lie on both sides of the thresholds that HIP and ROCr 5.2 have: 1, 2 and 32 "
        "MiB. The round trip includes what undoes the operation.\n\n"
        "--arm NAME=COMMAND (last in its list) starts a program that launches in its own way and "
        "answers questions in lines of JSON; share/hsaprobe/examples/hsaprobe_arm.h describes them "
        "and does all the work for a program in C. Its numbers are unpaired.\n\n%s",
        names, operations, grammar);
    free(operations);
    free(names);
    free(grammar);
    return text;
}

static bool needs_nothing(const void *opaque) {
    const struct layers_input *input = opaque;
    return input->list || input->cold;
}

const struct command_options cmd_layers_options = {
    .options = options,
    .parse = parse,
    .args_doc = "[FILE KERNEL]",
    .make_details = details,
    .input_bytes = sizeof(struct layers_input),
    .before_device = before_device,
    .needs_nothing = needs_nothing,
};
