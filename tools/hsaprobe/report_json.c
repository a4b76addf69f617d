/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <jansson.h>

#include <hsaprobe/runtime.h>

#include "report.h"

/* Version of the layout of the documents: grows when a program that reads them has to change. */
#define SCHEMA_VERSION 1

/* A file name may hold bytes that are not UTF-8, which JSON can't: they become '?'. */
static json_t *text_json(const char *text) {
    json_t *json = json_string(text);
    if (json)
        return json;
    size_t length = 0;
    char copy[4096];
    for (; text[length] && length + 1 < sizeof copy; length++)
        copy[length] = (text[length] & 0x80) ? '?' : text[length];
    copy[length] = 0;
    return json_string(copy);
}

static json_t *value_json(const struct report_value *value) {
    switch (value->kind) {
    case VALUE_TEXT:
        return text_json(value->text);
    case VALUE_INTEGER:
        return json_integer(value->integer);
    case VALUE_REAL:
        return json_real(value->real); /* NULL when not finite */
    case VALUE_BOOLEAN:
        return json_boolean(value->boolean);
    case VALUE_NONE:
        break;
    }
    return json_null();
}

/* The columns of one row, or all fields. */
static json_t *row_json(const struct report_section *section, size_t row) {
    json_t *object = json_object();
    for (size_t i = 0; i < section->column_count; i++) {
        json_t *value = value_json(&section->values[row * section->column_count + i]);
        json_object_set_new(object, section->columns[i].key, value ? value : json_null());
    }
    return object;
}

json_t *report_section_json(const struct report_section *section) {
    if (!section->is_table)
        return row_json(section, 0);
    json_t *array = json_array();
    size_t rows = section->value_count / section->column_count;
    for (size_t row = 0; row < rows; row++)
        json_array_append_new(array, row_json(section, row));
    return array;
}

static json_t *sources_json(const struct report_section *section) {
    json_t *sources = json_object();
    for (size_t i = 0; i < section->column_count; i++) {
        const char *name = report_source_name(section->columns[i].source);
        if (name)
            json_object_set_new(sources, section->columns[i].key, json_string(name));
    }
    return sources;
}

static json_t *document(const struct report *report) {
    json_t *root = json_object();
    json_object_set_new(root, "schema", json_integer(SCHEMA_VERSION));
    json_object_set_new(root, "version", json_string(hsp_version_string()));
    json_object_set_new(root, "command", json_string(report->command));
    json_object_set_new(root, report->manifest->key, row_json(report->manifest, 0));
    json_t *sources = json_object();
    for (const struct report_section *section = report->sections; section;
         section = section->next) {
        if (section->audience == AUDIENCE_PEOPLE || section->audience == AUDIENCE_NOBODY)
            continue;
        json_object_set_new(root, section->key, report_section_json(section));
        json_t *of_section = sources_json(section);
        if (json_object_size(of_section))
            json_object_set_new(sources, section->key, of_section);
        else
            json_decref(of_section);
    }
    json_object_set_new(root, "sources", sources);
    json_t *notes = json_array();
    for (size_t i = 0; i < report->note_count; i++)
        json_array_append_new(notes, text_json(report->notes[i]));
    json_object_set_new(root, "notes", notes);
    return root;
}

bool report_write_json(const struct report *report, FILE *stream) {
    json_t *root = document(report);
    bool ok = root && json_dumpf(root, stream, JSON_INDENT(2) | JSON_PRESERVE_ORDER) == 0;
    json_decref(root);
    if (ok)
        fputc('\n', stream);
    else if (!errno)
        errno = EIO;
    return ok && !ferror(stream);
}
