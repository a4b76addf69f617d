/* SPDX-License-Identifier: MIT */
/// The kernels that come with the command, with geometry, arguments and expected results.
#ifndef TOOL_BUILTIN_H
#define TOOL_BUILTIN_H

#include "launch.h"

struct builtin {
    const char *name; ///< of the kernel and of its bundle
    uint32_t blocks;
    uint32_t threads;
    const char *const *arguments; ///< ends with NULL
    /// Looks at what `launch_count` launches after a reset left in the buffers (host copies, in the
    /// order of launch->buffers). Returns NULL, or what is wrong, to be freed. May be NULL.
    char *(*check)(const struct launch *launch, void *const *contents, uint64_t launch_count);
};

/// All of them; *out_count.
const struct builtin *builtins(size_t *out_count);
/// NULL when there is none with this name.
const struct builtin *builtin_find(const char *name);
/// The names, separated by spaces, to be freed.
char *builtin_names(void);
/// Fills an input as if the user had typed it, and opens the bundle. Returns an exit code after
/// having printed what is wrong. The input needs launch_input_fini in any case.
int builtin_input(const struct builtin *builtin, struct launch_input *out_input);

#endif
