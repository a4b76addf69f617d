/* SPDX-License-Identifier: MIT */
#include "help.h"

#include <stdlib.h>
#include <string.h>

#include "command.h"
#include "memory.h"

void help_print_all(FILE *stream) {
    size_t count;
    const struct command *table = commands(&count);
    fputs("Usage: hsaprobe COMMAND [OPTION...]\n"
          "Where the microseconds of a GPU kernel launch go.\n\nCommands:\n",
          stream);
    for (size_t i = 0; i < count; i++)
        fprintf(stream, "  %-11s %s\n", table[i].name, table[i].summary);
    fputs("  help        explain a command: help [COMMAND]\n\n"
          "  -V, --version   print the version\n"
          "  -h, --help      print this\n\n"
          "Exit codes: 0 success, 1 failure, 2 wrong command line, 3 regression found,\n"
          "77 no suitable device.\n",
          stream);
}

/* Levenshtein's distance, on words short enough for one row on the stack. */
static size_t distance(const char *a, const char *b) {
    size_t width = strlen(b);
    size_t row[32];
    if (width >= sizeof row / sizeof *row)
        return SIZE_MAX;
    for (size_t j = 0; j <= width; j++)
        row[j] = j;
    for (size_t i = 1; a[i - 1]; i++) {
        size_t diagonal = row[0];
        row[0] = i;
        for (size_t j = 1; j <= width; j++) {
            size_t best = diagonal + (a[i - 1] != b[j - 1]);
            diagonal = row[j];
            best = row[j] + 1 < best ? row[j] + 1 : best;
            row[j] = row[j - 1] + 1 < best ? row[j - 1] + 1 : best;
        }
    }
    return row[width];
}

int help_unknown_command(const char *name) {
    size_t count;
    const struct command *table = commands(&count);
    const char *closest = NULL;
    size_t closest_distance = 3; /* farther words are no typing mistakes */
    for (size_t i = 0; i < count; i++) {
        size_t far = distance(name, table[i].name);
        if (far < closest_distance) {
            closest_distance = far;
            closest = table[i].name;
        }
    }
    int code = failure(EXIT_USAGE, name, "no such command");
    if (closest)
        hint("did you mean `hsaprobe %s`?", closest);
    else
        hint("hsaprobe help lists the commands");
    return code;
}
