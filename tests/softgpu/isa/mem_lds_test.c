/* SPDX-License-Identifier: MIT */
/* DS: every row against a reference that reads the mnemonic and works lane by lane. */
#include "mem_model.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

enum { ADDRESS = 2, DATA = 8, DATA2 = 12, RESULT = 16 };

struct row {
    const char *name; /* without "ds_" */
    uint32_t opcode;
    uint32_t bytes;  /* of an element */
    uint32_t offset; /* the field */
    uint64_t exec;
    uint32_t pass; /* of ds_write2: all lanes' first elements, then all second ones */
};

typedef void reference(struct model *m, const struct row *row, uint32_t lane);

static uint32_t width_of(const char *name) {
    static const struct {
        const char *text;
        uint32_t bytes;
    } widths[] = {{"128", 16}, {"96", 12}, {"64", 8}, {"32", 4}, {"16", 2}, {"8", 1}};
    char text[48];
    snprintf(text, sizeof text, "%s", name);
    char *half = strstr(text, "_d16");
    if (half)
        *half = '\0';
    const char *end = strrchr(text, '_');
    for (size_t i = 0; i < sizeof widths / sizeof *widths; i++)
        if (strcmp(end + 2, widths[i].text) == 0)
            return widths[i].bytes;
    return 0;
}

static bool is_inside(uint32_t at, uint32_t bytes) {
    return (uint64_t)at + bytes <= MODEL_LDS_BYTES;
}

static uint64_t lds_get(struct model *m, uint32_t at, uint32_t bytes) {
    uint64_t value = 0;
    if (is_inside(at, bytes))
        memcpy(&value, m->lds + at, bytes);
    return value;
}

static void lds_put(struct model *m, uint32_t at, uint32_t bytes, uint64_t value) {
    if (is_inside(at, bytes))
        memcpy(m->lds + at, &value, bytes);
}

static uint64_t get(const struct model *m, uint32_t row, uint32_t lane, uint32_t bytes) {
    return m->v[row][lane] | (bytes == 8 ? (uint64_t)m->v[row + 1][lane] << 32 : 0);
}

static void put(struct model *m, uint32_t row, uint32_t lane, uint32_t bytes, uint64_t value) {
    m->v[row][lane] = (uint32_t)value;
    if (bytes == 8)
        m->v[row + 1][lane] = (uint32_t)(value >> 32);
}

static void ref_read(struct model *m, const struct row *row, uint32_t lane) {
    uint32_t at = m->v[ADDRESS][lane] + row->offset;
    uint32_t words[4] = {0};
    if (is_inside(at, row->bytes))
        memcpy(words, m->lds + at, row->bytes);
    if (row->name[5] == 'i')
        words[0] = row->bytes == 1 ? (uint32_t)(int8_t)words[0] : (uint32_t)(int16_t)words[0];
    if (strstr(row->name, "_d16")) {
        uint16_t halves[2];
        memcpy(halves, &m->v[RESULT][lane], 4);
        halves[strstr(row->name, "_hi") ? 1 : 0] = (uint16_t)words[0];
        memcpy(words, halves, 4);
    }
    for (uint32_t k = 0; k < (row->bytes + 3) / 4; k++)
        m->v[RESULT + k][lane] = words[k];
}

static void ref_write(struct model *m, const struct row *row, uint32_t lane) {
    uint32_t at = m->v[ADDRESS][lane] + row->offset;
    uint32_t words[4];
    for (uint32_t k = 0; k < 4; k++)
        words[k] = m->v[DATA + k][lane];
    if (strstr(row->name, "_hi"))
        words[0] >>= 16;
    if (is_inside(at, row->bytes))
        memcpy(m->lds + at, words, row->bytes);
}

static uint32_t offset2(const struct row *row, uint32_t n) {
    return (row->offset >> (8 * n) & 255) * row->bytes * (strstr(row->name, "st64") ? 64 : 1);
}

static void ref_read2(struct model *m, const struct row *row, uint32_t lane) {
    uint32_t at = m->v[ADDRESS][lane];
    for (uint32_t n = 0; n < 2; n++)
        put(m, RESULT + n * row->bytes / 4, lane, row->bytes,
            lds_get(m, at + offset2(row, n), row->bytes));
}

