/* SPDX-License-Identifier: MIT */
// Cuts and corrupts each kind of input; under a sanitizer any read beyond the bytes ends the test.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <elf.h>
#include <stdlib.h>
#include <string.h>

#include <hsaprobe/code_object.h>

#include "fixture.h"

// Opens an exact copy, so that a sanitizer sees where it ends, and reads all there is.
static hsp_status read_everything(const unsigned char *data, size_t size) {
    unsigned char *exact = malloc(size ? size : 1);
    assert_non_null(exact);
    memcpy(exact, data, size);
    struct hsp_code_object *object = NULL;
    hsp_status status = hsp_code_object_open_memory(exact, size, "cut", &object);
    free(exact);
    if (status != HSP_OK) {
        assert_true(hsp_last_error()[0] != '\0');
        return status;
    }
    for (size_t i = 0; i < hsp_code_object_image_count(object); i++) {
        size_t count = 0;
        const hsp_status image_status = hsp_code_object_kernel_count(object, i, &count);
        if (image_status != HSP_OK)
            status = image_status;
        const struct hsp_kernel *kernel;
        hsp_code_object_find_kernel(object, NULL, "nothing like it", &kernel);
    }
    hsp_code_object_close(object);
    return status;
}

static void cut_at_every_byte(struct fixture_bytes whole) {
    assert_int_equal(read_everything(whole.data, whole.size), HSP_OK);
    for (size_t size = 0; size < whole.size; size++)
        if (read_everything(whole.data, size) == HSP_OK && size + 64 < whole.size)
            fail_msg("%zu of %zu bytes were accepted", size, whole.size);
    free(whole.data);
}

static void elf_cut_at_every_byte_is_refused(void **state) {
    (void)state;
    cut_at_every_byte(fixture_read("kernels-v5.o"));
}

static void bundle_cut_at_every_byte_is_refused(void **state) {
    (void)state;
    struct fixture_bytes elf = fixture_read("kernels-v4-xnack-off.o");
    const struct fixture_entry entries[] = {
        {"host-x86_64-unknown-linux--", {0}},
        {"hipv4-amdgcn-amd-amdhsa--gfx90a:xnack-", elf},
    };
    cut_at_every_byte(fixture_bundle(entries, 2, 8));
    free(elf.data);
}

// The section table of a host file lies at its end: a shorter file has lost it.
static void fat_binary_cut_anywhere_is_refused(void **state) {
    (void)state;
    struct fixture_bytes whole = fixture_read("fat");
    assert_int_equal(read_everything(whole.data, whole.size), HSP_OK);
    for (size_t size = 0; size < whole.size; size += size < 256 ? 1 : 97)
        if (read_everything(whole.data, size) == HSP_OK)
            fail_msg("%zu of %zu bytes were accepted", size, whole.size);
    free(whole.data);
}

static void flipped_bytes_never_crash(void **state) {
    (void)state;
    static const char *const names[] = {"kernels-v5.o", "kernels-v4-xnack-off.o"};
    for (size_t n = 0; n < sizeof(names) / sizeof(names[0]); n++) {
        struct fixture_bytes elf = fixture_read(names[n]);
        uint32_t random = 12345;
        for (int round = 0; round < 1500; round++) {
            unsigned char saved[3];
            size_t places[3];
            for (int i = 0; i < 3; i++) {
                random = random * 1664525 + 1013904223;
                places[i] = random % elf.size;
                saved[i] = elf.data[places[i]];
                elf.data[places[i]] = (unsigned char)(random >> 24);
            }
            read_everything(elf.data, elf.size);
            for (int i = 3; i-- > 0;)
                elf.data[places[i]] = saved[i];
        }
        free(elf.data);
    }
}

// What is small but shows the same bytes over and over would take forever to read.
static void refused_with(struct fixture_bytes whole, const char *words) {
    struct hsp_code_object *object = NULL;
    assert_int_equal(hsp_code_object_open_memory(whole.data, whole.size, "many", &object),
                     HSP_ERROR_FORMAT);
    assert_non_null(strstr(hsp_last_error(), words));
    assert_null(object);
    free(whole.data);
}

static void entries_that_share_bytes_are_refused(void **state) {
    (void)state;
    struct fixture_bytes elf = fixture_read("kernels-v4-xnack-off.o");
    const struct fixture_entry entries[] = {
        {"hipv4-amdgcn-amd-amdhsa--gfx90a:xnack-", elf},
        {"hipv4-amdgcn-amd-amdhsa--gfx90a:xnack-", elf},
    };
    struct fixture_bytes bundle = fixture_bundle(entries, 2, 8);
    const size_t second = 32 + 24 + strlen(entries[0].id);
    memcpy(bundle.data + second, bundle.data + 32, 8); // its offset
    refused_with(bundle, "two entries overlap");
    free(elf.data);
}

static void more_entries_than_targets_are_refused(void **state) {
    (void)state;
    enum { COUNT = 1025 };
    static struct fixture_entry entries[COUNT];
    for (size_t i = 0; i < COUNT; i++)
        entries[i] = (struct fixture_entry){"host-x86_64-unknown-linux--", {0}};
    refused_with(fixture_bundle(entries, COUNT, 8), "more entries than there are targets");
}

static void more_notes_than_compilers_write_are_refused(void **state) {
    (void)state;
    enum { COUNT = 18 };
    struct fixture_bytes elf = fixture_read("kernels-v4-xnack-off.o");
    Elf64_Ehdr header;
    memcpy(&header, elf.data, sizeof(header));
    const size_t size = elf.size + COUNT * sizeof(Elf64_Shdr);
    elf.data = realloc(elf.data, size);
    assert_non_null(elf.data);
    Elf64_Shdr sections[COUNT] = {{0}};
    for (size_t i = 1; i < COUNT; i++)
        sections[i] = (Elf64_Shdr){.sh_type = SHT_NOTE, .sh_offset = 0, .sh_size = 0};
    memcpy(elf.data + elf.size, sections, sizeof(sections));
    header.e_shoff = elf.size;
    header.e_shnum = COUNT;
    memcpy(elf.data, &header, sizeof(header));
    elf.size = size;
    refused_with(elf, "more tables of notes");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(elf_cut_at_every_byte_is_refused),
        cmocka_unit_test(bundle_cut_at_every_byte_is_refused),
        cmocka_unit_test(fat_binary_cut_anywhere_is_refused),
        cmocka_unit_test(flipped_bytes_never_crash),
        cmocka_unit_test(entries_that_share_bytes_are_refused),
        cmocka_unit_test(more_entries_than_targets_are_refused),
        cmocka_unit_test(more_notes_than_compilers_write_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
