/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include <hsaprobe/code_object.h>

#include "fixture.h"

#define AGENT "amdgcn-amd-amdhsa--gfx90a:sramecc+:xnack-"

static struct fixture_bytes v5, v4_xnack_off, v4_gfx906;

static int read_fixtures(void **state) {
    (void)state;
    v5 = fixture_read("kernels-v5.o");
    v4_xnack_off = fixture_read("kernels-v4-xnack-off.o");
    v4_gfx906 = fixture_read("kernels-v4-gfx906.o");
    return 0;
}

static int free_fixtures(void **state) {
    (void)state;
    free(v5.data);
    free(v4_xnack_off.data);
    free(v4_gfx906.data);
    return 0;
}

static struct hsp_code_object *open_bytes(struct fixture_bytes bytes) {
    struct hsp_code_object *object = NULL;
    const hsp_status status = hsp_code_object_open_memory(bytes.data, bytes.size, "test", &object);
    if (status != HSP_OK)
        fail_msg("%s", hsp_last_error());
    return object;
}

static void refuse_bytes(const void *data, size_t size, hsp_status expected, const char *words) {
    struct hsp_code_object *object = (void *)(uintptr_t)0xa5a5;
    assert_int_equal(hsp_code_object_open_memory(data, size, "test", &object), expected);
    if (!strstr(hsp_last_error(), words))
        fail_msg("'%s' is not in: %s", words, hsp_last_error());
    assert_ptr_equal(object, (void *)(uintptr_t)0xa5a5);
}

static void raw_elf_is_one_image(void **state) {
    (void)state;
    struct hsp_code_object *object = open_bytes(v4_xnack_off);
    assert_int_equal(hsp_code_object_container(object), HSP_CONTAINER_ELF);
    assert_int_equal(hsp_code_object_image_count(object), 1);
    const struct hsp_image *image = hsp_code_object_image(object, 0);
    assert_string_equal(image->isa, "amdgcn-amd-amdhsa--gfx90a:xnack-");
    assert_string_equal(image->kind, "elf");
    assert_int_equal(image->version, 4);
    assert_int_equal(image->size, v4_xnack_off.size);
    assert_null(hsp_code_object_image(object, 1));
    hsp_code_object_close(object);
}

static void bundle_gives_its_device_entries(void **state) {
    (void)state;
    const struct fixture_entry entries[] = {
        {"host-x86_64-unknown-linux--", {0}},
        {"hipv4-amdgcn-amd-amdhsa--gfx90a", v5},
        {"hip-amdgcn-amd-amdhsa-gfx906", v4_gfx906},
    };
    struct fixture_bytes bundle = fixture_bundle(entries, 3, 4096);
    struct hsp_code_object *object = open_bytes(bundle);
    assert_int_equal(hsp_code_object_container(object), HSP_CONTAINER_BUNDLE);
    assert_int_equal(hsp_code_object_image_count(object), 2);
    const struct hsp_image *first = hsp_code_object_image(object, 0);
    assert_string_equal(first->isa, "amdgcn-amd-amdhsa--gfx90a");
    assert_string_equal(first->kind, "hipv4");
    assert_int_equal(first->offset, 4096);
    assert_int_equal(first->version, 5);
    assert_memory_equal(first->bytes, v5.data, v5.size);
    const struct hsp_image *second = hsp_code_object_image(object, 1);
    assert_string_equal(second->isa, "amdgcn-amd-amdhsa--gfx906");
    assert_string_equal(second->kind, "hip");
    hsp_code_object_close(object);
    free(bundle.data);
}

