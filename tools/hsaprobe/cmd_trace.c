/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "command.h"
#include "memory.h"
#include "output.h"
#include "program.h"
#include "trace.h"

#define TRACE_FILE     "libhsaprobe-trace.so"
#define POLL_NS        1000000L
#define POLL_MAX_NS    8000000L
#define NS_PER_S       1000000000ull
#define RING_SOON_FULL 4096u

/* As a shell reports them. */
enum { EXIT_NOT_EXECUTABLE = 126, EXIT_NOT_FOUND = 127, EXIT_SIGNALLED = 128 };

enum {
    KEY_FORMAT = 0x400,
    KEY_LAYERS,
    KEY_NAMES,
    KEY_PAUSED,
    KEY_START_AT,
    KEY_STOP_AT,
    KEY_START_AFTER,
    KEY_STOP_AFTER,
    KEY_LONGER,
    KEY_LOSSLESS,
    KEY_AT_END,
    KEY_RING,
    KEY_LIMIT,
    KEY_ALL_TIMES,
    KEY_DEVICE
};

enum file_format { FILE_TEXT, FILE_JSON, FILE_EVENTS };

struct trace_input {
    char **program;
    const char *path;
    const char *format; /* as given; NULL: by the path's ending */
    enum file_format file_format;
    struct trace_export_options export;
    struct hsp_session_options session;
    uint64_t start_after_ns, stop_after_ns; /* 0: not at all */
    bool has_all_times;
    bool reads_at_end;
    struct device_choice device;
};

static const struct argp_option options[] = {
    {"output", 'o', "FILE", 0, "write to FILE; it appears when it is complete", 0},
    {"format", KEY_FORMAT, "FORMAT", 0,
     "of FILE: text or json (the summary), chrome, csv or jsonl (the events); by default what its "
     "name ends in (.json is chrome), else text",
     0},
    {"layers", KEY_LAYERS, "LIST", 0,
     "record only these of span, hip, hsa, thunk, os, device (default: all); device includes hsa",
     0},
    {"names", KEY_NAMES, "LIST", 0,
     "record only functions that match one of these shell patterns, such as 'hipMem*'", 0},
    {"longer-than", KEY_LONGER, "NS", 0, "leave calls shorter than this out of FILE", 0},
    {"paused", KEY_PAUSED, NULL, 0,
     "record nothing until SIGUSR1, which stops it again, or --start-", 0},
    {"start-at", KEY_START_AT, "NAME[:N]", 0, "begin at the Nth call of this function", 0},
    {"stop-at", KEY_STOP_AT, "NAME[:N]", 0, "end after the Nth recorded call of this function", 0},
    {"start-after", KEY_START_AFTER, "SECONDS", 0, "begin then", 0},
    {"stop-after", KEY_STOP_AFTER, "SECONDS", 0, "end then", 0},
    {"lossless", KEY_LOSSLESS, NULL, 0,
     "a thread whose events find no room waits; by default they are dropped and counted", 0},
    {"at-end", KEY_AT_END, NULL, 0,
     "read nothing before the program ends, so that nothing runs beside it; what exceeds --ring is "
     "dropped and counted",
     0},
    {"ring", KEY_RING, "EVENTS", 0, "room for each thread, a power of two (default 65536)", 0},
    {"limit", KEY_LIMIT, "SIZE", 0, "write at most so much to FILE, with K, M, G or T", 0},
    {"all-times", KEY_ALL_TIMES, NULL, 0,
     "HIP gives each packet a signal of its own, so that every kernel has times; launches cost "
     "more",
     0},
    {"device", KEY_DEVICE, "DEVICE", 0,
     "soft: run it on the software GPU; hw: don't (default: where there is no AMD GPU)", 0},
    {0},
};

static uint32_t parse_layers(const struct argp_state *state, const char *list) {
    uint32_t layers = 0;
    for (const char *word = list;; word++) {
        const size_t length = strcspn(word, ",");
        unsigned layer = 0;
        while (layer < HSP_LAYER_COUNT &&
               (strlen(hsp_layer_name((enum hsp_trace_layer)layer)) != length ||
                strncmp(hsp_layer_name((enum hsp_trace_layer)layer), word, length) != 0))
            layer++;
        if (layer == HSP_LAYER_COUNT)
            usage_error(state, "--layers: '%.*s' is none of span, hip, hsa, thunk, os, device",
                        (int)length, word);
        layers |= 1u << layer;
        word += length;
        if (!*word)
            break;
    }
    /* Packets are seen where doorbells are rung. */
    return layers >> HSP_LAYER_DEVICE & 1 ? layers | 1u << HSP_LAYER_HSA : layers;
}

