/* SPDX-License-Identifier: MIT */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <amd_comgr.h>

#include "probe/code_object.h"

// Key names: LLVM 15, AMDGPUUsage, "Code Object V3 Metadata" to "V5 Metadata".

#define KERNARG_BYTES_MAX (16u << 20)
#define KERNELS_MAX       (1u << 20)
#define ARGUMENTS_MAX     65536u

/// What the readers of one image share.
struct reader {
    const char *file;
    struct hsp_arena *arena;
    size_t image_index;
};

static const char *describe_comgr(uint32_t code) {
    const char *text = NULL;
    return amd_comgr_status_string((amd_comgr_status_t)code, &text) == AMD_COMGR_STATUS_SUCCESS
               ? text
               : NULL;
}

static hsp_status fail_comgr(amd_comgr_status_t status, const char *file, const char *what) {
    hsp_status_set_describer(HSP_DOMAIN_COMGR, describe_comgr);
    const char *text = describe_comgr((uint32_t)status);
    return hsp_fail(HSP_STATUS(HSP_DOMAIN_COMGR, status), "%s: %s: comgr: %s", file, what,
                    text ? text : "unknown error");
}

static hsp_status malformed(const struct reader *reader, const char *what) {
    return hsp_fail(HSP_ERROR_FORMAT, "%s: malformed kernel metadata: %s", reader->file, what);
}

// NULL when the key is absent or not a string; "" is a value.
static hsp_status get_text(const struct reader *reader, amd_comgr_metadata_node_t map,
                           const char *key, const char **out_text) {
    amd_comgr_metadata_node_t node;
    *out_text = NULL;
    if (amd_comgr_metadata_lookup(map, key, &node) != AMD_COMGR_STATUS_SUCCESS)
        return HSP_OK;
    hsp_status status = HSP_OK;
    size_t bytes = 0;
    char *text = NULL;
    if (amd_comgr_get_metadata_string(node, &bytes, NULL) != AMD_COMGR_STATUS_SUCCESS)
        goto done;
    text = hsp_arena_alloc(reader->arena, bytes + 1);
    if (!text)
        status = hsp_fail_memory("kernel metadata");
    else if (amd_comgr_get_metadata_string(node, &bytes, text) == AMD_COMGR_STATUS_SUCCESS)
        *out_text = text;
done:
    amd_comgr_destroy_metadata(node);
    return status;
}

static bool parse_number(const char *text, uint32_t *out_number) {
    if (strcmp(text, "true") == 0 || strcmp(text, "false") == 0) {
        *out_number = text[0] == 't';
        return true;
    }
    char *end;
    const unsigned long long number = strtoull(text, &end, 0);
    if (end == text || *end != '\0' || number > UINT32_MAX)
        return false;
    *out_number = (uint32_t)number;
    return true;
}

// Leaves the number as it is when the key is absent.
static hsp_status get_number(const struct reader *reader, amd_comgr_metadata_node_t map,
                             const char *key, uint32_t *number) {
    const char *text;
    const hsp_status status = get_text(reader, map, key, &text);
    if (status != HSP_OK || !text)
        return status;
    return parse_number(text, number) ? HSP_OK : malformed(reader, key);
}

static hsp_status get_flag(const struct reader *reader, amd_comgr_metadata_node_t map,
                           const char *key, bool *flag) {
    uint32_t number = *flag;
    const hsp_status status = get_number(reader, map, key, &number);
    *flag = number != 0;
    return status;
}

static hsp_status get_text_or_empty(const struct reader *reader, amd_comgr_metadata_node_t map,
                                    const char *key, const char **out_text) {
    const hsp_status status = get_text(reader, map, key, out_text);
    if (!*out_text)
        *out_text = "";
    return status;
}

// Looks a list up; absent counts as empty. The node must be destroyed when *out_count isn't 0.
static hsp_status get_list(const struct reader *reader, amd_comgr_metadata_node_t map,
                           const char *key, size_t most, amd_comgr_metadata_node_t *out_list,
                           size_t *out_count) {
    *out_count = 0;
    if (amd_comgr_metadata_lookup(map, key, out_list) != AMD_COMGR_STATUS_SUCCESS)
        return HSP_OK;
    size_t count = 0;
    if (amd_comgr_get_metadata_list_size(*out_list, &count) != AMD_COMGR_STATUS_SUCCESS ||
        count > most) {
        amd_comgr_destroy_metadata(*out_list);
        return malformed(reader, key);
    }
    if (count == 0)
        amd_comgr_destroy_metadata(*out_list);
    *out_count = count;
    return HSP_OK;
}

