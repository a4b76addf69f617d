/* SPDX-License-Identifier: MIT */
/// One work-group: its waves' initial state, and interleaving them.
///
/// A work-group is used by one thread at a time; who hands it over does so under a lock.
#ifndef SG_CU_WORKGROUP_H
#define SG_CU_WORKGROUP_H

#include "softgpu/cu/gws.h"
#include "softgpu/cu/launch.h"
#include "softgpu/cu/runner.h"

#include <stddef.h>
#include <stdint.h>

/// Storage: this header, the waves of the launch, then LDS and vector registers, packed for the
/// launch's numbers, so that small kernels touch little memory. Behind the last wave's registers
/// there is room for the rows that only wild register numbers reach (SG_WAVE_ROWS).
struct sg_workgroup {
    struct sg_workgroup *next; ///< in the list that holds it
    size_t storage_bytes;
    const struct sg_launch *launch;
    uint64_t index; ///< in the grid, x fastest
    uint32_t id[3];
    uint32_t place_slot;   ///< which of the device's places for this launch it occupies
    uint32_t scratch_slot; ///< which part of the queue's scratch it uses
    uint32_t wave_count;
    uint32_t waves_ready; ///< leading waves whose constant part is set up
    uint32_t ended;       ///< waves that ended
    uint32_t arrived;     ///< waves that wait at the barrier
    uint32_t cursor;      ///< the wave whose turn it is
    uint32_t gws_generation[SG_WORKGROUP_WAVES_MAX];
    struct sg_wave waves[];
};

/// Bytes of storage that one work-group of the launch needs.
size_t sg_workgroup_bytes(const struct sg_launch *launch);
/// Prepares fresh storage of this size.
void sg_workgroup_init(struct sg_workgroup *group, size_t storage_bytes);
/// Sets up work-group `index` of the launch, as the packet processor leaves it for the first
/// instruction. The launch stays where it is until the work-group has ended.
void sg_workgroup_begin(struct sg_workgroup *group, const struct sg_launch *launch, uint64_t index,
                        uint32_t place_slot, uint32_t scratch_slot);

/// How a visit to a work-group ended.
enum sg_visit {
    SG_VISIT_ENDED,   ///< all waves ended
    SG_VISIT_QUANTUM, ///< instructions used up; it may compute or spin
    SG_VISIT_IDLE,    ///< all waves wait for something outside (s_sleep, ds_gws_barrier)
    SG_VISIT_DECODE,  ///< no_alloc: needs an instruction that is not decoded
    SG_VISIT_FAULT,   ///< a wave faulted
    SG_VISIT_STOPPED, ///< the visitor was told to stop
};

/// Who visits work-groups of a dispatch, and what came out.
struct sg_visitor {
    struct sg_runner *runner;
    struct sg_gws *gws;
    const _Atomic uint32_t *stop; ///< non-zero: leave
    bool no_alloc;                ///< neither allocate nor wait for locks
    uint64_t spent;               ///< about how many instructions all visits executed
    struct sg_fault fault;        ///< complete after SG_VISIT_FAULT
};

/// Interleaves the waves for about `quantum` instructions in all, going on where the last visit
/// ended.
enum sg_visit sg_workgroup_visit(struct sg_workgroup *group, struct sg_visitor *visitor,
                                 int64_t quantum);

#endif
