/* SPDX-License-Identifier: MIT */
/* Vector rows that are no lane functions: across lanes, accumulation registers, mixed precision,
 * matrices. */
#include "oracle.h"
#include "vectors.h"

#include "softgpu/isa/valu_flags.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

enum { ROUNDS = 16 };

#define w (&vectors_bench->wave)

static void fill(uint32_t rows, uint64_t exec) {
    bench_reset(vectors_bench);
    for (uint32_t row = 0; row < rows; row++)
        for (uint32_t lane = 0; lane < SG_LANES; lane++)
            w->v[row][lane] = (uint32_t)vectors_operand(SG_T_b32);
    sg_wave_set_exec(w, exec);
}

static uint64_t some_exec(uint32_t round) {
    return round == 0 ? ~0ull : round == 1 ? 0 : vectors_operand(SG_T_b64);
}

static void count(enum sg_format_id id, uint32_t opcode, uint32_t vectors) {
    vectors_compared[id][opcode] += vectors;
}

static void check_across_lanes(uint32_t round) {
    uint64_t exec = some_exec(round);
    uint32_t lane = vectors_below(64), value = (uint32_t)vectors_operand(SG_T_b32);
    uint32_t first = exec ? (uint32_t)__builtin_ctzll(exec) : 0, before[2][SG_LANES];
    /* v_readfirstlane_b32 s0, v0; v_readlane_b32 s1, v1, s4; v_writelane_b32 v2, s5, s4;
     * v_swap_b32 v3, v4; v_nop; v_clrexcp */
    const uint32_t words[] = {0x7e000500, 0xd2890001, 0x00000901, 0xd28a0002,
                              0x00000805, 0x7e06a304, 0x7e000000, 0x7e006a00};
    fill(5, exec);
    w->s[4] = lane | vectors_below(2) << 6; // modulo 64
    w->s[5] = value;
    memcpy(before, w->v[3], sizeof before);
    bench_execute(vectors_bench, words, sizeof words / sizeof *words);
    assert_int_equal(w->s[0], w->v[0][first]);
    assert_int_equal(w->s[1], w->v[1][lane]);
    assert_int_equal(w->v[2][lane], value);
    for (uint32_t i = 0; i < SG_LANES; i++) {
        bool active = exec >> i & 1;
        assert_int_equal(w->v[3][i], before[active][i]);
        assert_int_equal(w->v[4][i], before[!active][i]);
    }
    count(SG_FORMAT_VOP1, 0x02, 1);
    count(SG_FORMAT_VOP3, 0x289, 1);
    count(SG_FORMAT_VOP3, 0x28a, 1);
    count(SG_FORMAT_VOP1, 0x51, 64);
    count(SG_FORMAT_VOP1, 0x00, 1);
    count(SG_FORMAT_VOP1, 0x35, 1);
}

static void check_accumulation(uint32_t round) {
    uint64_t exec = some_exec(round);
    /* v_accvgpr_write_b32 a0, v0; v_accvgpr_mov_b32 a1, a0; v_accvgpr_read_b32 v1, a1 */
    const uint32_t words[] = {0xd3d94000, 0x18000100, 0x7e02a500, 0xd3d84001, 0x18000101};
    uint32_t old[SG_LANES];
    fill(2, exec);
    memcpy(old, w->v[1], sizeof old);
    bench_execute(vectors_bench, words, sizeof words / sizeof *words);
    for (uint32_t i = 0; i < SG_LANES; i++) {
        bool active = exec >> i & 1;
        assert_int_equal(w->v[256][i], active ? w->v[0][i] : 0);
        assert_int_equal(w->v[257][i], active ? w->v[0][i] : 0);
        assert_int_equal(w->v[1][i], active ? w->v[0][i] : old[i]);
    }
    count(SG_FORMAT_VOP3P, 0x58, 64);
    count(SG_FORMAT_VOP3P, 0x59, 64);
    count(SG_FORMAT_VOP1, 0x52, 64);
}

