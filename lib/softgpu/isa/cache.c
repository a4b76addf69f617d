/* SPDX-License-Identifier: MIT */
#include "softgpu/isa/cache.h"

#include "softgpu/common/options.h"

#include <stdlib.h>
#include <string.h>

static sg_handler op_lazy, op_page_end, op_traced, op_counted;

/* A jump can't be counted exactly; this keeps call and return loops polling. */
enum { JUMP_COST = 16 };

static uint32_t bucket_of(uint64_t page_va) {
    return (uint32_t)(page_va / SG_PAGE_BYTES * 0x9e3779b97f4a7c15u >> 52);
}
_Static_assert(SG_PAGE_BUCKETS == 1 << 12, "bucket_of keeps 12 bits");

static struct sg_code_page *page_find(struct sg_isa *isa, uint64_t page_va, uint32_t variant) {
    struct sg_code_page *page =
        atomic_load_explicit(&isa->buckets[bucket_of(page_va)], memory_order_seq_cst);
    while (page && (page->va != page_va || page->variant != variant))
        page = atomic_load_explicit(&page->next, memory_order_seq_cst);
    return page;
}

static struct sg_code_page *page_create(uint64_t page_va, uint32_t variant) {
    size_t plain = variant ? SG_PAGE_SLOTS * sizeof(sg_handler *) : 0;
    struct sg_code_page *page = calloc(1, sizeof *page + plain);
    if (!page)
        return NULL;
    page->va = page_va;
    page->variant = variant;
    for (uint32_t i = 0; i < SG_PAGE_SLOTS + SG_PAGE_TAIL; i++) {
        atomic_init(&page->ops[i].fn, i < SG_PAGE_SLOTS ? op_lazy : op_page_end);
        page->ops[i].len = 1;
    }
    return page;
}

static struct sg_code_page *page_insert(struct sg_isa *isa, uint64_t page_va, uint32_t variant) {
    pthread_mutex_lock(&isa->lock);
    struct sg_code_page *page = page_find(isa, page_va, variant);
    if (!page && (page = page_create(page_va, variant))) {
        _Atomic(struct sg_code_page *) *bucket = &isa->buckets[bucket_of(page_va)];
        atomic_init(&page->next, atomic_load_explicit(bucket, memory_order_relaxed));
        atomic_store_explicit(bucket, page, memory_order_release);
    }
    pthread_mutex_unlock(&isa->lock);
    return page;
}

struct sg_isa *sg_isa_create_level(struct sg_vm *vm, enum sg_isa_level level) {
    struct sg_isa *isa = calloc(1, sizeof *isa);
    if (!isa)
        return NULL;
    isa->vm = vm;
    isa->level = sg_level(level);
    atomic_init(&isa->epoch, 1);
    if (pthread_mutex_init(&isa->lock, NULL) != 0) {
        free(isa);
        return NULL;
    }
    return isa;
}

struct sg_isa *sg_isa_create(struct sg_vm *vm) {
    return sg_isa_create_level(vm, sg_isa_level());
}

void sg_isa_count_instructions(struct sg_isa *isa, bool on) {
    isa->counts_instructions = on;
}

uint64_t sg_isa_instruction_count(const struct sg_isa *isa) {
    return atomic_load_explicit(&isa->instruction_count, memory_order_relaxed);
}

/* The oldest epoch that a run in progress began in; UINT64_MAX when none is. */
static uint64_t oldest_run(const struct sg_isa *isa) {
    uint64_t oldest = UINT64_MAX;
    for (const struct sg_isa_reader *r = isa->readers; r; r = r->next) {
        uint64_t epoch = atomic_load_explicit(&r->epoch, memory_order_seq_cst);
        if (epoch != 0 && epoch < oldest)
            oldest = epoch;
    }
    return oldest;
}

static void free_retired(struct sg_isa *isa, uint64_t oldest) {
    struct sg_code_page **link = &isa->retired;
    while (*link) {
        struct sg_code_page *page = *link;
        if (page->retired_epoch < oldest) {
            *link = page->next_retired;
            free(page);
        } else {
            link = &page->next_retired;
        }
    }
}

void sg_isa_destroy(struct sg_isa *isa) {
    if (!isa)
        return;
    sg_isa_invalidate(isa, 0, UINT64_MAX);
    free_retired(isa, UINT64_MAX);
    pthread_mutex_destroy(&isa->lock);
    free(isa);
}

