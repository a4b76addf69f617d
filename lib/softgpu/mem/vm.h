/* SPDX-License-Identifier: MIT */
/// A GPU's address space: GPU virtual address -> host bytes of the device's own mapping.
///
/// An interval map fed by the driver's MAP and UNMAP. The device never dereferences a GPU address:
/// it looks the address up here, so the application's own mapping may be PROT_NONE, moved or gone,
/// and user pointers whose GPU address differs from their CPU address work alike.
///
/// Threads: any number of readers beside any number of writers. Readers take no lock: a lookup
/// walks an immutable snapshot, and a writer publishes a new one. `sg_vm_generation` changes
/// whenever an existing translation may have become stale; who caches translations (the compute
/// units' small TLBs) compares it at every yield point and packet start and drops its cache.
/// Host bytes stay valid until the driver's FREE: the driver drains queues before it unmaps.
#ifndef SG_MEM_VM_H
#define SG_MEM_VM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum sg_vm_flags {
    SG_VM_READ = 1u << 0,
    SG_VM_WRITE = 1u << 1,
    SG_VM_EXEC = 1u << 2,
    SG_VM_USERPTR = 1u << 3,  ///< application memory: it may vanish under the device (SIGSEGV)
    SG_VM_FINE = 1u << 4,     ///< fine-grained: coherent with the host while a kernel runs
    SG_VM_DOORBELL = 1u << 5, ///< doorbells, see sg_vm_on_doorbell; without SG_VM_WRITE
};

/// One mapped interval [va, va + bytes).
struct sg_vm_range {
    uint64_t va;
    uint64_t bytes;
    uint8_t *host; ///< host address of `va`
    uint32_t flags;
};

struct sg_vm;

/// Creates an empty address space. Returns NULL when out of memory.
struct sg_vm *sg_vm_create(void);
/// Frees the map, never the host bytes. No reader may be left. NULL is accepted.
void sg_vm_destroy(struct sg_vm *vm);

/// Has `ring` called after each store of a wave to an interval with SG_VM_DOORBELL: `host` is where
/// the stored bytes begin (the interval may be another GPU's doorbells). Such an interval lacks
/// SG_VM_WRITE, so that stores to it never take a fast path; atomics are faults there, as a
/// doorbell only takes stores. `ring` runs on whatever thread runs the wave and must be
/// async-signal-safe. Call this before the first wave runs.
void sg_vm_on_doorbell(struct sg_vm *vm, void (*ring)(void *context, const void *host),
                       void *context);
/// Tells of such a store; sg_access_write does.
void sg_vm_ring_doorbell(const struct sg_vm *vm, const void *host);

/// Maps an interval. Returns 0, -EINVAL (empty or wrapping), -EEXIST (overlap), -ENOMEM.
int sg_vm_map(struct sg_vm *vm, const struct sg_vm_range *range);
/// Unmaps the interval that begins at `va` with exactly these bytes. Returns 0, -ENOENT, -ENOMEM.
int sg_vm_unmap(struct sg_vm *vm, uint64_t va, uint64_t bytes);
/// Lets addresses of the process that no interval holds (from 64 KiB to 2^47) stand for the host's
/// byte at the same address, as a GPU that retries faults (XNACK) sees the application's memory:
/// the gaps between intervals are then found as intervals with SG_VM_READ, SG_VM_WRITE and
/// SG_VM_USERPTR. Whether a page is there shows when it is touched. Call it before the first wave.
void sg_vm_set_pageable(struct sg_vm *vm, bool pageable);

/// Finds the interval that holds `va`. Returns false if none does.
bool sg_vm_find(const struct sg_vm *vm, uint64_t va, struct sg_vm_range *out_range);
/// Finds the interval whose host bytes hold `host`; where several do, any. Walks the whole map.
bool sg_vm_find_host(const struct sg_vm *vm, const void *host, struct sg_vm_range *out_range);
/// Changes when a translation was removed or altered. A gap that gets smaller is altered.
uint64_t sg_vm_generation(const struct sg_vm *vm);

/// Host address of `bytes` at `va` if they are mapped contiguously on the host with all of `need`
/// (SG_VM_READ, ...); else NULL, and *out_fault_va (may be NULL) is the first bad address.
void *sg_vm_host(const struct sg_vm *vm, uint64_t va, uint64_t bytes, uint32_t need,
                 uint64_t *out_fault_va);

#endif
