/* SPDX-License-Identifier: MIT */
/// Compute units that record what they are asked and behave as a test programs them: it implements
/// softgpu/cu/cu.h in place of sg_cu, so that packet processing is tested alone.
#ifndef FAKE_CU_H
#define FAKE_CU_H

#include "softgpu/cu/cu.h"

#include <stdatomic.h>

/// How a kernel behaves, known by its kernel_object.
struct fake_kernel {
    uint64_t kernel_object;
    uint64_t instructions;         ///< wave instructions until it ends
    const _Atomic int *spin_until; ///< it does not end before this is non-zero (NULL: at once)
    _Atomic int *set_at_end;       ///< set to 1 when it ends (may be NULL)
    enum sg_dispatch_check check;  ///< what sg_dispatch_init says
    bool is_undecoded;             ///< with no_alloc, init says SG_DISPATCH_NO_MEMORY
    enum sg_fault_cause fault;     ///< it ends with this fault
    uint64_t fault_va;
    size_t stack_bytes; ///< of the running thread's stack that it uses
};

enum { FAKE_CU_MAX_KERNELS = 16, FAKE_CU_MAX_RECORDS = 4096 };

/// One sg_dispatch_init that said OK.
struct fake_record {
    struct sg_dispatch_config config;
    struct sg_dispatch_registers registers; ///< where `config` pointed to, if anywhere
    bool is_inline;
};

struct sg_cu {
    struct fake_kernel kernels[FAKE_CU_MAX_KERNELS];
    uint32_t kernel_count;
    struct fake_record records[FAKE_CU_MAX_RECORDS]; ///< the first ones
    _Atomic uint32_t record_count;
    _Atomic uint32_t done_count;
    _Atomic uint32_t inline_done_count;
    _Atomic uint32_t running; ///< dispatches inside sg_dispatch_run now
    _Atomic uint32_t drain_count;
    _Atomic uint32_t invalidate_count;
    _Atomic uint64_t invalidate_va;
    _Atomic uint64_t invalidate_bytes;
};

/// Adds a kernel; before any queue runs.
void fake_cu_add_kernel(struct sg_cu *cu, const struct fake_kernel *kernel);

#endif
