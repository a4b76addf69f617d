/* SPDX-License-Identifier: MIT */
/* Moving bytes between mapped intervals, piece by piece: an operation may span several. */
#include "softgpu/cp/engine.h"

#include <string.h>

/// Host address of `va` with all of `need`, and how many of the `bytes` wanted lie contiguously
/// there. NULL as cp_host.
static void *piece(struct sg_cp_queue *queue, uint64_t va, uint64_t *bytes, uint32_t need) {
    const struct sg_tlb_entry *entry = sg_tlb_find(&queue->tlb, va);
    if (entry && *bytes > entry->bytes - (va - entry->va))
        *bytes = entry->bytes - (va - entry->va);
    return cp_host(queue, va, *bytes, need);
}

bool cp_copy(struct sg_cp_queue *queue, uint64_t dst_va, uint64_t src_va, uint64_t bytes) {
    while (bytes != 0) {
        uint64_t count = bytes;
        const void *source = piece(queue, src_va, &count, SG_VM_READ);
        void *target = source ? piece(queue, dst_va, &count, SG_VM_WRITE) : NULL;
        if (!target)
            return false;
        memmove(target, source, count);
        src_va += count;
        dst_va += count;
        bytes -= count;
    }
    return true;
}

bool cp_store(struct sg_cp_queue *queue, uint64_t dst_va, const void *source, uint64_t bytes) {
    const uint8_t *from = source;
    /* What another agent may poll is stored at once. */
    if ((bytes == sizeof(uint32_t) || bytes == sizeof(uint64_t)) && dst_va % bytes == 0) {
        const struct sg_tlb_entry *entry = sg_tlb_find(&queue->tlb, dst_va);
        const bool is_doorbell = entry && (entry->flags & SG_VM_DOORBELL);
        void *target = cp_host(queue, dst_va, bytes, is_doorbell ? 0 : SG_VM_WRITE);
        uint64_t value = 0;
        if (!target)
            return false;
        memcpy(&value, source, bytes);
        if (bytes == sizeof(uint32_t))
            __atomic_store_n((uint32_t *)target, (uint32_t)value, __ATOMIC_RELEASE);
        else
            __atomic_store_n((uint64_t *)target, value, __ATOMIC_RELEASE);
        if (is_doorbell)
            sg_vm_ring_doorbell(queue->cp->config.vm, target);
        return true;
    }
    while (bytes != 0) {
        uint64_t count = bytes;
        void *target = piece(queue, dst_va, &count, SG_VM_WRITE);
        if (!target)
            return false;
        memcpy(target, from, count);
        from += count;
        dst_va += count;
        bytes -= count;
    }
    return true;
}

bool cp_fill(struct sg_cp_queue *queue, uint64_t dst_va, uint32_t pattern, uint32_t unit_bytes,
             uint64_t bytes) {
    enum { BLOCK_BYTES = 4096 };
    uint8_t block[BLOCK_BYTES];
    for (uint32_t i = 0; i < BLOCK_BYTES; i += unit_bytes)
        memcpy(block + i, &pattern, unit_bytes);
    /* Pieces may end inside a unit; `phase` is where the pattern goes on. */
    uint32_t phase = 0;
    while (bytes != 0) {
        uint64_t count = bytes < BLOCK_BYTES - phase ? bytes : BLOCK_BYTES - phase;
        void *target = piece(queue, dst_va, &count, SG_VM_WRITE);
        if (!target)
            return false;
        memcpy(target, block + phase, count);
        phase = (uint32_t)((phase + count) % unit_bytes);
        dst_va += count;
        bytes -= count;
    }
    return true;
}
