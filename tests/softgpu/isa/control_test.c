/* SPDX-License-Identifier: MIT */
/// Instructions that change what follows: forks and joins, skipped and indexed vector instructions,
/// halts and kills, returns from exceptions. Expected values follow from the manual's definitions.
#include "assemble.h"
#include "program.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

enum { MAX_WORDS = 512 };

static void fill_row(uint32_t row, uint32_t value) {
    for (uint32_t lane = 0; lane < SG_LANES; lane++)
        bench->wave.v[row][lane] = value;
}

/* v1 counts the visits of each path; s20 and on record the order of arrival. */
#define PATHS                                                                                      \
    "fail:\n"                                                                                      \
    "v_add_u32_e32 v1, 1, v1\n"                                                                    \
    "s_lshl_b32 s20, s20, 4\n"                                                                     \
    "s_or_b32 s20, s20, 1\n"                                                                       \
    "s_branch join\n"                                                                              \
    "pass:\n"                                                                                      \
    "v_add_u32_e32 v1, 16, v1\n"                                                                   \
    "s_lshl_b32 s20, s20, 4\n"                                                                     \
    "s_or_b32 s20, s20, 2\n"                                                                       \
    "join:\n"                                                                                      \
    "s_cbranch_join s30\n"

static void check_fork(const char *text, uint64_t condition, uint32_t order) {
    bench_reset(bench);
    sg_wave_set_s64(&bench->wave, 22, condition);
    run_text(text);
    assert_int_equal(bench->wave.s[20], order);
    assert_true(sg_wave_exec(&bench->wave) == ~0ull || condition == 0 || condition == ~0ull);
    for (uint32_t lane = 0; lane < SG_LANES; lane++)
        assert_int_equal(bench->wave.v[1][lane], condition >> lane & 1 ? 16 : 1);
    assert_int_equal(bench->wave.mode >> SG_MODE_CSP_SHIFT, 0);
}

/* The second arrival at the join has the EXEC of its own path; the code after it restores all. */
static void forks_run_both_paths_the_smaller_first(void **state) {
    static const char i_fork[] = "s_cbranch_i_fork s[22:23], pass\n" PATHS "s_mov_b64 exec, -1\n";
    static const char g_fork[] =
        "s_getpc_b64 s[24:25]\n"
        "s_add_u32 s24, s24, pass-.\n"
        "s_addc_u32 s25, s25, 0\n"
        "s_cbranch_g_fork s[22:23], s[24:25]\n" PATHS "s_mov_b64 exec, -1\n";
    const char *const texts[] = {i_fork, g_fork};
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        check_fork(texts[i], 0x00000000ffff0000, 0x21);
        check_fork(texts[i], 0xffffffffffff0000, 0x12);
        check_fork(texts[i], 0x00000000ffffffff, 0x21);
        check_fork(texts[i], ~0ull, 0x2);
        check_fork(texts[i], 0, 0x1);
    }
}

static void skipped_vector_instructions_do_nothing(void **state) {
    (void)state;
    bench_reset(bench);
    bench->lds[0] = 7;
    sg_wave_set_s64(&bench->wave, 10, BENCH_DATA_VA);
    run_text("v_mov_b32_e32 v0, 1\n"
             "s_mov_b32 s0, 8\n"
             "s_setvskip s0, 3\n"
             "v_mov_b32_e32 v0, 2\n"
             "v_cmp_eq_u32_e64 s[4:5], 0, 0\n"
             "v_readfirstlane_b32 s6, v0\n"
             "ds_write_b32 v1, v0\n"
             "global_store_dword v1, v0, s[10:11]\n"
             "s_mov_b32 s1, 3\n"
             "loop:\n"
             "v_add_u32_e32 v0, 1, v0\n"
             "s_sub_u32 s1, s1, 1\n"
             "s_cmp_lg_u32 s1, 0\n"
             "s_cbranch_scc1 loop\n"
             "s_getreg_b32 s2, hwreg(HW_REG_MODE, 28, 1)\n"
             "s_setvskip s0, 32\n"
             "v_add_u32_e32 v0, 4, v0\n");
    assert_int_equal(bench->wave.v[0][5], 5);
    assert_int_equal(bench->wave.s[4], 0);
    assert_int_equal(bench->wave.s[6], 0);
    assert_int_equal(bench->wave.s[2], 1);
    assert_int_equal(bench->lds[0], 7);
    assert_int_equal(bench->data[0], 0);
    bench->lds[0] = 0;
}

