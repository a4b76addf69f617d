/* SPDX-License-Identifier: MIT */
/* FLAT, GLOBAL, SCRATCH and MUBUF: every row on random addresses of all shapes, against a reference
 * that moves one byte of one lane at a time. */
#include "mem_model.h"
#include "mem_spec.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

enum { ADDRESS = 2, DATA = 8, RESULT = 16, SADDR = 20, SRSRC = 24, SOFFSET = 30 };
enum form {
    FORM_GLOBAL,
    FORM_GLOBAL_SADDR,
    FORM_FLAT,
    FORM_SCRATCH,
    FORM_SCRATCH_SADDR,
    FORM_BUFFER,          /* OFFEN, raw */
    FORM_BUFFER_INDEXED,  /* IDXEN and OFFEN, structured */
    FORM_BUFFER_SCRATCH,  /* ADD_TID, swizzled: private memory as compilers address it */
    FORM_BUFFER_SWIZZLED, /* IDXEN and OFFEN, swizzled records */
    FORM_COUNT
};
static const char *const encodings[FORM_COUNT] = {"GLOBAL", "GLOBAL", "FLAT",  "SCRATCH", "SCRATCH",
                                                  "MUBUF",  "MUBUF",  "MUBUF", "MUBUF"};

struct access {
    struct spec spec;
    const char *name;
    uint32_t opcode;
    enum form form;
    uint64_t exec;
    int32_t offset;
    bool is_acc;
    bool returns;
    uint32_t result; /* register number */
    uint32_t stride; /* of structured buffers */
    uint32_t records;
    uint64_t va[SG_LANES];    /* GLOBAL, FLAT */
    uint32_t at[SG_LANES];    /* SCRATCH and buffers: offset */
    uint32_t index[SG_LANES]; /* buffers */
};

static uint32_t rows_of(uint32_t bytes) {
    return (bytes + 3) / 4;
}

static uint32_t register_row(const struct access *a, uint32_t number) {
    return a->is_acc ? MODEL_ACC_OFFSET + number - DATA : number;
}

/* ---- The reference's idea of where byte b of a lane is ---- */

static uint8_t outside_byte;

static uint8_t *swizzled_byte(struct model *m, uint64_t base, uint32_t lane, uint32_t offset,
                              enum sg_fault_cause *cause) {
    uint64_t va = base + ((uint64_t)(offset / 4) * 64 + lane) * 4 + offset % 4;
    return model_byte(m, va, SG_VM_READ, cause);
}

static uint8_t *buffer_byte(struct model *m, const struct access *a, uint32_t lane, uint32_t b,
                            enum sg_fault_cause *cause) {
    uint64_t base = m->regions[REGION_SCRATCH].va + m->s[SOFFSET];
    uint32_t offset = a->at[lane] + b;
    uint64_t bytes = a->spec.bytes;
    *cause = SG_FAULT_NONE;
    switch (a->form) {
    case FORM_BUFFER:
        if (a->at[lane] + bytes > a->records - m->s[SOFFSET])
            return &outside_byte;
        return model_byte(m, base + offset, SG_VM_READ, cause);
    case FORM_BUFFER_INDEXED:
        if (a->index[lane] >= a->records)
            return &outside_byte;
        return model_byte(m, base + (uint64_t)a->index[lane] * a->stride + offset, SG_VM_READ,
                          cause);
    case FORM_BUFFER_SCRATCH:
        return swizzled_byte(m, base, lane, offset, cause);
    default:
        if (a->index[lane] >= a->records || a->at[lane] + bytes > a->stride)
            return &outside_byte;
        /* Index stride 16, element size 4. */
        return model_byte(m,
                          base + (uint64_t)(a->index[lane] / 16) * a->stride * 16 +
                              (uint64_t)(offset / 4) * 4 * 16 + a->index[lane] % 16 * 4 +
                              offset % 4,
                          SG_VM_READ, cause);
    }
}

