/* SPDX-License-Identifier: MIT */
/// Vector arithmetic against host arithmetic and against values that the instruction set's manual
/// implies: EXEC, modifiers, and the corners of each instruction.
#include "assemble.h"
#include "program.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { OLD = 0x0badcafe };

static float as_float(uint32_t bits) {
    float f;
    memcpy(&f, &bits, sizeof f);
    return f;
}

static uint32_t bits_of(float f) {
    uint32_t bits;
    memcpy(&bits, &f, sizeof bits);
    return bits;
}

static void put(uint32_t row, uint32_t value) {
    for (uint32_t lane = 0; lane < SG_LANES; lane++)
        bench->wave.v[row][lane] = value;
}

static uint64_t pair(uint32_t row, uint32_t lane) {
    return bench->wave.v[row][lane] | (uint64_t)bench->wave.v[row + 1][lane] << 32;
}

static void put_pair(uint32_t row, uint32_t lane, uint64_t value) {
    bench->wave.v[row][lane] = (uint32_t)value;
    bench->wave.v[row + 1][lane] = (uint32_t)(value >> 32);
}

/* ---- whole rows against host expressions, under three EXEC masks ---- */

struct binary {
    const char *text; ///< v2 = f(v0, v1)
    uint32_t (*expected)(uint32_t a, uint32_t b);
};

#define BINARY(name, expression)                                                                   \
    static uint32_t name(uint32_t a, uint32_t b) {                                                 \
        (void)a, (void)b;                                                                          \
        return expression;                                                                         \
    }
BINARY(add_u32, a + b)
BINARY(sub_u32, a - b)
BINARY(subrev_u32, b - a)
BINARY(and_b32, a &b)
BINARY(xnor_b32, ~(a ^ b))
BINARY(lshl, b << (a & 31))
BINARY(lshr, b >> (a & 31))
BINARY(ashr, (uint32_t)((int32_t)b >> (a & 31)))
BINARY(max_i32, (int32_t)a > (int32_t)b ? a : b)
BINARY(min_u32, a < b ? a : b)
BINARY(mul_lo, a *b)
BINARY(mul_hi, (uint32_t)((uint64_t)a *b >> 32))
BINARY(mul_hi_i, (uint32_t)((int64_t)(int32_t)a *(int32_t)b >> 32))
BINARY(mul_u24, (a & 0xffffff) * (b & 0xffffff))
BINARY(add_u16, (a + b) & 0xffff)
BINARY(mul_u16, (a * b) & 0xffff)
BINARY(ashr16, (uint32_t)((int16_t)b >> (a & 15)) & 0xffff)
BINARY(add_clamped, a + b < a ? ~0u : a + b)
BINARY(sub_clamped, a < b ? 0 : a - b)
BINARY(add_f32, bits_of(as_float(a) + as_float(b)))
BINARY(mul_f32, bits_of(as_float(a) * as_float(b)))
BINARY(sub_neg_abs, bits_of(-as_float(a) - fabsf(as_float(b))))
BINARY(fma_self, bits_of(fmaf(as_float(a), as_float(b), as_float(a))))
BINARY(bytes, ((a >> 8 & 255) + (b >> 16)) & 0xffff)

static const struct binary binaries[] = {
    {"v_add_u32_e32 v2, v0, v1", add_u32},
    {"v_sub_u32_e64 v2, v0, v1", sub_u32},
    {"v_subrev_u32_e32 v2, v0, v1", subrev_u32},
    {"v_and_b32_e32 v2, v0, v1", and_b32},
    {"v_xnor_b32_e32 v2, v0, v1", xnor_b32},
    {"v_lshlrev_b32_e32 v2, v0, v1", lshl},
    {"v_lshrrev_b32_e64 v2, v0, v1", lshr},
    {"v_ashrrev_i32_e32 v2, v0, v1", ashr},
    {"v_max_i32_e32 v2, v0, v1", max_i32},
    {"v_min_u32_e32 v2, v0, v1", min_u32},
    {"v_mul_lo_u32 v2, v0, v1", mul_lo},
    {"v_mul_hi_u32 v2, v0, v1", mul_hi},
    {"v_mul_hi_i32 v2, v0, v1", mul_hi_i},
    {"v_mul_u32_u24_e32 v2, v0, v1", mul_u24},
    {"v_add_u16_e32 v2, v0, v1", add_u16},
    {"v_mul_lo_u16_e32 v2, v0, v1", mul_u16},
    {"v_ashrrev_i16_e32 v2, v0, v1", ashr16},
    {"v_add_u32_e64 v2, v0, v1 clamp", add_clamped},
    {"v_sub_u32_e64 v2, v0, v1 clamp", sub_clamped},
    {"v_add_f32_e32 v2, v0, v1", add_f32},
    {"v_mul_f32_e32 v2, v0, v1", mul_f32},
    {"v_sub_f32_e64 v2, -v0, |v1|", sub_neg_abs},
    {"v_fma_f32 v2, v0, v1, v0", fma_self},
    {"v_add_u32_sdwa v2, v0, v1 dst_sel:WORD_0 dst_unused:UNUSED_PAD src0_sel:BYTE_1 "
     "src1_sel:WORD_1",
     bytes},
};

static const uint32_t operands[8] = {0,          1,          0x80000000, 0x3f800000,
                                     0xbfc00000, 0x7fffffff, 0x12345678, 0xffff8001};

static bool same_bits(uint32_t a, uint32_t b) {
    return a == b || (isnan(as_float(a)) && isnan(as_float(b)));
}

