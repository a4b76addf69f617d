/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <hsaprobe/runtime.h>

#include "command.h"
#include "help.h"
#include "memory.h"
#include "options.h"
#include "output.h"

static int print_result(const struct command_context *context, const struct common_options *common,
                        struct output *output) {
    errno = 0;
    bool written = common->format->write(context, output->stream);
    int error = 0;
    if (!written) {
        error = -(errno ? errno : EIO);
        output_abort(output);
    } else if (common->output_path) {
        error = output_commit(output);
    }
    if (!error)
        return EXIT_OK;
    if (!common->output_path && ferror(stdout))
        return EXIT_FAILED; /* main says why, as for every command's standard output */
    return failure(EXIT_FAILED, common->output_path ? common->output_path : "report", "%s",
                   strerror(-error));
}

static bool needs_device(const struct command *command, const struct command_context *context) {
    const struct command_options *options = command->options;
    return command->needs != NEEDS_NOTHING &&
           !(options->needs_nothing && options->needs_nothing(context->input));
}

static int run_on_device(const struct command *command, struct command_context *context,
                         const struct common_options *common) {
    if (!needs_device(command, context) || command->needs == NEEDS_GPU_IN_CHILDREN)
        return command->run(context);
    struct device device;
    int code = device_open(&common->device, &device);
    if (code)
        return code;
    if (context->report)
        device_describe(&device, context->report);
    context->device = &device;
    code = command->run(context);
    device_close(&device);
    return code;
}

/* Opens the output first: a path that can't be written should not cost a measurement. */
static int run_command(const struct command *command, struct command_context *context,
                       const struct common_options *common) {
    struct output output = {0};
    if (command->formats == FORMATS_NONE)
        return run_on_device(command, context, common);
    int error = output_open(common->output_path, &output);
    if (error)
        return failure(EXIT_FAILED, common->output_path, "%s", strerror(-error));
    context->report = report_create(command->name);
    context->restart = common->restart;
    if (command->formats == FORMATS_SAMPLES && !(context->samples = hsp_samples_create()))
        return failure(EXIT_FAILED, command->name, "out of memory");
    int code = run_on_device(command, context, common);
    if (code == EXIT_OK || context->print_anyway) {
        int print_code = print_result(context, common, &output);
        code = code ? code : print_code;
    } else {
        output_abort(&output);
    }
    report_destroy(context->report);
    hsp_samples_destroy(context->samples);
    return code;
}

static int dispatch(const struct command *command, int argc, char **argv, char **full_argv) {
    struct common_options common = {0};
    struct command_context context = {.input = xcalloc(1, command->options->input_bytes),
                                      .argv = full_argv};
    options_parse(command, argc, argv, &common, context.input);
    int code = EXIT_OK;
    if (command->options->before_device)
        code = command->options->before_device(context.input);
    if (code == EXIT_OK && needs_device(command, &context))
        code = device_prepare(&common.device, full_argv);
    if (code == EXIT_OK)
        code = run_command(command, &context, &common);
    free(context.input);
    return code;
}

/* hsaprobe help [COMMAND] */
static int help_command(const char *name) {
    if (!name) {
        help_print_all(stdout);
        return EXIT_OK;
    }
    const struct command *command = command_find(name);
    if (!command)
        return help_unknown_command(name);
    options_print_help(command, stdout);
    return EXIT_OK;
}

static int main_command(int argc, char **argv) {
    if (argc < 2) {
        help_print_all(stderr);
        return EXIT_USAGE;
    }
    const char *word = argv[1];
    if (strcmp(word, "--version") == 0 || strcmp(word, "-V") == 0) {
        printf("hsaprobe %s\n", hsp_version_string());
        return EXIT_OK;
    }
    if (strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0)
        return help_command(NULL);
    if (strcmp(word, "help") == 0)
        return help_command(argc > 2 ? argv[2] : NULL);
    const struct command *command = command_find(word);
    return command ? dispatch(command, argc - 1, argv + 1, argv) : help_unknown_command(word);
}

int main(int argc, char **argv) {
    int code = main_command(argc, argv);
    struct output output;
    output_open(NULL, &output);
    int error = output_commit(&output);
    if (error) {
        failure(EXIT_FAILED, "standard output", "%s", strerror(-error));
        code = code ? code : EXIT_FAILED;
    }
    return code;
}
