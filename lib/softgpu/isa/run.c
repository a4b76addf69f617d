/* SPDX-License-Identifier: MIT */
#include "softgpu/isa/cache.h"
#include "softgpu/isa/vmem.h"
#include "softgpu/mem/guard.h"

#include <xmmintrin.h>

/* Host FP control word: exceptions masked, rounding and denormals as 4 bits of MODE say. */
static uint32_t host_fp_mode(uint32_t round, uint32_t denormals) {
    static const uint32_t rounding[] = {0, 2, 1, 3}; // nearest, +inf, -inf, zero
    uint32_t mxcsr = 0x1f80 | rounding[round & 3] << 13;
    if ((denormals & 1) == 0)
        mxcsr |= 0x0040; // DAZ: sources
    if ((denormals & 2) == 0)
        mxcsr |= 0x8000; // FTZ: results
    return mxcsr;
}

void sg_wave_set_mode(struct sg_wave *w, uint32_t mode) {
    w->mode = mode;
    w->mxcsr32 = host_fp_mode(mode, mode >> 4);
    w->mxcsr64 = host_fp_mode(mode >> 2, mode >> 6);
    w->fp_split = w->mxcsr32 != w->mxcsr64;
    _mm_setcsr(w->mxcsr32);
}

void sg_isa_reader_enter(struct sg_isa_reader *reader) {
    uint64_t epoch = atomic_load_explicit(&reader->isa->epoch, memory_order_seq_cst);
    /* A retire between the load and the store sees either this store, or this run sees its emptied
     * buckets: both sides are sequentially consistent. */
    atomic_store_explicit(&reader->epoch, epoch, memory_order_seq_cst);
}

void sg_isa_reader_leave(struct sg_isa_reader *reader) {
    atomic_store_explicit(&reader->epoch, 0, memory_order_release);
}

static void run(struct sg_wave *w) {
    const struct sg_op *op = sg_code_enter(w, w->pc);
    while (op) {
        sg_handler *fn = atomic_load_explicit(&op->fn, memory_order_acquire);
        op = fn(w, op);
    }
}

void sg_isa_run(struct sg_isa_reader *reader, struct sg_wave *w, bool no_alloc) {
    struct sg_guard guard;
    uint32_t mxcsr = _mm_getcsr();
    sg_isa_reader_enter(reader);
    w->tmp = reader->tmp;
    w->no_alloc = no_alloc;
    w->page = NULL;
    w->yield = SG_YIELD_NONE;
    sg_wave_set_mode(w, w->mode);
    w->memory_op = NULL;
    if (SG_GUARD_BEGIN(&guard, w->env->vm, &w->tlb) == 0) {
        run(w);
        sg_guard_end(&guard);
    } else {
        sg_vmem_host_fault(w, guard.fault_va, guard.fault_is_write);
    }
    sg_isa_reader_leave(reader);
    _mm_setcsr(mxcsr);
}
