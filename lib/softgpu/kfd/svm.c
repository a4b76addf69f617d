/* SPDX-License-Identifier: MIT */
#include "softgpu/kfd/svm.h"
#include "softgpu/common/options.h"
#include "softgpu/kfd/internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

enum { PAGE_BYTES = 4096, DEFAULT_GRANULARITY = 9 };

static struct sg_svm_range defaults(const struct sg_kfd *kfd, uint64_t va, uint64_t bytes) {
    struct sg_svm_range range = {
        .va = va,
        .bytes = bytes,
        .flags = ABI_KFD_SVM_FLAG_HOST_ACCESS | ABI_KFD_SVM_FLAG_COHERENT,
        .preferred = ABI_KFD_SVM_LOCATION_UNKNOWN,
        .prefetch = ABI_KFD_SVM_LOCATION_UNKNOWN,
        .granularity = DEFAULT_GRANULARITY,
    };
    for (uint32_t i = 0; i < SG_GPU_LIMIT; i++)
        range.access[i] = kfd->xnack ? ABI_KFD_SVM_ACCESS : ABI_KFD_SVM_NO_ACCESS;
    return range;
}

static uint64_t end_of(const struct sg_svm_range *range) {
    return range->va + range->bytes;
}

/* Index of the first range that ends above `va`. */
static uint32_t first_above(const struct sg_memory *memory, uint64_t va) {
    uint32_t low = 0;
    uint32_t high = memory->svm_count;
    while (low < high) {
        const uint32_t middle = low + (high - low) / 2;
        if (end_of(&memory->svm[middle]) > va)
            high = middle;
        else
            low = middle + 1;
    }
    return low;
}

static uint32_t bit_of(const struct sg_gpu *gpu) {
    return 1u << gpu->index;
}

static void unmap(struct sg_gpu *gpu, struct sg_svm_range *range) {
    if (!(range->mapped & bit_of(gpu)))
        return;
    sg_vm_unmap(gpu->vm, range->va, range->bytes);
    range->mapped &= ~bit_of(gpu);
    if (gpu->cu)
        sg_cu_invalidate_code(gpu->cu, range->va, range->bytes);
    if (gpu->cp)
        sg_cp_drain(gpu->cp);
}

static void unmap_everywhere(struct sg_kfd *kfd, struct sg_svm_range *range) {
    for (uint32_t i = 0; i < kfd->config.gpu_count; i++)
        unmap(&kfd->gpus[i], range);
}

static int map(struct sg_gpu *gpu, struct sg_svm_range *range) {
    uint32_t flags = SG_VM_READ | SG_VM_USERPTR;
    flags |= range->flags & ABI_KFD_SVM_FLAG_GPU_RO ? 0 : SG_VM_WRITE;
    flags |= range->flags & ABI_KFD_SVM_FLAG_GPU_EXEC ? SG_VM_EXEC : 0;
    flags |= range->flags & ABI_KFD_SVM_FLAG_COHERENT ? SG_VM_FINE : 0;
    if (range->access[gpu->index] == ABI_KFD_SVM_NO_ACCESS)
        flags = SG_VM_USERPTR; /* a hole in what XNACK makes accessible */
    const struct sg_vm_range mapping = {
        .va = range->va,
        .bytes = range->bytes,
        .host = (uint8_t *)(uintptr_t)range->va,
        .flags = flags,
    };
    const int error = sg_vm_map(gpu->vm, &mapping);
    range->mapped |= error ? 0 : bit_of(gpu);
    return error;
}

/* Maps the range for those GPUs whose bit is set. */
static int map_on(struct sg_kfd *kfd, uint32_t gpus, struct sg_svm_range *range) {
    int error = 0;
    for (uint32_t i = 0; i < kfd->config.gpu_count; i++) {
        if (gpus & 1u << i)
            error = error ? error : map(&kfd->gpus[i], range);
    }
    return error;
}

static int reserve(struct sg_memory *memory, uint32_t more) {
    if (memory->svm_count + more <= memory->svm_room)
        return 0;
    const uint32_t room = memory->svm_room * 2 + more;
    struct sg_svm_range *svm = realloc(memory->svm, room * sizeof *svm);
    if (!svm)
        return -ENOMEM;
    memory->svm = svm;
    memory->svm_room = room;
    return 0;
}

/* Room must be there. */
static void insert(struct sg_memory *memory, uint32_t at, struct sg_svm_range range) {
    memmove(&memory->svm[at + 1], &memory->svm[at], (memory->svm_count - at) * sizeof *memory->svm);
    memory->svm[at] = range;
    memory->svm_count++;
}

/* Makes `va` a border between ranges. An inner border takes the range out of the address space;
 * the caller maps the pieces again. Room for one more must be there. */
static void split(struct sg_kfd *kfd, uint64_t va) {
    struct sg_memory *memory = &kfd->memory;
    const uint32_t at = first_above(memory, va);
    if (at == memory->svm_count || memory->svm[at].va >= va)
        return;
    struct sg_svm_range *range = &memory->svm[at];
    const uint32_t was_mapped = range->mapped;
    unmap_everywhere(kfd, range);
    struct sg_svm_range tail = *range;
    tail.va = va;
    tail.bytes = end_of(range) - va;
    range->bytes = va - range->va;
    insert(memory, at + 1, tail);
    map_on(kfd, was_mapped, &memory->svm[at]);
    map_on(kfd, was_mapped, &memory->svm[at + 1]);
}

