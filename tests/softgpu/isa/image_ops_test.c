/* SPDX-License-Identifier: MIT */
/// Image and typed buffer instructions on linear images: what comes and goes is worked out by hand
/// from the manual's definitions of formats, selects, masks and filters.
#include "assemble.h"
#include "program.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

enum { WIDTH = 16, HEIGHT = 8, PITCH = 64, IMAGE = 8, SAMPLER = 16, BUFFER = 20 };
enum { F8 = 1, F16 = 2, F32 = 4, F8888 = 10, F32_32 = 11, F16_16_16_16 = 12, F32X4 = 14 };
enum { UNORM = 0, SNORM = 1, UINT = 4, SINT = 5, FLOAT = 7 };
enum { SEL_0 = 0, SEL_1 = 1, SEL_X = 4, SEL_Y, SEL_Z, SEL_W };
enum { XYZW = SEL_X | SEL_Y << 3 | SEL_Z << 6 | SEL_W << 9 };
enum { TYPE_2D = 9, TYPE_3D = 10, TYPE_2D_ARRAY = 13 };

static struct sg_wave *w;

/* v0 and v1: x = lane % 16, y = lane / 16; v2: 0. */
static void begin(uint32_t format, uint32_t number, uint32_t select, uint32_t type,
                  uint32_t depth) {
    const uint32_t words[8] = {(uint32_t)(BENCH_DATA_VA >> 8),
                               (uint32_t)(BENCH_DATA_VA >> 40) | format << 20 | number << 26,
                               (WIDTH - 1) | (HEIGHT - 1) << 14, select | type << 28,
                               (depth - 1) | (PITCH - 1) << 13};
    const uint32_t buffer[] = {(uint32_t)BENCH_DATA_VA, (uint32_t)(BENCH_DATA_VA >> 32),
                               BENCH_DATA_BYTES, XYZW};
    w = &bench->wave;
    bench_reset(bench);
    memset(bench->data, 0, BENCH_DATA_BYTES);
    memcpy(&w->s[IMAGE], words, sizeof words);
    memcpy(&w->s[BUFFER], buffer, sizeof buffer);
    for (uint32_t lane = 0; lane < SG_LANES; lane++) {
        w->v[0][lane] = lane % WIDTH;
        w->v[1][lane] = lane / WIDTH;
    }
}

static uint8_t *texel(uint32_t x, uint32_t y, uint32_t z, uint32_t bytes) {
    return bench->data + ((z * HEIGHT + y) * PITCH + x) * bytes;
}

static float as_float(uint32_t bits) {
    float f;
    memcpy(&f, &bits, sizeof f);
    return f;
}
static uint32_t bits_of(float f) {
    uint32_t bits;
    memcpy(&bits, &f, sizeof bits);
    return bits;
}

/* ---- loads and stores ---- */

static void components_are_masked_and_selected(void **state) {
    static const uint8_t color[] = {0, 51, 255, 128};
    (void)state;
    begin(F8888, UNORM, XYZW, TYPE_2D, 1);
    memcpy(texel(3, 2, 0, 4), color, 4);
    run_text("image_load v[4:7], v[0:1], s[8:15] dmask:0xf unorm\n"
             "image_load v[8:9], v[0:1], s[8:15] dmask:0xa unorm");
    const uint32_t lane = 2 * WIDTH + 3;
    const float wanted[] = {0, 0.2f, 1, 128 / 255.0f, 0.2f, 128 / 255.0f};
    for (uint32_t i = 0; i < 6; i++) {
        assert_float_equal(as_float(w->v[4 + i][lane]), wanted[i], 1e-7f);
        assert_int_equal(w->v[4 + i][lane + 1], 0);
    }
    begin(F8888, UNORM, SEL_Z | SEL_1 << 3 | SEL_0 << 6 | SEL_X << 9, TYPE_2D, 1);
    memcpy(texel(3, 2, 0, 4), color, 4);
    run_text("image_load v[4:7], v[0:1], s[8:15] dmask:0xf unorm");
    const float turned[] = {1, 1, 0, 0};
    for (uint32_t i = 0; i < 4; i++)
        assert_float_equal(as_float(w->v[4 + i][lane]), turned[i], 0);
}

