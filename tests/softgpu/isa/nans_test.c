/* SPDX-License-Identifier: MIT */
/// Several NaNs meet: the result is the first one in the order of the sources, made quiet, at every
/// interpreter level and under every EXEC. No public document of gfx90a says which one it is (the
/// manual does for minimum and maximum, and those are here as it says); what matters is that a
/// program gives the same bits on every host.
#include "assemble.h"
#include "bench.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

enum { A = 0, B = 2, C = 4, D = 6, LEVELS = 3, WORDS = 4 };

/* Which of the sources in v[0:1], v[2:3] and v[4:5] the result is: the first NaN, or as minimum and
 * maximum do under IEEE: the first signalling one, else the other operand. */
enum rule { FIRST, EXTREME };

struct row {
    const char *text; ///< to v[6:7], or where it adds, to v[4:5]
    uint32_t bits;    ///< of a number; two of 16 in a register are in both halves
    uint32_t sources;
    bool is_packed;
    enum rule rule;
};

static const struct row rows[] = {
    {"v_add_f32 v6, v0, v2", 32, 2, false, FIRST},
    {"v_sub_f32 v6, v0, v2", 32, 2, false, FIRST},
    {"v_subrev_f32 v6, v2, v0", 32, 2, false, FIRST},
    {"v_mul_f32 v6, v0, v2", 32, 2, false, FIRST},
    {"v_mul_legacy_f32 v6, v0, v2", 32, 2, false, FIRST},
    {"v_add_f32_e64 v6, v0, v2 mul:2", 32, 2, false, FIRST},
    {"v_fma_f32 v6, v0, v2, v4", 32, 3, false, FIRST},
    {"v_fmac_f32 v4, v0, v2", 32, 3, false, FIRST},
    {"v_mad_f32 v6, v0, v2, v4", 32, 3, false, FIRST},
    {"v_mac_f32 v4, v0, v2", 32, 3, false, FIRST},
    {"v_fma_mix_f32 v6, v0, v2, v4", 32, 3, false, FIRST},
    {"v_min_f32 v6, v0, v2", 32, 2, false, EXTREME},
    {"v_max_f32 v6, v0, v2", 32, 2, false, EXTREME},
    {"v_add_f64 v[6:7], v[0:1], v[2:3]", 64, 2, false, FIRST},
    {"v_mul_f64 v[6:7], v[0:1], v[2:3]", 64, 2, false, FIRST},
    {"v_fma_f64 v[6:7], v[0:1], v[2:3], v[4:5]", 64, 3, false, FIRST},
    {"v_fmac_f64 v[4:5], v[0:1], v[2:3]", 64, 3, false, FIRST},
    {"v_min_f64 v[6:7], v[0:1], v[2:3]", 64, 2, false, EXTREME},
    {"v_max_f64 v[6:7], v[0:1], v[2:3]", 64, 2, false, EXTREME},
    {"v_pk_fma_f32 v[6:7], v[0:1], v[2:3], v[4:5]", 32, 3, true, FIRST},
    {"v_pk_mul_f32 v[6:7], v[0:1], v[2:3]", 32, 2, true, FIRST},
    {"v_pk_add_f32 v[6:7], v[0:1], v[2:3]", 32, 2, true, FIRST},
    {"v_add_f16 v6, v0, v2", 16, 2, false, FIRST},
    {"v_sub_f16 v6, v0, v2", 16, 2, false, FIRST},
    {"v_mul_f16 v6, v0, v2", 16, 2, false, FIRST},
    {"v_fma_f16 v6, v0, v2, v4", 16, 3, false, FIRST},
    {"v_mad_f16 v6, v0, v2, v4", 16, 3, false, FIRST},
    {"v_mac_f16 v4, v0, v2", 16, 3, false, FIRST},
    {"v_min_f16 v6, v0, v2", 16, 2, false, EXTREME},
    {"v_max_f16 v6, v0, v2", 16, 2, false, EXTREME},
    {"v_pk_add_f16 v6, v0, v2", 16, 2, true, FIRST},
    {"v_pk_mul_f16 v6, v0, v2", 16, 2, true, FIRST},
    {"v_pk_fma_f16 v6, v0, v2, v4", 16, 3, true, FIRST},
    {"v_pk_max_f16 v6, v0, v2", 16, 2, true, EXTREME},
    {"v_pk_fmac_f16 v4, v0, v2", 16, 3, true, FIRST},
};
enum { ROWS = sizeof rows / sizeof *rows };

