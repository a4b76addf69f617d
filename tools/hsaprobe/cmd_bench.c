/* SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <string.h>

#include "bench.h"
#include "memory.h"

/* The collections; a new one is a row here and a file of its own. */
static const struct {
    const char *name;
    const char *summary;
    int (*run)(struct command_context *context, const struct bench_input *input);
    bool needs_nothing;   /* no device */
    uint32_t round_count; /* without --rounds */
} collections[] = {
    {"dispatch", "empty launches, hot and from idle, and what an idle process costs",
     bench_dispatch, false, 0},
    {"library", "what the library costs: raw ROCr code beside it, in pairs", bench_library, false,
     300},
    {"softgpu", "the software GPU's interpreter by itself: time per wave instruction, kernels",
     bench_softgpu, true, 15},
};
#define COLLECTION_COUNT (sizeof collections / sizeof *collections)

enum {
    KEY_SAMPLES = 0x300,
    KEY_IDLE_SAMPLES,
    KEY_SECONDS,
    KEY_SEED,
    KEY_ROUNDS,
    KEY_ISA,
    KEY_ONLY,
    KEY_THREADS
};

static const struct argp_option options[] = {
    {"samples", KEY_SAMPLES, "N", 0, "timed launches one after the other (default 5000)", 0},
    {"idle-samples", KEY_IDLE_SAMPLES, "N", 0, "timed launches from idle (default 200)", 0},
    {"seconds", KEY_SECONDS, "N", 0, "how long to watch an idle process (default 3)", 0},
    {"seed", KEY_SEED, "N", 0, "of the intervals (default 1)", 0},
    {"rounds", KEY_ROUNDS, "N", 0,
     "library: pairs of each row (default 300); softgpu: samples (default 15)", 0},
    {"isa", KEY_ISA, "LIST", 0, "softgpu: interpreters, such as v3,v4 (default: all)", 0},
    {"only", KEY_ONLY, "TEXT", 0, "softgpu: rows whose group or name has TEXT in it", 0},
    {"threads", KEY_THREADS, "N", 0,
     "softgpu: the scaling on N threads beside a native program's, and nothing else", 0},
    {0},
};

/* "v2", "v3,v4" and so on. */
static bool is_level_list(const char *list) {
    for (;; list += 3) {
        if (list[0] != 'v' || !list[1] || !strchr("234", list[1]))
            return false;
        if (list[2] != ',')
            return list[2] == '\0';
    }
}

static _Noreturn void refuse_collection(const struct argp_state *state, const char *word) {
    char *names = xstrdup("");
    for (size_t i = 0; i < COLLECTION_COUNT; i++) {
        char *longer = xasprintf("%s %s", names, collections[i].name);
        free(names);
        names = longer;
    }
    usage_error(state, "'%s' is no collection; those are:%s", word, names);
}

static error_t parse(int key, char *arg, struct argp_state *state) {
    struct bench_input *input = state->input;
    switch (key) {
    case ARGP_KEY_INIT:
        *input = (struct bench_input){
            .sample_count = 5000, .idle_sample_count = 200, .watch_seconds = 3, .seed = 1};
        return 0;
    case KEY_SAMPLES:
        input->sample_count = (uint32_t)parse_count(state, "--samples", arg, 1, 10000000);
        return 0;
    case KEY_IDLE_SAMPLES:
        input->idle_sample_count = (uint32_t)parse_count(state, "--idle-samples", arg, 1, 100000);
        return 0;
    case KEY_SECONDS:
        input->watch_seconds = (uint32_t)parse_count(state, "--seconds", arg, 1, 3600);
        return 0;
    case KEY_SEED:
        input->seed = parse_count(state, "--seed", arg, 0, UINT64_MAX);
        return 0;
    case KEY_ROUNDS:
        input->round_count = (uint32_t)parse_count(state, "--rounds", arg, 1, 100000);
        return 0;
    case KEY_THREADS:
        input->thread_count = (uint32_t)parse_count(state, "--threads", arg, 1, 1024);
        return 0;
    case KEY_ISA:
        if (!is_level_list(arg))
            usage_error(state, "--isa: '%s' is no list of v2, v3, v4", arg);
        input->isa = arg;
        return 0;
    case KEY_ONLY:
        input->only = arg;
        return 0;
    case ARGP_KEY_ARG:
        if (input->collection)
            usage_error(state, "unexpected word '%s'", arg);
        input->collection = arg;
        for (size_t i = 0; i < COLLECTION_COUNT; i++)
            if (strcmp(collections[i].name, arg) == 0)
                return 0;
        refuse_collection(state, arg);
    case ARGP_KEY_NO_ARGS:
        usage_error(state, "COLLECTION is missing");
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static char *details(void) {
    char *text = xasprintf("Collections:\n");
    for (size_t i = 0; i < COLLECTION_COUNT; i++) {
        char *longer =
            xasprintf("%s  %-10s %s\n", text, collections[i].name, collections[i].summary);
        free(text);
        text = longer;
    }
    return text;
}

static size_t index_of(const char *collection) {
    size_t index = 0;
    while (strcmp(collections[index].name, collection) != 0)
        index++;
    return index;
}

static bool needs_nothing(const void *words) {
    const struct bench_input *input = words;
    return collections[index_of(input->collection)].needs_nothing;
}

const struct command_options cmd_bench_options = {
    .options = options,
    .parse = parse,
    .args_doc = "COLLECTION",
    .make_details = details,
    .input_bytes = sizeof(struct bench_input),
    .needs_nothing = needs_nothing,
};

int cmd_bench(struct command_context *context) {
    struct bench_input *input = context->input;
    size_t index = index_of(input->collection);
    if (input->round_count == 0)
        input->round_count = collections[index].round_count;
    return collections[index].run(context, input);
}
