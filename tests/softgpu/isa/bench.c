/* SPDX-License-Identifier: MIT */
#include "bench.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

static void *pages(size_t bytes) {
    void *at = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (at == MAP_FAILED) {
        perror("mmap");
        abort();
    }
    return at;
}

static uint64_t no_clock(void) {
    return 0;
}

struct bench *bench_create(enum sg_isa_level level) {
    struct bench *bench = aligned_alloc(64, (sizeof *bench + 63) / 64 * 64);
    memset(bench, 0, sizeof *bench);
    bench->vm = sg_vm_create();
    bench->code = pages(BENCH_CODE_BYTES);
    bench->data = pages(BENCH_DATA_BYTES);
    bench->lds = pages(BENCH_LDS_BYTES);
    sg_vm_map(bench->vm, &(struct sg_vm_range){BENCH_CODE_VA, BENCH_CODE_BYTES, bench->code,
                                               SG_VM_READ | SG_VM_EXEC});
    sg_vm_map(bench->vm, &(struct sg_vm_range){BENCH_DATA_VA, BENCH_DATA_BYTES, bench->data,
                                               SG_VM_READ | SG_VM_WRITE});
    bench->isa = sg_isa_create_level(bench->vm, level);
    if (!bench->isa)
        abort();
    bench->env = (struct sg_wave_env){
        .vm = bench->vm,
        .isa = bench->isa,
        .entry = BENCH_CODE_VA,
        .shared_aperture_hi = 0x10000,
        .private_aperture_hi = 0x20000,
        .doorbell_index = 0x155,
        .core_clock = no_clock,
        .real_clock = no_clock,
    };
    sg_isa_reader_init(bench->isa, &bench->reader);
    sg_wave_init(&bench->wave);
    bench->wave.v = pages(SG_WAVE_ROWS * sizeof *bench->wave.v);
    bench_reset(bench);
    return bench;
}

void bench_destroy(struct bench *bench) {
    sg_isa_reader_fini(&bench->reader);
    sg_isa_destroy(bench->isa);
    sg_vm_destroy(bench->vm);
    munmap(bench->wave.v, SG_WAVE_ROWS * sizeof *bench->wave.v);
    munmap(bench->code, BENCH_CODE_BYTES);
    munmap(bench->data, BENCH_DATA_BYTES);
    munmap(bench->lds, BENCH_LDS_BYTES);
    free(bench);
}

void bench_reset(struct bench *bench) {
    struct sg_wave *w = &bench->wave;
    sg_wave_reset(w);
    w->acc_offset = 256;
    w->v_rows = 512;
    w->pc = BENCH_CODE_VA;
    w->budget = 1000000;
    w->lds = bench->lds;
    w->lds_bytes = BENCH_LDS_BYTES;
    w->workgroup_waves = 1;
    w->env = &bench->env;
    sg_tlb_init(&w->tlb, bench->vm);
    sg_wave_set_exec(w, ~0ull);
    memset(w->v, 0, SG_WAVE_ROWS * sizeof *w->v);
}

void bench_place(struct bench *bench, uint64_t offset, const uint32_t *words, size_t count) {
    memcpy(bench->code + offset, words, count * sizeof *words);
    sg_isa_invalidate(bench->isa, BENCH_CODE_VA + offset, count * sizeof *words);
}

enum sg_wave_state bench_run(struct bench *bench) {
    bench->wave.state = SG_WAVE_RUNNING;
    sg_isa_run(&bench->reader, &bench->wave, false);
    return bench->wave.state;
}

void bench_execute(struct bench *bench, const uint32_t *words, size_t count) {
    static const uint32_t end = 0xbf810000;
    bench_place(bench, 0, words, count);
    bench_place(bench, count * sizeof *words, &end, 1);
    bench->wave.pc = BENCH_CODE_VA;
    if (bench_run(bench) != SG_WAVE_ENDED) {
        const struct sg_fault *fault = &bench->wave.fault;
        fprintf(stderr, "state %d, cause %d at +0x%llx: %08x %08x %s %s\n", bench->wave.state,
                fault->cause, (unsigned long long)(fault->pc - BENCH_CODE_VA), fault->dwords[0],
                fault->dwords[1], fault->encoding, fault->mnemonic);
        abort();
    }
}
