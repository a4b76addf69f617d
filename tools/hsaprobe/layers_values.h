/* SPDX-License-Identifier: MIT */
/// Numbers of one series, for tables of values that are no layers.
#ifndef TOOL_LAYERS_VALUES_H
#define TOOL_LAYERS_VALUES_H

#include "measure/samples.h"

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

#endif
