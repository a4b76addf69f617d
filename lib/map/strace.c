/* SPDX-License-Identifier: MIT */
/* Counting by strace: what the kernel is asked for, also by libc itself. */
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "map/entries.h"
#include "record/event.h"

#define TRACED                                                                                     \
    "trace=ioctl,mmap,munmap,madvise,mprotect,mbind,mlock,munlock,open,openat,close,futex,clone,"  \
    "clone3,write"

struct reader {
    struct hsp_map_counts *counts;
    bool whole;
    long main_thread; /* whose marks were last seen; of a program, the first */
    bool in_op;
    uint32_t op, run;
    /* The call whose stack, if any, comes next. */
    bool pending;
    struct hsp_map_entry call;
    enum hsp_map_kind outermost; /* kind of the function by which the emulation was entered */
    bool saw_emulation, has_caller;
};

static void finish_call(struct reader *reader) {
    if (!reader->pending)
        return;
    reader->pending = false;
    /* Handed through to the kernel as it was asked for, or something of its own. */
    if (reader->saw_emulation && reader->outermost != reader->call.kind)
        reader->call.caller = HSP_MAP_BY_EMULATION;
    map_entries_add(reader->counts, &reader->call, reader->run, 0);
}

/* " > /lib/libhsakmt.so.1(hsaKmtOpenKFD+0x1b) [0x2a0b]" */
static void take_frame(struct reader *reader, const char *line) {
    char path[512], symbol[128] = "";
    if (!reader->pending || sscanf(line, " > %511[^([](%127[^)+]", path, symbol) < 1)
        return;
    reader->counts->has_stacks = true;
    enum hsp_map_caller caller = hsp_map_caller_of(path);
    if (reader->call.caller == HSP_MAP_BY_EMULATION)
        return;
    if (caller == HSP_MAP_BY_EMULATION) {
        reader->saw_emulation = true;
        reader->outermost = hsp_map_kind_of(symbol, 0);
    } else if (!reader->has_caller && caller != HSP_MAP_PROGRAM) {
        reader->call.caller = caller;
        reader->has_caller = true;
    }
}

static void take_mark(struct reader *reader, const char *mark, long thread) {
    char name[64], what[8];
    uint32_t run;
    if (sscanf(mark, HSP_MAP_MARK_TEXT "%63s %u %7[a-z]", name, &run, what) != 3)
        return;
    size_t count;
    const struct hsp_map_op *op = hsp_map_op_find(name);
    reader->in_op = op && run < HSP_MAP_RUNS_MAX && strcmp(what, "begin") == 0;
    reader->main_thread = thread;
    if (op && reader->in_op) {
        reader->op = (uint32_t)(op - hsp_map_ops(&count));
        reader->run = run;
    }
}

static enum hsp_map_kind ioctl_kind(const char *arguments) {
    const char *command = strchr(arguments, ',');
    if (command && (strstr(command, "0x4b,") || strstr(command, "AMDKFD")))
        return HSP_MAP_KFD;
    return command && (strstr(command, "DRM_IOCTL") || strstr(command, "0x64,")) ? HSP_MAP_DRM
                                                                                 : HSP_MAP_IOCTL;
}

/* "123<name> mmap(NULL, 4096, ...) = 0x7f..." or "123<name> <... futex resumed>) = 0" */
static void take_call(struct reader *reader, const char *line) {
    char name[32];
    char *rest;
    long thread = strtol(line, &rest, 10);
    if (rest == line)
        return;
    const bool emulated = strncmp(rest, "<sg-", 4) == 0; /* a thread of the software GPU */
    if (*rest == '<' && strchr(rest, '>'))
        rest = strchr(rest, '>') + 1;
    rest += strspn(rest, " ");
    const char *mark = strstr(rest, HSP_MAP_MARK_TEXT);
    finish_call(reader);
    if (mark && strncmp(rest, "write(-1", 8) == 0) {
        take_mark(reader, mark, thread);
        return;
    }
    bool resumed = sscanf(rest, "<... %31s resumed>", name) == 1;
    if (strstr(rest, "<unfinished ...>") ||
        (!resumed && (sscanf(rest, "%31[a-z0-9_]", name) != 1 || rest[strlen(name)] != '(')))
        return;
    if (!reader->main_thread && reader->whole)
        reader->main_thread = thread;
    if ((!reader->in_op && !reader->whole) || strcmp(name, "write") == 0)
        return;
    enum hsp_map_kind kind = hsp_map_kind_of(name, 0);
    reader->call = (struct hsp_map_entry){
        .op = reader->whole ? HSP_MAP_WHOLE : reader->op,
        .background = thread != reader->main_thread,
        .source = HSP_MAP_MADE,
        .layer = HSP_LAYER_OS,
        .kind = strcmp(name, "ioctl") == 0 ? ioctl_kind(rest) : kind,
        .caller = emulated ? HSP_MAP_BY_EMULATION : HSP_MAP_PROGRAM,
    };
    snprintf(reader->call.name, sizeof reader->call.name, "%s", name);
    reader->pending = true;
    reader->saw_emulation = reader->has_caller = false;
}

