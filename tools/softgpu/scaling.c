/* SPDX-License-Identifier: MIT */
/* How the software GPU scales with threads, beside a native program's scaling on the same cores. */
#include "bench.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

enum { MATRIX = 512, ELEMENTS = MATRIX * MATRIX };

struct work {
    const float *a, *b;
    float *c;
    uint32_t begin, end; /* rows */
};

/* The control: a product of matrices whose loops compilers vectorize. */
static void *native_rows(void *argument) {
    const struct work *work = argument;
    for (int repeat = 0; repeat < 8; repeat++)
        for (uint32_t y = work->begin; y < work->end; y++) {
            float *row = work->c + (size_t)y * MATRIX;
            for (uint32_t x = 0; x < MATRIX; x++)
                row[x] = 0;
            for (uint32_t k = 0; k < MATRIX; k++) {
                const float factor = work->a[(size_t)y * MATRIX + k];
                const float *from = work->b + (size_t)k * MATRIX;
                for (uint32_t x = 0; x < MATRIX; x++)
                    row[x] += factor * from[x];
            }
        }
    return NULL;
}

static double native_ms(const struct work *all, uint32_t threads) {
    pthread_t *started = calloc(threads, sizeof *started);
    struct work *parts = calloc(threads, sizeof *parts);
    if (!started || !parts)
        die("out of memory");
    const double start = wall_ns();
    for (uint32_t i = 0; i < threads; i++) {
        parts[i] = *all;
        parts[i].begin = (uint32_t)((uint64_t)MATRIX * i / threads);
        parts[i].end = (uint32_t)((uint64_t)MATRIX * (i + 1) / threads);
        if (pthread_create(&started[i], NULL, native_rows, &parts[i]) != 0)
            die("no more threads");
    }
    for (uint32_t i = 0; i < threads; i++)
        pthread_join(started[i], NULL);
    const double ms = (wall_ns() - start) / 1e6;
    free(started);
    free(parts);
    return ms;
}

static double device_ms(struct device *device, const struct launch *launch) {
    const double start = wall_ns();
    device_run(device, launch);
    return (wall_ns() - start) / 1e6;
}

enum { GPU_ONE, GPU_MANY, NATIVE_ONE, NATIVE_MANY, ARMS };

static void print(const struct spread *spread, uint32_t threads, bool json) {
    static const char *const names[ARMS] = {"software GPU, 1 thread", "software GPU, all",
                                            "native control, 1 thread", "native control, all"};
    const double gpu = spread[GPU_ONE].median / spread[GPU_MANY].median;
    const double native = spread[NATIVE_ONE].median / spread[NATIVE_MANY].median;
    if (json) {
        printf("{\"scaling\": {\"threads\": %u, \"software\": %.3f, \"native\": %.3f, "
               "\"ratio\": %.3f}}\n",
               threads, gpu, native, gpu / native);
        return;
    }
    printf("\nscaling on %u threads: matmul 512 x 512\n%-28s %10s %10s %10s\n", threads, "",
           "min ms", "median", "p90");
    for (int arm = 0; arm < ARMS; arm++)
        printf("%-28s %10.3f %10.3f %10.3f\n", names[arm], spread[arm].min, spread[arm].median,
               spread[arm].p90);
    printf("software GPU %.2fx, native control %.2fx: %.2f of the control's scaling\n", gpu, native,
           gpu / native);
}

void scaling_run(uint32_t level, uint32_t threads, uint32_t rounds, bool json) {
    struct device *devices[2] = {device_create(level, 1, false),
                                 device_create(level, threads, false)};
    float *matrices[3];
    for (int i = 0; i < 3; i++) {
        matrices[i] = device_memory(ELEMENTS * sizeof **matrices);
        for (int n = 0; n < 2; n++)
            device_map(devices[n], matrices[i], ELEMENTS * sizeof **matrices);
        for (size_t k = 0; k < ELEMENTS; k++)
            matrices[i][k] = (float)(k % 31);
    }
    const struct {
        uint64_t a, b, c;
        uint32_t n;
    } arguments = {device_va(matrices[0]), device_va(matrices[1]), device_va(matrices[2]), MATRIX};
    const struct launch launch = {"matmul", IMAGE_KERNELS_O3, {MATRIX, MATRIX},
                                  {16, 16}, &arguments,       sizeof arguments};
    const struct work work = {matrices[0], matrices[1], matrices[2], 0, MATRIX};
    struct series series[ARMS];
    struct spread spread[ARMS];
    for (int arm = 0; arm < ARMS; arm++)
        series[arm] = (struct series){calloc(rounds, sizeof(double)), rounds};
    for (uint32_t round = 0; round < rounds; round++)
        for (int i = 0; i < ARMS; i++) {
            const int arm = round % 2 ? ARMS - 1 - i : i;
            series[arm].samples[round] = arm <= GPU_MANY
                                             ? device_ms(devices[arm - GPU_ONE], &launch)
                                             : native_ms(&work, arm == NATIVE_ONE ? 1 : threads);
        }
    for (int arm = 0; arm < ARMS; arm++) {
        spread[arm] = series_spread(&series[arm]);
        free(series[arm].samples);
    }
    print(spread, threads, json);
    for (int n = 0; n < 2; n++)
        device_destroy(devices[n]);
    for (int i = 0; i < 3; i++)
        free(matrices[i]);
}
