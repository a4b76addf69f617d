/* SPDX-License-Identifier: MIT */
/// What all work-groups of one dispatch have in common, worked out once per launch.
#ifndef SG_CU_LAUNCH_H
#define SG_CU_LAUNCH_H

#include "softgpu/cu/cu.h"
#include "softgpu/cu/kernel.h"
#include "softgpu/cu/occupancy.h"
#include "softgpu/isa/wave.h"

#include <stdint.h>

enum { SG_USER_SGPRS_MAX = 16, SG_WORKGROUP_WAVES_MAX = SG_WORKGROUP_ITEMS_MAX / SG_WAVE_LANES };

struct sg_launch {
    struct sg_kernel kernel;
    struct sg_wave_env env;
    struct sg_units units;
    uint32_t grid[3];        ///< work-items
    uint32_t size[3];        ///< work-items of a work-group that is not cut off by the grid's end
    uint32_t group_count[3]; ///< work-groups, the cut-off ones included
    uint64_t group_total;
    uint32_t wave_count;     ///< waves of the largest work-group: 1 to 16
    uint32_t lds_bytes;      ///< per work-group, rounded up to the hardware's granule
    uint32_t resident_limit; ///< work-groups that may be in progress at once: at least 1
    uint32_t groups_per_unit;
    uint32_t scratch_wave_bytes; ///< distance of two waves' scratch; 0: the kernel uses none
    uint32_t packet_index;       ///< for the debugger's trap registers
    uint32_t mode;               ///< initial MODE register
    uint32_t item_id_dims;       ///< dimensions of the work-item id that VGPR0 holds: 1 to 3
    uint32_t user_sgprs[SG_USER_SGPRS_MAX];
    /// VGPR0 of each wave of a work-group of full size.
    _Alignas(64) uint32_t item_ids[SG_WORKGROUP_WAVES_MAX][SG_WAVE_LANES];
};

/// Works out everything but `env.isa`, `env.vm` and the hooks, which the caller has set (env.vm is
/// used). `unit_count`: units of the device. Allocates nothing, takes no lock.
enum sg_dispatch_check sg_launch_prepare(struct sg_launch *launch,
                                         const struct sg_dispatch_config *config,
                                         uint32_t unit_count);

/// Packed work-item ids (x 9:0, y 19:10, z 29:20; dimensions from `dims` on are 0) of the 64 lanes
/// of wave `wave` in a work-group of this size; lanes beyond its end get ids beyond it too.
void sg_launch_item_ids(const uint32_t size[3], uint32_t dims, uint32_t wave,
                        uint32_t out_ids[SG_WAVE_LANES]);

#endif
