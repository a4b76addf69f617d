/* SPDX-License-Identifier: MIT */
/// Every row of the scalar and vector tables on edge and random values: with full, partial and no
/// EXEC, under MODE's roundings and denormals, with each modifier, as SDWA and as DPP. Expected
/// values come from oracle.def, compares' from their names. A row with fewer than 16 compared
/// vectors fails, and so does one without an oracle. Memory rows are mem_*_test.c's.
#include "bench.h"
#include "oracle.h"
#include "vectors.h"

#include "softgpu/isa/valu_flags.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

enum { LEAST = 16, D = 12, CIN = 20, COUT = 22, SHOWN = 2 };
enum { MODE_DEFAULT = SG_MODE_DEFAULT };
#define CIN_VALUE UINT64_C(0xaaaaaaaa55555555)
#define VCC_VALUE UINT64_C(0xcc55cc55cc33cc33)

struct bench *vectors_bench;
uint32_t vectors_compared[SG_FORMAT_COUNT][VECTORS_MAX_OPCODE];
static uint64_t seed = 0x6a09e667f3bcc909;
static uint32_t failures, row_failures;

static int set_up(void **state) {
    (void)state;
    vectors_bench = bench_create(sg_isa_level());
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    bench_destroy(vectors_bench);
    return 0;
}

uint32_t vectors_below(uint32_t bound) {
    return (uint32_t)(random_next(&seed) % bound);
}

/* ---- operands ---- */

static const struct sf_format *format_of(enum sg_type type) {
    switch (type) {
    case SG_T_f16:
    case SG_T_f16p:
        return &sf_f16;
    case SG_T_f32:
        return &sf_f32;
    case SG_T_f64:
        return &sf_f64;
    default:
        return NULL;
    }
}

static bool is_half(enum sg_type type) {
    return type == SG_T_f16 || type == SG_T_f16p || type == SG_T_u16 || type == SG_T_i16 ||
           type == SG_T_u16p || type == SG_T_i16p || type == SG_T_b16;
}

static bool keeps_half(enum sg_type type) {
    return type == SG_T_f16p || type == SG_T_u16p || type == SG_T_i16p;
}

static uint32_t width_of(enum sg_type type) {
    return is_half(type) ? 16 : sg_type_dwords(type) * 32;
}

static uint64_t edge_float(const struct sf_format *f) {
    uint64_t one = ((1ull << (f->exponent_bits - 1)) - 1) << f->fraction_bits;
    uint64_t inf = sf_infinity(f, false), unit = 1ull << f->fraction_bits;
    const uint64_t edges[] = {0,
                              1,
                              unit - 1,
                              unit,
                              unit + 1,
                              one,
                              one + 1,
                              one - 1,
                              one + unit,
                              one - unit,
                              one / 2,
                              inf - 1,
                              inf,
                              inf + unit / 2,
                              inf + 1,
                              one + unit / 2,
                              inf - unit,
                              inf + unit - 1,
                              one + 7 * unit,
                              one + 30 * unit};
    uint64_t x = edges[vectors_below(sizeof edges / sizeof *edges)];
    return vectors_below(2) ? sf_negate(f, x) : x;
}

/* A third each: edges, floats around 1, any bits. */
uint64_t vectors_operand(enum sg_type type) {
    static const uint64_t integers[] = {0,          1,          2,      0x7fffffff, 0x80000000,
                                        0xffffffff, 0xfffffffe, 0x7fff, 0x8000,     0xffff,
                                        0x00010000, 0xff,       0x80,   31,         32,
                                        33,         63,         64,     0x7fff8000, 0x80007fff};
    const struct sf_format *f = format_of(type);
    if (type == SG_T_pk16 && vectors_below(2))
        return edge_float(&sf_f16) | edge_float(&sf_f16) << 16;
    if (type == SG_T_pkf32 && vectors_below(2))
        return edge_float(&sf_f32) | edge_float(&sf_f32) << 32;
    switch (vectors_below(3)) {
    case 0:
        if (f)
            return edge_float(f);
        return integers[vectors_below(20)] |
               (width_of(type) > 32 ? integers[vectors_below(20)] << 32 : 0);
    case 1:
        if (f) {
            uint64_t one = ((1ull << (f->exponent_bits - 1)) - 1) << f->fraction_bits;
            uint64_t fraction = random_next(&seed) << 16 & ((1ull << f->fraction_bits) - 1);
            uint64_t x =
                one + ((uint64_t)vectors_below(8) << f->fraction_bits) - (3ull << f->fraction_bits);
            return (x | fraction) ^ (vectors_below(2) ? sf_negate(f, 0) : 0);
        }
        return vectors_below(100);
    default:
        return random_next(&seed) ^ random_next(&seed) << 32;
    }
}

