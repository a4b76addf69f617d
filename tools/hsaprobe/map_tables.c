/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "map_command.h"
#include "memory.h"
#include "record/session.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))
#define ALL_KINDS    ((1u << HSP_MAP_KIND_COUNT) - 1)

static uint32_t median_run(const struct hsp_map_counts *counts, uint32_t op) {
    /* The steady runs are alike; the middle one stands for them where single values are needed. */
    uint32_t runs = op == HSP_MAP_WHOLE ? 1 : counts->run_counts[op];
    return runs > 1 ? 1 + (runs - 1) / 2 : 0;
}

/* One phase of an operation, or a program: its own thread's part, or that of the others. */
struct view {
    const struct hsp_map_counts *counts;
    uint32_t op;
    bool steady;
    bool background;
};

static uint32_t phase_of(const struct hsp_map_sum *sum, bool steady) {
    return steady ? sum->steady : sum->cold;
}

static uint32_t os_calls(const struct view *view, enum hsp_map_source source, uint32_t kinds,
                         bool emulation) {
    struct hsp_map_sum sum =
        hsp_map_sum_of(view->counts, view->op, source, view->background, kinds, emulation);
    return phase_of(&sum, view->steady);
}

/* Calls into a layer from outside it, and the time spent in the layer itself. */
static uint32_t layer_calls(const struct view *view, enum hsp_trace_layer layer,
                            uint64_t *out_exclusive_ns) {
    uint32_t run = view->steady ? median_run(view->counts, view->op) : 0;
    uint32_t calls = 0;
    *out_exclusive_ns = 0;
    for (size_t i = 0; i < view->counts->count; i++) {
        const struct hsp_map_entry *entry = &view->counts->entries[i];
        if (entry->op != view->op || entry->background != view->background ||
            entry->layer != layer || entry->source != HSP_MAP_ASKED)
            continue;
        calls += entry->counts[run];
        *out_exclusive_ns += entry->exclusive_ns[run];
    }
    return calls;
}

struct map_flow map_flow_of(const struct hsp_map_counts *counts, uint32_t op, bool steady) {
    const struct view view = {counts, op, steady, false};
    const uint32_t driver = 1u << HSP_MAP_KFD, memory = hsp_map_memory_kinds();
    uint64_t unused;
    return (struct map_flow){
        .hip = layer_calls(&view, HSP_LAYER_HIP, &unused),
        .hsa = layer_calls(&view, HSP_LAYER_HSA, &unused),
        .thunk = layer_calls(&view, HSP_LAYER_THUNK, &unused),
        .driver = os_calls(&view, HSP_MAP_ASKED, driver, false),
        .memory = os_calls(&view, HSP_MAP_ASKED, memory, false),
        .rest = os_calls(&view, HSP_MAP_ASKED, ALL_KINDS & ~(driver | memory), false)};
}

static bool has_source(const struct hsp_map_counts *counts, enum hsp_map_source source) {
    for (size_t i = 0; i < counts->count; i++)
        if (counts->entries[i].source == source)
            return true;
    return false;
}

static struct report_section *operations_table(struct report *report, bool software) {
    const enum report_source driver = software ? SOURCE_MODELLED : SOURCE_MEASURED;
    const struct report_column columns[] = {
        {"op", "operation", SOURCE_NONE, FORMAT_PLAIN},
        {"phase", "", SOURCE_NONE, FORMAT_PLAIN},
        {"hip_calls", "HIP", SOURCE_MEASURED, FORMAT_PLAIN},
        {"hsa_calls", "HSA", SOURCE_MEASURED, FORMAT_PLAIN},
        {"thunk_calls", "thunk", SOURCE_MEASURED, FORMAT_PLAIN},
        {"kfd", software ? "KFD (virtual)" : "KFD", driver, FORMAT_PLAIN},
        {"drm", software ? "DRM (virtual)" : "DRM", driver, FORMAT_PLAIN},
        {"memory", "mm", SOURCE_MEASURED, FORMAT_PLAIN},
        {"open", "open", SOURCE_MEASURED, FORMAT_PLAIN},
        {"linux", "Linux (executed)", SOURCE_MEASURED, FORMAT_PLAIN},
        {"futex", "futex", SOURCE_MEASURED, FORMAT_PLAIN},
        {"clone", "clone", SOURCE_MEASURED, FORMAT_PLAIN},
        {"emulation", "emulation's", SOURCE_MODELLED, FORMAT_PLAIN},
        {"hip_ns", "HIP us", SOURCE_MEASURED, FORMAT_US},
        {"hsa_ns", "HSA us", SOURCE_MEASURED, FORMAT_US},
        {"thunk_ns", "thunk us", SOURCE_MEASURED, FORMAT_US},
        {"os_ns", "OS us", driver, FORMAT_US},
        {"steady_runs", "steady runs", SOURCE_DERIVED, FORMAT_PLAIN},
    };
    return report_table(report, "operations", NULL, columns, COUNT(columns));
}

