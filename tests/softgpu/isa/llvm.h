/* SPDX-License-Identifier: MIT */
/// LLVM's disassembler as an oracle.
#ifndef ISA_TEST_LLVM_H
#define ISA_TEST_LLVM_H

#include <stddef.h>
#include <stdint.h>

enum { LLVM_TEXT_BYTES = 160 };

struct llvm_item {
    uint32_t words[3];
    /// What LLVM prints for them; "" if they are no instruction to it, or one that it would encode
    /// with other words (fields that the instruction ignores).
    char text[LLVM_TEXT_BYTES];
};

/// Fills in the texts with one run of llvm-mc. Aborts if it can't be run.
void llvm_disassemble(struct llvm_item *items, size_t count);
/// Removes leading and doubled blanks.
void llvm_squeeze(char *text);

#endif
