/* SPDX-License-Identifier: MIT */
/* Vector atomics once the addresses are known; compiled once per interpreter level. */
#include "softgpu/isa/numeric.h"
#include "softgpu/isa/vmem.h"

/* Host address of each active lane's operand. Misaligned atomics fault, in lane order with the
 * other faults. */
static bool atomic_hosts(struct sg_tlb *tlb, const struct sg_lanes *lanes, uint32_t bytes,
                         void **hosts, struct sg_access_fault *fault) {
    for (uint64_t left = lanes->exec; left; left &= left - 1) {
        uint32_t lane = sg_first_lane(left);
        uint64_t va = sg_lane_va(lanes, lane);
        fault->lane = lane;
        if (va & (bytes - 1)) {
            fault->va = va;
            fault->cause = SG_ACCESS_MISALIGNED;
            return false;
        }
        hosts[lane] = sg_access_pointer(tlb, va, bytes, SG_VM_READ | SG_VM_WRITE, fault);
        if (!hosts[lane])
            return false;
    }
    return true;
}

static bool vmem_atomic(struct sg_wave *w, const struct sg_op *op, struct sg_tlb *tlb,
                        const struct sg_lanes *lanes, uint32_t data, uint32_t bytes,
                        sg_update_fn *update) {
    struct sg_access_fault fault;
    void *hosts[SG_LANES];
    w->memory_op = op;
    if (!atomic_hosts(tlb, lanes, bytes, hosts, &fault)) {
        sg_vmem_fault(w, op, &fault, true);
        return false;
    }
    bool returns = op->mods & SG_MEM_GLC;
    update(hosts, lanes->exec, (const sg_lane_row *)sg_wave_row(w, data),
           returns ? (sg_lane_row *)sg_wave_row(w, op->dst) : NULL);
    return true;
}

/* Addresses of a lane's dwords in interleaved memory; false if its operand is misaligned. */
static bool swizzled_dwords(const struct sg_swizzle *at, uint32_t lane, uint32_t dwords,
                            uint64_t va[2]) {
    uint32_t offset = at->offset ? at->offset[lane] : at->same;
    for (uint32_t k = 0; k < 2; k++)
        va[k] = at->base + at->part[lane] + (uint64_t)(offset + 4 * k) * at->stride;
    return offset % (dwords * 4) == 0;
}

static bool swizzled_check(struct sg_wave *w, const struct sg_swizzle *at, uint32_t dwords,
                           struct sg_access_fault *fault) {
    for (uint64_t left = at->exec; left; left &= left - 1) {
        uint64_t va[2];
        fault->lane = sg_first_lane(left);
        if (!swizzled_dwords(at, fault->lane, dwords, va)) {
            fault->va = va[0];
            fault->cause = SG_ACCESS_MISALIGNED;
            return false;
        }
        for (uint32_t k = 0; k < dwords; k++)
            if (!sg_access_check(&w->tlb, va[k], 4, SG_VM_READ | SG_VM_WRITE, fault))
                return false;
    }
    return true;
}

/* A dword is in one piece and updated in place. 64 bits are not: no other wave can rely on their
 * being atomic, so each lane updates a copy. */
static bool swizzled_lane(struct sg_wave *w, const struct sg_swizzle *at, uint32_t lane,
                          uint32_t dwords, const sg_lane_row *data, sg_lane_row *old,
                          sg_update_fn *update, struct sg_access_fault *fault) {
    void *hosts[SG_LANES];
    uint64_t va[2];
    uint32_t copy[2];
    swizzled_dwords(at, lane, dwords, va);
    fault->lane = lane;
    if (dwords == 1) {
        hosts[lane] = sg_access_pointer(&w->tlb, va[0], 4, SG_VM_READ | SG_VM_WRITE, fault);
        if (hosts[lane])
            update(hosts, (uint64_t)1 << lane, data, old);
        return hosts[lane];
    }
    _Alignas(8) uint64_t value;
    for (uint32_t k = 0; k < 2; k++)
        if (!sg_access_read(&w->tlb, va[k], &copy[k], 4, fault))
            return false;
    memcpy(&value, copy, sizeof value);
    hosts[lane] = &value;
    update(hosts, (uint64_t)1 << lane, data, old);
    memcpy(copy, &value, sizeof value);
    return sg_access_write(&w->tlb, va[0], &copy[0], 4, fault) &&
           sg_access_write(&w->tlb, va[1], &copy[1], 4, fault);
}

