/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include <hsaprobe/dispatch.h>

#include "fixture.h"

struct context {
    struct hsp_code_object *v4;
    struct hsp_code_object *v5;
    struct hsp_code_object *hip; ///< metadata without argument names and types
};

static int open_objects(void **state) {
    static struct context context;
    *state = &context;
    if (hsp_code_object_open_file(fixture_path("kernels-v4-xnack-off.o"), &context.v4) ||
        hsp_code_object_open_file(fixture_path("kernels-v5.o"), &context.v5) ||
        hsp_code_object_open_file(fixture_path("names.hipfb"), &context.hip)) {
        print_error("%s\n", hsp_last_error());
        return 1;
    }
    return 0;
}

static int close_objects(void **state) {
    struct context *context = *state;
    hsp_code_object_close(context->v4);
    hsp_code_object_close(context->v5);
    hsp_code_object_close(context->hip);
    return 0;
}

static struct hsp_arguments *create(struct hsp_code_object *object, const char *name,
                                    const struct hsp_kernel **out_kernel) {
    struct hsp_arguments *arguments = NULL;
    if (hsp_code_object_find_kernel(object, NULL, name, out_kernel) != HSP_OK)
        fail_msg("%s", hsp_last_error());
    assert_int_equal(hsp_arguments_create(*out_kernel, &arguments), HSP_OK);
    return arguments;
}

static void expect(hsp_status got, hsp_status wanted, const char *words) {
    if (got != wanted || !strstr(hsp_last_error(), words))
        fail_msg("status 0x%x, expected 0x%x; '%s' in: %s", got, wanted, words, hsp_last_error());
}

static const struct hsp_geometry partial = {.dimension_count = 2,
                                            .grid = {1000, 10, 1},
                                            .workgroup = {64, 4, 1},
                                            .dynamic_group_bytes = 512};

static void bind_all(struct hsp_arguments *arguments) {
    const int32_t count = 17;
    const float scale = 1.5f;
    const uint32_t local = 400;
    assert_int_equal(hsp_arguments_set_pointer(arguments, 0, (void *)0x1000), HSP_OK);
    assert_int_equal(hsp_arguments_set(arguments, 1, HSP_VALUE_U32, &local, 4), HSP_OK);
    assert_int_equal(hsp_arguments_set(arguments, 2, HSP_VALUE_I32, &count, 4), HSP_OK);
    assert_int_equal(hsp_arguments_set(arguments, 3, HSP_VALUE_F32, &scale, 4), HSP_OK);
    assert_int_equal(hsp_arguments_set_pointer(arguments, 4, (void *)0x2000), HSP_OK);
}

/// The bytes of the argument with this value_kind, or of the explicit one at `position`.
static uint64_t read_back(const struct hsp_kernel *kernel, const unsigned char *kernarg,
                          const char *value_kind) {
    for (uint32_t i = 0; i < kernel->argument_count; i++) {
        const struct hsp_kernel_argument *argument = &kernel->arguments[i];
        if (strcmp(argument->value_kind, value_kind) != 0)
            continue;
        uint64_t value = 0;
        memcpy(&value, kernarg + argument->offset_bytes, argument->size_bytes);
        return value;
    }
    fail_msg("the kernel has no %s", value_kind);
    return 0;
}

static void explicit_values_go_to_their_offsets(void **state) {
    const struct context *context = *state;
    const struct hsp_kernel *kernel;
    struct hsp_arguments *arguments = create(context->v5, "local_sum", &kernel);
    bind_all(arguments);
    unsigned char kernarg[512];
    memset(kernarg, 0xcc, sizeof(kernarg));
    assert_int_equal(hsp_arguments_write(arguments, &partial, NULL, kernarg, sizeof(kernarg)),
                     HSP_OK);
    static const unsigned char expected[32] = {
        0x00, 0x10, 0,    0,    0, 0, 0, 0, // input
        0,    0,    0,    0,                // scratch: LDS offset 0, for there is no fixed LDS
        17,   0,    0,    0,                // count
        0,    0,    0xc0, 0x3f,             // 1.5f
        0,    0,    0,    0,                // padding
        0x00, 0x20, 0,    0,    0, 0, 0, 0, // output
    };
    assert_memory_equal(kernarg, expected, sizeof(expected));
    for (size_t i = kernel->kernarg_bytes; i < sizeof(kernarg); i++)
        assert_int_equal(kernarg[i], 0xcc);
    hsp_arguments_destroy(arguments);
}

