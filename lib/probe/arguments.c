/* SPDX-License-Identifier: MIT */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <hsaprobe/dispatch.h>

#include "base/status.h"
#include "probe/arguments.h"

static const struct value_type {
    const char *name;
    uint8_t bytes;
    bool is_float;
} value_types[] = {
    [HSP_VALUE_I8] = {"i8", 1, false},       [HSP_VALUE_U8] = {"u8", 1, false},
    [HSP_VALUE_I16] = {"i16", 2, false},     [HSP_VALUE_U16] = {"u16", 2, false},
    [HSP_VALUE_I32] = {"i32", 4, false},     [HSP_VALUE_U32] = {"u32", 4, false},
    [HSP_VALUE_I64] = {"i64", 8, false},     [HSP_VALUE_U64] = {"u64", 8, false},
    [HSP_VALUE_F16] = {"f16", 2, true},      [HSP_VALUE_F32] = {"f32", 4, true},
    [HSP_VALUE_F64] = {"f64", 8, true},      [HSP_VALUE_POINTER] = {"pointer", 8, false},
    [HSP_VALUE_BYTES] = {"bytes", 0, false},
};
#define VALUE_TYPE_COUNT (sizeof(value_types) / sizeof(value_types[0]))

// Scalar type names that compilers write into the metadata.
static const struct {
    const char *name;
    bool is_float;
} scalar_types[] = {
    {"float", true},
    {"double", true},
    {"half", true},
    {"_Float16", true},
    {"__half", true},
    {"char", false},
    {"signed char", false},
    {"unsigned char", false},
    {"uchar", false},
    {"short", false},
    {"unsigned short", false},
    {"ushort", false},
    {"int", false},
    {"unsigned int", false},
    {"uint", false},
    {"long", false},
    {"unsigned long", false},
    {"ulong", false},
    {"long long", false},
    {"unsigned long long", false},
    {"size_t", false},
    {"bool", false},
};

const char *hsp_value_type_name(enum hsp_value_type type) {
    return (size_t)type < VALUE_TYPE_COUNT ? value_types[type].name : "unknown";
}

size_t hsp_value_type_bytes(enum hsp_value_type type) {
    return (size_t)type < VALUE_TYPE_COUNT ? value_types[type].bytes : 0;
}

hsp_status hsp_arguments_create(const struct hsp_kernel *kernel,
                                struct hsp_arguments **out_arguments) {
    struct hsp_arguments *arguments = calloc(1, sizeof(*arguments));
    if (!arguments)
        return hsp_fail_memory("kernel arguments");
    arguments->kernel = kernel;
    // One more than needed, so that a kernel without arguments isn't a special case.
    arguments->values = calloc(kernel->kernarg_bytes + 1u, 1);
    arguments->is_bound = calloc(kernel->argument_count + 1u, sizeof(*arguments->is_bound));
    arguments->local_bytes = calloc(kernel->argument_count + 1u, sizeof(*arguments->local_bytes));
    if (!arguments->values || !arguments->is_bound || !arguments->local_bytes) {
        hsp_arguments_destroy(arguments);
        return hsp_fail_memory("kernel arguments");
    }
    *out_arguments = arguments;
    return HSP_OK;
}

void hsp_arguments_destroy(struct hsp_arguments *arguments) {
    if (!arguments)
        return;
    free(arguments->values);
    free(arguments->is_bound);
    free(arguments->local_bytes);
    free(arguments);
}

/// "argument 2 'n' of saxpy": how messages name an argument.
struct label {
    char text[192];
};

static struct label label_of(const struct hsp_kernel *kernel, uint32_t position) {
    const struct hsp_kernel_argument *argument = &kernel->arguments[position];
    struct label label;
    snprintf(label.text, sizeof(label.text), "argument %u%s%.40s%s of kernel %.100s", position,
             argument->name[0] ? " '" : "", argument->name, argument->name[0] ? "'" : "",
             kernel->demangled);
    return label;
}

static hsp_status check_float(const struct hsp_kernel *kernel, uint32_t position,
                              enum hsp_value_type type) {
    const struct hsp_kernel_argument *argument = &kernel->arguments[position];
    if (type == HSP_VALUE_BYTES)
        return HSP_OK;
    for (size_t i = 0; i < sizeof(scalar_types) / sizeof(scalar_types[0]); i++) {
        if (strcmp(argument->type_name, scalar_types[i].name) != 0)
            continue;
        if (scalar_types[i].is_float != value_types[type].is_float)
            return hsp_fail(HSP_ERROR_KERNEL_ARGUMENT, "%s is of type %s, the value is %s",
                            label_of(kernel, position).text, argument->type_name,
                            value_types[type].name);
        return HSP_OK;
    }
    return HSP_OK;
}

