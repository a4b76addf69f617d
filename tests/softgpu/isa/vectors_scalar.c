/* SPDX-License-Identifier: MIT */
/* Scalar rows against oracle_scalar.def, EXEC masks and branches against their names. */
#include "oracle.h"
#include "vectors.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

enum { VECTORS = 64, D = 8, A = 0, B = 4 };

static uint64_t narrowed(uint64_t x, enum sg_type type) {
    return sg_type_dwords(type) > 1 ? x : x & UINT32_MAX;
}

/* The whole of source 0 and 1: registers, now and then a literal or a constant for 32 bits. */
static void take_operands(const struct sg_row *row, uint32_t words[2], uint64_t *a, uint64_t *b) {
    struct sg_wave *w = &vectors_bench->wave;
    *a = narrowed(vectors_operand(row->types[1] ? (enum sg_type)row->types[1] : SG_T_b32),
                  (enum sg_type)row->types[1]);
    *b = narrowed(vectors_operand(row->types[2] ? (enum sg_type)row->types[2] : SG_T_b32),
                  (enum sg_type)row->types[2]);
    sg_wave_set_s64(w, A, *a);
    sg_wave_set_s64(w, B, *b);
    if (sg_type_dwords((enum sg_type)row->types[1]) != 1 || vectors_below(4))
        return;
    words[0] = (words[0] & ~0xffu) | SG_LITERAL;
    words[1] = (uint32_t)*a;
}

static void check_vector(enum sg_format_id id, const struct sg_row *row, uint32_t opcode,
                         const struct oracle *oracle) {
    struct sg_wave *w = &vectors_bench->wave;
    uint32_t words[2] = {sg_formats[id].value | opcode << sg_formats[id].opcode_shift, 0};
    struct vec v = {.cin = vectors_below(2), .cout = 0};
    bench_reset(vectors_bench);
    if (id == SG_FORMAT_SOPK) {
        v.b = (uint16_t)vectors_operand(SG_T_u16);
        words[0] |= D << 16 | (uint32_t)v.b;
    } else {
        words[0] |= A | (id == SG_FORMAT_SOP1 ? 0 : B << 8) | (row->types[0] ? D << 16 : 0);
        take_operands(row, words, &v.a, &v.b);
    }
    v.old = vectors_operand(SG_T_b64);
    if (id == SG_FORMAT_SOPK && vectors_below(3) == 0)
        v.old = (uint64_t)(int64_t)(int16_t)v.b; // compares want equals
    sg_wave_set_s64(w, D, v.old);
    w->s[SG_SCC] = v.cout = v.cin;
    bool literal = id != SG_FORMAT_SOPK && (words[0] & 0xff) == SG_LITERAL;
    bench_execute(vectors_bench, words, literal ? 2 : 1);
    v.old = narrowed(v.old, (enum sg_type)row->types[0]);
    oracle->compute(&v);
    uint64_t d = narrowed(sg_wave_s64(w, D), (enum sg_type)row->types[0]);
    uint64_t expected = narrowed(v.d, (enum sg_type)row->types[0]);
    if ((row->types[0] && d != expected) || w->s[SG_SCC] != v.cout)
        fail_msg("%s: %llx %llx old %llx SCC %u gives %llx SCC %u, not %llx %u", row->name,
                 (unsigned long long)v.a, (unsigned long long)v.b, (unsigned long long)v.old, v.cin,
                 (unsigned long long)d, w->s[SG_SCC], (unsigned long long)expected, v.cout);
    vectors_compared[id][row->opcode]++;
}

/* ---- s_and_saveexec_b64 and its kin ---- */

static uint64_t combined(const char *name, uint64_t s, uint64_t exec) {
    static const struct {
        const char *name;
        uint32_t truth; ///< bit 2 * s + exec
    } operations[] = {{"s_and_", 0x8},   {"s_or_", 0xe},   {"s_xor_", 0x6}, {"s_andn2_", 0x4},
                      {"s_orn2_", 0xd},  {"s_nand_", 0x7}, {"s_nor_", 0x1}, {"s_xnor_", 0x9},
                      {"s_andn1_", 0x2}, {"s_orn1_", 0xb}};
    uint64_t r = 0;
    for (size_t i = 0; i < sizeof operations / sizeof *operations; i++)
        for (uint32_t bit = 0; bit < 64; bit++)
            if (strncmp(name, operations[i].name, strlen(operations[i].name)) == 0)
                r |= (uint64_t)(operations[i].truth >> (2 * (s >> bit & 1) + (exec >> bit & 1)) & 1)
                     << bit;
    return r;
}

