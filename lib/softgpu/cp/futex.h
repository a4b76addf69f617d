/* SPDX-License-Identifier: MIT */
/// Sleeping on a word and waking its sleepers. Async-signal-safe; errno is kept.
#ifndef SG_CP_FUTEX_H
#define SG_CP_FUTEX_H

#include <errno.h>
#include <linux/futex.h>
#include <stdatomic.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

/// Sleeps while *word == expected, for `timeout_ns` at most (UINT64_MAX: forever). May wake early.
static inline void cp_futex_wait(_Atomic uint32_t *word, uint32_t expected, uint64_t timeout_ns) {
    const int saved_errno = errno;
    struct timespec timeout = {.tv_sec = (time_t)(timeout_ns / 1000000000),
                               .tv_nsec = (long)(timeout_ns % 1000000000)};
    syscall(SYS_futex, word, FUTEX_WAIT_PRIVATE, expected,
            timeout_ns == UINT64_MAX ? NULL : &timeout, NULL, 0);
    errno = saved_errno;
}

static inline void cp_futex_wake(_Atomic uint32_t *word, int count) {
    const int saved_errno = errno;
    syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, count, NULL, NULL, 0);
    errno = saved_errno;
}

#endif
