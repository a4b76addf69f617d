/* SPDX-License-Identifier: MIT */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "memory.h"
#include "report.h"

/* The columns of all tables together, in the order of their first appearance. */
struct header {
    const char **keys;
    size_t count;
};

static size_t position(const struct header *header, const char *key) {
    for (size_t i = 0; i < header->count; i++)
        if (strcmp(header->keys[i], key) == 0)
            return i;
    return header->count;
}

static void header_add(struct header *header, const char *key) {
    if (position(header, key) < header->count)
        return;
    header->keys = xreallocarray(header->keys, header->count + 1, sizeof *header->keys);
    header->keys[header->count++] = key;
}

/* RFC 4180. */
static void write_text(const char *text, FILE *stream) {
    if (!strpbrk(text, "\",\r\n")) {
        fputs(text, stream);
        return;
    }
    fputc('"', stream);
    for (; *text; text++) {
        if (*text == '"')
            fputc('"', stream);
        fputc(*text, stream);
    }
    fputc('"', stream);
}

/* The number itself, as in JSON; what isn't there is empty. */
static void write_value(const struct report_value *value, FILE *stream) {
    switch (value->kind) {
    case VALUE_TEXT:
        write_text(value->text, stream);
        break;
    case VALUE_INTEGER:
        fprintf(stream, "%lld", (long long)value->integer);
        break;
    case VALUE_REAL:
        if (isfinite(value->real))
            fprintf(stream, "%.17g", value->real);
        break;
    case VALUE_BOOLEAN:
        fputs(value->boolean ? "true" : "false", stream);
        break;
    case VALUE_NONE:
        break;
    }
}

static void write_row(const struct header *header, const struct report_section *section, size_t row,
                      FILE *stream) {
    write_text(section->key, stream);
    for (size_t i = 1; i < header->count; i++) {
        fputc(',', stream);
        for (size_t j = 0; j < section->column_count; j++)
            if (strcmp(section->columns[j].key, header->keys[i]) == 0)
                write_value(&section->values[row * section->column_count + j], stream);
    }
    fputs("\r\n", stream);
}

/* Fields and notes: a row each, as key and value. */
static void write_pair(const struct header *header, const char *section, const char *key,
                       const struct report_value *value, FILE *stream) {
    size_t key_at = position(header, "key");
    size_t value_at = position(header, "value");
    write_text(section, stream);
    for (size_t i = 1; i < header->count; i++) {
        fputc(',', stream);
        if (i == key_at)
            write_text(key, stream);
        if (i == value_at)
            write_value(value, stream);
    }
    fputs("\r\n", stream);
}

static void write_fields(const struct header *header, const struct report_section *section,
                         FILE *stream) {
    for (size_t i = 0; i < section->column_count; i++)
        write_pair(header, section->key, section->columns[i].key, &section->values[i], stream);
}

static bool is_shown(const struct report_section *section) {
    return section->audience != AUDIENCE_PEOPLE && section->audience != AUDIENCE_NOBODY;
}

static struct header header_of(const struct report *report) {
    struct header header = {0};
    static const char *const first[] = {"section", "key", "value"};
    for (size_t i = 0; i < sizeof first / sizeof *first; i++)
        header_add(&header, first[i]);
    for (const struct report_section *section = report->sections; section; section = section->next)
        for (size_t i = 0; section->is_table && is_shown(section) && i < section->column_count; i++)
            header_add(&header, section->columns[i].key);
    return header;
}

bool report_write_csv(const struct report *report, FILE *stream) {
    struct header header = header_of(report);
    for (size_t i = 0; i < header.count; i++) {
        fputs(i ? "," : "", stream);
        write_text(header.keys[i], stream);
    }
    fputs("\r\n", stream);
    write_fields(&header, report->manifest, stream);
    for (const struct report_section *section = report->sections; section;
         section = section->next) {
        if (!is_shown(section))
            continue;
        size_t rows = section->is_table ? section->value_count / section->column_count : 0;
        for (size_t row = 0; row < rows; row++)
            write_row(&header, section, row, stream);
        if (!section->is_table)
            write_fields(&header, section, stream);
    }
    for (size_t i = 0; i < report->note_count; i++)
        write_pair(&header, "note", "note", &report_text(report->notes[i]), stream);
    free(header.keys);
    return !ferror(stream);
}
