/* SPDX-License-Identifier: MIT */
#include "softgpu/cp/cp.h"
#include "softgpu/cp/engine.h"

#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct sg_cp *sg_cp_create(const struct sg_cp_config *config) {
    struct sg_cp *cp = calloc(1, sizeof *cp);
    if (!cp)
        return NULL;
    cp->config = *config;
    cp->news = config->news ? config->news : &cp->own_news;
    return cp;
}

void sg_cp_destroy(struct sg_cp *cp) {
    free(cp);
}

int cp_ring_find(const struct sg_cp *cp, enum sg_cp_queue_type type, uint64_t va, uint64_t bytes,
                 uint8_t **out_ring) {
    /* CP_HQD_PQ_CONTROL and SDMA_RLC_RB_CNTL hold the size as a power of two. */
    const uint64_t least = type == SG_CP_QUEUE_AQL ? 4 * ABI_AQL_PACKET_BYTES : 1024;
    const uint64_t alignment = ABI_AQL_PACKET_BYTES;
    if (bytes < least || (bytes & (bytes - 1)) != 0 || va % alignment != 0)
        return -EINVAL;
    *out_ring = sg_vm_host(cp->config.vm, va, bytes, SG_VM_READ | SG_VM_WRITE, NULL);
    return *out_ring ? 0 : -EFAULT;
}

/// The amd_queue_t lies around the read index as far as the dword behind that says. A program of
/// the driver alone may have none: its queue has no scratch memory and reports no errors.
static int find_amd_queue(struct sg_cp_queue *queue) {
    const struct sg_vm *vm = queue->cp->config.vm;
    const uint64_t read_va = queue->config.read_ptr_va;
    const size_t offset = offsetof(struct abi_queue, read_dispatch_id);
    const uint32_t *said =
        sg_vm_host(vm, read_va + sizeof(uint64_t), sizeof *said, SG_VM_READ, NULL);
    if (said && *said == offset) {
        queue->aql.queue_va = read_va - offset;
        queue->aql.queue = sg_vm_host(vm, queue->aql.queue_va, sizeof(struct abi_queue),
                                      SG_VM_READ | SG_VM_WRITE, NULL);
        return queue->aql.queue ? 0 : -EFAULT;
    }
    queue->aql.queue_va = read_va;
    queue->aql.bare =
        (struct abi_queue){.group_segment_aperture_base_hi = ABI_SHARED_APERTURE_HI,
                           .private_segment_aperture_base_hi = ABI_PRIVATE_APERTURE_HI};
    queue->aql.queue = &queue->aql.bare;
    return 0;
}

/// Resolves the addresses of the queue's configuration.
static int resolve(struct sg_cp_queue *queue) {
    const struct sg_cp_queue_config *config = &queue->config;
    const struct sg_vm *vm = queue->cp->config.vm;
    const uint32_t need = SG_VM_READ | SG_VM_WRITE;
    uint8_t *ring;

    const int error =
        cp_ring_find(queue->cp, config->type, config->ring_va, config->ring_bytes, &ring);
    if (error)
        return error;
    if (config->read_ptr_va % sizeof(uint64_t) != 0 || config->write_ptr_va % sizeof(uint64_t) != 0)
        return -EINVAL;
    queue->read_index = sg_vm_host(vm, config->read_ptr_va, sizeof(uint64_t), need, NULL);
    queue->write_index = sg_vm_host(vm, config->write_ptr_va, sizeof(uint64_t), need, NULL);
    if (!queue->read_index || !queue->write_index)
        return -EFAULT;
    atomic_store(&queue->ring, ring);
    atomic_store(&queue->ring_bytes, config->ring_bytes);
    sg_tlb_init(&queue->tlb, vm);
    if (config->type == SG_CP_QUEUE_SDMA)
        return 0;
    queue->dispatch = sg_dispatch_create(queue->cp->config.cu);
    if (!queue->dispatch)
        return -ENOMEM;
    if (config->type == SG_CP_QUEUE_PM4) {
        queue->pm4.packet = malloc(CP_PM4_PACKET_BYTES);
        return queue->pm4.packet ? 0 : -ENOMEM;
    }
    return find_amd_queue(queue);
}

static void release(struct sg_cp_queue *queue) {
    if (queue->dispatch)
        sg_dispatch_destroy(queue->dispatch);
    free(queue->pm4.packet);
    free(queue);
}

/// Puts the queue on the list that dumps walk. Returns false when it is full.
static bool enlist(struct sg_cp *cp, struct sg_cp_queue *queue) {
    for (size_t i = 0; i < SG_CP_MAX_QUEUES; i++) {
        struct sg_cp_queue *expected = NULL;
        if (atomic_compare_exchange_strong(&cp->queues[i], &expected, queue))
            return true;
    }
    return false;
}