static uint8_t *byte_of(struct model *m, const struct access *a, uint32_t lane, uint32_t b,
                        enum sg_fault_cause *cause) {
    uint32_t need = a->spec.kind == SPEC_LOAD ? SG_VM_READ : SG_VM_WRITE;
    uint64_t va = a->va[lane] + b;
    if (a->form >= FORM_BUFFER)
        return buffer_byte(m, a, lane, b, cause);
    if (a->form == FORM_SCRATCH || a->form == FORM_SCRATCH_SADDR)
        return swizzled_byte(m, m->regions[REGION_SCRATCH].va, lane, a->at[lane] + b, cause);
    if (a->form == FORM_FLAT && a->va[lane] >> 32 == MODEL_SHARED_HI) {
        *cause = (uint32_t)va < MODEL_LDS_BYTES ? SG_FAULT_NONE : SG_FAULT_APERTURE;
        return *cause == SG_FAULT_NONE ? m->lds + (uint32_t)va : NULL;
    }
    if (a->form == FORM_FLAT && a->va[lane] >> 32 == MODEL_PRIVATE_HI)
        return swizzled_byte(m, m->regions[REGION_SCRATCH].va, lane, (uint32_t)va, cause);
    return model_byte(m, va, need, cause);
}

/* ---- The reference ---- */

struct expected {
    enum sg_fault_cause cause;
    uint32_t lane;
    uint64_t va;
};

static bool reference_faults(struct model *m, const struct access *a, struct expected *out) {
    for (uint32_t lane = 0; lane < SG_LANES; lane++) {
        out->lane = lane;
        if (!(a->exec >> lane & 1))
            continue;
        out->va = a->va[lane];
        out->cause = SG_FAULT_MEMORY_MISALIGNED;
        if (a->spec.kind == SPEC_ATOMIC && a->form < FORM_SCRATCH && out->va % a->spec.bytes)
            return true;
        for (uint32_t b = 0; b < a->spec.bytes; b++, out->va++)
            if (!byte_of(m, a, lane, b, &out->cause))
                return true;
    }
    return false;
}

static void reference_load(struct model *m, const struct access *a, uint32_t lane,
                           const uint8_t *bytes) {
    uint32_t row = register_row(a, a->result);
    uint32_t words[4] = {0};
    memcpy(words, bytes, a->spec.bytes);
    if (a->spec.is_signed)
        words[0] = a->spec.bytes == 1 ? (uint32_t)(int8_t)words[0] : (uint32_t)(int16_t)words[0];
    if (a->spec.is_d16) {
        uint16_t halves[2];
        memcpy(halves, &m->v[row][lane], 4);
        halves[a->spec.is_hi] = (uint16_t)words[0];
        memcpy(words, halves, 4);
    }
    for (uint32_t k = 0; k < rows_of(a->spec.bytes); k++)
        m->v[row + k][lane] = words[k];
}

static uint64_t operand(const struct model *m, const struct access *a, uint32_t first,
                        uint32_t lane) {
    uint32_t row = register_row(a, DATA) + first;
    uint64_t low = m->v[row][lane];
    return a->spec.bytes == 8 ? low | (uint64_t)m->v[row + 1][lane] << 32 : low;
}

static void reference_lane(struct model *m, const struct access *a, uint32_t lane) {
    enum sg_fault_cause cause;
    uint8_t bytes[16] = {0};
    bool inside = true;
    for (uint32_t b = 0; b < a->spec.bytes; b++) {
        uint8_t *at = byte_of(m, a, lane, b, &cause);
        inside = inside && at != &outside_byte;
        bytes[b] = at == &outside_byte ? 0 : *at;
    }
    if (a->spec.kind == SPEC_LOAD) {
        reference_load(m, a, lane, bytes);
        return;
    }
    uint32_t shift = a->spec.is_hi ? 2 : 0;
    uint8_t stored[16];
    for (uint32_t b = 0; b < a->spec.bytes; b++) {
        uint32_t word = m->v[register_row(a, DATA) + (b + shift) / 4][lane];
        stored[b] = (uint8_t)(word >> ((b + shift) % 4 * 8));
    }
    if (a->spec.kind == SPEC_ATOMIC) {
        uint64_t old = 0;
        memcpy(&old, bytes, a->spec.bytes);
        uint64_t cmp = operand(m, a, a->spec.bytes / 4, lane);
        uint64_t value =
            spec_update(a->spec.atomic, a->spec.bytes, old, operand(m, a, 0, lane), cmp);
        memcpy(stored, &value, 8);
        for (uint32_t k = 0; a->returns && k < a->spec.bytes / 4; k++)
            m->v[register_row(a, a->result) + k][lane] = (uint32_t)(old >> (32 * k));
    }
    for (uint32_t b = 0; inside && b < a->spec.bytes; b++)
        *byte_of(m, a, lane, b, &cause) = stored[b];
}

