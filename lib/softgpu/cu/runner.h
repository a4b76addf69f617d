/* SPDX-License-Identifier: MIT */
/// A context that runs waves: a worker, or a dispatch's own (its owner's thread, whoever it is).
#ifndef SG_CU_RUNNER_H
#define SG_CU_RUNNER_H

#include "softgpu/isa/isa.h"

#include <stdatomic.h>
#include <stdint.h>

struct sg_runner {
    struct sg_isa_reader reader;
    _Atomic uint64_t slice; ///< odd while a wave runs and may use translations taken before
    struct sg_runner *next; ///< in the compute units' list
    uint32_t idle_visits;   ///< in a row, of work-groups that only wait for something outside
    uint32_t busy_visits;   ///< of work-groups that used their quantum up
};

/// Runs `wave` for one slice of about `budget` instructions and returns about how many it executed.
/// Translations used in a slice are never older than its beginning.
static inline int64_t sg_runner_slice(struct sg_runner *runner, struct sg_wave *wave,
                                      int64_t budget, bool no_alloc) {
    enum { STRAIGHT_MAX = 4096, STRAIGHT_MIN = 16 };
    const uint64_t start = wave->pc;
    /* Announce, then look whether translations are stale: sg_cu_drain does it the other way round.
     */
    atomic_fetch_add(&runner->slice, 1);
    sg_tlb_sync(&wave->tlb);
    wave->budget = budget;
    sg_isa_run(&runner->reader, wave, no_alloc);
    atomic_fetch_add_explicit(&runner->slice, 1, memory_order_release);
    /* The budget counts loops only: add what was passed in a straight line. */
    const uint64_t straight = (wave->pc - start) / 4;
    return budget - wave->budget + STRAIGHT_MIN + (straight < STRAIGHT_MAX ? (int64_t)straight : 0);
}

#endif