static void ref_write2(struct model *m, const struct row *row, uint32_t lane) {
    lds_put(m, m->v[ADDRESS][lane] + offset2(row, row->pass), row->bytes,
            get(m, row->pass ? DATA2 : DATA, lane, row->bytes));
}

static void ref_exchange2(struct model *m, const struct row *row, uint32_t lane) {
    uint64_t old[2];
    for (uint32_t n = 0; n < 2; n++) {
        uint32_t at = m->v[ADDRESS][lane] + offset2(row, n);
        old[n] = lds_get(m, at, row->bytes);
        lds_put(m, at, row->bytes, get(m, n ? DATA2 : DATA, lane, row->bytes));
    }
    for (uint32_t n = 0; n < 2; n++)
        put(m, RESULT + n * row->bytes / 4, lane, row->bytes, old[n]);
}

static double number(uint64_t bits, uint32_t bytes) {
    float single;
    double value;
    memcpy(&single, &bits, 4);
    memcpy(&value, &bits, 8);
    return bytes == 4 ? (double)single : value;
}

static uint64_t bits_of(double value, uint32_t bytes) {
    uint64_t bits = 0;
    float single = (float)value;
    memcpy(&bits, bytes == 4 ? (void *)&single : (void *)&value, bytes);
    return bits;
}

/* New value by "<stem>_<type>" with the type's class letter. */
static uint64_t updated(const char *stem, char class, uint32_t bytes, uint64_t old, uint64_t s,
                        uint64_t s2) {
    int64_t signed_old = bytes == 4 ? (int32_t)old : (int64_t)old;
    int64_t signed_s = bytes == 4 ? (int32_t)s : (int64_t)s;
    double x = number(old, bytes);
    double y = number(s, bytes);
    bool less = class == 'f' ? y < x : class == 'i' ? signed_s < signed_old : s < old;
    bool more = class == 'f' ? y > x : class == 'i' ? signed_s > signed_old : s > old;
    bool same = class == 'f' ? x == y : old == s;
    struct {
        const char *stem;
        uint64_t value;
    } results[] = {
        {"add", class == 'f' ? bits_of(bytes == 4 ? (double)((float)x + (float)y) : x + y, bytes)
                             : old + s},
        {"sub", old - s},
        {"rsub", s - old},
        {"inc", old >= s ? 0 : old + 1},
        {"dec", old == 0 || old > s ? s : old - 1},
        {"min", less ? s : old},
        {"max", more ? s : old},
        {"and", old & s},
        {"or", old | s},
        {"xor", old ^ s},
        {"mskor", (old & ~s) | s2},
        {"cmpst", same ? s2 : old},
        {"wrxchg", s},
        {"wrap", old >= s ? old - s : old + s2},
    };
    for (size_t i = 0; i < sizeof results / sizeof *results; i++)
        if (strcmp(results[i].stem, stem) == 0)
            return results[i].value;
    fail_msg("no reference for ds_%s", stem);
    return 0;
}

static void ref_atomic(struct model *m, const struct row *row, uint32_t lane) {
    char stem[16];
    snprintf(stem, sizeof stem, "%.*s", (int)strcspn(row->name, "_"), row->name);
    uint32_t at = m->v[ADDRESS][lane] + row->offset;
    uint64_t old = lds_get(m, at, row->bytes);
    char class = strrchr(row->name, '_')[1];
    uint64_t mask = row->bytes == 4 ? UINT32_MAX : UINT64_MAX;
    uint64_t value = updated(stem, class, row->bytes, old, get(m, DATA, lane, row->bytes),
                             get(m, DATA2, lane, row->bytes));
    lds_put(m, at, row->bytes, value & mask);
    if (strstr(row->name, "_rtn_"))
        put(m, RESULT, lane, row->bytes, old);
}

static reference *reference_of(const char *name) {
    static const struct {
        const char *start;
        reference *function;
    } references[] = {{"read2", ref_read2},  {"write2", ref_write2}, {"wrxchg2", ref_exchange2},
                      {"read_addtid", NULL}, {"write_addtid", NULL}, {"read_", ref_read},
                      {"write_", ref_write}, {"swizzle", NULL},      {"permute", NULL},
                      {"bpermute", NULL},    {"append", NULL},       {"consume", NULL},
                      {"condxchg", NULL},    {"gws_", NULL},         {"nop", NULL}};
    for (size_t i = 0; i < sizeof references / sizeof *references; i++)
        if (strncmp(name, references[i].start, strlen(references[i].start)) == 0)
            return references[i].function;
    return ref_atomic;
}

