/* SPDX-License-Identifier: MIT */
/// What the kernels of kernels/opencl.cl must write, computed on the host.
#ifndef OPENCL_WANT_H
#define OPENCL_WANT_H

#include <stdbool.h>
#include <stdint.h>

/// Work-items of every launch, and of every work-group.
enum { WANT_COUNT = 512, WANT_GROUP = 128 };

struct want_case {
    const char *kernel;
    /// The word that work-item `i` writes, given the input of all.
    uint32_t (*want)(uint32_t i, const uint32_t *in);
    /// 0: exactly; else the words are floats, this many units in the last place apart at most.
    unsigned ulp;
    bool optimized_only; ///< not in the files compiled at -O0
};

/// Ends with a row without kernel.
extern const struct want_case want_cases[];

#endif