static void delist(struct sg_cp *cp, const struct sg_cp_queue *queue) {
    for (size_t i = 0; i < SG_CP_MAX_QUEUES; i++)
        if (atomic_load(&cp->queues[i]) == queue)
            atomic_store(&cp->queues[i], NULL);
    while (atomic_load(&cp->readers) != 0)
        sched_yield();
}

int sg_cp_queue_create(struct sg_cp *cp, const struct sg_cp_queue_config *config,
                       struct sg_cp_queue **out_queue) {
    static const struct cp_engine *const engines[] = {
        [SG_CP_QUEUE_AQL] = &cp_engine_aql,
        [SG_CP_QUEUE_SDMA] = &cp_engine_sdma,
        [SG_CP_QUEUE_PM4] = &cp_engine_pm4,
    };
    if ((size_t)config->type >= sizeof engines / sizeof engines[0] ||
        config->priority >= CP_PRIORITIES)
        return -EINVAL;
    struct sg_cp_queue *queue = aligned_alloc(64, (sizeof *queue + 63) / 64 * 64);
    if (!queue)
        return -ENOMEM;
    *queue = (struct sg_cp_queue){.cp = cp, .engine = engines[config->type], .config = *config};
    atomic_store(&queue->control, config->percentage == 0 ? CP_CONTROL_SUSPEND : 0);
    int error = resolve(queue);
    if (error)
        goto fail;
    error = -ENOSPC;
    if (!enlist(cp, queue))
        goto fail;
    error = cp_queue_start(queue);
    if (error)
        goto fail_listed;
    *out_queue = queue;
    return 0;

fail_listed:
    delist(cp, queue);
fail:
    release(queue);
    return error;
}

void sg_cp_queue_destroy(struct sg_cp_queue *queue) {
    if (!queue)
        return;
    cp_queue_kill(queue);
    delist(queue->cp, queue);
    release(queue);
}

void sg_cp_poke(struct sg_cp *cp) {
    cp_notify(cp);
}

/// Someone is within a step. The driver makes none, and who destroys a queue stays its owner while
/// it waits for those that walk the list: to wait for the driver would be for ever.
static bool is_stepping(const struct sg_cp_queue *queue) {
    const uint32_t owner = atomic_load(&queue->owner);
    return owner == CP_OWNER_THREAD || owner == CP_OWNER_INLINE;
}

/// Waits until what `queue` did at the time of the call has ended. A step begins by dropping stale
/// translations, and a step that runs a long kernel or copy is one slice of it.
static void drain_queue(struct sg_cp_queue *queue) {
    const uint32_t steps = atomic_load(&queue->steps);
    while (atomic_load(&queue->steps) == steps && is_stepping(queue))
        sched_yield();
}

void sg_cp_drain(struct sg_cp *cp) {
    atomic_fetch_add(&cp->readers, 1);
    for (size_t i = 0; i < SG_CP_MAX_QUEUES; i++) {
        struct sg_cp_queue *queue = atomic_load(&cp->queues[i]);
        if (queue)
            drain_queue(queue);
    }
    atomic_fetch_sub(&cp->readers, 1);
    sg_cu_drain(cp->config.cu);
}

void sg_cp_dump(const struct sg_cp *cp, int fd) {
    static const char *const states[] = {[CP_STATE_ASLEEP] = "asleep",
                                         [CP_STATE_POLLING] = "polling",
                                         [CP_STATE_BUSY] = "executing",
                                         [CP_STATE_WAITING] = "waiting"};
    _Atomic uint32_t *readers = &((struct sg_cp *)cp)->readers;
    atomic_fetch_add(readers, 1);
    for (size_t i = 0; i < SG_CP_MAX_QUEUES; i++) {
        const struct sg_cp_queue *queue = atomic_load(&cp->queues[i]);
        char head[128], line[256];
        if (!queue)
            continue;
        queue->engine->describe(queue, head, sizeof head);
        const char *condition = states[atomic_load(&queue->state)];
        if (atomic_load(&queue->is_stopped))
            condition = "stopped by an error";
        else if (atomic_load(&queue->control) & CP_CONTROL_SUSPEND)
            condition = "suspended";
        else if (atomic_load(&queue->owner) == CP_OWNER_INLINE)
            condition = "executing inline";
        const int length =
            snprintf(line, sizeof line, "gpu %u queue %u (%s): %s, %s\n", cp->config.gpu_id,
                     queue->config.queue_id, queue->engine->name, condition, head);
        const ssize_t written = write(fd, line, (size_t)length);
        (void)written;
        if (queue->is_running)
            sg_dispatch_dump(queue->dispatch, fd);
    }
    atomic_fetch_sub(readers, 1);
}
