/* SPDX-License-Identifier: MIT */
/// json_check FILE: JSON Lines (a name that ends in .jsonl) or Chrome's trace format, as strictly
/// as viewers need it: numbers of processes and tracks in 32 bits, slices of one track nested,
/// arrows that begin and end within slices. Prints how many lines there are; or how many slices,
/// begins and ends of arrows, tracks, and slices of the device.
#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct slice {
    int64_t pid, tid, start_ns, end_ns;
    char phase; // X, B, s or f
    int64_t id; // of an arrow
};

static int fail(const char *path, int line, const char *text) {
    fprintf(stderr, "%s:%d: %s\n", path, line, text);
    return 1;
}

static int check_lines(const char *path, FILE *file) {
    char *text = NULL;
    size_t room = 0;
    int count = 0;
    while (getline(&text, &room, file) > 0) {
        json_error_t error = {0};
        json_t *document = json_loads(text, 0, &error);
        if (!json_is_object(document))
            return fail(path, count + 1, error.text);
        json_decref(document);
        count++;
    }
    free(text);
    printf("%d\n", count);
    return 0;
}

// By track, then by time, the longer one first; arrows after the slices that begin then.
static int compare(const void *left, const void *right) {
    const struct slice *a = left, *b = right;
    const bool a_is_arrow = a->phase == 's' || a->phase == 'f';
    const bool b_is_arrow = b->phase == 's' || b->phase == 'f';
    const int64_t keys[][2] = {{a->pid, b->pid},
                               {a->tid, b->tid},
                               {a->start_ns, b->start_ns},
                               {a_is_arrow, b_is_arrow},
                               {b->end_ns, a->end_ns}};
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
        if (keys[i][0] != keys[i][1])
            return keys[i][0] < keys[i][1] ? -1 : 1;
    return 0;
}

static bool read_whole(const json_t *event, const char *key, int64_t *out_value) {
    const json_t *value = json_object_get(event, key);
    *out_value = json_integer_value(value);
    return json_is_integer(value) && *out_value >= 0 && *out_value <= UINT32_MAX;
}

static bool read_ns(const json_t *event, const char *key, int64_t *out_ns) {
    const json_t *value = json_object_get(event, key);
    const double ns = json_number_value(value) * 1000;
    *out_ns = (int64_t)(ns < 0 ? ns - 0.5 : ns + 0.5);
    return json_is_number(value);
}

// False when the event isn't as the format wants it. Metadata gives no slice.
static bool read_event(const json_t *event, struct slice *slice, bool *out_is_slice) {
    const char *phase = json_string_value(json_object_get(event, "ph"));
    if (!phase || strlen(phase) != 1 || !strchr("XBsfM", *phase) ||
        !json_is_string(json_object_get(event, "name")) || !read_whole(event, "pid", &slice->pid))
        return false;
    *out_is_slice = *phase != 'M';
    if (*phase == 'M')
        return json_is_object(json_object_get(event, "args"));
    slice->phase = *phase;
    slice->end_ns = INT64_MAX;
    if (!read_whole(event, "tid", &slice->tid) || !read_ns(event, "ts", &slice->start_ns))
        return false;
    if (*phase == 's' || *phase == 'f')
        return read_whole(event, "id", &slice->id);
    if (*phase == 'X') {
        int64_t length = -1;
        if (!read_ns(event, "dur", &length) || length < 0)
            return false;
        slice->end_ns = slice->start_ns + length;
    }
    return true;
}

// Each track's slices contain each other or are apart; an arrow's ends lie within one.
static const char *check_nesting(const struct slice *slices, size_t count, size_t *out_tracks) {
    enum { DEPTH_MAX = 128 };
    int64_t ends[DEPTH_MAX];
    size_t depth = 0;
    *out_tracks = 0;
    for (size_t i = 0; i < count; i++) {
        const struct slice *slice = &slices[i];
        if (i == 0 || slice->pid != slice[-1].pid || slice->tid != slice[-1].tid) {
            depth = 0;
            ++*out_tracks;
        }
        if (slice->phase == 's' || slice->phase == 'f') {
            while (depth > 0 && ends[depth - 1] < slice->start_ns)
                depth--;
            if (depth == 0)
                return "an arrow without a slice";
            continue;
        }
        while (depth > 0 && ends[depth - 1] <= slice->start_ns)
            depth--;
        if (depth > 0 && slice->end_ns != INT64_MAX && slice->end_ns > ends[depth - 1])
            return "slices that overlap";
        if (depth == DEPTH_MAX)
            return "slices too deeply nested";
        ends[depth++] = slice->end_ns;
    }
    return NULL;
}

static int compare_ids(const void *left, const void *right) {
    const struct slice *a = left, *b = right;
    return a->id != b->id ? (a->id < b->id ? -1 : 1)
                          : (a->phase < b->phase) - (a->phase > b->phase);
}

// Every arrow begins once and ends once.
static const char *check_arrows(struct slice *slices, size_t count, size_t *begins, size_t *ends) {
    size_t arrows = 0;
    for (size_t i = 0; i < count; i++)
        if (slices[i].phase == 's' || slices[i].phase == 'f')
            slices[arrows++] = slices[i];
    qsort(slices, arrows, sizeof *slices, compare_ids);
    for (size_t i = 0; i < arrows; i++) {
        *begins += slices[i].phase == 's';
        *ends += slices[i].phase == 'f';
        if (slices[i].phase != "sf"[i % 2] || (i % 2 && slices[i].id != slices[i - 1].id))
            return "an arrow that doesn't begin and end once";
        if (i % 2 && slices[i].start_ns < slices[i - 1].start_ns)
            return "an arrow that ends before it begins";
    }
    return NULL;
}

static int check_chrome(const char *path, FILE *file) {
    json_error_t error = {0};
    json_t *document = json_loadf(file, JSON_REJECT_DUPLICATES, &error);
    json_t *events = json_object_get(document, "traceEvents");
    if (!json_is_array(events))
        return fail(path, error.line, error.text);
    struct slice *slices = calloc(json_array_size(events) + 1, sizeof *slices);
    size_t i, count = 0, arrows_begin = 0, arrows_end = 0, tracks = 0, device = 0;
    json_t *event;
    json_array_foreach(events, i, event) {
        bool is_slice = false;
        if (!slices || !read_event(event, &slices[count], &is_slice))
            return fail(path, (int)i, json_dumps(event, 0));
        count += is_slice;
        const char *category = json_string_value(json_object_get(event, "cat"));
        device += category && strcmp(category, "device") == 0;
    }
    qsort(slices, count, sizeof *slices, compare);
    const char *wrong = check_nesting(slices, count, &tracks);
    if (!wrong)
        wrong = check_arrows(slices, count, &arrows_begin, &arrows_end);
    if (wrong)
        return fail(path, 0, wrong);
    printf("%zu %zu %zu %zu %zu\n", count - arrows_begin - arrows_end, arrows_begin, arrows_end,
           tracks, device);
    free(slices);
    json_decref(document);
    return 0;
}

int main(int argc, char **argv) {
    FILE *file = argc > 1 ? fopen(argv[1], "r") : NULL;
    if (!file)
        return 2;
    const int status =
        strstr(argv[1], ".jsonl") ? check_lines(argv[1], file) : check_chrome(argv[1], file);
    fclose(file);
    return status;
}