/* v_mqsad_u32_u8 v[8:11], v[0:1], v2, v[4:7] */
static void check_mqsad(uint32_t round) {
    const uint32_t words[] = {0xd1e70008, 0x04120500};
    uint64_t exec = some_exec(round);
    uint32_t before[12][SG_LANES];
    fill(12, exec);
    memcpy(before, w->v, sizeof before);
    bench_execute(vectors_bench, words, 2);
    for (uint32_t i = 0; i < SG_LANES; i++) {
        uint64_t bytes = before[0][i] | (uint64_t)before[1][i] << 32;
        for (uint32_t k = 0; k < 4; k++) {
            uint32_t sum = before[4 + k][i];
            for (uint32_t n = 0; n < 4; n++) {
                uint32_t x = bytes >> (k + n) * 8 & 255, y = before[2][i] >> n * 8 & 255;
                sum += y == 0 ? 0 : x > y ? x - y : y - x;
            }
            assert_int_equal(w->v[8 + k][i], exec >> i & 1 ? sum : before[8 + k][i]);
        }
    }
    count(SG_FORMAT_VOP3, 0x1e7, 64);
}

/* ---- fma_mix ---- */

static void check_mix(uint32_t round, uint32_t opcode) {
    uint32_t op_sel = vectors_below(8), op_sel_hi = vectors_below(8), neg = vectors_below(8);
    uint32_t abs = vectors_below(8);
    const uint32_t words[] = {0xd3800003 | opcode << 16 | abs << 8 | op_sel << 11 |
                                  (op_sel_hi >> 2) << 14,
                              0x04020300 | 2 << 18 | 1u << 26 | (op_sel_hi & 3) << 27 | neg << 29};
    uint64_t exec = some_exec(round);
    struct sf_env env = {0};
    uint32_t old[SG_LANES];
    fill(4, exec);
    for (uint32_t row = 0; row < 3; row++)
        for (uint32_t i = 0; i < SG_LANES; i++)
            w->v[row][i] = (uint32_t)(op_sel_hi >> row & 1 ? vectors_operand(SG_T_pk16)
                                                           : vectors_operand(SG_T_f32));
    memcpy(old, w->v[3], sizeof old);
    bench_execute(vectors_bench, words, 2);
    for (uint32_t i = 0; i < SG_LANES; i++) {
        uint64_t x[3];
        uint32_t nans = 0;
        for (uint32_t n = 0; n < 3; n++) {
            x[n] = w->v[n][i];
            if (op_sel_hi >> n & 1)
                x[n] = sf_convert(&sf_f16, &sf_f32, env, x[n] >> (op_sel >> n & 1) * 16 & 0xffff);
            x[n] = abs >> n & 1 ? x[n] & 0x7fffffff : x[n];
            x[n] ^= (uint64_t)(neg >> n & 1) << 31;
            nans += sf_is_nan(&sf_f32, x[n]);
        }
        uint64_t r = sf_fma(&sf_f32, env, x[0], x[1], x[2]);
        if (nans || sf_is_nan(&sf_f32, r))
            continue;
        uint64_t half = sf_convert(&sf_f32, &sf_f16, env, r);
        uint32_t expected = opcode == 0x20   ? (uint32_t)r
                            : opcode == 0x21 ? (old[i] & 0xffff0000) | (uint32_t)half
                                             : (old[i] & 0xffff) | (uint32_t)half << 16;
        assert_int_equal(w->v[3][i], exec >> i & 1 ? expected : old[i]);
        count(SG_FORMAT_VOP3P, opcode, 1);
    }
}

/* ---- v_trig_preop_f64 ---- */

/* 53 bits of 2/pi from bit 53 * segment on, times the power of two of their place. Segments 0 and 1
 * hold the constant's first 106 bits; that later ones go on where earlier ones end is checked by
 * asking for the same bits through the exponent: 53 more is one segment more. */
