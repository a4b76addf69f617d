/* SPDX-License-Identifier: MIT */
/* Whether values moved, and the real clock that rounds run on. */
#include <math.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#include "measure/rounds.h"

#define SPIN_NS_MAX   50000 /* below it a sleep would be mostly the kernel's own slack */
#define NS_PER_SECOND UINT64_C(1000000000)

/* Standard deviations by which the ranks of `b` are above those of `a`. */
static double rank_deviations(const double *a, const double *b, size_t count) {
    double pairs = 0;
    for (size_t i = 0; i < count; i++)
        for (size_t j = 0; j < count; j++)
            pairs += a[i] < b[j] ? 1 : a[i] > b[j] ? 0 : 0.5;
    double n = (double)count;
    return (pairs - n * n / 2) / sqrt(n * n * (2 * n + 1) / 12);
}

bool hsp_rounds_moved(const double *earlier, const double *later, size_t count, double tolerance,
                      double deviations, double *scratch) {
    if (count == 0)
        return false;
    memcpy(scratch, earlier, count * sizeof *scratch);
    memcpy(scratch + count, later, count * sizeof *scratch);
    double before = hsp_stats_median_inplace(scratch, count);
    double after = hsp_stats_median_inplace(scratch + count, count);
    return fabs(after - before) > tolerance * fmax(before, after) &&
           fabs(rank_deviations(earlier, later, count)) > deviations;
}

static uint64_t raw_now_ns(void *state) {
    (void)state;
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC_RAW, &now);
    return (uint64_t)now.tv_sec * NS_PER_SECOND + (uint64_t)now.tv_nsec;
}

void hsp_clock_idle(void *state, uint64_t count_ns) {
    if (count_ns > SPIN_NS_MAX) {
        struct timespec wait = {.tv_sec = (time_t)(count_ns / NS_PER_SECOND),
                                .tv_nsec = (long)(count_ns % NS_PER_SECOND)};
        nanosleep(&wait, NULL);
        return;
    }
    uint64_t end = raw_now_ns(state) + count_ns;
    while (raw_now_ns(state) < end) {
    }
}

struct hsp_clock hsp_clock_raw(void) {
    return (struct hsp_clock){.now_ns = raw_now_ns, .idle_ns = hsp_clock_idle};
}

void hsp_burst_tags_now(struct hsp_burst_tags *out_totals) {
    struct rusage usage;
    getrusage(RUSAGE_THREAD, &usage);
    *out_totals = (struct hsp_burst_tags){.voluntary_switches = (uint32_t)usage.ru_nvcsw,
                                          .involuntary_switches = (uint32_t)usage.ru_nivcsw,
                                          .minor_faults = (uint32_t)usage.ru_minflt,
                                          .major_faults = (uint32_t)usage.ru_majflt};
}
