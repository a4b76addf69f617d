/* SPDX-License-Identifier: MIT */
#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>

#include <hsaprobe/hsaprobe.h>

#include "bench.h"
#include "builtin.h"
#include "launch.h"
#include "measure/stats.h"
#include "memory.h"

#if defined(__x86_64__)
#    include <x86intrin.h>
#endif

#define CALLS        4096u /* of a cheap call in a block; fewer than a thread's ring has events */
#define BATCH        64u
#define BATCHES      (QUEUE_SIZE / BATCH)
#define QUEUE_SIZE   1024u
#define RAW_POOLS    16u /* of calls that enter the driver */
#define RAW_SIGNALS  64u
#define POOL_SIGNALS 64u

struct bench {
    struct command_context *context;
    const struct bench_input *input;
    struct {
        hsa_signal_value_t (*signal_load)(hsa_signal_t);
        hsa_status_t (*signal_create)(hsa_signal_value_t, uint32_t, const hsa_agent_t *,
                                      hsa_signal_t *);
        hsa_status_t (*signal_destroy)(hsa_signal_t);
        void (*signal_store)(hsa_signal_t, hsa_signal_value_t);
        uint64_t (*add_write_index)(const hsa_queue_t *, uint64_t);
        uint64_t (*load_read_index)(const hsa_queue_t *);
        void (*store_read_index)(const hsa_queue_t *, uint64_t);
        hsa_status_t (*iterate_regions)(hsa_agent_t, hsa_status_t (*)(hsa_region_t, void *),
                                        void *);
        hsa_status_t (*region_get_info)(hsa_region_t, hsa_region_info_t, void *);
        hsa_status_t (*soft_queue_create)(hsa_region_t, uint32_t, hsa_queue_type32_t, uint32_t,
                                          hsa_signal_t, hsa_queue_t **);
        hsa_status_t (*queue_destroy)(hsa_queue_t *);
        hsa_status_t (*pool_allocate)(hsa_amd_memory_pool_t, size_t, uint32_t, void **);
        hsa_status_t (*pool_free)(void *);
    } hsa;                   /* the functions themselves, as a program links them */
    hsa_queue_t *soft_queue; /* plain memory that no device reads */
    struct hsp_queue *queue; /* around it */
    struct hsp_kernarg_arena *arena;
    struct hsp_signal_pool *signals;
    hsa_signal_t signal; /* to be loaded */
    hsa_signal_t doorbell;
    hsa_amd_memory_pool_t kernarg_pool;
    struct hsp_dispatch dispatches[BATCH];
    int64_t sink; /* what the calls returned */
};

static uint64_t read_timer(void) {
#if defined(__x86_64__)
    unsigned processor;
    return __rdtscp(&processor);
#else
    return hsp_clock_ticks();
#endif
}

/* One call each, `count` times: the two sides of the cases. */

static void load_raw(struct bench *bench, uint32_t count) {
    for (uint32_t i = 0; i < count; i++)
        bench->sink += bench->hsa.signal_load(bench->signal);
}

static void load_raw_timed(struct bench *bench, uint32_t count) {
    for (uint32_t i = 0; i < count; i++) {
        uint64_t start = read_timer();
        bench->sink += bench->hsa.signal_load(bench->signal);
        bench->sink += (int64_t)(read_timer() - start);
    }
}

static void load_ours(struct bench *bench, uint32_t count) {
    for (uint32_t i = 0; i < count; i++)
        bench->sink += hsp_signal_load_relaxed(bench->signal);
}