void sg_isa_reader_init(struct sg_isa *isa, struct sg_isa_reader *reader) {
    atomic_init(&reader->epoch, 0);
    reader->isa = isa;
    pthread_mutex_lock(&isa->lock);
    reader->next = isa->readers;
    isa->readers = reader;
    pthread_mutex_unlock(&isa->lock);
}

void sg_isa_reader_fini(struct sg_isa_reader *reader) {
    if (!reader || !reader->isa)
        return;
    struct sg_isa *isa = reader->isa;
    pthread_mutex_lock(&isa->lock);
    struct sg_isa_reader **link = &isa->readers;
    while (*link && *link != reader)
        link = &(*link)->next;
    if (*link)
        *link = reader->next;
    pthread_mutex_unlock(&isa->lock);
    reader->isa = NULL;
}

static void bucket_retire(struct sg_isa *isa, uint32_t bucket, uint64_t va, uint64_t last,
                          uint64_t epoch) {
    _Atomic(struct sg_code_page *) *link = &isa->buckets[bucket];
    struct sg_code_page *page;
    while ((page = atomic_load_explicit(link, memory_order_relaxed))) {
        struct sg_code_page *next = atomic_load_explicit(&page->next, memory_order_relaxed);
        /* The page's last instruction may have words in the page behind it. */
        if (page->va <= last && page->va + SG_PAGE_BYTES + 8 > va) {
            atomic_store_explicit(link, next, memory_order_seq_cst);
            page->retired_epoch = epoch;
            page->next_retired = isa->retired;
            isa->retired = page;
        } else {
            link = &page->next;
        }
    }
}

void sg_isa_invalidate(struct sg_isa *isa, uint64_t va, uint64_t bytes) {
    if (bytes == 0)
        return;
    uint64_t last = bytes > UINT64_MAX - va ? UINT64_MAX : va + bytes - 1;
    pthread_mutex_lock(&isa->lock);
    /* Runs that begin after this see the emptied buckets. */
    uint64_t epoch = atomic_load_explicit(&isa->epoch, memory_order_relaxed);
    for (uint32_t i = 0; i < SG_PAGE_BUCKETS; i++)
        bucket_retire(isa, i, va, last, epoch);
    atomic_store_explicit(&isa->epoch, epoch + 1, memory_order_seq_cst);
    free_retired(isa, oldest_run(isa));
    pthread_mutex_unlock(&isa->lock);
}

uint64_t sg_wave_pc(const struct sg_wave *w, const struct sg_op *op) {
    return w->page->va + (uint64_t)(op - w->page->ops) * 4;
}

const struct sg_op *sg_wave_stop(struct sg_wave *w, const struct sg_op *op,
                                 enum sg_wave_state state) {
    w->pc = sg_wave_pc(w, op);
    w->state = state;
    return NULL;
}

const struct sg_op *sg_code_yield(struct sg_wave *w, uint64_t pc, enum sg_yield yield) {
    w->pc = pc;
    w->state = SG_WAVE_YIELDED;
    w->yield = yield;
    return NULL;
}

/* Copies up to three words of code at `pc`; returns how many are mapped. */
static uint32_t fetch_words(const struct sg_vm *vm, uint64_t pc, uint32_t words[3]) {
    uint32_t count = 0;
    memset(words, 0, 3 * sizeof *words);
    for (; count < 3; count++) {
        const void *host = sg_vm_host(vm, pc + count * 4, 4, SG_VM_EXEC, NULL);
        if (!host)
            break;
        memcpy(&words[count], host, 4);
    }
    return count;
}

static void fault_describe(struct sg_wave *w, uint64_t pc) {
    struct sg_fault *fault = &w->fault;
    struct sg_decoded decoded;
    uint32_t count = fetch_words(w->env->vm, pc, fault->dwords);
    fault->mnemonic[0] = fault->encoding[0] = '\0';
    fault->opcode = 0;
    fault->dword_count = count < 2 ? count : 2;
    if (count == 0)
        return;
    bool valid = sg_decode(w->env->isa->level, fault->dwords, &decoded);
    if (valid && decoded.op.len <= count)
        fault->dword_count = decoded.op.len;
    if (decoded.format) {
        strncpy(fault->encoding, decoded.format->name, sizeof fault->encoding - 1);
        fault->opcode = decoded.op.opcode;
    }
    if (decoded.row)
        strncpy(fault->mnemonic, decoded.row->name, sizeof fault->mnemonic - 1);
}

static const struct sg_op *fault_at(struct sg_wave *w, uint64_t pc, enum sg_fault_cause cause) {
    w->fault.cause = cause;
    w->fault.pc = pc;
    w->fault.entry = w->env->entry;
    w->fault.wave = w->wave_index;
    fault_describe(w, pc);
    w->pc = pc;
    w->state = SG_WAVE_FAULTED;
    return NULL;
}

