/* SPDX-License-Identifier: MIT */
/* Kernels launched by registers: what SET_SH_REG left, started by DISPATCH_DIRECT. */
#include "abi/kernel_descriptor.h"
#include "abi/pm4.h"
#include "abi/sdma.h"
#include "softgpu/cp/engine.h"

#include <string.h>

enum { LDS_GRANULE_BYTES = 512, TMPRING_UNIT_BYTES = 1024, MAX_WORKGROUP_ITEMS = 1024 };

enum cp_step cp_pm4_set_sh_reg(struct sg_cp_queue *queue, const uint32_t *dwords, uint32_t count,
                               struct cp_run *run) {
    const uint32_t first = ABI_PM4_SH_BASE + (dwords[1] & 0xffffu);
    const uint32_t values = count - 2;
    (void)run;
    if (first < ABI_PM4_SH_COMPUTE || first + values > ABI_PM4_SH_COMPUTE + CP_PM4_SH_REGISTERS)
        return cp_pm4_refuse(queue, dwords[0], "not a register of the compute pipe");
    memcpy(queue->pm4.sh + (first - ABI_PM4_SH_COMPUTE), dwords + 2, values * sizeof *dwords);
    return CP_STEP_DONE;
}

static uint32_t sh(const struct sg_cp_queue *queue, uint32_t index) {
    return queue->pm4.sh[index - ABI_PM4_SH_COMPUTE];
}

/// Fills in grid and work-group. Returns what is wrong, or NULL.
static const char *geometry(const struct sg_cp_queue *queue, const uint32_t *dimensions,
                            uint32_t initiator, struct sg_dispatch_config *config) {
    uint64_t items = 1;
    for (uint32_t dim = 0; dim < 3; dim++) {
        const uint32_t size = sh(queue, ABI_PM4_NUM_THREAD_X + dim) & 0xffffu;
        const uint64_t grid =
            (uint64_t)dimensions[dim] * (initiator & ABI_PM4_DISPATCH_IN_THREADS ? 1 : size);
        items *= size;
        if (size == 0 || items > MAX_WORKGROUP_ITEMS)
            return "bad work-group size";
        if (grid > UINT32_MAX)
            return "the grid is too large";
        if (!(initiator & ABI_PM4_DISPATCH_START_AT_0) && sh(queue, ABI_PM4_START_X + dim) != 0)
            return "does not start at work-group 0";
        config->workgroup_size[dim] = (uint16_t)size;
        config->grid_size[dim] = (uint32_t)grid;
    }
    return NULL;
}

static enum cp_step dispatch(struct sg_cp_queue *queue, uint32_t header, const uint32_t *dimensions,
                             uint32_t initiator, struct cp_run *run) {
    struct sg_dispatch_registers registers = {
        .entry = abi_join64(sh(queue, ABI_PM4_PGM_LO), sh(queue, ABI_PM4_PGM_HI)) << 8,
        .rsrc1 = sh(queue, ABI_PM4_PGM_RSRC1),
        .rsrc2 = sh(queue, ABI_PM4_PGM_RSRC2),
        .rsrc3 = sh(queue, ABI_PM4_PGM_RSRC3),
    };
    const uint32_t tmpring = sh(queue, ABI_PM4_TMPRING_SIZE);
    struct sg_dispatch_config config = {.registers = &registers,
                                        .tmpring_size = tmpring,
                                        .shared_aperture_hi = ABI_SHARED_APERTURE_HI,
                                        .private_aperture_hi = ABI_PRIVATE_APERTURE_HI};
    if (!(initiator & ABI_PM4_DISPATCH_ENABLE))
        return CP_STEP_DONE;
    const char *wrong = geometry(queue, dimensions, initiator, &config);
    if (wrong)
        return cp_pm4_refuse(queue, header, wrong);
    for (uint32_t i = 0; i < sizeof registers.user_data / sizeof registers.user_data[0]; i++)
        registers.user_data[i] = sh(queue, ABI_PM4_USER_DATA_0 + i);
    config.group_bytes = ABI_RSRC2_LDS(registers.rsrc2) * LDS_GRANULE_BYTES;
    /* The program hands the scratch memory's descriptor over in the first four of them. */
    config.scratch_va = abi_join64(registers.user_data[0], registers.user_data[1] & 0xffffu);
    config.scratch_bytes =
        (uint64_t)(tmpring & 0xfffu) * (tmpring >> 12 & 0x1fffu) * TMPRING_UNIT_BYTES;
    const enum cp_step step = cp_dispatch_begin(queue, &config, run->is_inline);
    return step == CP_STEP_DONE ? cp_dispatch_continue(queue, run) : step;
}

enum cp_step cp_pm4_dispatch_direct(struct sg_cp_queue *queue, const uint32_t *dwords,
                                    uint32_t count, struct cp_run *run) {
    (void)count;
    return queue->is_running ? cp_dispatch_continue(queue, run)
                             : dispatch(queue, dwords[0], dwords + 1, dwords[4], run);
}

enum cp_step cp_pm4_dispatch_indirect(struct sg_cp_queue *queue, const uint32_t *dwords,
                                      uint32_t count, struct cp_run *run) {
    uint32_t dimensions[3];
    (void)count;
    if (queue->is_running)
        return cp_dispatch_continue(queue, run);
    const void *host =
        cp_host(queue, abi_join64(dwords[1] & ~3u, dwords[2]), sizeof dimensions, SG_VM_READ);
    if (!host)
        return CP_STEP_STOP;
    memcpy(dimensions, host, sizeof dimensions);
    return dispatch(queue, dwords[0], dimensions, dwords[3], run);
}
