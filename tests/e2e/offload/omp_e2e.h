/* SPDX-License-Identifier: MIT */
/// What the OpenMP target programs share. Each is a program as a user writes it; its cases are
/// functions that check results on the host.
#ifndef OMP_E2E_H
#define OMP_E2E_H

#include <omp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int omp_failures;

/// Counts and prints a condition that doesn't hold; the program goes on.
#define OMP_CHECK(condition)                                                                       \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            printf("%s:%d: %s\n", __FILE__, __LINE__, #condition);                                 \
            omp_failures++;                                                                        \
        }                                                                                          \
    } while (0)

/// Ends the program with 77, or 1 where there must be a GPU, without a device: everything would run
/// on the host and prove nothing.
static void omp_need_device(void) {
    const char *device = getenv("HSAPROBE_TEST_DEVICE");
    if (omp_get_num_devices() > 0)
        return;
    puts("libomptarget finds no device");
    fflush(stdout);
    _exit(device && strcmp(device, "soft") == 0 ? 1 : 77);
}

/// Ends the program with 1 if a check failed, else 0. With LLVM 15 on a real GPU it leaves without
/// destructors: the plugin frees the list of agents in one, and __tgt_unregister_lib, which runs
/// later, still reads it. The software GPU saves programs from that.
static void omp_finish(void) {
    if (omp_failures)
        printf("%d failed\n", omp_failures);
    fflush(stdout);
    const char *device = getenv("HSAPROBE_TEST_DEVICE");
    if (__clang_major__ > 15 || (device && strcmp(device, "soft") == 0))
        exit(omp_failures != 0);
    omp_pause_resource_all(omp_pause_hard); // libomp takes its file in /dev/shm away
    _exit(omp_failures != 0);
}

#endif
