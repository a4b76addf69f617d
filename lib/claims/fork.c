/* SPDX-License-Identifier: MIT */
/* H7: what can a forked child do with the GPU? */
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>

#include <hsaprobe/runtime.h>

#include "claims/experiments.h"
#include "claims/gpu.h"

enum { TRIES = 3, LIMIT_SECONDS = 20 };

struct scene {
    struct claim *claim;
    struct claim_gpu gpu;
    volatile uint32_t *memory;
};

/* In the control the child was forked before anybody used the GPU, and begins here. */
static void begin_in_child(struct scene *scene) {
    if (!scene->claim->setup->control)
        return;
    claim_gpu_open(scene->claim, &scene->gpu);
    scene->memory = claim_gpu_host_memory(scene->claim, &scene->gpu, 4096);
}

static bool allocates(const struct scene *scene) {
    void *memory = NULL;
    return hsp_memory_alloc(scene->gpu.host, 4096, &scene->gpu.agent, 1, &memory) == HSP_OK;
}

static int touch(void *opaque) {
    struct scene *scene = opaque;
    begin_in_child(scene);
    return scene->memory[0] == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

static int allocate(void *opaque) {
    struct scene *scene = opaque;
    begin_in_child(scene);
    return allocates(scene) ? EXIT_SUCCESS : EXIT_FAILURE;
}

static int start_over(void *opaque) {
    struct scene *scene = opaque;
    begin_in_child(scene);
    hsp_runtime_shutdown();
    struct claim_gpu fresh = {0};
    if (hsp_runtime_init() || hsp_agent_select(NULL, &fresh.agent))
        return EXIT_FAILURE;
    fresh.host = hsp_pool_find(hsp_agent_host(), HSP_POOL_FINE_GRAINED);
    scene->gpu = fresh;
    return fresh.host && allocates(scene) ? EXIT_SUCCESS : EXIT_FAILURE;
}

static void try_all(struct scene *scene, const char *name, int (*function)(void *)) {
    uint32_t failed = 0;
    for (uint32_t i = 0; i < TRIES; i++) {
        struct claim_child child = claim_in_child(function, scene, LIMIT_SECONDS, NULL);
        failed += child.timed_out || !WIFEXITED(child.status) || WEXITSTATUS(child.status) != 0;
    }
    /* each of three alike: a count, not a sample of something that varies */
    claim_counts(scene->claim, name, &failed, 1, HSP_EXPECT_EQUAL, TRIES);
}

void claim_fork(struct claim *claim) {
    struct scene scene = {.claim = claim};
    if (!claim->setup->control) {
        claim_gpu_open(claim, &scene.gpu);
        scene.memory = claim_gpu_host_memory(claim, &scene.gpu, 4096);
    }
    try_all(&scene, "children that failed, of 3: reading host memory of a pool", touch);
    try_all(&scene, "children that failed, of 3: allocating", allocate);
    try_all(&scene, "children that failed, of 3: starting over", start_over);
    if (!claim->setup->control && !allocates(&scene))
        claim_undecided(claim, "the parent can't allocate any more either");
}
