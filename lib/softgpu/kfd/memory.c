/* SPDX-License-Identifier: MIT */
#include "softgpu/kfd/doorbell.h"
#include "softgpu/kfd/gem.h"
#include "softgpu/kfd/internal.h"
#include "softgpu/kfd/window.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { PAGE_BYTES = 4096, BIG_ALIGN = 2 << 20, TABLE_DIVISOR = 16 };
/* The render node's file is sparse and its offsets are handed out once only, so that a write by
 * somebody who kept a mapping of a freed object can't reach a later one. */
#define FILE_BYTES (1ull << 60)
#define DOMAINS                                                                                    \
    (ABI_KFD_MEM_VRAM | ABI_KFD_MEM_GTT | ABI_KFD_MEM_USERPTR | ABI_KFD_MEM_DOORBELL |             \
     ABI_KFD_MEM_MMIO_REMAP)

static uint64_t round_up(uint64_t value, uint64_t to) {
    return (value + to - 1) / to * to;
}

uint64_t sg_memory_handle(const struct sg_bo *bo) {
    return (uint64_t)bo->gpu->id << 32 | bo->index;
}

struct sg_bo *sg_memory_find(struct sg_memory *memory, uint64_t handle) {
    const uint32_t index = (uint32_t)handle;
    struct sg_bo *bo = index < memory->bo_slots ? memory->bos[index] : NULL;
    return bo && handle >> 32 == bo->gpu->id && !bo->is_gem ? bo : NULL;
}

static int init_gpu(struct sg_gpu *gpu, int page_fd) {
    const uint64_t pages = (uint64_t)gpu->index * SG_KFD_GPU_BYTES;
    struct rlimit limit;

    gpu->file_bytes = FILE_BYTES;
    /* Beyond the limit on file sizes, ftruncate would raise SIGXFSZ. */
    if (!getrlimit(RLIMIT_FSIZE, &limit) && limit.rlim_cur < FILE_BYTES)
        gpu->file_bytes = limit.rlim_cur / PAGE_BYTES * PAGE_BYTES;
    gpu->table_bytes = gpu->file_bytes / TABLE_DIVISOR;
    if (gpu->table_bytes > SG_SHARE_TABLE_BYTES)
        gpu->table_bytes = SG_SHARE_TABLE_BYTES;
    gpu->next_record = 1;
    gpu->next_offset = round_up(gpu->table_bytes, BIG_ALIGN);
    if (ftruncate(gpu->bo_fd, (off_t)gpu->file_bytes))
        return -errno;
    gpu->doorbell_page =
        sg_file_map(page_fd, pages + SG_KFD_DOORBELL_OFFSET, SG_KFD_DOORBELL_BYTES);
    gpu->mmio_page = sg_file_map(page_fd, pages + SG_KFD_MMIO_OFFSET, SG_KFD_MMIO_BYTES);
    return gpu->doorbell_page && gpu->mmio_page ? 0 : -ENOMEM;
}

int sg_memory_init(struct sg_kfd *kfd) {
    int error = 0;
    pthread_mutex_init(&kfd->memory.lock, NULL);
    for (uint32_t i = 0; i < kfd->config.gpu_count && !error; i++)
        error = init_gpu(&kfd->gpus[i], kfd->config.page_fd);
    return error;
}

bool sg_bo_in_file(const struct sg_bo *bo) {
    return bo->flags & (ABI_KFD_MEM_VRAM | ABI_KFD_MEM_GTT);
}

/* Bytes that count against the limit of this object's memory. */
static uint64_t *usage_of(struct sg_memory *memory, const struct sg_bo *bo) {
    if (bo->is_import)
        return NULL; /* it counts where it was made */
    if (bo->flags & ABI_KFD_MEM_VRAM)
        return &bo->gpu->vram_used;
    return bo->flags & (ABI_KFD_MEM_GTT | ABI_KFD_MEM_USERPTR) ? &memory->system_used : NULL;
}

