/* SPDX-License-Identifier: MIT */
#include "softgpu/common/options.h"

#include <sched.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysinfo.h>

#define KIB             (UINT64_C(1) << 10)
#define MIB             (UINT64_C(1) << 20)
#define GIB             (UINT64_C(1) << 30)
#define TIB             (UINT64_C(1) << 40)
#define VRAM_MIN_BYTES  (64 * MIB)
#define VRAM_MAX_BYTES  TIB
#define VRAM_PAGE_BYTES (4 * KIB)
#define MI210_BYTES     (64 * GIB)
#define MI210_CU_COUNT  104u
#define WORKERS_MAX     256u
#define DELAY_MAX_NS    1000000u

static const char *const doorbell_names[] = {
    [SG_DOORBELL_AUTO] = "auto",
    [SG_DOORBELL_TRAP] = "trap",
    [SG_DOORBELL_UFFD] = "uffd",
    [SG_DOORBELL_SPIN] = "spin",
};
static const char *const trace_names[] = {"ioctl", "packet", "insn"}; /* by bit of enum sg_trace */
static const char *const isa_names[] = {[2] = "v2", [3] = "v3", [4] = "v4"};

uint32_t sg_delay_ns;

#define COUNT_OF(array) (sizeof(array) / sizeof(array)[0])

/* Index of the name that `text` spells with exactly `length` characters; -1 if none does. */
static int name_index(const char *const *names, size_t count, const char *text, size_t length) {
    for (size_t i = 0; i < count; i++) {
        if (names[i] && strlen(names[i]) == length && memcmp(names[i], text, length) == 0) {
            return (int)i;
        }
    }
    return -1;
}

/* Reads decimal digits only (strtoul would take signs and blanks); NULL if there is none or the
 * value does not fit. */
static const char *read_digits(const char *text, uint64_t *out_value) {
    const char *at = text;
    uint64_t value = 0;
    for (; *at >= '0' && *at <= '9'; at++) {
        if (__builtin_mul_overflow(value, 10u, &value) ||
            __builtin_add_overflow(value, (uint64_t)(*at - '0'), &value)) {
            return NULL;
        }
    }
    *out_value = value;
    return at == text ? NULL : at;
}

static bool parse_count(const char *text, uint32_t max, uint32_t *out_count) {
    uint64_t value;
    const char *end = read_digits(text, &value);
    if (!end || *end || value < 1 || value > max) {
        return false;
    }
    *out_count = (uint32_t)value;
    return true;
}

static bool parse_vram(const char *text, struct sg_options *options) {
    static const struct {
        char suffix;
        uint64_t unit;
    } units[] = {{'K', KIB}, {'M', MIB}, {'G', GIB}, {'T', TIB}};
    uint64_t value;
    const char *end = read_digits(text, &value);
    if (!end) {
        return false;
    }
    if (*end) {
        uint64_t unit = 0;
        for (size_t i = 0; i < COUNT_OF(units); i++) {
            unit = *end == units[i].suffix ? units[i].unit : unit;
        }
        if (!unit || end[1] || __builtin_mul_overflow(value, unit, &value)) {
            return false;
        }
    }
    options->vram_bytes = value;
    return value >= VRAM_MIN_BYTES && value <= VRAM_MAX_BYTES && value % VRAM_PAGE_BYTES == 0;
}

static bool parse_cus(const char *text, struct sg_options *options) {
    return parse_count(text, MI210_CU_COUNT, &options->cu_count);
}

static bool parse_gpus(const char *text, struct sg_options *options) {
    return parse_count(text, SG_GPU_LIMIT, &options->gpu_count);
}

static bool parse_workers(const char *text, struct sg_options *options) {
    return parse_count(text, WORKERS_MAX, &options->worker_count);
}

static bool parse_delay(const char *text, struct sg_options *options) {
    uint64_t value;
    const char *end = read_digits(text, &value);
    if (!end || *end || value > DELAY_MAX_NS) {
        return false;
    }
    options->delay_ns = (uint32_t)value;
    return true;
}

