/* SPDX-License-Identifier: MIT */
#include "softgpu/cu/launch.h"

#include "abi/kernel_descriptor.h"

#include <string.h>

/* compute_tmpring_size: WAVES 11:0, WAVESIZE 24:12 in units of 1 KiB. */
#define TMPRING_WAVES(r)      ((r)&0xfffu)
#define TMPRING_WAVE_BYTES(r) (((r) >> 12 & 0x1fffu) * 1024)
/* compute_pgm_rsrc1 FP16_OVFL and its place in the MODE register (GFX9). */
#define RSRC1_FP16_OVFL(r) (((r) >> 26) & 1u)
#define MODE_FP16_OVFL     (1u << 23)

static uint32_t min_u32(uint32_t a, uint32_t b) {
    return a < b ? a : b;
}

/* Geometry of the grid; false if a work-group is empty or too large. */
static bool measure_grid(struct sg_launch *launch, const struct sg_dispatch_config *config) {
    uint32_t items = 1;
    uint32_t largest = 1;
    launch->group_total = 1;
    for (int dim = 0; dim < 3; dim++) {
        const uint32_t grid = config->grid_size[dim];
        const uint32_t size = config->workgroup_size[dim];
        if (size == 0 || size > SG_WORKGROUP_ITEMS_MAX) {
            return false;
        }
        items *= size; /* at most 2^30 */
        largest *= min_u32(size, grid);
        launch->grid[dim] = grid;
        launch->size[dim] = size;
        launch->group_count[dim] = grid / size + (grid % size != 0);
        if (__builtin_mul_overflow(launch->group_total, launch->group_count[dim],
                                   &launch->group_total)) {
            launch->group_total = UINT64_MAX; /* never ends anyway */
        }
    }
    launch->wave_count = (largest + SG_WAVE_LANES - 1) / SG_WAVE_LANES;
    if (launch->wave_count == 0) {
        launch->wave_count = 1; /* an empty grid has no work-group, but storage is for one */
    }
    return items <= SG_WORKGROUP_ITEMS_MAX;
}

/* How many work-groups fit the device, its registers and the queue's scratch at once. */
static enum sg_dispatch_check measure_residency(struct sg_launch *launch,
                                                const struct sg_dispatch_config *config) {
    const struct sg_kernel *kernel = &launch->kernel;
    if (config->group_bytes > SG_LDS_BYTES) {
        return SG_DISPATCH_GROUP_MEMORY;
    }
    launch->lds_bytes =
        (config->group_bytes + SG_LDS_GRANULE - 1) / SG_LDS_GRANULE * SG_LDS_GRANULE;
    launch->groups_per_unit = sg_groups_per_unit(kernel, launch->wave_count, launch->lds_bytes);
    if (launch->groups_per_unit == 0) {
        return SG_DISPATCH_REGISTERS;
    }
    launch->resident_limit = launch->groups_per_unit * launch->units.count;

    launch->scratch_wave_bytes = 0;
    const uint32_t wave_bytes = TMPRING_WAVE_BYTES(config->tmpring_size);
    if (ABI_RSRC2_PRIVATE_SEGMENT(kernel->rsrc2) && wave_bytes && config->scratch_bytes) {
        const uint64_t backed = config->scratch_bytes / wave_bytes;
        const uint32_t waves = TMPRING_WAVES(config->tmpring_size);
        const uint32_t slots = backed < waves ? (uint32_t)backed : waves;
        launch->scratch_wave_bytes = wave_bytes;
        launch->resident_limit = min_u32(launch->resident_limit, slots / launch->wave_count);
    }
    return launch->resident_limit ? SG_DISPATCH_OK : SG_DISPATCH_WORKGROUP_SIZE;
}