static int charge(struct sg_kfd *kfd, const struct sg_bo *bo) {
    uint64_t *used = usage_of(&kfd->memory, bo);
    const uint64_t limit =
        bo->flags & ABI_KFD_MEM_VRAM ? kfd->config.vram_bytes : kfd->config.ram_bytes / 16 * 15;
    if (!used)
        return 0;
    if (bo->backing > limit || *used > limit - bo->backing)
        return -ENOMEM;
    *used += bo->backing;
    return 0;
}

static void uncharge(struct sg_memory *memory, const struct sg_bo *bo) {
    uint64_t *used = usage_of(memory, bo);
    if (used)
        *used -= bo->backing;
}

/* Takes a range of the render node's offsets. */
static int take_offset(struct sg_gpu *gpu, uint64_t bytes, uint64_t *out_offset) {
    const uint64_t offset = round_up(gpu->next_offset, bytes >= BIG_ALIGN ? BIG_ALIGN : PAGE_BYTES);
    if (offset > gpu->file_bytes || bytes > gpu->file_bytes - offset)
        return -ENOMEM;
    gpu->next_offset = offset + bytes;
    *out_offset = offset;
    return 0;
}

/* Gives the object its bytes. */
static int back(struct sg_bo *bo, uint64_t user) {
    struct sg_gpu *gpu = bo->gpu;

    if (bo->flags & ABI_KFD_MEM_DOORBELL) {
        bo->host = gpu->doorbell_page;
    } else if (bo->flags & ABI_KFD_MEM_MMIO_REMAP) {
        bo->host = gpu->mmio_page;
    } else if (bo->flags & ABI_KFD_MEM_USERPTR) {
        /* msync fails where a page of the range isn't mapped, and does nothing else. */
        if (!sg_access_ok(user, bo->backing) ||
            msync((void *)(uintptr_t)user, bo->backing, MS_ASYNC))
            return -EFAULT;
        bo->host = (uint8_t *)(uintptr_t)user;
    } else {
        const int error = take_offset(gpu, bo->backing, &bo->mmap_offset);
        if (error)
            return error;
        bo->file_offset = bo->mmap_offset;
        bo->host = sg_window_map(&gpu->windows, gpu->bo_fd, bo->file_offset, bo->backing);
        if (!bo->host)
            return -ENOMEM;
    }
    return 0;
}

bool sg_memory_holds(const struct sg_memory *memory, const struct sg_file *file, uint64_t offset,
                     const struct sg_bo *except) {
    for (uint32_t i = 0; i < memory->bo_slots; i++) {
        const struct sg_bo *bo = memory->bos[i];
        if (bo && bo != except && bo->file == file && bo->file_offset == offset)
            return true;
    }
    return false;
}

/* Ranges of freed objects that somebody still held. He returns the pages when he lets go, unless he
 * was a process that ended or a dmabuf that was closed; so ask again now and then. */
static void retry_limbo(struct sg_gpu *gpu) {
    uint32_t kept = 0;
    for (uint32_t i = 0; i < gpu->limbo_count; i++) {
        const struct sg_range range = gpu->limbo[i];
        if (!sg_range_release(gpu->bo_fd, range.offset, range.bytes))
            gpu->limbo[kept++] = range;
    }
    gpu->limbo_count = kept;
}

static void add_limbo(struct sg_gpu *gpu, uint64_t offset, uint64_t bytes) {
    struct sg_range *limbo = realloc(gpu->limbo, (gpu->limbo_count + 1) * sizeof *limbo);
    if (!limbo)
        return; /* the pages stay until this process ends */
    gpu->limbo = limbo;
    limbo[gpu->limbo_count++] = (struct sg_range){offset, bytes};
}

