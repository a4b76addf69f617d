/* SPDX-License-Identifier: MIT */
#include "fake_cu.h"

#include <stdlib.h>
#include <string.h>

struct sg_dispatch {
    struct sg_cu *cu;
    const struct fake_kernel *kernel;
    uint64_t executed;
    bool is_active; ///< between init and its end
    _Atomic bool is_killed;
};

struct sg_cu *sg_cu_create(const struct sg_cu_config *config) {
    (void)config;
    return calloc(1, sizeof(struct sg_cu));
}

void sg_cu_destroy(struct sg_cu *cu) {
    free(cu);
}

void fake_cu_add_kernel(struct sg_cu *cu, const struct fake_kernel *kernel) {
    cu->kernels[cu->kernel_count++] = *kernel;
}

void sg_cu_invalidate_code(struct sg_cu *cu, uint64_t va, uint64_t bytes) {
    atomic_store(&cu->invalidate_va, va);
    atomic_store(&cu->invalidate_bytes, bytes);
    atomic_fetch_add(&cu->invalidate_count, 1);
}

void sg_cu_drain(struct sg_cu *cu) {
    atomic_fetch_add(&cu->drain_count, 1);
}

struct sg_dispatch *sg_dispatch_create(struct sg_cu *cu) {
    struct sg_dispatch *dispatch = calloc(1, sizeof *dispatch);
    dispatch->cu = cu;
    return dispatch;
}

void sg_dispatch_destroy(struct sg_dispatch *dispatch) {
    /* Waves that still run would use freed memory. */
    if (dispatch->is_active)
        abort();
    free(dispatch);
}

enum sg_dispatch_check sg_dispatch_init(struct sg_dispatch *dispatch,
                                        const struct sg_dispatch_config *config, bool no_alloc) {
    static const struct fake_kernel empty = {.instructions = 10};
    struct sg_cu *cu = dispatch->cu;
    dispatch->kernel = &empty;
    for (uint32_t i = 0; i < cu->kernel_count; i++)
        if (cu->kernels[i].kernel_object == config->kernel_object)
            dispatch->kernel = &cu->kernels[i];
    if (no_alloc && dispatch->kernel->is_undecoded)
        return SG_DISPATCH_NO_MEMORY;
    if (dispatch->kernel->check != SG_DISPATCH_OK)
        return dispatch->kernel->check;
    if (dispatch->is_active)
        abort();
    dispatch->is_active = true;
    dispatch->executed = 0;
    const uint32_t index = atomic_fetch_add(&cu->record_count, 1);
    if (index < FAKE_CU_MAX_RECORDS)
        cu->records[index] = (struct fake_record){.config = *config, .is_inline = no_alloc};
    if (index < FAKE_CU_MAX_RECORDS && config->registers)
        cu->records[index].registers = *config->registers;
    return SG_DISPATCH_OK;
}

/// True when the kernel has nothing left to do.
static bool has_ended(const struct sg_dispatch *dispatch) {
    const struct fake_kernel *kernel = dispatch->kernel;
    return dispatch->executed >= kernel->instructions &&
           (!kernel->spin_until || atomic_load(kernel->spin_until) != 0);
}

static enum sg_run_state run(struct sg_dispatch *dispatch, uint64_t budget,
                             struct sg_fault *out_fault) {
    enum { STRIDE = 10 };
    const struct fake_kernel *kernel = dispatch->kernel;
    for (uint64_t used = 0; !has_ended(dispatch); used += STRIDE) {
        if (atomic_load(&dispatch->is_killed)) {
            *out_fault = (struct sg_fault){.cause = SG_FAULT_KILLED};
            return SG_RUN_FAULT;
        }
        if (used >= budget)
            return SG_RUN_BUDGET;
        dispatch->executed += STRIDE;
    }
    if (kernel->fault != SG_FAULT_NONE) {
        *out_fault = (struct sg_fault){.cause = kernel->fault, .va = kernel->fault_va};
        return SG_RUN_FAULT;
    }
    if (kernel->set_at_end)
        atomic_store(kernel->set_at_end, 1);
    return SG_RUN_DONE;
}

/// Touches every page of so much stack.
static void use_stack(size_t bytes) {
    volatile char *frame = __builtin_alloca(bytes + 1);
    for (size_t i = 0; i <= bytes; i += 1024)
        frame[i] = 1;
}

enum sg_run_state sg_dispatch_run(struct sg_dispatch *dispatch, uint64_t budget, bool no_alloc,
                                  struct sg_fault *out_fault) {
    struct sg_cu *cu = dispatch->cu;
    atomic_fetch_add(&cu->running, 1);
    use_stack(dispatch->kernel->stack_bytes);
    const enum sg_run_state state = run(dispatch, budget, out_fault);
    dispatch->is_active = state == SG_RUN_BUDGET;
    if (state == SG_RUN_DONE) {
        atomic_fetch_add(&cu->done_count, 1);
        if (no_alloc)
            atomic_fetch_add(&cu->inline_done_count, 1);
    }
    atomic_fetch_sub(&cu->running, 1);
    return state;
}

void sg_dispatch_kill(struct sg_dispatch *dispatch) {
    atomic_store(&dispatch->is_killed, true);
}

void sg_dispatch_dump(const struct sg_dispatch *dispatch, int fd) {
    (void)dispatch, (void)fd;
}
