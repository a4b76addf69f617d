/* SPDX-License-Identifier: MIT */
#include "layers_spans.h"

#include <jansson.h>
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "measure/stats.h"
#include "memory.h"

#define HIP_LAUNCH "hipModuleLaunchKernel"
/* Of arm hsa, in this order; its wait is the same after a store into the barrier's signal. */
#define FIRST_CALL "hsa_queue_add_write_index_screlease"
#define LAST_CALL  "hsa_signal_store_screlease"
#define WAIT_CALL  "hsa_signal_silent_store_relaxed"
#define PARENTS    256 /* calls whose nested calls have ended but they themselves haven't */
#define GAPS       8

/* What a call contains, or a row of calls. */
struct content {
    double hsa_ns; /* own times, at any depth */
    double os_ns;
    unsigned child_count; /* directly within */
    double child_end_ns;
    double gaps[GAPS]; /* from a child's end to the next one's start */
};

/* A call that hasn't ended yet, found by its sequence number. */
struct parent {
    json_int_t sequence;
    json_int_t thread;
    struct content content;
};

struct values {
    double *values;
    size_t count;
};

/* One arm's launches: the last one counts once a wait follows it. */
struct launches {
    struct values own, hsa, os, children, gaps[GAPS];
    struct content last;
    double last_own;
    bool is_open;    /* there is one */
    bool has_waited; /* the next launch is the first after a wait */
};

struct reader {
    double inside_ns;
    struct parent parents[PARENTS];
    struct launches hip;
    struct launches replay;
    struct content row; /* arm hsa's calls so far */
    bool is_wait;       /* the row is a wait's */
};

struct call {
    const char *layer, *name;
    json_int_t sequence, thread, above; /* above: -1 at the outermost */
    double start, duration, own;
};

static void add(struct values *values, double value) {
    values->values = xreallocarray(values->values, values->count + 1, sizeof(double));
    values->values[values->count++] = value;
}

static void add_last(struct launches *launches) {
    const struct content *last = &launches->last;
    add(&launches->own, launches->last_own);
    add(&launches->hsa, last->hsa_ns);
    add(&launches->os, last->os_ns);
    add(&launches->children, last->child_count);
    for (unsigned i = 0; i + 1 < last->child_count && i < GAPS; i++)
        add(&launches->gaps[i], last->gaps[i]);
}

static void take_launch(struct launches *launches, bool is_launch, double own_ns,
                        const struct content *content) {
    if (launches->is_open && !is_launch)
        add_last(launches);
    launches->is_open = is_launch && launches->has_waited;
    launches->has_waited = !is_launch;
    launches->last = *content;
    launches->last_own = own_ns;
}

static void take_child(struct content *content, const struct call *call,
                       const struct content *within) {
    bool is_os = strcmp(call->layer, "os") == 0;
    bool is_hip = strcmp(call->layer, "hip") == 0;
    content->hsa_ns += within->hsa_ns + (is_hip || is_os ? 0 : call->own);
    content->os_ns += within->os_ns + (is_os ? call->own : 0);
    if (content->child_count > 0 && content->child_count <= GAPS)
        content->gaps[content->child_count - 1] = call->start - content->child_end_ns;
    content->child_count++;
    content->child_end_ns = call->start + call->duration;
}

/* A call of arm hsa; other arms' calls, and what HIP's threads do, are no such rows. */
static void take_replay(struct reader *reader, const struct call *call,
                        const struct content *within) {
    if (strcmp(call->name, WAIT_CALL) == 0) {
        reader->is_wait = true;
        return;
    }
    if (strcmp(call->name, FIRST_CALL) == 0)
        reader->row = (struct content){0};
    else if (reader->row.child_count == 0)
        return;
    take_child(&reader->row, call, within);
    if (strcmp(call->name, LAST_CALL) != 0)
        return;
    double own = 0;
    for (unsigned i = 0; i + 1 < reader->row.child_count && i < GAPS; i++)
        own += reader->row.gaps[i];
    take_launch(&reader->replay, !reader->is_wait, own, &reader->row);
    reader->row.child_count = 0;
    reader->is_wait = false;
}

static struct parent *parent_of(struct reader *reader, json_int_t sequence, json_int_t thread) {
    struct parent *parent = &reader->parents[sequence % PARENTS];
    if (parent->sequence != sequence || parent->thread != thread)
        *parent = (struct parent){.sequence = sequence, .thread = thread};
    return parent;
}