static uint64_t random64(struct model *m) {
    return (uint64_t)model_random(m) << 32 | model_random(m);
}

/* Addresses of all shapes, some of them outside. */
static void set_addresses(struct model *m, uint32_t shape, uint32_t align, uint32_t bytes) {
    uint32_t base = model_random(m) % 256 / align * align;
    for (uint32_t lane = 0; lane < SG_LANES; lane++) {
        uint32_t scattered = model_random(m) % (shape == 5 ? 2000 : 700) / align * align;
        const uint32_t shapes[] = {
            base + lane * bytes,   base,      base + lane / 16 * 16 + lane % 16 * bytes,
            base + lane / 16 * 16, scattered, scattered};
        m->v[ADDRESS][lane] = shapes[shape];
    }
    if (shape == 5) /* wraps to the front with an offset */
        m->v[ADDRESS][7] = (uint32_t)-16;
}

static void run_row(struct model *m, struct row *row, reference *function, uint32_t shape) {
    char text[96];
    uint32_t word0 = 0xd8000000 | row->opcode << 17 | row->offset;
    snprintf(text, sizeof text, "ds_%s shape %u offset %u exec %016llx", row->name, shape,
             row->offset, (unsigned long long)row->exec);
    model_load_wave(m, row->exec);
    if (model_run(m, word0, ADDRESS | DATA << 8 | DATA2 << 16 | (uint32_t)RESULT << 24) !=
        SG_WAVE_ENDED)
        fail_msg("%s: state %d, fault %d", text, m->w->state, m->w->fault.cause);
    for (row->pass = 0; row->pass < (function == ref_write2 ? 2 : 1); row->pass++)
        for (uint32_t lane = 0; lane < SG_LANES; lane++)
            if (row->exec >> lane & 1)
                function(m, row, lane);
    if (!model_equal(m, text))
        fail();
}

struct sweep {
    struct model *m;
    uint32_t rows;
    uint32_t others;
};

static void sweep_row(void *context, const struct sg_isa_row_info *info) {
    struct sweep *sweep = context;
    struct model *m = sweep->m;
    if (strcmp(info->encoding, "DS") != 0)
        return;
    assert_true(info->implemented);
    struct row row = {.name = info->name + 3, .opcode = info->opcode};
    reference *function = reference_of(row.name);
    if (!function) {
        sweep->others++;
        return;
    }
    sweep->rows++;
    row.bytes = width_of(row.name);
    bool is_atomic = function == ref_atomic || function == ref_exchange2;
    bool has_two = function == ref_read2 || function == ref_write2 || function == ref_exchange2;
    for (uint32_t shape = 0; shape < 6; shape++) {
        for (uint32_t kind = 0; kind < 4; kind++) {
            uint32_t align = is_atomic ? row.bytes : kind % 2 ? 1 : 4;
            model_randomize(m);
            set_addresses(m, shape, align, row.bytes);
            row.exec = kind % 2 ? UINT64_MAX : random64(m);
            row.offset =
                has_two ? model_random(m) % 8 | model_random(m) % 4 << 8 : model_random(m) % 20 * 8;
            run_row(m, &row, function, shape);
        }
    }
}

static void rows_equal_the_reference(void **state) {
    (void)state;
    for (uint32_t level = SG_ISA_V2; level <= (uint32_t)sg_isa_level_max(); level++) {
        struct sweep sweep = {.m = model_create(level)};
        sg_isa_rows(sweep_row, &sweep);
        assert_int_equal(sweep.rows + sweep.others, 124); // as LLVM 15 lists
        assert_int_equal(sweep.others, 15);
        model_destroy(sweep.m);
    }
}

static struct model *fresh(uint64_t exec) {
    struct model *m = model_create(sg_isa_level_max());
    model_randomize(m);
    model_load_wave(m, exec);
    return m;
}

static void run_words(struct model *m, uint32_t opcode, uint32_t offset, uint32_t word1) {
    assert_int_equal(model_run(m, 0xd8000000 | opcode << 17 | offset, word1), SG_WAVE_ENDED);
}