static void hidden_arguments_of_version_5(void **state) {
    const struct context *context = *state;
    const struct hsp_kernel *kernel;
    struct hsp_arguments *arguments = create(context->v5, "local_sum", &kernel);
    bind_all(arguments);
    unsigned char kernarg[512];
    memset(kernarg, 0xcc, sizeof(kernarg));
    assert_int_equal(hsp_arguments_write(arguments, &partial, NULL, kernarg, sizeof(kernarg)),
                     HSP_OK);
    static const struct {
        const char *value_kind;
        uint64_t value;
    } expected[] = {
        {"hidden_block_count_x", 15},     {"hidden_block_count_y", 2},
        {"hidden_block_count_z", 1},      {"hidden_group_size_x", 64},
        {"hidden_group_size_y", 4},       {"hidden_group_size_z", 1},
        {"hidden_remainder_x", 40},       {"hidden_remainder_y", 2},
        {"hidden_remainder_z", 0},        {"hidden_global_offset_x", 0},
        {"hidden_global_offset_y", 0},    {"hidden_global_offset_z", 0},
        {"hidden_grid_dims", 2},          {"hidden_hostcall_buffer", 0},
        {"hidden_multigrid_sync_arg", 0}, {"hidden_heap_v1", 0},
        {"hidden_queue_ptr", 0},
    };
    for (size_t i = 0; i < sizeof(expected) / sizeof(expected[0]); i++)
        if (read_back(kernel, kernarg, expected[i].value_kind) != expected[i].value)
            fail_msg("%s is wrong", expected[i].value_kind);
    hsp_arguments_destroy(arguments);
}

static void hidden_arguments_of_version_4(void **state) {
    const struct context *context = *state;
    const struct hsp_kernel *kernel;
    struct hsp_arguments *arguments = create(context->v4, "local_sum", &kernel);
    bind_all(arguments);
    unsigned char kernarg[512];
    memset(kernarg, 0xcc, sizeof(kernarg));
    assert_int_equal(hsp_arguments_write(arguments, &partial, NULL, kernarg, sizeof(kernarg)),
                     HSP_OK);
    assert_int_equal(read_back(kernel, kernarg, "hidden_global_offset_x"), 0);
    assert_int_equal(read_back(kernel, kernarg, "hidden_global_offset_z"), 0);
    // Nothing of the hidden part keeps what the block held before.
    for (uint32_t i = 32; i < kernel->kernarg_bytes; i++)
        assert_int_equal(kernarg[i], 0);
    hsp_arguments_destroy(arguments);
}

static void services_are_listed_and_may_be_supplied(void **state) {
    const struct context *context = *state;
    const struct hsp_kernel *kernel;
    struct hsp_arguments *arguments = create(context->v5, "local_sum", &kernel);
    assert_string_equal(hsp_arguments_unserved(arguments, 0), "hidden_hostcall_buffer");
    assert_string_equal(hsp_arguments_unserved(arguments, 1), "hidden_multigrid_sync_arg");
    assert_string_equal(hsp_arguments_unserved(arguments, 2), "hidden_heap_v1");
    assert_null(hsp_arguments_unserved(arguments, 3));
    assert_int_equal(hsp_arguments_set_hidden(arguments, "hidden_hostcall_buffer", 0x123456789abc),
                     HSP_OK);
    assert_string_equal(hsp_arguments_unserved(arguments, 0), "hidden_multigrid_sync_arg");
    unsigned char kernarg[512];
    assert_int_equal(hsp_arguments_write(arguments, &partial, NULL, kernarg, sizeof(kernarg)),
                     HSP_OK);
    assert_int_equal(read_back(kernel, kernarg, "hidden_hostcall_buffer"), 0x123456789abc);
    expect(hsp_arguments_set_hidden(arguments, "hidden_printf_buffer", 1), HSP_ERROR_NOT_FOUND,
           "no hidden argument 'hidden_printf_buffer'");
    hsp_arguments_destroy(arguments);
}

