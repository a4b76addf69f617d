/* SPDX-License-Identifier: MIT */
/// Writing to the log (<hsaprobe/base.h> has the sink). Thread safety: all, from any thread.
#ifndef HSP_BASE_LOG_H
#define HSP_BASE_LOG_H

#include "base/status.h"

/// Formats and hands over one line; nothing happens when the level is off.
void hsp_log(enum hsp_log_level level, const char *format, ...) HSP_PRINTF(2, 3);
/// Whether lines of this level are wanted: two loads.
bool hsp_log_on(enum hsp_log_level level);

#endif