/* ---- one run: 64 vectors of one row ---- */

struct run {
    const struct sg_row *row;
    enum sg_format_id id;
    enum sg_format_id base; ///< whose row it is: VOPC, VOP2 or VOP1 of a VOP3 word
    uint32_t opcode;
    enum words_form form;
    uint64_t exec;
    uint32_t mode;
    uint32_t neg, abs, op_sel, op_sel_hi, omod;
    bool clamp;
    uint32_t extra;   ///< the SDWA or DPP dword without source 0
    uint32_t source0; ///< 0: v0; else a scalar operand code
    uint32_t words[3];
    uint32_t v[16][SG_LANES]; ///< the registers before
};

static uint64_t pair_of(const struct run *run, uint32_t row, uint32_t lane, enum sg_type type) {
    uint64_t x = run->v[row][lane];
    return sg_type_dwords(type) > 1 ? x | (uint64_t)run->v[row + 1][lane] << 32 : x;
}

static void encode(struct run *run) {
    const struct sg_row *row = run->row;
    uint32_t src0 = run->source0 ? run->source0 : SG_VGPR0;
    uint32_t dst = row->flags & SG_VF_CMP ? COUT : D;
    memset(run->words, 0, sizeof run->words);
    run->words[0] = sg_formats[run->id].value | run->opcode << sg_formats[run->id].opcode_shift;
    if (run->id == SG_FORMAT_VOP3 || run->id == SG_FORMAT_VOP3P) {
        bool carry = row->flags & SG_VF_COUT;
        run->words[0] |= dst | (uint32_t)run->clamp << 15 | (carry ? COUT : run->abs) << 8;
        run->words[0] |= carry ? 0 : run->op_sel << 11;
        run->words[1] = run->neg << 29 | src0;
        run->words[1] |= row->types[2] ? (SG_VGPR0 + 4) << 9 : 0;
        run->words[1] |= row->flags & SG_VF_CIN ? CIN << 18
                         : row->types[3]        ? (SG_VGPR0 + 8) << 18
                                                : 0;
        if (run->id == SG_FORMAT_VOP3) {
            run->words[1] |= run->omod << 27;
        } else {
            run->words[1] |= (run->op_sel_hi & 3) << 27;
            run->words[0] |= (run->op_sel_hi >> 2) << 14;
        }
        return;
    }
    run->words[0] |= run->form == WORDS_SDWA  ? (uint32_t)SG_SDWA_WORD
                     : run->form == WORDS_DPP ? (uint32_t)SG_DPP_WORD
                                              : src0;
    if (run->id != SG_FORMAT_VOP1 && row->types[2])
        run->words[0] |= 4 << 9;
    if (run->id != SG_FORMAT_VOPC)
        run->words[0] |= D << 17;
    if (run->form != WORDS_PLAIN)
        run->words[1] = run->extra;
    else if (row->flags & (SG_VF_MADMK | SG_VF_MADAK))
        run->words[1] = run->v[row->flags & SG_VF_MADMK ? 4 : 8][0]; // the same for all lanes
}

static uint32_t length_of(const struct run *run) {
    bool two = run->form != WORDS_PLAIN || run->row->flags & (SG_VF_MADMK | SG_VF_MADAK) ||
               sg_formats[run->id].dwords == 2;
    return two ? 2 : 1;
}

/* ---- the modifiers, as the manual has them ---- */

static uint32_t selected(uint32_t x, uint32_t select, bool sign) {
    uint32_t bits = select < 4 ? 8 : select < 6 ? 16 : 32;
    uint32_t part = x >> (select < 4 ? select * 8 : select == 5 ? 16 : 0);
    uint32_t low = bits == 32 ? part : part & ((1u << bits) - 1);
    return sign && bits < 32 && low >> (bits - 1) & 1 ? low | ~0u << bits : low;
}

/* The lane that DPP reads; -1 outside. Only the controls that this test uses. */
static int dpp_lane(uint32_t control, uint32_t lane) {
    if (control < 0x100)
        return (int)(lane / 4 * 4 + (control >> lane % 4 * 2 & 3));
    if (control > 0x110 && control < 0x120)
        return lane % 16 >= (control & 15) ? (int)(lane - (control & 15)) : -1;
    if (control == 0x140)
        return (int)(lane / 16 * 16 + 15 - lane % 16);
    return (int)(lane / 16 * 16 + (control & 15)); // row_newbcast
}

