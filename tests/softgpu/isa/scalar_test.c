/* SPDX-License-Identifier: MIT */
/// Scalar instructions: values and SCC against the manual's definitions; control flow and hardware
/// registers as programs.
#include "assemble.h"
#include "program.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

enum { UNCHANGED = 2 };

struct row {
    const char *text; ///< s[0:1] = f(s[2:3], s[4:5]); s[0:1] holds `old` before
    uint64_t a, b, old;
    uint64_t out;
    uint32_t scc; ///< after; UNCHANGED: as it was, tried with both values
};

static const struct row rows[] = {
    {"s_add_u32 s0, s2, s4", 0xffffffff, 1, 0, 0, 1},
    {"s_sub_u32 s0, s2, s4", 1, 2, 0, 0xffffffff, 1},
    {"s_add_i32 s0, s2, s4", 0x7fffffff, 1, 0, 0x80000000, 1},
    {"s_sub_i32 s0, s2, s4", 0x80000000, 1, 0, 0x7fffffff, 1},
    {"s_add_i32 s0, s2, s4", 0xffffffff, 1, 0, 0, 0},
    {"s_min_i32 s0, s2, s4", 0xffffffff, 1, 0, 0xffffffff, 1},
    {"s_max_u32 s0, s2, s4", 0xffffffff, 1, 0, 0xffffffff, 1},
    {"s_min_u32 s0, s2, s4", 5, 5, 0, 5, 0},
    {"s_and_b64 s[0:1], s[2:3], s[4:5]", 0xf0f0f0f000000000, 0x0f0f0f0f00000000, 1, 0, 0},
    {"s_orn2_b64 s[0:1], s[2:3], s[4:5]", 1, ~0ull, 0, 1, 1},
    {"s_nand_b32 s0, s2, s4", 0xffffffff, 0xffffffff, 0, 0, 0},
    {"s_xnor_b64 s[0:1], s[2:3], s[4:5]", 5, 5, 0, ~0ull, 1},
    {"s_lshl_b32 s0, s2, s4", 0x80000001, 33, 0, 2, 1},
    {"s_lshl_b64 s[0:1], s[2:3], s4", 1, 63, 0, 0x8000000000000000, 1},
    {"s_lshr_b64 s[0:1], s[2:3], s4", 1, 64, 0, 1, 1},
    {"s_ashr_i32 s0, s2, s4", 0x80000000, 31, 0, 0xffffffff, 1},
    {"s_ashr_i64 s[0:1], s[2:3], s4", 0x8000000000000000, 63, 0, ~0ull, 1},
    {"s_bfm_b32 s0, s2, s4", 4, 8, 0, 0xf00, UNCHANGED},
    {"s_bfm_b64 s[0:1], s2, s4", 33, 30, 0, 0x7fffffffc0000000, UNCHANGED},
    {"s_mul_i32 s0, s2, s4", 0x10001, 0x10001, 0, 0x20001, UNCHANGED},
    {"s_mul_hi_i32 s0, s2, s4", 0xffffffff, 2, 0, 0xffffffff, UNCHANGED},
    {"s_mul_hi_u32 s0, s2, s4", 0xffffffff, 2, 0, 1, UNCHANGED},
    {"s_bfe_u32 s0, s2, s4", 0x87654321, 8 << 16 | 4, 0, 0x32, 1},
    {"s_bfe_i32 s0, s2, s4", 0x87654321, 4 << 16 | 28, 0, 0xfffffff8, 1},
    {"s_bfe_i32 s0, s2, s4", 0x87654321, 0 << 16 | 28, 0, 0, 0},
    {"s_bfe_u32 s0, s2, s4", 0x87654321, 40 << 16 | 16, 0, 0x8765, 1},
    {"s_bfe_u64 s[0:1], s[2:3], s4", 0x8765432100000000, 16 << 16 | 40, 0, 0x6543, 1},
    {"s_bfe_i64 s[0:1], s[2:3], s4", 0x8000000000000000, 1 << 16 | 63, 0, ~0ull, 1},
    {"s_absdiff_i32 s0, s2, s4", 3, 5, 0, 2, 1},
    {"s_lshl4_add_u32 s0, s2, s4", 0x10000000, 1, 0, 1, 1},
    {"s_pack_ll_b32_b16 s0, s2, s4", 0x11112222, 0x33334444, 0, 0x44442222, UNCHANGED},
    {"s_pack_lh_b32_b16 s0, s2, s4", 0x11112222, 0x33334444, 0, 0x33332222, UNCHANGED},
    {"s_pack_hh_b32_b16 s0, s2, s4", 0x11112222, 0x33334444, 0, 0x33331111, UNCHANGED},
    {"s_mov_b64 s[0:1], s[2:3]", 0x123456789abcdef0, 0, 0, 0x123456789abcdef0, UNCHANGED},
    {"s_mov_b64 s[0:1], 0x80000000", 0, 0, 0, 0x80000000, UNCHANGED},
    {"s_mov_b64 s[0:1], -5", 0, 0, 0, (uint64_t)-5, UNCHANGED},
    {"s_mov_b64 s[0:1], 1.0", 0, 0, 0, 0x3ff0000000000000, UNCHANGED},
    {"s_mov_b32 s0, 1.0", 0, 0, 0, 0x3f800000, UNCHANGED},
    {"s_not_b32 s0, s2", 0xffffffff, 0, 0, 0, 0},
    {"s_wqm_b64 s[0:1], s[2:3]", 0x8000000000000102, 0, 0, 0xf000000000000f0f, 1},
    {"s_quadmask_b64 s[0:1], s[2:3]", 0x8000000000000102, 0, 0, 0x8005, 1},
    {"s_brev_b64 s[0:1], s[2:3]", 3, 0, 0, 0xc000000000000000, UNCHANGED},
    {"s_bcnt0_i32_b64 s0, s[2:3]", 3, 0, 0, 62, 1},
    {"s_bcnt1_i32_b32 s0, s2", 0, 0, 9, 0, 0},
    {"s_ff0_i32_b32 s0, s2", 0x0000ffff, 0, 0, 16, UNCHANGED},
    {"s_ff1_i32_b64 s0, s[2:3]", 0, 0, 0, 0xffffffff, UNCHANGED},
    {"s_flbit_i32_b32 s0, s2", 1, 0, 0, 31, UNCHANGED},
    {"s_flbit_i32 s0, s2", 0xffffffff, 0, 0, 0xffffffff, UNCHANGED},
    {"s_flbit_i32_i64 s0, s[2:3]", 0xfff0000000000000, 0, 0, 12, UNCHANGED},
    {"s_sext_i32_i8 s0, s2", 0x80, 0, 0, 0xffffff80, UNCHANGED},
    {"s_bitset0_b32 s0, s2", 33, 0, 7, 5, UNCHANGED},
    {"s_bitset1_b64 s[0:1], s2", 63, 0, 1, 0x8000000000000001, UNCHANGED},
    {"s_abs_i32 s0, s2", 0x80000000, 0, 0, 0x80000000, 1},
    {"s_bitreplicate_b64_b32 s[0:1], s2", 0x80000005, 0, 0, 0xc000000000000033, UNCHANGED},
    {"s_movk_i32 s0, 0x8000", 0, 0, 0, 0xffff8000, UNCHANGED},
    {"s_addk_i32 s0, 0xffff", 0, 0, 0x80000000, 0x7fffffff, 1},
    {"s_mulk_i32 s0, 0xfffe", 0, 0, 3, 0xfffffffa, UNCHANGED},
    {"s_cmpk_eq_i32 s0, 0xffff", 0, 0, 0xffffffff, 0xffffffff, 1},
    {"s_cmpk_eq_u32 s0, 0xffff", 0, 0, 0xffffffff, 0xffffffff, 0},
    {"s_cmp_lt_i32 s2, s4", 0xffffffff, 0, 0, 0, 1},
    {"s_cmp_lt_u32 s2, s4", 0xffffffff, 0, 0, 0, 0},
    {"s_cmp_lg_u64 s[2:3], s[4:5]", 1ull << 40, 0, 0, 0, 1},
    {"s_bitcmp1_b64 s[2:3], s4", 1ull << 40, 40, 0, 0, 1},
    {"s_bitcmp0_b32 s2, s4", 1, 32, 0, 0, 0},
};

