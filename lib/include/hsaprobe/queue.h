/* SPDX-License-Identifier: MIT */
/// User-mode queues and our own AQL ring writer.
///
/// Two ways to submit, which may be mixed on one queue: HSA's functions on hsp_queue_native(), or
/// the writer below, which works on the queue's memory directly:
///
///     uint64_t first;
///     hsp_queue_reserve(queue, n, HSP_WAIT_FOREVER, &first);       // n slots
///     for (i = 0; i < n; i++) {
///         union hsp_packet *slot = hsp_queue_slot(queue, first + i);
///         ... everything but the first four bytes ...
///         hsp_queue_publish(slot, header, setup);                  // release store, the last one
///     }
///     hsp_queue_ring_doorbell(queue, first + n - 1);               // once per batch
///
/// A slot belongs to the caller from reserve to publish, then to the packet processor.
///
/// Thread safety: reserve, slot, publish and ring_doorbell from any number of threads on queues of
/// type HSP_QUEUE_MULTI, from one at a time on the others; the rest from any thread.
#ifndef HSAPROBE_QUEUE_H
#define HSAPROBE_QUEUE_H

#include <hsa/hsa.h>
#include <hsa/hsa_ext_amd.h>
#include <hsaprobe/agent.h>

#ifdef __cplusplus
extern "C" {
#endif

struct hsp_queue;

/// The values of hsa_queue_type_t.
enum hsp_queue_type {
    HSP_QUEUE_MULTI = 0,
    HSP_QUEUE_SINGLE = 1,
    HSP_QUEUE_COOPERATIVE = 2,
};

enum hsp_queue_priority { HSP_PRIORITY_NORMAL = 0, HSP_PRIORITY_LOW = 1, HSP_PRIORITY_HIGH = 2 };

/// How the ring writer rings.
enum hsp_doorbell {
    HSP_DOORBELL_HSA = 0,    ///< hsa_signal_store_screlease on the doorbell signal: always right
    HSP_DOORBELL_DIRECT = 1, ///< a store to the mapped doorbell, where the queue has one
};

/// Told when the queue enters the error state, on a thread of the runtime.
typedef void (*hsp_queue_error_function)(struct hsp_queue *queue, hsp_status status,
                                         const char *reason, void *data);

/// NULL options mean all zero.
struct hsp_queue_options {
    size_t size; ///< sizeof(struct hsp_queue_options)
    enum hsp_queue_type type;
    uint32_t packet_count; ///< power of two within the agent's limits; 0 means 1024 or its greatest
    enum hsp_queue_priority priority;
    enum hsp_doorbell doorbell;
    bool profiling;                    ///< device timestamps in completion signals
    bool intercept;                    ///< hsp_queue_intercept works on it
    uint32_t private_segment_bytes;    ///< hint per work-item; 0 lets the runtime decide
    uint32_t group_segment_bytes;      ///< hint per work-group; 0 lets the runtime decide
    const uint32_t *cu_mask;           ///< one bit per compute unit; NULL for all
    uint32_t cu_mask_bit_count;        ///< a multiple of 32
    hsp_queue_error_function on_error; ///< NULL: logged at HSP_LOG_ERROR
    void *on_error_data;
};

/// Creates a queue. Enters the driver; milliseconds. HSP_DOORBELL_DIRECT on a queue whose doorbell
/// isn't a mapped 64-bit register (an intercepted one has none) is HSP_ERROR_NOT_SUPPORTED, as is
/// `intercept` without the API table (hsp_runtime_request_table).
HSP_API hsp_status hsp_queue_create(const struct hsp_agent *agent,
                                    const struct hsp_queue_options *options,
                                    struct hsp_queue **out_queue);
/// A queue around one that the caller made with HSA's functions, such as a soft queue that the host
/// consumes: hsp_queue_destroy leaves `native` to the caller, who destroys it afterwards. Its
/// errors go to the callback that the caller gave HSA: hsp_queue_error stays HSP_OK. Rung through
/// HSA.
HSP_API hsp_status hsp_queue_wrap(const struct hsp_agent *agent, hsa_queue_t *native,
                                  struct hsp_queue **out_queue);
/// NULL is fine. Work in flight is dropped by the runtime.
HSP_API void hsp_queue_destroy(struct hsp_queue *queue);

/// HSA's own queue, for calls of HSA; valid as long as this one.
HSP_API hsa_queue_t *hsp_queue_native(const struct hsp_queue *queue);
/// The agent that consumes its packets.
HSP_API const struct hsp_agent *hsp_queue_agent(const struct hsp_queue *queue);
/// How the ring writer rings it.
HSP_API enum hsp_doorbell hsp_queue_doorbell(const struct hsp_queue *queue);
/// Number of slots.
HSP_API uint32_t hsp_queue_packet_count(const struct hsp_queue *queue);
/// Device timestamps in the completion signals of packets submitted from now on.
HSP_API hsp_status hsp_queue_set_profiling(struct hsp_queue *queue, bool enable);
/// HSP_OK, or why the queue is in the error state (the HSA status); then nothing more executes.
HSP_API hsp_status hsp_queue_error(const struct hsp_queue *queue);
/// The same in words: "" or e.g. "illegal instruction". Valid as long as the queue.
HSP_API const char *hsp_queue_error_reason(const struct hsp_queue *queue);

/// One slot. `words` covers all of it.
union hsp_packet {
    hsa_kernel_dispatch_packet_t dispatch;
    hsa_barrier_and_packet_t barrier_and;
    hsa_barrier_or_packet_t barrier_or;
    hsa_amd_barrier_value_packet_t barrier_value;
    hsa_agent_dispatch_packet_t agent_dispatch;
    uint32_t words[16];
};

/// Packets reserved so far; the slot of packet n is n modulo the size. Relaxed.
HSP_API uint64_t hsp_queue_write_index(const struct hsp_queue *queue);
/// Packets consumed so far: taken from the ring, not necessarily completed. Acquire.
HSP_API uint64_t hsp_queue_read_index(const struct hsp_queue *queue);

/// Takes `count` consecutive packets if there is room now. HSP_ERROR_FULL otherwise (without error
/// text); HSP_ERROR_INVALID_ARGUMENT when count is 0 or greater than the ring. No system call.
HSP_API hsp_status hsp_queue_try_reserve(struct hsp_queue *queue, uint32_t count,
                                         uint64_t *out_first_index);
/// The same, but waits for room up to `timeout_ns`: HSP_ERROR_TIMEOUT, or HSP_ERROR_QUEUE when the
/// queue enters the error state meanwhile.
HSP_API hsp_status hsp_queue_reserve(struct hsp_queue *queue, uint32_t count, uint64_t timeout_ns,
                                     uint64_t *out_first_index);
/// Slot of a packet index.
HSP_API union hsp_packet *hsp_queue_slot(const struct hsp_queue *queue, uint64_t index);
/// Hands a filled slot over: one 32-bit release store of header and setup. From here the packet
/// processor may consume it, even before the doorbell.
HSP_API void hsp_queue_publish(union hsp_packet *slot, uint16_t header, uint16_t setup);
/// Tells the packet processor that packets up to `last_index` are there.
HSP_API void hsp_queue_ring_doorbell(struct hsp_queue *queue, uint64_t last_index);

/// Where an interceptor's packets go: to the interceptor registered before it, in the end to the
/// device. Valid during the call.
struct hsp_packet_writer;
/// Appends packets to what the interceptor lets through; handed on when it returns. Fails, with
/// nothing appended, only for want of memory.
HSP_API hsp_status hsp_packet_write(struct hsp_packet_writer *writer,
                                    const union hsp_packet *packets, uint64_t count);
/// Sees `count` packets that the program put into the ring from `first_index` on, and decides: to
/// write them on as they are, changed copies, others before or behind them, or none. Called on the
/// thread that rings the doorbell (or on the runtime's when the device did), with a lock held: it
/// must not submit to the same queue or destroy it.
typedef void (*hsp_queue_interceptor)(const union hsp_packet *packets, uint64_t count,
                                      uint64_t first_index, struct hsp_packet_writer *writer,
                                      void *data);
/// Registers an interceptor on a queue made with options.intercept; the one registered last sees
/// packets first. Before the first packet only. HSP_ERROR_INVALID_ARGUMENT for other queues.
///
/// Keep fewer packets in flight than the ring has: ROCr 5.2 stops the process with an assertion
/// when the device's ring, which has the same size, is full while packets are passed on.
HSP_API hsp_status hsp_queue_intercept(struct hsp_queue *queue, hsp_queue_interceptor interceptor,
                                       void *data);

/// Header of a packet. Scopes are HSA_FENCE_SCOPE_*.
HSP_API uint16_t hsp_packet_header(hsa_packet_type_t type, bool barrier, hsa_fence_scope_t acquire,
                                   hsa_fence_scope_t release);
/// Copies the slot of `index` as it is in memory now: also slots already consumed (their header is
/// then INVALID) as long as they haven't been overwritten.
HSP_API void hsp_queue_read_slot(const struct hsp_queue *queue, uint64_t index,
                                 union hsp_packet *out_packet);
/// One line that decodes a packet, e.g. "kernel_dispatch barrier=1 acquire=system release=system
/// grid=256,1,1 workgroup=64,1,1 ...". Unknown types are shown as words. Returns the length that
/// the whole text has, like snprintf.
HSP_API int hsp_packet_describe(const union hsp_packet *packet, char *text, size_t text_bytes);

#ifdef __cplusplus
}
#endif

#endif
