/* SPDX-License-Identifier: MIT */
/* From words to struct launch_input. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <hsaprobe/compile.h>

#include "launch.h"
#include "memory.h"

/* "64,2,1"; unmentioned dimensions are 1. */
static unsigned parse_sizes(const struct argp_state *state, const char *option, const char *text,
                            uint32_t out_sizes[3]) {
    unsigned count = 0;
    out_sizes[0] = out_sizes[1] = out_sizes[2] = 1;
    for (const char *at = text;; at++) {
        char *end;
        errno = 0;
        unsigned long long value = *at == '-' ? 0 : strtoull(at, &end, 0);
        if (*at == '-' || end == at || (*end && *end != ',') || count == 3)
            usage_error(state, "%s: '%s' is not X, X,Y or X,Y,Z", option, text);
        if (errno || value == 0 || value > UINT32_MAX)
            usage_error(state, "%s: '%s': each size is from 1 to 4294967295", option, text);
        out_sizes[count++] = (uint32_t)value;
        at = end;
        if (!*at)
            return count;
    }
}

static void add_argument(const struct argp_state *state, const char *text,
                         struct launch_input *input) {
    struct argument argument;
    char *why = argument_parse(text, &argument);
    if (why)
        usage_error(state, "--arg '%s': %s", text, why);
    input->arguments =
        xreallocarray(input->arguments, input->argument_count + 1, sizeof *input->arguments);
    input->arguments[input->argument_count++] = argument;
}

error_t source_parse(int key, char *arg, struct source_options *source) {
    switch (key) {
    case KEY_COMPILE_OPTION:
        source->words = xreallocarray(source->words, source->word_count + 1, sizeof *source->words);
        source->words[source->word_count++] = arg;
        return 0;
    case KEY_NO_CACHE:
        source->ignores_cache = true;
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

void source_options_fini(struct source_options *source) {
    free(source->words);
    *source = (struct source_options){0};
}

error_t launch_parse(int key, char *arg, struct argp_state *state, struct launch_input *input) {
    switch (key) {
    case KEY_GRID:
    case KEY_GLOBAL:
        if (input->grid_dimensions)
            usage_error(state, "--grid and --global: give one of them, once");
        input->in_blocks = key == KEY_GRID;
        input->grid_dimensions =
            parse_sizes(state, key == KEY_GRID ? "--grid" : "--global", arg, input->grid);
        return 0;
    case KEY_BLOCK:
        input->block_dimensions = parse_sizes(state, "--block", arg, input->block);
        return 0;
    case KEY_ARG:
        add_argument(state, arg, input);
        return 0;
    case KEY_SHARED:
        input->shared_bytes = (uint32_t)parse_count(state, "--shared", arg, 0, UINT32_MAX);
        return 0;
    case ARGP_KEY_ARG:
        take_file_and_kernel(state, arg, &input->file, &input->kernel_name);
        return 0;
    default:
        return source_parse(key, arg, &input->source);
    }
}

void launch_parse_end(const struct argp_state *state, const struct launch_input *input) {
    if (!input->file)
        usage_error(state, "FILE and KERNEL are missing");
    if (!input->kernel_name)
        usage_error(state, "KERNEL is missing");
    if (!input->grid_dimensions)
        usage_error(state, "--grid or --global is missing");
    if (!input->block_dimensions)
        usage_error(state, "--block is missing");
}

int launch_open(const char *path, const char *isa, const struct source_options *source,
                struct hsp_code_object **out_object) {
    if (hsp_code_object_language(path) == HSP_LANGUAGE_NONE) {
        if (source->word_count || source->ignores_cache)
            return failure(EXIT_USAGE, path, "%s is for sources: .hip, .cl or .s",
                           source->word_count ? "--compile-option" : "--no-cache");
        hsp_status status = hsp_code_object_open_file(path, out_object);
        return status ? failure_of(status, "code object") : EXIT_OK;
    }
    struct hsp_compile_options options = {.size = sizeof options,
                                          .isa = isa,
                                          .words = source->words,
                                          .word_count = source->word_count,
                                          .ignores_cache = source->ignores_cache};
    hsp_status status = hsp_code_object_compile_file(path, &options, out_object);
    return status ? failure_of(status, "compiler") : EXIT_OK;
}

int launch_check(struct launch_input *input) {
    if (hsp_code_object_language(input->file) == HSP_LANGUAGE_NONE)
        return launch_open(input->file, NULL, &input->source, &input->object);
    if (access(input->file, R_OK) == 0)
        return EXIT_OK;
    return failure(EXIT_FAILED, input->file, "%s", strerror(errno));
}

void launch_input_fini(struct launch_input *input) {
    hsp_code_object_close(input->object);
    for (size_t i = 0; i < input->argument_count; i++)
        argument_fini(&input->arguments[i]);
    free(input->arguments);
    source_options_fini(&input->source);
    free(input->file_owned);
    *input = (struct launch_input){0};
}
