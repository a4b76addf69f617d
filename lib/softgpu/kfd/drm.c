/* SPDX-License-Identifier: MIT */
#include "abi/drm.h"
#include "softgpu/common/options.h"
#include "softgpu/kfd/gem.h"
#include "softgpu/kfd/internal.h"
#include "softgpu/kfd/topology.h"

#include <errno.h>
#include <string.h>
#include <sys/ioctl.h>

/* amdgpu's versions: the one whose interface is answered here. */
enum { DRM_MAJOR = 3, DRM_MINOR = 52 };
/* The largest argument is GEM_METADATA with 288 bytes. */
enum { ARGUMENT_BYTES = 320 };
enum { MMR_LIMIT = 128 };

/* As the kernel's drm_copy_field: at most as much as there is room, and always the full length. */
static int copy_field(uint64_t user, uint64_t *length, const char *value) {
    const uint64_t room = *length;
    *length = strlen(value);
    if (!room || !user)
        return 0;
    return sg_copy_out(user, value, room < *length ? room : *length);
}

static int version(struct sg_gpu *gpu, void *argument) {
    (void)gpu;
    struct abi_drm_version *args = argument;
    args->version_major = DRM_MAJOR;
    args->version_minor = DRM_MINOR;
    args->version_patchlevel = 0;
    int error = copy_field(args->name, &args->name_len, "amdgpu");
    if (!error)
        error = copy_field(args->date, &args->date_len, "20150101");
    return error ? error : copy_field(args->desc, &args->desc_len, "AMD GPU");
}

static int get_cap(struct sg_gpu *gpu, void *argument) {
    (void)gpu;
    struct abi_drm_get_cap *args = argument;
    /* Buffers can be passed on (3: both ways); there is no display. */
    args->value = args->capability == ABI_DRM_CAP_PRIME ? 3 : 0;
    return 0;
}

static struct abi_amdgpu_dev_info dev_info(const struct sg_kfd *kfd) {
    struct sg_gpu_shape shape;
    sg_topology_shape(kfd->config.cu_count, &shape);
    struct abi_amdgpu_dev_info info = {
        .device_id = SG_PCI_DEVICE,
        .external_rev = 0x3c,
        .pci_rev = SG_PCI_REVISION,
        .family = ABI_AMDGPU_FAMILY_AI,
        .num_shader_engines = shape.engines,
        .num_shader_arrays_per_engine = 1,
        .gpu_counter_freq = 100000,
        .max_engine_clock = SG_ENGINE_MHZ * 1000,
        .max_memory_clock = SG_MEMORY_MHZ * 1000,
        .cu_active_number = shape.cus,
        .virtual_address_offset = 2 << 20,
        .virtual_address_max = 0x800000000000,
        .virtual_address_alignment = 4096,
        .pte_fragment_size = 2 << 20,
        .gart_page_size = 4096,
        .vram_type = ABI_AMDGPU_VRAM_TYPE_HBM,
        .vram_bit_width = SG_MEMORY_BITS,
        .wave_front_size = 64,
        .num_shader_visible_vgprs = 512,
        .num_cu_per_sh = shape.cus_per_engine,
        .num_tcc_blocks = 32,
        .high_va_offset = 0xffff800000000000,
        .high_va_max = 0xffffffffffe00000,
    };
    uint32_t left = shape.cus;
    for (uint32_t i = 0; i < shape.engines; i++) {
        const uint32_t here = left < shape.cus_per_engine ? left : shape.cus_per_engine;
        info.cu_bitmap[i % 4][i / 4] = (1u << here) - 1;
        left -= here;
    }
    return info;
}

static struct abi_amdgpu_memory memory_info(const struct sg_gpu *gpu) {
    struct sg_kfd *kfd = gpu->kfd;
    pthread_mutex_lock(&kfd->memory.lock);
    const uint64_t vram_used = gpu->vram_used;
    const uint64_t gtt_used = kfd->memory.system_used;
    pthread_mutex_unlock(&kfd->memory.lock);
    const uint64_t vram = kfd->config.vram_bytes;
    const uint64_t gtt = kfd->config.ram_bytes / SG_GTT_LIMIT_DIVISOR;
    const struct abi_amdgpu_heap vram_heap = {vram, vram, vram_used, vram / 4 * 3};
    const struct abi_amdgpu_heap gtt_heap = {gtt, gtt, gtt_used, gtt / 4 * 3};
    return (struct abi_amdgpu_memory){vram_heap, vram_heap, gtt_heap};
}

uint64_t sg_kfd_live(struct sg_kfd *kfd, uint32_t index, enum sg_live live) {
    const struct abi_amdgpu_memory memory = memory_info(sg_kfd_gpu(kfd, index));
    return live == SG_LIVE_VRAM_USED ? memory.vram.heap_usage : memory.gtt.heap_usage;
}

static int answer(const struct abi_amdgpu_info *args, const void *data, uint64_t bytes) {
    return sg_copy_out(args->return_pointer, data,
                       bytes < args->return_size ? bytes : args->return_size);
}

static int read_registers(const struct abi_amdgpu_info *args) {
    static const uint32_t zeros[MMR_LIMIT];
    const uint32_t count = args->read_mmr_reg.count;
    return count > MMR_LIMIT ? -EINVAL : answer(args, zeros, count * sizeof zeros[0]);
}

