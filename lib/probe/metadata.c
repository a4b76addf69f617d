/* SPDX-License-Identifier: MIT */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <amd_comgr.h>

#include "probe/image.h"
#include "probe/msgpack.h"

// Keys and types: LLVM 15, AMDGPUUsage, "Code Object V3 Metadata" to "V5 Metadata".

#define KERNARG_BYTES_MAX (16u << 20)

/// What the readers of one image share.
struct reader {
    const char *file;
    struct hsp_arena *arena;
    struct hsp_msgpack cursor;
};

/// A key of a map and where its value goes in the struct being filled.
struct field {
    const char *key;
    enum { TEXT, NUMBER, FLAG, NUMBER_FLAG, SIZE_3, ARGUMENTS } kind;
    size_t offset;
};

#define ARGUMENT(member) offsetof(struct hsp_kernel_argument, member)
static const struct field argument_fields[] = {
    {".name", TEXT, ARGUMENT(name)},
    {".type_name", TEXT, ARGUMENT(type_name)},
    {".value_kind", TEXT, ARGUMENT(value_kind)},
    {".address_space", TEXT, ARGUMENT(address_space)},
    {".access", TEXT, ARGUMENT(access)},
    {".size", NUMBER, ARGUMENT(size_bytes)},
    {".offset", NUMBER, ARGUMENT(offset_bytes)},
    {".pointee_align", NUMBER, ARGUMENT(pointee_align)},
    {".is_const", FLAG, ARGUMENT(is_const)},
};

#define KERNEL(member) offsetof(struct hsp_kernel, member)
static const struct field kernel_fields[] = {
    {".name", TEXT, KERNEL(name)},
    {".symbol", TEXT, KERNEL(symbol)},
    {".language", TEXT, KERNEL(language)},
    {".args", ARGUMENTS, KERNEL(arguments)},
    {".reqd_workgroup_size", SIZE_3, KERNEL(workgroup_required)},
    {".kernarg_segment_size", NUMBER, KERNEL(kernarg_bytes)},
    {".kernarg_segment_align", NUMBER, KERNEL(kernarg_align)},
    {".group_segment_fixed_size", NUMBER, KERNEL(group_bytes)},
    {".private_segment_fixed_size", NUMBER, KERNEL(private_bytes)},
    {".wavefront_size", NUMBER, KERNEL(wavefront_size)},
    {".max_flat_workgroup_size", NUMBER, KERNEL(workgroup_max_size)},
    {".sgpr_count", NUMBER, KERNEL(sgpr_count)},
    {".vgpr_count", NUMBER, KERNEL(vgpr_count)},
    {".agpr_count", NUMBER, KERNEL(agpr_count)},
    {".sgpr_spill_count", NUMBER, KERNEL(sgpr_spill_count)},
    {".vgpr_spill_count", NUMBER, KERNEL(vgpr_spill_count)},
    {".uses_dynamic_stack", FLAG, KERNEL(uses_dynamic_stack)},
    // Version 5 of newer compilers than LLVM 15.
    {".uniform_work_group_size", NUMBER_FLAG, KERNEL(whole_groups_only)},
};
#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static hsp_status malformed(const struct reader *reader, const char *what) {
    return hsp_fail(HSP_ERROR_FORMAT, "%s: malformed kernel metadata: %s", reader->file, what);
}

static hsp_status next(struct reader *reader, enum hsp_msgpack_type type, const char *what,
                       struct hsp_msgpack_item *out_item) {
    if (!hsp_msgpack_next(&reader->cursor, out_item) || out_item->type != type)
        return malformed(reader, what);
    return HSP_OK;
}

static hsp_status read_text(struct reader *reader, const char *key, const char **text) {
    struct hsp_msgpack_item item;
    const hsp_status status = next(reader, HSP_MSGPACK_STRING, key, &item);
    if (status != HSP_OK)
        return status;
    *text = hsp_arena_text(reader->arena, item.text, item.number);
    return *text ? HSP_OK : hsp_fail_memory("kernel metadata");
}

static hsp_status read_number(struct reader *reader, const char *key, uint32_t *number) {
    struct hsp_msgpack_item item;
    const hsp_status status = next(reader, HSP_MSGPACK_UINT, key, &item);
    if (status != HSP_OK)
        return status;
    if (item.number > UINT32_MAX)
        return malformed(reader, key);
    *number = (uint32_t)item.number;
    return HSP_OK;
}

