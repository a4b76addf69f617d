/* SPDX-License-Identifier: MIT */
#include <string.h>

#include <hsaprobe/dispatch.h>

#include "abi/queue.h"
#include "base/status.h"
#include "probe/arguments.h"

// Source: LLVM 15, AMDGPUUsage, ".value_kind" of the "Code Object V3" and "V5 Kernel Argument
// Metadata Map". Version 4 lists a subset, so one table serves both: a place is written only where
// the kernel's metadata has it.

/// What the values of hidden arguments derive from.
struct context {
    const struct hsp_geometry *geometry;
    const struct abi_queue *queue; ///< NULL: unknown
};

enum hidden_value {
    BLOCK_COUNT, ///< whole work-groups
    GROUP_SIZE,
    REMAINDER, ///< work-items of the partial work-group at the end
    ZERO,      ///< what a dispatch of ours always has: global offsets, no argument at all
    GRID_DIMENSIONS,
    DYNAMIC_LDS,
    PRIVATE_BASE,
    SHARED_BASE,
    QUEUE_POINTER,
    SERVICE, ///< needs something that the library hasn't got; 0 unless supplied
};

static const struct hidden {
    const char *value_kind;
    enum hidden_value value;
    uint8_t dimension;
} hidden_table[] = {
    {"hidden_block_count_x", BLOCK_COUNT, 0},
    {"hidden_block_count_y", BLOCK_COUNT, 1},
    {"hidden_block_count_z", BLOCK_COUNT, 2},
    {"hidden_group_size_x", GROUP_SIZE, 0},
    {"hidden_group_size_y", GROUP_SIZE, 1},
    {"hidden_group_size_z", GROUP_SIZE, 2},
    {"hidden_remainder_x", REMAINDER, 0},
    {"hidden_remainder_y", REMAINDER, 1},
    {"hidden_remainder_z", REMAINDER, 2},
    {"hidden_global_offset_x", ZERO, 0},
    {"hidden_global_offset_y", ZERO, 1},
    {"hidden_global_offset_z", ZERO, 2},
    {"hidden_none", ZERO, 0},
    {"hidden_grid_dims", GRID_DIMENSIONS, 0},
    {"hidden_dynamic_lds_size", DYNAMIC_LDS, 0},
    {"hidden_private_base", PRIVATE_BASE, 0},
    {"hidden_shared_base", SHARED_BASE, 0},
    {"hidden_queue_ptr", QUEUE_POINTER, 0},
    {"hidden_printf_buffer", SERVICE, 0},
    {"hidden_hostcall_buffer", SERVICE, 0},
    {"hidden_multigrid_sync_arg", SERVICE, 0},
    {"hidden_heap_v1", SERVICE, 0},
    {"hidden_default_queue", SERVICE, 0},
    {"hidden_completion_action", SERVICE, 0},
};

// A kind that this table doesn't know is treated as a service: 0, and listed as unserved.
static enum hidden_value hidden_value_of(const char *value_kind, uint8_t *dimension) {
    for (size_t i = 0; i < sizeof(hidden_table) / sizeof(hidden_table[0]); i++) {
        if (strcmp(hidden_table[i].value_kind, value_kind) == 0) {
            *dimension = hidden_table[i].dimension;
            return hidden_table[i].value;
        }
    }
    *dimension = 0;
    return SERVICE;
}

static uint64_t compute(const struct context *context, enum hidden_value value, uint8_t dimension) {
    const struct hsp_geometry *geometry = context->geometry;
    const uint32_t grid = geometry->grid[dimension], group = geometry->workgroup[dimension];
    const struct abi_queue *queue = context->queue;
    switch (value) {
    case BLOCK_COUNT:
        return group ? grid / group : 0;
    case GROUP_SIZE:
        return group;
    case REMAINDER:
        return group ? grid % group : 0;
    case GRID_DIMENSIONS:
        return geometry->dimension_count;
    case DYNAMIC_LDS:
        return geometry->dynamic_group_bytes;
    case PRIVATE_BASE:
        return queue ? queue->private_segment_aperture_base_hi : 0;
    case SHARED_BASE:
        return queue ? queue->group_segment_aperture_base_hi : 0;
    case QUEUE_POINTER:
        return (uintptr_t)queue;
    case ZERO:
    case SERVICE:
        break;
    }
    return 0;
}

static const uint64_t *find_supplied(const struct hsp_arguments *arguments,
                                     const char *value_kind) {
    for (uint32_t i = 0; i < arguments->supplied_count; i++)
        if (strcmp(arguments->supplied[i].value_kind, value_kind) == 0)
            return &arguments->supplied[i].value;
    return NULL;
}

