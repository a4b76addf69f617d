/* SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "base/histogram.h"
#include "memory.h"
#include "trace.h"
#include "trace/ioctl_names.h"

#define NO_ROW UINT32_MAX

/* One function, or one kernel, over all processes. */
struct row {
    enum hsp_trace_layer layer;
    char *name;
    uint64_t count, total_ticks, self_ticks;
    uint64_t child_count; /* recorded calls directly inside */
    uint64_t recorder_ticks;
    struct hsp_histogram *lengths; /* ns */
};

/* A function called beneath a HIP call. */
struct pair {
    uint32_t root, row;
    uint64_t count, total_ticks, self_ticks;
};

struct kernel {
    char *name;
    uint64_t count, timed_count, total_ticks, bytes;
    struct hsp_histogram *lengths, *delays; /* ns */
};

struct unfinished {
    char *name;
    int32_t pid;
    uint32_t thread;
    uint8_t depth;
    uint64_t start_ticks;
};

struct process {
    uint32_t rows[HSP_TRACE_IDS_MAX]; /* row + 1 by id */
    uint64_t commands[64];            /* its rows by command */
    uint32_t command_rows[64];
    uint32_t command_count;
};

struct trace_summary {
    struct row *rows;
    uint32_t row_count;
    struct pair *pairs;
    uint32_t pair_count, pair_capacity;
    struct kernel *kernels;
    uint32_t kernel_count;
    struct process **processes; /* by number */
    uint32_t process_count, running_count, image_count;
    struct unfinished unfinished[64];
    uint32_t unfinished_count;
    uint64_t event_count, lost_note_count, alloc_count, alloc_bytes, load_count;
    uint64_t inside_ticks, outside_ticks; /* of the last process */
    bool has_no_table;
};

static uint64_t ns_of(uint64_t ticks) {
    return hsp_clock_ticks_to_ns(ticks);
}

struct trace_summary *trace_summary_create(void) {
    struct trace_summary *summary = xcalloc(1, sizeof *summary);
    summary->pair_capacity = 1024;
    summary->pairs = xcalloc(summary->pair_capacity, sizeof *summary->pairs);
    return summary;
}

void trace_summary_destroy(struct trace_summary *summary) {
    if (!summary)
        return;
    for (uint32_t i = 0; i < summary->row_count; i++) {
        free(summary->rows[i].name);
        free(summary->rows[i].lengths);
    }
    for (uint32_t i = 0; i < summary->kernel_count; i++) {
        free(summary->kernels[i].name);
        free(summary->kernels[i].lengths);
        free(summary->kernels[i].delays);
    }
    for (uint32_t i = 0; i < summary->process_count; i++)
        free(summary->processes[i]);
    for (uint32_t i = 0; i < summary->unfinished_count; i++)
        free(summary->unfinished[i].name);
    free(summary->rows);
    free(summary->pairs);
    free(summary->kernels);
    free(summary->processes);
    free(summary);
}

static struct process *process_of(struct trace_summary *summary,
                                  const struct hsp_session_process *process) {
    while (summary->process_count <= process->number) {
        summary->processes = xreallocarray(summary->processes, summary->process_count + 1,
                                           sizeof *summary->processes);
        summary->processes[summary->process_count++] = NULL;
    }
    struct process **place = &summary->processes[process->number];
    if (!*place)
        *place = xcalloc(1, sizeof **place);
    return *place;
}

void trace_summary_process(struct trace_summary *summary,
                           const struct hsp_session_process *process) {
    if (!process->is_over) {
        summary->image_count++;
        return;
    }
    summary->lost_note_count += process->page->lost_notes;
    if (process->number < summary->process_count) {
        free(summary->processes[process->number]);
        summary->processes[process->number] = NULL;
    }
}

