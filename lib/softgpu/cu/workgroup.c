/* SPDX-License-Identifier: MIT */
#include "softgpu/cu/workgroup.h"

#include "abi/kernel_descriptor.h"

#include <string.h>

/* HW_REG_STATUS (GFX9): in a work-group of several waves, wave valid. */
#define STATUS_IN_TG (1u << 11)
#define STATUS_VALID (1u << 16)

enum { ROW_BYTES = SG_LANES * sizeof(uint32_t) };

static size_t lds_offset(const struct sg_launch *launch) {
    return sizeof(struct sg_workgroup) + launch->wave_count * sizeof(struct sg_wave);
}

static size_t rows_offset(const struct sg_launch *launch) {
    return lds_offset(launch) + launch->lds_bytes;
}

size_t sg_workgroup_bytes(const struct sg_launch *launch) {
    const size_t before_last = (size_t)(launch->wave_count - 1) * launch->kernel.vgpr_count;
    return rows_offset(launch) + (before_last + SG_WAVE_ROWS) * ROW_BYTES;
}

void sg_workgroup_init(struct sg_workgroup *group, size_t storage_bytes) {
    memset(group, 0, sizeof *group);
    group->storage_bytes = storage_bytes;
}

/* SGPRs behind the user's: work-group ids, work-group info, scratch offset, as enabled. */
static void load_system_sgprs(struct sg_wave *wave, const struct sg_launch *launch,
                              const struct sg_workgroup *group) {
    const uint32_t rsrc2 = launch->kernel.rsrc2;
    uint32_t at = launch->kernel.user_sgpr_count;
    for (int dim = 0; dim < 3; dim++) {
        if (ABI_RSRC2_WORKGROUP_ID(rsrc2, dim)) {
            wave->s[at++] = group->id[dim];
        }
    }
    if (ABI_RSRC2_WORKGROUP_INFO(rsrc2)) {
        wave->s[at++] = (uint32_t)(wave->wave_index == 0) << 31 | group->wave_count;
    }
    if (ABI_RSRC2_PRIVATE_SEGMENT(rsrc2)) {
        const uint32_t slot = group->scratch_slot * launch->wave_count + wave->wave_index;
        wave->s[at] = slot * launch->scratch_wave_bytes;
    }
}

/* Trap temporaries as debuggers on GFX9 find them. */
static void load_trap_registers(struct sg_wave *wave, const struct sg_launch *launch,
                                const struct sg_workgroup *group) {
    uint32_t *ttmp = &wave->s[SG_TTMP0];
    ttmp[6] = launch->packet_index & 0x1ffffff;
    memcpy(&ttmp[8], group->id, sizeof group->id);
    ttmp[11] = wave->wave_index;
}

static uint32_t hw_id(const struct sg_launch *launch, const struct sg_workgroup *group,
                      uint32_t wave_index) {
    const uint32_t in_unit = group->place_slot / launch->units.count;
    const uint32_t at = in_unit * launch->wave_count + wave_index;
    const struct sg_place place = {
        .unit = launch->units.index[group->place_slot % launch->units.count],
        .simd = at % SG_SIMDS_PER_UNIT,
        .slot = at / SG_SIMDS_PER_UNIT,
    };
    return sg_place_hw_id(&place, in_unit);
}

static void begin_wave(struct sg_workgroup *group, uint32_t index, uint32_t items) {
    const struct sg_launch *launch = group->launch;
    struct sg_wave *wave = &group->waves[index];
    if (index < group->waves_ready) {
        sg_wave_reset(wave);
    } else {
        sg_wave_init(wave);
        sg_tlb_init(&wave->tlb, launch->env.vm);
    }
    uint8_t *storage = (uint8_t *)group;
    wave->v = (uint32_t(*)[SG_LANES])(void *)(storage + rows_offset(launch)) +
              (size_t)index * launch->kernel.vgpr_count;
    wave->acc_offset = launch->kernel.accum_offset;
    wave->v_rows = launch->kernel.vgpr_count;
    wave->lds = storage + lds_offset(launch);
    wave->lds_bytes = launch->lds_bytes;
    wave->wave_index = index;
    wave->workgroup_waves = group->wave_count;
    wave->workgroup = group;
    wave->env = &launch->env;
    wave->pc = launch->kernel.entry;
    wave->mode = launch->mode;
    wave->status = STATUS_VALID | (group->wave_count > 1 ? STATUS_IN_TG : 0);
    wave->hw_id = hw_id(launch, group, index);
    const uint32_t lanes = items - index * SG_WAVE_LANES;
    sg_wave_set_exec(wave, lanes >= SG_WAVE_LANES ? UINT64_MAX : (UINT64_C(1) << lanes) - 1);
    memcpy(wave->s, launch->user_sgprs, sizeof launch->user_sgprs);
    load_system_sgprs(wave, launch, group);
    load_trap_registers(wave, launch, group);
}

void sg_workgroup_begin(struct sg_workgroup *group, const struct sg_launch *launch, uint64_t index,
                        uint32_t place_slot, uint32_t scratch_slot) {
    uint32_t size[3];
    uint32_t items = 1;
    uint64_t rest = index;
    bool is_full = true;
    for (int dim = 0; dim < 3; dim++) {
        group->id[dim] = (uint32_t)(rest % launch->group_count[dim]);
        rest /= launch->group_count[dim];
        /* The last work-group of a dimension is as small as the grid leaves it. */
        const uint32_t left = launch->grid[dim] - group->id[dim] * launch->size[dim];
        size[dim] = left < launch->size[dim] ? left : launch->size[dim];
        is_full = is_full && size[dim] == launch->size[dim];
        items *= size[dim];
    }
    group->launch = launch;
    group->index = index;
    group->place_slot = place_slot;
    group->scratch_slot = scratch_slot;
    group->wave_count = (items + SG_WAVE_LANES - 1) / SG_WAVE_LANES;
    group->ended = 0;
    group->arrived = 0;
    group->cursor = 0;
    /* LDS and registers lie where another launch may have had waves. */
    if (group->waves_ready > launch->wave_count) {
        group->waves_ready = launch->wave_count;
    }
    for (uint32_t i = 0; i < group->wave_count; i++) {
        begin_wave(group, i, items);
        if (is_full) {
            memcpy(group->waves[i].v[0], launch->item_ids[i], ROW_BYTES);
        } else {
            sg_launch_item_ids(size, launch->item_id_dims, i, group->waves[i].v[0]);
        }
    }
    if (group->waves_ready < group->wave_count) {
        group->waves_ready = group->wave_count;
    }
    memset((uint8_t *)group + lds_offset(launch), 0, launch->lds_bytes);
}
