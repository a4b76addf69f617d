/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <elf.h>
#include <stdlib.h>
#include <string.h>

#include <hsaprobe/disassembly.h>

#include "fixture.h"

static struct hsp_disassembly *disassemble(const char *file, const char *name) {
    struct hsp_code_object *object = NULL;
    const struct hsp_kernel *kernel = NULL;
    struct hsp_disassembly *disassembly = NULL;
    if (hsp_code_object_open_file(fixture_path(file), &object) != HSP_OK ||
        hsp_code_object_find_kernel(object, NULL, name, &kernel) != HSP_OK ||
        hsp_disassembly_create(object, kernel, &disassembly) != HSP_OK)
        fail_msg("%s", hsp_last_error());
    hsp_code_object_close(object); // nothing of it is needed any longer
    return disassembly;
}

// Lines and offsets of descriptor.s.
static void instructions_have_offsets_words_labels_and_lines(void **state) {
    (void)state;
    static const struct {
        const char *text;
        uint32_t offset, byte_count, label, target, line;
    } expected[] = {
        {"s_load_dword s4, s[0:1], 0x10", 0, 8, 0, 0, 8},
        {"s_waitcnt lgkmcnt(0)", 8, 4, 0, 0, 9},
        {"s_sub_u32 s4, s4, 1", 12, 4, 1, 0, 11},
        {"s_cmp_lg_u32 s4, 0", 16, 4, 0, 0, 12},
        {"s_cbranch_scc1 65533", 20, 4, 0, 1, 13},
        {"v_mov_b32_e32 v0, 0x12345678", 24, 8, 0, 0, 14},
        {"s_endpgm", 32, 4, 0, 0, 15},
    };
    struct hsp_disassembly *disassembly = disassemble("descriptor.elf", "unusual");
    const size_t count = sizeof(expected) / sizeof(expected[0]);
    assert_int_equal(hsp_disassembly_count(disassembly), count);
    for (size_t i = 0; i < count; i++) {
        const struct hsp_instruction *got = hsp_disassembly_at(disassembly, i);
        assert_string_equal(got->text, expected[i].text);
        assert_int_equal(got->offset, expected[i].offset);
        assert_int_equal(got->byte_count, expected[i].byte_count);
        assert_int_equal(got->label, expected[i].label);
        assert_int_equal(got->target, expected[i].target);
        assert_int_equal(got->line, expected[i].line);
        assert_non_null(strstr(got->file, "descriptor.s"));
    }
    uint32_t literal;
    memcpy(&literal, (const char *)hsp_disassembly_at(disassembly, 5)->bytes + 4, sizeof(literal));
    assert_int_equal(literal, 0x12345678);
    assert_null(hsp_disassembly_at(disassembly, count));
    hsp_disassembly_destroy(disassembly);
}

// Addresses of an unlinked object begin at 0.
static void only_branches_have_targets(void **state) {
    (void)state;
    struct hsp_disassembly *disassembly = disassemble("kernels-v5.o", "local_sum");
    uint32_t branches = 0;
    for (size_t i = 0; i < hsp_disassembly_count(disassembly); i++) {
        const struct hsp_instruction *instruction = hsp_disassembly_at(disassembly, i);
        const int is_branch = strstr(instruction->text, "branch") != NULL;
        assert_int_equal(instruction->target != 0, is_branch);
        assert_int_equal(instruction->line, 0);
        branches += instruction->target != 0;
    }
    assert_true(branches > 0);
    hsp_disassembly_destroy(disassembly);
}

// comgr would end the process.
static void processors_before_gfx8_are_refused(void **state) {
    (void)state;
    enum { MACH_GFX602 = 0x3a, MACH_GFX701 = 0x23 };
    static const unsigned char processors[] = {MACH_GFX602, MACH_GFX701};
    struct fixture_bytes bytes = fixture_read("descriptor.elf");
    for (size_t i = 0; i < sizeof(processors); i++) {
        struct hsp_code_object *object = NULL;
        const struct hsp_kernel *kernel = NULL;
        struct hsp_disassembly *disassembly = NULL;
        ((Elf64_Ehdr *)(void *)bytes.data)->e_flags = processors[i];
        assert_int_equal(hsp_code_object_open_memory(bytes.data, bytes.size, NULL, &object),
                         HSP_OK);
        assert_int_equal(hsp_code_object_find_kernel(object, NULL, "unusual", &kernel), HSP_OK);
        assert_int_equal(hsp_disassembly_create(object, kernel, &disassembly),
                         HSP_ERROR_NOT_SUPPORTED);
        assert_null(disassembly);
        assert_non_null(strstr(hsp_last_error(), i ? "gfx701" : "gfx602"));
        hsp_code_object_close(object);
    }
    free(bytes.data);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(instructions_have_offsets_words_labels_and_lines),
        cmocka_unit_test(only_branches_have_targets),
        cmocka_unit_test(processors_before_gfx8_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
