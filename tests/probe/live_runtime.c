/* SPDX-License-Identifier: MIT */
// The runtime is counted, says what it is, can be started again, and refuses calls before.
#include "live.h"

int main(void) {
    hsa_signal_t signal = {0};
    struct hsp_runtime_info info;
    FAILS(hsp_runtime_info_get(&info), HSP_ERROR_NOT_INITIALIZED, "hsp_runtime_init");
    FAILS(hsp_signal_create(1, NULL, &signal), HSP_ERROR_NOT_INITIALIZED, "hsp_runtime_init");
    CHECK(hsp_agent_count() == 0);
    hsp_runtime_shutdown();

    live_gpu();
    OK(hsp_runtime_init());
    hsp_runtime_shutdown();
    OK(hsp_runtime_info_get(&info));
    CHECK(strstr(info.library_path, "libhsa-runtime64"), "%s", info.library_path);
    CHECK(info.hsa_version_major == 1 && info.timestamp_frequency_hz > 0);
    CHECK(info.function_count > 200);
    char version[32];
    snprintf(version, sizeof(version), "%d.%d.%d", HSP_VERSION_MAJOR, HSP_VERSION_MINOR,
             HSP_VERSION_PATCH);
    CHECK(strcmp(hsp_version_string(), version) == 0, "%s", hsp_version_string());
    CHECK((hsp_runtime_missing_function(0) == NULL) == (info.missing_count == 0));
    hsp_runtime_shutdown();
    FAILS(hsp_runtime_info_get(&info), HSP_ERROR_NOT_INITIALIZED, "hsp_runtime_init");

    for (int i = 0; i < 3; i++) {
        live_gpu();
        OK(hsp_signal_create(1, NULL, &signal));
        hsp_signal_destroy(signal);
        hsp_runtime_shutdown();
    }
    return 0;
}
