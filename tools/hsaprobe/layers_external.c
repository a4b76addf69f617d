/* SPDX-License-Identifier: MIT */
#include "layers_external.h"

#include <errno.h>
#include <jansson.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "memory.h"

#define PROTOCOL     1
#define RUN_COUNT    3
#define WARM_ROUNDS  4
#define ANSWER_MS    60000
#define PAUSE_MS     10
#define ANSWER_BYTES ((size_t)1 << 20)

extern char **environ;

/* The program on the other end of a socket that is its standard input and output. */
struct peer {
    const char *name;
    char *label; /* "arm NAME": what failures are about */
    pid_t pid;
    int fd;
    char *answer; /* ANSWER_BYTES */
    size_t filled;
};

bool layers_external_parse(char *word, struct layers_external *out_external) {
    static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                                  "-_.";
    size_t length = strspn(word, allowed);
    if (length == 0 || word[length] != '=' || !word[length + 1])
        return false;
    word[length] = 0;
    *out_external = (struct layers_external){.name = word, .command = word + length + 1};
    return true;
}

static int peer_start(struct peer *peer, const char *command) {
    int ends[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends))
        return failure(EXIT_FAILED, peer->label, "%s", strerror(errno));
    char *words[] = {(char *)"sh", (char *)"-c", (char *)command, NULL};
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, ends[1], STDIN_FILENO);
    posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
    int error = posix_spawn(&peer->pid, "/bin/sh", &actions, NULL, words, environ);
    posix_spawn_file_actions_destroy(&actions);
    close(ends[1]);
    peer->fd = ends[0];
    peer->answer = xcalloc(ANSWER_BYTES, 1);
    return error ? failure(EXIT_FAILED, peer->label, "%s", strerror(error)) : EXIT_OK;
}

/* Whether it ends by itself, for which it has as long as for an answer. */
static bool ends(pid_t pid, int *out_status) {
    const struct timespec pause = {.tv_nsec = PAUSE_MS * 1000000L};
    for (int ms = 0; ms < ANSWER_MS; ms += PAUSE_MS) {
        if (waitpid(pid, out_status, WNOHANG) == pid)
            return true;
        nanosleep(&pause, NULL);
    }
    return false;
}

/* Its end, in words: how it ended by itself, or that it had to be ended. */
static char *peer_end(struct peer *peer, bool is_stuck) {
    int status = 0;
    if (is_stuck || !ends(peer->pid, &status)) {
        is_stuck = true;
        kill(peer->pid, SIGKILL);
        while (waitpid(peer->pid, &status, 0) < 0 && errno == EINTR)
            ;
    }
    peer->pid = 0;
    if (is_stuck)
        return xasprintf("no answer within %d s", ANSWER_MS / 1000);
    if (WIFSIGNALED(status))
        return xasprintf("ended by signal %d (%s)", WTERMSIG(status), strsignal(WTERMSIG(status)));
    return xasprintf("ended with exit code %d", WEXITSTATUS(status));
}

/* One that failed may not look at its input any more. */
static void peer_stop(struct peer *peer, bool has_failed) {
    if (peer->fd >= 0)
        close(peer->fd); /* the end of its input */
    if (peer->pid > 0)
        free(peer_end(peer, has_failed));
    free(peer->answer);
    free(peer->label);
}

/* One line; NULL after printing. */
static char *read_line(struct peer *peer, const char *question) {
    for (;;) {
        char *end = memchr(peer->answer, '\n', peer->filled);
        if (end) {
            char *line = xasprintf("%.*s", (int)(end - peer->answer), peer->answer);
            peer->filled -= (size_t)(end + 1 - peer->answer);
            memmove(peer->answer, end + 1, peer->filled);
            return line;
        }
        struct pollfd wait = {.fd = peer->fd, .events = POLLIN};
        int ready = poll(&wait, 1, ANSWER_MS);
        if (ready < 0 && errno == EINTR)
            continue;
        ssize_t bytes =
            ready > 0 && peer->filled < ANSWER_BYTES
                ? read(peer->fd, peer->answer + peer->filled, ANSWER_BYTES - peer->filled)
                : 0;
        if (bytes <= 0) {
            bool is_stuck = ready == 0 || peer->filled == ANSWER_BYTES;
            char *words = peer_end(peer, is_stuck);
            failure(EXIT_FAILED, peer->label, "its program did not answer \"%s\": %s", question,
                    words);
            free(words);
            return NULL;
        }
        peer->filled += (size_t)bytes;
    }
}

/* Sends a question and reads its answer, an object without "error"; NULL after printing. `question`
 * is released. */
static json_t *ask(struct peer *peer, json_t *question) {
    char *name = xstrdup(json_string_value(json_object_get(question, "op")));
    char *text = json_dumps(question, JSON_COMPACT);
    json_decref(question);
    char *line = xasprintf("%s\n", text ? text : "{}");
    free(text);
    /* a program that is gone is noticed by the answer that isn't there */
    (void)!send(peer->fd, line, strlen(line), MSG_NOSIGNAL);
    free(line);
    char *answer = read_line(peer, name);
    json_error_t error;
    json_t *object = answer ? json_loads(answer, 0, &error) : NULL;
    const char *why = json_string_value(json_object_get(object, "error"));
    if (answer && !json_is_object(object))
        failure(EXIT_FAILED, peer->label, "its answer to \"%s\" is no JSON object: %.80s", name,
                answer);
    else if (why)
        failure(EXIT_FAILED, peer->label, "%s: %s", name, why);
    free(answer);
    free(name);
    if (json_is_object(object) && !why)
        return object;
    json_decref(object);
    return NULL;
}