static uint32_t add_row(struct trace_summary *summary, enum hsp_trace_layer layer,
                        const char *name) {
    for (uint32_t i = 0; i < summary->row_count; i++)
        if (summary->rows[i].layer == layer && strcmp(summary->rows[i].name, name) == 0)
            return i;
    summary->rows = xreallocarray(summary->rows, summary->row_count + 1, sizeof *summary->rows);
    summary->rows[summary->row_count] = (struct row){
        .layer = layer, .name = xstrdup(name), .lengths = xcalloc(1, sizeof(struct hsp_histogram))};
    return summary->row_count++;
}

static uint32_t row_of(struct trace_summary *summary, const struct hsp_session_process *process,
                       uint16_t id) {
    if (id >= HSP_TRACE_IDS_MAX)
        return NO_ROW;
    uint32_t *place = &process_of(summary, process)->rows[id];
    if (*place == 0)
        *place =
            1 + add_row(summary, hsp_session_layer(process, id), hsp_session_name(process, id));
    return *place - 1;
}

/* The device's ioctls have a row for each command. */
static uint32_t row_of_call(struct trace_summary *summary,
                            const struct hsp_session_process *process,
                            const struct hsp_trace_event *event) {
    const uint32_t row = row_of(summary, process, event->id);
    if (row == NO_ROW || summary->rows[row].layer != HSP_LAYER_OS ||
        strcmp(summary->rows[row].name, "ioctl") != 0)
        return row;
    struct process *known = process_of(summary, process);
    const uint64_t command = event->detail[0];
    for (uint32_t i = 0; i < known->command_count; i++)
        if (known->commands[i] == command)
            return known->command_rows[i];
    const char *name = trace_ioctl_name(command);
    if (!name || known->command_count == sizeof known->commands / sizeof *known->commands)
        return row;
    char *text = xasprintf("ioctl %s", name);
    known->commands[known->command_count] = command;
    known->command_rows[known->command_count] = add_row(summary, HSP_LAYER_OS, text);
    free(text);
    return known->command_rows[known->command_count++];
}

static struct pair *pair_of(struct trace_summary *summary, uint32_t root, uint32_t row) {
    uint32_t at = (root * 0x9e3779b1u + row * 0x85ebca6bu) % summary->pair_capacity;
    for (;; at = (at + 1) % summary->pair_capacity) {
        struct pair *pair = &summary->pairs[at];
        if (pair->count == 0) {
            *pair = (struct pair){.root = root, .row = row};
            return pair;
        }
        if (pair->root == root && pair->row == row)
            return pair;
    }
}

static void grow_pairs(struct trace_summary *summary) {
    struct pair *old = summary->pairs;
    const uint32_t capacity = summary->pair_capacity;
    summary->pair_capacity *= 2;
    summary->pairs = xcalloc(summary->pair_capacity, sizeof *summary->pairs);
    for (uint32_t i = 0; i < capacity; i++)
        if (old[i].count)
            *pair_of(summary, old[i].root, old[i].row) = old[i];
    free(old);
}

static void add_pair(struct trace_summary *summary, uint32_t root, uint32_t row, uint64_t total,
                     uint64_t self) {
    struct pair *pair = pair_of(summary, root, row);
    summary->pair_count += pair->count == 0;
    pair->count++;
    pair->total_ticks += total;
    pair->self_ticks += self;
    if (summary->pair_count * 2 > summary->pair_capacity)
        grow_pairs(summary);
}

static void add_call(struct trace_summary *summary, const struct hsp_session_process *process,
                     const struct hsp_trace_event *event) {
    const uint32_t index = row_of_call(summary, process, event);
    if (index == NO_ROW)
        return;
    struct row *row = &summary->rows[index];
    const uint64_t total = event->end_ticks - event->start_ticks;
    const uint64_t self = total > event->child_ticks ? total - event->child_ticks : 0;
    row->count++;
    row->total_ticks += total;
    row->self_ticks += self;
    row->recorder_ticks += process->page->inside_ticks;
    hsp_histogram_record(row->lengths, ns_of(total));
    summary->inside_ticks = process->page->inside_ticks;
    summary->outside_ticks = process->page->outside_ticks;
    if (event->parent_id != HSP_TRACE_NO_ID) {
        const uint32_t parent = row_of(summary, process, event->parent_id);
        if (parent != NO_ROW) {
            summary->rows[parent].child_count++;
            summary->rows[parent].recorder_ticks += process->page->outside_ticks;
        }
    }
    if (event->root_id != HSP_TRACE_NO_ID && event->root_id != event->id) {
        const uint32_t root = row_of(summary, process, event->root_id);
        if (root != NO_ROW)
            add_pair(summary, root, index, total, self);
    }
}

