/* SPDX-License-Identifier: MIT */
/* A code object is any ELF here: the one built below has one function of 0x40 bytes at 0x1000. */
#include "softgpu/kfd/symbols.h"

#include "harness.h"

#include <elf.h>
#include <fcntl.h>
#include <link.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { FUNCTION = 0x1000, FUNCTION_BYTES = 0x40, LOADED = 0x700000 };

static struct {
    Elf64_Ehdr header;
    Elf64_Phdr segment;
    Elf64_Dyn dynamic[5];
    Elf64_Word hash[2];
    Elf64_Shdr sections[3];
    Elf64_Sym symbols[3];
    char strings[16];
    char room[0x1100]; /* so that the function lies inside when loaded */
} image;
#define OFFSET(member) ((uintptr_t)&image.member - (uintptr_t)&image)
static struct sg_vm *vm;
static struct link_map object;
static struct r_debug list;
static char uri[128];

static int build(void **state) {
    (void)state;
    memset(&image, 0, sizeof image);
    memcpy(image.header.e_ident, ELFMAG, SELFMAG);
    image.header.e_ident[EI_CLASS] = ELFCLASS64;
    image.header.e_shoff = OFFSET(sections);
    image.header.e_shnum = 3;
    image.header.e_shentsize = sizeof(Elf64_Shdr);
    image.sections[1] = (Elf64_Shdr){.sh_type = SHT_SYMTAB,
                                     .sh_link = 2,
                                     .sh_offset = OFFSET(symbols),
                                     .sh_size = sizeof image.symbols};
    image.sections[2] = (Elf64_Shdr){
        .sh_type = SHT_STRTAB, .sh_offset = OFFSET(strings), .sh_size = sizeof image.strings};
    memcpy(image.strings, "\0saxpy\0data", 12);
    image.symbols[1] = (Elf64_Sym){.st_name = 7, /* an object at the same place: not a name */
                                   .st_info = ELF64_ST_INFO(STB_GLOBAL, STT_OBJECT),
                                   .st_value = FUNCTION,
                                   .st_size = FUNCTION_BYTES};
    image.symbols[2] = (Elf64_Sym){.st_name = 1,
                                   .st_info = ELF64_ST_INFO(STB_GLOBAL, STT_FUNC),
                                   .st_value = FUNCTION,
                                   .st_size = FUNCTION_BYTES};
    image.header.e_phoff = OFFSET(segment);
    image.header.e_phnum = 1;
    image.header.e_phentsize = sizeof(Elf64_Phdr);
    image.segment = (Elf64_Phdr){
        .p_type = PT_DYNAMIC, .p_vaddr = OFFSET(dynamic), .p_memsz = sizeof image.dynamic};
    image.dynamic[0] = (Elf64_Dyn){.d_tag = DT_SYMTAB, .d_un.d_ptr = OFFSET(symbols)};
    image.dynamic[1] = (Elf64_Dyn){.d_tag = DT_STRTAB, .d_un.d_ptr = OFFSET(strings)};
    image.dynamic[2] = (Elf64_Dyn){.d_tag = DT_STRSZ, .d_un.d_val = sizeof image.strings};
    image.dynamic[3] = (Elf64_Dyn){.d_tag = DT_HASH, .d_un.d_ptr = OFFSET(hash)};
    image.hash[1] = 3;
    snprintf(uri, sizeof uri, "memory://%d#offset=%#lx&size=%zu", getpid(), (long)&image,
             sizeof image);
    object = (struct link_map){.l_addr = LOADED, .l_name = uri};
    list = (struct r_debug){.r_map = &object};
    if (!vm)
        vm = sg_vm_create();
    return 0;
}

static bool find(uint64_t pc, char name[16], uint64_t *out_start) {
    return sg_symbols_find(vm, (uintptr_t)&list, pc, name, 16, out_start);
}

