/* SPDX-License-Identifier: MIT */
/* Sharing buffer objects by a handle of 128 bits: the exporter's process id, the object's number
 * and a random key. What the importer must know is a record at the beginning of the exporter's
 * file. */
#include "softgpu/kfd/internal.h"
#include "softgpu/kfd/share.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

/* Written for each exported object at RECORD_BYTES times its number. */
struct record {
    uint64_t key; /* 0: not exported */
    uint64_t offset;
    uint64_t backing;
    uint64_t bytes;
    uint32_t flags;
    uint32_t user_flags; /* the thunk's, given back to the importer */
    uint32_t gpu_id;
    uint32_t pad[5];
};
enum { RECORD_BYTES = 64 };
static_assert(sizeof(struct record) == RECORD_BYTES, "a slot of the table");

struct handle {
    uint32_t pid;
    uint32_t index;
    uint64_t key;
};
static_assert(sizeof(struct handle) == sizeof((struct abi_kfd_ipc_export_handle){0}.share_handle),
              "all of the handle");

static off_t record_at(uint32_t index) {
    return (off_t)index * RECORD_BYTES;
}

static bool read_record(int fd, uint32_t index, struct record *out_record) {
    return pread(fd, out_record, sizeof *out_record, record_at(index)) == sizeof *out_record;
}

/* Makes the object one that others may hold. */
static int share(struct sg_bo *bo) {
    struct sg_memory *memory = &bo->gpu->kfd->memory;
    if (bo->file)
        return 0;
    const int fd = sg_file_reopen(bo->gpu->bo_fd);
    if (fd < 0)
        return fd;
    struct sg_file *file = sg_file_adopt(&memory->files, fd);
    if (!file)
        return -ENOMEM;
    const int error = sg_range_hold(file->fd, bo->file_offset, bo->backing);
    if (error) {
        sg_file_trim(&memory->files, file);
        return error;
    }
    file->objects++;
    bo->file = file;
    return 0;
}

static int export_bo(struct sg_kfd *kfd, const struct abi_kfd_ipc_export_handle *args,
                     struct handle *out_handle) {
    struct sg_bo *bo = sg_memory_find(&kfd->memory, args->handle);
    if (!bo)
        return -EINVAL;
    if (!sg_bo_in_file(bo))
        return -EPERM; /* the application's own pages, registers */
    if ((uint64_t)record_at(bo->index + 1) > SG_SHARE_TABLE_BYTES)
        return -ENOMEM;
    /* An imported object is exported by whoever made it. */
    if (bo->is_import)
        return -EINVAL;
    int error = share(bo);
    if (error)
        return error;
    if (!bo->share_key) {
        struct record record = {
            .offset = bo->file_offset,
            .backing = bo->backing,
            .bytes = bo->bytes,
            .flags = bo->flags,
            .user_flags = args->flags,
            .gpu_id = args->gpu_id,
        };
        while (!record.key) {
            if (getrandom(&record.key, sizeof record.key, 0) < 0 && errno != EINTR)
                return -errno;
        }
        if (pwrite(bo->gpu->bo_fd, &record, sizeof record, record_at(bo->index)) != sizeof record)
            return -ENOMEM;
        bo->share_key = record.key;
    }
    *out_handle = (struct handle){(uint32_t)getpid(), bo->index, bo->share_key};
    return 0;
}

int sg_ioctl_ipc_export_handle(struct sg_kfd *kfd, struct abi_kfd_ipc_export_handle *args) {
    struct handle handle;
    if (!sg_gpu_find(kfd, args->gpu_id))
        return -EINVAL;
    pthread_mutex_lock(&kfd->memory.lock);
    const int error = export_bo(kfd, args, &handle);
    pthread_mutex_unlock(&kfd->memory.lock);
    if (!error)
        memcpy(args->share_handle, &handle, sizeof handle);
    return error;
}

static bool is_memory_file(int directory_fd, const char *name) {
    static const char prefix[] = "/memfd:";
    char target[sizeof prefix];
    return readlinkat(directory_fd, name, target, sizeof target) >= (ssize_t)sizeof prefix - 1 &&
           !memcmp(target, prefix, sizeof prefix - 1);
}

/* Finds the exporter's file among those it has open. Only reading rights on the process are needed,
 * not those of a debugger. Returns a description of its own, or -errno. */
static int open_exporter(const struct handle *handle, struct record *out_record) {
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
        if (fd >= 0 && read_record(fd, handle->index, out_record) && out_record->key == handle->key)
            found = fd;
        else if (fd >= 0)
            close(fd);
    }
    closedir(directory);
    return found;
}

/* Takes hold of the range, then looks again: the exporter may have freed it in between. */
static int hold(struct sg_memory *memory, struct sg_file *file, const struct handle *handle,
                struct record *record) {
    const struct record before = *record;
    const bool was_held = sg_memory_holds(memory, file, before.offset, NULL);
    if (!was_held && sg_range_hold(file->fd, before.offset, before.backing))
        return -EINVAL;
    if (read_record(file->fd, handle->index, record) && record->key == handle->key)
        return 0;
    if (!was_held)
        sg_range_release(file->fd, before.offset, before.backing);
    return -EINVAL;
}

static int import_bo(struct sg_gpu *gpu, struct abi_kfd_ipc_import_handle *args, int fd,
                     const struct handle *handle, struct record *record) {
    struct sg_memory *memory = &gpu->kfd->memory;
    struct sg_file *file = sg_file_adopt(&memory->files, fd);
    if (!file)
        return -ENOMEM;
    int error = hold(memory, file, handle, record);
    if (error) {
        sg_file_trim(&memory->files, file);
        return error;
    }
    const struct sg_import import = {
        .va = args->va_addr,
        .bytes = record->bytes,
        .backing = record->backing,
        .file_offset = record->offset,
        .flags = record->flags,
    };
    struct sg_bo *bo;
    error = sg_memory_import(gpu, file, &import, &bo);
    if (error)
        return error;
    args->handle = sg_memory_handle(bo);
    args->mmap_offset = bo->mmap_offset;
    args->flags = record->user_flags;
    return 0;
}

int sg_ioctl_ipc_import_handle(struct sg_kfd *kfd, struct abi_kfd_ipc_import_handle *args) {
    struct handle handle;
    struct record record;
    struct sg_gpu *gpu = sg_gpu_find(kfd, args->gpu_id);
    if (!gpu)
        return -EINVAL;
    memcpy(&handle, args->share_handle, sizeof handle);
    if (!handle.key)
        return -EINVAL;
    const int fd = open_exporter(&handle, &record);
    if (fd < 0)
        return fd;
    if (record.gpu_id != args->gpu_id) {
        close(fd);
        return -EINVAL;
    }
    pthread_mutex_lock(&kfd->memory.lock);
    const int error = import_bo(gpu, args, fd, &handle, &record);
    pthread_mutex_unlock(&kfd->memory.lock);
    return error;
}

void sg_ipc_withdraw(struct sg_bo *bo) {
    const struct record none = {0};
    if (!bo->share_key)
        return;
    pwrite(bo->gpu->bo_fd, &none, sizeof none, record_at(bo->index));
    bo->share_key = 0;
}