static hsp_status check_value(const struct hsp_kernel *kernel, uint32_t position,
                              enum hsp_value_type type, size_t bytes) {
    const struct hsp_kernel_argument *argument = &kernel->arguments[position];
    const bool is_pointer = type == HSP_VALUE_POINTER;
    if (is_pointer && argument->kind != HSP_ARGUMENT_GLOBAL_BUFFER)
        return hsp_fail(HSP_ERROR_KERNEL_ARGUMENT,
                        "%s is a value of %u bytes (%s), not a pointer: a buffer can't be bound",
                        label_of(kernel, position).text, argument->size_bytes,
                        argument->value_kind);
    if (!is_pointer && argument->kind == HSP_ARGUMENT_GLOBAL_BUFFER)
        return hsp_fail(HSP_ERROR_KERNEL_ARGUMENT, "%s is a pointer, the value is %s",
                        label_of(kernel, position).text, value_types[type].name);
    if (bytes != argument->size_bytes)
        return hsp_fail(HSP_ERROR_KERNEL_ARGUMENT, "%s has %u bytes, the value (%s) has %zu",
                        label_of(kernel, position).text, argument->size_bytes,
                        value_types[type].name, bytes);
    return check_float(kernel, position, type);
}

static hsp_status set_local(struct hsp_arguments *arguments, uint32_t position,
                            enum hsp_value_type type, const void *value) {
    uint64_t bytes = 0;
    // Little-endian: the upper half of a u32 stays 0.
    if (type == HSP_VALUE_U32 || type == HSP_VALUE_I32)
        memcpy(&bytes, value, sizeof(uint32_t));
    else if (type == HSP_VALUE_U64 || type == HSP_VALUE_I64)
        memcpy(&bytes, value, sizeof(uint64_t));
    else
        return hsp_fail(HSP_ERROR_KERNEL_ARGUMENT,
                        "%s is a local pointer: expected its size in bytes as u32 or u64, not %s",
                        label_of(arguments->kernel, position).text, value_types[type].name);
    if (bytes == 0 || bytes > UINT32_MAX / 2)
        return hsp_fail(HSP_ERROR_KERNEL_ARGUMENT, "%s is a local pointer to %llu bytes",
                        label_of(arguments->kernel, position).text, (unsigned long long)bytes);
    arguments->local_bytes[position] = (uint32_t)bytes;
    arguments->is_bound[position] = true;
    return HSP_OK;
}

static hsp_status check_position(const struct hsp_kernel *kernel, uint32_t position) {
    if (position < kernel->explicit_count)
        return HSP_OK;
    return hsp_fail(HSP_ERROR_KERNEL_ARGUMENT, "kernel %s has no argument %u: it takes %u",
                    kernel->demangled, position, kernel->explicit_count);
}

hsp_status hsp_arguments_set(struct hsp_arguments *arguments, uint32_t position,
                             enum hsp_value_type type, const void *value, size_t bytes) {
    const struct hsp_kernel *kernel = arguments->kernel;
    hsp_status status = check_position(kernel, position);
    if (status != HSP_OK)
        return status;
    if ((size_t)type >= VALUE_TYPE_COUNT)
        return hsp_fail(HSP_ERROR_INVALID_ARGUMENT, "value type %d is unknown", (int)type);
    if (value_types[type].bytes != 0 && value_types[type].bytes != bytes)
        return hsp_fail(HSP_ERROR_INVALID_ARGUMENT, "a value of type %s has %u bytes, not %zu",
                        value_types[type].name, value_types[type].bytes, bytes);
    const struct hsp_kernel_argument *argument = &kernel->arguments[position];
    if (argument->kind == HSP_ARGUMENT_DYNAMIC_SHARED_POINTER)
        return set_local(arguments, position, type, value);
    if (argument->kind != HSP_ARGUMENT_BY_VALUE && argument->kind != HSP_ARGUMENT_GLOBAL_BUFFER)
        return hsp_fail(HSP_ERROR_NOT_SUPPORTED, "%s is of kind %s, which can't be bound",
                        label_of(kernel, position).text, argument->value_kind);
    status = check_value(kernel, position, type, bytes);
    if (status != HSP_OK)
        return status;
    memcpy(arguments->values + argument->offset_bytes, value, bytes);
    arguments->is_bound[position] = true;
    return HSP_OK;
}

hsp_status hsp_arguments_set_pointer(struct hsp_arguments *arguments, uint32_t position,
                                     const void *address) {
    return hsp_arguments_set(arguments, position, HSP_VALUE_POINTER, &address, sizeof(address));
}