static void check_exec_row(const struct sg_row *row, uint32_t opcode) {
    struct sg_wave *w = &vectors_bench->wave;
    bool writes_new = strstr(row->name, "_wrexec_") != NULL;
    for (uint32_t i = 0; i < VECTORS; i++) {
        uint32_t word = sg_formats[SG_FORMAT_SOP1].value | opcode << 8 | D << 16 | A;
        uint64_t s = i % 8 ? vectors_operand(SG_T_b64) : i % 16 ? 0 : ~0ull;
        uint64_t exec = i % 7 ? vectors_operand(SG_T_b64) : i % 14 ? 0 : ~0ull;
        bench_reset(vectors_bench);
        sg_wave_set_s64(w, A, s);
        sg_wave_set_exec(w, exec);
        bench_execute(vectors_bench, &word, 1);
        uint64_t expected = combined(row->name, s, exec);
        if (sg_wave_exec(w) != expected || w->s[SG_SCC] != (expected != 0) ||
            sg_wave_s64(w, D) != (writes_new ? expected : exec))
            fail_msg("%s of %llx under %llx: EXEC %llx, D %llx, SCC %u", row->name,
                     (unsigned long long)s, (unsigned long long)exec,
                     (unsigned long long)sg_wave_exec(w), (unsigned long long)sg_wave_s64(w, D),
                     w->s[SG_SCC]);
        vectors_compared[SG_FORMAT_SOP1][row->opcode]++;
    }
}

/* s_movrels, s_movreld: the register number moves by M0. */
static void check_relative_row(const struct sg_row *row, uint32_t opcode) {
    struct sg_wave *w = &vectors_bench->wave;
    bool is_source = strstr(row->name, "movrels") != NULL, wide = strstr(row->name, "_b64") != NULL;
    for (uint32_t i = 0; i < VECTORS; i++) {
        uint32_t word = sg_formats[SG_FORMAT_SOP1].value | opcode << 8 | D << 16 | A;
        uint32_t move = 16 + vectors_below(30) * 2;
        uint64_t x = vectors_operand(SG_T_b64);
        bench_reset(vectors_bench);
        w->s[SG_M0] = move;
        sg_wave_set_s64(w, is_source ? A + move : A, x);
        bench_execute(vectors_bench, &word, 1);
        uint64_t d = sg_wave_s64(w, is_source ? D : D + move);
        assert_true(d == (wide ? x : x & UINT32_MAX));
        vectors_compared[SG_FORMAT_SOP1][row->opcode]++;
    }
}

void vectors_scalar(void **state) {
    static const enum sg_format_id formats[] = {SG_FORMAT_SOP1, SG_FORMAT_SOP2, SG_FORMAT_SOPC,
                                                SG_FORMAT_SOPK};
    (void)state;
    for (size_t i = 0; i < sizeof formats / sizeof *formats; i++)
        for (uint32_t opcode = 0; opcode <= sg_formats[formats[i]].opcode_mask; opcode++) {
            const struct sg_row *row = sg_level_v2.find[formats[i]](opcode);
            const struct oracle *oracle = row ? oracle_find(row->name) : NULL;
            for (uint32_t k = 0; oracle && k < VECTORS; k++)
                check_vector(formats[i], row, opcode, oracle);
            if (row && (strstr(row->name, "_saveexec_") || strstr(row->name, "_wrexec_")))
                check_exec_row(row, opcode);
            if (row && strstr(row->name, "s_movrel"))
                check_relative_row(row, opcode);
        }
}

/* ---- SOPP: branches are taken as their names say, the rest changes nothing ---- */

static bool is_taken(const char *name, uint32_t scc, bool vcc, bool exec) {
    if (strcmp(name, "s_branch") == 0)
        return true;
    if (strstr(name, "cdbg")) // no debugger
        return false;
    bool wants =
        strstr(name, "scc0") || strstr(name, "vccz") || strstr(name, "execz") ? false : true;
    bool condition = strstr(name, "scc") ? scc : strstr(name, "vcc") ? vcc : exec;
    return condition == wants;
}

void vectors_branches(void **state) {
    static const char *const quiet[] = {"s_nop",       "s_wakeup",       "s_waitcnt",
                                        "s_setprio",   "s_incperflevel", "s_decperflevel",
                                        "s_ttracedata"};
    struct sg_wave *w = &vectors_bench->wave;
    (void)state;
    for (uint32_t opcode = 0; opcode <= sg_formats[SG_FORMAT_SOPP].opcode_mask; opcode++) {
        const struct sg_row *row = sg_level_v2.find[SG_FORMAT_SOPP](opcode);
        bool is_branch = row && strstr(row->name, "branch"), is_quiet = false;
        for (size_t i = 0; row && i < sizeof quiet / sizeof *quiet; i++)
            is_quiet |= strcmp(row->name, quiet[i]) == 0;
        for (uint32_t i = 0; (is_branch || is_quiet) && i < 16; i++) {
            /* forward over s_mov_b32 s0, 1; or anything, for those without effect */
            uint32_t words[] = {0xbf800000 | opcode << 16 | (is_branch ? 1 : vectors_below(65536)),
                                0xbe800081, 0xbe810081};
            bool vcc = i & 2, exec = i & 4;
            bench_reset(vectors_bench);
            w->s[SG_SCC] = i & 1;
            sg_wave_set_s64(w, SG_VCC, vcc ? 1ull << vectors_below(64) : 0);
            sg_wave_set_exec(w, exec ? 1ull << vectors_below(64) : 0);
            bench_execute(vectors_bench, words, 3);
            bool taken = is_branch && is_taken(row->name, i & 1, vcc, exec);
            if (w->s[0] != !taken || w->s[1] != 1)
                fail_msg("%s: SCC %u VCC %d EXEC %d: %u", row->name, i & 1, vcc, exec, w->s[0]);
            vectors_compared[SG_FORMAT_SOPP][row->opcode]++;
        }
    }
}
