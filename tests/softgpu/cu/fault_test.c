/* SPDX-License-Identifier: MIT */
/* A wave's fault ends the dispatch and is reported exactly. */
#include "harness.h"
#include "kernels.h"
#include "softgpu/mem/guard.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#define GOOD_VA  (BENCH_DATA_VA + 4096)
#define WILD_VA  UINT64_C(0x00000badc0de1230)
#define CONST_VA UINT64_C(0x7f0000900000)
#define USER_VA  UINT64_C(0x7f0000a00000)

static struct bench bench;

static int setup_one_worker(void **state) {
    (void)state;
    bench_init(&bench, 104, 1);
    return 0;
}
static int setup_three_workers(void **state) {
    (void)state;
    bench_init(&bench, 104, 3);
    return 0;
}
static int teardown(void **state) {
    (void)state;
    bench_fini(&bench);
    return 0;
}

/* Work-item 69 of work-group 2 stores to `va`. */
static struct sg_fault store_at(uint64_t va) {
    struct sg_fault fault = {0};
    ((uint64_t *)bench.data)[0] = GOOD_VA;
    ((uint64_t *)bench.data)[1] = va;
    const uint64_t kernel = BENCH_LOAD(&bench, kernel_wild, NULL);
    const struct sg_dispatch_config config = bench_launch(kernel, 4 * 256, 256);
    assert_int_equal(bench_run(&bench, &config, &fault), SG_RUN_FAULT);
    assert_int_equal(fault.va, va);
    assert_true(fault.is_write);
    assert_int_equal(fault.workgroup[0], 2);
    assert_int_equal(fault.workgroup[1], 0);
    assert_int_equal(fault.workgroup[2], 0);
    assert_int_equal(fault.wave, 1);
    assert_int_equal(fault.entry, kernel + 256);
    assert_int_equal(fault.pc - fault.entry, sizeof kernel_wild - 12); /* store, then s_endpgm */
    assert_int_equal(fault.dwords[0], kernel_wild[sizeof kernel_wild / 4 - 3]);
    assert_string_equal(fault.mnemonic, "global_store_dword");
    return fault;
}

static void wild_store_names_address_and_lane(void **state) {
    (void)state;
    const struct sg_fault fault = store_at(WILD_VA);
    assert_int_equal(fault.cause, SG_FAULT_MEMORY_UNMAPPED);
    assert_int_equal(fault.lane, 5);
}

static void store_to_read_only_memory_is_a_fault(void **state) {
    (void)state;
    static const uint8_t bytes[4096];
    const struct sg_vm_range range = {.va = CONST_VA,
                                      .bytes = sizeof bytes,
                                      .host = (uint8_t *)(uintptr_t)bytes,
                                      .flags = SG_VM_READ};
    assert_int_equal(sg_vm_map(bench.vm, &range), 0);
    const struct sg_fault fault = store_at(CONST_VA + 8);
    assert_int_equal(fault.cause, SG_FAULT_MEMORY_READ_ONLY);
    assert_int_equal(fault.lane, 5);
}

/* What the shim's handler does. A signal tells the address, not the lane. */
static void on_segv(int number, siginfo_t *info, void *context) {
    (void)number;
    sg_guard_handle(info->si_addr, context);
    abort(); /* not a device access */
}

static void vanished_user_memory_is_a_fault(void **state) {
    (void)state;
    uint8_t *bytes = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    assert_ptr_not_equal(bytes, MAP_FAILED);
    const struct sg_vm_range range = {.va = USER_VA,
                                      .bytes = 4096,
                                      .host = bytes,
                                      .flags = SG_VM_READ | SG_VM_WRITE | SG_VM_USERPTR};
    assert_int_equal(sg_vm_map(bench.vm, &range), 0);
    munmap(bytes, 4096);
    struct sigaction before;
    const struct sigaction handler = {.sa_sigaction = on_segv, .sa_flags = SA_SIGINFO};
    assert_int_equal(sigaction(SIGSEGV, &handler, &before), 0);
    const struct sg_fault fault = store_at(USER_VA + 16);
    assert_int_equal(sigaction(SIGSEGV, &before, NULL), 0);
    assert_int_equal(fault.cause, SG_FAULT_MEMORY_UNMAPPED);
}