static void add_unfinished(struct trace_summary *summary, const struct hsp_session_process *process,
                           uint32_t thread, const struct hsp_trace_event *event) {
    if (summary->unfinished_count == sizeof summary->unfinished / sizeof *summary->unfinished)
        return;
    summary->unfinished[summary->unfinished_count++] = (struct unfinished){
        .name = xstrdup(hsp_session_name(process, event->id)),
        .pid = process->pid,
        .thread = thread,
        .depth = event->depth,
        .start_ticks = event->start_ticks,
    };
}

void trace_summary_event(struct trace_summary *summary, const struct hsp_session_process *process,
                         uint32_t thread, const struct hsp_trace_event *event) {
    summary->event_count++;
    switch (event->kind) {
    case HSP_TRACE_CALL:
        add_call(summary, process, event);
        break;
    case HSP_TRACE_UNFINISHED:
        add_unfinished(summary, process, thread, event);
        break;
    case HSP_TRACE_ALLOC:
        summary->alloc_count++;
        summary->alloc_bytes += event->value;
        break;
    case HSP_TRACE_LOAD:
        summary->load_count++;
        break;
    default:
        break;
    }
}

static struct kernel *kernel_of(struct trace_summary *summary, const char *name) {
    for (uint32_t i = 0; i < summary->kernel_count; i++)
        if (strcmp(summary->kernels[i].name, name) == 0)
            return &summary->kernels[i];
    summary->kernels =
        xreallocarray(summary->kernels, summary->kernel_count + 1, sizeof *summary->kernels);
    struct kernel *kernel = &summary->kernels[summary->kernel_count++];
    *kernel = (struct kernel){.name = xstrdup(name),
                              .lengths = xcalloc(1, sizeof(struct hsp_histogram)),
                              .delays = xcalloc(1, sizeof(struct hsp_histogram))};
    return kernel;
}

static const char *work_name(const struct trace_work *work) {
    if (work->submit.kind == HSP_TRACE_COPY)
        return "(copy)";
    if (work->submit.detail[0] == 0)
        return "(barrier)";
    return work->kernel ? work->kernel : "(unnamed kernel)";
}

void trace_summary_work(struct trace_summary *summary, const struct hsp_session_process *process,
                        const struct trace_work *work) {
    (void)process;
    struct kernel *kernel = kernel_of(summary, work_name(work));
    kernel->count++;
    if (work->submit.kind == HSP_TRACE_COPY)
        kernel->bytes += work->submit.detail[0];
    if (!work->has_times || work->end_ticks < work->start_ticks)
        return;
    kernel->timed_count++;
    kernel->total_ticks += work->end_ticks - work->start_ticks;
    hsp_histogram_record(kernel->lengths, ns_of(work->end_ticks - work->start_ticks));
    if (work->start_ticks > work->submit.start_ticks)
        hsp_histogram_record(kernel->delays, ns_of(work->start_ticks - work->submit.start_ticks));
}

static int compare_rows(const void *left, const void *right) {
    const struct row *a = left, *b = right;
    if (a->layer != b->layer)
        return a->layer < b->layer ? -1 : 1;
    if (a->self_ticks != b->self_ticks)
        return a->self_ticks > b->self_ticks ? -1 : 1;
    return strcmp(a->name, b->name);
}

static const char *layer_text(enum hsp_trace_layer layer) {
    const char *name = hsp_layer_name(layer);
    return name ? name : "?";
}