static void halves_and_raw_dwords(void **state) {
    static const uint8_t color[] = {0, 51, 255, 128};
    (void)state;
    begin(F8888, UNORM, XYZW, TYPE_2D, 1);
    memcpy(texel(3, 2, 0, 4), color, 4);
    run_text("image_load v[4:5], v[0:1], s[8:15] dmask:0xf unorm d16\n"
             "image_load_pck v6, v[0:1], s[8:15] dmask:0x1 unorm\n"
             "s_waitcnt vmcnt(0)\nv_add_u32 v1, 1, v1\n"
             "image_store v[4:5], v[0:1], s[8:15] dmask:0xf unorm d16\nv_add_u32 v1, 4, v1\n"
             "image_store_pck v6, v[0:1], s[8:15] dmask:0x1 unorm");
    const uint32_t lane = 2 * WIDTH + 3;
    assert_int_equal(w->v[4][lane], 0x32660000); // 0 and 0.2
    assert_int_equal(w->v[5][lane], 0x38043c00); // 1 and 128 / 255
    assert_int_equal(w->v[6][lane], 0x80ff3300);
    assert_memory_equal(texel(3, 3, 0, 4), color, 4);
    assert_memory_equal(texel(3, 7, 0, 4), color, 4);
    begin(F8, UINT, XYZW, TYPE_2D, 1);
    *texel(5, 1, 0, 1) = 0x85;
    run_text("image_load_pck_sgn v4, v[0:1], s[8:15] dmask:0x1 unorm\n"
             "image_load v5, v[0:1], s[8:15] dmask:0x1 unorm");
    assert_int_equal(w->v[4][WIDTH + 5], 0xffffff85);
    assert_int_equal(w->v[5][WIDTH + 5], 0x85);
    begin(F16, SINT, XYZW, TYPE_2D, 1);
    memcpy(texel(5, 1, 0, 2), "\x01\x80", 2);
    run_text("image_load v4, v[0:1], s[8:15] dmask:0x1 unorm");
    assert_int_equal(w->v[4][WIDTH + 5], 0xffff8001);
}

static void layers_volumes_and_the_outside(void **state) {
    (void)state;
    for (uint32_t type = TYPE_3D; type <= TYPE_2D_ARRAY; type += TYPE_2D_ARRAY - TYPE_3D) {
        const bool is_array = type == TYPE_2D_ARRAY;
        begin(F32_32, UINT, XYZW, type, 3);
        for (uint32_t lane = 0; lane < SG_LANES; lane++) {
            w->v[2][lane] = lane % 5; // 3 and 4: outside
            w->v[4][lane] = 100 + lane;
            w->v[5][lane] = 200 + lane;
        }
        w->v[0][7] = WIDTH;      // outside
        w->v[1][9] = UINT32_MAX; // outside
        run_text(is_array ? "image_store v[4:5], v[0:2], s[8:15] dmask:0x3 unorm da\n"
                            "image_load v[6:7], v[0:2], s[8:15] dmask:0x3 unorm da"
                          : "image_store v[4:5], v[0:2], s[8:15] dmask:0x3 unorm\n"
                            "image_load v[6:7], v[0:2], s[8:15] dmask:0x3 unorm");
        uint32_t set = 0;
        for (uint32_t lane = 0; lane < SG_LANES; lane++) {
            const bool inside = lane % 5 < 3 && lane != 7 && lane != 9;
            const uint32_t wanted[] = {inside ? 100 + lane : 0, inside ? 200 + lane : 0};
            assert_int_equal(w->v[6][lane], wanted[0]);
            assert_int_equal(w->v[7][lane], wanted[1]);
            if (inside)
                assert_memory_equal(texel(lane % WIDTH, lane / WIDTH, lane % 5, 8), wanted, 8);
            set += inside;
        }
        for (uint32_t i = 0; i < BENCH_DATA_BYTES / 8; i++)
            set -= bench->data[8 * i] != 0;
        assert_int_equal(set, 0); // nothing else was written
    }
}

