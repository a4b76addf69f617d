/* SPDX-License-Identifier: MIT */
/* Buffer objects by the render node's handles, as libdrm_amdgpu uses them: the virtual memory API
 * of newer ROCr imports what the driver allocated and maps parts of it where it likes. */
#include "softgpu/kfd/gem.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

enum { PAGE_BYTES = 4096, RESERVED_BYTES = 2 << 20 };

/* A part of an object in the address space. */
struct mapping {
    struct mapping *next;
    uint64_t va;
    uint64_t bytes;
};

struct sg_gem {
    struct sg_bo *bo; /* NULL: a free handle */
    struct mapping *mappings;
};

/* Handles are indices plus 1. The caller holds memory.lock, here and below. */
static struct sg_gem *find(struct sg_gpu *gpu, uint32_t handle) {
    struct sg_gem *gem = handle - 1u < gpu->gem_count ? &gpu->gems[handle - 1] : NULL;
    return gem && gem->bo ? gem : NULL;
}

static int add(struct sg_gpu *gpu, struct sg_bo *bo, uint32_t *out_handle) {
    uint32_t at = 0;
    while (at < gpu->gem_count && gpu->gems[at].bo)
        at++;
    if (at == gpu->gem_count) {
        const uint32_t count = at ? at * 2 : 16;
        struct sg_gem *gems = realloc(gpu->gems, count * sizeof *gems);
        if (!gems)
            return -ENOMEM;
        memset(gems + at, 0, (count - at) * sizeof *gems);
        gpu->gems = gems;
        gpu->gem_count = count;
    }
    gpu->gems[at].bo = bo;
    *out_handle = at + 1;
    return 0;
}

static int create(struct sg_gpu *gpu, const struct abi_kfd_alloc_memory *alloc,
                  uint32_t *out_handle) {
    struct sg_bo *bo;
    int error = sg_memory_create(gpu, alloc, &bo);
    if (!error) {
        error = add(gpu, bo, out_handle);
        if (error)
            sg_memory_delete(bo);
    }
    return error;
}

int sg_gem_create(struct sg_gpu *gpu, void *argument) {
    struct abi_amdgpu_gem_create *args = argument;
    const bool vram = args->domains & ABI_AMDGPU_DOMAIN_VRAM;
    if (!args->size || !(args->domains & (ABI_AMDGPU_DOMAIN_VRAM | ABI_AMDGPU_DOMAIN_GTT)) ||
        args->domains &
            ~(uint64_t)(ABI_AMDGPU_DOMAIN_VRAM | ABI_AMDGPU_DOMAIN_GTT | ABI_AMDGPU_DOMAIN_CPU))
        return -EINVAL;
    const struct abi_kfd_alloc_memory alloc = {.size = args->size,
                                               .flags =
                                                   (vram ? ABI_KFD_MEM_VRAM : ABI_KFD_MEM_GTT) |
                                                   ABI_KFD_MEM_WRITABLE | ABI_KFD_MEM_EXECUTABLE};
    uint32_t handle = 0;
    const int error = create(gpu, &alloc, &handle);
    if (!error)
        args->size = handle;
    return error;
}

int sg_gem_userptr(struct sg_gpu *gpu, void *argument) {
    struct abi_amdgpu_gem_userptr *args = argument;
    if (!args->size || args->addr % PAGE_BYTES || args->size % PAGE_BYTES)
        return -EINVAL;
    const struct abi_kfd_alloc_memory alloc = {.size = args->size,
                                               .mmap_offset = args->addr,
                                               .flags = ABI_KFD_MEM_USERPTR | ABI_KFD_MEM_WRITABLE};
    return create(gpu, &alloc, &args->handle);
}

static void unmap(struct sg_gpu *gpu, const struct mapping *mapping) {
    sg_vm_unmap(gpu->vm, mapping->va, mapping->bytes);
    sg_memory_flush(gpu, mapping->va, mapping->bytes);
}

static void close_gem(struct sg_gpu *gpu, struct sg_gem *gem) {
    while (gem->mappings) {
        struct mapping *mapping = gem->mappings;
        gem->mappings = mapping->next;
        unmap(gpu, mapping);
        free(mapping);
    }
    sg_memory_delete(gem->bo);
    gem->bo = NULL;
}

int sg_gem_close(struct sg_gpu *gpu, void *argument) {
    const struct abi_drm_gem_close *args = argument;
    struct sg_gem *gem = find(gpu, args->handle);
    if (!gem)
        return -EINVAL;
    close_gem(gpu, gem);
    return 0;
}

int sg_gem_mmap(struct sg_gpu *gpu, void *argument) {
    union abi_amdgpu_gem_mmap *args = argument;
    const struct sg_gem *gem = find(gpu, args->handle);
    if (!gem)
        return -ENOENT;
    if (!sg_bo_in_file(gem->bo))
        return -EPERM;
    args->offset = gem->bo->mmap_offset;
    return 0;
}

static int map_part(struct sg_gpu *gpu, struct sg_gem *gem, const struct abi_amdgpu_gem_va *args) {
    uint32_t flags = 0;
    flags |= args->flags & ABI_AMDGPU_VA_READABLE ? SG_VM_READ : 0;
    flags |= args->flags & ABI_AMDGPU_VA_WRITEABLE ? SG_VM_WRITE : 0;
    flags |= args->flags & ABI_AMDGPU_VA_EXECUTABLE ? SG_VM_EXEC : 0;
    flags |= sg_bo_in_file(gem->bo) ? 0 : SG_VM_USERPTR;
    if (args->offset_in_bo > gem->bo->backing ||
        args->map_size > gem->bo->backing - args->offset_in_bo)
        return -EINVAL;
    struct mapping *mapping = malloc(sizeof *mapping);
    if (!mapping)
        return -ENOMEM;
    sg_svm_forget(gpu->kfd, args->va_address, args->map_size);
    const struct sg_vm_range range = {.va = args->va_address,
                                      .bytes = args->map_size,
                                      .host = gem->bo->host + args->offset_in_bo,
                                      .flags = flags};
    const int error = sg_vm_map(gpu->vm, &range);
    if (error) {
        free(mapping);
        return error == -EEXIST ? -EINVAL : error;
    }
    *mapping = (struct mapping){gem->mappings, args->va_address, args->map_size};
    gem->mappings = mapping;
    return 0;
}

