/* SPDX-License-Identifier: MIT */
// Compressed offload bundles of every version and method are read like uncompressed ones. Their
// bytes are made here after the layout that clang's documentation and source give.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include <zlib.h>
#include <zstd.h>

#include <hsaprobe/code_object.h>

#include "fixture.h"

enum { ZLIB, ZSTD };

static struct fixture_bytes elf, bundle;

static int make_bundle(void **state) {
    (void)state;
    elf = fixture_read("kernels-v4-xnack-off.o");
    const struct fixture_entry entries[] = {
        {"host-x86_64-unknown-linux--", {0}},
        {"hipv4-amdgcn-amd-amdhsa--gfx90a:xnack-", elf},
    };
    bundle = fixture_bundle(entries, 2, 4096);
    return 0;
}

static int free_bundle(void **state) {
    (void)state;
    free(elf.data);
    free(bundle.data);
    return 0;
}

static void put(unsigned char **cursor, uint64_t value, size_t bytes) {
    memcpy(*cursor, &value, bytes);
    *cursor += bytes;
}

// `claimed` is what the header says the unpacked size is.
static struct fixture_bytes pack(struct fixture_bytes plain, int version, int method,
                                 uint64_t claimed) {
    const size_t bound = ZSTD_compressBound(plain.size) + compressBound(plain.size);
    struct fixture_bytes packed = {malloc(32 + bound), 0};
    assert_non_null(packed.data);
    const size_t header = version == 1 ? 20 : version == 2 ? 24 : 32;
    uLongf zlib_bytes = bound;
    size_t length;
    if (method == ZLIB) {
        assert_int_equal(compress(packed.data + header, &zlib_bytes, plain.data, plain.size), Z_OK);
        length = zlib_bytes;
    } else {
        length = ZSTD_compress(packed.data + header, bound, plain.data, plain.size, 3);
        assert_false(ZSTD_isError(length));
    }
    packed.size = header + length;
    unsigned char *cursor = packed.data;
    memcpy(cursor, "CCOB", 4);
    cursor += 4;
    put(&cursor, (uint64_t)version, 2);
    put(&cursor, (uint64_t)method, 2);
    if (version > 1)
        put(&cursor, packed.size, version == 2 ? 4 : 8);
    put(&cursor, claimed, version == 3 ? 8 : 4);
    put(&cursor, 0x0123456789abcdef, 8);
    assert_ptr_equal(cursor, packed.data + header);
    return packed;
}

static struct hsp_code_object *open_bytes(struct fixture_bytes bytes) {
    struct hsp_code_object *object = NULL;
    if (hsp_code_object_open_memory(bytes.data, bytes.size, "packed", &object) != HSP_OK)
        fail_msg("%s", hsp_last_error());
    return object;
}

static void check_image(const struct hsp_image *image, uint32_t bundle_index) {
    assert_string_equal(image->isa, "amdgcn-amd-amdhsa--gfx90a:xnack-");
    assert_string_equal(image->kind, "hipv4");
    assert_int_equal(image->bundle_index, bundle_index);
    assert_int_equal(image->size, elf.size);
    assert_memory_equal(image->bytes, elf.data, elf.size);
}

static void every_version_and_method_is_read(void **state) {
    (void)state;
    for (int version = 1; version <= 3; version++)
        for (int method = ZLIB; method <= ZSTD; method++) {
            struct fixture_bytes packed = pack(bundle, version, method, bundle.size);
            struct hsp_code_object *object = open_bytes(packed);
            free(packed.data);
            assert_int_equal(hsp_code_object_container(object), HSP_CONTAINER_BUNDLE);
            assert_int_equal(hsp_code_object_image_count(object), 1);
            const struct hsp_image *image = hsp_code_object_image(object, 0);
            check_image(image, 0);
            assert_true(image->is_packed);
            assert_int_equal(image->offset, 4096);
            size_t kernels = 0;
            assert_int_equal(hsp_code_object_kernel_count(object, 0, &kernels), HSP_OK);
            assert_true(kernels > 0);
            hsp_code_object_close(object);
        }
}

// Version 1 doesn't say where it ends: what was consumed does.
static void several_bundles_follow_one_another(void **state) {
    (void)state;
    for (int version = 1; version <= 3; version++)
        for (int method = ZLIB; method <= ZSTD; method++) {
            struct fixture_bytes packed = pack(bundle, version, method, bundle.size);
            struct fixture_bytes two = fixture_concat(packed, packed, 4096);
            struct fixture_bytes three = fixture_concat(two, bundle, 4096);
            struct hsp_code_object *object = open_bytes(three);
            assert_int_equal(hsp_code_object_image_count(object), 3);
            for (uint32_t i = 0; i < 3; i++) {
                check_image(hsp_code_object_image(object, i), i);
                assert_int_equal(hsp_code_object_image(object, i)->is_packed, i < 2);
            }
            hsp_code_object_close(object);
            free(packed.data);
            free(two.data);
            free(three.data);
        }
}

