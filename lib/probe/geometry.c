/* SPDX-License-Identifier: MIT */
#include <inttypes.h>
#include <stdio.h>

#include <hsaprobe/dispatch.h>

#include "base/status.h"

static const char dimension_names[] = "xyz";

hsp_status hsp_geometry_from_blocks(const uint32_t blocks[3], const uint32_t threads[3],
                                    uint32_t dynamic_group_bytes,
                                    struct hsp_geometry *out_geometry) {
    struct hsp_geometry geometry = {.dimension_count = 1,
                                    .dynamic_group_bytes = dynamic_group_bytes};
    for (uint32_t i = 0; i < 3; i++) {
        const uint64_t items = (uint64_t)blocks[i] * threads[i];
        if (items == 0)
            return hsp_fail(HSP_ERROR_GEOMETRY, "%s is 0 in %c: expected at least 1",
                            blocks[i] == 0 ? "the number of blocks" : "the block size",
                            dimension_names[i]);
        if (items > UINT32_MAX)
            return hsp_fail(HSP_ERROR_GEOMETRY,
                            "%u blocks of %u work-items in %c are %" PRIu64
                            " work-items: %u is the most",
                            blocks[i], threads[i], dimension_names[i], items, UINT32_MAX);
        geometry.grid[i] = (uint32_t)items;
        geometry.workgroup[i] = threads[i];
        if (items > 1)
            geometry.dimension_count = i + 1;
    }
    *out_geometry = geometry;
    return HSP_OK;
}

static hsp_status check_shape(const struct hsp_geometry *geometry) {
    if (geometry->dimension_count < 1 || geometry->dimension_count > 3)
        return hsp_fail(HSP_ERROR_GEOMETRY, "%u dimensions: expected 1 to 3",
                        geometry->dimension_count);
    for (uint32_t i = 0; i < 3; i++) {
        const char axis = dimension_names[i];
        const uint32_t grid = geometry->grid[i], group = geometry->workgroup[i];
        if (grid == 0)
            return hsp_fail(HSP_ERROR_GEOMETRY, "the grid is 0 in %c: expected at least 1", axis);
        if (group == 0)
            return hsp_fail(HSP_ERROR_GEOMETRY, "the work-group is 0 in %c: expected at least 1",
                            axis);
        if (group > UINT16_MAX)
            return hsp_fail(HSP_ERROR_GEOMETRY,
                            "a work-group of %u work-items in %c: %u is the most", group, axis,
                            UINT16_MAX);
        if (group > grid)
            return hsp_fail(HSP_ERROR_GEOMETRY,
                            "the work-group is larger than the grid in %c: %u > %u", axis, group,
                            grid);
        if (i >= geometry->dimension_count && (grid != 1 || group != 1))
            return hsp_fail(HSP_ERROR_GEOMETRY,
                            "grid %u and work-group %u in %c: expected 1 beyond the %u dimensions",
                            grid, group, axis, geometry->dimension_count);
    }
    return HSP_OK;
}

static uint64_t workgroup_size(const struct hsp_geometry *geometry) {
    return (uint64_t)geometry->workgroup[0] * geometry->workgroup[1] * geometry->workgroup[2];
}

static hsp_status check_kernel(const struct hsp_geometry *geometry,
                               const struct hsp_kernel *kernel) {
    const uint32_t *required = kernel->workgroup_required;
    for (uint32_t i = 0; i < 3 && required[0] != 0; i++)
        if (geometry->workgroup[i] != required[i])
            return hsp_fail(HSP_ERROR_GEOMETRY,
                            "kernel %s requires work-groups of %u,%u,%u, not %u,%u,%u",
                            kernel->demangled, required[0], required[1], required[2],
                            geometry->workgroup[0], geometry->workgroup[1], geometry->workgroup[2]);
    for (uint32_t i = 0; i < 3 && kernel->whole_groups_only; i++)
        if (geometry->grid[i] % geometry->workgroup[i] != 0)
            return hsp_hint(hsp_fail(HSP_ERROR_GEOMETRY,
                                     "kernel %s was compiled for whole work-groups: the grid of %u "
                                     "work-items in %c is no multiple of %u",
                                     kernel->demangled, geometry->grid[i], dimension_names[i],
                                     geometry->workgroup[i]),
                            "a grid rounded up, with a check in the kernel");
    const uint64_t size = workgroup_size(geometry);
    if (kernel->workgroup_max_size != 0 && size > kernel->workgroup_max_size)
        return hsp_hint(hsp_fail(HSP_ERROR_GEOMETRY,
                                 "a work-group of %" PRIu64
                                 " work-items: kernel %s was compiled for at most %u",
                                 size, kernel->demangled, kernel->workgroup_max_size),
                        "smaller work-groups, or another __launch_bounds__ in the kernel");
    return HSP_OK;
}

static hsp_status check_agent(const struct hsp_geometry *geometry,
                              const struct hsp_agent_info *agent) {
    for (uint32_t i = 0; i < 3; i++) {
        if (geometry->grid[i] > agent->grid_max_dim[i])
            return hsp_fail(HSP_ERROR_GEOMETRY,
                            "a grid of %u work-items in %c: %s takes %u at most", geometry->grid[i],
                            dimension_names[i], agent->name, agent->grid_max_dim[i]);
        if (geometry->workgroup[i] > agent->workgroup_max_dim[i])
            return hsp_fail(HSP_ERROR_GEOMETRY,
                            "a work-group of %u work-items in %c: %s takes %u at most",
                            geometry->workgroup[i], dimension_names[i], agent->name,
                            agent->workgroup_max_dim[i]);
    }
    const uint64_t size = workgroup_size(geometry);
    if (size > agent->workgroup_max_size)
        return hsp_fail(HSP_ERROR_GEOMETRY,
                        "a work-group of %" PRIu64 " work-items: %s takes %u at most", size,
                        agent->name, agent->workgroup_max_size);
    return HSP_OK;
}

hsp_status hsp_geometry_check(const struct hsp_geometry *geometry, const struct hsp_kernel *kernel,
                              const struct hsp_agent *agent) {
    hsp_status status = check_shape(geometry);
    if (status == HSP_OK)
        status = check_kernel(geometry, kernel);
    if (status != HSP_OK || !agent)
        return status;
    const struct hsp_agent_info *info = hsp_agent_info_get(agent);
    status = check_agent(geometry, info);
    if (status != HSP_OK)
        return status;
    const uint64_t lds = (uint64_t)kernel->group_bytes + geometry->dynamic_group_bytes;
    if (lds > info->lds_bytes)
        return hsp_fail(HSP_ERROR_RESOURCE,
                        "kernel %s needs %" PRIu64
                        " bytes of LDS (%u fixed, %u dynamic): %s has %u per work-group",
                        kernel->demangled, lds, kernel->group_bytes, geometry->dynamic_group_bytes,
                        info->name, info->lds_bytes);
    return HSP_OK;
}
