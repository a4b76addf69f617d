/* SPDX-License-Identifier: MIT */
/* Counting by the recorder. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <hsaprobe/base.h>

#include "map/entries.h"
#include "map/record.h"
#include "trace/ioctl_names.h"

/* A call as it came; marks, which say what it belongs to, are there at the end only. */
struct raw_call {
    uint64_t start_ticks;
    uint64_t exclusive_ns;
    uint32_t thread;
    struct hsp_map_entry entry;
};

struct collector {
    struct hsp_map_counts *counts;
    bool whole;
    struct raw_call *calls;
    size_t count, capacity;
    int32_t main_pid;
};

static const char *const caller_names[] = {"program", "HIP", "HSA", "thunk", "libdrm", "emulation"};

const char *hsp_map_caller_name(enum hsp_map_caller caller) {
    return caller_names[caller];
}

enum hsp_map_caller hsp_map_caller_of(const char *path) {
    static const struct {
        const char *part;
        enum hsp_map_caller caller;
    } parts[] = {{"libamdhip64", HSP_MAP_BY_HIP},
                 {"libhsa-runtime64", HSP_MAP_BY_HSA},
                 {"libhsakmt", HSP_MAP_BY_THUNK},
                 {"libdrm", HSP_MAP_BY_DRM},
                 {"libhsaprobe-softgpu", HSP_MAP_BY_EMULATION}};
    for (size_t i = 0; path && i < sizeof parts / sizeof *parts; i++)
        if (strstr(path, parts[i].part))
            return parts[i].caller;
    return HSP_MAP_PROGRAM;
}

void hsp_map_counts_fini(struct hsp_map_counts *counts) {
    free(counts->entries);
    *counts = (struct hsp_map_counts){0};
}

static bool same(const struct hsp_map_entry *a, const struct hsp_map_entry *b) {
    return a->op == b->op && a->background == b->background && a->source == b->source &&
           a->layer == b->layer && a->kind == b->kind && a->caller == b->caller &&
           strcmp(a->name, b->name) == 0 && strcmp(a->parent, b->parent) == 0;
}

void map_entries_add(struct hsp_map_counts *counts, const struct hsp_map_entry *key, uint32_t run,
                     uint64_t exclusive_ns) {
    size_t at = 0;
    while (at < counts->count && !same(&counts->entries[at], key))
        at++;
    if (at == counts->count) {
        counts->entries = reallocarray(counts->entries, at + 1, sizeof *counts->entries);
        if (!counts->entries)
            abort();
        counts->entries[at] = *key;
        memset(counts->entries[at].counts, 0, sizeof key->counts);
        memset(counts->entries[at].exclusive_ns, 0, sizeof key->exclusive_ns);
        counts->count++;
    }
    counts->entries[at].counts[run]++;
    counts->entries[at].exclusive_ns[run] += exclusive_ns;
}

static void keep(struct collector *collector, const struct raw_call *call) {
    if (collector->whole) {
        map_entries_add(collector->counts, &call->entry, 0, call->exclusive_ns);
        return;
    }
    if (collector->count == collector->capacity) {
        collector->capacity = collector->capacity ? 2 * collector->capacity : 4096;
        collector->calls =
            reallocarray(collector->calls, collector->capacity, sizeof *collector->calls);
        if (!collector->calls)
            abort();
    }
    collector->calls[collector->count++] = *call;
}

static void describe(const struct hsp_session_process *process, const struct hsp_trace_event *event,
                     struct hsp_map_entry *entry) {
    const char *name = hsp_session_name(process, event->id);
    if (entry->layer == HSP_LAYER_OS) {
        uint64_t offset;
        bool is_ioctl = strcmp(name, "ioctl") == 0;
        const char *ioctl_name = is_ioctl ? trace_ioctl_name(event->detail[0]) : NULL;
        entry->kind = hsp_map_kind_of(name, is_ioctl ? event->detail[0] : 0);
        entry->caller = hsp_map_caller_of(hsp_session_module(process, event->detail[1], &offset));
        name = ioctl_name ? ioctl_name : name;
    }
    snprintf(entry->name, sizeof entry->name, "%s", name);
    if (event->parent_id != HSP_TRACE_NO_ID)
        snprintf(entry->parent, sizeof entry->parent, "%s",
                 hsp_session_name(process, event->parent_id));
}

static void take_event(void *data, const struct hsp_session_process *process, uint32_t thread,
                       const struct hsp_trace_event *event) {
    struct collector *collector = data;
    if (event->kind != HSP_TRACE_CALL)
        return;
    uint64_t inside = event->end_ticks - event->start_ticks;
    struct raw_call call = {
        .start_ticks = event->start_ticks,
        .exclusive_ns = hsp_clock_ticks_to_ns(
            inside - (event->child_ticks < inside ? event->child_ticks : inside)),
        .thread = thread,
        .entry = {.op = HSP_MAP_WHOLE,
                  .background = (int32_t)thread != process->pid,
                  .source = HSP_MAP_ASKED,
                  .layer = (uint8_t)hsp_session_layer(process, event->id)},
    };
    describe(process, event, &call.entry);
    keep(collector, &call);
}

/* Calls between an operation's begin and end; of another thread, its background. */
static void assign(struct collector *collector, const struct hsp_map_mark *mark) {
    struct hsp_map_counts *counts = collector->counts;
    if (mark->run + 1 > counts->run_counts[mark->op])
        counts->run_counts[mark->op] = mark->run + 1;
    if (mark->failed && !counts->failures[mark->op])
        counts->failures[mark->op] = mark->failed;
    for (size_t i = 0; i < collector->count; i++) {
        struct raw_call *call = &collector->calls[i];
        if (call->start_ticks < mark->start_ticks || call->start_ticks > mark->end_ticks)
            continue;
        call->entry.op = mark->op;
        call->entry.background = call->thread != mark->thread;
        map_entries_add(counts, &call->entry, mark->run, call->exclusive_ns);
    }
}

static void read_marks(struct collector *collector, int fd) {
    struct hsp_map_mark mark;
    for (off_t at = 0; pread(fd, &mark, sizeof mark, at) == sizeof mark; at += (off_t)sizeof mark)
        assign(collector, &mark);
}

int hsp_map_record(const struct hsp_map_launch *launch, struct hsp_map_counts *counts,
                   int *out_status) {
    const struct hsp_session_options options = {.layers =
                                                    1u << HSP_LAYER_HIP | 1u << HSP_LAYER_HSA |
                                                    1u << HSP_LAYER_THUNK | 1u << HSP_LAYER_OS,
                                                .waits = true};
    struct collector collector = {.counts = counts, .whole = launch->mark_fd < 0};
    const struct hsp_session_sink sink = {.event = take_event, .data = &collector};
    int rc = map_record(launch, &options, &sink, &counts->dropped_count, out_status);
    if (!rc && !collector.whole)
        read_marks(&collector, launch->mark_fd);
    free(collector.calls);
    return rc;
}
