/* SPDX-License-Identifier: MIT */
/// Whether threads sleep: their scheduler state, looked at again and again. Unlike CPU time it
/// doesn't depend on how busy the machine is: a spinning thread is runnable whether or not it gets
/// a processor.
#ifndef HSP_CLAIMS_SAMPLER_H
#define HSP_CLAIMS_SAMPLER_H

#include <pthread.h>
#include <stdatomic.h>

#include "claims/claim.h"

/// A thread under watch. The caller sets `run` and `data` and zeroes the rest.
struct claim_thread {
    void (*run)(void *data);
    void *data;
    pthread_t thread;
    _Atomic pid_t tid; ///< 0 until it runs
    _Atomic bool ended;
    uint32_t sample_count;
    uint32_t runnable_count; ///< of these, found running or ready to run
};

/// Starts the threads and returns when all run.
void claim_threads_start(struct claim *claim, struct claim_thread *threads, size_t count);
/// Looks at each thread's state `sample_count` times, a millisecond or more apart.
void claim_threads_watch(struct claim_thread *threads, size_t count, uint32_t sample_count);
void claim_threads_join(struct claim_thread *threads, size_t count);
/// Starts, watches once each thread's wait has settled, calls release(data), joins.
void claim_threads_watch_wait(struct claim *claim, struct claim_thread *threads, size_t count,
                              void (*release)(void *data), void *data);

/// 'R', 'S', ... of a thread of this process; 0 when it is gone.
char claim_thread_state(pid_t tid);
/// Returns when a thread of this process has settled: it sleeps ten looks in a row (half a
/// millisecond each), or has run for 20 ms of its own CPU time since the call, or is gone. Until
/// then it may be on its way to where it sleeps, on a busy machine for long. One that does none of
/// the three is left after 2000 looks.
void claim_thread_settle(pid_t tid);
/// Whether a thread of this process is kept from bringing `*progress` to `wanted` by a thread that
/// was stopped: it sleeps in futex ten looks in a row (half a millisecond each), or it runs for 50
/// ms of its own CPU time, as where the lock is between two of its words and the waiter spins. One
/// step must take much less. Waits until one of the three is so.
bool claim_thread_is_stuck(const struct claim_thread *thread, const _Atomic uint32_t *progress,
                           uint32_t wanted);
/// The threads of this process; returns their number.
size_t claim_thread_list(pid_t *out_tids, size_t capacity);

#endif
