/* SPDX-License-Identifier: MIT */
/// The tables of `hsaprobe layers`: filled kernel by kernel.
#ifndef TOOL_LAYERS_H
#define TOOL_LAYERS_H

#include "arms.h"
#include "measure/rounds.h"
#include "report.h"

/// The sections of the report that grow with every kernel.
struct layers_tables {
    struct report_section *summary; ///< kernel x layer, the answer in one screen; text only
    struct report_section *packets; ///< kernel x whose packet
    struct report_section *arms;    ///< kernel x arm x what
    struct report_section *layers;  ///< kernel x neighbouring arms
    struct report_section *checks;  ///< kernel x arm
};

struct layers_tables layers_tables_create(struct report *report);
/// The packets of the ring and hsa arms, and HIP's where it could be read. A difference in
/// anything but addresses, or not knowing, is a note: the layers would not be comparable.
void layers_add_packets(const struct layers_tables *tables, struct report *report,
                        const char *kernel, const struct arms *arms);
/// Rows of one kernel, in all tables but packets and checks. `software` gives the device's time on
/// the caller rows of its own. Returns 0 or -ENOMEM.
int layers_add_results(const struct layers_tables *tables, const char *kernel,
                       const struct arms *arms, const struct hsp_rounds_result *result,
                       bool software, uint64_t seed);
/// A median with its interval, in nanoseconds.
struct layers_estimate {
    double median;
    double low;
    double high;
};
/// What one kernel's rounds gave. [arm][metric]: the arm itself, and it minus the arm below.
struct layers_estimates {
    struct layers_estimate arms[ARM_COUNT][HSP_METRIC_COUNT];
    struct layers_estimate layers[ARM_COUNT][HSP_METRIC_COUNT];
};
/// The summary: an empty table, first in the report.
struct report_section *layers_summary_create(struct report *report);
/// Rows of one kernel, highest layer first, then what they are parts of.
void layers_summary_add(struct report_section *summary, const char *kernel, const struct arms *arms,
                        const struct layers_estimates *estimates, bool software);
/// The layer between an arm (not the timer) and the one below it.
const char *layers_name(const struct arms *arms, size_t upper, bool software);

/// A built-in kernel's check (builtin.h).
typedef char *(*layers_checker)(const struct launch *, void *const *, uint64_t);

/// Runs every arm a few times more on fresh buffers and compares what it leaves: with what the
/// built-in kernel must leave, or, where `check` is NULL, with what arm ring leaves (unless that
/// differs from run to run: then nothing can be said). Adds rows; returns an exit code,
/// EXIT_FAILED when a result was wrong. Such rows, and those that can't be judged, are shown in any
/// text.
int layers_check(const struct layers_tables *tables, const char *kernel,
                 const struct launch *launch, const struct arms *arms,
                 const struct hsp_rounds_result *result, layers_checker check);

#endif
