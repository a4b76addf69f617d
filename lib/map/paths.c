/* SPDX-License-Identifier: MIT */
/* The call paths to the OS: stacks by the tracer, their names by libdw. */
#include <dlfcn.h>
#include <elfutils/libdwfl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <hsaprobe/base.h>

#include "map/record.h"
#include "trace/ioctl_names.h"

enum { FRAMES_MAX = 40, FILES_MAX = 16 };

/* A call site in a file of ROCm's. */
struct frame {
    size_t file; /* in collector.files */
    uint64_t offset;
};

struct raw_call {
    uint64_t start_ticks;
    uint32_t thread;
    uint32_t frame_count;
    struct frame frames[FRAMES_MAX]; /* innermost first */
    char name[56];
};

/* The stack whose call comes next in this thread. */
struct pending {
    uint32_t thread;
    uint32_t frame_count;
    struct frame frames[FRAMES_MAX];
};

struct collector {
    struct raw_call *calls;
    size_t count, capacity;
    struct pending *pending;
    size_t thread_count;
    char *files[FILES_MAX];
    Dwfl_Module *modules[FILES_MAX]; /* of the files */
    size_t file_count;
};

static void *grown(void *array, size_t count, size_t item_bytes) {
    void *larger = reallocarray(array, count, item_bytes);
    if (!larger)
        abort();
    return larger;
}

/* FILES_MAX when there is no room. */
static size_t intern(struct collector *collector, const char *file) {
    size_t i = 0;
    while (i < collector->file_count && strcmp(collector->files[i], file) != 0)
        i++;
    if (i == collector->file_count && i < FILES_MAX) {
        collector->files[i] = strdup(file);
        if (!collector->files[i])
            abort();
        collector->file_count++;
    }
    return i;
}

static struct pending *pending_of(struct collector *collector, uint32_t thread) {
    for (size_t i = 0; i < collector->thread_count; i++)
        if (collector->pending[i].thread == thread)
            return &collector->pending[i];
    collector->pending =
        grown(collector->pending, collector->thread_count + 1, sizeof *collector->pending);
    struct pending *own = &collector->pending[collector->thread_count++];
    *own = (struct pending){.thread = thread};
    return own;
}

static bool is_rocm(const char *file) {
    const enum hsp_map_caller caller = hsp_map_caller_of(file);
    return caller != HSP_MAP_PROGRAM && caller != HSP_MAP_BY_EMULATION;
}

static void take_stack(struct collector *collector, const struct hsp_session_process *process,
                       uint32_t thread, const struct hsp_trace_event *event) {
    uint64_t addresses[HSP_TRACE_PART_BYTES / sizeof(uint64_t)];
    struct pending *pending = pending_of(collector, thread);
    memcpy(addresses, event, sizeof addresses);
    if (event->id == 0)
        pending->frame_count = 0;
    for (size_t i = 0; i < sizeof addresses / sizeof *addresses && addresses[i]; i++) {
        uint64_t offset;
        /* A return address may lie behind the function: the call is before it. */
        const char *file = hsp_session_module(process, addresses[i] - 1, &offset);
        const size_t kept = is_rocm(file) ? intern(collector, file) : FILES_MAX;
        if (kept < FILES_MAX && pending->frame_count < FRAMES_MAX)
            pending->frames[pending->frame_count++] = (struct frame){kept, offset};
    }
}

static void take_call(struct collector *collector, const struct hsp_session_process *process,
                      uint32_t thread, const struct hsp_trace_event *event) {
    struct pending *pending = pending_of(collector, thread);
    uint64_t offset;
    const char *file = hsp_session_module(process, event->detail[1], &offset);
    if (hsp_map_caller_of(file) == HSP_MAP_BY_EMULATION) /* below a call of ROCm, not made by it */
        pending->frame_count = 0;
    if (pending->frame_count == 0)
        return;
    if (collector->count == collector->capacity) {
        collector->capacity = collector->capacity ? 2 * collector->capacity : 1024;
        collector->calls = grown(collector->calls, collector->capacity, sizeof *collector->calls);
    }
    struct raw_call *call = &collector->calls[collector->count++];
    *call = (struct raw_call){
        .start_ticks = event->start_ticks, .thread = thread, .frame_count = pending->frame_count};
    memcpy(call->frames, pending->frames, sizeof call->frames);
    const char *name = hsp_session_name(process, event->id);
    const char *ioctl_name = strcmp(name, "ioctl") == 0 ? trace_ioctl_name(event->detail[0]) : NULL;
    snprintf(call->name, sizeof call->name, "%s", ioctl_name ? ioctl_name : name);
    pending->frame_count = 0;
}

static void take_event(void *data, const struct hsp_session_process *process, uint32_t thread,
                       const struct hsp_trace_event *event) {
    if (event->kind == HSP_TRACE_STACK)
        take_stack(data, process, thread, event);
    else if (event->kind == HSP_TRACE_CALL)
        take_call(data, process, thread, event);
}

/* --- Names ---------------------------------------------------------------------------------- */

/* C++ names as people write them, where the C++ runtime is there (comgr brings it). */
static char *demangled(const char *name) {
    char *(*demangle)(const char *, char *, size_t *, int *);
    *(void **)&demangle = dlsym(RTLD_DEFAULT, "__cxa_demangle");
    int error = 0;
    char *text =
        demangle && strncmp(name, "_Z", 2) == 0 ? demangle(name, NULL, NULL, &error) : NULL;
    return text ? text : strdup(name);
}

