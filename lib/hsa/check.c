/* SPDX-License-Identifier: MIT */
#include "hsa/hsa_api.h"

#include <string.h>

const char *hsp_hsa_status_text(hsa_status_t status) {
    if (!hsp_hsa_loaded())
        return NULL;
    const char *text = NULL;
    if (HSP_HSA(hsa_status_string)(status, &text) != HSA_STATUS_SUCCESS)
        return NULL;
    return text;
}

hsp_status hsp_hsa_check(hsa_status_t status, enum hsp_hsa_id id) {
    return hsp_hsa_check_name(status, hsp_hsa_name((uint32_t)id));
}

hsp_status hsp_hsa_check_name(hsa_status_t status, const char *name) {
    if (status == HSA_STATUS_SUCCESS || status == HSA_STATUS_INFO_BREAK)
        return HSP_OK;
    if (status == HSP_HSA_STATUS_MISSING)
        return hsp_fail(HSP_ERROR_NOT_SUPPORTED, "%s: this HSA runtime (%s) hasn't got it", name,
                        hsp_hsa_library_path());
    const hsp_status result = HSP_STATUS(HSP_DOMAIN_HSA, status);
    const char *text = hsp_hsa_status_text(status);
    if (!text)
        return hsp_fail(result, "%s: HSA status 0x%x", name, (unsigned)status);
    // ROCr ends its descriptions with a full stop; ours are parts of a sentence.
    size_t length = strlen(text);
    while (length > 0 && (text[length - 1] == '.' || text[length - 1] == '\n'))
        length--;
    return hsp_fail(result, "%s: %.*s", name, (int)length, text);
}
