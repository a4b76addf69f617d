/* SPDX-License-Identifier: MIT */
#include "softgpu/cu/pool.h"

#include "softgpu/common/thread.h"
#include "softgpu/cu/device.h"

#include <stdio.h>
#include <stdlib.h>

/* Instructions after which a worker looks whether another dispatch waits for help: 0.3 ms or so. */
#define WORKER_BUDGET 65536
/* Enough for the interpreter and the signal handlers that may run on it. */
#define WORKER_STACK_BYTES (256 * 1024)

struct sg_worker {
    struct sg_pool *pool;
    struct sg_runner runner;
    pthread_t thread;
};

/* The next dispatch with something to take, moved to the end of the list; NULL if there is none. */
static struct sg_dispatch *pick(struct sg_pool *pool) {
    for (struct sg_dispatch **link = &pool->published; *link; link = &(*link)->next) {
        struct sg_dispatch *dispatch = *link;
        if (atomic_load_explicit(&dispatch->takeable, memory_order_relaxed)) {
            *link = dispatch->next;
            dispatch->next = NULL;
            struct sg_dispatch **end = &pool->published;
            while (*end) {
                end = &(*end)->next;
            }
            *end = dispatch;
            return dispatch;
        }
    }
    return NULL;
}

static void *worker_main(void *argument) {
    struct sg_worker *worker = argument;
    struct sg_pool *pool = worker->pool;
    pthread_mutex_lock(&pool->lock);
    while (!pool->quits) {
        struct sg_dispatch *dispatch = pick(pool);
        if (!dispatch) {
            atomic_fetch_add(&pool->idle_count, 1);
            pthread_cond_wait(&pool->work, &pool->lock);
            atomic_fetch_sub(&pool->idle_count, 1);
            continue;
        }
        dispatch->helper_count++;
        pthread_mutex_unlock(&pool->lock);
        sg_dispatch_turn(dispatch, &worker->runner, WORKER_BUDGET, false);
        pthread_mutex_lock(&pool->lock);
        if (--dispatch->helper_count == 0) {
            pthread_cond_broadcast(&pool->left);
        }
    }
    pthread_mutex_unlock(&pool->lock);
    return NULL;
}

void sg_pool_init(struct sg_pool *pool, struct sg_cu *cu, uint32_t helper_max) {
    *pool = (struct sg_pool){.cu = cu, .helper_max = helper_max};
    pthread_mutex_init(&pool->lock, NULL);
    pthread_cond_init(&pool->work, NULL);
    pthread_cond_init(&pool->left, NULL);
}

void sg_pool_fini(struct sg_pool *pool) {
    pthread_mutex_lock(&pool->lock);
    pool->quits = true;
    pthread_cond_broadcast(&pool->work);
    pthread_mutex_unlock(&pool->lock);
    for (uint32_t i = 0; i < pool->worker_count; i++) {
        pthread_join(pool->workers[i].thread, NULL);
        sg_runner_fini(pool->cu, &pool->workers[i].runner);
    }
    free(pool->workers);
    pthread_cond_destroy(&pool->left);
    pthread_cond_destroy(&pool->work);
    pthread_mutex_destroy(&pool->lock);
}

static bool start_worker(struct sg_pool *pool, struct sg_worker *worker) {
    char name[16];
    worker->pool = pool;
    worker->runner = (struct sg_runner){0};
    sg_runner_init(pool->cu, &worker->runner);
    if (sg_thread_start(&worker->thread, WORKER_STACK_BYTES, worker_main, worker) != 0) {
        sg_runner_fini(pool->cu, &worker->runner);
        return false;
    }
    snprintf(name, sizeof name, "sg-worker-%u", pool->worker_count % 1000);
    pthread_setname_np(worker->thread, name);
    return true;
}

/* Starts workers until there are `wanted`; fewer if the system gives no more. */
static void start_workers(struct sg_pool *pool, uint32_t wanted) {
    if (!pool->workers && pool->helper_max) {
        pool->workers = aligned_alloc(64, pool->helper_max * sizeof *pool->workers);
    }
    if (!pool->workers) {
        return;
    }
    wanted = wanted < pool->helper_max ? wanted : pool->helper_max;
    while (pool->worker_count < wanted) {
        if (!start_worker(pool, &pool->workers[pool->worker_count])) {
            pool->helper_max = pool->worker_count;
            return;
        }
        pool->worker_count++;
    }
}

void sg_pool_publish(struct sg_pool *pool, struct sg_dispatch *dispatch, uint32_t wanted) {
    if (pool->helper_max == 0 || dispatch->is_published) {
        return;
    }
    pthread_mutex_lock(&pool->lock);
    start_workers(pool, wanted);
    dispatch->is_published = true;
    dispatch->next = pool->published;
    pool->published = dispatch;
    for (uint32_t i = 0; i < wanted && i < pool->worker_count; i++) {
        pthread_cond_signal(&pool->work);
    }
    pthread_mutex_unlock(&pool->lock);
}

void sg_pool_nudge(struct sg_pool *pool) {
    if (atomic_load_explicit(&pool->idle_count, memory_order_relaxed)) {
        pthread_mutex_lock(&pool->lock);
        pthread_cond_signal(&pool->work);
        pthread_mutex_unlock(&pool->lock);
    }
}

void sg_pool_withdraw(struct sg_pool *pool, struct sg_dispatch *dispatch) {
    if (!dispatch->is_published) {
        return;
    }
    pthread_mutex_lock(&pool->lock);
    struct sg_dispatch **link = &pool->published;
    while (*link != dispatch) {
        link = &(*link)->next;
    }
    *link = dispatch->next;
    dispatch->is_published = false;
    atomic_store_explicit(&dispatch->recalled, true, memory_order_relaxed);
    while (dispatch->helper_count) {
        pthread_cond_wait(&pool->left, &pool->lock);
    }
    atomic_store_explicit(&dispatch->recalled, false, memory_order_relaxed);
    pthread_mutex_unlock(&pool->lock);
}