static const char *base_name(const char *path) {
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

/* "hsaKmtAllocMemory", with debug information "fmm_allocate_device (fmm.c:1234)", of what has no
 * name "+0x1234". */
static void print_frame(FILE *stream, const struct collector *collector,
                        const struct frame *frame) {
    Dwfl_Module *module = collector->modules[frame->file];
    GElf_Addr start = 0;
    GElf_Off within;
    GElf_Sym symbol;
    int number = 0;
    dwfl_module_info(module, NULL, &start, NULL, NULL, NULL, NULL, NULL);
    const char *name =
        dwfl_module_addrinfo(module, start + frame->offset, &within, &symbol, NULL, NULL, NULL);
    Dwfl_Line *line = dwfl_module_getsrc(module, start + frame->offset);
    const char *source = line ? dwfl_lineinfo(line, NULL, &number, NULL, NULL, NULL) : NULL;
    char *text = name ? demangled(name) : NULL;
    if (text)
        fprintf(stream, " %s", text);
    else
        fprintf(stream, " +%#llx", (unsigned long long)frame->offset);
    if (source)
        fprintf(stream, " (%s:%d)", base_name(source), number);
    free(text);
}

static char *print_path(const struct collector *collector, const struct raw_call *call) {
    char *text = NULL;
    size_t bytes;
    FILE *stream = open_memstream(&text, &bytes);
    if (!stream)
        abort();
    for (uint32_t i = call->frame_count; i-- > 0;) {
        const struct frame *frame = &call->frames[i], *outer = frame + 1;
        const bool is_first = i + 1 == call->frame_count;
        if (is_first || outer->file != frame->file)
            fprintf(stream, "%s%s", is_first ? "" : " > ",
                    base_name(collector->files[frame->file]));
        print_frame(stream, collector, frame);
    }
    fclose(stream);
    return text;
}

/* --- Paths of an operation ------------------------------------------------------------------- */

static void add(struct hsp_map_paths *paths, uint32_t run, const char *call, char *text) {
    for (size_t i = 0; i < paths->count; i++) {
        struct hsp_map_path *path = &paths->paths[i];
        if (path->run == run && strcmp(path->call, call) == 0 && strcmp(path->frames, text) == 0) {
            path->count++;
            free(text);
            return;
        }
    }
    paths->paths = grown(paths->paths, paths->count + 1, sizeof *paths->paths);
    struct hsp_map_path *path = &paths->paths[paths->count++];
    *path = (struct hsp_map_path){.run = run, .count = 1, .frames = text};
    snprintf(path->call, sizeof path->call, "%s", call);
}

static void assign(const struct collector *collector, const struct hsp_map_mark *mark,
                   struct hsp_map_paths *paths) {
    for (size_t i = 0; i < collector->count; i++) {
        const struct raw_call *call = &collector->calls[i];
        if (call->thread == mark->thread && call->start_ticks >= mark->start_ticks &&
            call->start_ticks <= mark->end_ticks)
            add(paths, mark->run, call->name, print_path(collector, call));
    }
}

static int name_paths(struct collector *collector, int mark_fd, uint32_t op,
                      struct hsp_map_paths *paths) {
    static const Dwfl_Callbacks callbacks = {.find_elf = dwfl_build_id_find_elf,
                                             .find_debuginfo = dwfl_standard_find_debuginfo};
    struct hsp_map_mark mark;
    Dwfl *dwfl = dwfl_begin(&callbacks);
    for (size_t i = 0; dwfl && i < collector->file_count; i++) {
        const char *file = collector->files[i];
        collector->modules[i] = dwfl_report_elf(dwfl, file, file, -1, 0, true);
        if (!collector->modules[i])
            fprintf(stderr, "hsaprobe: map: %s: %s\n", file, dwfl_errmsg(-1));
    }
    if (!dwfl || dwfl_report_end(dwfl, NULL, NULL)) {
        fprintf(stderr, "hsaprobe: map: libdw: %s\n", dwfl_errmsg(-1));
        dwfl_end(dwfl);
        return -1;
    }
    for (off_t at = 0; pread(mark_fd, &mark, sizeof mark, at) == sizeof mark;
         at += (off_t)sizeof mark)
        if (mark.op == op)
            assign(collector, &mark, paths);
    dwfl_end(dwfl);
    return 0;
}

int hsp_map_record_paths(const struct hsp_map_launch *launch, uint32_t op,
                         struct hsp_map_paths *paths, int *out_status) {
    const struct hsp_session_options options = {
        .layers = 1u << HSP_LAYER_OS, .waits = true, .stacks = true};
    struct collector collector = {0};
    const struct hsp_session_sink sink = {.event = take_event, .data = &collector};
    uint64_t dropped_count = 0;
    int rc = map_record(launch, &options, &sink, &dropped_count, out_status);
    if (!rc)
        rc = name_paths(&collector, launch->mark_fd, op, paths);
    for (size_t i = 0; i < collector.file_count; i++)
        free(collector.files[i]);
    free(collector.pending);
    free(collector.calls);
    return rc;
}

void hsp_map_paths_fini(struct hsp_map_paths *paths) {
    for (size_t i = 0; i < paths->count; i++)
        free(paths->paths[i].frames);
    free(paths->paths);
    *paths = (struct hsp_map_paths){0};
}
