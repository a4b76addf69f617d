/* SPDX-License-Identifier: MIT */
#include "softgpu/cu/device.h"
#include "softgpu/cu/dispatch.h"

#include <sched.h>
#include <time.h>

/* Instructions after which another work-group gets its turn: some 80 us. */
#define QUANTUM 16384
/* Quanta after which other threads get the processor even so. */
#define BUSY_VISITS 4
/* When all that is left only waits: first let other threads run, then sleep, for long after some
 * 10 ms. Priced in instructions, so that a run with a budget returns in bounded time. */
#define YIELD_ROUNDS 16
#define YIELD_PRICE  256
#define SHORT_ROUNDS 100
#define SHORT_NS     50000
#define LONG_NS      500000
#define SLEEP_PRICE  16384

static uint32_t slot_take(struct sg_slots *slots, uint32_t index) {
    return slots->returned[index % SG_RESIDENT_MAX];
}

static uint32_t slot_take_oldest(struct sg_slots *slots, uint32_t limit) {
    if (slots->fresh < limit) {
        return slots->fresh++;
    }
    slots->count--;
    return slot_take(slots, slots->head++);
}

static uint32_t slot_take_latest(struct sg_slots *slots) {
    if (slots->count == 0) {
        return slots->fresh++;
    }
    slots->count--;
    return slot_take(slots, slots->head + slots->count);
}

static void slot_return(struct sg_slots *slots, uint32_t slot) {
    slots->returned[(slots->head + slots->count++) % SG_RESIDENT_MAX] = (uint16_t)slot;
}

static bool may_begin(const struct sg_dispatch *dispatch) {
    return dispatch->next_index < dispatch->launch.group_total &&
           dispatch->resident_count < dispatch->launch.resident_limit;
}

/* Keeps the hint true: idle threads would look again and again at what others hold. */
static void note_takeable(struct sg_dispatch *dispatch) {
    uint64_t takeable = dispatch->parked_count;
    if (may_begin(dispatch)) {
        takeable += dispatch->launch.group_total - dispatch->next_index;
    }
    atomic_store_explicit(&dispatch->takeable, takeable, memory_order_relaxed);
}

/* Storage for the next fresh work-group and its numbers; NULL if there is no storage. */
static struct sg_workgroup *take_fresh(struct sg_dispatch *dispatch, bool no_alloc) {
    struct sg_workgroup *group = dispatch->spare;
    if (group) {
        dispatch->spare = group->next;
    } else if (!no_alloc) {
        group = sg_store_acquire(&dispatch->cu->store, sg_workgroup_bytes(&dispatch->launch));
    }
    if (!group) {
        return NULL;
    }
    group->next = NULL;
    group->launch = NULL; /* not begun */
    group->index = dispatch->next_index++;
    group->place_slot = slot_take_oldest(&dispatch->places, dispatch->launch.resident_limit);
    group->scratch_slot = slot_take_latest(&dispatch->scratch);
    dispatch->resident_count++;
    return group;
}

/* Fresh and parked work-groups take turns: all that may be resident get started sooner or later,
 * even if those before only spin, and those before go on meanwhile. */
static struct sg_workgroup *take(struct sg_dispatch *dispatch, bool no_alloc) {
    struct sg_workgroup *group = NULL;
    if (may_begin(dispatch) && (dispatch->fresh_next || !dispatch->parked_head)) {
        group = take_fresh(dispatch, no_alloc);
    }
    dispatch->fresh_next = group == NULL;
    if (!group && dispatch->parked_head) {
        group = dispatch->parked_head;
        dispatch->parked_head = group->next;
        dispatch->parked_count--;
        group->next = NULL;
    }
    note_takeable(dispatch);
    return group;
}

static void park(struct sg_dispatch *dispatch, struct sg_workgroup *group) {
    if (dispatch->parked_head) {
        dispatch->parked_tail->next = group;
    } else {
        dispatch->parked_head = group;
    }
    dispatch->parked_tail = group;
    dispatch->parked_count++;
}

void sg_dispatch_retire(struct sg_dispatch *dispatch, struct sg_workgroup *group) {
    atomic_store_explicit(&dispatch->at_place[group->place_slot], NULL, memory_order_relaxed);
    slot_return(&dispatch->places, group->place_slot);
    slot_return(&dispatch->scratch, group->scratch_slot);
    dispatch->resident_count--;
    group->next = dispatch->spare;
    dispatch->spare = group;
}