/* "hipLaunchKernel:100": cuts the text. */
static const char *parse_trigger(const struct argp_state *state, const char *what, char *text,
                                 uint64_t *out_count) {
    char *colon = strchr(text, ':');
    *out_count = 1;
    if (colon) {
        *colon = '\0';
        *out_count = parse_count(state, what, colon + 1, 1, UINT64_MAX);
    }
    return text;
}

static uint64_t parse_seconds(const struct argp_state *state, const char *what, const char *text) {
    char *end;
    const double seconds = strtod(text, &end);
    if (end == text || *end || !(seconds > 0) || seconds > 1e9)
        usage_error(state, "%s: '%s' is no number of seconds", what, text);
    return (uint64_t)(seconds * (double)NS_PER_S) + 1;
}

static void parse_format(const struct argp_state *state, struct trace_input *input) {
    static const struct {
        const char *name, *ending;
        enum file_format file_format;
        enum trace_format export;
    } formats[] = {
        {"text", NULL, FILE_TEXT, 0},
        {"json", NULL, FILE_JSON, 0},
        {"chrome", ".json", FILE_EVENTS, TRACE_CHROME},
        {"csv", ".csv", FILE_EVENTS, TRACE_CSV},
        {"jsonl", ".jsonl", FILE_EVENTS, TRACE_JSON_LINES},
    };
    const char *ending = input->path ? strrchr(input->path, '.') : NULL;
    for (size_t i = 0; i < sizeof formats / sizeof *formats; i++)
        if (input->format ? strcmp(formats[i].name, input->format) == 0
                          : ending && formats[i].ending && strcmp(formats[i].ending, ending) == 0) {
            input->file_format = formats[i].file_format;
            input->export.format = formats[i].export;
            return;
        }
    if (input->format)
        usage_error(state, "--format: '%s' is none of text, json, chrome, csv, jsonl",
                    input->format);
}

static error_t parse_program(int key, struct argp_state *state) {
    struct trace_input *input = state->input;
    if (key == ARGP_KEY_NO_ARGS)
        usage_error(state, "no program to run");
    if (key == ARGP_KEY_END) {
        parse_format(state, input);
        if (input->file_format == FILE_EVENTS && !input->path)
            usage_error(state, "--format %s needs -o FILE: standard output is the program's",
                        input->format);
        if (input->reads_at_end && input->session.waits)
            usage_error(state, "--lossless waits for a reader: not with --at-end");
        return 0;
    }
    if (key != ARGP_KEY_ARG)
        return ARGP_ERR_UNKNOWN;
    input->program = &state->argv[state->next - 1];
    state->next = state->argc;
    return 0;
}

static error_t parse(int key, char *arg, struct argp_state *state) {
    struct trace_input *input = state->input;
    unsigned long long number;
    switch (key) {
    case 'o':
        input->path = arg;
        return 0;
    case KEY_FORMAT:
        input->format = arg;
        return 0;
    case KEY_LAYERS:
        input->session.layers = parse_layers(state, arg);
        return 0;
    case KEY_NAMES:
        input->session.names = arg;
        return 0;
    case KEY_LONGER:
        input->export.shortest_ns = parse_count(state, "--longer-than", arg, 0, UINT64_MAX);
        return 0;
    case KEY_PAUSED:
        input->session.is_paused = true;
        return 0;
    case KEY_START_AT:
        input->session.start_name =
            parse_trigger(state, "--start-at", arg, &input->session.start_calls);
        input->session.is_paused = true;
        return 0;
    case KEY_STOP_AT:
        input->session.stop_name =
            parse_trigger(state, "--stop-at", arg, &input->session.stop_calls);
        return 0;
    case KEY_START_AFTER:
        input->start_after_ns = parse_seconds(state, "--start-after", arg);
        input->session.is_paused = true;
        return 0;
    case KEY_STOP_AFTER:
        input->stop_after_ns = parse_seconds(state, "--stop-after", arg);
        return 0;
    case KEY_LOSSLESS:
        input->session.waits = true;
        return 0;
    case KEY_AT_END:
        input->reads_at_end = true;
        return 0;
    case KEY_RING:
        number = parse_count(state, "--ring", arg, 64, 1u << 22);
        if (number & (number - 1))
            usage_error(state, "--ring: %s is no power of two", arg);
        input->session.ring_capacity = (uint32_t)number;
        return 0;
    case KEY_LIMIT:
        if (!parse_size(arg, &number) || number == 0)
            usage_error(state, "--limit: '%s' is not a size such as 512M or 16G", arg);
        input->export.limit_bytes = number;
        return 0;
    case KEY_ALL_TIMES:
        input->has_all_times = true;
        return 0;
    case KEY_DEVICE:
        if (!device_choice_parse(arg, &input->device))
            usage_error(state, "--device: '%s' is neither soft nor hw", arg);
        return 0;
    default:
        return parse_program(key, state);
    }
}