static void encode(const struct access *a, uint32_t words[2]) {
    uint32_t acc = (uint32_t)a->is_acc << 23;
    /* AGPRs are numbered from a0 = row ACC_OFFSET. */
    uint32_t data = a->is_acc ? DATA - DATA : DATA;
    uint32_t result = a->is_acc ? a->result - DATA : a->result;
    if (a->form >= FORM_BUFFER) {
        bool has_index = a->form == FORM_BUFFER_INDEXED || a->form == FORM_BUFFER_SWIZZLED;
        uint32_t vdata = a->spec.kind == SPEC_LOAD ? result : data;
        words[0] = 0xe0000000 | a->opcode << 18 | (uint32_t)a->returns << 14 |
                   (uint32_t)has_index << 13 | 1u << 12 | (uint32_t)a->offset;
        words[1] = ADDRESS | vdata << 8 | SRSRC / 4 << 16 | acc | (uint32_t)SOFFSET << 24;
        return;
    }
    static const uint32_t segments[] = {2, 2, 0, 1, 1};
    static const uint32_t saddrs[] = {0x7f, SADDR, 0, 0x7f, SADDR};
    words[0] = 0xdc000000 | a->opcode << 18 | (uint32_t)a->returns << 16 | segments[a->form] << 14 |
               ((uint32_t)a->offset & 0x1fff);
    words[1] = ADDRESS | data << 8 | saddrs[a->form] << 16 | acc | result << 24;
}

/* ---- Addresses ---- */

enum shape {
    SHAPE_CONSECUTIVE,
    SHAPE_UNALIGNED,
    SHAPE_UNIFORM,
    SHAPE_GROUPS,
    SHAPE_UNIFORM_GROUPS,
    SHAPE_STRIDED,
    SHAPE_SCATTERED,
    SHAPE_ACROSS, /* consecutive from one interval into the next */
    SHAPE_HIGH,   /* across 4 GiB */
    SHAPE_MIXED,
    SHAPE_COUNT
};

static uint32_t pick(struct model *m, uint32_t bound) {
    return model_random(m) % bound;
}

/* A linear address of `size` bytes for the lane. */
static uint64_t shape_va(struct model *m, enum shape shape, uint32_t size, uint32_t lane,
                         const uint32_t *base) {
    uint64_t one = m->regions[REGION_ONE].va + 512;
    uint64_t high = m->regions[REGION_HIGH].va;
    switch (shape) {
    case SHAPE_CONSECUTIVE:
        return one + base[0] % 64 * 16 + (uint64_t)lane * size;
    case SHAPE_UNALIGNED:
        return one + base[0] % 64 * 16 + 1 + (uint64_t)lane * size;
    case SHAPE_UNIFORM:
        return one + base[0] % 64 * 16;
    case SHAPE_GROUPS:
        return one + base[lane / 16] % 64 * 64 + lane % 16 * size;
    case SHAPE_UNIFORM_GROUPS:
        return one + base[lane / 16] % 64 * 64;
    case SHAPE_STRIDED:
        return one + base[0] % 64 * 16 + (uint64_t)lane * (size + 16);
    case SHAPE_SCATTERED:
        return one + pick(m, 1024) * (size < 4 ? 1 : 4);
    case SHAPE_ACROSS:
        return m->regions[REGION_TWO].va - base[0] % 63 * size + (uint64_t)lane * size;
    case SHAPE_HIGH:
        return high + 0x1000 - base[0] % 63 * size + (uint64_t)lane * size;
    default:
        return lane % 3 ? one + pick(m, 0x1000) * 4 % 0x3000 : high + pick(m, 0x700) * 4;
    }
}

static void set_row(struct model *m, uint32_t row, uint32_t lane, uint64_t value) {
    m->v[row][lane] = (uint32_t)value;
}

static void set_global(struct model *m, struct access *a, uint32_t lane) {
    uint64_t address = a->va[lane] - (uint64_t)(int64_t)a->offset;
    if (a->form != FORM_GLOBAL_SADDR) {
        set_row(m, ADDRESS, lane, address);
        set_row(m, ADDRESS + 1, lane, address >> 32);
        return;
    }
    uint64_t base = m->regions[REGION_SCRATCH].va; /* below all the others */
    m->s[SADDR] = (uint32_t)base;
    m->s[SADDR + 1] = (uint32_t)(base >> 32);
    /* The 32-bit offset reaches 4 GiB only: bring the address near. */
    a->va[lane] = base + 0x1000 + (a->va[lane] & 0x3fff);
    set_row(m, ADDRESS, lane, a->va[lane] - base - (uint64_t)(int64_t)a->offset);
}

