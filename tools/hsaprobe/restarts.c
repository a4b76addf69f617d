/* SPDX-License-Identifier: MIT */
#include "restarts.h"

#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "memory.h"
#include "samples_file.h"

extern char **environ;

static const char what[] = "restarted process";

/* The own words with the hidden option behind the command's name. */
static char **arguments(char **argv, int fd, unsigned number) {
    size_t count = 0;
    while (argv[count])
        count++;
    char **words = xcalloc(count + 2, sizeof *words);
    words[0] = argv[0];
    words[1] = argv[1];
    words[2] = xasprintf("--restart=/dev/fd/%d:%u", fd, number);
    memcpy(words + 3, argv + 2, (count - 2) * sizeof *words);
    return words;
}

/* spawn, not fork: the runtimes of this process have threads. */
static int start(char **argv, unsigned number, pid_t *out_pid, FILE **out_samples) {
    int ends[2];
    if (pipe2(ends, O_CLOEXEC))
        return errno;
    int error = 0;
    char **words = arguments(argv, ends[1], number);
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, ends[1], ends[1]); /* takes its CLOEXEC away */
    error = posix_spawn(out_pid, "/proc/self/exe", &actions, NULL, words, environ);
    posix_spawn_file_actions_destroy(&actions);
    free(words[2]);
    free(words);
    close(ends[1]);
    *out_samples = error ? NULL : fdopen(ends[0], "r");
    if (!*out_samples)
        close(ends[0]);
    return error;
}

/* Waits; 0, or the exit code of this command. A process that failed has said why. */
static int finish(pid_t pid) {
    int status;
    while (waitpid(pid, &status, 0) < 0)
        if (errno != EINTR)
            return failure(EXIT_FAILED, what, "%s", strerror(errno));
    if (WIFSIGNALED(status))
        return failure(EXIT_FAILED, what, "%s", strsignal(WTERMSIG(status)));
    return WEXITSTATUS(status);
}

/* One process, the `number`-th, whose samples become those of process `process`. */
static int run_one(struct command_context *context, char **argv, unsigned number,
                   unsigned process) {
    pid_t pid;
    FILE *samples;
    int error = start(argv, number, &pid, &samples);
    if (error)
        return failure(EXIT_FAILED, what, "%s", strerror(error));
    char *wrong = samples_read(samples, process, context->samples, NULL);
    fclose(samples);
    int code = finish(pid);
    if (!code && wrong)
        code = failure(EXIT_FAILED, what, "%s", wrong);
    free(wrong);
    return code;
}

int restarts_run(struct command_context *context, unsigned count) {
    int code = EXIT_OK;
    for (unsigned i = 0; i < count && !code; i++)
        code = run_one(context, context->argv, i + 1, i);
    return code;
}

int restarts_run_words(struct command_context *context, char **argv, unsigned process) {
    return run_one(context, argv, process + 1, process);
}
