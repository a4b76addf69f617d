/* SPDX-License-Identifier: MIT */
/* Sources and results of vector ops that are not plain registers: scalars, neg/abs, op_sel, SDWA,
 * DPP, clamp, omod. Compiled once per interpreter level. */
#include "softgpu/isa/valu.h"

static bool is_f32(enum sg_type type) {
    return type == SG_T_f32 || type == SG_T_b32; // v_mov and v_cndmask take float modifiers
}

static bool is_f16(enum sg_type type) {
    return type == SG_T_f16 || type == SG_T_f16p || type == SG_T_b16; // b16: v_pack_b32_f16
}

static bool is_16bit(enum sg_type type) {
    return is_f16(type) || type == SG_T_u16 || type == SG_T_i16 || type == SG_T_u16p ||
           type == SG_T_i16p;
}

/* The inline float constants as halves. */
static uint32_t constant16(uint32_t code, uint32_t word) {
    static const uint16_t halves[] = {0x3800, 0xb800, 0x3c00, 0xbc00, 0x4000,
                                      0xc000, 0x4400, 0xc400, 0x3118};
    return code >= 240 && code <= 248 ? halves[code - 240] : word;
}

static void fill(uint32_t *row, uint32_t value) {
    SG_LANE_LOOP {
        row[i] = value;
    }
}

const uint32_t *SG_V(sg_vx_broadcast)(struct sg_wave *w, const struct sg_op *op, uint32_t n,
                                      enum sg_type type) {
    uint32_t *rows = w->tmp[2 * n];
    uint32_t code = op->src[n];
    if (sg_type_dwords(type) == 1) {
        uint32_t value = sg_scalar32(w, op, n);
        bool half = is_16bit(type) || type == SG_T_pk16;
        fill(rows, half ? constant16(code, value) : value);
        return rows;
    }
    if (type == SG_T_b128) { // only v_mqsad_u32_u8 takes four registers from here
        for (uint32_t k = 0; k < 2; k++)
            fill(rows + k * SG_LANES, w->s[code + k]);
        return rows;
    }
    uint64_t value = sg_scalar64(w, op, n, type);
    if (type == SG_T_pkf32 && code >= 240 && code != SG_LITERAL)
        value = w->s[code]; // one float, in the low word
    fill(rows, (uint32_t)value);
    fill(rows + SG_LANES, (uint32_t)(value >> 32));
    return rows;
}

/* ---- SDWA ---- */

enum { SDWA_BYTE_3 = 3, SDWA_WORD_0 = 4, SDWA_WORD_1 = 5, SDWA_DWORD = 6 };

static void sdwa_select(uint32_t *to, const uint32_t *from, uint32_t select, bool sign) {
    uint32_t bits = select <= SDWA_BYTE_3 ? 8 : 16;
    uint32_t shift = select <= SDWA_BYTE_3 ? select * 8 : (select - SDWA_WORD_0) * 16;
    if (select >= SDWA_DWORD) {
        bits = 32;
        shift = 0;
    }
    uint32_t up = 32 - bits;
    SG_LANE_LOOP {
        uint32_t top = from[i] >> shift << up;
        to[i] = sign ? (uint32_t)((int32_t)top >> up) : top >> up;
    }
}

/* ---- DPP ---- */

/* One loop per kind of DPP_CTRL, each of which the compiler vectorizes. */
#define DPP_SOURCES(...)                                                                           \
    SG_LANE_LOOP {                                                                                 \
        int32_t lane = (int32_t)i, row = lane & ~15, in_row = lane & 15;                           \
        (void)row, (void)in_row;                                                                   \
        source[i] = (__VA_ARGS__);                                                                 \
    }                                                                                              \
    return

