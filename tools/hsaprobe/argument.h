/* SPDX-License-Identifier: MIT */
/// The words of --arg: what the user wants to pass for one kernel argument.
///
/// The grammar is the table argument.def, from which the help is made.
#ifndef TOOL_ARGUMENT_H
#define TOOL_ARGUMENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <hsaprobe/dispatch.h>

enum argument_form { ARGUMENT_SCALAR, ARGUMENT_BUFFER, ARGUMENT_POINTER, ARGUMENT_HEX };
enum argument_pattern {
    PATTERN_ZERO,
    PATTERN_IOTA,
    PATTERN_RANDOM,
    PATTERN_CONST,
    PATTERN_FILE,
};

/// One parsed --arg.
struct argument {
    char *text; ///< as written, for messages
    char *name; ///< NULL: by position
    enum argument_form form;
    enum hsp_value_type type; ///< of the scalar or of the elements
    unsigned char value[8];   ///< scalar, pointer, or PATTERN_CONST's element
    unsigned char *bytes;     ///< ARGUMENT_HEX
    size_t byte_count;        ///< ARGUMENT_HEX
    size_t count;             ///< elements of a buffer
    enum argument_pattern pattern;
    uint64_t seed;      ///< PATTERN_RANDOM
    char *input_path;   ///< PATTERN_FILE
    bool prints;        ///< >print
    size_t print_count; ///< elements to print
    char *output_path;  ///< >FILE, or NULL
};

/// Parses one word. Returns NULL, or what is wrong with it in memory to be freed; *out_argument is
/// then untouched.
char *argument_parse(const char *text, struct argument *out_argument);
/// Frees what it owns.
void argument_fini(struct argument *argument);
/// Bytes of a buffer; 0 for other forms.
size_t argument_buffer_bytes(const struct argument *argument);
/// Fills host memory of that size with the initial pattern. Returns NULL or what is wrong, to be
/// freed: a file that can't be read or has another size.
char *argument_fill(const struct argument *argument, void *memory);
/// The grammar for --help, to be freed.
char *argument_grammar(void);

#endif
