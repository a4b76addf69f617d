/* SPDX-License-Identifier: MIT */
#include "softgpu/mem/access.h"

bool sg_access_check(struct sg_tlb *tlb, uint64_t va, uint64_t bytes, uint32_t need,
                     struct sg_access_fault *fault) {
    while (bytes) {
        const struct sg_tlb_entry *entry = sg_tlb_find(tlb, va);
        uint32_t needed = need;
        if (entry && entry->flags & SG_VM_DOORBELL)
            needed &= ~(uint32_t)SG_VM_WRITE;
        fault->cause = entry ? sg_access_missing(entry, needed) : SG_ACCESS_UNMAPPED;
        fault->va = va;
        if (fault->cause != SG_ACCESS_OK)
            return false;
        uint64_t here = entry->bytes - (va - entry->va);
        if (here >= bytes)
            break;
        va += here;
        bytes -= here;
    }
    return true;
}

/* The largest aligned pieces first, so that what hardware does not tear is not torn here. */
static void copy_from(uint8_t *to, const uint8_t *from, uint32_t bytes) {
    while (bytes) {
        if (bytes >= 8 && ((uintptr_t)from & 7) == 0) {
            uint64_t value = sg_load64(from);
            memcpy(to, &value, 8);
            to += 8, from += 8, bytes -= 8;
        } else if (bytes >= 4) {
            uint32_t value = sg_load32(from);
            memcpy(to, &value, 4);
            to += 4, from += 4, bytes -= 4;
        } else if (bytes >= 2) {
            uint16_t value = sg_load16(from);
            memcpy(to, &value, 2);
            to += 2, from += 2, bytes -= 2;
        } else {
            *to = sg_load8(from);
            bytes = 0;
        }
    }
}

static void copy_to(uint8_t *to, const uint8_t *from, uint32_t bytes) {
    while (bytes) {
        if (bytes >= 8 && ((uintptr_t)to & 7) == 0) {
            uint64_t value;
            memcpy(&value, from, 8);
            sg_store64(to, value);
            to += 8, from += 8, bytes -= 8;
        } else if (bytes >= 4) {
            uint32_t value;
            memcpy(&value, from, 4);
            sg_store32(to, value);
            to += 4, from += 4, bytes -= 4;
        } else if (bytes >= 2) {
            uint16_t value;
            memcpy(&value, from, 2);
            sg_store16(to, value);
            to += 2, from += 2, bytes -= 2;
        } else {
            sg_store8(to, *from);
            bytes = 0;
        }
    }
}

bool sg_access_read(struct sg_tlb *tlb, uint64_t va, void *to, uint32_t bytes,
                    struct sg_access_fault *fault) {
    if (!sg_access_check(tlb, va, bytes, SG_VM_READ, fault))
        return false;
    for (uint32_t done = 0; done < bytes;) {
        const struct sg_tlb_entry *entry = sg_tlb_find(tlb, va + done);
        if (!entry) // unmapped since the check
            return sg_access_check(tlb, va + done, bytes - done, 0, fault);
        uint64_t here = entry->bytes - (va + done - entry->va);
        uint32_t piece = here < bytes - done ? (uint32_t)here : bytes - done;
        copy_from((uint8_t *)to + done, sg_tlb_host(entry, va + done), piece);
        done += piece;
    }
    return true;
}

bool sg_access_write(struct sg_tlb *tlb, uint64_t va, const void *from, uint32_t bytes,
                     struct sg_access_fault *fault) {
    if (!sg_access_check(tlb, va, bytes, SG_VM_WRITE, fault))
        return false;
    for (uint32_t done = 0; done < bytes;) {
        const struct sg_tlb_entry *entry = sg_tlb_find(tlb, va + done);
        if (!entry) // unmapped since the check
            return sg_access_check(tlb, va + done, bytes - done, 0, fault);
        uint64_t offset = va + done - entry->va;
        uint64_t here = entry->bytes - offset;
        uint32_t piece = here < bytes - done ? (uint32_t)here : bytes - done;
        void *to = sg_tlb_host(entry, va + done);
        copy_to(to, (const uint8_t *)from + done, piece);
        if (entry->flags & SG_VM_DOORBELL)
            sg_vm_ring_doorbell(tlb->vm, to);
        done += piece;
    }
    return true;
}
