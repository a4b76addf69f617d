/* SPDX-License-Identifier: MIT */
#include "layers_method.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "memory.h"
#include "record/session.h"
#include "restarts.h"

#define DEFAULT_PROCESSES 5
/* A gap costs what it lasts: fewer launches follow one. */
#define GAP_ROUND_PART 8
#define GAP_BURST      2
/* Rounds of a slice: a few ms, in which a machine's speed hardly changes. */
#define SLICE_ROUNDS 10

static const struct {
    const char *unit;
    uint64_t ns;
} units[] = {{"ns", 1}, {"us", 1000}, {"ms", 1000000}, {"s", 1000000000}};

/* "10us", "0" */
static uint64_t parse_gap(const struct argp_state *state, const char *word) {
    char *end;
    errno = 0;
    unsigned long long count = strtoull(word, &end, 10);
    if (!errno && end != word && *word != '-' && count <= 1000000000) {
        if (count == 0 && !*end)
            return 0;
        for (size_t i = 0; i < sizeof units / sizeof *units; i++)
            if (strcmp(end, units[i].unit) == 0 && count * units[i].ns <= UINT64_C(10000000000))
                return count * units[i].ns;
    }
    usage_error(state, "--gaps: '%s' is no time up to 10s, such as 10us or 1ms", word);
}

static void parse_gaps(const struct argp_state *state, const char *list,
                       struct layers_method *method) {
    char *copy = xstrdup(list); /* the words are needed once more, by restarted processes */
    char *rest = copy;
    method->gap_count = 0;
    for (char *word; (word = strsep(&rest, ","));) {
        uint64_t gap = parse_gap(state, word);
        if (method->gap_count == LAYERS_GAPS_MAX)
            usage_error(state, "--gaps: more than %d", LAYERS_GAPS_MAX);
        if (gap)
            method->gaps[method->gap_count++] = gap;
    }
    free(copy);
}

error_t layers_method_parse(int key, char *arg, struct argp_state *state,
                            struct layers_method *method) {
    switch (key) {
    case ARGP_KEY_INIT:
        *method = (struct layers_method){.process_count = DEFAULT_PROCESSES};
        return 0;
    case KEY_RESTARTS:
        method->process_count = (unsigned)parse_count(state, "--restarts", arg, 1, 1000);
        return 0;
    case KEY_CROSSCHECK:
        method->crosscheck = true;
        return 0;
    case KEY_ALTERNATE:
        method->alternates = true;
        return 0;
    case KEY_COMPAT:
        method->compat = compat_suite_find(arg);
        if (method->compat == COMPAT_NONE)
            usage_error(state, "--compat: '%s' is neither rocrtst nor hip-tests", arg);
        return 0;
    case KEY_GAPS:
        parse_gaps(state, arg, method);
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

int layers_method_restart(struct command_context *context, struct layers_method *method) {
    method->process = 0;
    if (context->restart)
        return EXIT_OK;
    int code = restarts_run(context, method->process_count - 1);
    method->process = method->process_count - 1;
    return code;
}

static uint64_t clock_ns(void *state) {
    (void)state;
    return hsp_clock_ns();
}

struct hsp_rounds_options layers_method_rounds(const struct command_context *context,
                                               const struct hsp_rounds_options *rounds) {
    struct hsp_rounds_options own = *rounds;
    own.seed += context->restart;
    own.clock = (struct hsp_clock){.now_ns = clock_ns, .idle_ns = hsp_clock_idle};
    own.caller_ns = context->device->caller_ns;
    own.tags = hsp_burst_tags_now;
    return own;
}

static struct hsp_rounds_options with_gap(const struct hsp_rounds_options *rounds, uint64_t gap) {
    struct hsp_rounds_options own = *rounds;
    own.gap_ns = gap;
    own.round_count = (rounds->round_count + GAP_ROUND_PART - 1) / GAP_ROUND_PART;
    own.burst_count = GAP_BURST;
    own.settle_count = 0;
    own.batch_count = 0;
    own.slope_count = 0;
    own.warmup_window = 0;
    return own;
}

/* A slice after the first: no warm-up, an order of its own. */
static int run_slice(struct command_context *context, const char *workload,
                     const struct hsp_arm *arms, size_t arm_count,
                     const struct hsp_rounds_options *rounds, unsigned slice,
                     size_t *out_failed_arm) {
    struct hsp_rounds_options own = *rounds;
    struct hsp_rounds_result result = {0};
    own.seed += slice;
    own.warmup_window = 0;
    int rc = hsp_rounds_run(arms, arm_count, &own, &result, out_failed_arm);
    if (!rc)
        rc = hsp_samples_take_rounds(context->samples, workload, 0, slice, arms, &result,
                                     context->device->software);
    hsp_rounds_result_fini(&result);
    return rc;
}

static int alternate(struct command_context *context, const char *workload,
                     const struct hsp_arm *arms, size_t arm_count,
                     const struct hsp_rounds_options *rounds, struct hsp_rounds_result *out_result,
                     size_t *out_failed_arm) {
    struct hsp_rounds_options own = *rounds;
    uint32_t *recording = hsp_session_flag();
    if (!recording)
        return -ENOENT;
    unsigned pair_count = (rounds->round_count + SLICE_ROUNDS - 1) / SLICE_ROUNDS;
    own.round_count = rounds->round_count < SLICE_ROUNDS ? rounds->round_count : SLICE_ROUNDS;
    own.batch_count = own.slope_count = 0; /* only single launches are compared */
    __atomic_store_n(recording, 0, __ATOMIC_RELEASE);
    int rc = hsp_rounds_run(arms, arm_count, &own, out_result, out_failed_arm);
    if (!rc)
        rc = hsp_samples_take_rounds(context->samples, workload, 0, 0, arms, out_result,
                                     context->device->software);
    for (unsigned slice = 1; slice < 2 * pair_count && !rc; slice++) {
        __atomic_store_n(recording, slice % 2, __ATOMIC_RELEASE);
        rc = run_slice(context, workload, arms, arm_count, &own, slice, out_failed_arm);
    }
    __atomic_store_n(recording, 0, __ATOMIC_RELEASE);
    return rc;
}

int layers_method_run(struct command_context *context, const struct layers_method *method,
                      const char *workload, const struct hsp_arm *arms, size_t arm_count,
                      const struct hsp_rounds_options *rounds, struct hsp_rounds_result *out_result,
                      size_t *out_failed_arm) {
    struct hsp_rounds_options own = layers_method_rounds(context, rounds);
    bool software = context->device->software;
    if (method->alternates)
        return alternate(context, workload, arms, arm_count, &own, out_result, out_failed_arm);
    int rc = hsp_rounds_run(arms, arm_count, &own, out_result, out_failed_arm);
    if (!rc)
        rc = hsp_samples_take_rounds(context->samples, workload, 0, method->process, arms,
                                     out_result, software);
    for (size_t i = 0; i < method->gap_count && !rc; i++) {
        struct hsp_rounds_options idle = with_gap(&own, method->gaps[i]);
        struct hsp_rounds_result result = {0};
        rc = hsp_rounds_run(arms, arm_count, &idle, &result, out_failed_arm);
        if (!rc)
            rc = hsp_samples_take_rounds(context->samples, workload, method->gaps[i],
                                         method->process, arms, &result, software);
        hsp_rounds_result_fini(&result);
    }
    return rc;
}
