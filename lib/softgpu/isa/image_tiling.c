/* SPDX-License-Identifier: MIT */
#include "softgpu/isa/image_tiling.h"

#include <string.h>

enum {
    PIPE_INTERLEAVE_LOG2 = 8,
    PIPES_LOG2 = 4, ///< all shader engines' together
    BANKS_LOG2 = 4,
    ORDER_BITS = 28, ///< enough for the sources of every XOR
};

/* Coordinate bits above the texel's bytes, lowest address bit first, up to 256 bytes (flat) or
 * 1 KiB (solid); by texel size 1, 2, 4, 8, 16. Kinds are those of SW_MODE's two low bits. */
enum kind { KIND_Z, KIND_S, KIND_D, KIND_R };
static const char *const flat_orders[4][5] = {
    [KIND_Z] = {"x0y0x1y1x2y2", "x0y0x1y1x2", "x0y0x1y1", "x0y0x1", "x0y0"},
    [KIND_S] = {"x0x1x2x3y0y1y2y3", "x0x1x2y0y1y2x3", "x0x1y0y1y2x2", "x0y0y1x1x2", "y0y1x0x1"},
    [KIND_D] = {"x0x1x2y1y0y2x3y3", "x0x1x2y0y1y2x3", "x0x1y0x2y1y2", "x0y0x1x2y1", "x0y0x1y1"},
    [KIND_R] = {"y0y1y2x1x0x2x3y3", "y0y1y2x0x1x2x3", "y0y1x0y2x1x2", "y0x0y1x1x2", NULL},
};
static const char *const solid_orders[2][5] = {
    [KIND_Z] = {"x0y0x1y1z0z1x2z2y2x3", "x0y0x1y1z0z1z2y2x2", "x0y0x1z0y1z1y2x2", "x0y0z0x1z1y1x2",
                "x0y0z0z1y1x1"},
    [KIND_S] = {"x0x1x2x3y0y1z0z1z2y2", "x0x1x2y0y1z0z1z2y2", "x0x1y0y1z0z1y2x2", "x0y0y1z0z1x1x2",
                "y0y1z0z1x0x1"},
};

/* The coordinate bit behind each address bit before XORs. */
struct order {
    uint32_t length;
    struct {
        uint8_t axis;
        uint8_t index;
    } bit[ORDER_BITS];
    uint32_t used[3]; ///< coordinate bits of each axis so far
};

static void append(struct order *order, uint32_t axis, uint32_t index) {
    order->bit[order->length].axis = (uint8_t)axis;
    order->bit[order->length].index = (uint8_t)index;
    order->length++;
    order->used[axis]++;
}

/* Beyond the smallest tile, axes take turns by address bit. */
static void complete(struct order *order, enum kind kind, bool is_solid, uint32_t texel_log2) {
    static const uint8_t solid_axes[] = {0, 2, 1};
    while (order->length < ORDER_BITS) {
        uint32_t n = order->length, axis = is_solid ? solid_axes[n % 3] : (n & 1) ^ 1;
        if (kind == KIND_Z && !is_solid && texel_log2 == 4) // 16 bytes: x and y just alternate
            axis ^= 1;
        append(order, axis, order->used[axis]);
    }
}

static void order_init(struct order *order, const char *text, uint32_t texel_log2) {
    memset(order, 0, sizeof *order);
    order->length = texel_log2; // bytes of a texel: no coordinate
    for (; *text; text += 2)
        append(order, (uint32_t)(text[0] - 'x'), (uint32_t)(text[1] - '0'));
}

/* ---- XOR ---- */

static void flip(struct sg_tiling *tiling, const struct order *order, uint32_t source,
                 uint32_t target, bool inside_only) {
    if (!inside_only || source < tiling->block_log2)
        tiling->bit[order->bit[source].axis][order->bit[source].index] ^= 1u << target;
}

/* `count` address bits from `start` are XORed with those above them, in reverse order. */
static void fold(struct sg_tiling *tiling, const struct order *order, uint32_t start,
                 uint32_t count, bool is_solid, bool inside_only) {
    for (uint32_t i = 0; i < count; i++) {
        if (is_solid) {
            flip(tiling, order, start + 3 * count - 1 - 2 * i, start + i, inside_only);
            flip(tiling, order, start + 3 * count - 2 - 2 * i, start + i, inside_only);
        } else {
            flip(tiling, order, start + 2 * count - 1 - i, start + i, inside_only);
        }
    }
}