static uint64_t source(const struct run *run, uint32_t n, uint32_t lane) {
    enum sg_type type = (enum sg_type)run->row->types[n + 1];
    if (type == SG_T_none)
        return 0;
    uint64_t x = pair_of(run, n * 4, lane, type);
    const struct sf_format *f = format_of(type);
    if (run->form == WORDS_SDWA && n < 2)
        x = selected((uint32_t)x, run->extra >> (n ? 24 : 16) & 7, run->extra >> (n ? 27 : 19) & 1);
    if (type == SG_T_pk16 && run->id == SG_FORMAT_VOP3P) {
        uint64_t low = x >> (run->op_sel >> n & 1) * 16 & 0xffff;
        uint64_t high = x >> (run->op_sel_hi >> n & 1) * 16 & 0xffff;
        return (low ^ (run->neg >> n & 1) << 15) | (high ^ (run->abs >> n & 1) << 15) << 16;
    }
    if (type == SG_T_pkf32) {
        uint64_t low = x >> (run->op_sel >> n & 1) * 32 & UINT32_MAX;
        uint64_t high = x >> (run->op_sel_hi >> n & 1) * 32 & UINT32_MAX;
        return (low ^ (uint64_t)(run->neg >> n & 1) << 31) |
               (high ^ (uint64_t)(run->abs >> n & 1) << 31) << 32;
    }
    if (is_half(type))
        x = x >> (run->id == SG_FORMAT_VOP3 && run->op_sel >> n & 1) * 16 & 0xffff;
    if (f && run->id != SG_FORMAT_VOP3P && run->abs >> n & 1)
        x &= ~sf_negate(f, 0);
    if (f && run->neg >> n & 1) // VOP3P: the float of a dot product
        x ^= sf_negate(f, 0);
    return x;
}

/* Output modifiers only exist without IEEE and output denormals; then -0 is lost too. */
static uint64_t modified(const struct run *run, const struct sf_format *f, uint64_t x) {
    static const int powers[] = {0, 1, 2, -1};
    struct sf_env env = oracle_env(run->mode, f);
    uint64_t one = ((1ull << (f->exponent_bits - 1)) - 1) << f->fraction_bits;
    if (run->omod && env.flush_out && !(run->mode & SG_MODE_IEEE)) {
        x = sf_scale(f, env, x, powers[run->omod]);
        x = sf_is_zero(f, x) ? 0 : x;
    }
    if (!run->clamp)
        return x;
    if (sf_is_nan(f, x))
        return run->mode & SG_MODE_DX10_CLAMP ? 0 : x;
    return sf_is_negative(f, x) || sf_is_zero(f, x) ? 0 : x > one ? one : x;
}

/* The whole destination register (or pair) with the result put where it belongs. */
static uint64_t placed(const struct run *run, uint64_t old, uint64_t x) {
    enum sg_type type = (enum sg_type)run->row->types[0];
    uint32_t width = width_of(type);
    x &= width == 64 ? ~0ull : (1ull << width) - 1;
    if (run->form == WORDS_SDWA) {
        uint32_t select = run->extra >> 8 & 7, unused = run->extra >> 11 & 3;
        uint32_t bits = select < 4 ? 8 : select < 6 ? 16 : 32;
        uint32_t shift = select < 4 ? select * 8 : select == 5 ? 16 : 0;
        uint64_t field = ((1ull << bits) - 1) << shift, part = x << shift & field;
        uint64_t above = UINT32_MAX & ~(field | ((1ull << shift) - 1));
        bool sign = part >> (shift + bits - 1) & 1;
        return part | (unused == 2 ? (old & UINT32_MAX & ~field) : unused == 1 && sign ? above : 0);
    }
    if (width == 16 && run->id == SG_FORMAT_VOP3 && run->op_sel >> 3 & 1)
        return x << 16 | (old & 0xffff);
    if (keeps_half(type))
        return x | (old & 0xffff0000);
    return x;
}

/* ---- compares ---- */

