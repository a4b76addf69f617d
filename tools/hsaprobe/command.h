/* SPDX-License-Identifier: MIT */
/// The commands: the table that cmd.def makes, and what main.c does for all of them alike.
///
/// main.c parses a command's options (argp), brings the process onto the right device
/// (device.h), runs the command and prints the report that it left, as text or JSON, to standard
/// output or atomically to a file.
#ifndef TOOL_COMMAND_H
#define TOOL_COMMAND_H

#include <argp.h>
#include <stdbool.h>
#include <stddef.h>

#include "device.h"
#include "failure.h"
#include "measure/samples.h"
#include "report.h"

/// What has to be there before a command runs.
enum command_needs {
    NEEDS_NOTHING,         ///< runs anywhere
    NEEDS_GPU,             ///< restarts itself on the software GPU where there is no other
    NEEDS_GPU_IN_CHILDREN, ///< the same, but only processes that it starts open the device
};

/// What it can print besides text.
enum command_formats {
    FORMATS_NONE,      ///< prints nothing of its own: no --format, no -o
    FORMATS_TEXT_JSON, ///< a report
    FORMATS_TABLE,     ///< a report, also as CSV
    FORMATS_SAMPLES,   ///< a report, also as CSV; raw samples; a picture
};

/// The options of one command. `parse` is an argp parser whose state->input is a zeroed block of
/// input_bytes, later handed to the command; it ends the program by usage_error() on a bad value.
struct command_options {
    const struct argp_option *options; ///< ends with a zero row; NULL for none
    argp_parser_t parse;
    const char *args_doc;        ///< "FILE KERNEL"; NULL for none
    const char *details;         ///< text below the options in --help; may be NULL
    char *(*make_details)(void); ///< the same where it is made from a table; freed by the caller
    size_t input_bytes;
    bool stops_at_first_word; ///< options end at the first word that isn't one
    /// Called after parsing and before the device is opened or the process restarted; may set
    /// environment variables. Returns an exit code, EXIT_OK to go on. May be NULL.
    int (*before_device)(void *input);
    /// True if these words need no device although the command does in general. May be NULL.
    bool (*needs_nothing)(const void *input);
};

/// Everything a running command gets.
struct command_context {
    struct device *device;       ///< NULL unless NEEDS_GPU
    struct report *report;       ///< NULL for FORMATS_NONE
    struct hsp_samples *samples; ///< what was measured; NULL but for FORMATS_SAMPLES
    char **argv;                 ///< the process's own
    /// This process is a restart of another, which gets the samples: see restarts.h. 0: it is not.
    unsigned restart;
    void *input;       ///< what `parse` filled
    bool print_anyway; ///< set by a command whose report is wanted although its code isn't 0
};

/// A way to print a result. `write` returns false when writing failed (errno is set).
struct output_format {
    const char *name;
    bool (*write)(const struct command_context *context, FILE *stream);
};
/// The format with this name, if a command with these formats has it; else NULL.
const struct output_format *format_find(enum command_formats formats, const char *name);
/// Their names: "text|json".
const char *format_names(enum command_formats formats);

struct command {
    const char *name;
    const char *summary;
    int (*run)(struct command_context *context); ///< returns an exit code
    enum command_needs needs;
    enum command_formats formats;
    const struct command_options *options;
};

/// All commands in the order of cmd.def; *out_count of them.
const struct command *commands(size_t *out_count);
/// The one with this name, or NULL.
const struct command *command_find(const char *name);
/// The options that every command with these properties has besides its own; ends with a zero row.
const struct argp_option *command_common_options(const struct command *command);

/// Prints "hsaprobe: COMMAND: ..." and a hint at its help, then exits with 2.
_Noreturn void usage_error(const struct argp_state *state, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/// A word that is no option: the file first, then the kernel; usage_error for a third.
void take_file_and_kernel(const struct argp_state *state, char *word, const char **file,
                          const char **kernel_name);
/// A whole number within limits, decimal or 0x; usage_error naming `what` otherwise.
unsigned long long parse_count(const struct argp_state *state, const char *what, const char *text,
                               unsigned long long low, unsigned long long high);
/// A size with an optional suffix K, M, G or T (powers of 1024); false when it is not one.
bool parse_size(const char *text, unsigned long long *out_bytes);

#endif
