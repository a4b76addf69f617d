/* SPDX-License-Identifier: MIT */
/// The amdkfd ioctl interface: numbers, argument structs, flags, mmap offsets.
///
/// Our own definitions, because Debian 12's <linux/kfd_ioctl.h> needs a <drm/drm.h> that no package
/// installs and ends at ioctl 0x23. Layouts: Linux uapi kfd_ioctl.h (0x01 to 0x26) and ROCT 5.2.3's
/// copy of it (0x80 to 0x82). A unit test compares them with the system's header.
///
/// amdkfd looks at the number of a command only; user space may pass a shorter or a longer struct
/// than the driver knows (the size is part of the command).
#ifndef HSP_ABI_KFD_H
#define HSP_ABI_KFD_H

#include <assert.h>
#include <stddef.h>
#include <stdint.h>

#define ABI_KFD_IOC_TYPE 'K'

enum { ABI_KFD_MAJOR = 1, ABI_KFD_MINOR = 14 };

enum abi_kfd_nr {
    ABI_KFD_GET_VERSION = 0x01,
    ABI_KFD_CREATE_QUEUE = 0x02,
    ABI_KFD_DESTROY_QUEUE = 0x03,
    ABI_KFD_SET_MEMORY_POLICY = 0x04,
    ABI_KFD_GET_CLOCK_COUNTERS = 0x05,
    ABI_KFD_GET_PROCESS_APERTURES = 0x06,
    ABI_KFD_UPDATE_QUEUE = 0x07,
    ABI_KFD_CREATE_EVENT = 0x08,
    ABI_KFD_DESTROY_EVENT = 0x09,
    ABI_KFD_SET_EVENT = 0x0a,
    ABI_KFD_RESET_EVENT = 0x0b,
    ABI_KFD_WAIT_EVENTS = 0x0c,
    ABI_KFD_DBG_REGISTER = 0x0d,
    ABI_KFD_DBG_UNREGISTER = 0x0e,
    ABI_KFD_DBG_ADDRESS_WATCH = 0x0f,
    ABI_KFD_DBG_WAVE_CONTROL = 0x10,
    ABI_KFD_SET_SCRATCH_BACKING_VA = 0x11,
    ABI_KFD_GET_TILE_CONFIG = 0x12,
    ABI_KFD_SET_TRAP_HANDLER = 0x13,
    ABI_KFD_GET_PROCESS_APERTURES_NEW = 0x14,
    ABI_KFD_ACQUIRE_VM = 0x15,
    ABI_KFD_ALLOC_MEMORY_OF_GPU = 0x16,
    ABI_KFD_FREE_MEMORY_OF_GPU = 0x17,
    ABI_KFD_MAP_MEMORY_TO_GPU = 0x18,
    ABI_KFD_UNMAP_MEMORY_FROM_GPU = 0x19,
    ABI_KFD_SET_CU_MASK = 0x1a,
    ABI_KFD_GET_QUEUE_WAVE_STATE = 0x1b,
    ABI_KFD_GET_DMABUF_INFO = 0x1c,
    ABI_KFD_IMPORT_DMABUF = 0x1d,
    ABI_KFD_ALLOC_QUEUE_GWS = 0x1e,
    ABI_KFD_SMI_EVENTS = 0x1f,
    ABI_KFD_SVM = 0x20,
    ABI_KFD_SET_XNACK_MODE = 0x21,
    ABI_KFD_CRIU_OP = 0x22,
    ABI_KFD_AVAILABLE_MEMORY = 0x23,
    ABI_KFD_EXPORT_DMABUF = 0x24,
    ABI_KFD_RUNTIME_ENABLE = 0x25,
    ABI_KFD_DBG_TRAP = 0x26,
    ABI_KFD_IPC_IMPORT_HANDLE = 0x80,
    ABI_KFD_IPC_EXPORT_HANDLE = 0x81,
    ABI_KFD_DBG_TRAP_OLD = 0x82,
    ABI_KFD_NR_LIMIT = 0x83,
};

/// Each pointer is a 64-bit user address. "in" is read by the driver, "out" written.
struct abi_kfd_get_version {
    uint32_t major_version; ///< out
    uint32_t minor_version; ///< out
};
static_assert(sizeof(struct abi_kfd_get_version) == 8, "uapi");

enum abi_kfd_queue_type {
    ABI_KFD_QUEUE_COMPUTE = 0,
    ABI_KFD_QUEUE_SDMA = 1,
    ABI_KFD_QUEUE_COMPUTE_AQL = 2,
    ABI_KFD_QUEUE_SDMA_XGMI = 3,
};