static bool swizzled_atomic(struct sg_wave *w, const struct sg_op *op, const struct sg_swizzle *at,
                            uint32_t data, uint32_t bytes, sg_update_fn *update) {
    struct sg_access_fault fault;
    const sg_lane_row *rows = (const sg_lane_row *)sg_wave_row(w, data);
    sg_lane_row *old = op->mods & SG_MEM_GLC ? (sg_lane_row *)sg_wave_row(w, op->dst) : NULL;
    w->memory_op = op;
    bool ok = swizzled_check(w, at, bytes / 4, &fault);
    for (uint64_t left = at->exec; ok && left; left &= left - 1)
        ok = swizzled_lane(w, at, sg_first_lane(left), bytes / 4, rows, old, update, &fault);
    if (!ok)
        sg_vmem_fault(w, op, &fault, true);
    return ok;
}

static inline uint32_t pk_add_f16(uint32_t a, uint32_t b) {
    /* The sum of two binary16 rounded to binary32 first is still correctly rounded in the end. */
    uint16_t low = (uint16_t)f32_to_f16(f16_to_f32((uint16_t)a) + f16_to_f32((uint16_t)b));
    uint16_t high =
        (uint16_t)f32_to_f16(f16_to_f32((uint16_t)(a >> 16)) + f16_to_f32((uint16_t)(b >> 16)));
    return (uint32_t)high << 16 | low;
}

/* The active lanes from the first on that have its address, up to one that has not. */
static inline uint64_t same_host(void *const *hosts, uint64_t exec) {
    uint64_t lanes = 0;
    for (uint64_t left = exec; left; left &= left - 1) {
        if (hosts[sg_first_lane(left)] != hosts[sg_first_lane(exec)])
            break;
        lanes |= left & -left;
    }
    return lanes;
}

/* The result may overwrite the operands before a failed swap needs them again. */
static inline void keep_operands(const sg_lane_row *data, sg_lane_row *kept, uint64_t lanes,
                                 uint32_t dwords) {
    for (; lanes; lanes &= lanes - 1)
        for (uint32_t k = 0; k < dwords; k++)
            kept[k][sg_first_lane(lanes)] = data[k][sg_first_lane(lanes)];
}

#define IS_F64(type) _Generic((type)0, double : true, default : false)
#define WORDS_32     1
#define WORDS_64     2
/* Registers -> value of `bits` bits, as the type's unsigned representation. */
#define TAKE_32(rows, at, lane)    ((rows)[at][lane])
#define TAKE_64(rows, at, lane)    ((uint64_t)(rows)[(at) + 1][lane] << 32 | (rows)[at][lane])
#define GIVE_32(rows, lane, value) ((rows)[0][lane] = (value))
#define GIVE_64(rows, lane, value)                                                                 \
    ((rows)[0][lane] = (uint32_t)(value), (rows)[1][lane] = (uint32_t)((value) >> 32))
#define BITS_32 uint32_t
#define BITS_64 uint64_t

/* The lanes in order, by compare and swap. Neighbours with one address share a swap: as if no other
 * wave came in between. `type` is what the semantics calculate in. */
