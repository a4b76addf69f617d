/* SPDX-License-Identifier: MIT */
#include "samples_file.h"

#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include <hsaprobe/runtime.h>

#include "memory.h"

/* Writes and releases. */
static bool put(json_t *line, FILE *stream) {
    bool ok = line && json_dumpf(line, stream, JSON_COMPACT | JSON_PRESERVE_ORDER) == 0;
    json_decref(line);
    return ok && fputc('\n', stream) != EOF;
}

/* What a reader needs to know about the measurement, not its results. */
static json_t *head_line(const struct hsp_samples *samples, const struct report *report) {
    static const char *const wanted[] = {"libraries", "environment", "setup"};
    json_t *head =
        json_pack("{s:s, s:i, s:s, s:s, s:i}", "schema", SAMPLES_SCHEMA, "schema_version",
                  SAMPLES_SCHEMA_VERSION, "version", hsp_version_string(), "command",
                  report->command, "process_count", (int)samples->process_count);
    if (!head)
        return NULL;
    json_object_set_new(head, "manifest", report_section_json(report->manifest));
    for (const struct report_section *section = report->sections; section; section = section->next)
        for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++)
            if (strcmp(section->key, wanted[i]) == 0)
                json_object_set_new(head, section->key, report_section_json(section));
    return head;
}

static json_t *series_line(const struct hsp_series *series, size_t id) {
    json_t *line = json_pack("{s:s, s:I, s:s, s:s, s:s, s:I, s:s, s:s}", "kind", "series", "id",
                             (json_int_t)id, "workload", series->workload, "arm", series->arm,
                             "metric", series->metric, "gap_ns", (json_int_t)series->gap_ns, "unit",
                             "ns", "source", hsp_source_name(series->source));
    if (!line || series->size_count == 0)
        return line;
    json_t *sizes = json_array();
    for (uint32_t i = 0; i < series->size_count; i++)
        json_array_append_new(sizes, json_integer(series->sizes[i]));
    json_object_set_new(line, "sizes", sizes);
    return line;
}

static bool write_burst(const struct hsp_series *series, size_t id, const struct hsp_burst *burst,
                        FILE *stream) {
    fprintf(stream, "{\"kind\":\"round\",\"series\":%zu,\"process\":%u,\"round\":%u,\"values\":[",
            id, burst->process, burst->round);
    for (uint32_t i = 0; i < burst->count; i++)
        fprintf(stream, "%s%.17g", i ? "," : "", series->values[burst->first + i]);
    fputc(']', stream);
    const struct {
        const char *key;
        uint32_t value;
    } tags[] = {{"voluntary_switches", burst->tags.voluntary_switches},
                {"involuntary_switches", burst->tags.involuntary_switches},
                {"minor_faults", burst->tags.minor_faults},
                {"major_faults", burst->tags.major_faults}};
    for (size_t i = 0; i < sizeof tags / sizeof *tags; i++)
        if (tags[i].value)
            fprintf(stream, ",\"%s\":%u", tags[i].key, tags[i].value);
    return fputs("}\n", stream) != EOF;
}

bool samples_write(const struct hsp_samples *samples, const struct report *report, FILE *stream) {
    bool ok = put(head_line(samples, report), stream);
    for (size_t i = 0; i < samples->series_count && ok; i++)
        ok = put(series_line(samples->series[i], i), stream);
    for (size_t i = 0; i < samples->layer_count && ok; i++) {
        const struct hsp_named_layer *layer = &samples->layers[i];
        ok =
            put(json_pack("{s:s, s:s, s:s, s:s, s:s}", "kind", "layer", "workload", layer->workload,
                          "name", layer->name, "upper", layer->upper, "lower", layer->lower),
                stream);
    }
    size_t rounds = 0;
    for (size_t i = 0; i < samples->series_count && ok; i++)
        for (size_t j = 0; j < samples->series[i]->burst_count && ok; j++, rounds++)
            ok = write_burst(samples->series[i], i, &samples->series[i]->bursts[j], stream);
    ok = ok && put(json_pack("{s:s, s:I}", "kind", "end", "rounds", (json_int_t)rounds), stream);
    if (!ok && !errno)
        errno = EIO;
    return ok && !ferror(stream);
}

/* The state of one samples_read. */
struct reading {
    struct hsp_samples *samples;
    uint32_t first_process;
    struct hsp_series **series; /* by id */
    size_t series_count;
    size_t round_count;
    bool ended;
    json_t *head;
};

static char *take_head(struct reading *reading, json_t *line) {
    const char *schema = json_string_value(json_object_get(line, "schema"));
    if (!schema || strcmp(schema, SAMPLES_SCHEMA) != 0)
        return xstrdup("this is no " SAMPLES_SCHEMA " file");
    json_int_t version = json_integer_value(json_object_get(line, "schema_version"));
    if (version != SAMPLES_SCHEMA_VERSION)
        return xasprintf("schema version %lld; this hsaprobe reads version %d", (long long)version,
                         SAMPLES_SCHEMA_VERSION);
    reading->head = json_incref(line);
    return NULL;
}

static bool source_find(const char *name, enum hsp_source *out_source) {
    for (int i = HSP_SOURCE_MEASURED; i <= HSP_SOURCE_DERIVED; i++)
        if (strcmp(name, hsp_source_name((enum hsp_source)i)) == 0) {
            *out_source = (enum hsp_source)i;
            return true;
        }
    return false;
}

