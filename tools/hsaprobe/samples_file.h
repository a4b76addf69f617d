/* SPDX-License-Identifier: MIT */
/// Raw samples as JSON Lines: hsaprobe-samples(5) describes every line.
#ifndef TOOL_SAMPLES_FILE_H
#define TOOL_SAMPLES_FILE_H

#include <stdbool.h>
#include <stdio.h>

#include "measure/samples.h"
#include "report.h"

#define SAMPLES_SCHEMA         "hsaprobe-samples"
#define SAMPLES_SCHEMA_VERSION 1

/// The manifest (with what the report has of libraries, environment and setup), then every series
/// and layer, then every round, then an end line. Returns false when writing failed (errno is set).
bool samples_write(const struct hsp_samples *samples, const struct report *report, FILE *stream);

/// Reads such a file into `samples`; its process p becomes first_process + p. What the file is
/// about stands in *out_head, a JSON object (json_t *) to be released by json_decref; NULL: not
/// wanted. Returns NULL, or what is wrong, to be freed: "line 3: ...". Then `samples` may hold a
/// part.
char *samples_read(FILE *stream, uint32_t first_process, struct hsp_samples *samples,
                   void **out_head);

#endif