/* What isn't known of a pass that wasn't made. */
static struct report_value known(bool is_known, uint32_t value) {
    return is_known ? report_integer(value) : report_nothing();
}

/* Calls into the OS of the steady runs, least and most; "alike" when all have the same. Other kinds
 * (sched_yield of a spinning wait) depend on time. */
static char *steady_runs(const struct hsp_map_counts *counts, uint32_t op) {
    const uint32_t kinds = ALL_KINDS & ~(1u << HSP_MAP_OTHER);
    struct hsp_map_sum sum = hsp_map_sum_of(counts, op, HSP_MAP_ASKED, false, kinds, false);
    return sum.least == sum.most
               ? xasprintf("%u alike", counts->run_counts[op] - 1)
               : xasprintf("%u, %u to %u calls", counts->run_counts[op] - 1, sum.least, sum.most);
}

static const char *phase_name(const struct view *view) {
    if (view->background)
        return view->op == HSP_MAP_WHOLE ? "background"
               : view->steady            ? "steady, background"
                                         : "cold, background";
    return view->op == HSP_MAP_WHOLE ? "whole" : view->steady ? "steady" : "cold";
}

static void add_operation(struct report_section *table, const struct view *view, const char *name) {
    const struct hsp_map_counts *counts = view->counts;
    const bool made = has_source(counts, HSP_MAP_MADE), stacks = counts->has_stacks;
    uint64_t hip_ns, hsa_ns, thunk_ns, os_ns;
    char *runs = view->steady && !view->background ? steady_runs(counts, view->op) : NULL;
    uint32_t hip = layer_calls(view, HSP_LAYER_HIP, &hip_ns);
    uint32_t hsa = layer_calls(view, HSP_LAYER_HSA, &hsa_ns);
    uint32_t thunk = layer_calls(view, HSP_LAYER_THUNK, &thunk_ns);
    layer_calls(view, HSP_LAYER_OS, &os_ns);
#define ASKED(kinds) report_integer(os_calls(view, HSP_MAP_ASKED, kinds, false))
#define MADE(kinds)  known(made, os_calls(view, HSP_MAP_MADE, kinds, false))
    report_row(
        table, report_text(name), report_text(phase_name(view)), report_integer(hip),
        report_integer(hsa), report_integer(thunk), ASKED(1u << HSP_MAP_KFD),
        ASKED(1u << HSP_MAP_DRM), ASKED(hsp_map_memory_kinds()), ASKED(1u << HSP_MAP_OPEN),
        MADE(ALL_KINDS & ~(1u << HSP_MAP_FUTEX)), MADE(1u << HSP_MAP_FUTEX),
        MADE(1u << HSP_MAP_CLONE),
        known(stacks || (made && view->background), os_calls(view, HSP_MAP_MADE, ALL_KINDS, true)),
        report_integer(hip_ns), report_integer(hsa_ns), report_integer(thunk_ns),
        report_integer(os_ns), runs ? report_text(runs) : report_nothing());
    free(runs);
#undef ASKED
#undef MADE
}

static struct report_section *calls_table(struct report *report) {
    static const struct report_column columns[] = {
        {"op", "operation", SOURCE_NONE, FORMAT_PLAIN},
        {"phase", "", SOURCE_NONE, FORMAT_PLAIN},
        {"thread", "thread", SOURCE_NONE, FORMAT_PLAIN},
        {"source", "counted by", SOURCE_NONE, FORMAT_PLAIN},
        {"layer", "layer", SOURCE_NONE, FORMAT_PLAIN},
        {"caller", "by", SOURCE_NONE, FORMAT_PLAIN},
        {"call", "call", SOURCE_NONE, FORMAT_PLAIN},
        {"parent", "within", SOURCE_NONE, FORMAT_PLAIN},
        {"count", "count", SOURCE_MEASURED, FORMAT_PLAIN},
        {"exclusive_ns", "us", SOURCE_MEASURED, FORMAT_US},
    };
    return report_table(report, "calls", "calls", columns, COUNT(columns));
}

