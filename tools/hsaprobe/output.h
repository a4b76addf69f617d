/* SPDX-License-Identifier: MIT */
/// Files that are either complete or not there.
#ifndef TOOL_OUTPUT_H
#define TOOL_OUTPUT_H

#include <stdbool.h>
#include <stdio.h>

/// A file being written. It has no name until it is complete, so that even a process that is killed
/// leaves nothing behind (where the file system has no nameless files: it is written beside its
/// final name and renamed at the end). What isn't a regular file (a device, a pipe) is written
/// directly.
struct output {
    FILE *stream;
    char *path;      ///< as the user wrote it; NULL for standard output
    char *temporary; ///< its other name; NULL when the stream is the file itself
    bool nameless;   ///< `temporary` isn't there yet
};

/// Opens the file, or standard output for NULL. Returns 0 or -errno; nothing is printed.
int output_open(const char *path, struct output *out_output);
/// Flushes, checks every write so far, and puts the file in its place. Returns 0 or -errno; then
/// the file that was there before is untouched. The output is closed either way.
int output_commit(struct output *output);
/// Closes and removes what was written.
void output_abort(struct output *output);

#endif