static struct bench *benches[LEVELS];
static uint32_t level_count;

static int set_up(void **state) {
    (void)state;
    for (; level_count <= (uint32_t)sg_isa_level_max(); level_count++)
        benches[level_count] = bench_create((enum sg_isa_level)level_count);
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    for (uint32_t i = 0; i < level_count; i++)
        bench_destroy(benches[i]);
    return 0;
}

/* The number that source n of a lane has: 1.5, or a NaN of its own. */
static uint64_t source(uint32_t bits, uint32_t lane, uint32_t n) {
    static const uint32_t tops[] = {0x3c00, 0x7c00, 0x7e00, 0xfe00}; // of halves
    static const uint64_t wide_tops[] = {0x3ff8, 0x7ff0, 0x7ff8, 0xfff8};
    static const uint32_t single_tops[] = {0x3fc0, 0x7f80, 0x7fc0, 0xffc0};
    uint32_t kind = lane >> 2 * n & 3;
    uint64_t payload = kind ? 0x20 + 8 * n : 0;
    if (bits == 16)
        return tops[kind] | payload;
    return bits == 64 ? wide_tops[kind] << 48 | payload << 42
                      : (uint64_t)single_tops[kind] << 16 | payload << 13;
}

static bool is_signalling(uint32_t lane, uint32_t n) {
    return (lane >> 2 * n & 3) == 1;
}

/* False where the result isn't a NaN. */
static bool expected(const struct row *row, uint32_t lane, uint64_t *out) {
    const uint64_t quiet = row->bits == 16   ? 0x0200
                           : row->bits == 32 ? 0x00400000
                                             : 0x0008000000000000;
    for (uint32_t n = 0; n < row->sources; n++) {
        if ((lane >> 2 * n & 3) == 0 || (row->rule == EXTREME && !is_signalling(lane, n)))
            continue;
        *out = source(row->bits, lane, n) | quiet;
        return true;
    }
    *out = source(row->bits, lane, 1);
    return row->rule == EXTREME && (lane & 3) != 0;
}

static void put(struct sg_wave *w, uint32_t at, uint32_t lane, const struct row *row,
                uint64_t value) {
    uint32_t low = (uint32_t)value;
    if (row->bits == 16 && row->is_packed)
        low |= low << 16;
    w->v[at][lane] = low;
    w->v[at + 1][lane] = row->bits == 64 ? (uint32_t)(value >> 32) : low;
}

static void check_row(const struct row *row, uint32_t level, const uint32_t *words, size_t count,
                      uint64_t exec) {
    struct bench *bench = benches[level];
    struct sg_wave *w = &bench->wave;
    uint32_t to = strstr(row->text, "ac_f") ? C : D;
    bench_reset(bench);
    sg_wave_set_exec(w, exec);
    for (uint32_t lane = 0; lane < SG_LANES; lane++)
        for (uint32_t n = 0; n < 3; n++)
            put(w, 2 * n, lane, row, source(row->bits, lane, n));
    bench_execute(bench, words, count);
    for (uint32_t lane = 0; lane < SG_LANES; lane++) {
        uint64_t wanted;
        if (!(exec >> lane & 1) || !expected(row, lane, &wanted))
            continue;
        uint64_t seen = w->v[to][lane] | (uint64_t)w->v[to + 1][lane] << 32;
        if (row->bits == 32 && row->is_packed)
            wanted |= wanted << 32;
        else if (row->bits == 16 && row->is_packed)
            seen = (uint32_t)seen, wanted |= wanted << 16;
        else if (row->bits < 64)
            seen &= (1ull << row->bits) - 1;
        if (seen != wanted)
            fail_msg("%s, level %u, lane %u: %llx, not %llx", row->text, level, lane,
                     (unsigned long long)seen, (unsigned long long)wanted);
    }
}

static void the_first_nan_wins(void **state) {
    (void)state;
    const char *texts[ROWS];
    uint32_t words[ROWS * WORDS];
    size_t first[ROWS + 1];
    for (uint32_t i = 0; i < ROWS; i++)
        texts[i] = rows[i].text;
    assemble_all(texts, ROWS, words, ROWS * WORDS, first);
    for (uint32_t i = 0; i < ROWS; i++)
        for (uint32_t level = 0; level < level_count; level++)
            for (uint32_t part = 0; part < 2; part++)
                check_row(&rows[i], level, words + first[i], first[i + 1] - first[i],
                          part ? 0x7fffffffffffffff : ~0ull);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(the_first_nan_wins)};
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
