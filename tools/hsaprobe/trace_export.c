/* SPDX-License-Identifier: MIT */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "memory.h"
#include "trace.h"
#include "trace/ioctl_names.h"

#define ARGUMENT_BYTES (4 * HSP_TRACE_PART_BYTES)

/* A thread's layer or a queue: one track each in a viewer. */
struct track {
    int32_t pid;
    uint32_t id;
    struct lane *lane; /* of queues and copies */
};

/* When the device was busy. Slices arrive as they are collected, nearly in their order. */
#define INTERVALS 64u
struct lane {
    uint64_t floor_ticks; /* nothing fits before */
    uint32_t count;
    struct {
        uint64_t start, end;
    } intervals[INTERVALS];
};

struct trace_export {
    FILE *stream;
    struct trace_export_options options;
    uint64_t anchor_ticks; /* time 0 of the file */
    uint64_t anchor_ns;
    uint64_t left_out;
    uint64_t flow_count;
    bool is_first;
    struct track *tracks;
    uint32_t track_count;
    struct {
        unsigned char bytes[ARGUMENT_BYTES];
        size_t length;
        int32_t pid;
        uint32_t thread, parent_seq;
    } argument; /* of the ioctl whose event comes next */
};

/* Viewers take 32 bits. Threads have 8 tracks, one per layer (threads have 22 bits); copies and
 * queues follow far behind, each with lanes for what the device did at the same time: slices of one
 * track must not overlap. */
#define LANES        16u
#define COPY_TRACKS  0x80000000u
#define QUEUE_TRACKS 0x90000000u
#define QUEUE_BITS   0xffffffu

static int64_t relative_ns(const struct trace_export *file, uint64_t ticks) {
    const bool is_before = ticks < file->anchor_ticks;
    const uint64_t distance =
        hsp_clock_ticks_to_ns(is_before ? file->anchor_ticks - ticks : ticks - file->anchor_ticks);
    return is_before ? -(int64_t)distance : (int64_t)distance;
}

static uint64_t absolute_ns(const struct trace_export *file, uint64_t ticks) {
    return file->anchor_ns + (uint64_t)relative_ns(file, ticks);
}

static void print_json_text(FILE *stream, const char *text) {
    fputc('"', stream);
    for (const unsigned char *at = (const unsigned char *)text; *at; at++) {
        if (*at == '"' || *at == '\\')
            fprintf(stream, "\\%c", *at);
        else if (*at < 0x20)
            fprintf(stream, "\\u%04x", *at);
        else
            fputc(*at, stream);
    }
    fputc('"', stream);
}

static void print_csv_text(FILE *stream, const char *text) {
    fputc('"', stream);
    for (const char *at = text; *at; at++) {
        if (*at == '"')
            fputc('"', stream);
        fputc(*at, stream);
    }
    fputc('"', stream);
}

struct trace_export *trace_export_create(FILE *stream, const struct trace_export_options *options) {
    struct trace_export *file = xcalloc(1, sizeof *file);
    file->stream = stream;
    file->options = *options;
    file->anchor_ticks = hsp_clock_ticks();
    file->anchor_ns = hsp_clock_ticks_at_ns(file->anchor_ticks);
    file->is_first = true;
    if (options->format == TRACE_CHROME)
        fputs("{\"displayTimeUnit\":\"ns\",\"traceEvents\":[\n", stream);
    else if (options->format == TRACE_CSV)
        fputs("type,layer,name,pid,thread,seq,parent_seq,depth,start_ns,duration_ns,self_ns,result,"
              "detail0,detail1,arguments,queue,packet,device_start_ns,device_end_ns\n",
              stream);
    return file;
}

uint64_t trace_export_finish(struct trace_export *file) {
    const uint64_t left_out = file->left_out;
    if (file->options.format == TRACE_CHROME)
        fputs("\n]}\n", file->stream);
    for (uint32_t i = 0; i < file->track_count; i++)
        free(file->tracks[i].lane);
    free(file->tracks);
    free(file);
    return left_out;
}

