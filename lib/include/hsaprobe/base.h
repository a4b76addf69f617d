/* SPDX-License-Identifier: MIT */
/// What every part of hsaprobe shares: status codes, error text, log, clock.
///
/// Errors. A function that can fail returns an hsp_status and leaves its `out_*` parameters
/// untouched unless it returns HSP_OK. The number says what kind of error it was and keeps the
/// native code (HSA status, errno, ...); the words, naming the input that was wrong and what was
/// expected, are kept per thread and read with hsp_last_error(). The log callback never carries
/// errors that a caller also gets as a status: it is for warnings and for tracing.
///
/// Thread safety: every function here may be called from any thread at any time.
#ifndef HSAPROBE_BASE_H
#define HSAPROBE_BASE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/// Marks what the shared library exports; everything else is hidden.
#define HSP_API __attribute__((visibility("default")))

#define HSP_VERSION_MAJOR 0
#define HSP_VERSION_MINOR 1
#define HSP_VERSION_PATCH 0

/// 0 is success. Otherwise the domain is in bits 24..30 and the native code in bits 0..23.
typedef int32_t hsp_status;

enum hsp_domain {
    HSP_DOMAIN_HSP = 1,   ///< enum hsp_error
    HSP_DOMAIN_HSA = 2,   ///< hsa_status_t
    HSP_DOMAIN_ERRNO = 3, ///< errno
    HSP_DOMAIN_ELF = 4,   ///< elf_errno() of libelf
    HSP_DOMAIN_COMGR = 5, ///< amd_comgr_status_t
};

#define HSP_OK ((hsp_status)0)
#define HSP_STATUS(domain, code)                                                                   \
    ((hsp_status)(((uint32_t)(domain) << 24) | ((uint32_t)(code)&0xffffffu)))
#define HSP_STATUS_DOMAIN(status) (((uint32_t)(status) >> 24) & 0x7fu)
#define HSP_STATUS_CODE(status)   ((uint32_t)(status)&0xffffffu)

/// Errors of hsaprobe itself. New ones are appended.
enum hsp_error {
    HSP_ERROR_INVALID_ARGUMENT = HSP_STATUS(HSP_DOMAIN_HSP, 1), ///< the caller's mistake
    HSP_ERROR_OUT_OF_MEMORY = HSP_STATUS(HSP_DOMAIN_HSP, 2),
    HSP_ERROR_NOT_INITIALIZED = HSP_STATUS(HSP_DOMAIN_HSP, 3),  ///< hsp_runtime_init is missing
    HSP_ERROR_NO_RUNTIME = HSP_STATUS(HSP_DOMAIN_HSP, 4),       ///< libhsa-runtime64 not loadable
    HSP_ERROR_NO_DEVICE = HSP_STATUS(HSP_DOMAIN_HSP, 5),        ///< no suitable agent
    HSP_ERROR_NOT_SUPPORTED = HSP_STATUS(HSP_DOMAIN_HSP, 6),    ///< this runtime or file lacks it
    HSP_ERROR_NOT_FOUND = HSP_STATUS(HSP_DOMAIN_HSP, 7),        ///< no such kernel, argument, ...
    HSP_ERROR_AMBIGUOUS = HSP_STATUS(HSP_DOMAIN_HSP, 8),        ///< a prefix that fits several
    HSP_ERROR_FORMAT = HSP_STATUS(HSP_DOMAIN_HSP, 9),           ///< malformed or foreign file
    HSP_ERROR_ISA_MISMATCH = HSP_STATUS(HSP_DOMAIN_HSP, 10),    ///< code for another processor
    HSP_ERROR_KERNEL_ARGUMENT = HSP_STATUS(HSP_DOMAIN_HSP, 11), ///< count, type or size
    HSP_ERROR_GEOMETRY = HSP_STATUS(HSP_DOMAIN_HSP, 12),        ///< grid or work-group size
    HSP_ERROR_RESOURCE = HSP_STATUS(HSP_DOMAIN_HSP, 13),        ///< not enough LDS, ...
    HSP_ERROR_TIMEOUT = HSP_STATUS(HSP_DOMAIN_HSP, 14),
    HSP_ERROR_FULL = HSP_STATUS(HSP_DOMAIN_HSP, 15),  ///< ring or arena has no room right now
    HSP_ERROR_QUEUE = HSP_STATUS(HSP_DOMAIN_HSP, 16), ///< the queue is in the error state
};