static void run_row(const struct row *row, const uint32_t *words, size_t count, uint32_t scc) {
    bench_reset(bench);
    sg_wave_set_s64(&bench->wave, 0, row->old);
    sg_wave_set_s64(&bench->wave, 2, row->a);
    sg_wave_set_s64(&bench->wave, 4, row->b);
    bench->wave.s[SG_SCC] = scc;
    bench_execute(bench, words, count);
    uint64_t out = sg_wave_s64(&bench->wave, 0);
    uint32_t expected_scc = row->scc == UNCHANGED ? scc : row->scc;
    if (out != row->out || bench->wave.s[SG_SCC] != expected_scc)
        fail_msg("%s: %llx, SCC %u; not %llx, %u", row->text, (unsigned long long)out,
                 bench->wave.s[SG_SCC], (unsigned long long)row->out, expected_scc);
}

static void values_and_scc_are_the_manuals(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        uint32_t words[8];
        size_t count = assemble(rows[i].text, words, 8);
        run_row(&rows[i], words, count, 0);
        run_row(&rows[i], words, count, 1);
    }
}

static void carries_and_selects_read_scc(void **state) {
    (void)state;
    bench_reset(bench);
    run_text("s_mov_b32 s2, -1\n"
             "s_add_u32 s0, s2, 1\n"
             "s_addc_u32 s1, s2, 0\n"
             "s_addc_u32 s3, s2, 0\n"
             "s_subb_u32 s4, 0, 0\n"
             "s_cselect_b32 s5, 7, 9\n"
             "s_cmov_b32 s6, 3\n"
             "s_cmp_eq_u32 0, 1\n"
             "s_cmov_b32 s6, 4\n"
             "s_cselect_b64 s[8:9], s[2:3], -1\n"
             "s_mov_b32 s10, src_scc\n");
    assert_int_equal(bench->wave.s[0], 0);
    assert_int_equal(bench->wave.s[1], 0);
    assert_int_equal(bench->wave.s[3], 0);
    assert_int_equal(bench->wave.s[4], 0xffffffff);
    assert_int_equal(bench->wave.s[5], 7);
    assert_int_equal(bench->wave.s[6], 3);
    assert_true(sg_wave_s64(&bench->wave, 8) == ~0ull);
    assert_int_equal(bench->wave.s[10], 0);
}

