/* SPDX-License-Identifier: MIT */
/* SMEM; compiled once per interpreter level. */
#include "softgpu/isa/smem.h"

#define DWORDS_b32  1
#define DWORDS_b64  2
#define DWORDS_b128 4
#define DWORDS_b256 8
#define DWORDS_b512 16

/* What nearly all loads are: no buffer, inside one interval. */
SG_INLINE bool load_simple(struct sg_wave *w, const struct sg_op *op, enum sg_smem_row addressing,
                           uint32_t dwords) {
    struct sg_access_fault fault;
    if (addressing != SG_SMEM_GLOBAL || op->mods & SG_MEM_GLC)
        return false;
    uint32_t soffset = op->src[1] == SG_NONE ? 0 : w->s[op->src[1]];
    uint64_t va = sg_wave_s64(w, op->src[0]) + soffset + (uint64_t)(int64_t)(int32_t)op->imm;
    const uint8_t *host =
        sg_access_pointer(&w->tlb, va & ~(uint64_t)3, dwords * 4, SG_VM_READ, &fault);
    if (!host)
        return false;
    w->memory_op = op;
    uint32_t words[16];
    for (uint32_t i = 0; i < dwords; i++)
        words[i] = sg_load32(host + 4 * i);
    memcpy(&w->s[op->dst], words, dwords * 4);
    return true;
}

