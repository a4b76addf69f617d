/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

#include "base/status.h"
#include "record/record.h"

static const char *const kind_names[] = {
    [HSP_EVENT_HSA_CALL] = "hsa_call",
    [HSP_EVENT_SPAN] = "span",
};

// Span names are the caller's: anything may be in them.
static void print_json_string(FILE *stream, const char *text) {
    fputc('"', stream);
    for (const unsigned char *c = (const unsigned char *)text; *c; c++) {
        if (*c == '"' || *c == '\\')
            fprintf(stream, "\\%c", *c);
        else if (*c < 0x20)
            fprintf(stream, "\\u%04x", *c);
        else
            fputc(*c, stream);
    }
    fputc('"', stream);
}

static void print_csv_string(FILE *stream, const char *text) {
    fputc('"', stream);
    for (const char *c = text; *c; c++) {
        if (*c == '"')
            fputc('"', stream);
        fputc(*c, stream);
    }
    fputc('"', stream);
}

static void print_json(FILE *stream, const struct hsp_event *event, const char *name) {
    fprintf(stream, "{\"kind\":\"%s\",\"name\":", kind_names[event->kind]);
    print_json_string(stream, name);
    fprintf(stream,
            ",\"thread\":%" PRIu32 ",\"start_ns\":%" PRIu64 ",\"duration_ns\":%" PRIu64
            ",\"result\":%" PRId64 "}\n",
            event->thread, event->start_ns, event->duration_ns, event->result);
}

static void print_csv(FILE *stream, const struct hsp_event *event, const char *name) {
    fprintf(stream, "%s,", kind_names[event->kind]);
    print_csv_string(stream, name);
    fprintf(stream, ",%" PRIu32 ",%" PRIu64 ",%" PRIu64 ",%" PRId64 "\n", event->thread,
            event->start_ns, event->duration_ns, event->result);
}

// Times in microseconds, as the format wants them, without losing nanoseconds.
static void print_us(FILE *stream, const char *key, uint64_t ns) {
    fprintf(stream, ",\"%s\":%" PRIu64 ".%03" PRIu64, key, ns / 1000, ns % 1000);
}

static void print_chrome(FILE *stream, const struct hsp_event *event, const char *name) {
    fputs("{\"ph\":\"X\",\"name\":", stream);
    print_json_string(stream, name);
    fprintf(stream, ",\"cat\":\"%s\",\"pid\":%d,\"tid\":%" PRIu32, kind_names[event->kind],
            (int)getpid(), event->thread);
    print_us(stream, "ts", event->start_ns);
    print_us(stream, "dur", event->duration_ns);
    fprintf(stream, ",\"args\":{\"result\":%" PRId64 "}}", event->result);
}

static const struct format {
    const char *before;    // the first event
    const char *separator; // between two
    const char *after;     // the last
    void (*print)(FILE *stream, const struct hsp_event *event, const char *name);
} formats[] = {
    [HSP_EXPORT_JSON_LINES] = {"", "", "", print_json},
    [HSP_EXPORT_CSV] = {"kind,name,thread,start_ns,duration_ns,result\n", "", "", print_csv},
    [HSP_EXPORT_CHROME] = {"{\"displayTimeUnit\":\"ns\",\"traceEvents\":[\n", ",\n", "\n]}\n",
                           print_chrome},
};

hsp_status hsp_snapshot_export(const struct hsp_snapshot *snapshot, enum hsp_export_format format,
                               FILE *stream) {
    if ((size_t)format >= sizeof(formats) / sizeof(formats[0]))
        return hsp_fail(HSP_ERROR_INVALID_ARGUMENT, "export format %d is unknown", (int)format);
    const struct format *chosen = &formats[format];
    const struct hsp_event *events = hsp_snapshot_events(snapshot);
    const size_t count = hsp_snapshot_count(snapshot);
    fputs(chosen->before, stream);
    for (size_t i = 0; i < count && !ferror(stream); i++) {
        const char *name = hsp_event_name((enum hsp_event_kind)events[i].kind, events[i].id);
        fputs(i > 0 ? chosen->separator : "", stream);
        chosen->print(stream, &events[i], name ? name : "");
    }
    fputs(chosen->after, stream);
    errno = 0;
    if (ferror(stream) || fflush(stream) != 0)
        return hsp_fail_errno(errno ? errno : EIO, "cannot write the events");
    return HSP_OK;
}