/// Writes the explicit arguments' names, or how many lack one.
static hsp_status refuse_name(const struct hsp_kernel *kernel, const char *name) {
    char list[512] = "";
    size_t used = 0;
    for (uint32_t i = 0; i < kernel->explicit_count && used < sizeof(list); i++) {
        const char *known = kernel->arguments[i].name;
        if (!known[0])
            continue;
        const int length =
            snprintf(list + used, sizeof(list) - used, "%s%s", used ? ", " : "", known);
        used += length > 0 ? (size_t)length : 0;
    }
    if (used > 0)
        return hsp_fail(HSP_ERROR_NOT_FOUND, "kernel %s has no argument '%s': it has %s",
                        kernel->demangled, name, list);
    return hsp_hint(hsp_fail(HSP_ERROR_NOT_FOUND,
                             "kernel %s has no argument '%s': its code object names none of its %u",
                             kernel->demangled, name, kernel->explicit_count),
                    "bind by position, or compile with -fhip-kernel-arg-name");
}

hsp_status hsp_arguments_set_named(struct hsp_arguments *arguments, const char *name,
                                   enum hsp_value_type type, const void *value, size_t bytes) {
    const struct hsp_kernel *kernel = arguments->kernel;
    for (uint32_t i = 0; i < kernel->explicit_count; i++)
        if (kernel->arguments[i].name[0] && strcmp(kernel->arguments[i].name, name) == 0)
            return hsp_arguments_set(arguments, i, type, value, bytes);
    return refuse_name(kernel, name);
}

#define BIND(suffix, type, value_type)                                                             \
    hsp_status hsp_arguments_bind_##suffix(struct hsp_arguments *arguments, const char *name,      \
                                           type value) {                                           \
        return hsp_arguments_set_named(arguments, name, value_type, &value, sizeof(value));        \
    }
BIND(i32, int32_t, HSP_VALUE_I32)
BIND(u32, uint32_t, HSP_VALUE_U32)
BIND(i64, int64_t, HSP_VALUE_I64)
BIND(u64, uint64_t, HSP_VALUE_U64)
BIND(f32, float, HSP_VALUE_F32)
BIND(f64, double, HSP_VALUE_F64)
BIND(pointer, const void *, HSP_VALUE_POINTER)
#undef BIND

/// A list of names in a message; what doesn't fit is left out.
struct names {
    char text[512];
    size_t used;
};

static void add_name(struct names *names, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static void add_name(struct names *names, const char *format, ...) {
    const size_t separator = names->used ? 2 : 0;
    if (names->used + separator + 1 >= sizeof(names->text))
        return;
    memcpy(names->text + names->used, ", ", separator);
    names->used += separator;
    va_list words;
    va_start(words, format);
    const int length =
        vsnprintf(names->text + names->used, sizeof(names->text) - names->used, format, words);
    va_end(words);
    names->used += length > 0 ? (size_t)length : 0;
}

static hsp_status check_bound(const struct hsp_arguments *arguments) {
    const struct hsp_kernel *kernel = arguments->kernel;
    struct names names = {.used = 0};
    uint32_t missing_count = 0;
    for (uint32_t i = 0; i < kernel->explicit_count; i++) {
        if (arguments->is_bound[i])
            continue;
        missing_count++;
        const struct hsp_kernel_argument *argument = &kernel->arguments[i];
        add_name(&names, "%u (%s%s%s, %u bytes)", i, argument->name, argument->name[0] ? ": " : "",
                 argument->type_name[0] ? argument->type_name : argument->value_kind,
                 argument->size_bytes);
    }
    if (missing_count == 0)
        return HSP_OK;
    return hsp_fail(HSP_ERROR_KERNEL_ARGUMENT, "kernel %s takes %u arguments, %u given: missing %s",
                    kernel->demangled, kernel->explicit_count,
                    kernel->explicit_count - missing_count, names.text);
}

static hsp_status check_services(const struct hsp_arguments *arguments) {
    struct names names = {.used = 0};
    const char *unserved;
    for (uint32_t i = 0; (unserved = hsp_arguments_unserved(arguments, i)); i++)
        add_name(&names, "%s", unserved);
    if (names.used == 0)
        return HSP_OK;
    return hsp_hint(hsp_fail(HSP_ERROR_KERNEL_ARGUMENT,
                             "kernel %s asks for services that must be supplied: %s",
                             arguments->kernel->demangled, names.text),
                    "hsp_arguments_set_hidden supplies them, as 0 where the kernel lists but never "
                    "uses them, as at -O0");
}

hsp_status hsp_arguments_check(const struct hsp_arguments *arguments) {
    const hsp_status status = check_bound(arguments);
    return status == HSP_OK ? check_services(arguments) : status;
}