/* FLAT: some lanes through the apertures instead. */
static void set_flat_apertures(struct model *m, struct access *a, uint32_t part) {
    uint32_t limit = a->spec.kind == SPEC_ATOMIC ? 8 : 1;
    for (uint32_t lane = 0; lane < SG_LANES; lane++) {
        uint32_t at = pick(m, 900) / limit * limit;
        if (part == 0 || lane % 4 == part)
            a->va[lane] = (uint64_t)MODEL_SHARED_HI << 32 | at;
        else if (lane % 4 == part + 1)
            a->va[lane] = (uint64_t)MODEL_PRIVATE_HI << 32 | at % 96;
        set_global(m, a, lane);
    }
}

static void set_scratch(struct model *m, struct access *a, enum shape shape) {
    uint32_t unit = a->spec.kind == SPEC_ATOMIC ? 8 : shape == SHAPE_UNALIGNED ? 1 : 4;
    uint32_t uniform = pick(m, 90) / unit * unit;
    for (uint32_t lane = 0; lane < SG_LANES; lane++) {
        bool same =
            shape == SHAPE_UNIFORM || shape == SHAPE_CONSECUTIVE || a->form == FORM_SCRATCH_SADDR;
        a->at[lane] = same ? uniform : pick(m, 90) / unit * unit;
        set_row(m, ADDRESS, lane, a->at[lane] - (uint32_t)a->offset);
    }
    m->s[SADDR] = uniform - (uint32_t)a->offset;
    m->s[SG_FLAT_SCRATCH] = (uint32_t)m->regions[REGION_SCRATCH].va;
    m->s[SG_FLAT_SCRATCH + 1] = (uint32_t)(m->regions[REGION_SCRATCH].va >> 32);
}

static void set_buffer(struct model *m, struct access *a, enum shape shape) {
    uint32_t limits[FORM_COUNT] = {[FORM_BUFFER] = 3000,
                                   [FORM_BUFFER_INDEXED] = 40,
                                   [FORM_BUFFER_SCRATCH] = 90,
                                   [FORM_BUFFER_SWIZZLED] = 60};
    bool has_index = a->form == FORM_BUFFER_INDEXED || a->form == FORM_BUFFER_SWIZZLED;
    bool is_swizzled = a->form == FORM_BUFFER_SCRATCH || a->form == FORM_BUFFER_SWIZZLED;
    uint32_t unit = a->spec.kind == SPEC_ATOMIC ? 8 : shape == SHAPE_UNALIGNED ? 1 : 4;
    uint64_t base = m->regions[REGION_SCRATCH].va;
    uint32_t first = pick(m, 500) / unit * unit;
    uint32_t uniform = pick(m, limits[a->form]) / unit * unit;
    a->offset &= 0xff8;
    a->offset %= 64;
    a->stride = has_index ? 48 : 0;
    a->records = a->form == FORM_BUFFER ? 2000 : has_index ? 50 : 0x6000;
    m->s[SOFFSET] = 16;
    m->s[SRSRC] = (uint32_t)base;
    m->s[SRSRC + 1] = (uint32_t)(base >> 32) | a->stride << 16 | (uint32_t)is_swizzled << 31;
    m->s[SRSRC + 2] = a->records;
    m->s[SRSRC + 3] = a->form == FORM_BUFFER_SCRATCH ? 3u << 21 | 1u << 23 : 1u << 21;
    for (uint32_t lane = 0; lane < SG_LANES; lane++) {
        a->index[lane] = shape == SHAPE_CONSECUTIVE ? lane : pick(m, 60);
        /* Byte stores that meet: which comes last is nobody's promise. */
        if (a->form == FORM_BUFFER_SWIZZLED && a->spec.kind == SPEC_STORE)
            a->index[lane] = lane * 37 % 64;
        a->at[lane] = pick(m, limits[a->form]) / unit * unit;
        if (shape == SHAPE_UNIFORM || (shape == SHAPE_CONSECUTIVE && a->form != FORM_BUFFER))
            a->at[lane] = uniform;
        else if (shape == SHAPE_CONSECUTIVE)
            a->at[lane] = first + lane * a->spec.bytes;
        a->at[lane] += (uint32_t)a->offset;
        set_row(m, ADDRESS + has_index, lane, a->at[lane] - (uint32_t)a->offset);
        if (has_index)
            set_row(m, ADDRESS, lane, a->index[lane]);
    }
}