/* False once the file is as long as it may be. */
static bool has_room(struct trace_export *file) {
    const long length = file->options.limit_bytes ? ftell(file->stream) : 0;
    if (length < 0 || (uint64_t)length < file->options.limit_bytes || !file->options.limit_bytes)
        return true;
    file->left_out++;
    return false;
}

static void begin_chrome(struct trace_export *file) {
    fputs(file->is_first ? "" : ",\n", file->stream);
    file->is_first = false;
}

static void print_us(FILE *stream, const char *key, int64_t ns) {
    const uint64_t length = ns < 0 ? (uint64_t)-ns : (uint64_t)ns;
    fprintf(stream, ",\"%s\":%s%" PRIu64 ".%03" PRIu64, key, ns < 0 ? "-" : "", length / 1000,
            length % 1000);
}

/* Both ends rounded alike: a call never ends after the one around it. */
static void print_interval(const struct trace_export *file, uint64_t start_ticks,
                           const uint64_t *end_ticks) {
    const int64_t start = relative_ns(file, start_ticks);
    print_us(file->stream, "ts", start);
    if (end_ticks)
        print_us(file->stream, "dur", relative_ns(file, *end_ticks) - start);
}

static void announce_process(struct trace_export *file, const struct hsp_session_process *process) {
    const char *program = hsp_session_program(process);
    const char *slash = strrchr(program, '/');
    begin_chrome(file);
    fprintf(file->stream,
            "{\"ph\":\"M\",\"name\":\"process_name\",\"pid\":%d,\"args\":{\"name\":", process->pid);
    print_json_text(file->stream, slash ? slash + 1 : program);
    fputs("}}", file->stream);
}

/* Names a track, and its process, before its first event. Valid until the next one is named. */
static struct track *announce_track(struct trace_export *file,
                                    const struct hsp_session_process *process, uint32_t id,
                                    const char *what, uint64_t number, const char *layer) {
    bool has_process = false;
    for (uint32_t i = file->track_count; i-- > 0;) {
        if (file->tracks[i].id == id && file->tracks[i].pid == process->pid)
            return &file->tracks[i];
        has_process |= file->tracks[i].pid == process->pid;
    }
    if (!has_process)
        announce_process(file, process);
    file->tracks = xreallocarray(file->tracks, file->track_count + 1, sizeof *file->tracks);
    file->tracks[file->track_count++] = (struct track){.pid = process->pid, .id = id};
    begin_chrome(file);
    fprintf(file->stream,
            "{\"ph\":\"M\",\"name\":\"thread_name\",\"pid\":%d,\"tid\":%" PRIu32
            ",\"args\":{\"name\":\"%s %" PRIu64 "%s%s\"}},\n"
            "{\"ph\":\"M\",\"name\":\"thread_sort_index\",\"pid\":%d,\"tid\":%" PRIu32
            ",\"args\":{\"sort_index\":%" PRIu32 "}}",
            process->pid, id, what, number, *layer ? " " : "", layer, process->pid, id, id);
    return &file->tracks[file->track_count - 1];
}

static uint32_t thread_track(struct trace_export *file, const struct hsp_session_process *process,
                             uint32_t thread, enum hsp_trace_layer layer) {
    const uint32_t id = thread * 8 + (unsigned)layer;
    const char *name = hsp_layer_name(layer);
    announce_track(file, process, id, "thread", thread, name ? name : "?");
    return id;
}

/* What is known of one call, for all formats. */
struct call {
    const struct hsp_session_process *process;
    const struct hsp_trace_event *event;
    uint32_t thread;
    enum hsp_trace_layer layer;
    const char *layer_name;
    char name[96];
    char arguments[256];
    uint64_t duration_ns, self_ns;
};