static struct report_value length_at(const struct hsp_histogram *lengths, double percent) {
    return lengths->count ? report_integer(hsp_histogram_at_percent(lengths, percent))
                          : report_nothing();
}

static const struct report_column call_columns[] = {
    {"layer", "layer", SOURCE_NONE, FORMAT_PLAIN},
    {"call", "call", SOURCE_NONE, FORMAT_PLAIN},
    {"count", "calls", SOURCE_MEASURED, FORMAT_PLAIN},
    {"total_ns", "total us", SOURCE_MEASURED, FORMAT_US},
    {"self_ns", "self us", SOURCE_MEASURED, FORMAT_US},
    {"recorder_ns", "recorder us", SOURCE_DERIVED, FORMAT_US},
    {"p50_ns", "p50 us", SOURCE_MEASURED, FORMAT_US},
    {"p99_ns", "p99 us", SOURCE_MEASURED, FORMAT_US},
    {"max_ns", "max us", SOURCE_MEASURED, FORMAT_US},
};

static void report_calls(const struct trace_summary *summary, const struct row *rows,
                         struct report *report) {
    struct report_section *table = report_table(report, "calls", "Calls", call_columns,
                                                sizeof call_columns / sizeof *call_columns);
    for (uint32_t i = 0; i < summary->row_count; i++)
        if (rows[i].count)
            report_row(table, report_text(layer_text(rows[i].layer)), report_text(rows[i].name),
                       report_integer(rows[i].count), report_integer(ns_of(rows[i].total_ticks)),
                       report_integer(ns_of(rows[i].self_ticks)),
                       report_integer(ns_of(rows[i].recorder_ticks)),
                       length_at(rows[i].lengths, 50), length_at(rows[i].lengths, 99),
                       report_integer(rows[i].lengths->max));
}

static void report_layers(const struct trace_summary *summary, uint64_t wall_ns,
                          struct report *report) {
    static const struct report_column columns[] = {
        {"layer", "layer", SOURCE_NONE, FORMAT_PLAIN},
        {"count", "calls", SOURCE_MEASURED, FORMAT_PLAIN},
        {"self_ns", "self us", SOURCE_MEASURED, FORMAT_US},
        {"recorder_ns", "recorder us", SOURCE_DERIVED, FORMAT_US},
        {"percent", "% of wall", SOURCE_DERIVED, FORMAT_PLAIN},
    };
    struct report_section *table =
        report_table(report, "layers", "Layers", columns, sizeof columns / sizeof *columns);
    for (unsigned layer = 0; layer < HSP_LAYER_COUNT; layer++) {
        uint64_t count = 0, self = 0, recorder = 0;
        for (uint32_t i = 0; i < summary->row_count; i++) {
            const struct row *row = &summary->rows[i];
            if (row->layer != (enum hsp_trace_layer)layer)
                continue;
            count += row->count;
            self += row->self_ticks;
            recorder += row->recorder_ticks;
        }
        if (count)
            report_row(table, report_text(layer_text((enum hsp_trace_layer)layer)),
                       report_integer(count), report_integer(ns_of(self)),
                       report_integer(ns_of(recorder)),
                       report_real(wall_ns ? 100.0 * (double)ns_of(self) / (double)wall_ns : 0));
    }
}

static int compare_pairs(const void *left, const void *right) {
    const struct pair *a = left, *b = right;
    if (a->root != b->root)
        return a->root < b->root ? -1 : 1;
    if (a->self_ticks != b->self_ticks)
        return a->self_ticks > b->self_ticks ? -1 : 1;
    return a->row < b->row ? -1 : a->row > b->row;
}

