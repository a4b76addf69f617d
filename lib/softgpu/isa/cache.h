/* SPDX-License-Identifier: MIT */
/// Decoded code pages, as handlers and the run loop use them. Private to isa.
#ifndef SG_ISA_CACHE_H
#define SG_ISA_CACHE_H

#include "softgpu/isa/format.h"
#include "softgpu/isa/isa.h"

#include <pthread.h>
#include <string.h>

enum {
    SG_PAGE_BYTES = 4096,
    SG_PAGE_SLOTS = SG_PAGE_BYTES / 4,
    SG_PAGE_TAIL = 2, ///< an instruction of 3 dwords in the last slot ends 2 slots behind the page
    SG_PAGE_BUCKETS = 4096,
};

/// Modes that a page was decoded for; see vector_mode.c. 0 for nearly all code.
enum sg_page_variant { SG_PAGE_INDEXES = 1, SG_PAGE_SKIPS = 2 };
static inline uint32_t sg_page_variant(const struct sg_wave *w) {
    return w->mode / SG_MODE_GPR_IDX_EN & (SG_PAGE_INDEXES | SG_PAGE_SKIPS);
}

/// 4 KiB of code, one op per dword. Slots at and behind SG_PAGE_SLOTS cross to the next page.
struct sg_code_page {
    struct sg_op ops[SG_PAGE_SLOTS + SG_PAGE_TAIL];
    uint64_t va;
    _Atomic(struct sg_code_page *) next; ///< in its bucket
    struct sg_code_page *next_retired;
    uint64_t retired_epoch;
    uint32_t variant;                ///< enum sg_page_variant
    sg_handler *real[SG_PAGE_SLOTS]; ///< where instructions are traced or counted: what they do
    sg_handler *plain[];             ///< only if variant != 0: what the row does by itself
};

struct sg_isa {
    struct sg_vm *vm;
    const struct sg_level *level;
    pthread_mutex_t lock; ///< inserts, decodes, retires
    _Atomic uint64_t epoch;
    bool counts_instructions;
    _Atomic uint64_t instruction_count;
    struct sg_isa_reader *readers;
    struct sg_code_page *retired;
    _Atomic(struct sg_code_page *) buckets[SG_PAGE_BUCKETS];
};

/// The op at `pc`, entering its page: w->page and w->pc are set. NULL after having stopped the
/// wave: no code there (fault), no_alloc and not there (yield), out of memory (yield).
const struct sg_op *sg_code_enter(struct sg_wave *w, uint64_t pc);
/// The same for a jump inside the run loop: takes some budget and may yield.
const struct sg_op *sg_code_jump(struct sg_wave *w, uint64_t pc);
/// Leaves the run loop; the wave goes on at `pc`.
const struct sg_op *sg_code_yield(struct sg_wave *w, uint64_t pc, enum sg_yield yield);
/// Decodes the slot `op` and what follows it up to the next unconditional jump. Returns false after
/// having stopped the wave.
bool sg_code_decode(struct sg_wave *w, const struct sg_op *op);
/// True while a slot waits for its first execution.
bool sg_code_is_lazy(const struct sg_op *op);

/// True if an instruction has sg_vector_mode_handler instead of its row's handler in pages of this
/// variant.
bool sg_vector_mode_applies(uint32_t variant, const struct sg_op *op);
sg_handler sg_vector_mode_handler;
/// The op after `op`, which may have changed MODE: of another page if its variant has to change.
/// NULL after having stopped the wave.
const struct sg_op *sg_code_mode_changed(struct sg_wave *w, const struct sg_op *op);

/// Brackets every use of pages: from enter to leave no page that can be found is freed.
void sg_isa_reader_enter(struct sg_isa_reader *reader);
void sg_isa_reader_leave(struct sg_isa_reader *reader);

/// Sets MODE and the host FP modes that it implies (run.c).
void sg_wave_set_mode(struct sg_wave *w, uint32_t mode);

/// One decoded instruction with its row; `op.fn` unset. (decode.c)
struct sg_decoded {
    struct sg_op op;
    const struct sg_format *format; ///< NULL: no encoding matches
    struct sg_row *row;             ///< NULL: no such opcode
    bool valid;                     ///< operands decode too
};
/// Decodes the words (3 readable) with the tables of `level`. Returns valid.
bool sg_decode(const struct sg_level *level, const uint32_t words[3], struct sg_decoded *out);

#endif
