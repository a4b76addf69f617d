/* SPDX-License-Identifier: MIT */
/// How `layers` measures, whatever it measures: restarts of the process, idle gaps, rounds.
#ifndef TOOL_LAYERS_METHOD_H
#define TOOL_LAYERS_METHOD_H

#include "command.h"
#include "layers_compat.h"
#include "measure/rounds.h"

#define LAYERS_GAPS_MAX 16

struct layers_method {
    unsigned process_count;         ///< --restarts, this one included; at least 1
    uint64_t gaps[LAYERS_GAPS_MAX]; ///< --gaps; 0 among them is the rounds without gaps
    size_t gap_count;
    bool crosscheck;          ///< --crosscheck
    bool alternates;          ///< --alternate (hidden): see layers_method_run
    enum compat_suite compat; ///< --compat
    unsigned process;         ///< the number of this one in the samples
};

/// Rows for a command's table of options; their keys are layers_method_parse's.
enum layers_method_key {
    KEY_RESTARTS = 0x400,
    KEY_GAPS,
    KEY_CROSSCHECK,
    KEY_COMPAT,
    KEY_ALTERNATE
};
// clang-format off
#define LAYERS_METHOD_OPTIONS                                                                      \
    {"restarts", KEY_RESTARTS, "N", 0, "processes that measure, one after the other (default 5)", 3}, \
    {"crosscheck", KEY_CROSSCHECK, NULL, 0,                                                        \
     "also take a launch apart by nested spans (hsaprobe trace) and compare", 3},                  \
    {"alternate", KEY_ALTERNATE, NULL, OPTION_HIDDEN, NULL, 0},                                    \
    {"compat", KEY_COMPAT, "SUITE", 0,                                                             \
     "also the dispatch numbers of rocrtst or hip-tests as those define them", 3},                 \
    {"gaps", KEY_GAPS, "LIST", 0,                                                                  \
     "also launch after idle times, such as 10us,100us,1ms (up to 50us spun, above slept)", 3}
// clang-format on

/// A parser for these options; ARGP_ERR_UNKNOWN for others.
error_t layers_method_parse(int key, char *arg, struct argp_state *state,
                            struct layers_method *method);
/// The other processes measure, before this one does; sets `process`. In a restart itself it does
/// nothing. Returns an exit code, prints.
int layers_method_restart(struct command_context *context, struct layers_method *method);
/// The rounds as this process runs them: seed, clock, what counts as the caller's device time.
struct hsp_rounds_options layers_method_rounds(const struct command_context *context,
                                               const struct hsp_rounds_options *rounds);
/// Measures the arms without and with gaps and adds the samples. *out_result is that without, to be
/// freed by the caller. Returns as hsp_rounds_run, or -ENOMEM.
///
/// Where it alternates, this process runs under `hsaprobe trace` and measures in slices of rounds,
/// with the recording paused and on in turn: slice i has the samples of "process" i, the odd ones
/// are recorded, *out_result is slice 0. -ENOENT where no trace is.
int layers_method_run(struct command_context *context, const struct layers_method *method,
                      const char *workload, const struct hsp_arm *arms, size_t arm_count,
                      const struct hsp_rounds_options *rounds, struct hsp_rounds_result *out_result,
                      size_t *out_failed_arm);

#endif
