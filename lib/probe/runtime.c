/* SPDX-License-Identifier: MIT */
#include <hsaprobe/runtime.h>

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "probe/no_device.h"
#include "probe/probe.h"
#include "probe/tool.h"
#include "record/record.h"

// HSA_AMD_SYSTEM_INFO_EXT_VERSION_MAJOR and _MINOR: in hsa_ext_amd.h since ROCm 6.1.
#define AMD_VERSION_MAJOR ((hsa_system_info_t)0x207)
#define AMD_VERSION_MINOR ((hsa_system_info_t)0x208)

static pthread_mutex_t runtime_lock = PTHREAD_MUTEX_INITIALIZER;
static uint32_t reference_count;
static struct hsp_runtime state;
static _Atomic(const struct hsp_runtime *) current;
static bool is_table_wanted;
static atomic_int wrapper_mode = HSP_WRAPPER_OFF;

const struct hsp_runtime *hsp_runtime_get(void) {
    return atomic_load_explicit(&current, memory_order_acquire);
}

hsp_status hsp_runtime_require(void) {
    if (hsp_runtime_get())
        return HSP_OK;
    return hsp_fail(HSP_ERROR_NOT_INITIALIZED, "call hsp_runtime_init first");
}

static const char *describe_hsa(uint32_t code) {
    return hsp_hsa_status_text((hsa_status_t)code);
}

// ROCr calls a missing driver OUT_OF_RESOURCES; the device node knows better.
static hsp_status start_hsa(void) {
    struct hsp_tool_environment environment = {0};
    if (is_table_wanted && !hsp_tool_enter(&environment))
        return hsp_fail_memory("the runtime's list of tools");
    const hsp_status status = HSP_HSA_CALL(hsa_init, ());
    hsp_tool_leave(&environment);
    if (status == HSP_OK)
        return HSP_OK;
    if (hsp_has_driver())
        return status;
    const int error = errno;
    hsp_fail(status, "hsa_init: cannot open /dev/kfd: %s", strerrordesc_np(error));
    if (error == EACCES)
        return hsp_hint(status, "join the group that owns it: usermod -aG render USER");
    return hsp_hint_software_gpu(status);
}

static hsp_status init_locked(void) {
    hsp_status status = hsp_hsa_load();
    if (status != HSP_OK)
        return status;
    hsp_status_set_describer(HSP_DOMAIN_HSA, describe_hsa);
    if ((status = start_hsa()) != HSP_OK)
        return status;
    hsp_hsa_load_extensions();
    struct hsp_runtime fresh = {0};
    status = HSP_HSA_CALL(hsa_system_get_info,
                          (HSA_SYSTEM_INFO_TIMESTAMP_FREQUENCY, &fresh.timestamp_frequency_hz));
    if (status == HSP_OK)
        status = hsp_agents_create(&fresh);
    if (status != HSP_OK) {
        HSP_HSA(hsa_shut_down)();
        return status;
    }
    state = fresh;
    atomic_store(&current, &state);
    return HSP_OK;
}

hsp_status hsp_runtime_request_table(void) {
    hsp_status status = HSP_OK;
    pthread_mutex_lock(&runtime_lock);
    if (reference_count == 0)
        is_table_wanted = true;
    else
        status = hsp_fail(HSP_ERROR_INVALID_ARGUMENT,
                          "the API table must be requested before hsp_runtime_init");
    pthread_mutex_unlock(&runtime_lock);
    return status;
}

bool hsp_runtime_has_table(void) {
    return hsp_tool_table() != NULL;
}

hsp_status hsp_runtime_init(void) {
    pthread_mutex_lock(&runtime_lock);
    const hsp_status status = reference_count == 0 ? init_locked() : HSP_OK;
    if (status == HSP_OK)
        reference_count++;
    pthread_mutex_unlock(&runtime_lock);
    return status;
}

void hsp_runtime_shutdown(void) {
    pthread_mutex_lock(&runtime_lock);
    if (reference_count > 0 && --reference_count == 0) {
        atomic_store(&current, NULL);
        hsp_usage_reset();
        hsp_agents_destroy(&state);
        HSP_HSA(hsa_shut_down)();
    }
    pthread_mutex_unlock(&runtime_lock);
}

hsp_status hsp_runtime_info_get(struct hsp_runtime_info *out_info) {
    hsp_status status = hsp_runtime_require();
    if (status != HSP_OK)
        return status;
    struct hsp_runtime_info info = {
        .timestamp_frequency_hz = hsp_runtime_get()->timestamp_frequency_hz,
        .function_count = HSP_HSA_ID_COUNT,
    };
    snprintf(info.library_path, sizeof(info.library_path), "%s", hsp_hsa_library_path());
    status =
        HSP_HSA_CALL(hsa_system_get_info, (HSA_SYSTEM_INFO_VERSION_MAJOR, &info.hsa_version_major));
    if (status == HSP_OK)
        status = HSP_HSA_CALL(hsa_system_get_info,
                              (HSA_SYSTEM_INFO_VERSION_MINOR, &info.hsa_version_minor));
    if (status != HSP_OK)
        return status;
    // Runtimes before 6.1 answer with an error; the fields then stay 0.
    if (HSP_HSA(hsa_system_get_info)(AMD_VERSION_MAJOR, &info.amd_version_major) !=
            HSA_STATUS_SUCCESS ||
        HSP_HSA(hsa_system_get_info)(AMD_VERSION_MINOR, &info.amd_version_minor) !=
            HSA_STATUS_SUCCESS)
        info.amd_version_major = info.amd_version_minor = 0;
    while (hsp_hsa_missing(info.missing_count))
        info.missing_count++;
    *out_info = info;
    return HSP_OK;
}

const char *hsp_runtime_missing_function(uint32_t index) {
    return hsp_hsa_loaded() ? hsp_hsa_missing(index) : NULL;
}

hsp_status hsp_runtime_set_wrapper_mode(enum hsp_wrapper_mode mode) {
    if (mode != HSP_WRAPPER_OFF && mode != HSP_WRAPPER_COUNTERS && mode != HSP_WRAPPER_RECORD)
        return hsp_fail(HSP_ERROR_INVALID_ARGUMENT, "wrapper mode %d is unknown", (int)mode);
    hsp_record_set_events(mode == HSP_WRAPPER_RECORD);
    hsp_hsa_set_timed(mode != HSP_WRAPPER_OFF);
    atomic_store(&wrapper_mode, (int)mode);
    return HSP_OK;
}

enum hsp_wrapper_mode hsp_runtime_wrapper_mode(void) {
    return (enum hsp_wrapper_mode)atomic_load(&wrapper_mode);
}

hsp_status hsp_options_read(const void *options, void *destination, size_t known_bytes,
                            const char *what) {
    if (!options)
        return HSP_OK;
    size_t size;
    memcpy(&size, options, sizeof(size));
    if (size < sizeof(size))
        return hsp_fail(HSP_ERROR_INVALID_ARGUMENT, "%s: size is %zu, expected sizeof the struct",
                        what, size);
    const unsigned char *bytes = options;
    for (size_t i = known_bytes; i < size; i++)
        if (bytes[i] != 0)
            return hsp_fail(HSP_ERROR_NOT_SUPPORTED,
                            "%s: byte %zu is set, but this library knows only %zu bytes", what, i,
                            known_bytes);
    memcpy(destination, options, size < known_bytes ? size : known_bytes);
    return HSP_OK;
}
