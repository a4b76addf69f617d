/* SPDX-License-Identifier: MIT */
/* What watching costs: the same loop of a system call that fails, watched in different ways. */
#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <hsaprobe/base.h>

#include "failure.h"
#include "map_command.h"
#include "measure/stats.h"
#include "memory.h"
#include "record/session.h"

enum { BATCHES = 15, FAST_CALLS = 20000, SLOW_CALLS = 300 };
/* Looks like the driver's, so that the recorder takes it. */
#define COMMAND 0xc0044b01ul

/* Shared with the child that is watched. */
struct board {
    double ns[BATCHES]; /* per call */
    int error;
};

struct way {
    const char *name, *sees, *misses;
    int (*enter)(void);        /* in the child, before the loop; 0, or an errno */
    const char *const *strace; /* its options; NULL: not under strace */
    bool recorded;
    unsigned calls;
};

static void on_trap(int number, siginfo_t *info, void *context) {
    (void)number;
    (void)info;
    (void)context;
}

/* A filter of two instructions: this for ioctl, allowed for all others. Of this thread only.
 * Returns what seccomp does: with NEW_LISTENER a descriptor; -1 for an error. */
static int filter_ioctl(uint32_t action, unsigned flags) {
    struct sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_ioctl, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, action),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    const struct sock_fprog program = {.len = sizeof code / sizeof *code, .filter = code};
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
        return -1;
    return (int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &program);
}

static int enter_nothing(void) {
    return 0;
}
static int enter_filter(void) {
    return filter_ioctl(SECCOMP_RET_ALLOW, 0) ? errno : 0;
}
static int catch_traps(void) {
    struct sigaction action = {.sa_sigaction = on_trap, .sa_flags = SA_SIGINFO};
    return sigaction(SIGSYS, &action, NULL) ? errno : 0;
}
static int enter_trap(void) {
    int error = catch_traps();
    return error ? error : filter_ioctl(SECCOMP_RET_TRAP, 0) ? errno : 0;
}

/* Read by the kernel at every call of the thread. */
static volatile char dispatch_selector = SYSCALL_DISPATCH_FILTER_ALLOW;

/* Returning from a handler is a call too: the few bytes that make it are the range allowed. */
static int enter_dispatch(void) {
    enum { RESTORER_BYTES = 16 };
    struct {
        void *handler;
        unsigned long flags;
        void *restorer;
        uint64_t mask;
    } kept;
    int error = catch_traps();
    if (!error && syscall(SYS_rt_sigaction, SIGSYS, NULL, &kept, sizeof kept.mask))
        error = errno;
    if (!error && prctl(PR_SET_SYSCALL_USER_DISPATCH, PR_SYS_DISPATCH_ON, kept.restorer,
                        RESTORER_BYTES, &dispatch_selector))
        error = errno;
    if (!error)
        dispatch_selector = SYSCALL_DISPATCH_FILTER_BLOCK;
    return error;
}

/* Lets every call go on; started before the filter, so not under it. */
static void *supervise(void *pipe) {
    struct seccomp_notif notice;
    int listener;
    if (read(*(int *)pipe, &listener, sizeof listener) != sizeof listener)
        return NULL;
    for (;;) {
        memset(&notice, 0, sizeof notice); /* the kernel insists */
        if (ioctl(listener, SECCOMP_IOCTL_NOTIF_RECV, &notice))
            continue;
        struct seccomp_notif_resp answer = {.id = notice.id,
                                            .flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE};
        ioctl(listener, SECCOMP_IOCTL_NOTIF_SEND, &answer);
    }
}
static int enter_notification(void) {
    static int pipes[2];
    pthread_t thread;
    if (pipe2(pipes, O_CLOEXEC))
        return errno;
    int error = pthread_create(&thread, NULL, supervise, &pipes[0]);
    if (error)
        return error;
    int listener = filter_ioctl(SECCOMP_RET_USER_NOTIF, SECCOMP_FILTER_FLAG_NEW_LISTENER);
    if (listener < 0 || write(pipes[1], &listener, sizeof listener) != sizeof listener)
        return errno;
    return 0;
}

static const char *const strace_all[] = {"-e", "trace=ioctl", NULL};
static const char *const strace_other[] = {"--seccomp-bpf", "-f", "-e", "trace=chdir", NULL};
static const char *const strace_stack[] = {"-k", "-e", "trace=ioctl", NULL};

static const struct way ways[] = {
    {"none", "-", "-", enter_nothing, NULL, false, FAST_CALLS},
    {"recorder (preload)", "calls through symbol tables, with caller and times",
     "what libc does inside itself, static programs", enter_nothing, NULL, true, FAST_CALLS},
    {"seccomp filter, allowed", "nothing: the floor of the next ones", "-", enter_filter, NULL,
     false, FAST_CALLS},
    {"seccomp trap (SIGSYS)", "every call of the process", "must be made again by the handler",
     enter_trap, NULL, false, FAST_CALLS},
    {"syscall user dispatch (SIGSYS)", "every call of the thread, switched by a byte",
     "must be made again by the handler; each thread for itself", enter_dispatch, NULL, false,
     FAST_CALLS},
    {"seccomp notification", "every call, from a thread or process that supervises",
     "what pointers lead to may change meanwhile", enter_notification, NULL, false, FAST_CALLS},
    {"strace, this call", "every call, its arguments", "which library made it", enter_nothing,
     strace_all, false, SLOW_CALLS},
    {"strace --seccomp-bpf, another call", "nothing of this call", "-", enter_nothing, strace_other,
     false, FAST_CALLS},
    {"strace -k, this call", "every call and its stack", "-", enter_nothing, strace_stack, false,
     SLOW_CALLS},
};

