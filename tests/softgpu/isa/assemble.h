/* SPDX-License-Identifier: MIT */
/// Assembles with LLVM at run time, so that a test states instructions as text.
#ifndef ISA_TEST_ASSEMBLE_H
#define ISA_TEST_ASSEMBLE_H

#include <stddef.h>
#include <stdint.h>

/// Words of the program `text` (lines, labels and directives as LLVM takes them). Aborts with
/// LLVM's message when it does not assemble. Returns the count.
size_t assemble(const char *text, uint32_t *out_words, size_t capacity);

#endif
