/* SPDX-License-Identifier: MIT */
/// Children of a test: the same program with one argument, its output collected by a pipe.
#include "e2e.h"

#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static void become_child(const char *argument, int output) {
    char path[4096] = "";
    if (readlink("/proc/self/exe", path, sizeof path - 1) > 0) {
        dup2(output, STDOUT_FILENO);
        dup2(output, STDERR_FILENO);
        execl(path, path, argument, (char *)NULL);
    }
    _exit(126);
}

void e2e_child(const char *argument, int timeout_seconds, const char *trigger,
               e2e_trigger on_trigger, struct e2e_child *out_child) {
    int ends[2];
    size_t length = 0;
    CHECK(pipe(ends) == 0, "pipe");
    memset(out_child, 0, sizeof *out_child);
    const double begin = e2e_seconds();
    const pid_t pid = fork();
    CHECK(pid >= 0, "fork");
    if (pid == 0) {
        close(ends[0]);
        become_child(argument, ends[1]);
    }
    close(ends[1]);
    for (;;) {
        struct pollfd readable = {.fd = ends[0], .events = POLLIN};
        const double left = begin + timeout_seconds - e2e_seconds();
        if (left <= 0 || poll(&readable, 1, (int)(left * 1000) + 1) == 0) {
            out_child->timed_out = true;
            kill(pid, SIGKILL);
            break;
        }
        char chunk[1024];
        const ssize_t got = read(ends[0], chunk, sizeof chunk);
        if (got <= 0) {
            break;
        }
        const size_t space = sizeof out_child->output - 1 - length;
        const size_t kept = (size_t)got < space ? (size_t)got : space;
        memcpy(out_child->output + length, chunk, kept);
        length += kept;
        if (trigger && strstr(out_child->output, trigger)) {
            trigger = NULL;
            on_trigger(pid);
        }
    }
    close(ends[0]);
    waitpid(pid, &out_child->status, 0);
    out_child->seconds = e2e_seconds() - begin;
}
