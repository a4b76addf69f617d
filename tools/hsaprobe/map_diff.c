/* SPDX-License-Identifier: MIT */
/* Two results side by side: what is counted differently. */
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "failure.h"
#include "map_command.h"
#include "memory.h"

/* Columns of the operations that are counts of one's own thread, and so comparable. */
static const char *const compared[] = {"hip_calls", "hsa_calls", "thunk_calls", "kfd",   "drm",
                                       "memory",    "open",      "linux",       "futex", "clone"};

static json_t *load(const char *path) {
    json_error_t error;
    json_t *root = json_load_file(path, 0, &error);
    if (!root) {
        failure(EXIT_FAILED, path, "%s", error.text);
    } else if (!json_is_array(json_object_get(root, "operations"))) {
        failure(EXIT_FAILED, path, "it is no result of hsaprobe map --format json");
        json_decref(root);
        root = NULL;
    }
    return root;
}

static const char *text_of(const json_t *row, const char *key) {
    const char *text = json_string_value(json_object_get(row, key));
    return text ? text : "";
}

/* The row of the same operation and phase; NULL when there is none. */
static json_t *find(const json_t *rows, const json_t *wanted) {
    for (size_t i = 0; i < json_array_size(rows); i++) {
        json_t *row = json_array_get(rows, i);
        if (strcmp(text_of(row, "op"), text_of(wanted, "op")) == 0 &&
            strcmp(text_of(row, "phase"), text_of(wanted, "phase")) == 0)
            return row;
    }
    return NULL;
}

static struct report_value count_of(const json_t *row, const char *key) {
    json_t *value = json_object_get(row, key);
    return json_is_integer(value) ? report_integer(json_integer_value(value)) : report_nothing();
}

static size_t compare_rows(struct report_section *table, const json_t *before,
                           const json_t *after) {
    const json_t *either = before ? before : after;
    size_t differences = 0;
    if (strstr(text_of(either, "phase"), "background"))
        return 0; /* depends on time */
    for (size_t i = 0; i < sizeof compared / sizeof *compared; i++) {
        struct report_value old = before ? count_of(before, compared[i]) : report_nothing();
        struct report_value new = after ? count_of(after, compared[i]) : report_nothing();
        if (old.kind == new.kind && (old.kind == VALUE_NONE || old.integer == new.integer))
            continue;
        report_row(table, report_text(text_of(either, "op")), report_text(text_of(either, "phase")),
                   report_text(compared[i]), old, new);
        differences++;
    }
    return differences;
}

int map_diff_run(struct report *report, const char *before_path, const char *after_path) {
    static const struct report_column columns[] = {
        {"op", "operation", SOURCE_NONE, FORMAT_PLAIN},
        {"phase", "", SOURCE_NONE, FORMAT_PLAIN},
        {"what", "calls", SOURCE_NONE, FORMAT_PLAIN},
        {"before", "A", SOURCE_MEASURED, FORMAT_PLAIN},
        {"after", "B", SOURCE_MEASURED, FORMAT_PLAIN},
    };
    json_t *before = load(before_path);
    json_t *after = before ? load(after_path) : NULL;
    if (!after) {
        json_decref(before);
        return EXIT_FAILED;
    }
    struct report_section *table =
        report_table(report, "differences", NULL, columns, sizeof columns / sizeof *columns);
    const json_t *old_rows = json_object_get(before, "operations");
    const json_t *new_rows = json_object_get(after, "operations");
    size_t differences = 0;
    for (size_t i = 0; i < json_array_size(old_rows); i++) {
        const json_t *row = json_array_get(old_rows, i);
        differences += compare_rows(table, row, find(new_rows, row));
    }
    for (size_t i = 0; i < json_array_size(new_rows); i++)
        if (!find(old_rows, json_array_get(new_rows, i)))
            differences += compare_rows(table, NULL, json_array_get(new_rows, i));
    report_note(report, differences ? "%zu counts differ" : "no count differs", differences);
    json_decref(before);
    json_decref(after);
    return EXIT_OK;
}