static char *take_sizes(struct hsp_series *series, const json_t *sizes) {
    size_t count = json_array_size(sizes);
    if (count == 0)
        return series->size_count == 0 ? NULL : xstrdup("a series without its sizes");
    if (count > HSP_ROUNDS_SIZES_MAX || (series->burst_count && count != series->size_count))
        return xstrdup("wrong number of sizes");
    for (size_t i = 0; i < count; i++) {
        json_int_t size = json_integer_value(json_array_get(sizes, i));
        if (size < 1 || size > UINT32_MAX ||
            (series->burst_count && (uint32_t)size != series->sizes[i]))
            return xstrdup("a wrong size");
        series->sizes[i] = (uint32_t)size;
    }
    series->size_count = (uint32_t)count;
    return NULL;
}

static char *take_series(struct reading *reading, json_t *line) {
    const char *workload, *arm, *metric, *unit, *source_name;
    json_int_t id, gap_ns;
    enum hsp_source source;
    if (json_unpack(line, "{s:I, s:s, s:s, s:s, s:I, s:s, s:s}", "id", &id, "workload", &workload,
                    "arm", &arm, "metric", &metric, "gap_ns", &gap_ns, "unit", &unit, "source",
                    &source_name) ||
        strcmp(unit, "ns") != 0 || gap_ns < 0 || id != (json_int_t)reading->series_count ||
        !source_find(source_name, &source))
        return xstrdup("not a series line of this schema");
    struct hsp_series *series =
        hsp_samples_series(reading->samples, workload, arm, metric, (uint64_t)gap_ns, source);
    if (!series)
        return xstrdup("out of memory");
    reading->series =
        xreallocarray(reading->series, reading->series_count + 1, sizeof *reading->series);
    reading->series[reading->series_count++] = series;
    return take_sizes(series, json_object_get(line, "sizes"));
}

static char *take_layer(struct reading *reading, json_t *line) {
    const char *workload, *name, *upper, *lower;
    if (json_unpack(line, "{s:s, s:s, s:s, s:s}", "workload", &workload, "name", &name, "upper",
                    &upper, "lower", &lower))
        return xstrdup("not a layer line of this schema");
    return hsp_samples_layer(reading->samples, workload, name, upper, lower)
               ? xstrdup("out of memory")
               : NULL;
}

static char *take_round(struct reading *reading, json_t *line) {
    json_int_t id, process, round;
    json_t *array;
    int voluntary = 0, involuntary = 0, minor = 0, major = 0;
    if (json_unpack(line, "{s:I, s:I, s:I, s:o, s?i, s?i, s?i, s?i}", "series", &id, "process",
                    &process, "round", &round, "values", &array, "voluntary_switches", &voluntary,
                    "involuntary_switches", &involuntary, "minor_faults", &minor, "major_faults",
                    &major) ||
        id < 0 || (size_t)id >= reading->series_count || process < 0 || process > 1000000 ||
        round < 0 || round > UINT32_MAX)
        return xstrdup("not a round line of this schema");
    size_t count = json_array_size(array);
    if (count == 0 || count > HSP_ROUNDS_BURST_MAX)
        return xstrdup("a wrong number of values");
    double values[HSP_ROUNDS_BURST_MAX];
    for (size_t i = 0; i < count; i++) {
        if (!json_is_number(json_array_get(array, i)))
            return xstrdup("a value that is no number");
        values[i] = json_number_value(json_array_get(array, i));
    }
    struct hsp_burst_tags tags = {(uint32_t)voluntary, (uint32_t)involuntary, (uint32_t)minor,
                                  (uint32_t)major};
    int rc = hsp_series_add(reading->samples, reading->series[id],
                            reading->first_process + (uint32_t)process, (uint32_t)round, values,
                            (uint32_t)count, &tags);
    reading->round_count++;
    return rc ? xstrdup(rc == -EINVAL ? "a round out of order, or of another size"
                                      : "out of memory")
              : NULL;
}

static char *take_end(struct reading *reading, json_t *line) {
    json_int_t rounds = json_integer_value(json_object_get(line, "rounds"));
    if (rounds != (json_int_t)reading->round_count)
        return xasprintf("%zu rounds instead of %lld", reading->round_count, (long long)rounds);
    reading->ended = true;
    return NULL;
}

static char *take_line(struct reading *reading, json_t *line) {
    static const struct {
        const char *kind;
        char *(*take)(struct reading *reading, json_t *line);
    } kinds[] = {
        {"series", take_series}, {"layer", take_layer}, {"round", take_round}, {"end", take_end}};
    const char *kind = json_string_value(json_object_get(line, "kind"));
    if (!reading->head)
        return take_head(reading, line);
    if (reading->ended)
        return xstrdup("something behind the end line");
    for (size_t i = 0; kind && i < sizeof kinds / sizeof *kinds; i++)
        if (strcmp(kind, kinds[i].kind) == 0)
            return kinds[i].take(reading, line);
    return xstrdup("an unknown kind of line");
}

char *samples_read(FILE *stream, uint32_t first_process, struct hsp_samples *samples,
                   void **out_head) {
    struct reading reading = {.samples = samples, .first_process = first_process};
    char *text = NULL;
    size_t capacity = 0;
    size_t number = 0;
    char *wrong = NULL;
    while (!wrong && getline(&text, &capacity, stream) > 0) {
        json_error_t error;
        json_t *line = json_loads(text, 0, &error);
        number++;
        wrong = line ? take_line(&reading, line) : xasprintf("not JSON: %s", error.text);
        json_decref(line);
    }
    free(text);
    free(reading.series);
    if (!wrong && (ferror(stream) || !reading.ended))
        wrong = xasprintf(ferror(stream) ? "%s"
                          : number       ? "the file ends early"
                                         : "the file is empty",
                          strerror(errno));
    if (wrong) {
        char *placed = number ? xasprintf("line %zu: %s", number, wrong) : xstrdup(wrong);
        free(wrong);
        json_decref(reading.head);
        return placed;
    }
    if (out_head)
        *out_head = reading.head;
    else
        json_decref(reading.head);
    return NULL;
}
