/* SPDX-License-Identifier: MIT */
// What is allocated from which pool. Allocation enters the driver anyway, so a lock and a tree are
// cheap beside it.
#include <hsaprobe/pool.h>

#include <pthread.h>
#include <search.h>
#include <stdlib.h>

#include "probe/probe.h"

struct allocation {
    const void *memory;
    uint64_t bytes;
    struct hsp_pool_usage *usage; // of its pool
};

static pthread_mutex_t usage_lock = PTHREAD_MUTEX_INITIALIZER;
static void *allocations; // a tree of struct allocation, by address

static int compare(const void *left, const void *right) {
    const uintptr_t a = (uintptr_t)((const struct allocation *)left)->memory;
    const uintptr_t b = (uintptr_t)((const struct allocation *)right)->memory;
    return (a > b) - (a < b);
}

static uint64_t round_to_granule(const struct hsp_pool *pool, size_t bytes) {
    const uint64_t granule = pool->info.granule_bytes ? pool->info.granule_bytes : 1;
    return (bytes + granule - 1) / granule * granule;
}

hsp_status hsp_usage_add(const struct hsp_pool *pool, const void *memory, size_t bytes) {
    struct hsp_pool_usage *usage = pool->usage;
    struct allocation *allocation = malloc(sizeof(*allocation));
    if (!allocation)
        return hsp_fail_memory("the account of an allocation");
    *allocation = (struct allocation){memory, round_to_granule(pool, bytes), usage};
    pthread_mutex_lock(&usage_lock);
    const bool is_added = tsearch(allocation, &allocations, compare) != NULL;
    if (is_added) {
        usage->allocation_count++;
        usage->total_count++;
        usage->total_bytes += allocation->bytes;
        usage->allocated_bytes += allocation->bytes;
        if (usage->peak_bytes < usage->allocated_bytes)
            usage->peak_bytes = usage->allocated_bytes;
    }
    pthread_mutex_unlock(&usage_lock);
    if (is_added)
        return HSP_OK;
    free(allocation);
    return hsp_fail_memory("the account of an allocation");
}

void hsp_usage_remove(const void *memory) {
    const struct allocation key = {.memory = memory};
    pthread_mutex_lock(&usage_lock);
    struct allocation *const *found = tfind(&key, &allocations, compare);
    struct allocation *allocation = found ? *found : NULL;
    if (allocation) {
        allocation->usage->allocation_count--;
        allocation->usage->allocated_bytes -= allocation->bytes;
        tdelete(allocation, &allocations, compare);
    }
    pthread_mutex_unlock(&usage_lock);
    free(allocation);
}

void hsp_usage_add_failure(const struct hsp_pool *pool) {
    pthread_mutex_lock(&usage_lock);
    pool->usage->failed_count++;
    pthread_mutex_unlock(&usage_lock);
}

void hsp_usage_reset(void) {
    pthread_mutex_lock(&usage_lock);
    while (allocations) {
        struct allocation *allocation = *(struct allocation **)allocations;
        tdelete(allocation, &allocations, compare);
        free(allocation);
    }
    pthread_mutex_unlock(&usage_lock);
}

void hsp_pool_usage_get(const struct hsp_pool *pool, struct hsp_pool_usage *out_usage) {
    pthread_mutex_lock(&usage_lock);
    *out_usage = *pool->usage;
    pthread_mutex_unlock(&usage_lock);
}
