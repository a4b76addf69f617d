/* SPDX-License-Identifier: MIT */
/* The ioctls about the process and its GPU as a whole, and those that this GPU refuses. */
#include "softgpu/kfd/internal.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* Golden value of GB_ADDR_CONFIG for gfx90a: pipes, banks and shader engines of its memory map. */
enum { GB_ADDR_CONFIG = 0x2a114042 };
/* Rows of amdgpu's tables, which it fills up to gfx8. */
enum { TILE_MODES = 32, MACRO_TILE_MODES = 16 };

struct sg_kfd *sg_kfd_create(const struct sg_kfd_config *config) {
    struct sg_kfd *kfd = calloc(1, sizeof *kfd);
    if (!kfd)
        return NULL;
    kfd->config = *config;
    for (uint32_t i = 0; i < config->gpu_count; i++) {
        kfd->gpus[i] = (struct sg_gpu){.kfd = kfd,
                                       .index = i,
                                       .id = sg_gpu_id(i),
                                       .vm = config->gpus[i].vm,
                                       .bo_fd = config->gpus[i].bo_fd};
    }
    sg_smi_init(kfd);
    sg_events_init(&kfd->events);
    sg_queues_init(&kfd->queues);
    const int error = sg_memory_init(kfd);
    if (error) {
        sg_kfd_destroy(kfd);
        errno = -error;
        return NULL;
    }
    return kfd;
}

void sg_kfd_attach(struct sg_kfd *kfd, uint32_t index, struct sg_cp *cp, struct sg_cu *cu,
                   struct sg_doorbell *doorbell) {
    kfd->gpus[index].cp = cp;
    kfd->gpus[index].cu = cu;
    kfd->gpus[index].doorbell = doorbell;
}

struct sg_gpu *sg_kfd_gpu(struct sg_kfd *kfd, uint32_t index) {
    return &kfd->gpus[index];
}

struct sg_gpu *sg_gpu_find(struct sg_kfd *kfd, uint32_t gpu_id) {
    for (uint32_t i = 0; i < kfd->config.gpu_count; i++) {
        if (kfd->gpus[i].id == gpu_id)
            return &kfd->gpus[i];
    }
    return NULL;
}

void sg_kfd_destroy(struct sg_kfd *kfd) {
    if (!kfd)
        return;
    sg_queues_fini(kfd);
    sg_smi_fini(kfd);
    sg_memory_fini(kfd);
    sg_events_fini(&kfd->events);
    free(kfd);
}

void *sg_kfd_doorbell_page(struct sg_gpu *gpu) {
    return gpu->doorbell_page;
}

static int check_gpu(struct sg_kfd *kfd, uint32_t gpu_id) {
    return sg_gpu_find(kfd, gpu_id) ? 0 : -EINVAL;
}

int sg_ioctl_get_version(struct sg_kfd *kfd, struct abi_kfd_get_version *args) {
    (void)kfd;
    args->major_version = ABI_KFD_MAJOR;
    args->minor_version = ABI_KFD_MINOR;
    return 0;
}

int sg_ioctl_set_memory_policy(struct sg_kfd *kfd, struct abi_kfd_set_memory_policy *args) {
    if (args->default_policy > ABI_KFD_CACHE_NONCOHERENT ||
        args->alternate_policy > ABI_KFD_CACHE_NONCOHERENT)
        return -EINVAL;
    return check_gpu(kfd, args->gpu_id);
}