/* Ends an object's hold on its range. */
static void let_go(struct sg_bo *bo) {
    struct sg_memory *memory = &bo->gpu->kfd->memory;
    sg_bo_withdraw(bo);
    retry_limbo(bo->gpu);
    if (!sg_memory_holds(memory, bo->file, bo->file_offset, bo) &&
        !sg_range_release(sg_file_fd(bo->file), bo->file_offset, bo->backing) && !bo->is_import)
        add_limbo(bo->gpu, bo->file_offset, bo->backing);
    bo->file->objects--;
    sg_file_trim(&memory->files, bo->file);
}

static void unback(struct sg_bo *bo) {
    if (!sg_bo_in_file(bo) || !bo->host)
        return;
    if (bo->is_import)
        munmap(bo->host, bo->backing);
    else
        sg_window_unmap(&bo->gpu->windows, bo->host, bo->backing);
    if (bo->file)
        let_go(bo);
    else
        sg_range_discard(bo->gpu->bo_fd, bo->file_offset, bo->backing);
}

/* Finds or makes a free slot, lowest first. Returns its index or -ENOMEM. */
static int64_t free_slot(struct sg_memory *memory) {
    for (uint32_t i = memory->first_free; i < memory->bo_slots; i++) {
        if (!memory->bos[i])
            return i;
    }
    const uint32_t slots = memory->bo_slots ? memory->bo_slots * 2 : 64;
    struct sg_bo **bos = realloc(memory->bos, slots * sizeof(struct sg_bo *));
    if (!bos)
        return -ENOMEM;
    memset(bos + memory->bo_slots, 0, (slots - memory->bo_slots) * sizeof(struct sg_bo *));
    memory->bos = bos;
    const uint32_t first = memory->bo_slots;
    memory->bo_slots = slots;
    return first;
}

static int insert(struct sg_memory *memory, struct sg_bo *bo) {
    const int64_t slot = free_slot(memory);
    if (slot < 0)
        return (int)slot;
    bo->index = (uint32_t)slot;
    memory->bos[slot] = bo;
    memory->first_free = memory->newest = bo->index;
    memory->first_free++;
    return 0;
}

int sg_memory_import(const struct sg_bo *object, struct sg_bo **out_bo) {
    struct sg_memory *memory = &object->gpu->kfd->memory;
    struct sg_bo *bo = malloc(sizeof *bo);
    if (!bo) {
        struct sg_bo unborn = *object;
        let_go(&unborn);
        return -ENOMEM;
    }
    *bo = *object;
    int error = take_offset(bo->gpu, bo->backing, &bo->mmap_offset);
    if (!error) {
        bo->host = sg_file_map(sg_file_fd(bo->file), bo->file_offset, bo->backing);
        error = bo->host ? insert(memory, bo) : -ENOMEM;
    }
    if (error) {
        if (bo->host)
            munmap(bo->host, bo->backing);
        let_go(bo);
        free(bo);
        return error;
    }
    *out_bo = bo;
    return 0;
}

/* Of several domains the first of these counts, as in amdkfd. */
static uint32_t with_one_domain(uint32_t flags) {
    static const uint32_t order[] = {ABI_KFD_MEM_VRAM, ABI_KFD_MEM_GTT, ABI_KFD_MEM_USERPTR,
                                     ABI_KFD_MEM_DOORBELL, ABI_KFD_MEM_MMIO_REMAP};
    for (size_t i = 0; i < sizeof order / sizeof order[0]; i++) {
        if (flags & order[i])
            return (flags & ~DOMAINS) | order[i];
    }
    return flags;
}

static int check_alloc(const struct abi_kfd_alloc_memory *args) {
    const uint32_t domain = args->flags & DOMAINS;

    if (!args->size || !domain)
        return -EINVAL;
    if (domain & ABI_KFD_MEM_DOORBELL)
        return args->size == SG_KFD_DOORBELL_BYTES ? 0 : -EINVAL;
    if (domain & ABI_KFD_MEM_MMIO_REMAP)
        return args->size == SG_KFD_MMIO_BYTES ? 0 : -EINVAL;
    if (domain == ABI_KFD_MEM_USERPTR && (!args->mmap_offset || args->mmap_offset % PAGE_BYTES))
        return -EINVAL;
    return args->size > INT64_MAX ? -ENOMEM : 0;
}