/* User SGPRs in the order of AMDGPUUsage, "SGPR Register Set Up Order"; only the first 16 exist. */
static void load_user_sgprs(struct sg_launch *launch, const struct sg_dispatch_config *config) {
    const uint64_t pairs[][2] = {
        {ABI_KERNEL_DISPATCH_PTR, config->packet_va},
        {ABI_KERNEL_QUEUE_PTR, config->queue_va},
        {ABI_KERNEL_KERNARG_SEGMENT_PTR, config->kernarg_va},
        {ABI_KERNEL_DISPATCH_ID, config->dispatch_id},
        /* Absolute flat scratch (GFX9): the address of the queue's scratch. */
        {ABI_KERNEL_FLAT_SCRATCH_INIT, config->scratch_va},
    };
    enum { PAIRS = sizeof pairs / sizeof pairs[0] };
    uint32_t all[4 + 2 * PAIRS + 1];
    uint32_t count = 0;
    const uint32_t properties = launch->kernel.properties;
    if (properties & ABI_KERNEL_PRIVATE_SEGMENT_BUFFER) {
        memcpy(all, config->scratch_descriptor, sizeof config->scratch_descriptor);
        count = 4;
    }
    for (uint32_t i = 0; i < PAIRS; i++) {
        if (properties & pairs[i][0]) {
            all[count++] = (uint32_t)pairs[i][1];
            all[count++] = (uint32_t)(pairs[i][1] >> 32);
        }
    }
    if (properties & ABI_KERNEL_PRIVATE_SEGMENT_SIZE) {
        all[count++] = (config->private_bytes + 3) & ~3u;
    }
    memset(launch->user_sgprs, 0, sizeof launch->user_sgprs);
    memcpy(launch->user_sgprs, all, min_u32(count, SG_USER_SGPRS_MAX) * sizeof all[0]);
}

static void fill_env(struct sg_launch *launch, const struct sg_dispatch_config *config) {
    struct sg_wave_env *env = &launch->env;
    env->entry = launch->kernel.entry;
    env->packet_va = config->packet_va;
    env->queue_va = config->queue_va;
    env->scratch_va = config->scratch_va;
    env->scratch_bytes = config->scratch_bytes;
    env->shared_aperture_hi = config->shared_aperture_hi;
    env->private_aperture_hi = config->private_aperture_hi;
    env->doorbell_index = config->doorbell_index;
}

enum sg_dispatch_check sg_launch_prepare(struct sg_launch *launch,
                                         const struct sg_dispatch_config *config,
                                         uint32_t unit_count) {
    if (config->registers
            ? !sg_kernel_decode(launch->env.vm, config->registers, &launch->kernel)
            : !sg_kernel_read(launch->env.vm, config->kernel_object, &launch->kernel)) {
        return SG_DISPATCH_BAD_CODE;
    }
    if (!measure_grid(launch, config)) {
        return SG_DISPATCH_WORKGROUP_SIZE;
    }
    sg_units_select(unit_count, config->cu_mask, config->cu_mask_count, &launch->units);
    const enum sg_dispatch_check check = measure_residency(launch, config);
    if (check != SG_DISPATCH_OK) {
        return check;
    }
    if (config->registers) {
        memcpy(launch->user_sgprs, config->registers->user_data, sizeof launch->user_sgprs);
    } else {
        load_user_sgprs(launch, config);
    }
    fill_env(launch, config);
    const uint32_t rsrc1 = launch->kernel.rsrc1;
    launch->mode = ABI_RSRC1_FLOAT_MODE(rsrc1) | (ABI_RSRC1_DX10_CLAMP(rsrc1) << 8) |
                   (ABI_RSRC1_IEEE_MODE(rsrc1) << 9) |
                   (RSRC1_FP16_OVFL(rsrc1) ? MODE_FP16_OVFL : 0);
    launch->packet_index = (uint32_t)config->dispatch_id;
    launch->item_id_dims = min_u32(ABI_RSRC2_WORKITEM_ID(launch->kernel.rsrc2) + 1, 3);
    for (uint32_t wave = 0; wave < launch->wave_count; wave++) {
        sg_launch_item_ids(launch->size, launch->item_id_dims, wave, launch->item_ids[wave]);
    }
    return SG_DISPATCH_OK;
}

void sg_launch_item_ids(const uint32_t size[3], uint32_t dims, uint32_t wave,
                        uint32_t out_ids[SG_WAVE_LANES]) {
    const uint32_t first = wave * SG_WAVE_LANES;
    if (size[1] == 1 && size[2] == 1) {
        for (uint32_t lane = 0; lane < SG_WAVE_LANES; lane++) {
            out_ids[lane] = first + lane;
        }
        return;
    }
    const uint32_t keep = dims == 1 ? 0x3ffu : dims == 2 ? 0xfffffu : 0x3fffffffu;
    uint32_t x = first % size[0];
    uint32_t y = first / size[0] % size[1];
    uint32_t z = first / size[0] / size[1];
    for (uint32_t lane = 0; lane < SG_WAVE_LANES; lane++) {
        out_ids[lane] = (x | y << 10 | z << 20) & keep;
        if (++x == size[0]) {
            x = 0;
            if (++y == size[1]) {
                y = 0;
                z++;
            }
        }
    }
}
