/* SPDX-License-Identifier: MIT */
/// Inside of the packet processors: what queue.c (who runs), aql.c, sdma.c and pm4.c (what runs)
/// share. Not for other folders.
#ifndef SG_CP_ENGINE_H
#define SG_CP_ENGINE_H

#include "abi/aql.h"
#include "abi/queue.h"
#include "abi/signal.h"
#include "softgpu/cp/cp.h"
#include "softgpu/mem/tlb.h"

#include <pthread.h>
#include <stdatomic.h>

/// Outcome of one look at the ring.
enum cp_step {
    CP_STEP_EMPTY,     ///< nothing published at the read index
    CP_STEP_DONE,      ///< a packet was consumed
    CP_STEP_AGAIN,     ///< in the middle of a long packet
    CP_STEP_WAIT,      ///< the packet waits for memory that somebody else changes
    CP_STEP_HAND_OVER, ///< inline only: the queue's thread must do it
    CP_STEP_STOP,      ///< queue error: nothing more until the queue is destroyed
};

/// Who runs and how much: passed down to the engines.
struct cp_run {
    uint64_t budget; ///< wave instructions left; engines take off what they use
    bool is_inline;  ///< in a signal handler: no allocation, no lock, no long work
};

/// Bytes that a copy engine moves in one step, so that suspend and destroy are answered.
enum { CP_COPY_CHUNK_BYTES = 256 << 10, CP_COPY_INLINE_BYTES = 64 << 10 };

/// Queues' priorities are 0 to 15, as CREATE_QUEUE takes them.
enum { CP_PRIORITIES = 16 };

enum cp_owner { CP_OWNER_NONE, CP_OWNER_THREAD, CP_OWNER_INLINE, CP_OWNER_DRIVER };
enum cp_control { CP_CONTROL_KILL = 1u << 0, CP_CONTROL_SUSPEND = 1u << 1 };
enum cp_state { CP_STATE_ASLEEP, CP_STATE_POLLING, CP_STATE_BUSY, CP_STATE_WAITING };

/// Why an AQL queue looks at its inactive signal before it goes on.
enum cp_stall { CP_STALL_NONE, CP_STALL_SCRATCH, CP_STALL_RECLAIM };

struct cp_aql {
    struct abi_queue *queue; ///< host address of the amd_queue_t, or `bare`
    struct abi_queue bare;   ///< of a queue that was made without one
    uint64_t queue_va;
    struct abi_aql_dispatch packet; ///< copy of the packet in execution
    enum cp_stall stall;
    uint64_t start_ts;
    uint64_t seen_index; ///< 1 + index of the packet that was last looked at; 0: none
};

/// Indirect buffers may be called from the ring and from each other.
enum { CP_PM4_FRAMES = 4, CP_PM4_SH_REGISTERS = 128 };
/// The longest packet: header and 2^14 dwords.
enum { CP_PM4_PACKET_BYTES = (1 + (1 << 14)) * sizeof(uint32_t) };

struct cp_pm4 {
    struct cp_pm4_frame {
        uint64_t va;
        uint32_t dwords;
        uint32_t position; ///< dwords already executed
    } frames[CP_PM4_FRAMES];
    uint32_t depth; ///< frames in use
    /// What a COND_EXEC leaves out of this buffer or ring. Any thread reads it.
    _Atomic uint32_t skip_dwords;
    uint64_t progress; ///< bytes of the current DMA_DATA packet already done
    /// What SET_SH_REG wrote, from ABI_PM4_SH_COMPUTE on.
    uint32_t sh[CP_PM4_SH_REGISTERS];
    uint32_t *packet; ///< PM4 rings: room for a packet that wraps
};

struct cp_sdma {
    uint64_t progress; ///< bytes or rows of the current packet already done
    uint64_t ib_va;    ///< the indirect buffer in execution, or 0
    uint32_t ib_dwords;
    uint32_t ib_position;
    uint32_t skip_dwords;   ///< what a COND_EXE leaves out of this buffer or ring
    uint64_t seen_position; ///< 1 + dword position of the packet that was last traced
    /// 1 + the write pointer that ends in the middle of a packet; 0: none. Any thread reads it.
    _Atomic uint64_t truncated_at;
};

struct cp_engine {
    const char *name;
    /// Executes one packet or a part of one. The caller owns the queue.
    enum cp_step (*step)(struct sg_cp_queue *queue, struct cp_run *run);
    /// Its packets touch the application's memory here, not in a kernel: pages that are no longer
    /// there become the queue's fault.
    bool is_guarded;
    /// A published packet is there. Any thread.
    bool (*has_work)(const struct sg_cp_queue *queue);
    /// Describes the packet at the read index in a few words.
    void (*describe)(const struct sg_cp_queue *queue, char *text, size_t capacity);
};
extern const struct cp_engine cp_engine_aql;
extern const struct cp_engine cp_engine_sdma;
extern const struct cp_engine cp_engine_pm4;