static int new_bo(struct sg_kfd *kfd, struct sg_gpu *gpu, const struct abi_kfd_alloc_memory *args,
                  struct sg_bo **out_bo) {
    struct sg_memory *memory = &kfd->memory;
    struct sg_bo *bo = calloc(1, sizeof *bo);
    if (!bo)
        return -ENOMEM;
    bo->gpu = gpu;
    bo->va = args->va_addr;
    bo->bytes = round_up(args->size, PAGE_BYTES);
    bo->flags = with_one_domain(args->flags);
    bo->backing =
        bo->flags & ABI_KFD_MEM_AQL_QUEUE ? round_up(bo->bytes / 2, PAGE_BYTES) : bo->bytes;
    retry_limbo(gpu);
    int error = charge(kfd, bo);
    if (error)
        goto fail_charge;
    error = back(bo, args->mmap_offset);
    if (error)
        goto fail_back;
    error = insert(memory, bo);
    if (error)
        goto fail_insert;
    *out_bo = bo;
    return 0;

fail_insert:
    unback(bo);
fail_back:
    uncharge(memory, bo);
fail_charge:
    free(bo);
    return error;
}

int sg_memory_create(struct sg_gpu *gpu, const struct abi_kfd_alloc_memory *args,
                     struct sg_bo **out_bo) {
    const int error = check_alloc(args);
    if (error)
        return error;
    const int result = new_bo(gpu->kfd, gpu, args, out_bo);
    if (!result)
        (*out_bo)->is_gem = true;
    return result;
}

void sg_memory_delete(struct sg_bo *bo) {
    struct sg_memory *memory = &bo->gpu->kfd->memory;
    memory->bos[bo->index] = NULL;
    if (bo->index < memory->first_free)
        memory->first_free = bo->index;
    uncharge(memory, bo);
    unback(bo);
    free(bo);
}

int sg_ioctl_alloc_memory(struct sg_kfd *kfd, struct abi_kfd_alloc_memory *args) {
    struct sg_gpu *gpu = sg_gpu_find(kfd, args->gpu_id);
    struct sg_bo *bo;
    int error = gpu ? check_alloc(args) : -EINVAL;
    if (error)
        return error;

    pthread_mutex_lock(&kfd->memory.lock);
    error = new_bo(kfd, gpu, args, &bo);
    if (!error) {
        args->handle = sg_memory_handle(bo);
        if (sg_bo_in_file(bo))
            args->mmap_offset = bo->mmap_offset;
        else if (bo->flags & ABI_KFD_MEM_MMIO_REMAP)
            args->mmap_offset = ABI_KFD_MMAP_TYPE_MMIO | ABI_KFD_MMAP_GPU(gpu->id);
    }
    pthread_mutex_unlock(&kfd->memory.lock);
    return error;
}

void sg_memory_flush(struct sg_gpu *gpu, uint64_t va, uint64_t bytes) {
    if (gpu->cu)
        sg_cu_invalidate_code(gpu->cu, va, bytes);
    if (gpu->cp)
        sg_cp_drain(gpu->cp);
}

static int unmap_bo(struct sg_gpu *gpu, struct sg_bo *bo) {
    int error =
        bo->bytes > bo->backing ? sg_vm_unmap(gpu->vm, bo->va + bo->backing, bo->backing) : 0;
    if (error && error != -ENOENT) /* gone, where an earlier call got no further */
        return error;
    error = sg_vm_unmap(gpu->vm, bo->va, bo->backing);
    if (error)
        return error;
    bo->mapped &= ~(1u << gpu->index);
    sg_memory_flush(gpu, bo->va, bo->bytes);
    return 0;
}