/* Flat slices are spread as well: the slice's bits, reversed. */
static void spread_slices(struct sg_tiling *tiling, uint32_t start, uint32_t count,
                          uint32_t first_bit) {
    for (uint32_t i = 0; i < count; i++)
        tiling->bit[2][first_bit + count - 1 - i] ^= 1u << (start + i);
}

static void add_xors(struct sg_tiling *tiling, const struct order *order, bool is_solid,
                     bool inside_only) {
    uint32_t room = tiling->block_log2 - PIPE_INTERLEAVE_LOG2;
    uint32_t pipes = room < PIPES_LOG2 ? room : PIPES_LOG2;
    uint32_t banks = room - pipes < BANKS_LOG2 ? room - pipes : BANKS_LOG2;
    uint32_t bank_start = PIPE_INTERLEAVE_LOG2 + pipes;
    fold(tiling, order, PIPE_INTERLEAVE_LOG2, pipes, is_solid, inside_only);
    fold(tiling, order, bank_start, banks, is_solid, inside_only);
    if (!is_solid && !inside_only) {
        spread_slices(tiling, PIPE_INTERLEAVE_LOG2, pipes, 0);
        spread_slices(tiling, bank_start, banks, pipes);
    }
}

/* ---- modes ---- */

static uint32_t block_log2_of(uint32_t sw_mode) {
    if (sw_mode < 4)
        return 8;
    return sw_mode < 8 || (sw_mode >= 20 && sw_mode < 24) ? 12 : 16;
}

bool sg_tiling_init(struct sg_tiling *tiling, uint32_t sw_mode, bool is_3d, uint32_t texel_bytes) {
    struct order order;
    enum kind kind = (enum kind)(sw_mode & 3);
    bool is_solid = is_3d && kind <= KIND_S, is_prt = sw_mode >= 16 && sw_mode < 20;
    uint32_t texel_log2 = (uint32_t)__builtin_ctz(texel_bytes);
    memset(tiling, 0, sizeof *tiling);
    tiling->texel_bytes = texel_bytes;
    tiling->is_linear = sw_mode == SG_SW_LINEAR;
    if (tiling->is_linear)
        return true;
    if ((sw_mode >= 12 && sw_mode < 16) || sw_mode >= 28 || texel_bytes & (texel_bytes - 1))
        return false;
    if (is_3d && (sw_mode < 4 || kind == KIND_R)) // not of volumes
        return false;
    if (is_3d && kind == KIND_D) // their slices are flat, in the standard order
        kind = KIND_S;
    const char *text = is_solid ? solid_orders[kind][texel_log2] : flat_orders[kind][texel_log2];
    if (!text)
        return false;
    order_init(&order, text, texel_log2);
    complete(&order, kind, is_solid, texel_log2);
    tiling->block_log2 = block_log2_of(sw_mode);
    for (uint32_t i = texel_log2; i < tiling->block_log2; i++) {
        tiling->bit[order.bit[i].axis][order.bit[i].index] = 1u << i;
        tiling->dim_log2[order.bit[i].axis]++;
    }
    tiling->is_xor = sw_mode >= 16;
    if (tiling->is_xor)
        add_xors(tiling, &order, is_solid, is_prt);
    return true;
}

uint64_t sg_tiling_address(const struct sg_tiling *tiling, uint64_t base, uint32_t pitch,
                           uint32_t height, const uint32_t at[3]) {
    if (tiling->is_linear)
        return base + (((uint64_t)at[2] * height + at[1]) * pitch + at[0]) * tiling->texel_bytes;
    const uint32_t *log2 = tiling->dim_log2;
    uint64_t row_blocks = pitch >> log2[0];
    uint64_t slice_blocks = row_blocks * ((height + (1u << log2[1]) - 1) >> log2[1]);
    uint64_t block =
        (at[2] >> log2[2]) * slice_blocks + (at[1] >> log2[1]) * row_blocks + (at[0] >> log2[0]);
    uint32_t offset = 0;
    for (uint32_t axis = 0; axis < 3; axis++)
        for (uint32_t left = at[axis] & 0xffff; left; left &= left - 1)
            offset ^= tiling->bit[axis][__builtin_ctz(left)];
    uint64_t inside = tiling->is_xor ? base & (((uint64_t)1 << tiling->block_log2) - 1) : 0;
    return base - inside + (block << tiling->block_log2) + (offset ^ inside);
}