static void set_addresses(struct model *m, struct access *a, enum shape shape) {
    uint32_t base[4] = {pick(m, 4096), pick(m, 4096), pick(m, 4096), pick(m, 4096)};
    set_scratch(m, a, shape); /* FLAT needs FLAT_SCRATCH too */
    if (a->form >= FORM_BUFFER) {
        set_buffer(m, a, shape);
        return;
    }
    if (a->form >= FORM_SCRATCH)
        return;
    for (uint32_t lane = 0; lane < SG_LANES; lane++) {
        a->va[lane] = shape_va(m, shape, a->spec.bytes, lane, base);
        if (a->spec.kind == SPEC_ATOMIC)
            a->va[lane] &= ~(uint64_t)(a->spec.bytes - 1);
        set_global(m, a, lane);
    }
    if (a->form == FORM_FLAT && base[1] % 3 != 0)
        set_flat_apertures(m, a, base[1] % 3 - 1);
}

/* ---- Running ---- */

static void describe(const struct access *a, const char *detail, char *text, size_t bytes) {
    snprintf(text, bytes, "%s form %d exec %016llx offset %d acc %d glc %d result %u %s", a->name,
             a->form, (unsigned long long)a->exec, a->offset, a->is_acc, a->returns, a->result,
             detail);
}

static void run_access(struct model *m, struct access *a, const char *detail) {
    char text[160];
    uint32_t words[2];
    struct expected expected;
    describe(a, detail, text, sizeof text);
    encode(a, words);
    model_load_wave(m, a->exec);
    enum sg_wave_state state = model_run(m, words[0], words[1]);
    if (reference_faults(m, a, &expected)) {
        if (state != SG_WAVE_FAULTED || m->w->fault.cause != expected.cause ||
            m->w->fault.lane != expected.lane || m->w->fault.va != expected.va ||
            m->w->fault.is_write != (a->spec.kind != SPEC_LOAD))
            fail_msg("%s: fault %d lane %u at %llx, not %d lane %u at %llx", text,
                     m->w->fault.cause, m->w->fault.lane, (unsigned long long)m->w->fault.va,
                     expected.cause, expected.lane, (unsigned long long)expected.va);
    } else {
        if (state != SG_WAVE_ENDED)
            fail_msg("%s: state %d fault %d lane %u at %llx", text, state, m->w->fault.cause,
                     m->w->fault.lane, (unsigned long long)m->w->fault.va);
        for (uint32_t lane = 0; lane < SG_LANES; lane++)
            if (a->exec >> lane & 1)
                reference_lane(m, a, lane);
    }
    if (!model_equal(m, text))
        fail();
}

static uint64_t random_exec(struct model *m, uint32_t kind) {
    uint64_t random = (uint64_t)model_random(m) << 32 | model_random(m);
    const uint64_t execs[] = {UINT64_MAX, random, random | 0xffff0000ffff, 1ull << (random >> 58),
                              UINT64_MAX >> (random >> 58)};
    return execs[kind % 5];
}

static bool is_form_of(const struct sg_isa_row_info *row, enum form form, struct access *a) {
    if (strcmp(row->encoding, encodings[form]) != 0 || !spec_from_name(row->name, &a->spec))
        return false;
    a->name = row->name;
    a->opcode = row->opcode;
    a->form = form;
    return row->implemented;
}

/* Which of two NaNs an addition keeps is the host's choice: none, then. */
static void make_finite(struct model *m) {
    static const uint32_t finite = 0xbfffbfff; /* as halves, floats and doubles */
    for (uint32_t lane = 0; lane < SG_LANES; lane++)
        for (uint32_t row = 0; row < MODEL_ROWS; row++)
            m->v[row][lane] &= finite;
    for (uint32_t i = 0; i < MODEL_REGIONS; i++) {
        uint32_t *words[] = {(uint32_t *)m->regions[i].host, (uint32_t *)m->regions[i].shadow};
        for (uint32_t k = 0; k < m->regions[i].bytes / 4; k++) {
            words[0][k] &= finite;
            words[1][k] &= finite;
        }
    }
}