enum { ABI_KFD_MAX_QUEUE_PERCENTAGE = 100, ABI_KFD_MAX_QUEUE_PRIORITY = 15 };

struct abi_kfd_create_queue {
    uint64_t ring_base_address;
    uint64_t write_pointer_address;
    uint64_t read_pointer_address;
    uint64_t doorbell_offset; ///< out
    uint32_t ring_size;
    uint32_t gpu_id;
    uint32_t queue_type;
    uint32_t queue_percentage;
    uint32_t queue_priority;
    uint32_t queue_id; ///< out
    uint64_t eop_buffer_address;
    uint64_t eop_buffer_size;
    uint64_t ctx_save_restore_address;
    uint32_t ctx_save_restore_size;
    uint32_t ctl_stack_size;
    uint32_t sdma_engine_id; ///< since 6.13; older callers pass 88 bytes
    uint32_t pad;
};
static_assert(sizeof(struct abi_kfd_create_queue) == 96, "uapi");
static_assert(offsetof(struct abi_kfd_create_queue, sdma_engine_id) == 88, "uapi");

struct abi_kfd_destroy_queue {
    uint32_t queue_id;
    uint32_t pad;
};
static_assert(sizeof(struct abi_kfd_destroy_queue) == 8, "uapi");

struct abi_kfd_update_queue {
    uint64_t ring_base_address;
    uint32_t queue_id;
    uint32_t ring_size;
    uint32_t queue_percentage;
    uint32_t queue_priority;
};
static_assert(sizeof(struct abi_kfd_update_queue) == 24, "uapi");

struct abi_kfd_set_cu_mask {
    uint32_t queue_id;
    uint32_t num_cu_mask; ///< bits, a multiple of 32
    uint64_t cu_mask_ptr;
};
static_assert(sizeof(struct abi_kfd_set_cu_mask) == 16, "uapi");

struct abi_kfd_get_queue_wave_state {
    uint64_t ctl_stack_address;
    uint32_t ctl_stack_used_size; ///< out
    uint32_t save_area_used_size; ///< out
    uint32_t queue_id;
    uint32_t pad;
};
static_assert(sizeof(struct abi_kfd_get_queue_wave_state) == 24, "uapi");

enum { ABI_KFD_CACHE_COHERENT = 0, ABI_KFD_CACHE_NONCOHERENT = 1 };

struct abi_kfd_set_memory_policy {
    uint64_t alternate_aperture_base;
    uint64_t alternate_aperture_size;
    uint32_t gpu_id;
    uint32_t default_policy;
    uint32_t alternate_policy;
    uint32_t pad;
};
static_assert(sizeof(struct abi_kfd_set_memory_policy) == 32, "uapi");

struct abi_kfd_get_clock_counters {
    uint64_t gpu_clock_counter;    ///< out
    uint64_t cpu_clock_counter;    ///< out: CLOCK_MONOTONIC_RAW, ns
    uint64_t system_clock_counter; ///< out: CLOCK_BOOTTIME, ns
    uint64_t system_clock_freq;    ///< out: Hz
    uint32_t gpu_id;
    uint32_t pad;
};
static_assert(sizeof(struct abi_kfd_get_clock_counters) == 40, "uapi");

struct abi_kfd_device_apertures {
    uint64_t lds_base;
    uint64_t lds_limit;
    uint64_t scratch_base;
    uint64_t scratch_limit;
    uint64_t gpuvm_base;
    uint64_t gpuvm_limit;
    uint32_t gpu_id;
    uint32_t pad;
};
static_assert(sizeof(struct abi_kfd_device_apertures) == 56, "uapi");

enum { ABI_KFD_OLD_APERTURES = 7 };

struct abi_kfd_get_process_apertures {
    struct abi_kfd_device_apertures process_apertures[ABI_KFD_OLD_APERTURES]; ///< out
    uint32_t num_of_nodes;                                                    ///< out
    uint32_t pad;
};
static_assert(sizeof(struct abi_kfd_get_process_apertures) == 400, "uapi");

struct abi_kfd_get_process_apertures_new {
    uint64_t kfd_process_device_apertures_ptr;
    uint32_t num_of_nodes; ///< in and out
    uint32_t pad;
};
static_assert(sizeof(struct abi_kfd_get_process_apertures_new) == 16, "uapi");