/* The lanes that the lanes read under DPP_CTRL; below 0: none. */
static void dpp_sources(uint32_t ctrl, int32_t *source) {
    const int32_t n = (int32_t)ctrl & 15;
    if (ctrl <= 0xff) {
        DPP_SOURCES((lane & ~3) | ((int32_t)ctrl >> (lane & 3) * 2 & 3));
    }
    switch (ctrl & ~15u) {
    case 0x100: // row_shl
        DPP_SOURCES(in_row + n <= 15 ? lane + n : -1);
    case 0x110: // row_shr
        DPP_SOURCES(in_row >= n ? lane - n : -1);
    case 0x120: // row_ror
        DPP_SOURCES(row | ((in_row - n) & 15));
    default:
        break;
    }
    switch (ctrl) {
    case 0x130: // wave_shl
        DPP_SOURCES(lane < 63 ? lane + 1 : -1);
    case 0x134: // wave_rol
        DPP_SOURCES((lane + 1) & 63);
    case 0x138: // wave_shr
        DPP_SOURCES(lane - 1);
    case 0x13c: // wave_ror
        DPP_SOURCES((lane - 1) & 63);
    case 0x140: // row_mirror
        DPP_SOURCES(row | (15 - in_row));
    case 0x141: // row_half_mirror
        DPP_SOURCES((lane & ~7) | (7 - (lane & 7)));
    case 0x142: // row_bcast15
        DPP_SOURCES(lane >= 16 ? row - 1 : -1);
    case 0x143: // row_bcast31
        DPP_SOURCES(lane >= 32 ? 31 : -1);
    default: // row_newbcast
        DPP_SOURCES(row | n);
    }
}

/* Lanes of the rows and banks that the masks name. */
static uint64_t dpp_enabled(uint32_t bank_mask, uint32_t row_mask) {
    uint64_t lanes = 0;
    uint64_t banks = 0;
    for (uint32_t bank = 0; bank < 4; bank++)
        banks |= (bank_mask >> bank & 1) * (UINT64_C(0xf) << 4 * bank);
    for (uint32_t row = 0; row < 4; row++)
        lanes |= (row_mask >> row & 1) * (banks << 16 * row);
    return lanes;
}

/* Permutes `rows` rows of source 0; returns the lanes that may be written. A lane that reads
 * outside, or from a lane that EXEC disables, gets 0 with BOUND_CTRL and keeps its old value
 * without. */
static uint64_t dpp_permute(uint32_t *to, const uint32_t *from, uint32_t rows, uint32_t word,
                            uint64_t exec) {
    _Alignas(64) int32_t source[SG_LANES];
    _Alignas(64) uint32_t valid[SG_LANES];
    const bool bound_zero = word >> 19 & 1;
    dpp_sources(word >> 8 & 0x1ff, source);
    SG_LANE_LOOP {
        uint64_t active = exec >> (source[i] & 63) & 1;
        valid[i] = source[i] >= 0 && active ? ~0u : 0;
    }
    for (uint32_t row = 0; row < rows; row++, to += SG_LANES, from += SG_LANES)
        for (uint32_t i = 0; i < SG_LANES; i++)
            to[i] = from[source[i] & 63] & valid[i];
    const uint64_t readable = bound_zero ? UINT64_MAX : sg_mask_pack(valid);
    return dpp_enabled(word >> 24 & 15, word >> 28) & readable & exec;
}

/* ---- all together ---- */

/* neg and abs of a floating source: on its sign bit. */
static void sign_modify(uint32_t *row, uint32_t sign, bool absolute, bool negate) {
    uint32_t keep = absolute ? ~sign : ~0u, flip = negate ? sign : 0;
    SG_LANE_LOOP {
        row[i] = (row[i] & keep) ^ flip;
    }
}

static void shift_half(uint32_t *row) {
    SG_LANE_LOOP {
        row[i] >>= 16;
    }
}

static void copy_rows(uint32_t *to, const uint32_t *from, uint32_t rows) {
    memcpy(to, from, rows * SG_LANES * sizeof *to);
}

/* OP_SEL, OP_SEL_HI, NEG and NEG_HI of packed halves and of float pairs: to canonical order. */
static void pack_halves(uint32_t *rows, const uint32_t *from, uint32_t mods, uint32_t n) {
    uint32_t low = mods & SG_MOD_OPSEL0 << n ? 16 : 0, high = mods & SG_MOD_OPSEL_HI0 << n ? 16 : 0;
    uint32_t flip =
        (mods & SG_MOD_NEG0 << n ? 0x8000u : 0) | (mods & SG_MOD_ABS0 << n ? 0x80000000u : 0);
    SG_LANE_LOOP {
        uint32_t x = from[i];
        rows[i] = ((x >> low & 0xffff) | x >> high << 16) ^ flip;
    }
}

static void pack_floats(uint32_t *rows, const uint32_t *from, uint32_t mods, uint32_t n) {
    const uint32_t *low = from + (mods & SG_MOD_OPSEL0 << n ? SG_LANES : 0);
    const uint32_t *high = from + (mods & SG_MOD_OPSEL_HI0 << n ? SG_LANES : 0);
    uint32_t flip_low = mods & SG_MOD_NEG0 << n ? 1u << 31 : 0;
    uint32_t flip_high = mods & SG_MOD_ABS0 << n ? 1u << 31 : 0;
    SG_LANE_LOOP {
        uint32_t a = low[i], b = high[i];
        rows[i] = a ^ flip_low;
        rows[i + SG_LANES] = b ^ flip_high;
    }
}