static void undefined_instruction_is_named_by_its_words(void **state) {
    (void)state;
    static const uint32_t words[] = {0xbf800000, 0xffffffff, 0xbf810000}; /* s_nop, ?, s_endpgm */
    struct sg_fault fault = {0};
    const uint64_t kernel = BENCH_LOAD(&bench, words, NULL);
    const struct sg_dispatch_config config = bench_launch(kernel, 64, 64);
    assert_int_equal(bench_run(&bench, &config, &fault), SG_RUN_FAULT);
    assert_int_equal(fault.cause, SG_FAULT_ILLEGAL_INSTRUCTION);
    assert_int_equal(fault.pc - fault.entry, 4);
    assert_true(fault.dword_count >= 1);
    assert_int_equal(fault.dwords[0], 0xffffffff);
}

static void trap_carries_its_number(void **state) {
    (void)state;
    static const uint32_t words[] = {0xbf920002, 0xbf810000}; /* s_trap 2, s_endpgm */
    struct sg_fault fault = {0};
    const uint64_t kernel = BENCH_LOAD(&bench, words, NULL);
    const struct sg_dispatch_config config = bench_launch(kernel, 64, 64);
    assert_int_equal(bench_run(&bench, &config, &fault), SG_RUN_FAULT);
    assert_int_equal(fault.cause, SG_FAULT_TRAP);
    assert_int_equal(fault.code, 2);
}

/* Otherwise 4,000 work-groups that loop for ever would keep the dispatch busy. */
static void fault_stops_all_other_waves(void **state) {
    (void)state;
    /* Work-group 7: s_trap 2; the others loop. */
    static const uint32_t words[] = {
        0xbf068702, /* s_cmp_eq_u32 s2, 7 */
        0xbf850001, /* s_cbranch_scc1 +1 */
        0xbf82ffff, /* s_branch self */
        0xbf920002, /* s_trap 2 */
        0xbf810000, /* s_endpgm */
    };
    struct sg_fault fault = {0};
    const uint64_t kernel = BENCH_LOAD(&bench, words, NULL);
    const struct sg_dispatch_config config = bench_launch(kernel, 4000 * 256, 256);
    assert_int_equal(bench_run(&bench, &config, &fault), SG_RUN_FAULT);
    assert_int_equal(fault.cause, SG_FAULT_TRAP);
    assert_int_equal(fault.workgroup[0], 7);
}

static void dispatch_is_usable_after_a_fault(void **state) {
    (void)state;
    struct sg_fault fault = {0};
    static const uint32_t words[] = {0xbf920002, 0xbf810000};
    struct sg_dispatch *dispatch = sg_dispatch_create(bench.cu);
    struct sg_dispatch_config config =
        bench_launch(BENCH_LOAD(&bench, words, NULL), 100 * 256, 256);
    assert_int_equal(sg_dispatch_init(dispatch, &config, false), SG_DISPATCH_OK);
    assert_int_equal(sg_dispatch_run(dispatch, UINT64_MAX, false, &fault), SG_RUN_FAULT);
    config = bench_launch(BENCH_LOAD(&bench, kernel_interrupt, NULL), 1, 1);
    assert_int_equal(sg_dispatch_init(dispatch, &config, false), SG_DISPATCH_OK);
    assert_int_equal(sg_dispatch_run(dispatch, UINT64_MAX, false, &fault), SG_RUN_DONE);
    assert_int_equal(bench.interrupts, 1);
    sg_dispatch_destroy(dispatch);
}

#define ONE(test)   cmocka_unit_test_setup_teardown(test, setup_one_worker, teardown)
#define THREE(test) cmocka_unit_test_setup_teardown(test, setup_three_workers, teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        ONE(wild_store_names_address_and_lane),
        THREE(wild_store_names_address_and_lane),
        ONE(store_to_read_only_memory_is_a_fault),
        ONE(vanished_user_memory_is_a_fault),
        ONE(undefined_instruction_is_named_by_its_words),
        ONE(trap_carries_its_number),
        ONE(fault_stops_all_other_waves),
        THREE(fault_stops_all_other_waves),
        ONE(dispatch_is_usable_after_a_fault),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
