/* SPDX-License-Identifier: MIT */
/// A wave with memory around it, and a byte-by-byte model of the same memory: instructions are run
/// on the one, a naive reference on the other, and then both are compared.
#ifndef TEST_MEM_MODEL_H
#define TEST_MEM_MODEL_H

#include "softgpu/isa/isa.h"

enum {
    MODEL_REGIONS = 5,
    MODEL_ROWS = 64,       ///< VGPRs v0..v47, AGPRs a0..a15 behind them
    MODEL_ACC_OFFSET = 48, ///< row of a0
    MODEL_LDS_BYTES = 1024,
    MODEL_SHARED_HI = 0x10000,
    MODEL_PRIVATE_HI = 0x20000,
};

/// Mapped memory. `two` begins where `one` ends on the GPU, but not on the host.
enum model_region { REGION_ONE, REGION_TWO, REGION_READ_ONLY, REGION_SCRATCH, REGION_HIGH };

struct region {
    uint64_t va;
    uint32_t bytes;
    uint32_t flags;
    uint8_t *host;   ///< what the wave sees
    uint8_t *shadow; ///< what the reference sees
};

struct model {
    struct sg_vm *vm;
    struct sg_isa *isa;
    struct sg_isa_reader *reader;
    struct sg_wave *w;
    struct sg_wave_env env;
    struct region regions[MODEL_REGIONS];
    uint32_t v[MODEL_ROWS][SG_LANES]; ///< the reference's registers
    uint32_t s[256];
    uint8_t lds[MODEL_LDS_BYTES];
    uint8_t *wave_lds; ///< ends where an unreadable page begins
    uint8_t *lds_page;
    uint32_t *code;
    uint32_t code_at;
    uint32_t seed;
};

/// Creates everything; interpreter level as given. Never fails: exits.
struct model *model_create(enum sg_isa_level level);
void model_destroy(struct model *m);

uint32_t model_random(struct model *m);
/// Fills memory, registers and LDS with random numbers, the same on both sides.
void model_randomize(struct model *m);
/// Copies the reference's registers to the wave.
void model_load_wave(struct model *m, uint64_t exec);
/// Runs the instruction (two words), then s_endpgm. Returns the wave's state.
enum sg_wave_state model_run(struct model *m, uint32_t word0, uint32_t word1);
/// The same with the instruction `count` times in a row.
enum sg_wave_state model_run_many(struct model *m, uint32_t word0, uint32_t word1, uint32_t count);
/// Shadow byte at a GPU address with these rights, or NULL; *cause says why.
uint8_t *model_byte(struct model *m, uint64_t va, uint32_t need, enum sg_fault_cause *cause);
/// Complains with `what` if registers, memory or LDS differ. Returns true if all are equal.
bool model_equal(struct model *m, const char *what);

#endif