/* What a program writes that submits a batch with ROCr's functions. */
static void submit_raw(struct bench *bench, uint32_t batches) {
    hsa_queue_t *queue = hsp_queue_native(bench->queue);
    hsa_kernel_dispatch_packet_t *packets = queue->base_address;
    for (uint32_t b = 0; b < batches; b++) {
        uint64_t first = bench->hsa.add_write_index(queue, BATCH);
        while (first + BATCH - bench->hsa.load_read_index(queue) > queue->size)
            ;
        for (uint32_t i = 0; i < BATCH; i++) {
            const struct hsp_dispatch *dispatch = &bench->dispatches[i];
            hsa_kernel_dispatch_packet_t *packet = &packets[(first + i) & (queue->size - 1)];
            packet->workgroup_size_x = (uint16_t)dispatch->geometry.workgroup[0];
            packet->workgroup_size_y = (uint16_t)dispatch->geometry.workgroup[1];
            packet->workgroup_size_z = (uint16_t)dispatch->geometry.workgroup[2];
            packet->reserved0 = 0;
            packet->grid_size_x = dispatch->geometry.grid[0];
            packet->grid_size_y = dispatch->geometry.grid[1];
            packet->grid_size_z = dispatch->geometry.grid[2];
            packet->private_segment_size = dispatch->private_bytes;
            packet->group_segment_size = dispatch->group_bytes;
            packet->kernel_object = dispatch->kernel_object;
            packet->kernarg_address = (void *)(uintptr_t)dispatch->kernarg;
            packet->reserved2 = 0;
            packet->completion_signal = dispatch->completion;
            uint32_t header =
                HSA_PACKET_TYPE_KERNEL_DISPATCH << HSA_PACKET_HEADER_TYPE |
                (uint32_t)dispatch->barrier << HSA_PACKET_HEADER_BARRIER |
                (uint32_t)dispatch->acquire << HSA_PACKET_HEADER_SCACQUIRE_FENCE_SCOPE |
                (uint32_t)dispatch->release << HSA_PACKET_HEADER_SCRELEASE_FENCE_SCOPE;
            uint32_t setup = dispatch->geometry.dimension_count
                             << HSA_KERNEL_DISPATCH_PACKET_SETUP_DIMENSIONS;
            __atomic_store_n((uint32_t *)(void *)packet, header | setup << 16, __ATOMIC_RELEASE);
        }
        bench->hsa.signal_store(queue->doorbell_signal, (hsa_signal_value_t)(first + BATCH - 1));
    }
}

static void submit_ours(struct bench *bench, uint32_t batches) {
    uint64_t first;
    for (uint32_t b = 0; b < batches; b++)
        hsp_dispatch_submit(bench->queue, HSP_SUBMIT_RING, bench->dispatches, BATCH, &first);
}

static void kernarg_raw(struct bench *bench, uint32_t count) {
    for (uint32_t i = 0; i < count; i++) {
        void *block = NULL;
        if (bench->hsa.pool_allocate(bench->kernarg_pool, 64, 0, &block) == HSA_STATUS_SUCCESS)
            bench->hsa.pool_free(block);
    }
}

static void kernarg_ours(struct bench *bench, uint32_t count) {
    for (uint32_t i = 0; i < count; i++)
        hsp_kernarg_arena_release(bench->arena, hsp_kernarg_arena_acquire(bench->arena));
}

static void signal_raw(struct bench *bench, uint32_t count) {
    for (uint32_t i = 0; i < count; i++) {
        hsa_signal_t signal;
        if (bench->hsa.signal_create(1, 0, NULL, &signal) == HSA_STATUS_SUCCESS)
            bench->hsa.signal_destroy(signal);
    }
}

static void signal_ours(struct bench *bench, uint32_t count) {
    for (uint32_t i = 0; i < count; i++)
        hsp_signal_pool_release(bench->signals, hsp_signal_pool_acquire(bench->signals, 1));
}

/* A side of a case: `calls` calls of `run`, which count as calls * weight. */
struct side {
    void (*run)(struct bench *bench, uint32_t calls);
    uint32_t calls;
    uint32_t weight;
};

