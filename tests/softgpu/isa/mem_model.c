/* SPDX-License-Identifier: MIT */
#include "mem_model.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

enum { PAGE = 4096, CODE_VA = 0x40000000, CODE_BYTES = 1 << 20 };
static const uint32_t s_endpgm = 0xbf810000;

static uint64_t clock_of_test(void) {
    return 0x123456789abcdef0;
}

static uint64_t real_clock_of_test(void) {
    return 0xfedcba9876543210;
}

/* With an unreadable page before and behind: nobody reads further than they may. */
static void *pages(size_t bytes) {
    uint8_t *p = mmap(NULL, bytes + 2 * PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (p == MAP_FAILED || mprotect(p + PAGE, bytes, PROT_READ | PROT_WRITE) != 0) {
        perror("mmap");
        exit(1);
    }
    return p + PAGE;
}

static void free_pages(void *p, size_t bytes) {
    munmap((uint8_t *)p - PAGE, bytes + 2 * PAGE);
}

static void add_region(struct model *m, enum model_region which, uint64_t va, uint32_t bytes,
                       uint32_t flags) {
    struct region *r = &m->regions[which];
    *r = (struct region){va, bytes, flags, pages(bytes), pages(bytes)};
    struct sg_vm_range range = {va, bytes, r->host, flags};
    if (sg_vm_map(m->vm, &range) != 0)
        exit(1);
}

struct model *model_create(enum sg_isa_level level) {
    struct model *m = calloc(1, sizeof *m);
    m->vm = sg_vm_create();
    m->isa = sg_isa_create_level(m->vm, level);
    m->reader = aligned_alloc(64, sizeof *m->reader);
    m->w = aligned_alloc(64, (sizeof *m->w + 63) / 64 * 64);
    m->seed = 12345;
    uint32_t rw = SG_VM_READ | SG_VM_WRITE;
    add_region(m, REGION_ONE, 0x7f000001e000, 0x2000, rw);
    add_region(m, REGION_TWO, 0x7f0000020000, 0x2000, rw);
    add_region(m, REGION_READ_ONLY, 0x7f0000040000, 0x1000, SG_VM_READ);
    add_region(m, REGION_SCRATCH, 0x7e0000000000, 0x8000, rw);
    /* Across a multiple of 4 GiB. */
    add_region(m, REGION_HIGH, 0x7efffffff000, 0x2000, rw);
    m->code = pages(CODE_BYTES);
    struct sg_vm_range code = {CODE_VA, CODE_BYTES, (uint8_t *)m->code, SG_VM_READ | SG_VM_EXEC};
    if (sg_vm_map(m->vm, &code) != 0)
        exit(1);
    m->lds_page = pages(PAGE);
    m->wave_lds = m->lds_page + PAGE - MODEL_LDS_BYTES;
    m->env = (struct sg_wave_env){.vm = m->vm,
                                  .isa = m->isa,
                                  .entry = CODE_VA,
                                  .shared_aperture_hi = MODEL_SHARED_HI,
                                  .private_aperture_hi = MODEL_PRIVATE_HI,
                                  .core_clock = clock_of_test,
                                  .real_clock = real_clock_of_test};
    sg_isa_reader_init(m->isa, m->reader);
    sg_wave_init(m->w);
    m->w->v = pages(SG_WAVE_ROWS * sizeof m->w->v[0]);
    return m;
}

void model_destroy(struct model *m) {
    sg_isa_reader_fini(m->reader);
    sg_isa_destroy(m->isa);
    sg_vm_destroy(m->vm);
    for (uint32_t i = 0; i < MODEL_REGIONS; i++) {
        free_pages(m->regions[i].host, m->regions[i].bytes);
        free_pages(m->regions[i].shadow, m->regions[i].bytes);
    }
    free_pages(m->w->v, SG_WAVE_ROWS * sizeof m->w->v[0]);
    free_pages(m->code, CODE_BYTES);
    free_pages(m->lds_page, PAGE);
    free(m->reader);
    free(m->w);
    free(m);
}

uint32_t model_random(struct model *m) {
    m->seed = m->seed * 1664525u + 1013904223u;
    return m->seed >> 16 | m->seed << 16;
}

static void random_bytes(struct model *m, uint8_t *to, uint8_t *copy, uint32_t bytes) {
    for (uint32_t i = 0; i < bytes; i += 4) {
        uint32_t value = model_random(m);
        memcpy(to + i, &value, 4);
        memcpy(copy + i, &value, 4);
    }
}

void model_randomize(struct model *m) {
    for (uint32_t i = 0; i < MODEL_REGIONS; i++)
        random_bytes(m, m->regions[i].host, m->regions[i].shadow, m->regions[i].bytes);
    random_bytes(m, m->wave_lds, m->lds, MODEL_LDS_BYTES);
    for (uint32_t row = 0; row < MODEL_ROWS; row++)
        for (uint32_t lane = 0; lane < SG_LANES; lane++)
            m->v[row][lane] = model_random(m);
    for (uint32_t i = 0; i < 102; i++)
        m->s[i] = model_random(m);
}

void model_load_wave(struct model *m, uint64_t exec) {
    struct sg_wave *w = m->w;
    uint32_t(*v)[SG_LANES] = w->v;
    sg_wave_init(w);
    w->v = v;
    w->v_rows = MODEL_ROWS;
    w->acc_offset = MODEL_ACC_OFFSET;
    w->env = &m->env;
    w->lds = m->wave_lds;
    w->lds_bytes = MODEL_LDS_BYTES;
    w->workgroup_waves = 1;
    memcpy(v, m->v, sizeof m->v);
    memcpy(w->s, m->s, SG_EXEC * sizeof w->s[0]);
    sg_wave_set_exec(w, exec);
    memcpy(m->s, w->s, sizeof m->s);
    sg_tlb_init(&w->tlb, m->vm);
}

enum sg_wave_state model_run(struct model *m, uint32_t word0, uint32_t word1) {
    return model_run_many(m, word0, word1, 1);
}

enum sg_wave_state model_run_many(struct model *m, uint32_t word0, uint32_t word1, uint32_t count) {
    uint32_t words = 2 * count + 2;
    if (m->code_at + words > CODE_BYTES / 4) {
        m->code_at = 0;
        sg_isa_invalidate(m->isa, 0, UINT64_MAX);
    }
    uint32_t *code = m->code + m->code_at;
    m->w->pc = CODE_VA + m->code_at * 4;
    m->code_at += words;
    for (uint32_t i = 0; i < 2 * count; i += 2) {
        code[i] = word0;
        code[i + 1] = word1;
    }
    code[2 * count] = s_endpgm;
    code[2 * count + 1] = s_endpgm;
    m->w->budget = 1000;
    m->w->state = SG_WAVE_RUNNING;
    m->w->fault = (struct sg_fault){0};
    sg_isa_run(m->reader, m->w, false);
    return m->w->state;
}

uint8_t *model_byte(struct model *m, uint64_t va, uint32_t need, enum sg_fault_cause *cause) {
    for (uint32_t i = 0; i < MODEL_REGIONS; i++) {
        struct region *r = &m->regions[i];
        if (va - r->va >= r->bytes)
            continue;
        *cause = (r->flags & need) == need ? SG_FAULT_NONE : SG_FAULT_MEMORY_READ_ONLY;
        return *cause == SG_FAULT_NONE ? r->shadow + (va - r->va) : NULL;
    }
    *cause = SG_FAULT_MEMORY_UNMAPPED;
    return NULL;
}

bool model_equal(struct model *m, const char *what) {
    bool equal = true;
    for (uint32_t row = 0; equal && row < MODEL_ROWS; row++) {
        for (uint32_t lane = 0; equal && lane < SG_LANES; lane++) {
            if (m->w->v[row][lane] == m->v[row][lane])
                continue;
            fprintf(stderr, "%s: row %u lane %u is %08x, not %08x\n", what, row, lane,
                    m->w->v[row][lane], m->v[row][lane]);
            equal = false;
        }
    }
    for (uint32_t i = 0; equal && i < SG_M0; i++) {
        if (m->w->s[i] == m->s[i])
            continue;
        fprintf(stderr, "%s: s%u is %08x, not %08x\n", what, i, m->w->s[i], m->s[i]);
        equal = false;
    }
    for (uint32_t i = 0; equal && i < MODEL_REGIONS; i++) {
        const struct region *r = &m->regions[i];
        if (memcmp(r->host, r->shadow, r->bytes) == 0)
            continue;
        for (uint32_t k = 0; equal && k < r->bytes; k++) {
            if (r->host[k] == r->shadow[k])
                continue;
            fprintf(stderr, "%s: memory at %#llx is %02x, not %02x\n", what,
                    (unsigned long long)(r->va + k), r->host[k], r->shadow[k]);
            equal = false;
        }
    }
    if (equal && memcmp(m->lds, m->wave_lds, MODEL_LDS_BYTES) != 0) {
        fprintf(stderr, "%s: LDS differs\n", what);
        equal = false;
    }
    return equal;
}