static void check_trig_preop(uint32_t round) {
    const uint32_t words[] = {0xd2920004, 0x00020500}; // v[4:5], v[0:1], v2
    uint64_t seen[2][SG_LANES];
    fill(6, ~0ull);
    for (uint32_t pass = 0; pass < 2; pass++) {
        for (uint32_t i = 0; i < SG_LANES; i++) {
            uint64_t exponent = pass ? 1077 + 53 : 1023 + round;
            w->v[0][i] = 0;
            w->v[1][i] = (uint32_t)(exponent << 20);
            w->v[2][i] = (i % 16 + 1 - pass) | 32u * (i / 16); // the low five bits count
        }
        bench_execute(vectors_bench, words, 2);
        for (uint32_t i = 0; i < SG_LANES; i++)
            seen[pass][i] = w->v[4][i] | (uint64_t)w->v[5][i] << 32;
    }
    for (uint32_t i = 0; i < SG_LANES; i++)
        assert_true(seen[0][i] == seen[1][i]);
    for (uint32_t i = 0; i < SG_LANES; i++)
        w->v[1][i] = (1023 + i) << 20, w->v[2][i] = i & 1;
    bench_execute(vectors_bench, words, 2);
    for (uint32_t i = 0; i < 50; i++) {
        uint64_t expected = i & 1 ? 0x3c94a7f09d5f47d4 : 0x3fe45f306dc9c882;
        assert_true((w->v[4][i] | (uint64_t)w->v[5][i] << 32) == expected);
    }
    count(SG_FORMAT_VOP3, 0x292, 64);
}

/* ---- matrices ---- */

struct matrix {
    const char *name;
    uint32_t m, n, k, blocks;
    char input, output; ///< f: f32, h: f16, b: bf16, i: i8 or i32, d: f64
};

static void parse_matrix(const char *name, struct matrix *x) {
    char acc[8] = "", in[16] = "";
    x->name = name;
    assert_int_equal(sscanf(name, "v_mfma_%3[a-z0-9]_%ux%ux%u%15s", acc, &x->m, &x->n, &x->k, in),
                     5);
    x->output = acc[0] == 'i' ? 'i' : acc[1] == '6' ? 'd' : 'f';
    x->input = in[0] == 'b'   ? 'b'
               : in[0] == 'i' ? 'i'
               : in[1] == '1' ? 'h'
               : in[1] == '6' ? 'd'
                              : 'f';
}

/* A lane's item of A or B: `item` counts from the lowest bits of its registers. */
static void put_input(const struct matrix *x, uint32_t row, uint32_t lane, uint32_t item,
                      int value) {
    static const uint16_t halves[] = {0xc400, 0xc200, 0xc000, 0xbc00, 0,
                                      0x3c00, 0x4000, 0x4200, 0x4400};
    static const uint16_t brains[] = {0xc080, 0xc040, 0xc000, 0xbf80, 0,
                                      0x3f80, 0x4000, 0x4040, 0x4080};
    float f = (float)value;
    double d = value;
    uint32_t bits = x->input == 'i' ? 8 : x->input == 'h' || x->input == 'b' ? 16 : 32;
    uint32_t word = x->input == 'i'   ? (uint8_t)value
                    : x->input == 'h' ? halves[value + 4]
                                      : brains[value + 4];
    if (x->input == 'f') {
        memcpy(&w->v[row + item][lane], &f, 4);
    } else if (x->input == 'd') {
        uint32_t pair[2];
        memcpy(pair, &d, 8);
        w->v[row][lane] = pair[0];
        w->v[row + 1][lane] = pair[1];
    } else {
        uint32_t *at = &w->v[row + item * bits / 32][lane], shift = item * bits % 32;
        *at = (*at & ~(((1u << bits) - 1) << shift)) | word << shift;
    }
}

static double output_at(const struct matrix *x, uint32_t row, uint32_t item, uint32_t lane) {
    float f;
    double d;
    uint32_t pair[2] = {w->v[row + item * 2][lane], w->v[row + item * 2 + 1][lane]};
    if (x->output == 'i')
        return (int32_t)w->v[row + item][lane];
    memcpy(&f, &w->v[row + item][lane], 4);
    memcpy(&d, pair, 8);
    return x->output == 'd' ? d : f;
}

