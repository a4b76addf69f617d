/* SPDX-License-Identifier: MIT */
/// What stopped a wave: filled by the instruction, completed by the compute unit. Or a packet that
/// touches memory itself: then by the packet processor.
#ifndef SG_ISA_FAULT_H
#define SG_ISA_FAULT_H

#include <stdbool.h>
#include <stdint.h>

/// The names follow the packet processor's reports.
enum sg_fault_cause {
    SG_FAULT_NONE,
    SG_FAULT_MEMORY_UNMAPPED, ///< no translation for `va`
    SG_FAULT_MEMORY_READ_ONLY,
    SG_FAULT_MEMORY_MISALIGNED,
    SG_FAULT_APERTURE,            ///< LDS or scratch access out of its aperture
    SG_FAULT_ILLEGAL_INSTRUCTION, ///< not an instruction of gfx90a
    SG_FAULT_UNIMPLEMENTED,       ///< an instruction of gfx90a that this GPU lacks, named
    SG_FAULT_TRAP,                ///< s_trap: `code` is its number
    SG_FAULT_KILLED,              ///< the queue was destroyed under the dispatch
};

/// Everything about one fault.
struct sg_fault {
    enum sg_fault_cause cause;
    const char *engine; ///< NULL: a wave's. Else a packet's: "AQL", "SDMA" ...; of the rest it has
                        ///< cause, queue, va and is_write
    uint32_t queue_id;  ///< packets: the driver's
    uint64_t pc;        ///< of the instruction
    uint64_t entry;     ///< the kernel's entry, to print pc as an offset
    uint32_t dwords[3]; ///< the instruction's words; `dword_count` of them are valid
    uint32_t dword_count;
    uint64_t va; ///< memory faults: the address of the lowest faulting lane
    bool is_write;
    uint32_t lane;
    uint32_t wave;         ///< index in its work-group
    uint32_t workgroup[3]; ///< work-group id
    uint32_t code;
    char mnemonic[32]; ///< "" when the words do not decode
    char encoding[8];  ///< "VOP2", ...
    uint32_t opcode;
};

#endif
