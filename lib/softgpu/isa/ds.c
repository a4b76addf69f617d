/* SPDX-License-Identifier: MIT */
/* DS: loads, stores and atomics in the work-group's LDS; compiled once per interpreter level.
 *
 * A work-group is on one thread at a time, so LDS needs no host atomics. Accesses beyond the
 * allocated LDS read 0 and store nothing, as on hardware. */
#include "softgpu/isa/convert.h"
#include "softgpu/isa/ds_address.h"

SG_INLINE bool ds_in_lds(const struct sg_op *op) {
    return !(op->mods & SG_MEM_GDS);
}

SG_INLINE const sg_lane_row *rows_of(const struct sg_wave *w, uint32_t code) {
    return (const sg_lane_row *)sg_wave_row(w, code);
}

/* Loads `bytes` at ADDR + offset into raw rows; lanes outside of LDS get 0. One copy per width. */
SG_INLINE void lds_read(struct sg_wave *w, const struct sg_op *op, uint32_t offset, uint32_t bytes,
                        sg_lane_row *raw) {
    struct sg_place place;
    struct sg_lanes lanes;
    struct sg_near near;
    const uint32_t *address = sg_wave_row(w, op->src[0]);
    if (sg_lds_near(w, address, offset, bytes, &lanes, &near) &&
        sg_near_load_found(&near, &lanes, bytes, raw))
        return;
    uint64_t outside = sg_lds_place(w, address, offset, bytes, &place);
    if (place.exec)
        sg_place_load(&place, bytes, raw);
    for (; outside; outside &= outside - 1)
        for (uint32_t k = 0; k < (bytes + 3) / 4; k++)
            raw[k][sg_first_lane(outside)] = 0;
}

SG_INLINE void lds_write(struct sg_wave *w, const struct sg_op *op, uint32_t offset, uint32_t bytes,
                         const sg_lane_row *rows) {
    struct sg_place place;
    struct sg_lanes lanes;
    struct sg_near near;
    const uint32_t *address = sg_wave_row(w, op->src[0]);
    if (sg_lds_near(w, address, offset, bytes, &lanes, &near) &&
        sg_near_store_found(&near, &lanes, bytes, rows))
        return;
    sg_lds_place(w, address, offset, bytes, &place);
    if (place.exec)
        sg_place_store(&place, bytes, rows);
}

#define MOVE(bytes)                                                                                \
    SG_SHARED void lds_read_##bytes(struct sg_wave *w, const struct sg_op *op, uint32_t offset,    \
                                    sg_lane_row *raw) {                                            \
        lds_read(w, op, offset, bytes, raw);                                                       \
    }                                                                                              \
    SG_SHARED void lds_write_##bytes(struct sg_wave *w, const struct sg_op *op, uint32_t offset,   \
                                     const sg_lane_row *rows) {                                    \
        lds_write(w, op, offset, bytes, rows);                                                     \
    }
MOVE(1)
MOVE(2)
MOVE(4)
MOVE(8)
MOVE(12)
MOVE(16)

#define DS_BEGIN(w, op)                                                                            \
    do {                                                                                           \
        if (!ds_in_lds(op))                                                                        \
            return sg_wave_fault(w, op, SG_FAULT_UNIMPLEMENTED);                                   \
        if (!sg_wave_exec(w))                                                                      \
            SG_NEXT(w, op);                                                                        \
    } while (0)

/* What most accesses are: all lanes, in rows. No call, so that the handlers need no frame; all else
 * is a handler of its own. */
SG_INLINE bool lds_rows(struct sg_wave *w, const struct sg_op *op, uint32_t offset, uint32_t bytes,
                        struct sg_rows *rows) {
    const uint32_t *lo = sg_wave_row(w, op->src[0]);
    return sg_wave_exec(w) == UINT64_MAX && ds_in_lds(op) &&
           sg_rows_find(lo, bytes, w->lds, lo[0] + offset, w->lds_bytes, rows);
}

SG_INLINE bool lds_rows_load(struct sg_wave *w, const struct sg_op *op, uint32_t bytes) {
    struct sg_rows rows;
    if (!lds_rows(w, op, op->imm, bytes, &rows))
        return false;
    sg_rows_load(&rows, bytes, (sg_lane_row *)sg_wave_row(w, op->dst));
    return true;
}