static void describe_call(struct trace_export *file, struct call *call) {
    const struct hsp_trace_event *event = call->event;
    const char *name = hsp_session_name(call->process, event->id);
    call->layer = hsp_session_layer(call->process, event->id);
    call->layer_name = hsp_layer_name(call->layer) ? hsp_layer_name(call->layer) : "?";
    call->arguments[0] = '\0';
    snprintf(call->name, sizeof call->name, "%s", name);
    if (call->layer == HSP_LAYER_OS && strcmp(name, "ioctl") == 0) {
        const char *command = trace_ioctl_name(event->detail[0]);
        if (command)
            snprintf(call->name, sizeof call->name, "ioctl %s", command);
        if (file->argument.length && file->argument.pid == call->process->pid &&
            file->argument.thread == call->thread && file->argument.parent_seq == event->seq)
            trace_ioctl_print(event->detail[0], file->argument.bytes, file->argument.length,
                              call->arguments, sizeof call->arguments);
        file->argument.length = 0;
    }
    const uint64_t ticks =
        event->kind == HSP_TRACE_CALL ? event->end_ticks - event->start_ticks : 0;
    call->duration_ns = hsp_clock_ticks_to_ns(ticks);
    call->self_ns =
        hsp_clock_ticks_to_ns(ticks > event->child_ticks ? ticks - event->child_ticks : 0);
}

/* Readers of JSON have 64 bits with a sign: details such as UINT64_MAX appear as -1. */
static void chrome_call(struct trace_export *file, const struct call *call) {
    const struct hsp_trace_event *event = call->event;
    const uint32_t track = thread_track(file, call->process, call->thread, call->layer);
    const bool is_finished = event->kind == HSP_TRACE_CALL;
    begin_chrome(file);
    fprintf(file->stream, "{\"ph\":\"%s\",\"name\":", is_finished ? "X" : "B");
    print_json_text(file->stream, call->name);
    fprintf(file->stream, ",\"cat\":\"%s\",\"pid\":%d,\"tid\":%" PRIu32, call->layer_name,
            call->process->pid, track);
    print_interval(file, event->start_ticks, is_finished ? &event->end_ticks : NULL);
    fprintf(file->stream, ",\"args\":{\"result\":%" PRId64 ",\"self_ns\":%" PRIu64,
            (int64_t)event->value, call->self_ns);
    if (event->detail[0] || event->detail[1])
        fprintf(file->stream, ",\"detail\":[%" PRId64 ",%" PRId64 "]", (int64_t)event->detail[0],
                (int64_t)event->detail[1]);
    if (call->arguments[0]) {
        fputs(",\"arguments\":", file->stream);
        print_json_text(file->stream, call->arguments);
    }
    fputs("}}", file->stream);
}

static void csv_call(struct trace_export *file, const struct call *call) {
    const struct hsp_trace_event *event = call->event;
    const bool is_finished = event->kind == HSP_TRACE_CALL;
    fprintf(file->stream, "%s,%s,", is_finished ? "call" : "unfinished", call->layer_name);
    print_csv_text(file->stream, call->name);
    fprintf(file->stream, ",%d,%" PRIu32 ",%" PRIu32 ",", call->process->pid, call->thread,
            event->seq);
    if (event->parent_id != HSP_TRACE_NO_ID)
        fprintf(file->stream, "%" PRIu32, event->parent_seq);
    fprintf(file->stream, ",%u,%" PRIu64 ",", event->depth, absolute_ns(file, event->start_ticks));
    if (is_finished)
        fprintf(file->stream, "%" PRIu64 ",%" PRIu64 ",%" PRId64 ",", call->duration_ns,
                call->self_ns, (int64_t)event->value);
    else
        fputs(",,,", file->stream);
    fprintf(file->stream, "%" PRIu64 ",%" PRIu64 ",", event->detail[0], event->detail[1]);
    print_csv_text(file->stream, call->arguments);
    fputs(",,,,\n", file->stream);
}

