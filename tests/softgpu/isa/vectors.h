/* SPDX-License-Identifier: MIT */
/// What the parts of vectors_test.c share: the bench, the random numbers and the count of compared
/// vectors of each row, which the gate looks at.
#ifndef ISA_TEST_VECTORS_H
#define ISA_TEST_VECTORS_H

#include "bench.h"
#include "random_words.h"

enum { VECTORS_MAX_OPCODE = 1024 };
extern struct bench *vectors_bench;
extern uint32_t vectors_compared[SG_FORMAT_COUNT][VECTORS_MAX_OPCODE];

/// A random number below `bound`; a random operand of a type, edge values among them.
uint32_t vectors_below(uint32_t bound);
uint64_t vectors_operand(enum sg_type type);

/// cmocka tests: scalar rows; vector rows that are no lane functions (across lanes, matrices, mixed
/// precision).
void vectors_scalar(void **state);
void vectors_branches(void **state);
void vectors_special(void **state);

#endif
