/* SPDX-License-Identifier: MIT */
/// Random words of an encoding: every field takes values that the encoding gives a meaning.
#ifndef ISA_TEST_RANDOM_WORDS_H
#define ISA_TEST_RANDOM_WORDS_H

#include "softgpu/isa/format.h"

#include <stdbool.h>
#include <stdint.h>

/// How source 0 of a short vector encoding goes on.
enum words_form { WORDS_PLAIN, WORDS_SDWA, WORDS_DPP };

/// The next number of a generator whose state the caller keeps (not 0).
uint64_t random_next(uint64_t *state);

/// Three words for an opcode: registers (pairs begin at even numbers), constants, literals, and
/// with `modifiers` those bits too, most of them clear. `form` matters to VOP1, VOP2 and VOPC only.
void random_words(enum sg_format_id id, uint32_t opcode, enum words_form form, bool modifiers,
                  uint64_t *state, uint32_t words[3]);

#endif
