/* SPDX-License-Identifier: MIT */
#include "softgpu/cu/dispatch.h"

#include "softgpu/common/clock.h"
#include "softgpu/cu/device.h"

#include <immintrin.h>
#include <stdlib.h>
#include <string.h>

/* The owner works alone for so many instructions (20 us or so) before it estimates whether waking
 * others pays. A futex wake costs some 30 us, so each woken worker must get more than that. */
#define SCOUT_BUDGET 4096
#define HELP_PRICE   16384
/* After so many it looks whether more workers could help. */
#define OWNER_BUDGET 65536
/* Spinning before the owner sleeps until a worker gives something back. */
#define WAIT_SPINS 2000
#define WAIT_NS    1000000
/* Such a wait counts as so many instructions, so that a run with a budget returns in bounded time:
 * suspension and draining rely on that. */
#define WAIT_PRICE 16384

/* Storage that each dispatch has from the start, for launches inside signal handlers: most kernels'
 * work-groups fit. Untouched pages of it cost nothing. */
static size_t initial_storage_bytes(void) {
    static const struct sg_launch typical = {
        .kernel.vgpr_count = 64,
        .wave_count = SG_WORKGROUP_WAVES_MAX,
        .lds_bytes = SG_LDS_BYTES,
    };
    return sg_workgroup_bytes(&typical);
}

struct sg_dispatch *sg_dispatch_create(struct sg_cu *cu) {
    struct sg_dispatch *dispatch = aligned_alloc(64, sizeof *dispatch);
    if (!dispatch) {
        return NULL;
    }
    memset(dispatch, 0, sizeof *dispatch);
    dispatch->spare = sg_store_acquire(&cu->store, initial_storage_bytes());
    if (!dispatch->spare) {
        free(dispatch);
        return NULL;
    }
    dispatch->cu = cu;
    dispatch->launch.env = (struct sg_wave_env){
        .vm = cu->config.vm,
        .isa = cu->isa,
        .interrupt = cu->config.sink.interrupt,
        .interrupt_context = cu->config.sink.context,
        .core_clock = sg_clock_core_ticks,
        .real_clock = sg_clock_real_ticks,
    };
    pthread_condattr_t attributes;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&dispatch->changed, &attributes);
    pthread_condattr_destroy(&attributes);
    pthread_mutex_init(&dispatch->lock, NULL);
    sg_runner_init(cu, &dispatch->runner);
    return dispatch;
}

/* Gives the storage of all parked work-groups back to the spares. */
static void abandon(struct sg_dispatch *dispatch) {
    while (dispatch->parked_head) {
        struct sg_workgroup *group = dispatch->parked_head;
        dispatch->parked_head = group->next;
        sg_dispatch_retire(dispatch, group);
    }
    dispatch->parked_count = 0;
}

/* Keeps one work-group's storage for the next launch. */
static void trim_spares(struct sg_dispatch *dispatch) {
    while (dispatch->spare && dispatch->spare->next) {
        struct sg_workgroup *group = dispatch->spare;
        dispatch->spare = group->next;
        sg_store_release(&dispatch->cu->store, group);
    }
}

void sg_dispatch_destroy(struct sg_dispatch *dispatch) {
    if (!dispatch) {
        return;
    }
    abandon(dispatch);
    trim_spares(dispatch);
    sg_store_release(&dispatch->cu->store, dispatch->spare);
    sg_runner_fini(dispatch->cu, &dispatch->runner);
    pthread_cond_destroy(&dispatch->changed);
    pthread_mutex_destroy(&dispatch->lock);
    free(dispatch);
}

/* Makes the spare storage fit the launch; false if that needs an allocation that can't be had. */
static bool fit_storage(struct sg_dispatch *dispatch, bool no_alloc) {
    const size_t bytes = sg_workgroup_bytes(&dispatch->launch);
    const struct sg_workgroup *spare = dispatch->spare;
    if (spare && !spare->next && spare->storage_bytes >= bytes) {
        return true;
    }
    if (no_alloc) {
        return false;
    }
    trim_spares(dispatch);
    if (dispatch->spare && dispatch->spare->storage_bytes >= bytes) {
        return true;
    }
    struct sg_workgroup *larger = sg_store_acquire(&dispatch->cu->store, bytes);
    if (!larger) {
        return false;
    }
    sg_store_release(&dispatch->cu->store, dispatch->spare);
    dispatch->spare = larger;
    return true;
}

enum sg_dispatch_check sg_dispatch_init(struct sg_dispatch *dispatch,
                                        const struct sg_dispatch_config *config, bool no_alloc) {
    const enum sg_dispatch_check check =
        sg_launch_prepare(&dispatch->launch, config, dispatch->cu->config.cu_count);
    if (check != SG_DISPATCH_OK) {
        return check;
    }
    if (!fit_storage(dispatch, no_alloc)) {
        return SG_DISPATCH_NO_MEMORY;
    }
    uint32_t faulted = SG_STOP_FAULT; /* a kill stays */
    atomic_compare_exchange_strong(&dispatch->stop, &faulted, SG_STOP_NONE);
    dispatch->next_index = 0;
    dispatch->resident_count = 0;
    dispatch->fresh_next = true;
    dispatch->places.fresh = dispatch->places.count = dispatch->places.head = 0;
    dispatch->scratch.fresh = dispatch->scratch.count = dispatch->scratch.head = 0;
    atomic_store_explicit(&dispatch->ended, 0, memory_order_relaxed);
    atomic_store_explicit(&dispatch->takeable, dispatch->launch.group_total, memory_order_relaxed);
    dispatch->runner.idle_visits = 0;
    return SG_DISPATCH_OK;
}

