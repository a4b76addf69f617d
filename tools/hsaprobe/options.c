/* SPDX-License-Identifier: MIT */
#include "options.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "help.h"
#include "memory.h"

enum { KEY_FORMAT = 0x1000, KEY_DEVICE };

static const struct argp_option format_options[] = {
    {"format", KEY_FORMAT, "text|json", 0, "what to print (default text)", 90},
    {"output", 'o', "FILE", 0, "write to FILE, complete or not at all", 90},
    {"help", 'h', NULL, 0, "show this help", 91},
    {0},
};
static const struct argp_option device_options[] = {
    {"device", KEY_DEVICE, "soft|hw[:INDEX|:UUID]", 0,
     "the software GPU, or a real one (default: a real one, else the software GPU)", 90},
    {"format", KEY_FORMAT, "text|json", 0, "what to print (default text)", 90},
    {"output", 'o', "FILE", 0, "write to FILE, complete or not at all", 90},
    {"help", 'h', NULL, 0, "show this help", 91},
    {0},
};
static const struct argp_option help_options[] = {
    {"help", 'h', NULL, 0, "show this help", 91},
    {0},
};

const struct argp_option *command_common_options(const struct command *command) {
    if (command->needs == NEEDS_GPU)
        return device_options;
    return command->formats == FORMATS_TEXT_JSON ? format_options : help_options;
}

/* Handed to both parsers; each takes its part. */
struct parse {
    const struct command *command;
    struct common_options *common;
    void *input;
};

_Noreturn void usage_error(const struct argp_state *state, const char *format, ...) {
    const char *name = state->argv[0]; /* options_parse gets the command's name there */
    va_list args;
    va_start(args, format);
    char *why = xvasprintf(format, args);
    va_end(args);
    int code = failure(EXIT_USAGE, name, "%s", why);
    hint("hsaprobe %s --help", name);
    exit(code);
}

void take_file_and_kernel(const struct argp_state *state, char *word, const char **file,
                          const char **kernel_name) {
    if (*file && *kernel_name)
        usage_error(state, "unexpected word '%s'", word);
    *(*file ? kernel_name : file) = word;
}

static bool named_in(const struct argp_option *options, const char *word) {
    size_t length = strcspn(word, "=");
    for (; options && (options->name || options->key); options++) {
        if (word[0] != '-' && options->name && strncmp(options->name, word, length) == 0 &&
            strlen(options->name) == length)
            return true;
    }
    return false;
}

static bool key_in(const struct argp_option *options, int key) {
    for (; options && (options->name || options->key); options++)
        if (options->key == key)
            return true;
    return false;
}

/* argp says only that a word is wrong; find out whether the option exists. */
static _Noreturn void bad_option(struct argp_state *state) {
    const char *word = state->next > 0 ? state->argv[state->next - 1] : "";
    const struct command *command = command_find(state->argv[0]);
    const struct argp_option *own = command->options->options;
    const struct argp_option *common = command_common_options(command);
    bool known = false;
    if (strncmp(word, "--", 2) == 0)
        known = named_in(own, word + 2) || named_in(common, word + 2);
    else if (word[0] == '-')
        known = key_in(own, word[1]) || key_in(common, word[1]);
    if (!known)
        usage_error(state, "unknown option '%s'", word);
    usage_error(state,
                strchr(word, '=') ? "option '%s' takes no value" : "option '%s' needs a value",
                word);
}

static error_t parse_common(int key, char *arg, struct argp_state *state) {
    struct parse *parse = state->input;
    switch (key) {
    case KEY_FORMAT:
        if (strcmp(arg, "json") != 0 && strcmp(arg, "text") != 0)
            usage_error(state, "--format: '%s' is neither text nor json", arg);
        parse->common->json = strcmp(arg, "json") == 0;
        return 0;
    case KEY_DEVICE:
        if (!device_choice_parse(arg, &parse->common->device))
            usage_error(state, "--device: '%s' is none of soft, hw, hw:INDEX, hw:UUID", arg);
        return 0;
    case 'o':
        parse->common->output_path = arg;
        return 0;
    case 'h':
        options_print_help(parse->command, stdout);
        if (fflush(stdout) != 0)
            exit(failure(EXIT_FAILED, "standard output", "%s", strerror(errno)));
        exit(EXIT_OK);
    case ARGP_KEY_INIT:
        state->child_inputs[0] = parse->input;
        return 0;
    case ARGP_KEY_ERROR:
        bad_option(state);
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

/* argp's parser for a command without words or options of its own. */
static error_t parse_nothing(int key, char *arg, struct argp_state *state) {
    if (key == ARGP_KEY_ARG)
        usage_error(state, "unexpected word '%s'", arg);
    return ARGP_ERR_UNKNOWN;
}

/* The two argp levels of a command; the caller keeps them alive. */
struct levels {
    struct argp own;
    struct argp_child children[2];
    struct argp top;
    char *doc;
};

static void levels_init(struct levels *levels, const struct command *command) {
    const struct command_options *options = command->options;
    char *made = options->make_details ? options->make_details() : NULL;
    const char *details = made ? made : options->details ? options->details : "";
    levels->doc = xasprintf("%s%s%s", command->summary, *details ? "\v" : "", details);
    free(made);
    levels->own = (struct argp){.options = options->options,
                                .parser = options->parse ? options->parse : parse_nothing};
    levels->children[0] = (struct argp_child){.argp = &levels->own};
    levels->children[1] = (struct argp_child){0};
    levels->top = (struct argp){.options = command_common_options(command),
                                .parser = parse_common,
                                .args_doc = options->args_doc,
                                .doc = levels->doc,
                                .children = levels->children};
}

void options_print_help(const struct command *command, FILE *stream) {
    struct levels levels;
    levels_init(&levels, command);
    char *name = xasprintf("hsaprobe %s", command->name);
    argp_help(&levels.top, stream, ARGP_HELP_USAGE | ARGP_HELP_LONG | ARGP_HELP_DOC, name);
    free(name);
    free(levels.doc);
}

void options_parse(const struct command *command, int argc, char **argv,
                   struct common_options *common, void *input) {
    struct levels levels;
    levels_init(&levels, command);
    struct parse parse = {command, common, input};
    unsigned flags = ARGP_NO_HELP | ARGP_NO_ERRS;
    if (command->options->stops_at_first_word)
        flags |= ARGP_IN_ORDER;
    error_t error = argp_parse(&levels.top, argc, argv, flags, NULL, &parse);
    free(levels.doc);
    if (error)
        exit(failure(EXIT_USAGE, command->name, "%s", strerror(error)));
}

unsigned long long parse_count(const struct argp_state *state, const char *what, const char *text,
                               unsigned long long low, unsigned long long high) {
    char *end;
    errno = 0;
    unsigned long long value = strtoull(text, &end, 0);
    if (errno || end == text || *end || strchr(text, '-') || value < low || value > high)
        usage_error(state, "%s: '%s' is not a number from %llu to %llu", what, text, low, high);
    return value;
}

bool parse_size(const char *text, unsigned long long *out_bytes) {
    static const char suffixes[] = "KMGT";
    char *end;
    errno = 0;
    unsigned long long value = strtoull(text, &end, 0);
    if (errno || end == text || strchr(text, '-'))
        return false;
    if (*end) {
        const char *suffix = strchr(suffixes, *end);
        if (!suffix || end[1])
            return false;
        unsigned shift = 10 * (unsigned)(suffix - suffixes + 1);
        if (value > (~0ull >> shift))
            return false;
        value <<= shift;
    }
    *out_bytes = value;
    return true;
}
