/* SPDX-License-Identifier: MIT */
/// `layers --crosscheck`: two methods that share nothing must agree on a launch.
///
/// Subtraction: differences of whole launches, each arm timed from outside. HIP's own time is arm
/// hip-module less arm hsa, and more by what arm hsa does itself between HSA's functions (arm
/// packet less the timer); HSA's is arm hsa less arm packet, and more by what the software GPU did
/// on the calling thread, which submit leaves out. The operating system's is none.
///
/// Nested spans: this command runs again under `hsaprobe trace`, as arm hip-module alone; of each
/// hipModuleLaunchKernel the time outside of HSA's functions is HIP's, less what recording a nested
/// call costs around it, and the time within them is HSA's.
///
/// They agree when they differ by no more than the larger of 10 % and 50 ns.
#ifndef TOOL_LAYERS_CROSSCHECK_H
#define TOOL_LAYERS_CROSSCHECK_H

#include <stdio.h>

#include "command.h"

/// The arms that subtraction needs, as --arm takes them.
#define CROSSCHECK_ARMS "timer,packet,ring,hsa,hip-module"

/// What nested spans say of a launch: medians over all launches of a file.
struct crosscheck_spans {
    size_t launch_count;
    double hip_ns; ///< outside of nested calls, recorder's cost taken off
    double hsa_ns; ///< within HSA's functions
    double os_ns;  ///< within calls of the operating system, on average
};

/// Reads the events of `hsaprobe trace --format jsonl`. `around_ns` is what recording a nested call
/// costs its caller. Returns NULL, or what is wrong, to be freed.
char *crosscheck_read(FILE *events, double around_ns, struct crosscheck_spans *out_spans);

/// Traces, adds the table "crosscheck", and notes what doesn't agree. The samples must hold the
/// arms of CROSSCHECK_ARMS. Returns an exit code, prints; disagreement is EXIT_FAILED.
int layers_crosscheck(struct command_context *context, const char *kernel, unsigned round_count,
                      uint64_t seed);

#endif
