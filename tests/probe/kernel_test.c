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

struct objects {
    struct hsp_code_object *opencl; ///< kernels.cl: unmangled names, argument names, version 5
    struct hsp_code_object *hip;    ///< names.hip: overloads, templates, namespaces
};

static int open_objects(void **state) {
    static struct objects objects;
    *state = &objects;
    if (hsp_code_object_open_file(fixture_path("kernels-v5.o"), &objects.opencl) != HSP_OK ||
        hsp_code_object_open_file(fixture_path("names.hipfb"), &objects.hip) != HSP_OK) {
        print_error("%s\n", hsp_last_error());
        return 1;
    }
    return 0;
}

static int close_objects(void **state) {
    struct objects *objects = *state;
    hsp_code_object_close(objects->opencl);
    hsp_code_object_close(objects->hip);
    return 0;
}

static const struct hsp_kernel *find(struct hsp_code_object *object, const char *name) {
    const struct hsp_kernel *kernel = NULL;
    if (hsp_code_object_find_kernel(object, AGENT, name, &kernel) != HSP_OK)
        fail_msg("%s: %s", name, hsp_last_error());
    return kernel;
}

static void refuse(struct hsp_code_object *object, const char *name, hsp_status expected,
                   const char *words) {
    const struct hsp_kernel *kernel = NULL;
    assert_int_equal(hsp_code_object_find_kernel(object, AGENT, name, &kernel), expected);
    if (!strstr(hsp_last_error(), words))
        fail_msg("'%s' is not in: %s", words, hsp_last_error());
    assert_null(kernel);
}

static void metadata_describes_the_kernel(void **state) {
    struct objects *objects = *state;
    const struct hsp_kernel *kernel = find(objects->opencl, "required");
    assert_string_equal(kernel->name, "required");
    assert_string_equal(kernel->symbol, "required.kd");
    assert_string_equal(kernel->language, "OpenCL C");
    assert_int_equal(kernel->wavefront_size, 64);
    assert_int_equal(kernel->workgroup_required[0], 64);
    assert_int_equal(kernel->workgroup_required[1], 2);
    assert_int_equal(kernel->workgroup_required[2], 1);
    assert_int_equal(kernel->workgroup_max_size, 128);
    assert_int_equal(kernel->group_bytes, 4096);
    assert_int_equal(kernel->kernarg_align, 8);
    assert_int_equal(kernel->explicit_count, 1);
    assert_true(kernel->vgpr_count > 0 && kernel->sgpr_count > 0);
}

static void metadata_describes_the_arguments(void **state) {
    struct objects *objects = *state;
    const struct hsp_kernel *kernel = find(objects->opencl, "local_sum");
    static const struct hsp_kernel_argument expected[] = {
        {"input", "float*", "global_buffer", "global", "", HSP_ARGUMENT_GLOBAL_BUFFER, 8, 0, 0,
         true},
        {"scratch", "float*", "dynamic_shared_pointer", "local", "",
         HSP_ARGUMENT_DYNAMIC_SHARED_POINTER, 4, 8, 4, false},
        {"count", "int", "by_value", "", "", HSP_ARGUMENT_BY_VALUE, 4, 12, 0, false},
        {"scale", "float", "by_value", "", "", HSP_ARGUMENT_BY_VALUE, 4, 16, 0, false},
        {"output", "float*", "global_buffer", "global", "", HSP_ARGUMENT_GLOBAL_BUFFER, 8, 24, 0,
         false},
    };
    assert_int_equal(kernel->explicit_count, 5);
    for (size_t i = 0; i < 5; i++) {
        const struct hsp_kernel_argument *got = &kernel->arguments[i], *want = &expected[i];
        assert_string_equal(got->name, want->name);
        assert_string_equal(got->type_name, want->type_name);
        assert_string_equal(got->value_kind, want->value_kind);
        assert_string_equal(got->address_space, want->address_space);
        assert_int_equal(got->kind, want->kind);
        assert_int_equal(got->size_bytes, want->size_bytes);
        assert_int_equal(got->offset_bytes, want->offset_bytes);
        assert_int_equal(got->pointee_align, want->pointee_align);
        assert_int_equal(got->is_const, want->is_const);
    }
    for (uint32_t i = kernel->explicit_count; i < kernel->argument_count; i++)
        assert_int_equal(kernel->arguments[i].kind, HSP_ARGUMENT_HIDDEN);
    assert_true(kernel->argument_count > kernel->explicit_count);
}

