/* SPDX-License-Identifier: MIT */
#include <hsaprobe/signal.h>

#include <stdlib.h>

#include "probe/free_list.h"
#include "probe/probe.h"

#define SIGNALS_MAX 65536u

struct hsp_signal_pool {
    uint32_t count;
    hsa_signal_t *signals; // sorted by handle
    struct hsp_free_list free_signals;
    _Atomic uint32_t next[];
};

static int compare_handles(const void *left, const void *right) {
    const uint64_t a = ((const hsa_signal_t *)left)->handle;
    const uint64_t b = ((const hsa_signal_t *)right)->handle;
    return (a > b) - (a < b);
}

hsp_status hsp_signal_pool_create(size_t count, const struct hsp_signal_options *options,
                                  struct hsp_signal_pool **out_pool) {
    if (count == 0 || count > SIGNALS_MAX)
        return hsp_fail(HSP_ERROR_INVALID_ARGUMENT, "a pool of %zu signals: expected 1 to %u",
                        count, SIGNALS_MAX);
    struct hsp_signal_pool *pool = NULL;
    const size_t bytes = sizeof(*pool) + count * sizeof(pool->next[0]);
    pool = aligned_alloc(64, (bytes + 63) / 64 * 64);
    hsa_signal_t *signals = malloc(count * sizeof(*signals));
    if (!pool || !signals) {
        free(pool);
        free(signals);
        return hsp_fail_memory("a pool of signals");
    }
    pool->signals = signals;
    hsp_status status = HSP_OK;
    for (pool->count = 0; status == HSP_OK && pool->count < count; pool->count++)
        status = hsp_signal_create(0, options, &signals[pool->count]);
    if (status != HSP_OK) {
        pool->count--; // the one that failed
        hsp_signal_pool_destroy(pool);
        return status;
    }
    qsort(signals, count, sizeof(*signals), compare_handles);
    hsp_free_list_init(&pool->free_signals, pool->next, pool->count);
    *out_pool = pool;
    return HSP_OK;
}

void hsp_signal_pool_destroy(struct hsp_signal_pool *pool) {
    if (!pool)
        return;
    for (uint32_t i = 0; i < pool->count; i++)
        hsp_signal_destroy(pool->signals[i]);
    free(pool->signals);
    free(pool);
}

hsa_signal_t hsp_signal_pool_acquire(struct hsp_signal_pool *pool, int64_t initial) {
    const uint32_t index = hsp_free_list_pop(&pool->free_signals);
    if (index == HSP_FREE_LIST_NONE)
        return (hsa_signal_t){0};
    // Silent: nobody waits for a signal that was free.
    hsp_signal_silent_store_relaxed(pool->signals[index], initial);
    return pool->signals[index];
}

void hsp_signal_pool_release(struct hsp_signal_pool *pool, hsa_signal_t signal) {
    const hsa_signal_t *found =
        bsearch(&signal, pool->signals, pool->count, sizeof(pool->signals[0]), compare_handles);
    if (found)
        hsp_free_list_push(&pool->free_signals, (uint32_t)(found - pool->signals));
}
