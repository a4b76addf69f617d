/* SPDX-License-Identifier: MIT */
/// The state of one 64-lane wave, as instructions see it.
///
/// Owner: the compute unit allocates waves and their register storage and sets them up; exactly one
/// thread runs a wave at a time (hand-over needs a release/acquire between the threads).
/// Everything here may be read by sg_isa_dump_wave from a signal handler while the wave runs.
#ifndef SG_ISA_WAVE_H
#define SG_ISA_WAVE_H

#include "softgpu/isa/fault.h"
#include "softgpu/isa/op.h"
#include "softgpu/mem/tlb.h"
#include "softgpu/mem/vm.h"

#include <stdbool.h>
#include <stdint.h>

enum { SG_LANES = 64 };

/// Rows that a wave's vector storage must have. A kernel owns rows [0, v_rows); the others exist
/// so that a wild register number in bad code stays inside the wave's own storage: reserve the
/// address space, untouched pages cost nothing. 512 registers plus the longest tuple.
enum { SG_WAVE_ROWS = 512 + 32 };

enum sg_wave_state {
    SG_WAVE_RUNNING, ///< ready: sg_isa_run may be called
    SG_WAVE_BARRIER, ///< arrived at s_barrier; pc is after it. To release: state = RUNNING
    SG_WAVE_GWS,     ///< executed a ds_gws_* (see enum sg_gws_op); pc is after it
    SG_WAVE_YIELDED, ///< gave way, see `yield`; to go on: state = RUNNING
    SG_WAVE_ENDED,   ///< s_endpgm
    SG_WAVE_FAULTED, ///< see `fault`
};

enum sg_yield {
    SG_YIELD_NONE,
    SG_YIELD_BUDGET, ///< budget used up at a back edge
    SG_YIELD_SLEEP,  ///< s_sleep: the wave polls something
    SG_YIELD_DECODE, ///< no_alloc: the next instruction is not decoded yet
};

/// ds_gws_*: carried out by the compute unit, for it concerns waves of other work-groups. The
/// handler sets gws_op, gws_id (the resource, 0..63: offset0 plus M0[21:16]) and gws_value (DATA of
/// the first active lane; 0 for those that take none) and stops with SG_WAVE_GWS after itself.
enum sg_gws_op {
    SG_GWS_INIT,
    SG_GWS_BARRIER,
    SG_GWS_SEMA_V,
    SG_GWS_SEMA_BR,
    SG_GWS_SEMA_P,
    SG_GWS_SEMA_RELEASE_ALL,
};

struct sg_isa;
struct sg_code_page;
struct sg_workgroup; // the compute unit's

/// What all waves of one dispatch share; constant while they run. Owned by the compute unit.
struct sg_wave_env {
    struct sg_vm *vm;
    struct sg_isa *isa;
    uint64_t entry;     ///< pc of the kernel's first instruction (traces, faults)
    uint64_t packet_va; ///< AQL dispatch packet
    uint64_t queue_va;  ///< amd_queue_t
    uint64_t scratch_va;
    uint64_t scratch_bytes;
    uint32_t shared_aperture_hi;  ///< high dword of a generic address that means LDS
    uint32_t private_aperture_hi; ///< ... that means scratch
    uint32_t doorbell_index;      ///< answer of s_sendmsg(MSG_GET_DOORBELL)
    /// s_sendmsg(MSG_INTERRUPT): raise event `event_id`. Async-signal-safe. May be NULL.
    void (*interrupt)(void *context, uint32_t event_id);
    void *interrupt_context;
    /// Core clock (s_memtime) and the constant 100 MHz counter (s_memrealtime), in ticks.
    uint64_t (*core_clock)(void);
    uint64_t (*real_clock)(void);
};

struct sg_wave {
    /// Scalar operands by operand code. 0..127: registers (flat_scratch 102, vcc 106, ttmp 108,
    /// m0 124, exec 126). 128..248: the inline constants as 32-bit words. 253: SCC, 0 or 1.
    /// sg_wave_init fills what is constant. EXEC here is the truth; `mask` is derived.
    union {
        _Alignas(64) uint32_t s[256];
        uint64_t s64[128]; ///< s64[SG_EXEC / 2], s64[SG_VCC / 2]
    };
    /// Lane masks (0 or ~0) of the EXEC value in `mask_exec`; use sg_wave_mask.
    _Alignas(64) uint32_t mask[SG_LANES];
    uint64_t mask_exec;

    /// Vector registers, SG_WAVE_ROWS rows, 64-byte aligned; AGPRs begin at row acc_offset.
    uint32_t (*v)[SG_LANES];
    uint32_t acc_offset;
    uint32_t v_rows; ///< rows that the kernel allocated: HW_REG_GPR_ALLOC

    uint64_t pc;               ///< valid outside the run loop; inside: as of the last page entry
    struct sg_code_page *page; ///< run loop only
    uint32_t (*tmp)[SG_LANES]; ///< run loop only: scratch rows of the running thread
    int64_t budget; ///< wave instructions left, about; checked at back edges. Set before each run
    enum sg_wave_state state;
    enum sg_yield yield;
    bool no_alloc;         ///< run loop only
    bool fp_split;         ///< f64/f16 ops need another host FP mode than f32 ops
    enum sg_gws_op gws_op; ///< valid in state GWS, like the two below
    uint32_t gws_id;
    uint32_t gws_value;

