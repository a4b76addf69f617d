/* SPDX-License-Identifier: MIT */
/// The interpreter levels give bit-identical results: every vector row, plain, with modifiers, as
/// SDWA and as DPP, on random and special values, with full, partial and no EXEC.
#include "bench.h"
#include "row_words.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

enum { ROWS = 64, LEVELS = 3 };

struct fixture {
    struct bench *benches[LEVELS];
    uint32_t level_count;
    uint64_t random;
    uint64_t exec;
    uint32_t executed;
    uint32_t differing;
};

static uint64_t next_random(struct fixture *f) {
    f->random ^= f->random << 13;
    f->random ^= f->random >> 7;
    return f->random ^= f->random << 17;
}

/* A third each: special words, floats of moderate size, integers. One NaN only: that of several
 * meeting the first is kept is nans_test.c's. */
static uint32_t next_word(struct fixture *f) {
    static const uint32_t special[] = {0,          1,          0x80000000, 0x3f800000, 0xbf800000,
                                       0x7f800000, 0xff800000, 0x7fc00000, 0x00000001, 0x807fffff,
                                       0x7f7fffff, 0x4f000000, 0xcf000000, 0xbfffffff, 0x7c003bff,
                                       0x00018000, 0x3c00bc00, 0x7ff00000, 0x3ff00000};
    uint64_t r = next_random(f);
    switch (r % 3) {
    case 0:
        return special[(r >> 8) % (sizeof special / sizeof *special)];
    case 1:
        return (uint32_t)(r >> 32 & 0x807fbfff) | (uint32_t)(112 + (r >> 8) % 32) << 23;
    default:
        return (uint32_t)(r >> 32) & 0xbfffbfff;
    }
}

static bool is_nan(uint32_t word) {
    return (word & 0x7f800000) == 0x7f800000 && (word & 0x007fffff) != 0;
}

static bool is_half_nan(uint32_t half) {
    return (half & 0x7c00) == 0x7c00 && (half & 0x03ff) != 0;
}

/* Equal but for the sign of NaNs. */
static bool same_word(uint32_t a, uint32_t b) {
    bool same_low = (a & 0xffff) == (b & 0xffff) || (is_half_nan(a) && is_half_nan(b));
    bool same_high = a >> 16 == b >> 16 || (is_half_nan(a >> 16) && is_half_nan(b >> 16));
    return a == b || (is_nan(a) && is_nan(b)) || (same_low && same_high);
}

/* The high word of a double that is a NaN. */
static bool is_wide_nan(uint32_t word) {
    return (word & 0x7ff00000) == 0x7ff00000;
}

static bool same_rows(const struct sg_wave *a, const struct sg_wave *b, uint32_t first) {
    for (uint32_t row = first; row < first + ROWS; row++)
        for (uint32_t lane = 0; lane < SG_LANES; lane++)
            if (!same_word(a->v[row][lane], b->v[row][lane]) &&
                !(is_wide_nan(a->v[row][lane]) && is_wide_nan(b->v[row][lane])) &&
                !(is_wide_nan(a->v[row + 1][lane]) && is_wide_nan(b->v[row + 1][lane])))
                return false;
    return true;
}

static void fill(struct fixture *f) {
    struct sg_wave *first = &f->benches[0]->wave;
    for (uint32_t i = 0; i < f->level_count; i++)
        bench_reset(f->benches[i]);
    for (uint32_t row = 0; row < ROWS; row++)
        for (uint32_t lane = 0; lane < SG_LANES; lane++)
            first->v[row][lane] = next_word(f);
    for (uint32_t s = 0; s < 108; s++)
        first->s[s] = next_word(f);
    sg_wave_set_exec(first, f->exec);
    memcpy(first->v[256], first->v[0], ROWS * sizeof *first->v);
    for (uint32_t i = 1; i < f->level_count; i++) {
        struct sg_wave *w = &f->benches[i]->wave;
        memcpy(w->v, first->v, ROWS * sizeof *w->v);
        memcpy(w->v[256], first->v[0], ROWS * sizeof *w->v);
        memcpy(w->s, first->s, sizeof w->s);
    }
}

static void compare(void *context, const struct row_words *row) {
    struct fixture *f = context;
    const struct sg_wave *first = &f->benches[0]->wave;
    char text[160];
    uint32_t count = sg_isa_disassemble(row->words, 3, 0, text, sizeof text);
    fill(f);
    for (uint32_t i = 0; i < f->level_count; i++)
        bench_execute(f->benches[i], row->words, count);
    f->executed++;
    for (uint32_t i = 1; i < f->level_count; i++) {
        const struct sg_wave *w = &f->benches[i]->wave;
        bool same = same_rows(first, w, 0) && same_rows(first, w, 256) &&
                    memcmp(first->s, w->s, sizeof w->s) == 0;
        if (!same) {
            f->differing++;
            print_error("level v%u differs from v2: %s\n", i + 2, text);
        }
    }
}

static int set_up(void **state) {
    static struct fixture fixture;
    fixture.random = 0x9e3779b97f4a7c15;
    for (uint32_t level = SG_ISA_V2; level <= sg_isa_level_max(); level++)
        fixture.benches[fixture.level_count++] = bench_create((enum sg_isa_level)level);
    *state = &fixture;
    return 0;
}

static int tear_down(void **state) {
    struct fixture *f = *state;
    for (uint32_t i = 0; i < f->level_count; i++)
        bench_destroy(f->benches[i]);
    return 0;
}

static void levels_agree(struct fixture *f, uint32_t variation, uint32_t least) {
    static const uint64_t masks[] = {~0ull, 0, 0x00ff0f0f33335555};
    for (size_t i = 0; i < sizeof masks / sizeof *masks; i++) {
        f->exec = masks[i];
        f->executed = 0;
        row_words_vector(variation, compare, f);
        assert_true(f->executed >= least);
    }
    assert_int_equal(f->differing, 0);
}

static void plain_rows_agree(void **state) {
    levels_agree(*state, 0, 700);
}

static void modified_rows_agree(void **state) {
    levels_agree(*state, 1, 300);
}

static void sdwa_rows_agree(void **state) {
    levels_agree(*state, 2, 200);
}

static void dpp_rows_agree(void **state) {
    levels_agree(*state, 3, 100);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(plain_rows_agree),
        cmocka_unit_test(modified_rows_agree),
        cmocka_unit_test(sdwa_rows_agree),
        cmocka_unit_test(dpp_rows_agree),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