static void kernel_is_found_by_each_form_of_its_name(void **state) {
    struct objects *objects = *state;
    static const struct {
        const char *name;
        const char *mangled;
    } cases[] = {
        {"_Z4fillIiEvPT_S0_", "_Z4fillIiEvPT_S0_"},
        {"_Z4fillIiEvPT_S0_.kd", "_Z4fillIiEvPT_S0_"},
        {"void fill<int>(int*, int)", "_Z4fillIiEvPT_S0_"},
        {"fill<int>(int*, int)", "_Z4fillIiEvPT_S0_"},
        {"fill<int>", "_Z4fillIiEvPT_S0_"},
        {"fill<f", "_Z4fillIfEvPT_S0_"},
        {"deep::inner::scale", "_ZN4deep5inner5scaleEPff"},
        {"deep", "_ZN4deep5inner5scaleEPff"},
        {"overloaded(float*)", "_Z10overloadedPf"},
        {"copy", "copy"}, // and not copy_back, whose name only begins so
        {"copy_", "copy_back"},
        {"_ZN4deep", "_ZN4deep5inner5scaleEPff"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        assert_string_equal(find(objects->hip, cases[i].name)->name, cases[i].mangled);
}

static void ambiguous_name_lists_what_fits(void **state) {
    struct objects *objects = *state;
    refuse(objects->hip, "overloaded", HSP_ERROR_AMBIGUOUS, "overloaded(int*), overloaded(float*)");
    refuse(objects->hip, "fill", HSP_ERROR_AMBIGUOUS,
           "fill<int>(int*, int), fill<float>(float*, float)");
    refuse(objects->hip, "cop", HSP_ERROR_AMBIGUOUS, "copy, copy_back");
}

static void unknown_name_lists_near_ones(void **state) {
    struct objects *objects = *state;
    refuse(objects->hip, "scael", HSP_ERROR_NOT_FOUND, "names.hipfb has no kernel 'scael'");
    refuse(objects->hip, "inner::scale", HSP_ERROR_NOT_FOUND,
           "did you mean deep::inner::scale(float*, float)?");
    refuse(objects->hip, "xyzzy", HSP_ERROR_NOT_FOUND, "it has ");
    refuse(objects->opencl, "local_sun", HSP_ERROR_NOT_FOUND, "did you mean local_sum");
    refuse(objects->hip, "", HSP_ERROR_INVALID_ARGUMENT, "name is missing");
}

static void wrong_agent_is_told_before_the_name(void **state) {
    struct objects *objects = *state;
    const struct hsp_kernel *kernel = NULL;
    assert_int_equal(
        hsp_code_object_find_kernel(objects->hip, "amdgcn-amd-amdhsa--gfx906", "copy", &kernel),
        HSP_ERROR_ISA_MISMATCH);
    assert_non_null(strstr(hsp_last_error(), "is for amdgcn-amd-amdhsa--gfx90a"));
    assert_non_null(strstr(hsp_last_error(), "the agent is amdgcn-amd-amdhsa--gfx906"));
}

static void same_kernel_in_two_images_is_not_ambiguous(void **state) {
    (void)state;
    struct fixture_bytes v5 = fixture_read("kernels-v5.o");
    struct fixture_bytes v4 = fixture_read("kernels-v4-xnack-off.o");
    struct fixture_bytes other = fixture_read("kernels-v4-gfx906.o");
    const struct fixture_entry entries[] = {
        {"hipv4-amdgcn-amd-amdhsa--gfx906", other},
        {"hipv4-amdgcn-amd-amdhsa--gfx90a", v5},
        {"hipv4-amdgcn-amd-amdhsa--gfx90a:xnack-", v4},
    };
    struct fixture_bytes bundle = fixture_bundle(entries, 3, 16);
    struct hsp_code_object *object = NULL;
    assert_int_equal(hsp_code_object_open_memory(bundle.data, bundle.size, "two", &object), HSP_OK);
    // The agent's best image is the one that names xnack-.
    assert_int_equal(find(object, "required")->image_index, 2);
    const struct hsp_kernel *kernel = NULL;
    assert_int_equal(hsp_code_object_find_kernel(object, NULL, "required", &kernel), HSP_OK);
    assert_int_equal(kernel->image_index, 0);
    hsp_code_object_close(object);
    free(v5.data), free(v4.data), free(other.data), free(bundle.data);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(metadata_describes_the_kernel),
        cmocka_unit_test(metadata_describes_the_arguments),
        cmocka_unit_test(kernel_is_found_by_each_form_of_its_name),
        cmocka_unit_test(ambiguous_name_lists_what_fits),
        cmocka_unit_test(unknown_name_lists_near_ones),
        cmocka_unit_test(wrong_agent_is_told_before_the_name),
        cmocka_unit_test(same_kernel_in_two_images_is_not_ambiguous),
    };
    return cmocka_run_group_tests(tests, open_objects, close_objects);
}