static void loop(const struct way *way, struct board *board) {
    int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
    board->error = null < 0 ? errno : way->enter();
    for (size_t batch = 0; batch < BATCHES && !board->error; batch++) {
        unsigned calls = way->calls / BATCHES;
        uint64_t begin = hsp_clock_ticks();
        for (unsigned i = 0; i < calls; i++)
            ioctl(null, COMMAND, NULL);
        board->ns[batch] = (double)hsp_clock_ticks_to_ns(hsp_clock_ticks() - begin) / calls;
    }
    dispatch_selector = SYSCALL_DISPATCH_FILTER_ALLOW;
}

/* The watched process: this program again, so that a preload reaches it. */
static void execute(const struct way *way, int fd, const char *tracer, const char *session) {
    char number[16], index[24];
    char *argv[24];
    size_t count = 0;
    char *self = realpath("/proc/self/exe", NULL);
    snprintf(number, sizeof number, "%d", fd);
    snprintf(index, sizeof index, "%td", way - ways);
    if (way->strace) {
        argv[count++] = "strace";
        argv[count++] = "-qo";
        argv[count++] = "/dev/null";
        for (size_t i = 0; way->strace[i]; i++)
            argv[count++] = (char *)way->strace[i];
    }
    if (session) {
        setenv("LD_PRELOAD", tracer, 1);
        setenv(HSP_SESSION_VARIABLE, session, 1);
    }
    char *rest[] = {self, "map", "--cost", index, "--marks", number, NULL};
    memcpy(argv + count, rest, sizeof rest);
    execvp(argv[0], argv);
    _exit(127);
}

void map_cost_child(unsigned index, int fd) {
    struct board *board = mmap(NULL, sizeof *board, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (board != MAP_FAILED && index < sizeof ways / sizeof *ways)
        loop(&ways[index], board);
}

/* Returns NULL, or why it couldn't be measured. */
static const char *measure(const struct way *way, const char *tracer, struct board *out_board) {
    int fd = memfd_create("hsaprobe-map-cost", 0), status = -1;
    struct hsp_session *session = NULL;
    const char *why = NULL;
    if (fd < 0 || ftruncate(fd, sizeof *out_board))
        why = strerror(errno);
    if (!why && way->recorded &&
        hsp_session_create(&(struct hsp_session_options){.ring_capacity = 1 << 16}, &session))
        why = hsp_last_error();
    if (!why) {
        pid_t pid = fork();
        if (pid == 0)
            execute(way, fd, tracer, session ? hsp_session_path(session) : NULL);
        if (pid < 0 || waitpid(pid, &status, 0) != pid || status != 0)
            why = way->strace ? "strace isn't installed, or tracing isn't allowed here"
                              : "its process failed";
    }
    if (!why && pread(fd, out_board, sizeof *out_board, 0) != sizeof *out_board)
        why = "no result";
    if (!why && out_board->error)
        why = strerror(out_board->error);
    hsp_session_destroy(session);
    if (fd >= 0)
        close(fd);
    return why;
}

static double least(const double *ns) {
    double value = ns[0];
    for (size_t i = 1; i < BATCHES; i++)
        value = ns[i] < value ? ns[i] : value;
    return value;
}

int map_cost_run(struct report *report, const char *tracer) {
    static const struct report_column columns[] = {
        {"way", "watched by", SOURCE_NONE, FORMAT_PLAIN},
        {"call_ns", "ns per call", SOURCE_MEASURED, FORMAT_PLAIN},
        {"median_ns", "median", SOURCE_MEASURED, FORMAT_PLAIN},
        {"low_ns", "from", SOURCE_DERIVED, FORMAT_PLAIN},
        {"high_ns", "to", SOURCE_DERIVED, FORMAT_PLAIN},
        {"added_ns", "added", SOURCE_DERIVED, FORMAT_PLAIN},
        {"sees", "sees", SOURCE_NONE, FORMAT_PLAIN},
        {"misses", "misses", SOURCE_NONE, FORMAT_PLAIN},
    };
    struct report_section *table =
        report_table(report, "cost", NULL, columns, sizeof columns / sizeof *columns);
    double base = 0;
    for (size_t i = 0; i < sizeof ways / sizeof *ways; i++) {
        struct board board = {0};
        struct hsp_interval interval;
        const char *why = measure(&ways[i], tracer, &board);
        if (!why && hsp_stats_median_interval(board.ns, BATCHES, &(struct hsp_bootstrap){.seed = 1},
                                              &interval))
            why = "no memory";
        if (why) {
            report_note(report, "%s: %s", ways[i].name, why);
            continue;
        }
        double median = hsp_stats_median_inplace(board.ns, BATCHES);
        double fastest = least(board.ns);
        base = i == 0 ? fastest : base;
        report_row(table, report_text(ways[i].name), report_real(fastest), report_real(median),
                   report_real(interval.low), report_real(interval.high),
                   report_real(fastest - base), report_text(ways[i].sees),
                   report_text(ways[i].misses));
    }
    report_note(report,
                "the call: an ioctl of /dev/null, which fails; ns per call and what is added: the "
                "fastest of %d batches, which a busy machine disturbs least; from, to: 95 %% of "
                "the median",
                BATCHES);
    return EXIT_OK;
}
