/* SPDX-License-Identifier: MIT */
/// A small translation cache in front of the address space, one per wave or per worker.
///
/// Holds copies of whole mapped intervals, so a kernel that uses a handful of buffers misses once
/// per buffer. Not shared between threads at the same time.
///
/// Staleness: an entry is used without asking whether it is still mapped. Call sg_tlb_sync at every
/// yield point and at the start of a packet; it drops all entries when the address space has lost a
/// translation since. Host bytes live until the driver's FREE, which drains queues first, so a
/// stale entry never points to freed memory in between.
#ifndef SG_MEM_TLB_H
#define SG_MEM_TLB_H

#include "softgpu/mem/vm.h"

enum { SG_TLB_ENTRIES = 8 };

/// A copy of one interval. An empty entry has bytes == 0 and matches no address.
struct sg_tlb_entry {
    uint64_t va;
    uint64_t bytes;
    uintptr_t delta; ///< host address = GPU address + delta (modulo 2^64)
    uint32_t flags;  ///< enum sg_vm_flags
};

struct sg_tlb {
    const struct sg_vm *vm;
    uint64_t generation;
    uint32_t next; ///< the entry that the next miss replaces
    struct sg_tlb_entry entries[SG_TLB_ENTRIES];
};

/// Empties the cache and binds it to an address space, which must outlive it.
static inline void sg_tlb_init(struct sg_tlb *tlb, const struct sg_vm *vm) {
    *tlb = (struct sg_tlb){.vm = vm, .generation = sg_vm_generation(vm)};
}

/// Drops all entries if a translation was removed since they were taken. Costs a load and a
/// compare when nothing changed.
static inline void sg_tlb_sync(struct sg_tlb *tlb) {
    if (__builtin_expect(tlb->generation != sg_vm_generation(tlb->vm), 0))
        sg_tlb_init(tlb, tlb->vm);
}

/// The slow path of sg_tlb_find: asks the address space and keeps the answer. Takes no lock.
/// NULL when `va` is not mapped.
const struct sg_tlb_entry *sg_tlb_fill(struct sg_tlb *tlb, uint64_t va);

/// The interval that holds `va` if it is in the cache, or NULL.
static inline const struct sg_tlb_entry *sg_tlb_peek(const struct sg_tlb *tlb, uint64_t va) {
    for (uint32_t i = 0; i < SG_TLB_ENTRIES; i++) {
        const struct sg_tlb_entry *entry = &tlb->entries[i];
        if (va - entry->va < entry->bytes)
            return entry;
    }
    return NULL;
}

/// The interval that holds `va`, or NULL. Valid until the next call on this cache.
static inline const struct sg_tlb_entry *sg_tlb_find(struct sg_tlb *tlb, uint64_t va) {
    const struct sg_tlb_entry *entry = sg_tlb_peek(tlb, va);
    return entry ? entry : sg_tlb_fill(tlb, va);
}

/// Host address of a GPU address inside `entry`.
static inline void *sg_tlb_host(const struct sg_tlb_entry *entry, uint64_t va) {
    return (void *)(uintptr_t)(va + entry->delta);
}

#endif
