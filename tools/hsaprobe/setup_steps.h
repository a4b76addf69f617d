/* SPDX-License-Identifier: MIT */
/// What comes before a first launch, step by step, in the order in which programs do it.
///
/// Each chain is one way to get there, run in a process that has done nothing of it before. The
/// steps of HSA are HSA's own functions, called as any program would.
#ifndef TOOL_SETUP_STEPS_H
#define TOOL_SETUP_STEPS_H

#include <stddef.h>

struct setup_step {
    const char *name; ///< of the arm in the samples
    const char *what; ///< what is timed
    unsigned warm_count;
    int (*run)(void *state);  ///< 0, or an exit code (printed)
    int (*undo)(void *state); ///< the same; NULL: `run` can be repeated as it is
};

struct setup_chain {
    const char *name; ///< "hsa", "hip"
    const struct setup_step *steps;
    size_t step_count;
    void *(*open)(void); ///< the state; doesn't touch ROCm. NULL after printing
    void (*close)(void *state);
};

extern const struct setup_chain setup_hsa;
extern const struct setup_chain setup_hip;

#endif