const struct command_options cmd_trace_options = {
    .options = options,
    .parse = parse,
    .args_doc = "[--] PROGRAM [ARG...]",
    .details =
        "Runs PROGRAM and records what it and everything that it starts do: HIP calls, HSA calls, "
        "thunk calls, what they ask of the OS (ioctls with their arguments), packets and copies "
        "with the device's times. The summary goes to standard error, or to FILE; FILE can have "
        "the events instead. Times include the recorder's own, which stands beside them. The exit "
        "code is the program's, 128 and the signal when one killed it; 127 when there is no such "
        "program, 126 when it can't be executed. SIGUSR1 pauses and resumes.",
    .input_bytes = sizeof(struct trace_input),
    .stops_at_first_word = true,
};

/* Everything of one run. */
struct run {
    const struct trace_input *input;
    struct hsp_session *session;
    struct trace_summary *summary;
    struct trace_joiner *joiner;
    struct trace_export *export; /* NULL: no events wanted */
    struct output output;
    uint64_t start_ns, end_ns;
    pid_t child;
    int status;
    uint32_t running_count; /* processes that outlived the program */
    bool has_recorded;      /* some process made its file */
};

static volatile sig_atomic_t toggle_wanted;
static volatile sig_atomic_t forwarded;

static void on_toggle(int number) {
    (void)number;
    toggle_wanted = 1;
}

static void on_end(int number) {
    forwarded = number;
}

static void on_child(int number) {
    (void)number; /* only ends the pause */
}

static const struct {
    int number;
    void (*handler)(int);
} handlers[] = {{SIGUSR1, on_toggle}, {SIGTERM, on_end}, {SIGHUP, on_end},
                {SIGCHLD, on_child},  {SIGINT, SIG_IGN}, {SIGQUIT, SIG_IGN}};
enum { HANDLER_COUNT = sizeof handlers / sizeof *handlers };
static struct sigaction inherited[HANDLER_COUNT]; /* what the program gets */

/* The terminal sends its signals to the program too; others are passed on, unless they are ignored
 * here (nohup). */
static void catch_signals(void) {
    for (size_t i = 0; i < HANDLER_COUNT; i++) {
        sigaction(handlers[i].number, NULL, &inherited[i]);
        if (handlers[i].handler != on_end || inherited[i].sa_handler != SIG_IGN)
            sigaction(handlers[i].number, &(struct sigaction){.sa_handler = handlers[i].handler},
                      NULL);
    }
}

static void restore_signals(void) {
    for (size_t i = 0; i < HANDLER_COUNT; i++)
        sigaction(handlers[i].number, &inherited[i], NULL);
}

static void take_work(void *data, const struct hsp_session_process *process,
                      const struct trace_work *work) {
    struct run *run = data;
    trace_summary_work(run->summary, process, work);
    if (run->export)
        trace_export_work(run->export, process, work);
}

static void take_process(void *data, const struct hsp_session_process *process) {
    struct run *run = data;
    run->has_recorded = true;
    if (process->is_over) {
        trace_joiner_end(run->joiner, process);
        if (process->pid != run->child && kill(process->pid, 0) == 0)
            run->running_count++;
    }
    trace_summary_process(run->summary, process);
}

static void take_event(void *data, const struct hsp_session_process *process, uint32_t thread,
                       const struct hsp_trace_event *event) {
    struct run *run = data;
    if (event->kind == HSP_TRACE_DISPATCH || event->kind == HSP_TRACE_COPY ||
        event->kind == HSP_TRACE_DEVICE)
        trace_joiner_add(run->joiner, process, thread, event);
    trace_summary_event(run->summary, process, thread, event);
    if (run->export)
        trace_export_event(run->export, process, thread, event);
}