static void one_level_and_its_sizes(void **state) {
    (void)state;
    begin(F32, UINT, XYZW, TYPE_3D, 5);
    memset(texel(2, 0, 0, 4), 0x11, 4);
    for (uint32_t lane = 0; lane < SG_LANES; lane++) {
        w->v[0][lane] = 2;
        w->v[1][lane] = 0;
        w->v[3][lane] = lane % 2; // the level
    }
    run_text("image_load_mip v4, v[0:3], s[8:15] dmask:0x1 unorm\n"
             "image_get_resinfo v[8:11], v3, s[8:15] dmask:0xf");
    const uint32_t sizes[] = {WIDTH, HEIGHT, 5, 1};
    assert_int_equal(w->v[4][0], 0x11111111);
    assert_int_equal(w->v[4][1], 0);
    for (uint32_t i = 0; i < 4; i++)
        assert_int_equal(w->v[8 + i][0], sizes[i]);
    assert_int_equal(w->v[8][1], 0); // there is no such level
}

/* ---- atomics ---- */

struct operation {
    const char *name;
    uint32_t before, data, after;
};

static void atomics(void **state) {
    static const struct operation operations[] = {
        {"swap", 5, 9, 9},
        {"add", 0xffffffff, 3, 2},
        {"sub", 5, 9, 0xfffffffc},
        {"smin", 0xfffffff0, 9, 0xfffffff0},
        {"umin", 0xfffffff0, 9, 9},
        {"smax", 0xfffffff0, 9, 9},
        {"umax", 0xfffffff0, 9, 0xfffffff0},
        {"and", 0xf0f0, 0xff00, 0xf000},
        {"or", 0xf0f0, 0xff00, 0xfff0},
        {"xor", 0xf0f0, 0xff00, 0x0ff0},
        {"inc", 7, 7, 0},
        {"inc", 7, 8, 8},
        {"dec", 0, 8, 8},
        {"dec", 9, 8, 8},
        {"dec", 3, 8, 2},
    };
    (void)state;
    for (size_t i = 0; i < sizeof operations / sizeof *operations; i++) {
        char text[256];
        begin(F32, UINT, XYZW, TYPE_2D, 1);
        for (uint32_t lane = 0; lane < SG_LANES; lane++) {
            memcpy(texel(lane % WIDTH, lane / WIDTH, 0, 4), &operations[i].before, 4);
            w->v[4][lane] = w->v[5][lane] = operations[i].data;
        }
        snprintf(text, sizeof text,
                 "image_atomic_%s v4, v[0:1], s[8:15] dmask:0x1 unorm glc\n"
                 "v_add_u32 v1, 4, v1\nimage_atomic_%s v5, v[0:1], s[8:15] dmask:0x1 unorm",
                 operations[i].name, operations[i].name);
        run_text(text);
        for (uint32_t lane = 0; lane < SG_LANES; lane++) {
            assert_int_equal(w->v[4][lane], operations[i].before);
            assert_int_equal(w->v[5][lane], operations[i].data); // not returned
            assert_memory_equal(texel(lane % WIDTH, lane / WIDTH, 0, 4), &operations[i].after, 4);
        }
    }
}