/* As amdgpu: the part that begins there, whatever its size. */
static int unmap_part(struct sg_gpu *gpu, struct sg_gem *gem, uint64_t va) {
    for (struct mapping **at = &gem->mappings; *at; at = &(*at)->next) {
        struct mapping *mapping = *at;
        if (mapping->va != va)
            continue;
        *at = mapping->next;
        unmap(gpu, mapping);
        free(mapping);
        return 0;
    }
    return -ENOENT;
}

int sg_gem_va(struct sg_gpu *gpu, void *argument) {
    const struct abi_amdgpu_gem_va *args = argument;
    const uint64_t end = args->va_address + args->map_size;
    if (args->va_address < RESERVED_BYTES || end < args->va_address || end > SG_GEM_VA_END ||
        !args->map_size || (args->va_address | args->offset_in_bo | args->map_size) % PAGE_BYTES)
        return -EINVAL;
    /* CLEAR and REPLACE, which nobody in ROCm issues, are refused like what doesn't exist. */
    if (args->operation != ABI_AMDGPU_VA_MAP && args->operation != ABI_AMDGPU_VA_UNMAP)
        return -EINVAL;
    struct sg_gem *gem = find(gpu, args->handle);
    if (!gem)
        return -ENOENT;
    return args->operation == ABI_AMDGPU_VA_MAP ? map_part(gpu, gem, args)
                                                : unmap_part(gpu, gem, args->va_address);
}

int sg_gem_op(struct sg_gpu *gpu, void *argument) {
    const struct abi_amdgpu_gem_op *args = argument;
    const struct sg_gem *gem = find(gpu, args->handle);
    if (!gem)
        return -ENOENT;
    if (args->op != ABI_AMDGPU_GEM_OP_GET_CREATE_INFO)
        return -EINVAL;
    const struct abi_amdgpu_gem_create info = {.size = gem->bo->backing,
                                               .alignment = PAGE_BYTES,
                                               .domains = gem->bo->flags & ABI_KFD_MEM_VRAM
                                                              ? ABI_AMDGPU_DOMAIN_VRAM
                                                              : ABI_AMDGPU_DOMAIN_GTT};
    return sg_copy_out(args->value, &info, sizeof info);
}

int sg_gem_metadata(struct sg_gpu *gpu, void *argument) {
    struct abi_amdgpu_gem_metadata *args = argument;
    if (!find(gpu, args->handle))
        return -ENOENT;
    if (args->op != ABI_AMDGPU_METADATA_GET)
        return -EINVAL; /* layouts of images: there are none */
    args->flags = args->tiling_info = 0;
    args->data_size_bytes = 0;
    return 0;
}

int sg_gem_wait_idle(struct sg_gpu *gpu, void *argument) {
    struct abi_amdgpu_gem_wait_idle *args = argument;
    const struct sg_gem *gem = find(gpu, args->handle);
    if (!gem)
        return -ENOENT;
    /* Only graphics rings leave fences, compute queues of the user don't. */
    args->handle = 0;
    args->flags =
        gem->bo->flags & ABI_KFD_MEM_VRAM ? ABI_AMDGPU_DOMAIN_VRAM : ABI_AMDGPU_DOMAIN_GTT;
    return 0;
}

int sg_gem_to_fd(struct sg_gpu *gpu, void *argument) {
    struct abi_drm_prime_handle *args = argument;
    const struct sg_gem *gem = find(gpu, args->handle);
    if (args->flags & ~(uint32_t)(O_CLOEXEC | O_RDWR))
        return -EINVAL;
    const int fd = gem ? sg_bo_export(gem->bo, args->flags & O_CLOEXEC) : -ENOENT;
    if (fd < 0)
        return fd;
    args->fd = fd;
    return 0;
}

/* An object that has a handle already keeps it. */
static uint32_t known(const struct sg_gpu *gpu, const struct sg_bo *bo) {
    for (uint32_t i = 0; i < gpu->gem_count; i++) {
        const struct sg_bo *other = gpu->gems[i].bo;
        if (other && other->file == bo->file && other->record == bo->record)
            return i + 1;
    }
    return 0;
}

int sg_gem_from_fd(struct sg_gpu *gpu, void *argument) {
    struct abi_drm_prime_handle *args = argument;
    struct sg_bo *bo;
    int error = sg_dmabuf_import(gpu, args->fd, 0, &bo);
    if (error)
        return error;
    bo->is_gem = true;
    args->handle = known(gpu, bo);
    const bool is_known = args->handle;
    if (!is_known)
        error = add(gpu, bo, &args->handle);
    if (error || is_known)
        sg_memory_delete(bo);
    return error;
}

void sg_gem_fini(struct sg_gpu *gpu) {
    for (uint32_t i = 0; i < gpu->gem_count; i++) {
        if (gpu->gems[i].bo)
            close_gem(gpu, &gpu->gems[i]);
    }
    free(gpu->gems);
    gpu->gems = NULL;
    gpu->gem_count = 0;
}