/* Where matrices lie: AMD's matrix instruction calculator. Small integers: all sums are exact. */
static void check_matrix(uint32_t opcode, const char *name, uint32_t round) {
    enum { A = 0, B = 8, C = 64, D = 128 };
    static int a[16][32][32], b[16][32][32];
    struct matrix x;
    parse_matrix(name, &x);
    uint32_t group = x.output == 'd' ? 1 : 4;
    static const struct {
        uint32_t m, k;
        char input;
        uint32_t blocks;
    } shapes[] = {{32, 1, 'f', 2}, {16, 1, 'f', 4}, {4, 1, 'f', 16}, {32, 4, 'h', 2},
                  {16, 4, 'h', 4}, {4, 4, 'h', 16}, {32, 4, 'i', 2}, {16, 4, 'i', 4},
                  {4, 4, 'i', 16}, {32, 2, 'b', 2}, {16, 2, 'b', 4}, {4, 2, 'b', 16},
                  {4, 4, 'd', 4}};
    x.blocks = 1;
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++)
        if (shapes[i].m == x.m && shapes[i].k == x.k && shapes[i].input == x.input)
            x.blocks = shapes[i].blocks;
    if (strstr(name, "_1k") && x.k == 4) // as f16
        x.blocks = x.m == 32 ? 2 : x.m == 16 ? 4 : 16;
    uint32_t items = x.k * x.m * x.blocks / 64;
    fill(256, some_exec(round)); // EXEC does not matter
    for (uint32_t n = 0; n < x.blocks * x.m * x.k; n++) {
        uint32_t block = n / (x.m * x.k), i = n / x.k % x.m, k = n % x.k;
        uint32_t lane = i + x.m * (block + x.blocks * (k / items));
        a[block][i][k] = (int)vectors_below(9) - 4;
        b[block][k][i] = (int)vectors_below(9) - 4;
        put_input(&x, A, lane, k % items, a[block][i][k]);
        put_input(&x, B, lane, k % items, b[block][k][i]);
    }
    uint32_t constant = 128 + vectors_below(60); // the addend: an integer
    bool is_float = x.output != 'i';
    if (is_float)
        constant = 242; // 1.0
    const uint32_t words[] = {0xd3800000 | opcode << 16 | D,
                              (256 + A) | (256 + B) << 9 | constant << 18};
    bench_execute(vectors_bench, words, 2);
    uint32_t in_group = (64 * group + x.m * x.n - 1) / (x.m * x.n), rows = 64 / in_group / x.n;
    uint32_t groups = x.m / (group * rows);
    for (uint32_t n = 0; n < x.blocks * x.m * x.n; n++) {
        uint32_t block = n / (x.m * x.n), i = n / x.n % x.m, j = n % x.n;
        uint32_t item = i % group + group * (i / (group * rows) + groups * (block / in_group));
        uint32_t lane = j + x.n * (block % in_group + in_group * (i / group % rows));
        double sum = is_float ? 1 : (int)constant - 128;
        for (uint32_t k = 0; k < x.k; k++)
            sum += a[block][i][k] * b[block][k][j];
        if (output_at(&x, D, item, lane) != sum)
            fail_msg("%s block %u [%u][%u]: %g, not %g", name, block, i, j,
                     output_at(&x, D, item, lane), sum);
        count(SG_FORMAT_VOP3P, opcode, 1);
    }
}

void vectors_special(void **state) {
    (void)state;
    for (uint32_t round = 0; round < ROUNDS; round++) {
        check_across_lanes(round);
        check_accumulation(round);
        check_mqsad(round);
        check_trig_preop(round);
        for (uint32_t opcode = 0x20; opcode <= 0x22; opcode++)
            check_mix(round, opcode);
    }
    for (uint32_t opcode = 0x40; opcode < 0x80; opcode++) {
        const struct sg_row *row = sg_level_v2.find[SG_FORMAT_VOP3P](opcode);
        for (uint32_t round = 0; row && row->flags & SG_VF_MFMA && round < 3; round++)
            check_matrix(opcode, row->name, round);
    }
}