static int map_bo(struct sg_gpu *gpu, struct sg_bo *bo) {
    const bool is_doorbell = bo->flags & ABI_KFD_MEM_DOORBELL;
    uint32_t flags = SG_VM_READ;
    flags |= (bo->flags & ABI_KFD_MEM_WRITABLE) && !is_doorbell ? SG_VM_WRITE : 0;
    flags |= bo->flags & ABI_KFD_MEM_EXECUTABLE ? SG_VM_EXEC : 0;
    flags |= bo->flags & ABI_KFD_MEM_COHERENT ? SG_VM_FINE : 0;
    flags |= bo->flags & ABI_KFD_MEM_USERPTR ? SG_VM_USERPTR : 0;
    flags |= is_doorbell ? SG_VM_DOORBELL : 0;

    if (bo->va % PAGE_BYTES || !bo->backing)
        return -EINVAL;
    sg_svm_forget(gpu->kfd, bo->va, bo->bytes);
    struct sg_vm_range range = {
        .va = bo->va, .bytes = bo->backing, .host = bo->host, .flags = flags};
    int error = sg_vm_map(gpu->vm, &range);
    if (!error && bo->bytes > bo->backing) {
        /* An AQL ring appears twice in a row, so that packets never wrap. */
        range.va += bo->backing;
        error = sg_vm_map(gpu->vm, &range);
        if (error)
            sg_vm_unmap(gpu->vm, bo->va, bo->backing);
    }
    bo->mapped |= error ? 0 : 1u << gpu->index;
    return error == -EEXIST ? -EINVAL : error;
}

int sg_ioctl_free_memory(struct sg_kfd *kfd, struct abi_kfd_free_memory *args) {
    struct sg_memory *memory = &kfd->memory;
    int error = 0;

    pthread_mutex_lock(&memory->lock);
    struct sg_bo *bo = sg_memory_find(memory, args->handle);
    if (!bo)
        error = -EINVAL;
    else if (bo->mapped || args->handle == memory->event_page_handle)
        error = -EBUSY;
    else
        sg_memory_delete(bo);
    pthread_mutex_unlock(&memory->lock);
    return error;
}

/* MAP and UNMAP differ only in what is done per device. */
static int for_each_device(struct sg_kfd *kfd, struct abi_kfd_map_memory *args,
                           int (*change)(struct sg_gpu *gpu, struct sg_bo *bo)) {
    if (!args->n_devices || args->n_success > args->n_devices)
        return -EINVAL;
    if (!sg_access_ok(args->device_ids_array_ptr, args->n_devices * sizeof(uint32_t)))
        return -EFAULT;
    if (!sg_gpu_find(kfd, (uint32_t)(args->handle >> 32)))
        return -EINVAL;
    const uint32_t *ids = (const uint32_t *)(uintptr_t)args->device_ids_array_ptr;
    int error = 0;

    pthread_mutex_lock(&kfd->memory.lock);
    struct sg_bo *bo = sg_memory_find(&kfd->memory, args->handle);
    if (!bo)
        error = -ENOMEM; /* amdkfd's choice, unlike FREE's */
    for (uint32_t i = args->n_success; i < args->n_devices && !error; i++) {
        struct sg_gpu *gpu = sg_gpu_find(kfd, ids[i]);
        error = gpu ? change(gpu, bo) : -EINVAL;
        if (!error)
            args->n_success = i + 1;
    }
    pthread_mutex_unlock(&kfd->memory.lock);
    return error;
}

static bool is_mapped(const struct sg_gpu *gpu, const struct sg_bo *bo) {
    return bo->mapped & 1u << gpu->index;
}

static void fill_hole(struct sg_gpu *gpu, struct sg_bo *bo) {
    if (bo->holes & 1u << gpu->index)
        sg_vm_unmap(gpu->vm, bo->va, bo->bytes);
    bo->holes &= ~(1u << gpu->index);
}

