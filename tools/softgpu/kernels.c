/* SPDX-License-Identifier: MIT */
/* Whole kernels, at -O0 and -O3. */
#include "bench.h"

#include <string.h>

enum { VECTOR = 1 << 20, MATRIX = 256, REDUCE_GROUP = 256, BODIES = 1024 };

static struct {
    float *vector[3];
    float *matrix[3];
    float *sums;
    float *pull;
} data;

struct vector_arguments {
    uint64_t a, b, sum;
    uint32_t count;
};
struct two_arguments {
    uint64_t from, to;
    uint32_t count;
};
static struct vector_arguments vector_arguments, matrix_arguments, bodies_arguments;
static struct two_arguments reduce_arguments;

static const struct {
    const char *name;
    const char *what;
    uint32_t grid[2];
    uint16_t group[2];
    const void *arguments;
    size_t argument_bytes;
} rows[] = {
    {"vector_add",
     "1 << 20 floats, groups of 256",
     {VECTOR, 1},
     {256, 1},
     &vector_arguments,
     sizeof vector_arguments},
    {"reduce_float",
     "1 << 20 floats, groups of 256, a tree in LDS",
     {VECTOR, 1},
     {REDUCE_GROUP, 1},
     &reduce_arguments,
     sizeof reduce_arguments},
    {"matmul",
     "256 x 256 floats, naive, groups of 16 x 16",
     {MATRIX, MATRIX},
     {16, 16},
     &matrix_arguments,
     sizeof matrix_arguments},
    {"matmul_tiled",
     "256 x 256 floats, tiles in LDS, groups of 16 x 16",
     {MATRIX, MATRIX},
     {16, 16},
     &matrix_arguments,
     sizeof matrix_arguments},
    {"bodies",
     "1024 bodies, all pairs, groups of 128",
     {BODIES, 1},
     {128, 1},
     &bodies_arguments,
     sizeof bodies_arguments},
};
enum { ROW_COUNT = sizeof rows / sizeof *rows };

static float *floats(struct device **devices, size_t device_count, size_t count, float scale) {
    float *values = device_memory(count * sizeof *values);
    for (size_t i = 0; i < device_count; i++)
        device_map(devices[i], values, count * sizeof *values);
    for (size_t i = 0; i < count; i++)
        values[i] = (float)(i % 61) * scale;
    return values;
}

static void set_up(struct device **devices, size_t device_count) {
    for (int i = 0; i < 3; i++) {
        data.vector[i] = floats(devices, device_count, VECTOR, 0.25f);
        data.matrix[i] = floats(devices, device_count, (size_t)MATRIX * MATRIX, 0.125f);
    }
    data.sums = floats(devices, device_count, VECTOR / REDUCE_GROUP, 0);
    data.pull = floats(devices, device_count, BODIES, 0);
    vector_arguments = (struct vector_arguments){
        device_va(data.vector[0]), device_va(data.vector[1]), device_va(data.vector[2]), VECTOR};
    matrix_arguments = (struct vector_arguments){
        device_va(data.matrix[0]), device_va(data.matrix[1]), device_va(data.matrix[2]), MATRIX};
    bodies_arguments = (struct vector_arguments){
        device_va(data.vector[0]), device_va(data.matrix[0]), device_va(data.pull), BODIES};
    reduce_arguments =
        (struct two_arguments){device_va(data.vector[0]), device_va(data.sums), VECTOR};
}

size_t kernels_add(struct subject *subjects, struct device **devices, size_t device_count) {
    set_up(devices, device_count);
    for (size_t i = 0; i < 2 * ROW_COUNT; i++) {
        const size_t row = i % ROW_COUNT;
        subjects[i] = (struct subject){
            .name = rows[row].name,
            .group = i < ROW_COUNT ? "kernels -O3" : "kernels -O0",
            .what = rows[row].what,
            .unit = "ms",
            .launch = {.kernel = rows[row].name,
                       .image = i < ROW_COUNT ? IMAGE_KERNELS_O3 : IMAGE_KERNELS_O0,
                       .grid = {rows[row].grid[0], rows[row].grid[1]},
                       .group = {rows[row].group[0], rows[row].group[1]},
                       .arguments = rows[row].arguments,
                       .argument_bytes = rows[row].argument_bytes},
            .unit_count = 1000000,
        };
    }
    return 2 * ROW_COUNT;
}

void kernels_check(void) {
    for (size_t i = 0; i < VECTOR; i++)
        if (data.vector[2][i] != data.vector[0][i] + data.vector[1][i])
            die("vector_add: wrong sum %zu", i);
    for (size_t at = 0; at < VECTOR; at += REDUCE_GROUP) { /* all sums are exact */
        float sum = 0;
        for (size_t i = at; i < at + REDUCE_GROUP; i++)
            sum += data.vector[0][i];
        if (data.sums[at / REDUCE_GROUP] != sum)
            die("reduce_float: wrong sum %zu", at / REDUCE_GROUP);
    }
    for (size_t at = 0; at < (size_t)MATRIX * MATRIX; at++) {
        float sum = 0;
        for (size_t k = 0; k < MATRIX; k++)
            sum +=
                data.matrix[0][at / MATRIX * MATRIX + k] * data.matrix[1][k * MATRIX + at % MATRIX];
        if (data.matrix[2][at] != sum)
            die("matmul: wrong element %zu", at);
    }
}
