/* SPDX-License-Identifier: MIT */
/// Catches what a piece of a test writes to stderr.
#ifndef STDERR_CAPTURE_H
#define STDERR_CAPTURE_H

#include <stddef.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

struct stderr_capture {
    int saved_fd;
    int file_fd;
};

/// Sends stderr to an anonymous file until stderr_capture_end.
static inline struct stderr_capture stderr_capture_begin(void) {
    struct stderr_capture capture;
    fflush(stderr);
    capture.saved_fd = dup(STDERR_FILENO);
    capture.file_fd = memfd_create("stderr", 0);
    dup2(capture.file_fd, STDERR_FILENO);
    return capture;
}

/// Restores stderr; returns how many bytes were written and puts the text, zero-terminated, there.
static inline size_t stderr_capture_end(struct stderr_capture capture, char *out_text,
                                        size_t capacity) {
    fflush(stderr);
    const ssize_t length = pread(capture.file_fd, out_text, capacity - 1, 0);
    dup2(capture.saved_fd, STDERR_FILENO);
    close(capture.saved_fd);
    close(capture.file_fd);
    const size_t bytes = length > 0 ? (size_t)length : 0;
    out_text[bytes] = 0;
    return bytes;
}

#endif
