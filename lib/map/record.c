/* SPDX-License-Identifier: MIT */
#include "map/record.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static void set_environment(const struct hsp_map_launch *launch, const char *session) {
    char value[4096];
    snprintf(value, sizeof value, "%s%s%s", launch->tracer, launch->preload ? ":" : "",
             launch->preload ? launch->preload : "");
    setenv("LD_PRELOAD", value, 1);
    snprintf(value, sizeof value, "\"%s\"", launch->tracer);
    setenv("HSA_TOOLS_LIB", value, 1);
    setenv(HSP_SESSION_VARIABLE, session, 1);
}

/* In the child: executes the program, or tells why that can't be. */
static _Noreturn void execute(const struct hsp_map_launch *launch, const char *session,
                              int failure_fd) {
    set_environment(launch, session);
    execvp(launch->argv[0], launch->argv);
    const int error = errno;
    if (write(failure_fd, &error, sizeof error) != sizeof error)
        perror("hsaprobe: map");
    _exit(127);
}

/* Returns 0 once the program is executed, or an errno: there is no child then. */
static int start(const struct hsp_map_launch *launch, const char *session, pid_t *out_pid) {
    int ends[2];
    int error = 0;
    fflush(NULL);
    if (pipe2(ends, O_CLOEXEC) != 0) /* closed by the exec that succeeds */
        return errno;
    const pid_t pid = fork();
    if (pid == 0)
        execute(launch, session, ends[1]);
    if (pid < 0)
        error = errno;
    close(ends[1]);
    if (pid > 0 && read(ends[0], &error, sizeof error) == sizeof error)
        waitpid(pid, NULL, 0);
    close(ends[0]);
    *out_pid = pid;
    return error;
}

static hsp_status collect(struct hsp_session *session, const struct hsp_session_sink *sink,
                          pid_t pid, int *out_status) {
    const struct timespec pause = {.tv_nsec = 2000000};
    hsp_status status = HSP_OK;
    for (bool ended = false; !ended && !status;) {
        uint64_t count = 0;
        ended = waitpid(pid, out_status, WNOHANG) == pid;
        status = hsp_session_poll(session, sink, ended, &count);
        if (!ended && count == 0)
            nanosleep(&pause, NULL);
    }
    return status;
}

int map_record(const struct hsp_map_launch *launch, const struct hsp_session_options *options,
               const struct hsp_session_sink *sink, uint64_t *dropped_count, int *out_status) {
    struct hsp_session *session;
    hsp_status status = hsp_session_create(options, &session);
    int error = 0;
    if (!status) {
        pid_t pid = -1;
        error = start(launch, hsp_session_path(session), &pid);
        if (!error)
            status = collect(session, sink, pid, out_status);
        *dropped_count += hsp_session_dropped_count(session);
        hsp_session_destroy(session);
    }
    if (error)
        fprintf(stderr, "hsaprobe: map: %s: %s\n", launch->argv[0], strerror(error));
    else if (status)
        fprintf(stderr, "hsaprobe: map: recorder: %s\n", hsp_last_error());
    return error || status ? -1 : 0;
}
