/* SPDX-License-Identifier: MIT */
/// HSA signals. A signal is HSA's own handle, so it can be mixed with direct HSA calls.
///
/// Load, store and the read-modify-write family can't fail: a wrong handle is undefined behaviour,
/// as in HSA. In mode HSP_WRAPPER_OFF each is one indirect call into libhsa-runtime64.
///
/// Thread safety: all functions, from any thread; a signal must not be in use when destroyed.
#ifndef HSAPROBE_SIGNAL_H
#define HSAPROBE_SIGNAL_H

#include <hsa/hsa.h>
#include <hsaprobe/agent.h>

#ifdef __cplusplus
extern "C" {
#endif

/// NULL options mean all zero.
struct hsp_signal_options {
    size_t size; ///< sizeof(struct hsp_signal_options)
    /// Agents that wait on or change the signal; none means any agent.
    const struct hsp_agent *const *consumers;
    size_t consumer_count;
    /// Waiting never sleeps in the driver: HSA_AMD_SIGNAL_AMD_GPU_ONLY asks the runtime for a
    /// signal without interrupt. ROCr 5.2 prints "Use of non-host signal in host signal wait API"
    /// on standard error, ten times per process, when the host waits on such a signal; it waits
    /// rightly all the same. A signal with `ipc` doesn't make it do so.
    bool busy_wait;
    /// hsp_signal_export works on it. Such a signal is never waited for in the driver either.
    bool ipc;
};

/// Creates a signal of this value. May take a driver event: 1 us from the runtime's pool, up to
/// 50 us when that has to grow.
HSP_API hsp_status hsp_signal_create(int64_t initial, const struct hsp_signal_options *options,
                                     hsa_signal_t *out_signal);
/// A zero handle is fine.
HSP_API void hsp_signal_destroy(hsa_signal_t signal);

/// The value now. A doorbell has none that could be read.
HSP_API int64_t hsp_signal_load_relaxed(hsa_signal_t signal);
HSP_API int64_t hsp_signal_load_acquire(hsa_signal_t signal);
/// Sets the value and wakes those who sleep on the signal, which enters the driver for a signal
/// that interrupts.
HSP_API void hsp_signal_store_relaxed(hsa_signal_t signal, int64_t value);
HSP_API void hsp_signal_store_release(hsa_signal_t signal, int64_t value);
/// Changes the value without waking waiters.
HSP_API void hsp_signal_silent_store_relaxed(hsa_signal_t signal, int64_t value);
HSP_API void hsp_signal_silent_store_release(hsa_signal_t signal, int64_t value);

/// hsp_signal_add_relaxed(signal, value) and so on: add, subtract, and, or, xor in the orders
/// relaxed, acquire, release and acq_rel. They return nothing and wake sleepers, as in HSA.
#define HSP_SIGNAL_UPDATE(op)                                                                      \
    HSP_API void hsp_signal_##op##_relaxed(hsa_signal_t signal, int64_t value);                    \
    HSP_API void hsp_signal_##op##_acquire(hsa_signal_t signal, int64_t value);                    \
    HSP_API void hsp_signal_##op##_release(hsa_signal_t signal, int64_t value);                    \
    HSP_API void hsp_signal_##op##_acq_rel(hsa_signal_t signal, int64_t value)
HSP_SIGNAL_UPDATE(add);
HSP_SIGNAL_UPDATE(subtract);
HSP_SIGNAL_UPDATE(and);
HSP_SIGNAL_UPDATE(or);
HSP_SIGNAL_UPDATE(xor);
#undef HSP_SIGNAL_UPDATE

/// Sets the value, wakes sleepers and returns the value before.
HSP_API int64_t hsp_signal_exchange_relaxed(hsa_signal_t signal, int64_t value);
HSP_API int64_t hsp_signal_exchange_acquire(hsa_signal_t signal, int64_t value);
HSP_API int64_t hsp_signal_exchange_release(hsa_signal_t signal, int64_t value);
HSP_API int64_t hsp_signal_exchange_acq_rel(hsa_signal_t signal, int64_t value);
/// Stores `value` if the signal holds `expected`; returns the value before.
HSP_API int64_t hsp_signal_cas_relaxed(hsa_signal_t signal, int64_t expected, int64_t value);
HSP_API int64_t hsp_signal_cas_acquire(hsa_signal_t signal, int64_t expected, int64_t value);
HSP_API int64_t hsp_signal_cas_release(hsa_signal_t signal, int64_t expected, int64_t value);
HSP_API int64_t hsp_signal_cas_acq_rel(hsa_signal_t signal, int64_t expected, int64_t value);

/// The values of hsa_signal_condition_t.
enum hsp_condition {
    HSP_CONDITION_EQ = 0,
    HSP_CONDITION_NE = 1,
    HSP_CONDITION_LT = 2,
    HSP_CONDITION_GTE = 3,
};

/// The values of hsa_wait_state_t.
enum hsp_wait_state {
    HSP_WAIT_BLOCKED = 0, ///< spins for a while (200 us in ROCr 5.2), then sleeps in the driver
    HSP_WAIT_ACTIVE = 1,  ///< spins until the end
};

/// Waits until `signal CONDITION value` with acquire order. HSA may return early; this waits again
/// until the condition holds or `timeout_ns` is over (HSP_ERROR_TIMEOUT, no error text is made).
/// `out_value`, which may be NULL, gets the value last seen, also at a timeout.
HSP_API hsp_status hsp_signal_wait(hsa_signal_t signal, enum hsp_condition condition, int64_t value,
                                   uint64_t timeout_ns, enum hsp_wait_state state,
                                   int64_t *out_value);

/// One of several conditions that a thread waits for.
struct hsp_signal_wait_item {
    hsa_signal_t signal;
    enum hsp_condition condition;
    int64_t value;
};
/// Waits until one of `count` conditions (1 to 65536) holds, with acquire order. `out_index` gets
/// the first that did, and `out_value`, which may be NULL, its signal's value. HSP_ERROR_TIMEOUT as
/// for hsp_signal_wait, with nothing written. Beyond 64 conditions it allocates. ROCr itself
/// allocates when it sleeps on several signals.
HSP_API hsp_status hsp_signal_wait_any(const struct hsp_signal_wait_item *items, size_t count,
                                       uint64_t timeout_ns, enum hsp_wait_state state,
                                       size_t *out_index, int64_t *out_value);

/// Called on a thread of the runtime with the value that met the condition. True: call again when
/// the condition holds next (at once, if it still does); false: no more. Must not wait for another
/// handler's work: one thread serves them all.
typedef bool (*hsp_signal_handler)(int64_t value, void *data);
/// Has `handler` called once `signal CONDITION value` holds. There is no way to take it back other
/// than meeting the condition; the signal must live until the handler returned false.
HSP_API hsp_status hsp_signal_on(hsa_signal_t signal, enum hsp_condition condition, int64_t value,
                                 hsp_signal_handler handler, void *data);

/// Names a signal made with options.ipc for other processes. HSP_DOMAIN_HSA: it wasn't.
HSP_API hsp_status hsp_signal_export(hsa_signal_t signal, struct hsp_ipc_handle *out_handle);
/// The signal behind another process's handle, to be destroyed like one's own. The exporting signal
/// must still exist.
HSP_API hsp_status hsp_signal_import(const struct hsp_ipc_handle *handle, hsa_signal_t *out_signal);

enum hsp_signal_kind {
    HSP_SIGNAL_USER,            ///< a value in memory
    HSP_SIGNAL_DOORBELL,        ///< a 64-bit register: a queue's doorbell
    HSP_SIGNAL_LEGACY_DOORBELL, ///< a 32-bit register of GPUs before gfx9
    HSP_SIGNAL_OTHER,           ///< newer than this library
};
/// What is in the memory behind a signal (amd_signal_t): AMD's runtime only.
struct hsp_signal_state {
    enum hsp_signal_kind kind;
    int64_t native_kind;       ///< the number behind `kind`
    int64_t value;             ///< 0 for doorbells
    uint64_t doorbell_address; ///< of the register; 0 for other kinds
    bool interrupts;           ///< the device raises an event after changing the value
    uint32_t event_id;         ///< the driver's number of that event; 0 without
    uint64_t mailbox_address;  ///< where the device writes the event's number; 0 without
    uint64_t start_ticks;      ///< device clock, as the packet processor wrote it; 0 before
    uint64_t end_ticks;        ///<
    uint64_t queue_address;    ///< of the amd_queue_t that a doorbell belongs to; else 0
};
/// Looks without HSA: plain loads, each field by itself.
HSP_API void hsp_signal_inspect(hsa_signal_t signal, struct hsp_signal_state *out_state);

/// Where a signal's value lies, for kernels that read or change it and for devices that poll it;
/// NULL for doorbells. A change by a plain or atomic store wakes nobody who sleeps on the signal:
/// wait for it with HSP_WAIT_ACTIVE. Agents that the signal wasn't made for (consumers) may not
/// reach it.
HSP_API int64_t *hsp_signal_value_address(hsa_signal_t signal);

/// Signals made ahead, so that the steady state neither creates any nor enters the driver.
struct hsp_signal_pool;
/// Makes `count` (1 to 65536) signals of these options.
HSP_API hsp_status hsp_signal_pool_create(size_t count, const struct hsp_signal_options *options,
                                          struct hsp_signal_pool **out_pool);
/// NULL is fine. Destroys all signals; none may be in use.
HSP_API void hsp_signal_pool_destroy(struct hsp_signal_pool *pool);
/// A signal that holds `initial`; its handle is 0 when all are out. Lock-free, never allocates.
HSP_API hsa_signal_t hsp_signal_pool_acquire(struct hsp_signal_pool *pool, int64_t initial);
/// Gives a signal of this pool back; nobody may be waiting for it. A zero handle is fine.
/// Lock-free; a binary search of the pool's handles.
HSP_API void hsp_signal_pool_release(struct hsp_signal_pool *pool, hsa_signal_t signal);

/// An interval of device work on the host's clock.
struct hsp_device_times {
    uint64_t start_ns;    ///< hsp_clock_ns() domain
    uint64_t end_ns;      ///<
    uint64_t start_ticks; ///< HSA system ticks, as the runtime translated them
    uint64_t end_ticks;   ///<
    /// start_ns and end_ns may both be off by this much, in the same direction: half the interval
    /// in which the two clocks were compared, when the times were asked for, and 0.05 % of the time
    /// from start_ns to then, by which the clocks may have drifted apart. Ask soon. Durations are
    /// not affected.
    uint64_t error_ns;
};
/// Times of the kernel dispatch that completed `signal`, on a queue of `agent` with profiling on
/// (struct hsp_queue_options).
HSP_API hsp_status hsp_signal_dispatch_times(hsa_signal_t signal, const struct hsp_agent *agent,
                                             struct hsp_device_times *out_times);
/// The same for an asynchronous copy; copies are timed after hsp_signal_time_copies(true).
HSP_API hsp_status hsp_signal_copy_times(hsa_signal_t signal, struct hsp_device_times *out_times);
/// Whether asynchronous copies of all agents are timed, from now on; off at first.
HSP_API hsp_status hsp_signal_time_copies(bool enable);

#ifdef __cplusplus
}
#endif

#endif