static void switch_by_time(struct run *run, uint64_t before_ns, uint64_t now_ns) {
    const struct trace_input *input = run->input;
    if (toggle_wanted) {
        toggle_wanted = 0;
        hsp_session_set_active(run->session, !hsp_session_is_active(run->session));
    }
    if (input->start_after_ns && before_ns < input->start_after_ns &&
        now_ns >= input->start_after_ns)
        hsp_session_set_active(run->session, true);
    if (input->stop_after_ns && before_ns < input->stop_after_ns && now_ns >= input->stop_after_ns)
        hsp_session_set_active(run->session, false);
}

static hsp_status collect(struct run *run) {
    const struct hsp_session_sink sink = {
        .process = take_process, .event = take_event, .data = run};
    hsp_status status = HSP_OK;
    bool has_ended = false;
    long pause_ns = POLL_NS;
    for (uint64_t before_ns = 0; !has_ended && status == HSP_OK;) {
        uint64_t count = 0;
        const uint64_t now_ns = hsp_clock_ns() - run->start_ns;
        switch_by_time(run, before_ns, now_ns);
        before_ns = now_ns;
        if (forwarded)
            kill(run->child, forwarded);
        forwarded = 0;
        has_ended = waitpid(run->child, &run->status, WNOHANG) == run->child;
        if (has_ended)
            run->end_ns = hsp_clock_ns();
        if (has_ended || !run->input->reads_at_end)
            status = hsp_session_poll(run->session, &sink, has_ended, &count);
        /* A program that does little isn't disturbed often. */
        pause_ns = count ? POLL_NS : pause_ns < POLL_MAX_NS ? pause_ns * 2 : POLL_MAX_NS;
        if (!has_ended && count < RING_SOON_FULL)
            nanosleep(&(struct timespec){.tv_nsec = pause_ns}, NULL);
    }
    return status;
}

/* The software GPU behind the tracer, where it is wanted or nothing else is there. */
static int add_software(const struct device_choice *choice) {
    if (choice->kind == DEVICE_HW || device_is_software())
        return EXIT_OK;
    const bool has_hardware = access("/dev/kfd", R_OK | W_OK) == 0;
    if (choice->kind == DEVICE_AUTO && has_hardware)
        return EXIT_OK;
    char *library = device_softgpu_library();
    if (!library && choice->kind == DEVICE_AUTO)
        return EXIT_OK; /* the program says what it thinks of that */
    if (!library || !device_can_preload(library)) {
        free(library);
        return failure(EXIT_NO_DEVICE, "trace",
                       "the software GPU isn't there or can't be preloaded");
    }
    if (choice->kind == DEVICE_AUTO)
        fprintf(stderr, "hsaprobe: no AMD GPU here: the program runs on the software GPU\n");
    char *preload = device_preload_value(library, getenv("LD_PRELOAD"));
    setenv("LD_PRELOAD", preload, 1);
    free(preload);
    free(library);
    return EXIT_OK;
}

/* The environment that the program is started with. */
static int prepare(const struct trace_input *input, const struct hsp_session *session) {
    char *library = device_installed(TRACE_FILE);
    if (!library || !device_can_preload(library) || strpbrk(library, "\"\\")) {
        failure(EXIT_FAILED, "trace",
                library ? "'%s' can't be preloaded"
                        : "%s" TRACE_FILE " isn't beside this program's libraries",
                library ? library : "");
        free(library);
        return EXIT_FAILED;
    }
    char *preload = device_preload_value(library, getenv("LD_PRELOAD"));
    setenv("LD_PRELOAD", preload, 1);
    free(preload);
    const int code = add_software(&input->device);
    const char *tools = getenv("HSA_TOOLS_LIB");
    char *list = xasprintf("%s%s\"%s\"", tools ? tools : "", tools && *tools ? " " : "", library);
    setenv("HSA_TOOLS_LIB", list, 1);
    /* ROCr 6.1 and later: tools get the table beside rocprofiler-register. */
    setenv("HSA_TOOLS_ROCPROFILER_V1_TOOLS", "1", 0);
    setenv(HSP_SESSION_VARIABLE, hsp_session_path(session), 1);
    if (input->has_all_times)
        setenv("HIP_FORCE_QUEUE_PROFILING", "1", 1);
    free(list);
    free(library);
    return code;
}