static void check_binary(const struct binary *row, const uint32_t *words, size_t count,
                         uint64_t exec) {
    bench_reset(bench);
    for (uint32_t lane = 0; lane < SG_LANES; lane++) {
        bench->wave.v[0][lane] = operands[lane / 8];
        bench->wave.v[1][lane] = operands[lane % 8];
        bench->wave.v[2][lane] = OLD;
    }
    sg_wave_set_exec(&bench->wave, exec);
    bench_execute(bench, words, count);
    for (uint32_t lane = 0; lane < SG_LANES; lane++) {
        uint32_t expected =
            exec >> lane & 1 ? row->expected(operands[lane / 8], operands[lane % 8]) : OLD;
        if (!same_bits(bench->wave.v[2][lane], expected))
            fail_msg("%s lane %u: %08x of %08x %08x, not %08x", row->text, lane,
                     bench->wave.v[2][lane], operands[lane / 8], operands[lane % 8], expected);
    }
}

static void rows_do_what_the_host_does_in_active_lanes_only(void **state) {
    static const uint64_t masks[] = {~0ull, 0, 0x8000000000000001, 0x00ff00ff5555aaaa};
    (void)state;
    enum { COUNT = sizeof binaries / sizeof *binaries };
    const char *texts[COUNT];
    uint32_t words[4 * COUNT];
    size_t first[COUNT + 1];
    for (size_t i = 0; i < COUNT; i++)
        texts[i] = binaries[i].text;
    assemble_all(texts, COUNT, words, 4 * COUNT, first);
    for (size_t i = 0; i < COUNT; i++)
        for (size_t k = 0; k < sizeof masks / sizeof *masks; k++)
            check_binary(&binaries[i], &words[first[i]], first[i + 1] - first[i], masks[k]);
}

/* ---- corners ---- */

struct corner {
    const char *text; ///< v3 of v0, v1, v2
    uint32_t in[3];
    uint32_t out;
};

