/* SPDX-License-Identifier: MIT */
/// `layers --crosscheck`: two methods that share nothing must agree on a launch.
///
/// Subtraction: differences of whole launches, each arm timed from outside, the software GPU's work
/// on the calling thread included. HIP's part is arm hip-module less arm hsa, HSA's is arm hsa less
/// arm packet. The operating system's is none.
///
/// Nested spans (layers_spans.h), as `hsaprobe trace` records them. HSA's part is the own time of
/// its functions in arm hsa, and what that arm does between them beyond filling a packet (it waits
/// for the slot). HIP's is its own less what arm hsa does between them, and more by what they take
/// longer within HIP, whose code has put other things into the caches: what subtraction, too, calls
/// HIP's. Packets are not recorded: that would change them.
///
/// Recording itself makes arm hsa wait between its calls, where the packet processor is on another
/// core: reading the clock keeps misses from overlapping. How long is known from that arm's whole
/// launch, recorded and not, less what recording costs; it is taken off what lies between the
/// calls.
///
/// This command runs again under `hsaprobe trace`, as often as there are processes, and each takes
/// both in slices of a few ms, with the recording paused and on in turn: the speed of the
/// machine and where the process's memory lies are the same for both. What is shown are medians of
/// the processes.
///
/// They agree when they differ by no more than the larger of 10 % and 50 ns.
#ifndef TOOL_LAYERS_CROSSCHECK_H
#define TOOL_LAYERS_CROSSCHECK_H

#include "command.h"

/// The arms that subtraction needs, as --arm takes them.
#define CROSSCHECK_ARMS "timer,packet,ring,hsa,hip-module"

/// Runs `process_count` processes, adds the table "crosscheck", and notes what doesn't agree.
/// Returns an exit code, prints; disagreement is EXIT_FAILED.
int layers_crosscheck(struct command_context *context, const char *kernel, unsigned round_count,
                      unsigned process_count);

#endif