const uint32_t *SG_V(sg_vx_signed)(struct sg_wave *w, const struct sg_op *op, uint32_t n,
                                   const uint32_t *from, enum sg_type type) {
    const uint32_t keep = op->mods & SG_MOD_ABS0 << n ? ~(1u << 31) : ~0u;
    const uint32_t flip = op->mods & SG_MOD_NEG0 << n ? 1u << 31 : 0;
    uint32_t *rows = w->tmp[2 * n], *signs = rows;
    if (type == SG_T_f64) {
        SG_LANE_LOOP {
            rows[i] = from[i];
        }
        from += SG_LANES;
        signs += SG_LANES;
    }
    SG_LANE_LOOP {
        signs[i] = (from[i] & keep) ^ flip;
    }
    return rows;
}

static void special_source(struct sg_wave *w, const struct sg_op *op, struct sg_vx *x, uint32_t n,
                           enum sg_type type) {
    uint32_t *rows = w->tmp[2 * n];
    uint32_t count = sg_type_dwords(type) > 1 ? 2 : 1;
    const uint32_t *from = sg_vx_source(w, op, n, type);
    x->s[n] = rows;
    if (type == SG_T_pk16 && op->format == SG_FORMAT_VOP3P) {
        pack_halves(rows, from, op->mods, n);
        return;
    }
    if (type == SG_T_pkf32) {
        pack_floats(rows, from, op->mods, n);
        return;
    }
    if ((op->mods & SG_MOD_SDWA) && n < 2)
        sdwa_select(rows, from, op->imm >> (n ? 24 : 16) & 7, op->imm >> (n ? 27 : 19) & 1);
    else if ((op->mods & SG_MOD_DPP) && n == 0)
        x->lanes = dpp_permute(rows, from, count, op->imm, sg_wave_exec(w));
    else if (!(op->mods & (SG_MOD_OPSEL0 | SG_MOD_NEG0 | SG_MOD_ABS0) << n)) {
        x->s[n] = from;
        return;
    } else if (from != rows)
        copy_rows(rows, from, count);
    if (is_16bit(type) && (op->mods & SG_MOD_OPSEL0 << n))
        shift_half(rows);
    bool absolute = (op->mods & SG_MOD_ABS0 << n) != 0 && op->format != SG_FORMAT_VOP3P;
    bool negate = (op->mods & SG_MOD_NEG0 << n) != 0;
    if (!absolute && !negate)
        return;
    if (is_f32(type))
        sign_modify(rows, 1u << 31, absolute, negate);
    else if (is_f16(type))
        sign_modify(rows, 1u << 15, absolute, negate);
    else if (type == SG_T_f64)
        sign_modify(rows + SG_LANES, 1u << 31, absolute, negate);
}

void SG_V(sg_vx_special)(struct sg_wave *w, const struct sg_op *op, struct sg_vx *x,
                         const uint8_t types[4]) {
    x->lanes = sg_wave_exec(w);
    x->mask = sg_all_lanes;
    x->d = w->tmp[SG_TMP_RESULT];
    x->old = types[0] == SG_T_none ? NULL : sg_wave_row(w, op->dst);
    for (uint32_t n = 0; n < 3; n++) {
        x->s[n] = NULL;
        if (types[n + 1] != SG_T_none)
            special_source(w, op, x, n, (enum sg_type)types[n + 1]);
    }
    /* The lane loop blends nothing into the scratch rows, but half-register results keep theirs. */
    if (types[0] == SG_T_u16p || types[0] == SG_T_i16p || types[0] == SG_T_f16p)
        copy_rows(x->d, x->old, sg_type_dwords((enum sg_type)types[0]) > 1 ? 2 : 1);
}

/* Output modifiers work only where MODE has neither IEEE nor denormal results. */
static float omod_factor(const struct sg_wave *w, uint32_t mods, enum sg_type type) {
    static const float factors[] = {1.0f, 2.0f, 4.0f, 0.5f};
    uint32_t denormal_results = type == SG_T_f32 ? 1u << 5 : 1u << 7;
    bool works = (w->mode & (SG_MODE_IEEE | denormal_results)) == 0;
    return works ? factors[(mods & SG_MOD_OMOD) >> SG_MOD_OMOD_SHIFT] : 1.0f;
}

