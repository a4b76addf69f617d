/* SPDX-License-Identifier: MIT */
/// The decode cache and the run loop: page ends, faults, budgets, runs that must not allocate, and
/// code that changes under running waves.
#include "program.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

enum { PAGE = 4096 };

/* Words, from llvm-mc. */
#define S_NOP          0xbf800000u
#define S_ENDPGM       0xbf810000u
#define S_BRANCH(n)    (0xbf820000u | ((n)&0xffff))
#define S_BARRIER      0xbf8a0000u
#define S_SLEEP        0xbf8e0001u
#define S_TRAP_2       0xbf920002u
#define S_ICACHE_INV   0xbf930000u
#define S_MOVK_S0(n)   (0xb0000000u | (n))
#define S_ADDK_S0(n)   (0xb7000000u | (n))
#define S_MOV_S0_LIT   0xbe8000ffu
#define VOP1_UNDEFINED 0x7e01fe00u

#define PLACE(offset, ...)                                                                         \
    do {                                                                                           \
        const uint32_t words_[] = {__VA_ARGS__};                                                   \
        bench_place(bench, offset, words_, sizeof words_ / sizeof *words_);                        \
    } while (0)

static enum sg_wave_state run_at(uint64_t offset) {
    bench_reset(bench);
    bench->wave.pc = BENCH_CODE_VA + offset;
    return bench_run(bench);
}

static void code_goes_on_in_the_next_page(void **state) {
    (void)state;
    PLACE(PAGE - 8, S_MOVK_S0(1), S_ADDK_S0(2), S_ADDK_S0(4), S_ENDPGM);
    assert_int_equal(run_at(PAGE - 8), SG_WAVE_ENDED);
    assert_int_equal(bench->wave.s[0], 7);
}

/* They are passed over with the instruction above them, up to the page's end. */
static void what_has_no_effect_costs_nothing_else(void **state) {
    (void)state;
    PLACE(0, S_MOVK_S0(1), S_NOP, S_NOP, S_NOP, S_NOP, S_NOP, S_NOP, S_NOP, S_NOP, S_NOP, S_NOP,
          S_ADDK_S0(2), S_ENDPGM);
    assert_int_equal(run_at(0), SG_WAVE_ENDED);
    assert_int_equal(bench->wave.s[0], 3);
    assert_int_equal(run_at(8), SG_WAVE_ENDED); // from among them
    assert_int_equal(bench->wave.s[0], 2);
    PLACE(16, S_ADDK_S0(8)); // one of them becomes something else
    assert_int_equal(run_at(0), SG_WAVE_ENDED);
    assert_int_equal(bench->wave.s[0], 11);
    PLACE(PAGE - 12, S_MOVK_S0(1), S_NOP, S_NOP, S_NOP, S_NOP, S_ADDK_S0(4), S_ENDPGM);
    assert_int_equal(run_at(PAGE - 12), SG_WAVE_ENDED);
    assert_int_equal(bench->wave.s[0], 5);
    PLACE(PAGE - 4, S_BRANCH(0xfffe), S_ENDPGM); // back to a skipped one, again and again
    bench_reset(bench);
    bench->wave.pc = BENCH_CODE_VA + PAGE - 12;
    bench->wave.budget = 100;
    assert_int_equal(bench_run(bench), SG_WAVE_YIELDED);
    assert_int_equal(bench->wave.s[0], 1);
    assert_int_equal(bench->wave.pc, BENCH_CODE_VA + PAGE - 8);
}

static void a_literal_may_lie_in_the_next_page(void **state) {
    (void)state;
    PLACE(PAGE - 4, S_MOV_S0_LIT, 0x12345678, S_ADDK_S0(1), S_ENDPGM);
    assert_int_equal(run_at(PAGE - 4), SG_WAVE_ENDED);
    assert_int_equal(bench->wave.s[0], 0x12345679);
    /* ... and changes there are seen. */
    PLACE(PAGE, 0x1000);
    assert_int_equal(run_at(PAGE - 4), SG_WAVE_ENDED);
    assert_int_equal(bench->wave.s[0], 0x1001);
}

static void branches_cross_pages_both_ways(void **state) {
    (void)state;
    PLACE(0, S_MOVK_S0(1), S_BRANCH(PAGE / 4 - 2));
    PLACE(PAGE, S_ADDK_S0(2), S_BRANCH(-(PAGE / 4)));
    PLACE(PAGE / 4 * 0 + 8, S_ADDK_S0(8), S_ENDPGM);
    assert_int_equal(run_at(0), SG_WAVE_ENDED);
    assert_int_equal(bench->wave.s[0], 11);
}

