/* SPDX-License-Identifier: MIT */
#include "claims/sampler.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

/* Of a wait: enough for a share to be told from one half. */
enum { SAMPLES = 40, SAMPLES_QUICK = 16, INTERVAL_US = 1000 };
enum { LOOKS_IN_A_ROW = 10, LOOKS_MAX = 2000, LOOK_US = 500 };
static const double SETTLED_CPU_SECONDS = 0.02;
static const double STUCK_CPU_SECONDS = 0.05;

/* Reads a file of /proc/self/task/<tid>. The text is cut, and empty when the thread is gone. */
static void read_task_file(pid_t tid, const char *name, char *text, size_t size) {
    char path[64];
    snprintf(path, sizeof path, "/proc/self/task/%d/%s", tid, name);
    text[0] = 0;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return;
    ssize_t length = read(fd, text, size - 1);
    close(fd);
    text[length > 0 ? length : 0] = 0;
}

char claim_thread_state(pid_t tid) {
    char text[256];
    read_task_file(tid, "stat", text, sizeof text);
    const char *name_end = strrchr(text, ')'); /* the name may hold anything */
    return name_end && name_end[1] ? name_end[2] : 0;
}

static bool sleeps_in_futex(pid_t tid) {
    char text[64];
    if (claim_thread_state(tid) != 'S')
        return false;
    read_task_file(tid, "syscall", text, sizeof text);
    return text[0] && atoi(text) == SYS_futex;
}

/* The clock of a thread's CPU time by its kernel's id, as pthread_getcpuclockid makes it. */
static double cpu_seconds(pid_t tid) {
    const clockid_t clock = (clockid_t)(~(unsigned)tid << 3 | 6);
    struct timespec time = {0};
    clock_gettime(clock, &time);
    return (double)time.tv_sec + (double)time.tv_nsec * 1e-9;
}

void claim_thread_settle(pid_t tid) {
    const double limit = cpu_seconds(tid) + SETTLED_CPU_SECONDS;
    int asleep = 0;
    for (int i = 0; i < LOOKS_MAX && asleep < LOOKS_IN_A_ROW && cpu_seconds(tid) < limit; i++) {
        char state = claim_thread_state(tid);
        if (!state)
            return;
        asleep = state == 'S' ? asleep + 1 : 0;
        claim_pause_us(LOOK_US);
    }
}

bool claim_thread_is_stuck(const struct claim_thread *thread, const _Atomic uint32_t *progress,
                           uint32_t wanted) {
    const double limit = cpu_seconds(thread->tid) + STUCK_CPU_SECONDS;
    for (int looks = 0; looks < LOOKS_IN_A_ROW && cpu_seconds(thread->tid) < limit;) {
        if (atomic_load(progress) >= wanted)
            return false;
        looks = sleeps_in_futex(thread->tid) ? looks + 1 : 0;
        claim_pause_us(LOOK_US);
    }
    return atomic_load(progress) < wanted;
}

size_t claim_thread_list(pid_t *out_tids, size_t capacity) {
    size_t count = 0;
    DIR *directory = opendir("/proc/self/task");
    for (struct dirent *entry; directory && (entry = readdir(directory));)
        if (entry->d_name[0] != '.' && count < capacity)
            out_tids[count++] = (pid_t)atoi(entry->d_name);
    if (directory)
        closedir(directory);
    return count;
}

static void *thread_main(void *opaque) {
    struct claim_thread *thread = opaque;
    thread->tid = gettid();
    thread->run(thread->data);
    thread->ended = true;
    return NULL;
}

void claim_threads_start(struct claim *claim, struct claim_thread *threads, size_t count) {
    for (size_t i = 0; i < count; i++)
        if (pthread_create(&threads[i].thread, NULL, thread_main, &threads[i]))
            claim_undecided(claim, "no thread");
    for (size_t i = 0; i < count; i++)
        while (!threads[i].tid)
            claim_pause_us(100);
}

void claim_threads_watch(struct claim_thread *threads, size_t count, uint32_t sample_count) {
    for (uint32_t sample = 0; sample < sample_count; sample++) {
        for (size_t i = 0; i < count; i++) {
            threads[i].sample_count++;
            threads[i].runnable_count += claim_thread_state(threads[i].tid) == 'R';
        }
        claim_pause_us(INTERVAL_US);
    }
}

void claim_threads_join(struct claim_thread *threads, size_t count) {
    for (size_t i = 0; i < count; i++)
        pthread_join(threads[i].thread, NULL);
}

void claim_threads_watch_wait(struct claim *claim, struct claim_thread *threads, size_t count,
                              void (*release)(void *data), void *data) {
    claim_threads_start(claim, threads, count);
    for (size_t i = 0; i < count; i++)
        claim_thread_settle(threads[i].tid);
    claim_threads_watch(threads, count, claim->setup->quick ? SAMPLES_QUICK : SAMPLES);
    for (size_t i = 0; i < count; i++)
        if (threads[i].ended)
            claim_undecided(claim, "a wait ended before what it waits for happened");
    release(data);
    claim_threads_join(threads, count);
}
