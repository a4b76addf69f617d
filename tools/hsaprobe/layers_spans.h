/* SPDX-License-Identifier: MIT */
/// A launch taken apart by nested spans: what the events of `hsaprobe trace --format jsonl` say of
/// arms hip-module and hsa.
///
/// Only launches count that stand between two waits, as the rounds' bursts have them. Of each
/// hipModuleLaunchKernel the own time is HIP's, and that of the calls within it their layer's. Arm
/// hsa is no function, and so no span: its launch is the four HSA functions that CLR calls, from
/// the write index to the doorbell, and what lies between those is the arm's own.
///
/// What recording costs is taken off: within a call's own span, what the tracer measures on an
/// empty function; around it, in its caller's time, what lies between those two neighbouring HSA
/// calls of a hipModuleLaunchKernel that are closest to each other (CLR reads two indices in a row:
/// there is nothing else between them).
#ifndef TOOL_LAYERS_SPANS_H
#define TOOL_LAYERS_SPANS_H

#include <stddef.h>
#include <stdio.h>

/// Medians over the launches of a file, in ns.
struct spans {
    size_t launch_count;  ///< of HIP
    size_t replay_count;  ///< of arm hsa
    double hip_ns;        ///< HIP's own
    double hip_hsa_ns;    ///< within a HIP launch: HSA's functions' own, and the thunk's
    double hip_os_ns;     ///< within a HIP launch: system calls
    double replay_ns;     ///< arm hsa's own, between its first and its last call
    double replay_hsa_ns; ///< arm hsa: HSA's functions, system calls within them included
    double nested_count;  ///< calls recorded directly within a HIP launch
    double around_ns;     ///< what recording one of them took of HIP's time
};

/// Reads the events. `inside_ns` is what recording adds to a call's own time. Returns NULL, or what
/// is wrong, to be freed.
char *spans_read(FILE *events, double inside_ns, struct spans *out_spans);

/// A launch's layers by spans, in ns.
struct span_layers {
    double hip_ns, hsa_ns, os_ns;
};

/// What arm hsa does between its calls is its own recorded time less `waits_ns`, what recording
/// made its launch longer beyond what it costs, but no less than `fill_ns`, which a packet takes to
/// fill; what is above that is HSA's. HIP's is its own time less all of that, and what HSA's
/// functions take longer within it.
struct span_layers spans_layers(const struct spans *spans, double fill_ns, double waits_ns);

#endif