/* Returns an exit code; the child's pid is in the run. A failed exec comes back through a pipe. */
static int start_program(struct run *run) {
    char **program = run->input->program;
    int fds[2];
    if (pipe(fds) != 0)
        return failure(EXIT_FAILED, "trace", "%s", strerror(errno));
    run->start_ns = hsp_clock_ns();
    run->child = fork();
    if (run->child == 0) {
        close(fds[0]);
        restore_signals();
        const int prepared = prepare(run->input, run->session);
        if (prepared != EXIT_OK)
            _exit(prepared);
        if (fcntl(fds[1], F_SETFD, FD_CLOEXEC) == 0)
            execvp(program[0], program);
        const int error = errno;
        if (write(fds[1], &error, sizeof error) != sizeof error)
            _exit(EXIT_FAILED);
        _exit(EXIT_NOT_FOUND);
    }
    int error = run->child < 0 ? errno : 0;
    close(fds[1]);
    if (run->child > 0 && read(fds[0], &error, sizeof error) != sizeof error)
        error = 0;
    close(fds[0]);
    if (!error)
        return EXIT_OK;
    if (run->child > 0)
        waitpid(run->child, NULL, 0);
    return failure(error == ENOENT ? EXIT_NOT_FOUND : EXIT_NOT_EXECUTABLE, program[0], "%s",
                   strerror(error));
}

static int write_results(struct run *run, struct report *report) {
    const struct trace_input *input = run->input;
    const uint64_t left_out = run->export ? trace_export_finish(run->export) : 0;
    run->export = NULL;
    if (left_out)
        report_note(report, "%llu events are beyond --limit and not in %s",
                    (unsigned long long)left_out, input->path);
    errno = 0;
    const bool to_file = input->path && input->file_format != FILE_EVENTS;
    FILE *stream = to_file ? run->output.stream : stderr;
    const bool written = input->file_format == FILE_JSON ? report_write_json(report, stream)
                                                         : report_write_text(report, stream);
    const int error = input->path ? output_commit(&run->output) : written ? 0 : -EIO;
    return error
               ? failure(EXIT_FAILED, input->path ? input->path : "summary", "%s", strerror(-error))
               : EXIT_OK;
}

static int exit_code_of(int status) {
    return WIFSIGNALED(status) ? EXIT_SIGNALLED + WTERMSIG(status) : WEXITSTATUS(status);
}

static int run_program(struct run *run) {
    catch_signals();
    int code = start_program(run);
    if (code != EXIT_OK)
        return code;
    const hsp_status status = collect(run);
    if (status != HSP_OK)
        return failure_of(status, "trace");
    struct report *report = report_create("trace");
    trace_summary_report(run->summary, run->session, run->end_ns - run->start_ns, report);
    if (run->running_count)
        report_note(report, "%u processes still run; they are recorded no further",
                    run->running_count);
    code = write_results(run, report);
    report_destroy(report);
    struct hsp_session_losses losses;
    hsp_session_losses(run->session, &losses);
    if (code == EXIT_OK && losses.process_count && !run->has_recorded)
        code = failure(EXIT_FAILED, "trace", "nothing was recorded: %s: %s",
                       hsp_session_path(run->session), strerror(losses.error));
    return code ? code : exit_code_of(run->status);
}

int cmd_trace(struct command_context *context) {
    const struct trace_input *input = context->input;
    struct run run = {.input = input};
    const char *reason = program_without_preload(input->program[0]);
    if (reason)
        return failure(EXIT_FAILED, input->program[0], "%s: it can't be traced", reason);
    const int error = input->path ? output_open(input->path, &run.output) : 0;
    if (error)
        return failure(EXIT_FAILED, input->path, "%s", strerror(-error));
    const hsp_status status = hsp_session_create(&input->session, &run.session);
    if (status != HSP_OK) {
        if (input->path)
            output_abort(&run.output);
        return failure_of(status, "trace");
    }
    run.summary = trace_summary_create();
    run.joiner = trace_joiner_create(take_work, &run);
    if (input->file_format == FILE_EVENTS)
        run.export = trace_export_create(run.output.stream, &input->export);
    const int code = run_program(&run);
    if (run.export) { /* before its results could be written */
        trace_export_finish(run.export);
        output_abort(&run.output);
    }
    trace_joiner_destroy(run.joiner);
    trace_summary_destroy(run.summary);
    hsp_session_destroy(run.session);
    return code;
}