/* Loops, calls, memory: what stands between on and off. Memory operands are not moved. */
static void indexed_code_may_branch_call_and_load(void **state) {
    (void)state;
    bench_reset(bench);
    for (uint32_t row = 0; row < 32; row++)
        fill_row(row, row == 1 ? 0 : 100 + row);
    memcpy(bench->data, "\x2a\0\0\0", 4);
    sg_wave_set_s64(&bench->wave, 10, BENCH_DATA_VA);
    run_text("s_mov_b32 s0, 4\n"
             "s_mov_b32 s1, 3\n"
             "s_set_gpr_idx_on s0, gpr_idx(SRC0)\n"
             "loop:\n"
             "v_mov_b32_e32 v28, v2\n"
             "v_readfirstlane_b32 s2, v2\n"
             "s_add_u32 s3, s3, s2\n"
             "s_add_u32 s0, s0, 1\n"
             "s_set_gpr_idx_idx s0\n"
             "s_sub_u32 s1, s1, 1\n"
             "s_cmp_lg_u32 s1, 0\n"
             "s_cbranch_scc1 loop\n"
             "s_call_b64 s[6:7], function\n"
             "s_set_gpr_idx_mode gpr_idx(DST)\n"
             "v_mov_b32_e32 v10, v2\n"
             "s_set_gpr_idx_off\n"
             "v_mov_b32_e32 v29, v2\n"
             "s_branch end\n"
             "function:\n"
             "global_load_dword v3, v1, s[10:11]\n"
             "s_setpc_b64 s[6:7]\n"
             "end:\n");
    assert_int_equal(bench->wave.s[3], 106 + 107 + 108);
    assert_int_equal(bench->wave.v[28][9], 108);
    assert_int_equal(bench->wave.v[3][63], 42);
    assert_int_equal(bench->wave.v[17][0], 102);
    assert_int_equal(bench->wave.v[29][0], 102);
    memset(bench->data, 0, 4);
}

static void indices_out_of_range_read_v0_and_write_nothing(void **state) {
    (void)state;
    bench_reset(bench);
    fill_row(0, 11);
    fill_row(200, 22);
    run_text("s_movk_i32 s0, 0xff\n"
             "s_set_gpr_idx_on s0, gpr_idx(SRC0,DST)\n"
             "v_mov_b32_e32 v200, v200\n"
             "s_set_gpr_idx_mode gpr_idx(SRC0)\n"
             "v_mov_b32_e32 v3, v200\n"
             "s_set_gpr_idx_off\n");
    assert_int_equal(bench->wave.v[200][0], 22);
    assert_int_equal(bench->wave.v[3][0], 11);
}

/* The mode outlives a wave's turns. */
static void indexing_and_skipping_survive_a_yield(void **state) {
    static const uint32_t end = 0xbf810000;
    uint32_t words[MAX_WORDS];
    (void)state;
    bench_reset(bench);
    fill_row(7, 77);
    size_t count = assemble("s_set_gpr_idx_on 5, gpr_idx(SRC0)\n"
                            "s_sleep 1\n"
                            "v_mov_b32_e32 v3, v2\n"
                            "s_setvskip -1, 0\n"
                            "s_sleep 1\n"
                            "v_mov_b32_e32 v3, 0\n",
                            words, MAX_WORDS);
    bench_place(bench, 0, words, count);
    bench_place(bench, count * 4, &end, 1);
    assert_int_equal(bench_run(bench), SG_WAVE_YIELDED);
    assert_int_equal(bench_run(bench), SG_WAVE_YIELDED);
    assert_int_equal(bench_run(bench), SG_WAVE_ENDED);
    assert_int_equal(bench->wave.v[3][0], 77);
}

static void count_interrupt(void *context, uint32_t event_id) {
    *(uint32_t *)context += event_id;
}