static int open_arm(struct peer *peer, const char *workload, const struct hsp_geometry *geometry) {
    const uint32_t *grid = geometry->grid, *workgroup = geometry->workgroup;
    json_t *answer = ask(peer, json_pack("{s:s, s:i, s:s, s:[I,I,I], s:[I,I,I]}", "op", "open",
                                         "protocol", PROTOCOL, "workload", workload, "grid",
                                         (json_int_t)grid[0], (json_int_t)grid[1],
                                         (json_int_t)grid[2], "workgroup", (json_int_t)workgroup[0],
                                         (json_int_t)workgroup[1], (json_int_t)workgroup[2]));
    json_decref(answer);
    return answer ? EXIT_OK : EXIT_FAILED;
}

/* What the device counted must be what was launched. */
static int check_arm(struct peer *peer) {
    json_t *answer = ask(peer, json_pack("{s:s, s:i}", "op", "run", "count", RUN_COUNT));
    if (!answer)
        return EXIT_FAILED;
    json_t *launches = json_object_get(answer, "launches");
    json_t *kernels = json_object_get(answer, "kernels");
    int code = EXIT_OK;
    if (!json_is_integer(launches) || json_integer_value(launches) != RUN_COUNT)
        code = failure(EXIT_FAILED, peer->label, "it did not make the %d launches of \"run\"",
                       RUN_COUNT);
    else if (kernels && json_integer_value(kernels) != RUN_COUNT)
        code = failure(EXIT_FAILED, peer->label, "it launched %d and its device counted %lld",
                       RUN_COUNT, (long long)json_integer_value(kernels));
    json_decref(answer);
    return code;
}

/* Where the samples of a round go. */
struct destination {
    struct hsp_samples *samples;
    const char *workload;
    uint32_t process;
    uint32_t round;
};

static int add_numbers(const struct peer *peer, const struct destination *to, const json_t *answer,
                       const char *key, enum hsp_metric metric, uint32_t count) {
    const json_t *numbers = json_object_get(answer, key);
    double values[HSP_ROUNDS_BURST_MAX];
    if (count == 0)
        return EXIT_OK;
    if (json_array_size(numbers) != count)
        return failure(EXIT_FAILED, peer->label, "\"%s\" of its round has %zu numbers, not %u", key,
                       json_array_size(numbers), count);
    for (uint32_t i = 0; i < count; i++) {
        const json_t *number = json_array_get(numbers, i);
        values[i] = json_number_value(number);
        if (!json_is_number(number) || values[i] < 0)
            return failure(EXIT_FAILED, peer->label, "\"%s\" of its round: value %u is no time",
                           key, i);
    }
    struct hsp_series *series = hsp_samples_series(to->samples, to->workload, peer->name,
                                                   hsp_metric_name(metric), 0, HSP_SOURCE_MEASURED);
    if (series && metric == HSP_METRIC_SLOPE && series->size_count == 0) {
        series->size_count = count;
        for (uint32_t i = 0; i < count; i++)
            series->sizes[i] = UINT32_C(1) << i;
    }
    int rc = series
                 ? hsp_series_add(to->samples, series, to->process, to->round, values, count, NULL)
                 : -ENOMEM;
    return rc ? failure(EXIT_FAILED, peer->label, "%s", strerror(-rc)) : EXIT_OK;
}

static int take_round(struct peer *peer, const struct hsp_rounds_options *rounds,
                      const struct destination *to) {
    json_t *answer =
        ask(peer, json_pack("{s:s, s:i, s:i, s:i, s:i}", "op", "round", "settle",
                            rounds->settle_count, "burst", rounds->burst_count, "batch",
                            rounds->batch_count, "sizes", rounds->slope_count));
    if (!answer)
        return EXIT_FAILED;
    int code = EXIT_OK;
    if (to) {
        const struct {
            const char *key;
            enum hsp_metric metric;
            uint32_t count;
        } parts[] = {
            {"submit", HSP_METRIC_SUBMIT, rounds->burst_count},
            {"round_trip", HSP_METRIC_ROUND_TRIP, rounds->burst_count},
            {"back_to_back", HSP_METRIC_BACK_TO_BACK, rounds->batch_count != 0},
            {"slope", HSP_METRIC_SLOPE, rounds->slope_count},
        };
        for (size_t i = 0; i < sizeof parts / sizeof *parts && !code; i++)
            code = add_numbers(peer, to, answer, parts[i].key, parts[i].metric, parts[i].count);
    }
    json_decref(answer);
    return code;
}

static int take_rounds(struct peer *peer, const struct hsp_rounds_options *rounds,
                       struct destination *to) {
    int code = EXIT_OK;
    uint64_t start_ns = hsp_clock_ns();
    for (uint32_t i = 0; i < WARM_ROUNDS && rounds->warmup_round_max && !code; i++)
        code = take_round(peer, rounds, NULL);
    for (to->round = 0; to->round < rounds->round_count && !code; to->round++) {
        if (to->round && hsp_clock_ns() - start_ns >= rounds->time_limit_ns)
            break;
        code = take_round(peer, rounds, to);
    }
    return code;
}

int layers_external_run(struct command_context *context, const struct layers_external *external,
                        const char *workload, const struct hsp_geometry *geometry,
                        const struct layers_method *method,
                        const struct hsp_rounds_options *rounds) {
    struct peer peer = {
        .name = external->name, .label = xasprintf("arm %s", external->name), .fd = -1};
    struct destination to = {
        .samples = context->samples, .workload = workload, .process = method->process};
    int code = peer_start(&peer, external->command);
    if (!code)
        code = open_arm(&peer, workload, geometry);
    if (!code)
        code = check_arm(&peer);
    if (!code)
        code = take_rounds(&peer, rounds, &to);
    if (!code)
        json_decref(ask(&peer, json_pack("{s:s}", "op", "close")));
    peer_stop(&peer, code != EXIT_OK);
    return code;
}