enum abi_kfd_event_type {
    ABI_KFD_EVENT_SIGNAL = 0,
    ABI_KFD_EVENT_NODECHANGE = 1,
    ABI_KFD_EVENT_DEVICESTATECHANGE = 2,
    ABI_KFD_EVENT_HW_EXCEPTION = 3,
    ABI_KFD_EVENT_SYSTEM_EVENT = 4,
    ABI_KFD_EVENT_DEBUG_EVENT = 5,
    ABI_KFD_EVENT_PROFILE_EVENT = 6,
    ABI_KFD_EVENT_QUEUE_EVENT = 7,
    ABI_KFD_EVENT_MEMORY = 8,
};

enum { ABI_KFD_WAIT_COMPLETE = 0, ABI_KFD_WAIT_TIMEOUT = 1, ABI_KFD_WAIT_FAIL = 2 };
enum { ABI_KFD_SIGNAL_EVENT_LIMIT = 4096 };
/// Events that have no slot in the event page get ids from here (amdkfd: INT_MAX / 2 + 1).
#define ABI_KFD_FIRST_NONSIGNAL_EVENT 0x40000000u
#define ABI_KFD_TIMEOUT_INFINITE      0xffffffffu

struct abi_kfd_create_event {
    uint64_t event_page_offset;  ///< in: handle of the event page; out: not 0 if there is a slot
    uint32_t event_trigger_data; ///< out
    uint32_t event_type;
    uint32_t auto_reset;
    uint32_t node_id;
    uint32_t event_id;         ///< out
    uint32_t event_slot_index; ///< out
};
static_assert(sizeof(struct abi_kfd_create_event) == 32, "uapi");

/// DESTROY_EVENT, SET_EVENT, RESET_EVENT.
struct abi_kfd_event_id {
    uint32_t event_id;
    uint32_t pad;
};
static_assert(sizeof(struct abi_kfd_event_id) == 8, "uapi");

struct abi_kfd_memory_exception {
    uint32_t not_present;
    uint32_t read_only;
    uint32_t no_execute;
    uint32_t imprecise;
    uint64_t va;
    uint32_t gpu_id;
    uint32_t error_type;
};
static_assert(sizeof(struct abi_kfd_memory_exception) == 32, "uapi");

struct abi_kfd_event_data {
    union {
        struct abi_kfd_memory_exception memory; ///< out, for MEMORY events
        /// in and out, for SIGNAL events since 1.14: how often the event was set when the caller
        /// saw it last, plus 1; 0: he doesn't care, nothing is written.
        uint64_t last_event_age;
    };
    uint64_t event_data_ext;
    uint32_t event_id; ///< in
    uint32_t pad;
};
static_assert(sizeof(struct abi_kfd_event_data) == 48, "uapi");

struct abi_kfd_wait_events {
    uint64_t events_ptr; ///< struct abi_kfd_event_data[num_events]
    uint32_t num_events;
    uint32_t wait_for_all;
    uint32_t timeout;     ///< ms; rewritten when a signal interrupts the wait
    uint32_t wait_result; ///< out
};
static_assert(sizeof(struct abi_kfd_wait_events) == 24, "uapi");

/// DBG_REGISTER and DBG_UNREGISTER; the two other retired calls are refused unread.
struct abi_kfd_dbg_register {
    uint32_t gpu_id;
    uint32_t pad;
};
static_assert(sizeof(struct abi_kfd_dbg_register) == 8, "uapi");

struct abi_kfd_dbg_buffer {
    uint64_t content_ptr;
    uint32_t gpu_id;
    uint32_t buf_size_in_bytes;
};
static_assert(sizeof(struct abi_kfd_dbg_buffer) == 16, "uapi");

struct abi_kfd_set_scratch_backing_va {
    uint64_t va_addr;
    uint32_t gpu_id;
    uint32_t pad;
};
static_assert(sizeof(struct abi_kfd_set_scratch_backing_va) == 16, "uapi");

struct abi_kfd_get_tile_config {
    uint64_t tile_config_ptr;
    uint64_t macro_tile_config_ptr;
    uint32_t num_tile_configs;       ///< in and out
    uint32_t num_macro_tile_configs; ///< in and out
    uint32_t gpu_id;
    uint32_t gb_addr_config; ///< out
    uint32_t num_banks;      ///< out
    uint32_t num_ranks;      ///< out
};
static_assert(sizeof(struct abi_kfd_get_tile_config) == 40, "uapi");

struct abi_kfd_set_trap_handler {
    uint64_t tba_addr;
    uint64_t tma_addr;
    uint32_t gpu_id;
    uint32_t pad;
};
static_assert(sizeof(struct abi_kfd_set_trap_handler) == 24, "uapi");