static const struct corner corners[] = {
    /* float to integer: truncation, saturation, NaN is 0 */
    {"v_cvt_i32_f32_e32 v3, v0", {0xbfffffff}, 0xffffffff},
    {"v_cvt_i32_f32_e32 v3, v0", {0x4f000000}, 0x7fffffff},
    {"v_cvt_i32_f32_e32 v3, v0", {0xff800000}, 0x80000000},
    {"v_cvt_i32_f32_e32 v3, v0", {0x7fc00000}, 0},
    {"v_cvt_u32_f32_e32 v3, v0", {0xbf800000}, 0},
    {"v_cvt_u32_f32_e32 v3, v0", {0x4f7fffff}, 0xffffff00},
    {"v_cvt_u32_f32_e32 v3, v0", {0x4f800000}, 0xffffffff},
    {"v_cvt_u32_f32_e32 v3, v0", {0x7fc00000}, 0},
    {"v_cvt_f32_u32_e32 v3, v0", {0xffffffff}, 0x4f800000},
    {"v_cvt_f32_u32_e32 v3, v0", {0x80000080}, 0x4f000000},
    {"v_cvt_rpi_i32_f32_e32 v3, v0", {0xbf000000}, 0},
    {"v_cvt_flr_i32_f32_e32 v3, v0", {0xbf000000}, 0xffffffff},
    {"v_cvt_f32_ubyte2_e32 v3, v0", {0x00ff0000}, 0x437f0000},
    {"v_cvt_off_f32_i4_e32 v3, v0", {0x8}, 0xbf000000},
    {"v_cvt_u16_f16_e32 v3, v0", {0xbc00}, 0},
    {"v_cvt_i16_f16_e32 v3, v0", {0x7c00}, 0x7fff},
    {"v_cvt_pk_i16_i32 v3, v0, v1", {0x12345, 0xffff0000}, 0x80007fff},
    {"v_cvt_pk_u16_u32 v3, v0, v1", {0x12345, 7}, 0x0007ffff},
    {"v_cvt_pk_u8_f32 v3, v0, v1, v2", {0x43960000, 2, 0x11223344}, 0x11ff3344},
    /* halves: rounding to even, denormals, overflow, round toward zero */
    {"v_cvt_f16_f32_e32 v3, v0", {0x3f801000}, 0x3c00},
    {"v_cvt_f16_f32_e32 v3, v0", {0x3f803000}, 0x3c02},
    {"v_cvt_f16_f32_e32 v3, v0", {0x477fefff}, 0x7bff},
    {"v_cvt_f16_f32_e32 v3, v0", {0x477ff000}, 0x7c00},
    {"v_cvt_f16_f32_e32 v3, v0", {0x33000000}, 0},
    {"v_cvt_f16_f32_e32 v3, v0", {0x33000001}, 1},
    {"v_cvt_f16_f32_e32 v3, v0", {0xb8000000}, 0x8200},
    {"v_cvt_f32_f16_e32 v3, v0", {0x8001}, 0xb3800000},
    {"v_cvt_f32_f16_e32 v3, v0", {0x7d00}, 0x7fe00000},
    {"v_cvt_pkrtz_f16_f32 v3, v0, v1", {0x3f803fff, 0xc77fffff}, 0xfbff3c01},
    {"v_add_f16_e32 v3, v0, v1", {0x00013c00, 0x00021000}, 0x3c00},
    {"v_fma_f16 v3, v0, v1, v2", {0x3c01, 0x3c01, 0xbc02}, 0x0bad0010},
    {"v_mad_f16 v3, v0, v1, v2", {0x3c01, 0x3c01, 0xbc02}, 0x0bad0000},
    /* minimum and maximum: signed zeros, NaNs */
    {"v_min_f32_e32 v3, v0, v1", {0, 0x80000000}, 0x80000000},
    {"v_max_f32_e32 v3, v0, v1", {0x80000000, 0}, 0},
    {"v_min_f32_e32 v3, v0, v1", {0x7fc00000, 0x40000000}, 0x40000000},
    {"v_max_f32_e32 v3, v0, v1", {0x40000000, 0x7f800001}, 0x7fc00001},
    {"v_med3_f32 v3, v0, v1, v2", {0x40400000, 0x3f800000, 0x40000000}, 0x40000000},
    {"v_med3_f32 v3, v0, v1, v2", {0x7fc00000, 0x3f800000, 0x40000000}, 0x3f800000},
    {"v_med3_i32 v3, v0, v1, v2", {5, 0xffffffff, 3}, 3},
    /* exponents */
    {"v_ldexp_f32 v3, v0, v1", {0x3f800000, 0xffffff6b}, 0x00000001},
    {"v_ldexp_f32 v3, v0, v1", {0x3f800001, 0xffffff6b}, 0x00000001},
    {"v_ldexp_f32 v3, v0, v1", {0x00000001, 0x114}, 0x7f000000},
    {"v_ldexp_f32 v3, v0, v1", {0xbf800000, 0x7fffffff}, 0xff800000},
    {"v_frexp_exp_i32_f32_e32 v3, v0", {0x00000001}, (uint32_t)-148},
    {"v_frexp_exp_i32_f32_e32 v3, v0", {0x7f800000}, 0},
    {"v_frexp_mant_f32_e32 v3, v0", {0x80000001}, 0xbf000000},
    {"v_frexp_mant_f32_e32 v3, v0", {0x40400000}, 0x3f400000},
    {"v_fract_f32_e32 v3, v0", {0xbe800000}, 0x3f400000},
    {"v_fract_f32_e32 v3, v0", {0x80000001}, 0x3f7fffff},
    {"v_rndne_f32_e32 v3, v0", {0x40200000}, 0x40000000},
    {"v_rndne_f32_e32 v3, v0", {0xbe800000}, 0x80000000},
    {"v_rndne_f32_e32 v3, v0", {0x4b000001}, 0x4b000001},
    {"v_trunc_f32_e32 v3, v0", {0xbf7fffff}, 0x80000000},
    /* transcendental identities, exactly */
    {"v_exp_f32_e32 v3, v0", {0x40400000}, 0x41000000},
    {"v_exp_f32_e32 v3, v0", {0xff800000}, 0},
    {"v_log_f32_e32 v3, v0", {0x41000000}, 0x40400000},
    {"v_log_f32_e32 v3, v0", {0}, 0xff800000},
    {"v_rcp_f32_e32 v3, v0", {0x80000000}, 0xff800000},
    {"v_rsq_f32_e32 v3, v0", {0x40800000}, 0x3f000000},
    {"v_sqrt_f32_e32 v3, v0", {0x40000000}, 0x3fb504f3},
    {"v_sin_f32_e32 v3, v0", {0x3e800000}, 0x3f800000},
    {"v_sin_f32_e32 v3, v0", {0x80000000}, 0x80000000},
    {"v_cos_f32_e32 v3, v0", {0x3f000000}, 0xbf800000},
    /* bits */
    {"v_bfe_u32 v3, v0, v1, v2", {0x87654321, 36, 40}, 0x32},
    {"v_bfe_i32 v3, v0, v1, v2", {0x87654321, 28, 4}, 0xfffffff8},
    {"v_bfe_i32 v3, v0, v1, v2", {0x87654321, 0, 32}, 0},
    {"v_bfi_b32 v3, v0, v1, v2", {0x00ff00ff, 0x12345678, 0xabcdef01}, 0xab34ef78},
    {"v_alignbit_b32 v3, v0, v1, v2", {0x12345678, 0x9abcdef0, 36}, 0x89abcdef},
    {"v_alignbyte_b32 v3, v0, v1, v2", {0x12345678, 0x9abcdef0, 5}, 0x789abcde},
    {"v_perm_b32 v3, v0, v1, v2", {0x80112233, 0x44556677, 0x0c0d0700}, 0x00ff8077},
    {"v_perm_b32 v3, v0, v1, v2", {0x80112233, 0x44f56677, 0x0b0a0908}, 0xff000000},
    {"v_ffbh_u32_e32 v3, v0", {0}, 0xffffffff},
    {"v_ffbh_u32_e32 v3, v0", {0x00ffffff}, 8},
    {"v_ffbh_i32_e32 v3, v0", {0xffffffff}, 0xffffffff},
    {"v_ffbh_i32_e32 v3, v0", {0xfffffff0}, 28},
    {"v_ffbl_b32_e32 v3, v0", {0x80000000}, 31},
    {"v_bfrev_b32_e32 v3, v0", {0x00000013}, 0xc8000000},
    {"v_bcnt_u32_b32 v3, v0, v1", {0xf0f0f0f1, 100}, 117},
    {"v_sad_u8 v3, v0, v1, v2", {0x01ff0080, 0xff010180, 5}, 5 + 254 + 254 + 1},
    {"v_msad_u8 v3, v0, v1, v2", {0x01ff0080, 0xff010080, 5}, 5 + 254 + 254},
    {"v_sad_hi_u8 v3, v0, v1, v2", {2, 1, 7}, 0x10007},
    {"v_sad_u16 v3, v0, v1, v2", {0x0001ffff, 0xffff0001, 0}, 0x1fffc},
    {"v_lerp_u8 v3, v0, v1, v2", {0x02ff0001, 0x03ff0002, 0x01000100}, 0x03ff0001},
    {"v_mul_i32_i24_e32 v3, v0, v1", {0x00800000, 2}, 0xff000000},
    {"v_mul_hi_i32_i24_e32 v3, v0, v1", {0x00800000, 2}, 0xffffffff},
    {"v_mad_u32_u24 v3, v0, v1, v2", {0xff000002, 3, 4}, 10},
    {"v_mad_legacy_f32 v3, v0, v1, v2", {0, 0x7f800000, 0x3f800000}, 0x3f800000},
    {"v_mul_legacy_f32 v3, v0, v1", {0x7fc00000, 0}, 0},
    {"v_cubeid_f32 v3, v0, v1, v2", {0x3f800000, 0xc0000000, 0x3f800000}, 0x40400000},
    {"v_cubema_f32 v3, v0, v1, v2", {0x3f800000, 0xc0000000, 0x3f800000}, 0xc0800000},
    /* packed halves and dot products */
    {"v_pk_add_u16 v3, v0, v1", {0x0001ffff, 0xffff0001}, 0x00000000},
    {"v_pk_add_u16 v3, v0, v1 clamp", {0x0001ffff, 0xffff0001}, 0xffffffff},
    {"v_pk_sub_i16 v3, v0, v1 clamp", {0x80007fff, 0x0001ffff}, 0x80007fff},
    {"v_pk_mad_u16 v3, v0, v1, v2 clamp", {0xffff0002, 0xffff0003, 0x00010004}, 0xffff000a},
    {"v_pk_add_f16 v3, v0, v1 op_sel:[1,0] op_sel_hi:[0,1]", {0x40003c00, 0x44003c00}, 0x45004200},
    {"v_pk_mul_f16 v3, v0, v1 neg_lo:[1,0] neg_hi:[0,1]", {0x40003c00, 0x44003c00}, 0xc800bc00},
    {"v_pk_ashrrev_i16 v3, v0, v1", {0x00010004, 0x80008000}, 0xc000f800},
    {"v_dot4_i32_i8 v3, v0, v1, v2", {0xff020304, 0x017f0101, 1}, (uint32_t)(1 + 4 + 3 + 254 - 1)},
    {"v_dot2_u32_u16 v3, v0, v1, v2 clamp", {0xffffffff, 0xffffffff, 0}, 0xffffffff},
    {"v_dot2_f32_f16 v3, v0, v1, v2", {0x40003c00, 0x42004200, 0x3f800000}, 0x41200000},
    {"v_fma_mix_f32 v3, v0, v1, v2 op_sel:[1,0,0] op_sel_hi:[1,0,0]",
     {0x40003c00, 0x40400000, 0x3f800000},
     0x40e00000},
    /* op_sel of VOP3 keeps the other half */
    {"v_mad_u16 v3, v0, v1, v2 op_sel:[1,0,0,1]", {0x00050000, 3, 2}, 0x0011cafe},
    /* SDWA: sign extension and preservation */
    {"v_mov_b32_sdwa v3, sext(v0) dst_sel:WORD_1 dst_unused:UNUSED_PRESERVE src0_sel:BYTE_3",
     {0x80000000},
     0xff80cafe},
    {"v_mov_b32_sdwa v3, v0 dst_sel:BYTE_1 dst_unused:UNUSED_SEXT src0_sel:BYTE_0",
     {0x80},
     0xffff8000},
    /* clamp to [0, 1]; a NaN becomes 0 */
    {"v_add_f32_e64 v3, v0, v1 clamp", {0x7fc00000, 0}, 0},
    {"v_add_f32_e64 v3, v0, v1 clamp", {0x40000000, 0}, 0x3f800000},
    {"v_add_f16_e64 v3, v0, v1 clamp", {0xc000, 0}, 0},
};

