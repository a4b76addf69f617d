/* SPDX-License-Identifier: MIT */
#include "trace/ioctl_names.h"

#include <linux/ioctl.h>
#include <stdio.h>
#include <string.h>

#include "abi/drm.h"
#include "abi/kfd.h"

/* The largest argument struct, in whole words. */
#define ARGUMENT_BYTES 256u

#define NAMED(type, name)
#define IOCTL(type, name, structure, format, ...)                                                  \
    static void print_##type##_##name(const void *argument, char *out, size_t out_bytes) {         \
        const struct structure *a = argument;                                                      \
        snprintf(out, out_bytes, format, __VA_ARGS__);                                             \
    }
#include "trace/ioctl.def"

static const struct ioctl_row {
    uint32_t type, number;
    const char *name;
    void (*print)(const void *argument, char *out, size_t out_bytes);
} rows[] = {
#define NAMED(type, name) {ABI_##type##_IOC_TYPE, ABI_##type##_##name, #type "_" #name, NULL},
#define IOCTL(type, name, structure, format, ...)                                                  \
    {ABI_##type##_IOC_TYPE, ABI_##type##_##name, #type "_" #name, print_##type##_##name},
#include "trace/ioctl.def"
};

static const struct ioctl_row *find(uint64_t command) {
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (rows[i].type == _IOC_TYPE(command) && rows[i].number == _IOC_NR(command))
            return &rows[i];
    return NULL;
}

const char *trace_ioctl_name(uint64_t command) {
    const struct ioctl_row *row = find(command);
    return row ? row->name : NULL;
}

bool trace_ioctl_print(uint64_t command, const void *argument, size_t argument_bytes, char *out,
                       size_t out_bytes) {
    const struct ioctl_row *row = find(command);
    _Alignas(8) unsigned char whole[ARGUMENT_BYTES] = {0};
    if (!row || !row->print)
        return false;
    memcpy(whole, argument, argument_bytes < sizeof whole ? argument_bytes : sizeof whole);
    row->print(whole, out, out_bytes);
    return true;
}
