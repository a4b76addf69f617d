/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <libsmartcols.h>
#include <stdlib.h>
#include <string.h>

#include "memory.h"
#include "report.h"

/* The source that all fields share; SOURCE_NONE when they differ. */
static enum report_source common_source(const struct report_section *section) {
    enum report_source source = section->column_count ? section->columns[0].source : SOURCE_NONE;
    for (size_t i = 1; i < section->column_count; i++)
        if (section->columns[i].source != source)
            return SOURCE_NONE;
    return source;
}

/* A source that all fields share is said once, in the heading. */
static void write_fields(const struct report_section *section, FILE *stream) {
    enum report_source common = section->title ? common_source(section) : SOURCE_NONE;
    if (section->title)
        fprintf(stream, common ? "%s (%s)\n" : "%s\n", section->title, report_source_name(common));
    size_t widest = 0;
    for (size_t i = 0; i < section->column_count; i++) {
        size_t length = strlen(section->columns[i].title);
        widest = length > widest ? length : widest;
    }
    for (size_t i = 0; i < section->column_count; i++) {
        const struct report_column *column = &section->columns[i];
        char *text = report_value_text(&section->values[i], column->format);
        const char *source = common ? NULL : report_source_name(column->source);
        fprintf(stream, "%-*s  %s%s%s%s\n", (int)widest, column->title, text, source ? "  (" : "",
                source ? source : "", source ? ")" : "");
        free(text);
    }
}

/* Numbers stand on the right, and so do their headings. */
static bool is_numeric(const struct report_section *section, size_t column) {
    for (size_t i = column; i < section->value_count; i += section->column_count)
        if (section->values[i].kind == VALUE_TEXT || section->values[i].kind == VALUE_BOOLEAN)
            return false;
    return true;
}

static void fill_line(struct libscols_line *line, const struct report_section *section,
                      size_t row) {
    for (size_t i = 0; i < section->column_count; i++) {
        char *text = report_value_text(&section->values[row * section->column_count + i],
                                       section->columns[i].format);
        scols_line_refer_data(line, i, text);
    }
}

static int write_table(const struct report_section *section, FILE *stream) {
    struct libscols_table *table = scols_new_table();
    if (!table)
        return -ENOMEM;
    int rc = 0;
    scols_table_set_stream(table, stream);
    scols_table_set_termforce(table, SCOLS_TERMFORCE_NEVER);
    for (size_t i = 0; i < section->column_count; i++)
        if (!scols_table_new_column(table, section->columns[i].title, 0,
                                    is_numeric(section, i) ? SCOLS_FL_RIGHT : 0))
            rc = -ENOMEM;
    size_t rows = section->value_count / section->column_count;
    for (size_t row = 0; rc == 0 && row < rows; row++) {
        struct libscols_line *line = scols_table_new_line(table, NULL);
        if (line)
            fill_line(line, section, row);
        else
            rc = -ENOMEM;
    }
    if (rc == 0 && rows > 0)
        rc = scols_print_table(table);
    scols_unref_table(table);
    return rc;
}

/* "measured: submit us, wait us; derived: difference us" */
static void write_legend(const struct report_section *section, FILE *stream) {
    const char *lead = "";
    for (int source = SOURCE_MEASURED; source <= SOURCE_DERIVED; source++) {
        const char *separator = "";
        for (size_t i = 0; i < section->column_count; i++) {
            if ((int)section->columns[i].source != source)
                continue;
            if (!*separator)
                fprintf(stream, "%s%s: ", lead, report_source_name((enum report_source)source));
            fprintf(stream, "%s%s", separator, section->columns[i].title);
            separator = ", ";
            lead = "; ";
        }
    }
    if (*lead)
        fputc('\n', stream);
}

/* One line: "device gfx90a, software yes, ..." */
static void write_header(const struct report *report, FILE *stream) {
    const struct report_section *manifest = report->manifest;
    fprintf(stream, "hsaprobe %s", report->command);
    const char *separator = ": ";
    for (size_t i = 0; i < manifest->column_count; i++) {
        if (manifest->values[i].kind == VALUE_NONE || !*manifest->columns[i].title)
            continue;
        char *text = report_value_text(&manifest->values[i], manifest->columns[i].format);
        fprintf(stream, "%s%s %s", separator, manifest->columns[i].title, text);
        free(text);
        separator = ", ";
    }
    fputc('\n', stream);
}

bool report_write_text(const struct report *report, FILE *stream) {
    write_header(report, stream);
    for (const struct report_section *section = report->sections; section;
         section = section->next) {
        if ((section->audience == AUDIENCE_DETAILS && !report->details) ||
            section->audience == AUDIENCE_PROGRAMS || section->audience == AUDIENCE_NOBODY)
            continue;
        fputc('\n', stream);
        if (!section->is_table) {
            write_fields(section, stream);
        } else {
            if (section->title)
                fprintf(stream, "%s\n", section->title);
            int rc = write_table(section, stream);
            if (rc) {
                errno = -rc;
                return false;
            }
            write_legend(section, stream);
        }
    }
    if (report->note_count)
        fputc('\n', stream);
    for (size_t i = 0; i < report->note_count; i++)
        fprintf(stream, "note: %s\n", report->notes[i]);
    return !ferror(stream);
}