static bool compares(const char *what, int order) {
    static const struct {
        const char *name;
        uint32_t less_equal_greater_unordered;
    } conditions[] = {
        {"f", 0},    {"lt", 1},   {"eq", 2},   {"le", 3},   {"gt", 4},   {"lg", 5},
        {"ge", 6},   {"o", 7},    {"u", 8},    {"nge", 9},  {"nlg", 10}, {"ngt", 11},
        {"nle", 12}, {"neq", 13}, {"nlt", 14}, {"tru", 15}, {"t", 15},   {"ne", 13},
    };
    size_t length = strcspn(what, "_");
    for (size_t i = 0; i < sizeof conditions / sizeof *conditions; i++)
        if (strlen(conditions[i].name) == length && strncmp(conditions[i].name, what, length) == 0)
            return conditions[i].less_equal_greater_unordered >> (order + 1) & 1;
    fail_msg("no condition in %s", what);
    return false;
}

static bool has_class(const struct sf_format *f, uint64_t x, uint32_t mask) {
    bool negative = sf_is_negative(f, x),
         denormal = (x & (sf_negate(f, 0) - 1)) < 1ull << f->fraction_bits;
    uint32_t bit = sf_is_signalling(f, x) ? 0
                   : sf_is_nan(f, x)      ? 1
                   : sf_is_inf(f, x)      ? (negative ? 2 : 9)
                   : sf_is_zero(f, x)     ? (negative ? 5 : 6)
                   : denormal             ? (negative ? 4 : 7)
                   : negative             ? 3
                                          : 8;
    return mask >> bit & 1;
}

static void compute_compare(const struct run *run, struct vec *v) {
    enum sg_type type = (enum sg_type)run->row->types[1];
    const struct sf_format *f = format_of(type);
    const char *what = run->row->name + (run->row->name[5] == 'x' ? 7 : 6);
    uint32_t unused = 64 - width_of(type);
    int order;
    if (strncmp(what, "class", 5) == 0) {
        v->cout = has_class(f, v->a, (uint32_t)v->b);
        return;
    }
    if (f)
        order = sf_compare(f, oracle_env(run->mode, f), v->a, v->b);
    else if (type == SG_T_i16 || type == SG_T_i32 || type == SG_T_i64)
        order = (int64_t)(v->a << unused) < (int64_t)(v->b << unused)
                    ? -1
                    : (int64_t)(v->a << unused) > (int64_t)(v->b << unused);
    else
        order = v->a << unused < v->b << unused ? -1 : v->a << unused > v->b << unused;
    v->cout = compares(what, order);
}

/* ---- comparison ---- */

/* Packed floats: which NaN is not compared. */
static bool same_parts(const struct sf_format *f, uint32_t bits, uint64_t x, uint64_t y,
                       bool flushes) {
    for (uint32_t i = 0; i < 64; i += bits) {
        uint64_t mask = (1ull << bits) - 1, p = x >> i & mask, q = y >> i & mask;
        uint64_t normal = 1ull << f->fraction_bits, top = sf_negate(f, 0);
        bool boundary = ((p ^ q) & top) == 0 && ((p ^ q) & ~top) == normal && ((p & q) & ~top) == 0;
        if (p != q && !(sf_is_nan(f, p) && sf_is_nan(f, q)) && !(flushes && boundary))
            return false;
    }
    return true;
}

static bool close_enough(const struct run *run, const struct vec *v, uint64_t seen,
                         uint64_t expected) {
    const struct sf_format *f = format_of((enum sg_type)run->row->types[0]);
    uint32_t nans = 0;
    if (seen == expected)
        return true;
    if (strstr(run->row->name, "v_pk_"))
        return strstr(run->row->name, "_f16") ? same_parts(&sf_f16, 16, seen, expected,
                                                           oracle_env(run->mode, &sf_f16).flush_out)
               : strstr(run->row->name, "_f32")
                   ? same_parts(&sf_f32, 32, seen, expected,
                                oracle_env(run->mode, &sf_f32).flush_out)
                   : false;
    if (!f)
        return false;
    if (f == &sf_f16 && run->op_sel >> 3 & 1) { // in the upper half
        if ((seen ^ expected) & 0xffff)
            return false;
        seen >>= 16, expected >>= 16;
    }
    uint64_t mask = sf_negate(f, 0) * 2 - 1, x = seen & mask, y = expected & mask;
    if ((seen & ~mask) != (expected & ~mask) || run->form == WORDS_SDWA)
        return false;
    const uint64_t operands[] = {v->a, v->b, v->c, v->old & mask};
    for (uint32_t n = 0; n < 4; n++)
        nans += (n == 3 || format_of((enum sg_type)run->row->types[n + 1]) == f) &&
                sf_is_nan(f, operands[n]);
    /* Which of several NaNs, and the sign of one that an operation makes: not compared. */
    if (sf_is_nan(f, y) && sf_is_nan(f, x))
        return nans != 1 || v->old == operands[3] || !sf_is_signalling(f, x);
    /* Whether a result is denormal before or after rounding: the manual doesn't say. */
    uint64_t normal = 1ull << f->fraction_bits, sign = sf_negate(f, 0);
    if (oracle_env(run->mode, f).flush_out && (x & sign) == (y & sign) &&
        ((x | sign) == sign || (y | sign) == sign) && (x | y | sign) == (normal | sign))
        return true;
    uint64_t distance = x > y ? x - y : y - x;
    return distance <= v->ulps && !sf_is_nan(f, x);
}

