/* SPDX-License-Identifier: MIT */
/// The collections of `hsaprobe bench`.
#ifndef TOOL_BENCH_H
#define TOOL_BENCH_H

#include <stdint.h>

#include "command.h"

struct bench_input {
    const char *collection; ///< unowned
    uint32_t sample_count;
    uint32_t idle_sample_count;
    uint32_t watch_seconds;
    uint64_t seed;
};

/// Empty launches through HSA and HIP, one after the other and each from idle, and the processor
/// time of a process that only holds its queues. Returns an exit code, prints failures.
int bench_dispatch(struct command_context *context, const struct bench_input *input);

#endif
