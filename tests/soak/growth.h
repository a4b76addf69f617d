/* SPDX-License-Identifier: MIT */
/// Does a process grow that does the same again and again? Shared by the HSA and the HIP program.
#ifndef SOAK_GROWTH_H
#define SOAK_GROWTH_H

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/// What a leak would show up in.
struct growth {
    long resident_kib; ///< VmRSS
    long threads;
    long files;    ///< open file descriptors
    long mappings; ///< lines of /proc/self/maps
};

static long growth_entries(const char *path) {
    long count = 0;
    DIR *folder = opendir(path);
    while (folder && readdir(folder))
        count++;
    if (folder)
        closedir(folder);
    return count;
}

static inline struct growth growth_now(void) {
    struct growth now = {0, 0, 0, 0};
    char line[512];
    FILE *status = fopen("/proc/self/status", "r"), *maps = fopen("/proc/self/maps", "r");
    while (status && fgets(line, sizeof line, status)) {
        if (strncmp(line, "VmRSS:", 6) == 0)
            now.resident_kib = strtol(line + 6, NULL, 10);
        if (strncmp(line, "Threads:", 8) == 0)
            now.threads = strtol(line + 8, NULL, 10);
    }
    while (maps && fgets(line, sizeof line, maps))
        now.mappings += strchr(line, '\n') != NULL;
    if (status)
        fclose(status);
    if (maps)
        fclose(maps);
    now.files = growth_entries("/proc/self/fd");
    return now;
}

#define GROWTH_PARTS         4
#define MAPPINGS_MAX(cycles) (16 + (cycles) / 16)

/// Runs `work` as often as it takes to fill caches and pools (a quarter of `cycles`, at least 8),
/// then `cycles` times, and compares. Files and threads must be what they were, mappings may differ
/// by some, as threads' heaps come and go, and by one in sixteen cycles. Memory that grows
/// once is a cache, memory that grows in every quarter of the run by more than 1 KiB a cycle is a
/// leak, and so are 16 MiB. Returns the process's exit code.
static inline int growth_check(void (*work)(void), long cycles) {
    const long warm_up = cycles / 4 > 8 ? cycles / 4 : 8, part_cycles = cycles / GROWTH_PARTS;
    for (long i = 0; i < warm_up; i++)
        work();
    const struct growth before = growth_now();
    struct growth after = before;
    int growing_parts = 0;
    for (int part = 0; part < GROWTH_PARTS; part++) {
        const long memory = after.resident_kib;
        for (long i = 0; i < part_cycles; i++)
            work();
        after = growth_now();
        growing_parts += after.resident_kib - memory > part_cycles;
        printf("%ld cycles: memory %+ld KiB\n", part_cycles, after.resident_kib - memory);
    }
    const long memory = after.resident_kib - before.resident_kib;
    printf("all: memory %+ld KiB of %ld, threads %+ld, files %+ld, mappings %+ld\n", memory,
           before.resident_kib, after.threads - before.threads, after.files - before.files,
           after.mappings - before.mappings);
    const int grew = after.threads > before.threads || after.files > before.files ||
                     after.mappings > before.mappings + MAPPINGS_MAX(cycles) ||
                     growing_parts == GROWTH_PARTS || memory > 16384;
    if (grew)
        puts("the process grew");
    return grew;
}

#endif