static void add_call(struct report_section *table, const struct hsp_map_counts *counts,
                     const struct hsp_map_entry *entry, bool steady) {
    size_t op_count;
    const struct hsp_map_op *ops = hsp_map_ops(&op_count);
    bool whole = entry->op == HSP_MAP_WHOLE;
    uint32_t run = steady ? median_run(counts, entry->op) : 0;
    bool asked = entry->source == HSP_MAP_ASKED;
    bool knows_caller = entry->layer == HSP_LAYER_OS && (asked || counts->has_stacks);
    if (entry->counts[run] == 0)
        return;
    report_row(table, report_text(whole ? "program" : ops[entry->op].name),
               report_text(whole    ? "whole"
                           : steady ? "steady"
                                    : "cold"),
               report_text(entry->background ? "background" : "own"),
               report_text(asked ? "recorder" : "strace"),
               report_text(hsp_layer_name((enum hsp_trace_layer)entry->layer)),
               knows_caller ? report_text(hsp_map_caller_name(entry->caller)) : report_nothing(),
               report_text(entry->name),
               *entry->parent ? report_text(entry->parent) : report_nothing(),
               report_integer(entry->counts[run]),
               asked ? report_integer(entry->exclusive_ns[run]) : report_nothing());
}

static void add_calls(struct report *report, const struct hsp_map_counts *counts) {
    struct report_section *table = calls_table(report);
    report_limit(table, AUDIENCE_DETAILS);
    for (int steady = 0; steady < 2; steady++)
        for (size_t i = 0; i < counts->count; i++)
            if (!steady || (counts->entries[i].op != HSP_MAP_WHOLE &&
                            counts->run_counts[counts->entries[i].op] > 1))
                add_call(table, counts, &counts->entries[i], steady);
}

static char *range_text(struct hsp_map_range range) {
    return range.low == range.high ? xasprintf("%d", range.low)
                                   : xasprintf("%d to %d", range.low, range.high);
}

static void add_predictions(struct report *report, const struct hsp_map_counts *counts) {
    static const struct report_column columns[] = {
        {"op", "operation", SOURCE_NONE, FORMAT_PLAIN},
        {"phase", "", SOURCE_NONE, FORMAT_PLAIN},
        {"what", "calls", SOURCE_NONE, FORMAT_PLAIN},
        {"expected", "expected", SOURCE_NONE, FORMAT_PLAIN},
        {"observed", "observed", SOURCE_MEASURED, FORMAT_PLAIN},
        {"verdict", "verdict", SOURCE_DERIVED, FORMAT_PLAIN},
        {"reason", "reason", SOURCE_NONE, FORMAT_PLAIN},
    };
    static const char *const verdicts[] = {[HSP_MAP_CONFIRMED] = "confirmed",
                                           [HSP_MAP_CORRECTED] = "corrected",
                                           [HSP_MAP_UNEXPLAINED] = "UNEXPLAINED"};
    struct hsp_map_check checks[256];
    size_t op_count, totals[3] = {0};
    const struct hsp_map_op *ops = hsp_map_ops(&op_count);
    size_t count = hsp_map_check_all(counts, checks, COUNT(checks));
    struct report_section *table =
        report_table(report, "predictions", "predicted from the sources", columns, COUNT(columns));
    for (size_t i = 0; i < count; i++) {
        const struct hsp_map_check *check = &checks[i];
        char *expected = range_text(check->expected);
        totals[check->verdict]++;
        report_row(table, report_text(ops[check->op].name), report_text(check->phase),
                   report_text(check->what), report_text(expected), report_integer(check->observed),
                   report_text(verdicts[check->verdict]),
                   check->verdict == HSP_MAP_CORRECTED ? report_text(ops[check->op].reason)
                                                       : report_nothing());
        free(expected);
    }
    report_note(report, "predictions: %zu confirmed, %zu corrected, %zu unexplained",
                totals[HSP_MAP_CONFIRMED], totals[HSP_MAP_CORRECTED], totals[HSP_MAP_UNEXPLAINED]);
}

static void add_notes(struct report *report, const struct hsp_map_counts *counts, bool software) {
    report_note(report,
                "HIP, HSA, thunk: calls into the layer; mm: mmap, munmap, madvise, mprotect, "
                "mbind asked for by the libraries; background: calls into the OS by other "
                "threads meanwhile; Linux: executed calls but futexes, which depend on how "
                "threads meet and have a column of their own");
    if (software)
        report_note(report, "KFD and DRM ioctls are answered by the software GPU and never "
                            "executed; they and Linux (executed) are never added");
    if (counts->dropped_count)
        report_note(report, "the recorder lost %llu events: counts are too low",
                    (unsigned long long)counts->dropped_count);
}