/* XNACK gives a GPU the application's memory, but not what is mapped for its peers alone. */
static void dig_holes(struct sg_kfd *kfd, struct sg_bo *bo) {
    for (uint32_t i = 0; i < kfd->config.gpu_count; i++) {
        struct sg_gpu *gpu = &kfd->gpus[i];
        const struct sg_vm_range hole = {.va = bo->va,
                                         .bytes = bo->bytes,
                                         .host = (uint8_t *)(uintptr_t)bo->va,
                                         .flags = SG_VM_USERPTR};
        fill_hole(gpu, bo);
        if (kfd->xnack && bo->mapped && !is_mapped(gpu, bo) && !sg_vm_map(gpu->vm, &hole))
            bo->holes |= 1u << i;
    }
}

static int map_on_device(struct sg_gpu *gpu, struct sg_bo *bo) {
    if (is_mapped(gpu, bo))
        return 0;
    fill_hole(gpu, bo);
    const int error = map_bo(gpu, bo);
    dig_holes(gpu->kfd, bo);
    return error;
}

static int unmap_on_device(struct sg_gpu *gpu, struct sg_bo *bo) {
    if (!is_mapped(gpu, bo))
        return -EINVAL;
    const int error = unmap_bo(gpu, bo);
    dig_holes(gpu->kfd, bo);
    return error;
}

int sg_ioctl_map_memory(struct sg_kfd *kfd, struct abi_kfd_map_memory *args) {
    return for_each_device(kfd, args, map_on_device);
}

int sg_ioctl_unmap_memory(struct sg_kfd *kfd, struct abi_kfd_map_memory *args) {
    return for_each_device(kfd, args, unmap_on_device);
}

int sg_ioctl_available_memory(struct sg_kfd *kfd, struct abi_kfd_available_memory *args) {
    const struct sg_gpu *gpu = sg_gpu_find(kfd, args->gpu_id);
    if (!gpu)
        return -EINVAL;
    pthread_mutex_lock(&kfd->memory.lock);
    args->available = kfd->config.vram_bytes - gpu->vram_used;
    pthread_mutex_unlock(&kfd->memory.lock);
    return 0;
}

int sg_kfd_mmap(struct sg_kfd *kfd, uint64_t offset, uint64_t bytes, uint64_t *out_file_offset) {
    for (uint32_t i = 0; i < kfd->config.gpu_count; i++) {
        const uint64_t gpu = ABI_KFD_MMAP_GPU(kfd->gpus[i].id);
        const uint64_t first = (uint64_t)i * SG_KFD_GPU_BYTES;
        if (offset == (ABI_KFD_MMAP_TYPE_DOORBELL | gpu) && bytes == SG_KFD_DOORBELL_BYTES)
            *out_file_offset = first + SG_KFD_DOORBELL_OFFSET;
        else if (offset == (ABI_KFD_MMAP_TYPE_MMIO | gpu) && bytes == SG_KFD_MMIO_BYTES)
            *out_file_offset = first + SG_KFD_MMIO_OFFSET;
        else
            continue;
        return 0;
    }
    return -EINVAL;
}

static bool is_mmap_of(const struct sg_bo *bo, const struct sg_gpu *gpu, uint64_t offset,
                       uint64_t bytes) {
    return bo && bo->gpu == gpu && sg_bo_in_file(bo) && offset - bo->mmap_offset < bo->backing &&
           bytes <= bo->backing - (offset - bo->mmap_offset);
}

/* The newest object first: it is mapped right after it was made. */
static const struct sg_bo *find_mmap(const struct sg_gpu *gpu, uint64_t offset, uint64_t bytes) {
    const struct sg_memory *memory = &gpu->kfd->memory;
    if (memory->bo_slots && is_mmap_of(memory->bos[memory->newest], gpu, offset, bytes))
        return memory->bos[memory->newest];
    for (uint32_t i = 0; i < memory->bo_slots; i++) {
        if (is_mmap_of(memory->bos[i], gpu, offset, bytes))
            return memory->bos[i];
    }
    return NULL;
}