static void a_function_is_found_in_memory(void **state) {
    (void)state;
    char name[16];
    uint64_t start;
    assert_true(find(LOADED + FUNCTION + 0x3c, name, &start));
    assert_string_equal(name, "saxpy");
    assert_int_equal(start, LOADED + FUNCTION);
    assert_false(find(LOADED + FUNCTION + FUNCTION_BYTES, name, &start));
    assert_false(find(LOADED + FUNCTION - 4, name, &start));
    assert_false(find(4, name, &start));
}

static void a_function_is_found_in_a_file(void **state) {
    (void)state;
    char path[] = "symbols test.XXXXXX"; /* a space is %20 in a URI */
    char name[16];
    uint64_t start;
    const int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(pwrite(fd, &image, sizeof image, 0), sizeof image);
    assert_int_equal(pwrite(fd, &image, sizeof image, 8192), sizeof image);
    close(fd);
    snprintf(uri, sizeof uri, "file://symbols%%20%s", path + 8);
    const bool whole = find(LOADED + FUNCTION, name, &start);
    snprintf(uri, sizeof uri, "file://symbols%%20%s#offset=8192&size=%zu", path + 8, sizeof image);
    const bool part = find(LOADED + FUNCTION, name, &start);
    snprintf(uri, sizeof uri, "file://symbols%%20%s#offset=16384&size=%zu", path + 8, sizeof image);
    const bool beyond = find(LOADED + FUNCTION, name, &start);
    unlink(path);
    assert_true(whole);
    assert_true(part);
    assert_false(beyond);
    assert_false(find(LOADED + FUNCTION, name, &start)); /* the file is gone */
}

/* The file may be gone, as the memory that a program loaded a code object from often is. */
static void a_kernel_is_found_in_the_loaded_image(void **state) {
    (void)state;
    char name[16];
    uint64_t start;
    const struct sg_vm_range range = {
        .va = LOADED, .bytes = sizeof image, .host = (uint8_t *)&image, .flags = SG_VM_READ};
    list.r_map = NULL;
    assert_false(find(LOADED + FUNCTION + 4, name, &start));
    assert_int_equal(sg_vm_map(vm, &range), 0);
    const bool found = find(LOADED + FUNCTION + 4, name, &start);
    const bool beyond = find(LOADED + FUNCTION + FUNCTION_BYTES, name, &start);
    image.hash[1] = UINT32_MAX;
    const bool damaged = find(LOADED + FUNCTION + 4, name, &start);
    assert_int_equal(sg_vm_unmap(vm, LOADED, sizeof image), 0);
    assert_true(found);
    assert_string_equal(name, "saxpy");
    assert_int_equal(start, LOADED + FUNCTION);
    assert_false(beyond);
    assert_false(damaged);
}

static void damaged_objects_are_passed_over(void **state) {
    (void)state;
    char name[16];
    uint64_t start;
    image.header.e_shoff = UINT64_MAX - 8;
    assert_false(find(LOADED + FUNCTION, name, &start));
    build(NULL);
    image.sections[1].sh_size = UINT64_MAX;
    assert_false(find(LOADED + FUNCTION, name, &start));
    build(NULL);
    image.sections[1].sh_link = 9;
    assert_false(find(LOADED + FUNCTION, name, &start));
    build(NULL);
    image.symbols[2].st_name = 4000;
    assert_false(find(LOADED + FUNCTION, name, &start));
    build(NULL);
    image.header.e_ident[0] = 0;
    assert_false(find(LOADED + FUNCTION, name, &start));
}

/* The line of sg_kfd_report, without the newline. */
static void report(struct harness *harness, const struct sg_fault *fault, char line[512]) {
    int fds[2];
    assert_int_equal(pipe(fds), 0);
    const int saved = dup(STDERR_FILENO);
    dup2(fds[1], STDERR_FILENO);
    sg_kfd_report(sg_kfd_gpu(harness->kfd, 0), fault);
    dup2(saved, STDERR_FILENO);
    close(saved);
    close(fds[1]);
    const ssize_t length = read(fds[0], line, 511);
    close(fds[0]);
    line[length > 0 ? length - 1 : 0] = '\0';
}