static void permutes_move_between_active_lanes(void **state) {
    (void)state;
    const uint64_t exec = 0xfff0ffffffff7ffe;
    for (uint32_t push = 0; push < 2; push++) {
        struct model *m = fresh(exec);
        uint32_t moved[SG_LANES] = {0};
        run_words(m, push ? 0x3e : 0x3f, 8, ADDRESS | DATA << 8 | (uint32_t)RESULT << 24);
        for (uint32_t lane = 0; lane < SG_LANES; lane++) {
            uint32_t other = (m->v[ADDRESS][lane] + 8) / 4 % 64;
            if (push && exec >> lane & 1)
                moved[other] = m->v[DATA][lane];
            if (!push && exec >> other & 1)
                moved[lane] = m->v[DATA][other];
        }
        for (uint32_t lane = 0; lane < SG_LANES; lane++)
            if (exec >> lane & 1)
                m->v[RESULT][lane] = moved[lane];
        assert_true(model_equal(m, push ? "ds_permute_b32" : "ds_bpermute_b32"));
        model_destroy(m);
    }
}

static void swizzles_follow_their_pattern(void **state) {
    (void)state;
    static const struct {
        uint32_t pattern;
        uint8_t from[8]; /* of lanes 0 to 7; lane + 32 reads 32 further */
    } cases[] = {
        {0x001f, {0, 1, 2, 3, 4, 5, 6, 7}},         {0x041f, {1, 0, 3, 2, 5, 4, 7, 6}},
        {0x401f, {16, 17, 18, 19, 20, 21, 22, 23}}, {0x0060, {3, 3, 3, 3, 3, 3, 3, 3}},
        {0x0078, {3, 3, 3, 3, 3, 3, 3, 3}},         {0x7c1f, {31, 30, 29, 28, 27, 26, 25, 24}},
        {0x801b, {3, 2, 1, 0, 7, 6, 5, 4}},         {0x8055, {1, 1, 1, 1, 5, 5, 5, 5}},
        {0xc020, {1, 2, 3, 4, 5, 6, 7, 8}},         {0xc420, {31, 0, 1, 2, 3, 4, 5, 6}},
        {0xe000, {0, 16, 8, 24, 4, 20, 12, 28}},    {0xe010, {0, 8, 4, 12, 2, 10, 6, 14}},
        {0xe01f, {0, 1, 2, 3, 4, 5, 6, 7}},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const uint64_t exec = 0xff000000ff;
        struct model *m = fresh(exec);
        run_words(m, 0x3d, cases[i].pattern, ADDRESS | (uint32_t)RESULT << 24);
        for (uint32_t lane = 0; lane < 8; lane++) {
            for (uint32_t half = 0; half < 64; half += 32) {
                uint32_t from = cases[i].from[lane] + half;
                m->v[RESULT][lane + half] = exec >> from & 1 ? m->v[ADDRESS][from] : 0;
            }
        }
        char text[32];
        snprintf(text, sizeof text, "ds_swizzle_b32 %04x", cases[i].pattern);
        assert_true(model_equal(m, text));
        model_destroy(m);
    }
}

static void append_and_consume_count_active_lanes(void **state) {
    (void)state;
    for (uint32_t consume = 0; consume < 2; consume++) {
        struct model *m = fresh(0xff00ff);
        uint32_t old;
        m->w->s[SG_M0] = 100;
        memcpy(&old, m->lds + 108, 4);
        run_words(m, consume ? 0xbd : 0xbe, 8, (uint32_t)RESULT << 24);
        uint32_t value = consume ? old - 16 : old + 16;
        memcpy(m->lds + 108, &value, 4);
        for (uint32_t lane = 0; lane < SG_LANES; lane++)
            if (0xff00ffull >> lane & 1)
                m->v[RESULT][lane] = old;
        assert_true(model_equal(m, "ds_append"));
        model_destroy(m);
    }
}

static void addtid_addresses_by_lane(void **state) {
    (void)state;
    struct model *m = fresh(UINT64_MAX);
    m->w->s[SG_M0] = 800; /* the upper lanes fall out of 1024 bytes */
    run_words(m, 0xb6, 16, (uint32_t)RESULT << 24);
    run_words(m, 0x1d, 8, DATA << 8);
    for (uint32_t lane = 0; lane < SG_LANES; lane++)
        m->v[RESULT][lane] = (uint32_t)lds_get(m, 816 + 4 * lane, 4);
    for (uint32_t lane = 0; lane < SG_LANES; lane++)
        lds_put(m, 808 + 4 * lane, 4, m->v[DATA][lane]);
    assert_true(model_equal(m, "addtid"));
    model_destroy(m);
}