static void take_call(struct reader *reader, json_t *event) {
    struct call call = {.above = -1};
    if (json_unpack(event, "{s:s, s:s, s:I, s:I, s?I, s:F, s:F, s:F}", "layer", &call.layer, "name",
                    &call.name, "seq", &call.sequence, "thread", &call.thread, "parent_seq",
                    &call.above, "start_ns", &call.start, "duration_ns", &call.duration, "self_ns",
                    &call.own))
        return;
    call.own -= reader->inside_ns;
    const struct content within = parent_of(reader, call.sequence, call.thread)->content;
    if (call.above >= 0)
        take_child(&parent_of(reader, call.above, call.thread)->content, &call, &within);
    else if (strcmp(call.layer, "hip") == 0)
        take_launch(&reader->hip, strcmp(call.name, HIP_LAUNCH) == 0, call.own, &within);
    else if (strcmp(call.layer, "hsa") == 0)
        take_replay(reader, &call, &within);
}

static int compare(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Mean of the middle half: for what is as short as a step of the clock. */
static double middle_mean(const struct values *values) {
    size_t quarter = values->count / 4;
    double sum = 0;
    qsort(values->values, values->count, sizeof(double), compare);
    for (size_t i = quarter; i < values->count - quarter; i++)
        sum += values->values[i];
    return sum / (double)(values->count - 2 * quarter);
}

/* The least of the gaps that most launches have. */
static double around_of(const struct launches *launches) {
    double around = INFINITY;
    for (size_t i = 0; i < GAPS; i++)
        if (launches->gaps[i].count > launches->own.count / 2)
            around = fmin(around, middle_mean(&launches->gaps[i]));
    return isinf(around) ? 0 : around;
}

static double median(const struct values *values) {
    return hsp_stats_median_inplace(values->values, values->count);
}

static struct spans spans_of(const struct launches *hip, const struct launches *replay) {
    double around = around_of(hip);
    double nested = median(&hip->children);
    double between = median(&replay->children) - 1;
    return (struct spans){.launch_count = hip->own.count,
                          .replay_count = replay->own.count,
                          .hip_ns = median(&hip->own) - around * nested,
                          .hip_hsa_ns = median(&hip->hsa),
                          .hip_os_ns = median(&hip->os),
                          .replay_ns = median(&replay->own) - around * between,
                          .replay_hsa_ns = median(&replay->hsa) + median(&replay->os),
                          .nested_count = nested,
                          .around_ns = around};
}

static void launches_fini(struct launches *launches) {
    free(launches->own.values);
    free(launches->hsa.values);
    free(launches->os.values);
    free(launches->children.values);
    for (size_t i = 0; i < GAPS; i++)
        free(launches->gaps[i].values);
}

char *spans_read(FILE *events, double inside_ns, struct spans *out_spans) {
    struct reader *reader = xcalloc(1, sizeof *reader);
    reader->inside_ns = inside_ns;
    reader->hip.has_waited = reader->replay.has_waited = true;
    char *line = NULL;
    size_t capacity = 0;
    char *wrong = NULL;
    while (!wrong && getline(&line, &capacity, events) > 0) {
        if (!strstr(line, "\"type\":\"call\""))
            continue; /* dispatches, copies, calls that didn't end */
        json_t *event = json_loads(line, 0, NULL);
        if (event)
            take_call(reader, event);
        else
            wrong = xasprintf("the trace has a line that is no JSON: %.200s", line);
        json_decref(event);
    }
    free(line);
    if (!wrong && reader->hip.own.count == 0)
        wrong = xstrdup("the trace has no " HIP_LAUNCH " between two waits");
    if (!wrong && reader->replay.own.count == 0)
        wrong = xstrdup("the trace has no launch of arm hsa between two waits");
    if (!wrong)
        *out_spans = spans_of(&reader->hip, &reader->replay);
    launches_fini(&reader->hip);
    launches_fini(&reader->replay);
    free(reader);
    return wrong;
}

struct span_layers spans_layers(const struct spans *spans, double fill_ns, double waits_ns) {
    double between_ns = fmax(fill_ns, spans->replay_ns - fmax(0, waits_ns));
    return (struct span_layers){.hip_ns = spans->hip_ns - between_ns + spans->hip_hsa_ns -
                                          spans->replay_hsa_ns,
                                .hsa_ns = spans->replay_hsa_ns + between_ns - fill_ns,
                                .os_ns = spans->hip_os_ns};
}
