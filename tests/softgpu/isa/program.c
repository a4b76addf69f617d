/* SPDX-License-Identifier: MIT */
#include "program.h"

struct bench *bench;

int program_set_up(void **state) {
    (void)state;
    bench = bench_create(sg_isa_level());
    return 0;
}

int program_tear_down(void **state) {
    (void)state;
    bench_destroy(bench);
    return 0;
}