static void services_are_refused_by_name_unless_supplied(void **state) {
    const struct context *context = *state;
    const struct hsp_kernel *kernel;
    struct hsp_arguments *arguments = create(context->v5, "local_sum", &kernel);
    bind_all(arguments);
    expect(hsp_arguments_check(arguments), HSP_ERROR_KERNEL_ARGUMENT,
           "local_sum asks for services that must be supplied: hidden_hostcall_buffer, "
           "hidden_multigrid_sync_arg, hidden_heap_v1");
    assert_non_null(strstr(hsp_last_hint(), "hsp_arguments_set_hidden"));
    const char *unserved;
    while ((unserved = hsp_arguments_unserved(arguments, 0)))
        assert_int_equal(hsp_arguments_set_hidden(arguments, unserved, 0), HSP_OK);
    assert_int_equal(hsp_arguments_check(arguments), HSP_OK);
    hsp_arguments_destroy(arguments);
}

/// A kernel that lists one hidden argument and nothing else.
static struct hsp_kernel kernel_with(struct hsp_kernel_argument *argument, const char *value_kind) {
    *argument = (struct hsp_kernel_argument){.name = "",
                                             .type_name = "",
                                             .value_kind = value_kind,
                                             .kind = HSP_ARGUMENT_HIDDEN,
                                             .size_bytes = 8,
                                             .offset_bytes = 8};
    return (struct hsp_kernel){.name = "k",
                               .demangled = "k",
                               .kernarg_bytes = 16,
                               .arguments = argument,
                               .argument_count = 1};
}

static void each_hidden_argument_is_filled_or_refused_by_its_name(void **state) {
    (void)state;
    static const struct {
        const char *value_kind;
        bool is_service;
        uint64_t value;
    } rows[] = {
        {"hidden_block_count_x", false, 15},
        {"hidden_block_count_y", false, 2},
        {"hidden_block_count_z", false, 1},
        {"hidden_group_size_x", false, 64},
        {"hidden_group_size_y", false, 4},
        {"hidden_group_size_z", false, 1},
        {"hidden_remainder_x", false, 40},
        {"hidden_remainder_y", false, 2},
        {"hidden_remainder_z", false, 0},
        {"hidden_global_offset_x", false, 0},
        {"hidden_global_offset_y", false, 0},
        {"hidden_global_offset_z", false, 0},
        {"hidden_none", false, 0},
        {"hidden_grid_dims", false, 2},
        {"hidden_dynamic_lds_size", false, 512},
        {"hidden_private_base", false, 0},
        {"hidden_shared_base", false, 0},
        {"hidden_queue_ptr", false, 0},
        {"hidden_hostcall_buffer", true, 0},
        {"hidden_printf_buffer", true, 0},
        {"hidden_heap_v1", true, 0},
        {"hidden_multigrid_sync_arg", true, 0},
        {"hidden_default_queue", true, 0},
        {"hidden_completion_action", true, 0},
        {"hidden_of_a_later_compiler", true, 0},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct hsp_kernel_argument argument;
        const struct hsp_kernel kernel = kernel_with(&argument, rows[i].value_kind);
        struct hsp_arguments *arguments = NULL;
        assert_int_equal(hsp_arguments_create(&kernel, &arguments), HSP_OK);
        if (rows[i].is_service)
            expect(hsp_arguments_check(arguments), HSP_ERROR_KERNEL_ARGUMENT, rows[i].value_kind);
        else
            assert_int_equal(hsp_arguments_check(arguments), HSP_OK);
        uint64_t kernarg[2] = {99, 99};
        assert_int_equal(hsp_arguments_write(arguments, &partial, NULL, kernarg, sizeof(kernarg)),
                         HSP_OK);
        if (kernarg[1] != rows[i].value)
            fail_msg("%s is %ju", rows[i].value_kind, kernarg[1]);
        assert_int_equal(hsp_arguments_set_hidden(arguments, rows[i].value_kind, 77), HSP_OK);
        assert_int_equal(hsp_arguments_check(arguments), HSP_OK);
        assert_int_equal(hsp_arguments_write(arguments, &partial, NULL, kernarg, sizeof(kernarg)),
                         HSP_OK);
        assert_int_equal(kernarg[1], 77);
        hsp_arguments_destroy(arguments);
    }
}

