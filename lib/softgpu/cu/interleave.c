/* SPDX-License-Identifier: MIT */
#include "softgpu/cu/workgroup.h"

#include <string.h>

/* Instructions a wave gets before its neighbours: long enough that its registers stay in cache. */
#define SLICE 4096

/* True if the wave may run now. */
static bool is_ready(struct sg_workgroup *group, struct sg_wave *wave, struct sg_gws *gws) {
    if (wave->state == SG_WAVE_YIELDED ||
        (wave->state == SG_WAVE_GWS &&
         sg_gws_poll(gws, wave, group->gws_generation[wave->wave_index]))) {
        wave->state = SG_WAVE_RUNNING;
    }
    return wave->state == SG_WAVE_RUNNING;
}

/* Takes note of why a wave stopped running; true if that brought the work-group forward. */
static bool note_stop(struct sg_workgroup *group, struct sg_wave *wave, struct sg_gws *gws) {
    switch (wave->state) {
    case SG_WAVE_BARRIER:
        group->arrived++;
        return true;
    case SG_WAVE_ENDED:
        group->ended++;
        return true;
    case SG_WAVE_GWS:
        if (sg_gws_execute(gws, wave, &group->gws_generation[wave->wave_index])) {
            wave->state = SG_WAVE_RUNNING;
        }
        return true;
    case SG_WAVE_YIELDED:
        return wave->yield == SG_YIELD_BUDGET;
    case SG_WAVE_RUNNING:
    case SG_WAVE_FAULTED:
        break;
    }
    return true;
}

static void release_barrier(struct sg_workgroup *group) {
    if (group->arrived == 0 || group->arrived + group->ended < group->wave_count) {
        return;
    }
    for (uint32_t i = 0; i < group->wave_count; i++) {
        if (group->waves[i].state == SG_WAVE_BARRIER) {
            group->waves[i].state = SG_WAVE_RUNNING;
        }
    }
    group->arrived = 0;
}

static void complete_fault(const struct sg_workgroup *group, const struct sg_wave *wave,
                           struct sg_fault *out_fault) {
    *out_fault = wave->fault;
    out_fault->entry = group->launch->kernel.entry;
    out_fault->wave = wave->wave_index;
    memcpy(out_fault->workgroup, group->id, sizeof group->id);
}

enum sg_visit sg_workgroup_visit(struct sg_workgroup *group, struct sg_visitor *visitor,
                                 int64_t quantum) {
    uint32_t still_count = 0; /* waves in a row that could not get forward */
    while (still_count < group->wave_count) {
        if (group->ended == group->wave_count) {
            return SG_VISIT_ENDED;
        }
        if (quantum <= 0) {
            return SG_VISIT_QUANTUM;
        }
        struct sg_wave *wave = &group->waves[group->cursor];
        group->cursor = group->cursor + 1 < group->wave_count ? group->cursor + 1 : 0;
        if (!is_ready(group, wave, visitor->gws)) {
            still_count++;
            continue;
        }
        if (atomic_load_explicit(visitor->stop, memory_order_relaxed)) {
            return SG_VISIT_STOPPED;
        }
        const int64_t slice = quantum < SLICE ? quantum : SLICE;
        const int64_t used = sg_runner_slice(visitor->runner, wave, slice, visitor->no_alloc);
        quantum -= used;
        visitor->spent += (uint64_t)used;
        if (wave->state == SG_WAVE_FAULTED) {
            complete_fault(group, wave, &visitor->fault);
            return SG_VISIT_FAULT;
        }
        if (wave->state == SG_WAVE_YIELDED && wave->yield == SG_YIELD_DECODE) {
            return SG_VISIT_DECODE;
        }
        still_count = note_stop(group, wave, visitor->gws) ? 0 : still_count + 1;
        release_barrier(group);
    }
    return SG_VISIT_IDLE;
}
