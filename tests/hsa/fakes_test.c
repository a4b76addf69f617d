/* SPDX-License-Identifier: MIT */
// One binary serves every release: fakes of ROCm 5.2, 5.5, 6.3 and of a runtime that has only what
// is required. fakes_test LIBRARY LAYOUT-LETTER MISSING-COUNT
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>

#include <hsaprobe/record.h>

#include "hsa/api_table.h"
#include "hsa/hsa_api.h"
#include "record/record.h"

static const char *library_path;
static char layout;
static uint32_t missing_count;
static void *library;

static int load(void **state) {
    (void)state;
    setenv("HSAPROBE_LIBHSA", library_path, 1);
    library = dlopen(library_path, RTLD_NOW | RTLD_LOCAL);
    assert_non_null(library);
    if (hsp_hsa_load() != HSP_OK)
        fail_msg("%s", hsp_last_error());
    return 0;
}

static void the_library_asked_for_is_loaded(void **state) {
    (void)state;
    assert_string_equal(hsp_hsa_library_path(), library_path);
}

static void absent_functions_are_listed(void **state) {
    (void)state;
    uint32_t count = 0;
    while (hsp_hsa_missing(count)) {
        assert_null(dlsym(library, hsp_hsa_missing(count)));
        count++;
    }
    assert_int_equal(count, missing_count);
}

static void functions_are_the_librarys_own(void **state) {
    (void)state;
    void *slot;
    memcpy(&slot, &hsp_hsa.hsa_queue_create, sizeof(slot));
    assert_ptr_equal(slot, dlsym(library, "hsa_queue_create"));
}

static void a_call_that_is_absent_fails_by_name(void **state) {
    (void)state;
    const hsp_status status = HSP_HSA_CALL(hsa_amd_vmem_unmap, (NULL, 0));
    if (dlsym(library, "hsa_amd_vmem_unmap")) {
        assert_int_equal(status, HSP_OK);
        return;
    }
    assert_int_equal(status, HSP_ERROR_NOT_SUPPORTED);
    assert_non_null(strstr(hsp_last_error(), "hsa_amd_vmem_unmap"));
}

static void wrappers_count_and_time_what_the_library_spends(void **state) {
    (void)state;
    enum { CALLS = 20, DELAY_NS = 20000 };
    setenv("FAKE_HSA_DELAY_NS", "20000", 1);
    hsp_hsa_set_timed(true);
    hsp_record_clear();
    for (int i = 0; i < CALLS; i++)
        HSP_HSA(hsa_signal_store_relaxed)((hsa_signal_t){0}, 1);
    struct hsp_counter counter;
    assert_int_equal(hsp_counter_get(HSP_HSA_ID_hsa_signal_store_relaxed, &counter), HSP_OK);
    assert_int_equal(counter.count, CALLS);
    assert_true(counter.min_ns >= DELAY_NS);
    assert_true(counter.total_ns >= (uint64_t)CALLS * DELAY_NS);
    hsp_hsa_set_timed(false);
    HSP_HSA(hsa_signal_store_relaxed)((hsa_signal_t){0}, 1);
    assert_int_equal(hsp_counter_get(HSP_HSA_ID_hsa_signal_store_relaxed, &counter), HSP_OK);
    assert_int_equal(counter.count, CALLS);
    unsetenv("FAKE_HSA_DELAY_NS");
}

// What the fake hands to its tool: this program, as it were.
static const struct hsp_api_table *table;

static void the_table_has_this_releases_layout(void **state) {
    (void)state;
    static const char *const names[] = {
#define CORE(name) #name,
#include "hsa/core_slots.def"
#define AMD(name, since) #name,
#include "hsa/amd_slots.def"
    };
    assert_non_null(table);
    assert_int_equal(hsp_amd_layout_of(table->amd_ext), layout - 'A');
    size_t compared = 0;
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        void *function = dlsym(library, names[i]);
        void **slot = hsp_api_table_slot(table, names[i]);
        if (!function)
            continue;
        if (!slot || *slot != function)
            fail_msg("%s has the wrong slot", names[i]);
        compared++;
    }
    assert_true(compared > 40);
}

static int init(void **state) {
    (void)state;
    // The fake reads this variable as ROCr does.
    void *tool = dlopen(getenv("FAKE_HSA_TOOL"), RTLD_NOW);
    if (!tool)
        fail_msg("%s", dlerror());
    const struct hsp_api_table **seen = dlsym(tool, "seen_table");
    assert_non_null(seen);
    setenv("HSA_TOOLS_LIB", getenv("FAKE_HSA_TOOL"), 1);
    assert_int_equal(HSP_HSA_CALL(hsa_init, ()), HSP_OK);
    table = *seen;
    return 0;
}

int main(int argc, char **argv) {
    if (argc != 4)
        return 2;
    library_path = argv[1];
    layout = argv[2][0];
    missing_count = (uint32_t)strtoul(argv[3], NULL, 10);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_library_asked_for_is_loaded),
        cmocka_unit_test(absent_functions_are_listed),
        cmocka_unit_test(functions_are_the_librarys_own),
        cmocka_unit_test(a_call_that_is_absent_fails_by_name),
        cmocka_unit_test(wrappers_count_and_time_what_the_library_spends),
        cmocka_unit_test_setup(the_table_has_this_releases_layout, init),
    };
    return cmocka_run_group_tests_name("fakes", tests, load, NULL);
}