hsp_status hsp_arguments_set_hidden(struct hsp_arguments *arguments, const char *value_kind,
                                    uint64_t value) {
    const struct hsp_kernel *kernel = arguments->kernel;
    uint64_t *known = (uint64_t *)(uintptr_t)find_supplied(arguments, value_kind);
    if (known) {
        *known = value;
        return HSP_OK;
    }
    for (uint32_t i = kernel->explicit_count; i < kernel->argument_count; i++) {
        if (strcmp(kernel->arguments[i].value_kind, value_kind) != 0)
            continue;
        if (arguments->supplied_count == HSP_HIDDEN_SUPPLIED_MAX)
            return hsp_fail(HSP_ERROR_FULL, "more than %d hidden arguments supplied",
                            HSP_HIDDEN_SUPPLIED_MAX);
        arguments->supplied[arguments->supplied_count].value_kind = kernel->arguments[i].value_kind;
        arguments->supplied[arguments->supplied_count++].value = value;
        return HSP_OK;
    }
    return hsp_fail(HSP_ERROR_NOT_FOUND, "kernel %s has no hidden argument '%s'", kernel->demangled,
                    value_kind);
}

const char *hsp_arguments_unserved(const struct hsp_arguments *arguments, uint32_t index) {
    const struct hsp_kernel *kernel = arguments->kernel;
    uint32_t seen = 0;
    for (uint32_t i = kernel->explicit_count; i < kernel->argument_count; i++) {
        const char *value_kind = kernel->arguments[i].value_kind;
        uint8_t dimension;
        if (hidden_value_of(value_kind, &dimension) != SERVICE ||
            find_supplied(arguments, value_kind))
            continue;
        if (seen++ == index)
            return value_kind;
    }
    return NULL;
}

// Little-endian: the low bytes of a value come first.
static void store(unsigned char *kernarg, const struct hsp_kernel_argument *argument,
                  uint64_t value) {
    const size_t bytes =
        argument->size_bytes < sizeof(value) ? argument->size_bytes : sizeof(value);
    memcpy(kernarg + argument->offset_bytes, &value, bytes);
}

// Dynamic shared pointers follow the kernel's fixed LDS, each aligned as its pointee.
static uint32_t write_locals(const struct hsp_arguments *arguments, unsigned char *kernarg) {
    const struct hsp_kernel *kernel = arguments->kernel;
    uint64_t offset = kernel->group_bytes;
    for (uint32_t i = 0; i < kernel->explicit_count; i++) {
        const struct hsp_kernel_argument *argument = &kernel->arguments[i];
        if (argument->kind != HSP_ARGUMENT_DYNAMIC_SHARED_POINTER)
            continue;
        const uint32_t align = argument->pointee_align ? argument->pointee_align : 16;
        offset = (offset + align - 1) / align * align;
        if (kernarg)
            store(kernarg, argument, offset);
        offset += arguments->local_bytes[i];
    }
    const uint64_t extra = offset - kernel->group_bytes;
    return extra > UINT32_MAX ? UINT32_MAX : (uint32_t)extra;
}

uint32_t hsp_arguments_local_bytes(const struct hsp_arguments *arguments) {
    return write_locals(arguments, NULL);
}

hsp_status hsp_arguments_write(const struct hsp_arguments *arguments,
                               const struct hsp_geometry *geometry, const struct hsp_queue *queue,
                               void *kernarg, size_t kernarg_bytes) {
    const struct hsp_kernel *kernel = arguments->kernel;
    if (kernarg_bytes < kernel->kernarg_bytes)
        return hsp_fail(HSP_ERROR_INVALID_ARGUMENT,
                        "kernel %s needs %u bytes of kernel arguments, the block has %zu",
                        kernel->demangled, kernel->kernarg_bytes, kernarg_bytes);
    const struct context context = {
        .geometry = geometry,
        .queue = queue ? (const struct abi_queue *)(const void *)hsp_queue_native(queue) : NULL,
    };
    // The values are zero where nothing is bound, and the hidden part is zero in them.
    memcpy(kernarg, arguments->values, kernel->kernarg_bytes);
    write_locals(arguments, kernarg);
    for (uint32_t i = kernel->explicit_count; i < kernel->argument_count; i++) {
        const struct hsp_kernel_argument *argument = &kernel->arguments[i];
        const uint64_t *supplied = find_supplied(arguments, argument->value_kind);
        uint8_t dimension;
        const enum hidden_value value = hidden_value_of(argument->value_kind, &dimension);
        store(kernarg, argument, supplied ? *supplied : compute(&context, value, dimension));
    }
    return HSP_OK;
}