static void corners_are_those_of_the_manual(void **state) {
    enum { COUNT = sizeof corners / sizeof *corners };
    const char *texts[COUNT];
    uint32_t words[4 * COUNT];
    size_t first[COUNT + 1];
    (void)state;
    for (size_t i = 0; i < COUNT; i++)
        texts[i] = corners[i].text;
    assemble_all(texts, COUNT, words, 4 * COUNT, first);
    for (size_t i = 0; i < COUNT; i++) {
        const struct corner *row = &corners[i];
        bench_reset(bench);
        for (uint32_t n = 0; n < 3; n++)
            put(n, row->in[n]);
        put(3, OLD);
        bench_execute(bench, &words[first[i]], first[i + 1] - first[i]);
        uint32_t seen = bench->wave.v[3][17];
        if (seen != row->out)
            fail_msg("%s: %08x %08x %08x gives %08x, not %08x", row->text, row->in[0], row->in[1],
                     row->in[2], seen, row->out);
    }
}

/* ---- 64-bit values ---- */

struct corner64 {
    const char *text; ///< v[6:7] of v[0:1], v[2:3], v[4:5]
    uint64_t in[3];
    uint64_t out;
};

static const struct corner64 corners64[] = {
    {"v_lshlrev_b64 v[6:7], v0, v[2:3]", {65, 0x8000000000000001}, 2},
    {"v_ashrrev_i64 v[6:7], v0, v[2:3]", {63, 0x8000000000000000}, ~0ull},
    {"v_mad_u64_u32 v[6:7], s[0:1], v0, v2, v[4:5]",
     {0xffffffff, 0xffffffff, 5},
     0xfffffffe00000006},
    {"v_mad_i64_i32 v[6:7], s[0:1], v0, v2, v[4:5]", {0xffffffff, 7, 5}, (uint64_t)-2},
    {"v_add_f64 v[6:7], v[0:1], -v[2:3]", {0x3ff0000000000000, 0x3ff0000000000000}, 0},
    {"v_mul_f64 v[6:7], v[0:1], |v[2:3]|",
     {0x4000000000000000, 0xc008000000000000},
     0x4018000000000000},
    {"v_fma_f64 v[6:7], v[0:1], v[2:3], v[4:5]",
     {0x3ff0000000000001, 0x3ff0000000000001, 0xbff0000000000002},
     0x3970000000000000},
    {"v_ldexp_f64 v[6:7], v[0:1], v2", {0x3ff0000000000000, 0xfffffbce}, 1},
    {"v_ldexp_f64 v[6:7], v[0:1], v2", {1, 2000}, 0x79d0000000000000},
    {"v_min_f64 v[6:7], v[0:1], v[2:3]", {0, 0x8000000000000000}, 0x8000000000000000},
    {"v_frexp_mant_f64_e32 v[6:7], v[0:1]", {3}, 0x3fe8000000000000},
    {"v_rndne_f64_e32 v[6:7], v[0:1]", {0x4004000000000000}, 0x4000000000000000},
    {"v_fract_f64_e32 v[6:7], v[0:1]", {0xbff4000000000000}, 0x3fe8000000000000},
    {"v_rcp_f64_e32 v[6:7], v[0:1]", {0x4010000000000000}, 0x3fd0000000000000},
    {"v_cvt_f64_u32_e32 v[6:7], v0", {0xffffffff}, 0x41efffffffe00000},
    {"v_cvt_f64_f32_e32 v[6:7], v0", {0x00000001}, 0x36a0000000000000},
    /* 2/pi = 0xa2f9836e4e441529fc... 2^-64: the first 53 bits, and the next 53 */
    {"v_trig_preop_f64 v[6:7], v[0:1], 0", {0x3ff0000000000000}, 0x3fe45f306dc9c882},
    {"v_trig_preop_f64 v[6:7], v[0:1], 1", {0x3ff0000000000000}, 0x3c94a7f09d5f47d4},
    {"v_qsad_pk_u16_u8 v[6:7], v[0:1], v2, v[4:5]",
     {0x0706050403020100, 0, 0x0001000200030004},
     0x00130010000d000a},
};

