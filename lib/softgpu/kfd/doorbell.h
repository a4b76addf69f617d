/* SPDX-License-Identifier: MIT */
/// Doorbell pages: how a store of the application reaches a queue.
///
/// A doorbell page is 8 KiB of the file behind /dev/kfd: 1024 doorbells of 8 bytes. The device has
/// a mapping of its own that is always writable; the application's mappings are protected or open
/// as the mode (HSAPROBE_SOFT_DOORBELL) says:
///
/// * auto: protected while idle. The first store is trapped: the handler performs it and runs short
///   packets on the ringing thread. While doorbells come fast the page is open and a queue's thread
///   watches the rings.
/// * trap: always protected; every store is trapped, performed, and runs short packets inline.
/// * uffd: protected by userfaultfd while idle; the first store wakes a thread, no signal is
///   involved.
/// * spin: always open; one queue's thread always watches the rings.
///
/// In auto, a process with one processor never opens the page: a thread that watches would take the
/// processor from the application. A store that the handler can't decode opens the page for a
/// moment in every mode.
///
/// While the page is open some queue's thread is "in the watch" (sg_cp_watch): it looks at all
/// queues of the page every few microseconds. The last one to leave protects the page first, then
/// looks at all queues once more, then sleeps: no doorbell is lost.
///
/// Life, per process and GPU: create (before sg_cp_create, which takes sg_doorbell_watch), bind and
/// unbind a queue, mapped and unmapped as the application's mappings come and go, destroy after
/// sg_cp_destroy.
#ifndef SG_KFD_DOORBELL_H
#define SG_KFD_DOORBELL_H

#include "softgpu/common/options.h"
#include "softgpu/cp/cp.h"

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct sg_doorbell;

struct sg_doorbell_config {
    enum sg_doorbell_mode mode;
    void *page;   ///< the device's mapping; stays the caller's and outlives the doorbell page
    size_t bytes; ///< 8 per doorbell, at most 8 * SG_CP_MAX_QUEUES
};

/// Returns NULL with errno: ENOMEM, ENOSPC (this process has 16), ENOTSUP (uffd: this kernel can't
/// write-protect shared memory for an unprivileged process; said on stderr). The signal handler
/// must be installed by then (modes auto and trap).
struct sg_doorbell *sg_doorbell_create(const struct sg_doorbell_config *config);
/// Opens the application's mappings that are left. No queue may be bound. NULL is accepted.
void sg_doorbell_destroy(struct sg_doorbell *doorbell);
/// What the packet processors call; put it in sg_cp_config.
struct sg_cp_watch sg_doorbell_watch(struct sg_doorbell *doorbell);

/// Connects a doorbell with a queue. `index` < bytes / 8, not bound.
void sg_doorbell_bind(struct sg_doorbell *doorbell, uint32_t index, struct sg_cp_queue *queue);
/// Disconnects it: on return no handler and no thread uses the queue through this page any more.
/// Before sg_cp_queue_destroy. Waits for handlers, which are bounded. Not in a signal handler.
void sg_doorbell_unbind(struct sg_doorbell *doorbell, uint32_t index);

/// The application mapped the page (its first byte) at `address`; protects it as the mode says.
/// Returns 0, -ENOSPC (8 mappings exist), or -errno of the protecting call.
int sg_doorbell_mapped(struct sg_doorbell *doorbell, void *address, size_t bytes);
/// The application unmapped or replaced [address, address + bytes): mappings inside are forgotten.
/// Call it before the memory can be used for something else.
void sg_doorbell_unmapped(struct sg_doorbell *doorbell, const void *address, size_t bytes);

/// A store by the device itself, or by code that knows the queue: rings it. Async-signal-safe.
void sg_doorbell_ring(struct sg_doorbell *doorbell, uint32_t index);

/// SIGSEGV: true when `info` is a store to a protected doorbell page, which was then performed or
/// let through. Async-signal-safe; runs device work on a stack of its own.
bool sg_doorbell_handle_fault(const siginfo_t *info, void *ucontext);
/// True if `address` lies in an application mapping of a doorbell page. Async-signal-safe.
bool sg_doorbell_owns(const void *address);

/// Nanoseconds that sg_doorbell_handle_fault took on the calling thread so far (abi_softgpu's
/// caller_ns): decoding, device work, opening the page. The kernel's own share of the trap (about
/// 1 us) is not in it.
uint64_t sg_doorbell_caller_ns(void);

/// What to do with a SIGSEGV or SIGBUS, for the shim's handler: (1) a doorbell, (2) the device's
/// access to application memory that vanished (does not return then: the guarded access fails), (3)
/// not ours: returns false, the application's handler is next. Async-signal-safe.
bool sg_trap_handle(int signal_number, siginfo_t *info, void *ucontext);

#endif
