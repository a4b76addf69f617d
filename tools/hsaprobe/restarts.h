/* SPDX-License-Identifier: MIT */
/// Restarts of the process: the outer level of a measurement.
///
/// Where code, stacks, queues and pages come to lie is decided once in a process's life, and
/// changes what is measured. So a command that measures runs itself a few times more, with the
/// same words, and takes what those processes measured beside its own.
///
/// The other process gets the hidden option --restart=PATH:N (options.c). main.c sets
/// context->restart to N and writes its samples as JSON Lines (samples_file.h) to PATH, a pipe.
#ifndef TOOL_RESTARTS_H
#define TOOL_RESTARTS_H

#include "command.h"

/// Runs this process `count` times, one after the other, and adds their samples to
/// context->samples as processes 0 to count - 1. Returns an exit code, prints.
int restarts_run(struct command_context *context, unsigned count);
/// Runs this program once with other words (argv, of which the first two are program and command)
/// and adds its samples as those of process `process`. Returns an exit code, prints.
int restarts_run_words(struct command_context *context, char **argv, unsigned process);

#endif
