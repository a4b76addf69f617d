/* SPDX-License-Identifier: MIT */
#include "assemble.h"
#include "program.h"

enum { MAX_WORDS = 512 };

void run_text(const char *text) {
    uint32_t words[MAX_WORDS];
    const size_t count = assemble(text, words, MAX_WORDS);
    bench_execute(bench, words, count);
}