struct sg_cp_queue {
    struct sg_cp *cp;
    const struct cp_engine *engine;
    struct sg_cp_queue_config config;
    pthread_t thread;

    /* Shared between threads. */
    _Atomic uint32_t owner;   ///< enum cp_owner: who may touch everything below `tlb`
    _Atomic uint32_t control; ///< enum cp_control
    _Atomic uint32_t state;   ///< enum cp_state of the thread
    _Atomic uint32_t wake;    ///< futex: counts rings
    _Atomic bool is_stopped;  ///< after a queue error
    _Atomic bool has_fault;   ///< `fault` was met inline; the thread is to report it
    _Atomic uint32_t steps;   ///< counts steps that have ended
    _Atomic bool is_waiting;  ///< the last step's outcome was CP_STEP_WAIT
    _Atomic(uint8_t *) ring;  ///< host address
    _Atomic uint64_t ring_bytes;
    uint64_t *read_index;  ///< host address; written by the owner, always atomically
    uint64_t *write_index; ///< host address; written by the application

    /* The owner's. */
    struct sg_tlb tlb;
    struct cp_aql aql;
    struct cp_pm4 pm4;
    struct cp_sdma sdma;
    struct sg_dispatch *dispatch; ///< AQL and PM4
    bool is_running;              ///< `dispatch` is between init and its end
    uint32_t cu_mask[4];
    uint32_t cu_mask_bits;
    struct sg_fault fault;

    /* The thread's. */
    bool is_watching;
    bool is_contending; ///< counted in contenders[contending_priority]
    uint32_t contending_priority;
    uint64_t scan_ticks; ///< when the watch was last scanned
};

struct sg_cp {
    struct sg_cp_config config;
    struct sg_cp_news *news; ///< the configuration's, or `own_news`
    struct sg_cp_news own_news;
    /// Queues of each priority whose kernels have run for longer than a slice.
    _Atomic uint32_t contenders[CP_PRIORITIES];
    _Atomic uint32_t relief;        ///< futex: counts those that stopped contending
    _Atomic uint32_t waiting_count; ///< queues with `is_waiting`
    _Atomic uint32_t readers;       ///< who walks `queues`; destruction waits for them
    _Atomic(struct sg_cp_queue *) queues[SG_CP_MAX_QUEUES];
};

/* cp.c */

/// Checks and resolves a ring. Returns 0, -EINVAL, -EFAULT.
int cp_ring_find(const struct sg_cp *cp, enum sg_cp_queue_type type, uint64_t va, uint64_t bytes,
                 uint8_t **out_ring);

/* queue.c */

/// Starts the queue's thread, asleep. Returns 0 or -errno.
int cp_queue_start(struct sg_cp_queue *queue);
/// Stops whatever runs and joins the thread; the caller is the owner afterwards, for ever.
void cp_queue_kill(struct sg_cp_queue *queue);

/* completion.c */

/// The device clock: 100 MHz ticks of CLOCK_BOOTTIME, as GET_CLOCK_COUNTERS reports it.
uint64_t cp_clock_ticks(void);
/// Host address of a GPU address. NULL: raises the memory fault and stops the queue.
void *cp_host(struct sg_cp_queue *queue, uint64_t va, uint64_t bytes, uint32_t need);
/// Acquire-loads the value of a signal, which may be read-only. Returns false as cp_host does.
bool cp_signal_load(struct sg_cp_queue *queue, uint64_t handle, int64_t *out_value);
/// Timestamps, decrement, mailbox, event. A zero handle does nothing.
void cp_signal_complete(struct sg_cp_queue *queue, uint64_t handle, uint64_t start_ts,
                        uint64_t end_ts);
/// Writes the event's mailbox and raises the event.
void cp_raise_event(struct sg_cp_queue *queue, uint64_t mailbox_va, uint32_t event_id);
/// ORs `bits` (enum abi_queue_error) into the queue's inactive signal and raises its event.
void cp_queue_signal_error(struct sg_cp_queue *queue, uint64_t bits);
/// cp_queue_signal_error, then stops the queue.
enum cp_step cp_queue_fail(struct sg_cp_queue *queue, uint64_t bits);
/// Reports a fault of a wave or of a packet's own memory access as the runtime expects it. Met
/// inline it is kept for the queue's thread (CP_STEP_HAND_OVER).
enum cp_step cp_queue_fault(struct sg_cp_queue *queue, const struct sg_fault *fault);
/// The same for a packet's own access to `va`.
enum cp_step cp_packet_fault(struct sg_cp_queue *queue, enum sg_fault_cause cause, uint64_t va,
                             bool is_write);
/// Wakes queues that wait for memory to change.
void cp_notify(struct sg_cp *cp);

/* dispatch.c */