static void exec_is_saved_and_masked(void **state) {
    (void)state;
    bench_reset(bench);
    sg_wave_set_s64(&bench->wave, 4, 0xff00);
    run_text("s_and_saveexec_b64 s[0:1], s[4:5]\n"
             "v_mov_b32_e32 v0, 1\n"
             "s_xor_b64 exec, exec, s[0:1]\n"
             "v_mov_b32_e32 v0, 2\n"
             "s_mov_b64 s[2:3], exec\n"
             "s_andn1_wrexec_b64 s[6:7], s[2:3]\n"
             "s_cselect_b32 s8, 1, 0\n"
             "s_mov_b32 s9, src_execz\n"
             "s_mov_b32 vcc_lo, 0\n"
             "s_mov_b32 vcc_hi, 0\n"
             "s_mov_b32 s10, src_vccz\n");
    assert_true(sg_wave_s64(&bench->wave, 0) == ~0ull);
    assert_true(sg_wave_s64(&bench->wave, 2) == ~0xff00ull);
    assert_int_equal(bench->wave.v[0][8], 1);
    assert_int_equal(bench->wave.v[0][7], 2);
    assert_true(sg_wave_exec(&bench->wave) == 0);
    assert_int_equal(bench->wave.s[8], 0);
    assert_int_equal(bench->wave.s[9], 1);
    assert_int_equal(bench->wave.s[10], 1);
}

static void loops_calls_and_jumps_go_where_they_should(void **state) {
    (void)state;
    bench_reset(bench);
    run_text("s_mov_b32 s0, 0\n"
             "s_mov_b32 s1, 10\n"
             "loop:\n"
             "s_add_u32 s0, s0, s1\n"
             "s_sub_u32 s1, s1, 1\n"
             "s_cmp_lg_u32 s1, 0\n"
             "s_cbranch_scc1 loop\n"
             "s_getpc_b64 s[4:5]\n"
             "s_add_u32 s4, s4, function - .\n"
             "s_addc_u32 s5, s5, 0\n"
             "s_swappc_b64 s[6:7], s[4:5]\n"
             "s_call_b64 s[6:7], function\n"
             "s_branch end\n"
             "function:\n"
             "s_add_u32 s2, s2, 100\n"
             "s_setpc_b64 s[6:7]\n"
             "end:\n"
             "s_cbranch_execz wrong\n"
             "s_cbranch_vccnz wrong\n"
             "s_mov_b32 s3, 1\n"
             "wrong:\n");
    assert_int_equal(bench->wave.s[0], 55);
    assert_int_equal(bench->wave.s[2], 200);
    assert_int_equal(bench->wave.s[3], 1);
}

