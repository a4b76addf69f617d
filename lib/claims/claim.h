/* SPDX-License-Identifier: MIT */
/// What experiments are written with. They run in a child process that ends with them: they free
/// nothing for its own sake, and any failure ends the process by claim_undecided.
#ifndef HSP_CLAIMS_CLAIM_H
#define HSP_CLAIMS_CLAIM_H

#include <signal.h>
#include <sys/types.h>

#include <hsaprobe/base.h>

#include "claims/claims.h"

/// A running experiment. `result` is shared with the parent, which sees what was recorded even if
/// this process dies.
struct claim {
    const struct hsp_claim *row;
    const struct hsp_claim_setup *setup;
    struct hsp_claim_result *result;
};

/// Records a value from samples: their median and its bootstrap interval. Reorders nothing.
void claim_samples(struct claim *claim, const char *name, const char *unit, const double *samples,
                   size_t count, enum hsp_expectation expectation, double limit);
/// Whether so many samples decide what claim_samples would judge by them: their interval is on one
/// side of the limit. Where they don't, an experiment may measure once more, longer and from the
/// start; looking again and again until they do would make any claim come out.
bool claim_decides(const double *samples, size_t count, enum hsp_expectation expectation,
                   double limit);
/// Records how many of `total` tries had something, as a share with Wilson's 95 % interval.
void claim_share(struct claim *claim, const char *name, uint32_t hits, uint32_t total,
                 enum hsp_expectation expectation, double limit);
/// Records the median of counts; the interval is what was seen.
void claim_counts(struct claim *claim, const char *name, const uint32_t *counts, size_t count,
                  enum hsp_expectation expectation, double limit);

/// Ends the process: undecided, with the reason.
_Noreturn void claim_undecided(struct claim *claim, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/// The same, unless `status` is HSP_OK, with the library's words.
void claim_check(struct claim *claim, hsp_status status, const char *what);

/// Wilson's score interval of a share, 95 %.
void claim_wilson(uint32_t hits, uint32_t total, double *out_low, double *out_high);

/// How a process ended.
struct claim_child {
    bool timed_out; ///< or was stopped by a signal, and was killed
    int status;     ///< as waitpid says
    double seconds;
};
/// Runs `function(data)` in a child process; its return value is the exit code. Kills it after the
/// limit. With `stops`, signals that the caller has blocked: the child's process group is its own
/// and dies with it, and one of these signals kills it like the limit does and stays pending.
struct claim_child claim_in_child(int (*function)(void *data), void *data, double limit_seconds,
                                  const sigset_t *stops);

/// fork, which ends the experiment as undecided where it fails: a pid of -1 would make of the kill
/// that follows one of every process. The child dies with its parent. Returns 0 in it.
pid_t claim_fork_off(struct claim *claim);

/// Runs `part(claim, data)` in a child process that records into the same result. Ends the
/// experiment as undecided when the child did, crashed or took longer than the limit.
void claim_part(struct claim *claim, const char *name,
                void (*part)(struct claim *claim, void *data), void *data, double limit_seconds);

/// Memory that children share, zeroed; never freed.
void *claim_shared(struct claim *claim, size_t bytes);

/// Seconds of CLOCK_MONOTONIC.
double claim_seconds(void);
/// Sleeps so long; not for synchronisation.
void claim_pause_us(unsigned microseconds);

#endif
