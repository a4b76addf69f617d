/* SPDX-License-Identifier: MIT */
/// Buffer objects of the render node: handles, and parts of objects mapped at addresses of the
/// caller's choice. One namespace of handles per GPU of the process. The caller holds memory.lock.
#ifndef SG_KFD_GEM_H
#define SG_KFD_GEM_H

#include "abi/drm.h"
#include "softgpu/kfd/internal.h"

/// The end of the addresses that may be mapped.
#define SG_GEM_VA_END 0x800000000000ull

/// Handlers: `argument` is the ioctl's, copied in, and copied out after. They return 0 or -errno as
/// amdgpu does (-ENOENT: no such handle).
int sg_gem_create(struct sg_gpu *gpu, void *argument);
int sg_gem_userptr(struct sg_gpu *gpu, void *argument);
int sg_gem_close(struct sg_gpu *gpu, void *argument);
int sg_gem_mmap(struct sg_gpu *gpu, void *argument);
int sg_gem_va(struct sg_gpu *gpu, void *argument);
int sg_gem_op(struct sg_gpu *gpu, void *argument);
int sg_gem_metadata(struct sg_gpu *gpu, void *argument);
int sg_gem_wait_idle(struct sg_gpu *gpu, void *argument);
int sg_gem_to_fd(struct sg_gpu *gpu, void *argument);
int sg_gem_from_fd(struct sg_gpu *gpu, void *argument);

/// Closes all handles.
void sg_gem_fini(struct sg_gpu *gpu);

#endif