static void json_call(struct trace_export *file, const struct call *call) {
    const struct hsp_trace_event *event = call->event;
    const bool is_finished = event->kind == HSP_TRACE_CALL;
    fprintf(file->stream,
            "{\"type\":\"%s\",\"layer\":\"%s\",\"name\":", is_finished ? "call" : "unfinished",
            call->layer_name);
    print_json_text(file->stream, call->name);
    fprintf(file->stream, ",\"pid\":%d,\"thread\":%" PRIu32 ",\"seq\":%" PRIu32, call->process->pid,
            call->thread, event->seq);
    if (event->parent_id != HSP_TRACE_NO_ID)
        fprintf(file->stream, ",\"parent_seq\":%" PRIu32, event->parent_seq);
    fprintf(file->stream, ",\"depth\":%u,\"start_ns\":%" PRIu64, event->depth,
            absolute_ns(file, event->start_ticks));
    if (is_finished)
        fprintf(file->stream,
                ",\"duration_ns\":%" PRIu64 ",\"self_ns\":%" PRIu64 ",\"result\":%" PRId64,
                call->duration_ns, call->self_ns, (int64_t)event->value);
    fprintf(file->stream, ",\"detail\":[%" PRId64 ",%" PRId64 "]", (int64_t)event->detail[0],
            (int64_t)event->detail[1]);
    if (call->arguments[0]) {
        fputs(",\"arguments\":", file->stream);
        print_json_text(file->stream, call->arguments);
    }
    fputs("}\n", file->stream);
}

static void keep_argument(struct trace_export *file, const struct hsp_session_process *process,
                          uint32_t thread, const struct hsp_trace_event *event) {
    const size_t at = (size_t)event->id * HSP_TRACE_PART_BYTES;
    if (at + HSP_TRACE_PART_BYTES > ARGUMENT_BYTES)
        return;
    memcpy(file->argument.bytes + at, event, HSP_TRACE_PART_BYTES);
    file->argument.length = at + HSP_TRACE_PART_BYTES;
    file->argument.pid = process->pid;
    file->argument.thread = thread;
    file->argument.parent_seq = event->parent_seq;
}

void trace_export_event(struct trace_export *file, const struct hsp_session_process *process,
                        uint32_t thread, const struct hsp_trace_event *event) {
    static void (*const print[])(struct trace_export *, const struct call *) = {
        [TRACE_CHROME] = chrome_call, [TRACE_CSV] = csv_call, [TRACE_JSON_LINES] = json_call};
    if (event->kind == HSP_TRACE_ARGUMENTS) {
        keep_argument(file, process, thread, event);
        return;
    }
    if (event->kind != HSP_TRACE_CALL && event->kind != HSP_TRACE_UNFINISHED)
        return;
    struct call call = {.process = process, .event = event, .thread = thread};
    describe_call(file, &call);
    const bool is_short =
        event->kind == HSP_TRACE_CALL && call.duration_ns < file->options.shortest_ns;
    if (!is_short && has_room(file))
        print[file->options.format](file, &call);
}

/* Work of the device, for all formats. */
struct work {
    const struct hsp_session_process *process;
    const struct trace_work *work;
    const char *type, *name;
    bool is_copy;
};

/* An arrow from the call that rang to the device's slice; it points forwards, also where the device
 * was faster than the doorbell. None where it was over by then: it would point nowhere. */
