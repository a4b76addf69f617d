/* SPDX-License-Identifier: MIT */
#include <hsaprobe/memory.h>

#include <inttypes.h>

#include "probe/probe.h"

static hsp_status check_dependencies(size_t count) {
    if (count <= UINT32_MAX)
        return HSP_OK;
    return hsp_fail(HSP_ERROR_INVALID_ARGUMENT, "%zu dependencies are too many", count);
}

hsp_status hsp_memory_copy(void *destination, const void *source, size_t bytes) {
    if (bytes == 0)
        return HSP_OK;
    return HSP_HSA_CALL(hsa_memory_copy, (destination, source, bytes));
}

hsp_status hsp_memory_copy_async(void *destination, const struct hsp_agent *to, const void *source,
                                 const struct hsp_agent *from, size_t bytes,
                                 const hsa_signal_t *dependencies, size_t dependency_count,
                                 hsa_signal_t completion) {
    const hsp_status status = check_dependencies(dependency_count);
    if (status != HSP_OK)
        return status;
    return HSP_HSA_CALL(hsa_amd_memory_async_copy,
                        (destination, to->handle, source, from->handle, bytes,
                         (uint32_t)dependency_count, dependency_count ? dependencies : NULL,
                         completion));
}

hsp_status hsp_memory_fill(void *memory, uint32_t value, size_t count) {
    if ((uintptr_t)memory % sizeof(uint32_t) != 0)
        return hsp_fail(HSP_ERROR_INVALID_ARGUMENT,
                        "cannot fill from %p: expected an address "
                        "that is a multiple of 4",
                        memory);
    if (count == 0)
        return HSP_OK;
    return HSP_HSA_CALL(hsa_amd_memory_fill, (memory, value, count));
}

static hsp_status check_box(const struct hsp_memory_box *box, const char *side, size_t width_bytes,
                            size_t height_rows, size_t depth_layers) {
    if (((uintptr_t)box->base | box->row_bytes | box->layer_bytes | box->x_bytes) % 4 != 0)
        return hsp_fail(HSP_ERROR_INVALID_ARGUMENT,
                        "the %s box has base %p, rows of %zu and layers of %zu bytes, x %zu: "
                        "expected multiples of 4",
                        side, box->base, box->row_bytes, box->layer_bytes, box->x_bytes);
    if (box->x_bytes > UINT32_MAX || box->y_rows > UINT32_MAX || box->z_layers > UINT32_MAX)
        return hsp_fail(HSP_ERROR_INVALID_ARGUMENT,
                        "the %s box begins at %zu,%zu,%zu: expected less than 2^32 each", side,
                        box->x_bytes, box->y_rows, box->z_layers);
    if (height_rows > 1 && box->x_bytes + width_bytes > box->row_bytes)
        return hsp_fail(HSP_ERROR_INVALID_ARGUMENT,
                        "the %s box has rows of %zu bytes: too short for %zu bytes at x %zu", side,
                        box->row_bytes, width_bytes, box->x_bytes);
    if (depth_layers > 1 && (box->y_rows + height_rows) * box->row_bytes > box->layer_bytes)
        return hsp_fail(HSP_ERROR_INVALID_ARGUMENT,
                        "the %s box has layers of %zu bytes: too short for %zu rows at y %zu", side,
                        box->layer_bytes, height_rows, box->y_rows);
    return HSP_OK;
}

static hsp_status check_extent(size_t width_bytes, size_t height_rows, size_t depth_layers) {
    if (width_bytes == 0 || height_rows == 0 || depth_layers == 0 || width_bytes > UINT32_MAX ||
        height_rows > UINT32_MAX || depth_layers > UINT32_MAX || width_bytes % 4 != 0)
        return hsp_fail(HSP_ERROR_INVALID_ARGUMENT,
                        "a block of %zu bytes, %zu rows, %zu layers: expected 1 to 2^32-1 each, "
                        "and a multiple of 4 bytes",
                        width_bytes, height_rows, depth_layers);
    return HSP_OK;
}

static hsa_dim3_t offset_of(const struct hsp_memory_box *box) {
    return (hsa_dim3_t){(uint32_t)box->x_bytes, (uint32_t)box->y_rows, (uint32_t)box->z_layers};
}

hsp_status hsp_memory_copy_rect_async(const struct hsp_memory_box *destination, bool to_host,
                                      const struct hsp_memory_box *source, bool from_host,
                                      size_t width_bytes, size_t height_rows, size_t depth_layers,
                                      const struct hsp_agent *agent,
                                      const hsa_signal_t *dependencies, size_t dependency_count,
                                      hsa_signal_t completion) {
    hsp_status status = check_dependencies(dependency_count);
    if (status == HSP_OK)
        status = check_extent(width_bytes, height_rows, depth_layers);
    if (status == HSP_OK)
        status = check_box(destination, "destination", width_bytes, height_rows, depth_layers);
    if (status == HSP_OK)
        status = check_box(source, "source", width_bytes, height_rows, depth_layers);
    if (status == HSP_OK && to_host && from_host)
        status = hsp_fail(HSP_ERROR_INVALID_ARGUMENT,
                          "a GPU copies no boxes from host memory to host memory");
    if (status != HSP_OK)
        return status;
    const hsa_pitched_ptr_t to = {destination->base, destination->row_bytes,
                                  destination->layer_bytes};
    const hsa_pitched_ptr_t from = {source->base, source->row_bytes, source->layer_bytes};
    const hsa_dim3_t to_offset = offset_of(destination);
    const hsa_dim3_t from_offset = offset_of(source);
    const hsa_dim3_t range = {(uint32_t)width_bytes, (uint32_t)height_rows, (uint32_t)depth_layers};
    const hsa_amd_copy_direction_t direction = from_host ? hsaHostToDevice
                                               : to_host ? hsaDeviceToHost
                                                         : hsaDeviceToDevice;
    return HSP_HSA_CALL(hsa_amd_memory_async_copy_rect,
                        (&to, &to_offset, &from, &from_offset, &range, agent->handle, direction,
                         (uint32_t)dependency_count, dependency_count ? dependencies : NULL,
                         completion));
}

hsp_status hsp_memory_prefetch_async(void *memory, size_t bytes, const struct hsp_agent *agent,
                                     const hsa_signal_t *dependencies, size_t dependency_count,
                                     hsa_signal_t completion) {
    const hsp_status status = check_dependencies(dependency_count);
    if (status != HSP_OK)
        return status;
    return HSP_HSA_CALL(hsa_amd_svm_prefetch_async,
                        (memory, bytes, agent->handle, (uint32_t)dependency_count,
                         dependency_count ? dependencies : NULL, completion));
}
