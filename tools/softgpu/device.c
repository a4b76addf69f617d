/* SPDX-License-Identifier: MIT */
#include "device.h"

#include "abi/aql.h"
#include "abi/kernel_descriptor.h"
#include "softgpu/cu/cu.h"

#include <elf.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    PAGE = 4096,
    ARGUMENT_BYTES = 4096,
    SCRATCH_WAVE_BYTES = 256 * 1024,
    SCRATCH_WAVES = 512,
};

/* Apertures as the driver of an MI210 has them. */
enum { SHARED_APERTURE_HI = 0x10000, PRIVATE_APERTURE_HI = 0x20000 };

/* The code objects, placed here by the assembler. */
#define INCLUDE_IMAGE(symbol, path)                                                                \
    __asm__(".pushsection .rodata\n.balign 4096\n" #symbol ":\n.incbin \"" path "\"\n" #symbol     \
            "_end:\n.popsection\n");                                                               \
    extern const uint8_t symbol[] __asm__(#symbol);                                                \
    extern const uint8_t symbol##_end[] __asm__(#symbol "_end")
INCLUDE_IMAGE(image_families, BENCH_FAMILIES);
INCLUDE_IMAGE(image_kernels_o0, BENCH_KERNELS_O0);
INCLUDE_IMAGE(image_kernels_o3, BENCH_KERNELS_O3);

static const uint8_t *const images[IMAGE_COUNT] = {image_families, image_kernels_o0,
                                                   image_kernels_o3};

struct device {
    struct sg_vm *vm;
    struct sg_cu *cu;
    struct sg_dispatch *dispatch;
    uint8_t *loaded[IMAGE_COUNT];
    uint8_t *scratch;
    struct abi_aql_dispatch *packet;
    uint8_t *arguments;
};

_Noreturn void die(const char *format, ...) {
    va_list list;
    va_start(list, format);
    fputs("hsaprobe-softgpu-bench: ", stderr);
    vfprintf(stderr, format, list);
    fputc('\n', stderr);
    va_end(list);
    exit(1);
}

void *device_memory(size_t bytes) {
    bytes = (bytes + PAGE - 1) / PAGE * PAGE;
    void *host = aligned_alloc(PAGE, bytes);
    if (!host)
        die("out of memory");
    memset(host, 0, bytes);
    return host;
}

uint64_t device_va(const void *host) {
    return (uint64_t)(uintptr_t)host + DEVICE_VA_OFFSET;
}

void device_map(struct device *device, void *host, size_t bytes) {
    const struct sg_vm_range range = {
        .va = device_va(host),
        .bytes = (bytes + PAGE - 1) / PAGE * PAGE,
        .host = host,
        .flags = SG_VM_READ | SG_VM_WRITE | SG_VM_EXEC,
    };
    if (sg_vm_map(device->vm, &range) != 0)
        die("memory can't be mapped");
}

/* Our linker's output needs no relocation: the segments in place are all. */
static uint8_t *load(struct device *device, const uint8_t *image) {
    const Elf64_Ehdr *header = (const Elf64_Ehdr *)image;
    const Elf64_Phdr *segments = (const Elf64_Phdr *)(image + header->e_phoff);
    uint64_t end = 0;
    for (int i = 0; i < header->e_phnum; i++)
        if (segments[i].p_type == PT_LOAD && segments[i].p_vaddr + segments[i].p_memsz > end)
            end = segments[i].p_vaddr + segments[i].p_memsz;
    uint8_t *host = device_memory(end);
    for (int i = 0; i < header->e_phnum; i++)
        if (segments[i].p_type == PT_LOAD)
            memcpy(host + segments[i].p_vaddr, image + segments[i].p_offset, segments[i].p_filesz);
    device_map(device, host, end);
    return host;
}

/* The descriptor of a kernel: its symbol's name ends in .kd. */
static uint64_t find_descriptor(const uint8_t *image, const char *kernel) {
    const Elf64_Ehdr *header = (const Elf64_Ehdr *)image;
    const Elf64_Shdr *sections = (const Elf64_Shdr *)(image + header->e_shoff);
    size_t length = strlen(kernel);
    for (int i = 0; i < header->e_shnum; i++) {
        if (sections[i].sh_type != SHT_DYNSYM)
            continue;
        const Elf64_Sym *symbols = (const Elf64_Sym *)(image + sections[i].sh_offset);
        const char *names = (const char *)image + sections[sections[i].sh_link].sh_offset;
        for (size_t n = 0; n < sections[i].sh_size / sizeof *symbols; n++) {
            const char *name = names + symbols[n].st_name;
            if (strncmp(name, kernel, length) == 0 && strcmp(name + length, ".kd") == 0)
                return symbols[n].st_value;
        }
    }
    die("no kernel %s", kernel);
}

struct device *device_create(uint32_t level, uint32_t threads, bool counts) {
    struct device *device = calloc(1, sizeof *device);
    if (!device || !(device->vm = sg_vm_create()))
        die("out of memory");
    const struct sg_cu_config config = {
        .vm = device->vm,
        .cu_count = 104,
        .worker_count = threads,
        .isa_level = level,
        .counts_instructions = counts,
    };
    device->cu = sg_cu_create(&config);
    device->dispatch = device->cu ? sg_dispatch_create(device->cu) : NULL;
    if (!device->dispatch)
        die("out of memory");
    for (int i = 0; i < IMAGE_COUNT; i++)
        device->loaded[i] = load(device, images[i]);
    size_t scratch_bytes = (size_t)SCRATCH_WAVES * SCRATCH_WAVE_BYTES;
    device->scratch = device_memory(scratch_bytes);
    device_map(device, device->scratch, scratch_bytes);
    device->packet = device_memory(sizeof *device->packet);
    device_map(device, device->packet, sizeof *device->packet);
    device->arguments = device_memory(ARGUMENT_BYTES);
    device_map(device, device->arguments, ARGUMENT_BYTES);
    return device;
}

void device_destroy(struct device *device) {
    sg_dispatch_destroy(device->dispatch);
    sg_cu_destroy(device->cu);
    sg_vm_destroy(device->vm);
    for (int i = 0; i < IMAGE_COUNT; i++)
        free(device->loaded[i]);
    free(device->scratch);
    free(device->packet);
    free(device->arguments);
    free(device);
}

/* Scratch as ROCr sets it up for gfx9: interleaved dwords of 64 lanes, ADD_TID. */
static void use_scratch(const struct device *device, struct sg_dispatch_config *config) {
    const uint64_t va = device_va(device->scratch);
    config->scratch_va = va;
    config->scratch_bytes = (uint64_t)SCRATCH_WAVES * SCRATCH_WAVE_BYTES;
    config->scratch_lane_bytes = SCRATCH_WAVE_BYTES / 64;
    config->tmpring_size = SCRATCH_WAVES | SCRATCH_WAVE_BYTES / 1024 << 12;
    config->scratch_descriptor[0] = (uint32_t)va;
    config->scratch_descriptor[1] = (uint32_t)(va >> 32) | 1u << 31;
    config->scratch_descriptor[2] = (uint32_t)config->scratch_bytes;
    config->scratch_descriptor[3] = 3u << 21 | 1u << 23;
}

void device_run(struct device *device, const struct launch *launch) {
    uint8_t *image = device->loaded[launch->image];
    const uint64_t descriptor_at = find_descriptor(images[launch->image], launch->kernel);
    struct abi_kernel_descriptor descriptor;
    memcpy(&descriptor, image + descriptor_at, sizeof descriptor);
    memset(device->arguments, 0, ARGUMENT_BYTES); /* the hidden ones are not used */
    memcpy(device->arguments, launch->arguments, launch->argument_bytes);
    struct sg_dispatch_config config = {
        .kernel_object = device_va(image + descriptor_at),
        .packet_va = device_va(device->packet),
        .kernarg_va = device_va(device->arguments),
        .grid_size = {launch->grid[0], launch->grid[1], 1},
        .workgroup_size = {launch->group[0], launch->group[1], 1},
        .private_bytes = descriptor.private_segment_fixed_size,
        .group_bytes = descriptor.group_segment_fixed_size,
        .shared_aperture_hi = SHARED_APERTURE_HI,
        .private_aperture_hi = PRIVATE_APERTURE_HI,
    };
    use_scratch(device, &config);
    memcpy(device->packet->grid_size, config.grid_size, sizeof config.grid_size);
    memcpy(device->packet->workgroup_size, config.workgroup_size, sizeof config.workgroup_size);
    struct sg_fault fault;
    if (sg_dispatch_init(device->dispatch, &config, false) != SG_DISPATCH_OK)
        die("%s can't be launched", launch->kernel);
    if (sg_dispatch_run(device->dispatch, UINT64_MAX, false, &fault) != SG_RUN_DONE)
        die("%s: fault %d at +0x%llx (%s)", launch->kernel, (int)fault.cause,
            (unsigned long long)(fault.pc - fault.entry), fault.mnemonic);
}

uint64_t device_instructions(const struct device *device) {
    return sg_cu_instruction_count(device->cu);
}

void device_forget_code(struct device *device) {
    sg_cu_invalidate_code(device->cu, 0, UINT64_MAX);
}