/* The promises. `bound` is of the difference, or of our side where is_absolute. */
static const struct library_case {
    const char *what;
    struct side raw, ours;
    enum hsp_wrapper_mode mode;
    double bound_ns; /* 0: none */
    double bound_ratio;
    bool is_absolute;
    bool fills_queue;
} cases[] = {
    {.what = "a call: raw against raw", .raw = {load_raw, CALLS, 1}, .ours = {load_raw, CALLS, 1}},
    {.what = "a call, recording off",
     .raw = {load_raw, CALLS, 1},
     .ours = {load_ours, CALLS, 1},
     .bound_ns = 1},
    {.what = "a call, counters, less timer reads",
     .raw = {load_raw_timed, CALLS, 1},
     .ours = {load_ours, CALLS, 1},
     .mode = HSP_WRAPPER_COUNTERS,
     .bound_ns = 25},
    {.what = "a call, events, less timer reads",
     .raw = {load_raw_timed, CALLS, 1},
     .ours = {load_ours, CALLS, 1},
     .mode = HSP_WRAPPER_RECORD,
     .bound_ns = 40},
    {.what = "a packet, 64 with one doorbell",
     .raw = {submit_raw, BATCHES, BATCH},
     .ours = {submit_ours, BATCHES, BATCH},
     .bound_ns = 40,
     .bound_ratio = 1.05,
     .is_absolute = true,
     .fills_queue = true},
    {.what = "kernarg block: acquire, release",
     .raw = {kernarg_raw, RAW_POOLS, 1},
     .ours = {kernarg_ours, CALLS, 1},
     .bound_ns = 15,
     .is_absolute = true},
    {.what = "signal: acquire, release",
     .raw = {signal_raw, RAW_SIGNALS, 1},
     .ours = {signal_ours, CALLS, 1}},
};
#define CASE_COUNT (sizeof cases / sizeof *cases)

/* ns of one call. */
static double time_side(struct bench *bench, const struct library_case *row,
                        const struct side *side) {
    /* Nobody else reads the queue. */
    bench->hsa.store_read_index(bench->soft_queue, hsp_queue_write_index(bench->queue));
    hsp_record_clear();
    if (!row->fills_queue)
        side->run(bench, 1); /* also empties the counters */
    uint64_t start = hsp_clock_ns();
    side->run(bench, side->calls);
    uint64_t end = hsp_clock_ns();
    return (double)(end - start) / ((double)side->calls * side->weight);
}

/* Pairs of one case; samples[2 * round] is the raw side, the next one ours. Cases run one after the
 * other: a jump that has had two targets is predicted more slowly, so modes must not alternate. */
static hsp_status run_rounds(struct bench *bench, const struct library_case *row, double *samples) {
    const uint32_t warm_up = 5;
    uint32_t rounds = bench->input->round_count;
    const struct side *sides[] = {&row->raw, &row->ours};
    hsp_status status = hsp_runtime_set_wrapper_mode(row->mode);
    if (status)
        return status;
    for (uint32_t round = 0; round < warm_up + rounds; round++) {
        double values[2];
        for (uint32_t k = 0; k < 2; k++) {
            uint32_t which = (round & 1) ^ k; /* who goes first changes */
            values[which] = time_side(bench, row, sides[which]);
        }
        if (round >= warm_up)
            memcpy(&samples[2 * (round - warm_up)], values, sizeof values);
    }
    return HSP_OK;
}

static int add_row(struct bench *bench, struct report_section *table,
                   const struct library_case *row, const double *samples) {
    uint32_t rounds = bench->input->round_count;
    double *columns = xcalloc(3u * rounds, sizeof *columns);
    double *raw = columns, *ours = columns + rounds, *difference = columns + 2 * rounds;
    for (uint32_t i = 0; i < rounds; i++) {
        raw[i] = samples[2 * i];
        ours[i] = samples[2 * i + 1];
        difference[i] = ours[i] - raw[i];
    }
    struct hsp_bootstrap bootstrap = {.seed = bench->input->seed};
    struct hsp_interval interval;
    struct hsp_summary all;
    int failed = hsp_stats_summarize(ours, rounds, &all) ||
                 hsp_stats_median_interval(difference, rounds, &bootstrap, &interval);
    double raw_median = hsp_stats_median_inplace(raw, rounds);
    double change = hsp_stats_median_inplace(difference, rounds);
    free(columns);
    if (failed)
        return failure(EXIT_FAILED, "statistics", "out of memory");
    bool is_met = (row->is_absolute ? all.median : change) <= row->bound_ns &&
                  (row->bound_ratio <= 0 || raw_median + change <= row->bound_ratio * raw_median);
    report_row(table, report_text(row->what), report_real(raw_median), report_real(all.median),
               report_real(all.p25), report_real(all.p75), report_real(change),
               report_real(interval.low), report_real(interval.high),
               row->bound_ns > 0 ? report_real(row->bound_ns) : report_nothing(),
               row->bound_ns > 0 ? report_boolean(is_met) : report_nothing());
    return EXIT_OK;
}