static int info(struct sg_gpu *gpu, void *argument) {
    const struct abi_amdgpu_info *args = argument;
    const uint64_t zeros[16] = {0};
    const struct abi_amdgpu_memory memory = memory_info(gpu);

    if (!args->return_size || !args->return_pointer)
        return -EINVAL;
    switch (args->query) {
    case ABI_AMDGPU_INFO_ACCEL_WORKING:
        return answer(args, &(uint32_t){1}, sizeof(uint32_t));
    case ABI_AMDGPU_INFO_TIMESTAMP:
        return answer(args, &(uint64_t){sg_kfd_gpu_clock()}, sizeof(uint64_t));
    case ABI_AMDGPU_INFO_VRAM_USAGE:
    case ABI_AMDGPU_INFO_VIS_VRAM_USAGE:
        return answer(args, &memory.vram.heap_usage, sizeof(uint64_t));
    case ABI_AMDGPU_INFO_GTT_USAGE:
        return answer(args, &memory.gtt.heap_usage, sizeof(uint64_t));
    case ABI_AMDGPU_INFO_VRAM_GTT: {
        const struct abi_amdgpu_vram_gtt sizes = {
            memory.vram.total_heap_size, memory.vram.total_heap_size, memory.gtt.total_heap_size};
        return answer(args, &sizes, sizeof sizes);
    }
    case ABI_AMDGPU_INFO_MEMORY:
        return answer(args, &memory, sizeof memory);
    case ABI_AMDGPU_INFO_READ_MMR_REG:
        return read_registers(args);
    case ABI_AMDGPU_INFO_DEV_INFO: {
        const struct abi_amdgpu_dev_info device = dev_info(gpu->kfd);
        return answer(args, &device, sizeof device);
    }
    case ABI_AMDGPU_INFO_HW_IP_INFO:
    case ABI_AMDGPU_INFO_HW_IP_COUNT:
    case ABI_AMDGPU_INFO_FW_VERSION:
    case ABI_AMDGPU_INFO_NUM_BYTES_MOVED:
    case ABI_AMDGPU_INFO_GDS_CONFIG:
    case ABI_AMDGPU_INFO_NUM_EVICTIONS:
        return answer(args, zeros, sizeof zeros); /* no graphics rings, no such firmware */
    default:
        return -EINVAL;
    }
}

#define ROW(name, type, handler)                                                                   \
    { ABI_DRM_##name, sizeof(type), #name, handler, false }
#define GEM(name, type, handler)                                                                   \
    { ABI_DRM_##name, sizeof(type), #name, handler, true }
static const struct {
    uint32_t nr;
    uint32_t bytes;
    const char *name;
    int (*call)(struct sg_gpu *gpu, void *argument);
    bool is_locked; /* wants memory.lock held */
} calls[] = {
    ROW(VERSION, struct abi_drm_version, version),
    ROW(GET_CAP, struct abi_drm_get_cap, get_cap),
    ROW(AMDGPU_INFO, struct abi_amdgpu_info, info),
    GEM(GEM_CLOSE, struct abi_drm_gem_close, sg_gem_close),
    GEM(PRIME_HANDLE_TO_FD, struct abi_drm_prime_handle, sg_gem_to_fd),
    GEM(PRIME_FD_TO_HANDLE, struct abi_drm_prime_handle, sg_gem_from_fd),
    GEM(AMDGPU_GEM_CREATE, struct abi_amdgpu_gem_create, sg_gem_create),
    GEM(AMDGPU_GEM_MMAP, union abi_amdgpu_gem_mmap, sg_gem_mmap),
    GEM(AMDGPU_GEM_METADATA, struct abi_amdgpu_gem_metadata, sg_gem_metadata),
    GEM(AMDGPU_GEM_WAIT_IDLE, struct abi_amdgpu_gem_wait_idle, sg_gem_wait_idle),
    GEM(AMDGPU_GEM_VA, struct abi_amdgpu_gem_va, sg_gem_va),
    GEM(AMDGPU_GEM_OP, struct abi_amdgpu_gem_op, sg_gem_op),
    GEM(AMDGPU_GEM_USERPTR, struct abi_amdgpu_gem_userptr, sg_gem_userptr),
};

static void trace(const char *name, bool is_info, const void *args, int result) {
    if (is_info)
        sg_trace_line("ioctl DRM_%s query=%#x = %d", name,
                      ((const struct abi_amdgpu_info *)args)->query, result);
    else
        sg_trace_line("ioctl DRM_%s = %d", name, result);
}

int sg_kfd_drm_ioctl(struct sg_gpu *gpu, unsigned long cmd, void *arg) {
    const uint64_t user = (uint64_t)(uintptr_t)arg;
    _Alignas(16) uint8_t args[ARGUMENT_BYTES] = {0};

    for (size_t i = 0; i < sizeof calls / sizeof calls[0]; i++) {
        if (calls[i].nr != _IOC_NR(cmd))
            continue;
        const uint64_t bytes = _IOC_SIZE(cmd) < calls[i].bytes ? _IOC_SIZE(cmd) : calls[i].bytes;
        if ((_IOC_DIR(cmd) & _IOC_WRITE) && sg_copy_in(args, user, bytes))
            return -EFAULT;
        if (calls[i].is_locked)
            pthread_mutex_lock(&gpu->kfd->memory.lock);
        int result = calls[i].call(gpu, args);
        if (calls[i].is_locked)
            pthread_mutex_unlock(&gpu->kfd->memory.lock);
        if ((_IOC_DIR(cmd) & _IOC_READ) && sg_copy_out(user, args, bytes))
            result = -EFAULT;
        if (sg_trace_on(SG_TRACE_IOCTL))
            trace(calls[i].name, calls[i].call == info, args, result);
        return result;
    }
    return -EINVAL;
}