static void report_pairs(const struct trace_summary *summary, struct report *report) {
    static const struct report_column columns[] = {
        {"hip_call", "HIP call", SOURCE_NONE, FORMAT_PLAIN},
        {"layer", "layer", SOURCE_NONE, FORMAT_PLAIN},
        {"call", "call inside", SOURCE_NONE, FORMAT_PLAIN},
        {"count", "calls", SOURCE_MEASURED, FORMAT_PLAIN},
        {"per_call", "per HIP call", SOURCE_DERIVED, FORMAT_PLAIN},
        {"self_ns", "self us", SOURCE_MEASURED, FORMAT_US},
    };
    struct pair *pairs = xcalloc(summary->pair_count + 1, sizeof *pairs);
    uint32_t count = 0;
    for (uint32_t i = 0; i < summary->pair_capacity; i++)
        if (summary->pairs[i].count)
            pairs[count++] = summary->pairs[i];
    if (count) {
        qsort(pairs, count, sizeof *pairs, compare_pairs);
        struct report_section *table = report_table(report, "inside_hip", "What HIP calls do",
                                                    columns, sizeof columns / sizeof *columns);
        for (uint32_t i = 0; i < count; i++) {
            const struct row *root = &summary->rows[pairs[i].root];
            const struct row *row = &summary->rows[pairs[i].row];
            report_row(table, report_text(root->name), report_text(layer_text(row->layer)),
                       report_text(row->name), report_integer(pairs[i].count),
                       report_real(root->count ? (double)pairs[i].count / (double)root->count : 0),
                       report_integer(ns_of(pairs[i].self_ticks)));
        }
    }
    free(pairs);
}

static int compare_kernels(const void *left, const void *right) {
    const struct kernel *a = left, *b = right;
    if (a->total_ticks != b->total_ticks)
        return a->total_ticks > b->total_ticks ? -1 : 1;
    return strcmp(a->name, b->name);
}

static void report_kernels(struct trace_summary *summary, struct report *report) {
    static const struct report_column columns[] = {
        {"work", "device", SOURCE_NONE, FORMAT_PLAIN},
        {"count", "count", SOURCE_MEASURED, FORMAT_PLAIN},
        {"timed_count", "with times", SOURCE_MEASURED, FORMAT_PLAIN},
        {"device_ns", "device us", SOURCE_MEASURED, FORMAT_US},
        {"p50_ns", "p50 us", SOURCE_MEASURED, FORMAT_US},
        {"p99_ns", "p99 us", SOURCE_MEASURED, FORMAT_US},
        {"submit_to_start_p50_ns", "submit to start p50 us", SOURCE_MEASURED, FORMAT_US},
        {"bytes", "bytes", SOURCE_MEASURED, FORMAT_BYTES},
    };
    if (summary->kernel_count == 0)
        return;
    qsort(summary->kernels, summary->kernel_count, sizeof *summary->kernels, compare_kernels);
    struct report_section *table = report_table(report, "device", "Packets and copies", columns,
                                                sizeof columns / sizeof *columns);
    for (uint32_t i = 0; i < summary->kernel_count; i++) {
        const struct kernel *kernel = &summary->kernels[i];
        report_row(table, report_text(kernel->name), report_integer(kernel->count),
                   report_integer(kernel->timed_count), report_integer(ns_of(kernel->total_ticks)),
                   length_at(kernel->lengths, 50), length_at(kernel->lengths, 99),
                   length_at(kernel->delays, 50),
                   kernel->bytes ? report_integer(kernel->bytes) : report_nothing());
    }
}

static void report_unfinished(const struct trace_summary *summary, struct report *report) {
    static const struct report_column columns[] = {
        {"pid", "process", SOURCE_NONE, FORMAT_PLAIN},
        {"thread", "thread", SOURCE_NONE, FORMAT_PLAIN},
        {"depth", "depth", SOURCE_NONE, FORMAT_PLAIN},
        {"call", "call", SOURCE_NONE, FORMAT_PLAIN},
    };
    if (summary->unfinished_count == 0)
        return;
    struct report_section *table = report_table(report, "unfinished", "Not returned at the end",
                                                columns, sizeof columns / sizeof *columns);
    for (uint32_t i = 0; i < summary->unfinished_count; i++) {
        const struct unfinished *call = &summary->unfinished[i];
        report_row(table, report_integer(call->pid), report_integer(call->thread),
                   report_integer(call->depth), report_text(call->name));
    }
}