static void bundles_may_follow_one_another(void **state) {
    (void)state;
    const struct fixture_entry one = {"hipv4-amdgcn-amd-amdhsa--gfx90a", v5};
    const struct fixture_entry two = {"hipv4-amdgcn-amd-amdhsa--gfx90a:xnack-", v4_xnack_off};
    struct fixture_bytes first = fixture_bundle(&one, 1, 1), second = fixture_bundle(&two, 1, 64);
    struct fixture_bytes both = fixture_concat(first, second, 4096);
    struct hsp_code_object *object = open_bytes(both);
    assert_int_equal(hsp_code_object_image_count(object), 2);
    assert_int_equal(hsp_code_object_image(object, 0)->bundle_index, 0);
    assert_int_equal(hsp_code_object_image(object, 1)->bundle_index, 1);
    // An entry at an odd address is read like any other.
    size_t count = 0;
    assert_int_equal(hsp_code_object_kernel_count(object, 0, &count), HSP_OK);
    assert_int_equal(count, 4);
    hsp_code_object_close(object);
    free(first.data), free(second.data), free(both.data);
}

static void fat_binary_is_found_in_a_host_elf(void **state) {
    (void)state;
    struct hsp_code_object *object = NULL;
    assert_int_equal(hsp_code_object_open_file(fixture_path("fat"), &object), HSP_OK);
    assert_string_equal(hsp_code_object_name(object), fixture_path("fat"));
    assert_int_equal(hsp_code_object_container(object), HSP_CONTAINER_FAT_BINARY);
    assert_int_equal(hsp_code_object_image_count(object), 1);
    const struct hsp_kernel *kernel;
    assert_int_equal(hsp_code_object_find_kernel(object, AGENT, "empty", &kernel), HSP_OK);
    hsp_code_object_close(object);
}

static void best_image_for_an_agent_names_most_features(void **state) {
    (void)state;
    const struct fixture_entry entries[] = {
        {"hip-amdgcn-amd-amdhsa--gfx906", v4_gfx906},
        {"hipv4-amdgcn-amd-amdhsa--gfx90a", v5},
        {"hipv4-amdgcn-amd-amdhsa--gfx90a:xnack-", v4_xnack_off},
    };
    struct fixture_bytes bundle = fixture_bundle(entries, 3, 4096);
    struct hsp_code_object *object = open_bytes(bundle);
    size_t index = 99;
    assert_int_equal(hsp_code_object_select(object, AGENT, &index), HSP_OK);
    assert_int_equal(index, 2);
    assert_int_equal(
        hsp_code_object_select(object, "amdgcn-amd-amdhsa--gfx90a:sramecc+:xnack+", &index),
        HSP_OK);
    assert_int_equal(index, 1);
    index = 99;
    assert_int_equal(hsp_code_object_select(object, "amdgcn-amd-amdhsa--gfx1100", &index),
                     HSP_ERROR_ISA_MISMATCH);
    assert_int_equal(index, 99);
    assert_non_null(strstr(hsp_last_error(), "gfx906, amdgcn-amd-amdhsa--gfx90a, "));
    assert_non_null(strstr(hsp_last_error(), "gfx1100"));
    hsp_code_object_close(object);
    free(bundle.data);
}

static void mismatch_of_a_single_image_says_what_differs(void **state) {
    (void)state;
    struct hsp_code_object *object = open_bytes(v4_xnack_off);
    size_t index;
    assert_int_equal(hsp_code_object_select(object, "amdgcn-amd-amdhsa--gfx90a:xnack+", &index),
                     HSP_ERROR_ISA_MISMATCH);
    assert_string_equal(hsp_last_error(),
                        "test is for amdgcn-amd-amdhsa--gfx90a:xnack-, the agent is "
                        "amdgcn-amd-amdhsa--gfx90a:xnack+ (xnack differs)");
    hsp_code_object_close(object);
}

static void foreign_bytes_are_refused_with_the_reason(void **state) {
    (void)state;
    struct hsp_code_object *object = NULL;
    assert_int_equal(hsp_code_object_open_file("/nonexistent/k.co", &object),
                     HSP_STATUS(HSP_DOMAIN_ERRNO, 2));
    assert_non_null(strstr(hsp_last_error(), "/nonexistent/k.co: No such file"));
    assert_int_equal(hsp_code_object_open_file("/", &object), HSP_STATUS(HSP_DOMAIN_ERRNO, 21));
    assert_int_equal(hsp_code_object_open_file("/proc/self/exe", &object), HSP_ERROR_FORMAT);
    assert_non_null(strstr(hsp_last_error(), "no section .hip_fatbin"));
    refuse_bytes("", 0, HSP_ERROR_FORMAT, "the file is empty");
    refuse_bytes("hello, world", 12, HSP_ERROR_FORMAT, "neither an ELF nor an offload bundle");
    assert_null(object);
}