static void wide_corners_are_those_of_the_manual(void **state) {
    enum { COUNT = sizeof corners64 / sizeof *corners64 };
    const char *texts[COUNT];
    uint32_t words[4 * COUNT];
    size_t first[COUNT + 1];
    (void)state;
    for (size_t i = 0; i < COUNT; i++)
        texts[i] = corners64[i].text;
    assemble_all(texts, COUNT, words, 4 * COUNT, first);
    for (size_t i = 0; i < COUNT; i++) {
        const struct corner64 *row = &corners64[i];
        bench_reset(bench);
        for (uint32_t lane = 0; lane < SG_LANES; lane++)
            for (uint32_t n = 0; n < 3; n++)
                put_pair(2 * n, lane, row->in[n]);
        bench_execute(bench, &words[first[i]], first[i + 1] - first[i]);
        if (pair(6, 40) != row->out)
            fail_msg("%s gives %016llx, not %016llx", row->text, (unsigned long long)pair(6, 40),
                     (unsigned long long)row->out);
    }
}

/* ---- the compiler's division, which ties five instructions together ---- */

static const char divide_f32[] = "v_div_scale_f32 v3, s[0:1], v1, v1, v0\n"
                                 "v_div_scale_f32 v4, vcc, v0, v1, v0\n"
                                 "v_rcp_f32_e32 v5, v3\n"
                                 "v_fma_f32 v6, -v3, v5, 1.0\n"
                                 "v_fma_f32 v5, v6, v5, v5\n"
                                 "v_mul_f32_e32 v6, v4, v5\n"
                                 "v_fma_f32 v7, -v3, v6, v4\n"
                                 "v_fma_f32 v6, v7, v5, v6\n"
                                 "v_fma_f32 v7, -v3, v6, v4\n"
                                 "v_div_fmas_f32 v7, v7, v5, v6\n"
                                 "v_div_fixup_f32 v2, v7, v1, v0\n";

static const char divide_f64[] = "v_div_scale_f64 v[6:7], s[0:1], v[2:3], v[2:3], v[0:1]\n"
                                 "v_rcp_f64_e32 v[8:9], v[6:7]\n"
                                 "v_fma_f64 v[10:11], -v[6:7], v[8:9], 1.0\n"
                                 "v_fma_f64 v[8:9], v[8:9], v[10:11], v[8:9]\n"
                                 "v_fma_f64 v[10:11], -v[6:7], v[8:9], 1.0\n"
                                 "v_fma_f64 v[8:9], v[8:9], v[10:11], v[8:9]\n"
                                 "v_div_scale_f64 v[10:11], vcc, v[0:1], v[2:3], v[0:1]\n"
                                 "v_mul_f64 v[12:13], v[10:11], v[8:9]\n"
                                 "v_fma_f64 v[6:7], -v[6:7], v[12:13], v[10:11]\n"
                                 "v_div_fmas_f64 v[6:7], v[6:7], v[8:9], v[12:13]\n"
                                 "v_div_fixup_f64 v[4:5], v[6:7], v[2:3], v[0:1]\n";

static uint64_t random_state = 0x2545f4914f6cdd1d;

static uint64_t next_random(void) {
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    return random_state ^= random_state << 17;
}

static void f32_division_is_correctly_rounded(void **state) {
    uint32_t words[64];
    size_t count = assemble(divide_f32, words, 64);
    (void)state;
    for (uint32_t round = 0; round < 200; round++) {
        bench_reset(bench);
        for (uint32_t lane = 0; lane < SG_LANES; lane++) {
            uint64_t r = next_random();
            /* Any bits; every fourth pair has exponents at the ends of the range. */
            bench->wave.v[0][lane] = (uint32_t)r & (lane % 4 ? ~0u : 0x80ffffff);
            bench->wave.v[1][lane] = (uint32_t)(r >> 32) | (lane % 8 == 4 ? 0x7e000000 : 0);
        }
        uint32_t n[SG_LANES], d[SG_LANES];
        memcpy(n, bench->wave.v[0], sizeof n);
        memcpy(d, bench->wave.v[1], sizeof d);
        bench_execute(bench, words, count);
        for (uint32_t lane = 0; lane < SG_LANES; lane++) {
            uint32_t expected = bits_of(as_float(n[lane]) / as_float(d[lane]));
            if (!same_bits(bench->wave.v[2][lane], expected))
                fail_msg("%a / %a gives %a, not %a", as_float(n[lane]), as_float(d[lane]),
                         as_float(bench->wave.v[2][lane]), as_float(expected));
        }
    }
}

