/* SPDX-License-Identifier: MIT */
/// Allocation for the command, which can't go on without memory: each of these prints
/// "hsaprobe: out of memory" and exits with 1 instead of returning NULL.
#ifndef TOOL_MEMORY_H
#define TOOL_MEMORY_H

#include <stdarg.h>
#include <stddef.h>

void *xcalloc(size_t count, size_t bytes) __attribute__((returns_nonnull));
void *xreallocarray(void *memory, size_t count, size_t bytes) __attribute__((returns_nonnull));
char *xstrdup(const char *text) __attribute__((returns_nonnull));
char *xvasprintf(const char *format, va_list args)
    __attribute__((returns_nonnull, format(printf, 1, 0)));
char *xasprintf(const char *format, ...) __attribute__((returns_nonnull, format(printf, 1, 2)));

#endif
