/* SPDX-License-Identifier: MIT */
/// One wave and a page of code for tests of the instruction set.
#ifndef ISA_TEST_BENCH_H
#define ISA_TEST_BENCH_H

#include "softgpu/isa/isa.h"

#include <stddef.h>
#include <stdint.h>

enum { BENCH_CODE_BYTES = 1024 * 1024, BENCH_DATA_BYTES = 64 * 1024, BENCH_LDS_BYTES = 64 * 1024 };
#define BENCH_CODE_VA UINT64_C(0x7f0000100000)
#define BENCH_DATA_VA UINT64_C(0x7f0000800000)

struct bench {
    struct sg_vm *vm;
    struct sg_isa *isa;
    uint8_t *code; ///< host bytes at BENCH_CODE_VA
    uint8_t *data; ///< host bytes at BENCH_DATA_VA
    uint8_t *lds;
    struct sg_wave_env env;
    struct sg_isa_reader reader;
    struct sg_wave wave;
};

/// Creates the bench at an interpreter level. Aborts on failure.
struct bench *bench_create(enum sg_isa_level level);
void bench_destroy(struct bench *bench);

/// Resets the wave: EXEC all ones, registers 0, budget large, 256 arch VGPRs then AGPRs.
void bench_reset(struct bench *bench);
/// Places words at BENCH_CODE_VA + offset (and forgets what was decoded there).
void bench_place(struct bench *bench, uint64_t offset, const uint32_t *words, size_t count);
/// Runs the wave from BENCH_CODE_VA until it stops; returns its state.
enum sg_wave_state bench_run(struct bench *bench);
/// Places the words and s_endpgm, runs them, and fails the process if they do not end there.
void bench_execute(struct bench *bench, const uint32_t *words, size_t count);

#endif
