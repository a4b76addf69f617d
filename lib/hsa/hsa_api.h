/* SPDX-License-Identifier: MIT */
/// The HSA runtime's functions as this process reaches them: a table filled by dlopen and dlsym,
/// each slot either the function itself or its timed wrapper.
///
/// Everything is generated from hsa_api.def: the ids, the table, the names, the look-up list and
/// the wrappers.
///
/// Thread safety: hsp_hsa_load and hsp_hsa_unload from one thread at a time; the rest from any.
/// Slots are single words that change between two valid functions at any time.
#ifndef HSP_HSA_API_H
#define HSP_HSA_API_H

#include <hsa/hsa.h>
#include <hsa/hsa_ext_amd.h>
#include <hsa/hsa_ext_finalize.h>
#include <hsa/hsa_ext_image.h>
#include <hsa/hsa_ven_amd_loader.h>

#include "base/status.h"

/// Numbers of the rows: HSP_HSA_ID_hsa_init and so on.
enum hsp_hsa_id {
#define HSA_STATUS(group, need, name, parameters, arguments)      HSP_HSA_ID_##name,
#define HSA_VALUE(group, need, type, name, parameters, arguments) HSP_HSA_ID_##name,
#define HSA_VOID(group, need, name, parameters, arguments)        HSP_HSA_ID_##name,
#include "hsa/hsa_api.def"
    HSP_HSA_ID_COUNT
};

/// One slot per row, named like the function.
struct hsp_hsa_table {
#define HSA_STATUS(group, need, name, parameters, arguments)      hsa_status_t(*name) parameters;
#define HSA_VALUE(group, need, type, name, parameters, arguments) type(*name) parameters;
#define HSA_VOID(group, need, name, parameters, arguments)        void(*name) parameters;
#include "hsa/hsa_api.def"
};

/// What the library calls: the functions themselves or their wrappers, by the mode. Hidden, so that
/// a call is one jump through a slot at a known distance.
extern struct hsp_hsa_table hsp_hsa __attribute__((visibility("hidden")));

/// The slot of a function; only after hsp_hsa_load. One relaxed load: it orders nothing, for both
/// values that it may have are right.
#define HSP_HSA(name) (__atomic_load_n(&hsp_hsa.name, __ATOMIC_RELAXED))

/// Calls a function that returns hsa_status_t and turns the result into an hsp_status with text:
/// HSP_HSA_CALL(hsa_queue_destroy, (queue)).
#define HSP_HSA_CALL(name, arguments) hsp_hsa_check(HSP_HSA(name) arguments, HSP_HSA_ID_##name)

/// What a missing OPTIONAL function returns; never a value of ROCr's.
#define HSP_HSA_STATUS_MISSING ((hsa_status_t)0x00fffff0)

/// HSP_OK for HSA_STATUS_SUCCESS and HSA_STATUS_INFO_BREAK; otherwise the text "hsa_queue_create:
/// HSA_...: ...".
hsp_status hsp_hsa_check(hsa_status_t status, enum hsp_hsa_id id);
/// The same for a function that has no row: a slot of the API table.
hsp_status hsp_hsa_check_name(hsa_status_t status, const char *name);
/// "HSA_STATUS_ERROR_OUT_OF_RESOURCES: ..." without a final newline or dot; NULL when the runtime
/// isn't loaded or doesn't know the code. Static storage of the runtime, or of the thread.
const char *hsp_hsa_status_text(hsa_status_t status);

/// Opens libhsa-runtime64 (HSAPROBE_LIBHSA, else libhsa-runtime64.so.1, else the same under
/// /opt/rocm/lib) and fills the table. Opened once per process: it is never unloaded, for ROCr's
/// threads outlive hsa_shut_down.
hsp_status hsp_hsa_load(void);
bool hsp_hsa_loaded(void);
/// Adds the EXTENSION functions, which the runtime gives out after hsa_init only. Not an error when
/// it hasn't any: they are missing then. From one thread at a time.
void hsp_hsa_load_extensions(void);
/// Path of the file; "" before it is loaded.
const char *hsp_hsa_library_path(void);
/// Name of the index-th missing OPTIONAL function; NULL beyond the last.
const char *hsp_hsa_missing(uint32_t index);
/// "hsa_init"; NULL when out of range.
const char *hsp_hsa_name(uint32_t id);

/// Puts wrappers (true) or the functions themselves into the table.
void hsp_hsa_set_timed(bool timed);

#endif
