/* SPDX-License-Identifier: MIT */
/* SMEM: every row against a reference that reads the mnemonic. */
#include "mem_model.h"
#include "mem_spec.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { SDATA = 40, SBASE = 8, SOFFSET = 20, RECORDS = 512 };

struct access {
    const char *name;
    uint32_t opcode;
    bool is_buffer;
    bool is_scratch;
    bool has_soffset;
    bool has_imm;
    bool glc;
    int32_t imm;
    uint32_t soffset;
    uint64_t base;
};

static void encode(const struct access *a, uint32_t words[2]) {
    bool both = a->has_soffset && a->has_imm;
    words[0] = 0xc0000000 | a->opcode << 18 | (uint32_t)a->has_imm << 17 | (uint32_t)a->glc << 16 |
               (uint32_t)both << 14 | SDATA << 6 | SBASE / 2;
    words[1] = a->has_imm ? (uint32_t)a->imm & 0x1fffff : SOFFSET;
    if (both)
        words[1] |= (uint32_t)SOFFSET << 25;
}

/* Offset that the operands make up; addresses are base + offset, both rounded down to dwords. */
static uint64_t offset_of(const struct access *a) {
    uint64_t offset = a->has_imm ? (uint64_t)(int64_t)a->imm : 0;
    if (a->has_soffset)
        offset += (uint64_t)a->soffset * (a->is_scratch ? 64 : 1);
    return offset;
}

static uint8_t *dword(struct model *m, const struct access *a, uint32_t k) {
    static uint8_t outside[8];
    enum sg_fault_cause cause;
    uint64_t offset = offset_of(a);
    uint64_t va =
        a->is_buffer ? a->base + (offset & ~(uint64_t)3) : (a->base + offset) & ~(uint64_t)3;
    memset(outside, 0, sizeof outside);
    if (a->is_buffer && (offset & ~(uint64_t)3) + 4 * k >= RECORDS)
        return outside;
    uint8_t *byte = model_byte(m, va + 4 * k, SG_VM_READ, &cause);
    if (!byte)
        fail_msg("%s: the test's address %llx is not mapped", a->name, (unsigned long long)va);
    return byte;
}

static void reference_run(struct model *m, const struct access *a) {
    const char *load = strstr(a->name, "load_dword");
    const char *store = strstr(a->name, "store_dword");
    struct spec spec;
    if (load || store) {
        const char *width = (load ? load + 10 : store + 11);
        uint32_t dwords = *width ? (uint32_t)atoi(width + 1) : 1;
        for (uint32_t k = 0; k < dwords; k++) {
            if (load)
                memcpy(&m->s[SDATA + k], dword(m, a, k), 4);
            else
                memcpy(dword(m, a, k), &m->s[SDATA + k], 4);
        }
        return;
    }
    const char *atomic = strstr(a->name, "atomic_");
    char text[48];
    snprintf(text, sizeof text, "x_%s", atomic);
    assert_true(spec_from_name(text, &spec));
    uint64_t old = 0;
    uint64_t s = m->s[SDATA] | (spec.bytes == 8 ? (uint64_t)m->s[SDATA + 1] << 32 : 0);
    uint32_t second = SDATA + spec.bytes / 4;
    uint64_t cmp = m->s[second] | (spec.bytes == 8 ? (uint64_t)m->s[second + 1] << 32 : 0);
    memcpy(&old, dword(m, a, 0), spec.bytes);
    uint64_t value = spec_update(spec.atomic, spec.bytes, old, s, cmp);
    memcpy(dword(m, a, 0), &value, spec.bytes);
    for (uint32_t k = 0; a->glc && k < spec.bytes / 4; k++)
        m->s[SDATA + k] = (uint32_t)(old >> (32 * k));
}

static void choose_address(struct model *m, struct access *a, uint32_t variant, uint32_t align) {
    uint32_t unit = a->is_scratch && align < 64 ? 1 : align;
    a->has_soffset = variant % 3 != 0;
    a->has_imm = variant % 3 != 1;
    a->glc = variant & 1;
    a->imm = (int32_t)(model_random(m) % 30 * 8);
    if (!a->is_buffer && variant % 2)
        a->imm = -a->imm;
    if (align == 4) /* the low bits of the sum do not count */
        a->imm |= (int32_t)(model_random(m) % 4);
    a->soffset = model_random(m) % (a->is_scratch ? 8 : 300) / unit * unit;
    /* Loads may run from one interval into the next. */
    a->base = m->regions[variant % 4 == 3 && !a->is_buffer ? REGION_TWO : REGION_ONE].va +
              (variant % 4 == 3 && !a->is_buffer ? (uint64_t)-24 : 1024);
    if (a->is_buffer)
        a->soffset = a->soffset * 2 & ~7u; /* out of range sometimes */
    m->s[SBASE] = (uint32_t)a->base;
    m->s[SBASE + 1] = (uint32_t)(a->base >> 32);
    m->s[SBASE + 2] = variant % 2 ? RECORDS : RECORDS / 16;
    m->s[SBASE + 3] = 0;
    if (a->is_buffer && variant % 2 == 0)
        m->s[SBASE + 1] |= 16u << 16; /* stride */
    m->s[SOFFSET] = a->soffset;
}

