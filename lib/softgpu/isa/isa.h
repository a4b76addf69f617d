/* SPDX-License-Identifier: MIT */
/// The instruction set: decode cache, interpreter and disassembler.
///
/// struct sg_isa is the decode cache of one GPU address space. Threads that run waves announce
/// themselves with a struct sg_isa_reader each: sg_isa_invalidate retires decoded pages at once but
/// frees them only when no reader is inside a run that began before.
#ifndef SG_ISA_ISA_H
#define SG_ISA_ISA_H

#include "softgpu/isa/wave.h"
#include "softgpu/mem/vm.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/// Which build of the interpreter runs.
enum sg_isa_level { SG_ISA_V2, SG_ISA_V3, SG_ISA_V4 };

/// "x86-64-v2", "x86-64-v3" or "x86-64-v4": chosen once from the processor and HSAPROBE_SOFT_ISA
/// (v2, v3, v4; never above what the processor has). Any thread.
const char *sg_isa_variant(void);
/// The same as a level; the highest level that is built in and that the processor has.
enum sg_isa_level sg_isa_level(void);
enum sg_isa_level sg_isa_level_max(void);

/// Creates a decode cache over `vm` (kept, not owned) that runs at sg_isa_level(). NULL when out
/// of memory.
struct sg_isa *sg_isa_create(struct sg_vm *vm);
/// The same at a given level, which must not be above sg_isa_level_max(): tests compare levels.
struct sg_isa *sg_isa_create_level(struct sg_vm *vm, enum sg_isa_level level);
/// No reader may be registered any more. NULL is accepted.
void sg_isa_destroy(struct sg_isa *isa);

/// Counts executed wave instructions from now on, or not. Call it before the first run. Every
/// instruction is then counted by itself: nothing is fused, and all is slow.
void sg_isa_count_instructions(struct sg_isa *isa, bool on);
uint64_t sg_isa_instruction_count(const struct sg_isa *isa);

/// One per executing context (worker thread; dispatch run inline in a signal handler): never used
/// by two runs at once. Caller's storage, 64-byte aligned.
struct sg_isa_reader {
    _Alignas(64) _Atomic uint64_t epoch; ///< 0: outside a run
    struct sg_isa *isa;
    struct sg_isa_reader *next;
    _Alignas(64) uint32_t tmp[12][SG_LANES]; ///< operand scratch of the running instruction
};
/// Registers and removes a reader. Take a lock: not in signal handlers.
void sg_isa_reader_init(struct sg_isa *isa, struct sg_isa_reader *reader);
void sg_isa_reader_fini(struct sg_isa_reader *reader);

/// Runs a wave whose state is RUNNING from w->pc until its state changes: barrier, end, fault, or a
/// yield when about w->budget instructions have passed. Sets the host's FP mode for the duration.
/// With no_alloc nothing is allocated and no lock is taken (signal handlers): a wave that reaches
/// an instruction not decoded yet yields with SG_YIELD_DECODE before it.
void sg_isa_run(struct sg_isa_reader *reader, struct sg_wave *w, bool no_alloc);

/// Forgets decoded instructions whose bytes lie in [va, va + bytes); bytes == UINT64_MAX: all.
/// Safe beside running waves: they see new code at their next page entry or run. Takes a lock.
void sg_isa_invalidate(struct sg_isa *isa, uint64_t va, uint64_t bytes);

/// True if the instruction at `va` was decoded already (a hint, for inline execution). Lock-free,
/// async-signal-safe when called with a reader that is not inside a run.
bool sg_isa_is_decoded(struct sg_isa_reader *reader, uint64_t va);

/// Disassembles the instruction whose words start at `words` (`word_count` readable) into `text`
/// (NUL-terminated, truncated at `text_bytes`), in LLVM's style. `pc` resolves branch targets.
/// Returns its length in dwords, 0 if it is not an instruction ("<undefined>"), or 1..3 >
/// word_count when it was cut off. Async-signal-safe.
uint32_t sg_isa_disassemble(const uint32_t *words, size_t word_count, uint64_t pc, char *text,
                            size_t text_bytes);
/// The same for the bytes at GPU address `pc` of `vm`.
uint32_t sg_isa_disassemble_at(const struct sg_vm *vm, uint64_t pc, char *text, size_t text_bytes);

/// Calls `visit` for every row of every encoding's table: name, encoding, opcode, whether it is
/// implemented, and how often it was decoded so far in this process.
struct sg_isa_row_info {
    const char *name;
    const char *encoding;
    uint32_t opcode;
    bool implemented;
    uint32_t decoded_count;
    bool has_sdwa; ///< VOP1, VOP2, VOPC: these forms are there too
    bool has_dpp;
};
void sg_isa_rows(void (*visit)(void *context, const struct sg_isa_row_info *row), void *context);

/// How much of what LLVM 15 reads for gfx90a (llvm.def) the tables implement.
struct sg_isa_coverage {
    const char *encoding; ///< "VOP2", ..., and the forms "SDWA" and "DPP"
    uint32_t llvm_count;  ///< LLVM's mnemonics in it
    uint32_t done_count;  ///< of those: implemented
};
enum { SG_ISA_COVERAGE_MAX = 32 };
/// Fills one row per encoding and form, then one whose encoding is "all" and that counts each
/// mnemonic once (done: in all of its encodings). Returns how many rows there are.
size_t sg_isa_coverage(struct sg_isa_coverage rows[SG_ISA_COVERAGE_MAX]);
/// Calls `visit` for every mnemonic of LLVM that some encoding lacks.
void sg_isa_missing(void (*visit)(void *context, const char *name), void *context);

#endif
