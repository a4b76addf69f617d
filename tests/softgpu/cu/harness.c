/* SPDX-License-Identifier: MIT */
#include "harness.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void note_interrupt(void *context, uint32_t event_id) {
    struct bench *bench = context;
    bench->interrupts++;
    bench->last_event_id = event_id;
    if (!pthread_equal(pthread_self(), bench->owner)) {
        bench->foreign++;
    }
}

static uint8_t *map(struct bench *bench, uint64_t va, size_t bytes) {
    uint8_t *host = aligned_alloc(4096, bytes);
    assert_non_null(host);
    memset(host, 0, bytes);
    const struct sg_vm_range range = {
        .va = va,
        .bytes = bytes,
        .host = host,
        .flags = SG_VM_READ | SG_VM_WRITE | SG_VM_EXEC | SG_VM_FINE,
    };
    assert_int_equal(sg_vm_map(bench->vm, &range), 0);
    return host;
}

void bench_init(struct bench *bench, uint32_t cu_count, uint32_t worker_count) {
    memset(bench, 0, sizeof *bench);
    bench->owner = pthread_self();
    bench->worker_count = worker_count;
    bench->vm = sg_vm_create();
    assert_non_null(bench->vm);
    bench->code = map(bench, BENCH_CODE_VA, BENCH_CODE_BYTES);
    bench->data = map(bench, BENCH_DATA_VA, BENCH_DATA_BYTES);
    const struct sg_cu_config config = {
        .vm = bench->vm,
        .sink = {.context = bench, .interrupt = note_interrupt},
        .cu_count = cu_count,
        .worker_count = worker_count,
    };
    bench->cu = sg_cu_create(&config);
    assert_non_null(bench->cu);
}

void bench_fini(struct bench *bench) {
    sg_cu_destroy(bench->cu);
    sg_vm_destroy(bench->vm);
    free(bench->code);
    free(bench->data);
}

uint64_t bench_load(struct bench *bench, const uint32_t *words, size_t bytes,
                    const struct kernel_options *options) {
    const struct kernel_options none = {0};
    const struct kernel_options *o = options ? options : &none;
    const uint32_t vgprs = o->vgprs ? o->vgprs : 16;
    const uint32_t sgprs = o->sgprs ? o->sgprs : 32;
    const size_t at = (bench->code_used + 255) & ~(size_t)255;
    assert_true(at + 256 + bytes <= BENCH_CODE_BYTES);
    bench->code_used = at + 256 + bytes;
    const struct abi_kernel_descriptor descriptor = {
        .kernel_code_entry_byte_offset = 256,
        .compute_pgm_rsrc1 = o->rsrc1 | (vgprs / 8 - 1) | (2 * (sgprs / 16 - 1)) << 6 | 0xf << 16 |
                             1 << 21 | 1 << 23,
        .compute_pgm_rsrc2 = o->rsrc2 ? o->rsrc2 : 2 << 1 | 1 << 7,
        .compute_pgm_rsrc3 = o->rsrc3,
        .kernel_code_properties =
            (uint16_t)(o->properties ? o->properties : ABI_KERNEL_KERNARG_SEGMENT_PTR),
    };
    memcpy(bench->code + at, &descriptor, sizeof descriptor);
    memcpy(bench->code + at + 256, words, bytes);
    return BENCH_CODE_VA + at;
}

struct sg_dispatch_config bench_launch(uint64_t kernel_object, uint32_t grid, uint16_t group) {
    return (struct sg_dispatch_config){
        .kernel_object = kernel_object,
        .kernarg_va = BENCH_DATA_VA,
        .grid_size = {grid, 1, 1},
        .workgroup_size = {group, 1, 1},
        .shared_aperture_hi = 0x10000,
        .private_aperture_hi = 0x20000,
    };
}

enum sg_run_state bench_run(struct bench *bench, const struct sg_dispatch_config *config,
                            struct sg_fault *out_fault) {
    struct sg_dispatch *dispatch = sg_dispatch_create(bench->cu);
    assert_non_null(dispatch);
    assert_int_equal(sg_dispatch_init(dispatch, config, false), SG_DISPATCH_OK);
    const enum sg_run_state state = sg_dispatch_run(dispatch, UINT64_MAX, false, out_fault);
    sg_dispatch_destroy(dispatch);
    return state;
}
