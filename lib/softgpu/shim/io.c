/* SPDX-License-Identifier: MIT */
/* File descriptors: ioctl, mmap, close, dup2.
 *
 * A file descriptor is known by the inode behind it, so duplicates need no bookkeeping. Calls that
 * can't be ours are told apart by their arguments alone. */
#include "abi/drm.h"
#include "abi/kfd.h"
#include "softgpu/device.h"
#include "softgpu/kfd/kfd.h"
#include "softgpu/shim/real.h"
#include "softgpu/shim/tree.h"

#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stddef.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

/* Like fstat, but tells only files that an ordinary program hasn't: nameless memory files. */
static bool is_nameless(int fd, struct stat *file) {
    return fd >= 0 && !real_fstat(fd, file) && S_ISREG(file->st_mode) && !file->st_nlink;
}

/* A device node that another process opened, a fork's parent for example. */
static bool is_foreign_device(int fd, const struct stat *file) {
    const struct sg_node *node = shim_tree_of_file(fd, file);
    return node && node->kind == SG_NODE_DEVICE;
}

static bool is_render(enum sg_device_file which) {
    return which >= SG_DEVICE_RENDER && which < SG_DEVICE_FILES;
}

/* A descriptor of one buffer object, of this process or another: where its bytes are in the file.
 */
static bool find_dmabuf(int fd, const struct stat *file, enum sg_device_file which,
                        uint64_t *out_offset, uint64_t *out_bytes) {
    return (is_render(which) || (which == SG_DEVICE_NONE && is_foreign_device(fd, file))) &&
           sg_dmabuf_find(fd, out_offset, out_bytes);
}

static struct sg_gpu *gpu_of(struct sg_kfd *kfd, enum sg_device_file render) {
    return sg_kfd_gpu(kfd, (uint32_t)(render - SG_DEVICE_RENDER));
}

static int device_ioctl(int fd, unsigned long cmd, void *arg) {
    struct stat file;
    struct sg_kfd *kfd;
    if (!is_nameless(fd, &file))
        return real_ioctl(fd, cmd, arg);
    uint64_t offset;
    uint64_t bytes;
    int result = -EBADF; /* amdkfd's answer to processes other than the one that opened it */
    const enum sg_device_file which = sg_device_identify(&file, &kfd);
    if (which == SG_DEVICE_KFD)
        result = sg_kfd_ioctl(kfd, cmd, arg);
    else if (find_dmabuf(fd, &file, which, &offset, &bytes))
        result = sg_dmabuf_ioctl(cmd);
    else if (is_render(which))
        result = sg_kfd_drm_ioctl(gpu_of(kfd, which), cmd, arg);
    else if (!is_foreign_device(fd, &file))
        return real_ioctl(fd, cmd, arg);
    if (result >= 0)
        return result;
    errno = -result;
    return -1;
}

SHIM_EXPORT int ioctl(int fd, unsigned long cmd, ...) {
    va_list arguments;
    va_start(arguments, cmd);
    void *arg = va_arg(arguments, void *);
    va_end(arguments);
    if (_IOC_TYPE(cmd) != ABI_KFD_IOC_TYPE && _IOC_TYPE(cmd) != ABI_DRM_IOC_TYPE &&
        _IOC_TYPE(cmd) != ABI_DMABUF_IOC_TYPE)
        return real_ioctl(fd, cmd, arg);
    return device_ioctl(fd, cmd, arg);
}

/* Within the object its own bytes begin at 0. */
static int map_dmabuf(uint64_t object_offset, uint64_t object_bytes, uint64_t bytes,
                      uint64_t *file_offset) {
    if (*file_offset > object_bytes || bytes > object_bytes - *file_offset)
        return -EINVAL;
    *file_offset += object_offset;
    return 0;
}