/* Counts a failure; true for the first of a row, which are shown. */
static bool failed(void) {
    failures++;
    return row_failures++ < SHOWN;
}

/* The lane that source 0 comes from, or -1; *written: whether the result is kept. */
static int lane_of_source(const struct run *run, uint32_t lane, bool *written) {
    *written = run->exec >> lane & 1;
    if (run->form != WORDS_DPP)
        return (int)lane;
    int from = dpp_lane(run->extra >> 8 & 0x1ff, lane);
    bool valid = from >= 0 && (run->exec >> from & 1);
    bool enabled = run->extra >> (28 + lane / 16) & 1 && run->extra >> (24 + lane % 16 / 4) & 1;
    *written = *written && enabled && (valid || run->extra >> 19 & 1);
    return valid ? from : -1;
}

static struct vec take_vec(const struct run *run, uint32_t lane, int from) {
    const struct sg_row *row = run->row;
    const struct sf_format *f = format_of((enum sg_type)row->types[1]);
    bool is_vcc = row->flags & SG_VF_VCC || run->id != SG_FORMAT_VOP3;
    struct vec v = {
        .a = from >= 0 ? source(run, 0, (uint32_t)from) : 0,
        .b = source(run, 1, lane),
        .c = source(run, 2, lane),
        .old = pair_of(run, D, lane, (enum sg_type)row->types[0]),
        .clamp = run->clamp,
        .mode = run->mode,
        .lane = lane,
    };
    if (from < 0 && f && run->neg & 1) // the 0 from outside is modified too
        v.a = sf_negate(f, 0);
    if (row->flags & (SG_VF_CIN | SG_VF_VCC))
        v.cin = (is_vcc ? VCC_VALUE : CIN_VALUE) >> lane & 1;
    return v;
}

static void check_mask(const struct run *run, const struct vec *v, bool written) {
    uint32_t code = run->id == SG_FORMAT_VOP3 ? COUT : SG_VCC;
    bool expected = written && v->cout;
    bool seen = sg_wave_s64(&vectors_bench->wave, code) >> v->lane & 1;
    if (seen != expected && failed())
        print_error("%s %08x %08x lane %u mode %x: mask bit %d of %llx %llx %llx, not %d\n",
                    run->row->name, run->words[0], run->words[1], v->lane, run->mode, seen,
                    (unsigned long long)v->a, (unsigned long long)v->b, (unsigned long long)v->c,
                    expected);
}

static void check_result(const struct run *run, const struct vec *v, bool written) {
    const struct sg_wave *w = &vectors_bench->wave;
    enum sg_type type = (enum sg_type)run->row->types[0];
    const struct sf_format *f = format_of(type);
    uint64_t result = f ? modified(run, f, v->d) : v->d;
    uint64_t expected = written ? placed(run, v->old, result) : v->old;
    uint64_t seen = w->v[D][v->lane];
    if (sg_type_dwords(type) > 1)
        seen |= (uint64_t)w->v[D + 1][v->lane] << 32;
    else
        expected &= UINT32_MAX;
    if (!close_enough(run, v, seen, expected) && failed())
        print_error("%s %08x %08x lane %u mode %x: %llx of %llx %llx %llx old %llx, not %llx\n",
                    run->row->name, run->words[0], run->words[1], v->lane, run->mode,
                    (unsigned long long)seen, (unsigned long long)v->a, (unsigned long long)v->b,
                    (unsigned long long)v->c, (unsigned long long)v->old,
                    (unsigned long long)expected);
}

