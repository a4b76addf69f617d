/* SPDX-License-Identifier: MIT */
/* The way of a SIGSEGV, and the stacks that inline device work runs on: an application's thread may
 * have 16 KiB in all. */
#include "softgpu/kfd/doorbell_internal.h"
#include "softgpu/mem/guard.h"

#include <errno.h>
#include <sys/mman.h>
#include <ucontext.h>
#include <unistd.h>
#if defined(__SANITIZE_ADDRESS__)
#    include <sanitizer/common_interface_defs.h>
#endif

enum { STACKS = 8, STACK_BYTES = 256 << 10, GUARD_BYTES = 4096 };

static uint8_t *stacks; /* STACKS times: guard page, stack */
static _Atomic uint32_t free_stacks;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void make_stacks(void) {
    const size_t bytes = (size_t)STACKS * (GUARD_BYTES + STACK_BYTES);
    uint8_t *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
                           MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_STACK, -1, 0);
    if (memory == MAP_FAILED)
        return;
    for (size_t i = 0; i < STACKS; i++)
        mprotect(memory + i * (GUARD_BYTES + STACK_BYTES), GUARD_BYTES, PROT_NONE);
    stacks = memory;
}

int trap_stacks_init(void) {
    static _Atomic pid_t user;
    pthread_once(&once, make_stacks);
    if (stacks && atomic_exchange(&user, getpid()) != getpid())
        atomic_store(&free_stacks, (1u << STACKS) - 1);
    return stacks ? 0 : -ENOMEM;
}

/// Takes a free stack. Returns its index, or -1.
static int take_stack(void) {
    uint32_t mask = atomic_load(&free_stacks);
    while (mask != 0) {
        const int index = __builtin_ctz(mask);
        if (atomic_compare_exchange_weak(&free_stacks, &mask, mask & ~(1u << index)))
            return index;
    }
    return -1;
}

/* rdi: function, rsi: its argument, rdx: top of the new stack, 16-byte aligned. The frame pointer
 * leads back to the old stack, for debuggers too. */
__asm__(".text\n"
        ".p2align 4\n"
        ".type trap_switch_stack, @function\n"
        "trap_switch_stack:\n"
        "    .cfi_startproc\n"
        "    pushq %rbp\n"
        "    .cfi_def_cfa_offset 16\n"
        "    .cfi_offset %rbp, -16\n"
        "    movq %rsp, %rbp\n"
        "    .cfi_def_cfa_register %rbp\n"
        "    movq %rdx, %rsp\n"
        "    movq %rdi, %rax\n"
        "    movq %rsi, %rdi\n"
        "    callq *%rax\n"
        "    movq %rbp, %rsp\n"
        "    popq %rbp\n"
        "    .cfi_def_cfa %rsp, 8\n"
        "    retq\n"
        "    .cfi_endproc\n"
        ".size trap_switch_stack, . - trap_switch_stack\n");
void trap_switch_stack(void (*function)(void *), void *argument, void *top);

struct call {
    void (*function)(void *);
    void *argument;
    bool has_alternate_stack;
};

/* AddressSanitizer forgets the frames that a guarded access jumps out of only on a stack that it
 * knows. Leaving a stack and arriving on the other one: */
#if defined(__SANITIZE_ADDRESS__)
static void leave_stack(void **frames, const void *bottom, size_t bytes) {
    __sanitizer_start_switch_fiber(frames, bottom, bytes);
}
static void arrive_on_stack(void *frames, const void **out_left, size_t *out_left_bytes) {
    __sanitizer_finish_switch_fiber(frames, out_left, out_left_bytes);
}
#else
static void leave_stack(void **frames, const void *bottom, size_t bytes) {
    (void)frames, (void)bottom, (void)bytes;
}
static void arrive_on_stack(void *frames, const void **out_left, size_t *out_left_bytes) {
    (void)frames, (void)out_left, (void)out_left_bytes;
}
#endif

static void call_without_alternate_stack(void *argument) {
    const struct call *call = argument;
    const void *left = NULL;
    size_t left_bytes = 0;
    arrive_on_stack(NULL, &left, &left_bytes);
    /* Another SIGSEGV (a guarded access) must not start at the top of the alternate stack, where
     * the frames of the one being handled lie: the kernel can't tell from our stack pointer. */
    const stack_t disabled = {.ss_flags = SS_DISABLE};
    stack_t saved;
    const bool is_disabled = call->has_alternate_stack && sigaltstack(&disabled, &saved) == 0;
    call->function(call->argument);
    if (is_disabled) {
        saved.ss_flags &= ~SS_ONSTACK;
        sigaltstack(&saved, NULL);
    }
    leave_stack(NULL, left, left_bytes);
}

bool trap_call_on_stack(void (*function)(void *), void *argument, const void *ucontext) {
    const ucontext_t *context = ucontext;
    struct call call = {function, argument, !(context->uc_stack.ss_flags & SS_DISABLE)};
    const int index = take_stack();
    if (index < 0)
        return false;
    uint8_t *top = stacks + (size_t)(index + 1) * (GUARD_BYTES + STACK_BYTES);
    void *frames = NULL;
    leave_stack(&frames, top - STACK_BYTES, STACK_BYTES);
    trap_switch_stack(call_without_alternate_stack, &call, top);
    arrive_on_stack(frames, NULL, NULL);
    atomic_fetch_or(&free_stacks, 1u << index);
    return true;
}

bool sg_trap_handle(int signal_number, siginfo_t *info, void *ucontext) {
    if (info->si_code <= 0)
        return false; /* sent by somebody, not a fault */
    return (signal_number == SIGSEGV && sg_doorbell_handle_fault(info, ucontext)) ||
           sg_guard_handle(info->si_addr, ucontext);
}
