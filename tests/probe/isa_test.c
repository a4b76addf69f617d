/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include <hsaprobe/code_object.h>

#include "probe/isa.h"

#define AGENT "amdgcn-amd-amdhsa--gfx90a:sramecc+:xnack-"

static void compatible_when_processor_and_named_features_agree(void **state) {
    (void)state;
    static const struct {
        const char *image;
        const char *agent;
        bool runs;
    } cases[] = {
        {"amdgcn-amd-amdhsa--gfx90a", AGENT, true},
        {"amdgcn-amd-amdhsa--gfx90a:xnack-", AGENT, true},
        {"amdgcn-amd-amdhsa--gfx90a:sramecc+", AGENT, true},
        {"amdgcn-amd-amdhsa--gfx90a:sramecc+:xnack-", AGENT, true},
        {"amdgcn-amd-amdhsa--gfx90a:xnack-:sramecc+", AGENT, true},
        {"amdgcn-amd-amdhsa--gfx90a:xnack+", AGENT, false},
        {"amdgcn-amd-amdhsa--gfx90a:sramecc-", AGENT, false},
        {"amdgcn-amd-amdhsa--gfx90a:sramecc-:xnack-", AGENT, false},
        {"amdgcn-amd-amdhsa--gfx906", AGENT, false},
        {"amdgcn-amd-amdhsa--gfx90", AGENT, false},
        {"amdgcn-amd-amdhsa--gfx90ab", AGENT, false},
        {"gfx90a", AGENT, true},
        {"amdgcn-amd-amdhsa--gfx90a", "gfx90a", true},
        // An agent that doesn't say how a feature is set has not got it.
        {"amdgcn-amd-amdhsa--gfx90a:xnack-", "amdgcn-amd-amdhsa--gfx90a", false},
        {"", AGENT, false},
        {"amdgcn-amd-amdhsa--gfx9-generic", AGENT, false},
        {"amdgcn-amd-amdhsa--gfx9-generic", "amdgcn-amd-amdhsa--gfx906:sramecc+:xnack-", true},
        {"amdgcn-amd-amdhsa--gfx9-generic:xnack+", "amdgcn-amd-amdhsa--gfx906:xnack-", false},
        {"amdgcn-amd-amdhsa--gfx9-4-generic", "amdgcn-amd-amdhsa--gfx942", true},
        {"amdgcn-amd-amdhsa--gfx9-4-generic", "amdgcn-amd-amdhsa--gfx906", false},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        if (hsp_isa_compatible(cases[i].image, cases[i].agent) != cases[i].runs)
            fail_msg("%s on %s: expected %d", cases[i].image, cases[i].agent, cases[i].runs);
}

static void conflict_names_what_differs(void **state) {
    (void)state;
    assert_null(hsp_isa_conflict("amdgcn-amd-amdhsa--gfx90a", AGENT));
    assert_string_equal(hsp_isa_conflict("gfx906", AGENT), "the processor differs");
    assert_string_equal(hsp_isa_conflict("gfx9-generic", AGENT),
                        "the generic processor doesn't cover it");
    assert_string_equal(hsp_isa_conflict("gfx90a:xnack+", AGENT), "xnack differs");
    assert_string_equal(hsp_isa_conflict("gfx90a:sramecc-", AGENT), "sramecc differs");
}

static void elf_flags_spell_the_target_id(void **state) {
    (void)state;
    static const struct {
        uint32_t flags;
        uint32_t version;
        const char *name; ///< NULL: unknown
    } cases[] = {
        {0x03f, 4, "amdgcn-amd-amdhsa--gfx90a"},
        {0x53f, 4, "amdgcn-amd-amdhsa--gfx90a"},
        {0x63f, 4, "amdgcn-amd-amdhsa--gfx90a:xnack-"},
        {0x73f, 5, "amdgcn-amd-amdhsa--gfx90a:xnack+"},
        {0xe3f, 5, "amdgcn-amd-amdhsa--gfx90a:sramecc+:xnack-"},
        {0xb3f, 4, "amdgcn-amd-amdhsa--gfx90a:sramecc-:xnack+"},
        {0x33f, 3, "amdgcn-amd-amdhsa--gfx90a:sramecc+:xnack+"},
        {0x02f, 3, "amdgcn-amd-amdhsa--gfx906"},
        {0x041, 5, "amdgcn-amd-amdhsa--gfx1100"},
        {0x000, 4, NULL},
        {0x0fe, 4, NULL},
        {0x03f, 2, NULL},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char name[96] = "untouched";
        const bool known = hsp_isa_from_elf(cases[i].flags, cases[i].version, name, sizeof(name));
        assert_int_equal(known, cases[i].name != NULL);
        assert_string_equal(name, cases[i].name ? cases[i].name : "untouched");
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(compatible_when_processor_and_named_features_agree),
        cmocka_unit_test(conflict_names_what_differs),
        cmocka_unit_test(elf_flags_spell_the_target_id),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