static void condxchg_takes_halves_whose_top_bit_is_set(void **state) {
    (void)state;
    struct model *m = fresh(UINT64_MAX);
    for (uint32_t lane = 0; lane < SG_LANES; lane++)
        m->w->v[ADDRESS][lane] = m->v[ADDRESS][lane] = lane * 8 + 3;
    run_words(m, 0x7e, 64, ADDRESS | DATA << 8 | (uint32_t)RESULT << 24);
    for (uint32_t lane = 0; lane < SG_LANES; lane++) {
        for (uint32_t n = 0; n < 2; n++) {
            uint32_t at = lane * 8 + 64 + 4 * n;
            m->v[RESULT + n][lane] = (uint32_t)lds_get(m, at, 4);
            if (m->v[DATA + n][lane] >> 31)
                lds_put(m, at, 4, m->v[DATA + n][lane] & 0x7fffffff);
        }
    }
    assert_true(model_equal(m, "ds_condxchg32_rtn_b64"));
    model_destroy(m);
}

static void misaligned_atomics_fault(void **state) {
    (void)state;
    struct model *m = fresh(UINT64_MAX);
    for (uint32_t lane = 0; lane < SG_LANES; lane++)
        m->w->v[ADDRESS][lane] = m->v[ADDRESS][lane] = lane * 4 + (lane == 9 ? 2 : 0);
    assert_int_equal(model_run(m, 0xd8000000, ADDRESS | DATA << 8), SG_WAVE_FAULTED);
    assert_int_equal(m->w->fault.cause, SG_FAULT_MEMORY_MISALIGNED);
    assert_int_equal(m->w->fault.lane, 9);
    assert_true(model_equal(m, "ds_add_u32"));
    model_destroy(m);
}

static void gws_is_handed_to_the_compute_unit(void **state) {
    (void)state;
    static const struct {
        uint32_t opcode;
        enum sg_gws_op op;
        bool has_value;
    } cases[] = {{0x99, SG_GWS_INIT, true},    {0x9d, SG_GWS_BARRIER, true},
                 {0x9a, SG_GWS_SEMA_V, false}, {0x9b, SG_GWS_SEMA_BR, true},
                 {0x9c, SG_GWS_SEMA_P, false}, {0x98, SG_GWS_SEMA_RELEASE_ALL, false}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct model *m = fresh(0x30);
        m->w->s[SG_M0] = 5 << 16;
        enum sg_wave_state end = model_run(m, 0xd8010000 | cases[i].opcode << 17 | 2, DATA);
        assert_int_equal(end, SG_WAVE_GWS);
        assert_int_equal(m->w->gws_op, cases[i].op);
        assert_int_equal(m->w->gws_id, 7);
        assert_int_equal(m->w->gws_value, cases[i].has_value ? m->v[DATA][4] : 0);
        model_destroy(m);
    }
}

static void global_data_share_is_refused_by_name(void **state) {
    (void)state;
    struct model *m = fresh(UINT64_MAX);
    assert_int_equal(model_run(m, 0xd8010000 | 0x36 << 17, ADDRESS | (uint32_t)RESULT << 24),
                     SG_WAVE_FAULTED);
    assert_int_equal(m->w->fault.cause, SG_FAULT_UNIMPLEMENTED);
    assert_string_equal(m->w->fault.mnemonic, "ds_read_b32");
    model_destroy(m);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_equal_the_reference),
        cmocka_unit_test(permutes_move_between_active_lanes),
        cmocka_unit_test(swizzles_follow_their_pattern),
        cmocka_unit_test(append_and_consume_count_active_lanes),
        cmocka_unit_test(addtid_addresses_by_lane),
        cmocka_unit_test(condxchg_takes_halves_whose_top_bit_is_set),
        cmocka_unit_test(misaligned_atomics_fault),
        cmocka_unit_test(gws_is_handed_to_the_compute_unit),
        cmocka_unit_test(global_data_share_is_refused_by_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
