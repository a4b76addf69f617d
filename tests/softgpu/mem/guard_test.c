/* SPDX-License-Identifier: MIT */
/* No cmocka: it installs a SIGSEGV handler of its own. */
#include "softgpu/mem/guard.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <xmmintrin.h>

#define CHECK(condition)                                                                           \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition);                        \
            exit(1);                                                                               \
        }                                                                                          \
    } while (0)

enum { PAGE = 4096, DEVICE_VA = 0x500000 };

static volatile sig_atomic_t refused;

static void on_fault(int number, siginfo_t *info, void *context) {
    (void)number;
    if (sg_guard_handle(info->si_addr, context))
        return;
    refused++;
    mprotect((void *)((uintptr_t)info->si_addr & ~(uintptr_t)(PAGE - 1)), PAGE,
             PROT_READ | PROT_WRITE);
}

static uint8_t *unreadable_page(void) {
    uint8_t *page = mmap(NULL, PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(page != MAP_FAILED);
    return page;
}

static void a_fault_ends_the_bracket_with_the_gpu_address(struct sg_vm *vm, uint8_t *page) {
    struct sg_guard guard;
    struct sg_tlb tlb;
    volatile int reached = 0;
    sg_tlb_init(&tlb, vm);
    for (int use_tlb = 0; use_tlb < 2; use_tlb++) {
        for (int write = 0; write < 2; write++) {
            const struct sg_tlb_entry *entry = use_tlb ? sg_tlb_find(&tlb, DEVICE_VA) : NULL;
            CHECK(!use_tlb || entry);
            if (SG_GUARD_BEGIN(&guard, vm, use_tlb ? &tlb : NULL) == 0) {
                if (write)
                    *(volatile uint8_t *)(page + 100) = 1;
                else
                    (void)*(volatile uint8_t *)(page + 100);
                CHECK(reached < 0); // the access must not return
            } else {
                CHECK(guard.fault_va == DEVICE_VA + 100);
                CHECK(guard.fault_is_write == (write == 1));
                reached++;
            }
        }
    }
    CHECK(reached == 4);
}

static void fp_mode_and_signal_mask_come_back(struct sg_vm *vm, uint8_t *page) {
    struct sg_guard guard;
    sigset_t mask;
    uint32_t usual = _mm_getcsr();
    uint32_t mxcsr = usual | 0x2000; // what the kernel gives signal handlers differs
    _mm_setcsr(mxcsr);
    if (SG_GUARD_BEGIN(&guard, vm, NULL) == 0) {
        _mm_setcsr(mxcsr | 0x8040);
        *(volatile uint8_t *)page = 1;
    }
    CHECK(_mm_getcsr() == mxcsr);
    _mm_setcsr(usual);
    CHECK(sigprocmask(SIG_SETMASK, NULL, &mask) == 0);
    CHECK(!sigismember(&mask, SIGSEGV) && !sigismember(&mask, SIGUSR1));
}

static void brackets_nest(struct sg_vm *vm, uint8_t *page) {
    struct sg_guard outer;
    struct sg_guard inner;
    volatile int steps = 0;
    if (SG_GUARD_BEGIN(&outer, vm, NULL) == 0) {
        if (SG_GUARD_BEGIN(&inner, vm, NULL) == 0)
            *(volatile uint8_t *)page = 1;
        else
            steps = 1;
        if (SG_GUARD_BEGIN(&inner, vm, NULL) == 0)
            sg_guard_end(&inner);
        *(volatile uint8_t *)(page + 8) = 1;
    } else {
        CHECK(steps == 1 && outer.fault_va == DEVICE_VA + 8);
        steps = 2;
    }
    CHECK(steps == 2);
}

static void other_faults_are_refused(struct sg_vm *vm, uint8_t *page) {
    struct sg_guard guard;
    uint8_t *stranger = unreadable_page();
    /* Device memory, but no bracket. */
    *(volatile uint8_t *)page = 1;
    CHECK(refused == 1);
    if (SG_GUARD_BEGIN(&guard, vm, NULL) == 0) {
        *(volatile uint8_t *)stranger = 1;
        sg_guard_end(&guard);
    } else {
        CHECK(refused < 0); // a fault outside of device memory is not ours
    }
    CHECK(refused == 2);
}

int main(void) {
    struct sigaction action = {.sa_sigaction = on_fault, .sa_flags = SA_SIGINFO};
    sigaddset(&action.sa_mask, SIGUSR1);
    CHECK(sigaction(SIGSEGV, &action, NULL) == 0);
    struct sg_vm *vm = sg_vm_create();
    uint8_t *page = unreadable_page();
    struct sg_vm_range range = {DEVICE_VA, PAGE, page, SG_VM_READ | SG_VM_WRITE | SG_VM_USERPTR};
    CHECK(vm && sg_vm_map(vm, &range) == 0);
    a_fault_ends_the_bracket_with_the_gpu_address(vm, page);
    fp_mode_and_signal_mask_come_back(vm, page);
    brackets_nest(vm, page);
    other_faults_are_refused(vm, page);
    sg_vm_destroy(vm);
    puts("ok");
    return 0;
}