static bool is_over(const struct sg_dispatch *dispatch) {
    return atomic_load_explicit(&dispatch->stop, memory_order_relaxed) != SG_STOP_NONE ||
           atomic_load_explicit(&dispatch->ended, memory_order_relaxed) ==
               dispatch->launch.group_total;
}

static bool has_takeable(const struct sg_dispatch *dispatch) {
    return atomic_load_explicit(&dispatch->takeable, memory_order_relaxed) != 0;
}

/* Everything is in workers' hands: waits until they give something back or all is over. */
static void wait_for_workers(struct sg_dispatch *dispatch) {
    for (int i = 0; i < WAIT_SPINS; i++) {
        if (is_over(dispatch) || has_takeable(dispatch)) {
            return;
        }
        _mm_pause();
    }
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_nsec += WAIT_NS; /* a kill, being async-signal-safe, wakes nobody */
    if (until.tv_nsec >= 1000000000) {
        until.tv_nsec -= 1000000000;
        until.tv_sec++;
    }
    pthread_mutex_lock(&dispatch->lock);
    dispatch->owner_waits = true;
    if (!is_over(dispatch) && !has_takeable(dispatch)) {
        pthread_cond_timedwait(&dispatch->changed, &dispatch->lock, &until);
    }
    dispatch->owner_waits = false;
    pthread_mutex_unlock(&dispatch->lock);
}

/* Asks workers for help if what is left is worth waking them. `spent`: instructions since init. */
static void seek_help(struct sg_dispatch *dispatch, uint64_t spent) {
    struct sg_pool *pool = &dispatch->cu->pool;
    if (!has_takeable(dispatch)) {
        return;
    }
    if (dispatch->is_published) {
        if (atomic_load_explicit(&dispatch->takeable, memory_order_relaxed) > 1) {
            sg_pool_nudge(pool); /* the owner takes one itself */
        }
        return;
    }
    const uint64_t ended = atomic_load_explicit(&dispatch->ended, memory_order_relaxed);
    const uint64_t left = dispatch->launch.group_total - ended;
    const uint64_t each = spent / (ended + 1);
    uint64_t cost;
    if (__builtin_mul_overflow(left - 1, each, &cost)) {
        cost = UINT64_MAX;
    }
    uint64_t wanted = cost / HELP_PRICE;
    wanted = wanted < left - 1 ? wanted : left - 1; /* the owner takes one itself */
    if (wanted) {
        sg_pool_publish(pool, dispatch, wanted < UINT32_MAX ? (uint32_t)wanted : UINT32_MAX);
    }
}

static enum sg_run_state conclude(struct sg_dispatch *dispatch, bool no_alloc,
                                  struct sg_fault *out_fault) {
    const uint32_t stop = atomic_load(&dispatch->stop);
    const bool is_done = !stop && is_over(dispatch);
    if (!stop && !is_done) {
        return SG_RUN_BUDGET;
    }
    if (stop) {
        abandon(dispatch);
        *out_fault = stop == SG_STOP_FAULT
                         ? dispatch->fault
                         : (struct sg_fault){.cause = SG_FAULT_KILLED,
                                             .entry = dispatch->launch.kernel.entry};
    }
    if (!no_alloc) {
        trim_spares(dispatch);
    }
    return is_done ? SG_RUN_DONE : SG_RUN_FAULT;
}

enum sg_run_state sg_dispatch_run(struct sg_dispatch *dispatch, uint64_t budget, bool no_alloc,
                                  struct sg_fault *out_fault) {
    uint64_t spent = 0;
    while (!is_over(dispatch) && spent < budget) {
        const uint64_t most = no_alloc                 ? UINT64_MAX
                              : dispatch->is_published ? OWNER_BUDGET
                                                       : SCOUT_BUDGET;
        const uint64_t share = budget - spent < most ? budget - spent : most;
        const struct sg_turn turn = sg_dispatch_turn(dispatch, &dispatch->runner, share, no_alloc);
        spent += turn.spent;
        if (no_alloc) {
            if (turn.is_stuck || turn.took_none) {
                break;
            }
        } else if (turn.took_none) {
            wait_for_workers(dispatch);
            spent += WAIT_PRICE;
        } else {
            seek_help(dispatch, spent);
        }
    }
    if (!no_alloc) {
        sg_pool_withdraw(&dispatch->cu->pool, dispatch);
    }
    return conclude(dispatch, no_alloc, out_fault);
}

void sg_dispatch_kill(struct sg_dispatch *dispatch) {
    atomic_store(&dispatch->stop, SG_STOP_KILLED);
}
