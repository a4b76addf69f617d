/* SPDX-License-Identifier: MIT */
// A function is found in the slot where each release of the runtime has it.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "hsa/api_table.h"

#define CORE_SLOTS 125u
#define MOST_SLOTS 80u

// Tables whose slots hold their own number plus one.
struct fixture {
    struct hsp_api_table root;
    struct {
        struct hsp_table_version version;
        void *slots[CORE_SLOTS];
    } core;
    struct {
        struct hsp_table_version version;
        void *slots[MOST_SLOTS];
    } amd;
};

static struct fixture *make(uint32_t amd_slots) {
    static struct fixture f;
    f.core.version.minor_id = 16 + 8 * CORE_SLOTS;
    f.amd.version.minor_id = 16 + 8 * amd_slots;
    for (uintptr_t i = 0; i < CORE_SLOTS; i++)
        f.core.slots[i] = (void *)(i + 1);
    for (uintptr_t i = 0; i < MOST_SLOTS; i++)
        f.amd.slots[i] = (void *)(i + 1);
    f.root.core = (struct hsp_function_table *)(void *)&f.core;
    f.root.amd_ext = (struct hsp_function_table *)(void *)&f.amd;
    return &f;
}

static int amd_index(uint32_t amd_slots, const char *name) {
    const struct fixture *f = make(amd_slots);
    void **slot = hsp_api_table_slot(&f->root, name);
    return slot ? (int)(slot - f->amd.slots) : -1;
}

// Numbers counted in the header of each release.
static void slots_are_where_each_release_has_them(void **state) {
    (void)state;
    static const struct {
        const char *name;
        int in_5_2, in_5_5, in_5_7, in_6_0, in_6_2;
    } cases[] = {
        {"hsa_amd_coherency_get_type", 0, 0, 0, 0, 0},
        {"hsa_amd_memory_async_copy", 15, 15, 15, 15, 15},
        {"hsa_amd_memory_async_copy_on_engine", -1, -1, 16, 16, 16},
        {"hsa_amd_agent_memory_pool_get_info", 16, 16, 18, 18, 18},
        {"hsa_amd_queue_intercept_create", 35, 35, 37, 37, 37},
        {"hsa_amd_queue_intercept_register", 36, 36, 38, 38, 38},
        {"hsa_amd_svm_prefetch_async", 46, 46, 48, 48, 48},
        {"hsa_amd_spm_acquire", -1, 47, 49, 49, 49},
        {"hsa_amd_queue_cu_get_mask", 47, 50, 52, 52, 52},
        {"hsa_amd_portable_close_dmabuf", -1, -1, 54, 54, 54},
        {"hsa_amd_vmem_address_reserve", -1, -1, -1, 55, 55},
        {"hsa_amd_agent_set_async_scratch_limit", -1, -1, -1, -1, 67},
        {"hsa_amd_vmem_address_reserve_align", -1, -1, -1, -1, 69},
        {"hsa_amd_enable_logging", -1, -1, -1, -1, -1},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_int_equal(amd_index(48, cases[i].name), cases[i].in_5_2);
        assert_int_equal(amd_index(51, cases[i].name), cases[i].in_5_5);
        assert_int_equal(amd_index(55, cases[i].name), cases[i].in_5_7);
        assert_int_equal(amd_index(67, cases[i].name), cases[i].in_6_0);
        assert_int_equal(amd_index(70, cases[i].name), cases[i].in_6_2);
    }
}

static void sizes_between_layouts_count_as_the_older(void **state) {
    (void)state;
    assert_int_equal(amd_index(50, "hsa_amd_queue_cu_get_mask"), 47);
    assert_int_equal(amd_index(54, "hsa_amd_queue_cu_get_mask"), 50);
}

static void core_slots_never_moved(void **state) {
    (void)state;
    static const struct {
        const char *name;
        int index;
    } cases[] = {
        {"hsa_init", 0},
        {"hsa_queue_create", 7},
        {"hsa_signal_store_screlease", 42},
        {"hsa_executable_iterate_program_symbols", 124},
    };
    const struct fixture *f = make(48);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        assert_ptr_equal(hsp_api_table_slot(&f->root, cases[i].name),
                         &f->core.slots[cases[i].index]);
}

static void absent_empty_and_unknown_functions_have_no_slot(void **state) {
    (void)state;
    struct fixture *f = make(48);
    assert_null(hsp_api_table_slot(&f->root, "hsa_no_such_function"));
    f->core.slots[7] = NULL;
    assert_null(hsp_api_table_slot(&f->root, "hsa_queue_create"));
    f->core.version.minor_id = 16 + 8 * 42;
    assert_null(hsp_api_table_slot(&f->root, "hsa_signal_store_screlease"));
    f->amd.version.minor_id = 3;
    assert_null(hsp_api_table_slot(&f->root, "hsa_amd_coherency_get_type"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(slots_are_where_each_release_has_them),
        cmocka_unit_test(sizes_between_layouts_count_as_the_older),
        cmocka_unit_test(core_slots_never_moved),
        cmocka_unit_test(absent_empty_and_unknown_functions_have_no_slot),
    };
    return cmocka_run_group_tests_name("api_table", tests, NULL, NULL);
}