    /// Run loop only: the last memory instruction, for faults that arrive as a signal
    /// (mem/guard.h). Samples and formatted buffers keep fault.lane and fault.va at their access.
    const struct sg_op *memory_op;

    uint32_t mode;    ///< HW_REG_MODE: round and denormals (low byte), DX10_CLAMP 8, IEEE 9
    uint32_t trapsts; ///< HW_REG_TRAPSTS
    uint32_t status;  ///< HW_REG_STATUS without the bits that live elsewhere (SCC, EXECZ, VCCZ)
    uint32_t hw_id;   ///< HW_REG_HW_ID
    uint32_t xcc_id;  ///< HW_REG_XCC_ID; 0 on gfx90a
    uint32_t mxcsr32; ///< run loop only: host FP modes
    uint32_t mxcsr64;

    uint8_t *lds; ///< the work-group's LDS, 16-byte aligned
    uint32_t lds_bytes;
    uint32_t wave_index;      ///< in its work-group
    uint32_t workgroup_waves; ///< waves of the work-group; s_barrier of a single one passes
    struct sg_workgroup *workgroup;
    const struct sg_wave_env *env;
    struct sg_tlb tlb;
    struct sg_fault fault;
};

/// MODE as hipcc's kernel descriptors have it: round to nearest, denormals kept, DX10_CLAMP, IEEE.
enum { SG_MODE_DEFAULT = 0x3f0, SG_MODE_DX10_CLAMP = 1u << 8, SG_MODE_IEEE = 1u << 9 };
/// More bits of MODE: vector register indexing, vector instructions are skipped, and (3 bits) the
/// depth of the stack that s_cbranch_g_fork and its kin keep in SGPRs.
#define SG_MODE_GPR_IDX_EN (1u << 27)
#define SG_MODE_VSKIP      (1u << 28)
#define SG_MODE_CSP_SHIFT  (29)

/// Prepares a wave's constant part (inline constants) and clears registers, SCC, mode (to
/// SG_MODE_DEFAULT), state. The caller then sets v, acc_offset, pc, EXEC, SGPRs, lds, env...
/// Vector registers are not touched. Needed once per wave storage; sg_wave_reset between uses.
void sg_wave_init(struct sg_wave *w);
/// As init, without refilling the constants: cheap, for reused storage.
void sg_wave_reset(struct sg_wave *w);

static inline uint64_t sg_wave_exec(const struct sg_wave *w) {
    return w->s64[SG_EXEC / 2];
}
static inline void sg_wave_set_exec(struct sg_wave *w, uint64_t exec) {
    w->s64[SG_EXEC / 2] = exec;
}
static inline uint64_t sg_wave_vcc(const struct sg_wave *w) {
    return w->s64[SG_VCC / 2];
}
/// 64-bit scalar register pair at an operand code below 128.
static inline uint64_t sg_wave_s64(const struct sg_wave *w, uint32_t code) {
    return (uint64_t)w->s[code] | (uint64_t)w->s[code + 1] << 32;
}
static inline void sg_wave_set_s64(struct sg_wave *w, uint32_t code, uint64_t value) {
    w->s[code] = (uint32_t)value;
    w->s[code + 1] = (uint32_t)(value >> 32);
}
/// The row of a vector register operand (SG_VGPR0 + n or SG_AGPR0 + n).
static inline uint32_t *sg_wave_row(const struct sg_wave *w, uint32_t code) {
    uint32_t row = code - SG_VGPR0;
    return w->v[row < 256 ? row : row - 256 + w->acc_offset];
}

/// The lane masks of all lanes; 64-byte aligned.
extern const uint32_t sg_all_lanes[SG_LANES];
/// The integer inline constants 0..64 and -1..-16 in every lane: row n has operand SG_CONST_0 + n.
enum { SG_CONSTANT_ROWS = 81 };
extern const uint32_t sg_constant_rows[SG_CONSTANT_ROWS][SG_LANES];

/// Expands EXEC to w->mask if it is stale and returns it.
const uint32_t *sg_wave_mask_refresh(struct sg_wave *w);
static inline const uint32_t *sg_wave_mask(struct sg_wave *w) {
    return w->mask_exec == sg_wave_exec(w) ? w->mask : sg_wave_mask_refresh(w);
}

/// Address of the instruction `op` of the wave's current page.
uint64_t sg_wave_pc(const struct sg_wave *w, const struct sg_op *op);
/// Leaves the run loop with `state` and the pc of `op` (pass op + op->len to continue after it).
/// Returns NULL, so that a handler ends with `return sg_wave_stop(...)`.
const struct sg_op *sg_wave_stop(struct sg_wave *w, const struct sg_op *op,
                                 enum sg_wave_state state);
/// Stops the wave at `op` with a fault: fills pc, entry, words, mnemonic, encoding and opcode; the
/// caller may set va, lane, is_write, code before or after. Returns NULL.
const struct sg_op *sg_wave_fault(struct sg_wave *w, const struct sg_op *op,
                                  enum sg_fault_cause cause);

#endif