struct sweep {
    struct model *m;
    enum form form;
    uint32_t rows;
};

/* Offsets must keep atomics aligned, and FLAT has no negative ones. */
static int32_t random_offset(struct model *m, const struct access *a) {
    int32_t offset = (int32_t)pick(m, 512) * 8;
    if (a->form == FORM_FLAT || a->form >= FORM_BUFFER || pick(m, 2))
        return offset;
    return -offset;
}

static void sweep_row(void *context, const struct sg_isa_row_info *row) {
    struct sweep *sweep = context;
    struct model *m = sweep->m;
    struct access a = {0};
    if (!is_form_of(row, sweep->form, &a))
        return;
    sweep->rows++;
    for (uint32_t shape = 0; shape < SHAPE_COUNT; shape++) {
        for (uint32_t kind = 0; kind < 3; kind++) {
            if (shape == SHAPE_UNALIGNED && a.spec.kind == SPEC_ATOMIC)
                continue;
            char detail[32];
            snprintf(detail, sizeof detail, "shape %u", shape);
            model_randomize(m);
            if (strstr(a.spec.atomic, "_f"))
                make_finite(m);
            a.exec = random_exec(m, kind + shape * 3);
            a.offset = random_offset(m, &a);
            a.is_acc = pick(m, 3) == 0;
            a.returns = a.spec.kind == SPEC_ATOMIC && pick(m, 2);
            bool over_address = !a.is_acc && a.form < FORM_BUFFER && pick(m, 2);
            a.result = over_address ? ADDRESS : a.form >= FORM_BUFFER ? DATA : RESULT;
            if (a.is_acc)
                a.result = DATA + 4 * (a.form < FORM_BUFFER);
            set_addresses(m, &a, shape);
            run_access(m, &a, detail);
        }
    }
}

static void sweep_form(enum form form, uint32_t rows) {
    for (uint32_t level = SG_ISA_V2; level <= (uint32_t)sg_isa_level_max(); level++) {
        struct sweep sweep = {model_create(level), form, 0};
        sg_isa_rows(sweep_row, &sweep);
        assert_int_equal(sweep.rows, rows);
        model_destroy(sweep.m);
    }
}

enum { LOADS_AND_STORES = 22, ATOMICS = 29, GLOBAL_ATOMICS = 31 };

static void global_rows(void **state) {
    (void)state;
    sweep_form(FORM_GLOBAL, LOADS_AND_STORES + GLOBAL_ATOMICS);
}

static void global_rows_with_scalar_base(void **state) {
    (void)state;
    sweep_form(FORM_GLOBAL_SADDR, LOADS_AND_STORES + GLOBAL_ATOMICS);
}

static void flat_rows_in_all_apertures(void **state) {
    (void)state;
    sweep_form(FORM_FLAT, LOADS_AND_STORES + ATOMICS);
}

static void scratch_rows(void **state) {
    (void)state;
    sweep_form(FORM_SCRATCH, LOADS_AND_STORES);
    sweep_form(FORM_SCRATCH_SADDR, LOADS_AND_STORES);
}

static void buffer_rows_raw(void **state) {
    (void)state;
    sweep_form(FORM_BUFFER, LOADS_AND_STORES + GLOBAL_ATOMICS);
}

static void buffer_rows_structured(void **state) {
    (void)state;
    sweep_form(FORM_BUFFER_INDEXED, LOADS_AND_STORES + GLOBAL_ATOMICS);
}

static void buffer_rows_in_private_memory(void **state) {
    (void)state;
    sweep_form(FORM_BUFFER_SCRATCH, LOADS_AND_STORES + GLOBAL_ATOMICS);
}

static void buffer_rows_swizzled(void **state) {
    (void)state;
    sweep_form(FORM_BUFFER_SWIZZLED, LOADS_AND_STORES + GLOBAL_ATOMICS);
}

/* ---- Faults ---- */

