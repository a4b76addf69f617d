/* SPDX-License-Identifier: MIT */
/// Arms that are programs of their own (tools/examples/hsaprobe_arm.h has the protocol).
///
/// Such an arm is unpaired: it measures itself with its own clock, in rounds before those of the
/// other arms. It inherits the environment, and with it the software GPU where this process
/// runs on that.
#ifndef TOOL_LAYERS_EXTERNAL_H
#define TOOL_LAYERS_EXTERNAL_H

#include "command.h"
#include "launch.h"
#include "layers_method.h"

struct layers_external {
    const char *name;
    const char *command; ///< for /bin/sh
};

/// Splits NAME=COMMAND. False when it is none: no name, no command, or a name of anything but
/// letters, digits, '-', '_' and '.'. `*out_external` points into `word`, which is changed.
bool layers_external_parse(char *word, struct layers_external *out_external);
/// Starts it, has it launch a few times and checks what it counted, takes the rounds, adds the
/// samples. Returns an exit code; every failure names the arm and says why.
int layers_external_run(struct command_context *context, const struct layers_external *external,
                        const char *workload, const struct hsp_geometry *geometry,
                        const struct layers_method *method,
                        const struct hsp_rounds_options *rounds);

#endif
