/* SPDX-License-Identifier: MIT */
/// The words of `hsaprobe layers`.
#ifndef TOOL_LAYERS_INPUT_H
#define TOOL_LAYERS_INPUT_H

#include "arms.h"
#include "builtin.h"
#include "layers_external.h"
#include "layers_method.h"
#include "measure/op.h"

#define LAYERS_EXTERNALS_MAX 8

struct layers_input {
    struct launch_input launch;
    struct layers_method method;
    struct hsp_rounds_options rounds;
    const struct builtin *builtin; ///< --kernel
    const char *doorbell;          ///< --doorbell
    uint16_t header;               ///< of --fence; 0: as HIP
    bool details;                  ///< --details
    bool list;                     ///< --list
    const struct hsp_op *op;       ///< --op; NULL: launch
    size_t size_bytes;             ///< --size; 0: all of the operation's
    bool setup;                    ///< --setup
    const char *cold;              ///< --setup's own process: the chain of steps to take
    bool phases;                   ///< --phases
    arms_choice arms;              ///< --arm, --all-arms; 0: the standard ones
    struct layers_external externals[LAYERS_EXTERNALS_MAX]; ///< --arm NAME=COMMAND
    size_t external_count;
};

/// Options, parser and texts; details are made from the tables.
extern const struct command_options cmd_layers_options;
/// Processors that this process may run on.
unsigned layers_processor_count(void);

/// --list: the table of arms. Returns an exit code.
int layers_list(struct report *report);

/// The arm ioctl, unpaired like a program of the user's, for the case of `arms`. Returns an exit
/// code.
int layers_ioctl_run(struct command_context *context, const struct layers_input *input,
                     const char *workload, const struct launch *launch, const struct arms *arms);
/// --op: one operation. Returns an exit code.
int layers_op(struct command_context *context, const struct layers_input *input);
/// --setup: both chains, each in a process of its own. Returns an exit code.
int layers_setup(struct command_context *context, const struct layers_input *input);
/// In that process: takes the steps of a chain. Returns an exit code.
int layers_setup_chain(struct command_context *context, const char *name);
/// The table of --setup, from the samples.
void layers_setup_report(struct report *report, const struct hsp_samples *samples, uint64_t seed);
/// --phases: of one kernel. Returns an exit code.
int layers_phases(struct command_context *context, const struct layers_input *input,
                  const char *kernel, const struct launch *launch);
/// The table of --phases, from the samples.
void layers_phases_report(struct report *report, const struct hsp_samples *samples, uint64_t seed);

#endif