/// Starts or continues the kernel dispatch in aql.packet. CP_STEP_DONE: the kernel has ended.
enum cp_step cp_dispatch_step(struct sg_cp_queue *queue, struct cp_run *run);
/// Starts what `config` says, with the queue's own addresses filled in. CP_STEP_DONE: started;
/// anything else as a step's outcome.
enum cp_step cp_dispatch_begin(struct sg_cp_queue *queue, struct sg_dispatch_config *config,
                               bool is_inline);
/// Goes on with the dispatch that is running. CP_STEP_DONE: the kernel has ended.
enum cp_step cp_dispatch_continue(struct sg_cp_queue *queue, struct cp_run *run);
/// Ends a dispatch that will not be continued. The caller owns the queue.
void cp_dispatch_abandon(struct sg_cp_queue *queue);

/* pm4.c */

/// Executes one packet of a ring, or goes on with it after CP_STEP_AGAIN and CP_STEP_WAIT: an
/// INDIRECT_BUFFER is one packet with all that it calls. `count`: its dwords.
enum cp_step cp_pm4_execute(struct sg_cp_queue *queue, const uint32_t *dwords, uint32_t count,
                            struct cp_run *run);
/// The same for an AQL vendor packet's, which must be an INDIRECT_BUFFER.
enum cp_step cp_pm4_execute_vendor(struct sg_cp_queue *queue, const struct abi_aql_pm4_ib *packet,
                                   struct cp_run *run);
/// Dwords of the packet that begins with `header`.
uint32_t cp_pm4_packet_dwords(uint32_t header);
/// Takes what is to be skipped off `available` dwords; returns how many those are.
uint32_t cp_pm4_skip(struct sg_cp_queue *queue, uint32_t available);
/// Stops the queue because of a packet and says why.
enum cp_step cp_pm4_refuse(struct sg_cp_queue *queue, uint32_t header, const char *why);

/* pm4_packets.c */

/// Executes one packet that is no INDIRECT_BUFFER.
enum cp_step cp_pm4_packet(struct sg_cp_queue *queue, const uint32_t *dwords, uint32_t count,
                           struct cp_run *run);
const char *cp_pm4_opcode_name(uint32_t opcode);

/* pm4_dispatch.c */

/// SET_SH_REG and the dispatches, as rows of pm4_packets.c.
enum cp_step cp_pm4_set_sh_reg(struct sg_cp_queue *queue, const uint32_t *dwords, uint32_t count,
                               struct cp_run *run);
enum cp_step cp_pm4_dispatch_direct(struct sg_cp_queue *queue, const uint32_t *dwords,
                                    uint32_t count, struct cp_run *run);
enum cp_step cp_pm4_dispatch_indirect(struct sg_cp_queue *queue, const uint32_t *dwords,
                                      uint32_t count, struct cp_run *run);

/// Runs one dword poll (POLL_REGMEM, WAIT_REG_MEM).
bool cp_poll_compare(uint32_t func, uint32_t value, uint32_t reference);

/* atomic.c */

/// Operands of an abi_tc_op. `is_loop`: a compare-and-swap that repeats until it succeeds.
struct cp_atomic {
    uint32_t operation;
    uint64_t va;
    uint64_t source;
    uint64_t compare;
    bool is_loop;
};
/// Bytes that the operation works on, 4 or 8; 0: there is no such operation.
uint32_t cp_atomic_bytes(uint32_t operation);
/// Performs it. CP_STEP_WAIT: a looping compare-and-swap has not yet succeeded; CP_STEP_STOP: the
/// memory fault was raised.
enum cp_step cp_atomic_execute(struct sg_cp_queue *queue, const struct cp_atomic *atomic);

/* copy.c */

/// Copies between mapped intervals, piecewise; stops the queue on a fault and returns false.
bool cp_copy(struct sg_cp_queue *queue, uint64_t dst_va, uint64_t src_va, uint64_t bytes);
/// Stores from host memory. Aligned dwords and qwords are stored at once and may ring a doorbell.
bool cp_store(struct sg_cp_queue *queue, uint64_t dst_va, const void *source, uint64_t bytes);
/// Fills with `unit_bytes` (1, 2, 4) of `pattern`, starting at the pattern's first byte.
bool cp_fill(struct sg_cp_queue *queue, uint64_t dst_va, uint32_t pattern, uint32_t unit_bytes,
             uint64_t bytes);

/* trace.c */

const char *cp_aql_type_name(unsigned type);
void cp_trace_aql(const struct sg_cp_queue *queue, uint64_t index,
                  const struct abi_aql_dispatch *packet);
const char *cp_sdma_op_name(uint32_t header);
/// `packet` has at least as many valid dwords as its kind is long.
void cp_trace_sdma(const struct sg_cp_queue *queue, uint64_t position, const uint32_t *packet);

#endif