static void a_fault_is_one_line_with_kernel_and_instruction(void **state) {
    char line[512];
    build(state);
    assert_int_equal(harness_setup(state), 0);
    struct harness *harness = *state;
    struct abi_kfd_runtime_enable enable = {.r_debug = (uintptr_t)&list};
    IOCTL(harness, ABI_KFD_RUNTIME_ENABLE, &enable);
    struct sg_fault fault = {.cause = SG_FAULT_UNIMPLEMENTED,
                             .pc = LOADED + FUNCTION + 0x3c,
                             .entry = LOADED + FUNCTION,
                             .dwords = {0x74040300},
                             .dword_count = 1,
                             .wave = 3,
                             .workgroup = {1, 0, 0},
                             .mnemonic = "v_foo_f32",
                             .encoding = "VOP2",
                             .opcode = 0x3a};
    report(harness, &fault, line);
    assert_string_equal(line, "gfx90a: v_foo_f32 (VOP2 op 0x3a) not implemented at saxpy+0x3c: "
                              "74040300 (wave 3, workgroup 1,0,0)");
    fault.cause = SG_FAULT_ILLEGAL_INSTRUCTION;
    fault.mnemonic[0] = fault.encoding[0] = '\0';
    fault.pc = 0x500;
    fault.entry = 0x400;
    report(harness, &fault, line);
    assert_string_equal(line, "gfx90a: illegal instruction at 0x500 (kernel's entry+0x100): "
                              "74040300 (wave 3, workgroup 1,0,0)");
    fault = (struct sg_fault){.cause = SG_FAULT_MEMORY_UNMAPPED, .pc = 0x500, .va = 0x500};
    report(harness, &fault, line);
    assert_string_equal(line,
                        "gfx90a: access to unmapped memory (load) of lane 0 at 0x500 at 0x500, "
                        "where no code is (wave 0, workgroup 0,0,0)");
    harness_teardown(state);
}

static void a_packets_fault_names_its_queue(void **state) {
    char line[512];
    assert_int_equal(harness_setup(state), 0);
    const struct sg_fault fault = {.cause = SG_FAULT_MEMORY_READ_ONLY,
                                   .engine = "SDMA",
                                   .queue_id = 7,
                                   .va = 0x4000,
                                   .is_write = true};
    report(*state, &fault, line);
    assert_string_equal(line, "gfx90a: write to read-only memory (store) at 0x4000 by a packet of "
                              "SDMA queue 7");
    harness_teardown(state);
}

static void a_dump_names_kernels(void **state) {
    char line[512];
    char dump[128];
    int fds[2];
    build(state);
    assert_int_equal(harness_setup(state), 0);
    struct harness *harness = *state;
    struct abi_kfd_runtime_enable enable = {.r_debug = (uintptr_t)&list};
    IOCTL(harness, ABI_KFD_RUNTIME_ENABLE, &enable);
    snprintf(dump, sizeof dump, "queue 0\n wave 0: kernel %#x+0x48: s_nop 0\n wave 1: kernel 0x9\n",
             LOADED + FUNCTION);
    fake_cp.dump = dump;
    assert_int_equal(pipe(fds), 0);
    sg_kfd_dump(harness->kfd, fds[1]);
    close(fds[1]);
    const ssize_t length = read(fds[0], line, sizeof line - 1);
    close(fds[0]);
    assert_true(length > 0);
    line[length] = '\0';
    harness_teardown(state);
    assert_string_equal(line,
                        "queue 0\n wave 0: kernel saxpy+0x48: s_nop 0\n wave 1: kernel 0x9\n");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(a_function_is_found_in_memory, build),
        cmocka_unit_test_setup(a_function_is_found_in_a_file, build),
        cmocka_unit_test_setup(a_kernel_is_found_in_the_loaded_image, build),
        cmocka_unit_test_setup(damaged_objects_are_passed_over, build),
        cmocka_unit_test(a_fault_is_one_line_with_kernel_and_instruction),
        cmocka_unit_test(a_packets_fault_names_its_queue),
        cmocka_unit_test(a_dump_names_kernels),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