int sg_kfd_drm_mmap(struct sg_gpu *gpu, uint64_t offset, uint64_t bytes, int *out_fd,
                    uint64_t *out_file_offset) {
    struct sg_memory *memory = &gpu->kfd->memory;

    pthread_mutex_lock(&memory->lock);
    const struct sg_bo *bo = find_mmap(gpu, offset, bytes);
    if (bo) {
        *out_fd = bo->is_import ? sg_file_fd(bo->file) : gpu->bo_fd;
        *out_file_offset = bo->file_offset + (offset - bo->mmap_offset);
    }
    pthread_mutex_unlock(&memory->lock);
    return bo ? 0 : -EINVAL;
}

int sg_kfd_mapped(struct sg_kfd *kfd, uint64_t file_offset, void *address, uint64_t bytes) {
    const uintptr_t start = (uintptr_t)address;
    struct sg_gpu *gpu = &kfd->gpus[file_offset / SG_KFD_GPU_BYTES];
    if (file_offset % SG_KFD_GPU_BYTES != SG_KFD_DOORBELL_OFFSET || !gpu->doorbell)
        return 0;
    pthread_mutex_lock(&kfd->memory.lock);
    if (!kfd->doorbell_high || start < kfd->doorbell_low)
        atomic_store(&kfd->doorbell_low, start);
    if (start + bytes > kfd->doorbell_high)
        atomic_store(&kfd->doorbell_high, start + bytes);
    const int error = sg_doorbell_mapped(gpu->doorbell, address, bytes);
    pthread_mutex_unlock(&kfd->memory.lock);
    return error;
}

bool sg_kfd_may_map_doorbells(const struct sg_kfd *kfd, const void *address, uint64_t bytes) {
    const uintptr_t start = (uintptr_t)address;
    return start < atomic_load(&kfd->doorbell_high) &&
           start + bytes > atomic_load(&kfd->doorbell_low);
}

void sg_kfd_unmapping(struct sg_kfd *kfd, const void *address, uint64_t bytes) {
    for (uint32_t i = 0; i < kfd->config.gpu_count; i++) {
        if (kfd->gpus[i].doorbell)
            sg_doorbell_unmapped(kfd->gpus[i].doorbell, address, bytes);
    }
}

void sg_kfd_set_bo_fd(struct sg_gpu *gpu, int fd) {
    pthread_mutex_lock(&gpu->kfd->memory.lock);
    gpu->bo_fd = fd;
    pthread_mutex_unlock(&gpu->kfd->memory.lock);
}

static void fini_gpu(struct sg_gpu *gpu) {
    free(gpu->limbo);
    if (gpu->doorbell_page)
        munmap(gpu->doorbell_page, SG_KFD_DOORBELL_BYTES);
    if (gpu->mmio_page)
        munmap(gpu->mmio_page, SG_KFD_MMIO_BYTES);
}

void sg_memory_fini(struct sg_kfd *kfd) {
    struct sg_memory *memory = &kfd->memory;
    for (uint32_t i = 0; i < kfd->config.gpu_count; i++)
        sg_gem_fini(&kfd->gpus[i]);
    for (uint32_t i = 0; i < memory->bo_slots; i++) {
        struct sg_bo *bo = memory->bos[i];
        if (!bo)
            continue;
        for (uint32_t j = 0; j < kfd->config.gpu_count; j++) {
            if (is_mapped(&kfd->gpus[j], bo))
                unmap_bo(&kfd->gpus[j], bo);
        }
        unback(bo);
        free(bo);
    }
    free(memory->bos);
    sg_svm_forget(kfd, 0, UINT64_MAX);
    free(memory->svm);
    for (uint32_t i = 0; i < kfd->config.gpu_count; i++)
        fini_gpu(&kfd->gpus[i]);
    pthread_mutex_destroy(&memory->lock);
}
