/* SPDX-License-Identifier: MIT */
/* File descriptors of single buffer objects, as the kernel's dma-buf gives them. */
#include "abi/drm.h"
#include "softgpu/kfd/internal.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/ioctl.h>

/* The ioctls that a dma-buf itself has (linux/dma-buf.h). */
enum { DMA_BUF_SYNC = 0, DMA_BUF_SET_NAME = 1 };

/* Reads the object behind a descriptor. Returns 0, -EBADF or -EINVAL, as the kernel does for one
 * that isn't open, or is something else. */
static int inspect(int fd, uint32_t *out_record, struct sg_share *out_share) {
    if (fcntl(fd, F_GETFD) < 0)
        return -EBADF;
    return sg_share_identify(fd, out_record) && sg_share_read(fd, *out_record, out_share) ? 0
                                                                                          : -EINVAL;
}

bool sg_dmabuf_find(int fd, uint64_t *out_offset, uint64_t *out_bytes) {
    uint32_t record;
    struct sg_share share;
    if (inspect(fd, &record, &share))
        return false;
    *out_offset = share.offset;
    *out_bytes = share.backing;
    return true;
}

int sg_dmabuf_ioctl(unsigned long cmd) {
    if (_IOC_TYPE(cmd) == ABI_DMABUF_IOC_TYPE && _IOC_NR(cmd) <= DMA_BUF_SET_NAME)
        return 0; /* coherent as it is; names show nowhere */
    return -ENOTTY;
}

int sg_bo_export(struct sg_bo *bo, bool close_on_exec) {
    const int error = sg_bo_share(bo, 0);
    if (error)
        return error;
    const int fd = sg_share_open(sg_file_fd(bo->file), bo->record);
    if (fd >= 0 && !close_on_exec)
        fcntl(fd, F_SETFD, 0);
    return fd;
}

int sg_ioctl_export_dmabuf(struct sg_kfd *kfd, struct abi_kfd_export_dmabuf *args) {
    pthread_mutex_lock(&kfd->memory.lock);
    struct sg_bo *bo = sg_memory_find(&kfd->memory, args->handle);
    const int fd = bo ? sg_bo_export(bo, args->flags & O_CLOEXEC) : -EINVAL;
    pthread_mutex_unlock(&kfd->memory.lock);
    if (fd < 0)
        return fd;
    args->dmabuf_fd = (uint32_t)fd;
    return 0;
}

int sg_ioctl_get_dmabuf_info(struct sg_kfd *kfd, struct abi_kfd_get_dmabuf_info *args) {
    uint32_t record;
    struct sg_share share;
    const int error = inspect((int)args->dmabuf_fd, &record, &share);
    if (error)
        return error;
    if (!sg_gpu_find(kfd, share.gpu_id))
        return -EINVAL;
    args->size = share.backing;
    args->metadata_size = 0; /* nobody sets any: that is for images of graphics drivers */
    args->gpu_id = share.gpu_id;
    args->flags = share.flags & (ABI_KFD_MEM_VRAM | ABI_KFD_MEM_GTT | ABI_KFD_MEM_PUBLIC);
    return 0;
}

int sg_dmabuf_import(struct sg_gpu *gpu, int dmabuf, uint64_t va, struct sg_bo **out_bo) {
    uint32_t record;
    struct sg_share share;
    const int error = inspect(dmabuf, &record, &share);
    if (error)
        return error;
    if (share.gpu_id != gpu->id)
        return -EINVAL;
    const int fd = sg_file_reopen(dmabuf);
    if (fd < 0)
        return fd;
    const int result = sg_bo_import(gpu, fd, record, 0, va, out_bo);
    if (!result)
        (*out_bo)->flags |= ABI_KFD_MEM_WRITABLE | ABI_KFD_MEM_EXECUTABLE;
    return result;
}

int sg_ioctl_import_dmabuf(struct sg_kfd *kfd, struct abi_kfd_import_dmabuf *args) {
    struct sg_gpu *gpu = sg_gpu_find(kfd, args->gpu_id);
    struct sg_bo *bo;
    if (!gpu)
        return -EINVAL;
    pthread_mutex_lock(&kfd->memory.lock);
    const int error = sg_dmabuf_import(gpu, (int)args->dmabuf_fd, args->va_addr, &bo);
    if (!error)
        args->handle = sg_memory_handle(bo);
    pthread_mutex_unlock(&kfd->memory.lock);
    return error;
}
