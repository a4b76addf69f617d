/* SPDX-License-Identifier: MIT */
#include <elf.h>
#include <string.h>

#include "probe/code_object.h"

static hsp_status check_linked(const struct hsp_code_object *object,
                               const struct hsp_image *image) {
    Elf64_Ehdr header;
    memcpy(&header, image->bytes, sizeof(header));
    if (header.e_type == ET_DYN)
        return HSP_OK;
    if (header.e_type != ET_REL)
        return hsp_fail(HSP_ERROR_FORMAT, "%s: the code for %s has ELF type %u, expected %u (DYN)",
                        object->name, image->isa, header.e_type, ET_DYN);
    const hsp_status status =
        hsp_fail(HSP_ERROR_FORMAT, "%s: the code for %s is not linked (a relocatable object)",
                 object->name, image->isa);
    return hsp_hint(status, "compile without -c, or link it with ld.lld -shared");
}

hsp_status hsp_image_check(struct hsp_code_object *object, size_t image_index,
                           uint32_t wavefront_size) {
    const struct hsp_image *image = &object->images[image_index];
    hsp_status status = check_linked(object, image);
    const struct hsp_kernel *kernels = NULL;
    size_t count = 0;
    if (status == HSP_OK)
        status = hsp_code_object_kernels(object, image_index, &kernels, &count);
    for (size_t i = 0; i < count && status == HSP_OK; i++)
        if (kernels[i].wavefront_size == 32 && wavefront_size == 64)
            status = hsp_fail(HSP_ERROR_ISA_MISMATCH,
                              "%s: kernel %s is for waves of 32 work-items, the agent's have 64",
                              object->name, kernels[i].demangled);
    return status;
}
