/* SPDX-License-Identifier: MIT */
#include "map/record.h"

#include <errno.h>
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

static pid_t start(const struct hsp_map_launch *launch, const char *session) {
    fflush(NULL);
    pid_t pid = fork();
    if (pid != 0)
        return pid;
    set_environment(launch, session);
    execvp(launch->argv[0], launch->argv);
    fprintf(stderr, "hsaprobe: map: %s: %s\n", launch->argv[0], strerror(errno));
    _exit(127);
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
    if (!status) {
        pid_t pid = start(launch, hsp_session_path(session));
        status = pid < 0 ? HSP_ERROR_OUT_OF_MEMORY : collect(session, sink, pid, out_status);
        *dropped_count += hsp_session_dropped_count(session);
        hsp_session_destroy(session);
    }
    if (status)
        fprintf(stderr, "hsaprobe: map: recorder: %s\n", hsp_last_error());
    return status ? -1 : 0;
}
