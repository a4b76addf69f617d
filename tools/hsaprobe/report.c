/* SPDX-License-Identifier: MIT */
#include "report.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "memory.h"

struct report *report_create(const char *command) {
    struct report *report = xcalloc(1, sizeof *report);
    report->command = xstrdup(command);
    report->manifest = xcalloc(1, sizeof *report->manifest);
    report->manifest->key = xstrdup("manifest");
    return report;
}

static void section_destroy(struct report_section *section) {
    for (size_t i = 0; i < section->column_count; i++) {
        free((char *)section->columns[i].key);
        free((char *)section->columns[i].title);
    }
    for (size_t i = 0; i < section->value_count; i++)
        if (section->values[i].kind == VALUE_TEXT)
            free((char *)section->values[i].text);
    free(section->columns);
    free(section->values);
    free(section->key);
    free(section->title);
    free(section);
}

void report_destroy(struct report *report) {
    if (!report)
        return;
    section_destroy(report->manifest);
    while (report->sections) {
        struct report_section *next = report->sections->next;
        section_destroy(report->sections);
        report->sections = next;
    }
    for (size_t i = 0; i < report->note_count; i++)
        free(report->notes[i]);
    free(report->notes);
    free(report->command);
    free(report);
}

static struct report_section *section_add(struct report *report, const char *key,
                                          const char *title) {
    struct report_section *section = xcalloc(1, sizeof *section);
    section->key = xstrdup(key);
    section->title = title ? xstrdup(title) : NULL;
    struct report_section **end = &report->sections;
    while (*end)
        end = &(*end)->next;
    *end = section;
    return section;
}

static void column_add(struct report_section *section, const struct report_column *column) {
    section->columns =
        xreallocarray(section->columns, section->column_count + 1, sizeof *section->columns);
    struct report_column *copy = &section->columns[section->column_count++];
    *copy = *column;
    copy->key = xstrdup(column->key);
    copy->title = xstrdup(column->title);
}

static void value_add(struct report_section *section, const struct report_value *value) {
    section->values =
        xreallocarray(section->values, section->value_count + 1, sizeof *section->values);
    struct report_value *copy = &section->values[section->value_count++];
    *copy = *value;
    if (value->kind == VALUE_TEXT)
        copy->text = xstrdup(value->text);
}

struct report_section *report_fields(struct report *report, const char *key, const char *title) {
    return section_add(report, key, title);
}

struct report_section *report_table(struct report *report, const char *key, const char *title,
                                    const struct report_column *columns, size_t column_count) {
    struct report_section *section = section_add(report, key, title);
    section->is_table = true;
    for (size_t i = 0; i < column_count; i++)
        column_add(section, &columns[i]);
    return section;
}

void report_limit(struct report_section *section, enum report_audience audience) {
    section->audience = audience;
}

void report_show_details(struct report *report) {
    report->details = true;
}

struct report_section *report_manifest(struct report *report) {
    return report->manifest;
}

void report_note(struct report *report, const char *format, ...) {
    report->notes = xreallocarray(report->notes, report->note_count + 1, sizeof *report->notes);
    va_list args;
    va_start(args, format);
    report->notes[report->note_count++] = xvasprintf(format, args);
    va_end(args);
}

void report_field(struct report_section *section, const struct report_column *column,
                  struct report_value value) {
    column_add(section, column);
    value_add(section, &value);
}

void report_row_values(struct report_section *section, const struct report_value *values,
                       size_t count) {
    if (count != section->column_count)
        abort(); /* a mistake in a command, not in its input */
    for (size_t i = 0; i < count; i++)
        value_add(section, &values[i]);
}

const char *report_source_name(enum report_source source) {
    static const char *const names[] = {
        [SOURCE_NONE] = NULL,
        [SOURCE_MEASURED] = "measured",
        [SOURCE_MODELLED] = "modelled",
        [SOURCE_DERIVED] = "derived",
    };
    return names[source];
}

static char *bytes_text(int64_t bytes) {
    static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB"};
    double value = (double)bytes;
    size_t unit = 0;
    while (value >= 1024 && unit + 1 < sizeof units / sizeof *units) {
        value /= 1024;
        unit++;
    }
    bool whole = value == (double)(int64_t)value;
    return xasprintf(whole ? "%.0f %s" : "%.1f %s", value, units[unit]);
}

char *report_value_text(const struct report_value *value, enum report_format format) {
    switch (value->kind) {
    case VALUE_NONE:
        return xstrdup("-");
    case VALUE_TEXT:
        return xstrdup(value->text);
    case VALUE_BOOLEAN:
        return xstrdup(value->boolean ? "yes" : "no");
    case VALUE_INTEGER:
        if (format == FORMAT_BYTES)
            return bytes_text(value->integer);
        if (format == FORMAT_US)
            return xasprintf("%.3f", (double)value->integer / 1e3);
        return xasprintf(format == FORMAT_HEX ? "0x%" PRIx64 : "%" PRId64, value->integer);
    case VALUE_REAL:
        if (format == FORMAT_EXACT)
            return xasprintf("%.9g", value->real);
        if (format == FORMAT_RATIO)
            return xasprintf("%.3f", value->real);
        return xasprintf(format == FORMAT_US ? "%.3f" : "%.2f",
                         format == FORMAT_US ? value->real / 1e3 : value->real);
    }
    return xstrdup("");
}