static void relative_registers_move_by_m0(void **state) {
    (void)state;
    bench_reset(bench);
    bench->wave.s[12] = 0x12;
    bench->wave.s[13] = 0x13;
    run_text("s_mov_b32 m0, 10\n"
             "s_movrels_b32 s0, s2\n"
             "s_movrels_b64 s[4:5], s[2:3]\n"
             "s_movreld_b32 s6, 77\n");
    assert_int_equal(bench->wave.s[0], 0x12);
    assert_int_equal(bench->wave.s[5], 0x13);
    assert_int_equal(bench->wave.s[16], 77);
}

static void hardware_registers_are_fields(void **state) {
    (void)state;
    bench_reset(bench);
    bench->wave.hw_id = 0x12345678;
    bench->env.shared_aperture_hi = 0xabcd0000;
    bench->env.private_aperture_hi = 0x12340000;
    run_text("s_getreg_b32 s0, hwreg(HW_REG_SH_MEM_BASES, 16, 16)\n"
             "s_getreg_b32 s1, hwreg(HW_REG_SH_MEM_BASES, 0, 16)\n"
             "s_getreg_b32 s2, hwreg(HW_REG_HW_ID, 8, 8)\n"
             "s_getreg_b32 s3, hwreg(HW_REG_MODE)\n"
             "s_mov_b32 s5, 3\n"
             "s_setreg_b32 hwreg(HW_REG_MODE, 2, 2), s5\n"
             "s_setreg_imm32_b32 hwreg(HW_REG_TRAPSTS, 4, 4), 0xfa\n"
             "s_getreg_b32 s4, hwreg(HW_REG_MODE)\n"
             "s_getreg_b32 s6, hwreg(HW_REG_TRAPSTS)\n"
             "s_mov_b64 s[8:9], src_shared_base\n"
             "s_mov_b64 s[10:11], src_private_limit\n");
    assert_int_equal(bench->wave.s[0], 0xabcd);
    assert_int_equal(bench->wave.s[1], 0x1234);
    assert_int_equal(bench->wave.s[2], 0x56);
    assert_int_equal(bench->wave.s[3], SG_MODE_DEFAULT);
    assert_int_equal(bench->wave.s[4], SG_MODE_DEFAULT | 0xc);
    assert_int_equal(bench->wave.s[6], 0xa0);
    assert_true(sg_wave_s64(&bench->wave, 8) == 0xabcd000000000000);
    assert_true(sg_wave_s64(&bench->wave, 10) == 0x12340000ffffffff);
}

static void take_interrupt(void *context, uint32_t event_id) {
    *(uint32_t *)context = event_id;
}

static void messages_reach_the_device(void **state) {
    uint32_t event = 0;
    (void)state;
    bench_reset(bench);
    bench->env.interrupt = take_interrupt;
    bench->env.interrupt_context = &event;
    run_text("s_movk_i32 m0, 0x123\n"
             "s_sendmsg sendmsg(MSG_INTERRUPT)\n"
             "s_sendmsg sendmsg(MSG_GET_DOORBELL)\n"
             "s_mov_b32 s0, exec_lo\n");
    assert_int_equal(event, 0x123);
    assert_int_equal(bench->wave.s[0], 0x155);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_and_scc_are_the_manuals),
        cmocka_unit_test(carries_and_selects_read_scc),
        cmocka_unit_test(exec_is_saved_and_masked),
        cmocka_unit_test(loops_calls_and_jumps_go_where_they_should),
        cmocka_unit_test(relative_registers_move_by_m0),
        cmocka_unit_test(hardware_registers_are_fields),
        cmocka_unit_test(messages_reach_the_device),
    };
    return cmocka_run_group_tests(tests, program_set_up, program_tear_down);
}
