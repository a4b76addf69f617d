/* SPDX-License-Identifier: MIT */
/// How the library's own code reports failures: a status to return and words for hsp_last_error().
///
/// Text is per thread and allocated when a thread fails for the first time; where even that fails
/// the text is a fixed one. Thread safety: all functions, from any thread.
#ifndef HSP_BASE_STATUS_H
#define HSP_BASE_STATUS_H

#include <hsaprobe/base.h>

#define HSP_PRINTF(format_index, first_index)                                                      \
    __attribute__((format(printf, format_index, first_index)))

/// Longest error text or hint with its final NUL; longer ones are cut.
#define HSP_ERROR_TEXT_BYTES 1024

/// The four that report are exported by libhsaprobe under the version HSAPROBE_PRIVATE, for the
/// command alone: what it links of lib/record and lib/measure beside the shared library must set
/// the texts that hsp_last_error() of the latter reads. No program may call them.

/// Sets the text of the thread, clears its hint and returns `status`.
HSP_API hsp_status hsp_fail(hsp_status status, const char *format, ...) HSP_PRINTF(2, 3);
/// hsp_fail with errno's status and ": <strerror>" appended. Uses the errno given.
HSP_API hsp_status hsp_fail_errno(int error, const char *format, ...) HSP_PRINTF(2, 3);
/// HSP_ERROR_OUT_OF_MEMORY with the text "out of memory for WHAT".
HSP_API hsp_status hsp_fail_memory(const char *what);
/// Adds a hint to the failure just reported; returns `status`.
HSP_API hsp_status hsp_hint(hsp_status status, const char *format, ...) HSP_PRINTF(2, 3);

/// Gives the words for the codes of a domain; returns NULL for codes it doesn't know.
typedef const char *(*hsp_status_describer)(uint32_t code);
/// Registered by the module that links the domain's library. Last one wins.
void hsp_status_set_describer(enum hsp_domain domain, hsp_status_describer describer);

#endif