static void local_pointers_follow_the_fixed_lds(void **state) {
    const struct context *context = *state;
    const struct hsp_kernel *kernel;
    struct hsp_arguments *arguments = create(context->v5, "local_sum", &kernel);
    bind_all(arguments);
    assert_int_equal(hsp_arguments_local_bytes(arguments), 400);
    const float wrong = 4;
    expect(hsp_arguments_set(arguments, 1, HSP_VALUE_F32, &wrong, 4), HSP_ERROR_KERNEL_ARGUMENT,
           "local pointer");
    hsp_arguments_destroy(arguments);
}

static void wrong_values_name_argument_and_expectation(void **state) {
    const struct context *context = *state;
    const struct hsp_kernel *kernel;
    struct hsp_arguments *arguments = create(context->v5, "local_sum", &kernel);
    const uint64_t wide = 1;
    const int32_t narrow = 1;
    const double real = 1;
    expect(hsp_arguments_set(arguments, 2, HSP_VALUE_U64, &wide, 8), HSP_ERROR_KERNEL_ARGUMENT,
           "argument 2 'count' of kernel local_sum has 4 bytes, the value (u64) has 8");
    expect(hsp_arguments_set(arguments, 3, HSP_VALUE_I32, &narrow, 4), HSP_ERROR_KERNEL_ARGUMENT,
           "argument 3 'scale' of kernel local_sum is of type float, the value is i32");
    expect(hsp_arguments_set(arguments, 3, HSP_VALUE_F64, &real, 8), HSP_ERROR_KERNEL_ARGUMENT,
           "has 4 bytes, the value (f64) has 8");
    expect(hsp_arguments_set(arguments, 0, HSP_VALUE_U64, &wide, 8), HSP_ERROR_KERNEL_ARGUMENT,
           "argument 0 'input' of kernel local_sum is a pointer, the value is u64");
    expect(hsp_arguments_set_pointer(arguments, 2, &wide), HSP_ERROR_KERNEL_ARGUMENT,
           "not a pointer");
    expect(hsp_arguments_set_pointer(arguments, 5, &wide), HSP_ERROR_KERNEL_ARGUMENT,
           "has no argument 5: it takes 5");
    expect(hsp_arguments_set(arguments, 2, HSP_VALUE_I32, &narrow, 3), HSP_ERROR_INVALID_ARGUMENT,
           "i32 has 4 bytes, not 3");
    // Nothing was bound by all that.
    expect(hsp_arguments_check(arguments), HSP_ERROR_KERNEL_ARGUMENT,
           "takes 5 arguments, 0 given: missing 0 (input: float*, 8 bytes), 1 (scratch");
    hsp_arguments_destroy(arguments);
}

