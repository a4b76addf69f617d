/* SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <string.h>

#include "probe/code_object.h"
#include "probe/isa.h"
#include "probe/probe.h"

// ROCr 5.2 to 6.1 load versions 2 to 5, later ones 6 as well; asking the loader is the only way to
// know, so this only words its refusal.
#define VERSION_NEW 6

struct hsp_executable {
    const struct hsp_agent *agent;
    char *name;           ///< of the code object, for messages
    unsigned char *bytes; ///< the loader reads them as long as the executable lives
    hsa_code_object_reader_t reader;
    hsa_executable_t handle;
};

static hsp_status check_isa(const struct hsp_code_object *object, const struct hsp_image *image,
                            const struct hsp_agent *agent) {
    const char *conflict = "the agent runs no kernels";
    for (size_t i = 0; i < agent->isa_count; i++) {
        conflict = hsp_isa_conflict(image->isa, agent->isa_names[i]);
        if (!conflict)
            return HSP_OK;
    }
    return hsp_fail(HSP_ERROR_ISA_MISMATCH, "%s is for %s, the agent is %s (%s)", object->name,
                    image->isa, agent->isa_count ? agent->isa_names[0] : agent->info.name,
                    conflict);
}

static hsp_status load(struct hsp_executable *executable, const struct hsp_image *image) {
    hsp_status status = HSP_HSA_CALL(hsa_code_object_reader_create_from_memory,
                                     (executable->bytes, image->size, &executable->reader));
    if (status == HSP_OK)
        status = HSP_HSA_CALL(
            hsa_executable_create_alt,
            (HSA_PROFILE_FULL, HSA_DEFAULT_FLOAT_ROUNDING_MODE_DEFAULT, NULL, &executable->handle));
    if (status == HSP_OK)
        status = HSP_HSA_CALL(
            hsa_executable_load_agent_code_object,
            (executable->handle, executable->agent->handle, executable->reader, NULL, NULL));
    if (status == HSP_STATUS(HSP_DOMAIN_HSA, HSA_STATUS_ERROR_INVALID_CODE_OBJECT) &&
        image->version >= VERSION_NEW)
        return hsp_fail(status,
                        "%s: the HSA runtime doesn't load code-object version %u; compile with "
                        "-mcode-object-version=5 or take ROCm 6.2 or newer",
                        executable->name, image->version);
    if (status == HSP_OK)
        status = HSP_HSA_CALL(hsa_executable_freeze, (executable->handle, NULL));
    return status;
}

hsp_status hsp_executable_create(struct hsp_code_object *object, size_t image_index,
                                 const struct hsp_agent *agent,
                                 struct hsp_executable **out_executable) {
    const struct hsp_image *image = hsp_code_object_image(object, image_index);
    if (!image)
        return hsp_fail(HSP_ERROR_INVALID_ARGUMENT, "%s has no image %zu", object->name,
                        image_index);
    hsp_status status = check_isa(object, image, agent);
    if (status == HSP_OK)
        status = hsp_image_check(object, image_index, agent->info.wavefront_size);
    if (status != HSP_OK)
        return status;
    struct hsp_executable *executable = calloc(1, sizeof(*executable));
    if (!executable)
        return hsp_fail_memory("an executable");
    executable->agent = agent;
    executable->name = strdup(object->name);
    // A copy: page-aligned parts of the original may lie at odd addresses inside a bundle.
    executable->bytes = aligned_alloc(4096, (image->size + 4095) / 4096 * 4096);
    if (executable->name && executable->bytes) {
        memcpy(executable->bytes, image->bytes, image->size);
        status = load(executable, image);
    } else {
        status = hsp_fail_memory("an executable");
    }
    if (status != HSP_OK) {
        hsp_executable_destroy(executable);
        return status;
    }
    *out_executable = executable;
    return HSP_OK;
}

void hsp_executable_destroy(struct hsp_executable *executable) {
    if (!executable)
        return;
    if (executable->handle.handle)
        HSP_HSA(hsa_executable_destroy)(executable->handle);
    if (executable->reader.handle)
        HSP_HSA(hsa_code_object_reader_destroy)(executable->reader);
    free(executable->bytes);
    free(executable->name);
    free(executable);
}

const struct hsp_agent *hsp_executable_agent(const struct hsp_executable *executable) {
    return executable->agent;
}

static hsp_status find_symbol(const struct hsp_executable *executable, const char *name,
                              hsa_symbol_kind_t kind, const char *what,
                              hsa_executable_symbol_t *out_symbol) {
    hsa_executable_symbol_t symbol = {0};
    hsp_status status =
        HSP_HSA_CALL(hsa_executable_get_symbol_by_name,
                     (executable->handle, name, &executable->agent->handle, &symbol));
    if (status == HSP_STATUS(HSP_DOMAIN_HSA, HSA_STATUS_ERROR_INVALID_SYMBOL_NAME))
        return hsp_fail(HSP_ERROR_NOT_FOUND, "%s has no %s '%s'", executable->name, what, name);
    if (status != HSP_OK)
        return status;
    hsa_symbol_kind_t actual = kind;
    status = HSP_HSA_CALL(hsa_executable_symbol_get_info,
                          (symbol, HSA_EXECUTABLE_SYMBOL_INFO_TYPE, &actual));
    if (status != HSP_OK)
        return status;
    if (actual != kind)
        return hsp_fail(HSP_ERROR_NOT_FOUND, "%s: symbol '%s' is not a %s", executable->name, name,
                        what);
    *out_symbol = symbol;
    return HSP_OK;
}

hsp_status hsp_executable_kernel(const struct hsp_executable *executable,
                                 const struct hsp_kernel *kernel,
                                 struct hsp_kernel_code *out_code) {
    hsa_executable_symbol_t symbol;
    hsp_status status =
        find_symbol(executable, kernel->symbol, HSA_SYMBOL_KIND_KERNEL, "kernel", &symbol);
    struct hsp_kernel_code code = {0};
    const struct {
        hsa_executable_symbol_info_t id;
        void *value;
    } infos[] = {
        {HSA_EXECUTABLE_SYMBOL_INFO_KERNEL_OBJECT, &code.kernel_object},
        {HSA_EXECUTABLE_SYMBOL_INFO_KERNEL_KERNARG_SEGMENT_SIZE, &code.kernarg_bytes},
        {HSA_EXECUTABLE_SYMBOL_INFO_KERNEL_KERNARG_SEGMENT_ALIGNMENT, &code.kernarg_align},
        {HSA_EXECUTABLE_SYMBOL_INFO_KERNEL_GROUP_SEGMENT_SIZE, &code.group_bytes},
        {HSA_EXECUTABLE_SYMBOL_INFO_KERNEL_PRIVATE_SEGMENT_SIZE, &code.private_bytes},
    };
    for (size_t i = 0; i < sizeof(infos) / sizeof(infos[0]) && status == HSP_OK; i++)
        status =
            HSP_HSA_CALL(hsa_executable_symbol_get_info, (symbol, infos[i].id, infos[i].value));
    if (status == HSP_OK)
        *out_code = code;
    return status;
}

hsp_status hsp_executable_variable(const struct hsp_executable *executable, const char *name,
                                   uint64_t *out_address, uint32_t *out_bytes) {
    hsa_executable_symbol_t symbol;
    uint64_t address = 0;
    uint32_t bytes = 0;
    hsp_status status =
        find_symbol(executable, name, HSA_SYMBOL_KIND_VARIABLE, "variable", &symbol);
    if (status == HSP_OK)
        status = HSP_HSA_CALL(hsa_executable_symbol_get_info,
                              (symbol, HSA_EXECUTABLE_SYMBOL_INFO_VARIABLE_ADDRESS, &address));
    if (status == HSP_OK)
        status = HSP_HSA_CALL(hsa_executable_symbol_get_info,
                              (symbol, HSA_EXECUTABLE_SYMBOL_INFO_VARIABLE_SIZE, &bytes));
    if (status != HSP_OK)
        return status;
    *out_address = address;
    *out_bytes = bytes;
    return HSP_OK;
}

struct range {
    uint64_t address;
    uint64_t bytes;
};

static hsa_status_t read_range(hsa_executable_t handle, hsa_loaded_code_object_t loaded,
                               void *data) {
    (void)handle;
    struct range *range = data;
    hsa_status_t status = HSP_HSA(hsa_ven_amd_loader_loaded_code_object_get_info)(
        loaded, HSA_VEN_AMD_LOADER_LOADED_CODE_OBJECT_INFO_LOAD_BASE, &range->address);
    if (status == HSA_STATUS_SUCCESS)
        status = HSP_HSA(hsa_ven_amd_loader_loaded_code_object_get_info)(
            loaded, HSA_VEN_AMD_LOADER_LOADED_CODE_OBJECT_INFO_LOAD_SIZE, &range->bytes);
    return status;
}

hsp_status hsp_executable_range(const struct hsp_executable *executable, uint64_t *out_address,
                                uint64_t *out_bytes) {
    struct range range = {0};
    const hsp_status status =
        HSP_HSA_CALL(hsa_ven_amd_loader_executable_iterate_loaded_code_objects,
                     (executable->handle, read_range, &range));
    if (status != HSP_OK)
        return status;
    *out_address = range.address;
    *out_bytes = range.bytes;
    return HSP_OK;
}
