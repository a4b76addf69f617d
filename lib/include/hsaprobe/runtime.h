/* SPDX-License-Identifier: MIT */
/// The HSA runtime as this process has it.
///
/// libhsa-runtime64.so.1 is not linked but opened by hsp_runtime_init(), so that one binary serves
/// every ROCm release and a program starts where none is installed. HSAPROBE_LIBHSA in the
/// environment names another file. Functions that a release lacks fail with
/// HSP_ERROR_NOT_SUPPORTED when they are called, not at start.
///
/// Processes: the runtime and all that was made with it don't cross fork, for neither its threads
/// nor the driver's files do. A process that has called hsp_runtime_init may fork only for a child
/// that executes another program or leaves this library alone; one that forks first is free.
///
/// Thread safety: all functions, from any thread; none from a signal handler.
#ifndef HSAPROBE_RUNTIME_H
#define HSAPROBE_RUNTIME_H

#include <hsaprobe/base.h>

#ifdef __cplusplus
extern "C" {
#endif

/// Opens libhsa-runtime64, calls hsa_init and lists the agents and their pools. Counted: each
/// successful call needs one hsp_runtime_shutdown. Tens of milliseconds the first time.
///
/// HSP_ERROR_NO_RUNTIME: the library or a required function of it is missing (each path tried is
/// named). HSP_DOMAIN_HSA: hsa_init failed, on a machine without /dev/kfd with
/// HSA_STATUS_ERROR_OUT_OF_RESOURCES; the hint then says how to run on the software GPU.
HSP_API hsp_status hsp_runtime_init(void);

/// Asks for the runtime's API table, without which queues can't be intercepted (queue.h): the
/// hsp_runtime_init that starts the runtime then names this library to it as a tool. That takes
/// HSA_TOOLS_LIB and HSA_TOOLS_DISABLE_REGISTER in the environment while hsa_init runs, so no other
/// thread should read or change the environment then. HSP_ERROR_INVALID_ARGUMENT when
/// hsp_runtime_init was called already. From ROCm 5.3 to 6.0 the runtime gives the table in any
/// case.
HSP_API hsp_status hsp_runtime_request_table(void);
/// Whether the library has the table: after hsp_runtime_init. False also when another part of the
/// process had started the runtime before.
HSP_API bool hsp_runtime_has_table(void);

/// Undoes one hsp_runtime_init; the last one calls hsa_shut_down. Every agent, pool, queue,
/// executable and signal must be unused by then. Does nothing when the runtime isn't initialised.
HSP_API void hsp_runtime_shutdown(void);

struct hsp_runtime_info {
    char library_path[256];          ///< file that the loader took
    uint16_t hsa_version_major;      ///< HSA_SYSTEM_INFO_VERSION_MAJOR
    uint16_t hsa_version_minor;      ///< HSA_SYSTEM_INFO_VERSION_MINOR
    uint16_t amd_version_major;      ///< AMD extension; 0 before ROCm 6.1, which can't be asked
    uint16_t amd_version_minor;      ///<
    uint64_t timestamp_frequency_hz; ///< HSA_SYSTEM_INFO_TIMESTAMP_FREQUENCY
    uint32_t function_count;         ///< rows of hsa_api.def
    uint32_t missing_count;          ///< of these, not in this libhsa-runtime64
};
/// Needs hsp_runtime_init.
HSP_API hsp_status hsp_runtime_info_get(struct hsp_runtime_info *out_info);

/// Name of the index-th function that this libhsa-runtime64 lacks; NULL beyond missing_count.
HSP_API const char *hsp_runtime_missing_function(uint32_t index);

/// What the library's calls into HSA leave behind. A change acts on calls that begin after it.
enum hsp_wrapper_mode {
    HSP_WRAPPER_OFF = 0,      ///< direct calls: nothing is timed
    HSP_WRAPPER_COUNTERS = 1, ///< count, total, least and greatest time per function
    HSP_WRAPPER_RECORD = 2,   ///< counters, and an event per call (record.h)
};
/// Process-wide; off at first. Works before hsp_runtime_init too.
HSP_API hsp_status hsp_runtime_set_wrapper_mode(enum hsp_wrapper_mode mode);
/// The mode that was set last.
HSP_API enum hsp_wrapper_mode hsp_runtime_wrapper_mode(void);

/// Version of this library, "0.1.0".
HSP_API const char *hsp_version_string(void);

#ifdef __cplusplus
}
#endif

#endif
