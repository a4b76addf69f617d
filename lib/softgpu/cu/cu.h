/* SPDX-License-Identifier: MIT */
/// The compute units: what the packet processor asks of them.
///
/// An sg_cu holds what all queues of one GPU share: worker threads that run work-groups, the
/// decode cache, register and LDS storage. A dispatch is one kernel launch in progress. Its owner
/// (a queue's thread, or the thread that rang a doorbell) drives it with sg_dispatch_run; idle
/// workers help by themselves with whatever work-groups are not yet taken.
///
/// Progress: waves of a work-group are interleaved; a work-group that spins yields after a budget
/// and others of the dispatch run meanwhile, up to the residency that the hardware would have
/// (104 units, 8 waves a SIMD, registers, LDS). Dispatches of different queues have contexts of
/// their own and always progress.
#ifndef SG_CU_CU_H
#define SG_CU_CU_H

#include "softgpu/isa/fault.h"
#include "softgpu/mem/vm.h"

#include <stdbool.h>
#include <stdint.h>

struct sg_cu;
struct sg_dispatch;

/// What the compute units report upwards while a kernel runs. Called from worker threads and,
/// for inline execution, inside a signal handler: async-signal-safe, must not block.
struct sg_cu_sink {
    void *context;
    /// s_sendmsg(MSG_INTERRUPT): M0, the event's id or only its low 8 bits.
    void (*interrupt)(void *context, uint32_t event_id);
};

struct sg_cu_config {
    struct sg_vm *vm;
    struct sg_cu_sink sink;
    uint32_t cu_count;     ///< compute units that HW_ID shows; 104 on an MI210
    uint32_t worker_count; ///< threads that run a dispatch at once, its owner included; 0: one per
                           ///< processor that this process may use
    uint32_t isa_level; ///< 2, 3 or 4: the interpreter built for x86-64-v2, -v3 or -v4, which the
                        ///< processor must have; 0: as HSAPROBE_SOFT_ISA says
    bool counts_instructions; ///< for sg_cu_instruction_count; slow, nothing is fused
};

/// Starts no thread before the first dispatch that wants help. NULL when out of memory.
struct sg_cu *sg_cu_create(const struct sg_cu_config *config);
/// Joins the workers; no dispatch may be left. NULL is accepted.
void sg_cu_destroy(struct sg_cu *cu);

/// Forgets decoded instructions whose bytes lie in [va, va + bytes); bytes = UINT64_MAX: all.
/// Safe beside running kernels: a running wave picks the new code up at its next page entry or
/// yield point.
void sg_cu_invalidate_code(struct sg_cu *cu, uint64_t va, uint64_t bytes);

/// Returns when no wave uses a translation any more that was removed from the address space before
/// the call: every running wave has then passed a yield point. Immediate when nothing runs;
/// bounded, never waits for a kernel to end. Not in a signal handler, not on a thread that runs a
/// dispatch.
void sg_cu_drain(struct sg_cu *cu);

/// A kernel given by registers, as a PM4 dispatch does, instead of a descriptor.
struct sg_dispatch_registers {
    uint64_t entry;
    uint32_t rsrc1, rsrc2, rsrc3; ///< compute_pgm_rsrc1 to 3
    uint32_t user_data[16];       ///< the first scalar registers
};

/// One launch. Addresses are GPU addresses. The packet processor has validated packet fields
/// against each other; sg_dispatch_init validates them against the kernel descriptor.
struct sg_dispatch_config {
    uint64_t kernel_object;                        ///< the descriptor, unless there are `registers`
    const struct sg_dispatch_registers *registers; ///< NULL, or used during sg_dispatch_init
    uint64_t packet_va;                            ///< the AQL packet in its ring
    uint64_t queue_va;                             ///< amd_queue_t
    uint64_t kernarg_va;
    uint64_t dispatch_id;
    uint32_t grid_size[3]; ///< work-items
    uint16_t workgroup_size[3];
    uint32_t private_bytes; ///< per work-item
    uint32_t group_bytes;   ///< LDS per work-group: static and dynamic
    uint64_t scratch_va;    ///< backing memory of the queue
    uint64_t scratch_bytes;
    uint32_t scratch_lane_bytes;    ///< scratch_wave64_lane_byte_size
    uint32_t scratch_descriptor[4]; ///< the queue's SRD
    uint32_t tmpring_size;          ///< compute_tmpring_size
    uint32_t shared_aperture_hi;    ///< high dword of the LDS aperture
    uint32_t private_aperture_hi;   ///< high dword of the scratch aperture
    uint32_t doorbell_index;        ///< what s_sendmsg(MSG_GET_DOORBELL) returns
    const uint32_t *cu_mask;        ///< NULL: all; else cu_mask_count bits
    uint32_t cu_mask_count;
};

