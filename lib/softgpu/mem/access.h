/* SPDX-License-Identifier: MIT */
/// Loads, stores and pointers by GPU address: every access of the device passes here or lanes.h.
///
/// Plain accesses need no alignment (ROCm runs gfx9 in unaligned access mode); an aligned 16, 32 or
/// 64-bit access is one host access and never torn. Host and other workers may race with them as
/// they may on hardware: ThreadSanitizer builds use relaxed atomics.
#ifndef SG_MEM_ACCESS_H
#define SG_MEM_ACCESS_H

#include "softgpu/mem/tlb.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

enum sg_access_cause {
    SG_ACCESS_OK,
    SG_ACCESS_UNMAPPED,
    SG_ACCESS_READ_ONLY,
    SG_ACCESS_MISALIGNED, ///< atomics only
};

/// The first address that could not be accessed, and for whom.
struct sg_access_fault {
    uint64_t va;
    uint32_t lane; ///< lowest faulting lane; scalar accesses leave it alone
    enum sg_access_cause cause;
};

#if defined(__SANITIZE_THREAD__)
#    define SG_MEM_RACE_CHECKED 1
#elif defined(__has_feature)
#    if __has_feature(thread_sanitizer)
#        define SG_MEM_RACE_CHECKED 1
#    endif
#endif
#ifndef SG_MEM_RACE_CHECKED
#    define SG_MEM_RACE_CHECKED 0
#endif

#if SG_MEM_RACE_CHECKED
#    define SG_MEM_LOAD(type, p)                                                                   \
        if (((uintptr_t)(p) & (sizeof(type) - 1)) == 0)                                            \
            return __atomic_load_n((const type *)(p), __ATOMIC_RELAXED);                           \
        type value = 0;                                                                            \
        for (size_t i = 0; i < sizeof(type); i++)                                                  \
            value |= (type)((type)__atomic_load_n((const uint8_t *)(p) + i, __ATOMIC_RELAXED)      \
                            << (8 * i));                                                           \
        return value
#    define SG_MEM_STORE(type, p, value)                                                           \
        if (((uintptr_t)(p) & (sizeof(type) - 1)) == 0)                                            \
            __atomic_store_n((type *)(p), value, __ATOMIC_RELAXED);                                \
        else                                                                                       \
            for (size_t i = 0; i < sizeof(type); i++)                                              \
            __atomic_store_n((uint8_t *)(p) + i, (uint8_t)((value) >> (8 * i)), __ATOMIC_RELAXED)
#else
#    define SG_MEM_LOAD(type, p)                                                                   \
        type value;                                                                                \
        memcpy(&value, p, sizeof value);                                                           \
        return value
#    define SG_MEM_STORE(type, p, value) memcpy(p, &(value), sizeof(type))
#endif

/// One access of host bytes, any alignment.
static inline uint8_t sg_load8(const void *p) {
    SG_MEM_LOAD(uint8_t, p);
}
static inline uint16_t sg_load16(const void *p) {
    SG_MEM_LOAD(uint16_t, p);
}
static inline uint32_t sg_load32(const void *p) {
    SG_MEM_LOAD(uint32_t, p);
}
static inline uint64_t sg_load64(const void *p) {
    SG_MEM_LOAD(uint64_t, p);
}
static inline void sg_store8(void *p, uint8_t value) {
    SG_MEM_STORE(uint8_t, p, value);
}
static inline void sg_store16(void *p, uint16_t value) {
    SG_MEM_STORE(uint16_t, p, value);
}
static inline void sg_store32(void *p, uint32_t value) {
    SG_MEM_STORE(uint32_t, p, value);
}
static inline void sg_store64(void *p, uint64_t value) {
    SG_MEM_STORE(uint64_t, p, value);
}

/// Orders all earlier accesses of this thread before all later ones: x86 may let a load pass an
/// earlier store, which the device's sequentially consistent atomics must not see.
static inline void sg_access_fence(void) {
    uint32_t dummy = 0;
    __atomic_fetch_or(&dummy, 0, __ATOMIC_SEQ_CST);
}

static inline enum sg_access_cause sg_access_missing(const struct sg_tlb_entry *entry,
                                                     uint32_t need) {
    uint32_t missing = need & ~entry->flags;
    if (!missing)
        return SG_ACCESS_OK;
    return missing & SG_VM_WRITE && entry->flags & SG_VM_READ ? SG_ACCESS_READ_ONLY
                                                              : SG_ACCESS_UNMAPPED;
}

/// Host address of `bytes` at `va` if one interval holds them all with `need`. NULL where it does
/// not: then *fault has the first bad address. Costs a few ns.
static inline void *sg_access_pointer(struct sg_tlb *tlb, uint64_t va, uint64_t bytes,
                                      uint32_t need, struct sg_access_fault *fault) {
    const struct sg_tlb_entry *entry = sg_tlb_find(tlb, va);
    fault->cause = entry ? sg_access_missing(entry, need) : SG_ACCESS_UNMAPPED;
    fault->va = va;
    if (fault->cause != SG_ACCESS_OK)
        return NULL;
    if (entry->bytes - (va - entry->va) >= bytes)
        return sg_tlb_host(entry, va);
    fault->cause = SG_ACCESS_UNMAPPED;
    fault->va = entry->va + entry->bytes;
    return NULL;
}

/// True if all `bytes` at `va` have `need`, over however many intervals; else *fault is filled.
/// Doorbells count as writable here: sg_access_write reaches them.
bool sg_access_check(struct sg_tlb *tlb, uint64_t va, uint64_t bytes, uint32_t need,
                     struct sg_access_fault *fault);
/// Copies `bytes` (at most 64) from or to `va`, which may cross intervals. Returns false with
/// *fault filled, and then nothing was written. A store to a doorbell rings it.
bool sg_access_read(struct sg_tlb *tlb, uint64_t va, void *to, uint32_t bytes,
                    struct sg_access_fault *fault);
bool sg_access_write(struct sg_tlb *tlb, uint64_t va, const void *from, uint32_t bytes,
                     struct sg_access_fault *fault);

#endif
