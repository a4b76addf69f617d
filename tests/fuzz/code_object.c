/* SPDX-License-Identifier: MIT */
// Opens the input as a code object, whatever form it has, and reads all there is. Three targets
// with seeds of their own: bundles, compressed bundles, ELFs (of devices, and fat host ones).
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <hsaprobe/descriptor.h>
#include <hsaprobe/disassembly.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static size_t touched;

static void read_kernel(const struct hsp_kernel *kernel) {
    touched += strlen(kernel->name) + strlen(kernel->demangled);
    for (uint32_t i = 0; i < kernel->argument_count; i++) {
        const struct hsp_kernel_argument *argument = &kernel->arguments[i];
        touched += strlen(argument->name) + strlen(argument->type_name);
        touched += strlen(argument->value_kind) + strlen(argument->access);
        // What hsp_arguments_write relies on.
        if ((uint64_t)argument->offset_bytes + argument->size_bytes > kernel->kernarg_bytes)
            abort();
    }
}

static void read_code(const struct hsp_code_object *object, const struct hsp_kernel *kernel) {
    struct hsp_descriptor descriptor;
    if (hsp_descriptor_read(object, kernel, &descriptor) != HSP_OK)
        return;
    struct hsp_descriptor_field field;
    for (size_t i = 0; hsp_descriptor_field_get(&descriptor, i, &field); i++)
        touched += strlen(field.name) + strlen(field.meaning);
    struct hsp_disassembly *disassembly = NULL;
    if (descriptor.code_bytes > 4096 ||
        hsp_disassembly_create(object, kernel, &disassembly) != HSP_OK)
        return;
    for (size_t i = 0; i < hsp_disassembly_count(disassembly); i++) {
        const struct hsp_instruction *instruction = hsp_disassembly_at(disassembly, i);
        touched += strlen(instruction->text) + strlen(instruction->file);
    }
    hsp_disassembly_destroy(disassembly);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct hsp_code_object *object = NULL;
    if (hsp_code_object_open_memory(data, size, "input", &object) != HSP_OK) {
        if (object || hsp_last_error()[0] == '\0')
            abort();
        return 0;
    }
    for (size_t i = 0; i < hsp_code_object_image_count(object); i++) {
        const struct hsp_image *image = hsp_code_object_image(object, i);
        const unsigned char *bytes = image->bytes;
        for (size_t n = 0; n < image->size; n += 256)
            touched += bytes[n];
        size_t count = 0;
        if (hsp_code_object_kernel_count(object, i, &count) != HSP_OK)
            continue;
        for (size_t k = 0; k < count; k++)
            read_kernel(hsp_code_object_kernel(object, i, k));
        if (count > 0)
            read_code(object, hsp_code_object_kernel(object, i, 0));
    }
    const struct hsp_kernel *kernel;
    hsp_code_object_find_kernel(object, NULL, "k", &kernel);
    size_t index;
    hsp_code_object_select(object, "amdgcn-amd-amdhsa--gfx90a:sramecc+:xnack-", &index);
    hsp_code_object_close(object);
    return 0;
}
