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
    uint32_t round_count;
    uint32_t thread_count; ///< 0: no scaling
    const char *isa;       ///< unowned, like the next; NULL: all
    const char *only;      ///< NULL: all
};

/// Empty launches through HSA and HIP, one after the other and each from idle, and the processor
/// time of a process that only holds its queues. Returns an exit code, prints failures.
int bench_dispatch(struct command_context *context, const struct bench_input *input);
/// Runs hsaprobe-softgpu-bench, the program beside this one, and reports what it measured. Uses no
/// device.
int bench_softgpu(struct command_context *context, const struct bench_input *input);

/// The library's calls beside hand-written ROCr code, in interleaved pairs: wrapped calls in every
/// mode, packets, kernarg blocks, signals; with the bounds that the library promises.
int bench_library(struct command_context *context, const struct bench_input *input);

#endif
