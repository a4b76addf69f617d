/* SPDX-License-Identifier: MIT */
/// The seam in libc.
#ifndef HSP_TRACE_OS_H
#define HSP_TRACE_OS_H

/// Begins to record libc's functions, if the session wants them.
void trace_os_start(void);

#endif