static void refuse(struct fixture_bytes bytes, hsp_status expected, const char *words) {
    struct hsp_code_object *object = NULL;
    assert_int_equal(hsp_code_object_open_memory(bytes.data, bytes.size, "packed", &object),
                     expected);
    if (!strstr(hsp_last_error(), words))
        fail_msg("'%s' is not in: %s", words, hsp_last_error());
    assert_null(object);
}

static void sizes_that_lie_are_refused(void **state) {
    (void)state;
    for (int version = 1; version <= 3; version++)
        for (int method = ZLIB; method <= ZSTD; method++) {
            struct fixture_bytes more = pack(bundle, version, method, bundle.size + 1);
            refuse(more, HSP_ERROR_FORMAT, "less than its header says");
            free(more.data);
            struct fixture_bytes less = pack(bundle, version, method, bundle.size - 1);
            refuse(less, HSP_ERROR_FORMAT, "more than its header says");
            free(less.data);
            struct fixture_bytes none = pack(bundle, version, method, 0);
            refuse(none, HSP_ERROR_FORMAT, "more than its header says");
            free(none.data);
        }
    struct fixture_bytes huge = pack(bundle, 3, ZSTD, (uint64_t)1 << 62);
    refuse(huge, HSP_ERROR_FORMAT, "more than 4 GiB");
    const uint64_t beyond = huge.size + 1;
    memcpy(huge.data + 8, &beyond, sizeof(beyond));
    refuse(huge, HSP_ERROR_FORMAT, "beyond the end");
    const uint64_t tiny = 31;
    memcpy(huge.data + 8, &tiny, sizeof(tiny));
    refuse(huge, HSP_ERROR_FORMAT, "smaller than its header");
    free(huge.data);
}

static void little_that_becomes_much_is_refused(void **state) {
    (void)state;
    struct fixture_bytes zeros = {calloc(1, 16 << 20), 16 << 20};
    assert_non_null(zeros.data);
    struct fixture_bytes bomb = pack(zeros, 2, ZSTD, zeros.size);
    refuse(bomb, HSP_ERROR_FORMAT, "more than 1032 times its size");
    free(bomb.data);
    free(zeros.data);
}

static void unknown_versions_and_methods_are_named(void **state) {
    (void)state;
    struct fixture_bytes packed = pack(bundle, 2, ZSTD, bundle.size);
    packed.data[4] = 9;
    refuse(packed, HSP_ERROR_NOT_SUPPORTED, "version 9: expected 1 to 3");
    packed.data[4] = 2;
    packed.data[6] = 7;
    refuse(packed, HSP_ERROR_NOT_SUPPORTED, "method 7");
    free(packed.data);
    refuse((struct fixture_bytes){(unsigned char *)"CCOB\x02\0\0", 7}, HSP_ERROR_FORMAT, "cut off");
    refuse((struct fixture_bytes){(unsigned char *)"CCOB\x02\0\0\0", 8}, HSP_ERROR_FORMAT,
           "cut off");
}

static void data_that_is_cut_or_damaged_is_refused(void **state) {
    (void)state;
    for (int method = ZLIB; method <= ZSTD; method++) {
        struct fixture_bytes packed = pack(bundle, 1, method, bundle.size);
        struct fixture_bytes cut = packed;
        for (cut.size = 20; cut.size < packed.size; cut.size += 97)
            refuse(cut, HSP_ERROR_FORMAT, "malformed");
        packed.data[packed.size / 2] ^= 0x55;
        refuse(packed, HSP_ERROR_FORMAT, "malformed");
        free(packed.data);
        struct fixture_bytes text = {(unsigned char *)strdup("no bundle at all, just text"), 27};
        struct fixture_bytes other = pack(text, 2, method, 27);
        refuse(other, HSP_ERROR_FORMAT, "no offload bundle");
        free(text.data);
        free(other.data);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_version_and_method_is_read),
        cmocka_unit_test(several_bundles_follow_one_another),
        cmocka_unit_test(sizes_that_lie_are_refused),
        cmocka_unit_test(little_that_becomes_much_is_refused),
        cmocka_unit_test(unknown_versions_and_methods_are_named),
        cmocka_unit_test(data_that_is_cut_or_damaged_is_refused),
    };
    return cmocka_run_group_tests_name("unpack", tests, make_bundle, free_bundle);
}
