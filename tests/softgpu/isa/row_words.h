/* SPDX-License-Identifier: MIT */
/// Words for each row of the instruction tables, made from the encodings' layouts.
#ifndef ISA_TEST_ROW_WORDS_H
#define ISA_TEST_ROW_WORDS_H

#include <stdint.h>

struct row_words {
    const char *encoding;
    const char *name; ///< "" when our tables have no such opcode
    uint32_t opcode;
    uint32_t words[3];
};

/// Calls `visit` for every opcode of every encoding with one or more choices of operand fields:
/// registers, pairs aligned to two, no modifiers. Choices that our decoder refuses come too.
void row_words_all(void (*visit)(void *context, const struct row_words *row), void *context);
/// The same for the vector encodings without memory and only those that decode, with `variation`
/// 0: plain, 1: modifiers (neg, abs, omod, clamp), 2: SDWA, 3: DPP where the encoding has them.
void row_words_vector(uint32_t variation, void (*visit)(void *context, const struct row_words *row),
                      void *context);

#endif