static void check_lane(const struct run *run, const struct oracle *oracle, uint32_t lane) {
    const struct sg_row *row = run->row;
    const struct sf_format *f = format_of((enum sg_type)row->types[0]);
    bool written;
    int from = lane_of_source(run, lane, &written);
    struct vec v = take_vec(run, lane, from);
    if (row->flags & SG_VF_CMP)
        compute_compare(run, &v);
    else
        oracle->compute(&v);
    if (v.unknown || (run->form == WORDS_SDWA && f && sf_is_nan(f, v.d)))
        return;
    vectors_compared[run->base][row->opcode]++;
    if (row->flags & (SG_VF_CMP | SG_VF_COUT))
        check_mask(run, &v, written);
    if (row->types[0] != SG_T_none)
        check_result(run, &v, written);
}

static void run_one(struct run *run, const struct oracle *oracle) {
    struct sg_wave *w = &vectors_bench->wave;
    const struct sg_row *row = run->row;
    bench_reset(vectors_bench);
    for (uint32_t n = 0; n < 4; n++) {
        enum sg_type type = (enum sg_type)(n < 3 ? row->types[n + 1] : row->types[0]);
        for (uint32_t lane = 0; lane < SG_LANES; lane++) {
            uint64_t x = vectors_operand(type);
            if (is_half(type))
                x = (x & 0xffff) | vectors_operand(type) << 16;
            bool same_n = n == 1 && row->flags & SG_VF_MADMK,
                 same_k = n == 2 && row->flags & SG_VF_MADAK;
            if (lane && (same_n || same_k))
                x = run->v[n * 4][0];
            run->v[n * 4][lane] = (uint32_t)x;
            run->v[n * 4 + 1][lane] = (uint32_t)(x >> 32);
            run->v[n * 4 + 2][lane] = run->v[n * 4 + 3][lane] = vectors_below(UINT32_MAX);
        }
    }
    if (strstr(row->name, "div_scale")) // source 0 is one of the others
        for (uint32_t lane = 0; lane < SG_LANES; lane++)
            for (uint32_t k = 0; k < 2; k++)
                run->v[k][lane] = run->v[(lane % 2 ? 4 : 8) + k][lane];
    encode(run);
    if (row->flags & SG_VF_MADMK) // sources: v0, the literal, v8 in source 1's field
        run->words[0] = (run->words[0] & ~(255u << 9)) | 8 << 9;
    memcpy(w->v, run->v, sizeof run->v);
    w->mode = run->mode;
    sg_wave_set_exec(w, run->exec);
    sg_wave_set_s64(w, CIN, CIN_VALUE);
    sg_wave_set_s64(w, SG_VCC, VCC_VALUE);
    bench_execute(vectors_bench, run->words, length_of(run));
    for (uint32_t lane = 0; lane < SG_LANES; lane++)
        check_lane(run, oracle, lane);
}

/* ---- the variations ---- */

static bool is_arithmetic(const char *name) {
    static const char *const names[] = {"add_f",  "sub_f",    "subrev_f", "mul_f",  "_fma_f",
                                        "fmac_f", "_mad_f",   "_mac_f",   "madmk",  "madak",
                                        "pk_fma", "pk_mul_f", "pk_add_f", "pk_fmac"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strstr(name, names[i]))
            return true;
    return false;
}

static bool takes_float(const struct sg_row *row) {
    for (uint32_t n = 1; n < 4; n++)
        if (format_of((enum sg_type)row->types[n]))
            return true;
    return false;
}

static void vary_modes(struct run run, const struct oracle *oracle) {
    static const uint32_t rounds[] = {0x5, 0xa, 0xf, 0x4, 0x9};
    bool is_approximate = strstr(run.row->name, "rcp") || strstr(run.row->name, "rsq") ||
                          strstr(run.row->name, "sqrt") || strstr(run.row->name, "exp") ||
                          strstr(run.row->name, "log") || strstr(run.row->name, "sin") ||
                          strstr(run.row->name, "cos") || strstr(run.row->name, "fract") ||
                          strstr(run.row->name, "div_");
    for (uint32_t i = 0; !is_approximate && i < 5; i++) {
        run.mode = MODE_DEFAULT | rounds[i];
        run_one(&run, oracle);
    }
    run.mode = 0xf0; // no IEEE, no DX10_CLAMP
    run_one(&run, oracle);
    for (uint32_t bits = 0; is_arithmetic(run.row->name) && bits < 0xf; bits += 5) {
        run.mode = 0x300 | bits << 4;
        run_one(&run, oracle);
    }
}