static int report_rounds(struct bench *bench, double *samples[CASE_COUNT]) {
    static const struct report_column columns[] = {
        {"what", "ns of", SOURCE_NONE, FORMAT_PLAIN},
        {"raw_ns", "raw ROCr", SOURCE_MEASURED, FORMAT_PLAIN},
        {"ours_ns", "hsaprobe", SOURCE_MEASURED, FORMAT_PLAIN},
        {"ours_p25_ns", "p25", SOURCE_MEASURED, FORMAT_PLAIN},
        {"ours_p75_ns", "p75", SOURCE_MEASURED, FORMAT_PLAIN},
        {"difference_ns", "difference", SOURCE_DERIVED, FORMAT_PLAIN},
        {"low_ns", "95% from", SOURCE_DERIVED, FORMAT_PLAIN},
        {"high_ns", "to", SOURCE_DERIVED, FORMAT_PLAIN},
        {"bound_ns", "bound", SOURCE_NONE, FORMAT_PLAIN},
        {"met", "met", SOURCE_DERIVED, FORMAT_PLAIN},
    };
    struct report *report = bench->context->report;
    struct report_section *table =
        report_table(report, "library", "raw ROCr code beside the library, in pairs", columns,
                     sizeof columns / sizeof *columns);
    int code = EXIT_OK;
    for (size_t i = 0; i < CASE_COUNT && !code; i++)
        code = add_row(bench, table, &cases[i], samples[i]);
    double load = 0;
    if (getloadavg(&load, 1) == 1)
        report_field(report_fields(report, "machine", NULL),
                     &(struct report_column){"load", "runnable threads of the last minute",
                                             SOURCE_MEASURED, FORMAT_PLAIN},
                     report_real(load));
    report_note(report, "bounds of packets, blocks and signals are of hsaprobe's side, of calls of "
                        "the difference; packets: also 1.05 times raw");
    return code;
}

static int find_functions(struct bench *bench) {
    struct hsp_runtime_info info;
    hsp_status status = hsp_runtime_info_get(&info);
    if (status)
        return failure_of(status, "runtime");
    void *library = dlopen(info.library_path, RTLD_NOW | RTLD_NOLOAD);
    if (!library)
        return failure(EXIT_FAILED, info.library_path, "%s", dlerror());
    const struct {
        const char *name;
        void *slot;
    } functions[] = {
        {"hsa_signal_load_relaxed", &bench->hsa.signal_load},
        {"hsa_signal_create", &bench->hsa.signal_create},
        {"hsa_signal_destroy", &bench->hsa.signal_destroy},
        {"hsa_signal_store_screlease", &bench->hsa.signal_store},
        {"hsa_queue_add_write_index_scacq_screl", &bench->hsa.add_write_index},
        {"hsa_queue_load_read_index_scacquire", &bench->hsa.load_read_index},
        {"hsa_queue_store_read_index_relaxed", &bench->hsa.store_read_index},
        {"hsa_agent_iterate_regions", &bench->hsa.iterate_regions},
        {"hsa_region_get_info", &bench->hsa.region_get_info},
        {"hsa_soft_queue_create", &bench->hsa.soft_queue_create},
        {"hsa_queue_destroy", &bench->hsa.queue_destroy},
        {"hsa_amd_memory_pool_allocate", &bench->hsa.pool_allocate},
        {"hsa_amd_memory_pool_free", &bench->hsa.pool_free},
    };
    int code = EXIT_OK;
    for (size_t i = 0; i < sizeof functions / sizeof *functions && !code; i++) {
        void *address = dlsym(library, functions[i].name);
        memcpy(functions[i].slot, &address, sizeof address);
        if (!address)
            code = failure(EXIT_FAILED, functions[i].name, "not in %s", info.library_path);
    }
    dlclose(library); /* the library holds it */
    return code;
}

