/* SPDX-License-Identifier: MIT */
#include "softgpu/common/options.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

uint32_t sg_trace_mask;

void sg_trace_line(const char *format, ...) {
    static const char prefix[] = "softgpu: ";
    static const char cut[] = "...";
    enum { CAPACITY = 512 };
    const int saved_errno = errno;
    char line[CAPACITY + 1]; /* one byte more for the newline */

    memcpy(line, prefix, sizeof prefix - 1);
    size_t length = sizeof prefix - 1;
    const size_t room = CAPACITY - length;
    va_list arguments;
    va_start(arguments, format);
    /* glibc's vsnprintf neither allocates nor locks for plain integer and string conversions. */
    const int wanted = vsnprintf(line + length, room, format, arguments);
    va_end(arguments);
    if (wanted >= 0 && (size_t)wanted < room) {
        length += (size_t)wanted;
    } else if (wanted >= 0) {
        length = CAPACITY - 1;
        memcpy(line + length - (sizeof cut - 1), cut, sizeof cut - 1);
    }
    line[length++] = '\n';
    /* A trace that can't be written is lost: there is nobody to tell. */
    const ssize_t written = write(STDERR_FILENO, line, length);
    (void)written;
    errno = saved_errno;
}
