/* SPDX-License-Identifier: MIT */
#include "softgpu/cu/workgroup.h"

#include <string.h>

/* Instructions a wave gets before its neighbours: long enough that its registers stay in cache. */
#define SLICE 2048

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

enum sg_visit sg_workgroup_visit(struct sg_workgroup *group, struct sg_runner *runner,
                                 struct sg_gws *gws, const _Atomic uint32_t *stop, bool no_alloc,
                                 int64_t quantum, uint64_t *spent, struct sg_fault *out_fault) {
    bool moved = true;
    while (moved && quantum > 0) {
        moved = false;
        for (uint32_t i = 0; i < group->wave_count; i++) {
            struct sg_wave *wave = &group->waves[i];
            if (!is_ready(group, wave, gws)) {
                continue;
            }
            if (atomic_load_explicit(stop, memory_order_relaxed)) {
                return SG_VISIT_STOPPED;
            }
            const int64_t used = sg_runner_slice(runner, wave, SLICE, no_alloc);
            quantum -= used;
            *spent += (uint64_t)used;
            if (wave->state == SG_WAVE_FAULTED) {
                complete_fault(group, wave, out_fault);
                return SG_VISIT_FAULT;
            }
            if (wave->state == SG_WAVE_YIELDED && wave->yield == SG_YIELD_DECODE) {
                return SG_VISIT_DECODE;
            }
            moved |= note_stop(group, wave, gws);
        }
        if (group->ended == group->wave_count) {
            return SG_VISIT_ENDED;
        }
        release_barrier(group);
    }
    return moved ? SG_VISIT_QUANTUM : SG_VISIT_IDLE;
}
