/* SPDX-License-Identifier: MIT */
/* Nanoseconds per wave instruction, by family. */
#include "families.h"
#include "bench.h"

#include <string.h>

enum { LOOPS = 250, GROUPS = 4, DATA_BYTES = 1024 * 1024 };

#define EXEC_FULL    UINT64_MAX
#define EXEC_PARTIAL UINT64_C(0x7ffffffffffffffe)

struct arguments {
    uint64_t data;
    uint64_t exec;
    uint32_t loops;
};

static const struct {
    const char *name;
    const char *kernel;
    const char *group;
    const char *what;
    uint64_t exec;
} rows[] = {
#define FAMILY(name, group, what, lanes, a, b, c, d)                                               \
    {#name, "family_" #name, group, what, EXEC_##lanes},
#include "families.def"
};
enum { ROW_COUNT = sizeof rows / sizeof *rows };

static struct arguments arguments[ROW_COUNT + 1];

static struct launch launch_of(const char *kernel, struct arguments *of_kernel) {
    return (struct launch){
        .kernel = kernel,
        .image = IMAGE_FAMILIES,
        .grid = {64 * GROUPS, 1},
        .group = {64, 1},
        .arguments = of_kernel,
        .argument_bytes = sizeof *of_kernel,
    };
}

size_t families_add(struct subject *subjects, struct device **devices, size_t device_count) {
    void *data = device_memory(DATA_BYTES);
    for (size_t i = 0; i < device_count; i++)
        device_map(devices[i], data, DATA_BYTES);
    for (size_t i = 0; i < ROW_COUNT; i++) {
        arguments[i] = (struct arguments){device_va(data), rows[i].exec, LOOPS};
        subjects[i] = (struct subject){
            .name = rows[i].name,
            .group = rows[i].group,
            .what = rows[i].what,
            .unit = "ns",
            .launch = launch_of(rows[i].kernel, &arguments[i]),
            .unit_count = (uint64_t)LOOPS * GROUPS * FAMILY_REPEATS * 4,
        };
    }
    arguments[ROW_COUNT] = (struct arguments){device_va(data), EXEC_FULL, 1};
    subjects[ROW_COUNT] = (struct subject){
        .name = "decode",
        .group = "decoding",
        .what = "decoding and the first run of an instruction",
        .unit = "ns",
        .launch = launch_of("straight_line", &arguments[ROW_COUNT]),
        .unit_count = STRAIGHT_REPEATS * STRAIGHT_ROWS,
        .forgets_code = true,
    };
    subjects[ROW_COUNT].launch.grid[0] = 64;
    return ROW_COUNT + 1;
}
