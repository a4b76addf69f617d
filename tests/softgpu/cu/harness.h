/* SPDX-License-Identifier: MIT */
/// A device for tests of the compute units: an address space with a code region and a data region.
#ifndef CU_TEST_HARNESS_H
#define CU_TEST_HARNESS_H

#include "abi/kernel_descriptor.h"
#include "softgpu/cu/cu.h"
#include "softgpu/mem/vm.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

enum { BENCH_CODE_BYTES = 64 * 1024, BENCH_DATA_BYTES = 1024 * 1024 };
#define BENCH_CODE_VA UINT64_C(0x7f0000100000)
#define BENCH_DATA_VA UINT64_C(0x7f0000400000)

struct bench {
    struct sg_vm *vm;
    struct sg_cu *cu;
    uint8_t *code; ///< host bytes at BENCH_CODE_VA
    uint8_t *data; ///< host bytes at BENCH_DATA_VA
    size_t code_used;
    uint32_t worker_count;
    _Atomic uint32_t interrupts;    ///< calls of the sink
    _Atomic uint32_t last_event_id; ///< of the last one
    _Atomic uint32_t foreign;       ///< calls on other threads than the one that set `owner`
    pthread_t owner;                ///< bench_init's thread
};

/// Creates the device; fails the test on any error.
void bench_init(struct bench *bench, uint32_t cu_count, uint32_t worker_count);
void bench_fini(struct bench *bench);

/// What a test wants to differ from a plain kernel, which gets s[0:1] = kernarg, s2 = work-group id
/// x and v0 = work-item id x.
struct kernel_options {
    uint32_t vgprs;      ///< default 16
    uint32_t sgprs;      ///< default 32
    uint32_t properties; ///< default kernarg pointer only
    uint32_t rsrc1;      ///< more bits of compute_pgm_rsrc1
    uint32_t rsrc2;      ///< default 2 user SGPRs and work-group id x
    uint32_t rsrc3;
};

/// Places descriptor and code; returns the kernel object's address. `options` may be NULL.
uint64_t bench_load(struct bench *bench, const uint32_t *words, size_t bytes,
                    const struct kernel_options *options);
/// A one-dimensional launch with the default work-group of 256 at most; kernarg at BENCH_DATA_VA.
struct sg_dispatch_config bench_launch(uint64_t kernel_object, uint32_t grid, uint16_t group);
/// Creates a dispatch, runs it to its end on this thread and destroys it.
enum sg_run_state bench_run(struct bench *bench, const struct sg_dispatch_config *config,
                            struct sg_fault *out_fault);

#define BENCH_LOAD(bench, kernel, options) bench_load(bench, kernel, sizeof(kernel), options)

#endif
