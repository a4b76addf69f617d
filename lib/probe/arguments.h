/* SPDX-License-Identifier: MIT */
/// Bound values as arguments.c collects and kernarg_segment.c writes them.
#ifndef HSP_PROBE_ARGUMENTS_H
#define HSP_PROBE_ARGUMENTS_H

#include <hsaprobe/dispatch.h>

#define HSP_HIDDEN_SUPPLIED_MAX 16

struct hsp_arguments {
    const struct hsp_kernel *kernel;
    unsigned char *values; ///< the explicit part, at the metadata's offsets
    bool *is_bound;        ///< per explicit argument
    uint32_t *local_bytes; ///< per explicit argument: size of a dynamic shared pointer
    struct {
        const char *value_kind; ///< the kernel's string
        uint64_t value;
    } supplied[HSP_HIDDEN_SUPPLIED_MAX];
    uint32_t supplied_count;
};

#endif