static void fault_row(void *context, const struct sg_isa_row_info *row) {
    struct sweep *sweep = context;
    struct model *m = sweep->m;
    struct access a = {0};
    if (!is_form_of(row, sweep->form, &a))
        return;
    sweep->rows++;
    uint32_t size = a.spec.bytes;
    const uint64_t bad[] = {
        m->regions[REGION_READ_ONLY].va + 64,          /* loads may */
        m->regions[REGION_TWO].va + 0x2000,            /* behind the end */
        m->regions[REGION_TWO].va + 0x2000 - size + 1, /* over the end */
        m->regions[REGION_ONE].va - 4,                 /* over the beginning */
        0x10,                                          /* a null pointer */
        m->regions[REGION_ONE].va + 2,                 /* misaligned for atomics */
    };
    for (uint32_t kind = 0; kind < sizeof bad / sizeof *bad; kind++) {
        for (uint32_t lane = 0; lane < SG_LANES; lane += 1 + pick(m, 8)) {
            char detail[32];
            snprintf(detail, sizeof detail, "bad %u in lane %u", kind, lane);
            model_randomize(m);
            if (strstr(a.spec.atomic, "_f"))
                make_finite(m);
            a.exec = random_exec(m, kind + lane) | 1ull << lane;
            if (lane % 3 == 0)
                a.exec = 1ull << lane;
            a.offset = random_offset(m, &a);
            a.result = RESULT;
            set_addresses(m, &a, lane % 2 ? SHAPE_CONSECUTIVE : SHAPE_SCATTERED);
            for (uint32_t all = 0; all < SG_LANES; all++) { /* FLAT: global lanes only */
                a.va[all] = shape_va(m, lane % 2 ? SHAPE_CONSECUTIVE : SHAPE_MIXED, size, all,
                                     (const uint32_t[]){kind, 1, 2, 3}) &
                            ~(uint64_t)15;
                set_global(m, &a, all);
            }
            a.va[lane] = bad[kind];
            set_global(m, &a, lane);
            run_access(m, &a, detail);
        }
    }
}

static void faults_name_the_lowest_lane_and_change_nothing(void **state) {
    (void)state;
    for (uint32_t level = SG_ISA_V2; level <= (uint32_t)sg_isa_level_max(); level++) {
        struct sweep sweep = {model_create(level), FORM_GLOBAL, 0};
        sg_isa_rows(fault_row, &sweep);
        sweep.form = FORM_FLAT;
        sg_isa_rows(fault_row, &sweep);
        assert_int_equal(sweep.rows, 2 * LOADS_AND_STORES + ATOMICS + GLOBAL_ATOMICS);
        model_destroy(sweep.m);
    }
}

/* The low words go on by 4, the high words stay: 4 GiB apart, not next to each other. */
static void low_words_that_wrap_are_far_apart(void **state) {
    (void)state;
    struct model *m = model_create(sg_isa_level_max());
    model_randomize(m);
    uint64_t va = m->regions[REGION_HIGH].va + 0x1000 - 128;
    for (uint32_t lane = 0; lane < SG_LANES; lane++) {
        set_row(m, ADDRESS, lane, va + 4 * lane);
        set_row(m, ADDRESS + 1, lane, va >> 32);
    }
    model_load_wave(m, UINT64_MAX);
    /* global_load_dword v16, v[2:3], off */
    assert_int_equal(model_run(m, 0xdc508000, 0x107f0002), SG_WAVE_FAULTED);
    assert_int_equal(m->w->fault.lane, 32);
    assert_int_equal(m->w->fault.va, va >> 32 << 32);
    model_destroy(m);
}

static void exec_zero_touches_nothing(void **state) {
    (void)state;
    struct model *m = model_create(sg_isa_level_max());
    const uint32_t words[][2] = {
        {0xdc508000, 0x107f0002}, /* global_load_dword */
        {0xdc708000, 0x007f0802}, /* global_store_dword */
        {0xdd088000, 0x007f0802}, /* global_atomic_add */
        {0xdc500000, 0x10000002}, /* flat_load_dword */
        {0xdc704000, 0x007f0802}, /* scratch_store_dword */
        {0xe0701000, 0x1e060802}, /* buffer_store_dword offen */
        {0xd86c0000, 0x10000002}, /* ds_read_b32 */
    };
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        model_randomize(m);
        model_load_wave(m, 0);
        assert_int_equal(model_run(m, words[i][0], words[i][1]), SG_WAVE_ENDED);
        assert_true(model_equal(m, "exec 0"));
    }
    model_destroy(m);
}

struct adder {
    uint32_t *word;
    bool stop;
    uint32_t added;
};

