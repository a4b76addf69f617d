/* SPDX-License-Identifier: MIT */
/// The picture of `hsaprobe layers`.
#ifndef TOOL_LAYERS_SVG_H
#define TOOL_LAYERS_SVG_H

#include <stdbool.h>
#include <stdio.h>

#include "measure/samples.h"
#include "report.h"

/// For each workload that has layers: a bar for each layer's part of the round trip, with its 95 %
/// interval, and below it every arm's round trip by percentile, on logarithmic scales. Returns
/// false when writing failed (errno is set).
bool layers_svg_write(const struct hsp_samples *samples, const struct report *report, FILE *stream);

#endif
