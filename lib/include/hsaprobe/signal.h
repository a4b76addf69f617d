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
    /// signal without interrupt.
    bool busy_wait;
};

/// Creates a signal of this value. May take a driver event: 1 us from the runtime's pool, up to
/// 50 us when that has to grow.
HSP_API hsp_status hsp_signal_create(int64_t initial, const struct hsp_signal_options *options,
                                     hsa_signal_t *out_signal);
/// A zero handle is fine.
HSP_API void hsp_signal_destroy(hsa_signal_t signal);

HSP_API int64_t hsp_signal_load_relaxed(hsa_signal_t signal);
HSP_API int64_t hsp_signal_load_acquire(hsa_signal_t signal);
HSP_API void hsp_signal_store_relaxed(hsa_signal_t signal, int64_t value);
HSP_API void hsp_signal_store_release(hsa_signal_t signal, int64_t value);
/// Changes the value without waking waiters.
HSP_API void hsp_signal_silent_store_relaxed(hsa_signal_t signal, int64_t value);
HSP_API void hsp_signal_silent_store_release(hsa_signal_t signal, int64_t value);

/// hsp_signal_add_relaxed(signal, value) and so on: add, subtract, and, or, xor in the orders
/// relaxed, acquire, release and acq_rel. They return nothing, as in HSA.
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

/// Return the value before.
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

/// An interval of device work on the host's clock.
struct hsp_device_times {
    uint64_t start_ns;    ///< hsp_clock_ns() domain
    uint64_t end_ns;      ///<
    uint64_t start_ticks; ///< HSA system ticks, as the runtime translated them
    uint64_t end_ticks;   ///<
    /// Half-width of the interval in which the two clocks were compared: start_ns and end_ns may
    /// both be off by this much, in the same direction. Durations are not affected.
    uint64_t error_ns;
};
/// Times of the kernel dispatch that completed `signal`, on a queue of `agent` with profiling on
/// (struct hsp_queue_options).
HSP_API hsp_status hsp_signal_dispatch_times(hsa_signal_t signal, const struct hsp_agent *agent,
                                             struct hsp_device_times *out_times);
/// The same for an asynchronous copy; copies are timed after hsp_signal_time_copies(true).
HSP_API hsp_status hsp_signal_copy_times(hsa_signal_t signal, struct hsp_device_times *out_times);
HSP_API hsp_status hsp_signal_time_copies(bool enable);

#ifdef __cplusplus
}
#endif

#endif