static void chrome_flow(struct trace_export *file, const struct work *work, uint32_t device_track) {
    const struct hsp_trace_event *submit = &work->work->submit;
    const uint64_t start = work->work->start_ticks;
    const uint64_t arrival = start > submit->start_ticks ? start : submit->start_ticks;
    if (submit->parent_id == HSP_TRACE_NO_ID || arrival > work->work->end_ticks)
        return;
    const enum hsp_trace_layer layer = hsp_session_layer(work->process, submit->parent_id);
    const uint32_t caller = thread_track(file, work->process, work->work->thread, layer);
    const uint64_t id = file->flow_count++;
    begin_chrome(file);
    fprintf(file->stream,
            "{\"ph\":\"s\",\"name\":\"launch\",\"cat\":\"launch\",\"id\":%" PRIu64
            ",\"pid\":%d,\"tid\":%" PRIu32,
            id, work->process->pid, caller);
    print_us(file->stream, "ts", relative_ns(file, submit->start_ticks));
    fprintf(file->stream,
            "},\n{\"ph\":\"f\",\"bp\":\"e\",\"name\":\"launch\",\"cat\":\"launch\",\"id\":%" PRIu64
            ",\"pid\":%d,\"tid\":%" PRIu32,
            id, work->process->pid, device_track);
    print_us(file->stream, "ts", relative_ns(file, arrival));
    fputs("}", file->stream);
}

static bool is_free(const struct lane *lane, uint64_t start, uint64_t end) {
    if (start < lane->floor_ticks)
        return false;
    for (uint32_t i = 0; i < lane->count; i++)
        if (start < lane->intervals[i].end && end > lane->intervals[i].start)
            return false;
    return true;
}

/* Forgets the earliest one where there is no room. */
static void take_interval(struct lane *lane, uint64_t start, uint64_t end) {
    uint32_t place = lane->count;
    if (place == INTERVALS) {
        place = 0;
        for (uint32_t i = 1; i < INTERVALS; i++)
            if (lane->intervals[i].end < lane->intervals[place].end)
                place = i;
        if (lane->intervals[place].end > lane->floor_ticks)
            lane->floor_ticks = lane->intervals[place].end;
    } else {
        lane->count++;
    }
    lane->intervals[place].start = start;
    lane->intervals[place].end = end;
}

/* The first lane that is free then; the last one where all are taken. */
static uint32_t device_track(struct trace_export *file, const struct work *work) {
    const uint64_t queue = work->work->submit.detail[1];
    const uint32_t first =
        work->is_copy ? COPY_TRACKS : QUEUE_TRACKS + ((uint32_t)queue & QUEUE_BITS) * LANES;
    struct track *track = NULL;
    for (uint32_t lane = 0; lane < LANES; lane++) {
        char name[24] = "";
        if (lane)
            snprintf(name, sizeof name, "lane %u", lane);
        track = announce_track(file, work->process, first + lane,
                               work->is_copy ? "copies" : "queue", work->is_copy ? 0 : queue, name);
        if (!track->lane)
            track->lane = xcalloc(1, sizeof *track->lane);
        if (is_free(track->lane, work->work->start_ticks, work->work->end_ticks))
            break;
    }
    take_interval(track->lane, work->work->start_ticks, work->work->end_ticks);
    return track->id;
}

static void chrome_work(struct trace_export *file, const struct work *work) {
    const struct hsp_trace_event *submit = &work->work->submit;
    if (!work->work->has_times)
        return; /* the call that submitted it is there */
    const uint32_t track = device_track(file, work);
    begin_chrome(file);
    fputs("{\"ph\":\"X\",\"name\":", file->stream);
    print_json_text(file->stream, work->name);
    fprintf(file->stream, ",\"cat\":\"device\",\"pid\":%d,\"tid\":%" PRIu32, work->process->pid,
            track);
    print_interval(file, work->work->start_ticks, &work->work->end_ticks);
    fprintf(file->stream, ",\"args\":{\"%s\":%" PRIu64 ",\"%s\":%" PRIu64 "}}",
            work->is_copy ? "copy" : "packet", submit->value, work->is_copy ? "bytes" : "grid",
            work->is_copy ? submit->detail[0] : submit->child_ticks);
    chrome_flow(file, work, track);
}