struct abi_kfd_acquire_vm {
    uint32_t drm_fd;
    uint32_t gpu_id;
};
static_assert(sizeof(struct abi_kfd_acquire_vm) == 8, "uapi");

#define ABI_KFD_MEM_VRAM          (1u << 0)
#define ABI_KFD_MEM_GTT           (1u << 1)
#define ABI_KFD_MEM_USERPTR       (1u << 2)
#define ABI_KFD_MEM_DOORBELL      (1u << 3)
#define ABI_KFD_MEM_MMIO_REMAP    (1u << 4)
#define ABI_KFD_MEM_UNCACHED      (1u << 25)
#define ABI_KFD_MEM_COHERENT      (1u << 26)
#define ABI_KFD_MEM_AQL_QUEUE     (1u << 27)
#define ABI_KFD_MEM_NO_SUBSTITUTE (1u << 28)
#define ABI_KFD_MEM_PUBLIC        (1u << 29)
#define ABI_KFD_MEM_EXECUTABLE    (1u << 30)
#define ABI_KFD_MEM_WRITABLE      (1u << 31)

struct abi_kfd_alloc_memory {
    uint64_t va_addr;
    uint64_t size;
    uint64_t handle;      ///< out
    uint64_t mmap_offset; ///< in: address of a user pointer; out: where to mmap the render node
    uint32_t gpu_id;
    uint32_t flags;
};
static_assert(sizeof(struct abi_kfd_alloc_memory) == 40, "uapi");

struct abi_kfd_free_memory {
    uint64_t handle;
};
static_assert(sizeof(struct abi_kfd_free_memory) == 8, "uapi");

/// MAP_MEMORY_TO_GPU and UNMAP_MEMORY_FROM_GPU.
struct abi_kfd_map_memory {
    uint64_t handle;
    uint64_t device_ids_array_ptr;
    uint32_t n_devices;
    uint32_t n_success; ///< in and out
};
static_assert(sizeof(struct abi_kfd_map_memory) == 24, "uapi");

struct abi_kfd_alloc_queue_gws {
    uint32_t queue_id;
    uint32_t num_gws;
    uint32_t first_gws; ///< out
    uint32_t pad;
};
static_assert(sizeof(struct abi_kfd_alloc_queue_gws) == 16, "uapi");

struct abi_kfd_get_dmabuf_info {
    uint64_t size; ///< out
    uint64_t metadata_ptr;
    uint32_t metadata_size; ///< in and out
    uint32_t gpu_id;        ///< out
    uint32_t flags;         ///< out
    uint32_t dmabuf_fd;
};
static_assert(sizeof(struct abi_kfd_get_dmabuf_info) == 32, "uapi");

struct abi_kfd_import_dmabuf {
    uint64_t va_addr;
    uint64_t handle; ///< out
    uint32_t gpu_id;
    uint32_t dmabuf_fd;
};
static_assert(sizeof(struct abi_kfd_import_dmabuf) == 24, "uapi");

struct abi_kfd_export_dmabuf {
    uint64_t handle;
    uint32_t flags;
    uint32_t dmabuf_fd; ///< out
};
static_assert(sizeof(struct abi_kfd_export_dmabuf) == 16, "uapi");

/// What the descriptor reports, one line of text per event: its number in hexadecimal, then what
/// belongs to it. A mask of 64 bits written to it (bit: number - 1) chooses; at first nothing.
enum abi_kfd_smi_event {
    ABI_KFD_SMI_VMFAULT = 1,
    ABI_KFD_SMI_PAGE_FAULT_END = 8,
    ABI_KFD_SMI_UNMAP_FROM_GPU = 11,
};
#define ABI_KFD_SMI_MASK(event) (1ull << ((event)-1))

struct abi_kfd_smi_events {
    uint32_t gpuid;
    uint32_t anon_fd; ///< out
};
static_assert(sizeof(struct abi_kfd_smi_events) == 8, "uapi");

enum { ABI_KFD_SVM_SET_ATTR = 0, ABI_KFD_SVM_GET_ATTR = 1 };

enum abi_kfd_svm_attr {
    ABI_KFD_SVM_PREFERRED_LOC = 0,
    ABI_KFD_SVM_PREFETCH_LOC = 1,
    ABI_KFD_SVM_ACCESS = 2,
    ABI_KFD_SVM_ACCESS_IN_PLACE = 3,
    ABI_KFD_SVM_NO_ACCESS = 4,
    ABI_KFD_SVM_SET_FLAGS = 5,
    ABI_KFD_SVM_CLR_FLAGS = 6,
    ABI_KFD_SVM_GRANULARITY = 7,
};

