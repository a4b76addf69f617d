/* SPDX-License-Identifier: MIT */
#include "softgpu/kfd/doorbell.h"
#include "softgpu/kfd/internal.h"
#include "softgpu/kfd/symbols.h"

#include <errno.h>
#include <string.h>

/* The kernel's own error number for "not supported", which it lets out here. */
enum { KERNEL_ENOTSUPP = 524 };
enum { CU_MASK_LIMIT = 1024 };

void sg_queues_init(struct sg_queues *queues) {
    pthread_mutex_init(&queues->lock, NULL);
}

static struct sg_queue *find(struct sg_queues *queues, uint32_t id) {
    if (id >= SG_QUEUE_LIMIT || !queues->table[id].cp)
        return NULL;
    return &queues->table[id];
}

static bool is_sdma(uint32_t type) {
    return type == ABI_KFD_QUEUE_SDMA || type == ABI_KFD_QUEUE_SDMA_XGMI;
}

/* What amdkfd checks for CREATE and UPDATE alike. */
static int check_properties(uint32_t percentage, uint32_t priority, uint64_t ring,
                            uint32_t ring_size) {
    if (percentage > ABI_KFD_MAX_QUEUE_PERCENTAGE || priority > ABI_KFD_MAX_QUEUE_PRIORITY)
        return -EINVAL;
    if (ring && !sg_access_ok(ring, ring_size))
        return -EFAULT;
    return ring_size & (ring_size - 1) ? -EINVAL : 0;
}

static int check_create(struct sg_kfd *kfd, const struct abi_kfd_create_queue *args) {
    const int error = check_properties(args->queue_percentage, args->queue_priority,
                                       args->ring_base_address, args->ring_size);
    if (error)
        return error;
    if (!sg_access_ok(args->read_pointer_address, sizeof(uint32_t)) ||
        !sg_access_ok(args->write_pointer_address, sizeof(uint32_t)))
        return -EFAULT;
    if (args->eop_buffer_address && !sg_access_ok(args->eop_buffer_address, sizeof(uint32_t)))
        return -EFAULT;
    if (args->ctx_save_restore_address &&
        !sg_access_ok(args->ctx_save_restore_address, sizeof(uint32_t)))
        return -EFAULT;
    if (args->queue_type > ABI_KFD_QUEUE_SDMA_XGMI)
        return -KERNEL_ENOTSUPP;
    return sg_gpu_find(kfd, args->gpu_id) ? 0 : -EINVAL;
}

static int free_id(const struct sg_queues *queues) {
    for (int id = 0; id < SG_QUEUE_LIMIT; id++) {
        if (!queues->table[id].cp)
            return id;
    }
    return -ENOMEM;
}

static int create_locked(struct sg_kfd *kfd, struct abi_kfd_create_queue *args) {
    static const enum sg_cp_queue_type types[] = {
        [ABI_KFD_QUEUE_COMPUTE] = SG_CP_QUEUE_PM4,
        [ABI_KFD_QUEUE_SDMA] = SG_CP_QUEUE_SDMA,
        [ABI_KFD_QUEUE_COMPUTE_AQL] = SG_CP_QUEUE_AQL,
        [ABI_KFD_QUEUE_SDMA_XGMI] = SG_CP_QUEUE_SDMA,
    };
    struct sg_queues *queues = &kfd->queues;
    struct sg_gpu *gpu = sg_gpu_find(kfd, args->gpu_id);
    const int id = free_id(queues);

    /* gfx90a's MI210 has two SDMA engines with eight queues each and none for XGMI. */
    if (id < 0 || (is_sdma(args->queue_type) && gpu->sdma_count == SG_SDMA_QUEUE_LIMIT) ||
        args->queue_type == ABI_KFD_QUEUE_SDMA_XGMI)
        return -ENOMEM;
    struct sg_queue queue = {
        .gpu = gpu,
        .type = args->queue_type,
        .doorbell_index = (uint32_t)id,
        .percentage = args->queue_percentage,
    };
    const struct sg_cp_queue_config config = {
        .type = types[args->queue_type],
        .queue_id = (uint32_t)id,
        .ring_va = args->ring_base_address,
        .ring_bytes = args->ring_size,
        .read_ptr_va = args->read_pointer_address,
        .write_ptr_va = args->write_pointer_address,
        .priority = args->queue_priority,
        .percentage = args->queue_percentage,
        .doorbell_index = queue.doorbell_index,
    };
    if (!atomic_load(&kfd->r_debug))
        atomic_store(&kfd->r_debug, sg_symbols_list()); /* now ROCr is there */
    const int error = sg_cp_queue_create(gpu->cp, &config, &queue.cp);
    if (error)
        return error;
    queues->table[id] = queue;
    queues->count++;
    gpu->sdma_count += is_sdma(queue.type);
    if (gpu->doorbell)
        sg_doorbell_bind(gpu->doorbell, queue.doorbell_index, queue.cp);
    args->queue_id = (uint32_t)id;
    args->doorbell_offset = (ABI_KFD_MMAP_TYPE_DOORBELL | ABI_KFD_MMAP_GPU(gpu->id)) +
                            queue.doorbell_index * sizeof(uint64_t);
    return 0;
}

