/* SPDX-License-Identifier: MIT */
/// Vector memory instructions below their addressing: what FLAT, GLOBAL, SCRATCH and MUBUF share.
///
/// A format computes 64 addresses (struct sg_lanes, or struct sg_swizzle for memory that is
/// interleaved over lanes) and calls the functions that vmem.def and atomic.def expand to. They
/// write the destination's active lanes, or stop the wave with a fault and return false.
#ifndef SG_ISA_VMEM_H
#define SG_ISA_VMEM_H

#include "softgpu/isa/handler.h"
#include "softgpu/mem/lanes.h"

#include <xmmintrin.h>

/// sg_op.mods of the memory formats.
enum sg_memory_mod {
    SG_MEM_GLC = 1u << 0,   ///< atomics: return the old value
    SG_MEM_SLC = 1u << 1,   ///< a cache hint
    SG_MEM_LDS = 1u << 2,   ///< the load goes to LDS at M0 + offset + 4 * lane
    SG_MEM_OFFEN = 1u << 3, ///< MUBUF: VADDR has an offset
    SG_MEM_IDXEN = 1u << 4, ///< MUBUF: VADDR has an index (first, when both)
    SG_MEM_GDS = 1u << 5,   ///< DS
    SG_MEM_NV = 1u << 6,    ///< SMEM: non-volatile, a hint
};

/// sg_row.flags of the vector memory formats.
enum sg_vmem_row {
    SG_VMEM_LOAD = 1u << 0,
    SG_VMEM_STORE = 1u << 1,
    SG_VMEM_ATOMIC = 1u << 2,
    SG_VMEM_BARE = 1u << 3, ///< no operands: cache control
    SG_VMEM_LDS = 1u << 4,  ///< moves to or from LDS only
};

/// The wave's w->tmp rows: 0 to 3 are the data on their way, the others belong to addressing.
enum sg_tmp_row {
    SG_TMP_RAW = 0,
    SG_TMP_OFFSET = 4,
    SG_TMP_PART = 5,
    SG_TMP_ADDRESS = 6,
    SG_TMP_MASK = 7,
    SG_TMP_SHIFTED = 8,
    SG_TMP_INDEX = 9,
    SG_TMP_LDS = 10,
};

/// Memory interleaved over lanes in 4-byte elements: byte `offset` of lane i is at
/// base + part[i] + (offset & ~3) * stride + (offset & 3).
struct sg_swizzle {
    uint64_t base;
    const uint32_t *part;   ///< per lane
    const uint32_t *offset; ///< per lane, bytes; NULL: `same` for all
    uint32_t same;
    uint32_t stride; ///< bytes from one element of a lane to its next, / 4
    uint64_t exec;
    const uint32_t *mask;
};

/// Arithmetic of doubles in memory: MODE's part for them, where it differs from that for floats.
static inline void sg_f64_mode(const struct sg_wave *w, bool is_f64) {
    if (is_f64 && __builtin_expect(w->fp_split, 0))
        _mm_setcsr(w->mxcsr64);
}
static inline void sg_f32_mode(const struct sg_wave *w, bool is_f64) {
    if (is_f64 && __builtin_expect(w->fp_split, 0))
        _mm_setcsr(w->mxcsr32);
}

/// 0, 4, 8, ...: the lanes' parts of a wave's scratch.
extern const uint32_t sg_lane_dwords[SG_LANES];

/// Stops the wave at `op` as the fault says. Returns NULL.
const struct sg_op *sg_vmem_fault(struct sg_wave *w, const struct sg_op *op,
                                  const struct sg_access_fault *fault, bool is_write);

/// Interleaved accesses go dword by dword through all lanes: from the fault of the one that failed
/// to that of the lowest lane.
void sg_swizzle_lowest(struct sg_wave *w, const struct sg_swizzle *at, uint32_t bytes,
                       uint32_t need, struct sg_access_fault *fault);

/// Stops the wave at its last memory instruction: application memory at `va` went away under it.
/// The lane is the lowest whose access touches that page, `va` its first byte there.
void sg_vmem_host_fault(struct sg_wave *w, uint64_t va, bool is_write);