static void *map_device(void *address, size_t bytes, int prot, int flags, int fd, int64_t offset) {
    struct stat file;
    struct sg_kfd *kfd;
    uint64_t file_offset = (uint64_t)offset;
    int error = 0;

    if (!is_nameless(fd, &file))
        return real_mmap(address, bytes, prot, flags, fd, offset);
    const enum sg_device_file which = sg_device_identify(&file, &kfd);
    uint64_t object_offset;
    uint64_t object_bytes;
    if (which == SG_DEVICE_KFD)
        error = sg_kfd_mmap(kfd, (uint64_t)offset, bytes, &file_offset);
    else if (find_dmabuf(fd, &file, which, &object_offset, &object_bytes))
        error = map_dmabuf(object_offset, object_bytes, bytes, &file_offset);
    else if (is_render(which))
        error = sg_kfd_drm_mmap(gpu_of(kfd, which), (uint64_t)offset, bytes, &fd, &file_offset);
    if (error) {
        errno = -error;
        return MAP_FAILED;
    }
    void *mapped = real_mmap(address, bytes, prot, flags, fd, (int64_t)file_offset);
    if (mapped == MAP_FAILED || which != SG_DEVICE_KFD)
        return mapped;
    madvise(mapped, bytes, MADV_DONTFORK); /* as the driver's VM_DONTCOPY */
    error = sg_kfd_mapped(kfd, file_offset, mapped, bytes);
    if (error) {
        syscall(SYS_munmap, mapped, bytes);
        errno = -error;
        return MAP_FAILED;
    }
    return mapped;
}

/* The first question is cheap and leaves almost nothing for the second, a system call. */
static void leave_mappings(const void *address, size_t bytes) {
    struct sg_kfd *kfd = sg_device_any_kfd();
    if (kfd && sg_kfd_may_map_doorbells(kfd, address, bytes) && sg_device_kfd())
        sg_kfd_unmapping(kfd, address, bytes);
}

SHIM_EXPORT void *mmap(void *address, size_t bytes, int prot, int flags, int fd, off_t offset) {
    if (flags & MAP_FIXED)
        leave_mappings(address, bytes);
    if (fd < 0 || flags & MAP_ANONYMOUS || !sg_device_exists())
        return real_mmap(address, bytes, prot, flags, fd, offset);
    return map_device(address, bytes, prot, flags, fd, offset);
}

SHIM_EXPORT void *mmap64(void *address, size_t bytes, int prot, int flags, int fd, off64_t offset) {
    return mmap(address, bytes, prot, flags, fd, offset);
}

SHIM_EXPORT int munmap(void *address, size_t bytes) {
    leave_mappings(address, bytes);
    return (int)syscall(SYS_munmap, address, bytes);
}

/* The size of a dmabuf is asked for by seeking to its end; there is nothing else to seek for. */
static off_t seek(int fd, off_t offset, int whence) {
    struct stat file;
    struct sg_kfd *kfd;
    uint64_t object_offset;
    uint64_t bytes;
    if (sg_device_exists() && (whence == SEEK_END || whence == SEEK_SET) && !offset &&
        is_nameless(fd, &file) &&
        find_dmabuf(fd, &file, sg_device_identify(&file, &kfd), &object_offset, &bytes))
        return whence == SEEK_END ? (off_t)bytes : 0;
    return syscall(SYS_lseek, fd, offset, whence);
}

SHIM_EXPORT off_t lseek(int fd, off_t offset, int whence) {
    return seek(fd, offset, whence);
}

SHIM_EXPORT off64_t lseek64(int fd, off64_t offset, int whence) {
    return seek(fd, offset, whence);
}

SHIM_EXPORT int close(int fd) {
    if (sg_device_owns_fd(fd)) {
        errno = EBADF; /* as far as the application knows, it isn't open */
        return -1;
    }
    return real_close(fd);
}

SHIM_EXPORT int dup2(int fd, int target) {
    if (fd != target && sg_device_owns_fd(target) && !sg_device_vacate_fd(target))
        return -1;
    return (int)syscall(SYS_dup2, fd, target);
}

SHIM_EXPORT int dup3(int fd, int target, int flags) {
    if (sg_device_owns_fd(target) && !sg_device_vacate_fd(target))
        return -1;
    return (int)syscall(SYS_dup3, fd, target, flags);
}

/* Closes a range around the GPU's own. */
SHIM_EXPORT int close_range(unsigned first, unsigned last, int flags) {
    if (!sg_device_exists() || flags)
        return (int)syscall(SYS_close_range, first, last, flags);
    unsigned from = first;
    for (unsigned fd = first; fd <= last && fd <= INT_MAX; fd++) {
        const int own = sg_device_next_fd(fd);
        if (own < 0 || (unsigned)own > last)
            break;
        if ((unsigned)own > from && syscall(SYS_close_range, from, (unsigned)own - 1, flags) < 0)
            return -1;
        from = (unsigned)own + 1;
        fd = (unsigned)own;
    }
    return from > last ? 0 : (int)syscall(SYS_close_range, from, last, flags);
}

SHIM_EXPORT void closefrom(int first) {
    close_range(first < 0 ? 0 : (unsigned)first, UINT_MAX, 0);
}
