/* SPDX-License-Identifier: MIT */
/// Help and completion, made from the tables of commands and options.
#ifndef TOOL_HELP_H
#define TOOL_HELP_H

#include <stdio.h>

/// Commands with their summaries, and the exit codes.
void help_print_all(FILE *stream);
/// Prints that there is no such command, with the closest one as hint; returns EXIT_USAGE.
int help_unknown_command(const char *name);

#endif
