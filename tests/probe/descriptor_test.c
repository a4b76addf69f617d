/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include <hsaprobe/descriptor.h>

#include "fixture.h"

static struct hsp_code_object *open_file(const char *name) {
    struct hsp_code_object *object = NULL;
    if (hsp_code_object_open_file(fixture_path(name), &object) != HSP_OK)
        fail_msg("%s", hsp_last_error());
    return object;
}

static struct hsp_descriptor read_first(struct hsp_code_object *object) {
    const struct hsp_kernel *kernel = hsp_code_object_kernel(object, 0, 0);
    assert_non_null(kernel);
    struct hsp_descriptor descriptor = {0};
    if (hsp_descriptor_read(object, kernel, &descriptor) != HSP_OK)
        fail_msg("%s", hsp_last_error());
    return descriptor;
}

// The assembler wrote what descriptor.s says.
static void fields_are_what_the_assembler_was_told(void **state) {
    (void)state;
    struct hsp_code_object *object = open_file("descriptor.elf");
    const struct hsp_descriptor descriptor = read_first(object);
    assert_true(hsp_code_object_kernel(object, 0, 0)->whole_groups_only);
    static const struct {
        const char *name;
        uint64_t value;
        const char *meaning;
    } expected[] = {
        {"group_segment_fixed_size", 1536, "1536 bytes"},
        {"private_segment_fixed_size", 48, "48 bytes"},
        {"kernarg_size", 40, "40 bytes"},
        {"accum_offset", 8, "AccVGPRs from register 36"},
        {"tg_split", 1, "yes"},
        {"granulated_workitem_vgpr_count", 12, "104 VGPRs"},
        {"granulated_wavefront_sgpr_count", 5, "48 SGPRs"},
        {"float_round_mode_32", 2, "toward -infinity"},
        {"float_round_mode_16_64", 0, "to nearest even"},
        {"float_denorm_mode_32", 0, "sources and results flushed"},
        {"float_denorm_mode_16_64", 3, "kept"},
        {"enable_dx10_clamp", 1, "yes"},
        {"enable_ieee_mode", 0, "no"},
        {"user_sgpr_count", 4, ""},
        {"enable_sgpr_workgroup_id_x", 1, "yes"},
        {"enable_sgpr_workgroup_id_y", 1, "yes"},
        {"enable_sgpr_workgroup_id_z", 0, "no"},
        {"enable_vgpr_workitem_id", 2, "X, Y and Z"},
        {"enable_exception_ieee_754_fp_overflow", 1, "yes"},
        {"enable_exception_ieee_754_fp_underflow", 0, "no"},
        {"enable_sgpr_dispatch_ptr", 1, "yes"},
        {"enable_sgpr_queue_ptr", 0, "no"},
        {"enable_sgpr_kernarg_segment_ptr", 1, "yes"},
    };
    for (size_t i = 0; i < sizeof(expected) / sizeof(expected[0]); i++) {
        struct hsp_descriptor_field field;
        size_t index = 0;
        do
            assert_true(hsp_descriptor_field_get(&descriptor, index, &field));
        while (strcmp(field.name, expected[i].name) != 0 && ++index);
        if (field.value != expected[i].value)
            fail_msg("%s is %llu", field.name, (unsigned long long)field.value);
        assert_string_equal(field.meaning, expected[i].meaning);
    }
    const size_t count = hsp_descriptor_field_count(&descriptor);
    struct hsp_descriptor_field last;
    assert_true(hsp_descriptor_field_get(&descriptor, count - 1, &last));
    assert_false(hsp_descriptor_field_get(&descriptor, count, &last));
    assert_true(hsp_descriptor_reserved_is_zero(&descriptor));
    uint64_t unused;
    assert_false(hsp_descriptor_value(&descriptor, "enable_wavefront_size32", &unused));
    hsp_code_object_close(object);
}

static void code_lies_where_the_descriptor_points(void **state) {
    (void)state;
    struct hsp_code_object *object = open_file("descriptor.elf");
    const struct hsp_descriptor descriptor = read_first(object);
    uint64_t entry = 0;
    assert_true(hsp_descriptor_value(&descriptor, "kernel_code_entry_byte_offset", &entry));
    assert_int_equal(descriptor.address + entry, descriptor.code_address);
    assert_int_equal(descriptor.code_address % 256, 0);
    // 8 + 4 + 4 + 4 + 4 + 8 + 4 bytes of instructions, the last of them s_endpgm.
    assert_int_equal(descriptor.code_bytes, 36);
    uint32_t last;
    const struct hsp_image *image = hsp_code_object_image(object, 0);
    memcpy(&last, (const char *)image->bytes + descriptor.code_offset + 32, sizeof(last));
    assert_int_equal(last, 0xbf810000);
    hsp_code_object_close(object);
}

static void unlinked_kernels_have_descriptors_too(void **state) {
    (void)state;
    struct hsp_code_object *object = open_file("kernels-v5.o");
    size_t count = 0;
    assert_int_equal(hsp_code_object_kernel_count(object, 0, &count), HSP_OK);
    for (size_t i = 0; i < count; i++) {
        const struct hsp_kernel *kernel = hsp_code_object_kernel(object, 0, i);
        struct hsp_descriptor descriptor;
        assert_int_equal(hsp_descriptor_read(object, kernel, &descriptor), HSP_OK);
        uint64_t bytes = 0;
        assert_true(hsp_descriptor_value(&descriptor, "kernarg_size", &bytes));
        assert_int_equal(bytes, kernel->kernarg_bytes);
        assert_true(hsp_descriptor_value(&descriptor, "group_segment_fixed_size", &bytes));
        assert_int_equal(bytes, kernel->group_bytes);
        assert_true(descriptor.code_bytes >= 4);
    }
    hsp_code_object_close(object);
}

static void reserved_bits_and_wrong_entries_are_seen(void **state) {
    (void)state;
    struct fixture_bytes bytes = fixture_read("descriptor.elf");
    struct hsp_code_object *object = NULL;
    assert_int_equal(hsp_code_object_open_memory(bytes.data, bytes.size, "elf", &object), HSP_OK);
    struct hsp_descriptor descriptor = read_first(object);
    hsp_code_object_close(object);
    object = NULL;
    descriptor.bytes[12] = 1;
    assert_false(hsp_descriptor_reserved_is_zero(&descriptor));
    bytes.data[descriptor.offset + 16] ^= 4;
    assert_int_equal(hsp_code_object_open_memory(bytes.data, bytes.size, "elf", &object), HSP_OK);
    assert_int_equal(hsp_descriptor_read(object, hsp_code_object_kernel(object, 0, 0), &descriptor),
                     HSP_ERROR_FORMAT);
    assert_non_null(strstr(hsp_last_error(), "points elsewhere than at its code"));
    hsp_code_object_close(object);
    free(bytes.data);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fields_are_what_the_assembler_was_told),
        cmocka_unit_test(code_lies_where_the_descriptor_points),
        cmocka_unit_test(unlinked_kernels_have_descriptors_too),
        cmocka_unit_test(reserved_bits_and_wrong_entries_are_seen),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