static void halted_waves_stay_and_give_way(void **state) {
    uint32_t words[MAX_WORDS], events = 0;
    (void)state;
    bench_reset(bench);
    bench->env.interrupt = count_interrupt;
    bench->env.interrupt_context = &events;
    bench->wave.s[SG_M0] = 5;
    size_t count = assemble("s_sethalt 0\ns_mov_b32 s0, 1\ns_sendmsghalt sendmsg(MSG_INTERRUPT)\n"
                            "s_mov_b32 s0, 2\ns_endpgm\n",
                            words, MAX_WORDS);
    bench_place(bench, 0, words, count);
    for (uint32_t turn = 0; turn < 3; turn++) {
        assert_int_equal(bench_run(bench), SG_WAVE_YIELDED);
        assert_int_equal(bench->wave.yield, SG_YIELD_SLEEP);
        assert_true(bench->wave.pc == BENCH_CODE_VA + 8);
    }
    assert_int_equal(bench->wave.s[0], 1);
    assert_int_equal(events, 5); // the message is sent once
    bench_reset(bench);
    count = assemble("s_sethalt 1\ns_endpgm\n", words, MAX_WORDS);
    bench_place(bench, 0, words, count);
    assert_int_equal(bench_run(bench), SG_WAVE_YIELDED);
    assert_int_equal(bench->wave.status >> 13 & 1, 1);
}

static void a_kill_ends_the_wave(void **state) {
    (void)state;
    bench_reset(bench);
    run_text("s_setkill 0\ns_mov_b32 s0, 1\ns_setkill 1\ns_mov_b32 s0, 2\n");
    assert_int_equal(bench->wave.s[0], 1);
}

static void returns_from_exceptions_are_jumps(void **state) {
    (void)state;
    bench_reset(bench);
    run_text("s_getpc_b64 s[4:5]\n"
             "s_add_u32 s4, s4, 16\n"
             "s_addc_u32 s5, s5, 0\n"
             "s_rfe_b64 s[4:5]\n"
             "s_mov_b32 s0, 1\n" // skipped: 16 bytes behind s_getpc_b64's end
             "s_getpc_b64 s[4:5]\n"
             "s_add_u32 s4, s4, 16\n"
             "s_addc_u32 s5, s5, 0\n"
             "s_rfe_restore_b64 s[4:5], 0\n"
             "s_mov_b32 s1, 1\n"
             "s_mov_b32 s2, 1\n");
    assert_int_equal(bench->wave.s[0], 0);
    assert_int_equal(bench->wave.s[1], 0);
    assert_int_equal(bench->wave.s[2], 1);
}

/* 64 dwords of LDS at M0 + 16 go to the buffer at 16; lanes out of the buffer's range nowhere. */
static void lds_is_stored_without_registers(void **state) {
    uint32_t *lds = (uint32_t *)bench->lds, *data = (uint32_t *)bench->data;
    (void)state;
    bench_reset(bench);
    for (uint32_t i = 0; i < 256; i++)
        lds[i] = 1000 + i;
    memset(data, 0, 1024);
    sg_wave_set_s64(&bench->wave, 4, BENCH_DATA_VA);
    bench->wave.s[6] = 200;
    bench->wave.s[7] = 1u << 23; // ADD_TID
    bench->wave.s[5] |= 4u << 16;
    sg_wave_set_exec(&bench->wave, 0xfffffffffffffff0);
    run_text("s_movk_i32 m0, 0x20\nbuffer_store_lds_dword s[4:7], 0 offset:16 lds\n");
    for (uint32_t i = 0; i < 100; i++) {
        bool is_stored = i >= 8 && i < 50;
        assert_int_equal(data[i], is_stored ? 1000 + (0x20 + 16) / 4 + i - 4 : 0);
    }
    memset(data, 0, 1024);
    memset(lds, 0, 1024);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(forks_run_both_paths_the_smaller_first),
        cmocka_unit_test(skipped_vector_instructions_do_nothing),
        cmocka_unit_test(indexed_code_may_branch_call_and_load),
        cmocka_unit_test(indices_out_of_range_read_v0_and_write_nothing),
        cmocka_unit_test(indexing_and_skipping_survive_a_yield),
        cmocka_unit_test(halted_waves_stay_and_give_way),
        cmocka_unit_test(a_kill_ends_the_wave),
        cmocka_unit_test(returns_from_exceptions_are_jumps),
        cmocka_unit_test(lds_is_stored_without_registers),
    };
    return cmocka_run_group_tests(tests, program_set_up, program_tear_down);
}
