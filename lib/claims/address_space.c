/* SPDX-License-Identifier: MIT */
/* H16: is address space needed for what has nothing to do with the CPU? */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <hsaprobe/runtime.h>

#include "claims/experiments.h"
#include "claims/gpu.h"

enum { MIB = 1 << 20, ROOM_MIB = 96, BLOCK_MIB = 8, BLOCKS = 64, MAPPED = 64 };

static size_t mapping_count(void) {
    FILE *maps = fopen("/proc/self/maps", "r");
    size_t count = 0;
    for (int c; maps && (c = getc(maps)) != EOF;)
        count += c == '\n';
    if (maps)
        fclose(maps);
    return count;
}

static rlim_t address_space_bytes(void) {
    unsigned long pages = 0;
    FILE *file = fopen("/proc/self/statm", "r");
    if (file) {
        if (fscanf(file, "%lu", &pages) != 1)
            pages = 0;
        fclose(file);
    }
    return (rlim_t)pages * (rlim_t)sysconf(_SC_PAGESIZE);
}

static void limit_address_space(struct claim *claim, rlim_t bytes) {
    struct rlimit limit = {bytes, bytes};
    if (!claim->setup->control && setrlimit(RLIMIT_AS, &limit))
        claim_undecided(claim, "RLIMIT_AS can't be set");
}

struct start {
    struct claim *claim;
    uint32_t gib;
};

static int start(void *data) {
    const struct start *start = data;
    setenv("HSAPROBE_SOFT_VRAM", "64M", 1); /* the software GPU's own memory shall not count */
    limit_address_space(start->claim, (rlim_t)start->gib << 30);
    return hsp_runtime_init() ? EXIT_FAILURE : EXIT_SUCCESS;
}

/* The least whole number of GiB with which the runtime starts. */
static uint32_t least_start(struct claim *claim) {
    enum { GIB_MAX = 64, LIMIT_SECONDS = 30 };
    struct start attempt = {.claim = claim, .gib = 1};
    for (; attempt.gib <= GIB_MAX; attempt.gib++) {
        struct claim_child child = claim_in_child(start, &attempt, LIMIT_SECONDS, NULL);
        if (!child.timed_out && WIFEXITED(child.status) && WEXITSTATUS(child.status) == 0)
            return attempt.gib;
    }
    claim_undecided(claim, "the runtime doesn't start with %d GiB of address space", GIB_MAX);
}

struct fill {
    struct claim *claim;
    bool limited; /* the limit was set */
    uint32_t blocks;
};

/* Blocks of VRAM until one is refused, or the runtime gives up. */
static int fill(void *data) {
    struct claim_gpu gpu;
    struct fill *fill = data;
    void *memory;
    claim_gpu_open(fill->claim, &gpu);
    limit_address_space(fill->claim, address_space_bytes() + (rlim_t)ROOM_MIB * MIB);
    fill->limited = true;
    while (fill->blocks < BLOCKS &&
           !hsp_memory_alloc(gpu.vram, (size_t)BLOCK_MIB * MIB, NULL, 0, &memory))
        fill->blocks++;
    return EXIT_SUCCESS;
}

static void map_some(struct claim *claim, void *data) {
    struct claim_gpu gpu;
    double growth[MAPPED];
    (void)data;
    claim_gpu_open(claim, &gpu);
    for (size_t i = 0; i < MAPPED; i++) {
        size_t before = mapping_count();
        claim_gpu_host_memory(claim, &gpu, 4096);
        growth[i] = (double)mapping_count() - (double)before;
    }
    claim_samples(claim, "mappings that a 4 KiB allocation adds", "", growth, MAPPED,
                  HSP_EXPECT_NOTHING, 0);
}

void claim_address_space(struct claim *claim) {
    enum { LIMIT_SECONDS = 60 };
    struct fill *shared = claim_shared(claim, sizeof *shared);
    shared->claim = claim;
    uint32_t least = least_start(claim);
    claim_counts(claim, "address space that starting takes, whole GiB", &least, 1, HSP_EXPECT_ABOVE,
                 4.5);
    struct claim_child child = claim_in_child(fill, shared, LIMIT_SECONDS, NULL);
    if (child.timed_out || !shared->limited)
        claim_undecided(claim, "allocating under RLIMIT_AS %s",
                        child.timed_out ? "took too long" : "didn't begin");
    claim_counts(claim, "8 MiB blocks of VRAM got with 96 MiB of address space left (of 64)",
                 &shared->blocks, 1, HSP_EXPECT_BELOW, 12.5);
    claim_part(claim, "mapping", map_some, NULL, LIMIT_SECONDS);
}
