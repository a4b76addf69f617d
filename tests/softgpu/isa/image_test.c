/* SPDX-License-Identifier: MIT */
/// Tilings, against AMD's address library, and texel formats by themselves.
#include "softgpu/isa/image_format.h"
#include "softgpu/isa/image_tiling.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

/* Every texel of one 64 KiB of blocks has bytes of its own. */
static void no_two_texels_share_bytes(void **state) {
    (void)state;
    static uint8_t seen[1 << 16];
    for (uint32_t mode = 1; mode < 28; mode++)
        for (uint32_t solid = 0; solid < 2; solid++)
            for (uint32_t bytes = 1; bytes <= 16; bytes *= 2) {
                struct sg_tiling t;
                if (!sg_tiling_init(&t, mode, solid, bytes))
                    continue;
                uint32_t size[3], at[3];
                memset(seen, 0, sizeof seen);
                for (uint32_t axis = 0; axis < 3; axis++)
                    size[axis] = 1u << t.dim_log2[axis];
                assert_int_equal(size[0] * size[1] * size[2] * bytes, 1u << t.block_log2);
                for (at[2] = 0; at[2] < size[2]; at[2]++)
                    for (at[1] = 0; at[1] < size[1]; at[1]++)
                        for (at[0] = 0; at[0] < size[0]; at[0]++) {
                            uint64_t va = sg_tiling_address(&t, 0, size[0], size[1], at);
                            assert_true(va < 1u << t.block_log2 && va % bytes == 0);
                            assert_int_equal(seen[va]++, 0);
                        }
            }
}

struct tiling_row {
    uint32_t dims, mode, bytes, pitch;
    uint64_t hash;
};
#define TILING(...) {__VA_ARGS__},
static const struct tiling_row tilings[] = {
#include "tilings.def"
};
#undef TILING

static void random_texel(uint32_t *state, const uint32_t size[3], uint32_t at[3]) {
    for (uint32_t axis = 0; axis < 3; axis++) {
        *state = *state * 1664525 + 1013904223;
        at[axis] = (*state >> 8) % size[axis];
    }
}

static void addresses_are_those_of_amds_library(void **state) {
    (void)state;
    static const uint32_t sizes[][3] = {{1000, 1, 3}, {300, 200, 3}, {300, 200, 37}};
    for (size_t i = 0; i < sizeof tilings / sizeof *tilings; i++) {
        const struct tiling_row *row = &tilings[i];
        const uint32_t *size = sizes[row->dims - 1];
        uint64_t hash = 14695981039346656037u;
        uint32_t random = 1, at[3];
        struct sg_tiling tiling;
        assert_true(sg_tiling_init(&tiling, row->mode, row->dims == 3, row->bytes));
        for (uint32_t n = 0; n < 256; n++) {
            random_texel(&random, size, at);
            hash ^= sg_tiling_address(&tiling, 0, row->pitch, size[1], at);
            hash *= 1099511628211u;
        }
        if (hash != row->hash)
            fail_msg("mode %u, %u dimensions, %u bytes", row->mode, row->dims, row->bytes);
    }
}

static void halves_survive_both_ways(void **state) {
    (void)state;
    for (uint32_t half = 0; half < 0x10000; half++)
        if ((half & 0x7fff) <= 0x7c00)
            assert_int_equal(sg_small_float_narrow(sg_small_float_widen(half, 10, true), 10, true),
                             half);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_two_texels_share_bytes),
        cmocka_unit_test(addresses_are_those_of_amds_library),
        cmocka_unit_test(halves_survive_both_ways),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
