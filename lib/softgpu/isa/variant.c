/* SPDX-License-Identifier: MIT */
#include "softgpu/isa/format.h"
#include "softgpu/isa/isa.h"

#include <stdlib.h>
#include <string.h>

const struct sg_level *sg_level(uint32_t level) {
    static const struct sg_level *const levels[] = {
        &sg_level_v2,
#if SG_ISA_LEVEL_COUNT > 1
        &sg_level_v3,
#endif
#if SG_ISA_LEVEL_COUNT > 2
        &sg_level_v4,
#endif
    };
    return level < sizeof levels / sizeof *levels ? levels[level] : NULL;
}

static enum sg_isa_level level_of_processor(void) {
    __builtin_cpu_init();
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
        __builtin_cpu_supports("avx512cd") && __builtin_cpu_supports("avx512dq") &&
        __builtin_cpu_supports("avx512vl"))
        return SG_ISA_V4;
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") &&
        __builtin_cpu_supports("bmi") && __builtin_cpu_supports("bmi2"))
        return SG_ISA_V3;
    return SG_ISA_V2;
}

enum sg_isa_level sg_isa_level_max(void) {
    uint32_t level = level_of_processor();
    while (!sg_level(level))
        level--;
    return (enum sg_isa_level)level;
}

static enum sg_isa_level level_from_environment(enum sg_isa_level max) {
    static const char *const names[] = {"v2", "v3", "v4"};
    const char *wanted = getenv("HSAPROBE_SOFT_ISA");
    for (uint32_t level = SG_ISA_V2; wanted && level <= max; level++)
        if (strcmp(wanted, names[level]) == 0)
            return (enum sg_isa_level)level;
    return max; // a bad value was reported when the options were read
}

enum sg_isa_level sg_isa_level(void) {
    /* Racing first callers compute the same value. */
    static _Atomic int chosen = -1;
    int level = atomic_load_explicit(&chosen, memory_order_relaxed);
    if (level < 0) {
        level = (int)level_from_environment(sg_isa_level_max());
        atomic_store_explicit(&chosen, level, memory_order_relaxed);
    }
    return (enum sg_isa_level)level;
}

const char *sg_isa_variant(void) {
    return sg_level(sg_isa_level())->name;
}