#define UPDATE(name, bits, type, cmp, ...)                                                         \
    SG_INLINE type lane_##name(type OLD, type S, type CMP) {                                       \
        type D;                                                                                    \
        (void)CMP;                                                                                 \
        (void)OLD;                                                                                 \
        __VA_ARGS__;                                                                               \
        return D;                                                                                  \
    }                                                                                              \
    union word_##name {                                                                            \
        BITS_##bits word;                                                                          \
        type value;                                                                                \
    };                                                                                             \
    SG_INLINE BITS_##bits chain_##name(BITS_##bits word, uint64_t lanes, const sg_lane_row *data,  \
                                       sg_lane_row *returned) {                                    \
        union word_##name old = {.word = word};                                                    \
        for (; lanes; lanes &= lanes - 1) {                                                        \
            uint32_t lane = sg_first_lane(lanes);                                                  \
            union word_##name s = {.word = TAKE_##bits(data, 0, lane)};                            \
            union word_##name c = {.word = (cmp) ? TAKE_##bits(data, WORDS_##bits, lane) : 0};     \
            if (returned)                                                                          \
                GIVE_##bits(returned, lane, old.word);                                             \
            old.value = lane_##name(old.value, s.value, c.value);                                  \
        }                                                                                          \
        return old.word;                                                                           \
    }                                                                                              \
    void SG_V(sg_update_##name)(void *const *hosts, uint64_t exec, const sg_lane_row *data,        \
                                sg_lane_row *returned) {                                           \
        sg_lane_row kept[4];                                                                       \
        while (exec) {                                                                             \
            BITS_##bits *host = hosts[sg_first_lane(exec)];                                        \
            uint64_t lanes = same_host(hosts, exec);                                               \
            BITS_##bits old = __atomic_load_n(host, __ATOMIC_RELAXED);                             \
            BITS_##bits next;                                                                      \
            if (returned)                                                                          \
                keep_operands(data, kept, lanes, (cmp) ? 2 * WORDS_##bits : WORDS_##bits);         \
            do                                                                                     \
                next = chain_##name(old, lanes, returned ? kept : data, returned);                 \
            while (!__atomic_compare_exchange_n(host, &old, next, false, __ATOMIC_SEQ_CST,         \
                                                __ATOMIC_RELAXED));                                \
            exec &= ~lanes;                                                                        \
        }                                                                                          \
    }                                                                                              \
    bool SG_V(sg_vmem_atomic_##name)(struct sg_wave * w, const struct sg_op *op,                   \
                                     struct sg_tlb *tlb, const struct sg_lanes *lanes,             \
                                     uint32_t data) {                                              \
        sg_f64_mode(w, IS_F64(type));                                                              \
        bool ok = vmem_atomic(w, op, tlb, lanes, data, sizeof(type), SG_V(sg_update_##name));      \
        sg_f32_mode(w, IS_F64(type));                                                              \
        return ok;                                                                                 \
    }                                                                                              \
    bool SG_V(sg_swizzled_atomic_##name)(struct sg_wave * w, const struct sg_op *op,               \
                                         const struct sg_swizzle *at, uint32_t data) {             \
        sg_f64_mode(w, IS_F64(type));                                                              \
        bool ok = swizzled_atomic(w, op, at, data, sizeof(type), SG_V(sg_update_##name));          \
        sg_f32_mode(w, IS_F64(type));                                                              \
        return ok;                                                                                 \
    }

#define TYPE_u_32                           uint32_t
#define TYPE_u_64                           uint64_t
#define TYPE_i_32                           int32_t
#define TYPE_i_64                           int64_t
#define BITS_OF_f32                         32
#define BITS_OF_f64                         64
#define BITS_OF_pk16                        32
#define TYPE_f32                            float
#define TYPE_f64                            double
#define TYPE_pk16                           uint32_t
#define UPDATE_(name, bits, type, cmp, ...) UPDATE(name, bits, type, cmp, __VA_ARGS__)

#define ATOMIC(name, slot, class, ...)                                                             \
    UPDATE(name, 32, TYPE_##class##_32, false, __VA_ARGS__)                                        \
    UPDATE(name##_x2, 64, TYPE_##class##_64, false, __VA_ARGS__)
#define ATOMIC_CMP(name, slot, class, ...)                                                         \
    UPDATE(name, 32, TYPE_##class##_32, true, __VA_ARGS__)                                         \
    UPDATE(name##_x2, 64, TYPE_##class##_64, true, __VA_ARGS__)
#define ATOMIC_FLOAT(name, opcode, type, ...)                                                      \
    UPDATE_(name, BITS_OF_##type, TYPE_##type, false, __VA_ARGS__)
#define ATOMIC_FLOAT_GLOBAL(name, opcode, type, ...)                                               \
    UPDATE_(name, BITS_OF_##type, TYPE_##type, false, __VA_ARGS__)
#include "softgpu/isa/atomic.def"
