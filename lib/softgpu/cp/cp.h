/* SPDX-License-Identifier: MIT */
/// The packet processors of one GPU: AQL, PM4 and SDMA rings.
///
/// The driver creates a queue here for each CREATE_QUEUE. Each queue has an executing context of
/// its own (a thread that sleeps when there is nothing to do), because kernels of different queues
/// may wait for each other. A doorbell reaches sg_cp_queue_ring (wake the queue's thread) or
/// sg_cp_queue_run_inline (do short work on the ringing thread).
///
/// A ring is worked off by packet headers and write indices, never by doorbell values.
#ifndef SG_CP_CP_H
#define SG_CP_CP_H

#include "softgpu/cu/cu.h"
#include "softgpu/mem/vm.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct sg_cp;
struct sg_cp_queue;

/// As many as an 8 KiB doorbell page has 8-byte doorbells.
enum { SG_CP_MAX_QUEUES = 1024 };

/// Where results and faults go; injected by the software GPU's device.c, answered by the driver.
/// Called from queue threads, workers and (inline execution) signal handlers: async-signal-safe,
/// no allocation, never blocking.
struct sg_cp_sink {
    void *context;
    /// A completion signal asks for event `event_id` (already written to its mailbox), or a kernel
    /// sent an interrupt.
    void (*event)(void *context, uint32_t event_id);
    /// A wave or a packet touched `fault->va`; every memory event of the process is to fire.
    void (*memory_fault)(void *context, const struct sg_fault *fault);
    /// A wave or a packet faulted, whatever the cause (not SG_FAULT_KILLED): the driver prints the
    /// one line that names kernel, offset and instruction, or queue. Called once per fault, before
    /// memory_fault or the queue error, from the queue's thread only (an inline run hands a fault
    /// over).
    void (*report)(void *context, const struct sg_fault *fault);
};

/// How the queues' threads tell the doorbell code that they look at rings by themselves. A thread
/// that has entered calls `scan` every few microseconds until it leaves; while one thread is in,
/// the doorbell page may stay open. All may be called from several threads at once; NULL members
/// are skipped.
struct sg_cp_watch {
    void *context;
    /// The thread is awake and polls from now on.
    void (*enter)(void *context);
    /// Looks at every queue of the page (sg_cp_queue_has_work) and rings those that sleep.
    void (*scan)(void *context);
    /// The thread wants to sleep (`is_busy` false) or begins long work, during which it can't scan.
    /// Returns false to keep an idle thread polling (ignored when busy). When it returns true,
    /// doorbells of the page trap again or another thread watches, and rings that came in between
    /// were delivered.
    bool (*leave)(void *context, bool is_busy);
};

/// Where queues that wait for memory to change sleep. The GPUs of a process share one, because a
/// packet of one may wait for a signal that another completes. All zero to begin with.
struct sg_cp_news {
    _Atomic uint32_t change;  ///< futex: counts pokes and completions while somebody waits
    _Atomic uint32_t waiters; ///< queues that sleep on `change`
};

struct sg_cp_config {
    struct sg_vm *vm;
    struct sg_cu *cu;
    struct sg_cp_sink sink;
    struct sg_cp_news *news;  ///< shared between GPUs; NULL: there is one GPU
    uint32_t gpu_id;          ///< the driver's id, for messages
    struct sg_cp_watch watch; ///< all zero: queues are reached by sg_cp_queue_ring alone
};

/// Starts no thread. NULL when out of memory.
struct sg_cp *sg_cp_create(const struct sg_cp_config *config);
/// All queues must be destroyed. NULL is accepted.
void sg_cp_destroy(struct sg_cp *cp);

enum sg_cp_queue_type { SG_CP_QUEUE_AQL, SG_CP_QUEUE_SDMA, SG_CP_QUEUE_PM4 };

