/* SPDX-License-Identifier: MIT */
/// json_check FILE: one JSON document, or one per line for a name that ends in .jsonl. Prints how
/// many there are; for Chrome's format how many events, and how many of them begin and end arrows.
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int fail(const char *path, int line, const json_error_t *error) {
    fprintf(stderr, "%s:%d: %s\n", path, line, error->text);
    return 1;
}

static int check_lines(const char *path, FILE *file) {
    char *text = NULL;
    size_t room = 0;
    int count = 0;
    while (getline(&text, &room, file) > 0) {
        json_error_t error;
        json_t *document = json_loads(text, 0, &error);
        if (!json_is_object(document))
            return fail(path, count + 1, &error);
        json_decref(document);
        count++;
    }
    free(text);
    printf("%d\n", count);
    return 0;
}

int main(int argc, char **argv) {
    FILE *file = argc > 1 ? fopen(argv[1], "r") : NULL;
    if (!file)
        return 2;
    if (strstr(argv[1], ".jsonl"))
        return check_lines(argv[1], file);
    json_error_t error;
    json_t *document = json_loadf(file, 0, &error);
    json_t *events = json_object_get(document, "traceEvents");
    if (!json_is_array(events))
        return fail(argv[1], error.line, &error);
    size_t i, slices = 0, begins = 0, ends = 0;
    json_t *event;
    json_array_foreach(events, i, event) {
        const char *phase = json_string_value(json_object_get(event, "ph"));
        if (!phase || !json_is_integer(json_object_get(event, "pid")))
            return 3;
        slices += *phase == 'X';
        begins += *phase == 's';
        ends += *phase == 'f';
    }
    printf("%zu %zu %zu\n", slices, begins, ends);
    json_decref(document);
    fclose(file);
    return 0;
}
