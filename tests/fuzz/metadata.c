/* SPDX-License-Identifier: MIT */
// The input is the kernel metadata of an ELF made around it.
#include <elf.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <hsaprobe/dispatch.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { EM_AMDGPU_ = 224, OSABI_HSA = 64, ABI_V5 = 3, FLAGS_GFX90A = 0x3f, NOTE_METADATA = 32 };

struct image {
    Elf64_Ehdr header;
    Elf64_Phdr segment;
    Elf64_Nhdr note;
    char note_name[8];
    unsigned char metadata[];
};

// Arguments of any layout that the reader lets through can be written.
static void write_arguments(const struct hsp_kernel *kernel) {
    struct hsp_arguments *arguments = NULL;
    if (kernel->kernarg_bytes > 1 << 20 || hsp_arguments_create(kernel, &arguments) != HSP_OK)
        return;
    const uint32_t ones[3] = {1, 1, 1};
    struct hsp_geometry geometry;
    const uint64_t value = 5;
    for (uint32_t i = 0; i < kernel->argument_count; i++) {
        hsp_arguments_set(arguments, i, HSP_VALUE_POINTER, &value, sizeof(value));
        hsp_arguments_set(arguments, i, HSP_VALUE_U32, &value, 4);
    }
    hsp_arguments_check(arguments);
    unsigned char *kernarg = malloc(kernel->kernarg_bytes + 1u);
    if (hsp_geometry_from_blocks(ones, ones, 0, &geometry) == HSP_OK) {
        hsp_geometry_check(&geometry, kernel, NULL);
        hsp_arguments_write(arguments, &geometry, NULL, kernarg, kernel->kernarg_bytes);
    }
    free(kernarg);
    hsp_arguments_destroy(arguments);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    const size_t padded = (size + 3) / 4 * 4;
    const size_t bytes = sizeof(struct image) + padded;
    struct image *image = calloc(1, bytes);
    image->header = (Elf64_Ehdr){.e_ident = {ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3, ELFCLASS64,
                                             ELFDATA2LSB, EV_CURRENT, OSABI_HSA, ABI_V5},
                                 .e_type = ET_DYN,
                                 .e_machine = EM_AMDGPU_,
                                 .e_version = EV_CURRENT,
                                 .e_flags = FLAGS_GFX90A,
                                 .e_phoff = offsetof(struct image, segment),
                                 .e_ehsize = sizeof(Elf64_Ehdr),
                                 .e_phentsize = sizeof(Elf64_Phdr),
                                 .e_phnum = 1};
    image->segment = (Elf64_Phdr){.p_type = PT_NOTE,
                                  .p_offset = offsetof(struct image, note),
                                  .p_filesz = bytes - offsetof(struct image, note)};
    image->note =
        (Elf64_Nhdr){.n_namesz = 7, .n_descsz = (Elf64_Word)size, .n_type = NOTE_METADATA};
    memcpy(image->note_name, "AMDGPU", 7);
    if (size)
        memcpy(image->metadata, data, size);
    struct hsp_code_object *object = NULL;
    if (hsp_code_object_open_memory(image, bytes, "input", &object) != HSP_OK)
        abort(); // the ELF around the input is in order
    size_t count = 0;
    if (hsp_code_object_kernel_count(object, 0, &count) == HSP_OK)
        for (size_t i = 0; i < count; i++)
            write_arguments(hsp_code_object_kernel(object, 0, i));
    hsp_code_object_close(object);
    free(image);
    return 0;
}
