/* SPDX-License-Identifier: MIT */
/* Sharing buffer objects: making them shareable, importing them, and the handles of 128 bits that
 * name them: a process that has the object's file open, the number of the object's record there,
 * and the key in that record. */
#include "softgpu/kfd/internal.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

struct handle {
    uint32_t pid;
    uint32_t record;
    uint64_t key;
};
static_assert(sizeof(struct handle) == sizeof((struct abi_kfd_ipc_export_handle){0}.share_handle),
              "all of the handle");

static int new_key(uint64_t *out_key) {
    do {
        if (getrandom(out_key, sizeof *out_key, 0) < 0 && errno != EINTR)
            return -errno;
    } while (!*out_key);
    return 0;
}

static int write_record(struct sg_bo *bo, uint32_t user_flags) {
    struct sg_gpu *gpu = bo->gpu;
    struct sg_share share = {
        .offset = bo->file_offset,
        .backing = bo->backing,
        .bytes = bo->bytes,
        .flags = bo->flags,
        .user_flags = user_flags,
        .gpu_id = gpu->id,
    };
    const uint32_t record = gpu->next_record;
    if ((record + 1) * sizeof share > gpu->table_bytes)
        return -ENOMEM;
    const int error = new_key(&share.key);
    if (error)
        return error;
    if (!sg_share_write(gpu->bo_fd, record, &share))
        return -ENOMEM;
    gpu->next_record++;
    bo->record = record;
    return 0;
}

int sg_bo_share(struct sg_bo *bo, uint32_t user_flags) {
    struct sg_memory *memory = &bo->gpu->kfd->memory;
    if (!sg_bo_in_file(bo))
        return -EPERM; /* the application's own pages, registers */
    if (!bo->file) {
        const int fd = sg_file_reopen(bo->gpu->bo_fd);
        if (fd < 0)
            return fd;
        struct sg_file *file = sg_file_adopt(&memory->files, fd);
        if (!file)
            return -ENOMEM;
        const int error = sg_range_hold(sg_file_fd(file), bo->file_offset, bo->backing);
        if (error) {
            sg_file_trim(&memory->files, file);
            return error;
        }
        file->objects++;
        bo->file = file;
    }
    return bo->record ? 0 : write_record(bo, user_flags);
}

void sg_bo_withdraw(struct sg_bo *bo) {
    struct sg_share share;
    if (!bo->record || bo->is_import || !sg_share_read(bo->gpu->bo_fd, bo->record, &share))
        return;
    share.key = 0;
    sg_share_write(bo->gpu->bo_fd, bo->record, &share);
}

/* Takes hold of the range, then looks again: the exporter may have freed it in between. */
static int hold(struct sg_memory *memory, struct sg_file *file, uint32_t record, uint64_t key,
                struct sg_share *out_share) {
    if (!sg_share_read(sg_file_fd(file), record, out_share))
        return -EINVAL;
    const struct sg_share before = *out_share;
    const bool was_held = sg_memory_holds(memory, file, before.offset, NULL);
    if (!was_held && sg_range_hold(sg_file_fd(file), before.offset, before.backing))
        return -EINVAL;
    if (!key || (sg_share_read(sg_file_fd(file), record, out_share) && out_share->key == key))
        return 0;
    if (!was_held)
        sg_range_release(sg_file_fd(file), before.offset, before.backing);
    return -EINVAL;
}

int sg_bo_import(struct sg_gpu *gpu, int fd, uint32_t record, uint64_t key, uint64_t va,
                 struct sg_bo **out_bo) {
    struct sg_memory *memory = &gpu->kfd->memory;
    struct sg_share share;
    struct sg_file *file = sg_file_adopt(&memory->files, fd);
    if (!file)
        return -ENOMEM;
    const int error = hold(memory, file, record, key, &share);
    if (error) {
        sg_file_trim(&memory->files, file);
        return error;
    }
    const struct sg_bo object = {
        .gpu = gpu,
        .va = va,
        .bytes = share.bytes,
        .backing = share.backing,
        .file_offset = share.offset,
        .flags = share.flags,
        .is_import = true,
        .file = file,
        .record = record,
    };
    file->objects++;
    return sg_memory_import(&object, out_bo);
}

static int export_bo(struct sg_kfd *kfd, struct abi_kfd_ipc_export_handle *args) {
    struct sg_share share;
    struct sg_bo *bo = sg_memory_find(&kfd->memory, args->handle);
    if (!bo || bo->gpu->id != args->gpu_id)
        return -EINVAL;
    const int error = sg_bo_share(bo, args->flags);
    if (error)
        return error;
    if (!sg_share_read(sg_file_fd(bo->file), bo->record, &share) || !share.key)
        return -EINVAL; /* imported, and freed by who made it */
    const struct handle handle = {(uint32_t)getpid(), bo->record, share.key};
    memcpy(args->share_handle, &handle, sizeof handle);
    return 0;
}

int sg_ioctl_ipc_export_handle(struct sg_kfd *kfd, struct abi_kfd_ipc_export_handle *args) {
    pthread_mutex_lock(&kfd->memory.lock);
    const int error = export_bo(kfd, args);
    pthread_mutex_unlock(&kfd->memory.lock);
    return error;
}

static bool is_memory_file(int directory_fd, const char *name) {
    static const char prefix[] = "/memfd:";
    char target[sizeof prefix];
    return readlinkat(directory_fd, name, target, sizeof target) >= (ssize_t)sizeof prefix - 1 &&
           !memcmp(target, prefix, sizeof prefix - 1);
}

/* Finds the object's file among those that the exporter has open. Only reading rights on the
 * process are needed, not those of a debugger. Returns a description of its own, or -errno. */
static int open_exporter(const struct handle *handle, struct sg_share *out_share) {
    char path[32];
    int found = -EINVAL;
    snprintf(path, sizeof path, "/proc/%u/fd", handle->pid);
    DIR *directory = opendir(path);
    if (!directory)
        return errno == EACCES ? -EACCES : -EINVAL;
    for (const struct dirent *entry; found < 0 && (entry = readdir(directory));) {
        if (!is_memory_file(dirfd(directory), entry->d_name))
            continue;
        const int fd = openat(dirfd(directory), entry->d_name, O_RDWR | O_CLOEXEC);
        if (fd >= 0 && sg_share_read(fd, handle->record, out_share) &&
            out_share->key == handle->key)
            found = fd;
        else if (fd >= 0)
            close(fd);
    }
    closedir(directory);
    return found;
}

int sg_ioctl_ipc_import_handle(struct sg_kfd *kfd, struct abi_kfd_ipc_import_handle *args) {
    struct handle handle;
    struct sg_share share;
    struct sg_bo *bo;
    struct sg_gpu *gpu = sg_gpu_find(kfd, args->gpu_id);
    memcpy(&handle, args->share_handle, sizeof handle);
    if (!gpu || !handle.key)
        return -EINVAL;
    const int fd = open_exporter(&handle, &share);
    if (fd < 0)
        return fd;
    if (share.gpu_id != args->gpu_id) {
        close(fd);
        return -EINVAL;
    }
    pthread_mutex_lock(&kfd->memory.lock);
    const int error = sg_bo_import(gpu, fd, handle.record, handle.key, args->va_addr, &bo);
    if (!error) {
        args->handle = sg_memory_handle(bo);
        args->mmap_offset = bo->mmap_offset;
        args->flags = share.user_flags;
    }
    pthread_mutex_unlock(&kfd->memory.lock);
    return error;
}
