/* SPDX-License-Identifier: MIT */
/// Assembles with LLVM at run time, so that a test states instructions as text.
#ifndef ISA_TEST_ASSEMBLE_H
#define ISA_TEST_ASSEMBLE_H

#include <stddef.h>
#include <stdint.h>

/// Words of the program `text` (lines, labels and directives as LLVM takes them). Aborts with
/// LLVM's message when it does not assemble. Returns the count.
size_t assemble(const char *text, uint32_t *out_words, size_t capacity);

/// The same for `count` texts with one run of the assembler: text i becomes the words from
/// out_first[i] to out_first[i + 1]; out_first has count + 1 places.
void assemble_all(const char *const *texts, size_t count, uint32_t *out_words, size_t capacity,
                  size_t *out_first);

#endif
