/* SPDX-License-Identifier: MIT */
/// What a result depends on besides the program: the machine, the libraries that are really mapped,
/// and the variables that steer them. Recorded and warned about, never changed.
#ifndef TOOL_MANIFEST_H
#define TOOL_MANIFEST_H

#include <stdbool.h>

#include "report.h"

/// The machine as far as it can be read; texts are "unknown" where it can't. Owned: strings are
/// freed by manifest_machine_fini.
struct manifest_machine {
    char *cpu;       ///< model name
    char *governor;  ///< of the first usable processor; "none": no frequency scaling to be seen
    char *smt;       ///< "on", "off", "unknown"
    char *affinity;  ///< processors this process may use: "0-3,8"
    char *kernel;    ///< "6.1.0-18-amd64"
    char *load;      ///< of the last minute: "0.42"
    bool is_virtual; ///< a hypervisor is below
    unsigned online_count;
    unsigned usable_count;
};

/// Reads below `root` ("" is the real one; tests have others).
void manifest_machine_read(const char *root, struct manifest_machine *out_machine);
void manifest_machine_fini(struct manifest_machine *machine);
/// Notes about everything of the machine that makes numbers worse.
void manifest_warn(const struct manifest_machine *machine, struct report *report);

/// Adds machine, page size and own commit to the report's manifest, and the tables "libraries"
/// (every mapped library of ROCm, its file and build id) and "environment" (variables with the
/// prefixes HSA_, HIP_, GPU_, ROCR_, ROC_, AMD_, HSAPROBE_), and the warnings as notes. Call it
/// when everything that is measured is loaded.
void manifest_add(struct report *report);

/// The commit this was built from: "0123456789ab", with "+" where files differed from it; "unknown"
/// outside of a repository.
const char *manifest_commit(void);

#endif
