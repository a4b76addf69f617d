/* SPDX-License-Identifier: MIT */
/// Packet processors and compute units that only record what the driver asks of them.
#ifndef TEST_FAKE_CP_H
#define TEST_FAKE_CP_H

#include "softgpu/cp/cp.h"

#include <stdatomic.h>

struct fake_cp {
    atomic_int creates, destroys, updates, pokes, drains, invalidations;
    atomic_bool hold_destroy; ///< sg_cp_queue_destroy waits while this is set
    atomic_bool in_destroy;   ///< and says so here
    int create_error;         ///< what the next sg_cp_queue_create returns
    struct sg_cp_queue_config last_config;
    uint32_t last_percentage;
    uint32_t last_mask[32];
    uint32_t last_mask_bits;
    const char *dump; ///< what sg_cp_dump writes
    /// At the time of the last drain: was this address still mapped? Checked if not 0.
    uint64_t watch_va;
    struct sg_vm *vm;
    bool mapped_at_drain;
};
extern struct fake_cp fake_cp;

/// Any pointer will do: the fakes have no state of their own.
struct sg_cp *fake_cp_handle(void);
struct sg_cu *fake_cu_handle(void);

#endif
