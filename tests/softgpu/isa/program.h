/* SPDX-License-Identifier: MIT */
/// A test program's one bench at the level that runs by itself, and assembly text on it.
#ifndef ISA_TEST_PROGRAM_H
#define ISA_TEST_PROGRAM_H

#include "bench.h"

/// From program_set_up to program_tear_down, which are fixtures of a cmocka group.
extern struct bench *bench;
int program_set_up(void **state);
int program_tear_down(void **state);

/// Assembles the text, at most 512 words, and runs it to its end; the process fails if it doesn't.
/// Only in programs with assemble.c.
void run_text(const char *text);

#endif