static hsa_status_t take_global(hsa_region_t region, void *data) {
    struct bench *bench = data;
    hsa_region_segment_t segment;
    hsa_status_t status = bench->hsa.region_get_info(region, HSA_REGION_INFO_SEGMENT, &segment);
    if (status != HSA_STATUS_SUCCESS || segment != HSA_REGION_SEGMENT_GLOBAL)
        return status;
    status = bench->hsa.soft_queue_create(region, QUEUE_SIZE, HSA_QUEUE_TYPE_MULTI,
                                          HSA_QUEUE_FEATURE_KERNEL_DISPATCH, bench->doorbell,
                                          &bench->soft_queue);
    return status == HSA_STATUS_SUCCESS ? HSA_STATUS_INFO_BREAK : status;
}

static hsp_status make_queue(struct bench *bench, const struct hsp_agent *agent) {
    struct hsp_signal_options quiet = {.size = sizeof quiet, .busy_wait = true};
    hsp_status status = hsp_signal_create(0, &quiet, &bench->doorbell);
    if (status)
        return status;
    hsa_agent_t host = hsp_agent_handle(hsp_agent_host());
    hsa_status_t answer = bench->hsa.iterate_regions(host, take_global, bench);
    if (!bench->soft_queue)
        return HSP_STATUS(HSP_DOMAIN_HSA, answer ? answer : HSA_STATUS_ERROR_INVALID_REGION);
    return hsp_queue_wrap(agent, bench->soft_queue, &bench->queue);
}

static hsp_status make_objects(struct bench *bench, const struct launch *launch) {
    bench->kernarg_pool = hsp_pool_handle(hsp_pool_find(hsp_agent_host(), HSP_POOL_KERNARG));
    hsp_status status = make_queue(bench, launch->agent);
    if (!status)
        status = hsp_kernarg_arena_create(launch->agent, launch->code.kernarg_bytes + 1u,
                                          QUEUE_SIZE, &bench->arena);
    if (!status)
        status = hsp_signal_pool_create(POOL_SIGNALS, NULL, &bench->signals);
    if (!status)
        status = hsp_signal_create(0, NULL, &bench->signal);
    if (status)
        return status;
    void *kernarg = hsp_kernarg_arena_acquire(bench->arena);
    status = hsp_arguments_write(launch->arguments, &launch->geometry, NULL, kernarg,
                                 launch->code.kernarg_bytes);
    for (uint32_t i = 0; i < BATCH; i++)
        hsp_dispatch_init(&bench->dispatches[i], &launch->code, &launch->geometry, kernarg);
    return status;
}

static void free_objects(struct bench *bench) {
    hsp_queue_destroy(bench->queue);
    hsp_kernarg_arena_destroy(bench->arena);
    hsp_signal_pool_destroy(bench->signals);
    hsp_signal_destroy(bench->signal);
    if (bench->soft_queue)
        bench->hsa.queue_destroy(bench->soft_queue);
    hsp_signal_destroy(bench->doorbell);
}

static int run_with(struct bench *bench, const struct launch *launch) {
    int code = find_functions(bench);
    if (code)
        return code;
    double *samples[CASE_COUNT];
    for (size_t i = 0; i < CASE_COUNT; i++)
        samples[i] = xcalloc(2u * bench->input->round_count, sizeof **samples);
    hsp_status status = make_objects(bench, launch);
    for (size_t i = 0; i < CASE_COUNT && !status; i++)
        status = run_rounds(bench, &cases[i], samples[i]);
    hsp_runtime_set_wrapper_mode(HSP_WRAPPER_OFF);
    code = status ? failure_of(status, "bench library") : report_rounds(bench, samples);
    free_objects(bench);
    for (size_t i = 0; i < CASE_COUNT; i++)
        free(samples[i]);
    return code;
}

int bench_library(struct command_context *context, const struct bench_input *input) {
    struct bench bench = {.context = context, .input = input};
    struct launch_input words;
    struct launch launch = {0};
    int code = builtin_input(builtin_find("empty"), &words);
    if (!code)
        code = launch_prepare(&words, context->device->agent, &launch);
    if (!code)
        code = run_with(&bench, &launch);
    launch_fini(&launch);
    launch_input_fini(&words);
    return code;
}
