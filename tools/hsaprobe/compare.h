/* SPDX-License-Identifier: MIT */
/// Two results of `hsaprobe layers` side by side.
///
/// A pair is one metric of one arm that both results have. Each process of a result gives one
/// value (the median of its rounds), and only those count as independent: the logarithms of both
/// sides' values are compared by Welch's t test. A pair is slower when B is above A by more than
/// the threshold and 50 ns, beyond chance at the level alpha over all pairs together (Holm).
#ifndef TOOL_COMPARE_H
#define TOOL_COMPARE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct json_t;

/// One metric of one arm: a value for each process, in ns.
struct compare_series {
    char *kernel;
    char *arm;
    char *what;
    char *source;
    uint64_t gap_ns;
    double *values;
    size_t count;
};

/// A result as it was read.
struct compare_result {
    struct json_t
        *head; ///< the JSON object that has "manifest", "libraries", "environment", "setup"
    struct compare_series *series;
    size_t count;
};

/// Reads a result in the format json or jsonl. Returns NULL, or what is wrong, to be freed. The
/// result needs compare_result_fini in any case.
char *compare_load(const char *path, struct compare_result *out_result);
void compare_result_fini(struct compare_result *result);
/// The series of the same name; NULL when there is none.
const struct compare_series *compare_find(const struct compare_result *result,
                                          const struct compare_series *like);

enum compare_verdict {
    COMPARE_UNJUDGED, ///< too few processes, or values that aren't positive
    COMPARE_SAME,     ///< no difference beyond threshold and chance
    COMPARE_SLOWER,
    COMPARE_FASTER,
};

struct compare_options {
    double threshold; ///< a fraction: 0.03
    double floor_ns;  ///< differences up to this are none
    double alpha;     ///< of a false alarm among all pairs
};

struct compare_pair {
    const struct compare_series *a;
    const struct compare_series *b;
    double a_ns; ///< geometric mean of the processes' values; their mean where unjudged
    double b_ns;
    double ratio; ///< b / a; 0 where unjudged
    double low;   ///< 95 % interval of this ratio by itself
    double high;
    double slower_probability; ///< of so slow a B by chance (one-sided p); 1 where unjudged
    double faster_probability;
    enum compare_verdict verdict;
};

/// Fills pairs->ratio and so on of one pair whose a and b are set, but not the verdict.
void compare_pair_test(struct compare_pair *pair, const struct compare_options *options);
/// The verdicts of all pairs together. Returns how many are slower.
size_t compare_judge(struct compare_pair *pairs, size_t count,
                     const struct compare_options *options);

/// Words for an enum compare_verdict.
const char *compare_verdict_name(enum compare_verdict verdict);

#endif
