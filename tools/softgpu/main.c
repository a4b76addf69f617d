/* SPDX-License-Identifier: MIT */
/* hsaprobe-softgpu-bench: the software GPU's interpreter without ROCr, on threads of its own. What
 * `hsaprobe bench softgpu` runs; needs nothing but the processor. */
#include "bench.h"

#include "softgpu/cu/cu.h"

#include <argp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

struct options {
    uint32_t rounds;
    uint32_t levels; /* bit n: x86-64-v<n> */
    uint32_t threads;
    const char *only;
    bool json;
};

enum { KEY_ROUNDS = 0x100, KEY_ISA, KEY_THREADS, KEY_ONLY, KEY_JSON };

static const struct argp_option option_table[] = {
    {"rounds", KEY_ROUNDS, "N", 0, "samples of each row, in interleaved rounds (default 15)", 0},
    {"isa", KEY_ISA, "LIST", 0, "interpreters, such as v3,v4 (default: all that run here)", 0},
    {"only", KEY_ONLY, "TEXT", 0, "rows whose group or name has TEXT in it", 0},
    {"threads", KEY_THREADS, "N", 0, "measure the scaling on N threads and nothing else", 0},
    {"json", KEY_JSON, NULL, 0, "print JSON", 0},
    {0},
};

static uint32_t number(struct argp_state *state, const char *text, uint32_t most) {
    char *end;
    const unsigned long value = strtoul(text, &end, 10);
    if (*end || value == 0 || value > most)
        argp_error(state, "'%s' is not a number from 1 to %u", text, most);
    return (uint32_t)value;
}

static uint32_t level_bits(struct argp_state *state, const char *list) {
    uint32_t bits = 0;
    for (const char *at = list; *at; at += strcspn(at, ","), at += *at == ',') {
        const uint32_t level = at[0] == 'v' ? (uint32_t)(at[1] - '0') : 0;
        if (level < LEVEL_FIRST || level > LEVEL_LAST || (at[2] && at[2] != ','))
            argp_error(state, "'%s' is no list of v2, v3, v4", list);
        if (level > sg_cu_isa_level_max())
            argp_error(state, "this processor has no x86-64-v%u", level);
        bits |= 1u << level;
    }
    return bits;
}

