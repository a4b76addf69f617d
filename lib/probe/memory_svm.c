/* SPDX-License-Identifier: MIT */
#include <hsaprobe/memory.h>

#include <stdlib.h>
#include <string.h>

#include "probe/probe.h"

static hsp_status check(const void *memory, size_t bytes, size_t count) {
    hsp_status status = hsp_runtime_require();
    if (status != HSP_OK)
        return status;
    if (!memory || bytes == 0 || count == 0)
        return hsp_fail(HSP_ERROR_INVALID_ARGUMENT, "%zu attributes of %zu bytes at %p", count,
                        bytes, memory);
    bool is_supported = false;
    status = HSP_HSA_CALL(hsa_system_get_info, (HSA_AMD_SYSTEM_INFO_SVM_SUPPORTED, &is_supported));
    if (status == HSP_OK && !is_supported)
        status = hsp_fail(HSP_ERROR_NOT_SUPPORTED, "the driver has no shared virtual memory");
    return status;
}

// HSA takes the lists as writable; a copy keeps the caller's as they were when a call fails.
static hsp_status copy_list(const hsa_amd_svm_attribute_pair_t *attributes, size_t count,
                            hsa_amd_svm_attribute_pair_t **out_copy) {
    hsa_amd_svm_attribute_pair_t *copy = calloc(count, sizeof(*copy));
    if (!copy)
        return hsp_fail_memory("a list of attributes");
    memcpy(copy, attributes, count * sizeof(*copy));
    *out_copy = copy;
    return HSP_OK;
}

hsp_status hsp_memory_set_attributes(void *memory, size_t bytes,
                                     const hsa_amd_svm_attribute_pair_t *attributes, size_t count) {
    hsa_amd_svm_attribute_pair_t *copy = NULL;
    hsp_status status = check(memory, bytes, count);
    if (status == HSP_OK)
        status = copy_list(attributes, count, &copy);
    if (status == HSP_OK)
        status = HSP_HSA_CALL(hsa_amd_svm_attributes_set, (memory, bytes, copy, count));
    free(copy);
    return status;
}

hsp_status hsp_memory_get_attributes(const void *memory, size_t bytes,
                                     hsa_amd_svm_attribute_pair_t *attributes, size_t count) {
    hsa_amd_svm_attribute_pair_t *copy = NULL;
    hsp_status status = check(memory, bytes, count);
    if (status == HSP_OK)
        status = copy_list(attributes, count, &copy);
    if (status == HSP_OK)
        status = HSP_HSA_CALL(hsa_amd_svm_attributes_get, ((void *)memory, bytes, copy, count));
    if (status == HSP_OK)
        memcpy(attributes, copy, count * sizeof(*copy));
    free(copy);
    return status;
}
