/* SPDX-License-Identifier: MIT */
#include "builtin.h"

#include <stdlib.h>
#include <string.h>

#include "memory.h"

#define KERNEL_DIRECTORY "../share/hsaprobe/kernels"

/* total grows by one for each work-item of each launch; the tickets of the last launch are the
 * numbers that it saw, each once. */
static char *check_counter(const struct launch *launch, void *const *contents,
                           uint64_t launch_count) {
    const uint32_t *total = contents[0];
    const uint32_t *tickets = contents[1];
    uint32_t items = launch->geometry.grid[0];
    uint32_t expected = (uint32_t)(launch_count * items);
    if (*total != expected)
        return xasprintf("the counter is %u, not %u", *total, expected);
    unsigned char *seen = xcalloc(items, 1);
    char *why = NULL;
    for (uint32_t i = 0; i < items && !why; i++) {
        uint32_t number = tickets[i] - (expected - items);
        if (number >= items || seen[number]++)
            why =
                xasprintf("work-item %u saw %u, which another saw or nobody could", i, tickets[i]);
    }
    free(seen);
    return why;
}

/* y grows by 2 x = 2 i from 1; all of it exact in a float. */
static char *check_saxpy(const struct launch *launch, void *const *contents,
                         uint64_t launch_count) {
    const float *y = contents[1];
    for (uint32_t i = 0; i < launch->geometry.grid[0]; i++) {
        float expected = 1 + 2 * (float)launch_count * (float)i;
        if (y[i] != expected)
            return xasprintf("y[%u] is %.9g, not %.9g", i, (double)y[i], (double)expected);
    }
    return NULL;
}

#define ARGUMENTS(...) ((const char *const[]){__VA_ARGS__, NULL})
static const struct builtin table[] = {
#define BUILTIN(name, blocks, threads, arguments, check) {#name, blocks, threads, arguments, check},
#include "builtin.def"
#undef BUILTIN
};

const struct builtin *builtins(size_t *out_count) {
    *out_count = sizeof table / sizeof *table;
    return table;
}

const struct builtin *builtin_find(const char *name) {
    for (size_t i = 0; i < sizeof table / sizeof *table; i++)
        if (strcmp(table[i].name, name) == 0)
            return &table[i];
    return NULL;
}

char *builtin_names(void) {
    char *names = xstrdup("");
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        char *longer = xasprintf("%s%s%s", names, *names ? " " : "", table[i].name);
        free(names);
        names = longer;
    }
    return names;
}

int builtin_input(const struct builtin *builtin, struct launch_input *out_input) {
    char *directory = device_executable_directory();
    *out_input = (struct launch_input){
        .kernel_name = builtin->name,
        .in_blocks = true,
        .grid_dimensions = 1,
        .block_dimensions = 1,
        .grid = {builtin->blocks, 1, 1},
        .block = {builtin->threads, 1, 1},
    };
    out_input->file_owned =
        xasprintf("%s/" KERNEL_DIRECTORY "/%s.hipfb", directory ? directory : ".", builtin->name);
    out_input->file = out_input->file_owned;
    free(directory);
    size_t count = 0;
    while (builtin->arguments[count])
        count++;
    out_input->arguments = xcalloc(count, sizeof *out_input->arguments);
    for (size_t i = 0; i < count; i++) {
        char *why = argument_parse(builtin->arguments[i], &out_input->arguments[i]);
        if (why)
            abort(); /* a mistake in builtin.def */
        out_input->argument_count++;
    }
    return launch_check(out_input);
}
