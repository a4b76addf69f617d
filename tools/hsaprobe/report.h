/* SPDX-License-Identifier: MIT */
/// The result of a command: fields, tables and notes, printed as text or as JSON from this one
/// structure, so that the two can't disagree.
///
/// Every string is copied. Titles are for people, keys for programs; a column or field says where
/// its values come from. Functions that allocate end the program when memory is exhausted.
///
/// Thread safety: one caller at a time.
#ifndef TOOL_REPORT_H
#define TOOL_REPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

struct report;
struct report_section;

/// Where a value comes from.
enum report_source {
    SOURCE_NONE,     ///< a label, or the user's own words
    SOURCE_MEASURED, ///< user-space code and system calls that really ran, or the real driver
    SOURCE_MODELLED, ///< the software GPU's driver and device
    SOURCE_DERIVED,  ///< computed from other values
};

enum report_kind { VALUE_NONE, VALUE_TEXT, VALUE_INTEGER, VALUE_REAL, VALUE_BOOLEAN };

/// One value; VALUE_NONE prints as "-" and as null.
struct report_value {
    enum report_kind kind;
    union {
        const char *text; ///< copied when it is added
        int64_t integer;
        double real;
        bool boolean;
    };
};

/// How a number is written for people; JSON has the number itself.
enum report_format {
    FORMAT_PLAIN, ///< integers as they are, reals with two digits
    FORMAT_HEX,   ///< 0x740f
    FORMAT_BYTES, ///< 64 KiB
    FORMAT_EXACT, ///< reals with nine significant digits
    FORMAT_US,    ///< nanoseconds, written as microseconds with three digits
    FORMAT_RATIO, ///< reals with three digits
};

/// Who is shown a section.
enum report_audience {
    AUDIENCE_ALL,      ///< everybody
    AUDIENCE_DETAILS,  ///< JSON; text only where details were asked for
    AUDIENCE_PEOPLE,   ///< text only: its values are in other sections too
    AUDIENCE_PROGRAMS, ///< JSON and CSV only
    AUDIENCE_NOBODY,   ///< has nothing to show
};

struct report_column {
    const char *key;   ///< "submit_ns"
    const char *title; ///< "submit us"
    enum report_source source;
    enum report_format format;
};

struct report *report_create(const char *command);
/// NULL is fine.
void report_destroy(struct report *report);

/// A section of fields, one per line; `title` NULL leaves the heading out.
struct report_section *report_fields(struct report *report, const char *key, const char *title);
/// A table. The columns are copied.
struct report_section *report_table(struct report *report, const char *key, const char *title,
                                    const struct report_column *columns, size_t column_count);
/// Sets who sees a section; AUDIENCE_ALL unless called.
void report_limit(struct report_section *section, enum report_audience audience);
/// Text shows the sections of AUDIENCE_DETAILS too.
void report_show_details(struct report *report);
/// A line of talk below the sections.
void report_note(struct report *report, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/// Adds a field to a section of fields.
void report_field(struct report_section *section, const struct report_column *column,
                  struct report_value value);
/// Adds a row; there must be as many values as the table has columns.
void report_row_values(struct report_section *section, const struct report_value *values,
                       size_t count);
#define report_row(section, ...)                                                                   \
    report_row_values(section, (const struct report_value[]){__VA_ARGS__},                         \
                      sizeof((const struct report_value[]){__VA_ARGS__}) /                         \
                          sizeof(struct report_value))

/// Constructors of values.
#define report_text(value) ((struct report_value){.kind = VALUE_TEXT, .text = (value)})
#define report_integer(value)                                                                      \
    ((struct report_value){.kind = VALUE_INTEGER, .integer = (int64_t)(value)})
#define report_real(value)    ((struct report_value){.kind = VALUE_REAL, .real = (value)})
#define report_boolean(value) ((struct report_value){.kind = VALUE_BOOLEAN, .boolean = (value)})
#define report_nothing()      ((struct report_value){.kind = VALUE_NONE})

/// The manifest: what stands above every result (device, software or not, versions).
struct report_section *report_manifest(struct report *report);

/// Writers. They return false when writing failed (errno is set).
bool report_write_text(const struct report *report, FILE *stream);
bool report_write_json(const struct report *report, FILE *stream);
/// All tables as one rectangle (RFC 4180): the columns of all of them, after "section", which names
/// the table; fields, the manifest and notes are rows with "key" and "value".
bool report_write_csv(const struct report *report, FILE *stream);
struct json_t;
/// A section as report_write_json writes it: an object, or an array of them. New reference.
struct json_t *report_section_json(const struct report_section *section);

/// What the writers see.
struct report_section {
    char *key;
    char *title;
    bool is_table;
    enum report_audience audience;
    struct report_column *columns; ///< of a table; of fields, one per value
    size_t column_count;
    struct report_value *values; ///< row after row
    size_t value_count;
    struct report_section *next;
};
struct report {
    char *command;
    struct report_section *manifest;
    struct report_section *sections;
    bool details; ///< report_show_details
    char **notes;
    size_t note_count;
};
/// Text of one value as people read it, in memory to be freed.
char *report_value_text(const struct report_value *value, enum report_format format);
/// "measured" and so on; NULL for SOURCE_NONE.
const char *report_source_name(enum report_source source);

#endif
