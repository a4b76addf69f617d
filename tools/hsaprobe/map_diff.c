/* SPDX-License-Identifier: MIT */
/* Two results side by side: what is counted differently. */
#include <errno.h>
#include <jansson.h>
#include <stdio.h>
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
    FILE *file = fopen(path, "re");
    if (!file || (ungetc(getc(file), file) == EOF && ferror(file))) { /* a directory opens */
        failure(EXIT_FAILED, path, "%s", strerror(errno));
        if (file)
            fclose(file);
        return NULL;
    }
    json_t *root = json_loadf(file, 0, &error);
    fclose(file);
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

/* Its futexes are those of ROCm alone: no software GPU, whose threads meet as they may, or its own
 * calls are told apart by their stacks. */
static bool has_pure_futexes(const json_t *root) {
    const json_t *row;
    size_t i;
    if (!json_is_true(json_object_get(json_object_get(root, "manifest"), "software")))
        return true;
    json_array_foreach(json_object_get(root, "operations"), i, row) {
        if (!strstr(text_of(row, "phase"), "background") &&
            json_is_integer(json_object_get(row, "emulation")))
            return true;
    }
    return false;
}

/* What a run decides by chance: hsa_init registers a handler and wakes the event thread that it has
 * just made by a SET_EVENT if that sleeps already; and the thunk's semaphore, which all processes
 * of the machine share, is opened, or made by whoever is first. */
static bool is_chance(const json_t *row, const char *key, struct report_value old,
                      struct report_value new) {
    static const char *const ops[] = {"hsa_init", "hip_init"};
    static const char *const keys[] = {"thunk_calls", "kfd", "linux"};
    bool known_op = false, known_key = false;
    for (size_t i = 0; i < sizeof ops / sizeof *ops; i++)
        known_op = known_op || strcmp(text_of(row, "op"), ops[i]) == 0;
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
        known_key = known_key || strcmp(key, keys[i]) == 0;
    return known_op && known_key && strcmp(text_of(row, "phase"), "cold") == 0 &&
           old.kind == VALUE_INTEGER &&
           new.kind == VALUE_INTEGER &&llabs(old.integer - new.integer) == 1;
}

struct comparison {
    struct report_section *table;
    bool futexes; /* compare them too */
    size_t differences, chances;
};

static void compare_rows(struct comparison *comparison, const json_t *before, const json_t *after) {
    const json_t *either = before ? before : after;
    if (strstr(text_of(either, "phase"), "background"))
        return; /* depends on time */
    for (size_t i = 0; i < sizeof compared / sizeof *compared; i++) {
        const char *key = compared[i];
        struct report_value old = before ? count_of(before, key) : report_nothing();
        struct report_value new = after ? count_of(after, key) : report_nothing();
        if (old.kind == new.kind && (old.kind == VALUE_NONE || old.integer == new.integer))
            continue;
        if (!comparison->futexes && strcmp(key, "futex") == 0)
            continue;
        if (is_chance(either, key, old, new)) {
            comparison->chances++;
            continue;
        }
        report_row(comparison->table, report_text(text_of(either, "op")),
                   report_text(text_of(either, "phase")), report_text(key), old, new);
        comparison->differences++;
    }
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
    struct comparison comparison = {
        .table =
            report_table(report, "differences", NULL, columns, sizeof columns / sizeof *columns),
        .futexes = has_pure_futexes(before) && has_pure_futexes(after),
    };
    const json_t *old_rows = json_object_get(before, "operations");
    const json_t *new_rows = json_object_get(after, "operations");
    for (size_t i = 0; i < json_array_size(old_rows); i++) {
        const json_t *row = json_array_get(old_rows, i);
        compare_rows(&comparison, row, find(new_rows, row));
    }
    for (size_t i = 0; i < json_array_size(new_rows); i++)
        if (!find(old_rows, json_array_get(new_rows, i)))
            compare_rows(&comparison, NULL, json_array_get(new_rows, i));
    report_note(report, comparison.differences ? "%zu counts differ" : "no count differs",
                comparison.differences);
    if (comparison.chances)
        report_note(report,
                    "%zu more by one, which chance decides: a SET_EVENT if the new event thread "
                    "sleeps already, an open by whoever makes the thunk's semaphore",
                    comparison.chances);
    if (!comparison.futexes)
        report_note(report, "futexes aren't compared: only --verify tells those of the software "
                            "GPU apart, whose number depends on time");
    json_decref(before);
    json_decref(after);
    return EXIT_OK;
}
