/* SPDX-License-Identifier: MIT */
#include "softgpu/cu/cu.h"

#include "softgpu/cu/device.h"

#include <sched.h>
#include <stdlib.h>

enum { FIRST_ISA_LEVEL = 2 }; /* x86-64-v2 is SG_ISA_V2, and so on */

static uint32_t usable_processors(void) {
    cpu_set_t usable;
    return sched_getaffinity(0, sizeof usable, &usable) == 0 ? (uint32_t)CPU_COUNT(&usable) : 1;
}

struct sg_cu *sg_cu_create(const struct sg_cu_config *config) {
    struct sg_cu *cu = calloc(1, sizeof *cu);
    if (!cu) {
        return NULL;
    }
    cu->isa = config->isa_level
                  ? sg_isa_create_level(config->vm,
                                        (enum sg_isa_level)(config->isa_level - FIRST_ISA_LEVEL))
                  : sg_isa_create(config->vm);
    if (!cu->isa) {
        free(cu);
        return NULL;
    }
    sg_isa_count_instructions(cu->isa, config->counts_instructions);
    cu->config = *config;
    if (cu->config.worker_count == 0) {
        cu->config.worker_count = usable_processors();
    }
    sg_store_init(&cu->store);
    sg_pool_init(&cu->pool, cu, cu->config.worker_count - 1);
    pthread_mutex_init(&cu->runner_lock, NULL);
    return cu;
}

void sg_cu_destroy(struct sg_cu *cu) {
    if (!cu) {
        return;
    }
    sg_pool_fini(&cu->pool);
    sg_store_fini(&cu->store);
    sg_isa_destroy(cu->isa);
    pthread_mutex_destroy(&cu->runner_lock);
    free(cu);
}

void sg_cu_invalidate_code(struct sg_cu *cu, uint64_t va, uint64_t bytes) {
    sg_isa_invalidate(cu->isa, va, bytes);
}

uint64_t sg_cu_instruction_count(const struct sg_cu *cu) {
    return sg_isa_instruction_count(cu->isa);
}

uint32_t sg_cu_isa_level_max(void) {
    return FIRST_ISA_LEVEL + (uint32_t)sg_isa_level_max();
}

const char *sg_cu_variant(void) {
    return sg_isa_variant();
}

void sg_runner_init(struct sg_cu *cu, struct sg_runner *runner) {
    sg_isa_reader_init(cu->isa, &runner->reader);
    atomic_store_explicit(&runner->slice, 0, memory_order_relaxed);
    pthread_mutex_lock(&cu->runner_lock);
    runner->next = cu->runners;
    cu->runners = runner;
    pthread_mutex_unlock(&cu->runner_lock);
}

void sg_runner_fini(struct sg_cu *cu, struct sg_runner *runner) {
    pthread_mutex_lock(&cu->runner_lock);
    struct sg_runner **link = &cu->runners;
    while (*link != runner) {
        link = &(*link)->next;
    }
    *link = runner->next;
    pthread_mutex_unlock(&cu->runner_lock);
    sg_isa_reader_fini(&runner->reader);
}

void sg_cu_drain(struct sg_cu *cu) {
    /* Held throughout: a runner must not be freed while it is looked at, and slices are short. */
    pthread_mutex_lock(&cu->runner_lock);
    for (struct sg_runner *runner = cu->runners; runner; runner = runner->next) {
        const uint64_t slice = atomic_load(&runner->slice);
        while (slice % 2 && atomic_load(&runner->slice) == slice) {
            sched_yield();
        }
    }
    pthread_mutex_unlock(&cu->runner_lock);
}