static hsp_status read_flag(struct reader *reader, const char *key, bool *flag) {
    struct hsp_msgpack_item item;
    const hsp_status status = next(reader, HSP_MSGPACK_BOOL, key, &item);
    if (status == HSP_OK)
        *flag = item.number != 0;
    return status;
}

static hsp_status read_number_flag(struct reader *reader, const char *key, bool *flag) {
    uint32_t number = 0;
    const hsp_status status = read_number(reader, key, &number);
    if (status == HSP_OK)
        *flag = number != 0;
    return status;
}

static hsp_status read_size_3(struct reader *reader, const char *key, uint32_t *size) {
    struct hsp_msgpack_item list;
    hsp_status status = next(reader, HSP_MSGPACK_ARRAY, key, &list);
    if (status == HSP_OK && list.number != 3)
        status = malformed(reader, key);
    for (int i = 0; i < 3 && status == HSP_OK; i++)
        status = read_number(reader, key, &size[i]);
    return status;
}

static hsp_status read_arguments(struct reader *reader, struct hsp_kernel *kernel);

static hsp_status read_field(struct reader *reader, const struct field *field, void *target) {
    void *member = (char *)target + field->offset;
    switch (field->kind) {
    case TEXT:
        return read_text(reader, field->key, member);
    case NUMBER:
        return read_number(reader, field->key, member);
    case FLAG:
        return read_flag(reader, field->key, member);
    case NUMBER_FLAG:
        return read_number_flag(reader, field->key, member);
    case SIZE_3:
        return read_size_3(reader, field->key, member);
    case ARGUMENTS:
        return read_arguments(reader, target);
    }
    return HSP_OK;
}