/// A load with SG_MEM_LDS: writes the values to LDS at M0 + offset + 4 * lane. Every lane owns a
/// dword, whatever the width of the load; lanes beyond the work-group's LDS are dropped.
void sg_vmem_write_lds(struct sg_wave *w, const struct sg_op *op, const sg_lane_row *values,
                       uint64_t exec);

/// The same the other way, for stores whose data operand is SG_NONE: lanes beyond LDS read 0.
void sg_vmem_read_lds(struct sg_wave *w, const struct sg_op *op, sg_lane_row *values);
/// Rows that a store takes: registers, or what sg_vmem_read_lds left in SG_TMP_LDS.
static inline const sg_lane_row *sg_vmem_data(const struct sg_wave *w, uint32_t data) {
    return (const sg_lane_row *)(data == SG_NONE ? w->tmp[SG_TMP_LDS] : sg_wave_row(w, data));
}

/// Names `op` to sg_vmem_host_fault before its memory is touched.
static inline void sg_vmem_touch(struct sg_wave *w, const struct sg_op *op) {
    w->memory_op = op;
    atomic_signal_fence(memory_order_seq_cst);
}

/// The active lanes of a wave as struct sg_lanes wants them; base, lo and hi are the caller's.
static inline void sg_lanes_of_wave(struct sg_wave *w, struct sg_lanes *lanes) {
    lanes->exec = sg_wave_exec(w);
    lanes->mask = sg_wave_mask(w);
}

#ifdef SG_VARIANT
/// Loads into op->dst (or LDS) of the active lanes, through `tlb`. EXEC may be a part of the
/// wave's.
#    define VMEM_LOAD(name, ...)                                                                   \
        bool SG_V(sg_vmem_##name)(struct sg_wave * w, const struct sg_op *op, struct sg_tlb *tlb,  \
                                  const struct sg_lanes *lanes);                                   \
        bool SG_V(sg_swizzled_##name)(struct sg_wave * w, const struct sg_op *op,                  \
                                      const struct sg_swizzle *at);
/// Stores the registers at operand code `data`.
#    define VMEM_STORE(name, ...)                                                                  \
        bool SG_V(sg_vmem_##name)(struct sg_wave * w, const struct sg_op *op, struct sg_tlb *tlb,  \
                                  const struct sg_lanes *lanes, uint32_t data);                    \
        bool SG_V(sg_swizzled_##name)(struct sg_wave * w, const struct sg_op *op,                  \
                                      const struct sg_swizzle *at, uint32_t data);
#    include "softgpu/isa/vmem.def"
#    undef VMEM_LOAD
#    undef VMEM_STORE

/// Read-modify-write with the registers at operand code `data`; returns old values in op->dst if
/// GLC is set. Sequentially consistent and atomic towards the host and other
/// waves; in interleaved memory, where 64 bits are not in one piece, only for
/// 32 bits. sg_update_*: the same at host
/// addresses, old == NULL returns nothing.
typedef void sg_update_fn(void *const *hosts, uint64_t exec, const sg_lane_row *data,
                          sg_lane_row *old);
#    define SG_VMEM_ATOMIC_FN(name)                                                                \
        sg_update_fn SG_V(sg_update_##name);                                                       \
        bool SG_V(sg_vmem_atomic_##name)(struct sg_wave * w, const struct sg_op *op,               \
                                         struct sg_tlb *tlb, const struct sg_lanes *lanes,         \
                                         uint32_t data);                                           \
        bool SG_V(sg_swizzled_atomic_##name)(struct sg_wave * w, const struct sg_op *op,           \
                                             const struct sg_swizzle *at, uint32_t data);
#    define ATOMIC(name, ...)              SG_VMEM_ATOMIC_FN(name) SG_VMEM_ATOMIC_FN(name##_x2)
#    define ATOMIC_CMP(name, ...)          ATOMIC(name)
#    define ATOMIC_FLOAT(name, ...)        SG_VMEM_ATOMIC_FN(name)
#    define ATOMIC_FLOAT_GLOBAL(name, ...) SG_VMEM_ATOMIC_FN(name)
#    include "softgpu/isa/atomic.def"
#    undef ATOMIC
#    undef ATOMIC_CMP
#    undef ATOMIC_FLOAT
#    undef ATOMIC_FLOAT_GLOBAL
#endif

#endif