static void vary_long(struct run run, const struct oracle *oracle) {
    bool floats = takes_float(run.row), is_float = format_of((enum sg_type)run.row->types[0]);
    bool carry = run.row->flags & SG_VF_COUT;
    bool has_clamp = (is_float || (oracle && oracle->clamps)) && !strstr(run.row->name, "div_");
    bool half = false;
    for (uint32_t n = 0; n < 4; n++)
        half |= is_half((enum sg_type)run.row->types[n]);
    for (uint32_t i = 0; i < 6; i++) {
        run.neg = floats ? vectors_below(8) : 0;
        run.abs = floats && !carry ? vectors_below(8) : 0;
        run.clamp = has_clamp && i % 2;
        run.omod = is_float && !half ? i % 4 : 0;
        run.mode = i < 3 ? MODE_DEFAULT : 0x100; // output modifiers work
        if (run.mode != MODE_DEFAULT && !is_arithmetic(run.row->name))
            run.mode = MODE_DEFAULT;
        run.op_sel = half && run.opcode >= 0x100 && !carry && i > 3 && run.opcode >= 0x1c0
                         ? vectors_below(16)
                         : 0;
        run.exec = i == 5 ? 0x0ff0f00f5a5a1234 : ~0ull;
        run_one(&run, oracle);
    }
}

static void vary_packed(struct run run, const struct oracle *oracle) {
    enum sg_type type = (enum sg_type)run.row->types[1];
    bool packed = type == SG_T_pk16 || type == SG_T_pkf32;
    bool is_float = strstr(run.row->name, "_f16") || strstr(run.row->name, "_f32");
    bool has_clamp =
        oracle->clamps && !strstr(run.row->name, "shl") && !strstr(run.row->name, "shr");
    for (uint32_t i = 0; i < 6; i++) {
        run.op_sel = packed ? vectors_below(8) : 0;
        run.op_sel_hi = packed ? vectors_below(8) : 7;
        run.neg = packed && is_float ? vectors_below(8) : 0;
        run.abs = packed && is_float ? vectors_below(8) : 0;
        run.clamp = has_clamp && i % 2 && strstr(run.row->name, "m") != NULL;
        run_one(&run, oracle);
    }
}

static void vary_short(struct run run, const struct oracle *oracle) {
    static const uint16_t controls[] = {0x1b, 0xe4, 0x4e, 0x111, 0x113, 0x11f, 0x140, 0x155};
    bool compare = run.row->flags & SG_VF_CMP, floats = takes_float(run.row);
    for (uint32_t i = 0; i < 6 && sg_row_has_sdwa(run.row); i++) {
        run.form = WORDS_SDWA;
        run.neg = floats && i % 2 ? vectors_below(4) : 0;
        run.abs = floats && i % 2 ? vectors_below(4) : 0;
        run.extra = vectors_below(7) << 16 | vectors_below(7) << 24 |
                    (compare ? 0 : vectors_below(7) << 8 | vectors_below(3) << 11);
        if (!floats)
            run.extra |= vectors_below(2) << 19 | vectors_below(2) << 27;
        if (run.row->types[2] == SG_T_none)
            run.extra &= 0x00ffffff;
        run.extra |=
            (run.neg & 1) << 20 | (run.abs & 1) << 21 | (run.neg >> 1) << 28 | (run.abs >> 1) << 29;
        run.exec = i == 5 ? 0x0ff0f00f5a5a1234 : ~0ull;
        run_one(&run, oracle);
    }
    bool wide = false;
    for (uint32_t n = 0; n < 4; n++)
        wide |= sg_type_dwords((enum sg_type)run.row->types[n]) > 1;
    for (uint32_t i = 0; i < 8 && sg_row_has_dpp(run.row) && !compare; i++) {
        run.form = WORDS_DPP;
        run.neg = floats && i % 2 ? vectors_below(4) : 0;
        run.abs = floats && i % 2 ? vectors_below(4) : 0;
        run.extra = (uint32_t)(wide ? 0x155 : controls[i]) << 8 |
                    (i < 4 ? 0xffu : vectors_below(256)) << 24 | vectors_below(2) << 19 |
                    (run.neg & 1) << 20 | (run.abs & 1) << 21 | (run.neg >> 1) << 22 |
                    (run.abs >> 1) << 23;
        run.exec = i % 3 == 2 ? 0x0ff0f00f5a5a1234 : ~0ull;
        run_one(&run, oracle);
    }
}

static bool is_special(const struct sg_row *row) {
    return row->flags & (SG_VF_SDST | SG_VF_MIX | SG_VF_MFMA | SG_VF_SCALAR_SRC1 | SG_VF_ACC_D |
                         SG_VF_ACC_S) ||
           strcmp(row->name, "v_mqsad_u32_u8") == 0 || strcmp(row->name, "v_swap_b32") == 0 ||
           strcmp(row->name, "v_nop") == 0 || strcmp(row->name, "v_clrexcp") == 0 ||
           strcmp(row->name, "v_trig_preop_f64") == 0;
}