static bool parse_doorbell(const char *text, struct sg_options *options) {
    const int mode = name_index(doorbell_names, COUNT_OF(doorbell_names), text, strlen(text));
    if (mode < 0) {
        return false;
    }
    options->doorbell = (enum sg_doorbell_mode)mode;
    return true;
}

static bool parse_trace(const char *text, struct sg_options *options) {
    for (;;) {
        const size_t length = strcspn(text, ",");
        const int bit = name_index(trace_names, COUNT_OF(trace_names), text, length);
        if (bit < 0) {
            return false;
        }
        options->trace |= 1u << bit;
        if (!text[length]) {
            return true;
        }
        text += length + 1;
    }
}

static bool parse_isa(const char *text, struct sg_options *options) {
    const int level = name_index(isa_names, COUNT_OF(isa_names), text, strlen(text));
    if (level < 0 || (uint32_t)level > sg_processor_level()) {
        return false;
    }
    options->isa_level = (uint32_t)level;
    return true;
}

static const struct variable {
    const char *name;
    bool (*parse)(const char *text, struct sg_options *options);
    const char *expected;
} variables[] = {
    {"HSAPROBE_SOFT_VRAM", parse_vram,
     "bytes, or a number with suffix K, M, G or T, from 64M to 1T and a multiple of 4K"},
    {"HSAPROBE_SOFT_CUS", parse_cus, "a number from 1 to 104"},
    {"HSAPROBE_SOFT_GPUS", parse_gpus, "a number from 1 to 8"},
    {"HSAPROBE_SOFT_DOORBELL", parse_doorbell, "auto, trap, uffd or spin"},
    {"HSAPROBE_SOFT_TRACE", parse_trace, "a comma list of ioctl, packet and insn"},
    {"HSAPROBE_SOFT_ISA", parse_isa, "v2, v3 or v4, not above what this processor has"},
    {"HSAPROBE_SOFT_WORKERS", parse_workers, "a number from 1 to 256"},
    {"HSAPROBE_SOFT_DELAY", parse_delay, "nanoseconds, 0 to 1000000"},
};

static uint64_t default_vram_bytes(void) {
    struct sysinfo info;
    uint64_t half = MI210_BYTES;
    if (sysinfo(&info) == 0) {
        half = (uint64_t)info.totalram * info.mem_unit / 2;
    }
    half -= half % (2 * MIB);
    half = half < VRAM_MIN_BYTES ? VRAM_MIN_BYTES : half;
    return half < MI210_BYTES ? half : MI210_BYTES;
}

static uint32_t default_workers(void) {
    cpu_set_t usable;
    if (sched_getaffinity(0, sizeof usable, &usable) != 0) {
        return 1;
    }
    const int count = CPU_COUNT(&usable);
    return count > (int)WORKERS_MAX ? WORKERS_MAX : (uint32_t)count;
}

uint32_t sg_processor_level(void) {
    __builtin_cpu_init();
    const bool v3 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") &&
                    __builtin_cpu_supports("bmi") && __builtin_cpu_supports("bmi2");
    const bool v4 = v3 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
                    __builtin_cpu_supports("avx512cd") && __builtin_cpu_supports("avx512dq") &&
                    __builtin_cpu_supports("avx512vl");
    return v4 ? 4 : v3 ? 3 : 2;
}

bool sg_options_read(struct sg_options *out_options) {
    bool good = true;
    *out_options = (struct sg_options){
        .vram_bytes = default_vram_bytes(),
        .cu_count = MI210_CU_COUNT,
        .gpu_count = 1,
        .worker_count = default_workers(),
        .doorbell = SG_DOORBELL_AUTO,
        .isa_level = sg_processor_level(),
    };
    for (size_t i = 0; i < COUNT_OF(variables); i++) {
        const char *text = getenv(variables[i].name);
        if (text && *text && !variables[i].parse(text, out_options)) {
            fprintf(stderr, "hsaprobe: %s=%s: expected %s\n", variables[i].name, text,
                    variables[i].expected);
            good = false;
        }
    }
    return good;
}

const char *sg_doorbell_mode_name(enum sg_doorbell_mode mode) {
    return (size_t)mode < COUNT_OF(doorbell_names) ? doorbell_names[mode] : "?";
}