void hsp_map_read_strace(const char *text, bool whole, struct hsp_map_counts *counts) {
    struct reader reader = {.counts = counts, .whole = whole};
    for (const char *line = text; *line;) {
        size_t length = strcspn(line, "\n");
        char copy[1024];
        snprintf(copy, sizeof copy, "%.*s", (int)length, line);
        if (copy[0] == ' ' && copy[1] == '>')
            take_frame(&reader, copy);
        else
            take_call(&reader, copy);
        line += length + (line[length] == '\n');
    }
    finish_call(&reader);
}

static int run_quietly(char **argv) {
    int status = -1;
    pid_t pid = fork();
    if (pid == 0) {
        int null = open("/dev/null", O_RDWR);
        dup2(null, 1);
        dup2(null, 2);
        unsetenv("LD_PRELOAD");
        execvp(argv[0], argv);
        _exit(127);
    }
    if (pid < 0 || waitpid(pid, &status, 0) != pid || !WIFEXITED(status))
        return -1;
    return WEXITSTATUS(status);
}

bool hsp_map_can_strace(const char **out_reason) {
    char *argv[] = {"strace", "-f", "--seccomp-bpf", "-Y", "-e", "trace=none", "true", NULL};
    int code = run_quietly(argv);
    *out_reason = code == 127 ? "strace isn't installed"
                              : "tracing isn't allowed here, or strace is older than 6.0";
    return code == 0;
}

static void read_text(int fd, bool whole, struct hsp_map_counts *counts) {
    struct stat file;
    if (fstat(fd, &file) || file.st_size == 0)
        return;
    char *text = malloc((size_t)file.st_size + 1);
    ssize_t length = text ? pread(fd, text, (size_t)file.st_size, 0) : 0;
    if (text) {
        text[length > 0 ? length : 0] = 0;
        hsp_map_read_strace(text, whole, counts);
    }
    free(text);
}

/* A file without a name, so that nothing is left of it whatever ends this process; strace opens it
 * as this process's. -1 when it can't be had, which is told. */
static int open_log(char *out_path, size_t bytes) {
    const char *temporary = getenv("TMPDIR");
    char *name;
    if (asprintf(&name, "%s/hsaprobe-strace-XXXXXX", temporary && *temporary ? temporary : "/tmp") <
        0)
        return -1;
    int fd = mkostemp(name, O_CLOEXEC);
    if (fd >= 0)
        unlink(name);
    else
        fprintf(stderr, "hsaprobe: map: %s: %s\n", name, strerror(errno));
    free(name);
    snprintf(out_path, bytes, "/proc/%d/fd/%d", (int)getpid(), fd);
    return fd;
}

/* In the child. */
static _Noreturn void execute(const struct hsp_map_launch *launch, const char *log, bool stacks) {
    const char *const options[] = {"strace", "-f", "--seccomp-bpf", "-q", "-Y", "-s", "96", "-o",
                                   log,      "-e", TRACED};
    enum { OPTIONS = sizeof options / sizeof *options };
    char *preload = NULL;
    size_t words = 0;
    while (launch->argv[words])
        words++;
    const char **argv = calloc(OPTIONS + words + 4, sizeof *argv); /* -k -E ... NULL */
    int null = open("/dev/null", O_WRONLY | O_CLOEXEC); /* the first run has printed it */
    if (!argv || (launch->preload && asprintf(&preload, "LD_PRELOAD=%s", launch->preload) < 0))
        _exit(127);
    if (null >= 0)
        dup2(null, STDOUT_FILENO);
    memcpy(argv, options, sizeof options);
    size_t count = OPTIONS;
    if (stacks)
        argv[count++] = "-k";
    if (preload) { /* for the program, not for strace */
        argv[count++] = "-E";
        argv[count++] = preload;
    }
    memcpy(argv + count, launch->argv, words * sizeof *argv);
    unsetenv("LD_PRELOAD");
    execvp(argv[0], (char **)argv);
    _exit(127);
}

int hsp_map_strace(const struct hsp_map_launch *launch, bool stacks, struct hsp_map_counts *counts,
                   int *out_status) {
    char path[64];
    int log = open_log(path, sizeof path);
    if (log < 0)
        return -1;
    fflush(NULL);
    pid_t pid = fork();
    if (pid == 0)
        execute(launch, path, stacks);
    int rc = pid > 0 && waitpid(pid, out_status, 0) == pid ? 0 : -1;
    if (rc)
        fprintf(stderr, "hsaprobe: map: strace: %s\n", strerror(errno));
    else
        read_text(log, launch->mark_fd < 0, counts);
    close(log);
    return rc;
}