struct sweep {
    struct model *m;
    uint32_t rows;
};

static void sweep_row(void *context, const struct sg_isa_row_info *row) {
    struct sweep *sweep = context;
    struct model *m = sweep->m;
    bool moves =
        strstr(row->name, "load") || strstr(row->name, "store") || strstr(row->name, "atomic");
    if (strcmp(row->encoding, "SMEM") != 0 || !moves)
        return;
    sweep->rows++;
    assert_true(row->implemented);
    bool is_atomic = strstr(row->name, "atomic");
    struct access a = {.name = row->name, .opcode = row->opcode};
    a.is_buffer = strstr(row->name, "buffer");
    a.is_scratch = strstr(row->name, "scratch");
    for (uint32_t variant = 0; variant < 24; variant++) {
        uint32_t words[2];
        model_randomize(m);
        choose_address(m, &a, variant, is_atomic ? 8 : 4);
        encode(&a, words);
        model_load_wave(m, UINT64_MAX);
        if (model_run(m, words[0], words[1]) != SG_WAVE_ENDED)
            fail_msg("%s variant %u: fault %d at %llx", a.name, variant, m->w->fault.cause,
                     (unsigned long long)m->w->fault.va);
        reference_run(m, &a);
        if (!model_equal(m, row->name))
            fail_msg("%s variant %u", a.name, variant);
    }
}

static void rows_equal_the_reference(void **state) {
    (void)state;
    for (uint32_t level = SG_ISA_V2; level <= (uint32_t)sg_isa_level_max(); level++) {
        struct sweep sweep = {.m = model_create(level)};
        sg_isa_rows(sweep_row, &sweep);
        /* 13 loads, 9 stores, 2 * 26 atomics. */
        assert_int_equal(sweep.rows, 13 + 9 + 52);
        model_destroy(sweep.m);
    }
}

static void clocks_come_from_the_environment(void **state) {
    (void)state;
    struct model *m = model_create(sg_isa_level_max());
    model_randomize(m);
    model_load_wave(m, UINT64_MAX);
    assert_int_equal(model_run(m, 0xc0000000 | 0x24 << 18 | SDATA << 6, 0), SG_WAVE_ENDED);
    assert_int_equal(sg_wave_s64(m->w, SDATA), m->env.core_clock());
    assert_int_equal(model_run(m, 0xc0000000 | 0x25 << 18 | SDATA << 6, 0), SG_WAVE_ENDED);
    assert_int_equal(sg_wave_s64(m->w, SDATA), m->env.real_clock());
    model_destroy(m);
}

static void faults_name_the_address(void **state) {
    (void)state;
    struct model *m = model_create(sg_isa_level_max());
    model_randomize(m);
    m->s[SBASE] = 0x1003;
    m->s[SBASE + 1] = 0;
    model_load_wave(m, UINT64_MAX);
    /* s_load_dwordx4 s[40:43], s[8:9], 0x10 */
    assert_int_equal(model_run(m, 0xc00a0000 | SDATA << 6 | SBASE / 2, 0x10), SG_WAVE_FAULTED);
    assert_int_equal(m->w->fault.cause, SG_FAULT_MEMORY_UNMAPPED);
    assert_int_equal(m->w->fault.va, 0x1010);
    assert_false(m->w->fault.is_write);
    /* s_store_dword s40, s[8:9], 0x0 into read-only memory */
    sg_wave_set_s64(m->w, SBASE, m->regions[REGION_READ_ONLY].va);
    assert_int_equal(model_run(m, 0xc0420000 | SDATA << 6 | SBASE / 2, 0), SG_WAVE_FAULTED);
    assert_int_equal(m->w->fault.cause, SG_FAULT_MEMORY_READ_ONLY);
    assert_int_equal(m->w->fault.va, m->regions[REGION_READ_ONLY].va);
    assert_true(m->w->fault.is_write);
    /* s_atomic_add_x2 on a dword boundary */
    sg_wave_set_s64(m->w, SBASE, m->regions[REGION_ONE].va + 4);
    assert_int_equal(model_run(m, 0xc0020000 | 0xa2 << 18 | SDATA << 6 | SBASE / 2, 0),
                     SG_WAVE_FAULTED);
    assert_int_equal(m->w->fault.cause, SG_FAULT_MEMORY_MISALIGNED);
    model_destroy(m);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_equal_the_reference),
        cmocka_unit_test(clocks_come_from_the_environment),
        cmocka_unit_test(faults_name_the_address),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
