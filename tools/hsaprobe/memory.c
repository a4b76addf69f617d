/* SPDX-License-Identifier: MIT */
#include "memory.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "failure.h"

static void *need(void *memory) {
    if (!memory) {
        fputs("hsaprobe: out of memory\n", stderr);
        exit(EXIT_FAILED);
    }
    return memory;
}

void *xcalloc(size_t count, size_t bytes) {
    return need(calloc(count ? count : 1, bytes ? bytes : 1));
}

void *xreallocarray(void *memory, size_t count, size_t bytes) {
    return need(reallocarray(memory, count ? count : 1, bytes ? bytes : 1));
}

char *xstrdup(const char *text) {
    return need(strdup(text));
}

char *xvasprintf(const char *format, va_list args) {
    char *text = NULL;
    return need(vasprintf(&text, format, args) < 0 ? NULL : text);
}

char *xasprintf(const char *format, ...) {
    va_list args;
    va_start(args, format);
    char *text = xvasprintf(format, args);
    va_end(args);
    return text;
}
