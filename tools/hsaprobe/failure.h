/* SPDX-License-Identifier: MIT */
/// How the command fails: one line on stderr, at most one hint, and a documented exit code.
#ifndef TOOL_FAILURE_H
#define TOOL_FAILURE_H

#include <hsaprobe/base.h>

/// Exit codes, documented in the help.
enum exit_code {
    EXIT_OK = 0,
    EXIT_FAILED = 1,
    EXIT_USAGE = 2,      ///< the command line is wrong
    EXIT_REGRESSION = 3, ///< found by a comparison
    EXIT_NO_DEVICE = 77, ///< no suitable device here
};

/// Prints "hsaprobe: WHAT: WHY" and returns `code` (enum exit_code, but soft passes a shell's codes
/// too), so that a command can `return failure(...)`.
int failure(int code, const char *what, const char *why, ...) __attribute__((format(printf, 3, 4)));
/// Prints "hint: ...", after a failure.
void hint(const char *format, ...) __attribute__((format(printf, 1, 2)));
/// A failure of the library: its words, its hint and the exit code that belongs to the status.
int failure_of(hsp_status status, const char *what);

#endif
