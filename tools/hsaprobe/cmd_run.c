/* SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <string.h>

#include "launch.h"
#include "measure/stats.h"
#include "memory.h"
#include "output.h"
#include "value.h"

enum { KEY_REPEAT = 0x300, KEY_TIMEOUT };

struct run_input {
    struct launch_input launch;
    uint32_t repeat_count;
    uint64_t timeout_ns;
};

static const struct argp_option options[] = {
    LAUNCH_OPTIONS,
    {"repeat", KEY_REPEAT, "N", 0, "launch N times, one after the other (default 1)", 2},
    {"timeout", KEY_TIMEOUT, "SECONDS", 0, "give up on a launch then (default: never)", 2},
    {0},
};

static error_t parse(int key, char *arg, struct argp_state *state) {
    struct run_input *input = state->input;
    switch (key) {
    case ARGP_KEY_INIT:
        input->repeat_count = 1;
        input->timeout_ns = HSP_WAIT_FOREVER;
        return 0;
    case KEY_REPEAT:
        input->repeat_count = (uint32_t)parse_count(state, "--repeat", arg, 1, 1000000);
        return 0;
    case KEY_TIMEOUT:
        input->timeout_ns = parse_count(state, "--timeout", arg, 1, 1000000) * 1000000000u;
        return 0;
    case ARGP_KEY_END:
        launch_parse_end(state, &input->launch);
        return 0;
    default:
        return launch_parse(key, arg, state, &input->launch);
    }
}

static int before_device(void *input) {
    return launch_check(&((struct run_input *)input)->launch);
}

static char *details(void) {
    char *grammar = argument_grammar();
    char *text = xasprintf(
        "FILE is a code object, an offload bundle, a program or library with HIP kernels in it, or "
        "a source to compile: .hip, .cl (OpenCL C) or .s. "
        "KERNEL is a mangled or demangled name, or a unique beginning of one.\n\n%s",
        grammar);
    free(grammar);
    return text;
}

const struct command_options cmd_run_options = {
    .options = options,
    .parse = parse,
    .args_doc = "FILE KERNEL",
    .make_details = details,
    .input_bytes = sizeof(struct run_input),
    .before_device = before_device,
};

/* What the launches go through. */
struct channel {
    struct hsp_queue *queue;
    struct hsp_kernarg_arena *arena;
    void *kernarg;
    hsa_signal_t done;
};

/* Nanoseconds of every launch. */
struct times {
    double *submit;
    double *round_trip;
    double *device;
};

static void channel_close(struct channel *channel) {
    hsp_signal_destroy(channel->done);
    if (channel->kernarg)
        hsp_kernarg_arena_release(channel->arena, channel->kernarg);
    hsp_kernarg_arena_destroy(channel->arena);
    hsp_queue_destroy(channel->queue);
}

static int channel_open(const struct launch *launch, struct channel *channel) {
    struct hsp_queue_options queue_options = {.size = sizeof queue_options, .profiling = true};
    size_t kernarg_bytes = launch->code.kernarg_bytes;
    hsp_status status = hsp_queue_create(launch->agent, &queue_options, &channel->queue);
    if (!status)
        status = hsp_kernarg_arena_create(launch->agent, kernarg_bytes ? kernarg_bytes : 1, 1,
                                          &channel->arena);
    if (!status)
        status = hsp_signal_create(0, NULL, &channel->done);
    if (!status) {
        channel->kernarg = hsp_kernarg_arena_acquire(channel->arena);
        status = hsp_arguments_write(launch->arguments, &launch->geometry, channel->queue,
                                     channel->kernarg, kernarg_bytes);
    }
    return status ? failure_of(status, "queue") : EXIT_OK;
}

static int launch_once(const struct launch *launch, const struct channel *channel,
                       uint64_t timeout_ns, const struct times *times, size_t index) {
    struct hsp_dispatch dispatch;
    hsp_dispatch_init(&dispatch, &launch->code, &launch->geometry, channel->kernarg);
    dispatch.completion = channel->done;
    hsp_signal_store_relaxed(channel->done, 1);
    uint64_t first;
    uint64_t start = hsp_clock_ns();
    hsp_status status = hsp_dispatch_submit(channel->queue, HSP_SUBMIT_RING, &dispatch, 1, &first);
    uint64_t submitted = hsp_clock_ns();
    if (!status)
        status = hsp_dispatch_wait(channel->queue, channel->done, timeout_ns, HSP_WAIT_BLOCKED);
    uint64_t done = hsp_clock_ns();
    if (status == HSP_ERROR_TIMEOUT)
        return failure(EXIT_FAILED, launch->kernel->demangled, "not finished in time");
    struct hsp_device_times device = {0};
    if (!status)
        status = hsp_signal_dispatch_times(channel->done, launch->agent, &device);
    if (status)
        return failure_of(status, launch->kernel->demangled);
    times->submit[index] = (double)(submitted - start);
    times->round_trip[index] = (double)(done - start);
    times->device[index] = (double)(device.end_ns - device.start_ns);
    return EXIT_OK;
}