static void an_undefined_word_stops_the_wave_with_its_name_and_place(void **state) {
    (void)state;
    PLACE(0, S_MOVK_S0(1), VOP1_UNDEFINED, S_MOVK_S0(2), S_ENDPGM);
    assert_int_equal(run_at(0), SG_WAVE_FAULTED);
    const struct sg_fault *fault = &bench->wave.fault;
    assert_int_equal(fault->cause, SG_FAULT_ILLEGAL_INSTRUCTION);
    assert_true(fault->pc == BENCH_CODE_VA + 4 && bench->wave.pc == fault->pc);
    assert_true(fault->entry == BENCH_CODE_VA);
    assert_int_equal(fault->dwords[0], VOP1_UNDEFINED);
    assert_string_equal(fault->encoding, "VOP1");
    assert_int_equal(fault->opcode, 0xff);
    assert_string_equal(fault->mnemonic, "");
    assert_int_equal(bench->wave.s[0], 1); // what stood before it was executed, nothing after
}

/* Every instruction is there; what the descriptors can ask for is not. */
static void an_image_that_this_gpu_lacks_is_named(void **state) {
    static const struct {
        uint32_t words[4]; ///< of the descriptor
        const char *name;
    } lacking[] = {
        {{0, 10u << 20, 0, 9u << 28 | 15u << 20}, "image_load sw_mode 15"},
        {{0, 63u << 20, 0, 9u << 28}, "image_load format 63"},
        {{0, 10u << 20, 0, 14u << 28}, "image_load type 14"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof lacking / sizeof *lacking; i++) {
        PLACE(0, S_NOP, 0xf0001f00, 0, S_ENDPGM);
        bench_reset(bench);
        bench->wave.pc = BENCH_CODE_VA;
        memcpy(bench->wave.s, lacking[i].words, sizeof lacking[i].words);
        assert_int_equal(bench_run(bench), SG_WAVE_FAULTED);
        assert_int_equal(bench->wave.fault.cause, SG_FAULT_UNIMPLEMENTED);
        assert_string_equal(bench->wave.fault.mnemonic, lacking[i].name);
        assert_true(bench->wave.fault.pc == BENCH_CODE_VA + 4);
    }
}

static void a_trap_carries_its_number(void **state) {
    (void)state;
    PLACE(0, S_TRAP_2, S_ENDPGM);
    assert_int_equal(run_at(0), SG_WAVE_FAULTED);
    assert_int_equal(bench->wave.fault.cause, SG_FAULT_TRAP);
    assert_int_equal(bench->wave.fault.code, 2);
}

static void code_that_is_not_mapped_is_a_memory_fault(void **state) {
    (void)state;
    assert_int_equal(run_at(1ull << 32), SG_WAVE_FAULTED);
    assert_int_equal(bench->wave.fault.cause, SG_FAULT_MEMORY_UNMAPPED);
    assert_true(bench->wave.fault.va == BENCH_CODE_VA + (1ull << 32));
    assert_int_equal(run_at(BENCH_DATA_VA - BENCH_CODE_VA), SG_WAVE_FAULTED); // not executable
    assert_int_equal(run_at(2), SG_WAVE_FAULTED);
    assert_int_equal(bench->wave.fault.cause, SG_FAULT_MEMORY_MISALIGNED);
}

static void a_spinning_wave_yields_and_goes_on(void **state) {
    (void)state;
    PLACE(0, S_MOVK_S0(0), S_ADDK_S0(1), S_NOP, S_BRANCH(-3), S_ENDPGM);
    bench_reset(bench);
    bench->wave.budget = 300;
    assert_int_equal(bench_run(bench), SG_WAVE_YIELDED);
    assert_int_equal(bench->wave.yield, SG_YIELD_BUDGET);
    uint32_t turns = bench->wave.s[0];
    assert_in_range(turns, 50, 300);
    assert_true(bench->wave.pc == BENCH_CODE_VA + 4);
    bench->wave.budget = 300;
    assert_int_equal(bench_run(bench), SG_WAVE_YIELDED);
    assert_int_equal(bench->wave.s[0], 2 * turns);
}

static void sleep_yields_and_a_barrier_waits(void **state) {
    (void)state;
    PLACE(0, S_SLEEP, S_BARRIER, S_ENDPGM);
    bench_reset(bench);
    bench->wave.workgroup_waves = 2;
    assert_int_equal(bench_run(bench), SG_WAVE_YIELDED);
    assert_int_equal(bench->wave.yield, SG_YIELD_SLEEP);
    assert_int_equal(bench_run(bench), SG_WAVE_BARRIER);
    assert_int_equal(bench_run(bench), SG_WAVE_ENDED);
    bench_reset(bench); // a wave that is alone does not wait
    assert_int_equal(bench_run(bench), SG_WAVE_YIELDED);
    assert_int_equal(bench_run(bench), SG_WAVE_ENDED);
}

static void without_allocation_only_decoded_code_runs(void **state) {
    (void)state;
    PLACE(0, S_MOVK_S0(1), S_BRANCH(1), S_NOP, S_ADDK_S0(1), S_ENDPGM);
    bench_reset(bench);
    assert_false(sg_isa_is_decoded(&bench->reader, BENCH_CODE_VA));
    sg_isa_run(&bench->reader, &bench->wave, true);
    assert_int_equal(bench->wave.state, SG_WAVE_YIELDED);
    assert_int_equal(bench->wave.yield, SG_YIELD_DECODE);
    assert_true(bench->wave.pc == BENCH_CODE_VA);
    assert_int_equal(bench_run(bench), SG_WAVE_ENDED);
    assert_true(sg_isa_is_decoded(&bench->reader, BENCH_CODE_VA + 12));
    bench_reset(bench);
    sg_isa_run(&bench->reader, &bench->wave, true);
    assert_int_equal(bench->wave.state, SG_WAVE_ENDED);
    assert_int_equal(bench->wave.s[0], 2);
}

static void changed_code_is_seen_after_invalidation_only(void **state) {
    (void)state;
    PLACE(0, S_MOVK_S0(1), S_ENDPGM);
    assert_int_equal(run_at(0), SG_WAVE_ENDED);
    uint32_t changed = S_MOVK_S0(2);
    memcpy(bench->code, &changed, sizeof changed);
    run_at(0);
    assert_int_equal(bench->wave.s[0], 1);
    sg_isa_invalidate(bench->isa, BENCH_CODE_VA, 4);
    run_at(0);
    assert_int_equal(bench->wave.s[0], 2);
    /* The wave itself may ask for it. */
    PLACE(0, S_MOVK_S0(1), S_ICACHE_INV, S_ADDK_S0(1), S_ENDPGM);
    run_at(0);
    changed = S_ADDK_S0(16);
    memcpy(bench->code + 8, &changed, sizeof changed);
    run_at(0);
    assert_int_equal(bench->wave.s[0], 17);
}

static _Atomic bool stop;

static void *invalidate(void *argument) {
    (void)argument;
    while (!atomic_load(&stop))
        sg_isa_invalidate(bench->isa, BENCH_CODE_VA, PAGE);
    return NULL;
}

static void invalidation_beside_running_waves_is_safe(void **state) {
    pthread_t thread;
    (void)state;
    PLACE(PAGE - 8, S_MOVK_S0(0), S_ADDK_S0(1), S_ADDK_S0(1), S_BRANCH(PAGE / 4 - 3));
    PLACE(2 * PAGE - 4, S_ADDK_S0(1), S_ADDK_S0(1), S_ENDPGM);
    atomic_store(&stop, false);
    assert_int_equal(pthread_create(&thread, NULL, invalidate, NULL), 0);
    for (uint32_t round = 0; round < 3000; round++) {
        bench->wave.s[0] = 0;
        bench->wave.pc = BENCH_CODE_VA + PAGE - 8;
        bench->wave.budget = 1000;
        assert_int_equal(bench_run(bench), SG_WAVE_ENDED);
        assert_int_equal(bench->wave.s[0], 4);
    }
    atomic_store(&stop, true);
    pthread_join(thread, NULL);
}

static void disassembly_never_overruns(void **state) {
    const uint32_t words[] = {S_MOV_S0_LIT, 0x12345678};
    char text[64];
    (void)state;
    assert_int_equal(sg_isa_disassemble(words, 2, 0, text, sizeof text), 2);
    assert_string_equal(text, "s_mov_b32 s0, 0x12345678");
    assert_int_equal(sg_isa_disassemble(words, 1, 0, text, sizeof text), 2); // cut off
    memset(text, 'x', sizeof text);
    sg_isa_disassemble(words, 2, 0, text, 6);
    assert_string_equal(text, "s_mov");
    assert_int_equal(text[6], 'x');
    const uint32_t undefined = VOP1_UNDEFINED;
    assert_int_equal(sg_isa_disassemble(&undefined, 1, 0, text, sizeof text), 0);
    assert_string_equal(text, "<undefined>");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(code_goes_on_in_the_next_page),
        cmocka_unit_test(what_has_no_effect_costs_nothing_else),
        cmocka_unit_test(a_literal_may_lie_in_the_next_page),
        cmocka_unit_test(branches_cross_pages_both_ways),
        cmocka_unit_test(an_undefined_word_stops_the_wave_with_its_name_and_place),
        cmocka_unit_test(an_image_that_this_gpu_lacks_is_named),
        cmocka_unit_test(a_trap_carries_its_number),
        cmocka_unit_test(code_that_is_not_mapped_is_a_memory_fault),
        cmocka_unit_test(a_spinning_wave_yields_and_goes_on),
        cmocka_unit_test(sleep_yields_and_a_barrier_waits),
        cmocka_unit_test(without_allocation_only_decoded_code_runs),
        cmocka_unit_test(changed_code_is_seen_after_invalidation_only),
        cmocka_unit_test(invalidation_beside_running_waves_is_safe),
        cmocka_unit_test(disassembly_never_overruns),
    };
    return cmocka_run_group_tests(tests, program_set_up, program_tear_down);
}
