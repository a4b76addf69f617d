/* SPDX-License-Identifier: MIT */
/// The part of the DRM and amdgpu ioctl interface that a compute-only render node answers.
///
/// Own definitions, so that the software GPU builds without libdrm's headers; a unit test compares
/// them with <libdrm/amdgpu_drm.h>. Source: Linux uapi drm.h and amdgpu_drm.h.
#ifndef HSP_ABI_DRM_H
#define HSP_ABI_DRM_H

#include <assert.h>
#include <stddef.h>
#include <stdint.h>

#define ABI_DRM_IOC_TYPE    'd'
#define ABI_DMABUF_IOC_TYPE 'b' ///< of the descriptor of one buffer object (linux/dma-buf.h)

enum { ABI_DRM_MAJOR = 226, ABI_DRM_RENDER_MINOR = 128, ABI_DRM_CARD_MINOR = 0 };

enum abi_drm_nr {
    ABI_DRM_VERSION = 0x00,
    ABI_DRM_GEM_CLOSE = 0x09,
    ABI_DRM_GET_CAP = 0x0c,
    ABI_DRM_SET_CLIENT_CAP = 0x0d,
    ABI_DRM_PRIME_HANDLE_TO_FD = 0x2d,
    ABI_DRM_PRIME_FD_TO_HANDLE = 0x2e,
    ABI_DRM_AMDGPU_GEM_CREATE = 0x40,
    ABI_DRM_AMDGPU_GEM_MMAP = 0x41,
    ABI_DRM_AMDGPU_INFO = 0x45, ///< DRM_COMMAND_BASE 0x40 + DRM_AMDGPU_INFO 5
    ABI_DRM_AMDGPU_GEM_METADATA = 0x46,
    ABI_DRM_AMDGPU_GEM_WAIT_IDLE = 0x47,
    ABI_DRM_AMDGPU_GEM_VA = 0x48,
    ABI_DRM_AMDGPU_GEM_OP = 0x50,
    ABI_DRM_AMDGPU_GEM_USERPTR = 0x51,
};

struct abi_drm_gem_close {
    uint32_t handle;
    uint32_t pad;
};
static_assert(sizeof(struct abi_drm_gem_close) == 8, "uapi");

struct abi_drm_prime_handle {
    uint32_t handle;
    uint32_t flags; ///< O_CLOEXEC, O_RDWR
    int32_t fd;
};
static_assert(sizeof(struct abi_drm_prime_handle) == 12, "uapi");

enum { ABI_AMDGPU_DOMAIN_CPU = 1, ABI_AMDGPU_DOMAIN_GTT = 2, ABI_AMDGPU_DOMAIN_VRAM = 4 };

/// GEM_CREATE's argument; of what comes out, the handle is the first half of `size`.
struct abi_amdgpu_gem_create {
    uint64_t size;
    uint64_t alignment;
    uint64_t domains;
    uint64_t domain_flags;
};
static_assert(sizeof(struct abi_amdgpu_gem_create) == 32, "uapi");

union abi_amdgpu_gem_mmap {
    uint32_t handle;
    uint64_t offset; ///< out
};
static_assert(sizeof(union abi_amdgpu_gem_mmap) == 8, "uapi");

enum { ABI_AMDGPU_METADATA_SET = 1, ABI_AMDGPU_METADATA_GET = 2 };

struct abi_amdgpu_gem_metadata {
    uint32_t handle;
    uint32_t op;
    uint64_t flags;
    uint64_t tiling_info;
    uint32_t data_size_bytes;
    uint32_t data[64];
};
static_assert(sizeof(struct abi_amdgpu_gem_metadata) == 288, "uapi");

/// What comes out: status (0: idle) and domain instead of the first two.
struct abi_amdgpu_gem_wait_idle {
    uint32_t handle;
    uint32_t flags;
    uint64_t timeout;
};
static_assert(sizeof(struct abi_amdgpu_gem_wait_idle) == 16, "uapi");

enum { ABI_AMDGPU_VA_MAP = 1, ABI_AMDGPU_VA_UNMAP = 2 };
enum {
    ABI_AMDGPU_VA_READABLE = 1 << 1,
    ABI_AMDGPU_VA_WRITEABLE = 1 << 2,
    ABI_AMDGPU_VA_EXECUTABLE = 1 << 3,
    ABI_AMDGPU_VA_MTYPE_MASK = 0xf << 5,
};

struct abi_amdgpu_gem_va {
    uint32_t handle;
    uint32_t pad;
    uint32_t operation;
    uint32_t flags;
    uint64_t va_address;
    uint64_t offset_in_bo;
    uint64_t map_size;
};
static_assert(sizeof(struct abi_amdgpu_gem_va) == 40, "uapi");

enum { ABI_AMDGPU_GEM_OP_GET_CREATE_INFO = 0 };

struct abi_amdgpu_gem_op {
    uint32_t handle;
    uint32_t op;
    uint64_t value; ///< address of a struct abi_amdgpu_gem_create
};
static_assert(sizeof(struct abi_amdgpu_gem_op) == 16, "uapi");

