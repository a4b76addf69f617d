/* SPDX-License-Identifier: MIT */
#include "abi/sdma.h"
#include "softgpu/cp/engine.h"

/* One row per operation: new value from `old`, `source`, `compare`, in the unsigned type U and the
 * signed type S of the operation's width. */
#define OPERATIONS(OP, U, S)                                                                       \
    OP(ABI_TC_SWAP, source)                                                                        \
    OP(ABI_TC_CMPSWAP, old == compare ? source : old)                                              \
    OP(ABI_TC_ADD, (U)(old + source))                                                              \
    OP(ABI_TC_SUB, (U)(old - source))                                                              \
    OP(ABI_TC_SMIN, (S)old < (S)source ? old : source)                                             \
    OP(ABI_TC_UMIN, old < source ? old : source)                                                   \
    OP(ABI_TC_SMAX, (S)old > (S)source ? old : source)                                             \
    OP(ABI_TC_UMAX, old > source ? old : source)                                                   \
    OP(ABI_TC_AND, (old & source))                                                                 \
    OP(ABI_TC_OR, (old | source))                                                                  \
    OP(ABI_TC_XOR, (old ^ source))                                                                 \
    OP(ABI_TC_INC, old >= source ? 0 : (U)(old + 1))                                               \
    OP(ABI_TC_DEC, old == 0 || old > source ? source : (U)(old - 1))

#define CASE(code, expression)                                                                     \
    case code:                                                                                     \
        return expression;

#define DEFINE_NEXT(name, U, S)                                                                    \
    static U name(uint32_t operation, U old, U source, U compare) {                                \
        switch (operation) {                                                                       \
            OPERATIONS(CASE, U, S)                                                                 \
        default:                                                                                   \
            return old;                                                                            \
        }                                                                                          \
    }

DEFINE_NEXT(next32, uint32_t, int32_t)
DEFINE_NEXT(next64, uint64_t, int64_t)

#define IS_KNOWN(code, expression)                                                                 \
    case code:                                                                                     \
        return operation & ABI_TC_64BIT ? sizeof(uint64_t) : sizeof(uint32_t);

uint32_t cp_atomic_bytes(uint32_t operation) {
    switch (operation & ~(ABI_TC_64BIT | ABI_TC_NO_RETURN)) {
        OPERATIONS(IS_KNOWN, uint64_t, int64_t)
    default:
        return 0;
    }
}

enum cp_step cp_atomic_execute(struct sg_cp_queue *queue, const struct cp_atomic *atomic) {
    const uint32_t operation = atomic->operation & ~(ABI_TC_64BIT | ABI_TC_NO_RETURN);
    const uint32_t bytes = cp_atomic_bytes(atomic->operation);
    if (atomic->va % bytes != 0)
        return cp_packet_fault(queue, SG_FAULT_MEMORY_MISALIGNED, atomic->va, true);
    void *host = cp_host(queue, atomic->va, bytes, SG_VM_READ | SG_VM_WRITE);
    if (!host)
        return CP_STEP_STOP;
    bool has_matched;
    if (bytes == sizeof(uint32_t)) {
        uint32_t old = __atomic_load_n((uint32_t *)host, __ATOMIC_RELAXED);
        while (!__atomic_compare_exchange_n(
            (uint32_t *)host, &old,
            next32(operation, old, (uint32_t)atomic->source, (uint32_t)atomic->compare), false,
            __ATOMIC_SEQ_CST, __ATOMIC_RELAXED))
            ;
        has_matched = old == (uint32_t)atomic->compare;
    } else {
        uint64_t old = __atomic_load_n((uint64_t *)host, __ATOMIC_RELAXED);
        while (!__atomic_compare_exchange_n((uint64_t *)host, &old,
                                            next64(operation, old, atomic->source, atomic->compare),
                                            false, __ATOMIC_SEQ_CST, __ATOMIC_RELAXED))
            ;
        has_matched = old == atomic->compare;
    }
    if (operation == ABI_TC_CMPSWAP && atomic->is_loop && !has_matched)
        return CP_STEP_WAIT;
    cp_notify(queue->cp);
    return CP_STEP_DONE;
}