struct sg_cp_queue_config {
    enum sg_cp_queue_type type;
    uint32_t queue_id; ///< the driver's
    uint64_t ring_va;
    uint64_t ring_bytes;
    /// AQL: u64 packets consumed and published; SDMA: u64 bytes; PM4: u32 dwords, the read pointer
    /// wraps with the ring, the write pointer may. An AQL queue's read index is amd_queue_t's if
    /// read_dispatch_id_field_base_byte_offset behind it says so, as ROCr's does; else the queue
    /// has no scratch memory and reports no errors.
    uint64_t read_ptr_va;
    uint64_t write_ptr_va;
    /// 0..15. While a long kernel of a queue of higher priority runs, those of lower ones run for a
    /// tenth of the time; equal ones share the processors evenly.
    uint32_t priority;
    uint32_t percentage; ///< 0: suspended
    uint32_t doorbell_index;
};

/// Starts the queue's thread, asleep: a doorbell's signal handler could not start one. Returns 0,
/// -EFAULT (ring or pointers not mapped), -EINVAL (sizes, alignment, no such type or
/// priority), -ENOMEM, -EAGAIN (no thread), -ENOSPC (SG_CP_MAX_QUEUES exist).
int sg_cp_queue_create(struct sg_cp *cp, const struct sg_cp_queue_config *config,
                       struct sg_cp_queue **out_queue);
/// Kills what runs, joins the thread. On return nothing touches the ring, the signals or the
/// kernel's memory any more, and an inline run on another thread has left. NULL is accepted.
void sg_cp_queue_destroy(struct sg_cp_queue *queue);
/// Changes ring, priority and percentage; percentage 0 suspends: returns when the queue executes
/// nothing (a running kernel is preempted at its next yield point and continues on resume).
int sg_cp_queue_update(struct sg_cp_queue *queue, uint64_t ring_va, uint64_t ring_bytes,
                       uint32_t priority, uint32_t percentage);
/// Restricts the queue's later kernels to the units whose bits are set (copied); one that runs is
/// preempted meanwhile and keeps its units. Returns 0 or -EINVAL.
int sg_cp_queue_set_cu_mask(struct sg_cp_queue *queue, const uint32_t *mask, uint32_t bit_count);

/// The doorbell was rung: there may be work. Wakes the queue's thread. Async-signal-safe.
void sg_cp_queue_ring(struct sg_cp_queue *queue);
/// Signals may have changed from outside (SET_EVENT): waiting queues of all GPUs that share the
/// news look again.
void sg_cp_poke(struct sg_cp *cp);
/// Works the queue off on the calling thread, inside a signal handler: takes packets while they
/// are short (a shared budget of wave instructions), decoded and satisfiable; hands the rest to
/// the queue's thread. Never allocates, never waits for a lock, never blocks. Returns true when the
/// queue is empty on return, false when it was handed over.
bool sg_cp_queue_run_inline(struct sg_cp_queue *queue);

/// True while the queue's thread sleeps until it is rung. It polls (and has entered the watch)
/// after every ring that finds it asleep.
bool sg_cp_queue_is_asleep(const struct sg_cp_queue *queue);
/// True when a published packet is not yet worked off and nothing keeps the queue from looking at
/// it. A few loads; any thread; async-signal-safe.
bool sg_cp_queue_has_work(const struct sg_cp_queue *queue);

/// Returns when no executing context (queue thread, worker, inline run) uses a translation any more
/// that was removed from the address space before the call: at the latest when every running wave
/// has passed a yield point. The driver calls it between UNMAP and giving host memory back (FREE).
/// Immediate when nothing runs. Bounded: never waits for a kernel to end, nor for a queue that the
/// driver owns: who destroys or suspends one may itself be waiting for this to return. Not in a
/// signal handler.
void sg_cp_drain(struct sg_cp *cp);

/// SIGQUIT: a line per queue and per resident wave. Async-signal-safe.
void sg_cp_dump(const struct sg_cp *cp, int fd);

#endif