static void wide_atomics_and_compares(void **state) {
    const uint64_t before = 0x1ffffffff, sum = 0x300000000;
    uint64_t seen;
    (void)state;
    begin(F32_32, UINT, XYZW, TYPE_2D, 1);
    for (uint32_t lane = 0; lane < SG_LANES; lane++) {
        memcpy(texel(lane % WIDTH, lane / WIDTH, 0, 8), &before, 8);
        w->v[4][lane] = w->v[5][lane] = 1; // adds 2^32 + 1
        w->v[8][lane] = lane;              // the new value
        w->v[9][lane] = 0;
        w->v[10][lane] = lane % 2 ? 0 : 7; // the old one: right in odd lanes
        w->v[11][lane] = 3;
    }
    run_text("image_atomic_add v[4:5], v[0:1], s[8:15] dmask:0x3 unorm glc\n"
             "image_atomic_cmpswap v[8:11], v[0:1], s[8:15] dmask:0xf unorm glc");
    for (uint32_t lane = 0; lane < SG_LANES; lane++) {
        assert_int_equal(w->v[4][lane], 0xffffffff);
        assert_int_equal(w->v[5][lane], 1);
        assert_int_equal(w->v[8][lane], 0);
        assert_int_equal(w->v[9][lane], 3);
        memcpy(&seen, texel(lane % WIDTH, lane / WIDTH, 0, 8), 8);
        assert_true(seen == (lane % 2 ? lane : sum));
    }
    begin(F32, UINT, XYZW, TYPE_2D, 1);
    for (uint32_t lane = 0; lane < SG_LANES; lane++)
        w->v[4][lane] = 50 + lane, w->v[5][lane] = lane % 2;
    w->v[0][6] = 1000; // outside
    run_text("image_atomic_cmpswap v[4:5], v[0:1], s[8:15] dmask:0x3 unorm glc");
    for (uint32_t lane = 0; lane < SG_LANES; lane++) {
        uint32_t now;
        memcpy(&now, texel(lane % WIDTH, lane / WIDTH, 0, 4), 4);
        assert_int_equal(w->v[4][lane], 0);
        assert_int_equal(now, lane % 2 || lane == 6 ? 0 : 50 + lane);
    }
}

/* ---- samples ---- */

enum { CLAMP_WRAP, CLAMP_MIRROR, CLAMP_LAST, CLAMP_BORDER = 6, LINEAR = 1 };

/* x in texels of a row that is 0, 10, 20, ... 150; the border is 0. */
static float sample(float x, uint32_t clamp, uint32_t filter, bool normalised) {
    begin(F32, FLOAT, XYZW, TYPE_2D, 1);
    for (uint32_t i = 0; i < WIDTH; i++)
        for (uint32_t y = 0; y < HEIGHT; y++) {
            float value = 10.0f * (float)i;
            memcpy(texel(i, y, 0, 4), &value, 4);
        }
    w->s[SAMPLER] = clamp | clamp << 3 | clamp << 6 | (normalised ? 0u : 1u << 15);
    w->s[SAMPLER + 2] = filter << 20 | filter << 22;
    for (uint32_t lane = 0; lane < SG_LANES; lane++) {
        w->v[0][lane] = bits_of(normalised ? x / WIDTH : x);
        w->v[1][lane] = bits_of(normalised ? 0.5f : 3.5f);
    }
    run_text("image_sample v4, v[0:1], s[8:15], s[16:19] dmask:0x1");
    for (uint32_t lane = 1; lane < SG_LANES; lane++)
        assert_int_equal(w->v[4][lane], w->v[4][0]);
    return as_float(w->v[4][0]);
}