void sg_svm_forget(struct sg_kfd *kfd, uint64_t va, uint64_t bytes) {
    struct sg_memory *memory = &kfd->memory;
    const uint64_t end = bytes > UINT64_MAX - va ? UINT64_MAX : va + bytes;
    const uint32_t first = first_above(memory, va);
    if (first == memory->svm_count || memory->svm[first].va >= end)
        return;
    if (!reserve(memory, 2)) {
        split(kfd, va);
        split(kfd, end);
    }
    const uint32_t from = first_above(memory, va);
    uint32_t to = from;
    while (to < memory->svm_count && memory->svm[to].va < end)
        unmap_everywhere(kfd, &memory->svm[to++]);
    memmove(&memory->svm[from], &memory->svm[to], (memory->svm_count - to) * sizeof *memory->svm);
    memory->svm_count -= to - from;
}

/* Splits at both ends and fills the holes in between, so that ranges cover [va, va + bytes). */
static int cover(struct sg_kfd *kfd, uint64_t va, uint64_t bytes) {
    struct sg_memory *memory = &kfd->memory;
    const uint64_t end = va + bytes;
    if (reserve(memory, 2))
        return -ENOMEM;
    split(kfd, va);
    split(kfd, end);
    for (uint64_t at = va; at < end;) {
        const uint32_t next = first_above(memory, at);
        uint64_t hole_end = end;
        if (next < memory->svm_count && memory->svm[next].va < end)
            hole_end = memory->svm[next].va;
        if (hole_end > at) {
            if (reserve(memory, 1))
                return -ENOMEM;
            insert(memory, next, defaults(kfd, at, hole_end - at));
            at = hole_end;
        } else {
            at = end_of(&memory->svm[next]);
        }
    }
    return 0;
}

static int check_attribute(struct sg_kfd *kfd, const struct abi_kfd_svm_attribute *attribute) {
    switch (attribute->type) {
    case ABI_KFD_SVM_PREFERRED_LOC:
        if (attribute->value == ABI_KFD_SVM_LOCATION_UNKNOWN)
            return 0;
        /* fall through */
    case ABI_KFD_SVM_PREFETCH_LOC:
        return attribute->value == ABI_KFD_SVM_LOCATION_SYSMEM || sg_gpu_find(kfd, attribute->value)
                   ? 0
                   : -EINVAL;
    case ABI_KFD_SVM_ACCESS:
    case ABI_KFD_SVM_ACCESS_IN_PLACE:
    case ABI_KFD_SVM_NO_ACCESS:
        return sg_gpu_find(kfd, attribute->value) ? 0 : -EINVAL;
    case ABI_KFD_SVM_SET_FLAGS:
    case ABI_KFD_SVM_CLR_FLAGS:
    case ABI_KFD_SVM_GRANULARITY:
        return 0;
    default:
        return -EINVAL;
    }
}

static void apply(struct sg_kfd *kfd, struct sg_svm_range *range,
                  const struct abi_kfd_svm_attribute *attribute) {
    const uint32_t value = attribute->value;
    switch (attribute->type) {
    case ABI_KFD_SVM_PREFERRED_LOC:
        range->preferred = value;
        break;
    case ABI_KFD_SVM_PREFETCH_LOC:
        range->prefetch = value;
        break;
    case ABI_KFD_SVM_SET_FLAGS:
        range->flags |= value;
        break;
    case ABI_KFD_SVM_CLR_FLAGS:
        range->flags &= ~value;
        break;
    case ABI_KFD_SVM_GRANULARITY:
        range->granularity = value < 0x3f ? value : 0x3f;
        break;
    default:
        range->access[sg_gpu_find(kfd, value)->index] = attribute->type;
    }
}

static int set_attributes(struct sg_kfd *kfd, const struct abi_kfd_svm *args) {
    struct sg_memory *memory = &kfd->memory;
    for (uint32_t i = 0; i < args->nattr; i++) {
        const int error = check_attribute(kfd, &args->attrs[i]);
        if (error)
            return error;
    }
    /* msync fails where a page of the range isn't mapped, and does nothing else. */
    if (msync((void *)(uintptr_t)args->start_addr, args->size, MS_ASYNC))
        return -EFAULT;
    int error = cover(kfd, args->start_addr, args->size);
    const uint64_t end = args->start_addr + args->size;
    for (uint32_t at = first_above(memory, args->start_addr);
         !error && at < memory->svm_count && memory->svm[at].va < end; at++) {
        struct sg_svm_range *range = &memory->svm[at];
        const struct sg_svm_range before = *range;
        for (uint32_t i = 0; i < args->nattr; i++)
            apply(kfd, range, &args->attrs[i]);
        for (uint32_t i = 0; i < kfd->config.gpu_count && !error; i++) {
            struct sg_gpu *gpu = &kfd->gpus[i];
            const bool wanted = range->access[i] != ABI_KFD_SVM_NO_ACCESS || kfd->xnack;
            if (!wanted || range->flags != before.flags || range->access[i] != before.access[i])
                unmap(gpu, range);
            if (wanted && !(range->mapped & bit_of(gpu)))
                error = map(gpu, range);
        }
    }
    /* A buffer object has the address: its pages are not the application's to share. */
    return error == -EEXIST ? -EADDRINUSE : error;
}