/* A row for the operation's own thread, and one for the others if they did anything. */
static void add_phase(struct report_section *table, const struct hsp_map_counts *counts,
                      uint32_t op, bool steady, const char *name) {
    struct view view = {counts, op, steady, false};
    uint64_t unused;
    add_operation(table, &view, name);
    view.background = true;
    if (os_calls(&view, HSP_MAP_ASKED, ALL_KINDS, false) ||
        os_calls(&view, HSP_MAP_MADE, ALL_KINDS, false) ||
        os_calls(&view, HSP_MAP_MADE, ALL_KINDS, true) ||
        layer_calls(&view, HSP_LAYER_THUNK, &unused))
        add_operation(table, &view, name);
}

void map_tables_add(struct report *report, const struct hsp_map_counts *counts, bool software) {
    size_t op_count;
    const struct hsp_map_op *ops = hsp_map_ops(&op_count);
    struct report_section *table = operations_table(report, software);
    for (uint32_t op = 0; op < op_count; op++) {
        if (!counts->run_counts[op])
            continue;
        add_phase(table, counts, op, false, ops[op].name);
        if (counts->run_counts[op] > 1)
            add_phase(table, counts, op, true, ops[op].name);
        if (counts->failures[op])
            report_note(report, "%s failed with code %u", ops[op].name, counts->failures[op]);
    }
    add_predictions(report, counts);
    add_calls(report, counts);
    add_notes(report, counts, software);
}

void map_tables_add_program(struct report *report, const struct hsp_map_counts *counts,
                            bool software) {
    add_phase(operations_table(report, software), counts, HSP_MAP_WHOLE, false, "program");
    add_calls(report, counts);
    report_show_details(report);
    add_notes(report, counts, software);
}

/* Calls of one kind over everything, made by ROCm's own libraries. */
static uint32_t by_rocm(const struct hsp_map_counts *counts, enum hsp_map_source source,
                        enum hsp_map_kind kind) {
    uint32_t sum = 0;
    for (size_t i = 0; i < counts->count; i++) {
        const struct hsp_map_entry *entry = &counts->entries[i];
        if (entry->source != source || entry->kind != kind || entry->layer != HSP_LAYER_OS ||
            entry->caller == HSP_MAP_PROGRAM || entry->caller == HSP_MAP_BY_EMULATION)
            continue;
        for (size_t run = 0; run < HSP_MAP_RUNS_MAX; run++)
            sum += entry->counts[run];
    }
    return sum;
}

static const char *coverage_reason(enum hsp_map_kind kind, uint32_t asked, uint32_t made,
                                   bool software) {
    if (asked == made)
        return NULL;
    switch (kind) {
    case HSP_MAP_KFD:
    case HSP_MAP_DRM:
        return software ? "answered by the software GPU: never executed"
                        : "calls before or after the recorder's time";
    case HSP_MAP_FUTEX:
        return "made inside libc's locks and condition variables: no seam";
    case HSP_MAP_CLONE:
        return made ? "threads of the program's own" : "strace finds no stack at clone3";
    case HSP_MAP_OPEN:
        return "libc opens directories and files for itself; those of the software GPU's tree are "
               "other files";
    case HSP_MAP_CLOSE:
        return "closes of libc's own, and of descriptors that the software GPU keeps";
    case HSP_MAP_MMAP:
    case HSP_MAP_MUNMAP:
    case HSP_MAP_MPROTECT:
        return "memory of libc's (malloc, thread stacks, streams) on behalf of the library";
    default:
        return asked > made ? "answered by the software GPU or by libc without a system call"
                            : "made inside libc: no seam";
    }
}

void map_tables_add_coverage(struct report *report, const struct hsp_map_counts *counts,
                             bool software) {
    static const struct report_column columns[] = {
        {"kind", "call", SOURCE_NONE, FORMAT_PLAIN},
        {"asked", "recorder", SOURCE_MEASURED, FORMAT_PLAIN},
        {"made", "strace", SOURCE_MEASURED, FORMAT_PLAIN},
        {"coverage", "coverage %", SOURCE_DERIVED, FORMAT_PLAIN},
        {"reason", "reason", SOURCE_NONE, FORMAT_PLAIN},
    };
    struct report_section *table =
        report_table(report, "coverage", "calls of ROCm's libraries: recorder against strace",
                     columns, COUNT(columns));
    for (int kind = 0; kind < HSP_MAP_KIND_COUNT; kind++) {
        uint32_t asked = by_rocm(counts, HSP_MAP_ASKED, (enum hsp_map_kind)kind);
        uint32_t made = by_rocm(counts, HSP_MAP_MADE, (enum hsp_map_kind)kind);
        if (kind == HSP_MAP_OTHER || (asked == 0 && made == 0))
            continue;
        const char *reason = coverage_reason((enum hsp_map_kind)kind, asked, made, software);
        report_row(table, report_text(hsp_map_kind_name((enum hsp_map_kind)kind)),
                   report_integer(asked), report_integer(made),
                   made ? report_real(100.0 * asked / made) : report_nothing(),
                   reason ? report_text(reason) : report_nothing());
    }
}