const struct sg_op *sg_wave_fault(struct sg_wave *w, const struct sg_op *op,
                                  enum sg_fault_cause cause) {
    return fault_at(w, sg_wave_pc(w, op), cause);
}

const struct sg_op *sg_code_enter(struct sg_wave *w, uint64_t pc) {
    struct sg_isa *isa = w->env->isa;
    uint64_t page_va = pc & ~(uint64_t)(SG_PAGE_BYTES - 1);
    uint32_t variant = sg_page_variant(w);
    struct sg_code_page *page = page_find(isa, page_va, variant);
    if (!page || (pc & 3) != 0) {
        w->fault.va = pc;
        w->fault.is_write = false;
        w->fault.lane = 0;
        if ((pc & 3) != 0)
            return fault_at(w, pc, SG_FAULT_MEMORY_MISALIGNED);
        if (!sg_vm_host(isa->vm, pc, 4, SG_VM_EXEC, NULL))
            return fault_at(w, pc, SG_FAULT_MEMORY_UNMAPPED);
        if (w->no_alloc || !(page = page_insert(isa, page_va, variant)))
            return sg_code_yield(w, pc, SG_YIELD_DECODE);
    }
    w->page = page;
    w->pc = pc;
    return &page->ops[(pc - page_va) / 4];
}

const struct sg_op *sg_code_jump(struct sg_wave *w, uint64_t pc) {
    w->budget -= JUMP_COST;
    if (w->budget <= 0)
        return sg_code_yield(w, pc, SG_YIELD_BUDGET);
    if (w->page && pc - w->page->va < SG_PAGE_BYTES && (pc & 3) == 0)
        return &w->page->ops[(pc - w->page->va) / 4];
    return sg_code_enter(w, pc);
}

bool sg_code_is_lazy(const struct sg_op *op) {
    return atomic_load_explicit(&op->fn, memory_order_acquire) == op_lazy;
}

/* True for the last instruction of a straight line: what follows may be data. */
static bool ends_line(const struct sg_op *op, const char *name) {
    if (op->format == SG_FORMAT_SOPP)
        return strcmp(name, "s_endpgm") == 0 || strcmp(name, "s_branch") == 0;
    return strcmp(name, "s_setpc_b64") == 0 || strncmp(name, "s_rfe_", 6) == 0;
}

static bool has_no_effect(uint32_t word) {
    enum { SOPP = 0x17f, NOP = 0x00, WAKEUP = 0x03, WAITCNT = 0x0c, SETPRIO = 0x0f };
    uint32_t opcode = word >> 16 & 0x7f;
    return word >> 23 == SOPP &&
           (opcode == NOP || opcode == WAKEUP || opcode == WAITCNT || opcode == SETPRIO);
}

/* How many instructions without effect follow at `slot`: who comes from above skips them; they have
 * slots of their own all the same, which jumps may lead to. */
static uint8_t skippable(const struct sg_isa *isa, const struct sg_code_page *page, uint32_t slot) {
    enum { MOST = 8 };
    uint8_t count = 0;
    uint32_t words[3];
    while (count < MOST && slot + count < SG_PAGE_SLOTS &&
           fetch_words(isa->vm, page->va + (slot + count) * 4, words) && has_no_effect(words[0]))
        count++;
    return count;
}

static void publish(struct sg_isa *isa, struct sg_code_page *page, uint32_t slot,
                    const struct sg_decoded *decoded) {
    struct sg_op *op = &page->ops[slot];
    sg_handler *fn = decoded->row->fn;
    int64_t target = (int64_t)slot + 1 + (int32_t)decoded->op.imm;
    op->imm = decoded->op.imm;
    op->mods = decoded->op.mods;
    op->dst = decoded->op.dst;
    memcpy(op->src, decoded->op.src, sizeof op->src);
    op->sdst = decoded->op.sdst;
    op->opcode = decoded->op.opcode;
    op->len = decoded->op.len;
    op->format = decoded->op.format;
    op->aux = decoded->op.aux;
    /* Branches and calls: does the target lie in this page? */
    if (op->format == SG_FORMAT_SOPP || op->format == SG_FORMAT_SOPK)
        op->aux = target >= 0 && target < SG_PAGE_SLOTS;
    if (page->variant && sg_vector_mode_applies(page->variant, op)) {
        page->plain[slot] = fn;
        fn = sg_vector_mode_handler;
    }
    if (sg_trace_on(SG_TRACE_INSN) || isa->counts_instructions) {
        page->real[slot] = fn;
        fn = isa->counts_instructions ? op_counted : op_traced;
    } else if (!page->variant) {
        op->len = (uint8_t)(op->len + skippable(isa, page, slot + op->len));
    }
    atomic_fetch_add_explicit(&decoded->row->decoded_count, 1, memory_order_relaxed);
    atomic_store_explicit(&op->fn, fn, memory_order_release);
}

