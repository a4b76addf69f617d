/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

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

hsp_status hsp_snapshot_export(const struct hsp_snapshot *snapshot, enum hsp_export_format format,
                               FILE *stream) {
    if (format != HSP_EXPORT_JSON_LINES && format != HSP_EXPORT_CSV)
        return hsp_fail(HSP_ERROR_INVALID_ARGUMENT, "export format %d is unknown", (int)format);
    const struct hsp_event *events = hsp_snapshot_events(snapshot);
    const size_t count = hsp_snapshot_count(snapshot);
    if (format == HSP_EXPORT_CSV)
        fputs("kind,name,thread,start_ns,duration_ns,result\n", stream);
    for (size_t i = 0; i < count && !ferror(stream); i++) {
        const char *name = hsp_event_name((enum hsp_event_kind)events[i].kind, events[i].id);
        if (format == HSP_EXPORT_CSV)
            print_csv(stream, &events[i], name ? name : "");
        else
            print_json(stream, &events[i], name ? name : "");
    }
    errno = 0;
    if (ferror(stream) || fflush(stream) != 0)
        return hsp_fail_errno(errno ? errno : EIO, "cannot write the events");
    return HSP_OK;
}