// Fills a struct from a map. Unknown keys are newer than this reader, and skipped.
static hsp_status read_map(struct reader *reader, const struct field *fields, size_t field_count,
                           void *target) {
    struct hsp_msgpack_item map;
    hsp_status status = next(reader, HSP_MSGPACK_MAP, "expected a map", &map);
    for (uint64_t i = 0; status == HSP_OK && i < map.number; i++) {
        struct hsp_msgpack_item key;
        status = next(reader, HSP_MSGPACK_STRING, "a key that is no string", &key);
        if (status != HSP_OK)
            break;
        size_t f = 0;
        while (f < field_count && !hsp_msgpack_is(&key, fields[f].key))
            f++;
        if (f < field_count)
            status = read_field(reader, &fields[f], target);
        else if (!hsp_msgpack_skip(&reader->cursor))
            status = malformed(reader, "it ends early");
    }
    return status;
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
    for (size_t i = 0; i < COUNT(argument_kinds); i++)
        if (strcmp(value_kind, argument_kinds[i].name) == 0)
            return argument_kinds[i].kind;
    return HSP_ARGUMENT_UNKNOWN;
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

static hsp_status read_arguments(struct reader *reader, struct hsp_kernel *kernel) {
    struct hsp_msgpack_item list;
    hsp_status status = next(reader, HSP_MSGPACK_ARRAY, ".args", &list);
    if (status != HSP_OK || list.number == 0)
        return status;
    struct hsp_kernel_argument *arguments = calloc(list.number, sizeof(*arguments));
    struct hsp_kernel_argument *ordered =
        hsp_arena_alloc(reader->arena, list.number * sizeof(*ordered));
    if (!arguments || !ordered)
        status = hsp_fail_memory("kernel arguments");
    for (uint64_t i = 0; i < list.number && status == HSP_OK; i++) {
        struct hsp_kernel_argument *argument = &arguments[i];
        *argument = (struct hsp_kernel_argument){
            .name = "", .type_name = "", .value_kind = "", .address_space = "", .access = ""};
        status = read_map(reader, argument_fields, COUNT(argument_fields), argument);
        argument->kind = kind_of(argument->value_kind);
    }
    if (status == HSP_OK) {
        order_arguments(arguments, list.number, ordered, &kernel->explicit_count);
        kernel->arguments = ordered;
        kernel->argument_count = (uint32_t)list.number;
    }
    free(arguments);
    return status;
}

// What the rest of the library relies on.
static hsp_status check_kernel(const struct reader *reader, const struct hsp_kernel *kernel) {
    if (!kernel->name[0] || !kernel->symbol[0])
        return malformed(reader, "a kernel without .name or .symbol");
    if (kernel->kernarg_bytes > KERNARG_BYTES_MAX)
        return malformed(reader, ".kernarg_segment_size");
    for (uint32_t i = 0; i < kernel->argument_count; i++) {
        const struct hsp_kernel_argument *argument = &kernel->arguments[i];
        if (argument->offset_bytes > kernel->kernarg_bytes ||
            argument->size_bytes > kernel->kernarg_bytes - argument->offset_bytes)
            return malformed(reader, "an argument lies outside the kernarg segment");
    }
    return HSP_OK;
}

// comgr returns a name that it can't demangle as it was.
static hsp_status demangle(struct hsp_arena *arena, const char *name, const char **out_text) {
    *out_text = name;
    amd_comgr_data_t mangled, demangled;
    if (strncmp(name, "_Z", 2) != 0)
        return HSP_OK;
    if (amd_comgr_create_data(AMD_COMGR_DATA_KIND_BYTES, &mangled) != AMD_COMGR_STATUS_SUCCESS)
        return hsp_fail_memory("a kernel's name");
    hsp_status status = HSP_OK;
    if (amd_comgr_set_data(mangled, strlen(name), name) == AMD_COMGR_STATUS_SUCCESS &&
        amd_comgr_demangle_symbol_name(mangled, &demangled) == AMD_COMGR_STATUS_SUCCESS) {
        size_t bytes = 0;
        char *text = NULL;
        if (amd_comgr_get_data(demangled, &bytes, NULL) == AMD_COMGR_STATUS_SUCCESS) {
            text = hsp_arena_alloc(arena, bytes + 1);
            status = text ? HSP_OK : hsp_fail_memory("a kernel's name");
        }
        if (text && amd_comgr_get_data(demangled, &bytes, text) == AMD_COMGR_STATUS_SUCCESS)
            *out_text = text;
        amd_comgr_release_data(demangled);
    }
    amd_comgr_release_data(mangled);
    return status;
}

static hsp_status read_kernels(struct reader *reader, size_t image_index,
                               struct hsp_kernel **out_kernels, size_t *out_count) {
    struct hsp_msgpack_item list;
    hsp_status status = next(reader, HSP_MSGPACK_ARRAY, "amdhsa.kernels", &list);
    if (status != HSP_OK)
        return status;
    struct hsp_kernel *kernels = hsp_arena_alloc(reader->arena, list.number * sizeof(*kernels));
    if (!kernels)
        return hsp_fail_memory("kernels");
    for (uint64_t i = 0; i < list.number && status == HSP_OK; i++) {
        struct hsp_kernel *kernel = &kernels[i];
        *kernel = (struct hsp_kernel){
            .name = "", .symbol = "", .language = "", .image_index = image_index};
        status = read_map(reader, kernel_fields, COUNT(kernel_fields), kernel);
        if (status == HSP_OK)
            status = check_kernel(reader, kernel);
        if (status == HSP_OK)
            status = demangle(reader->arena, kernel->name, &kernel->demangled);
    }
    if (status == HSP_OK) {
        *out_kernels = kernels;
        *out_count = list.number;
    }
    return status;
}

hsp_status hsp_metadata_read(const struct hsp_code_object *object, size_t image_index,
                             struct hsp_arena *arena, struct hsp_kernel **out_kernels,
                             size_t *out_count) {
    struct hsp_bytes note;
    hsp_status status = hsp_image_find_metadata(&object->images[image_index], object->name, &note);
    if (status != HSP_OK)
        return status;
    struct reader reader = {.file = object->name,
                            .arena = arena,
                            .cursor = {.at = note.data, .end = note.data + note.size}};
    struct hsp_msgpack_item root;
    status = next(&reader, HSP_MSGPACK_MAP, "expected a map", &root);
    // An image without the key has no kernels.
    *out_kernels = NULL;
    *out_count = 0;
    for (uint64_t i = 0; status == HSP_OK && i < root.number; i++) {
        struct hsp_msgpack_item key;
        status = next(&reader, HSP_MSGPACK_STRING, "a key that is no string", &key);
        if (status == HSP_OK && hsp_msgpack_is(&key, "amdhsa.kernels"))
            status = read_kernels(&reader, image_index, out_kernels, out_count);
        else if (status == HSP_OK && !hsp_msgpack_skip(&reader.cursor))
            status = malformed(&reader, "it ends early");
    }
    return status;
}