SG_INLINE bool lds_rows_store(struct sg_wave *w, const struct sg_op *op) {
    struct sg_rows rows;
    if (!lds_rows(w, op, op->imm, 4, &rows) || rows.is_single)
        return false;
    sg_rows_store(&rows, rows_of(w, op->src[1]));
    return true;
}

/* Both places are known before the address, which may be among the destinations, is overwritten. */
SG_INLINE bool lds_rows_load2(struct sg_wave *w, const struct sg_op *op, uint32_t bytes,
                              uint32_t unit) {
    struct sg_rows first, second;
    sg_lane_row *dst = (sg_lane_row *)sg_wave_row(w, op->dst);
    if (!lds_rows(w, op, (op->imm & 255) * unit, bytes, &first) ||
        !lds_rows(w, op, (op->imm >> 8) * unit, bytes, &second))
        return false;
    sg_rows_load(&first, bytes, dst);
    sg_rows_load(&second, bytes, &dst[bytes / 4]);
    return true;
}

/* Ends the handler of a simple access and begins that of any other. */
#define DS_SIMPLE(name, simple)                                                                    \
    static sg_handler any_##name;                                                                  \
    SG_HANDLER(name) {                                                                             \
        if (!(simple))                                                                             \
            SG_TAIL(any_##name, w, op);                                                            \
        SG_NEXT(w, op);                                                                            \
    }                                                                                              \
    static __attribute__((noinline))                                                               \
    const struct sg_op *any_##name(struct sg_wave *w, const struct sg_op *op)

#define DS_READ(name, opcode, bytes, how, type)                                                    \
    DS_SIMPLE(name, CONVERT_##how == CONVERT_U && (bytes) >= 4 && lds_rows_load(w, op, bytes)) {   \
        DS_BEGIN(w, op);                                                                           \
        sg_lane_row *dst = (sg_lane_row *)sg_wave_row(w, op->dst);                                 \
        bool direct = CONVERT_##how == CONVERT_U && sg_wave_exec(w) == UINT64_MAX;                 \
        sg_lane_row *raw = direct ? dst : w->tmp;                                                  \
        lds_read_##bytes(w, op, op->imm, raw);                                                     \
        if (!direct)                                                                               \
            write_back(dst, raw, sg_wave_mask(w), (bytes + 3) / 4, CONVERT_##how);                 \
        SG_NEXT(w, op);                                                                            \
    }
#define DS_WRITE(name, opcode, bytes, shift, type)                                                 \
    DS_SIMPLE(name, (bytes) == 4 && lds_rows_store(w, op)) {                                       \
        DS_BEGIN(w, op);                                                                           \
        const sg_lane_row *rows = rows_of(w, op->src[1]);                                          \
        if (shift) {                                                                               \
            for (uint32_t i = 0; i < SG_LANES; i++)                                                \
                w->tmp[0][i] = rows[0][i] >> (shift);                                              \
            rows = w->tmp;                                                                         \
        }                                                                                          \
        lds_write_##bytes(w, op, op->imm, rows);                                                   \
        SG_NEXT(w, op);                                                                            \
    }
/* The two offsets count units of their own. Both elements are read before the address, which may
 * be among the destinations, is overwritten. */
#define DS_READ2(name, opcode, bytes, unit, type)                                                  \
    DS_SIMPLE(name, lds_rows_load2(w, op, bytes, unit)) {                                          \
        DS_BEGIN(w, op);                                                                           \
        lds_read_##bytes(w, op, (op->imm & 255) * (unit), w->tmp);                                 \
        lds_read_##bytes(w, op, (op->imm >> 8) * (unit), &w->tmp[(bytes) / 4]);                    \
        write_back((sg_lane_row *)sg_wave_row(w, op->dst), w->tmp, sg_wave_mask(w), (bytes) / 2,   \
                   CONVERT_U);                                                                     \
        SG_NEXT(w, op);                                                                            \
    }
#define DS_WRITE2(name, opcode, bytes, unit, type)                                                 \
    SG_HANDLER(name) {                                                                             \
        DS_BEGIN(w, op);                                                                           \
        lds_write_##bytes(w, op, (op->imm & 255) * (unit), rows_of(w, op->src[1]));                \
        lds_write_##bytes(w, op, (op->imm >> 8) * (unit), rows_of(w, op->src[2]));                 \
        SG_NEXT(w, op);                                                                            \
    }
#define DS_ATOMIC(...)
#define DS_ATOMIC_RTN(...)
#define DS_FUNCTION(...)
#include "softgpu/isa/ds.def"
#undef DS_READ
#undef DS_WRITE
#undef DS_READ2
#undef DS_WRITE2
#undef DS_ATOMIC
#undef DS_ATOMIC_RTN

/* Atomics: the lanes in order; a misaligned one faults. */
#define ATOMIC_BEGIN(w, op, bytes)                                                                 \
    struct sg_lds_lanes at;                                                                        \
    DS_BEGIN(w, op);                                                                               \
    if (!sg_lds_lanes(w, op, op->imm, bytes, &at))                                                 \
    return NULL

#define WORD_u32 uint32_t
#define WORD_i32 uint32_t
#define WORD_b32 uint32_t
#define WORD_f32 uint32_t
#define WORD_u64 uint64_t
#define WORD_i64 uint64_t
#define WORD_b64 uint64_t
#define WORD_f64 uint64_t

SG_INLINE uint64_t take(const sg_lane_row *rows, uint32_t lane, uint32_t bytes) {
    return bytes == 4 ? rows[0][lane] : (uint64_t)rows[1][lane] << 32 | rows[0][lane];
}

SG_INLINE void give(sg_lane_row *rows, uint32_t lane, uint32_t bytes, uint64_t value) {
    rows[0][lane] = (uint32_t)value;
    if (bytes == 8)
        rows[1][lane] = (uint32_t)(value >> 32);
}

/* update_<name>: all lanes; `rtn` is a constant. Lanes outside of LDS return 0. */
#define UPDATE(name, type, operands, ...)                                                          \
    SG_INLINE SG_C_##type lane_##name(SG_C_##type OLD, SG_C_##type S, SG_C_##type S2) {            \
        SG_C_##type D;                                                                             \
        (void)OLD, (void)S2;                                                                       \
        __VA_ARGS__;                                                                               \
        return D;                                                                                  \
    }                                                                                              \
    SG_INLINE void update_##name(struct sg_wave *w, const struct sg_op *op,                        \
                                 const struct sg_lds_lanes *at, bool rtn) {                        \
        union word {                                                                               \
            WORD_##type bits;                                                                      \
            SG_C_##type value;                                                                     \
        };                                                                                         \
        enum { bytes = sizeof(union word) };                                                       \
        const sg_lane_row *data = rows_of(w, op->src[1]);                                          \
        const sg_lane_row *data2 = operands == 2 ? rows_of(w, op->src[2]) : data;                  \
        for (uint64_t left = sg_wave_exec(w); left; left &= left - 1) {                            \
            uint32_t lane = sg_first_lane(left);                                                   \
            union word old = {.bits = 0};                                                          \
            if (at->inside >> lane & 1) {                                                          \
                union word s = {.bits = (WORD_##type)take(data, lane, bytes)};                     \
                union word s2 = {.bits = (WORD_##type)take(data2, lane, bytes)};                   \
                uint8_t *host = w->lds + at->offset[lane];                                         \
                memcpy(&old, host, bytes);                                                         \
                union word d = {.value = lane_##name(old.value, s.value, s2.value)};               \
                memcpy(host, &d, bytes);                                                           \
            }                                                                                      \
            if (rtn)                                                                               \
                give((sg_lane_row *)sg_wave_row(w, op->dst), lane, bytes, old.bits);               \
        }                                                                                          \
    }
#define ATOMIC_HANDLER(name, update, type, rtn)                                                    \
    SG_HANDLER(name) {                                                                             \
        ATOMIC_BEGIN(w, op, sizeof(WORD_##type));                                                  \
        sg_f64_mode(w, SG_T_##type == SG_T_f64);                                                   \
        update_##update(w, op, &at, rtn);                                                          \
        sg_f32_mode(w, SG_T_##type == SG_T_f64);                                                   \
        SG_NEXT(w, op);                                                                            \
    }
#define DS_ATOMIC(stem, type, opcode, operands, ...)                                               \
    UPDATE(stem##_##type, type, operands, __VA_ARGS__)                                             \
    ATOMIC_HANDLER(ds_##stem##_##type, stem##_##type, type, false)                                 \
    ATOMIC_HANDLER(ds_##stem##_rtn_##type, stem##_##type, type, true)
#define DS_ATOMIC_RTN(name, opcode, type, operands, ...)                                           \
    UPDATE(name, type, operands, __VA_ARGS__)                                                      \
    ATOMIC_HANDLER(name, name, type, true)
#define DS_READ(...)
#define DS_WRITE(...)
#define DS_READ2(...)
#define DS_WRITE2(...)
#include "softgpu/isa/ds.def"
#undef DS_READ
#undef DS_WRITE
#undef DS_READ2
#undef DS_WRITE2
#undef DS_ATOMIC
#undef DS_ATOMIC_RTN
#undef DS_FUNCTION

/* Two exchanges by one address; a lane's first is done before its second. */
SG_INLINE const struct sg_op *exchange2(struct sg_wave *w, const struct sg_op *op, uint32_t bytes,
                                        uint32_t unit) {
    struct sg_lds_lanes at[2];
    for (uint32_t n = 0; n < 2; n++)
        if (!sg_lds_lanes(w, op, (op->imm >> (8 * n) & 255) * unit, bytes, &at[n]))
            return NULL;
    sg_lane_row *dst = (sg_lane_row *)sg_wave_row(w, op->dst);
    for (uint64_t left = sg_wave_exec(w); left; left &= left - 1) {
        uint32_t lane = sg_first_lane(left);
        uint64_t old[2] = {0, 0};
        for (uint32_t n = 0; n < 2; n++) {
            uint64_t value = take(rows_of(w, op->src[1 + n]), lane, bytes);
            if (!(at[n].inside >> lane & 1))
                continue;
            memcpy(&old[n], w->lds + at[n].offset[lane], bytes);
            memcpy(w->lds + at[n].offset[lane], &value, bytes);
        }
        for (uint32_t n = 0; n < 2; n++)
            give(&dst[n * bytes / 4], lane, bytes, old[n]);
    }
    return op;
}

#define EXCHANGE2(name, bytes, unit)                                                               \
    SG_HANDLER(name) {                                                                             \
        DS_BEGIN(w, op);                                                                           \
        if (!exchange2(w, op, bytes, unit))                                                        \
            return NULL;                                                                           \
        SG_NEXT(w, op);                                                                            \
    }
EXCHANGE2(ds_wrxchg2_rtn_b32, 4, 4)
EXCHANGE2(ds_wrxchg2st64_rtn_b32, 4, 256)
EXCHANGE2(ds_wrxchg2_rtn_b64, 8, 8)
EXCHANGE2(ds_wrxchg2st64_rtn_b64, 8, 512)

/* Each half of the data whose top bit is set replaces its dword, without that bit. */
SG_HANDLER(ds_condxchg32_rtn_b64) {
    DS_BEGIN(w, op);
    const uint32_t *address = sg_wave_row(w, op->src[0]);
    const sg_lane_row *data = rows_of(w, op->src[1]);
    sg_lane_row *dst = (sg_lane_row *)sg_wave_row(w, op->dst);
    for (uint64_t left = sg_wave_exec(w); left; left &= left - 1) {
        uint32_t lane = sg_first_lane(left);
        uint32_t at = (address[lane] + op->imm) & 0xfff8;
        uint32_t wanted[2] = {data[0][lane], data[1][lane]};
        uint32_t old[2] = {0, 0};
        for (uint32_t n = 0; n < 2 && at + 8 <= w->lds_bytes; n++) {
            old[n] = sg_load32(w->lds + at + 4 * n);
            if (wanted[n] >> 31)
                sg_store32(w->lds + at + 4 * n, wanted[n] & 0x7fffffff);
        }
        dst[0][lane] = old[0];
        dst[1][lane] = old[1];
    }
    SG_NEXT(w, op);
}

/* A counter for the whole wave at M0 + offset: adds or takes away the number of active lanes. */
SG_INLINE const struct sg_op *count_lanes(struct sg_wave *w, const struct sg_op *op, bool append) {
    uint32_t at = (w->s[SG_M0] & 0xffff) + op->imm;
    uint32_t old = 0;
    if (at + 4 <= w->lds_bytes) {
        uint32_t lanes = (uint32_t)__builtin_popcountll(sg_wave_exec(w));
        old = sg_load32(w->lds + at);
        sg_store32(w->lds + at, append ? old + lanes : old - lanes);
    }
    uint32_t *dst = sg_wave_row(w, op->dst);
    const uint32_t *mask = sg_wave_mask(w);
    for (uint32_t i = 0; i < SG_LANES; i++)
        dst[i] = (dst[i] & ~mask[i]) | (old & mask[i]);
    return op;
}

SG_HANDLER(ds_append) {
    DS_BEGIN(w, op);
    count_lanes(w, op, true);
    SG_NEXT(w, op);
}

SG_HANDLER(ds_consume) {
    DS_BEGIN(w, op);
    count_lanes(w, op, false);
    SG_NEXT(w, op);
}

/* Lane i's dword at M0 + offset + 4 * i. */
SG_HANDLER(ds_read_addtid_b32) {
    DS_BEGIN(w, op);
    uint32_t start = (w->s[SG_M0] & 0xffff) + op->imm;
    uint32_t *dst = sg_wave_row(w, op->dst);
    for (uint64_t left = sg_wave_exec(w); left; left &= left - 1) {
        uint32_t lane = sg_first_lane(left);
        uint32_t at = start + 4 * lane;
        dst[lane] = at + 4 <= w->lds_bytes ? sg_load32(w->lds + at) : 0;
    }
    SG_NEXT(w, op);
}

SG_HANDLER(ds_write_addtid_b32) {
    DS_BEGIN(w, op);
    uint32_t start = (w->s[SG_M0] & 0xffff) + op->imm;
    const uint32_t *row = sg_wave_row(w, op->src[1]);
    for (uint64_t left = sg_wave_exec(w); left; left &= left - 1) {
        uint32_t lane = sg_first_lane(left);
        uint32_t at = start + 4 * lane;
        if (at + 4 <= w->lds_bytes)
            sg_store32(w->lds + at, row[lane]);
    }
    SG_NEXT(w, op);
}

/* Cross-lane: lane index[i] % 64 of the row. */
SG_INLINE void take_lanes(uint32_t *to, const uint32_t *row, const uint32_t *index) {
#if defined(__AVX512F__)
    const __m512i a = _mm512_loadu_si512(row), b = _mm512_loadu_si512(row + 16);
    const __m512i c = _mm512_loadu_si512(row + 32), d = _mm512_loadu_si512(row + 48);
    for (uint32_t i = 0; i < SG_LANES; i += 16) {
        __m512i from = _mm512_loadu_si512(index + i); // of which permutes take five bits
        __mmask16 is_high = _mm512_test_epi32_mask(from, _mm512_set1_epi32(32));
        __m512i low = _mm512_permutex2var_epi32(a, from, b);
        __m512i high = _mm512_permutex2var_epi32(c, from, d);
        _mm512_storeu_si512(to + i, _mm512_mask_mov_epi32(low, is_high, high));
    }
#else
    for (uint32_t i = 0; i < SG_LANES; i++)
        to[i] = row[index[i] % SG_LANES];
#endif
}

/* Disabled sources read as 0. */
SG_INLINE void permute_in(struct sg_wave *w, const struct sg_op *op, const uint32_t *row,
                          const uint32_t *from) {
    uint32_t *dst = sg_wave_row(w, op->dst);
    const uint32_t *mask = sg_wave_mask(w);
    uint32_t *active = w->tmp[1], *moved = w->tmp[0];
    for (uint32_t i = 0; i < SG_LANES; i++)
        active[i] = row[i] & mask[i];
    take_lanes(moved, active, from);
    for (uint32_t i = 0; i < SG_LANES; i++)
        dst[i] = (dst[i] & ~mask[i]) | (moved[i] & mask[i]);
}

SG_HANDLER(ds_bpermute_b32) {
    const uint32_t *address = sg_wave_row(w, op->src[0]);
    uint32_t from[SG_LANES];
    for (uint32_t i = 0; i < SG_LANES; i++)
        from[i] = (address[i] + op->imm) / 4;
    permute_in(w, op, sg_wave_row(w, op->src[1]), from);
    SG_NEXT(w, op);
}

/* Pushes instead of pulls: the highest lane wins, lanes that nobody addresses get 0. */
SG_HANDLER(ds_permute_b32) {
    const uint32_t *address = sg_wave_row(w, op->src[0]);
    const uint32_t *row = sg_wave_row(w, op->src[1]);
    const uint32_t *mask = sg_wave_mask(w);
    uint32_t *dst = sg_wave_row(w, op->dst);
    uint32_t moved[SG_LANES] = {0};
    for (uint64_t left = sg_wave_exec(w); left; left &= left - 1) {
        uint32_t lane = sg_first_lane(left);
        moved[(address[lane] + op->imm) / 4 % SG_LANES] = row[lane];
    }
    for (uint32_t i = 0; i < SG_LANES; i++)
        dst[i] = (dst[i] & ~mask[i]) | (moved[i] & mask[i]);
    SG_NEXT(w, op);
}

SG_HANDLER(ds_swizzle_b32) {
    uint32_t from[SG_LANES];
    for (uint32_t i = 0; i < SG_LANES; i++)
        from[i] = sg_swizzle_source(op->imm, i);
    permute_in(w, op, sg_wave_row(w, op->src[0]), from);
    SG_NEXT(w, op);
}

SG_HANDLER(ds_nop) {
    SG_NEXT(w, op);
}

/* Carried out by the compute unit; see enum sg_gws_op. */
SG_INLINE const struct sg_op *gws(struct sg_wave *w, const struct sg_op *op, enum sg_gws_op what,
                                  bool has_value) {
    uint64_t exec = sg_wave_exec(w);
    w->gws_op = what;
    w->gws_id = (op->imm + (w->s[SG_M0] >> 16 & 63)) & 63;
    w->gws_value = has_value && exec ? sg_wave_row(w, op->src[0])[sg_first_lane(exec)] : 0;
    return sg_wave_stop(w, op + op->len, SG_WAVE_GWS);
}

#define GWS(name, what, has_value)                                                                 \
    SG_HANDLER(name) {                                                                             \
        return gws(w, op, what, has_value);                                                        \
    }
GWS(ds_gws_init, SG_GWS_INIT, true)
GWS(ds_gws_barrier, SG_GWS_BARRIER, true)
GWS(ds_gws_sema_br, SG_GWS_SEMA_BR, true)
GWS(ds_gws_sema_v, SG_GWS_SEMA_V, false)
GWS(ds_gws_sema_p, SG_GWS_SEMA_P, false)
GWS(ds_gws_sema_release_all, SG_GWS_SEMA_RELEASE_ALL, false)

/* The table: rows are {destination, address, data, data2}. */
#define OPERAND2_1(type) none
#define OPERAND2_2(type) type
#define DS_ROW(name, opcode, tD, t0, t1, t2)                                                       \
    SG_ROW(name, opcode, handle_##name, SG_DS_OFFSET, tD, t0, t1, t2)
#define DS_READ(name, opcode, bytes, how, type)    DS_ROW(name, opcode, type, b32, none, none)
#define DS_WRITE(name, opcode, bytes, shift, type) DS_ROW(name, opcode, none, b32, type, none)
#define DS_READ2(name, opcode, bytes, unit, type)                                                  \
    SG_ROW(name, opcode, handle_##name, SG_DS_TWO_OFFSETS, type, b32, none, none)
#define DS_WRITE2(name, opcode, bytes, unit, type)                                                 \
    SG_ROW(name, opcode, handle_##name, SG_DS_TWO_OFFSETS, none, b32, type, type)
#define DS_ATOMIC(stem, type, opcode, operands, ...)                                               \
    DS_ROW(ds_##stem##_##type, opcode, none, b32, type, OPERAND2_##operands(type))                 \
    DS_ROW(ds_##stem##_rtn_##type, opcode + 0x20, type, b32, type, OPERAND2_##operands(type))
#define DS_ATOMIC_RTN(name, opcode, type, operands, ...)                                           \
    DS_ROW(name, opcode, type, b32, type, OPERAND2_##operands(type))
#define DS_FUNCTION(name, opcode, offset, tD, t0, t1, t2)                                          \
    SG_ROW(name, opcode, handle_##name, SG_DS_##offset, tD, t0, t1, t2)
#define SG_DEF  "softgpu/isa/ds.def"
#define SG_FIND sg_ds_find
#include "softgpu/isa/table.h"