static const struct {
    const char *name;
    enum hsp_argument_kind kind;
} argument_kinds[] = {
    {"by_value", HSP_ARGUMENT_BY_VALUE},
    {"global_buffer", HSP_ARGUMENT_GLOBAL_BUFFER},
    {"dynamic_shared_pointer", HSP_ARGUMENT_DYNAMIC_SHARED_POINTER},
    {"image", HSP_ARGUMENT_IMAGE},
    {"sampler", HSP_ARGUMENT_SAMPLER},
    {"queue", HSP_ARGUMENT_QUEUE},
    {"pipe", HSP_ARGUMENT_PIPE},
};

static enum hsp_argument_kind kind_of(const char *value_kind) {
    if (strncmp(value_kind, "hidden_", 7) == 0)
        return HSP_ARGUMENT_HIDDEN;
    for (size_t i = 0; i < sizeof(argument_kinds) / sizeof(argument_kinds[0]); i++)
        if (strcmp(value_kind, argument_kinds[i].name) == 0)
            return argument_kinds[i].kind;
    return HSP_ARGUMENT_UNKNOWN;
}

static hsp_status read_argument(const struct reader *reader, amd_comgr_metadata_node_t map,
                                uint32_t kernarg_bytes, struct hsp_kernel_argument *argument) {
    const struct {
        const char *key;
        const char **text;
    } texts[] = {
        {".name", &argument->name},
        {".type_name", &argument->type_name},
        {".value_kind", &argument->value_kind},
        {".address_space", &argument->address_space},
        {".access", &argument->access},
    };
    hsp_status status = HSP_OK;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]) && status == HSP_OK; i++)
        status = get_text_or_empty(reader, map, texts[i].key, texts[i].text);
    if (status == HSP_OK)
        status = get_number(reader, map, ".size", &argument->size_bytes);
    if (status == HSP_OK)
        status = get_number(reader, map, ".offset", &argument->offset_bytes);
    if (status == HSP_OK)
        status = get_number(reader, map, ".pointee_align", &argument->pointee_align);
    if (status == HSP_OK)
        status = get_flag(reader, map, ".is_const", &argument->is_const);
    if (status != HSP_OK)
        return status;
    argument->kind = kind_of(argument->value_kind);
    if (argument->offset_bytes > kernarg_bytes ||
        argument->size_bytes > kernarg_bytes - argument->offset_bytes)
        return malformed(reader, "an argument lies outside the kernarg segment");
    return HSP_OK;
}

static hsp_status index_map(const struct reader *reader, amd_comgr_metadata_node_t list,
                            size_t index, amd_comgr_metadata_node_t *out_map) {
    if (amd_comgr_index_list_metadata(list, index, out_map) != AMD_COMGR_STATUS_SUCCESS)
        return malformed(reader, "a list can't be indexed");
    amd_comgr_metadata_kind_t kind;
    if (amd_comgr_get_metadata_kind(*out_map, &kind) == AMD_COMGR_STATUS_SUCCESS &&
        kind == AMD_COMGR_METADATA_KIND_MAP)
        return HSP_OK;
    amd_comgr_destroy_metadata(*out_map);
    return malformed(reader, "expected a map");
}

// Explicit arguments come first in `ordered`, each group in the metadata's order.
static void order_arguments(const struct hsp_kernel_argument *arguments, size_t count,
                            struct hsp_kernel_argument *ordered, uint32_t *out_explicit_count) {
    size_t used = 0;
    for (int want_hidden = 0; want_hidden < 2; want_hidden++) {
        for (size_t i = 0; i < count; i++)
            if ((arguments[i].kind == HSP_ARGUMENT_HIDDEN) == want_hidden)
                ordered[used++] = arguments[i];
        if (!want_hidden)
            *out_explicit_count = (uint32_t)used;
    }
}