#define ABI_KFD_SVM_FLAG_HOST_ACCESS 0x01u
#define ABI_KFD_SVM_FLAG_COHERENT    0x02u
#define ABI_KFD_SVM_FLAG_GPU_RO      0x08u
#define ABI_KFD_SVM_FLAG_GPU_EXEC    0x10u
#define ABI_KFD_SVM_FLAG_ALL         0x3fu
#define ABI_KFD_SVM_LOCATION_SYSMEM  0u
#define ABI_KFD_SVM_LOCATION_UNKNOWN 0xffffffffu

struct abi_kfd_svm_attribute {
    uint32_t type;
    uint32_t value;
};

/// Followed by `nattr` attributes, which count in the size that the command carries.
struct abi_kfd_svm {
    uint64_t start_addr;
    uint64_t size;
    uint32_t op;
    uint32_t nattr;
    struct abi_kfd_svm_attribute attrs[];
};
static_assert(sizeof(struct abi_kfd_svm) == 24, "uapi");

struct abi_kfd_set_xnack_mode {
    int32_t xnack_enabled; ///< in: below 0 asks only; out: the mode
};
static_assert(sizeof(struct abi_kfd_set_xnack_mode) == 4, "uapi");

struct abi_kfd_criu {
    uint64_t devices;
    uint64_t bos;
    uint64_t priv_data;
    uint64_t priv_data_size;
    uint32_t num_devices;
    uint32_t num_bos;
    uint32_t num_objects;
    uint32_t pid;
    uint32_t op;
};
static_assert(sizeof(struct abi_kfd_criu) == 56, "uapi");

struct abi_kfd_available_memory {
    uint64_t available; ///< out: bytes
    uint32_t gpu_id;
    uint32_t pad;
};
static_assert(sizeof(struct abi_kfd_available_memory) == 16, "uapi");

struct abi_kfd_runtime_enable {
    uint64_t r_debug;
    uint32_t mode_mask;
    uint32_t capabilities_mask;
};
static_assert(sizeof(struct abi_kfd_runtime_enable) == 16, "uapi");

struct abi_kfd_dbg_trap {
    uint32_t pid;
    uint32_t op;
    uint64_t data[3];
};
static_assert(sizeof(struct abi_kfd_dbg_trap) == 32, "uapi");

struct abi_kfd_ipc_import_handle {
    uint64_t handle; ///< out
    uint64_t va_addr;
    uint64_t mmap_offset; ///< out
    uint32_t share_handle[4];
    uint32_t gpu_id;
    uint32_t flags; ///< out
};
static_assert(sizeof(struct abi_kfd_ipc_import_handle) == 48, "uapi");

struct abi_kfd_ipc_export_handle {
    uint64_t handle;
    uint32_t share_handle[4]; ///< out
    uint32_t gpu_id;
    uint32_t flags;
};
static_assert(sizeof(struct abi_kfd_ipc_export_handle) == 32, "uapi");

/// Operation that hands over the loader's r_debug (ROCT 5.2.3's DBG_TRAP only).
enum { ABI_KFD_DBG_TRAP_OLD_RUNTIME_ENABLE = 13 };

struct abi_kfd_dbg_trap_old {
    uint64_t exception_mask;
    uint64_t ptr;
    uint32_t pid;
    uint32_t op;
    uint32_t data1;
    uint32_t data2;
    uint32_t data3;
    uint32_t data4;
};
static_assert(sizeof(struct abi_kfd_dbg_trap_old) == 40, "uapi");

/// Offsets for mmap of /dev/kfd: type in bits 62-63, GPU id in bits 46-61 (amdkfd, kfd_priv.h). The
/// low 32 bits are 0 before a doorbell's offset in its page is added; ROCT relies on that.
#define ABI_KFD_MMAP_TYPE_SHIFT    62
#define ABI_KFD_MMAP_TYPE_MASK     (3ull << ABI_KFD_MMAP_TYPE_SHIFT)
#define ABI_KFD_MMAP_TYPE_DOORBELL (3ull << ABI_KFD_MMAP_TYPE_SHIFT)
#define ABI_KFD_MMAP_TYPE_EVENTS   (2ull << ABI_KFD_MMAP_TYPE_SHIFT)
#define ABI_KFD_MMAP_TYPE_MMIO     (0ull << ABI_KFD_MMAP_TYPE_SHIFT)
#define ABI_KFD_MMAP_GPU_SHIFT     46
#define ABI_KFD_MMAP_GPU(gpu_id)   ((uint64_t)(gpu_id) << ABI_KFD_MMAP_GPU_SHIFT)

#endif