static void check_row(enum sg_format_id id, enum sg_format_id base, uint32_t opcode,
                      const struct sg_row *row) {
    const struct oracle *oracle = oracle_find(row->name);
    row_failures = 0;
    if (is_special(row))
        return;
    if (!oracle && !(row->flags & SG_VF_CMP)) {
        print_error("%s has no oracle\n", row->name);
        failures++;
        return;
    }
    struct run run = {.row = row,
                      .id = id,
                      .base = base,
                      .opcode = opcode,
                      .exec = ~0ull,
                      .mode = MODE_DEFAULT,
                      .op_sel_hi = 7};
    run_one(&run, oracle);
    run_one(&run, oracle);
    run.exec = 0xf0f00ff0aa55c33c;
    run_one(&run, oracle);
    run.exec = 0;
    run_one(&run, oracle);
    run.exec = ~0ull;
    vary_modes(run, oracle);
    if (id == SG_FORMAT_VOP3)
        vary_long(run, oracle);
    else if (id == SG_FORMAT_VOP3P)
        vary_packed(run, oracle);
    else if (!(row->flags & (SG_VF_MADMK | SG_VF_MADAK)))
        vary_short(run, oracle);
}

static void vector_rows_compute_what_the_manual_says(void **state) {
    static const enum sg_format_id formats[] = {SG_FORMAT_VOP1, SG_FORMAT_VOP2, SG_FORMAT_VOPC,
                                                SG_FORMAT_VOP3, SG_FORMAT_VOP3P};
    (void)state;
    for (size_t i = 0; i < sizeof formats / sizeof *formats; i++)
        for (uint32_t opcode = 0; opcode <= sg_formats[formats[i]].opcode_mask; opcode++) {
            const struct sg_row *row = sg_level_v2.find[formats[i]](opcode);
            enum sg_format_id base = formats[i];
            if (base == SG_FORMAT_VOP3 && opcode < 0x1c0)
                base = opcode < 0x100   ? SG_FORMAT_VOPC
                       : opcode < 0x140 ? SG_FORMAT_VOP2
                                        : SG_FORMAT_VOP1;
            if (row)
                check_row(formats[i], base, opcode, row);
        }
    assert_int_equal(failures, 0);
}

/* ---- the gate ---- */

/* Control flow, messages, modes: programs in control_test.c and scalar_test.c show what they do. */
static bool is_program(const char *name) {
    static const char *const names[] = {
        "s_getpc_b64",    "s_setpc_b64",      "s_swappc_b64",      "s_rfe_b64",  "s_cbranch_join",
        "s_set_gpr_idx_", "s_cbranch_g_fork", "s_rfe_restore_b64", "s_setvskip", "s_cbranch_i_fork",
        "s_getreg_b32",   "s_setreg_",        "s_call_b64",        "s_endpgm",   "s_barrier",
        "s_setkill",      "s_sethalt",        "s_sleep",           "s_sendmsg",  "s_trap",
        "s_icache_inv",
    };
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strncmp(name, names[i], strlen(names[i])) == 0)
            return true;
    return false;
}

static void every_row_has_its_vectors(void **state) {
    uint32_t rows = 0, poor = 0;
    uint64_t vectors = 0;
    (void)state;
    for (uint32_t id = 0; id < SG_FORMAT_SMEM; id++)
        for (uint32_t opcode = 0; opcode <= sg_formats[id].opcode_mask; opcode++) {
            const struct sg_row *row = sg_level_v2.find[id](opcode);
            bool is_long_form =
                id == SG_FORMAT_VOP3 && opcode < 0x1c0; // counted with the short one
            if (!row || is_long_form || is_program(row->name))
                continue;
            rows++;
            vectors += vectors_compared[id][row->opcode];
            if (vectors_compared[id][row->opcode] < LEAST) {
                print_error("%s has %u vectors\n", row->name, vectors_compared[id][row->opcode]);
                poor++;
            }
        }
    print_message("%u rows, %llu vectors\n", rows, (unsigned long long)vectors);
    assert_int_equal(poor, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(vector_rows_compute_what_the_manual_says),
        cmocka_unit_test(vectors_scalar),
        cmocka_unit_test(vectors_branches),
        cmocka_unit_test(vectors_special),
        cmocka_unit_test(every_row_has_its_vectors),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