static double as_double(uint64_t bits) {
    double d;
    memcpy(&d, &bits, sizeof d);
    return d;
}

static void f64_division_is_correctly_rounded(void **state) {
    uint32_t words[64];
    size_t count = assemble(divide_f64, words, 64);
    (void)state;
    for (uint32_t round = 0; round < 200; round++) {
        uint64_t n[SG_LANES], d[SG_LANES];
        bench_reset(bench);
        for (uint32_t lane = 0; lane < SG_LANES; lane++) {
            n[lane] = next_random();
            d[lane] = next_random();
            if (lane % 2) /* quotients that are neither denormal nor infinite */
                d[lane] = (d[lane] & 0x800fffffffffffff) | (n[lane] & 0x7ff0000000000000);
            put_pair(0, lane, n[lane]);
            put_pair(2, lane, d[lane]);
        }
        bench_execute(bench, words, count);
        for (uint32_t lane = 0; lane < SG_LANES; lane++) {
            double expected = as_double(n[lane]) / as_double(d[lane]),
                   seen = as_double(pair(4, lane));
            bool tiny =
                fabs(expected) < 0x1p-1022; // rounded twice by the multiplication at the end
            if (seen != expected && !(isnan(seen) && isnan(expected)) &&
                !(tiny && fabs(seen - expected) <= 0x1p-1074))
                fail_msg("%a / %a gives %a, not %a", as_double(n[lane]), as_double(d[lane]), seen,
                         expected);
        }
    }
}

/* ---- lane masks ---- */

static void carries_make_64_bit_sums(void **state) {
    (void)state;
    bench_reset(bench);
    for (uint32_t lane = 0; lane < SG_LANES; lane++) {
        put_pair(0, lane, 0xfffffff0ull + lane);
        put_pair(2, lane, 0x100000000ull * lane + 0x18);
    }
    run_text("v_add_co_u32_e32 v4, vcc, v0, v2\n"
             "v_addc_co_u32_e32 v5, vcc, v1, v3, vcc\n"
             "v_sub_co_u32_e64 v6, s[2:3], v4, v2\n"
             "v_subb_co_u32_e64 v7, s[2:3], v5, v3, s[2:3]\n");
    for (uint32_t lane = 0; lane < SG_LANES; lane++) {
        uint64_t sum = 0xfffffff0ull + lane + 0x100000000ull * lane + 0x18;
        assert_true(pair(4, lane) == sum);
        assert_true(pair(6, lane) == 0xfffffff0ull + lane);
    }
}

static void compares_write_zero_for_inactive_lanes(void **state) {
    (void)state;
    bench_reset(bench);
    for (uint32_t lane = 0; lane < SG_LANES; lane++)
        bench->wave.v[0][lane] = lane;
    sg_wave_set_exec(&bench->wave, 0x00000000ffff00ff);
    sg_wave_set_s64(&bench->wave, 2, ~0ull);
    sg_wave_set_s64(&bench->wave, SG_VCC, ~0ull);
    run_text("v_cmp_gt_u32_e64 s[2:3], 20, v0\nv_cmpx_ne_u32_e32 vcc, 3, v0\n");
    assert_true(sg_wave_s64(&bench->wave, 2) == 0x00000000000f00ff);
    assert_true(sg_wave_vcc(&bench->wave) == 0x00000000ffff00f7);
    assert_true(sg_wave_exec(&bench->wave) == 0x00000000ffff00f7);
}

static void class_tests_tell_ten_kinds_apart(void **state) {
    static const uint32_t kinds[10] = {0x7f800001, 0x7fc00000, 0xff800000, 0xbf800000, 0x80000001,
                                       0x80000000, 0x00000000, 0x00000001, 0x3f800000, 0x7f800000};
    (void)state;
    for (uint32_t kind = 0; kind < 10; kind++) {
        bench_reset(bench);
        put(0, kinds[kind]);
        for (uint32_t lane = 0; lane < SG_LANES; lane++)
            bench->wave.v[1][lane] = 1u << lane % 16;
        run_text("v_cmp_class_f32_e32 vcc, v0, v1\n");
        assert_true(sg_wave_vcc(&bench->wave) == 0x0001000100010001ull << kind);
    }
}

/* ---- across lanes ---- */

static void lanes_are_read_and_written_by_number(void **state) {
    (void)state;
    bench_reset(bench);
    for (uint32_t lane = 0; lane < SG_LANES; lane++)
        bench->wave.v[0][lane] = 100 + lane;
    bench->wave.s[4] = 64 + 9; // modulo 64
    sg_wave_set_exec(&bench->wave, 0xf0);
    run_text("v_readfirstlane_b32 s0, v0\n"
             "v_readlane_b32 s1, v0, s4\n"
             "s_mov_b64 exec, 0\n"
             "v_readfirstlane_b32 s2, v0\n"
             "v_writelane_b32 v0, 7, 63\n"
             "s_mov_b64 exec, -1\n"
             "v_mbcnt_lo_u32_b32 v1, -1, 5\n"
             "v_mbcnt_hi_u32_b32 v1, -1, v1\n");
    assert_int_equal(bench->wave.s[0], 104);
    assert_int_equal(bench->wave.s[1], 109);
    assert_int_equal(bench->wave.s[2], 100); // no lane is active: lane 0
    assert_int_equal(bench->wave.v[0][63], 7);
    assert_int_equal(bench->wave.v[1][0], 5);
    assert_int_equal(bench->wave.v[1][63], 68);
}

struct dpp {
    const char *control;
    uint64_t exec;
    uint32_t lane;
    uint32_t out; ///< sources hold 100 + lane; OLD: not written
};

