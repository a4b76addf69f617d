/* SPDX-License-Identifier: MIT */
/// What the files of the doorbell pages share; nobody else includes it.
#ifndef SG_KFD_DOORBELL_INTERNAL_H
#define SG_KFD_DOORBELL_INTERNAL_H

#include "softgpu/kfd/doorbell.h"

#include <pthread.h>
#include <stdatomic.h>
#include <sys/types.h>

enum { DOORBELL_BYTES = 8, DOORBELL_MAX_PAGES = 16, DOORBELL_MAX_MAPPINGS = 8 };

/// One doorbell. `users` counts those who hold the queue's pointer; unbinding waits for them.
struct doorbell_slot {
    _Atomic(struct sg_cp_queue *) queue;
    _Atomic uint32_t users;
    _Atomic uint32_t misses;  ///< inline runs in a row that ended in a hand-over
    _Atomic uint32_t skipped; ///< rings since the last inline run
};

struct sg_doorbell {
    struct sg_doorbell_config config;
    pid_t pid; ///< a forked child has the mapping, but neither threads nor a device
    struct doorbell_slot slots[SG_CP_MAX_QUEUES];
    _Atomic uint32_t slot_end; ///< above the highest index ever bound
    _Atomic(uint8_t *) mappings[DOORBELL_MAX_MAPPINGS];
    _Atomic uint64_t trap_ns;     ///< when the last store was trapped
    _Atomic uint32_t fast_count;  ///< fast stores trapped in a row
    _Atomic uint32_t fast_wanted; ///< so many open the page (auto)
    _Atomic uint64_t scan_ns;     ///< when a watcher last looked, or the page was opened

    _Atomic uint32_t lock; ///< of the rest. Handlers only try it.
    uint32_t watchers;
    bool is_open;

    int uffd;
    int uffd_stop; ///< eventfd: the thread is to end
    pthread_t uffd_thread;
};

/* doorbell.c */

void doorbell_lock(struct sg_doorbell *doorbell);
void doorbell_unlock(struct sg_doorbell *doorbell);
/// Opens the page; the lock is held, and somebody watches or will be called to.
void doorbell_open_locked(struct sg_doorbell *doorbell);
void doorbell_watch_enter(void *context);
void doorbell_watch_scan(void *context);
bool doorbell_watch_leave(void *context, bool is_busy);

/* doorbell_uffd.c */

/// Returns 0 or -errno; -ENOTSUP after having said what this kernel lacks.
int doorbell_uffd_start(struct sg_doorbell *doorbell);
/// Joins the thread; the kernel opens all mappings and lets waiting stores go on.
void doorbell_uffd_stop(struct sg_doorbell *doorbell);
int doorbell_uffd_register(struct sg_doorbell *doorbell, void *address);
/// Protects or opens one mapping.
int doorbell_uffd_protect(struct sg_doorbell *doorbell, void *address, bool is_open);

/* doorbell_store.c */

/// The store instruction at a trapped program counter.
struct doorbell_store {
    uint32_t length; ///< bytes of the instruction
    uint32_t bytes;  ///< that it stores
    enum { STORE_PLAIN, STORE_EXCHANGE, STORE_ADD, STORE_EXCHANGE_ADD } kind;
    int reg;           ///< index into gregs of the register that gets the old value, or -1
    bool is_high_byte; ///< `reg` is AH..BH
    _Alignas(8) uint8_t value[64];
};
/// Decodes the instruction that `ucontext` stopped at. False: not a store that is known here.
bool doorbell_store_decode(const void *ucontext, struct doorbell_store *out_store);
/// Steps over the instruction.
void doorbell_store_skip(const struct doorbell_store *store, void *ucontext);
/// Performs the store at `target` and steps over the instruction.
void doorbell_store_perform(const struct doorbell_store *store, void *target, void *ucontext);

/* trap.c */

/// Allocates the stacks for inline work; idempotent. In a forked child those that threads of the
/// parent were using are free again. Returns 0 or -ENOMEM.
int trap_stacks_init(void);
/// Calls function(argument) on a stack of our own. Returns false when all are in use (or none was
/// made). `ucontext`: of the signal being handled.
bool trap_call_on_stack(void (*function)(void *), void *argument, const void *ucontext);

#endif
