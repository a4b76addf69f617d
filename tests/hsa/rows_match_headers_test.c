/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include <hsa/hsa.h>
#include <hsa/hsa_ext_amd.h>
#include <hsa/hsa_ext_finalize.h>
#include <hsa/hsa_ext_image.h>

#include "hsa/hsa_api.h"

// Each row's pointer has exactly the header's type: a wrong parameter doesn't compile.
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"
// LATER rows aren't in every release's headers.
#define CHECK_LATER(name)
#define CHECK_EXTENSION(name)                                                                      \
    _Static_assert(                                                                                \
        __builtin_types_compatible_p(__typeof__(((hsa_ven_amd_loader_1_03_pfn_t *)0)->name),       \
                                     __typeof__(hsp_hsa.name)),                                    \
        #name " differs from its header");
#define CHECK_OPTIONAL(name) CHECK_REQUIRED(name)
#define CHECK_REQUIRED(name)                                                                       \
    _Static_assert(__builtin_types_compatible_p(__typeof__(&name), __typeof__(hsp_hsa.name)),      \
                   #name " differs from its header");
#define HSA_STATUS(group, need, name, parameters, arguments)      CHECK_##need(name)
#define HSA_VALUE(group, need, type, name, parameters, arguments) CHECK_##need(name)
#define HSA_VOID(group, need, name, parameters, arguments)        CHECK_##need(name)
#include "hsa/hsa_api.def"

static void ids_and_names_belong_together(void **state) {
    (void)state;
    assert_string_equal(hsp_hsa_name(HSP_HSA_ID_hsa_init), "hsa_init");
    assert_string_equal(hsp_hsa_name(HSP_HSA_ID_hsa_queue_create), "hsa_queue_create");
    assert_null(hsp_hsa_name(HSP_HSA_ID_COUNT));
}

static void missing_library_names_the_path(void **state) {
    (void)state;
    setenv("HSAPROBE_LIBHSA", "/nonexistent/libhsa.so", 1);
    assert_int_equal(hsp_hsa_load(), HSP_ERROR_NO_RUNTIME);
    assert_non_null(strstr(hsp_last_error(), "/nonexistent/libhsa.so"));
    assert_non_null(strstr(hsp_last_hint(), "HSAPROBE_LIBHSA"));
    assert_false(hsp_hsa_loaded());
}

static void library_without_the_functions_is_refused(void **state) {
    (void)state;
    setenv("HSAPROBE_LIBHSA", "libc.so.6", 1);
    assert_int_equal(hsp_hsa_load(), HSP_ERROR_NO_RUNTIME);
    assert_non_null(strstr(hsp_last_error(), "has no function hsa_"));
    assert_false(hsp_hsa_loaded());
    unsetenv("HSAPROBE_LIBHSA");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ids_and_names_belong_together),
        cmocka_unit_test(missing_library_names_the_path),
        cmocka_unit_test(library_without_the_functions_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
