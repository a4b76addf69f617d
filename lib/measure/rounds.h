/* SPDX-License-Identifier: MIT */
/// Arms and rounds: several complete ways to launch, measured side by side.
///
/// An arm is one way to launch and to wait. A round visits every arm once, in a random order; the
/// next round visits them in the reverse of that order, so that a slow drift of the machine falls
/// on all arms alike and a paired difference within a round removes it. In a visit an arm makes
/// `settle_count` launches that are not recorded (the visit before belonged to another arm and
/// left its caches and queues behind), then `burst_count` launches timed one by one, then one batch
/// of launches with a single wait at its end, then batches of 1, 2, 4, ... launches of which only
/// the submission is timed: their slope is the cost of one more launch, free of what the timer
/// costs.
///
/// Rounds before the steady state are run apart and not recorded: see hsp_rounds_options.
///
/// Thread safety: one caller at a time; the arms run on the calling thread.
#ifndef HSP_MEASURE_ROUNDS_H
#define HSP_MEASURE_ROUNDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "measure/stats.h"

/// A source of time. The tests inject synthetic ones.
struct hsp_clock {
    uint64_t (*now_ns)(void *state); ///< monotonic
    void (*idle_ns)(void *state,
                    uint64_t count); ///< lets time pass; NULL where no gap is asked for
    void *state;                     ///< unowned
};

/// What happened to the thread during a burst (getrusage, RUSAGE_THREAD).
struct hsp_burst_tags {
    uint32_t voluntary_switches;
    uint32_t involuntary_switches;
    uint32_t minor_faults;
    uint32_t major_faults;
};

/// What an arm does. `launch`, `wait` and `enter` return 0, or non-zero on a failure that `error`
/// then describes.
struct hsp_arm_ops {
    int (*launch)(void *state);        ///< submits one launch and does not wait for it
    int (*wait)(void *state);          ///< returns once everything that was launched has completed
    const char *(*error)(void *state); ///< text of the last failure; owned by the arm
    void (*destroy)(void *state);      ///< frees the arm; may be NULL; accepts NULL
    int (*enter)(void *state);         ///< before a visit; may be NULL. Not timed.
    void (*leave)(void *state);        ///< after a visit, also a failed one; may be NULL
};

/// One way to launch.
struct hsp_arm {
    const char *name; ///< unowned
    const struct hsp_arm_ops *ops;
    void *state; ///< handed to every op
};

/// What is measured of an arm. Every value is in nanoseconds per launch, but for SLOPE.
enum hsp_metric {
    HSP_METRIC_SUBMIT,            ///< launch() alone, less what HSP_METRIC_CALLER counts
    HSP_METRIC_ROUND_TRIP,        ///< launch() and wait()
    HSP_METRIC_BACK_TO_BACK,      ///< a batch of launches and one wait, divided by the batch
    HSP_METRIC_CALLER,            ///< device work done on this thread within launch()
    HSP_METRIC_CALLER_ROUND_TRIP, ///< device work done on this thread within launch() and wait()
    HSP_METRIC_SLOPE,             ///< value i: 2^i launches without their wait, in all, less CALLER
    HSP_METRIC_COUNT
};

/// Most launches that a burst may have.
#define HSP_ROUNDS_BURST_MAX 4096
/// Most sizes of HSP_METRIC_SLOPE.
#define HSP_ROUNDS_SIZES_MAX 8

