/* SPDX-License-Identifier: MIT */
/// One kernel launch as the user describes it, from words to something that can be dispatched.
/// Shared by run and layers.
#ifndef TOOL_LAUNCH_H
#define TOOL_LAUNCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <hsaprobe/dispatch.h>
#include <hsaprobe/memory.h>

#include "argument.h"
#include "command.h"

/// How a source is compiled.
struct source_options {
    const char **words; ///< the compiler's, unowned; their array is owned
    size_t word_count;
    bool ignores_cache;
};

/// Rows of these options; a parser for them, ARGP_ERR_UNKNOWN for others.
enum source_key { KEY_COMPILE_OPTION = 0x280, KEY_NO_CACHE };
// clang-format off
#define SOURCE_OPTIONS                                                                             \
    {"compile-option", KEY_COMPILE_OPTION, "WORD", 0,                                              \
     "for a source: a word for the compiler, such as -O0, -g or -DN=4; may be repeated", 1},       \
    {"no-cache", KEY_NO_CACHE, NULL, 0,                                                            \
     "for a source: compile it anew and don't keep the result", 1}
// clang-format on
error_t source_parse(int key, char *arg, struct source_options *source);
void source_options_fini(struct source_options *source);

/// What the words said.
struct launch_input {
    const char *file;         ///< unowned
    const char *kernel_name;  ///< unowned
    bool in_blocks;           ///< grid counts blocks (--grid), else work-items (--global)
    unsigned grid_dimensions; ///< numbers given; 0 before any
    unsigned block_dimensions;
    uint32_t grid[3];
    uint32_t block[3];
    uint32_t shared_bytes;
    struct source_options source;
    struct argument *arguments;
    size_t argument_count;
    char *file_owned;               ///< memory of `file` where it isn't the user's word
    struct hsp_code_object *object; ///< opened by launch_check; a source, by launch_prepare
};

/// Rows for a command's table of options; their keys are launch_parse's.
enum launch_key { KEY_GRID = 0x200, KEY_GLOBAL, KEY_BLOCK, KEY_ARG, KEY_SHARED };
// clang-format off
#define LAUNCH_OPTIONS                                                                             \
    {"grid", KEY_GRID, "BLOCKS", 0, "blocks: X[,Y[,Z]]", 1},                                       \
    {"global", KEY_GLOBAL, "ITEMS", 0, "instead of --grid: work-items X[,Y[,Z]]", 1},              \
    {"block", KEY_BLOCK, "ITEMS", 0, "work-items in a block: X[,Y[,Z]]", 1},                       \
    {"arg", KEY_ARG, "SPEC", 0, "one kernel argument, see below", 1},                              \
    {"shared", KEY_SHARED, "BYTES", 0, "dynamic LDS of a block (default 0)", 1},                   \
    SOURCE_OPTIONS
// clang-format on

/// A parser for these options and for the words FILE and KERNEL; ARGP_ERR_UNKNOWN for others.
error_t launch_parse(int key, char *arg, struct argp_state *state, struct launch_input *input);
/// Called when all words are parsed: what is missing is a usage error.
void launch_parse_end(const struct argp_state *state, const struct launch_input *input);
/// Opens the file, but a source only when the device is known; needs no device. Returns an exit
/// code after having printed what is wrong.
int launch_check(struct launch_input *input);
/// Opens a code object in any form, or compiles a source (.hip, .cl, .s) for the ISA; with
/// options for a compiler anything else is a usage error. Returns an exit code, prints.
int launch_open(const char *path, const char *isa, const struct source_options *source,
                struct hsp_code_object **out_object);
void launch_input_fini(struct launch_input *input);

/// A buffer argument in device memory.
struct launch_buffer {
    const struct argument *argument;
    uint32_t position; ///< of the kernel's argument
    void *device;
    void *initial; ///< its first content, in host memory
    size_t bytes;
};

/// A kernel loaded and its arguments bound.
struct launch {
    const struct hsp_agent *agent;
    const struct hsp_kernel *kernel;
    const struct hsp_image *image;
    struct hsp_executable *executable;
    struct hsp_kernel_code code;
    struct hsp_geometry geometry;
    struct hsp_arguments *arguments;
    struct launch_buffer *buffers;
    size_t buffer_count;
};

/// Loads, allocates, binds and checks everything. Returns an exit code after having printed what
/// is wrong; *out_launch needs launch_fini in any case. The input must stay.
int launch_prepare(struct launch_input *input, const struct hsp_agent *agent,
                   struct launch *out_launch);
void launch_fini(struct launch *launch);
/// Puts the buffers' initial content into device memory. Returns an exit code, prints.
int launch_reset(const struct launch *launch);
/// Copies a buffer to host memory of its size. Returns an exit code, prints.
int launch_read(const struct launch_buffer *buffer, void *out_bytes);
/// Adds kernel, geometry and where the kernel comes from to the report.
void launch_describe(const struct launch *launch, struct report *report);

#endif