static hsp_status read_arguments(const struct reader *reader, amd_comgr_metadata_node_t map,
                                 struct hsp_kernel *kernel) {
    amd_comgr_metadata_node_t list;
    size_t count = 0;
    hsp_status status = get_list(reader, map, ".args", ARGUMENTS_MAX, &list, &count);
    if (status != HSP_OK || count == 0)
        return status;
    struct hsp_kernel_argument *arguments = calloc(count, sizeof(*arguments));
    struct hsp_kernel_argument *ordered = hsp_arena_alloc(reader->arena, count * sizeof(*ordered));
    if (!arguments || !ordered)
        status = hsp_fail_memory("kernel arguments");
    for (size_t i = 0; i < count && status == HSP_OK; i++) {
        amd_comgr_metadata_node_t argument;
        status = index_map(reader, list, i, &argument);
        if (status != HSP_OK)
            break;
        status = read_argument(reader, argument, kernel->kernarg_bytes, &arguments[i]);
        amd_comgr_destroy_metadata(argument);
    }
    amd_comgr_destroy_metadata(list);
    if (status == HSP_OK) {
        order_arguments(arguments, count, ordered, &kernel->explicit_count);
        kernel->arguments = ordered;
        kernel->argument_count = (uint32_t)count;
    }
    free(arguments);
    return status;
}

static hsp_status read_required_size(const struct reader *reader, amd_comgr_metadata_node_t map,
                                     uint32_t required[3]) {
    amd_comgr_metadata_node_t list;
    size_t count = 0;
    hsp_status status = get_list(reader, map, ".reqd_workgroup_size", 3, &list, &count);
    if (status != HSP_OK || count == 0)
        return status;
    for (size_t i = 0; i < count && status == HSP_OK; i++) {
        amd_comgr_metadata_node_t node;
        char text[32] = "";
        size_t bytes = 0;
        if (amd_comgr_index_list_metadata(list, i, &node) != AMD_COMGR_STATUS_SUCCESS) {
            status = malformed(reader, ".reqd_workgroup_size");
            break;
        }
        if (amd_comgr_get_metadata_string(node, &bytes, NULL) != AMD_COMGR_STATUS_SUCCESS ||
            bytes > sizeof(text) ||
            amd_comgr_get_metadata_string(node, &bytes, text) != AMD_COMGR_STATUS_SUCCESS ||
            !parse_number(text, &required[i]))
            status = malformed(reader, ".reqd_workgroup_size");
        amd_comgr_destroy_metadata(node);
    }
    amd_comgr_destroy_metadata(list);
    return status;
}

static hsp_status read_numbers(const struct reader *reader, amd_comgr_metadata_node_t map,
                               struct hsp_kernel *kernel) {
    const struct {
        const char *key;
        uint32_t *number;
    } numbers[] = {
        {".kernarg_segment_size", &kernel->kernarg_bytes},
        {".kernarg_segment_align", &kernel->kernarg_align},
        {".group_segment_fixed_size", &kernel->group_bytes},
        {".private_segment_fixed_size", &kernel->private_bytes},
        {".wavefront_size", &kernel->wavefront_size},
        {".max_flat_workgroup_size", &kernel->workgroup_max_size},
        {".sgpr_count", &kernel->sgpr_count},
        {".vgpr_count", &kernel->vgpr_count},
        {".agpr_count", &kernel->agpr_count},
        {".sgpr_spill_count", &kernel->sgpr_spill_count},
        {".vgpr_spill_count", &kernel->vgpr_spill_count},
    };
    hsp_status status = HSP_OK;
    for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]) && status == HSP_OK; i++)
        status = get_number(reader, map, numbers[i].key, numbers[i].number);
    if (status == HSP_OK)
        status = get_flag(reader, map, ".uses_dynamic_stack", &kernel->uses_dynamic_stack);
    if (status == HSP_OK && kernel->kernarg_bytes > KERNARG_BYTES_MAX)
        status = malformed(reader, ".kernarg_segment_size");
    return status;
}