static void *add_on_the_host(void *argument) {
    struct adder *adder = argument;
    while (!__atomic_load_n(&adder->stop, __ATOMIC_RELAXED)) {
        __atomic_fetch_add(adder->word, 1, __ATOMIC_SEQ_CST);
        __atomic_fetch_add(&adder->added, 1, __ATOMIC_RELAXED);
    }
    return NULL;
}

/* All lanes on one word (one swap for the wave) and each second lane on it (one by one). */
static void atomics_meet_those_of_the_host(void **state) {
    (void)state;
    enum { ROUNDS = 100, REPEATS = 500, HOST_ROUNDS = 3000000 };
    struct model *m = model_create(sg_isa_level_max());
    struct region *one = &m->regions[REGION_ONE];
    struct adder adder = {.word = (uint32_t *)one->host};
    pthread_t thread;
    model_randomize(m);
    for (uint32_t lane = 0; lane < SG_LANES; lane++)
        m->v[DATA][lane] = 1;
    uint32_t before = *adder.word;
    assert_int_equal(pthread_create(&thread, NULL, add_on_the_host, &adder), 0);
    uint32_t round = 0;
    for (; round < ROUNDS || __atomic_load_n(&adder.added, __ATOMIC_RELAXED) < HOST_ROUNDS;
         round++) {
        for (uint32_t lane = 0; lane < SG_LANES; lane++) {
            set_row(m, ADDRESS, lane, one->va + (round % 2 && lane % 2 ? 64 : 0));
            set_row(m, ADDRESS + 1, lane, one->va >> 32);
        }
        model_load_wave(m, UINT64_MAX);
        /* global_atomic_add v[2:3], v8, off, then a load of the same word */
        assert_int_equal(model_run_many(m, 0xdd088000, 0x007f0802, REPEATS), SG_WAVE_ENDED);
        assert_int_equal(model_run(m, 0xdc518000, 0x107f0002), SG_WAVE_ENDED);
    }
    __atomic_store_n(&adder.stop, true, __ATOMIC_RELAXED);
    pthread_join(thread, NULL);
    assert_int_equal(*adder.word - before - adder.added,
                     ((round + 1) / 2 * 64 + round / 2 * 32) * REPEATS);
    model_destroy(m);
}

/* The LDS form: M0 + offset + 4 * lane, converted, whatever the width. */
static void loads_to_lds_spread_over_dwords(void **state) {
    (void)state;
    struct model *m = model_create(sg_isa_level_max());
    model_randomize(m);
    uint64_t va = m->regions[REGION_ONE].va + 256;
    for (uint32_t lane = 0; lane < SG_LANES; lane++) {
        set_row(m, ADDRESS, lane, va + lane * 3);
        set_row(m, ADDRESS + 1, lane, va >> 32);
    }
    model_load_wave(m, 0xfffffffffffffff0);
    m->w->s[SG_M0] = 128;
    /* global_load_sbyte v[2:3], off offset:16 lds */
    assert_int_equal(model_run(m, 0xdc448000 | 1u << 13 | 16, 0x007f0002), SG_WAVE_ENDED);
    for (uint32_t lane = 4; lane < SG_LANES; lane++) {
        enum sg_fault_cause cause;
        uint8_t *byte = model_byte(m, va + lane * 3 + 16, SG_VM_READ, &cause);
        uint32_t value = (uint32_t)(int8_t)*byte;
        memcpy(m->lds + 128 + 16 + 4 * lane, &value, 4);
    }
    assert_true(model_equal(m, "global_load_sbyte lds"));
    model_destroy(m);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(global_rows),
        cmocka_unit_test(global_rows_with_scalar_base),
        cmocka_unit_test(flat_rows_in_all_apertures),
        cmocka_unit_test(scratch_rows),
        cmocka_unit_test(buffer_rows_raw),
        cmocka_unit_test(buffer_rows_structured),
        cmocka_unit_test(buffer_rows_in_private_memory),
        cmocka_unit_test(buffer_rows_swizzled),
        cmocka_unit_test(faults_name_the_lowest_lane_and_change_nothing),
        cmocka_unit_test(low_words_that_wrap_are_far_apart),
        cmocka_unit_test(exec_zero_touches_nothing),
        cmocka_unit_test(atomics_meet_those_of_the_host),
        cmocka_unit_test(loads_to_lds_spread_over_dwords),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