static void values_are_bound_by_name(void **state) {
    const struct context *context = *state;
    const struct hsp_kernel *kernel;
    struct hsp_arguments *arguments = create(context->v5, "local_sum", &kernel);
    const uint32_t count = 3;
    assert_int_equal(hsp_arguments_set_named(arguments, "count", HSP_VALUE_U32, &count, 4), HSP_OK);
    expect(hsp_arguments_set_named(arguments, "counter", HSP_VALUE_U32, &count, 4),
           HSP_ERROR_NOT_FOUND,
           "no argument 'counter': it has input, scratch, count, scale, output");
    assert_int_equal(hsp_arguments_bind_i32(arguments, "count", -5), HSP_OK);
    expect(hsp_arguments_bind_u64(arguments, "count", 5), HSP_ERROR_KERNEL_ARGUMENT,
           "has 4 bytes, the value (u64) has 8");
    assert_int_equal(hsp_arguments_bind_u64(arguments, "scratch", 64), HSP_OK);
    assert_int_equal(hsp_arguments_local_bytes(arguments), 64);
    unsigned char kernarg[512];
    assert_int_equal(hsp_arguments_write(arguments, &partial, NULL, kernarg, sizeof(kernarg)),
                     HSP_OK);
    int32_t bound;
    memcpy(&bound, kernarg + kernel->arguments[2].offset_bytes, sizeof(bound));
    assert_int_equal(bound, -5);
    hsp_arguments_destroy(arguments);
    arguments = create(context->hip, "copy", &kernel);
    expect(hsp_arguments_set_named(arguments, "to", HSP_VALUE_U32, &count, 4), HSP_ERROR_NOT_FOUND,
           "its code object names none of its 2");
    assert_non_null(strstr(hsp_last_hint(), "-fhip-kernel-arg-name"));
    hsp_arguments_destroy(arguments);
}

static void structs_are_bound_as_bytes(void **state) {
    const struct context *context = *state;
    const struct hsp_kernel *kernel;
    struct hsp_arguments *arguments = create(context->v5, "local_copy", &kernel);
    const char bytes[16] = "0123456789abcde";
    assert_int_equal(hsp_arguments_set(arguments, 1, HSP_VALUE_BYTES, bytes, 16), HSP_OK);
    expect(hsp_arguments_set(arguments, 1, HSP_VALUE_BYTES, bytes, 12), HSP_ERROR_KERNEL_ARGUMENT,
           "has 16 bytes, the value (bytes) has 12");
    unsigned char kernarg[512];
    assert_int_equal(hsp_arguments_write(arguments, &partial, NULL, kernarg, sizeof(kernarg)),
                     HSP_OK);
    assert_memory_equal(kernarg + 8, bytes, 16);
    expect(hsp_arguments_write(arguments, &partial, NULL, kernarg, 8), HSP_ERROR_INVALID_ARGUMENT,
           "bytes of kernel arguments, the block has 8");
    hsp_arguments_destroy(arguments);
}

static void value_types_have_names_and_sizes(void **state) {
    (void)state;
    assert_string_equal(hsp_value_type_name(HSP_VALUE_F16), "f16");
    assert_string_equal(hsp_value_type_name(HSP_VALUE_POINTER), "pointer");
    assert_string_equal(hsp_value_type_name((enum hsp_value_type)99), "unknown");
    assert_int_equal(hsp_value_type_bytes(HSP_VALUE_F16), 2);
    assert_int_equal(hsp_value_type_bytes(HSP_VALUE_U64), 8);
    assert_int_equal(hsp_value_type_bytes(HSP_VALUE_BYTES), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(explicit_values_go_to_their_offsets),
        cmocka_unit_test(hidden_arguments_of_version_5),
        cmocka_unit_test(hidden_arguments_of_version_4),
        cmocka_unit_test(services_are_listed_and_may_be_supplied),
        cmocka_unit_test(services_are_refused_by_name_unless_supplied),
        cmocka_unit_test(each_hidden_argument_is_filled_or_refused_by_its_name),
        cmocka_unit_test(local_pointers_follow_the_fixed_lds),
        cmocka_unit_test(wrong_values_name_argument_and_expectation),
        cmocka_unit_test(values_are_bound_by_name),
        cmocka_unit_test(structs_are_bound_as_bytes),
        cmocka_unit_test(value_types_have_names_and_sizes),
    };
    return cmocka_run_group_tests(tests, open_objects, close_objects);
}
