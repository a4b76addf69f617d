/* SPDX-License-Identifier: MIT */
#include "softgpu/mem/tlb.h"

const struct sg_tlb_entry *sg_tlb_fill(struct sg_tlb *tlb, uint64_t va) {
    struct sg_vm_range range;
    /* Before the lookup: an entry taken from a newer map than this is dropped once too often,
     * never too late. */
    sg_tlb_sync(tlb);
    if (!sg_vm_find(tlb->vm, va, &range))
        return NULL;
    struct sg_tlb_entry *entry = &tlb->entries[tlb->next];
    tlb->next = (tlb->next + 1) % SG_TLB_ENTRIES;
    *entry = (struct sg_tlb_entry){.va = range.va,
                                   .bytes = range.bytes,
                                   .delta = (uintptr_t)range.host - (uintptr_t)range.va,
                                   .flags = range.flags};
    return entry;
}