/* Calls within `parent`, and within those, each with its count. */
static void add_tree(struct report_section *table, const struct hsp_map_counts *counts, uint32_t op,
                     uint32_t run, const char *parent, unsigned depth) {
    enum { DEPTH_MAX = 8 };
    for (size_t i = 0; i < counts->count && depth < DEPTH_MAX; i++) {
        const struct hsp_map_entry *entry = &counts->entries[i];
        if (entry->op != op || entry->background || entry->source != HSP_MAP_ASKED ||
            entry->counts[run] == 0 || strcmp(entry->parent, parent) != 0)
            continue;
        char *name = xasprintf("%*s%s", (int)(2 * depth), "", entry->name);
        report_row(table, report_text(run ? "steady" : "cold"), report_text(name),
                   report_text(hsp_layer_name((enum hsp_trace_layer)entry->layer)),
                   entry->layer == HSP_LAYER_OS ? report_text(hsp_map_caller_name(entry->caller))
                                                : report_nothing(),
                   report_integer(entry->counts[run]), report_integer(entry->exclusive_ns[run]));
        free(name);
        if (entry->layer != HSP_LAYER_OS && strcmp(entry->name, parent) != 0)
            add_tree(table, counts, op, run, entry->name, depth + 1);
    }
}

static void add_paths(struct report *report, const struct hsp_map_paths *paths,
                      uint32_t steady_run) {
    static const struct report_column columns[] = {
        {"phase", "", SOURCE_NONE, FORMAT_PLAIN},
        {"call", "call", SOURCE_NONE, FORMAT_PLAIN},
        {"count", "count", SOURCE_MEASURED, FORMAT_PLAIN},
        {"path", "call path seen", SOURCE_NONE, FORMAT_PLAIN},
    };
    struct report_section *table =
        report_table(report, "paths", "call paths seen", columns, COUNT(columns));
    for (size_t i = 0; i < paths->count; i++) {
        const struct hsp_map_path *path = &paths->paths[i];
        if (path->run == 0 || path->run == steady_run)
            report_row(table, report_text(path->run ? "steady" : "cold"), report_text(path->call),
                       report_integer(path->count), report_text(path->frames));
    }
}

void map_tables_explain(struct report *report, const struct hsp_map_counts *counts, uint32_t op,
                        const struct hsp_map_paths *paths) {
    static const struct report_column columns[] = {
        {"phase", "", SOURCE_NONE, FORMAT_PLAIN},
        {"call", "call", SOURCE_NONE, FORMAT_PLAIN},
        {"layer", "layer", SOURCE_NONE, FORMAT_PLAIN},
        {"caller", "by", SOURCE_NONE, FORMAT_PLAIN},
        {"count", "count", SOURCE_MEASURED, FORMAT_PLAIN},
        {"exclusive_ns", "us", SOURCE_MEASURED, FORMAT_US},
    };
    size_t op_count;
    const struct hsp_map_op *row = &hsp_map_ops(&op_count)[op];
    struct report_section *fields = report_fields(report, "operation", row->name);
#define FIELD(key, title, text)                                                                    \
    report_field(fields, &(struct report_column){key, title, SOURCE_NONE, FORMAT_PLAIN},           \
                 report_text(text))
    FIELD("path", "path in the sources", row->path);
    FIELD("mechanism", "in the kernel", row->mechanism);
    if (*row->reason)
        FIELD("reason", "corrected because", row->reason);
#undef FIELD
    struct report_section *tree =
        report_table(report, "tree", "calls as they nest", columns, COUNT(columns));
    add_tree(tree, counts, op, 0, "", 0);
    if (counts->run_counts[op] > 1)
        add_tree(tree, counts, op, median_run(counts, op), "", 0);
    add_paths(report, paths, counts->run_counts[op] > 1 ? median_run(counts, op) : 0);
    add_predictions(report, counts);
}