static void report_totals(const struct trace_summary *summary, const struct hsp_session *session,
                          uint64_t wall_ns, struct report *report) {
    struct report_section *fields = report_fields(report, "recording", NULL);
    struct rusage usage = {0};
    getrusage(RUSAGE_SELF, &usage);
    const struct {
        struct report_column column;
        struct report_value value;
    } values[] = {
        {{"wall_ns", "wall us", SOURCE_MEASURED, FORMAT_US}, report_integer(wall_ns)},
        {{"processes", "processes", SOURCE_MEASURED, FORMAT_PLAIN},
         report_integer(summary->image_count)},
        {{"events", "events", SOURCE_MEASURED, FORMAT_PLAIN}, report_integer(summary->event_count)},
        {{"dropped", "dropped events", SOURCE_MEASURED, FORMAT_PLAIN},
         report_integer(hsp_session_dropped_count(session))},
        {{"allocations", "allocations", SOURCE_MEASURED, FORMAT_PLAIN},
         report_integer(summary->alloc_count)},
        {{"allocated_bytes", "allocated", SOURCE_MEASURED, FORMAT_BYTES},
         report_integer(summary->alloc_bytes)},
        {{"code_objects", "code objects loaded", SOURCE_MEASURED, FORMAT_PLAIN},
         report_integer(summary->load_count)},
        {{"memory_bytes", "memory of this command", SOURCE_MEASURED, FORMAT_BYTES},
         report_integer((int64_t)usage.ru_maxrss * 1024)},
        {{"recorder_inside_ns", "recorder inside a call us", SOURCE_MEASURED, FORMAT_US},
         report_integer(ns_of(summary->inside_ticks))},
        {{"recorder_outside_ns", "recorder around a call us", SOURCE_MEASURED, FORMAT_US},
         report_integer(ns_of(summary->outside_ticks))},
        {{"recorder_packets_ns", "recorder for packets us", SOURCE_MEASURED, FORMAT_US},
         report_integer(ns_of(hsp_session_hook_ticks(session)))},
    };
    for (size_t i = 0; i < sizeof values / sizeof *values; i++)
        report_field(fields, &values[i].column, values[i].value);
}

static void report_losses(const struct trace_summary *summary, const struct hsp_session *session,
                          struct report *report) {
    const uint64_t dropped = hsp_session_dropped_count(session);
    struct hsp_session_losses losses;
    hsp_session_losses(session, &losses);
    if (losses.process_count || losses.thread_count)
        report_note(report, "not recorded: %u processes, %u threads: %s: %s", losses.process_count,
                    losses.thread_count, hsp_session_path(session), strerror(losses.error));
    else if (summary->image_count == 0)
        report_note(report, "nothing to record: no process loaded a library of ROCm");
    if (dropped)
        report_note(report, "%llu events found no room: --lossless waits for it, --ring gives more",
                    (unsigned long long)dropped);
}

void trace_summary_report(struct trace_summary *summary, const struct hsp_session *session,
                          uint64_t wall_ns, struct report *report) {
    report_totals(summary, session, wall_ns, report);
    if (summary->row_count) {
        report_layers(summary, wall_ns, report);
        /* Pairs know rows by their index: sort a copy. */
        struct row *rows = xcalloc(summary->row_count, sizeof *rows);
        memcpy(rows, summary->rows, summary->row_count * sizeof *rows);
        qsort(rows, summary->row_count, sizeof *rows, compare_rows);
        report_calls(summary, rows, report);
        free(rows);
    }
    report_pairs(summary, report);
    report_kernels(summary, report);
    report_unfinished(summary, report);
    report_losses(summary, session, report);
    if (summary->lost_note_count)
        report_note(report, "%llu names found no room",
                    (unsigned long long)summary->lost_note_count);
}
