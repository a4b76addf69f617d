/* SPDX-License-Identifier: MIT */
/// The compute units of one GPU. Private to this folder.
#ifndef SG_CU_DEVICE_H
#define SG_CU_DEVICE_H

#include "softgpu/cu/cu.h"
#include "softgpu/cu/gws.h"
#include "softgpu/cu/pool.h"
#include "softgpu/cu/runner.h"
#include "softgpu/cu/store.h"

#include <pthread.h>

struct sg_cu {
    struct sg_cu_config config;
    struct sg_isa *isa;
    struct sg_gws gws;
    struct sg_store store;
    struct sg_pool pool;
    pthread_mutex_t runner_lock;
    struct sg_runner *runners; ///< all that exist, for sg_cu_drain
};

/// Registers a context that runs waves, and removes it; takes locks.
void sg_runner_init(struct sg_cu *cu, struct sg_runner *runner);
void sg_runner_fini(struct sg_cu *cu, struct sg_runner *runner);

#endif
