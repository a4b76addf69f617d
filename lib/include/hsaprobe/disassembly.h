/* SPDX-License-Identifier: MIT */
/// The instructions of a kernel, with branch targets and, where it was compiled with -g, source
/// lines. By comgr's disassembler; needs neither runtime nor GPU.
///
/// Thread safety: a disassembly is constant once created.
#ifndef HSAPROBE_DISASSEMBLY_H
#define HSAPROBE_DISASSEMBLY_H

#include <hsaprobe/code_object.h>

#ifdef __cplusplus
extern "C" {
#endif

struct hsp_instruction {
    uint64_t address;    ///< as linked
    uint32_t offset;     ///< bytes from the kernel's first instruction
    uint32_t byte_count; ///< 4 to 20
    const void *bytes;   ///< in the disassembly
    const char *text;    ///< "s_cbranch_scc1 65533"; ".long 0x..." for what is no instruction
    uint32_t label;      ///< from 1 in the order of addresses when something branches here; else 0
    uint32_t target;     ///< label that this one branches to; 0: no branch, or out of the kernel
    const char *file;    ///< of the source; "" when not known
    uint32_t line;       ///< in that file; 0 when not known
};

struct hsp_disassembly;

/// Disassembles a kernel of this code object from its first instruction to the end of its symbol.
/// The code object may be closed afterwards. HSP_ERROR_NOT_SUPPORTED: comgr doesn't know the
/// processor, or it is older than gfx8; errors of hsp_descriptor_read. About 2 us per instruction.
/// Source lines are read by libdw (elfutils), opened on first use: without it there are none.
HSP_API hsp_status hsp_disassembly_create(const struct hsp_code_object *object,
                                          const struct hsp_kernel *kernel,
                                          struct hsp_disassembly **out_disassembly);
/// NULL is fine.
HSP_API void hsp_disassembly_destroy(struct hsp_disassembly *disassembly);
/// Number of instructions, words that are none included.
HSP_API size_t hsp_disassembly_count(const struct hsp_disassembly *disassembly);
/// NULL when out of range; owned by the disassembly.
HSP_API const struct hsp_instruction *hsp_disassembly_at(const struct hsp_disassembly *disassembly,
                                                         size_t index);

#ifdef __cplusplus
}
#endif

#endif
