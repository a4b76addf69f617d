/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <elf.h>
#include <stdlib.h>
#include <string.h>

#include "fixture.h"
#include "probe/code_object.h"

static void expect(hsp_status status, hsp_status wanted, const char *words) {
    assert_int_equal(status, wanted);
    if (!strstr(hsp_last_error(), words))
        fail_msg("'%s' is not in: %s", words, hsp_last_error());
}

static struct hsp_code_object *open_bytes(const struct fixture_bytes *bytes) {
    struct hsp_code_object *object = NULL;
    if (hsp_code_object_open_memory(bytes->data, bytes->size, "code", &object) != HSP_OK)
        fail_msg("%s", hsp_last_error());
    return object;
}

static void linked_code_passes_and_unlinked_does_not(void **state) {
    (void)state;
    struct hsp_code_object *object = NULL;
    assert_int_equal(hsp_code_object_open_file(fixture_path("descriptor.elf"), &object), HSP_OK);
    assert_int_equal(hsp_image_check(object, 0, 64), HSP_OK);
    hsp_code_object_close(object);
    object = NULL;
    assert_int_equal(hsp_code_object_open_file(fixture_path("kernels-v5.o"), &object), HSP_OK);
    expect(hsp_image_check(object, 0, 64), HSP_ERROR_FORMAT, "is not linked");
    assert_non_null(strstr(hsp_last_hint(), "ld.lld -shared"));
    hsp_code_object_close(object);
}

static void waves_of_32_need_an_agent_that_has_them(void **state) {
    (void)state;
    struct fixture_bytes bytes = fixture_read("descriptor.elf");
    static const char key[] = ".wavefront_size";
    unsigned char *found = memmem(bytes.data, bytes.size, key, sizeof(key) - 1);
    assert_non_null(found);
    assert_int_equal(found[sizeof(key) - 1], 64); // MessagePack's small number
    found[sizeof(key) - 1] = 32;
    struct hsp_code_object *object = open_bytes(&bytes);
    expect(hsp_image_check(object, 0, 64), HSP_ERROR_ISA_MISMATCH,
           "kernel unusual is for waves of 32 work-items, the agent's have 64");
    assert_int_equal(hsp_image_check(object, 0, 32), HSP_OK);
    hsp_code_object_close(object);
    free(bytes.data);
}

static void versions_out_of_range_are_told_apart(void **state) {
    (void)state;
    struct fixture_bytes bytes = fixture_read("descriptor.elf");
    struct hsp_code_object *object = NULL;
    bytes.data[EI_ABIVERSION] = 0;
    expect(hsp_code_object_open_memory(bytes.data, bytes.size, "code", &object),
           HSP_ERROR_NOT_SUPPORTED, "code-object version 2 is older than");
    bytes.data[EI_ABIVERSION] = 5;
    expect(hsp_code_object_open_memory(bytes.data, bytes.size, "code", &object),
           HSP_ERROR_NOT_SUPPORTED, "code-object version 7 is newer than");
    assert_null(object);
    bytes.data[EI_ABIVERSION] = 4;
    object = open_bytes(&bytes);
    assert_int_equal(hsp_code_object_image(object, 0)->version, 6);
    hsp_code_object_close(object);
    free(bytes.data);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(linked_code_passes_and_unlinked_does_not),
        cmocka_unit_test(waves_of_32_need_an_agent_that_has_them),
        cmocka_unit_test(versions_out_of_range_are_told_apart),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
