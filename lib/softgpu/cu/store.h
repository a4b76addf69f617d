/* SPDX-License-Identifier: MIT */
/// Storage of work-groups, reused from launch to launch: never given back before the compute units
/// are destroyed, so that a dump may look at a work-group without a lock.
#ifndef SG_CU_STORE_H
#define SG_CU_STORE_H

#include "softgpu/cu/workgroup.h"

#include <pthread.h>
#include <stddef.h>

enum { SG_STORE_CLASSES = 64 };

struct sg_store {
    pthread_mutex_t lock;
    struct sg_workgroup *free[SG_STORE_CLASSES]; ///< by the binary logarithm of their bytes
};

void sg_store_init(struct sg_store *store);
/// Frees what was released; everything must have been.
void sg_store_fini(struct sg_store *store);

/// Storage of at least `bytes`, rounded up to a power of two. NULL when out of memory. Takes a
/// lock.
struct sg_workgroup *sg_store_acquire(struct sg_store *store, size_t bytes);
/// Gives storage back. NULL is accepted.
void sg_store_release(struct sg_store *store, struct sg_workgroup *group);

#endif