/* They lose the sign of zeros. */
static float scaled(float x, float factor) {
    float r = x * factor;
    return factor == 1.0f ? x : r == 0.0f ? 0.0f : r;
}
static double scaled_f64(double x, float factor) {
    double r = x * (double)factor;
    return factor == 1.0f ? x : r == 0.0 ? 0.0 : r;
}

/* Clamp to [0, 1]; a NaN becomes 0 when MODE.DX10_CLAMP. */
static float clamp_unit(float x, bool nan_to_zero) {
    float r = x > 0.0f ? x : 0.0f;
    r = r < 1.0f ? r : 1.0f;
    return f32_is_nan(x) && !nan_to_zero ? x : r;
}

static double clamp_unit_f64(double x, bool nan_to_zero) {
    double r = x > 0.0 ? x : 0.0;
    r = r < 1.0 ? r : 1.0;
    return f64_is_nan(x) && !nan_to_zero ? x : r;
}

static void output_modify(const struct sg_wave *w, const struct sg_op *op, uint32_t *d,
                          enum sg_type type) {
    float factor = omod_factor(w, op->mods, type);
    bool clamp = SG_CLAMPED(op), dx10 = (w->mode & SG_MODE_DX10_CLAMP) != 0;
    if (type == SG_T_f32) {
        SG_LANE_LOOP {
            float r = scaled(f32_from(d[i]), factor);
            d[i] = f32_bits(clamp ? clamp_unit(r, dx10) : r);
        }
    } else if (is_f16(type)) {
        SG_LANE_LOOP {
            float r = scaled(f16_to_f32(d[i] & 0xffff), factor);
            d[i] = (d[i] & 0xffff0000) | half_bits(clamp ? clamp_unit(r, dx10) : r, w->mode);
        }
    } else if (type == SG_T_f64) {
        SG_LANE_LOOP {
            double r = scaled_f64(SG_LD_f64(d, i), factor);
            uint64_t bits = f64_bits(clamp ? clamp_unit_f64(r, dx10) : r);
            SG_ST_b64(d, i, bits, ~0u);
        }
    }
}

/* SDWA destination: `old` keeps, is zeroed or is sign-filled around the selected part. */
static void sdwa_merge(uint32_t *d, const uint32_t *old, uint32_t word) {
    enum { UNUSED_SEXT = 1, UNUSED_PRESERVE = 2 };
    uint32_t select = word >> 8 & 7, unused = word >> 11 & 3;
    if (select >= SDWA_DWORD)
        return;
    uint32_t bits = select <= SDWA_BYTE_3 ? 8 : 16;
    uint32_t shift = select <= SDWA_BYTE_3 ? select * 8 : (select - SDWA_WORD_0) * 16;
    uint32_t field = ((1u << bits) - 1) << shift;
    uint32_t above = ~(field | ((1u << shift) - 1));
    SG_LANE_LOOP {
        uint32_t part = d[i] << shift & field;
        uint32_t sign = d[i] >> (bits - 1) & 1;
        uint32_t fill_bits = unused == UNUSED_PRESERVE       ? old[i] & ~field
                             : unused == UNUSED_SEXT && sign ? above
                                                             : 0;
        d[i] = part | fill_bits;
    }
}

static void op_sel_merge(uint32_t *d, const uint32_t *old) {
    SG_LANE_LOOP {
        d[i] = d[i] << 16 | (old[i] & 0xffff);
    }
}

void SG_V(sg_vx_end)(struct sg_wave *w, const struct sg_op *op, const struct sg_vx *x,
                     enum sg_type type) {
    uint32_t *d = x->d;
    uint32_t rows = sg_type_dwords(type) > 1 ? 2 : 1;
    uint32_t *mask = w->tmp[SG_TMP_LANES];
    uint32_t *to = sg_wave_row(w, op->dst);
    if (op->mods & (SG_MOD_CLAMP | SG_MOD_OMOD))
        output_modify(w, op, d, type);
    if (op->mods & SG_MOD_SDWA)
        sdwa_merge(d, x->old, op->imm);
    else if (is_16bit(type) && (op->mods & SG_MOD_OPSEL0 << 3))
        op_sel_merge(d, x->old);
    sg_mask_expand(x->lanes, mask);
    for (uint32_t row = 0; row < rows; row++, d += SG_LANES, to += SG_LANES) {
        SG_LANE_LOOP {
            SG_BLEND(to, i, d[i], mask[i]);
        }
    }
}
