/* SPDX-License-Identifier: MIT */
/// The tracer that lives in other people's programs. One folder, one preloaded library.
///
/// Which seam is reached how:
///   HIP, thunk   Every exported function of libamdhip64 and libhsakmt, whatever the version: the
///                list is the library's own symbol table, read when it is loaded. Its symbols are
///                rewritten in memory to lead to stubs, and so are the addresses that objects
///                loaded before have already bound. That works for programs that link the library,
///                for a late dlopen with RTLD_LOCAL (a Python extension) and for dlsym, needs no
///                list of names, and no wrapper of dlopen, which would take the caller's RUNPATH
///                away. The moment after loading and before anybody's constructor is noticed by the
///                libraries' own constructors: each registers destructors with __cxa_atexit.
///                Calls of a library to itself aren't recorded.
///   HSA          The API table that ROCr hands to tools (HSA_TOOLS_LIB), wrapped in place after
///                other tools. Where ROCr hands none out (rocprofiler-register took over): the
///                exported functions, as for HIP.
///   OS           libc's functions, by symbol interposition (os.def).
///   device       Doorbell stores are HSA calls: the packets behind them are read from the ring
///                (packets.c), completion signals give the device's times (pending.c).
///
/// Nothing here is used by, or knows of, the software GPU.
#ifndef HSP_TRACE_TRACE_H
#define HSP_TRACE_TRACE_H

#include <stdbool.h>
#include <stdint.h>

#include "record/writer.h"

/// What a stub has saved of a call. Its layout is known to the assembly in stub.c.
struct trace_frame {
    uint64_t arguments[6]; ///< rdi, rsi, rdx, rcx, r8, r9
    uint64_t vector_count; ///< rax of a variadic call
    uint64_t chain;        ///< r10
    uint64_t result;       ///< rax; valid in `after`
    uint64_t result_high;  ///< rdx
    struct trace_function *function;
    uint64_t is_recorded;
    uint64_t scratch[4]; ///< the hooks' own
};

/// Arguments beyond the sixth lie above the frame; 0 is the first of them.
static inline uint64_t trace_stack_argument(const struct trace_frame *frame, unsigned index) {
    // Saved rbp and the return address are in between.
    return ((const uint64_t *)(frame + 1))[2 + index];
}

typedef void (*trace_hook)(struct trace_frame *frame);

/// A function that is traced.
struct trace_function {
    void *original;
    trace_hook before; ///< NULL for most; only for functions without floating-point arguments
    trace_hook after;
    uint16_t id;
    uint8_t details[2]; ///< indices of the arguments that go into the event; TRACE_NO_DETAIL
    bool is_root;       ///< HIP
    bool is_start;      ///< starts the recording at some call
    bool is_stop;       ///< stops it after some call
};
#define TRACE_NO_DETAIL 0xffu

// stub.c: machine code per function.

/// A run of stubs; its flag and its code lie within 2 GiB of each other.
struct trace_block;
/// Room for `count` stubs; NULL when memory is short.
struct trace_block *trace_block_create(uint32_t count);
/// Adds a stub that leads to `original` and records it as `name` of `layer`; returns its address.
/// Returns NULL when the function isn't to be recorded (names, room). `id` is its number, or
/// HSP_TRACE_NO_ID for a new one, which is stored.
void *trace_block_add(struct trace_block *block, enum hsp_trace_layer layer, const char *name,
                      void *original, uint16_t *id);
/// Makes the stubs executable.
void trace_block_finish(struct trace_block *block);
/// Measures what recording costs, into the process's page.
void trace_measure_cost(void);

// call.c: what stubs do. General registers only.

void *trace_enter(struct trace_frame *frame, struct trace_function *function);
void trace_leave(struct trace_frame *frame);
/// Counts a call of the function that starts (before it) or stops (after it) the recording.
void trace_pull_start(const struct trace_function *function);
void trace_pull_stop(const struct trace_function *function);

// hooks.c: functions with a meaning.

/// Sets details and hooks of the function with this name.
void trace_hooks_set(struct trace_function *function, const char *name);

// objects.c: the libraries of the process.

/// Looks for libraries that were loaded since the last time, and traces those that are known. From
/// any thread; cheap when there are none.
void trace_objects_update(void);
/// Traces all exported functions of libhsa-runtime64 instead of its API table.
void trace_objects_add_hsa(void);
/// True when the address lies in a library of ROCm.
bool trace_objects_is_rocm(uint64_t address);

// init.c

/// Attaches, once. False when this process isn't traced.
bool trace_start(void);
/// True if a layer is to be recorded.
bool trace_has_layer(enum hsp_trace_layer layer);

/// Mutes the thread around the tracer's own calls; returns what to hand to trace_unmute.
static inline struct hsp_trace_ring *trace_mute(void) {
    struct hsp_trace_ring *ring = hsp_thread_ring;
    if (ring)
        ring->is_muted++;
    return ring;
}
static inline void trace_unmute(struct hsp_trace_ring *ring) {
    if (ring)
        ring->is_muted--;
}

#endif
