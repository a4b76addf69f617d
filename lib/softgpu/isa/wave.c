/* SPDX-License-Identifier: MIT */
#include "softgpu/isa/wave.h"

#include <string.h>

#define ONES_4  ~0u, ~0u, ~0u, ~0u
#define ONES_16 ONES_4, ONES_4, ONES_4, ONES_4
_Alignas(64) const uint32_t sg_all_lanes[SG_LANES] = {ONES_16, ONES_16, ONES_16, ONES_16};

#define ROW_4(x)  x, x, x, x
#define ROW_16(x) ROW_4(x), ROW_4(x), ROW_4(x), ROW_4(x)
#define ROW(x)                                                                                     \
    { ROW_16(x), ROW_16(x), ROW_16(x), ROW_16(x) }
#define ROWS_4(x)  ROW(x), ROW((x) + 1), ROW((x) + 2), ROW((x) + 3)
#define ROWS_16(x) ROWS_4(x), ROWS_4((x) + 4), ROWS_4((x) + 8), ROWS_4((x) + 12)
#define MINUS(x)   ROW(0u - (x)), ROW(0u - (x)-1), ROW(0u - (x)-2), ROW(0u - (x)-3)
_Alignas(64) const uint32_t sg_constant_rows[SG_CONSTANT_ROWS][SG_LANES] = {
    ROWS_16(0u), ROWS_16(16u), ROWS_16(32u), ROWS_16(48u), ROW(64u),
    MINUS(1u),   MINUS(5u),    MINUS(9u),    MINUS(13u)};

static const float float_constants[] = {0.5f, -0.5f, 1.0f, -1.0f, 2.0f, -2.0f, 4.0f, -4.0f};

static void fill_constants(uint32_t *s) {
    for (uint32_t i = 0; i <= 64; i++)
        s[SG_CONST_0 + i] = i;
    for (uint32_t i = 1; i <= 16; i++)
        s[192 + i] = 0u - i;
    memcpy(&s[240], float_constants, sizeof float_constants);
    s[248] = 0x3e22f983; // 1 / (2 pi)
}

void sg_wave_init(struct sg_wave *w) {
    memset(w, 0, sizeof *w);
    fill_constants(w->s);
    sg_wave_reset(w);
}

void sg_wave_reset(struct sg_wave *w) {
    memset(w->s, 0, SG_CONST_0 * sizeof w->s[0]);
    w->s[SG_SCC] = 0;
    memset(w->mask, 0, sizeof w->mask);
    w->mask_exec = 0;
    w->mode = SG_MODE_DEFAULT;
    w->trapsts = 0;
    w->status = 0;
    w->state = SG_WAVE_RUNNING;
    w->yield = SG_YIELD_NONE;
    w->fault.cause = SG_FAULT_NONE;
}

const uint32_t *sg_wave_mask_refresh(struct sg_wave *w) {
    uint64_t exec = sg_wave_exec(w);
    for (uint32_t lane = 0; lane < SG_LANES; lane++)
        w->mask[lane] = 0u - (uint32_t)(exec >> lane & 1);
    w->mask_exec = exec;
    return w->mask;
}