static const struct dpp dpps[] = {
    {"quad_perm:[3,2,1,0] row_mask:0xf bank_mask:0xf", ~0ull, 5, 106},
    {"row_shl:1 row_mask:0xf bank_mask:0xf", ~0ull, 14, 115},
    {"row_shl:1 row_mask:0xf bank_mask:0xf", ~0ull, 15, OLD},
    {"row_shl:1 row_mask:0xf bank_mask:0xf bound_ctrl:0", ~0ull, 15, 0},
    {"row_shr:15 row_mask:0xf bank_mask:0xf", ~0ull, 31, 116},
    {"row_ror:3 row_mask:0xf bank_mask:0xf", ~0ull, 33, 146},
    {"wave_shl:1 row_mask:0xf bank_mask:0xf", ~0ull, 31, 132},
    {"wave_shr:1 row_mask:0xf bank_mask:0xf", ~0ull, 0, OLD},
    {"wave_ror:1 row_mask:0xf bank_mask:0xf", ~0ull, 0, 163},
    {"wave_rol:1 row_mask:0xf bank_mask:0xf", ~0ull, 63, 100},
    {"row_mirror row_mask:0xf bank_mask:0xf", ~0ull, 17, 130},
    {"row_half_mirror row_mask:0xf bank_mask:0xf", ~0ull, 9, 114},
    {"row_bcast:15 row_mask:0xa bank_mask:0xf", ~0ull, 20, 115},
    {"row_bcast:15 row_mask:0xa bank_mask:0xf", ~0ull, 40, OLD},
    {"row_bcast:31 row_mask:0xc bank_mask:0xf", ~0ull, 50, 131},
    {"row_newbcast:6 row_mask:0xf bank_mask:0xf", ~0ull, 50, 154},
    {"row_shl:4 row_mask:0xf bank_mask:0x2", ~0ull, 2, OLD},
    {"row_shl:4 row_mask:0xf bank_mask:0x2", ~0ull, 5, 109},
    /* a source lane that is switched off counts as outside */
    {"row_shl:1 row_mask:0xf bank_mask:0xf", ~2ull, 0, OLD},
    {"row_shl:1 row_mask:0xf bank_mask:0xf bound_ctrl:0", ~2ull, 0, 0},
    {"row_shl:1 row_mask:0xf bank_mask:0xf bound_ctrl:0", ~2ull, 1, OLD},
};

static void dpp_moves_lanes(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof dpps / sizeof *dpps; i++) {
        char text[160];
        bench_reset(bench);
        for (uint32_t lane = 0; lane < SG_LANES; lane++)
            bench->wave.v[0][lane] = 100 + lane;
        put(1, OLD);
        sg_wave_set_exec(&bench->wave, dpps[i].exec);
        snprintf(text, sizeof text, "v_mov_b32_dpp v1, v0 %s\n", dpps[i].control);
        run_text(text);
        if (bench->wave.v[1][dpps[i].lane] != dpps[i].out)
            fail_msg("%s lane %u: %u", dpps[i].control, dpps[i].lane,
                     bench->wave.v[1][dpps[i].lane]);
    }
}

static void registers_are_indexed_by_m0(void **state) {
    (void)state;
    bench_reset(bench);
    for (uint32_t row = 0; row < 16; row++)
        put(row, 1000 + row);
    bench->wave.s[0] = 5;
    run_text("s_set_gpr_idx_on s0, gpr_idx(SRC0)\n"
             "v_mov_b32_e32 v20, v2\n"
             "s_nop 0\n"
             "s_mov_b32 s1, 9\n"
             "s_set_gpr_idx_on s1, gpr_idx(SRC0,DST)\n"
             "v_add_u32_e32 v21, v1, v1\n"
             "s_set_gpr_idx_off\n"
             "v_mov_b32_e32 v22, v2\n");
    assert_int_equal(bench->wave.v[20][0], 1007);
    assert_int_equal(bench->wave.v[30][63], 1010 + 1001);
    assert_int_equal(bench->wave.v[22][0], 1002);
}

/* ---- matrices ---- */

static void accumulation_registers_move(void **state) {
    (void)state;
    bench_reset(bench);
    put(1, 77);
    sg_wave_set_exec(&bench->wave, 2);
    run_text("v_accvgpr_write_b32 a3, v1\nv_accvgpr_mov_b32 a4, a3\nv_accvgpr_read_b32 v2, a4\n");
    assert_int_equal(bench->wave.v[256 + 3][1], 77);
    assert_int_equal(bench->wave.v[2][1], 77);
    assert_int_equal(bench->wave.v[2][0], 0);
}

/* v_mfma_f32_16x16x16f16: A[i][k]: lane i + 16 (k / 4), half k % 4; D[i][j]: lane j + 16 (i / 4),
 * register i % 4. EXEC does not matter. */
static void matrices_multiply(void **state) {
    float a[16][16], b[16][16];
    static const uint16_t halves[] = {0, 0x3c00, 0x4000, 0x4200, 0x4400, 0xbc00, 0xc000, 0x3800};
    static const float values[] = {0, 1, 2, 3, 4, -1, -2, 0.5f};
    (void)state;
    bench_reset(bench);
    for (uint32_t i = 0; i < 16; i++) {
        for (uint32_t k = 0; k < 16; k++) {
            uint32_t lane = i + 16 * (k / 4), row = k % 4 / 2, shift = k % 2 * 16;
            uint32_t x = (i * 5 + k * 3) % 8, y = (i * 7 + k) % 8;
            a[i][k] = values[x];
            b[k][i] = values[y];
            bench->wave.v[row][lane] |= (uint32_t)halves[x] << shift;
            bench->wave.v[2 + row][lane] |= (uint32_t)halves[y] << shift;
        }
    }
    sg_wave_set_exec(&bench->wave, 1);
    run_text("v_mfma_f32_16x16x16f16 a[4:7], v[0:1], v[2:3], 1.0\n"
             "v_mfma_f32_16x16x16f16 a[8:11], v[0:1], v[2:3], a[4:7]\n");
    for (uint32_t i = 0; i < 16; i++) {
        for (uint32_t j = 0; j < 16; j++) {
            float sum = 0;
            for (uint32_t k = 0; k < 16; k++)
                sum += a[i][k] * b[k][j];
            uint32_t lane = j + 16 * (i / 4);
            assert_true(as_float(bench->wave.v[256 + 4 + i % 4][lane]) == 1 + sum);
            assert_true(as_float(bench->wave.v[256 + 8 + i % 4][lane]) == 1 + 2 * sum);
        }
    }
}