#define SMEM_LOAD(name, opcode, addressing, type)                                                  \
    SG_HANDLER(name) {                                                                             \
        if (!load_simple(w, op, SG_SMEM_##addressing, DWORDS_##type) &&                            \
            !sg_smem_load(w, op, SG_SMEM_##addressing, DWORDS_##type))                             \
            return NULL;                                                                           \
        SG_NEXT(w, op);                                                                            \
    }
#define SMEM_STORE(name, opcode, addressing, type)                                                 \
    SG_HANDLER(name) {                                                                             \
        if (!sg_smem_store(w, op, SG_SMEM_##addressing, DWORDS_##type))                            \
            return NULL;                                                                           \
        SG_NEXT(w, op);                                                                            \
    }
#define SMEM_CLOCK(name, opcode, clock)                                                            \
    SG_HANDLER(name) {                                                                             \
        sg_wave_set_s64(w, op->dst, w->env->clock());                                              \
        SG_NEXT(w, op);                                                                            \
    }
#define SMEM_CACHE(...)
#define SMEM_PROBE(...)
#define SMEM_DISCARD(...)

SG_HANDLER(no_effect) {
    SG_NEXT(w, op);
}

/* A wave's atomic with one lane. */
static bool scalar_atomic(struct sg_wave *w, const struct sg_op *op, enum sg_smem_row addressing,
                          uint32_t data_dwords, uint32_t dwords, sg_update_fn *update) {
    struct sg_access_fault fault = {.lane = 0};
    struct sg_smem at = sg_smem_address(w, op, addressing);
    sg_lane_row *data = &w->tmp[0];
    sg_lane_row *old = &w->tmp[4];
    w->memory_op = op;
    if (at.bytes < dwords * 4) {
        memset(&w->s[op->dst], 0, op->mods & SG_MEM_GLC ? dwords * 4 : 0);
        return true;
    }
    void *host = NULL;
    if (at.va & (dwords * 4 - 1)) {
        fault.cause = SG_ACCESS_MISALIGNED;
        fault.va = at.va;
    } else {
        host = sg_access_pointer(&w->tlb, at.va, dwords * 4, SG_VM_READ | SG_VM_WRITE, &fault);
    }
    if (!host) {
        sg_vmem_fault(w, op, &fault, true);
        return false;
    }
    for (uint32_t k = 0; k < data_dwords; k++)
        data[k][0] = w->s[op->dst + k];
    update(&host, 1, data, old);
    for (uint32_t k = 0; k < dwords && op->mods & SG_MEM_GLC; k++)
        w->s[op->dst + k] = old[k][0];
    return true;
}

#define SMEM_ATOMIC(prefix, addressing, name, data_dwords, dwords)                                 \
    SG_HANDLER(prefix##_atomic_##name) {                                                           \
        if (!scalar_atomic(w, op, SG_SMEM_##addressing, data_dwords, dwords,                       \
                           SG_V(sg_update_##name)))                                                \
            return NULL;                                                                           \
        SG_NEXT(w, op);                                                                            \
    }
#define ATOMIC(name, ...)                                                                          \
    SMEM_ATOMIC(s, GLOBAL, name, 1, 1)                                                             \
    SMEM_ATOMIC(s, GLOBAL, name##_x2, 2, 2)                                                        \
    SMEM_ATOMIC(s_buffer, BUFFER, name, 1, 1)                                                      \
    SMEM_ATOMIC(s_buffer, BUFFER, name##_x2, 2, 2)
#define ATOMIC_CMP(name, ...)                                                                      \
    SMEM_ATOMIC(s, GLOBAL, name, 2, 1)                                                             \
    SMEM_ATOMIC(s, GLOBAL, name##_x2, 4, 2)                                                        \
    SMEM_ATOMIC(s_buffer, BUFFER, name, 2, 1)                                                      \
    SMEM_ATOMIC(s_buffer, BUFFER, name##_x2, 4, 2)
#define ATOMIC_FLOAT(...)
#define ATOMIC_FLOAT_GLOBAL(...)
#include "softgpu/isa/smem.def"
#undef SMEM_LOAD
#undef SMEM_STORE
#undef SMEM_CLOCK
#undef SMEM_CACHE
#undef SMEM_PROBE
#undef SMEM_DISCARD
#undef ATOMIC
#undef ATOMIC_CMP

/* The table: rows are {result, base, data}. */
#define BASE_GLOBAL  b64
#define BASE_SCRATCH b64
#define BASE_BUFFER  b128
#define SMEM_ROW(name, opcode, fn, flags, tD, base, data)                                          \
    SG_ROW(name, opcode, handle_##fn, flags, tD, base, data, none)
#define SMEM_LOAD(name, opcode, addressing, type)                                                  \
    SMEM_ROW(name, opcode, name, SG_SMEM_##addressing, type, BASE_##addressing, none)
#define SMEM_STORE(name, opcode, addressing, type)                                                 \
    SMEM_ROW(name, opcode, name, SG_SMEM_##addressing | SG_SMEM_STORE, none, BASE_##addressing,    \
             type)
#define SMEM_CLOCK(name, opcode, clock) SMEM_ROW(name, opcode, name, SG_SMEM_BARE, b64, none, none)
#define SMEM_CACHE(name, opcode)        SMEM_ROW(name, opcode, no_effect, SG_SMEM_BARE, none, none, none)
#define SMEM_PROBE(name, opcode, addressing)                                                       \
    SMEM_ROW(name, opcode, no_effect, SG_SMEM_##addressing | SG_SMEM_PROBE, none,                  \
             BASE_##addressing, none)
#define SMEM_DISCARD(name, opcode)                                                                 \
    SMEM_ROW(name, opcode, no_effect, SG_SMEM_GLOBAL, none, b64, none)
#define ATOMIC_ROWS(name, slot, data, data_x2)                                                     \
    SMEM_ROW(s_atomic_##name, 0x80 + slot, s_atomic_##name, SG_SMEM_GLOBAL | SG_SMEM_ATOMIC, none, \
             b64, data)                                                                            \
    SMEM_ROW(s_atomic_##name##_x2, 0xa0 + slot, s_atomic_##name##_x2,                              \
             SG_SMEM_GLOBAL | SG_SMEM_ATOMIC, none, b64, data_x2)                                  \
    SMEM_ROW(s_buffer_atomic_##name, 0x40 + slot, s_buffer_atomic_##name,                          \
             SG_SMEM_BUFFER | SG_SMEM_ATOMIC, none, b128, data)                                    \
    SMEM_ROW(s_buffer_atomic_##name##_x2, 0x60 + slot, s_buffer_atomic_##name##_x2,                \
             SG_SMEM_BUFFER | SG_SMEM_ATOMIC, none, b128, data_x2)
#define ATOMIC(name, slot, ...)     ATOMIC_ROWS(name, slot, b32, b64)
#define ATOMIC_CMP(name, slot, ...) ATOMIC_ROWS(name, slot, b64, b128)
#define SG_DEF                      "softgpu/isa/smem.def"
#define SG_FIND                     sg_smem_find
#include "softgpu/isa/table.h"
