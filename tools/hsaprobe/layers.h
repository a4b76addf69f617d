/* SPDX-License-Identifier: MIT */
/// The tables of `hsaprobe layers`. Those about launches are filled kernel by kernel; those with
/// numbers are computed at the end from all samples (measure/samples.h).
#ifndef TOOL_LAYERS_H
#define TOOL_LAYERS_H

#include "arms.h"
#include "measure/estimate.h"
#include "measure/rounds.h"
#include "report.h"

/// The sections of the report, in its order.
struct layers_tables {
    struct report_section *summary;   ///< kernel x layer, the answer in one screen; text only
    struct report_section *others;    ///< the same for layers beside the chain; text only
    struct report_section *gaps;      ///< kernel x arm x gap
    struct report_section *packets;   ///< kernel x whose packet
    struct report_section *arms;      ///< kernel x arm x what: percentiles
    struct report_section *layers;    ///< kernel x layer x what
    struct report_section *residuals; ///< kernel x what: how far layers are from adding up
    struct report_section *processes; ///< kernel x arm x what x process
    struct report_section *checks;    ///< kernel x arm
};

struct layers_tables layers_tables_create(struct report *report);
/// The packets of the ring and hsa arms, and HIP's where it could be read. A difference in
/// anything but addresses, or not knowing, is a note: the layers would not be comparable.
void layers_add_packets(const struct layers_tables *tables, struct report *report,
                        const char *kernel, const struct arms *arms);
/// Everything that is computed from samples: fills all tables but packets and checks, and notes
/// what doesn't add up. `seed` is that of the intervals. Returns 0 or -ENOMEM.
int layers_add_results(const struct layers_tables *tables, struct report *report,
                       const struct hsp_samples *samples, uint64_t seed);
/// The rows of one workload. The summary has the chain of layers that stand on each other (those of
/// layers_chain), highest first, then the arms that they are differences of; the layers that are no
/// part of the chain go to `others`. Returns 0 or -ENOMEM.
int layers_summary_add(const struct layers_tables *tables, const struct hsp_samples *samples,
                       const char *workload, uint64_t seed);
/// An empty table of this form; for people only.
struct report_section *layers_summary_create(struct report *report, const char *key,
                                             const char *title);
/// Whether `layer` is part of the chain of its workload.
bool layers_in_chain(const struct hsp_samples *samples, const struct hsp_named_layer *layer);
/// Names the layers between neighbouring arms of a kernel in `samples`. Returns 0 or -ENOMEM.
int layers_name(struct hsp_samples *samples, const char *kernel, const struct arms *arms,
                bool software);
/// Arms of a workload from the lowest to the highest, by the layers between them; at most
/// `capacity` series of a metric without gaps, as far as there are some. Returns how many.
size_t layers_chain(const struct hsp_samples *samples, const char *workload, const char *metric,
                    const struct hsp_series **out_chain, size_t capacity);

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