// A name that comgr can't demangle comes back as it was.
static hsp_status demangle(const struct reader *reader, const char *name, const char **out_text) {
    *out_text = name;
    amd_comgr_data_t mangled, demangled;
    if (amd_comgr_create_data(AMD_COMGR_DATA_KIND_BYTES, &mangled) != AMD_COMGR_STATUS_SUCCESS)
        return hsp_fail_memory("a kernel's name");
    hsp_status status = HSP_OK;
    if (amd_comgr_set_data(mangled, strlen(name), name) == AMD_COMGR_STATUS_SUCCESS &&
        amd_comgr_demangle_symbol_name(mangled, &demangled) == AMD_COMGR_STATUS_SUCCESS) {
        size_t bytes = 0;
        char *text = NULL;
        if (amd_comgr_get_data(demangled, &bytes, NULL) == AMD_COMGR_STATUS_SUCCESS) {
            text = hsp_arena_alloc(reader->arena, bytes + 1);
            status = text ? HSP_OK : hsp_fail_memory("a kernel's name");
        }
        if (text && amd_comgr_get_data(demangled, &bytes, text) == AMD_COMGR_STATUS_SUCCESS)
            *out_text = text;
        amd_comgr_release_data(demangled);
    }
    amd_comgr_release_data(mangled);
    return status;
}

static hsp_status read_kernel(const struct reader *reader, amd_comgr_metadata_node_t map,
                              struct hsp_kernel *kernel) {
    kernel->image_index = reader->image_index;
    hsp_status status = get_text(reader, map, ".name", &kernel->name);
    if (status == HSP_OK)
        status = get_text(reader, map, ".symbol", &kernel->symbol);
    if (status == HSP_OK && (!kernel->name || !kernel->symbol))
        status = malformed(reader, "a kernel without .name or .symbol");
    if (status == HSP_OK)
        status = get_text_or_empty(reader, map, ".language", &kernel->language);
    if (status == HSP_OK)
        status = demangle(reader, kernel->name, &kernel->demangled);
    if (status == HSP_OK)
        status = read_numbers(reader, map, kernel);
    if (status == HSP_OK)
        status = read_required_size(reader, map, kernel->workgroup_required);
    if (status == HSP_OK)
        status = read_arguments(reader, map, kernel);
    return status;
}

static hsp_status read_kernels(const struct reader *reader, amd_comgr_metadata_node_t root,
                               struct hsp_kernel **out_kernels, size_t *out_count) {
    amd_comgr_metadata_node_t list;
    size_t count = 0;
    hsp_status status = get_list(reader, root, "amdhsa.kernels", KERNELS_MAX, &list, &count);
    if (status != HSP_OK)
        return status;
    struct hsp_kernel *kernels = hsp_arena_alloc(reader->arena, count * sizeof(*kernels));
    if (!kernels)
        status = hsp_fail_memory("kernels");
    for (size_t i = 0; i < count && status == HSP_OK; i++) {
        amd_comgr_metadata_node_t kernel;
        status = index_map(reader, list, i, &kernel);
        if (status != HSP_OK)
            break;
        status = read_kernel(reader, kernel, &kernels[i]);
        amd_comgr_destroy_metadata(kernel);
    }
    if (count > 0)
        amd_comgr_destroy_metadata(list);
    if (status != HSP_OK)
        return status;
    *out_kernels = kernels;
    *out_count = count;
    return HSP_OK;
}

hsp_status hsp_metadata_read(const struct hsp_code_object *object, size_t image_index,
                             struct hsp_arena *arena, struct hsp_kernel **out_kernels,
                             size_t *out_count) {
    const struct hsp_image *image = &object->images[image_index];
    const struct reader reader = {.file = object->name, .arena = arena, .image_index = image_index};
    amd_comgr_data_t data;
    amd_comgr_status_t error = amd_comgr_create_data(AMD_COMGR_DATA_KIND_EXECUTABLE, &data);
    if (error != AMD_COMGR_STATUS_SUCCESS)
        return fail_comgr(error, object->name, "cannot read the kernel metadata");
    amd_comgr_metadata_node_t root;
    error = amd_comgr_set_data(data, image->size, image->bytes);
    if (error == AMD_COMGR_STATUS_SUCCESS)
        error = amd_comgr_get_data_metadata(data, &root);
    hsp_status status;
    if (error == AMD_COMGR_STATUS_SUCCESS) {
        status = read_kernels(&reader, root, out_kernels, out_count);
        amd_comgr_destroy_metadata(root);
    } else {
        status = fail_comgr(error, object->name, "cannot read the kernel metadata");
    }
    amd_comgr_release_data(data);
    return status;
}