struct abi_amdgpu_gem_userptr {
    uint64_t addr;
    uint64_t size;
    uint32_t flags;
    uint32_t handle; ///< out
};
static_assert(sizeof(struct abi_amdgpu_gem_userptr) == 24, "uapi");

struct abi_drm_version {
    int32_t version_major; ///< out
    int32_t version_minor; ///< out
    int32_t version_patchlevel;
    int32_t pad;
    uint64_t name_len; ///< in: room; out: length
    uint64_t name;
    uint64_t date_len;
    uint64_t date;
    uint64_t desc_len;
    uint64_t desc;
};
static_assert(sizeof(struct abi_drm_version) == 64, "uapi");

enum { ABI_DRM_CAP_PRIME = 5 };

struct abi_drm_get_cap {
    uint64_t capability;
    uint64_t value; ///< out
};
static_assert(sizeof(struct abi_drm_get_cap) == 16, "uapi");

enum abi_amdgpu_info_query {
    ABI_AMDGPU_INFO_ACCEL_WORKING = 0x00,
    ABI_AMDGPU_INFO_HW_IP_INFO = 0x02,
    ABI_AMDGPU_INFO_HW_IP_COUNT = 0x03,
    ABI_AMDGPU_INFO_TIMESTAMP = 0x05,
    ABI_AMDGPU_INFO_FW_VERSION = 0x0e,
    ABI_AMDGPU_INFO_NUM_BYTES_MOVED = 0x0f,
    ABI_AMDGPU_INFO_VRAM_USAGE = 0x10,
    ABI_AMDGPU_INFO_GTT_USAGE = 0x11,
    ABI_AMDGPU_INFO_GDS_CONFIG = 0x13,
    ABI_AMDGPU_INFO_VRAM_GTT = 0x14,
    ABI_AMDGPU_INFO_READ_MMR_REG = 0x15,
    ABI_AMDGPU_INFO_DEV_INFO = 0x16,
    ABI_AMDGPU_INFO_VIS_VRAM_USAGE = 0x17,
    ABI_AMDGPU_INFO_NUM_EVICTIONS = 0x18,
    ABI_AMDGPU_INFO_MEMORY = 0x19,
};

struct abi_amdgpu_info {
    uint64_t return_pointer;
    uint32_t return_size;
    uint32_t query;
    union {
        struct {
            uint32_t dword_offset;
            uint32_t count;
            uint32_t instance;
            uint32_t flags;
        } read_mmr_reg;
        uint32_t words[4];
    };
};
static_assert(sizeof(struct abi_amdgpu_info) == 32, "uapi");

struct abi_amdgpu_heap {
    uint64_t total_heap_size;
    uint64_t usable_heap_size;
    uint64_t heap_usage;
    uint64_t max_allocation;
};

struct abi_amdgpu_memory {
    struct abi_amdgpu_heap vram;
    struct abi_amdgpu_heap cpu_accessible_vram;
    struct abi_amdgpu_heap gtt;
};
static_assert(sizeof(struct abi_amdgpu_memory) == 96, "uapi");

struct abi_amdgpu_vram_gtt {
    uint64_t vram_size;
    uint64_t vram_cpu_accessible_size;
    uint64_t gtt_size;
};

enum { ABI_AMDGPU_FAMILY_AI = 141, ABI_AMDGPU_VRAM_TYPE_HBM = 6 };

/// All of it up to Linux 5.x; what later kernels appended is not answered.
struct abi_amdgpu_dev_info {
    uint32_t device_id;
    uint32_t chip_rev;
    uint32_t external_rev;
    uint32_t pci_rev;
    uint32_t family;
    uint32_t num_shader_engines;
    uint32_t num_shader_arrays_per_engine;
    uint32_t gpu_counter_freq; ///< kHz
    uint64_t max_engine_clock; ///< kHz
    uint64_t max_memory_clock; ///< kHz
    uint32_t cu_active_number;
    uint32_t cu_ao_mask;
    uint32_t cu_bitmap[4][4];
    uint32_t enabled_rb_pipes_mask;
    uint32_t num_rb_pipes;
    uint32_t num_hw_gfx_contexts;
    uint32_t pad;
    uint64_t ids_flags;
    uint64_t virtual_address_offset;
    uint64_t virtual_address_max;
    uint32_t virtual_address_alignment;
    uint32_t pte_fragment_size;
    uint32_t gart_page_size;
    uint32_t ce_ram_size;
    uint32_t vram_type;
    uint32_t vram_bit_width;
    uint32_t vce_harvest_config;
    uint32_t gc_double_offchip_lds_buf;
    uint64_t ngg_buffers[4];
    uint32_t ngg_sizes[4];
    uint32_t wave_front_size;
    uint32_t num_shader_visible_vgprs;
    uint32_t num_cu_per_sh;
    uint32_t num_tcc_blocks;
    uint32_t gs_vgt_table_depth;
    uint32_t gs_prim_buffer_depth;
    uint32_t max_gs_waves_per_vgt;
    uint32_t pad1;
    uint32_t cu_ao_bitmap[4][4];
    uint64_t high_va_offset;
    uint64_t high_va_max;
};
static_assert(offsetof(struct abi_amdgpu_dev_info, wave_front_size) == 240, "uapi");

#endif