/* One attribute, combined over all pages of the range as amdkfd documents it. */
static void get_attribute(struct sg_kfd *kfd, const struct sg_svm_range *ranges, uint32_t count,
                          struct abi_kfd_svm_attribute *attribute) {
    struct sg_svm_range all = ranges[0];
    uint32_t any_flags = ranges[0].flags;
    for (uint32_t i = 1; i < count; i++) {
        all.flags &= ranges[i].flags;
        any_flags |= ranges[i].flags;
        if (ranges[i].preferred != all.preferred)
            all.preferred = ABI_KFD_SVM_LOCATION_UNKNOWN;
        if (ranges[i].prefetch != all.prefetch)
            all.prefetch = ABI_KFD_SVM_LOCATION_UNKNOWN;
        if (ranges[i].granularity < all.granularity)
            all.granularity = ranges[i].granularity;
        for (uint32_t j = 0; j < SG_GPU_LIMIT; j++) {
            if (ranges[i].access[j] > all.access[j])
                all.access[j] = ranges[i].access[j]; /* the weakest has the highest number */
        }
    }
    const uint32_t values[] = {
        [ABI_KFD_SVM_PREFERRED_LOC] = all.preferred, [ABI_KFD_SVM_PREFETCH_LOC] = all.prefetch,
        [ABI_KFD_SVM_SET_FLAGS] = all.flags,         [ABI_KFD_SVM_CLR_FLAGS] = ~any_flags,
        [ABI_KFD_SVM_GRANULARITY] = all.granularity,
    };
    if (attribute->type == ABI_KFD_SVM_ACCESS)
        attribute->type = all.access[sg_gpu_find(kfd, attribute->value)->index];
    else
        attribute->value = values[attribute->type];
}

static int get_attributes(struct sg_kfd *kfd, struct abi_kfd_svm *args) {
    struct sg_memory *memory = &kfd->memory;
    for (uint32_t i = 0; i < args->nattr; i++) {
        const uint32_t type = args->attrs[i].type;
        const bool access = type == ABI_KFD_SVM_ACCESS;
        if (type > ABI_KFD_SVM_GRANULARITY || type == ABI_KFD_SVM_ACCESS_IN_PLACE ||
            type == ABI_KFD_SVM_NO_ACCESS || (access && !sg_gpu_find(kfd, args->attrs[i].value)))
            return -EINVAL;
    }
    const uint32_t from = first_above(memory, args->start_addr);
    uint32_t to = from;
    while (to < memory->svm_count && memory->svm[to].va < args->start_addr + args->size)
        to++;
    const struct sg_svm_range unregistered = defaults(kfd, args->start_addr, args->size);
    for (uint32_t i = 0; i < args->nattr; i++)
        get_attribute(kfd, to > from ? &memory->svm[from] : &unregistered,
                      to > from ? to - from : 1, &args->attrs[i]);
    return 0;
}

static int svm_locked(struct sg_kfd *kfd, struct abi_kfd_svm *args) {
    if (args->start_addr % PAGE_BYTES || args->size % PAGE_BYTES || !args->start_addr ||
        !args->size || !sg_access_ok(args->start_addr, args->size))
        return -EINVAL;
    if (args->op == ABI_KFD_SVM_SET_ATTR)
        return set_attributes(kfd, args);
    return args->op == ABI_KFD_SVM_GET_ATTR ? get_attributes(kfd, args) : -EINVAL;
}

int sg_svm_ioctl(struct sg_kfd *kfd, unsigned long cmd, uint64_t user) {
    /* A copy, so that what was checked is what is done, whatever other threads write. */
    _Alignas(struct abi_kfd_svm) uint8_t copy[1u << _IOC_SIZEBITS];
    struct abi_kfd_svm *args = (struct abi_kfd_svm *)(void *)copy;

    if (sg_copy_in(copy, user, _IOC_SIZE(cmd)))
        return -EFAULT;
    if (_IOC_SIZE(cmd) < sizeof *args ||
        args->nattr > (_IOC_SIZE(cmd) - sizeof *args) / sizeof(struct abi_kfd_svm_attribute))
        return -EINVAL;
    pthread_mutex_lock(&kfd->memory.lock);
    const int result = svm_locked(kfd, args);
    pthread_mutex_unlock(&kfd->memory.lock);
    if (sg_trace_on(SG_TRACE_IOCTL))
        sg_trace_line("ioctl SVM va=%#llx size=%#llx op=%u attributes=%u = %d",
                      (unsigned long long)args->start_addr, (unsigned long long)args->size,
                      args->op, args->nattr, result);
    return sg_copy_out(user, copy, _IOC_SIZE(cmd)) ? -EFAULT : result;
}
