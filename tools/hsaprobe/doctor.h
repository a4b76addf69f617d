/* SPDX-License-Identifier: MIT */
/// The checks of `hsaprobe doctor`: each looks at one thing and fills one finding.
#ifndef TOOL_DOCTOR_H
#define TOOL_DOCTOR_H

enum finding_level {
    FINDING_OK,
    FINDING_NOTE, ///< worth knowing
    FINDING_WARN, ///< works, but something is missing or changes results
    FINDING_FAIL, ///< kernels can't run at all
};

/// One line of the doctor's table. Both texts are owned by the finding.
struct finding {
    enum finding_level level;
    char *text;
    char *fix; ///< what to do; NULL when there is nothing to do
};

/// Sets level and text.
void finding_set(struct finding *finding, enum finding_level level, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/// Sets what to do.
void finding_fix(struct finding *finding, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

#define CHECK(name, function) void function(struct finding *finding);
#include "doctor.def"
#undef CHECK

#endif
