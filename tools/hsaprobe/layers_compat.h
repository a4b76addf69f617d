/* SPDX-License-Identifier: MIT */
/// `layers --compat`: the numbers of other suites' dispatch benchmarks, measured as those define
/// them, beside ours. What they define is described in the table's rows; it is not what we
/// recommend.
#ifndef TOOL_LAYERS_COMPAT_H
#define TOOL_LAYERS_COMPAT_H

#include "command.h"

enum compat_suite { COMPAT_NONE, COMPAT_ROCRTST, COMPAT_HIP_TESTS };

/// The suite with this name ("rocrtst", "hip-tests"), or COMPAT_NONE.
enum compat_suite compat_suite_find(const char *name);

/// What rocrtst makes of its samples (reordered): the mean of the fastest 100 of 120.
double compat_rocrtst_mean(double *values, size_t count);

/// Measures the suite's numbers with an empty kernel and adds the table "compat"; ours are taken
/// from the samples of workload "empty". Returns an exit code, prints.
int layers_compat(struct command_context *context, enum compat_suite suite, uint64_t seed);

#endif