static error_t parse(int key, char *arg, struct argp_state *state) {
    struct options *options = state->input;
    switch (key) {
    case KEY_ROUNDS:
        options->rounds = number(state, arg, 100000);
        return 0;
    case KEY_ISA:
        options->levels = level_bits(state, arg);
        return 0;
    case KEY_THREADS:
        options->threads = number(state, arg, 1024);
        return 0;
    case KEY_ONLY:
        options->only = arg;
        return 0;
    case KEY_JSON:
        options->json = true;
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static double clock_value(clockid_t clock) {
    struct timespec now;
    clock_gettime(clock, &now);
    return (double)now.tv_sec * 1e9 + (double)now.tv_nsec;
}

double cpu_ns(void) {
    return clock_value(CLOCK_THREAD_CPUTIME_ID);
}

double wall_ns(void) {
    return clock_value(CLOCK_MONOTONIC);
}

static int compare(const void *a, const void *b) {
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

struct spread series_spread(struct series *series) {
    const uint32_t count = series->count;
    const double *samples = series->samples;
    qsort(series->samples, count, sizeof *samples, compare);
    return (struct spread){samples[0], samples[count / 2], samples[(count - 1) * 9 / 10]};
}

static bool is_wanted(const struct subject *subject, const char *only) {
    return !only || strstr(subject->group, only) || strstr(subject->name, only);
}

/* Drops what is not wanted; returns how many are left. */
static size_t select_subjects(struct subject *subjects, size_t count, const char *only) {
    size_t kept = 0;
    for (size_t i = 0; i < count; i++)
        if (is_wanted(&subjects[i], only))
            subjects[kept++] = subjects[i];
    return kept;
}

static double sample(struct device *device, const struct subject *subject) {
    if (subject->forgets_code)
        device_forget_code(device);
    const double start = cpu_ns();
    device_run(device, &subject->launch);
    return (cpu_ns() - start) / (double)subject->unit_count;
}

/* Every round runs all subjects at all levels, every other one backwards; one round to warm up. */
static void measure(struct subject *subjects, size_t count, struct device *const *devices,
                    uint32_t rounds) {
    for (uint32_t round = 0; round <= rounds; round++)
        for (size_t i = 0; i < count; i++) {
            struct subject *subject = &subjects[round % 2 ? count - 1 - i : i];
            for (int level = 0; level < LEVEL_COUNT; level++) {
                struct series *series = &subject->series[level];
                if (!devices[level])
                    continue;
                if (!series->samples && !(series->samples = calloc(rounds, sizeof(double))))
                    die("out of memory");
                const double value = sample(devices[level], subject);
                if (round > 0)
                    series->samples[series->count++] = value;
            }
        }
}

static void count_instructions(struct subject *subjects, size_t count, struct device *counter) {
    for (size_t i = 0; i < count; i++) {
        if (strncmp(subjects[i].group, "kernels", 7) != 0)
            continue;
        const uint64_t before = device_instructions(counter);
        device_run(counter, &subjects[i].launch);
        subjects[i].instruction_count = device_instructions(counter) - before;
    }
}

static void print_text(struct subject *subject, int level) {
    const struct spread s = series_spread(&subject->series[level]);
    printf("%-15s %-21s v%d %10.3f %10.3f %10.3f %-3s", subject->group, subject->name,
           level + LEVEL_FIRST, s.min, s.median, s.p90, subject->unit);
    if (subject->instruction_count)
        printf(" %8.2f ns/instruction", s.median * 1e6 / (double)subject->instruction_count);
    else
        printf(" %s", subject->what);
    putchar('\n');
}

static void print_json(struct subject *subject, int level, bool first) {
    const struct spread s = series_spread(&subject->series[level]);
    printf("%s\n  {\"group\": \"%s\", \"name\": \"%s\", \"what\": \"%s\", \"isa\": \"v%d\", "
           "\"unit\": \"%s\", \"min\": %.4f, \"median\": %.4f, \"p90\": %.4f, \"samples\": %u, "
           "\"instructions\": %llu}",
           first ? "" : ",", subject->group, subject->name, subject->what, level + LEVEL_FIRST,
           subject->unit, s.min, s.median, s.p90, subject->series[level].count,
           (unsigned long long)subject->instruction_count);
}

static double ns_per_instruction(struct subject *subject, int level) {
    return series_spread(&subject->series[level]).median * 1e6 / (double)subject->instruction_count;
}

/* What a kernel's wave instructions cost where the compiler did not optimize it, against where it
 * did. */
static void print_unoptimized(struct subject *subjects, size_t count, int level) {
    for (size_t i = 0; i < count; i++)
        for (size_t k = i + 1; k < count; k++)
            if (subjects[i].series[level].samples && subjects[i].instruction_count &&
                strcmp(subjects[i].name, subjects[k].name) == 0)
                printf("%-15s %-21s v%d %10.2f times the ns per instruction\n", "-O0 / -O3",
                       subjects[i].name, level + LEVEL_FIRST,
                       ns_per_instruction(&subjects[k], level) /
                           ns_per_instruction(&subjects[i], level));
}

static void print_all(struct subject *subjects, size_t count, bool json) {
    bool first = true;
    if (json)
        printf("{\"rows\": [");
    else
        printf("%-15s %-21s %-2s %10s %10s %10s\n", "group", "name", "", "min", "median", "p90");
    for (size_t i = 0; i < count; i++)
        for (int level = 0; level < LEVEL_COUNT; level++) {
            if (!subjects[i].series[level].samples)
                continue;
            if (json)
                print_json(&subjects[i], level, first);
            else
                print_text(&subjects[i], level);
            first = false;
        }
    for (int level = 0; level < LEVEL_COUNT && !json; level++)
        print_unoptimized(subjects, count, level);
    for (size_t i = 0; i < count; i++)
        for (int level = 0; level < LEVEL_COUNT; level++)
            free(subjects[i].series[level].samples);
    if (json)
        puts("\n]}");
}

static void run(const struct options *options) {
    static struct subject subjects[SUBJECTS_MAX];
    struct device *devices[LEVEL_COUNT + 1] = {0};
    struct device *made[LEVEL_COUNT + 1];
    size_t made_count = 0;
    for (int level = 0; level < LEVEL_COUNT; level++)
        if (options->levels >> (level + LEVEL_FIRST) & 1)
            made[made_count++] = devices[level] =
                device_create((uint32_t)(level + LEVEL_FIRST), 1, false);
    struct device *counter = device_create(sg_cu_isa_level_max(), 1, true);
    made[made_count++] = counter;
    size_t count = families_add(subjects, made, made_count);
    count += kernels_add(subjects + count, made, made_count);
    const size_t kept = select_subjects(subjects, count, options->only);
    count_instructions(subjects, kept, counter);
    measure(subjects, kept, devices, options->rounds);
    if (!options->only)
        kernels_check();
    print_all(subjects, kept, options->json);
    for (size_t i = 0; i < made_count; i++)
        device_destroy(made[i]);
}

int main(int argc, char **argv) {
    static const struct argp argp = {
        option_table,
        parse,
        NULL,
        "Measures the software GPU's interpreter: nanoseconds of processor time per wave "
        "instruction by family, and whole kernels.",
        NULL,
        NULL,
        NULL};
    struct options options = {.rounds = 15};
    argp_err_exit_status = 2;
    if (argp_parse(&argp, argc, argv, 0, NULL, &options) != 0)
        return 2;
    if (!options.levels)
        for (uint32_t level = LEVEL_FIRST; level <= sg_cu_isa_level_max(); level++)
            options.levels |= 1u << level;
    if (options.threads)
        scaling_run(sg_cu_isa_level_max(), options.threads, options.rounds, options.json);
    else
        run(&options);
    return fflush(stdout) == 0 && !ferror(stdout) ? 0 : 1;
}
