/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "claims/claim.h"

/* Waits for the child to end, or for a signal that `stop_fd` reads. A pidfd becomes readable at the
 * end, so nothing is polled; where there is none, the child is looked at every 10 ms. */
static bool ends_within(pid_t pid, double limit_seconds, int stop_fd) {
    const double deadline = claim_seconds() + limit_seconds;
    int fd = (int)syscall(SYS_pidfd_open, pid, 0);
    siginfo_t info;
    bool ended = false;
    for (double left = limit_seconds; left > 0 && !ended; left = deadline - claim_seconds()) {
        struct pollfd wanted[] = {{.fd = fd, .events = POLLIN}, {.fd = stop_fd, .events = POLLIN}};
        poll(wanted, 2, fd >= 0 ? (int)(left * 1e3) + 1 : 10); /* none of -1 */
        if (wanted[1].revents)
            break;
        info.si_pid = 0;
        ended =
            waitid(P_PID, (id_t)pid, &info, WEXITED | WNOHANG | WNOWAIT) == 0 && info.si_pid == pid;
    }
    if (fd >= 0)
        close(fd);
    return ended;
}

struct claim_child claim_in_child(int (*function)(void *data), void *data, double limit_seconds,
                                  const sigset_t *stops) {
    struct claim_child child = {.status = -1};
    const double begin = claim_seconds();
    const pid_t parent = getpid();
    fflush(NULL); /* or the child prints it again */
    pid_t pid = fork();
    if (pid == 0) {
        if (stops)
            setpgid(0, 0);
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (getppid() != parent)
            _exit(EXIT_FAILURE);
        _exit(function(data));
    }
    if (pid < 0)
        return child;
    int stop_fd = stops ? signalfd(-1, stops, SFD_CLOEXEC) : -1;
    if (stops)
        setpgid(pid, pid); /* whoever is first */
    child.timed_out = !ends_within(pid, limit_seconds, stop_fd);
    if (stop_fd >= 0)
        close(stop_fd);
    if (child.timed_out)
        kill(pid, SIGKILL);
    if (stops) /* before it is reaped: the group's number can't be another's yet */
        kill(-pid, SIGKILL);
    while (waitpid(pid, &child.status, 0) < 0 && errno == EINTR)
        continue;
    child.seconds = claim_seconds() - begin;
    return child;
}

pid_t claim_fork_off(struct claim *claim) {
    const pid_t parent = getpid();
    pid_t pid = fork();
    if (pid < 0)
        claim_undecided(claim, "no process: %s", strerror(errno));
    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (getppid() != parent)
            _exit(EXIT_FAILURE);
    }
    return pid;
}

struct part {
    struct claim *claim;
    void (*run)(struct claim *claim, void *data);
    void *data;
};

static int part_main(void *data) {
    struct part *part = data;
    part->run(part->claim, part->data);
    return 0;
}

void claim_part(struct claim *claim, const char *name,
                void (*part)(struct claim *claim, void *data), void *data, double limit_seconds) {
    struct part arguments = {claim, part, data};
    struct claim_child child = claim_in_child(part_main, &arguments, limit_seconds, NULL);
    if (claim->result->sentence[0])
        _exit(0);
    if (child.timed_out)
        claim_undecided(claim, "%s took longer than %.0f s", name, limit_seconds);
    if (WIFSIGNALED(child.status))
        claim_undecided(claim, "%s was ended by %s", name, strsignal(WTERMSIG(child.status)));
    if (WEXITSTATUS(child.status))
        claim_undecided(claim, "%s ended with code %d", name, WEXITSTATUS(child.status));
}
