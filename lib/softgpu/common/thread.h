/* SPDX-License-Identifier: MIT */
/// Threads of the software GPU's own inside somebody else's program.
#ifndef SG_COMMON_THREAD_H
#define SG_COMMON_THREAD_H

#include <pthread.h>
#include <stddef.h>

/// Starts `run(argument)` in a new thread whose frames have `stack_bytes` (at least
/// PTHREAD_STACK_MIN), however many thread-local variables the program has. The new thread takes
/// none of the program's signals; those that an instruction raises (SIGSEGV, SIGBUS, SIGFPE,
/// SIGILL, SIGTRAP) stay deliverable, because guarded accesses to the program's memory rely on
/// them. The caller owns the thread and joins it. Returns 0 or a positive errno. Any thread may
/// call it; it allocates and takes the loader's lock, so no signal handler may.
int sg_thread_start(pthread_t *out_thread, size_t stack_bytes, void *(*run)(void *),
                    void *argument);

#endif