struct hsp_rounds_options {
    uint32_t round_count;  ///< recorded rounds; at least 1
    uint32_t burst_count;  ///< timed launches of an arm in a round; 1 to HSP_ROUNDS_BURST_MAX
    uint32_t settle_count; ///< unrecorded launches at the start of a visit
    uint32_t batch_count;  ///< launches of the back-to-back batch; 0 leaves it out
    uint32_t slope_count;  ///< sizes of the slope, 1, 2, 4, ...; 0 leaves it out, else at least 2
    uint64_t gap_ns;       ///< idle time before each timed launch; needs clock.idle_ns
    /// Warm-up: windows of at least this many rounds and a quarter of warmup_ns are run until no
    /// arm's round trips in the last two differ from those in the two before: see
    /// hsp_rounds_moved. (Windows within one slice of the scheduler always agree.) 0: none.
    uint32_t warmup_window;
    uint32_t warmup_round_max; ///< gives up there and says so in the result; 0: no warm-up
    double warmup_tolerance;   ///< a fraction, such as 0.05
    uint64_t warmup_ns;        ///< 0: no least time
    /// Starts no further round once this much of the clock has passed since the beginning, and no
    /// further warm-up after half of it; 0: no limit. At least one round is recorded.
    uint64_t time_limit_ns;
    uint64_t seed; ///< of the order of the arms
    struct hsp_clock clock;
    uint64_t (*caller_ns)(void); ///< device time spent on this thread; NULL: always 0
    void (*tags)(struct hsp_burst_tags *out_totals); ///< so far; NULL: always 0
};

/// What rounds gave. Owned by the caller of hsp_rounds_run; freed by hsp_rounds_result_fini.
struct hsp_rounds_result {
    size_t arm_count;
    uint32_t round_count;    ///< recorded; fewer than asked for when time was up
    uint32_t round_capacity; ///< of `samples`
    uint32_t burst_count;
    uint32_t batch_count;
    uint32_t slope_count;
    uint32_t warmup_round_count; ///< unrecorded rounds
    bool steady;                 ///< the warm-up ended because nothing moved any more
    bool drifted;                ///< an arm's last third of recorded rounds differs from its first
    uint64_t *launch_counts;     ///< launches made per arm, all of them
    double *samples;             ///< see hsp_rounds_samples
    struct hsp_burst_tags *tags; ///< [arm * round_capacity + round]: of the burst
};

/// Runs warm-up and rounds. Returns 0 with *out_result filled; -EINVAL for a count out of range,
/// -ENOMEM, or -EIO when an arm failed: then *out_failed_arm is its index and its error() says why.
/// On failure *out_result is untouched.
int hsp_rounds_run(const struct hsp_arm *arms, size_t arm_count,
                   const struct hsp_rounds_options *options, struct hsp_rounds_result *out_result,
                   size_t *out_failed_arm);
/// Frees what the result owns; accepts a zeroed one.
void hsp_rounds_result_fini(struct hsp_rounds_result *result);

/// Samples that a round has of a metric: BACK_TO_BACK one, SLOPE slope_count, else burst_count.
uint32_t hsp_rounds_per_burst(const struct hsp_rounds_result *result, enum hsp_metric metric);
/// Number of samples of a metric in all.
size_t hsp_rounds_sample_count(const struct hsp_rounds_result *result, enum hsp_metric metric);
/// The samples of one arm and metric in the order in which they were taken.
const double *hsp_rounds_samples(const struct hsp_rounds_result *result, size_t arm,
                                 enum hsp_metric metric);
/// One value per round: the median of the round's burst (not for SLOPE). `out_values` has room for
/// round_count.
void hsp_rounds_per_round(const struct hsp_rounds_result *result, size_t arm,
                          enum hsp_metric metric, double *out_values);

/// Whether the `count` values from `later` on are others than those from `earlier` on: their
/// medians differ by more than `tolerance` of the larger one, and their ranks (Mann and Whitney) by
/// more than `deviations` standard deviations of what chance does. `scratch` has room for 2 *
/// count.
bool hsp_rounds_moved(const double *earlier, const double *later, size_t count, double tolerance,
                      double deviations, double *scratch);

/// CLOCK_MONOTONIC_RAW, about 25 ns to read. Gaps up to 50 us are spun, longer ones slept.
struct hsp_clock hsp_clock_raw(void);
/// Lets time pass on a real clock as hsp_clock_raw does.
void hsp_clock_idle(void *state, uint64_t count_ns);
/// The calling thread's totals, about 0.3 us.
void hsp_burst_tags_now(struct hsp_burst_tags *out_totals);

#endif