static void bundle_without_device_code_is_refused(void **state) {
    (void)state;
    const struct fixture_entry host = {"host-x86_64-unknown-linux--", {0}};
    struct fixture_bytes bundle = fixture_bundle(&host, 1, 16);
    refuse_bytes(bundle.data, bundle.size, HSP_ERROR_FORMAT, "holds no device code");
    free(bundle.data);
}

static void bundle_entry_that_lies_about_its_processor_is_refused(void **state) {
    (void)state;
    const struct fixture_entry entry = {"hipv4-amdgcn-amd-amdhsa--gfx90a", v4_gfx906};
    struct fixture_bytes bundle = fixture_bundle(&entry, 1, 16);
    refuse_bytes(bundle.data, bundle.size, HSP_ERROR_FORMAT,
                 "holds code for amdgcn-amd-amdhsa--gfx906");
    free(bundle.data);
}

static void bundle_numbers_are_not_trusted(void **state) {
    (void)state;
    const struct fixture_entry entry = {"hipv4-amdgcn-amd-amdhsa--gfx90a", v5};
    struct fixture_bytes bundle = fixture_bundle(&entry, 1, 16);
    // Count, offset, size and name length in turn become numbers that overflow sums.
    static const size_t fields[] = {24, 32, 40, 48};
    static const uint64_t values[] = {UINT64_MAX, UINT64_MAX - 7, UINT64_C(1) << 63, 1000000};
    for (size_t f = 0; f < sizeof(fields) / sizeof(fields[0]); f++) {
        for (size_t v = 0; v < sizeof(values) / sizeof(values[0]); v++) {
            uint64_t saved;
            memcpy(&saved, bundle.data + fields[f], 8);
            memcpy(bundle.data + fields[f], &values[v], 8);
            refuse_bytes(bundle.data, bundle.size, HSP_ERROR_FORMAT, "malformed offload bundle");
            memcpy(bundle.data + fields[f], &saved, 8);
        }
    }
    free(bundle.data);
}

static void garbage_between_bundles_is_refused(void **state) {
    (void)state;
    const struct fixture_entry entry = {"hipv4-amdgcn-amd-amdhsa--gfx90a", v5};
    struct fixture_bytes bundle = fixture_bundle(&entry, 1, 16);
    struct fixture_bytes tail = {.data = (unsigned char *)"not a bundle", .size = 12};
    struct fixture_bytes both = fixture_concat(bundle, tail, 4096);
    refuse_bytes(both.data, both.size, HSP_ERROR_FORMAT, "expected __CLANG_OFFLOAD_BUNDLE__");
    free(bundle.data), free(both.data);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(raw_elf_is_one_image),
        cmocka_unit_test(bundle_gives_its_device_entries),
        cmocka_unit_test(bundles_may_follow_one_another),
        cmocka_unit_test(fat_binary_is_found_in_a_host_elf),
        cmocka_unit_test(best_image_for_an_agent_names_most_features),
        cmocka_unit_test(mismatch_of_a_single_image_says_what_differs),
        cmocka_unit_test(foreign_bytes_are_refused_with_the_reason),
        cmocka_unit_test(bundle_without_device_code_is_refused),
        cmocka_unit_test(bundle_entry_that_lies_about_its_processor_is_refused),
        cmocka_unit_test(bundle_numbers_are_not_trusted),
        cmocka_unit_test(garbage_between_bundles_is_refused),
    };
    return cmocka_run_group_tests(tests, read_fixtures, free_fixtures);
}
