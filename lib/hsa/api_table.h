/* SPDX-License-Identifier: MIT */
/// The tables of function pointers that the HSA runtime hands to a tool's OnLoad, for C: the header
/// that defines them is C++. Writing a slot redirects every call of the process that goes through
/// the exported function; some functions have no other name than their slot.
///
/// A table begins with a version whose `minor_id` is its size in bytes. AMD's extension table had
/// slots inserted in the middle twice without a change of version; its size tells the layouts
/// apart. Source: hsa_api_trace.h of ROCR-Runtime, all tags from rocm-4.5.2 to rocm-6.2.4.
///
/// Thread safety: looking up, from any thread; what may be done with a slot is the runtime's rule.
#ifndef HSP_HSA_API_TABLE_H
#define HSP_HSA_API_TABLE_H

#include <assert.h>
#include <stddef.h>
#include <stdint.h>

struct hsp_table_version {
    uint32_t major_id;
    uint32_t minor_id; ///< bytes of the table, this version included
    uint32_t step_id;
    uint32_t reserved;
};
static_assert(sizeof(struct hsp_table_version) == 16, "ApiTableVersion");

/// The version, then `minor_id - 16` bytes of pointers.
struct hsp_function_table {
    struct hsp_table_version version;
    void *slots[];
};
static_assert(offsetof(struct hsp_function_table, slots) == 16, "slots follow the version");

/// HsaApiTable of ROCm 5.2.3. Later releases append tables.
struct hsp_api_table {
    struct hsp_table_version version;
    struct hsp_function_table *core;
    struct hsp_function_table *amd_ext;
    struct hsp_function_table *finalizer_ext;
    struct hsp_function_table *image_ext;
};
static_assert(sizeof(struct hsp_api_table) == 48, "HsaApiTable");

/// Layouts of AMD's extension table.
enum hsp_amd_layout {
    HSP_AMD_LAYOUT_A, ///< up to ROCm 5.4: 48 slots
    HSP_AMD_LAYOUT_B, ///< ROCm 5.5: 51, three of them before the last one of A
    HSP_AMD_LAYOUT_C, ///< since ROCm 5.6: two inserted behind memory_async_copy, the rest appended
};
enum hsp_amd_layout hsp_amd_layout_of(const struct hsp_function_table *amd_ext);

/// The slot of a function by its exported name ("hsa_queue_create"), in the core or in AMD's table;
/// NULL when this table is too small to have it, has a NULL there, or nobody knows the name. About
/// 1 us.
void **hsp_api_table_slot(const struct hsp_api_table *table, const char *name);

#endif
