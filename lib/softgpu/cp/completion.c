/* SPDX-License-Identifier: MIT */
#include "softgpu/cp/engine.h"
#include "softgpu/cp/futex.h"

#include <limits.h>
#include <time.h>

uint64_t cp_clock_ticks(void) {
    enum { TICKS_PER_SECOND = 100000000, NS_PER_TICK = 10 };
    struct timespec now;
    clock_gettime(CLOCK_BOOTTIME, &now);
    return (uint64_t)now.tv_sec * TICKS_PER_SECOND + (uint64_t)now.tv_nsec / NS_PER_TICK;
}

void *cp_host(struct sg_cp_queue *queue, uint64_t va, uint64_t bytes, uint32_t need) {
    const struct sg_tlb_entry *entry = sg_tlb_find(&queue->tlb, va);
    const bool is_write = (need & SG_VM_WRITE) != 0;
    enum sg_fault_cause cause = SG_FAULT_MEMORY_UNMAPPED;
    if (entry && (entry->flags & need) != need) {
        cause = SG_FAULT_MEMORY_READ_ONLY;
    } else if (entry) {
        const uint64_t room = entry->bytes - (va - entry->va);
        if (bytes <= room)
            return sg_tlb_host(entry, va);
        va += room;
    }
    cp_packet_fault(queue, cause, va, is_write);
    return NULL;
}

static struct abi_signal *find_signal(struct sg_cp_queue *queue, uint64_t handle, uint32_t need) {
    if (handle % sizeof(uint64_t) != 0) {
        cp_packet_fault(queue, SG_FAULT_MEMORY_MISALIGNED, handle, (need & SG_VM_WRITE) != 0);
        return NULL;
    }
    return cp_host(queue, handle, sizeof(struct abi_signal), need);
}

bool cp_signal_load(struct sg_cp_queue *queue, uint64_t handle, int64_t *out_value) {
    const struct abi_signal *signal = find_signal(queue, handle, SG_VM_READ);
    if (!signal)
        return false;
    *out_value = __atomic_load_n(&signal->value, __ATOMIC_ACQUIRE);
    return true;
}

void cp_notify(struct sg_cp *cp) {
    /* The signal's value was changed by a read-modify-write before, which orders it against the
     * waiters' count: a waiter counts itself first and looks at the value then. */
    struct sg_cp_news *news = cp->news;
    if (atomic_load(&news->waiters) == 0)
        return;
    atomic_fetch_add(&news->change, 1);
    cp_futex_wake(&news->change, INT_MAX);
}

void cp_raise_event(struct sg_cp_queue *queue, uint64_t mailbox_va, uint32_t event_id) {
    const struct sg_cp_sink *sink = &queue->cp->config.sink;
    uint64_t *mailbox = cp_host(queue, mailbox_va, sizeof *mailbox, SG_VM_WRITE);
    if (!mailbox)
        return;
    __atomic_store_n(mailbox, event_id, __ATOMIC_RELEASE);
    sink->event(sink->context, event_id);
}

void cp_signal_complete(struct sg_cp_queue *queue, uint64_t handle, uint64_t start_ts,
                        uint64_t end_ts) {
    if (handle == 0)
        return;
    struct abi_signal *signal = find_signal(queue, handle, SG_VM_READ | SG_VM_WRITE);
    if (!signal)
        return;
    /* Read before the decrement: the waiter may free the signal right after it. */
    const uint64_t mailbox_va = signal->event_mailbox_ptr;
    const uint32_t event_id = signal->event_id;
    /* Atomic because two queues may complete one signal at the same time. */
    __atomic_store_n(&signal->start_ts, start_ts, __ATOMIC_RELAXED);
    __atomic_store_n(&signal->end_ts, end_ts, __ATOMIC_RELAXED);
    __atomic_fetch_sub(&signal->value, 1, __ATOMIC_SEQ_CST);
    if (mailbox_va != 0)
        cp_raise_event(queue, mailbox_va, event_id);
    cp_notify(queue->cp);
}

void cp_queue_signal_error(struct sg_cp_queue *queue, uint64_t bits) {
    if (!queue->aql.queue)
        return;
    const uint64_t handle =
        __atomic_load_n(&queue->aql.queue->queue_inactive_signal, __ATOMIC_ACQUIRE);
    struct sg_vm_range range;
    /* Not cp_host: a fault here would come back here. */
    if (handle % sizeof(uint64_t) != 0 || !sg_vm_find(queue->cp->config.vm, handle, &range) ||
        range.bytes - (handle - range.va) < sizeof(struct abi_signal))
        return;
    struct abi_signal *signal = (struct abi_signal *)(void *)(range.host + (handle - range.va));
    const uint64_t mailbox_va = signal->event_mailbox_ptr;
    const uint32_t event_id = signal->event_id;
    __atomic_fetch_or((uint64_t *)&signal->value, bits, __ATOMIC_SEQ_CST);
    if (mailbox_va != 0)
        cp_raise_event(queue, mailbox_va, event_id);
    cp_notify(queue->cp);
}

enum cp_step cp_queue_fail(struct sg_cp_queue *queue, uint64_t bits) {
    atomic_store(&queue->is_stopped, true);
    cp_queue_signal_error(queue, bits);
    return CP_STEP_STOP;
}

/// How the runtime learns of a cause: by a queue error, or (0) by the memory events.
static uint64_t fault_error_bits(enum sg_fault_cause cause) {
    static const uint64_t bits[] = {
        [SG_FAULT_MEMORY_MISALIGNED] = ABI_QUEUE_ERROR_APERTURE,
        [SG_FAULT_APERTURE] = ABI_QUEUE_ERROR_APERTURE,
        [SG_FAULT_ILLEGAL_INSTRUCTION] = ABI_QUEUE_ERROR_ILLEGAL_INSTRUCTION,
        [SG_FAULT_UNIMPLEMENTED] = ABI_QUEUE_ERROR_ILLEGAL_INSTRUCTION,
        [SG_FAULT_TRAP] = ABI_QUEUE_ERROR_TRAP,
        [SG_FAULT_KILLED] = 0,
    };
    return (size_t)cause < sizeof bits / sizeof bits[0] ? bits[cause]
                                                        : ABI_QUEUE_ERROR_ILLEGAL_INSTRUCTION;
}

enum cp_step cp_queue_fault(struct sg_cp_queue *queue, const struct sg_fault *fault) {
    const struct sg_cp_sink *sink = &queue->cp->config.sink;
    if (atomic_load(&queue->owner) == CP_OWNER_INLINE) {
        queue->fault = *fault;
        atomic_store(&queue->has_fault, true);
        return CP_STEP_HAND_OVER;
    }
    atomic_store(&queue->is_stopped, true);
    if (fault->cause == SG_FAULT_KILLED)
        return CP_STEP_STOP;
    if (sink->report)
        sink->report(sink->context, fault);
    const uint64_t bits = fault_error_bits(fault->cause);
    if (bits != 0)
        return cp_queue_fail(queue, bits);
    sink->memory_fault(sink->context, fault);
    return CP_STEP_STOP;
}

enum cp_step cp_packet_fault(struct sg_cp_queue *queue, enum sg_fault_cause cause, uint64_t va,
                             bool is_write) {
    const struct sg_fault fault = {.cause = cause,
                                   .engine = queue->engine->name,
                                   .queue_id = queue->config.queue_id,
                                   .va = va,
                                   .is_write = is_write};
    return cp_queue_fault(queue, &fault);
}
