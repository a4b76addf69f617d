/* SPDX-License-Identifier: MIT */
#include "options.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "help.h"
#include "memory.h"

enum { KEY_FORMAT = 0x1000, KEY_DEVICE, KEY_RESTART };

// clang-format off
#define DEVICE {"device", KEY_DEVICE, "soft|hw[:INDEX|:UUID]", 0, \
                "the software GPU, or a real one (default: a real one, else the software GPU)", 90}
#define FORMAT(names) {"format", KEY_FORMAT, names, 0, "what to print (default text)", 90}
#define OUTPUT {"output", 'o', "FILE", 0, "write to FILE, complete or not at all", 90}
#define HELP   {"help", 'h', NULL, 0, "show this help", 91}
/* Said by hsaprobe to itself: where a restarted process sends its samples, and which one it is. */
#define RESTART {"restart", KEY_RESTART, "PATH:N", OPTION_HIDDEN, NULL, 90}
// clang-format on

static const struct argp_option help_options[] = {HELP, {0}};
static const struct argp_option format_options[] = {FORMAT("text|json"), OUTPUT, HELP, {0}};
static const struct argp_option table_options[] = {FORMAT("text|json|csv"), OUTPUT, HELP, {0}};
static const struct argp_option device_options[] = {DEVICE, FORMAT("text|json"), OUTPUT, HELP, {0}};
static const struct argp_option samples_options[] = {
    DEVICE, FORMAT("text|json|jsonl|csv|svg"), OUTPUT, RESTART, HELP, {0}};

const struct argp_option *command_common_options(const struct command *command) {
    static const struct argp_option *const tables[][2] = {
        [FORMATS_NONE] = {help_options, device_options},
        [FORMATS_TEXT_JSON] = {format_options, device_options},
        [FORMATS_TABLE] = {table_options, device_options},
        [FORMATS_SAMPLES] = {samples_options, samples_options},
    };
    return tables[command->formats][command->needs != NEEDS_NOTHING];
}

/* Handed to both parsers; each takes its part. */
struct parse {
    const struct command *command;
    struct common_options *common;
    void *input;
    char *restart; /* of the hidden option */
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
        parse->common->format = format_find(parse->command->formats, arg);
        if (!parse->common->format)
            usage_error(state, "--format: '%s' is none of %s", arg,
                        format_names(parse->command->formats));
        return 0;
    case KEY_RESTART:
        parse->restart = arg;
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

/* The user's -o and --format are the other process's business. */
static void become_restart(const char *word, struct common_options *common) {
    const char *colon = strrchr(word, ':');
    if (!colon)
        return;
    common->output_path = xasprintf("%.*s", (int)(colon - word), word);
    common->format = format_find(FORMATS_SAMPLES, "jsonl");
    common->restart = (unsigned)strtoul(colon + 1, NULL, 10);
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
    struct parse parse = {.command = command, .common = common, .input = input};
    common->format = format_find(command->formats, "text");
    unsigned flags = ARGP_NO_HELP | ARGP_NO_ERRS;
    if (command->options->stops_at_first_word)
        flags |= ARGP_IN_ORDER;
    error_t error = argp_parse(&levels.top, argc, argv, flags, NULL, &parse);
    free(levels.doc);
    if (error)
        exit(failure(EXIT_USAGE, command->name, "%s", strerror(error)));
    if (parse.restart)
        become_restart(parse.restart, common);
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
