/* SPDX-License-Identifier: MIT */
/* Running the operations, and saying when each began and ended. */
#include <dirent.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <hsaprobe/base.h>

#include "map/state.h"

static const struct hsp_map_op ops[] = {
#define E(n)                                                                                       \
    { n, n }
#define R(a, b)                                                                                    \
    { a, b }
#define ANY                                                                                        \
    { -1, -1 }
#define MAP_OP(name, group, runs, driver_cold, driver_steady, memory_cold, memory_steady, path,    \
               mechanism, reason)                                                                  \
    {#name,       HSP_MAP_##group, runs, driver_cold, driver_steady,                               \
     memory_cold, memory_steady,   path, mechanism,   reason},
#include "map/ops.def"
#undef MAP_OP
};

static const struct map_steps *const steps[] = {
#define MAP_OP(name, ...) &map_steps_##name,
#include "map/ops.def"
#undef MAP_OP
};

static const char *const kind_names[] = {
#define MAP_KIND(id, title) title,
#include "map/kinds.def"
#undef MAP_KIND
};

const char *hsp_map_kind_name(enum hsp_map_kind kind) {
    return kind_names[kind];
}

uint32_t hsp_map_memory_kinds(void) {
    return 1u << HSP_MAP_MMAP | 1u << HSP_MAP_MUNMAP | 1u << HSP_MAP_MADVISE |
           1u << HSP_MAP_MPROTECT | 1u << HSP_MAP_MBIND;
}

enum hsp_map_kind hsp_map_kind_of(const char *call, uint64_t command) {
    static const struct {
        const char *name;
        enum hsp_map_kind kind;
    } names[] = {
        {"mmap", HSP_MAP_MMAP},       {"mmap64", HSP_MAP_MMAP},          {"munmap", HSP_MAP_MUNMAP},
        {"madvise", HSP_MAP_MADVISE}, {"mprotect", HSP_MAP_MPROTECT},    {"mbind", HSP_MAP_MBIND},
        {"mlock", HSP_MAP_MLOCK},     {"munlock", HSP_MAP_MLOCK},        {"open", HSP_MAP_OPEN},
        {"open64", HSP_MAP_OPEN},     {"openat", HSP_MAP_OPEN},          {"fopen", HSP_MAP_OPEN},
        {"fopen64", HSP_MAP_OPEN},    {"opendir", HSP_MAP_OPEN},         {"close", HSP_MAP_CLOSE},
        {"fclose", HSP_MAP_CLOSE},    {"futex", HSP_MAP_FUTEX},          {"clone", HSP_MAP_CLONE},
        {"clone3", HSP_MAP_CLONE},    {"pthread_create", HSP_MAP_CLONE},
    };
    if (strcmp(call, "ioctl") == 0) {
        unsigned type = command >> 8 & 0xff;
        return type == 'K' ? HSP_MAP_KFD : type == 'd' ? HSP_MAP_DRM : HSP_MAP_IOCTL;
    }
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strcmp(names[i].name, call) == 0)
            return names[i].kind;
    return HSP_MAP_OTHER;
}

const struct hsp_map_op *hsp_map_ops(size_t *out_count) {
    *out_count = sizeof ops / sizeof *ops;
    return ops;
}

const struct hsp_map_op *hsp_map_op_find(const char *name) {
    for (size_t i = 0; i < sizeof ops / sizeof *ops; i++)
        if (strcmp(ops[i].name, name) == 0)
            return &ops[i];
    return NULL;
}

int map_fail(const char *what, const char *why) {
    fprintf(stderr, "hsaprobe: map: %s: %s\n", what, why ? why : "not found");
    return -1;
}

void map_kernel_path(const struct map_state *state, const char *name, char out_path[4096]) {
    snprintf(out_path, 4096, "%s/%s.hipfb", state->child->kernel_directory, name);
}

/* Fails by design: only who traces system calls sees it. */
static void mark_for_strace(const char *op, uint32_t run, const char *what) {
    char text[96];
    int length = snprintf(text, sizeof text, HSP_MAP_MARK_TEXT "%s %u %s", op, run, what);
    if (write(-1, text, (size_t)length) >= 0)
        return;
}

/* Name and state of a thread of this process, as in /proc/self/task/TID/stat. */
static bool read_thread(const char *tid, char out_name[32], char *out_state) {
    char path[64], text[128];
    snprintf(path, sizeof path, "/proc/self/task/%.16s/stat", tid);
    FILE *file = fopen(path, "re");
    size_t length = file ? fread(text, 1, sizeof text - 1, file) : 0;
    if (file)
        fclose(file);
    text[length] = 0;
    return sscanf(text, "%*d (%31[^)]) %c", out_name, out_state) == 2;
}

static bool others_sleep(void) {
    char own[32], name[32], state, tid[16];
    bool all = true;
    DIR *tasks = opendir("/proc/self/task");
    snprintf(tid, sizeof tid, "%d", (int)gettid());
    if (!tasks || !read_thread(tid, own, &state)) {
        if (tasks)
            closedir(tasks);
        return true;
    }
    for (struct dirent *entry; (entry = readdir(tasks));)
        if (entry->d_name[0] != '.' && strcmp(entry->d_name, tid) != 0 &&
            read_thread(entry->d_name, name, &state) && strcmp(name, own) == 0)
            all = all && state == 'S';
    closedir(tasks);
    return all;
}

/* The runtime's event thread is woken by a system call only if it sleeps: waits until it does, so
 * that each run finds the same situation. Threads of the software GPU have names of their own. */
static void settle(void) {
    enum { TRIES = 500, STEADY = 3 };
    const struct timespec pause = {.tv_nsec = 200000};
    for (int tries = 0, looks = 0; tries < TRIES && looks < STEADY; tries++) {
        looks = others_sleep() ? looks + 1 : 0;
        nanosleep(&pause, NULL);
    }
}

static int run_once(struct map_state *state, uint32_t index, uint32_t run) {
    const struct map_steps *step = steps[index];
    struct hsp_map_mark mark = {.op = index, .run = run, .thread = (uint32_t)gettid()};
    int error = step->prepare ? step->prepare(state, run) : 0;
    if (!error) {
        if (!step->is_started)
            settle();
        mark_for_strace(ops[index].name, run, "begin");
        mark.start_ticks = hsp_clock_ticks();
        error = step->run(state, run);
        mark.end_ticks = hsp_clock_ticks();
        mark_for_strace(ops[index].name, run, "end");
    }
    if (!error && step->finish)
        error = step->finish(state, run);
    mark.failed = (uint32_t)error;
    if (write(state->child->mark_fd, &mark, sizeof mark) != (ssize_t)sizeof mark)
        return map_fail("marks", "can't be written");
    return 0;
}

int hsp_map_run_group(const struct hsp_map_child *child) {
    struct map_state state = {.child = child};
    if (child->group == HSP_MAP_HSA ? map_hsa_open(&state) : map_hip_open(&state))
        return -1;
    hsp_clock_ticks(); /* calibrates */
    for (uint32_t i = 0; i < sizeof ops / sizeof *ops; i++) {
        uint32_t count = ops[i].run_count;
        if (ops[i].group != child->group)
            continue;
        if (child->run_limit && count > child->run_limit && ops[i].run_count == HSP_MAP_RUNS_MAX)
            count = child->run_limit;
        for (uint32_t run = 0; run < count; run++)
            if (run_once(&state, i, run))
                return -1;
    }
    return 0;
}