/* Puts a work-group where it belongs after a visit. */
static void settle(struct sg_dispatch *dispatch, struct sg_workgroup *group, enum sg_visit visit,
                   const struct sg_fault *fault) {
    uint32_t running = SG_STOP_NONE;
    if (visit == SG_VISIT_ENDED) {
        sg_dispatch_retire(dispatch, group);
        atomic_fetch_add_explicit(&dispatch->ended, 1, memory_order_relaxed);
    } else {
        park(dispatch, group);
    }
    if (visit == SG_VISIT_FAULT &&
        atomic_compare_exchange_strong(&dispatch->stop, &running, SG_STOP_FAULT)) {
        dispatch->fault = *fault;
    }
    note_takeable(dispatch);
    if (dispatch->owner_waits) {
        pthread_cond_signal(&dispatch->changed);
    }
}

/* After a visit that did not end its work-group: gives the processor away if all that is left
 * waits, and now and then in any case, for what looks busy may spin for a thread that waits for
 * this processor. Returns the price. */
static uint64_t give_way(struct sg_runner *runner, bool is_idle, uint32_t parked_count) {
    if (!is_idle) {
        runner->idle_visits = 0;
        if (++runner->busy_visits % BUSY_VISITS == 0) {
            sched_yield();
        }
        return 0;
    }
    const uint32_t rounds = ++runner->idle_visits / (parked_count + 1);
    if (rounds < YIELD_ROUNDS) {
        sched_yield();
        return YIELD_PRICE;
    }
    const struct timespec nap = {.tv_nsec = rounds < SHORT_ROUNDS ? SHORT_NS : LONG_NS};
    nanosleep(&nap, NULL);
    return SLEEP_PRICE;
}

/* Runs a work-group that this thread took, without the lock. */
static enum sg_visit visit(struct sg_dispatch *dispatch, struct sg_workgroup *group,
                           struct sg_visitor *visitor, uint64_t budget) {
    if (!group->launch) {
        sg_workgroup_begin(group, &dispatch->launch, group->index, group->place_slot,
                           group->scratch_slot);
        atomic_store_explicit(&dispatch->at_place[group->place_slot], group, memory_order_release);
    }
    return sg_workgroup_visit(group, visitor, budget < QUANTUM ? (int64_t)budget : QUANTUM);
}

static bool goes_on(const struct sg_dispatch *dispatch, const struct sg_turn *turn,
                    uint64_t budget) {
    return turn->spent < budget && !turn->is_stuck &&
           atomic_load_explicit(&dispatch->stop, memory_order_relaxed) == SG_STOP_NONE &&
           !atomic_load_explicit(&dispatch->recalled, memory_order_relaxed);
}

struct sg_turn sg_dispatch_turn(struct sg_dispatch *dispatch, struct sg_runner *runner,
                                uint64_t budget, bool no_alloc) {
    struct sg_turn turn = {0};
    struct sg_visitor visitor = {
        .runner = runner, .gws = &dispatch->cu->gws, .stop = &dispatch->stop, .no_alloc = no_alloc};
    if (!no_alloc) {
        pthread_mutex_lock(&dispatch->lock);
    }
    while (goes_on(dispatch, &turn, budget)) {
        struct sg_workgroup *group = take(dispatch, no_alloc);
        if (!group) {
            turn.took_none = true;
            break;
        }
        if (!no_alloc) {
            pthread_mutex_unlock(&dispatch->lock);
        }
        visitor.spent = 0;
        const enum sg_visit result = visit(dispatch, group, &visitor, budget - turn.spent);
        turn.spent += visitor.spent;
        if (!no_alloc) {
            pthread_mutex_lock(&dispatch->lock);
        }
        settle(dispatch, group, result, &visitor.fault);
        const bool is_idle = result == SG_VISIT_IDLE || result == SG_VISIT_DECODE;
        turn.is_stuck = no_alloc && is_idle;
        if (result == SG_VISIT_ENDED) {
            runner->idle_visits = 0;
        } else if (!no_alloc) {
            const uint32_t parked_count = dispatch->parked_count;
            pthread_mutex_unlock(&dispatch->lock);
            turn.spent += give_way(runner, is_idle, parked_count);
            pthread_mutex_lock(&dispatch->lock);
        }
    }
    if (!no_alloc) {
        pthread_mutex_unlock(&dispatch->lock);
    }
    return turn;
}
