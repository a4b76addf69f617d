/* SPDX-License-Identifier: MIT */
/// The device's ioctls in words (ioctl.def). For readers of a recording.
///
/// Thread safety: all functions, from any thread.
#ifndef HSP_TRACE_IOCTL_NAMES_H
#define HSP_TRACE_IOCTL_NAMES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/// "KFD_CREATE_QUEUE" for an ioctl's command; NULL for one that isn't the device's.
const char *trace_ioctl_name(uint64_t command);
/// Writes "queue 3 ..." for the first `argument_bytes` of the argument as the call left it; missing
/// bytes count as zero. False when there is nothing to say.
bool trace_ioctl_print(uint64_t command, const void *argument, size_t argument_bytes, char *out,
                       size_t out_bytes);

#endif
