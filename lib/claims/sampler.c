/* SPDX-License-Identifier: MIT */
#include "claims/sampler.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Of a wait: enough for a share to be told from one half. */
enum { SAMPLES = 40, SAMPLES_QUICK = 16, SETTLE_US = 20000, INTERVAL_US = 1000 };

char claim_thread_state(pid_t tid) {
    char path[64];
    char text[256] = "";
    snprintf(path, sizeof path, "/proc/self/task/%d/stat", tid);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return 0;
    ssize_t length = read(fd, text, sizeof text - 1);
    close(fd);
    text[length > 0 ? length : 0] = 0;
    const char *name_end = strrchr(text, ')'); /* the name may hold anything */
    return name_end && name_end[1] ? name_end[2] : 0;
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
    claim_pause_us(SETTLE_US);
    claim_threads_watch(threads, count, claim->setup->quick ? SAMPLES_QUICK : SAMPLES);
    for (size_t i = 0; i < count; i++)
        if (threads[i].ended)
            claim_undecided(claim, "a wait ended before what it waits for happened");
    release(data);
    claim_threads_join(threads, count);
}
