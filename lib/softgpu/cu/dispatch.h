/* SPDX-License-Identifier: MIT */
/// A launch in progress: which work-groups are taken, parked, ended. Private to the compute units.
///
/// Locking: `lock` guards the fields below it. It is taken by the owner and by workers in a normal
/// run. A no_alloc run takes no lock: no worker is in the dispatch then, because a normal run does
/// not return before all have left. The order of locks is pool, dispatch, store.
#ifndef SG_CU_DISPATCH_H
#define SG_CU_DISPATCH_H

#include "softgpu/cu/launch.h"
#include "softgpu/cu/runner.h"
#include "softgpu/cu/workgroup.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

enum sg_dispatch_stop { SG_STOP_NONE, SG_STOP_FAULT, SG_STOP_KILLED };

/// Numbers below a limit. Scratch takes the latest returned one, so that little scratch memory
/// stays in cache; places take a fresh one while there is one and then the one returned longest
/// ago, so that work-groups spread over the units as on hardware.
struct sg_slots {
    uint32_t fresh; ///< numbers from here on were never given out
    uint32_t head;  ///< of the ring of returned numbers
    uint32_t count;
    uint16_t returned[SG_RESIDENT_MAX];
};

struct sg_dispatch {
    struct sg_cu *cu;
    struct sg_runner runner; ///< of the owner, on whatever thread
    struct sg_launch launch;
    _Atomic uint32_t stop;     ///< enum sg_dispatch_stop; waves look at it between slices
    _Atomic bool recalled;     ///< workers are to leave
    _Atomic uint64_t takeable; ///< work-groups that could be taken now; a hint for waiting threads

    struct sg_dispatch *next; ///< in the pool's list; this and the two below belong to the pool
    uint32_t helper_count;    ///< workers inside
    bool is_published;        ///< written by the owner only

    pthread_mutex_t lock;
    pthread_cond_t changed; ///< a work-group was parked or ended while the owner waits
    bool owner_waits;
    bool fresh_next;         ///< whose turn it is: a fresh work-group's or a parked one's
    uint64_t next_index;     ///< first work-group not begun yet
    _Atomic uint64_t ended;  ///< work-groups that ended
    uint32_t resident_count; ///< begun and not ended
    uint32_t parked_count;
    struct sg_workgroup *parked_head; ///< begun, nobody runs them; oldest first
    struct sg_workgroup *parked_tail;
    struct sg_workgroup *spare; ///< storage for fresh ones; all of it fits the launch
    struct sg_fault fault;      ///< valid when stop is SG_STOP_FAULT
    struct sg_slots places;
    struct sg_slots scratch;

    _Atomic(struct sg_workgroup *) at_place[SG_RESIDENT_MAX]; ///< for the dump
};

/// What came out of a turn at a dispatch.
struct sg_turn {
    uint64_t spent; ///< about how many instructions were executed, pauses included
    bool took_none; ///< there was nothing to take: all is held by others, or all has ended
    bool is_stuck;  ///< no_alloc: can't go on here
};

/// Runs work-groups on the calling thread until about `budget` instructions are spent, nothing is
/// left to take, all that is left waits for something outside (then after a pause), or the dispatch
/// is stopped. Used by owners and workers alike.
struct sg_turn sg_dispatch_turn(struct sg_dispatch *dispatch, struct sg_runner *runner,
                                uint64_t budget, bool no_alloc);
/// Takes a work-group that ended, or is given up, out of the books. Under the lock.
void sg_dispatch_retire(struct sg_dispatch *dispatch, struct sg_workgroup *group);

#endif
