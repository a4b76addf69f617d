/* SPDX-License-Identifier: MIT */
/// Numbers of one series, for tables of values that are no layers; and the table of arms by
/// themselves.
#ifndef TOOL_LAYERS_VALUES_H
#define TOOL_LAYERS_VALUES_H

#include "measure/samples.h"
#include "report.h"

struct layers_value {
    double median; ///< as hsp_estimate_series says
    double low;    ///< of its 95 % interval
    double high;   ///<
    double p99;    ///< of all samples
    uint32_t process_count;
};
/// False when `series` is NULL or empty, or memory is exhausted.
bool layers_value_of(const struct hsp_series *series, uint64_t seed,
                     struct layers_value *out_value);

/// An empty table: submit, round trip and back to back of arms.
struct report_section *layers_arms_table(struct report *report, const char *key, const char *title);
/// A row for each workload in which the arm was measured.
void layers_arms_rows(struct report_section *table, const struct hsp_samples *samples,
                      const char *arm, uint64_t seed);

#endif