int sg_ioctl_create_queue(struct sg_kfd *kfd, struct abi_kfd_create_queue *args) {
    int error = check_create(kfd, args);
    if (error)
        return error;
    pthread_mutex_lock(&kfd->queues.lock);
    error = create_locked(kfd, args);
    pthread_mutex_unlock(&kfd->queues.lock);
    return error;
}

static void destroy_locked(struct sg_kfd *kfd, struct sg_queue *queue) {
    struct sg_gpu *gpu = queue->gpu;
    /* First the doorbell, so that nobody rings a queue that is going away. */
    if (gpu->doorbell)
        sg_doorbell_unbind(gpu->doorbell, queue->doorbell_index);
    sg_cp_queue_destroy(queue->cp);
    kfd->queues.count--;
    gpu->sdma_count -= is_sdma(queue->type);
    memset(queue, 0, sizeof *queue);
}

int sg_ioctl_destroy_queue(struct sg_kfd *kfd, struct abi_kfd_destroy_queue *args) {
    pthread_mutex_lock(&kfd->queues.lock);
    struct sg_queue *queue = find(&kfd->queues, args->queue_id);
    if (queue)
        destroy_locked(kfd, queue);
    pthread_mutex_unlock(&kfd->queues.lock);
    return queue ? 0 : -EINVAL;
}

int sg_ioctl_update_queue(struct sg_kfd *kfd, struct abi_kfd_update_queue *args) {
    int error = check_properties(args->queue_percentage, args->queue_priority,
                                 args->ring_base_address, args->ring_size);
    if (error)
        return error;
    pthread_mutex_lock(&kfd->queues.lock);
    struct sg_queue *queue = find(&kfd->queues, args->queue_id);
    error = queue ? sg_cp_queue_update(queue->cp, args->ring_base_address, args->ring_size,
                                       args->queue_priority, args->queue_percentage)
                  : -EFAULT; /* amdkfd's choice, unlike DESTROY's */
    if (!error)
        queue->percentage = args->queue_percentage;
    pthread_mutex_unlock(&kfd->queues.lock);
    return error;
}

int sg_ioctl_set_cu_mask(struct sg_kfd *kfd, struct abi_kfd_set_cu_mask *args) {
    uint32_t mask[CU_MASK_LIMIT / 32];
    if (args->num_cu_mask % 32 || !args->num_cu_mask)
        return -EINVAL;
    /* More bits than any GPU has are cut, as in amdkfd. */
    const uint32_t bits = args->num_cu_mask < CU_MASK_LIMIT ? args->num_cu_mask : CU_MASK_LIMIT;
    if (sg_copy_in(mask, args->cu_mask_ptr, bits / 8))
        return -EFAULT;

    pthread_mutex_lock(&kfd->queues.lock);
    struct sg_queue *queue = find(&kfd->queues, args->queue_id);
    const int error = queue ? sg_cp_queue_set_cu_mask(queue->cp, mask, bits) : -EFAULT;
    pthread_mutex_unlock(&kfd->queues.lock);
    return error;
}

int sg_ioctl_get_queue_wave_state(struct sg_kfd *kfd, struct abi_kfd_get_queue_wave_state *args) {
    int error = 0;
    pthread_mutex_lock(&kfd->queues.lock);
    const struct sg_queue *queue = find(&kfd->queues, args->queue_id);
    if (!queue)
        error = -EFAULT;
    else if (is_sdma(queue->type) || queue->percentage)
        error = -EINVAL; /* only a suspended compute queue has saved waves */
    pthread_mutex_unlock(&kfd->queues.lock);
    /* A preempted kernel's waves stay in the device, nothing is written to the save area. */
    args->ctl_stack_used_size = 0;
    args->save_area_used_size = 0;
    return error;
}

int sg_ioctl_alloc_queue_gws(struct sg_kfd *kfd, struct abi_kfd_alloc_queue_gws *args) {
    struct sg_queues *queues = &kfd->queues;
    int error = 0;

    pthread_mutex_lock(&queues->lock);
    struct sg_queue *queue = find(queues, args->queue_id);
    bool taken = false;
    for (uint32_t id = 0; id < SG_QUEUE_LIMIT; id++)
        taken |= queue && queues->table[id].gpu == queue->gpu && queues->table[id].has_gws;
    if (!queue || (!args->num_gws && !taken))
        error = -EINVAL;
    else if (args->num_gws && taken)
        error = -EBUSY; /* one queue of a process on each GPU */
    else
        queue->has_gws = args->num_gws;
    pthread_mutex_unlock(&queues->lock);
    args->first_gws = 0;
    return error;
}

void sg_queues_fini(struct sg_kfd *kfd) {
    for (uint32_t id = 0; id < SG_QUEUE_LIMIT; id++) {
        struct sg_queue *queue = find(&kfd->queues, id);
        if (queue)
            destroy_locked(kfd, queue);
    }
    pthread_mutex_destroy(&kfd->queues.lock);
}