static void filters_and_address_modes(void **state) {
    (void)state;
    assert_float_equal(sample(3.5f, CLAMP_LAST, 0, false), 30, 0);
    assert_float_equal(sample(3.99f, CLAMP_LAST, 0, false), 30, 0);
    assert_float_equal(sample(3.5f, CLAMP_LAST, LINEAR, false), 30, 0);
    assert_float_equal(sample(4.0f, CLAMP_LAST, LINEAR, false), 35, 0);
    assert_float_equal(sample(4.25f, CLAMP_LAST, LINEAR, true), 37.5f, 0);
    assert_float_equal(sample(-3, CLAMP_LAST, LINEAR, false), 0, 0);
    assert_float_equal(sample(99, CLAMP_LAST, 0, true), 150, 0);
    assert_float_equal(sample(18.5f, CLAMP_WRAP, 0, true), 20, 0);
    assert_float_equal(sample(-0.5f, CLAMP_WRAP, 0, true), 150, 0);
    assert_float_equal(sample(16.0f, CLAMP_WRAP, LINEAR, true), 75, 0); // between 150 and 0
    assert_float_equal(sample(17.5f, CLAMP_MIRROR, 0, true), 140, 0);
    assert_float_equal(sample(-1.5f, CLAMP_MIRROR, 0, true), 10, 0);
    assert_float_equal(sample(16.5f, CLAMP_BORDER, 0, false), 0, 0);
    assert_float_equal(sample(16.0f, CLAMP_BORDER, LINEAR, false), 75, 0); // half of 150
}

/* ---- typed buffers ---- */

static void typed_buffers(void **state) {
    (void)state;
    begin(F32, UINT, XYZW, TYPE_2D, 1);
    for (uint32_t lane = 0; lane < SG_LANES; lane++) {
        w->v[0][lane] = lane * 8;
        w->v[4][lane] = bits_of(0.2f);
        w->v[5][lane] = bits_of(-1);
        w->v[6][lane] = bits_of(2); // saturates
        w->v[7][lane] = bits_of(1);
        w->v[8][lane] = 0x32660000; // halves: 0, 0.2, 1, -0.5
        w->v[9][lane] = 0xb8003c00;
    }
    run_text("tbuffer_store_format_xyzw v[4:7], v0, s[20:23], 0 "
             "format:[BUF_DATA_FORMAT_8_8_8_8,BUF_NUM_FORMAT_UNORM] offen\n"
             "tbuffer_store_format_d16_xy v8, v0, s[20:23], 0 "
             "format:[BUF_DATA_FORMAT_16_16,BUF_NUM_FORMAT_SNORM] offen offset:4\n"
             "tbuffer_load_format_xyzw v[10:13], v0, s[20:23], 0 "
             "format:[BUF_DATA_FORMAT_8_8_8_8,BUF_NUM_FORMAT_UNORM] offen\n"
             "tbuffer_load_format_d16_xy v14, v0, s[20:23], 0 "
             "format:[BUF_DATA_FORMAT_16_16,BUF_NUM_FORMAT_SNORM] offen offset:4\n"
             "v_add_u32 v0, 0x1000, v0\n"
             "tbuffer_store_format_d16_xyzw v[8:9], v0, s[20:23], 0 "
             "format:[BUF_DATA_FORMAT_16_16_16_16,BUF_NUM_FORMAT_FLOAT] offen");
    static const uint8_t bytes[] = {51, 0, 255, 255, 0, 0, 0x98, 0x19}; // 0.2 of a half * 32767
    static const uint16_t halves[] = {0, 0x3266, 0x3c00, 0xb800};
    static const float loaded[] = {0.2f, 0, 1, 1};
    for (uint32_t lane = 0; lane < SG_LANES; lane++) {
        assert_memory_equal(bench->data + 8 * lane, bytes, 8);
        assert_memory_equal(bench->data + 0x1000 + 8 * lane, halves, 8);
        for (uint32_t i = 0; i < 4; i++)
            assert_float_equal(as_float(w->v[10 + i][lane]), loaded[i], 1e-7f);
        assert_int_equal(w->v[14][lane], 0x32660000);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(components_are_masked_and_selected),
        cmocka_unit_test(halves_and_raw_dwords),
        cmocka_unit_test(layers_volumes_and_the_outside),
        cmocka_unit_test(one_level_and_its_sizes),
        cmocka_unit_test(atomics),
        cmocka_unit_test(wide_atomics_and_compares),
        cmocka_unit_test(filters_and_address_modes),
        cmocka_unit_test(typed_buffers),
    };
    return cmocka_run_group_tests(tests, program_set_up, program_tear_down);
}