/* v_mfma_f32_32x32x1f32, two blocks: A[i] of block b: lane i + 32 b; D[i][j] of block b: lane
 * j + 32 (i / 4 % 2), register i % 4 + 4 (i / 8) + 16 b. CBSZ 1, ABID 1: both use A of block 1. */
static void blocks_are_separate_and_broadcast(void **state) {
    (void)state;
    for (uint32_t broadcast = 0; broadcast < 2; broadcast++) {
        bench_reset(bench);
        for (uint32_t lane = 0; lane < SG_LANES; lane++) {
            bench->wave.v[0][lane] = bits_of((float)(lane + 1));
            bench->wave.v[1][lane] = bits_of((float)(3 * lane));
        }
        run_text(broadcast ? "v_mfma_f32_32x32x1f32 a[0:31], v0, v1, 0 cbsz:1 abid:1\n"
                           : "v_mfma_f32_32x32x1f32 a[0:31], v0, v1, 0\n");
        for (uint32_t n = 0; n < 2 * 32 * 32; n++) {
            uint32_t block = n / 1024, i = n / 32 % 32, j = n % 32;
            uint32_t row = i % 4 + 4 * (i / 8) + 16 * block, lane = j + 32 * (i / 4 % 2);
            uint32_t block_a = broadcast ? 1 : block;
            float expected = (float)((i + 32 * block_a + 1) * 3 * (j + 32 * block));
            assert_true(as_float(bench->wave.v[256 + row][lane]) == expected);
        }
    }
}

/* ---- modes ---- */

static void denormals_and_rounding_follow_mode(void **state) {
    (void)state;
    bench_reset(bench);
    put(0, 0x00000001);
    put(1, 0x3f800000);
    put(2, 0x33000000);                                         // 2^-25
    run_text("s_setreg_imm32_b32 hwreg(HW_REG_MODE, 4, 2), 0\n" // f32 flushes, f64 does not
             "v_add_f32_e32 v3, v0, v0\n"
             "v_mov_b32_e32 v4, 1\n"
             "v_mov_b32_e32 v5, 0\n"
             "v_add_f64 v[6:7], v[4:5], v[4:5]\n"
             "s_setreg_imm32_b32 hwreg(HW_REG_MODE, 0, 2), 1\n" // f32 rounds up
             "v_add_f32_e32 v8, v1, v2\n"
             "s_setreg_imm32_b32 hwreg(HW_REG_MODE, 0, 2), 0\n"
             "v_add_f32_e32 v9, v1, v2\n");
    assert_int_equal(bench->wave.v[3][0], 0);
    assert_true(pair(6, 0) == 2);
    assert_int_equal(bench->wave.v[8][0], 0x3f800001);
    assert_int_equal(bench->wave.v[9][0], 0x3f800000);
}

static void constants_have_the_operands_width(void **state) {
    (void)state;
    bench_reset(bench);
    run_text("v_mov_b32_e32 v0, 0.15915494\n"
             "v_mov_b32_e32 v1, -16\n"
             "v_add_f16_e32 v2, 0.5, v30\n"
             "v_add_f64 v[4:5], 0.15915494309189532, v[30:31]\n"
             "v_lshlrev_b64 v[6:7], 0, -1\n"
             "v_mov_b32_e32 v8, 0x12345678\n"
             "v_pk_add_u16 v9, v30, -1\n"
             "v_add_f64 v[10:11], s[0:1], 4.0\n");
    assert_int_equal(bench->wave.v[0][0], 0x3e22f983);
    assert_int_equal(bench->wave.v[1][0], 0xfffffff0);
    assert_int_equal(bench->wave.v[2][0], 0x3800);
    assert_true(pair(4, 1) == 0x3fc45f306dc9c882);
    assert_true(pair(6, 1) == ~0ull);
    assert_int_equal(bench->wave.v[8][0], 0x12345678);
    assert_int_equal(bench->wave.v[9][0], 0xffffffff);
    assert_true(pair(10, 1) == 0x4010000000000000);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_do_what_the_host_does_in_active_lanes_only),
        cmocka_unit_test(corners_are_those_of_the_manual),
        cmocka_unit_test(wide_corners_are_those_of_the_manual),
        cmocka_unit_test(f32_division_is_correctly_rounded),
        cmocka_unit_test(f64_division_is_correctly_rounded),
        cmocka_unit_test(carries_make_64_bit_sums),
        cmocka_unit_test(compares_write_zero_for_inactive_lanes),
        cmocka_unit_test(class_tests_tell_ten_kinds_apart),
        cmocka_unit_test(lanes_are_read_and_written_by_number),
        cmocka_unit_test(dpp_moves_lanes),
        cmocka_unit_test(registers_are_indexed_by_m0),
        cmocka_unit_test(accumulation_registers_move),
        cmocka_unit_test(matrices_multiply),
        cmocka_unit_test(blocks_are_separate_and_broadcast),
        cmocka_unit_test(denormals_and_rounding_follow_mode),
        cmocka_unit_test(constants_have_the_operands_width),
    };
    return cmocka_run_group_tests(tests, program_set_up, program_tear_down);
}
