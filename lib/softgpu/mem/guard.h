/* SPDX-License-Identifier: MIT */
/// Host faults under device accesses: application memory that went away becomes a memory fault.
///
/// Ranges with SG_VM_USERPTR are the application's own pages: it may unmap or protect them while
/// the device uses them. Checking every access would be slow and racy, so the device just touches
/// them under a guard, and the SIGSEGV (or SIGBUS) handler asks sg_guard_handle.
///
///     struct sg_guard guard;
///     if (SG_GUARD_BEGIN(&guard, vm, tlb) == 0) {
///         ... touch device memory; no locks, no allocation, nothing to be undone ...
///         sg_guard_end(&guard);
///     } else {
///         ... guard.fault_va, guard.fault_is_write ...
///     }
///
/// Costs a few ns once per bracket. Brackets nest, per thread (a doorbell trapped inside a signal
/// handler of a thread that copies). As with setjmp, locals changed in the bracket and used in the
/// else branch must be volatile. The host's FP mode (MXCSR) and the signal mask are restored.
///
/// Who sets it: sg_isa_run around a wave; the packet processors around rings, signals and SDMA
/// copies. Who asks: the SIGSEGV handler of shim, before it chains to the application's.
#ifndef SG_MEM_GUARD_H
#define SG_MEM_GUARD_H

#include "softgpu/mem/tlb.h"
#include "softgpu/mem/vm.h"

#include <setjmp.h>
#include <stdbool.h>
#include <stdint.h>

struct sg_guard {
    sigjmp_buf jump;
    struct sg_guard *outer;
    const struct sg_vm *vm;
    const struct sg_tlb *tlb;
    uint32_t mxcsr;
    uint64_t fault_va; ///< GPU address of the access; valid after a fault
    bool fault_is_write;
};

/// Private to SG_GUARD_BEGIN.
void sg_guard_push(struct sg_guard *guard, const struct sg_vm *vm, const struct sg_tlb *tlb);

/// Begins a bracket: 0 now, 1 when the bracket was left by a fault. `tlb` may be NULL.
#define SG_GUARD_BEGIN(guard, vm, tlb)                                                             \
    (sg_guard_push((guard), (vm), (tlb)), sigsetjmp((guard)->jump, 0))
/// Ends the thread's innermost bracket. Not after a fault: that has ended it.
void sg_guard_end(struct sg_guard *guard);

/// Asks whether a host fault at `host` is a device access of the calling thread. If so this does
/// not return: the bracket's SG_GUARD_BEGIN does. Else false, and nothing was changed. `ucontext`
/// is the third argument of the SA_SIGINFO handler; its signal mask and error code are used. Only
/// for signal handlers; async-signal-safe, lock-free; searches the whole address space.
bool sg_guard_handle(void *host, const void *ucontext);

#endif
