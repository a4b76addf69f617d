/* SPDX-License-Identifier: MIT */
#include "softgpu/mem/guard.h"

#include <signal.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>
#include <xmmintrin.h>

enum { PAGE_FAULT_WRITE = 2, KERNEL_SIGSET_BYTES = 8 };

/* Initial-exec: a signal handler must not be the first to allocate it. */
static _Thread_local struct sg_guard *innermost __attribute__((tls_model("initial-exec")));

void sg_guard_push(struct sg_guard *guard, const struct sg_vm *vm, const struct sg_tlb *tlb) {
    guard->outer = innermost;
    guard->vm = vm;
    guard->tlb = tlb;
    guard->mxcsr = _mm_getcsr();
    innermost = guard;
}

void sg_guard_end(struct sg_guard *guard) {
    innermost = guard->outer;
}

/* The cached intervals first: one that was unmapped a moment ago is only there. */
static bool find_va(const struct sg_guard *guard, const void *host, uint64_t *va) {
    struct sg_vm_range range;
    for (uint32_t i = 0; guard->tlb && i < SG_TLB_ENTRIES; i++) {
        const struct sg_tlb_entry *entry = &guard->tlb->entries[i];
        *va = (uint64_t)((uintptr_t)host - entry->delta);
        if (*va - entry->va < entry->bytes)
            return true;
    }
    if (!sg_vm_find_host(guard->vm, host, &range))
        return false;
    *va = range.va + (uint64_t)((const uint8_t *)host - range.host);
    return true;
}

bool sg_guard_handle(void *host, const void *ucontext) {
    struct sg_guard *guard = innermost;
    const ucontext_t *context = ucontext;
    if (!guard || !find_va(guard, host, &guard->fault_va))
        return false;
    guard->fault_is_write = context->uc_mcontext.gregs[REG_ERR] & PAGE_FAULT_WRITE;
    innermost = guard->outer;
    _mm_setcsr(guard->mxcsr);
    /* The libc function is one that applications (and the shim) interpose. */
    syscall(SYS_rt_sigprocmask, SIG_SETMASK, &context->uc_sigmask, NULL, KERNEL_SIGSET_BYTES);
    siglongjmp(guard->jump, 1);
}
