/* SPDX-License-Identifier: MIT */
/// Parsing of a command's words: its own options and those that all commands share.
#ifndef TOOL_OPTIONS_H
#define TOOL_OPTIONS_H

#include <stdbool.h>
#include <stdio.h>

#include "command.h"

/// The options that main.c acts on.
struct common_options {
    const struct output_format *format; ///< text unless told
    const char *output_path;            ///< NULL: standard output. Unowned.
    unsigned restart; ///< not 0: a restart of another hsaprobe, which opened output_path
    struct device_choice device;
};

/// Parses argv (argv[0] is the command's name). Ends the program after --help, and with 2 after a
/// mistake; returns only when everything was understood.
void options_parse(const struct command *command, int argc, char **argv,
                   struct common_options *common, void *input);
/// Prints the help of one command.
void options_print_help(const struct command *command, FILE *stream);

#endif
