/* SPDX-License-Identifier: MIT */
#include "layers_values.h"

#include "measure/estimate.h"

bool layers_value_of(const struct hsp_series *series, uint64_t seed,
                     struct layers_value *out_value) {
    const struct hsp_bootstrap bootstrap = {.seed = seed};
    struct hsp_estimate estimate;
    struct hsp_summary summary;
    if (!series || hsp_estimate_series(series, &bootstrap, &estimate) ||
        hsp_stats_summarize(series->values, series->value_count, &summary))
        return false;
    *out_value = (struct layers_value){.median = estimate.value,
                                       .low = estimate.interval.low,
                                       .high = estimate.interval.high,
                                       .p99 = summary.p99,
                                       .process_count = estimate.process_count};
    return true;
}
