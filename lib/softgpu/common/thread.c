/* SPDX-License-Identifier: MIT */
#include "softgpu/common/thread.h"

#include <link.h>
#include <signal.h>

static int add_thread_local_bytes(struct dl_phdr_info *info, size_t size, void *sum) {
    (void)size;
    for (int i = 0; i < info->dlpi_phnum; i++)
        if (info->dlpi_phdr[i].p_type == PT_TLS)
            *(size_t *)sum += info->dlpi_phdr[i].p_memsz + info->dlpi_phdr[i].p_align;
    return 0;
}

/* glibc takes thread-local variables out of the stack, so that a program with many would leave
 * nothing of a small one. */
static size_t thread_local_bytes(void) {
    size_t sum = 0;
    dl_iterate_phdr(add_thread_local_bytes, &sum);
    return sum;
}

int sg_thread_start(pthread_t *out_thread, size_t stack_bytes, void *(*run)(void *),
                    void *argument) {
    static const int synchronous[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP};
    pthread_attr_t attributes;
    sigset_t blocked, saved;
    int error = pthread_attr_init(&attributes);
    if (error != 0)
        return error;
    error = pthread_attr_setstacksize(&attributes, stack_bytes + thread_local_bytes());
    sigfillset(&blocked);
    for (size_t i = 0; i < sizeof synchronous / sizeof synchronous[0]; i++)
        sigdelset(&blocked, synchronous[i]);
    pthread_sigmask(SIG_SETMASK, &blocked, &saved);
    if (error == 0)
        error = pthread_create(out_thread, &attributes, run, argument);
    pthread_sigmask(SIG_SETMASK, &saved, NULL);
    pthread_attr_destroy(&attributes);
    return error;
}
