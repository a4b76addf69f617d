/* SPDX-License-Identifier: MIT */
#include "fake_cp.h"

#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct fake_cp fake_cp;

struct sg_cp_queue {
    char unused;
};

struct sg_cp *fake_cp_handle(void) {
    return (struct sg_cp *)&fake_cp;
}

struct sg_cu *fake_cu_handle(void) {
    return (struct sg_cu *)&fake_cp;
}

int sg_cp_queue_create(struct sg_cp *cp, const struct sg_cp_queue_config *config,
                       struct sg_cp_queue **out_queue) {
    (void)cp;
    if (fake_cp.create_error)
        return fake_cp.create_error;
    *out_queue = malloc(sizeof **out_queue);
    fake_cp.last_config = *config;
    atomic_fetch_add(&fake_cp.creates, 1);
    return *out_queue ? 0 : -1;
}

void sg_cp_queue_destroy(struct sg_cp_queue *queue) {
    atomic_store(&fake_cp.in_destroy, true);
    while (atomic_load(&fake_cp.hold_destroy))
        sched_yield();
    atomic_store(&fake_cp.in_destroy, false);
    atomic_fetch_add(&fake_cp.destroys, 1);
    free(queue);
}

int sg_cp_queue_update(struct sg_cp_queue *queue, uint64_t ring_va, uint64_t ring_bytes,
                       uint32_t priority, uint32_t percentage) {
    (void)queue;
    fake_cp.last_config.ring_va = ring_va;
    fake_cp.last_config.ring_bytes = ring_bytes;
    fake_cp.last_config.priority = priority;
    fake_cp.last_percentage = percentage;
    atomic_fetch_add(&fake_cp.updates, 1);
    return 0;
}

int sg_cp_queue_set_cu_mask(struct sg_cp_queue *queue, const uint32_t *mask, uint32_t bit_count) {
    (void)queue;
    memcpy(fake_cp.last_mask, mask, bit_count / 8);
    fake_cp.last_mask_bits = bit_count;
    return 0;
}

void sg_cp_poke(struct sg_cp *cp) {
    (void)cp;
    atomic_fetch_add(&fake_cp.pokes, 1);
}

void sg_cp_drain(struct sg_cp *cp) {
    (void)cp;
    struct sg_vm_range range;
    if (fake_cp.watch_va)
        fake_cp.mapped_at_drain = sg_vm_find(fake_cp.vm, fake_cp.watch_va, &range);
    atomic_fetch_add(&fake_cp.drains, 1);
}

void sg_cu_invalidate_code(struct sg_cu *cu, uint64_t va, uint64_t bytes) {
    (void)cu;
    (void)va;
    (void)bytes;
    atomic_fetch_add(&fake_cp.invalidations, 1);
}

void sg_cp_dump(const struct sg_cp *cp, int fd) {
    (void)cp;
    dprintf(fd, "%s", fake_cp.dump ? fake_cp.dump : "");
}

/* The doorbell code, linked with the driver but not used here, wants these. */
void sg_cp_queue_ring(struct sg_cp_queue *queue) {
    (void)queue;
}

bool sg_cp_queue_run_inline(struct sg_cp_queue *queue) {
    (void)queue;
    return true;
}

bool sg_cp_queue_is_asleep(const struct sg_cp_queue *queue) {
    (void)queue;
    return true;
}

bool sg_cp_queue_has_work(const struct sg_cp_queue *queue) {
    (void)queue;
    return false;
}