static void csv_work(struct trace_export *file, const struct work *work) {
    const struct hsp_trace_event *submit = &work->work->submit;
    fprintf(file->stream, "%s,device,", work->type);
    print_csv_text(file->stream, work->name);
    fprintf(file->stream, ",%d,%" PRIu32 ",,", work->process->pid, work->work->thread);
    if (submit->parent_id != HSP_TRACE_NO_ID)
        fprintf(file->stream, "%" PRIu32, submit->parent_seq);
    fprintf(file->stream, ",%u,%" PRIu64 ",,,,%" PRIu64 ",%" PRIu64 ",,", submit->depth,
            absolute_ns(file, submit->start_ticks),
            work->is_copy ? submit->detail[0] : submit->child_ticks,
            work->is_copy ? 0 : submit->end_ticks);
    if (!work->is_copy)
        fprintf(file->stream, "%" PRIu64, submit->detail[1]);
    fprintf(file->stream, ",%" PRIu64 ",", submit->value);
    if (work->work->has_times)
        fprintf(file->stream, "%" PRIu64 ",%" PRIu64, absolute_ns(file, work->work->start_ticks),
                absolute_ns(file, work->work->end_ticks));
    else
        fputc(',', file->stream);
    fputc('\n', file->stream);
}

static void json_work(struct trace_export *file, const struct work *work) {
    const struct hsp_trace_event *submit = &work->work->submit;
    fprintf(file->stream, "{\"type\":\"%s\",\"name\":", work->type);
    print_json_text(file->stream, work->name);
    fprintf(file->stream, ",\"pid\":%d,\"thread\":%" PRIu32, work->process->pid,
            work->work->thread);
    if (submit->parent_id != HSP_TRACE_NO_ID)
        fprintf(file->stream, ",\"parent_seq\":%" PRIu32, submit->parent_seq);
    if (submit->root_id != HSP_TRACE_NO_ID) {
        fputs(",\"hip_call\":", file->stream);
        print_json_text(file->stream, hsp_session_name(work->process, submit->root_id));
    }
    fprintf(file->stream, ",\"submit_ns\":%" PRIu64, absolute_ns(file, submit->start_ticks));
    if (work->is_copy)
        fprintf(file->stream,
                ",\"copy\":%" PRIu64 ",\"bytes\":%" PRIu64 ",\"to\":%" PRIu64 ",\"from\":%" PRIu64,
                submit->value, submit->detail[0], submit->child_ticks, submit->end_ticks);
    else
        fprintf(file->stream,
                ",\"queue\":%" PRIu64 ",\"packet\":%" PRIu64 ",\"grid\":%" PRIu64
                ",\"workgroup\":%" PRIu64,
                submit->detail[1], submit->value, submit->child_ticks, submit->end_ticks);
    if (work->work->has_times)
        fprintf(file->stream, ",\"device_start_ns\":%" PRIu64 ",\"device_end_ns\":%" PRIu64,
                absolute_ns(file, work->work->start_ticks),
                absolute_ns(file, work->work->end_ticks));
    fputs("}\n", file->stream);
}

void trace_export_work(struct trace_export *file, const struct hsp_session_process *process,
                       const struct trace_work *work) {
    static void (*const print[])(struct trace_export *, const struct work *) = {
        [TRACE_CHROME] = chrome_work, [TRACE_CSV] = csv_work, [TRACE_JSON_LINES] = json_work};
    const bool is_copy = work->submit.kind == HSP_TRACE_COPY;
    const bool is_kernel = !is_copy && work->submit.detail[0];
    const struct work described = {
        .process = process,
        .work = work,
        .type = is_copy     ? "copy"
                : is_kernel ? "dispatch"
                            : "barrier",
        .name = is_copy        ? "copy"
                : !is_kernel   ? "barrier"
                : work->kernel ? work->kernel
                               : "kernel",
        .is_copy = is_copy,
    };
    if (has_room(file))
        print[file->options.format](file, &described);
}
