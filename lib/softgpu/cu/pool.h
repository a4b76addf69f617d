/* SPDX-License-Identifier: MIT */
/// Worker threads that help dispatches. Started when help is first wanted; idle ones sleep.
#ifndef SG_CU_POOL_H
#define SG_CU_POOL_H

#include "softgpu/cu/dispatch.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct sg_cu;
struct sg_worker;

struct sg_pool {
    struct sg_cu *cu;
    uint32_t helper_max; ///< threads to start at most
    pthread_mutex_t lock;
    pthread_cond_t work; ///< published work, or the end
    pthread_cond_t left; ///< a worker left a dispatch
    bool quits;
    uint32_t worker_count; ///< threads started
    struct sg_worker *workers;
    struct sg_dispatch *published; ///< in the order in which they get the next free worker
    _Atomic uint32_t idle_count;   ///< sleeping workers
};

/// `helper_max` may be 0: then nobody ever helps.
void sg_pool_init(struct sg_pool *pool, struct sg_cu *cu, uint32_t helper_max);
/// Ends and joins the workers. Nothing may be published.
void sg_pool_fini(struct sg_pool *pool);

/// Offers the dispatch to workers and wakes (at first starts) up to `wanted` of them.
void sg_pool_publish(struct sg_pool *pool, struct sg_dispatch *dispatch, uint32_t wanted);
/// Wakes one sleeping worker, if any, because a published dispatch has something to take.
void sg_pool_nudge(struct sg_pool *pool);
/// Takes the offer back and waits until no worker is in the dispatch.
void sg_pool_withdraw(struct sg_pool *pool, struct sg_dispatch *dispatch);

#endif