/* Decodes from `slot` to the end of the straight line. Returns whether `slot` itself decoded. */
static bool decode_line(struct sg_isa *isa, struct sg_code_page *page, uint32_t slot,
                        struct sg_decoded *first) {
    for (uint32_t at = slot; at < SG_PAGE_SLOTS && sg_code_is_lazy(&page->ops[at]);) {
        struct sg_decoded next;
        struct sg_decoded *decoded = at == slot ? first : &next;
        uint32_t words[3];
        uint32_t count = fetch_words(isa->vm, page->va + at * 4, words);
        decoded->row = NULL;
        if (count == 0 || !sg_decode(isa->level, words, decoded) || decoded->op.len > count ||
            !decoded->row->fn) {
            decoded->valid = false;
            break;
        }
        publish(isa, page, at, decoded);
        if (ends_line(&decoded->op, decoded->row->name))
            break;
        at += decoded->op.len;
    }
    return !sg_code_is_lazy(&page->ops[slot]);
}

bool sg_code_decode(struct sg_wave *w, const struct sg_op *op) {
    struct sg_isa *isa = w->env->isa;
    struct sg_code_page *page = w->page;
    struct sg_decoded decoded;
    decoded.row = NULL;
    if (w->no_alloc) {
        sg_code_yield(w, sg_wave_pc(w, op), SG_YIELD_DECODE);
        return false;
    }
    pthread_mutex_lock(&isa->lock);
    bool decoded_ok = decode_line(isa, page, (uint32_t)(op - page->ops), &decoded);
    pthread_mutex_unlock(&isa->lock);
    if (decoded_ok)
        return true;
    bool known = decoded.row && !decoded.row->fn;
    sg_wave_fault(w, op, known ? SG_FAULT_UNIMPLEMENTED : SG_FAULT_ILLEGAL_INSTRUCTION);
    return false;
}

static const struct sg_op *op_lazy(struct sg_wave *w, const struct sg_op *op) {
    if (!sg_code_decode(w, op))
        return NULL;
    SG_GOTO(w, op);
}

static const struct sg_op *op_page_end(struct sg_wave *w, const struct sg_op *op) {
    const struct sg_op *next = sg_code_enter(w, sg_wave_pc(w, op));
    if (!next)
        return NULL;
    SG_GOTO(w, next);
}

static const struct sg_op *op_traced(struct sg_wave *w, const struct sg_op *op) {
    char text[160];
    uint64_t pc = sg_wave_pc(w, op);
    sg_isa_disassemble_at(w->env->vm, pc, text, sizeof text);
    /* The trap temporaries hold the packet's index and the work-group (cu/workgroup.c). */
    const uint32_t *ttmp = &w->s[SG_TTMP0];
    sg_trace_line("insn packet %u workgroup %u,%u,%u wave %u: kernel 0x%llx+0x%llx: %s  "
                  "exec=0x%016llx",
                  ttmp[6], ttmp[8], ttmp[9], ttmp[10], w->wave_index,
                  (unsigned long long)w->env->entry, (unsigned long long)(pc - w->env->entry), text,
                  (unsigned long long)sg_wave_exec(w));
    sg_handler *fn = w->page->real[op - w->page->ops];
    return fn(w, op);
}

static const struct sg_op *op_counted(struct sg_wave *w, const struct sg_op *op) {
    atomic_fetch_add_explicit(&w->env->isa->instruction_count, 1, memory_order_relaxed);
    sg_handler *fn = w->page->real[op - w->page->ops];
    return fn(w, op);
}

bool sg_isa_is_decoded(struct sg_isa_reader *reader, uint64_t va) {
    struct sg_isa *isa = reader->isa;
    sg_isa_reader_enter(reader);
    struct sg_code_page *page = page_find(isa, va & ~(uint64_t)(SG_PAGE_BYTES - 1), 0);
    bool decoded = page && !sg_code_is_lazy(&page->ops[va % SG_PAGE_BYTES / 4]);
    sg_isa_reader_leave(reader);
    return decoded;
}