static void report_times(struct command_context *context, const struct times *times,
                         uint32_t count) {
    static const struct report_column columns[] = {
        {"what", "time", SOURCE_NONE, FORMAT_PLAIN},
        {"source", "source", SOURCE_NONE, FORMAT_PLAIN},
        {"first_ns", "first us", SOURCE_NONE, FORMAT_US},
        {"median_ns", "median us", SOURCE_NONE, FORMAT_US},
        {"p99_ns", "p99 us", SOURCE_NONE, FORMAT_US},
        {"max_ns", "max us", SOURCE_NONE, FORMAT_US},
        {"count", "launches", SOURCE_NONE, FORMAT_PLAIN},
    };
    const struct {
        const char *name;
        const double *values;
        enum report_source source;
    } rows[] = {
        {"submit", times->submit, SOURCE_MEASURED},
        {"round trip", times->round_trip, SOURCE_MEASURED},
        {"device", times->device, device_source(context->device)},
    };
    struct report_section *table =
        report_table(context->report, "times", NULL, columns, sizeof columns / sizeof *columns);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct hsp_summary summary;
        if (hsp_stats_summarize(rows[i].values, count, &summary))
            continue;
        report_row(table, report_text(rows[i].name),
                   report_text(report_source_name(rows[i].source)), report_real(rows[i].values[0]),
                   report_real(summary.median), report_real(summary.p99), report_real(summary.max),
                   report_integer(count));
    }
    if (context->device->software)
        report_note(context->report, "the device time is the software GPU's own, not an MI210's");
}

static void print_buffer(struct report *report, const struct launch_buffer *buffer,
                         const unsigned char *bytes) {
    static const struct report_column columns[] = {
        {"index", "index", SOURCE_NONE, FORMAT_PLAIN},
        {"value", "value", SOURCE_NONE, FORMAT_EXACT},
    };
    const struct argument *argument = buffer->argument;
    char *key = xasprintf("argument_%u", buffer->position);
    char *title = xasprintf("argument %u: %s", buffer->position, argument->text);
    struct report_section *table = report_table(report, key, title, columns, 2);
    size_t element = hsp_value_type_bytes(argument->type);
    for (size_t i = 0; i < argument->print_count; i++) {
        char text[32];
        report_row(table, report_integer(i),
                   value_report(argument->type, bytes + i * element, text));
    }
    free(key);
    free(title);
}

static int save_buffer(const char *path, const void *bytes, size_t count) {
    struct output output;
    int error = output_open(path, &output);
    if (!error) {
        fwrite(bytes, 1, count, output.stream);
        error = output_commit(&output);
    }
    return error ? failure(EXIT_FAILED, path, "%s", strerror(-error)) : EXIT_OK;
}

static int deliver_buffers(struct report *report, const struct launch *launch) {
    int code = EXIT_OK;
    for (size_t i = 0; i < launch->buffer_count && !code; i++) {
        const struct launch_buffer *buffer = &launch->buffers[i];
        if (!buffer->argument->prints && !buffer->argument->output_path)
            continue;
        unsigned char *bytes = xcalloc(buffer->bytes, 1);
        code = launch_read(buffer, bytes);
        if (!code && buffer->argument->prints)
            print_buffer(report, buffer, bytes);
        if (!code && buffer->argument->output_path)
            code = save_buffer(buffer->argument->output_path, bytes, buffer->bytes);
        free(bytes);
    }
    return code;
}

static int run_all(struct command_context *context, const struct launch *launch) {
    const struct run_input *input = context->input;
    uint32_t count = input->repeat_count;
    double *values = xcalloc(3 * (size_t)count, sizeof *values);
    struct times times = {values, values + count, values + 2 * (size_t)count};
    struct channel channel = {0};
    int code = launch_reset(launch);
    if (!code)
        code = channel_open(launch, &channel);
    for (uint32_t i = 0; i < count && !code; i++)
        code = launch_once(launch, &channel, input->timeout_ns, &times, i);
    if (!code) {
        launch_describe(launch, context->report);
        report_times(context, &times, count);
        code = deliver_buffers(context->report, launch);
    }
    channel_close(&channel);
    free(values);
    return code;
}

int cmd_run(struct command_context *context) {
    struct run_input *input = context->input;
    struct launch launch;
    int code = launch_prepare(&input->launch, context->device->agent, &launch);
    if (!code)
        code = run_all(context, &launch);
    launch_fini(&launch);
    launch_input_fini(&input->launch);
    return code;
}