/// Short text for a status, without context, such as "not enough room" or the text that HSA,
/// libc, libelf or comgr have for their code. Never NULL; valid until the thread's next call.
HSP_API const char *hsp_status_string(hsp_status status);

/// What went wrong in the last hsaprobe call of this thread that failed: one line without a final
/// newline, e.g. "kernel 'sax' is ambiguous: saxpy, saxpy2". "" before the first failure. Valid
/// until the next failing call of the same thread. Successful calls don't clear it.
HSP_API const char *hsp_last_error(void);

/// What the user can do about hsp_last_error(), e.g. "run it on the software GPU: hsaprobe soft
/// -- ./experiment"; "" when there is nothing useful to say. Same lifetime.
HSP_API const char *hsp_last_hint(void);

enum hsp_log_level {
    HSP_LOG_NONE = 0,
    HSP_LOG_ERROR = 1, ///< what nobody can be told by a status (a queue's asynchronous error)
    HSP_LOG_WARN = 2,
    HSP_LOG_INFO = 3,  ///< once per object
    HSP_LOG_DEBUG = 4, ///< once per call
};

/// Receives one line without newline. Called on the thread that logs; must not call hsaprobe.
typedef void (*hsp_log_function)(enum hsp_log_level level, const char *line, void *data);

/// Replaces the sink; NULL restores the default, standard error with the prefix "hsaprobe: ".
/// The initial level is HSAPROBE_LOG in the environment (none, error, warn, info, debug or 0..4),
/// "warn" when it is unset or not understood.
HSP_API void hsp_log_set(hsp_log_function function, void *data);
/// Lines above this level are not made; acts at once, on all threads.
HSP_API void hsp_log_set_level(enum hsp_log_level level);

/// Nanoseconds of CLOCK_MONOTONIC_RAW: the clock of every host time in the library. About 25 ns a
/// call. Comparable between threads and processes, not between boots.
HSP_API uint64_t hsp_clock_ns(void);

/// Raw ticks for intervals on hot paths: the processor's time-stamp counter where it is invariant
/// (x86-64) or the generic timer (aarch64), else hsp_clock_ns(). The read waits for the loads
/// before it to finish. 10 to 20 ns.
HSP_API uint64_t hsp_clock_ticks(void);
/// Length of an interval, exact to the calibration (a few parts per million).
HSP_API uint64_t hsp_clock_ticks_to_ns(uint64_t ticks);
/// Moment of a reading of hsp_clock_ticks in the domain of hsp_clock_ns. Compares the two clocks
/// anew on every call (about 0.3 us), so that long runs don't drift.
HSP_API uint64_t hsp_clock_ticks_at_ns(uint64_t ticks);

/// Names a signal or an allocation for another process, which gets these bytes by any means (a
/// pipe, a file) and imports them. Made by hsp_signal_export and hsp_memory_export.
struct hsp_ipc_handle {
    uint32_t words[8];
};

/// A timeout that never ends.
#define HSP_WAIT_FOREVER UINT64_MAX

/// What the ticks are made of. They are calibrated against CLOCK_MONOTONIC_RAW on the first use of
/// any of these functions but hsp_clock_ns (about 10 ms, once per process).
struct hsp_clock_info {
    const char *source;    ///< "tsc", "cntvct" or "clock_monotonic_raw"
    double frequency_hz;   ///< of the ticks
    double residual_ns;    ///< largest distance of a calibration sample from the fitted line
    uint64_t read_cost_ns; ///< median cost of hsp_clock_ticks
    uint64_t quantum_ns;   ///< smallest difference seen between two readings that differ
};
/// Never fails. Calibrates if nothing has done so yet.
HSP_API void hsp_clock_info_get(struct hsp_clock_info *out_info);

#ifdef __cplusplus
}
#endif

#endif