/// Why a dispatch can't start; the packet processor turns it into a queue error.
enum sg_dispatch_check {
    SG_DISPATCH_OK,
    SG_DISPATCH_BAD_CODE,       ///< kernel object or entry not mapped, wave32, ...
    SG_DISPATCH_GROUP_MEMORY,   ///< LDS over 64 KiB
    SG_DISPATCH_REGISTERS,      ///< needs more registers than a SIMD has for its work-group
    SG_DISPATCH_WORKGROUP_SIZE, ///< over 1024 work-items or not resident at once
    SG_DISPATCH_NO_MEMORY,      ///< the host is out of memory
};

/// Storage for one dispatch per queue, reused from launch to launch so that the steady state
/// allocates nothing. NULL when out of memory.
struct sg_dispatch *sg_dispatch_create(struct sg_cu *cu);
void sg_dispatch_destroy(struct sg_dispatch *dispatch);

/// Prepares a launch. The dispatch must be idle (fresh, or ended with DONE or FAULT).
/// With `no_alloc` (inside a signal handler) nothing is allocated and no lock is waited for:
/// SG_DISPATCH_NO_MEMORY then means "hand over to the queue's thread".
enum sg_dispatch_check sg_dispatch_init(struct sg_dispatch *dispatch,
                                        const struct sg_dispatch_config *config, bool no_alloc);

enum sg_run_state {
    SG_RUN_DONE,   ///< all work-groups ended; their stores are visible
    SG_RUN_BUDGET, ///< budget used up, or progress needs a resource that no_alloc forbids: call
                   ///< again
    SG_RUN_FAULT,  ///< a wave faulted; all others are stopped; `out_fault` filled
};

/// Runs work-groups on the calling thread until the dispatch ends or about `budget` wave
/// instructions were executed (UINT64_MAX: no limit). Time spent waiting for workers counts, so a
/// run with a budget always returns soon, and then no worker is in the dispatch: whoever does not
/// call again has suspended it. May be continued on another thread.
/// `no_alloc` as above: nothing allocated, no lock waited for, no worker woken.
enum sg_run_state sg_dispatch_run(struct sg_dispatch *dispatch, uint64_t budget, bool no_alloc,
                                  struct sg_fault *out_fault);

/// Makes a running dispatch stop at its next yield point, from any thread: run returns FAULT with
/// SG_FAULT_KILLED. For good: a killed dispatch can only be destroyed, later runs return the same
/// at once, so a kill between two runs is not lost. Async-signal-safe.
void sg_dispatch_kill(struct sg_dispatch *dispatch);

/// Writes a line per resident wave (work-group, wave, pc as kernel+offset, instruction, EXEC) to
/// `fd`. Async-signal-safe and lock-free; values may be torn while the waves run.
void sg_dispatch_dump(const struct sg_dispatch *dispatch, int fd);

/// Wave instructions executed so far; 0 unless the configuration asked for counting.
uint64_t sg_cu_instruction_count(const struct sg_cu *cu);
/// The highest isa_level that this processor has.
uint32_t sg_cu_isa_level_max(void);

/// "x86-64-v2", "-v3" or "-v4": the interpreter variant chosen for this processor.
/// HSAPROBE_SOFT_ISA=v2|v3|v4 overrides (never above what the processor has).
const char *sg_cu_variant(void);

#endif