static uint64_t clock_ns(clockid_t clock) {
    struct timespec now;
    clock_gettime(clock, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

uint64_t sg_kfd_gpu_clock(void) {
    return clock_ns(CLOCK_BOOTTIME) / 10;
}

int sg_ioctl_get_clock_counters(struct sg_kfd *kfd, struct abi_kfd_get_clock_counters *args) {
    /* A node without GPU has no GPU clock, and that is not an error. */
    args->gpu_clock_counter = check_gpu(kfd, args->gpu_id) ? 0 : sg_kfd_gpu_clock();
    args->cpu_clock_counter = clock_ns(CLOCK_MONOTONIC_RAW);
    args->system_clock_counter = clock_ns(CLOCK_BOOTTIME);
    args->system_clock_freq = 1000000000;
    return 0;
}

/* The limit of GPUVM is exactly that of the CPU's addresses: ROCT then lets mmap choose addresses
 * and both sides use the same. LDS and scratch lie where gfx9 has them (amdkfd kfd_flat_memory.c).
 */
static struct abi_kfd_device_apertures apertures(const struct sg_gpu *gpu) {
    return (struct abi_kfd_device_apertures){
        .lds_base = 1ull << 48,
        .lds_limit = (1ull << 48) + 0xffffffff,
        .scratch_base = 2ull << 48,
        .scratch_limit = (2ull << 48) + 0xffffffff,
        .gpuvm_base = 0x1000000,
        .gpuvm_limit = 0x7fffffffffff,
        .gpu_id = gpu->id,
    };
}

int sg_ioctl_get_process_apertures(struct sg_kfd *kfd, struct abi_kfd_get_process_apertures *args) {
    /* The old call has room for so many, and says nothing of others. */
    const uint32_t room = sizeof args->process_apertures / sizeof args->process_apertures[0];
    const uint32_t count = kfd->config.gpu_count < room ? kfd->config.gpu_count : room;
    for (uint32_t i = 0; i < count; i++)
        args->process_apertures[i] = apertures(&kfd->gpus[i]);
    args->num_of_nodes = count;
    return 0;
}

int sg_ioctl_get_process_apertures_new(struct sg_kfd *kfd,
                                       struct abi_kfd_get_process_apertures_new *args) {
    const uint32_t count = kfd->config.gpu_count;
    struct abi_kfd_device_apertures all[SG_GPU_LIMIT];
    for (uint32_t i = 0; i < count; i++)
        all[i] = apertures(&kfd->gpus[i]);
    const uint32_t wanted = args->num_of_nodes < count ? args->num_of_nodes : count;
    if (wanted && sg_copy_out(args->kfd_process_device_apertures_ptr, all, wanted * sizeof all[0]))
        return -EFAULT;
    args->num_of_nodes = wanted ? wanted : count; /* asked with 0: only the number */
    return 0;
}

int sg_ioctl_set_scratch_backing_va(struct sg_kfd *kfd,
                                    struct abi_kfd_set_scratch_backing_va *args) {
    return check_gpu(kfd, args->gpu_id); /* AQL queues bring their own scratch */
}

/* The driver has its tables for gfx9 too, all zero. */
static int copy_tile_modes(uint64_t user, uint32_t *count, uint32_t rows) {
    static const uint32_t modes[TILE_MODES];
    *count = *count < rows ? *count : rows;
    return *count ? sg_copy_out(user, modes, *count * sizeof modes[0]) : 0;
}

int sg_ioctl_get_tile_config(struct sg_kfd *kfd, struct abi_kfd_get_tile_config *args) {
    if (check_gpu(kfd, args->gpu_id))
        return -EINVAL;
    args->gb_addr_config = GB_ADDR_CONFIG;
    args->num_banks = 0;
    args->num_ranks = 0;
    const int error = copy_tile_modes(args->tile_config_ptr, &args->num_tile_configs, TILE_MODES);
    return error ? error
                 : copy_tile_modes(args->macro_tile_config_ptr, &args->num_macro_tile_configs,
                                   MACRO_TILE_MODES);
}

int sg_ioctl_set_trap_handler(struct sg_kfd *kfd, struct abi_kfd_set_trap_handler *args) {
    return check_gpu(kfd, args->gpu_id); /* faults are reported by the packet processor itself */
}

int sg_ioctl_acquire_vm(struct sg_kfd *kfd, struct abi_kfd_acquire_vm *args) {
    const struct sg_gpu *gpu = sg_gpu_find(kfd, args->gpu_id);
    struct stat given;
    struct stat ours;
    if (!gpu || fstat((int)args->drm_fd, &given) || fstat(gpu->bo_fd, &ours))
        return -EINVAL;
    return given.st_dev == ours.st_dev && given.st_ino == ours.st_ino ? 0 : -EINVAL;
}

int sg_ioctl_set_xnack_mode(struct sg_kfd *kfd, struct abi_kfd_set_xnack_mode *args) {
    int result = 0;
    pthread_mutex_lock(&kfd->queues.lock);
    if (args->xnack_enabled < 0)
        args->xnack_enabled = kfd->xnack;
    else if (kfd->queues.count)
        result = -EBUSY;
    else if (args->xnack_enabled != kfd->xnack) {
        kfd->xnack = args->xnack_enabled;
        for (uint32_t i = 0; i < kfd->config.gpu_count; i++)
            sg_vm_set_pageable(kfd->gpus[i].vm, kfd->xnack);
    }
    pthread_mutex_unlock(&kfd->queues.lock);
    return result;
}

int sg_ioctl_runtime_enable(struct sg_kfd *kfd, struct abi_kfd_runtime_enable *args) {
    /* No debugger can attach: ROCr then gets errors by the queue's inactive signal. */
    atomic_store(&kfd->r_debug, args->r_debug);
    return -EINVAL;
}

int sg_ioctl_dbg_trap_old(struct sg_kfd *kfd, struct abi_kfd_dbg_trap_old *args) {
    if (args->op == ABI_KFD_DBG_TRAP_OLD_RUNTIME_ENABLE)
        atomic_store(&kfd->r_debug, args->ptr);
    return -EINVAL;
}

/* As the debugger's calls end where no process is being debugged. */
int sg_ioctl_dbg_trap(struct sg_kfd *kfd, struct abi_kfd_dbg_trap *args) {
    (void)kfd;
    if (args->pid == (uint32_t)getpid())
        return -EINVAL;
    return args->pid && args->pid <= INT32_MAX && !kill((pid_t)args->pid, 0) ? -EPERM : -ESRCH;
}

/* What amdkfd refuses, or what no Linux without the DKMS driver has. */
#define REFUSED(handler, type, error)                                                              \
    int sg_ioctl_##handler(struct sg_kfd *kfd, struct type *args) {                                \
        (void)kfd;                                                                                 \
        (void)args;                                                                                \
        return error;                                                                              \
    }
REFUSED(dbg_register, abi_kfd_dbg_register, -EPERM)
REFUSED(dbg_unregister, abi_kfd_dbg_register, -EPERM)
REFUSED(dbg_address_watch, abi_kfd_dbg_buffer, -EPERM)
REFUSED(dbg_wave_control, abi_kfd_dbg_buffer, -EPERM)
REFUSED(criu_op, abi_kfd_criu, -EACCES) /* needs CAP_CHECKPOINT_RESTORE */
